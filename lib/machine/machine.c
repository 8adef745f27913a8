/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "machine/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "compiler/stage.h"
#include "machine/kept.h"
#include "machine/private.h"

/* After it could not be written, and no other judgement has changed. */
#define KEEP_AGAIN_USEC (UINT64_C(60) * 1000000)

static int machine_open_below(
                const char *directory,
                const char *name,
                int *ret_fd,
                struct phx_error *error) {
        phx_autofree char *path = NULL;
        int r;

        if (phx_printf(&path, "%s/%s", directory, name) < 0)
                return -ENOMEM;
        r = phx_directory_ensure_open(path, 0700, ret_fd);
        if (r < 0)
                return phx_error_set(
                                error,
                                r,
                                "%s: cannot be opened or created: %s",
                                path,
                                strerrordesc_np(-r));
        (void) phx_file_remove_leftovers(*ret_fd);
        return 0;
}

static int make_stage_dir(struct phx_machine *machine, struct phx_error *error) {
        int r;

        if (phx_printf(&machine->stage_dir, "%s/stage", machine->options.runtime_dir) < 0)
                return -ENOMEM;
        r = phx_stage_remove(machine->stage_dir);
        if (r >= 0)
                r = phx_directory_ensure(machine->stage_dir, 0755);
        /* Against a strict umask: the compiler's user must get to its copies. */
        if (r >= 0 && chmod(machine->stage_dir, 0711) < 0)
                r = phx_errno();
        return r < 0 ? phx_error_set(error, r, "%s: %s", machine->stage_dir, strerrordesc_np(-r))
                     : 0;
}

static struct phx_machine_kept machine_kept(const struct phx_machine *machine) {
        return (struct phx_machine_kept){
                .state_dir = machine->options.state_dir,
                .places = machine->places,
                .definers = machine->definers,
                .profiles = machine->profiles,
        };
}

static int machine_take_up_kept(struct phx_machine *machine) {
        const struct phx_machine_kept kept = machine_kept(machine);

        return phx_machine_kept_load(&kept);
}

void phx_machine_keep(struct phx_machine *machine, uint64_t now_usec, bool is_all) {
        const struct phx_machine_kept kept = machine_kept(machine);
        bool is_due = machine->is_unkept && now_usec >= machine->keep_usec;

        if (!phx_profiles_is_unkept(machine->profiles, is_due, !is_all))
                return;
        machine->is_unkept = phx_machine_kept_save(&kept, false) < 0;
        machine->keep_usec = now_usec + KEEP_AGAIN_USEC;
}

void phx_machine_keep_last(const struct phx_machine *machine) {
        const struct phx_machine_kept kept = machine_kept(machine);

        if (phx_profiles_is_unkept(machine->profiles, true, false))
                (void) phx_machine_kept_save(&kept, true);
}

/* Where the rest begins is not known when a part is refused. */
static int machine_take_left(struct phx_machine *machine) {
        struct phx_texts *left = machine->options.left;
        int r = left ? phx_machine_take(machine, left) : 0;

        machine->options.left = NULL;
        if (r < 0)
                *left = (struct phx_texts){ .is_short = true };
        return r == -ENOMEM ? r : 0;
}

static int make_parts(struct phx_machine *machine) {
        const struct phx_machine_options *options = &machine->options;
        const struct phx_profiles_options profiles = {
                .trust = options->source_trust ? options->source_trust : options->trust,
                .parser = options->parser,
                .parser_config = options->parser_config,
                .accounts = options->accounts,
                .features_file = options->features_file,
                .shared_cache = options->shared_cache,
                .stage_dir = machine->stage_dir,
                .cache_fd = machine->cache_fd,
                .good_fd = machine->good_fd,
                .prober = &machine->prober,
                .progress = options->progress,
        };
        const struct phx_pve_worker_options pve = {
                .place = options->pve,
                .claim = options->pve_claim,
                .changed_fd = options->changed_fd,
        };
        int r;

        machine->probe = (struct phx_policy_probe){ options->apparmorfs };
        machine->prober = phx_policy_probe_prober(&machine->probe);
        r = phx_kernel_new(options->apparmorfs, options->module, &machine->kernel);
        if (r >= 0)
                r = phx_kernel_picture_new(machine->kernel, &machine->picture);
        if (r >= 0)
                r = phx_definers_new(&machine->definers);
        if (r >= 0)
                r = phx_places_new(options->trust, machine->definers, &machine->places);
        if (r >= 0)
                r = phx_profiles_new(&profiles, &machine->profiles);
        if (r >= 0)
                r = phx_machine_containers_new(
                                &options->tasks,
                                options->trust,
                                options->pve.root ? &pve : NULL,
                                &machine->containers);
        if (r >= 0)
                r = phx_machine_containers_keep(
                                machine->containers,
                                options->state_dir,
                                options->libraries,
                                options->lxc_progress);
        if (r >= 0)
                r = phx_machine_containers_keep_started(machine->containers, options->runtime_dir);
        if (r >= 0 && options->pve.root && options->remote_copy)
                r = phx_pve_copy_new(
                                phx_machine_containers_worker(machine->containers),
                                options->remote_copy,
                                &machine->copy);
        if (r >= 0)
                r = machine_take_left(machine);
        if (r >= 0)
                r = phx_profiles_recall(machine->profiles, &machine->inventory);
        return r < 0 ? r : machine_take_up_kept(machine);
}

int phx_machine_new(
                const struct phx_machine_options *options,
                struct phx_inventory *inventory,
                struct phx_machine **ret_machine,
                struct phx_error *error) {
        phx_cleanup(phx_machine_freep) struct phx_machine *machine = calloc(1, sizeof(*machine));
        int r;

        if (!machine)
                return -ENOMEM;
        machine->options = *options;
        machine->cache_fd = machine->good_fd = machine->gate.fd = -1;
        machine->inventory = *inventory;
        *inventory = (struct phx_inventory){ 0 };
        phx_inventory_set_saved(&machine->inventory);

        r = machine_open_below(options->state_dir, "cache", &machine->cache_fd, error);
        if (r >= 0)
                r = machine_open_below(options->state_dir, "good", &machine->good_fd, error);
        if (r >= 0)
                r = machine_open_below(
                                options->state_dir,
                                PHX_GATE_DIRECTORY,
                                &machine->gate.fd,
                                error);
        if (r >= 0)
                r = make_stage_dir(machine, error);
        if (r < 0)
                return r;
        r = phx_tasks_boot(&machine->options.tasks, &machine->gate.boot);
        if (r >= 0)
                r = make_parts(machine);
        if (r < 0)
                return phx_error_set(error, r, "starting: %s", strerrordesc_np(-r));

        *ret_machine = PHX_TAKE(machine);
        return 0;
}

struct phx_machine *phx_machine_free(struct phx_machine *machine) {
        if (!machine)
                return NULL;

        phx_pve_copy_free(machine->copy);
        phx_profiles_free(machine->profiles);
        phx_machine_containers_free(machine->containers);
        phx_machine_lints_done(&machine->lints);
        phx_places_free(machine->places);
        phx_definers_free(machine->definers);
        phx_kernel_picture_free(machine->picture);
        phx_kernel_free(machine->kernel);
        phx_inventory_done(&machine->inventory);
        phx_set_done(&machine->claims);
        phx_machine_gate_done(&machine->gate);
        phx_machine_gate_hooks_done(&machine->gate_hooks);
        if (machine->cache_fd >= 0)
                (void) close(machine->cache_fd);
        if (machine->good_fd >= 0)
                (void) close(machine->good_fd);
        if (machine->gate.fd >= 0)
                (void) close(machine->gate.fd);
        free(machine->stage_dir);
        free(machine->features);
        free(machine->features_text);
        free(machine);

        return NULL;
}

int phx_machine_copy_remote(struct phx_machine *machine, struct phx_error *error) {
        int r = machine->copy ? phx_pve_copy_refresh(machine->copy, error) : 0;

        return r < 0 ? r : 0;
}

int phx_machine_save(struct phx_machine *machine, int changed, struct phx_error *error) {
        int r;

        if (changed < 0)
                return changed;
        machine->is_unsaved = machine->is_unsaved || changed > 0;
        if (!machine->is_unsaved)
                return 0;
        r = machine->options.save(machine->options.data, &machine->inventory, error);
        if (r < 0)
                return r;
        machine->is_unsaved = machine->is_unclaimed = false;
        phx_inventory_set_saved(&machine->inventory);
        return r;
}

int phx_machine_cache(const struct phx_machine *machine, struct phx_snapshot_cache *ret_cache) {
        return phx_profiles_cache(machine->profiles, ret_cache);
}

void phx_machine_forget(struct phx_machine *machine) {
        phx_definers_forget(machine->definers);
        phx_places_forget(machine->places);
        phx_profiles_forget_failures(machine->profiles);
        phx_machine_containers_forget(machine->containers);
        if (machine->copy)
                phx_pve_copy_forget(machine->copy);
        phx_kernel_picture_forget(machine->picture);
        free(machine->features);
        free(machine->features_text);
        machine->features = machine->features_text = NULL;
        machine->hash_kind = PHX_HASH_NONE;
}

const struct phx_process *phx_machine_process(const struct phx_machine *machine) {
        return phx_machine_containers_process(machine->containers);
}

size_t phx_machine_compiles(
                const struct phx_machine *machine,
                struct phx_process_watch *watches,
                size_t limit) {
        return phx_profiles_compiles(machine->profiles, watches, limit);
}

bool phx_machine_labels_differ(const struct phx_machine *machine) {
        return phx_machine_containers_labels_differ(machine->containers);
}

bool phx_machine_has_labels(const struct phx_machine *machine) {
        return phx_machine_containers_has_labels(machine->containers);
}
