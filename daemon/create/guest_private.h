/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Shared by guest.c and guest_watch.c. */

#include <stddef.h>
#include <stdint.h>

#include "create/guest.h"
#include "create/guest_record.h"
#include "create/guest_text.h"
#include "pve/guests.h"
#include "pve/replace.h"

struct guest {
        const struct guest_host *host;
        int records_fd; /* locked */
        struct guest_record record;
        bool is_prepared; /* the clone has its lines */
        uint64_t looked;
        int holder; /* of Proxmox's lock, while the config is the empty one of WRITTEN */
        long long written;
        uint64_t held_since;
};

/* 1 when it is there, 0 when this node has none of this id. */
int guest_read(const struct guest *guest,
               uint32_t id,
               struct phx_pve_config *ret_config,
               struct phx_error *error);
/* When the config was written; 0 when that is not known, or it has not this size; SIZE 0: any. */
long long guest_written(const struct guest *guest, uint32_t id, size_t size);
/* One try: 1 when it was written, 0 when it was right or is as good as gone, -EAGAIN when it
 * changed meanwhile. */
int guest_edit_once(
                struct guest *guest,
                enum guest_stage stage,
                const struct phx_pve_config *config,
                struct phx_error *error);

/* To be called again and again while a container is created from a template: notes when Proxmox
 * wrote the empty config. */
void guest_watch_create(void *guest);
/* Likewise of a clone: edits its config before it is unlocked, and notes when its source was
 * locked. */
void guest_watch_clone(void *guest);
