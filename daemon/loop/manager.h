/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdint.h>

#include "base/macros.h"
#include "shared/engine_process.h"

/* The loop: waits for events, decides when to look, lets the engine look, and tells systemd what
 * came of it. It does nothing that can block. */
struct manager;

/* Borrowed strings that live as long as the manager. The defaults are a machine's. */
struct manager_options {
        const char *settings;    /* whose directory is watched before the first report */
        const char *cgroup_root; /* where containers' cgroups appear */
        const char *revision;    /* the kernel's policy revision */
        const char *bus_address; /* of the message bus; NULL: there is none */
        const char *runtime_dir; /* for what one run leaves to the next; NULL: nothing is left */
        int changed_fd;          /* an eventfd(2) that says that a look is due; 0: none. Borrowed */
        uint64_t silence_usec;   /* an engine that is silent for so long is killed */
        uint64_t patience_usec;  /* what an engine gets to end by itself */
        uint64_t short_sync_usec; /* resync while events cannot be relied on */
        uint64_t start_usec;      /* the longest that a start waits for compiles */
};

void manager_options_init(struct manager_options *options, const char *settings);

/* Starts the engine first, before anything is open that it must not have. SIGTERM, SIGINT and
 * SIGHUP must be blocked. PLAN is borrowed. */
int manager_new(const struct manager_options *options,
                const struct engine_plan *plan,
                struct manager **ret_manager);
struct manager *manager_free(struct manager *manager);
PHX_DEFINE_FREEP(manager)

/* Runs until SIGTERM or SIGINT: 0, or a negative errno. */
int manager_run(struct manager *manager);
