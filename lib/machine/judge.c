/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What is desired of profiles is found out before the machine is observed, and without comparing
 * the two. The one thing that judging must know of the host is the kernel's features, which decide
 * the compiled bytes, and its kind of hash. Both are constant while a kernel runs, so they are
 * asked once and kept; as long as they cannot be had, nothing is compiled, and the last known good
 * policies stay.
 *
 * Judging writes phoenixd's own state (cache, last known good, inventory in memory) and nothing
 * else. What a crash has left on the host is removed here, once, as soon as the settings say where
 * that would be, and never in observe mode. A change of the inventory is only marked (is_unsaved);
 * review.c saves it, after the observation has corrected it. */

#include <errno.h>
#include <string.h>

#include "machine/deployed.h"
#include "machine/files.h"
#include "machine/private.h"
#include "state/report.h"

/* What compiling and comparing need to know of the kernel. Neither changes while it runs; the
 * observation reports a kernel that cannot be asked. */
static int ask_kernel(struct phx_machine *machine, const struct phx_scope *scope) {
        const struct phx_loaded_list *list;
        int r;

        if (machine->features && machine->hash_kind != PHX_HASH_NONE)
                return 0;
        r = phx_kernel_check(machine->kernel, NULL);
        if (r >= 0 && !machine->features)
                r = phx_kernel_features(
                                machine->kernel,
                                &machine->features,
                                &machine->features_text,
                                NULL);
        if (r >= 0)
                r = phx_kernel_picture_look(machine->picture, scope, NULL);
        list = phx_kernel_picture_loaded(machine->picture);
        for (size_t i = 0; r >= 0 && i < list->count; i++)
                if (list->items[i].hash_kind != PHX_HASH_NONE)
                        machine->hash_kind = list->items[i].hash_kind;
        return r == -ENOMEM ? r : 0;
}

/* Once, when it is known where, and that something may be changed: what a crash left. */
static void clean_up(struct phx_machine *machine, const struct phx_settings *settings) {
        if (machine->is_clean || settings->mode == PHX_MODE_OBSERVE)
                return;
        (void) phx_policy_probe_clean(&machine->probe);
        phx_machine_files_clean(settings->deployed_dir, &machine->inventory);
        phx_machine_containers_clean(machine->containers, settings->lxc_path);
        machine->is_clean = true;
}

/* What is defined by whom; nothing when the directory cannot be read, which the files' own look
 * will say. 1 when it is something else than at the last look. */
int phx_machine_look_at_definitions(
                struct phx_machine *machine,
                const char *deployed_dir,
                const struct phx_scope *scope) {
        phx_cleanup(phx_deployed_closep) struct phx_deployed_directory *directory = NULL;
        int r;

        if (!phx_definers_is_due(machine->definers, deployed_dir, scope))
                return 0;
        if (phx_deployed_open(machine->options.trust, deployed_dir, &directory, NULL) < 0) {
                phx_definers_forget(machine->definers);
                return 1;
        }
        r = phx_definers_look(machine->definers, phx_deployed_fd(directory), scope, NULL);
        return r >= 0 || r == -ENOMEM ? r : 1;
}

static int judge_profiles(struct phx_machine *machine, struct phx_input *input, uint64_t now_usec) {
        const struct phx_profiles_look look = {
                .settings = input->settings,
                .features = machine->features,
                .features_text = machine->features_text,
                .hash_kind = machine->hash_kind,
                .definitions = phx_definers_found(machine->definers),
                .configuration = input->configuration,
                .now_usec = now_usec,
                .scope = input->scope,
        };
        uint64_t retry_usec = PHX_NEVER;
        int r;

        r = phx_machine_look_at_definitions(machine, input->settings->deployed_dir, input->scope);
        if (r >= 0)
                r = phx_profiles_update(
                                machine->profiles,
                                &look,
                                &machine->inventory,
                                input->judged,
                                &retry_usec);
        if (r >= 0 && retry_usec < input->retry_usec)
                input->retry_usec = retry_usec;
        return r;
}

int phx_machine_judge(
                struct phx_machine *machine,
                struct phx_input *input,
                uint64_t now_usec,
                struct phx_error *error) {
        int r;

        clean_up(machine, input->settings);
        r = ask_kernel(machine, input->scope);
        if (r >= 0)
                r = judge_profiles(machine, input, now_usec);
        /* What was judged before it failed is in the inventory. */
        machine->is_unsaved |= r != 0;
        if (r < 0)
                return phx_error_set(error, r, "judging: %s", strerrordesc_np(-r));
        return 0;
}
