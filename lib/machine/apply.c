/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Makes the change of one step, and nothing else: all that it needs is in the step, with what was
 * read when it was planned. Each change has the same form:
 *
 *   check    that the machine is still as it was planned for; -ESTALE when not, and the next round
 *            plans again
 *   record   in the inventory, on disk, that the file or the lines are phoenixd's: once, before
 *            the first of the steps of a round (phx_machine_claim), as each save writes the whole
 *            inventory. What could not be saved then is tried again by each step
 *   change   in one atomic operation: rename of a complete file, or one write to the kernel
 *
 * The engine may be killed between any two of these. After "record" the inventory claims something
 * that is not there, and the next observation corrects that; the other order could leave a file
 * that phoenixd wrote and would then take for somebody's own, and never repair. A claim that was
 * new (claims) is taken back if the change fails, and by the next look if it was never tried. What
 * is taken back or withdrawn is saved by the look that follows: until then the inventory on disk
 * claims too much, as after a crash.
 *
 * A policy is loaded only when the record on disk says that it is the last known good one; what has
 * another record can be repaired as before.
 *
 * Policies and configs are written down for the boot gate by the look before (machine/gate.c).
 *
 * Nothing is read back here: the pass does that by observing. No step removes policy from the
 * kernel; withdrawing a profile removes its file. */

#include <errno.h>
#include <string.h>

#include "lxc/assignments.h"
#include "machine/files.h"
#include "machine/private.h"

static int install(
                struct phx_machine *machine,
                const struct phx_step_file *step,
                struct phx_error *error) {
        const char *text;
        size_t size = 0;
        int r, settled;

        text = phx_profiles_text(machine->profiles, step->text, &size);
        if (!text)
                return phx_error_set(
                                error,
                                -ENOENT,
                                "%s: its last known good text is missing",
                                step->name);
        r = phx_machine_files_claim(step, &machine->inventory, &machine->claims);
        r = phx_machine_save(machine, r, error);
        if (r < 0)
                (void) phx_error_set(
                                error,
                                r,
                                "%s: cannot be recorded as managed by phoenixd: %s",
                                step->name,
                                strdupa(phx_error_text(error, r)));
        else
                r = phx_machine_files_install(machine->options.trust, step, text, size, error);
        /* Else the next look would take a file that came in between for ours. */
        settled = phx_machine_files_settle(step, r >= 0, &machine->inventory, &machine->claims);
        machine->is_unsaved |= settled > 0;
        return r;
}

/* After a crash the version before would be the last known good one, and where the source is
 * refused by then, it would be loaded over this one. */
static int check_recorded(
                struct phx_machine *machine,
                const char *profile,
                struct phx_error *error) {
        const struct phx_inventory_profile *record = phx_inventory_profile(
                        &machine->inventory,
                        profile);
        int r = record && !record->is_saved ? phx_machine_save(machine, 1, error) : 0;

        return r < 0 ? phx_error_set(error,
                                     r,
                                     "%s: cannot be recorded as the last known good version: %s",
                                     profile,
                                     strdupa(phx_error_text(error, r)))
                     : 0;
}

static int apply_load(
                struct phx_machine *machine,
                const struct phx_step_policy *step,
                struct phx_error *error) {
        phx_autofree char *blob = NULL;
        size_t size = 0;
        int r;

        r = check_recorded(machine, step->profile, error);
        if (r < 0)
                return r;
        r = phx_profiles_blob(machine->profiles, step->key, &blob, &size);
        if (r < 0)
                return phx_error_set(
                                error,
                                r,
                                "%s: its compiled policy cannot be read: %s",
                                step->profile,
                                strerrordesc_np(-r));
        return phx_kernel_picture_replace(machine->picture, step->profile, blob, size, error);
}

/* Since the look somebody may have removed the profile or switched its mode, and the container
 * would not start, or would start less confined than it is now. */
static int check_in_force(
                const struct phx_machine *machine,
                const char *id,
                const struct phx_step_edit *step,
                struct phx_error *error) {
        static const struct phx_scope policy = { .has_policy = true };
        const struct phx_loaded *loaded;
        int r;

        if (step->mode == PHX_POLICY_UNKNOWN)
                return 0;
        r = phx_kernel_picture_look(machine->picture, &policy, error);
        if (r < 0)
                return r;

        loaded = phx_loaded_find(phx_kernel_picture_loaded(machine->picture), step->profile);
        if (!loaded)
                return phx_error_set(
                                error,
                                -ESTALE,
                                "%s: the kernel no longer has the profile %s",
                                id,
                                step->profile);
        if (!phx_policy_mode_is_enforced(loaded->mode) && loaded->mode != step->mode)
                return phx_error_set(
                                error,
                                -ESTALE,
                                "%s: the kernel has %s in %s mode now, expected enforce",
                                id,
                                step->profile,
                                phx_policy_mode_to_string(loaded->mode));
        return 0;
}

static int assign(
                struct phx_machine *machine,
                const char *id,
                const struct phx_step_edit *step,
                struct phx_error *error) {
        int r;

        r = check_in_force(machine, id, step, error);
        if (r < 0)
                return r;
        r = phx_line_edit_claim(step->lines, step->directory, &machine->inventory);
        /* Where no line of ours comes in, there is nothing to wait for. */
        if (r > 0 || (r == 0 && machine->is_unclaimed && step->lines->tail.count > 0))
                r = phx_machine_save(machine, r, error);
        if (r < 0)
                return phx_error_set(
                                error,
                                r,
                                "%s: lines cannot be recorded as managed by phoenixd: %s",
                                id,
                                strdupa(phx_error_text(error, r)));
        return phx_machine_containers_assign(machine->containers, step, error);
}

static int apply_withdraw(
                struct phx_machine *machine,
                const struct phx_step_file *step,
                struct phx_error *error) {
        int r = phx_machine_files_withdraw(
                        machine->options.trust,
                        step,
                        &machine->inventory,
                        error);

        if (r < 0)
                return r;
        (void) phx_inventory_remove_profile(&machine->inventory, step->name);
        phx_profiles_forget(machine->profiles, step->name);
        machine->is_unsaved = true;
        return 0;
}

static int preview_file(
                const struct phx_machine *machine,
                const struct phx_step_file *step,
                struct phx_preview *ret_preview) {
        const char *text = NULL;
        size_t size = 0;

        if (step->text) {
                text = phx_profiles_text(machine->profiles, step->text, &size);
                if (!text)
                        return -ENOENT;
        }
        return phx_machine_files_preview(machine->options.trust, step, text, ret_preview);
}

int phx_machine_preview(
                struct phx_machine *machine,
                const struct phx_step *step,
                struct phx_preview *ret_preview) {
        switch (step->kind) {
        case PHX_ACTION_INSTALL:
        case PHX_ACTION_WITHDRAW:
                return preview_file(machine, &step->file, ret_preview);
        case PHX_ACTION_ASSIGN:
                return phx_machine_containers_preview(
                                machine->containers,
                                &step->edit,
                                ret_preview);
        case PHX_ACTION_NONE:
        case PHX_ACTION_LOAD:
        case PHX_ACTION_NAMESPACE:
        case PHX_ACTION_RESTART:
        case PHX_ACTION_START:
        case PHX_ACTION_STOP:
        case PHX_ACTION_CREATE:
                break;
        }
        return 0;
}

int phx_machine_offer(
                const struct phx_machine *machine,
                const struct phx_observed_container *have,
                const char *label,
                bool is_edited,
                struct phx_offer *ret_offer) {
        return phx_machine_containers_offer(machine->containers, have, label, is_edited, ret_offer);
}

/* Its container does not exist yet: all lines that it gets from the options are ours. */
static int claim_creation(struct phx_machine *machine, const struct phx_step_create *step) {
        phx_cleanup(phx_strings_done) struct phx_strings lines = { 0 };
        int r = phx_creation_options(&step->want->options, "=", &lines);

        if (r < 0)
                return r;
        return lines.count == 0
                               ? phx_inventory_remove_container(&machine->inventory, step->want->id)
                               : phx_inventory_set_container(
                                                 &machine->inventory,
                                                 step->want->id,
                                                 &lines,
                                                 NULL);
}

static int claim_step(struct phx_machine *machine, const struct phx_step *step) {
        switch (step->kind) {
        case PHX_ACTION_INSTALL:
                return phx_machine_files_claim(&step->file, &machine->inventory, &machine->claims);
        case PHX_ACTION_ASSIGN:
                return phx_line_edit_claim(
                                step->edit.lines,
                                step->edit.directory,
                                &machine->inventory);
        case PHX_ACTION_CREATE:
                return claim_creation(machine, &step->create);
        case PHX_ACTION_NONE:
        case PHX_ACTION_LOAD:
        case PHX_ACTION_NAMESPACE:
        case PHX_ACTION_WITHDRAW:
        case PHX_ACTION_RESTART:
        case PHX_ACTION_START:
        case PHX_ACTION_STOP:
                break;
        }
        return 0;
}

int phx_machine_claim(
                struct phx_machine *machine,
                const struct phx_step *const *steps,
                size_t count) {
        bool changed = false;

        for (size_t i = 0; i < count; i++)
                changed |= claim_step(machine, steps[i]) > 0;
        machine->is_unclaimed |= changed;
        return machine->is_unclaimed ? phx_machine_save(machine, changed, NULL) : 0;
}

/* A policy or a config that was not written down as right would keep containers from starting. */
static int check_gate(
                const struct phx_machine *machine,
                const struct phx_step *step,
                struct phx_error *error) {
        if (machine->gate.code == 0 ||
            (step->kind != PHX_ACTION_LOAD && step->kind != PHX_ACTION_ASSIGN))
                return 0;
        return phx_error_set(
                        error,
                        machine->gate.code,
                        "%s: cannot be written down for the boot gate: %s",
                        step->drift->object,
                        strerrordesc_np(-machine->gate.code));
}

int phx_machine_apply(
                struct phx_machine *machine,
                const struct phx_step *step,
                struct phx_error *error) {
        int r = check_gate(machine, step, error);

        if (r < 0)
                return r;
        switch (step->kind) {
        case PHX_ACTION_INSTALL:
                return install(machine, &step->file, error);
        case PHX_ACTION_LOAD:
                return apply_load(machine, &step->policy, error);
        case PHX_ACTION_NAMESPACE:
                return phx_kernel_picture_make_namespace(machine->picture, step->namespace, error);
        case PHX_ACTION_ASSIGN:
                return assign(machine, step->drift->object, &step->edit, error);
        case PHX_ACTION_WITHDRAW:
                return apply_withdraw(machine, &step->file, error);
        case PHX_ACTION_RESTART: /* are no changes that are made here: see reconcile/pass.c */
        case PHX_ACTION_START:
        case PHX_ACTION_STOP:
        case PHX_ACTION_CREATE:
        case PHX_ACTION_NONE:
                break;
        }
        return phx_error_set(error, -EINVAL, "%s: unknown action", step->drift->object);
}
