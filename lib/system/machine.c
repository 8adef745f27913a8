#include "system/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/watches.h"
#include "state/report.h"
#include "system/definers.h"
#include "system/deployed.h"
#include "system/kernel.h"
#include "system/lxc_replace.h"
#include "system/machine_containers.h"
#include "system/machine_files.h"
#include "system/policy_probe.h"
#include "system/profiles.h"
#include "system/stage.h"

/* Room on a disk comes back without an event. */
#define SAVE_RETRY_USEC (30ULL * 1000000)

struct phx_machine {
        struct phx_machine_options options;
        struct phx_inventory inventory;
        struct phx_kernel *kernel;
        char *features; /* id of the kernel's; they do not change while it runs */
        struct phx_definers *definers;
        struct phx_profiles *profiles;
        struct phx_machine_containers *containers;
        struct phx_policy_probe probe;
        struct phx_policy_prober prober;
        char *stage_dir;
        int cache_fd;
        int good_fd;
        bool is_unsaved; /* the inventory on disk is not the one here */
        bool is_clean;   /* leftovers of a crash were removed where the settings point to */
        /* Of the last look: */
        const struct phx_settings *settings;
};

static int open_below(
                const char *directory,
                const char *name,
                int *ret_fd,
                struct phx_error *error) {
        phx_autofree char *path = NULL;
        int r;

        if (asprintf(&path, "%s/%s", directory, name) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        r = phx_directory_ensure(path, 0700);
        if (r < 0)
                return phx_error_set(error, r, "%s: cannot be made: %s", path, strerrordesc_np(-r));
        *ret_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (*ret_fd < 0)
                return phx_error_errno(error, path);
        (void) phx_file_remove_leftovers(*ret_fd);
        return 0;
}

static int make_stage_dir(struct phx_machine *machine, struct phx_error *error) {
        int r;

        if (asprintf(&machine->stage_dir, "%s/stage", machine->options.runtime_dir) < 0) {
                machine->stage_dir = NULL;
                return -ENOMEM;
        }
        r = phx_stage_remove(machine->stage_dir);
        if (r >= 0)
                r = phx_directory_ensure(machine->stage_dir, 0755);
        /* Against a strict umask: the compiler's user must get to its copies. */
        if (r >= 0 && chmod(machine->stage_dir, 0711) < 0)
                r = phx_errno();
        return r < 0 ? phx_error_set(error, r, "%s: %s", machine->stage_dir, strerrordesc_np(-r))
                     : 0;
}

static int make_parts(struct phx_machine *machine) {
        const struct phx_machine_options *options = &machine->options;
        const struct phx_profiles_options profiles = {
                .trust = options->trust,
                .parser = options->parser,
                .features_file = options->features_file,
                .stage_dir = machine->stage_dir,
                .cache_fd = machine->cache_fd,
                .good_fd = machine->good_fd,
                .prober = &machine->prober,
                .progress = options->progress,
        };
        int r;

        machine->probe = (struct phx_policy_probe){ options->apparmorfs };
        machine->prober = phx_policy_probe_prober(&machine->probe);
        (void) phx_policy_probe_clean(&machine->probe);
        r = phx_kernel_new(options->apparmorfs, options->module, &machine->kernel);
        if (r >= 0)
                r = phx_definers_new(&machine->definers);
        if (r >= 0)
                r = phx_profiles_new(&profiles, &machine->profiles);
        if (r >= 0)
                r = phx_machine_containers_new(&options->tasks, &machine->containers);
        return r < 0 ? r : phx_profiles_recall(machine->profiles, &machine->inventory);
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
        machine->cache_fd = machine->good_fd = -1;
        machine->inventory = *inventory;
        *inventory = (struct phx_inventory){ 0 };

        r = open_below(options->state_dir, "cache", &machine->cache_fd, error);
        if (r >= 0)
                r = open_below(options->state_dir, "good", &machine->good_fd, error);
        if (r >= 0)
                r = make_stage_dir(machine, error);
        if (r < 0)
                return r;
        r = make_parts(machine);
        if (r < 0)
                return phx_error_set(error, r, "starting: %s", strerrordesc_np(-r));

        *ret_machine = PHX_TAKE(machine);
        return 0;
}

struct phx_machine *phx_machine_free(struct phx_machine *machine) {
        if (!machine)
                return NULL;

        phx_profiles_free(machine->profiles);
        phx_machine_containers_free(machine->containers);
        phx_definers_free(machine->definers);
        phx_kernel_free(machine->kernel);
        phx_inventory_done(&machine->inventory);
        if (machine->cache_fd >= 0)
                (void) close(machine->cache_fd);
        if (machine->good_fd >= 0)
                (void) close(machine->good_fd);
        free(machine->stage_dir);
        free(machine->features);
        free(machine);

        return NULL;
}

/* CHANGED is what the change of the inventory returned. What could not be saved once is saved with
 * the next change, or by the next look: a record that is only here is lost with us. */
static int save(struct phx_machine *machine, int changed, struct phx_error *error) {
        int r;

        if (changed < 0)
                return changed;
        machine->is_unsaved = machine->is_unsaved || changed > 0;
        if (!machine->is_unsaved)
                return 0;
        r = machine->options.save(machine->options.data, &machine->inventory, error);
        if (r >= 0)
                machine->is_unsaved = false;
        return r;
}

/* --- looking --- */

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
        (void) phx_lxc_remove_leftovers(machine->settings->lxc_path);
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

                if (asprintf(&path, "%s/%s", machine->settings->deployed_dir, links[i]) < 0) {
                        path = NULL;
                        return -ENOMEM;
                }
                r = phx_watches_add_directory(&observed->watches, path);
        }
        if (r >= 0)
                r = phx_strings_add_once(&observed->watches, machine->options.tasks.cgroup);
        phx_strings_sort(&observed->watches);
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
        int r = save(machine, changed, &why);

        if (r >= 0)
                return 0;
        if (!phx_desired_add_refusal(desired, "state", phx_error_text(&why, r)))
                return phx_error_set(error, -ENOMEM, "looking: out of memory");
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
                r = look_at_inner(machine, desired, observed);
        if (r < 0)
                return error && error->text[0] ? r
                                               : phx_error_set(error,
                                                               r,
                                                               "looking: %s",
                                                               strerrordesc_np(-r));

        changed |= forget_withdrawn(machine, desired, observed);
        r = add_watches(machine, observed);
        if (r < 0)
                return phx_error_set(error, r, "looking: %s", strerrordesc_np(-r));
        return save_look(machine, changed, desired, observed, error);
}

void phx_machine_forget(struct phx_machine *machine) {
        phx_definers_forget(machine->definers);
        phx_profiles_forget_failures(machine->profiles);
        phx_machine_containers_forget(machine->containers);
        free(machine->features);
        machine->features = NULL;
}

/* --- changing --- */

/* The file that the drift found; none is the empty digest. */
static const char *old_digest(const struct phx_drift *drift) {
        return drift->old_digest ? drift->old_digest : "";
}

static int install(
                struct phx_machine *machine,
                const struct phx_drift *drift,
                struct phx_error *error) {
        struct phx_machine_text text = { .name = drift->object, .old = old_digest(drift) };
        bool is_new = false;
        int r;

        text.data = phx_profiles_text(machine->profiles, text.name, &text.size);
        if (!text.data)
                return phx_error_set(error, -ENOENT, "%s: its last good text is lost", text.name);
        r = phx_machine_files_claim(machine->settings, &text, &machine->inventory, &is_new);
        r = save(machine, r, error);
        if (r < 0)
                (void) phx_error_set(
                                error,
                                r,
                                "%s: cannot be recorded as ours: %s",
                                text.name,
                                strdupa(phx_error_text(error, r)));
        else
                r = phx_machine_files_install(
                                machine->options.trust,
                                machine->settings,
                                &text,
                                error);
        /* Else the next look would take a file that came in between for ours. */
        if (r < 0 && is_new)
                (void) save(machine,
                            phx_machine_files_disclaim(
                                            machine->settings,
                                            text.name,
                                            &machine->inventory),
                            NULL);
        return r;
}

static int load(struct phx_machine *machine, const char *name, struct phx_error *error) {
        phx_autofree char *blob = NULL;
        size_t size = 0;
        int r;

        r = phx_profiles_blob(machine->profiles, name, &blob, &size);
        if (r < 0)
                return phx_error_set(
                                error,
                                r,
                                "%s: its compiled policy cannot be read: %s",
                                name,
                                strerrordesc_np(-r));
        return phx_kernel_replace(machine->kernel, blob, size, error);
}

static bool is_mode_allowed(
                const struct phx_machine *machine,
                const char *profile,
                enum phx_policy_mode mode) {
        size_t size = 0;

        if (mode == PHX_POLICY_ENFORCE || mode == PHX_POLICY_KILL)
                return true;
        /* The settings are about what our sources may say, not about other people's profiles. */
        if (!phx_profiles_text(machine->profiles, profile, &size))
                return false;
        return (mode == PHX_POLICY_COMPLAIN && machine->settings->allow_complain) ||
               (mode == PHX_POLICY_UNCONFINED && machine->settings->allow_unconfined_flag);
}

/* Since the look somebody may have removed the profile or switched its mode, and the container
 * would not start, or would start less confined than it is now. */
static int check_in_force(
                const struct phx_machine *machine,
                const char *id,
                const char *profile,
                struct phx_error *error) {
        phx_cleanup(phx_loaded_list_done) struct phx_loaded_list list = { 0 };
        const struct phx_loaded *loaded;
        int r;

        if (strcmp(profile, "unconfined") == 0)
                return 0;
        r = phx_kernel_check(machine->kernel, error);
        if (r >= 0)
                r = phx_kernel_observe(machine->kernel, &list, error);
        if (r < 0)
                return r;

        loaded = phx_loaded_find(&list, profile);
        if (!loaded)
                return phx_error_set(
                                error,
                                -ESTALE,
                                "%s: the kernel does not have %s any more",
                                id,
                                profile);
        if (!is_mode_allowed(machine, profile, loaded->mode))
                return phx_error_set(
                                error,
                                -ESTALE,
                                "%s: the kernel has %s in %s mode now, expected enforce",
                                id,
                                profile,
                                phx_policy_mode_to_string(loaded->mode));
        return 0;
}

static int assign(struct phx_machine *machine, const char *id, struct phx_error *error) {
        const char *profile = phx_machine_containers_profile(machine->containers, id);
        int r;

        if (!profile)
                return phx_error_set(error, -ESTALE, "%s: is not on this host any more", id);
        r = check_in_force(machine, id, profile, error);
        if (r < 0)
                return r;
        r = phx_machine_containers_claim(machine->containers, id, &machine->inventory);
        /* Where no line of ours comes in, there is nothing to wait for. */
        if (r > 0)
                r = save(machine, r, error);
        if (r < 0)
                return phx_error_set(
                                error,
                                r,
                                "%s: lines cannot be recorded as ours: %s",
                                id,
                                strdupa(phx_error_text(error, r)));
        return phx_machine_containers_assign(machine->containers, id, error);
}

static int withdraw(
                struct phx_machine *machine,
                const struct phx_drift *drift,
                struct phx_error *error) {
        int r = phx_machine_files_withdraw(
                        machine->options.trust,
                        machine->settings,
                        drift->object,
                        old_digest(drift),
                        &machine->inventory,
                        error);

        if (r < 0)
                return r;
        (void) phx_inventory_remove_profile(&machine->inventory, drift->object);
        phx_profiles_forget(machine->profiles, drift->object);
        return save(machine, 1, error);
}

int phx_machine_preview(
                struct phx_machine *machine,
                const struct phx_drift *drift,
                struct phx_preview *ret_preview) {
        const char *text = NULL;
        size_t size = 0;

        switch (drift->action) {
        case PHX_ACTION_INSTALL:
                text = phx_profiles_text(machine->profiles, drift->object, &size);
                if (!text)
                        return -ENOENT;
                return phx_machine_files_preview(
                                machine->options.trust,
                                machine->settings,
                                drift->object,
                                text,
                                ret_preview);
        case PHX_ACTION_WITHDRAW:
                return phx_machine_files_preview(
                                machine->options.trust,
                                machine->settings,
                                drift->object,
                                NULL,
                                ret_preview);
        case PHX_ACTION_ASSIGN:
                return phx_machine_containers_preview(
                                machine->containers,
                                drift->object,
                                ret_preview);
        case PHX_ACTION_NONE:
        case PHX_ACTION_LOAD:
        case PHX_ACTION_NAMESPACE:
                break;
        }
        return 0;
}

int phx_machine_apply(
                struct phx_machine *machine,
                const struct phx_drift *drift,
                struct phx_error *error) {
        switch (drift->action) {
        case PHX_ACTION_NONE:
                return 0;
        case PHX_ACTION_INSTALL:
                return install(machine, drift, error);
        case PHX_ACTION_LOAD:
                return load(machine, drift->object, error);
        case PHX_ACTION_NAMESPACE:
                return phx_kernel_make_namespace(machine->kernel, drift->expected, error);
        case PHX_ACTION_ASSIGN:
                return assign(machine, drift->object, error);
        case PHX_ACTION_WITHDRAW:
                return withdraw(machine, drift, error);
        }
        return phx_error_set(error, -EINVAL, "%s: unknown action", drift->object);
}
