/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "machine/tasks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/grow.h"
#include "base/set.h"
#include "base/sorted.h"
#include "lxc/monitor.h"
#include "lxc/tasks.h"

/* For all monitors of a look together; and while one of them hangs. */
#define DEADLINE_USEC 2000000ULL
#define AGAIN_USEC 200000ULL

static int read_tasks(
                const struct phx_machine_tasks *look,
                const struct phx_lxc_container *have,
                pid_t init,
                struct phx_tasks *ret_tasks,
                struct phx_error *error) {
        const struct phx_task_query query = { .name = have->name,
                                              .cgroup_dir = have->values.cgroup_dir,
                                              .cgroup_container = have->values.cgroup_container,
                                              .others = look->names,
                                              .cgroups = look->cgroups,
                                              .init = init };
        int r = 0;

        if (look->pictures)
                r = phx_label_pictures_take(look->pictures, look->roots, &query);
        if (r < 0)
                return r;
        return phx_tasks_read(look->roots, &query, ret_tasks, error);
}

/* A container may have as many labels in a namespace of its own as it has tasks. */
static int note_labels(struct phx_observed_container *observed, const struct phx_tasks *tasks) {
        phx_cleanup(phx_set_done) struct phx_set noted = { 0 };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < tasks->count; i++) {
                const struct phx_task *task = &tasks->items[i];

                if (!task->is_known || task->is_starting)
                        continue;
                r = phx_set_add(&noted, task->label.text);
                if (r > 0)
                        r = phx_strings_add(&observed->labels, task->label.text);
        }
        return r < 0 ? r : 0;
}

/* It may run, and what runs in it is not known. Its config is judged and repaired all the same. */
static int set_unread(struct phx_observed_container *observed, const char *why) {
        observed->is_running = true;
        observed->unknown = 1;
        return phx_replace(&observed->unread_why, why);
}

/* Takes TASKS over. */
static int show_tasks(struct phx_tasks *tasks, struct phx_observed_container *observed) {
        int r;

        observed->is_running = tasks->count > 0 || tasks->unread > 0;
        observed->tasks = (unsigned) tasks->count;
        observed->init = tasks->init;
        observed->starting = 0;
        for (size_t i = 0; i < tasks->count; i++)
                observed->starting += tasks->items[i].is_starting;
        r = phx_replace(&observed->unread_why, tasks->unread_why);
        if (r >= 0)
                r = note_labels(observed, tasks);
        phx_tasks_done(&observed->seen);
        observed->seen = PHX_TAKE_STRUCT(*tasks);
        return r;
}

/* INIT is 0 unless a monitor told it. */
static int look_at(
                const struct phx_machine_tasks *look,
                const struct phx_lxc_container *have,
                pid_t init,
                struct phx_observed_container *observed) {
        phx_cleanup(phx_tasks_done) struct phx_tasks tasks = { 0 };
        struct phx_error error = { 0 };
        int r;

        r = read_tasks(look, have, init, &tasks, &error);
        if (r < 0)
                return r == -ENOMEM ? r : set_unread(observed, error.text);
        return show_tasks(&tasks, observed);
}

static int machine_tasks_take_answer(
                struct phx_machine_tasks *look,
                const struct phx_lxc_container *have,
                const struct phx_lxc_monitor *monitor,
                struct phx_observed_container *observed) {
        switch (monitor->answer) {
        case PHX_LXC_MONITOR_NONE:
                return 0;
        case PHX_LXC_MONITOR_ANSWERS:
                break;
        case PHX_LXC_MONITOR_SILENT:
                look->is_silent = true;
                return set_unread(observed, "its monitor does not answer");
        }
        if (monitor->init == 0)
                return 0;
        if (!phx_tasks_may_be_init(look->roots, have->name, monitor->init))
                return set_unread(
                                observed,
                                "its monitor reports a process that is not in the container");
        return look_at(look, have, monitor->init, observed);
}

int phx_machine_tasks_look(
                const struct phx_machine_tasks *look,
                const struct phx_lxc_container *have,
                struct phx_observed_container *observed) {
        return look_at(look, have, 0, observed);
}

/* --- what was seen before --- */

struct phx_machine_tasks_seen {
        char *name;
        struct phx_tasks tasks;
        bool is_unread; /* all that is known is why */
        char *unread_why;
};

static void seen_done(struct phx_machine_tasks_seen *seen) {
        free(seen->name);
        free(seen->unread_why);
        phx_tasks_done(&seen->tasks);
}

void phx_machine_tasks_memory_done(struct phx_machine_tasks_memory *memory) {
        for (size_t i = 0; i < memory->count; i++)
                seen_done(&memory->items[i]);
        free(memory->items);
        *memory = (struct phx_machine_tasks_memory){ 0 };
}

static int tasks_compare_name(const void *name, const void *seen) {
        return strcmp(name, ((const struct phx_machine_tasks_seen *) seen)->name);
}

static int tasks_compare_seen(const void *a, const void *b) {
        return strcmp(((const struct phx_machine_tasks_seen *) a)->name,
                      ((const struct phx_machine_tasks_seen *) b)->name);
}

static const struct phx_machine_tasks_seen *tasks_find(
                const struct phx_machine_tasks_memory *memory,
                const char *name) {
        return phx_find_sorted(
                        name,
                        memory->items,
                        memory->count,
                        sizeof(*memory->items),
                        tasks_compare_name);
}

static uint64_t tasks_mix(uint64_t sum, const char *text) {
        return (sum ^ (text ? phx_fnv1a(text, strlen(text) + 1) : 1)) * UINT64_C(0x100000001b3);
}

static uint64_t tasks_places(const struct phx_lxc_containers *list) {
        uint64_t sum = list->count;

        for (size_t i = 0; i < list->count; i++) {
                sum = tasks_mix(sum, list->items[i].name);
                sum = tasks_mix(sum, list->items[i].values.cgroup_dir);
                sum = tasks_mix(sum, list->items[i].values.cgroup_container);
        }
        return sum;
}

static bool tasks_may_differ(const char *cgroup, const struct phx_scope *scope) {
        return !scope || scope->is_whole || scope->has_tasks || scope->has_policy ||
               phx_scope_has_below(scope, cgroup);
}

bool phx_machine_tasks_are_due(
                const struct phx_machine_tasks_memory *memory,
                const struct phx_lxc_containers *list,
                const char *cgroup,
                const struct phx_scope *scope) {
        return !memory->is_complete || tasks_may_differ(cgroup, scope) ||
               memory->places != tasks_places(list);
}

static int seen_take(
                struct phx_machine_tasks_seen *seen,
                const char *name,
                const struct phx_observed_container *observed) {
        if (phx_replace(&seen->name, name) < 0)
                return -ENOMEM;
        seen->is_unread = observed->seen.count == 0 && observed->seen.unread == 0;
        if (seen->is_unread)
                return phx_replace(&seen->unread_why, observed->unread_why);
        return phx_tasks_copy(&seen->tasks, &observed->seen);
}

void phx_machine_tasks_remember(
                struct phx_machine_tasks_memory *memory,
                const struct phx_lxc_containers *list,
                const struct phx_observed_container *observed) {
        phx_machine_tasks_memory_done(memory);
        for (size_t i = 0; i < list->count; i++) {
                const struct phx_lxc_values *values = &list->items[i].values;
                struct phx_machine_tasks_seen *seen;

                memory->is_elsewhere |= values->cgroup_dir || values->cgroup_container;
                if (!observed[i].is_running)
                        continue;
                seen = phx_grow(&memory->items, &memory->count, sizeof(*seen));
                if (!seen || seen_take(seen, list->items[i].name, &observed[i]) < 0) {
                        phx_machine_tasks_memory_done(memory);
                        return;
                }
        }
        if (memory->count > 1)
                qsort(memory->items, memory->count, sizeof(*memory->items), tasks_compare_seen);
        memory->places = tasks_places(list);
        memory->is_complete = true;
}

int phx_machine_tasks_recall(
                const struct phx_machine_tasks_memory *memory,
                const struct phx_lxc_container *have,
                struct phx_observed_container *observed) {
        const struct phx_machine_tasks_seen *seen = tasks_find(memory, have->name);
        phx_cleanup(phx_tasks_done) struct phx_tasks tasks = { 0 };

        if (!seen)
                return 0;
        if (seen->is_unread)
                return set_unread(observed, seen->unread_why);
        return phx_tasks_copy(&tasks, &seen->tasks) < 0 ? -ENOMEM : show_tasks(&tasks, observed);
}

/* What a policy namespace holds may change without any of this. */
static bool is_same_task(const struct phx_task *a, const struct phx_task *b) {
        return a->pid == b->pid && a->tid == b->tid && a->is_known && b->is_known &&
               !a->is_starting && !b->is_starting && phx_equal(a->label.text, b->label.text) &&
               a->label.has_mode == b->label.has_mode && a->label.mode == b->label.mode &&
               !strchr(a->label.text, ':');
}

static bool are_same_tasks(const struct phx_tasks *a, const struct phx_tasks *b) {
        bool is_same = a->count == b->count && a->init == b->init && a->unread == 0 &&
                       b->unread == 0;

        for (size_t i = 0; is_same && i < a->count; i++)
                is_same = is_same_task(&a->items[i], &b->items[i]);
        return is_same;
}

/* In the usual place: others were refused. One of RUNNING may be called as another's second cgroup
 * is; what does not run has none. */
static bool seen_is_unchanged(
                const struct phx_machine_tasks *look,
                const struct phx_cgroups *cgroups,
                const struct phx_strings *running,
                const struct phx_machine_tasks_seen *seen) {
        const struct phx_task_query query = { .name = seen->name,
                                              .others = running,
                                              .cgroups = cgroups };
        phx_cleanup(phx_tasks_done) struct phx_tasks tasks = { 0 };

        return !seen->is_unread && phx_tasks_read(look->roots, &query, &tasks, NULL) >= 0 &&
               are_same_tasks(&seen->tasks, &tasks);
}

bool phx_machine_tasks_are_unchanged(
                const struct phx_machine_tasks *look,
                const struct phx_scope *scope) {
        const struct phx_machine_tasks_memory *memory = look->memory;
        phx_cleanup(phx_cgroups_closep) struct phx_cgroups *cgroups = NULL;
        phx_cleanup(phx_strings_done) struct phx_strings running = { 0 };
        bool is_same;

        if (!memory->is_complete)
                return false;
        if (!tasks_may_differ(look->roots->cgroup, scope))
                return true;
        is_same = !memory->is_elsewhere &&
                  phx_cgroups_open(look->roots->cgroup, &cgroups, NULL) >= 0;
        for (size_t i = 0; is_same && i < memory->count; i++)
                is_same = phx_strings_add(&running, memory->items[i].name) >= 0;
        is_same = is_same && !phx_cgroups_have_others(cgroups, &running) &&
                  !phx_lxc_monitors_listen(look->lxc_path, &running);
        for (size_t i = 0; is_same && i < memory->count; i++)
                is_same = seen_is_unchanged(look, cgroups, &running, &memory->items[i]);
        /* Those are older than what was seen, and only a look makes new ones. */
        return is_same && !(look->pictures && look->pictures->count > 0 &&
                            phx_label_pictures_differ(look->pictures, look->roots));
}

/* --- monitors --- */

static int list_quiet(
                const struct phx_lxc_containers *list,
                const struct phx_observed_container *observed,
                struct phx_strings *quiet) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < list->count; i++)
                if (!observed[i].is_running)
                        r = phx_strings_add(quiet, list->items[i].name);
        return r;
}

int phx_machine_tasks_ask(
                struct phx_machine_tasks *look,
                const struct phx_lxc_containers *list,
                struct phx_observed_container *observed) {
        phx_cleanup(phx_strings_done) struct phx_strings quiet = { 0 };
        phx_autofree struct phx_lxc_monitor *monitors = NULL;
        size_t asked = 0;
        int r;

        r = list_quiet(list, observed, &quiet);
        if (r < 0 || quiet.count == 0)
                return r;
        monitors = calloc(quiet.count, sizeof(*monitors));
        if (!monitors)
                return -ENOMEM;
        for (size_t i = 0; look->memory && look->memory->count > 0 && i < quiet.count; i++)
                monitors[i].is_expected = tasks_find(look->memory, quiet.items[i]);
        r = phx_lxc_monitors_ask(
                        look->lxc_path,
                        &quiet,
                        geteuid(),
                        look->is_silent ? AGAIN_USEC : DEADLINE_USEC,
                        monitors);
        look->is_silent = false;
        for (size_t i = 0; r >= 0 && i < list->count; i++)
                if (!observed[i].is_running)
                        r = machine_tasks_take_answer(
                                        look,
                                        &list->items[i],
                                        &monitors[asked++],
                                        &observed[i]);
        return r;
}
