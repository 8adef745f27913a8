/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A table of jobs by name. Each is in one state:
 *
 *   waits ──► sought ──► begins ──► runs ──► ended
 *
 *   waits    for the bus
 *   sought   systemd was asked what it has of the two units that the job may be: its service, and
 *            the unit of its own that runs its commands
 *   begins   systemd was asked to begin it: the service, if that is what runs the container, or
 *            else a unit of its own (job_unit.c)
 *   runs     systemd's answer has named a job of its own, whose end it tells all who listen
 *   ended    with a result, which is kept until a report does not list the job
 *
 * Once it may have been begun, a job is never begun again: when the connection is lost, when an
 * answer does not come, and for one of an earlier life of this process, it goes from `sought` to
 * `runs`, or it is gone.
 *
 * systemd tells of the end of every job on the host, and only those who asked for it. So it is
 * asked when the first job is under way, and asked to be silent after the last one, as nothing must
 * wake a process that waits for nothing.
 *
 * The order of the messages is the bus's: the listening is asked for before the job is begun, and
 * so the end of a job that takes no time at all is heard.
 *
 * Any user may send such a signal to this connection. So the end of a job counts only when it comes
 * from the connection that answers for systemd: each of its answers says which that is, as systemd
 * gets another one when it executes itself again. At an end from elsewhere, systemd is asked. */

#include "loop/jobs.h"

#include <errno.h>
#include <string.h>

#include "base/strings.h"
#include "loop/job_unit.h"

enum job_state { JOB_WAITS, JOB_SOUGHT, JOB_BEGINS, JOB_RUNS, JOB_ENDED };

struct job {
        struct jobs *jobs;
        struct phx_job wanted;
        enum job_state state;
        bool is_begun; /* or may have been */
        bool is_listed;
        char *unit;        /* of its own */
        bool is_service;   /* that is what it runs as, and not UNIT */
        char *path;        /* systemd's job, once it is known */
        sd_bus_slot *slot; /* of the question that is open */
        enum phx_job_outcome outcome;
        char *text;
        struct job *next;
};

struct jobs {
        sd_event *event;
        sd_event_source *timer; /* of the patience with the bus */
        uint64_t patience_usec;
        struct jobs_handler handler;
        sd_bus *connection; /* borrowed */
        sd_bus_slot *ends;  /* NULL: nothing is listened to */
        char *systemd;      /* the name of its connection, of its last answer; NULL: none yet */
        struct job *first;
        size_t count;
};

static struct job *job_free(struct job *job) {
        if (!job)
                return NULL;

        sd_bus_slot_unref(job->slot);
        phx_job_done(&job->wanted);
        free(job->unit);
        free(job->path);
        free(job->text);
        free(job);

        return NULL;
}

PHX_DEFINE_FREEP(job)

static bool is_under_way(const struct job *job) {
        return job->state == JOB_SOUGHT || job->state == JOB_BEGINS || job->state == JOB_RUNS;
}

/* --- listening --- */

static int on_job_removed(sd_bus_message *signal, void *data, sd_bus_error *error);

static int jobs_listen(struct jobs *jobs) {
        int r;

        if (jobs->ends)
                return 0;
        r = sd_bus_match_signal_async(
                        jobs->connection,
                        &jobs->ends,
                        SYSTEMD_NAME,
                        SYSTEMD_PATH,
                        SYSTEMD_MANAGER,
                        "JobRemoved",
                        on_job_removed,
                        NULL,
                        jobs);
        return r < 0 ? r : systemd_call(jobs->connection, "Subscribe");
}

static void listen_no_longer(struct jobs *jobs) {
        for (const struct job *job = jobs->first; job; job = job->next)
                if (is_under_way(job))
                        return;
        if (!jobs->ends)
                return;
        jobs->ends = sd_bus_slot_unref(jobs->ends);
        if (jobs->connection)
                (void) systemd_call(jobs->connection, "Unsubscribe");
}

/* --- one job --- */

/* TEXT may be NULL when memory is short. */
static void job_end(struct job *job, enum phx_job_outcome outcome, const char *text) {
        struct jobs *jobs = job->jobs;

        job->state = JOB_ENDED;
        job->outcome = outcome;
        job->slot = sd_bus_slot_unref(job->slot);
        (void) phx_replace(&job->path, NULL);
        (void) phx_replace(&job->text, text);
        jobs->handler.ended(jobs->handler.data);
}

static void job_seek(struct job *job);

/* No answer is no refusal: systemd may have the job, and says so when it has the time. */
static void job_take_silence(struct job *job, const sd_bus_error *error) {
        job->state = JOB_WAITS;
        if (sd_bus_error_has_name(error, SD_BUS_ERROR_DISCONNECTED))
                return;
        if (job->is_begun)
                job_seek(job);
        else
                job_end(job, PHX_JOB_REFUSED, systemd_error_text(error));
}

static bool is_silence(const sd_bus_error *error) {
        return sd_bus_error_has_names(
                        error,
                        SD_BUS_ERROR_NO_REPLY,
                        SD_BUS_ERROR_TIMEOUT,
                        SD_BUS_ERROR_DISCONNECTED);
}

static void job_run(struct job *job, const char *path) {
        if (phx_replace(&job->path, path) >= 0)
                job->state = JOB_RUNS;
        else
                job_end(job, PHX_JOB_GONE, NULL);
}

static int on_begun(sd_bus_message *reply, void *data, sd_bus_error *error) {
        const sd_bus_error *refusal = sd_bus_message_get_error(reply);
        struct job *job = data;
        const char *path = NULL;

        job->slot = sd_bus_slot_unref(job->slot);
        if (refusal && is_silence(refusal))
                job_take_silence(job, refusal);
        else if (refusal)
                job_end(job, PHX_JOB_REFUSED, systemd_error_text(refusal));
        else if (sd_bus_message_read(reply, "o", &path) < 0)
                job_end(job, PHX_JOB_GONE, "systemd's answer cannot be read");
        else
                job_run(job, path);
        listen_no_longer(job->jobs);
        return 0;
}

static void job_begin(struct job *job, bool is_active) {
        struct jobs *jobs = job->jobs;
        const struct phx_job *wanted = &job->wanted;
        const char *method = job_unit_method(wanted, is_active);
        phx_autofree char *text = NULL;
        int r;

        if (!method && wanted->command_count == 0) {
                (void) phx_printf(&text, "%s is not active", wanted->service);
                job_end(job, PHX_JOB_REFUSED, text);
                return;
        }
        if (method)
                r = sd_bus_call_method_async(
                                jobs->connection,
                                &job->slot,
                                SYSTEMD_NAME,
                                SYSTEMD_PATH,
                                SYSTEMD_MANAGER,
                                method,
                                on_begun,
                                job,
                                "ss",
                                wanted->service,
                                JOB_UNIT_MODE);
        else
                r = job_unit_start(jobs->connection, &job->slot, wanted, job->unit, on_begun, job);
        if (r < 0) {
                job_end(job, PHX_JOB_REFUSED, strerrordesc_np(-r));
                return;
        }
        job->state = JOB_BEGINS;
        job->is_begun = true;
        job->is_service = method;
}

/* What answers a call is systemd: the bus delivers no other answer. */
static int jobs_meet(struct jobs *jobs, sd_bus_message *reply) {
        return phx_replace(&jobs->systemd, sd_bus_message_get_sender(reply));
}

static void job_resume(struct job *job, const char *own, const char *of_service) {
        job->is_service = !own;
        job_run(job, own ? own : of_service);
}

static int on_units(sd_bus_message *reply, void *data, sd_bus_error *error) {
        const sd_bus_error *refusal = sd_bus_message_get_error(reply);
        struct systemd_unit service = { 0 }, own = { 0 };
        struct job *job = data;
        const enum phx_job_outcome otherwise = job->is_begun ? PHX_JOB_GONE : PHX_JOB_REFUSED;
        int r = 0;

        job->slot = sd_bus_slot_unref(job->slot);
        if (!refusal)
                r = jobs_meet(job->jobs, reply);
        if (!refusal && r >= 0)
                r = systemd_read_units(reply, job->wanted.service ? &service : NULL, &own);
        if (refusal && is_silence(refusal))
                job_take_silence(job, refusal);
        else if (refusal)
                job_end(job, otherwise, systemd_error_text(refusal));
        else if (r < 0)
                job_end(job, otherwise, "systemd's answer cannot be read");
        else if (!job->is_begun)
                job_begin(job, service.is_active);
        else if (own.job || service.job)
                job_resume(job, own.job, service.job);
        else
                job_end(job, PHX_JOB_GONE, "systemd has no job of it any more");
        listen_no_longer(job->jobs);
        return 0;
}

/* Asks systemd what it has of it, which is the first step of every job. */
static void job_seek(struct job *job) {
        struct jobs *jobs = job->jobs;
        int r;

        if (!jobs->connection)
                return;
        r = jobs_listen(jobs);
        if (r >= 0)
                r = systemd_ask_units(
                                jobs->connection,
                                &job->slot,
                                job->wanted.service,
                                job->unit,
                                on_units,
                                job);
        if (r >= 0)
                job->state = JOB_SOUGHT;
        else if (!job->is_begun)
                job_end(job, PHX_JOB_REFUSED, strerrordesc_np(-r));
}

static void job_take_end(struct job *job, const char *result) {
        phx_autofree char *text = NULL;

        if (systemd_is_done(result)) {
                job_end(job, PHX_JOB_DONE, NULL);
                return;
        }
        (void) phx_printf(
                        &text,
                        "%s: systemd's job ended as \"%s\"",
                        job->is_service ? job->wanted.service : job->unit,
                        result);
        job_end(job, PHX_JOB_FAILED, text);
}

/* Also of one that systemd is asked about again: its answer would not say how it ended. */
static int on_job_removed(sd_bus_message *signal, void *data, sd_bus_error *error) {
        const char *path, *result;
        struct jobs *jobs = data;
        bool is_systemd = phx_equal(sd_bus_message_get_sender(signal), jobs->systemd);

        if (sd_bus_message_read(signal, "uoss", NULL, &path, NULL, &result) < 0)
                return 0;
        for (struct job *job = jobs->first; job; job = job->next) {
                if (!is_under_way(job) || !phx_equal(job->path, path))
                        continue;
                if (is_systemd)
                        job_take_end(job, result);
                else if (job->state == JOB_RUNS)
                        job_seek(job);
        }
        listen_no_longer(jobs);
        return 0;
}

/* --- the table --- */

static struct job *jobs_find(const struct jobs *jobs, const char *name) {
        for (struct job *job = jobs->first; job; job = job->next)
                if (strcmp(job->wanted.name, name) == 0)
                        return job;
        return NULL;
}

static void jobs_add(struct jobs *jobs, const struct phx_job *wanted) {
        phx_cleanup(job_freep) struct job *job = calloc(1, sizeof(*job));
        struct job **last = &jobs->first;

        if (!job || phx_job_copy(&job->wanted, wanted) < 0 ||
            phx_printf(&job->unit, "phoenixd-%s.service", wanted->name) < 0)
                return;
        job->jobs = jobs;
        job->is_begun = wanted->is_resumed;
        job->is_listed = true;
        while (*last)
                last = &(*last)->next;
        *last = PHX_TAKE(job);
        jobs->count++;
}

/* What memory or the table has no room for comes with the next report. One that is resumed from now
 * on is not begun any more. */
static void jobs_mark(struct jobs *jobs, const struct phx_jobs *wanted) {
        for (struct job *job = jobs->first; job; job = job->next)
                job->is_listed = false;
        for (size_t i = 0; i < wanted->count; i++) {
                struct job *job = jobs_find(jobs, wanted->items[i].name);

                if (job) {
                        job->is_listed = true;
                        job->is_begun = job->is_begun || wanted->items[i].is_resumed;
                } else if (jobs->count < PHX_JOBS_LIMIT)
                        jobs_add(jobs, &wanted->items[i]);
        }
}

static void jobs_forget(struct jobs *jobs) {
        struct job **place = &jobs->first;

        while (*place) {
                struct job *job = *place;

                if (job->is_listed) {
                        place = &job->next;
                        continue;
                }
                *place = job->next;
                jobs->count--;
                job_free(job);
        }
}

/* The patience of the first that waits is that of all. */
static void jobs_await_bus(struct jobs *jobs, bool is_waiting) {
        int enabled = SD_EVENT_OFF;

        (void) sd_event_source_get_enabled(jobs->timer, &enabled);
        if (!is_waiting)
                (void) sd_event_source_set_enabled(jobs->timer, SD_EVENT_OFF);
        else if (enabled == SD_EVENT_OFF &&
                 sd_event_source_set_time_relative(jobs->timer, jobs->patience_usec) >= 0)
                (void) sd_event_source_set_enabled(jobs->timer, SD_EVENT_ONESHOT);
}

static void jobs_begin(struct jobs *jobs) {
        bool is_waiting = false;

        for (struct job *job = jobs->first; job; job = job->next) {
                if (job->state != JOB_WAITS)
                        continue;
                if (!phx_job_is_valid(&job->wanted))
                        job_end(job, PHX_JOB_REFUSED, "the job is invalid");
                else
                        job_seek(job);
                is_waiting = is_waiting || (job->state == JOB_WAITS && !job->is_begun);
        }
        jobs_await_bus(jobs, is_waiting);
}

void jobs_follow(struct jobs *jobs, const struct phx_jobs *wanted) {
        jobs_mark(jobs, wanted);
        jobs_forget(jobs);
        jobs_begin(jobs);
        listen_no_longer(jobs);
}

int jobs_results(const struct jobs *jobs, struct phx_job_results *results) {
        int r = 0;

        for (const struct job *job = jobs->first; r >= 0 && job; job = job->next)
                if (job->state == JOB_ENDED)
                        r = phx_job_results_add(results, job->wanted.name, job->outcome, job->text);
        return r;
}

void jobs_connect(struct jobs *jobs, sd_bus *connection) {
        jobs->ends = sd_bus_slot_unref(jobs->ends);
        jobs->connection = connection;
        /* Another bus gives the same names to others. */
        (void) phx_replace(&jobs->systemd, NULL);
        for (struct job *job = jobs->first; job; job = job->next) {
                job->slot = sd_bus_slot_unref(job->slot);
                if (job->state != JOB_ENDED)
                        job->state = JOB_WAITS;
        }
        jobs_begin(jobs);
}

static int jobs_on_timer(sd_event_source *source, uint64_t usec, void *data) {
        struct jobs *jobs = data;

        for (struct job *job = jobs->first; job; job = job->next)
                if (job->state == JOB_WAITS && !job->is_begun)
                        job_end(job, PHX_JOB_REFUSED, "the message bus is not available");
        return 0;
}

int jobs_new(sd_event *event,
             uint64_t patience_usec,
             const struct jobs_handler *handler,
             struct jobs **ret_jobs) {
        phx_cleanup(jobs_freep) struct jobs *jobs = calloc(1, sizeof(*jobs));
        int r;

        if (!jobs)
                return -ENOMEM;
        jobs->event = sd_event_ref(event);
        jobs->patience_usec = patience_usec;
        jobs->handler = *handler;
        r = sd_event_add_time_relative(
                        event,
                        &jobs->timer,
                        CLOCK_MONOTONIC,
                        patience_usec,
                        0,
                        jobs_on_timer,
                        jobs);
        if (r >= 0)
                r = sd_event_source_set_enabled(jobs->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret_jobs = PHX_TAKE(jobs);
        return 0;
}

struct jobs *jobs_free(struct jobs *jobs) {
        if (!jobs)
                return NULL;

        for (struct job *job = jobs->first; job; job = job->next)
                job->is_listed = false;
        jobs_forget(jobs);
        sd_bus_slot_unref(jobs->ends);
        free(jobs->systemd);
        sd_event_source_disable_unref(jobs->timer);
        sd_event_unref(jobs->event);
        free(jobs);

        return NULL;
}
