/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "state/daemon.h"
#include "state/snapshot.h"

/* What is known as JSON, version 1. Every key is always there, null for what is unknown.
 * parse(render(x)) is x, where its texts are UTF-8; in others each byte at fault becomes a question
 * mark, as neither JSON nor D-Bus can hold it. */

/* One line with its NUL, the caller's to free. -ENOMEM, or -ERANGE for a number beyond 2^63. */
int phx_snapshot_render(const struct phx_snapshot *snapshot, char **ret_text);
/* What Describe() of org.phoenixd1(5) answers: how the daemon is, and the snapshot's keys beside
 * that. */
int phx_description_render(
                const struct phx_daemon *daemon,
                const struct phx_snapshot *snapshot,
                char **ret_text);
/* One object of the snapshot's lists, of the same shape as there. */
int phx_snapshot_profile_render(const struct phx_snapshot_profile *profile, char **ret_text);
/* With the version, and its drifts as "drifts". */
int phx_snapshot_container_render(
                const struct phx_snapshot *snapshot,
                const struct phx_snapshot_container *container,
                char **ret_text);

/* Some of its objects, of the same shapes: version, profiles, containers and drifts. */
int phx_snapshot_part_render(const struct phx_snapshot_part *part, char **ret_text);

/* What Plan() answers, version 1: of the drifts those that have an action, with their texts, which
 * only the engine knows. */
int phx_snapshot_plan_render(const struct phx_snapshot *snapshot, char **ret_text);
int phx_snapshot_plan_parse(
                const char *text,
                size_t size,
                struct phx_snapshot_plan *ret_plan,
                struct phx_error *error);

/* Keys that are not known are passed over: a later phoenixd may say more. -EINVAL with the key at
 * fault in the text; -ENOMEM. */
int phx_snapshot_parse(
                const char *text,
                size_t size,
                struct phx_snapshot **ret_snapshot,
                struct phx_error *error);
int phx_description_parse(
                const char *text,
                size_t size,
                struct phx_description *ret_description,
                struct phx_error *error);
