/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include "base/macros.h"
#include "shared/engine_process.h"

/* Keeps one engine at work: asks it to look, hears its answer, and kills it when it is silent for
 * too long. When it has ended, the next look gets a new one. */
struct supervisor;
struct phx_suspensions;

/* What a look comes to. One of on_report, on_labels, on_failure and on_lost follows each look;
 * on_lost and on_compiled may come between looks. */
struct supervisor_handler {
        /* Still at it: what it does just now. */
        void (*on_progress)(void *data, const char *text);
        /* A piece of what the look has seen, before its report: see shared/channel.h. Negative
         * errno for what is no such thing; the engine is killed then. */
        int (*on_seen)(void *data, const struct channel_message *message);
        /* All that is suspended, before a failure; see shared/channel.h. The handler may take it.
         */
        void (*on_suspended)(void *data, struct phx_suspensions *suspensions);
        /* The report is borrowed. */
        void (*on_report)(void *data, const struct phx_report *report);
        /* What follows a LOOK_LABELS instead. */
        void (*on_labels)(void *data, bool differs);
        /* A compile has ended: a look takes what it has made. */
        void (*on_compiled)(void *data);
        /* The engine lives, but could not look. */
        void (*on_failure)(void *data, const char *text);
        /* The engine has ended and is reaped; TEXT says how. */
        void (*on_lost)(void *data, const char *text);
        /* The engine has ended because it was asked to. */
        void (*on_stopped)(void *data);
        void *data;
};

/* The first engine is started here, before there is an event loop. SILENCE_USEC: an engine at a
 * look that says nothing for so long is killed. PLAN is borrowed, HANDLER copied. */
int supervisor_new(
                const struct engine_plan *plan,
                uint64_t silence_usec,
                const struct supervisor_handler *handler,
                struct supervisor **ret_supervisor);
struct supervisor *supervisor_free(struct supervisor *supervisor);
PHX_DEFINE_FREEP(supervisor)

/* Must be called before the first look. */
int supervisor_attach(struct supervisor *supervisor, sd_event *event);

/* Begins a look. Negative errno when there is no engine and none can be started. */
int supervisor_look(struct supervisor *supervisor, const struct engine_request *request);

/* Asks the engine to end, kills it after PATIENCE_USEC, and calls on_stopped when it is gone; at
 * once when there is none. A process that cannot be killed is waited for no longer than another
 * PATIENCE_USEC. */
void supervisor_stop(struct supervisor *supervisor, uint64_t patience_usec);
