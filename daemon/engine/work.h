/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/calendar.h"
#include "base/error.h"
#include "lxc/tasks.h"
#include "pve/worker.h"
#include "shared/engine_process.h"
#include "state/record.h"

/* Where the machine shows itself; a test points all of it into a temporary tree. Borrowed. */
struct work_roots {
        struct phx_task_roots tasks;
        const char *apparmorfs;
        const char *module;
        const char *parser;
        const char *parser_config; /* apparmor_parser's own settings; NULL for none */
        const char *accounts;      /* who compiles is there; NULL: `nobody` will do */
        const char *features_file; /* NULL: the running kernel's */
        const char *gate_hooks;    /* as in machine/machine.h */
        const char *shared_cache;  /* policies that others have compiled; NULL for none */
        struct phx_pve_place pve;  /* Proxmox's cluster file system and what belongs to it */
        const struct phx_calendar *calendar; /* NULL: no window ever opens, and none is checked */
};

/* Those of a real machine. */
extern const struct work_roots work_machine_roots;

/* Where the work finds its things; everything else is in the settings. */
struct work_options {
        const char *settings;    /* file: /etc/phoenixd/phoenixd.json */
        const char *state_dir;   /* directory, ours alone: /var/lib/phoenixd */
        const char *runtime_dir; /* directory, readable for all: /run/phoenixd */
        const struct work_roots *roots;
        int changed_fd; /* an eventfd(2) for what happens below Proxmox's cluster file system, where
                           the loop must not look; 0: not wanted */
        const char *libraries; /* by phx_program_add_libraries(), before the first engine was made:
                                  one that comes later has the same ones, and their files may be
                                  others by then. NULL: liblxc's answers are not kept */
};

/* The engine's real work: called once in the engine, again for the next look when it failed. AUDIT
 * and OPTIONS live as long as the process. What a look does is recorded by AUDIT, and answered with
 * a report. */
int work_setup(const struct work_options *options,
               const struct phx_audit *audit,
               struct engine_work *ret_work,
               struct phx_error *error);
