/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/macros.h"
#include "base/strings.h"
#include "state/job.h"

#define PHX_NEVER UINT64_MAX

/* What a look at the machine tells the loop: health for people, and what to wait for. */
struct phx_report {
        bool is_unchanged; /* all was as the look before had left it: what to watch is the same, and
                              is not in here */
        struct phx_jobs jobs; /* all that systemd is to do, or is at, in each report: what is not in
                                 it is forgotten */
        char *status;         /* one line for systemctl status */
        bool degraded;      /* something is refused, failed or drifted and will not repair itself */
        unsigned changes;   /* made on the machine by this pass */
        unsigned compiling; /* profiles with a compile that has not ended */
        unsigned awaited;   /* compiles that a person waits for */
        struct phx_strings watches; /* directories, absolute, sorted; those that do not exist are
                                       not in it */
        pid_t *inits;               /* init of each running container: its end is worth a look */
        size_t init_count;
        uint64_t retry_usec; /* look again after this, PHX_NEVER when only new input can help */
        bool is_settling;    /* then at tasks alone */
        /* The settings in force, as the loop needs them. */
        uint64_t debounce_usec;
        uint64_t longest_delay_usec;
        uint64_t resync_usec;
        uint64_t label_resync_usec; /* 0: labels are not to be looked at by themselves */
        uint64_t labels_at;         /* when this look read them, microseconds since the epoch; 0
                                       when it did not */
        char *lxc_path;
};

int phx_report_add_init(struct phx_report *report, pid_t pid);
struct phx_report *phx_report_free(struct phx_report *report);
PHX_DEFINE_FREEP(phx_report)
