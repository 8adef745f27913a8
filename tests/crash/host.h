/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "tracer.h"
#include "tree_picture.h"

/* A hypervisor of files: settings, configuration, profiles, containers and an AppArmor kernel that
 * takes what is written to .replace and shows it. The engine that works on it is the real one, with
 * the real compiler and liblxc. */

/* What an operator changes before the engine looks. */
struct change {
        const char *name;
        void (*begin)(void); /* the state before, not yet looked at */
        void (*make)(void);  /* the change */
        bool is_degraded_before;
};

extern const struct change changes[];
extern const size_t change_count;

/* DIRECTORY is made, and must be where root alone may write. */
void host_init(const char *directory);
const char *host_directory(void);
/* With all that is in it. */
void host_remove(void);
/* The empty machine. */
void host_reset(void);

/* How the engine is run. */
struct engine_run {
        unsigned looks; /* at most, until nothing is left to do */
        bool is_verbose;
        bool counts_descriptors; /* three more looks must leave as many open as there were */
        /* The machine with the change; or NULL. What the kernel has of it may not be replaced by
         * an older policy, which may allow more than what was in force already. */
        const struct tree_picture *after;
        /* After the run: */
        bool has_converged;
        size_t written; /* calls that changed a file, successfully */
        /* Of the order in which things must reach the disk, or of the kernel; or "". */
        char violation[1024];
};

/* Runs an engine on the host, with TRACER's fault. */
void host_run(struct tracer *tracer, struct engine_run *run);

/* What must hold whenever the engine is dead: BEFORE and AFTER are the machine without and with the
 * change. "" or what is wrong. */
const char *host_check_dead(
                const struct tree_picture *before,
                const struct tree_picture *after,
                const struct tree_picture *found);
