/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Everything that happens comes down to two questions: must we look, and when? The answers live in
 * struct schedule; this file connects it with what happens (watch, revision, monitord, inits,
 * signals), with who looks (supervisor) and with who wants to know (notify, journal).
 *
 *   what happens ──► schedule ──► begin_look() ──► supervisor ──► engine
 *                       ▲                                          │
 *        on_report(), on_failure(), on_lost(), on_labels() ◄───────┘
 *
 * At most one request is with the engine. What happens meanwhile only marks the schedule, and
 * leads to another pass when this one has been answered. Every request is answered by exactly one
 * of the four callbacks, and each of them does the same things: it ends or fails the schedule's
 * pass, follows what the report says is to be watched, tells systemd and the bus, and arms the
 * timer.
 *
 * What somebody waits for (reload, reconcile, suspend, restart) is an errand, all on one list
 * (shared/errands.h), which the bus adds to as well: each takes the next pass that begins, and
 * ends with it.
 *
 * If the engine dies, the loop goes on and starts another one with the next pass, at growing
 * intervals (schedule_fail with hold). If the loop dies, the engine notices its closed channel and
 * ends before its next change. Nothing in this file blocks: everything that could is the engine's.
 */

#include "loop/manager.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <syslog.h>

#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "bus/board.h"
#include "bus/bus.h"
#include "codec/suspensions_json.h"
#include "loop/ears.h"
#include "loop/jobs.h"
#include "loop/listener.h"
#include "loop/notify.h"
#include "loop/progress.h"
#include "loop/start.h"
#include "loop/supervisor.h"
#include "shared/errands.h"
#include "shared/message-id.h"
#include "shared/schedule.h"

#define MILLISECOND UINT64_C(1000)
#define SECOND (1000 * MILLISECOND)

/* How late a look may be: one that somebody waits for, and one that nothing waits for, which
 * may also be late by a part of the time until it is due. */
#define EAGER_ACCURACY_USEC (1 * MILLISECOND)
#define LAZY_ACCURACY_USEC (15 * SECOND)
#define LAZY_PART 16

/* A container that has come may be started at once, and one that is made file by file has all of
 * them after some milliseconds. */
#define ARRIVAL_USEC (20 * MILLISECOND)
/* A container that starts or stops, or of which Proxmox has written something: people look at that.
 */
#define CHANGE_USEC (500 * MILLISECOND)
/* So long the bus may take to come before what is wanted of systemd is refused. */
#define JOBS_PATIENCE_USEC (20 * SECOND)

struct manager {
        const struct manager_options *options;
        const struct journal *journal;
        sd_event *event;
        sd_event_source *look_timer;
        sd_event_source *changed; /* what the engine's worker for Proxmox has seen */
        struct supervisor *supervisor;
        struct ears *ears;
        struct schedule schedule;
        struct notify notify;
        struct progress progress;
        struct board board;
        struct bus *bus;
        struct jobs *jobs;
        struct errands errands;
        struct phx_scope scope; /* what may have changed since the last pass began */
        bool is_whole;          /* the last pass that began looks at everything */
        uint64_t labels_began;  /* the last look at labels alone, by the clock on the wall */
        char *failure;          /* why the last look could not be made, NULL when it could */
        int watch_trouble;      /* as it was reported last */
        struct start start;
        bool stopping;
};

static uint64_t manager_now_usec(const struct manager *manager) {
        uint64_t now = 0;

        (void) sd_event_now(manager->event, CLOCK_MONOTONIC, &now);
        return now;
}

static uint64_t manager_wall_usec(const struct manager *manager) {
        uint64_t now = 0;

        (void) sd_event_now(manager->event, CLOCK_REALTIME, &now);
        return now;
}

static uint64_t accuracy(const struct manager *manager, uint64_t due) {
        uint64_t now = manager_now_usec(manager), part = due > now ? (due - now) / LAZY_PART : 0;

        if (!schedule_is_lazy(&manager->schedule) || part < EAGER_ACCURACY_USEC)
                return EAGER_ACCURACY_USEC;
        return part < LAZY_ACCURACY_USEC ? part : LAZY_ACCURACY_USEC;
}

static void rearm(struct manager *manager) {
        uint64_t due = schedule_due(&manager->schedule);

        if (manager->stopping || due == PHX_NEVER) {
                (void) sd_event_source_set_enabled(manager->look_timer, SD_EVENT_OFF);
                return;
        }
        (void) sd_event_source_set_time_accuracy(manager->look_timer, accuracy(manager, due));
        (void) sd_event_source_set_time(manager->look_timer, due);
        (void) sd_event_source_set_enabled(manager->look_timer, SD_EVENT_ONESHOT);
}

static void look_now(void *data) {
        struct manager *manager = data;

        schedule_ask(&manager->schedule);
        rearm(manager);
}

/* Because of SCOPE; NULL: events were lost. */
static void look_soon(void *data, const struct phx_scope *scope) {
        struct manager *manager = data;

        phx_scope_join(&manager->scope, scope);
        schedule_event(&manager->schedule, manager_now_usec(manager), !scope);
        if (scope && scope->has_tasks)
                schedule_within(&manager->schedule, manager_now_usec(manager), CHANGE_USEC);
        rearm(manager);
}

static void look_at_arrival(void *data) {
        struct manager *manager = data;

        schedule_within(&manager->schedule, manager_now_usec(manager), ARRIVAL_USEC);
}

static void on_job_ended(void *data) {
        const struct phx_scope scope = { .has_tasks = true };

        look_soon(data, &scope);
}

static void on_bus(void *data, sd_bus *connection) {
        const struct manager *manager = data;

        jobs_connect(manager->jobs, connection);
}

static void on_reloaded(void *data, enum errand_end end, const char *error) {
        notify_ready();
}

/* For who asks when the next look is. */
static void note_next_look(struct manager *manager) {
        uint64_t due = schedule_look_due(&manager->schedule), now = manager_now_usec(manager);

        if (due != PHX_NEVER)
                board_next(&manager->board,
                           manager_wall_usec(manager) + (due > now ? due - now : 0));
}

static void manager_fail(struct manager *manager, bool hold) {
        progress_end(&manager->progress);
        /* No report will bring a new list of directories: repair the old one. */
        if (ears_refresh(manager->ears) > 0)
                schedule_event(&manager->schedule, manager_now_usec(manager), true);
        schedule_fail(&manager->schedule, manager_now_usec(manager), hold);
        rearm(manager);
        board_fail(&manager->board, manager->notify.status, manager_wall_usec(manager));
        note_next_look(manager);
        bus_announce(manager->bus);
}

static void on_failure(void *data, const char *text) {
        struct manager *manager = data;

        notify_status(&manager->notify, "Degraded: %s", text);
        if (!phx_equal(manager->failure, text)) {
                journal_say(manager->journal,
                            MESSAGE_LOOK_FAILED,
                            LOG_ERR,
                            "pass failed: %s",
                            text);
                (void) phx_replace(&manager->failure, text);
        }
        start_end(&manager->start);
        manager_fail(manager, false);
        errands_end(&manager->errands, text, false);
}

static void on_lost(void *data, const char *text) {
        struct manager *manager = data;

        journal_say(manager->journal,
                    MESSAGE_ENGINE_RESTARTED,
                    LOG_WARNING,
                    "the engine ended: %s; a new engine starts and runs a full pass",
                    text);
        notify_status(&manager->notify, "Degraded: the engine ended: %s; restarting it", text);
        manager_fail(manager, true);
        /* What this look was for, the next one must do. */
        if (errands_again(&manager->errands))
                look_now(manager);
}

static void manager_on_progress(void *data, const char *text) {
        struct manager *manager = data;

        board_doing(&manager->board, text);
        bus_announce(manager->bus);
        if (!manager->start.is_over) {
                notify_still_starting();
                notify_status(&manager->notify, "Starting: %s", text);
        } else {
                progress_say(&manager->progress, text);
        }
}

/* Nothing waits for it, nothing is carried to it, and nothing is announced. */
static void begin_labels(struct manager *manager) {
        int r;

        manager->labels_began = manager_wall_usec(manager);
        r = supervisor_look(manager->supervisor, &(struct engine_request){ LOOK_LABELS });
        if (r < 0)
                on_lost(manager, strerrordesc_np(-r));
}

static void on_compiled(void *data) {
        struct manager *manager = data;

        schedule_compiled(&manager->schedule);
        rearm(manager);
}

static void on_labels(void *data, bool differs) {
        struct manager *manager = data;

        schedule_end_labels(&manager->schedule, manager_now_usec(manager), differs);
        if (differs)
                manager->scope.has_tasks = true;
        else
                board_labels(&manager->board, manager->labels_began);
        rearm(manager);
        note_next_look(manager);
}

/* All that is to be suspended, when an errand changes that; else NULL. The engine gets all, not
 * the change: so it may get it twice, and a new engine gets the same. */
static int suspensions_asked(const struct manager *manager, char **ret_text) {
        phx_cleanup(phx_suspensions_done) struct phx_suspensions suspensions = { 0 };
        int r;

        r = errands_suspensions(
                        &manager->errands,
                        &manager->board.rest.snapshot->suspensions,
                        &suspensions);
        return r <= 0 ? r : phx_suspensions_render(&suspensions, ret_text);
}

static void begin_look(struct manager *manager) {
        struct engine_request request = {
                .kind = schedule_begin(&manager->schedule, manager_now_usec(manager)),
        };
        phx_cleanup(phx_job_results_done) struct phx_job_results results = { 0 };
        phx_cleanup(restart_asks_done) struct restart_asks restarts = { 0 };
        phx_autofree char *suspensions = NULL;
        int r;

        /* Whether it is the time to look at tasks again, or something else comes first. */
        manager->scope.has_tasks |= manager->schedule.is_settling;
        if (request.kind == LOOK_LABELS) {
                begin_labels(manager);
                return;
        }
        /* The start has words of its own. */
        if (manager->start.is_over)
                progress_begin(&manager->progress);
        manager->is_whole = request.kind != LOOK_COMPILED &&
                            (request.kind != LOOK_PLAIN || manager->scope.is_whole);
        board_begin(&manager->board, manager_wall_usec(manager));
        errands_begin(&manager->errands);
        r = suspensions_asked(manager, &suspensions);
        if (r >= 0)
                r = jobs_results(manager->jobs, &results);
        if (r >= 0)
                r = errands_restarts(&manager->errands, &restarts);
        if (r < 0) {
                on_failure(manager, strerrordesc_np(-r));
                return;
        }
        request.suspensions = suspensions;
        request.results = results.count > 0 ? &results : NULL;
        request.restarts = restarts.count > 0 ? &restarts : NULL;
        /* What has happened meanwhile, and is not due, is known to a LOOK_COMPILED, and has a look
         * of its own all the same. */
        if (!manager->is_whole)
                request.scope = &manager->scope;
        r = supervisor_look(manager->supervisor, &request);
        if (request.kind != LOOK_COMPILED)
                phx_scope_done(&manager->scope);
        if (r < 0)
                on_lost(manager, strerrordesc_np(-r));
}

static int on_look_timer(sd_event_source *source, uint64_t usec, void *data) {
        begin_look(data);
        return 0;
}

static void tell_watch_trouble(struct manager *manager) {
        int trouble = ears_trouble(manager->ears);

        manager->schedule.resync_limit_usec = trouble < 0 ? manager->options->short_sync_usec
                                                          : PHX_NEVER;
        if (trouble == manager->watch_trouble)
                return;
        manager->watch_trouble = trouble;
        if (trouble < 0)
                journal_say(manager->journal,
                            MESSAGE_WATCHES_SHORT,
                            LOG_WARNING,
                            "cannot watch every directory: %s; running a pass every %" PRIu64 " s "
                            "instead",
                            trouble == -ENOSPC ? "fs.inotify.max_user_watches is exhausted"
                                               : strerrordesc_np(-trouble),
                            manager->options->short_sync_usec / SECOND);
        else
                journal_say(manager->journal,
                            MESSAGE_WATCHES_ENOUGH,
                            LOG_NOTICE,
                            "resolved: every directory is watched again");
}

/* What was not heard before, and is from now on, may have changed since the engine looked. */
static void manager_follow(struct manager *manager, const struct phx_report *report) {
        struct phx_scope again = { 0 };

        ears_follow(manager->ears, &manager->board, report->lxc_path, manager->is_whole, &again);
        if (!phx_scope_is_empty(&again))
                look_soon(manager, &again);
}

static void tell_report(struct manager *manager, const struct phx_report *report) {
        tell_watch_trouble(manager);
        notify_status(&manager->notify,
                      "%s%s",
                      report->status ? report->status : "",
                      manager->watch_trouble < 0 ? " (cannot watch every directory)" : "");
        if (!manager->failure)
                return;
        journal_say(manager->journal,
                    MESSAGE_LOOK_RECOVERED,
                    LOG_NOTICE,
                    "resolved: passes succeed again");
        (void) phx_replace(&manager->failure, NULL);
}

/* Those who wait are answered after those who listen, but for what is announced later as it is too
 * much for now. */
static void manager_show(struct manager *manager, const struct phx_report *report) {
        note_next_look(manager);
        bus_announce(manager->bus);
        errands_end(&manager->errands, NULL, report->awaited > 0);
}

static int on_seen(void *data, const struct channel_message *message) {
        struct manager *manager = data;

        return board_take(&manager->board, message);
}

static void on_suspended(void *data, struct phx_suspensions *suspensions) {
        struct manager *manager = data;

        board_suspend(&manager->board, suspensions);
        errands_stored(&manager->errands);
}

static void on_report(void *data, const struct phx_report *report) {
        struct manager *manager = data;
        uint64_t now = manager_now_usec(manager);

        progress_end(&manager->progress);
        schedule_end(&manager->schedule, now, report);
        ears_note(manager->ears, board_end(&manager->board, report, manager_wall_usec(manager)));
        manager_follow(manager, report);
        jobs_follow(manager->jobs, &report->jobs);
        tell_report(manager, report);
        if (report->compiling == 0)
                start_end(&manager->start);
        else
                start_wait(&manager->start, manager->event, manager->options->start_usec);
        rearm(manager);
        manager_show(manager, report);
}

static void on_stopped(void *data) {
        struct manager *manager = data;

        (void) sd_event_exit(manager->event, 0);
}

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *info, void *data) {
        struct errand errand = { .kind = ERRAND_PASS, .ended = on_reloaded };
        struct manager *manager = data;

        if (manager->stopping)
                return 0;
        journal_say(manager->journal,
                    MESSAGE_RELOADING,
                    LOG_INFO,
                    "reload requested; running a full pass");
        /* Before the start is over, its own look is the answer. */
        if (manager->start.is_over) {
                notify_reloading();
                if (errands_add(&manager->errands, &errand) < 0)
                        notify_ready();
        }
        schedule_ask(&manager->schedule);
        rearm(manager);
        return 0;
}

static int on_stop(sd_event_source *source, const struct signalfd_siginfo *info, void *data) {
        struct manager *manager = data;

        if (manager->stopping)
                return 0;
        manager->stopping = true;
        progress_end(&manager->progress);
        notify_stopping();
        notify_status(&manager->notify, "Stopping; profiles and containers stay unchanged");
        journal_say(manager->journal,
                    MESSAGE_STOPPING,
                    LOG_INFO,
                    "stopping; profiles and containers stay unchanged");
        rearm(manager);
        supervisor_stop(manager->supervisor, manager->options->patience_usec);
        return 0;
}

static int on_changed(sd_event_source *source, int fd, uint32_t revents, void *data) {
        struct manager *manager = data;
        uint64_t count;

        (void) !read(fd, &count, sizeof(count));
        schedule_within(&manager->schedule, manager_now_usec(manager), CHANGE_USEC);
        look_soon(manager, NULL);
        return 0;
}

static int add_loop(struct manager *manager) {
        static const int stops[] = { SIGTERM, SIGINT };
        int r;

        r = sd_event_new(&manager->event);
        if (r < 0)
                return r;
        for (size_t i = 0; i < PHX_ELEMENTS(stops); i++) {
                r = sd_event_add_signal(manager->event, NULL, stops[i], on_stop, manager);
                if (r < 0)
                        return r;
        }
        r = sd_event_add_signal(manager->event, NULL, SIGHUP, on_reload, manager);
        if (r < 0)
                return r;
        r = sd_event_set_watchdog(manager->event, true);
        if (r < 0)
                return r;
        r = supervisor_attach(manager->supervisor, manager->event);
        if (r >= 0 && manager->options->changed_fd > 0)
                r = sd_event_add_io(
                                manager->event,
                                &manager->changed,
                                manager->options->changed_fd,
                                EPOLLIN,
                                on_changed,
                                manager);
        if (r >= 0)
                r = progress_init(&manager->progress, manager->event, &manager->notify);
        if (r < 0)
                return r;
        return sd_event_add_time(
                        manager->event,
                        &manager->look_timer,
                        CLOCK_MONOTONIC,
                        0,
                        EAGER_ACCURACY_USEC,
                        on_look_timer,
                        manager);
}

static int add_bus(struct manager *manager) {
        const struct bus_handler handler = { look_now, &manager->errands, on_bus, manager };
        const struct jobs_handler jobs_handler = { on_job_ended, manager };
        int r;

        r = board_init(&manager->board, manager_wall_usec(manager));
        if (r >= 0)
                r = jobs_new(manager->event, JOBS_PATIENCE_USEC, &jobs_handler, &manager->jobs);
        if (r < 0)
                return r;
        return bus_new(manager->event,
                       manager->options->bus_address,
                       manager->journal,
                       &manager->board,
                       &handler,
                       &manager->bus);
}

int manager_new(const struct manager_options *options,
                const struct engine_plan *plan,
                struct manager **ret_manager) {
        phx_cleanup(manager_freep) struct manager *manager = calloc(1, sizeof(*manager));
        const struct listener listener = { look_soon, look_at_arrival, manager };
        struct supervisor_handler handler;
        int r;

        if (!manager)
                return -ENOMEM;
        manager->options = options;
        manager->journal = plan->journal;
        handler = (struct supervisor_handler){
                manager_on_progress, on_seen,    on_suspended, on_report,  on_labels,
                on_compiled,         on_failure, on_lost,      on_stopped, manager,
        };

        r = supervisor_new(plan, options->silence_usec, &handler, &manager->supervisor);
        if (r < 0)
                return r;
        r = add_loop(manager);
        if (r < 0)
                return r;
        r = ears_new(manager->event, options, &listener, &manager->ears);
        if (r < 0)
                return r;
        r = add_bus(manager);
        if (r < 0)
                return r;
        schedule_init(&manager->schedule, manager_now_usec(manager));

        *ret_manager = PHX_TAKE(manager);
        return 0;
}

struct manager *manager_free(struct manager *manager) {
        if (!manager)
                return NULL;

        (void) supervisor_free(manager->supervisor);
        (void) bus_free(manager->bus);
        (void) jobs_free(manager->jobs);
        board_done(&manager->board);
        (void) ears_free(manager->ears);
        sd_event_source_disable_unref(manager->look_timer);
        sd_event_source_disable_unref(manager->changed);
        progress_done(&manager->progress);
        start_done(&manager->start);
        sd_event_unref(manager->event);
        notify_done(&manager->notify);
        errands_done(&manager->errands);
        phx_scope_done(&manager->scope);
        free(manager->failure);
        free(manager);

        return NULL;
}

int manager_run(struct manager *manager) {
        int r;

        journal_say(manager->journal, MESSAGE_STARTED, LOG_INFO, "phoenixd starts");
        notify_status(&manager->notify, "Starting: first pass");
        begin_look(manager);
        rearm(manager);
        r = sd_event_loop(manager->event);
        if (r >= 0)
                ears_leave(manager->ears, &manager->board);
        return r;
}
