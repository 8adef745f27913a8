/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "state/labels.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char conjunction[] = "//&";
static const char child[] = "//";
static const char learned[] = "//null-";
static const char unconfined[] = "unconfined";

void phx_label_done(struct phx_label *label) {
        free(label->text);
        *label = (struct phx_label){ 0 };
}

bool phx_label_next_part(const char *label, struct phx_label_part *part) {
        const char *end, *name;
        size_t size;

        if (part->at) {
                part->at += part->size;
                if (!*part->at)
                        return false;
                part->at += strlen(conjunction);
        } else
                part->at = label;
        if (!part->at)
                return false;
        end = strstr(part->at, conjunction);
        part->size = end ? (size_t) (end - part->at) : strlen(part->at);
        name = part->at;
        if (*name == ':') {
                part->is_inner = true;
                end = memchr(name + 1, ':', part->size - 1);
                name = end ? end + 1 : name;
        }
        size = part->size - (size_t) (name - part->at);
        if (size >= sizeof(part->name))
                size = sizeof(part->name) - 1;
        memcpy(part->name, name, size);
        part->name[size] = '\0';
        return true;
}

bool phx_label_is_unconfined(const char *label) {
        struct phx_label_part part = { 0 };

        while (phx_label_next_part(label, &part))
                if (strcmp(part.name, unconfined) != 0)
                        return false;
        return true;
}

bool phx_label_has_part(const char *label, const char *profile) {
        struct phx_label_part part = { 0 };

        while (phx_label_next_part(label, &part))
                if (part.size == strlen(profile) && memcmp(part.at, profile, part.size) == 0)
                        return true;
        return false;
}

bool phx_label_name_is_of(const char *name, const char *profile) {
        size_t length = strlen(profile);

        return strncmp(name, profile, length) == 0 &&
               (!name[length] || phx_has_prefix(name + length, child));
}

size_t phx_label_parent_size(const char *name) {
        const char *end = strstr(name, child);

        return end ? (size_t) (end - name) : strlen(name);
}

bool phx_label_name_is_learned(const char *name) {
        return strstr(name, learned) != NULL;
}

bool phx_label_runs_in(const char *label, const char *profile) {
        struct phx_label_part part = { 0 };
        size_t length = strlen(profile);

        while (phx_label_next_part(label, &part))
                if (part.size >= length && phx_label_name_is_of(part.at, profile))
                        return true;
        return false;
}

/* Cuts "NAME (MODE)" into two; NULL when it is not that. */
static char *cut_mode(char *text) {
        size_t length = strlen(text);

        if (length < strlen("x (y)") || text[length - 1] != ')')
                return NULL;
        for (char *at = text + length - 1; at > text; at--)
                if (phx_has_prefix(at, " (")) {
                        text[length - 1] = '\0';
                        *at = '\0';
                        return at + strlen(" (");
                }
        return NULL;
}

int phx_label_parse(const char *text, struct phx_label *ret_label) {
        phx_autofree char *copy = strdup(text);
        const char *mode;

        if (!copy)
                return -ENOMEM;
        if (phx_has_suffix(copy, "\n"))
                copy[strlen(copy) - 1] = '\0';
        /* A stack of nothing but "unconfined" has no mode either: its profile was removed from the
         * kernel. */
        mode = cut_mode(copy);
        if (!mode && !phx_label_is_unconfined(copy))
                return -EINVAL;
        ret_label->has_mode = mode != NULL;
        ret_label->mode = phx_policy_mode_from_string(mode);
        ret_label->text = PHX_TAKE(copy);
        return 0;
}

int phx_label_render(const struct phx_label *label, char **ret_text) {
        const char *mode = label->has_mode ? phx_policy_mode_to_string(label->mode) : "";

        return phx_printf(
                        ret_text,
                        "%s%s%s%s",
                        label->text,
                        label->has_mode ? " (" : "",
                        mode,
                        label->has_mode ? ")" : "");
}

int phx_label_copy(struct phx_label *copy, const struct phx_label *label) {
        if (phx_replace(&copy->text, label->text) < 0)
                return -ENOMEM;
        copy->has_mode = label->has_mode;
        copy->mode = label->mode;
        return 0;
}

/* The kernel prints the host's profiles first, and a namespace's name only before the first profile
 * that is in it: all from there on is somebody else's. */
static size_t host_size(const char *text) {
        const char *end = text;

        if (text[0] == ':')
                return 0;
        while ((end = strstr(end, conjunction))) {
                if (end[strlen(conjunction)] == ':')
                        return (size_t) (end - text);
                end += strlen(conjunction);
        }
        return strlen(text);
}

/* Of WANTED, and none of those where a complaining profile learns. */
static bool is_child(const char *name, size_t size) {
        return size >= strlen(child) && memcmp(name, child, strlen(child)) == 0 &&
               !memmem(name, size, learned, strlen(learned));
}

static bool is_profile(const char *name, size_t size, const char *wanted, size_t wanted_size) {
        if (size < wanted_size || memcmp(name, wanted, wanted_size) != 0)
                return false;
        return size == wanted_size || is_child(name + wanted_size, size - wanted_size);
}

static bool has_profile(const char *text, size_t size, const char *wanted, size_t wanted_size) {
        while (size > 0) {
                const char *next = memmem(text, size, conjunction, strlen(conjunction));
                size_t length = next ? (size_t) (next - text) : size;

                if (is_profile(text, length, wanted, wanted_size))
                        return true;
                if (!next)
                        return false;
                text = next + strlen(conjunction);
                size -= length + strlen(conjunction);
        }
        return false;
}

bool phx_label_is_confining(const struct phx_label *label) {
        bool is_stacked = strlen(label->text) > host_size(label->text);

        return phx_policy_mode_is_enforced(label->mode) ||
               (is_stacked && label->mode == PHX_POLICY_MIXED);
}

/* "//&:NAME:" of the first namespace in WANTED, if there is one, is in TEXT too. */
static bool has_namespace(const char *text, const char *wanted) {
        const char *part = wanted + host_size(wanted), *name, *end;
        phx_autofree char *needle = NULL;

        if (!*part)
                return true;
        name = part + strlen(conjunction) + 1;
        end = strchr(name, ':');
        if (!end)
                return false;
        needle = strndup(part, (size_t) (end + 1 - part));
        return needle && strstr(text, needle);
}

/* Whether a task with this label is in the profile: its host part is WANTED, a child of it, or a
 * stack with one of them in it (which allows less), in enforce or kill mode. WANTED itself may be a
 * stack with a policy namespace: then the label must have a part in that namespace, whichever: a
 * container may choose its profiles in its own namespace.
 *
 * With several namespaces the kernel says "mixed" when the modes differ. The host profile's own
 * mode is then not in the label, and is left to who looks at the loaded policy. */
static bool label_is_in(const struct phx_label *label, const char *wanted) {
        size_t size = host_size(label->text), wanted_size = host_size(wanted);

        if (wanted_size == 0)
                return false;
        if (strcmp(wanted, unconfined) == 0)
                return size == wanted_size && memcmp(label->text, unconfined, size) == 0;
        return phx_label_is_confining(label) && has_namespace(label->text, wanted) &&
               has_profile(label->text, size, wanted, wanted_size);
}

void phx_tasks_done(struct phx_tasks *tasks) {
        for (size_t i = 0; i < tasks->count; i++)
                phx_label_done(&tasks->items[i].label);
        free(tasks->items);
        free(tasks->unread_why);
        *tasks = (struct phx_tasks){ 0 };
}

int phx_tasks_copy(struct phx_tasks *copy, const struct phx_tasks *tasks) {
        copy->items = calloc(tasks->count + 1, sizeof(*copy->items));
        if (!copy->items || phx_replace(&copy->unread_why, tasks->unread_why) < 0)
                return -ENOMEM;
        copy->init = tasks->init;
        copy->unread = tasks->unread;
        for (; copy->count < tasks->count; copy->count++) {
                const struct phx_task *task = &tasks->items[copy->count];
                struct phx_task *item = &copy->items[copy->count];

                *item = *task;
                item->label = (struct phx_label){ 0 };
                if (phx_label_copy(&item->label, &task->label) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static void judge_task(
                struct phx_confinement *confinement,
                const struct phx_task *task,
                const char *wanted) {
        if (!task->is_known)
                confinement->unknown++;
        else if (!label_is_in(&task->label, wanted)) {
                if (confinement->wrong++ == 0)
                        confinement->example = task;
        } else if (task->tid == confinement->init && !confinement->example)
                confinement->example = task;
}

struct phx_confinement phx_confinement_judge(const struct phx_tasks *tasks, const char *wanted) {
        bool only_init = strcmp(wanted, unconfined) == 0;
        struct phx_confinement confinement = { .is_running = tasks->count > 0 || tasks->unread > 0,
                                               .init = tasks->init,
                                               .tasks = (unsigned) tasks->count,
                                               .unknown = only_init ? 0 : tasks->unread };

        for (size_t i = 0; i < tasks->count; i++) {
                const struct phx_task *task = &tasks->items[i];

                if (task->is_starting)
                        confinement.starting++;
                else if (!only_init || task->tid == tasks->init)
                        judge_task(&confinement, task, wanted);
        }
        /* Without init nothing can be unconfined, and something runs all the same. */
        if (only_init && tasks->init == 0 &&
            (confinement.tasks > confinement.starting || tasks->unread > 0))
                confinement.unknown++;
        return confinement;
}
