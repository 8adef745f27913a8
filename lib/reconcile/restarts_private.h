/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "base/index.h"
#include "reconcile/restarts.h"

/* What the parts of reconcile/restarts.h share. */

/* The container whose id it is, by an index of them; NULL when there is none. */
const struct phx_desired_container *phx_restarts_want(
                const struct phx_desired *desired,
                const struct phx_index *by_id,
                const char *id);
/* What is on this host of it; NULL when it is not. */
const struct phx_observed_container *phx_restarts_have(
                const struct phx_observed *observed,
                const struct phx_desired_container *want);

/* Takes a label apart that a container ran under: the profile of the host and the namespace, of
 * which the latter may be NULL. False when it is no such label as phoenixd assigns. */
struct phx_restart_before {
        char profile[512];
        char namespace[512]; /* "" without */
};
bool phx_restart_read_before(const char *label, struct phx_restart_before *ret_before);

/* All of its tasks are known to be under the label that is desired. */
bool phx_restart_is_labelled(const struct phx_observed_container *have);
/* The same, and it was started with its managed lines as far as that is known. */
bool phx_restart_is_right(const struct phx_observed_container *have);
/* All of its tasks are under their label, and yet it is not right: the line that it was started
 * without, or with. NULL when that is not so. Borrowed. */
const struct phx_wrong_line *phx_restart_wrong_start(const struct phx_observed_container *have);
/* It was begun although the container ran under its label, because of its managed lines. */
bool phx_restart_is_for_lines(
                const struct phx_desired_container *want,
                const struct phx_restart_item *item);
/* Its init is known, and is another one than that of "PID START". */
bool phx_restart_is_other_init(const struct phx_observed_container *have, const char *init);

/* Its init is known, and is that one. */
bool phx_restart_is_same_init(const struct phx_observed_container *have, const char *init);

/* Until when one that has failed is waited for, as its job ended after the deadline; 0 when it
 * is not. */
uint64_t phx_restart_late_end(
                const struct phx_restart_view *view,
                const struct phx_restart_item *item);

/* Why what ITEM was before it failed cannot be put back; NULL when it can be. HAVE may be NULL. */
const char *phx_restart_why_not_back(
                const struct phx_restart_view *view,
                const struct phx_observed *observed,
                const struct phx_observed_container *have,
                const struct phx_restart_item *item);

/* For a health program that systemd does not end in time. */
#define PHX_RESTART_HEALTH_GRACE_USEC 30000000ULL

/* What the item is about: PHX_ACTION_RESTART, _START or _STOP. */
enum phx_action_kind phx_restart_action(const struct phx_restart_item *item);

/* LABEL may be NULL, TEXT as well. 0 or -ENOMEM. */
int phx_restart_events_add(
                struct phx_restart_events *events,
                enum phx_restart_event_kind kind,
                const struct phx_restart_item *item,
                const char *label,
                const char *text);

/* The name of the item's job; the caller's, NULL when memory is short. */
char *phx_restart_job_name(const struct phx_restart_item *item);
/* The same of the one that is FORMER. */
char *phx_restart_former_name(const struct phx_restart_item *item);

/* Something of the container, of its profile or of the kernel is not right, or not known, so that a
 * start now could leave it less confined than it is to be. */
bool phx_restart_is_blocked(
                const struct phx_drifts *drifts,
                const struct phx_desired_container *want);

/* A restart has left it stopped, or is over and still at it: it counts as down. HAVE may be
 * NULL. */
bool phx_restart_is_down(
                const struct phx_restart_view *view,
                const struct phx_restart_item *item,
                const struct phx_observed_container *have);

/* Whether one more may be at work on WANT: neither more at once than the settings say, nor two of a
 * chain. 1, 0 or -ENOMEM. */
int phx_restart_has_place(
                const struct phx_restart_view *view,
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                const struct phx_restarts *restarts,
                const struct phx_desired_container *want);

/* Its config is known, and names LABEL. HAVE may be NULL. */
bool phx_restart_has_config(const struct phx_observed_container *have, const char *label);

/* What the start of one waits for that a restart has left stopped, and that does not run: NOW when
 * for nothing but the others. In a profile that confines nothing it is never started. */
enum phx_restart_due phx_restart_start_due(
                const struct phx_restart_view *view,
                const struct phx_observed *observed,
                const struct phx_drifts *drifts,
                const struct phx_desired_container *want,
                const struct phx_observed_container *have,
                const struct phx_restart_item *item);
