/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/strings.h"
#include "state/creation.h"
#include "state/lxc_options.h"
#include "state/restart.h"

/* One entry of lxc_configs, as far as phoenixd cares: see phoenix_lxc_configs.json(5). */
struct phx_container_config {
        char *id;      /* the key: unique, safe as a file name */
        char *name;    /* for people: any, and not unique; or NULL */
        char *profile; /* apparmor_profile, or the settings' default_profile; "unconfined" or lxc-…
                        */
        bool profile_is_default;
        unsigned line, column; /* of the file: where the profile is named, or the entry begins */
        unsigned gpu_line, gpu_column; /* the same of gpu_assignment */
        bool manages_nesting;  /* the profile does the nesting; no include or flag of ours */
        bool nesting_left_out; /* an option that asks for nesting was, see NOTES */
        bool unprivileged;
        /* Which of the next three the entry has: the others are not managed. */
        bool has_start_at_boot, has_boot_order, has_boot_delay;
        bool start_at_boot;
        long boot_order;  /* lower numbers start first */
        long boot_delay;  /* seconds, before the next one starts */
        bool has_restart; /* apparmor_restart, which is in RESTART */
        enum phx_restart_policy restart;
        enum phx_run_state state;
        char *gpu_assignment;           /* "none", "0", "0,1"; NULL when not given */
        struct phx_lxc_options options; /* checked */
        struct phx_strings pct_options;
        struct phx_strings features;
        struct phx_strings dependencies; /* ids, if they are in the file */
        struct phx_creation *creation;   /* NULL: phoenixd does not create it */
        struct phx_strings notes; /* one sentence for each option that contradicts a key and was
                                     left out of OPTIONS */
};

/* An accepted phoenix_lxc_configs.json. Containers are sorted by id, so that plans do not depend on
 * file order. */
struct phx_configuration {
        char digest[PHX_SHA256_HEX]; /* of the file's bytes: names the generation */
        struct phx_container_config *containers;
        size_t count;
};

struct phx_configuration *phx_configuration_free(struct phx_configuration *configuration);
PHX_DEFINE_FREEP(phx_configuration)

void phx_container_config_done(struct phx_container_config *container);

/* "unconfined", or a name that a profile may have: lxc-…, [A-Za-z0-9._+-], at most 128 bytes. */
bool phx_is_profile_name(const char *name);
bool phx_is_assignable_profile(const char *name);
/* A piece that profiles include, relative to the profile directory: abstractions/… or tunables/…,
 * of such characters, without ".." and at most 128 bytes. */
bool phx_is_piece_name(const char *name);
/* A container's id or directory: [A-Za-z0-9][A-Za-z0-9._-]*, at most 64 bytes; never a path. */
bool phx_is_container_id(const char *id);
