/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The value of the ordinary key "features", as Proxmox reads it when it generates the config. */

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

#define PHX_PVE_KEY_FEATURES "features"

/* Why Proxmox cannot read the value: it generates no config then, and the container does not start
 * or keeps the config of its last start. */
enum phx_pve_features_fault {
        PHX_PVE_FEATURES_GOOD,
        PHX_PVE_FEATURES_BOOLEAN,  /* neither 1, on, yes, true nor 0, off, no, false */
        PHX_PVE_FEATURES_MOUNT,    /* no list of file systems */
        PHX_PVE_FEATURES_NO_VALUE, /* a word without '=', or nothing beside it */
        PHX_PVE_FEATURES_TWICE,
        PHX_PVE_FEATURES_UNKNOWN, /* a later Proxmox may know the feature */
};

struct phx_pve_features {
        bool force_rw_sys;
        bool fuse;
        bool keyctl;
        bool mknod;
        bool nesting;
        const char *mount; /* file systems, between any of "; "; NULL without: borrowed */
        size_t mount_size;
        enum phx_pve_features_fault fault; /* the first; the features before it are set */
        const char *word;                  /* that has the fault: borrowed */
        size_t word_size;
};

/* SIZE bytes without a line feed; what is returned points into them. */
struct phx_pve_features phx_pve_features_parse(const char *value, size_t size);

/* The same as Proxmox writes it itself: in the order of the names, those that are on. Adds nothing
 * when none is. 0 or -ENOMEM. */
int phx_pve_features_render(const struct phx_pve_features *features, struct phx_buffer *value);

/* Steps through the file systems of MOUNT: false at the end. *OFFSET begins at 0. */
bool phx_pve_features_next_mount(
                const struct phx_pve_features *features,
                size_t *offset,
                const char **ret_name,
                size_t *ret_size);
