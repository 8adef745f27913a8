/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "world_fake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/grow.h"
#include "world_fake_private.h"

#define TASKS_OF_A_CONTAINER 3
#define INIT_OF_A_CONTAINER 4711

struct fake *fake_new(void) {
        struct fake *fake = calloc(1, sizeof(*fake));

        must(fake);
        fake->desired = calloc(1, sizeof(*fake->desired));
        fake->observed = calloc(1, sizeof(*fake->observed));
        must(fake->desired && fake->observed);
        fake->desired->has_configuration = true;
        (void) snprintf(fake->desired->generation, sizeof(fake->desired->generation), "g1");
        fake->observed->retry_usec = UINT64_MAX;
        return fake;
}

static void record_done(struct fake_record *record) {
        free(record->message);
        free(record->layer);
        free(record->drift);
        free(record->profile);
        free(record->container);
        free(record->path);
        free(record->generation);
        free(record->old_digest);
        free(record->new_digest);
}

void fake_forget_records(struct fake *fake) {
        for (size_t i = 0; i < fake->record_count; i++)
                record_done(&fake->records[i]);
        free(fake->records);
        fake->records = NULL;
        fake->record_count = 0;
}

struct fake *fake_free(struct fake *fake) {
        if (!fake)
                return NULL;

        fake_forget_records(fake);
        for (size_t i = 0; i < fake->task_count; i++) {
                free(fake->tasks[i].directory);
                free(fake->tasks[i].label);
        }
        free(fake->tasks);
        phx_desired_free(fake->desired);
        phx_observed_free(fake->observed);
        free(fake);

        return NULL;
}

void fake_restart(struct fake *fake) {
        fake->is_down = false;
        fake->fault = FAKE_SOUND;
}

/* The first breach is the cause of those that follow. */
static void breach(struct fake *fake, const char *what, const char *object) {
        if (fake->breach[0] == '\0')
                (void) snprintf(fake->breach, sizeof(fake->breach), "%s: %s", object, what);
}

struct phx_desired_profile *fake_profile(
                struct fake *fake,
                const char *name,
                const char *file,
                const char *policy) {
        struct phx_desired_profile *profile = phx_desired_add_profile(fake->desired, name);

        must(profile);
        profile->has_good = true;
        (void) snprintf(profile->digest, sizeof(profile->digest), "%s", file);
        (void) snprintf(profile->key, sizeof(profile->key), "key of %s", name);
        must(phx_kernel_entries_add(&profile->policy, name, PHX_POLICY_ENFORCE, policy) >= 0);
        return profile;
}

void fake_configure(struct fake *fake, const char *id, const char *directory, const char *profile) {
        struct phx_desired_container *container = phx_desired_add_container(fake->desired, id);

        must(container);
        set(&container->directory, directory);
        must(phx_desired_container_set_profile(container, profile, NULL) >= 0);
}

static struct phx_observed_file *find_file(struct fake *fake, const char *name) {
        for (size_t i = 0; i < fake->observed->file_count; i++)
                if (strcmp(fake->observed->files[i].name, name) == 0)
                        return &fake->observed->files[i];
        return NULL;
}

struct phx_observed_file *fake_deploy(
                struct fake *fake,
                const char *name,
                const char *content,
                bool is_owned) {
        struct phx_observed_file *file = find_file(fake, name);

        if (!file)
                file = phx_observed_add_file(fake->observed, name);
        must(file);
        set(&file->content, content);
        set(&file->trouble, NULL);
        file->is_owned = is_owned;
        return file;
}

void fake_load(struct fake *fake, const char *name, enum phx_policy_mode mode, const char *hash) {
        struct phx_kernel_entries *loaded = &fake->observed->loaded;

        for (size_t i = 0; i < loaded->count; i++) {
                if (strcmp(loaded->items[i].name, name) != 0)
                        continue;
                loaded->items[i].mode = mode;
                set(&loaded->items[i].hash, hash);
                return;
        }
        must(phx_kernel_entries_add(loaded, name, mode, hash) >= 0);
}

static struct phx_observed_container *find_container(struct fake *fake, const char *directory) {
        for (size_t i = 0; i < fake->observed->container_count; i++)
                if (phx_equal(fake->observed->containers[i].directory, directory))
                        return &fake->observed->containers[i];
        return NULL;
}

struct phx_observed_container *fake_create(
                struct fake *fake,
                const char *directory,
                const char *effective) {
        struct phx_observed_container *container = phx_observed_add_container(
                        fake->observed,
                        directory);

        must(container);
        set(&container->effective, effective);
        return container;
}

void fake_start(struct fake *fake, const char *directory, const char *label) {
        struct fake_task *task = NULL;

        for (size_t i = 0; i < fake->task_count; i++)
                if (strcmp(fake->tasks[i].directory, directory) == 0)
                        task = &fake->tasks[i];
        if (!task) {
                task = phx_grow(&fake->tasks, &fake->task_count, sizeof(*task));
                must(task);
                set(&task->directory, directory);
        }
        set(&task->label, label);
}

static void copy_entries(struct phx_kernel_entries *to, const struct phx_kernel_entries *from) {
        for (size_t i = 0; i < from->count; i++) {
                const struct phx_kernel_entry *entry = &from->items[i];

                must(phx_kernel_entries_add(to, entry->name, entry->mode, entry->hash) >= 0);
        }
}

static void copy_profile(struct phx_desired *to, const struct phx_desired_profile *from) {
        struct phx_desired_profile *profile = phx_desired_add_profile(to, from->name);

        must(profile);
        profile->state = from->state;
        profile->has_good = from->has_good;
        profile->is_new = from->is_new;
        memcpy(profile->old_digest, from->old_digest, sizeof(profile->old_digest));
        set(&profile->refusal, from->refusal);
        memcpy(profile->digest, from->digest, sizeof(profile->digest));
        memcpy(profile->key, from->key, sizeof(profile->key));
        copy_entries(&profile->policy, &from->policy);
        must(phx_lints_copy(&profile->lints, &from->lints) >= 0);
}

static void copy_configured(struct phx_desired *to, const struct phx_desired_container *from) {
        struct phx_desired_container *container = phx_desired_add_container(to, from->id);

        must(container);
        set(&container->name, from->name);
        container->profile_is_default = from->profile_is_default;
        container->state = from->state;
        set(&container->directory, from->directory);
        must(phx_desired_container_set_profile(container, from->profile, from->namespace) >= 0);
        set(&container->suggestion, from->suggestion);
        set(&container->suggestion_why, from->suggestion_why);
        must(phx_lxc_options_copy(&container->options, &from->options) >= 0);
        must(phx_creation_copy(&container->creation, from->creation) >= 0);
        must(phx_strings_copy(&container->notes, &from->notes) >= 0);
        must(phx_lints_copy(&container->lints, &from->lints) >= 0);
}

struct phx_desired *fake_copy_desired(const struct fake *fake) {
        const struct phx_desired *from = fake->desired;
        struct phx_desired *to = calloc(1, sizeof(*to));

        must(to);
        to->mode = from->mode;
        to->has_configuration = from->has_configuration;
        must(phx_suspensions_copy(&to->suspensions, &from->suspensions) >= 0);
        must(phx_strings_copy(&to->notes, &from->notes) >= 0);
        memcpy(to->generation, from->generation, sizeof(to->generation));
        for (size_t i = 0; i < from->profile_count; i++)
                copy_profile(to, &from->profiles[i]);
        for (size_t i = 0; i < from->container_count; i++)
                copy_configured(to, &from->containers[i]);
        for (size_t i = 0; i < from->refusal_count; i++) {
                struct phx_refusal *refusal = phx_desired_add_refusal(
                                to,
                                from->refusals[i].refused,
                                from->refusals[i].object,
                                from->refusals[i].text);

                must(refusal);
                refusal->is_transient = from->refusals[i].is_transient;
        }
        return to;
}

static void copy_container(struct phx_observed *to, const struct phx_observed_container *from) {
        struct phx_observed_container *container = phx_observed_add_container(to, from->directory);

        must(container);
        set(&container->effective, from->effective);
        set(&container->lock, from->lock);
        container->restart = from->restart;
        set(&container->digest, from->digest);
        set(&container->trouble, from->trouble);
        must(phx_label_copy(&container->example, &from->example) >= 0);
        container->example_tid = from->example_tid;
        for (size_t i = 0; i < from->wrong_lines.count; i++)
                must(phx_wrong_lines_add(
                                     &container->wrong_lines,
                                     from->wrong_lines.items[i].fault,
                                     from->wrong_lines.items[i].key) >= 0);
        for (size_t i = 0; i < from->at_start.count; i++)
                must(phx_wrong_lines_add(
                                     &container->at_start,
                                     from->at_start.items[i].fault,
                                     from->at_start.items[i].key) >= 0);
        set(&container->at_start_unknown, from->at_start_unknown);
        container->at_start_waits = from->at_start_waits;
        must(phx_strings_copy(&container->refused_options, &from->refused_options) >= 0);
        must(phx_strings_copy(&container->labels, &from->labels) >= 0);
        container->is_running = from->is_running;
        container->tasks = from->tasks;
        container->starting = from->starting;
        container->wrong = from->wrong;
        container->unknown = from->unknown;
        container->init = from->init;
}

/* Enforced, or as free as the configuration wants it. */
static bool is_label_right(const struct fake *fake, const char *label, const char *profile) {
        const struct phx_kernel_entry *entry = phx_kernel_entries_find(
                        &fake->observed->loaded,
                        label);

        if (strcmp(label, profile) != 0)
                return false;
        return strcmp(label, "unconfined") == 0 || (entry && entry->mode == PHX_POLICY_ENFORCE);
}

static void show_tasks(
                const struct fake *fake,
                struct phx_observed *observed,
                const struct fake_task *task) {
        const char *profile = NULL;

        for (size_t i = 0; i < fake->desired->container_count; i++)
                if (phx_equal(fake->desired->containers[i].directory, task->directory))
                        profile = fake->desired->containers[i].profile;
        for (size_t i = 0; i < observed->container_count && task->label; i++) {
                struct phx_observed_container *container = &observed->containers[i];

                if (strcmp(container->directory, task->directory) != 0)
                        continue;
                container->is_running = true;
                container->tasks = TASKS_OF_A_CONTAINER;
                container->init = INIT_OF_A_CONTAINER;
                if (profile && !is_label_right(fake, task->label, profile))
                        container->wrong = TASKS_OF_A_CONTAINER;
                if (phx_label_parse(task->label, &container->example) < 0)
                        set(&container->example.text, task->label);
                container->example_tid = 4711;
                must(phx_strings_add_once(&container->labels, container->example.text) >= 0);
        }
}

struct phx_observed *fake_copy_observed(const struct fake *fake) {
        const struct phx_observed *from = fake->observed;
        struct phx_observed *to = calloc(1, sizeof(*to));

        must(to);
        set(&to->kernel_trouble, from->kernel_trouble);
        set(&to->lxc_path, from->lxc_path);
        must(phx_strings_copy(&to->namespaces, &from->namespaces) >= 0);
        copy_entries(&to->loaded, &from->loaded);
        for (size_t i = 0; i < from->file_count; i++) {
                struct phx_observed_file *file = phx_observed_add_file(to, from->files[i].name);

                must(file);
                set(&file->content, from->files[i].content);
                set(&file->trouble, from->files[i].trouble);
                set(&file->disabled, from->files[i].disabled);
                file->is_owned = from->files[i].is_owned;
        }
        for (size_t i = 0; i < from->container_count; i++)
                copy_container(to, &from->containers[i]);
        must(phx_strings_copy(&to->watches, &from->watches) >= 0);
        to->retry_usec = from->retry_usec;
        for (size_t i = 0; i < fake->task_count; i++)
                show_tasks(fake, to, &fake->tasks[i]);
        return to;
}

static int on_judge(void *data, struct phx_input *ret_input, struct phx_error *error) {
        struct fake *fake = data;

        if (fake->is_down)
                return phx_error_set(error, -ECONNABORTED, "the machine is down");
        if (fake->meddle)
                fake->meddle(fake);
        fake->looks++;
        ret_input->judged = fake_copy_desired(fake);
        /* It is news once. */
        for (size_t i = 0; i < fake->desired->profile_count; i++)
                fake->desired->profiles[i].is_new = false;
        return 0;
}

static int on_observe(
                void *data,
                const struct phx_input *input,
                struct phx_observed **ret_observed,
                struct phx_error *error) {
        *ret_observed = fake_copy_observed(data);
        return 0;
}

/* What the cache and the last good texts have: what was judged, however long ago. */
static const struct phx_desired_profile *find_good(const struct fake *fake, const char *name) {
        const struct phx_desired_profile *profile = phx_desired_find_profile(fake->desired, name);

        return profile && profile->has_good ? profile : NULL;
}

static void install(struct fake *fake, const struct phx_step_file *step) {
        const struct phx_observed_file *file = find_file(fake, step->name);

        if (!find_good(fake, step->name))
                breach(fake, "acted on a profile that never was good", step->name);
        if (file && (file->content || file->trouble) && !file->is_owned)
                breach(fake, "a file that is not ours was overwritten", step->name);
        (void) fake_deploy(fake, step->name, step->text, true);
}

static int load(struct fake *fake, const struct phx_step_policy *step) {
        const struct phx_desired_profile *profile = find_good(fake, step->profile);

        if (!profile) {
                breach(fake, "acted on a profile that never was good", step->profile);
                return 0;
        }
        if (!phx_equal(profile->key, step->key))
                return -ENOENT;
        for (size_t i = 0; i < profile->policy.count; i++)
                fake_load(fake,
                          profile->policy.items[i].name,
                          profile->policy.items[i].mode,
                          profile->policy.items[i].hash);
        return 0;
}

static int withdraw(struct fake *fake, const struct phx_step_file *step) {
        const struct phx_observed_file *file = find_file(fake, step->name);

        if (!file || !file->is_owned)
                breach(fake, "a file that is not ours was removed", step->name);
        for (size_t i = 0; i < fake->observed->container_count; i++) {
                if (!phx_equal(fake->observed->containers[i].effective, step->name))
                        continue;
                /* Here and below: somebody else was quicker, so the engine is told to look again.
                 */
                if (fake->meddle)
                        return -ESTALE;
                breach(fake, "a file that is in use was removed", step->name);
        }
        (void) fake_deploy(fake, step->name, NULL, false);
        return 0;
}

/* P1, from the machine's side: nobody is ever sent into what does not confine. */
static int assign(struct fake *fake, const char *id, const struct phx_step_edit *step) {
        struct phx_observed_container *have = find_container(fake, step->directory);
        const char *namespace = strstr(step->label, "//&:");
        const struct phx_kernel_entry *entry = phx_kernel_entries_find(
                        &fake->observed->loaded,
                        step->profile);
        bool confines = entry && entry->mode == PHX_POLICY_ENFORCE;
        char name[256] = "";

        if (!have)
                return -ENOENT;
        if (strcmp(have->digest ? have->digest : "", step->digest) != 0)
                return -ESTALE;
        if (strcmp(step->profile, "unconfined") != 0 && !confines) {
                if (fake->meddle)
                        return -ESTALE;
                breach(fake, "assigned to a profile that does not confine", id);
        }
        if (namespace)
                (void) snprintf(name,
                                sizeof(name),
                                "%.*s",
                                (int) strcspn(namespace + 4, ":"),
                                namespace + 4);
        if (namespace && !phx_strings_has(&fake->observed->namespaces, name))
                breach(fake, "assigned to a namespace that is not there", id);
        set(&have->effective, step->label);
        phx_wrong_lines_done(&have->wrong_lines);
        return 0;
}

static const struct phx_desired_container *find_configured(
                const struct fake *fake,
                const char *id) {
        for (size_t i = 0; i < fake->desired->container_count; i++)
                if (strcmp(fake->desired->containers[i].id, id) == 0)
                        return &fake->desired->containers[i];
        return NULL;
}

static int make_namespace(struct fake *fake, const struct phx_step *step) {
        const struct phx_desired_container *container = find_configured(fake, step->drift->object);

        if (!container || !phx_equal(container->namespace, step->namespace))
                breach(fake, "made a namespace that nobody asked for", step->drift->object);
        return phx_strings_add_once(&fake->observed->namespaces, step->namespace);
}

/* By what the step carries alone. */
static int perform(struct fake *fake, const struct phx_step *step) {
        switch (step->kind) {
        case PHX_ACTION_INSTALL:
                install(fake, &step->file);
                return 0;
        case PHX_ACTION_LOAD:
                return load(fake, &step->policy);
        case PHX_ACTION_NAMESPACE:
                return make_namespace(fake, step);
        case PHX_ACTION_ASSIGN:
                return assign(fake, step->drift->object, &step->edit);
        case PHX_ACTION_WITHDRAW:
                return withdraw(fake, &step->file);
        case PHX_ACTION_RESTART:
        case PHX_ACTION_START:
        case PHX_ACTION_STOP:
        case PHX_ACTION_CREATE:
        case PHX_ACTION_NONE:
                break;
        }
        breach(fake, "there was nothing to do, and it was done", step->drift->object);
        return 0;
}

static void watch_over(struct fake *fake, const struct phx_drift *drift) {
        const struct fake_record *last = fake->record_count > 0
                                                         ? &fake->records[fake->record_count - 1]
                                                         : NULL;

        if (!last || last->kind != PHX_RECORD_INTENT || last->action != drift->action)
                breach(fake, "an action without an intent before it", drift->object);
        if (!fake->desired->has_configuration)
                breach(fake, "an action before anything was accepted", drift->object);
        if (fake->desired->mode == PHX_MODE_OBSERVE)
                breach(fake, "an action in observe mode", drift->object);
}

static int on_apply(void *data, const struct phx_step *step, struct phx_error *error) {
        const struct phx_drift *drift = step->drift;
        struct fake *fake = data;
        enum fake_fault fault = FAKE_SOUND;
        int r = 0;

        if (fake->is_down)
                return phx_error_set(error, -ECONNABORTED, "the machine is down");
        if (fake->meddle)
                fake->meddle(fake);
        fake->actions++;
        watch_over(fake, drift);
        if (fake->fault_at == 0 || fake->fault_at == fake->actions)
                fault = fake->fault;

        fake->is_down = fault == FAKE_CRASH || fault == FAKE_CRASH_BEFORE;
        if (fault != FAKE_FAIL && fault != FAKE_LIE && fault != FAKE_CRASH_BEFORE)
                r = perform(fake, step);
        if (r < 0)
                return phx_error_set(error, r, "%s: changed meanwhile", drift->object);
        if (fault == FAKE_SOUND || fault == FAKE_LIE)
                return 0;
        return phx_error_set(
                        error,
                        fake->fault_error ? fake->fault_error : -EACCES,
                        "%s: no such luck",
                        drift->object);
}

static int on_claim(void *data, const struct phx_step *const *steps, size_t count) {
        struct fake *fake = data;

        if (fake->claim_failures == 0)
                return 0;
        fake->claim_failures--;
        return -EIO;
}

static bool on_is_unchanged(void *data) {
        const struct fake *fake = data;

        return fake->is_still;
}

struct phx_world fake_world(struct fake *fake) {
        return (struct phx_world){ .judge = on_judge,
                                   .observe = on_observe,
                                   .claim = on_claim,
                                   .apply = on_apply,
                                   .is_unchanged = on_is_unchanged,
                                   .data = fake };
}
