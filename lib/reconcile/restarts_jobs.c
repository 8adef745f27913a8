/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <string.h>

#include "base/strings.h"
#include "reconcile/restarts_private.h"
#include "state/labels.h"

/* Where LXC's own unit looks for containers. */
#define LXC_PATH "/var/lib/lxc"
#define LXC_START "/usr/bin/lxc-start"
#define LXC_STOP "/usr/bin/lxc-stop"
#define PCT "/usr/sbin/pct"

/* Of init, which says what the container was started in. */
static const struct phx_label *jobs_init_label(const struct phx_observed_container *have) {
        for (size_t i = 0; i < have->seen.count; i++)
                if (have->seen.items[i].tid == have->init && have->seen.items[i].is_known)
                        return &have->seen.items[i].label;
        return have->example_tid == have->init ? &have->example : NULL;
}

int phx_restart_fill_step(
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                const struct phx_desired_container *want,
                struct phx_step_restart *ret_step) {
        const struct phx_observed_container *have = phx_restarts_have(observed, want);
        const struct phx_label *label;
        struct phx_step_restart step = { .id = want->id, .label = want->label, .before = "" };

        if (!have || have->init <= 0)
                return -EINVAL;
        step.directory = have->directory;
        label = jobs_init_label(have);
        if (label && label->text) {
                step.before = label->text;
                step.is_enforced = phx_label_is_confining(label);
        }
        phx_restart_init((unsigned) have->init, have->init_started, step.init);
        if (phx_restart_input(desired, want, step.input) < 0)
                return -ENOMEM;
        *ret_step = step;
        return 0;
}

/* Those are counted that did not help for long. */
static void jobs_count_repeated(
                const struct phx_restart_view *view,
                const struct phx_step_restart *step,
                struct phx_restart_item *item) {
        bool is_counted = item->phase == PHX_RESTART_STARTED && item->repeated > 0 &&
                          phx_equal(item->input, step->input) &&
                          item->starts_since <= view->wall_usec &&
                          view->wall_usec - item->starts_since < PHX_RESTART_REPEATS_USEC;

        if (item->phase == PHX_RESTART_STARTED)
                item->when = PHX_RESTART_BY_POLICY;
        item->repeated = is_counted ? item->repeated + 1 : 1;
        if (item->when != PHX_RESTART_BY_POLICY)
                item->repeated = 0;
        if (!is_counted)
                item->starts_since = view->wall_usec;
}

int phx_restarts_begin(
                const struct phx_restart_view *view,
                const struct phx_step_restart *step,
                struct phx_restarts *ret_next) {
        phx_cleanup(phx_restarts_done) struct phx_restarts next = { 0 };
        struct phx_restart_item *item;

        if (phx_restarts_copy(&next, view->restarts) < 0)
                return -ENOMEM;
        item = phx_restarts_get(&next, step->id);
        if (item)
                jobs_count_repeated(view, step, item);
        if (!item || phx_replace(&item->boot, view->boot) < 0 ||
            phx_replace(&item->directory, step->directory) < 0 ||
            phx_replace(&item->init, step->init) < 0 ||
            phx_replace(&item->before, step->before) < 0 ||
            phx_replace(&item->label, step->label) < 0 ||
            phx_replace(&item->input, step->input) < 0 || phx_replace(&item->why, "") < 0 ||
            phx_restarts_note_begun(&next, view->wall_usec, view->boot, view->booted_usec) < 0)
                return -ENOMEM;
        item->is_stop = false;
        item->starts = 0;
        item->is_enforced = step->is_enforced;
        item->phase = PHX_RESTART_UNDER_WAY;
        item->since = view->wall_usec;
        item->booted = view->booted_usec;
        item->ended = item->again = 0;
        item->serial = ++next.serial;
        item->former = 0;
        item->is_start = item->is_resumed = item->is_unasked = false;
        phx_restarts_done(ret_next);
        *ret_next = PHX_TAKE_STRUCT(next);
        return 0;
}

/* --- what systemd is to be at --- */

char *phx_restart_job_name(const struct phx_restart_item *item) {
        const char *what = item->phase == PHX_RESTART_CHECKED ? "health"
                           : item->phase == PHX_RESTART_BACK_UNDER_WAY ||
                                                           item->phase == PHX_RESTART_ROLLED_BACK
                                           ? "rollback"
                           : item->is_stop    ? "stop"
                           : item->starts > 0 ? "start"
                                              : "restart";
        char *name = NULL;

        /* Nothing of it changes while the job runs, as an operator's request changes WHEN. The
         * number makes it another one than that of any earlier try. */
        return phx_printf(&name, "%s-%s.%u", what, item->id, item->serial) < 0 ? NULL : name;
}

char *phx_restart_former_name(const struct phx_restart_item *item) {
        char *name = NULL;

        return phx_printf(&name,
                          "%s-%s.%u",
                          item->starts > 0 ? "start" : "restart",
                          item->id,
                          item->former) < 0
                               ? NULL
                               : name;
}

/* The unit of LXC's that may run it, or none. */
static int jobs_set_service(struct phx_job *job, const char *lxc_path, const char *directory) {
        return strcmp(lxc_path, LXC_PATH) == 0
                               ? phx_printf(&job->service, "lxc@%s.service", directory)
                               : 0;
}

/* Where the container does not run as a unit of LXC's, or is somewhere else than that looks. */
static int jobs_add_lxc(
                struct phx_job *job,
                const char *lxc_path,
                const char *directory,
                bool is_start) {
        int r = jobs_set_service(job, lxc_path, directory);

        if (r >= 0 && !is_start)
                r = phx_job_add_command(job, LXC_STOP, "-P", lxc_path, "-n", directory, NULL);
        return r < 0 ? r
                     : phx_job_add_command(job, LXC_START, "-P", lxc_path, "-n", directory, NULL);
}

/* Each asks the container to end, and waits. */
static int jobs_fill_stop(
                const struct phx_observed *observed,
                const struct phx_observed_container *have,
                const struct phx_restart_item *item,
                struct phx_job *job) {
        const char *path = observed->lxc_path, *directory = have->directory;

        job->verb = PHX_JOB_STOP;
        if (phx_printf(&job->description, "phoenixd: stop of container %s", item->id) < 0)
                return -ENOMEM;
        if (have->backend == PHX_BACKEND_PVE)
                return phx_job_add_command(job, PCT, "shutdown", directory, NULL);
        if (jobs_set_service(job, path, directory) < 0)
                return -ENOMEM;
        return phx_job_add_command(job, LXC_STOP, "--nokill", "-P", path, "-n", directory, NULL);
}

static int jobs_fill_restart(
                const struct phx_observed *observed,
                const struct phx_observed_container *have,
                const struct phx_restart_item *item,
                struct phx_job *job) {
        if (item->is_stop)
                return jobs_fill_stop(observed, have, item, job);
        job->verb = item->is_start ? PHX_JOB_START : PHX_JOB_RESTART;
        if (phx_printf(&job->description,
                       "phoenixd: %s of container %s",
                       item->is_start ? "start" : "restart",
                       item->id) < 0)
                return -ENOMEM;
        if (have->backend == PHX_BACKEND_PVE)
                return phx_job_add_command(
                                job,
                                PCT,
                                item->is_start ? "start" : "reboot",
                                have->directory,
                                NULL);
        return jobs_add_lxc(job, observed->lxc_path, have->directory, item->is_start);
}

static int jobs_fill_health(
                const struct phx_restart_view *view,
                const struct phx_restart_item *item,
                struct phx_job *job) {
        job->verb = PHX_JOB_RUN;
        job->limit_usec = view->settings->health_usec;
        if (phx_printf(&job->description, "phoenixd: health of container %s", item->id) < 0)
                return -ENOMEM;
        return phx_job_add_command(job, view->settings->health, item->id, NULL);
}

/* The job of one that is over may still be at it: then no other is begun before that has ended. */
static bool jobs_is_listed(
                const struct phx_restart_view *view,
                const struct phx_restart_item *item) {
        if (item->ended > 0 || !phx_restart_has_job(item, view->boot))
                return false;
        return item->phase == PHX_RESTART_UNDER_WAY || phx_restart_is_over(item) ||
               item->phase == PHX_RESTART_BACK_UNDER_WAY ||
               (item->phase == PHX_RESTART_CHECKED && view->settings->health && item->tried > 0 &&
                item->again == 0);
}

/* What was handed over goes on, and none is begun; which unit it may be is said all the same, as
 * systemd is asked for that after a restart of the daemon. HAVE is NULL of one that this look has
 * not seen: as its file system is not mounted, say, while LXC's unit is still at it. */
static int jobs_add_resumed(
                const struct phx_observed *observed,
                const struct phx_observed_container *have,
                const struct phx_restart_item *item,
                const char *name,
                struct phx_jobs *jobs) {
        struct phx_job *job = phx_jobs_add(jobs, name);

        if (!job)
                return -ENOMEM;
        job->is_resumed = true;
        if (have)
                return jobs_fill_restart(observed, have, item, job);
        return item->directory[0] ? jobs_set_service(job, observed->lxc_path, item->directory) : 0;
}

static int jobs_add_former(
                const struct phx_observed *observed,
                const struct phx_observed_container *have,
                const struct phx_restart_item *item,
                struct phx_jobs *jobs) {
        phx_autofree char *name = phx_restart_former_name(item);

        return name ? jobs_add_resumed(observed, have, item, name, jobs) : -ENOMEM;
}

/* What permitted it is gone, so that it is not begun if it has not been by now. To ask for the
 * health changes nothing. */
static bool jobs_is_withdrawn(
                const struct phx_desired *desired,
                const struct phx_desired_container *want,
                const struct phx_restart_item *item) {
        if (item->phase == PHX_RESTART_CHECKED)
                return false;
        return desired->mode == PHX_MODE_OBSERVE ||
               phx_suspensions_find(&desired->suspensions, item->id) ||
               (item->phase == PHX_RESTART_UNDER_WAY && item->when == PHX_RESTART_BY_POLICY &&
                want->restart == PHX_RESTART_NEVER);
}

static int jobs_add(
                const struct phx_restart_view *view,
                const struct phx_desired *desired,
                const struct phx_desired_container *want,
                const struct phx_observed *observed,
                const struct phx_restart_item *item,
                struct phx_jobs *jobs) {
        const struct phx_observed_container *have = phx_restarts_have(observed, want);
        phx_autofree char *name = phx_restart_job_name(item);
        struct phx_job *job;

        if (!name)
                return -ENOMEM;
        /* One that this look has not seen may be in the middle of its restart. */
        if (!have || item->phase == PHX_RESTART_ENDING)
                return jobs_add_resumed(observed, have, item, name, jobs);
        job = phx_jobs_add(jobs, name);
        if (!job)
                return -ENOMEM;
        job->is_resumed = item->is_resumed || jobs_is_withdrawn(desired, want, item);
        return item->phase == PHX_RESTART_CHECKED ? jobs_fill_health(view, item, job)
                                                  : jobs_fill_restart(observed, have, item, job);
}

/* Of a container that is not configured any more: it was handed over when it was. */
static int jobs_add_unwanted(
                const struct phx_observed *observed,
                const struct phx_restart_item *item,
                struct phx_jobs *jobs) {
        phx_autofree char *name = phx_restart_job_name(item);
        const struct phx_observed_container *have = NULL;

        if (item->phase != PHX_RESTART_CHECKED)
                have = phx_observed_find_container(observed, item->directory);
        return name ? jobs_add_resumed(observed, have, item, name, jobs) : -ENOMEM;
}

int phx_restarts_jobs(
                const struct phx_restart_view *view,
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                struct phx_jobs *jobs) {
        phx_cleanup(phx_index_done) struct phx_index by_id = { 0 };
        int r = 0;

        if (!view->settings || view->restarts->count == 0)
                return 0;
        r = phx_index_make(
                        &by_id,
                        desired->containers,
                        desired->container_count,
                        sizeof(*desired->containers));
        for (size_t i = 0; r >= 0 && i < view->restarts->count; i++) {
                const struct phx_restart_item *item = &view->restarts->items[i];
                const struct phx_desired_container *want =
                                phx_restarts_want(desired, &by_id, item->id);
                const struct phx_observed_container *have = want ? phx_restarts_have(observed, want)
                                                                 : NULL;

                if (phx_restart_has_former(item, view->boot) && jobs->count < PHX_JOBS_LIMIT)
                        r = jobs_add_former(observed, have, item, jobs);
                if (r >= 0 && jobs_is_listed(view, item) && jobs->count < PHX_JOBS_LIMIT)
                        r = want ? jobs_add(view, desired, want, observed, item, jobs)
                                 : jobs_add_unwanted(observed, item, jobs);
        }
        return r;
}
