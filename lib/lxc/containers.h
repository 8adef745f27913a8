/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The plain LXC containers of this host: LXC_PATH/NAME/config. */

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strings.h"
#include "base/trust.h"
#include "lxc/ask.h"
#include "lxc/decider.h"
#include "lxc/reader.h"
#include "lxc/text.h"
#include "state/backend.h"
#include "state/restart.h"

/* Where and how; borrowed strings. */
struct phx_lxc {
        const char *path;              /* /var/lib/lxc */
        const struct phx_trust *trust; /* who may have a hand in it */
        const char *lock_root;         /* below which liblxc keeps its locks: /run/lxc/lock */
        struct phx_lxc_owner owner;
        uint64_t deadline_usec;                  /* for liblxc's answer about one container */
        const struct phx_scope *scope;           /* what a look must read again; NULL: all */
        const struct phx_lxc_progress *progress; /* NULL: none is reported */
};

struct phx_lxc_container {
        enum phx_backend backend;
        char *name;                 /* any that a directory may have */
        char *config;               /* the path of its config, for people */
        struct phx_strings pending; /* as in state/observed.h */
        struct phx_strings remarks;
        enum phx_restart restart; /* with LOCK, likewise; of Proxmox alone */
        char *lock;
        char digest[PHX_SHA256_HEX];   /* of the config; "" when it cannot be read */
        char combined[PHX_SHA256_HEX]; /* of it and of all that it includes; likewise */
        char *trouble;                 /* why it cannot be judged, for the operator; else NULL */
        struct phx_lxc_values values;  /* as liblxc sees them; PROFILE is NULL with TROUBLE */
        struct phx_lxc_decider decider;
        char *decider_why; /* as in state/observed.h */
};

struct phx_lxc_containers {
        struct phx_lxc_container *items; /* sorted by name */
        size_t count;
        char *refusal; /* why LXC_PATH is not believed, for the operator: then there are no items;
                          else NULL */
        bool has_no_quorum; /* Proxmox's cluster */
        bool is_passing;    /* something could not be read now, and may be soon, without an event */
        struct phx_strings watches; /* directories in which a change could change any of this */
};

void phx_lxc_container_done(struct phx_lxc_container *container);
void phx_lxc_containers_done(struct phx_lxc_containers *containers);

/* What was read and asked at the last look. A look at everything costs one call for each container
 * that has not changed, two where LXC_PATH itself has, and one at a part nothing for those outside
 * of it. As long as a config, with all that it includes, is byte by byte the same, liblxc is not
 * asked again. */
struct phx_lxc_cache;

int phx_lxc_cache_new(struct phx_lxc_cache **ret_cache);
/* A new one of the same path, in which no container is known. */
int phx_lxc_cache_renew(const struct phx_lxc_cache *old, struct phx_lxc_cache **ret_cache);
struct phx_lxc_cache *phx_lxc_cache_free(struct phx_lxc_cache *cache);
PHX_DEFINE_FREEP(phx_lxc_cache)

/* What is wrong with one container stays with that container: its TROUBLE. An LXC_PATH that does
 * not exist holds none, and one that others may write is a REFUSAL. Fails only when it cannot be
 * listed, or nothing can be asked at all. */
int phx_lxc_containers_look(
                const struct phx_lxc *lxc,
                struct phx_lxc_cache *cache,
                struct phx_lxc_containers *ret_containers,
                struct phx_error *error);

/* Whether all is as the last look has found it, as far as the scope says that it may not be; in
 * doubt not. */
bool phx_lxc_containers_are_unchanged(const struct phx_lxc *lxc, struct phx_lxc_cache *cache);
/* Whether an event at PATH can concern nothing but what is read again when PATH is in the scope; in
 * doubt not. */
bool phx_lxc_containers_cover(const struct phx_lxc_cache *cache, const char *path);

/* The config of NAME, read again. *PATH_FD is LXC_PATH, opened when it is -1: the caller's, for the
 * next of them. -ESTALE when the config has not DIGEST any more, others as from
 * phx_lxc_read_config(). */
int phx_lxc_config_text(
                const struct phx_lxc *lxc,
                int *path_fd,
                const char *name,
                const char *digest,
                struct phx_lxc_source *ret_source);
