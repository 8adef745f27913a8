/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/macros.h"
#include "base/strings.h"
#include "config.h"
#include "state/lxc_options.h"

/* What lies in LXC_PATH while a container is being made, and is locked meanwhile. */
#define PHX_CREATION_STAGE ".phoenixd-create~"
/* Proxmox's word in a container's file while it is being created. */
#define PHX_CREATION_LOCK "create"
/* Where the creations by Proxmox that are under way, or were interrupted, are recorded, below the
 * directory of our state: a file for each, whose name is the id. */
#define PHX_CREATION_RECORDS "create"
/* After so long it is tried again to clean up what one has left. */
#define PHX_CREATION_CLEAN_USEC UINT64_C(300000000)
/* Where a creation that failed leaves why; behind it the id. */
#define PHX_CREATION_REPORT PHX_RUNDIR "/create-"

/* How a container that is not on this host is to be created, as its entry of the configuration
 * says: see phoenix_lxc_configs.json(5), CREATION. */
struct phx_creation {
        /* The path of an archive of its root file system, or Proxmox's name of one,
         * "STORAGE:vztmpl/NAME"; or NULL, and then */
        char *template;
        char *source;   /* the id of the container that it is cloned from */
        long memory_mb; /* 0: no limit; here and in the next two */
        long cores;
        long swap_mb;
        bool has_swap;   /* SWAP_MB is a limit, 0 included */
        char *interface; /* its name inside; NULL: it gets no network */
        char *bridge;
        char *address; /* "192.0.2.1/24", or "dhcp": then the container asks for one itself */
        char *gateway; /* NULL: none */
        char *mac;     /* NULL: LXC makes one up */
        bool is_unprivileged; /* its root is another user on the host */
        char *proxmox_key; /* the first key of the entry that only Proxmox VE can do; NULL: none */
        char *storage;     /* Proxmox's storage of its disk; NULL: Proxmox's default */
        long size_gb;      /* of the disk; 0: Proxmox's default, or that of the other container */
        struct phx_strings volumes; /* more of them: "STORAGE:GIGABYTES,mp=PATH" */
};

/* Replaces *COPY by a copy of CREATION, which may be NULL. 0 or -ENOMEM. */
int phx_creation_copy(struct phx_creation **copy, const struct phx_creation *creation);
struct phx_creation *phx_creation_free(struct phx_creation *creation);
PHX_DEFINE_FREEP(phx_creation)

/* The name that a container has for itself: NAME where that can be one, else ID. Borrowed. */
const char *phx_creation_hostname(const char *id, const char *name);

/* Whether TEXT names an archive as Proxmox does, "STORAGE:vztmpl/NAME". */
bool phx_creation_is_volume(const char *text);

/* Appends what Proxmox is to have of it, "KEY=VALUE": keys of the container's file, and "storage".
 * 0 or -ENOMEM. */
int phx_creation_keys(const struct phx_creation *creation, struct phx_strings *keys);

/* Appends the lines of LXC's config, "key = value", that limit the container and connect it. One
 * without a network gets an empty one: without any line it would share the host's. 0 or -ENOMEM. */
int phx_creation_lines(const struct phx_creation *creation, struct phx_strings *lines);

/* Appends those of OPTIONS that a container has in its config when it is created, as "key value"
 * with BETWEEN in place of the blank. The others are added by the pass that follows: an argument of
 * a program can be read by every user, and a value of lxc.environment may be a password. 0 or
 * -ENOMEM. */
int phx_creation_options(
                const struct phx_lxc_options *options,
                const char *between,
                struct phx_strings *lines);
