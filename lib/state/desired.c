/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "state/desired.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/grow.h"
#include "state/labels.h"

int phx_kernel_entries_add(
                struct phx_kernel_entries *entries,
                const char *name,
                enum phx_policy_mode mode,
                const char *hash) {
        struct phx_kernel_entry *entry = phx_grow(&entries->items, &entries->count, sizeof(*entry));

        if (!entry || phx_replace(&entry->name, name) < 0 || phx_replace(&entry->hash, hash) < 0)
                return -ENOMEM;
        entry->mode = mode;
        return 0;
}

const struct phx_kernel_entry *phx_kernel_entries_find(
                const struct phx_kernel_entries *entries,
                const char *name) {
        size_t at = phx_index_find(
                        &entries->by_name,
                        entries->items,
                        entries->count,
                        sizeof(*entries->items),
                        name,
                        strlen(name));

        return at < entries->count ? &entries->items[at] : NULL;
}

int phx_kernel_entries_index(struct phx_kernel_entries *entries) {
        return phx_index_make(
                        &entries->by_name,
                        entries->items,
                        entries->count,
                        sizeof(*entries->items));
}

const struct phx_kernel_entry *phx_kernel_entries_next(
                const struct phx_kernel_entries *entries,
                const char *prefix,
                size_t *at) {
        bool is_indexed = entries->by_name.count == entries->count;

        if (*at == 0 && is_indexed)
                *at = phx_index_before(
                                &entries->by_name,
                                entries->items,
                                sizeof(*entries->items),
                                prefix);
        while (*at < entries->count) {
                size_t position = is_indexed ? entries->by_name.positions[*at] : *at;

                (*at)++;
                if (phx_has_prefix(entries->items[position].name, prefix))
                        return &entries->items[position];
                if (is_indexed)
                        break;
        }
        *at = entries->count;
        return NULL;
}

void phx_kernel_entries_done(struct phx_kernel_entries *entries) {
        for (size_t i = 0; i < entries->count; i++) {
                free(entries->items[i].name);
                free(entries->items[i].hash);
        }
        free(entries->items);
        phx_index_done(&entries->by_name);
        *entries = (struct phx_kernel_entries){ 0 };
}

static void desired_profile_done(struct phx_desired_profile *profile) {
        free(profile->name);
        free(profile->refusal);
        phx_kernel_entries_done(&profile->policy);
        phx_lints_done(&profile->lints);
}

static void desired_container_done(struct phx_desired_container *container) {
        free(container->id);
        free(container->name);
        free(container->directory);
        free(container->profile);
        free(container->namespace);
        free(container->label);
        free(container->suggestion);
        free(container->suggestion_why);
        free(container->mark.input);
        free(container->mark.why);
        free(container->mark.asked);
        free(container->copied_for);
        phx_creation_free(container->creation);
        phx_strings_done(&container->dependencies);
        phx_lxc_options_done(&container->options);
        phx_strings_done(&container->notes);
        phx_lints_done(&container->lints);
}

const char *phx_source_state_to_string(enum phx_source_state state) {
        static const char *const names[] = {
                [PHX_SOURCE_GOOD] = "good",           [PHX_SOURCE_REFUSED] = "refused",
                [PHX_SOURCE_WRITING] = "writing",     [PHX_SOURCE_WITHDRAWN] = "withdrawn",
                [PHX_SOURCE_COMPILING] = "compiling",
        };

        return state < PHX_ELEMENTS(names) ? names[state] : NULL;
}

const char *phx_tier_to_string(enum phx_tier tier) {
        static const char *const names[] = {
                [PHX_TIER_LOCAL] = "local",
                [PHX_TIER_SITE] = "site",
                [PHX_TIER_OVERRIDE] = "override",
                [PHX_TIER_MASKED] = "masked",
        };

        return tier < PHX_ELEMENTS(names) ? names[tier] : NULL;
}

struct phx_desired *phx_desired_free(struct phx_desired *desired) {
        if (!desired)
                return NULL;

        for (size_t i = 0; i < desired->profile_count; i++)
                desired_profile_done(&desired->profiles[i]);
        for (size_t i = 0; i < desired->container_count; i++)
                desired_container_done(&desired->containers[i]);
        for (size_t i = 0; i < desired->refusal_count; i++) {
                free(desired->refusals[i].object);
                free(desired->refusals[i].text);
        }
        free(desired->profiles);
        free(desired->containers);
        phx_index_done(&desired->profiles_by_name);
        free(desired->by_directory);
        free(desired->refusals);
        phx_suspensions_done(&desired->suspensions);
        phx_strings_done(&desired->notes);
        free(desired);

        return NULL;
}

struct phx_desired_profile *phx_desired_add_profile(struct phx_desired *desired, const char *name) {
        struct phx_desired_profile *profile =
                        phx_grow(&desired->profiles, &desired->profile_count, sizeof(*profile));

        return profile && phx_replace(&profile->name, name) >= 0 ? profile : NULL;
}

struct phx_desired_container *phx_desired_add_container(
                struct phx_desired *desired,
                const char *id) {
        struct phx_desired_container *container = phx_grow(
                        &desired->containers,
                        &desired->container_count,
                        sizeof(*container));

        return container && phx_replace(&container->id, id) >= 0 ? container : NULL;
}

struct phx_refusal *phx_desired_add_refusal(
                struct phx_desired *desired,
                enum phx_refused refused,
                const char *file,
                const char *text) {
        const char *word = phx_refused_to_string(refused);
        struct phx_refusal *refusal =
                        phx_grow(&desired->refusals, &desired->refusal_count, sizeof(*refusal));

        if (!refusal || phx_replace(&refusal->object, word ? word : file) < 0 ||
            phx_replace(&refusal->text, text) < 0)
                return NULL;
        refusal->refused = refused;
        return refusal;
}

bool phx_container_has_namespace(
                const struct phx_container_config *config,
                enum phx_namespace_policy policy) {
        if (strcmp(config->profile, "unconfined") == 0)
                return false;
        switch (policy) {
        case PHX_NAMESPACE_AUTO:
                return config->manages_nesting;
        case PHX_NAMESPACE_ALWAYS:
                return true;
        case PHX_NAMESPACE_NEVER:
                break;
        }
        return false;
}

static int note_unused(struct phx_desired *desired, const struct phx_acceptance *acceptance) {
        const struct phx_rule_info *info = phx_rule_info(acceptance->rule);

        return phx_strings_addf(
                        &desired->notes,
                        "the settings accept %s (PHX%u) of %s, which does not break that rule; remove "
                        "the acceptance",
                        info->name,
                        info->number,
                        acceptance->object);
}

int phx_desired_accept(struct phx_desired *desired, const struct phx_acceptances *acceptances) {
        phx_autofree bool *used = calloc(acceptances->count + 1, sizeof(*used));
        int r = 0;

        if (!used)
                return -ENOMEM;
        for (size_t i = 0; r >= 0 && i < desired->profile_count; i++)
                r = phx_acceptances_apply(
                                acceptances,
                                desired->profiles[i].name,
                                &desired->profiles[i].lints,
                                used);
        for (size_t i = 0; r >= 0 && i < desired->container_count; i++)
                r = phx_acceptances_apply(
                                acceptances,
                                desired->containers[i].id,
                                &desired->containers[i].lints,
                                used);
        for (size_t i = 0; r >= 0 && i < acceptances->count; i++)
                if (!used[i])
                        r = note_unused(desired, &acceptances->items[i]);
        return r;
}

/* Those without a directory come last. */
static int desired_compare_directories(const void *a, const void *b, void *data) {
        const struct phx_desired *desired = data;
        const char *left = desired->containers[*(const size_t *) a].directory;
        const char *right = desired->containers[*(const size_t *) b].directory;

        if (!left || !right)
                return !left - !right;
        return strcmp(left, right);
}

/* Mostly they are: directories are named as the containers, which come in order. */
static bool desired_is_sorted(struct phx_desired *desired, const size_t *by_directory) {
        for (size_t i = 1; i < desired->container_count; i++)
                if (desired_compare_directories(&by_directory[i - 1], &by_directory[i], desired) >
                    0)
                        return false;
        return true;
}

int phx_desired_index(struct phx_desired *desired) {
        size_t count = desired->container_count, *by_directory;
        int r;

        r = phx_index_make(
                        &desired->profiles_by_name,
                        desired->profiles,
                        desired->profile_count,
                        sizeof(*desired->profiles));
        if (r < 0)
                return r;
        by_directory = reallocarray(desired->by_directory, count + 1, sizeof(*by_directory));
        if (!by_directory)
                return -ENOMEM;
        for (size_t i = 0; i < count; i++)
                by_directory[i] = i;
        if (!desired_is_sorted(desired, by_directory))
                qsort_r(by_directory,
                        count,
                        sizeof(*by_directory),
                        desired_compare_directories,
                        desired);
        desired->by_directory = by_directory;
        desired->indexed_count = count;
        return 0;
}

/* The first of BY_DIRECTORY that is not before DIRECTORY. */
static size_t desired_lower_bound(const struct phx_desired *desired, const char *directory) {
        size_t low = 0, high = desired->container_count;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                const char *have = desired->containers[desired->by_directory[middle]].directory;

                if (have && strcmp(have, directory) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

const struct phx_desired_container *phx_desired_find_directory(
                const struct phx_desired *desired,
                const char *directory) {
        if (desired->by_directory && desired->indexed_count == desired->container_count) {
                size_t at = desired_lower_bound(desired, directory);
                const struct phx_desired_container *found;

                if (at == desired->container_count)
                        return NULL;
                found = &desired->containers[desired->by_directory[at]];
                return phx_equal(found->directory, directory) ? found : NULL;
        }
        for (size_t i = 0; i < desired->container_count; i++)
                if (phx_equal(desired->containers[i].directory, directory))
                        return &desired->containers[i];
        return NULL;
}

int phx_desired_container_set_profile(
                struct phx_desired_container *container,
                const char *profile,
                const char *namespace) {
        phx_autofree char *label = NULL;

        if (namespace && phx_printf(&label, "%s//&:%s:unconfined", profile, namespace) < 0)
                return -ENOMEM;
        if (phx_replace(&container->profile, profile) < 0 ||
            phx_replace(&container->namespace, namespace) < 0)
                return -ENOMEM;
        return phx_replace(&container->label, label ? label : profile);
}

int phx_desired_container_set_generated(struct phx_desired_container *container) {
        container->is_generated = true;
        return phx_desired_container_set_profile(container, "generated", NULL);
}

static const struct phx_desired_profile *desired_find_profile_sized(
                const struct phx_desired *desired,
                const char *name,
                size_t size) {
        size_t at = phx_index_find(
                        &desired->profiles_by_name,
                        desired->profiles,
                        desired->profile_count,
                        sizeof(*desired->profiles),
                        name,
                        size);

        return at < desired->profile_count ? &desired->profiles[at] : NULL;
}

const struct phx_desired_profile *phx_desired_find_profile(
                const struct phx_desired *desired,
                const char *name) {
        return desired_find_profile_sized(desired, name, strlen(name));
}

const struct phx_desired_profile *phx_desired_find_parent(
                const struct phx_desired *desired,
                const char *name) {
        return desired_find_profile_sized(desired, name, phx_label_parent_size(name));
}
