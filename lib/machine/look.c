/* SPDX-License-Identifier: GPL-2.0-or-later */

/* One observation of the machine, in the order in which the layers depend on each other:
 *
 *   kernel       first, as its features decide what is compiled, and its kind of hash what is
 *                compared
 *   profiles     sources are read and judged (profiles/), which gives the desired profiles
 *   files        the deployed directory, against the desired digests and the inventory
 *   containers   their configs, labels of their tasks, and what liblxc makes of their options
 *   rules, inner policy of containers: what is only shown
 *
 * Parts fail alone. A kernel that cannot be read is a text in the picture (kernel_trouble), a
 * directory or a container likewise; only missing memory ends the observation. A part that failed
 * must never look like an empty one, so each has a field that says so.
 *
 * The inventory in memory is corrected on the way (a file that is gone is not ours any more) and
 * saved at the end, once, if it changed. If that fails, the pass goes on: what is recorded already
 * is still managed, nothing new is claimed, and `is_unsaved` makes the next save due.
 *
 * struct phx_machine owns all that lasts; desired and observed are the caller's. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/watches.h"
#include "lxc/replace.h"
#include "machine/deployed.h"
#include "machine/files.h"
#include "machine/private.h"

/* Room on a disk comes back without an event. */
#define SAVE_RETRY_USEC (30ULL * 1000000)

static int fill_loaded(
                struct phx_observed *observed,
                const struct phx_loaded_list *list,
                enum phx_hash_kind *ret_kind) {
        *ret_kind = PHX_HASH_NONE;
        for (size_t i = 0; i < list->count; i++) {
                const struct phx_loaded *loaded = &list->items[i];
                int r;

                if (loaded->hash_kind != PHX_HASH_NONE)
                        *ret_kind = loaded->hash_kind;
                r = phx_kernel_entries_add(
                                &observed->loaded,
                                loaded->name,
                                phx_policy_mode_to_string(loaded->mode),
                                loaded->hash[0] ? loaded->hash : NULL);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int look_at_kernel(
                struct phx_machine *machine,
                struct phx_observed *observed,
                enum phx_hash_kind *ret_kind) {
        phx_cleanup(phx_loaded_list_done) struct phx_loaded_list list = { 0 };
        struct phx_error error = { 0 };
        int r;

        *ret_kind = PHX_HASH_NONE;
        r = phx_kernel_check(machine->kernel, &error);
        if (r >= 0 && !machine->features)
                r = phx_kernel_features_id(machine->kernel, &machine->features, &error);
        if (r >= 0)
                r = phx_kernel_observe(machine->kernel, &list, &error);
        if (r >= 0 && !list.complete)
                r = phx_error_set(&error, -EIO, "AppArmor: a loaded profile's name cannot be read");
        if (r < 0)
                return phx_replace(&observed->kernel_trouble, phx_error_text(&error, r));
        r = phx_kernel_namespaces(machine->kernel, &observed->namespaces, &error);
        if (r < 0)
                return phx_replace(&observed->kernel_trouble, phx_error_text(&error, r));
        return fill_loaded(observed, &list, ret_kind);
}

/* What containers have loaded into their own namespaces: to be shown, and nothing else. */
static int look_at_inner(
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

/* What is defined by whom; nothing when the directory cannot be read, which the files' own look
 * will say. */
static int look_at_definitions(
                struct phx_machine *machine,
                struct phx_definitions *ret_definitions) {
        phx_cleanup(phx_deployed_closep) struct phx_deployed_directory *directory = NULL;
        int r;

        if (phx_deployed_open(
                            machine->options.trust,
                            machine->settings->deployed_dir,
                            &directory,
                            NULL) < 0)
                return 0;
        r = phx_definers_observe(
                        machine->definers,
                        phx_deployed_fd(directory),
                        ret_definitions,
                        NULL);
        return r == -ENOMEM ? r : 0;
}

static int look_at_profiles(
                struct phx_machine *machine,
                enum phx_hash_kind kind,
                uint64_t now_usec,
                struct phx_desired *desired,
                uint64_t *ret_retry_usec) {
        phx_cleanup(phx_definitions_done) struct phx_definitions definitions = { 0 };
        const struct phx_profiles_look look = {
                .settings = machine->settings,
                .features = machine->features,
                .hash_kind = kind,
                .definitions = &definitions,
                .now_usec = now_usec,
        };
        int r;

        r = look_at_definitions(machine, &definitions);
        return r < 0 ? r
                     : phx_profiles_update(
                                       machine->profiles,
                                       &look,
                                       &machine->inventory,
                                       desired,
                                       ret_retry_usec);
}

/* Once, when it is known where: what a crash in the middle of a replacement left. */
static void clean_up(struct phx_machine *machine) {
        if (machine->is_clean)
                return;
        phx_machine_files_clean(machine->settings->deployed_dir, &machine->inventory);
        phx_machine_containers_clean(machine->containers, machine->settings->lxc_path);
        machine->is_clean = true;
}

/* Whether a container may be using the profile. It may be one of a stack, as in
 * "lxc-web//&:lxc-101:unconfined", and whose profile is unknown may be using any. */
static bool is_named(
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                const char *profile) {
        for (size_t i = 0; i < desired->container_count; i++)
                if (phx_has_part(desired->containers[i].profile, "//&", profile))
                        return true;
        for (size_t i = 0; i < observed->container_count; i++) {
                const struct phx_observed_container *container = &observed->containers[i];

                if (!container->effective || phx_has_part(container->effective, "//&", profile) ||
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
                    file->trouble || is_named(desired, observed, name))
                        continue;
                changed |= phx_inventory_remove_profile(&machine->inventory, name) > 0;
                phx_profiles_forget(machine->profiles, name);
        }
        return changed;
}

static int add_watches(const struct phx_machine *machine, struct phx_observed *observed) {
        static const char *const links[] = { "disable", "force-complain", "lxc", "local" };
        int r;

        r = phx_profiles_watches(machine->profiles, &observed->watches);
        for (size_t i = 0; r >= 0 && i < PHX_ELEMENTS(links); i++) {
                phx_autofree char *path = NULL;

                if (phx_printf(&path, "%s/%s", machine->settings->deployed_dir, links[i]) < 0)
                        return -ENOMEM;
                r = phx_watches_add_directory(&observed->watches, path);
        }
        if (r >= 0)
                r = phx_strings_add_once(&observed->watches, machine->options.tasks.cgroup);
        phx_strings_unique(&observed->watches);
        return r < 0 ? r : 0;
}

/* Without a record of what is ours nothing new is made ours, but what is ours is still looked
 * after: no failure of the look, but one that is told and tried again. */
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
                return 0;
        }
        if (!phx_desired_add_refusal(desired, "state", phx_error_text(&why, r)))
                return phx_error_set(error, -ENOMEM, "observing: out of memory");
        if (observed->retry_usec > SAVE_RETRY_USEC)
                observed->retry_usec = SAVE_RETRY_USEC;
        return 0;
}

int phx_machine_look(
                struct phx_machine *machine,
                const struct phx_settings *settings,
                const struct phx_configuration *configuration,
                uint64_t now_usec,
                struct phx_desired *desired,
                struct phx_observed *observed,
                struct phx_error *error) {
        enum phx_hash_kind kind = PHX_HASH_NONE;
        bool changed = false;
        int r;

        machine->settings = settings;
        clean_up(machine);
        r = look_at_kernel(machine, observed, &kind);
        if (r >= 0)
                r = look_at_profiles(machine, kind, now_usec, desired, &observed->retry_usec);
        changed = r > 0;
        if (r >= 0)
                r = phx_machine_files_look(
                                machine->options.trust,
                                settings,
                                &machine->inventory,
                                desired,
                                observed);
        changed |= r > 0;
        if (r >= 0)
                r = phx_machine_containers_look(
                                machine->containers,
                                settings,
                                configuration,
                                &machine->inventory,
                                desired,
                                observed,
                                error);
        changed |= r > 0;
        if (r >= 0)
                r = phx_machine_lint(
                                &machine->lints,
                                machine->profiles,
                                settings,
                                configuration,
                                desired);
        if (r >= 0)
                r = look_at_inner(machine, desired, observed);
        if (r < 0)
                return error && error->text[0] ? r
                                               : phx_error_set(error,
                                                               r,
                                                               "observing: %s",
                                                               strerrordesc_np(-r));

        changed |= phx_machine_files_forget_gone(settings, desired, &machine->inventory) > 0;
        changed |= forget_withdrawn(machine, desired, observed);
        r = add_watches(machine, observed);
        if (r < 0)
                return phx_error_set(error, r, "observing: %s", strerrordesc_np(-r));
        return save_look(machine, changed, desired, observed, error);
}
