/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The two steps of a look that need to know both what is desired and what is there: the questions
 * to liblxc and to the compiled policy, and the inventory.
 *
 * The inventory in memory is corrected (a file that is gone is not ours any more) and saved once,
 * if it changed. If that fails, the pass goes on: what is recorded already is still managed,
 * nothing new is claimed, and `is_unsaved` makes the next save due. liblxc's answers are kept after
 * the inventory is on disk, as what came of them goes with it. */

#include <errno.h>
#include <string.h>

#include "machine/files.h"
#include "machine/private.h"
#include "state/labels.h"

#define SAVE_RETRY_USEC (30ULL * 1000000)

/* What containers have loaded into their own namespaces: to be shown, and nothing else. */
static int review_inner(
                const struct phx_machine *machine,
                const struct phx_desired *desired,
                struct phx_observed *observed) {
        for (size_t i = 0; i < observed->container_count; i++) {
                struct phx_observed_container *have = &observed->containers[i];
                const struct phx_desired_container *want = phx_desired_find_directory(
                                desired,
                                have->directory);
                int r = 0;

                if (want && want->namespace &&
                    phx_strings_has(&observed->namespaces, want->namespace))
                        r = phx_kernel_namespace_profiles(
                                        machine->kernel,
                                        want->namespace,
                                        &have->inner,
                                        NULL);
                if (r == -ENOMEM)
                        return r;
        }
        return 0;
}

int phx_machine_review(
                struct phx_machine *machine,
                const struct phx_input *input,
                struct phx_desired *desired,
                struct phx_observed *observed,
                struct phx_error *error) {
        int r;

        r = phx_machine_containers_review(
                        machine->containers,
                        input,
                        &machine->inventory,
                        desired,
                        observed,
                        error);
        /* What was corrected before it failed is in the inventory. */
        machine->is_unsaved |= r != 0;
        phx_machine_containers_find_elsewhere(machine->containers, desired);
        if (r >= 0)
                r = phx_machine_containers_wish(machine->containers, input, desired, observed);
        if (r >= 0)
                r = phx_machine_lint(
                                &machine->lints,
                                machine->profiles,
                                input->settings,
                                input->configuration,
                                desired);
        if (r >= 0)
                r = review_inner(machine, desired, observed);
        if (r < 0 && !(error && error->text[0]))
                return phx_error_set(error, r, "reviewing: %s", strerrordesc_np(-r));
        return r < 0 ? r : 0;
}

/* --- the record --- */

/* Whether a container may be using the profile. It may be one of a stack, as in
 * "lxc-web//&:lxc-101:unconfined", and whose profile is unknown may be using any. */
static bool review_is_named(
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                const char *profile) {
        /* A container that Proxmox does not tell of now may be using any. */
        if (observed->pve_refusal)
                return true;
        for (size_t i = 0; i < desired->container_count; i++)
                if (phx_label_has_part(desired->containers[i].profile, profile))
                        return true;
        for (size_t i = 0; i < observed->container_count; i++) {
                const struct phx_observed_container *container = &observed->containers[i];

                if (!container->effective || phx_label_has_part(container->effective, profile) ||
                    container->unknown > 0 || phx_observed_runs_in(container, profile))
                        return true;
        }
        return false;
}

/* A profile without source, file or user is nothing to be remembered. */
static bool forget_withdrawn(
                struct phx_machine *machine,
                const struct phx_desired *desired,
                const struct phx_observed *observed) {
        bool changed = false;

        for (size_t i = 0; i < desired->profile_count; i++) {
                const char *name = desired->profiles[i].name;
                const struct phx_observed_file *file = phx_observed_find_file(observed, name);

                if (desired->profiles[i].state != PHX_SOURCE_WITHDRAWN || !file || file->content ||
                    file->trouble || review_is_named(desired, observed, name))
                        continue;
                changed |= phx_inventory_remove_profile(&machine->inventory, name) > 0;
                phx_profiles_forget(machine->profiles, name);
        }
        return changed;
}

/* Once, with the first reason. Room on a disk comes back without an event. */
static int refuse_state(
                struct phx_desired *desired,
                struct phx_observed *observed,
                const char *text,
                struct phx_error *error) {
        for (size_t i = 0; i < desired->refusal_count; i++)
                if (desired->refusals[i].refused == PHX_REFUSED_STATE)
                        return 0;
        if (!phx_desired_add_refusal(desired, PHX_REFUSED_STATE, NULL, text))
                return phx_error_set(error, -ENOMEM, "observing: out of memory");
        if (observed->retry_usec > SAVE_RETRY_USEC) {
                observed->retry_usec = SAVE_RETRY_USEC;
                observed->is_settling = false;
        }
        return 0;
}

/* Without a saved record nothing new is claimed, but files and lines that are recorded already are
 * still managed: the pass does not fail, it reports that and tries again. */
static int save_look(
                struct phx_machine *machine,
                bool changed,
                struct phx_desired *desired,
                struct phx_observed *observed,
                struct phx_error *error) {
        struct phx_error why = { 0 };
        int r = phx_machine_save(machine, changed, &why);

        if (r >= 0) {
                phx_profiles_tidy(machine->profiles);
                phx_machine_answers_save(machine->containers);
                return 0;
        }
        return refuse_state(desired, observed, phx_error_text(&why, r), error);
}

/* Before any step: see machine/gate.c. */
static int remember_gate(
                struct phx_machine *machine,
                const struct phx_settings *settings,
                struct phx_desired *desired,
                struct phx_observed *observed,
                struct phx_error *error) {
        struct phx_error why = { 0 };
        int r = phx_machine_gate_remember(&machine->gate, settings, desired, observed, &why);

        return r < 0 ? refuse_state(desired, observed, phx_error_text(&why, r), error) : 0;
}

/* Who waits for what is to be compiled, so that it is compiled first. */
static void rank_compiles(
                struct phx_machine *machine,
                const struct phx_desired *desired,
                const struct phx_observed *observed) {
        if (!phx_profiles_is_unranked(machine->profiles))
                return;
        for (size_t i = 0; i < desired->container_count; i++) {
                const struct phx_desired_container *want = &desired->containers[i];
                const struct phx_observed_container *have =
                                want->directory ? phx_observed_find_container(
                                                                  observed,
                                                                  want->directory)
                                                : NULL;

                phx_profiles_rank(
                                machine->profiles,
                                want->profile,
                                have && have->is_running ? PHX_URGENCY_RUNNING : PHX_URGENCY_NAMED);
        }
        phx_profiles_set_ranked(machine->profiles);
}

/* A file system that is not mounted must not look as if its containers were to be created. 1 when
 * INVENTORY changed. */
static int remember_had_containers(
                const struct phx_desired *desired,
                struct phx_observed *observed,
                struct phx_inventory *inventory) {
        bool is_asked = false;

        observed->is_emptied = inventory->had_containers && observed->container_count == 0;
        if (inventory->had_containers || observed->container_count == 0)
                return 0;
        for (size_t i = 0; i < desired->container_count; i++)
                is_asked |= desired->containers[i].creation != NULL;
        inventory->had_containers = is_asked;
        return is_asked;
}

int phx_machine_remember(
                struct phx_machine *machine,
                const struct phx_settings *settings,
                struct phx_desired *desired,
                struct phx_observed *observed,
                struct phx_error *error) {
        struct phx_inventory *inventory = &machine->inventory;
        bool changed;
        int r;

        r = phx_machine_files_settle_left(
                        settings,
                        observed,
                        !machine->is_settled,
                        inventory,
                        &machine->claims);
        changed = r > 0;
        if (r >= 0)
                r = phx_machine_files_record(desired, observed, inventory);
        if (r < 0)
                return phx_error_set(error, r, "recording: %s", strerrordesc_np(-r));
        machine->is_settled = true;
        rank_compiles(machine, desired, observed);
        changed |= r > 0;
        changed |= phx_machine_containers_forget_gone(
                                   machine->containers,
                                   desired,
                                   observed,
                                   inventory) > 0;
        changed |= remember_had_containers(desired, observed, inventory) > 0;
        changed |= phx_machine_files_forget_gone(settings, desired, inventory) > 0;
        changed |= forget_withdrawn(machine, desired, observed);
        r = save_look(machine, changed, desired, observed, error);
        return r < 0 ? r : remember_gate(machine, settings, desired, observed, error);
}
