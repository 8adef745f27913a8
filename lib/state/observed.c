/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "state/observed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/sorted.h"
#include "base/strings.h"

static void observed_file_done(struct phx_observed_file *file) {
        free(file->name);
        free(file->content);
        free(file->trouble);
        free(file->disabled);
}

void phx_line_edit_done(struct phx_line_edit *edit) {
        phx_strings_done(&edit->settings);
        phx_strings_done(&edit->removed);
        phx_strings_done(&edit->tail);
        phx_strings_done(&edit->recorded);
        phx_strings_done(&edit->foreign);
}

static bool wrong_lines_have(
                const struct phx_wrong_lines *lines,
                enum phx_line_fault fault,
                const char *key) {
        for (size_t i = 0; i < lines->count; i++)
                if (lines->items[i].fault == fault && strcmp(lines->items[i].key, key) == 0)
                        return true;
        return false;
}

int phx_wrong_lines_add(struct phx_wrong_lines *lines, enum phx_line_fault fault, const char *key) {
        phx_autofree char *name = strndup(key, strcspn(key, "="));
        struct phx_wrong_line *line;

        if (!name)
                return -ENOMEM;
        if (wrong_lines_have(lines, fault, name))
                return 0;
        line = phx_grow(&lines->items, &lines->count, sizeof(*line));
        if (!line)
                return -ENOMEM;
        *line = (struct phx_wrong_line){ fault, PHX_TAKE(name) };
        return 0;
}

void phx_wrong_lines_done(struct phx_wrong_lines *lines) {
        for (size_t i = 0; i < lines->count; i++)
                free(lines->items[i].key);
        free(lines->items);
        *lines = (struct phx_wrong_lines){ 0 };
}

static void observed_container_done(struct phx_observed_container *container) {
        free(container->directory);
        free(container->effective);
        free(container->digest);
        free(container->decider);
        free(container->combined);
        phx_tasks_done(&container->seen);
        free(container->trouble);
        phx_label_done(&container->example);
        free(container->unread_why);
        phx_wrong_lines_done(&container->wrong_lines);
        phx_line_edit_done(&container->lines);
        phx_wrong_lines_done(&container->at_start);
        free(container->at_start_unknown);
        phx_strings_done(&container->refused_options);
        phx_strings_done(&container->pending);
        phx_strings_done(&container->remarks);
        free(container->config);
        free(container->lock);
        free(container->decider_why);
        free(container->ungated);
        phx_strings_done(&container->labels);
        phx_strings_done(&container->inner);
}

struct phx_observed *phx_observed_free(struct phx_observed *observed) {
        if (!observed)
                return NULL;

        for (size_t i = 0; i < observed->file_count; i++)
                observed_file_done(&observed->files[i]);
        for (size_t i = 0; i < observed->container_count; i++)
                observed_container_done(&observed->containers[i]);
        free(observed->kernel_trouble);
        free(observed->deployed_dir);
        free(observed->lxc_path);
        free(observed->lxc_refusal);
        free(observed->pve_refusal);
        phx_strings_done(&observed->begun);
        free(observed->gate_trouble);
        phx_kernel_entries_done(&observed->loaded);
        free(observed->files);
        phx_index_done(&observed->files_by_name);
        free(observed->containers);
        phx_strings_done(&observed->namespaces);
        phx_strings_done(&observed->watches);
        free(observed);

        return NULL;
}

struct phx_observed_file *phx_observed_add_file(struct phx_observed *observed, const char *name) {
        struct phx_observed_file *file =
                        phx_grow(&observed->files, &observed->file_count, sizeof(*file));

        return file && phx_replace(&file->name, name) >= 0 ? file : NULL;
}

struct phx_observed_container *phx_observed_add_container(
                struct phx_observed *observed,
                const char *directory) {
        struct phx_observed_container *container = phx_grow(
                        &observed->containers,
                        &observed->container_count,
                        sizeof(*container));

        return container && phx_replace(&container->directory, directory) >= 0 ? container : NULL;
}

const struct phx_observed_file *phx_observed_find_file(
                const struct phx_observed *observed,
                const char *name) {
        size_t at = phx_index_find(
                        &observed->files_by_name,
                        observed->files,
                        observed->file_count,
                        sizeof(*observed->files),
                        name,
                        strlen(name));

        return at < observed->file_count ? &observed->files[at] : NULL;
}

int phx_observed_index(struct phx_observed *observed) {
        int r = phx_index_make(
                        &observed->files_by_name,
                        observed->files,
                        observed->file_count,
                        sizeof(*observed->files));

        return r < 0 ? r : phx_kernel_entries_index(&observed->loaded);
}

static int observed_compare_directory(const void *directory, const void *container) {
        return strcmp(directory, ((const struct phx_observed_container *) container)->directory);
}

const struct phx_observed_container *phx_observed_find_container(
                const struct phx_observed *observed,
                const char *directory) {
        const struct phx_observed_container *found = phx_find_sorted(
                        directory,
                        observed->containers,
                        observed->container_count,
                        sizeof(*observed->containers),
                        observed_compare_directory);

        if (found)
                return found;
        /* Not there, or not sorted: a picture that was made by hand. */
        for (size_t i = 0; i < observed->container_count; i++)
                if (strcmp(observed->containers[i].directory, directory) == 0)
                        return &observed->containers[i];
        return NULL;
}

bool phx_observed_runs_in(const struct phx_observed_container *container, const char *profile) {
        for (size_t i = 0; i < container->labels.count; i++)
                if (phx_label_runs_in(container->labels.items[i], profile))
                        return true;
        return false;
}

/* "unchanged" is the label of whatever starts it, and no line of its own names an empty one. */
static bool observed_names_profile(const struct phx_observed_container *have) {
        return have->effective && have->effective[0] && have->decider_line > 0 &&
               phx_equal(have->decider, have->config) &&
               strcmp(have->effective, "generated") != 0 &&
               strcmp(have->effective, "unchanged") != 0 &&
               !phx_label_is_unconfined(have->effective);
}

static bool observed_names_managed(
                const struct phx_desired *desired,
                const struct phx_observed_container *have) {
        struct phx_label_part part = { 0 };

        return phx_label_next_part(have->effective, &part) &&
               phx_desired_find_profile(desired, part.name);
}

bool phx_observed_keeps_profile(
                const struct phx_desired *desired,
                const struct phx_desired_container *want,
                const struct phx_observed_container *have) {
        return want->is_generated && have && observed_names_profile(have) &&
               !observed_names_managed(desired, have);
}

const char *phx_observed_label(
                const struct phx_desired *desired,
                const struct phx_desired_container *want,
                const struct phx_observed_container *have) {
        return phx_observed_keeps_profile(desired, want, have) ? have->effective : want->label;
}
