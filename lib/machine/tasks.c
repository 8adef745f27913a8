/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "machine/tasks.h"

#include <errno.h>
#include <unistd.h>

#include "base/set.h"
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
