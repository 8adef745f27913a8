/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The messages between a job (loop/jobs.h) and systemd: see org.freedesktop.systemd1(5). */

#include <stdbool.h>

#include <systemd/sd-bus.h>

#include "state/job.h"

#define SYSTEMD_NAME "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"
#define SYSTEMD_MANAGER "org.freedesktop.systemd1.Manager"

/* A job that somebody else has queued is not replaced: a host that shuts down restarts nothing, and
 * an operator who stops a container wins. */
#define JOB_UNIT_MODE "fail"

/* What systemd has of a unit. */
struct systemd_unit {
        bool is_active;  /* or is about to be, or to be no longer */
        const char *job; /* its path, borrowed from the message; NULL when there is none */
};

/* A method without arguments, of whose answer nothing is made. */
int systemd_call(sd_bus *connection, const char *method);

/* Asks for the unit OWN and, unless it is NULL, SERVICE; ANSWERED gets the answer. */
int systemd_ask_units(
                sd_bus *connection,
                sd_bus_slot **ret_slot,
                const char *service,
                const char *own,
                sd_bus_message_handler_t answered,
                void *data);
/* Reads that answer. RET_SERVICE is NULL when only OWN was asked for. */
int systemd_read_units(
                sd_bus_message *reply,
                struct systemd_unit *ret_service,
                struct systemd_unit *ret_own);

/* Whether RESULT of a job says that it was done. */
bool systemd_is_done(const char *result);
/* What a person can read of it; borrowed. */
const char *systemd_error_text(const sd_bus_error *error);

/* How the service of JOB is asked to do it; NULL when the commands are to be run. IS_ACTIVE is the
 * service's state. */
const char *job_unit_method(const struct phx_job *job, bool is_active);
/* Asks for the unit NAME that runs the commands of JOB. */
int job_unit_start(
                sd_bus *connection,
                sd_bus_slot **ret_slot,
                const struct phx_job *job,
                const char *name,
                sd_bus_message_handler_t answered,
                void *data);
