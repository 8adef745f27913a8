/* SPDX-License-Identifier: GPL-2.0-or-later */

/* One observation of the machine, and nothing else: no file, no record and no policy is changed by
 * it, in whatever mode.
 *
 *   kernel       all that is loaded, and the policy namespaces
 *   files        in the deployed directory, those with the names of judged profiles
 *   containers   their configs, as they are and as liblxc sees them, and their tasks with labels
 *   gate         the file with the boot gate's hooks
 *
 * What is right about any of it is not known here: judge.c has compiled and tested the sources
 * before, reconcile/desire.c says what is desired, review.c asks what needs both, and corrects and
 * saves the inventory.
 *
 * Parts fail alone. A kernel that cannot be read is a text in the picture (kernel_trouble), a
 * directory or a container likewise; only missing memory ends the observation. A part that failed
 * must never look like an empty one, so each has a field that says so.
 *
 * struct phx_machine owns all that lasts; the picture is the caller's. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/watches.h"
#include "machine/files.h"
#include "machine/private.h"
#include "machine/pve.h"

/* How long a creation waits for a cluster that has no quorum, until it is looked at again. */
#define QUORUM_USEC UINT64_C(30000000)

static int fill_loaded(struct phx_observed *observed, const struct phx_loaded_list *list) {
        for (size_t i = 0; i < list->count; i++) {
                const struct phx_loaded *loaded = &list->items[i];
                int r;
                r = phx_kernel_entries_add(
                                &observed->loaded,
                                loaded->name,
                                loaded->mode,
                                loaded->hash[0] ? loaded->hash : NULL);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int observe_kernel(
                const struct phx_machine *machine,
                const struct phx_scope *scope,
                struct phx_observed *observed) {
        struct phx_error error = { 0 };
        int r;

        r = phx_kernel_picture_look(machine->picture, scope, &error);
        if (r < 0)
                return phx_replace(&observed->kernel_trouble, phx_error_text(&error, r));
        r = phx_strings_copy(
                        &observed->namespaces,
                        phx_kernel_picture_namespaces(machine->picture));
        return r < 0 ? r : fill_loaded(observed, phx_kernel_picture_loaded(machine->picture));
}

/* Where the pieces are deployed; the directories of the profiles are watched already. */
static int observe_add_parents(
                const struct phx_observed *observed,
                struct phx_strings *directories) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < observed->file_count; i++) {
                const char *name = observed->files[i].name, *slash = strrchr(name, '/');

                if (slash)
                        r = phx_strings_addf(directories, "%.*s", (int) (slash - name), name);
        }
        return r;
}

static int observe_add_deployed(
                const struct phx_machine *machine,
                const struct phx_settings *settings,
                struct phx_observed *observed) {
        static const char *const links[] = { "disable", "force-complain", "lxc", "local" };
        phx_cleanup(phx_strings_done) struct phx_strings directories = { 0 };
        int r;

        r = phx_strings_copy(&directories, phx_definers_directories(machine->definers));
        for (size_t i = 0; r >= 0 && i < PHX_ELEMENTS(links); i++)
                r = phx_strings_add(&directories, links[i]);
        if (r >= 0)
                r = observe_add_parents(observed, &directories);
        if (r < 0)
                return r;
        phx_strings_unique(&directories);
        return phx_watches_add_directories(
                        &observed->watches,
                        settings->deployed_dir,
                        &directories);
}

static int observe_add_watches(
                const struct phx_machine *machine,
                const struct phx_settings *settings,
                struct phx_observed *observed) {
        int r = phx_profiles_watches(machine->profiles, &observed->watches);

        if (r >= 0)
                r = observe_add_deployed(machine, settings, observed);
        if (r >= 0)
                r = phx_strings_add_once(&observed->watches, machine->options.tasks.cgroup);
        /* Who writes to a switch there causes an event, as with any file. */
        if (r >= 0)
                r = phx_strings_addf(&observed->watches, "%s/parameters", machine->options.module);
        phx_strings_unique(&observed->watches);
        return r < 0 ? r : 0;
}

static bool asks_for_creation(const struct phx_configuration *configuration) {
        for (size_t i = 0; configuration && i < configuration->count; i++)
                if (configuration->containers[i].creation)
                        return true;
        return false;
}

/* Once, and as long as there may be another one. */
static int observe_creation(
                struct phx_machine *machine,
                const struct phx_input *input,
                struct phx_observed *observed) {
        phx_autofree char *path = NULL;
        int r = 0;

        if (machine->has_sought_creation && !asks_for_creation(input->configuration))
                return 0;
        /* Nothing says that it is back. */
        if (observed->has_no_quorum && observed->retry_usec > QUORUM_USEC)
                observed->retry_usec = QUORUM_USEC;
        if (observed->has_proxmox)
                r = phx_machine_pve_observe_begun(machine->options.state_dir, observed);
        if (r >= 0)
                r = phx_printf(&path, "%s/" PHX_CREATION_STAGE, input->settings->lxc_path);
        if (r < 0)
                return r;
        observed->has_creation_left = access(path, F_OK) == 0;
        machine->has_sought_creation = !observed->has_creation_left && observed->begun.count == 0;
        if (!machine->has_sought_creation && observed->retry_usec > PHX_CREATION_CLEAN_USEC)
                observed->retry_usec = PHX_CREATION_CLEAN_USEC;
        return 0;
}

int phx_machine_observe(
                struct phx_machine *machine,
                const struct phx_input *input,
                struct phx_observed *observed,
                struct phx_error *error) {
        int r;

        r = observe_kernel(machine, input->scope, observed);
        if (r >= 0)
                r = phx_machine_files_observe(
                                machine->places,
                                input,
                                &machine->inventory,
                                observed);
        if (r >= 0)
                r = phx_machine_containers_observe(machine->containers, input, observed, error);
        if (r >= 0 && machine->options.gate_hooks)
                r = phx_machine_gate_hooks_look(
                                &machine->gate_hooks,
                                machine->options.gate_hooks,
                                machine->options.trust,
                                observed);
        if (r >= 0)
                r = observe_creation(machine, input, observed);
        if (r >= 0)
                r = observe_add_watches(machine, input->settings, observed);
        if (r < 0 && !(error && error->text[0]))
                return phx_error_set(error, r, "observing: %s", strerrordesc_np(-r));
        return r;
}
