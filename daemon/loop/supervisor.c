/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The engine seen from the loop: a process, a channel and a timer.
 *
 *   idle      no request is with the engine; it may say that a compile has ended, and anything
 *             else from it is a protocol error
 *   looking   one request is; progress restarts the timer of silence, an answer ends the state. A
 *             request may be more than the channel takes at once: the rest is sent when the engine
 *             has read some of it, which is progress, too
 *   killed    the channel is closed at once, so that nothing it still says counts; its pidfd shows
 *             when it is over
 *   none      ended and reaped; the next request starts another one
 *   stopping  no request any more: the channel is shut, the engine ends by itself, or is killed
 *             when patience is over
 *
 * Each request leads to exactly one of on_report, on_labels, on_failure and on_lost. An engine
 * that ends by itself and one that was killed come the same way, through supervisor_on_ended(),
 * which first reads what was sent before the end. `why` remembers the reason of a kill for the
 * text.
 *
 * The loop is the subreaper of everything that the engine starts: when the engine is over,
 * phx_process_sweep() kills what it left, so that no compiler or liblxc child outlives it. Here it
 * never waits.
 *
 * supervisor_free() kills the engine; all event sources hang on the event loop, whose reference is
 * kept to the end. */

#include "loop/supervisor.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "codec/jobs_json.h"
#include "codec/report_json.h"
#include "codec/suspensions_json.h"
#include "shared/scope_text.h"

/* Taken at once, so that an engine that says a lot keeps nothing else waiting. */
#define MESSAGES_LIMIT 64

struct supervisor {
        const struct engine_plan *plan;
        struct supervisor_handler handler;
        sd_event *event;
        struct engine *engine;
        struct channel_output output; /* what it has not been sent yet */
        sd_event_source *channel_source;
        sd_event_source *more; /* of the channel, which has messages in memory */
        sd_event_source *pid_source;
        sd_event_source *timer; /* of its silence while it looks, of our patience at the end */
        uint64_t silence_usec;
        uint64_t patience_usec;
        char why[160]; /* it was killed; empty when it was not */
        bool looking;
        bool stopping;
};

static void arm(struct supervisor *supervisor, uint64_t delay_usec) {
        if (sd_event_source_set_time_relative(supervisor->timer, delay_usec) >= 0)
                (void) sd_event_source_set_enabled(supervisor->timer, SD_EVENT_ONESHOT);
}

static void disarm(struct supervisor *supervisor) {
        (void) sd_event_source_set_enabled(supervisor->timer, SD_EVENT_OFF);
}

static void drop_engine(struct supervisor *supervisor) {
        supervisor->channel_source = sd_event_source_disable_unref(supervisor->channel_source);
        supervisor->pid_source = sd_event_source_disable_unref(supervisor->pid_source);
        channel_output_done(&supervisor->output);
        supervisor->engine = engine_free(supervisor->engine);
}

/* Its end is heard by the pidfd. Until then nothing that it says is believed. */
static void kill_engine(struct supervisor *supervisor, const char *why) {
        supervisor->channel_source = sd_event_source_disable_unref(supervisor->channel_source);
        (void) snprintf(supervisor->why, sizeof(supervisor->why), "%s", why);
        engine_kill(supervisor->engine);
}

/* One that cannot be read leaves open what the loop has to show, and the engine would not tell it
 * again. */
static int on_report_text(struct supervisor *supervisor, const struct channel_message *message) {
        const struct supervisor_handler *handler = &supervisor->handler;
        phx_cleanup(phx_report_freep) struct phx_report *report = NULL;
        int r;

        r = phx_report_parse(message->text, message->size, &report, NULL);
        if (r >= 0)
                handler->on_report(handler->data, report);
        return r;
}

static int on_suspended_text(
                const struct supervisor *supervisor,
                const struct channel_message *message) {
        const struct supervisor_handler *handler = &supervisor->handler;
        phx_cleanup(phx_suspensions_done) struct phx_suspensions suspensions = { 0 };
        int r;

        r = phx_suspensions_parse(message->text, message->size, &suspensions, NULL);
        if (r >= 0)
                handler->on_suspended(handler->data, &suspensions);
        return r;
}

/* What an engine says while it looks; -ENOMSG for what ends the look. */
static int on_interim(struct supervisor *supervisor, const struct channel_message *message) {
        const struct supervisor_handler *handler = &supervisor->handler;

        if (message->type == CHANNEL_SUSPENDED)
                return on_suspended_text(supervisor, message);
        /* It is not sent again: an engine that cannot be understood is of no use, and a new one
         * tells everything. */
        if (message->type == CHANNEL_ALL || message->type == CHANNEL_OBJECT ||
            message->type == CHANNEL_GONE || message->type == CHANNEL_REST)
                return handler->on_seen(handler->data, message);
        if (message->type != CHANNEL_PROGRESS)
                return -ENOMSG;
        arm(supervisor, supervisor->silence_usec);
        handler->on_progress(handler->data, message->text);
        return 0;
}

/* Negative errno when an engine would not say this, or not now. */
static int on_message(struct supervisor *supervisor, const struct channel_message *message) {
        const struct supervisor_handler *handler = &supervisor->handler;
        int r;

        /* What it said before it got our request is answered by the look that this asks for. */
        if (message->type == CHANNEL_COMPILED) {
                if (!supervisor->looking)
                        handler->on_compiled(handler->data);
                return 0;
        }
        if (!supervisor->looking || message->type == CHANNEL_LOOK ||
            message->type == CHANNEL_SCOPE || message->type == CHANNEL_RESULTS ||
            message->type == CHANNEL_RESTARTS)
                return -EBADMSG;
        r = on_interim(supervisor, message);
        if (r != -ENOMSG)
                return r;
        supervisor->looking = false;
        disarm(supervisor);
        (void) phx_process_sweep(&supervisor->engine->process.pid, 1, 0);
        if (message->type == CHANNEL_REPORT)
                return on_report_text(supervisor, message);
        if (message->type == CHANNEL_LABELS)
                handler->on_labels(handler->data, message->value != 0);
        else
                handler->on_failure(handler->data, message->text);
        return 0;
}

/* Takes some of what it has said: 1 when more is there that no poll of the channel knows of, 0 when
 * not. */
static int take_messages(struct supervisor *supervisor) {
        struct channel *channel = &supervisor->engine->channel;
        int r = 1;

        for (unsigned i = 0; r > 0 && i < MESSAGES_LIMIT; i++) {
                phx_cleanup(channel_message_freep) struct channel_message *message = NULL;

                r = channel_receive(channel, &message);
                if (r > 0 && !supervisor->stopping)
                        r = on_message(supervisor, message) < 0 ? -EBADMSG : 1;
        }
        /* Closed: it has ended, or will now. Its own way of ending is reported, if it had one. */
        if (r == -EPIPE)
                kill_engine(supervisor, "");
        else if (r < 0)
                kill_engine(supervisor, "it sent an invalid message");
        return r > 0 && channel_has_message(channel);
}

/* Sends what the channel takes; the rest waits until it takes more. */
static void supervisor_flush(struct supervisor *supervisor) {
        const size_t size = supervisor->output.buffer.size;
        uint32_t events = EPOLLIN;
        int r;

        r = channel_flush(&supervisor->output);
        if (r == -EAGAIN) {
                events |= EPOLLOUT;
                r = 0;
        }
        if (r >= 0)
                r = sd_event_source_set_io_events(supervisor->channel_source, events);
        if (r < 0)
                kill_engine(supervisor, "it does not read messages");
        else if (supervisor->output.buffer.size < size)
                arm(supervisor, supervisor->silence_usec);
}

static int on_channel(sd_event_source *source, int fd, uint32_t revents, void *data) {
        struct supervisor *supervisor = data;

        /* A deferred source would be dispatched before all others. */
        if (take_messages(supervisor) > 0 &&
            sd_event_source_set_time_relative(supervisor->more, 0) >= 0)
                (void) sd_event_source_set_enabled(supervisor->more, SD_EVENT_ONESHOT);
        if ((revents & EPOLLOUT) && supervisor->looking && supervisor->channel_source)
                supervisor_flush(supervisor);
        return 0;
}

/* What waits in memory is taken in turns with everything else that happens. */
static int supervisor_on_more(sd_event_source *source, uint64_t usec, void *data) {
        struct supervisor *supervisor = data;

        return supervisor->channel_source ? on_channel(NULL, -1, 0, supervisor) : 0;
}

static void describe_end(int status, char *text, size_t size) {
        if (WIFSIGNALED(status))
                (void) snprintf(text,
                                size,
                                "it was killed by signal %d (%s)",
                                WTERMSIG(status),
                                strsignal(WTERMSIG(status)));
        else
                (void) snprintf(text, size, "it exited with status %d", WEXITSTATUS(status));
}

/* It has ended. True when nothing more can come from it: its end of the channel is closed, or a
 * child of its own still has it, and is silent. */
static bool is_drained(struct supervisor *supervisor) {
        struct pollfd poll_fd = { .fd = supervisor->engine->channel.fd, .events = POLLIN };

        if (take_messages(supervisor) > 0)
                return false;
        return !supervisor->channel_source || poll(&poll_fd, 1, 0) == 0;
}

static int supervisor_on_ended(sd_event_source *source, int fd, uint32_t revents, void *data) {
        struct supervisor *supervisor = data;
        const struct supervisor_handler *handler = &supervisor->handler;
        char why[sizeof(supervisor->why)];
        int status = 0;

        /* What it said before it ended still counts: the pidfd stays readable meanwhile. */
        if (supervisor->channel_source && !is_drained(supervisor))
                return 0;
        if (!engine_reap(supervisor->engine, &status))
                return 0;

        describe_end(status, why, sizeof(why));
        if (supervisor->why[0])
                (void) snprintf(why, sizeof(why), "%s", supervisor->why);
        supervisor->why[0] = '\0';
        supervisor->looking = false;
        disarm(supervisor);
        drop_engine(supervisor);
        /* What its children had started is ours now. The dead are buried with the next look. */
        (void) phx_process_sweep(NULL, 0, 0);

        if (supervisor->stopping)
                handler->on_stopped(handler->data);
        else
                handler->on_lost(handler->data, why);
        return 0;
}

static int supervisor_on_timer(sd_event_source *source, uint64_t usec, void *data) {
        struct supervisor *supervisor = data;
        const struct supervisor_handler *handler = &supervisor->handler;
        char why[sizeof(supervisor->why)];

        if (supervisor->stopping) {
                bool again = supervisor->why[0];

                kill_engine(supervisor, "it did not exit");
                if (again)
                        handler->on_stopped(handler->data);
                else
                        arm(supervisor, supervisor->patience_usec);
                return 0;
        }

        (void) snprintf(why,
                        sizeof(why),
                        "it sent no message for %" PRIu64 " s",
                        supervisor->silence_usec / 1000000);
        kill_engine(supervisor, why);
        handler->on_progress(handler->data, "the engine hangs; phoenixd kills it");
        return 0;
}

static int attach_engine(struct supervisor *supervisor) {
        int r;

        r = sd_event_add_io(
                        supervisor->event,
                        &supervisor->channel_source,
                        supervisor->engine->channel.fd,
                        EPOLLIN,
                        on_channel,
                        supervisor);
        if (r < 0)
                return r;
        return sd_event_add_io(
                        supervisor->event,
                        &supervisor->pid_source,
                        supervisor->engine->process.fd,
                        EPOLLIN,
                        supervisor_on_ended,
                        supervisor);
}

int supervisor_new(
                const struct engine_plan *plan,
                uint64_t silence_usec,
                const struct supervisor_handler *handler,
                struct supervisor **ret_supervisor) {
        phx_cleanup(supervisor_freep) struct supervisor *supervisor = calloc(
                        1,
                        sizeof(*supervisor));
        int r;

        if (!supervisor)
                return -ENOMEM;
        /* What leaves the engine's group would else outlive it. This process has no other child. */
        (void) prctl(PR_SET_CHILD_SUBREAPER, 1);
        supervisor->plan = plan;
        supervisor->silence_usec = silence_usec;
        supervisor->handler = *handler;

        r = engine_start(plan, &supervisor->engine);
        if (r < 0)
                return r;
        *ret_supervisor = PHX_TAKE(supervisor);
        return 0;
}

struct supervisor *supervisor_free(struct supervisor *supervisor) {
        if (!supervisor)
                return NULL;

        drop_engine(supervisor);
        supervisor->timer = sd_event_source_disable_unref(supervisor->timer);
        supervisor->more = sd_event_source_disable_unref(supervisor->more);
        sd_event_unref(supervisor->event);
        free(supervisor);

        return NULL;
}

int supervisor_attach(struct supervisor *supervisor, sd_event *event) {
        int r;

        supervisor->event = sd_event_ref(event);
        r = sd_event_add_time_relative(
                        event,
                        &supervisor->timer,
                        CLOCK_MONOTONIC,
                        0,
                        0,
                        supervisor_on_timer,
                        supervisor);
        if (r < 0)
                return r;
        disarm(supervisor);
        r = sd_event_add_time_relative(
                        event,
                        &supervisor->more,
                        CLOCK_MONOTONIC,
                        0,
                        1,
                        supervisor_on_more,
                        supervisor);
        if (r >= 0)
                r = sd_event_source_set_enabled(supervisor->more, SD_EVENT_OFF);
        return r < 0 ? r : attach_engine(supervisor);
}

static int ensure_engine(struct supervisor *supervisor) {
        int r;

        if (supervisor->engine)
                return 0;
        r = engine_start(supervisor->plan, &supervisor->engine);
        if (r < 0)
                return r;
        r = attach_engine(supervisor);
        if (r < 0)
                drop_engine(supervisor);
        return r;
}

/* -EAGAIN when the rest is sent later. */
static int put_results(struct channel_output *output, const struct phx_job_results *results) {
        phx_autofree char *text = NULL;
        int r;

        r = phx_job_results_render(results, &text);
        return r < 0 ? r : channel_put(output, CHANNEL_RESULTS, 0, text);
}

/* Likewise. */
static int put_restarts(struct channel_output *output, const struct restart_asks *restarts) {
        phx_autofree char *text = NULL;
        int r;

        r = restart_asks_to_text(restarts, &text);
        return r < 0 ? r : channel_put(output, CHANNEL_RESTARTS, 0, text);
}

/* An engine that has just been started has read nothing yet, whatever the request says. */
static int supervisor_send(struct supervisor *supervisor, const struct engine_request *request) {
        struct channel_output *output = &supervisor->output;
        phx_autofree char *scope = NULL;
        int r = 0;

        output->fd = supervisor->engine->channel.fd;
        if (request->scope && scope_to_text(request->scope, &scope) >= 0)
                r = channel_put(output, CHANNEL_SCOPE, 0, scope);
        if (request->results && (r >= 0 || r == -EAGAIN))
                r = put_results(output, request->results);
        if (request->restarts && (r >= 0 || r == -EAGAIN))
                r = put_restarts(output, request->restarts);
        if (r >= 0 || r == -EAGAIN)
                r = channel_put(output,
                                CHANNEL_LOOK,
                                (int32_t) request->kind,
                                request->suspensions);
        return r == -EAGAIN ? 0 : r;
}

int supervisor_look(struct supervisor *supervisor, const struct engine_request *request) {
        int r;

        r = ensure_engine(supervisor);
        if (r < 0)
                return r;

        supervisor->looking = true;
        arm(supervisor, supervisor->silence_usec);
        r = supervisor_send(supervisor, request);
        if (r < 0 && supervisor->channel_source)
                kill_engine(supervisor, "it does not read messages");
        else if (supervisor->channel_source)
                supervisor_flush(supervisor);
        /* on_lost is the answer then. */
        return 0;
}

void supervisor_stop(struct supervisor *supervisor, uint64_t patience_usec) {
        const struct supervisor_handler *handler = &supervisor->handler;

        supervisor->stopping = true;
        supervisor->looking = false;
        supervisor->patience_usec = patience_usec;
        if (!supervisor->engine) {
                handler->on_stopped(handler->data);
                return;
        }
        supervisor->channel_source = sd_event_source_disable_unref(supervisor->channel_source);
        (void) shutdown(supervisor->engine->channel.fd, SHUT_RDWR);
        arm(supervisor, patience_usec);
}
