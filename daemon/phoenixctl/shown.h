/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <getopt.h>
#include <stddef.h>
#include <stdint.h>

#include "phoenixctl/ctl.h"
#include "phoenixctl/remote.h"
#include "state/daemon.h"

/* What several verbs show alike. */

/* The option --from, which all of them take and nothing else. */
extern const struct option shown_options[];

/* Reads the options of a verb that has these alone: where its arguments begin is in optind. NULL
 * without --from. */
const char *shown_from(int argc, char **argv);

/* "3 s ago", "in 5 min", "never" for PHX_NEVER; SIZE of 32 holds every one. */
const char *shown_time(uint64_t at, uint64_t now, char *text, size_t size);
uint64_t shown_now(void);
/* "90s", "30min", "1h", "2d": microseconds, or 0 for what is none. */
uint64_t shown_parse_span(const char *text);

/* Escape sequences of a terminal, empty without colours. */
const char *shown_good(const struct ctl *ctl);
const char *shown_bad(const struct ctl *ctl);
const char *shown_bold(const struct ctl *ctl);
const char *shown_plain(const struct ctl *ctl);

/* The container ID as the daemon, or FROM, shows it: 0, or the exit status when there is none,
 * which is said on stderr for VERB. *RET_CONTAINER is borrowed from *RET_VIEW, the caller's, which
 * has its profile and the drifts of both, too. */
int shown_find(const struct ctl *ctl,
               const char *verb,
               const char *from,
               char *id,
               struct remote_view *ret_view,
               const struct phx_snapshot_container **ret_container);

/* Adds the profile and the container of this name, and the drifts that are about it. -ENOMEM. The
 * items are borrowed from SNAPSHOT. */
int shown_part_add(
                struct phx_snapshot_part *part,
                const struct phx_snapshot *snapshot,
                const char *object);
void shown_part_done(struct phx_snapshot_part *part);

#define SHOWN_STEP_SIZE 512

/* What an operator does about it, or phoenixd, at NOW; "" when there is nothing to do. */
void shown_step(const struct phx_snapshot *snapshot,
                const struct phx_snapshot_drift *drift,
                uint64_t now,
                char text[SHOWN_STEP_SIZE]);

/* "confined", "confined, may leave" where a rule says so. */
const char *shown_posture(const struct phx_snapshot_container *container);
