/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A change of what is right takes time: a policy is loaded, a config is edited. A container may be
 * started at any moment of it, and both the old and the new are right then. So a look writes down
 * the new, and with it the old, where
 *
 *   the kernel, or the config, still has it, and
 *   it was written down as right before, and
 *   it confines: "unconfined" is never an old value to go on with.
 *
 * That happens before the first step of the plan is carried out; a step that would make a policy or
 * a config right that is not written down is not carried out (CODE). The look after the change
 * writes down the new alone. What is already there is not written again.
 *
 * The disk is not waited for: after a crash of the machine the file may be an old or a damaged one,
 * and the first pass, before which no container is started at boot, writes it again. */

#include "machine/gate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "state/configuration.h"
#include "state/gate_verdict.h"
#include "state/gated.h"

/* Proxmox's own, which no setting of ours changes. */
#define PVE_PATH "/var/lib/lxc"

void phx_machine_gate_done(struct phx_machine_gate *gate) {
        phx_gate_done(&gate->last);
        free(gate->boot);
        gate->boot = NULL;
}

/* --- what is right --- */

static bool gate_has_profile(const struct phx_gate *gate, const char *profile) {
        for (size_t i = 0; i < gate->policies.count; i++)
                if (strcmp(gate->policies.items[i].name, profile) == 0)
                        return true;
        return false;
}

/* Whether NAME with this hash was right until now. */
static bool gate_was_right(
                const struct phx_gate *last,
                const char *name,
                const struct phx_kernel_entry *have) {
        for (size_t i = 0; i < last->policies.count; i++) {
                const struct phx_kernel_entry *policy = &last->policies.items[i];

                if (strcmp(policy->name, name) == 0 && phx_equal(policy->hash, have->hash))
                        return true;
        }
        return false;
}

/* The version that the kernel has, if it stays right beside WANT; else NULL. */
static const struct phx_kernel_entry *gate_old_policy(
                const struct phx_gate *last,
                const struct phx_kernel_entry *want,
                const struct phx_kernel_entries *loaded) {
        const struct phx_kernel_entry *have = phx_kernel_entries_find(loaded, want->name);

        if (!have || !want->hash || !have->hash || phx_equal(have->hash, want->hash) ||
            !phx_policy_mode_is_enforced(have->mode) || !gate_was_right(last, want->name, have))
                return NULL;
        return have;
}

static int gate_add_policy(
                const struct phx_gate *last,
                const struct phx_kernel_entry *want,
                const struct phx_kernel_entries *loaded,
                struct phx_gate *gate) {
        const struct phx_kernel_entry *old = gate_old_policy(last, want, loaded);
        int r = phx_kernel_entries_add(&gate->policies, want->name, want->mode, want->hash);

        if (r < 0 || !old)
                return r;
        return phx_kernel_entries_add(&gate->policies, old->name, old->mode, old->hash);
}

/* The new version of a profile may have a child that the old one does not define: with the old one
 * that is whole without it. */
static int gate_add_profile(
                const struct phx_gate *last,
                const struct phx_desired_profile *profile,
                const struct phx_kernel_entries *loaded,
                struct phx_gate *gate) {
        const struct phx_kernel_entry *parent = phx_kernel_entries_find(
                        &profile->policy,
                        profile->name);
        bool has_old = parent && gate_old_policy(last, parent, loaded);
        int r = 0;

        for (size_t i = 0; r >= 0 && i < profile->policy.count; i++) {
                const struct phx_kernel_entry *want = &profile->policy.items[i];

                if (!has_old || phx_kernel_entries_find(loaded, want->name) ||
                    gate_has_profile(last, want->name))
                        r = gate_add_policy(last, want, loaded, gate);
        }
        return r;
}

static void gate_mark(const struct phx_desired *desired, const char *name, bool *is_used) {
        const struct phx_desired_profile *profile = phx_desired_find_profile(desired, name);

        if (profile)
                is_used[profile - desired->profiles] = true;
}

/* The profiles that containers are to have, or have now. */
static void gate_mark_profiles(
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                bool *is_used) {
        for (size_t i = 0; i < desired->container_count; i++)
                if (phx_gated_concerns(&desired->containers[i]))
                        gate_mark(desired, desired->containers[i].profile, is_used);
        for (size_t i = 0; i < observed->container_count; i++) {
                struct phx_label_part part = { 0 };

                while (phx_label_next_part(observed->containers[i].effective, &part))
                        gate_mark(desired, part.name, is_used);
        }
}

static int gate_add_policies(
                const struct phx_gate *last,
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                struct phx_gate *gate) {
        phx_autofree bool *is_used = calloc(desired->profile_count + 1, sizeof(*is_used));
        int r = 0;

        if (!is_used)
                return -ENOMEM;
        gate_mark_profiles(desired, observed, is_used);
        for (size_t i = 0; r >= 0 && i < desired->profile_count; i++) {
                const struct phx_desired_profile *profile = &desired->profiles[i];

                if (is_used[i] && profile->has_good)
                        r = gate_add_profile(last, profile, &observed->loaded, gate);
        }
        return r;
}

/* The policies of a label that was right until now, whose profile may not be desired any more. */
static int gate_keep_policies(
                const struct phx_gate *last,
                const char *label,
                struct phx_gate *gate) {
        phx_cleanup(phx_strings_done) struct phx_strings profiles = { 0 };
        int r = phx_gate_profiles(label, &profiles);

        for (size_t i = 0; r >= 0 && i < profiles.count; i++) {
                if (gate_has_profile(gate, profiles.items[i]))
                        continue;
                for (size_t j = 0; r >= 0 && j < last->policies.count; j++) {
                        const struct phx_kernel_entry *policy = &last->policies.items[j];

                        if (phx_label_name_is_of(policy->name, profiles.items[i]))
                                r = phx_kernel_entries_add(
                                                &gate->policies,
                                                policy->name,
                                                policy->mode,
                                                policy->hash);
                }
        }
        return r;
}

/* The label that the config still has, if it is another one. NULL: it is not right any more. */
static const char *gate_old_label(
                const struct phx_gate *last,
                const char *directory,
                const char *label,
                const struct phx_observed_container *have) {
        const struct phx_gate_container *before;

        if (!have || !have->effective || strcmp(have->effective, label) == 0 ||
            phx_label_is_unconfined(have->effective))
                return NULL;
        before = phx_gate_find_container(last, directory);
        return before && phx_strings_has(&before->labels, have->effective) ? have->effective : NULL;
}

static const struct phx_label *gate_label_of_init(const struct phx_observed_container *have) {
        for (size_t i = 0; i < have->seen.count; i++) {
                const struct phx_task *task = &have->seen.items[i];

                if (task->tid == have->init && task->is_known && !task->is_starting)
                        return &task->label;
        }
        return NULL;
}

/* What its init keeps when it reboots itself: LXC does not read its config then. */
static int gate_add_running(
                const char *label,
                const struct phx_observed_container *have,
                struct phx_gate_container *container) {
        const struct phx_label *init;

        if (!have || have->init <= 0 || have->wrong == 0 || have->init_started == 0)
                return 0;
        init = gate_label_of_init(have);
        if (!init || !init->text || strcmp(init->text, label) == 0)
                return 0;
        container->running_since = have->init_started;
        return phx_label_render(init, &container->running);
}

static uint64_t gate_until(const struct phx_suspensions *suspensions, const char *object) {
        const struct phx_suspension *found = phx_suspensions_find(suspensions, object);

        return found ? found->until : 0;
}

static uint64_t gate_suspended_until(
                const struct phx_suspensions *suspensions,
                const struct phx_desired_container *want) {
        const char *const objects[] = { want->id, want->profile, PHX_SUSPEND_ALL };
        uint64_t last = 0;

        for (size_t i = 0; i < PHX_ELEMENTS(objects); i++) {
                uint64_t until = gate_until(suspensions, objects[i]);

                if (until > last)
                        last = until;
        }
        return last;
}

static int gate_add_directory(
                const struct phx_gate *last,
                const struct phx_desired_container *want,
                const char *directory,
                const struct phx_observed *observed,
                struct phx_gate *gate) {
        struct phx_gate_container *container = phx_gate_add_container(gate, directory);
        const struct phx_observed_container *have = phx_observed_find_container(
                        observed,
                        directory);
        const char *old = gate_old_label(last, directory, want->label, have);
        int r;

        if (!container ||
            (strcmp(directory, want->id) != 0 && phx_replace(&container->id, want->id) < 0))
                return -ENOMEM;
        r = gate_add_running(want->label, have, container);
        if (r >= 0)
                r = phx_strings_add(&container->labels, want->label);
        if (r < 0 || !old)
                return r;
        r = phx_strings_add(&container->labels, old);
        return r < 0 ? r : gate_keep_policies(last, old, gate);
}

/* Whether the directory NAME would be that of WANT alone, as reconcile/desire.c decides when it is
 * there. */
static bool gate_is_name_of(
                const struct phx_desired *desired,
                const struct phx_desired_container *want,
                const char *name) {
        if (!name || !phx_is_container_id(name) || strcmp(name, want->id) == 0)
                return false;
        for (size_t i = 0; i < desired->container_count; i++) {
                const struct phx_desired_container *other = &desired->containers[i];

                if (other != want && (strcmp(other->id, name) == 0 || phx_equal(other->name, name)))
                        return false;
        }
        return true;
}

/* One that is not on this host yet will be found by its id, or by its name. */
static int gate_add_container(
                const struct phx_gate *last,
                const struct phx_desired *desired,
                const struct phx_desired_container *want,
                const struct phx_observed *observed,
                struct phx_gate *gate) {
        uint64_t suspended_until = gate_suspended_until(&desired->suspensions, want);
        size_t first = gate->container_count;
        int r;

        if (want->directory)
                r = gate_add_directory(last, want, want->directory, observed, gate);
        else {
                r = gate_add_directory(last, want, want->id, observed, gate);
                if (r >= 0 && gate_is_name_of(desired, want, want->name))
                        r = gate_add_directory(last, want, want->name, observed, gate);
        }
        for (size_t i = first; i < gate->container_count; i++)
                gate->containers[i].suspended_until = suspended_until;
        return r;
}

static int gate_add_pve_path(const struct phx_observed *observed, struct phx_gate *gate) {
        if (strcmp(gate->lxc_path, PVE_PATH) == 0)
                return 0;
        for (size_t i = 0; i < observed->container_count; i++)
                if (observed->containers[i].backend == PHX_BACKEND_PVE)
                        return phx_replace(&gate->pve_path, PVE_PATH);
        return 0;
}

static enum phx_boot_gate gate_level_of(enum phx_mode mode, enum phx_boot_gate gate) {
        return mode == PHX_MODE_OBSERVE && gate == PHX_BOOT_GATE_REFUSE ? PHX_BOOT_GATE_WARN : gate;
}

static int gate_make(
                const struct phx_gate *last,
                const struct phx_settings *settings,
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                struct phx_gate *gate) {
        int r;

        gate->level = gate_level_of(settings->mode, settings->boot_gate);
        if (phx_replace(&gate->lxc_path, settings->lxc_path) < 0)
                return -ENOMEM;
        r = gate_add_pve_path(observed, gate);
        if (r >= 0)
                r = gate_add_policies(last, desired, observed, gate);
        for (size_t i = 0; r >= 0 && i < desired->container_count; i++) {
                const struct phx_desired_container *want = &desired->containers[i];

                if (phx_gated_concerns(want))
                        r = gate_add_container(last, desired, want, observed, gate);
        }
        return r;
}

/* Nothing that is written down depends on the boot while every container runs as it is to. */
static int gate_add_boot(const struct phx_machine_gate *gate, struct phx_gate *made) {
        for (size_t i = 0; i < made->container_count; i++)
                if (made->containers[i].running)
                        return phx_replace(&made->boot, gate->boot);
        return 0;
}

/* --- the files --- */

/* Of the whole file: what is wrong with its own checksum is another file. */
static void gate_checksum(const char *file, size_t size, char checksum[PHX_SEAL_HEX]) {
        phx_seal_checksum(PHX_GATE_CONTAINERS, file, size, checksum);
}

/* FILE is what is there now. */
static int gate_take(struct phx_machine_gate *gate, const char *file, size_t size) {
        struct phx_gate read = { 0 };
        int r = phx_gate_parse(file, size, &read);

        if (r < 0)
                return r;
        phx_gate_done(&gate->last);
        gate->last = read;
        gate_checksum(file, size, gate->checksum);
        return 0;
}

/* What is damaged, or another version's, says nothing of what was right. */
static int gate_load(struct phx_machine_gate *gate) {
        phx_autofree char *file = NULL;
        size_t size = 0;
        int r;

        if (gate->is_loaded)
                return 0;
        gate->is_loaded = true;
        if (phx_file_read_at(gate->fd, PHX_GATE_CONTAINERS, PHX_GATE_LIMIT, &file, &size) < 0)
                return 0;
        r = gate_take(gate, file, size);
        return r == -EBADMSG ? 0 : r;
}

static struct phx_stamp gate_stamp(const struct phx_machine_gate *gate) {
        struct stat st;

        if (fstatat(gate->fd, PHX_GATE_CONTAINERS, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return (struct phx_stamp){ 0 };
        return phx_stamp_of(&st);
}

static bool gate_is_there(const struct phx_machine_gate *gate, const struct phx_buffer *file) {
        const struct phx_stamp stamp = gate_stamp(gate);
        char checksum[PHX_SEAL_HEX];

        gate_checksum(file->data, file->size, checksum);
        return strcmp(gate->checksum, checksum) == 0 && stamp.inode != 0 &&
               (gate->stamp.inode == 0 || phx_stamp_equal(&stamp, &gate->stamp));
}

/* The word is there from before the first container that is written down. */
static int gate_write_without_state(
                struct phx_machine_gate *gate,
                const struct phx_settings *settings) {
        enum phx_boot_gate level = gate_level_of(settings->mode, settings->boot_gate_without_state);
        const char *word = phx_boot_gate_to_string(
                        settings->boot_gate == PHX_BOOT_GATE_OFF ? PHX_BOOT_GATE_OFF : level);
        int r;

        if (gate->without == word)
                return 0;
        r = phx_file_ensure_at(gate->fd, PHX_GATE_WITHOUT_STATE, word, strlen(word), 0600);
        if (r >= 0)
                gate->without = word;
        return r;
}

/* 1 when it was not there yet. */
static int gate_put(struct phx_machine_gate *gate, const struct phx_buffer *file) {
        int r;

        if (gate_is_there(gate, file)) {
                gate->stamp = gate_stamp(gate);
                return 0;
        }
        r = phx_file_write_unsynced_at(gate->fd, PHX_GATE_CONTAINERS, file->data, file->size, 0600);
        if (r < 0)
                return r;
        gate->stamp = gate_stamp(gate);
        r = gate_take(gate, file->data, file->size);
        return r < 0 ? r : 1;
}

static int gate_write(
                struct phx_machine_gate *gate,
                const struct phx_settings *settings,
                const struct phx_gate *made) {
        phx_cleanup(phx_buffer_done) struct phx_buffer file = { 0 };
        int r = gate_write_without_state(gate, settings);

        if (r >= 0)
                r = phx_gate_render(made, &file);
        return r < 0 ? r : gate_put(gate, &file);
}

/* What is right is not known now; what the settings say of the gate is, and is obeyed where there
 * has been a configuration before. */
static int gate_write_level(struct phx_machine_gate *gate, const struct phx_settings *settings) {
        phx_cleanup(phx_buffer_done) struct phx_buffer file = { 0 };
        struct phx_gate made = gate->last; /* which keeps what it owns */
        struct stat st;
        int r = 0;

        if (gate->without || fstatat(gate->fd, PHX_GATE_WITHOUT_STATE, &st, 0) >= 0)
                r = gate_write_without_state(gate, settings);
        if (r < 0 || !gate->last.lxc_path)
                return r;
        made.level = gate_level_of(settings->mode, settings->boot_gate);
        r = phx_gate_render(&made, &file);
        return r < 0 ? r : gate_put(gate, &file);
}

static int gate_remember(
                struct phx_machine_gate *gate,
                const struct phx_settings *settings,
                const struct phx_desired *desired,
                const struct phx_observed *observed) {
        phx_cleanup(phx_gate_done) struct phx_gate made = { 0 };
        int r = gate_make(&gate->last, settings, desired, observed, &made);

        if (r >= 0)
                r = gate_add_boot(gate, &made);
        return r < 0 ? r : gate_write(gate, settings, &made);
}

int phx_machine_gate_remember(
                struct phx_machine_gate *gate,
                const struct phx_settings *settings,
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                struct phx_error *error) {
        int r;

        if (!settings)
                return 0;
        r = gate_load(gate);
        if (r >= 0)
                r = desired->has_configuration ? gate_remember(gate, settings, desired, observed)
                                               : gate_write_level(gate, settings);
        gate->code = r < 0 && settings->boot_gate != PHX_BOOT_GATE_OFF ? r : 0;
        return r < 0 ? phx_error_set(error,
                                     r,
                                     "the boot gate's record cannot be written: %s",
                                     strerrordesc_np(-r))
                     : r;
}
