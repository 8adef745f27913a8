/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "state/labels.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/apparmor.h>

static const char conjunction[] = "//&";
static const char child[] = "//";
static const char unconfined[] = "unconfined";

void phx_label_done(struct phx_label *label) {
        free(label->text);
        free(label->mode);
        *label = (struct phx_label){ 0 };
}

/* "unconfined//&:lxc-101:unconfined" */
static bool is_all_unconfined(const char *text) {
        while (*text) {
                const char *end = strstr(text, conjunction), *name = text;
                size_t length = end ? (size_t) (end - text) : strlen(text);

                if (*text == ':') {
                        name = memchr(text + 1, ':', length - 1);
                        if (!name)
                                return false;
                        name++;
                }
                if (length - (size_t) (name - text) != strlen(unconfined) ||
                    memcmp(name, unconfined, strlen(unconfined)) != 0)
                        return false;
                if (!end)
                        return true;
                text = end + strlen(conjunction);
        }
        return false;
}

int phx_label_parse(const char *text, struct phx_label *ret_label) {
        phx_cleanup(phx_label_done) struct phx_label label = { 0 };
        phx_autofree char *copy = strdup(text);
        char *name, *mode = NULL;
        int r;

        if (!copy)
                return -ENOMEM;
        if (phx_has_suffix(copy, "\n"))
                copy[strlen(copy) - 1] = '\0';
        /* Cuts COPY into two, and returns NULL for what has neither a mode nor is "unconfined". A
         * stack of nothing else has no mode either: its profile was removed from the kernel. */
        name = is_all_unconfined(copy) ? copy : aa_splitcon(copy, &mode);
        if (!name || !name[0])
                return -EINVAL;

        r = phx_replace(&label.text, name);
        if (r >= 0)
                r = phx_replace(&label.mode, mode);
        if (r < 0)
                return r;
        ret_label->text = PHX_TAKE(label.text);
        ret_label->mode = PHX_TAKE(label.mode);
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

/* "null-…" are the kernel's own children, where a complaining profile learns. */
static bool is_child(const char *name, size_t size) {
        static const char learning[] = "null-";

        if (size < strlen(child) || memcmp(name, child, strlen(child)) != 0)
                return false;
        for (size_t i = 0; i + strlen(child) + strlen(learning) <= size; i++)
                if (memcmp(name + i, child, strlen(child)) == 0 &&
                    memcmp(name + i + strlen(child), learning, strlen(learning)) == 0)
                        return false;
        return true;
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

static bool is_confining(const struct phx_label *label) {
        bool is_stacked = strlen(label->text) > host_size(label->text);

        return phx_equal(label->mode, "enforce") || phx_equal(label->mode, "kill") ||
               (is_stacked && phx_equal(label->mode, "mixed"));
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

bool phx_label_is_in(const struct phx_label *label, const char *wanted) {
        size_t size = host_size(label->text), wanted_size = host_size(wanted);

        if (wanted_size == 0)
                return false;
        if (strcmp(wanted, unconfined) == 0)
                return size == wanted_size && memcmp(label->text, unconfined, size) == 0;
        return is_confining(label) && has_namespace(label->text, wanted) &&
               has_profile(label->text, size, wanted, wanted_size);
}

void phx_tasks_done(struct phx_tasks *tasks) {
        for (size_t i = 0; i < tasks->count; i++)
                phx_label_done(&tasks->items[i].label);
        free(tasks->items);
        free(tasks->unread_why);
        *tasks = (struct phx_tasks){ 0 };
}

static void set_example(struct phx_confinement *confinement, const struct phx_task *task) {
        const char *mode = task->label.mode;

        (void) snprintf(confinement->example,
                        sizeof(confinement->example),
                        "%.460s%s%.20s%s, pid %d",
                        task->label.text,
                        mode ? " (" : "",
                        mode ? mode : "",
                        mode ? ")" : "",
                        (int) task->tid);
}

static void judge_task(
                struct phx_confinement *confinement,
                const struct phx_task *task,
                const char *wanted) {
        if (!task->is_known)
                confinement->unknown++;
        else if (!phx_label_is_in(&task->label, wanted)) {
                if (confinement->wrong++ == 0)
                        set_example(confinement, task);
        } else if (task->tid == confinement->init && !confinement->example[0])
                set_example(confinement, task);
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
        /* Without init there is nobody to be unconfined, and something runs all the same. */
        if (only_init && tasks->init == 0 &&
            (confinement.tasks > confinement.starting || tasks->unread > 0))
                confinement.unknown++;
        return confinement;
}
