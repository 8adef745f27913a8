/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "base/siphash.h"
#include "state/daemon.h"
#include "state/object.h"
#include "state/snapshot.h"
#include "state/tally.h"

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

/* --- piece by piece --- */

/* One object of KIND, which is one that has a text, as it stands in the list of its kind: OBJECT is
 * a struct phx_snapshot_profile, …_container, …_unmanaged, …_drift (of a step, too) or a struct
 * phx_offer. */
int phx_object_render(enum phx_object_kind kind, const void *object, char **ret_text);
/* Two objects have the same digest under the same KEY when they are rendered the same. */
void phx_object_digest(
                enum phx_object_kind kind,
                const void *object,
                const uint8_t key[PHX_SIPHASH_SIZE],
                uint8_t ret_digest[PHX_SIPHASH_SIZE]);
/* Of what was rendered so: 0, -EINVAL or -ENOMEM. */
int phx_snapshot_profile_parse(
                const char *text,
                size_t size,
                struct phx_snapshot_profile *ret_profile);
int phx_snapshot_container_parse(
                const char *text,
                size_t size,
                struct phx_snapshot_container *ret_container);

/* All of a snapshot but its lists of objects, with the counts of these as "tally". A snapshot that
 * is parsed has empty lists. */
int phx_rest_render(
                const struct phx_snapshot *snapshot,
                const struct phx_tally *tally,
                char **ret_text);
int phx_rest_parse(
                const char *text,
                size_t size,
                struct phx_snapshot **ret_snapshot,
                struct phx_tally *ret_tally,
                struct phx_error *error);

/* The members of a description before its lists of objects, and those behind them: two objects. */
int phx_description_head_render(
                const struct phx_daemon *daemon,
                const struct phx_snapshot *snapshot,
                char **ret_text);
int phx_description_tail_render(const struct phx_snapshot *snapshot, char **ret_text);

/* The members of a plan before its steps and offers. */
int phx_plan_head_render(const struct phx_snapshot *snapshot, char **ret_text);
/* As a JSON string. -EILSEQ for what is not UTF-8, or -ENOMEM. */
int phx_key_render(const char *key, char **ret_text);

/* What DescribeDaemon() answers: the description without its lists, and the counts as "tally". */
int phx_daemon_render(
                const struct phx_daemon *daemon,
                const struct phx_snapshot *snapshot,
                const struct phx_tally *tally,
                char **ret_text);
int phx_daemon_parse(
                const char *text,
                size_t size,
                struct phx_description *ret_description,
                struct phx_tally *ret_tally,
                struct phx_error *error);

/* Appends the objects of what DescribeObjects() or DescribeObject() answers to SNAPSHOT's lists.
 * RET_NEXT, the caller's, is NULL at the end of the list. */
int phx_page_parse(
                const char *text,
                size_t size,
                struct phx_snapshot *snapshot,
                char **ret_next,
                struct phx_error *error);
