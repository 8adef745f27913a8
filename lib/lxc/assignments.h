/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/digest.h"
#include "base/error.h"
#include "base/strings.h"
#include "lxc/containers.h"
#include "lxc/text.h"
#include "lxc/trial.h"
#include "state/desired.h"
#include "state/inventory.h"
#include "state/observed.h"

/* What a look finds out about a configured container on this host: which lines of its config are
 * ours, and how it is to be edited.
 *
 * A config is a sequence, and its lines are the operator's but for those that we have written and
 * recorded. Of equal lines the last are ours, as we write behind all others; and never so many that
 * fewer are left than there were of the operator's when we wrote. An option that is in effect
 * anyhow is not written, and where one is not, its list is written again behind all that there is.
 */
struct phx_assignment {
        char *id;
        char *directory;
        char *label; /* the profile, stacked with its namespace where it has one */
        struct phx_lxc_options options;
        struct phx_strings ours;      /* lines "key=value" of the config, each as often */
        struct phx_strings withdrawn; /* of these, what no option asks for any more */
        struct phx_line_edit edit;    /* removes of OURS what is gone, or written again behind */
        struct phx_observed_container *have; /* borrowed */
        char *text;                          /* of the config */
        size_t size;
};

struct phx_assignments {
        struct phx_assignment *items;
        size_t count;
};
void phx_assignments_done(struct phx_assignments *assignments);

/* Of whom. Borrowed. */
struct phx_assignment_source {
        const struct phx_desired *desired;
        const struct phx_desired_container *want;
        struct phx_observed_container *have;
        char *text; /* of its config; taken over */
        size_t size;
};

/* Adds one. Lines of ours that an operator deleted are no longer recorded: 1 when INVENTORY changed
 * by that, 0, or -ENOMEM. */
int phx_assignments_add(
                struct phx_assignments *assignments,
                struct phx_assignment_source *source,
                struct phx_inventory *inventory);

/* The texts that options are tried on: as it is without what is withdrawn, without anything of
 * ours, and with all options behind that. 0, -ENOMEM, or -EINVAL for a config that cannot be
 * edited. */
struct phx_assignment_texts {
        struct phx_buffer text;
        struct phx_buffer base;
        struct phx_buffer whole;
};
int phx_assignment_render(
                const struct phx_assignment *assignment,
                struct phx_assignment_texts *ret_texts,
                struct phx_error *error);
void phx_assignment_texts_done(struct phx_assignment_texts *texts);

/* Decides by VERDICTS, one letter for each option (see lxc/trial.h), and appends to WRONG the lines
 * that are not in effect or too many, each once. */
int phx_assignment_settle(
                struct phx_assignment *assignment,
                const char *verdicts,
                struct phx_wrong_lines *wrong,
                struct phx_error *error);

/* Records the lines that the edit of this container's config adds as ours: 1 when that is news, and
 * INVENTORY has to be saved before the edit. */
int phx_line_edit_claim(
                const struct phx_line_edit *edit,
                const char *directory,
                struct phx_inventory *inventory);
