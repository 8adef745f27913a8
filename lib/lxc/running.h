/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Which values the config of a running container had when it was started: its monitor has read it
 * then and keeps it, whatever becomes of the file, also while the container reboots from inside.
 * What is said of strangers and of liblxc in lxc/monitor.h is so here, too. */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/strings.h"
#include "lxc/monitor.h"

struct phx_lxc_running {
        const char *name;                   /* borrowed, as KEYS */
        const struct phx_strings *keys;     /* each once */
        enum phx_lxc_monitor_answer answer; /* set; VALUES are with ANSWERS */
        struct phx_strings values;          /* of KEYS, as liblxc writes them; "" for none */
};

void phx_lxc_running_done(struct phx_lxc_running *container);

/* Asks their monitors, some at once, and waits no longer than DEADLINE_USEC for all together. UID
 * is whose monitors are believed. 0 or -ENOMEM. */
int phx_lxc_running_ask(
                const char *lxc_path,
                struct phx_lxc_running *containers,
                size_t count,
                uid_t uid,
                uint64_t deadline_usec);
