/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/error.h"
#include "base/set.h"
#include "base/trust.h"
#include "machine/places.h"
#include "state/desired.h"
#include "state/input.h"
#include "state/inventory.h"
#include "state/observed.h"
#include "state/settings.h"
#include "state/world.h"

/* The disk layer of the machine: profiles and pieces in the deployed directory. */

/* Appends the file of every judged profile of INPUT to OBSERVED, in their order; nothing is
 * changed. 0 or a negative errno. */
int phx_machine_files_observe(
                struct phx_places *places,
                const struct phx_input *input,
                const struct phx_inventory *inventory,
                struct phx_observed *observed);

/* Records as ours the files that have our bytes already, and of those that are ours and get a new
 * version what that is: 1 when INVENTORY changed. */
int phx_machine_files_record(
                const struct phx_desired *desired,
                struct phx_observed *observed,
                struct phx_inventory *inventory);

/* Forgets files that are gone and that no source asks for: a crash between the removal of a file
 * and its record leaves such a claim, and a file that somebody else puts there later would be taken
 * for ours. 1 when INVENTORY changed. */
int phx_machine_files_forget_gone(
                const struct phx_settings *settings,
                const struct phx_desired *desired,
                struct phx_inventory *inventory);

/* Records the file as ours, which is to be saved before it is written: 1 when INVENTORY changed.
 * Where the place was not ours before, it is in CLAIMS from now on. */
int phx_machine_files_claim(
                const struct phx_step_file *step,
                struct phx_inventory *inventory,
                struct phx_set *claims);

/* Settles a claim. One of CLAIMS is taken back when nothing was written, since what stands there
 * then is somebody else's. 1 when INVENTORY changed. */
int phx_machine_files_settle(
                const struct phx_step_file *step,
                bool is_done,
                struct phx_inventory *inventory,
                struct phx_set *claims);

/* Takes back what was claimed for steps that were never tried, as OBSERVED shows: one of CLAIMS,
 * which are none afterwards; and at the first look of an engine (IS_FIRST) what an earlier one had
 * claimed before it was killed. A directory in which nothing is proves nothing, as it may be one
 * that is not mounted. 1 when INVENTORY changed, 0 or -ENOMEM. */
int phx_machine_files_settle_left(
                const struct phx_settings *settings,
                struct phx_observed *observed,
                bool is_first,
                struct phx_inventory *inventory,
                struct phx_set *claims);

/* Puts DATA, the step's text, in the place of the step's old file, with the codes of
 * phx_deployed_install(): -ESTALE when there is another one by now. */
int phx_machine_files_install(
                const struct phx_trust *trust,
                const struct phx_step_file *step,
                const char *data,
                size_t size,
                struct phx_error *error);

/* The file as it is and with the text AFTER, NULL for none: 1, or a negative errno. */
int phx_machine_files_preview(
                const struct phx_trust *trust,
                const struct phx_step_file *step,
                const char *after,
                struct phx_preview *ret_preview);

/* Removes the file when it still is the step's old one, and forgets it; else -ESTALE. */
int phx_machine_files_withdraw(
                const struct phx_trust *trust,
                const struct phx_step_file *step,
                struct phx_inventory *inventory,
                struct phx_error *error);

/* Removes temporary files of ours where we have written, or were about to. */
void phx_machine_files_clean(const char *deployed_dir, const struct phx_inventory *inventory);
