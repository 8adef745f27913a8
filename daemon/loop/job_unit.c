/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "loop/job_unit.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/buffer.h"
#include "base/macros.h"

int systemd_call(sd_bus *connection, const char *method) {
        return sd_bus_call_method_async(
                        connection,
                        NULL,
                        SYSTEMD_NAME,
                        SYSTEMD_PATH,
                        SYSTEMD_MANAGER,
                        method,
                        NULL,
                        NULL,
                        NULL);
}

static int new_call(sd_bus *connection, const char *method, sd_bus_message **ret_call) {
        return sd_bus_message_new_method_call(
                        connection,
                        ret_call,
                        SYSTEMD_NAME,
                        SYSTEMD_PATH,
                        SYSTEMD_MANAGER,
                        method);
}

int systemd_ask_units(
                sd_bus *connection,
                sd_bus_slot **ret_slot,
                const char *service,
                const char *own,
                sd_bus_message_handler_t answered,
                void *data) {
        phx_cleanup(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = new_call(connection, "ListUnitsByNames", &call);
        if (r >= 0)
                r = service ? sd_bus_message_append(call, "as", 2, own, service)
                            : sd_bus_message_append(call, "as", 1, own);
        return r < 0 ? r : sd_bus_call_async(connection, ret_slot, call, answered, data, 0);
}

/* The next of the list, which has one for each name that was asked for, known or not. */
static int systemd_read_unit(sd_bus_message *reply, struct systemd_unit *ret_unit) {
        const char *active = NULL, *job = NULL;
        uint32_t id = 0;
        int r;

        r = sd_bus_message_read(
                        reply,
                        "(ssssssouso)",
                        NULL,
                        NULL,
                        NULL,
                        &active,
                        NULL,
                        NULL,
                        NULL,
                        &id,
                        NULL,
                        &job);
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;
        *ret_unit = (struct systemd_unit){
                .is_active = strcmp(active, "inactive") != 0 && strcmp(active, "failed") != 0,
                .job = id > 0 ? job : NULL,
        };
        return 0;
}

int systemd_read_units(
                sd_bus_message *reply,
                struct systemd_unit *ret_service,
                struct systemd_unit *ret_own) {
        int r;

        r = sd_bus_message_enter_container(reply, 'a', "(ssssssouso)");
        if (r >= 0)
                r = systemd_read_unit(reply, ret_own);
        if (r >= 0 && ret_service)
                r = systemd_read_unit(reply, ret_service);
        return r;
}

bool systemd_is_done(const char *result) {
        return strcmp(result, "done") == 0;
}

const char *systemd_error_text(const sd_bus_error *error) {
        return error->message ? error->message : error->name;
}

const char *job_unit_method(const struct phx_job *job, bool is_active) {
        if (!job->service)
                return NULL;
        switch (job->verb) {
        case PHX_JOB_RESTART:
                return is_active ? "RestartUnit" : NULL;
        case PHX_JOB_START:
                return "StartUnit";
        case PHX_JOB_STOP:
                return is_active ? "StopUnit" : NULL;
        case PHX_JOB_RUN:
                return NULL;
        }
        return NULL;
}

static int add_text(sd_bus_message *call, const char *name, const char *value) {
        return sd_bus_message_append(call, "(sv)", name, "s", value);
}

/* systemd puts a variable of the environment in place of "$NAME", and "$" in place of "$$". */
static int add_argument(sd_bus_message *call, const char *argument) {
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };
        int r = phx_buffer_add_text(&text, "");

        for (; r >= 0 && *argument; argument++)
                r = phx_buffer_addf(&text, *argument == '$' ? "$%c" : "%c", *argument);
        return r < 0 ? r : sd_bus_message_append(call, "s", text.data);
}

static int add_command(sd_bus_message *call, const struct phx_strings *arguments) {
        int r;

        r = sd_bus_message_open_container(call, 'r', "sasb");
        if (r >= 0)
                r = sd_bus_message_append(call, "s", arguments->items[0]);
        if (r >= 0)
                r = sd_bus_message_open_container(call, 'a', "s");
        for (size_t i = 0; r >= 0 && i < arguments->count; i++)
                r = add_argument(call, arguments->items[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        if (r >= 0)
                r = sd_bus_message_append(call, "b", false);
        return r < 0 ? r : sd_bus_message_close_container(call);
}

static int add_commands(sd_bus_message *call, const struct phx_job *job) {
        int r;

        r = sd_bus_message_open_container(call, 'r', "sv");
        if (r >= 0)
                r = sd_bus_message_append(call, "s", "ExecStart");
        if (r >= 0)
                r = sd_bus_message_open_container(call, 'v', "a(sasb)");
        if (r >= 0)
                r = sd_bus_message_open_container(call, 'a', "(sasb)");
        for (size_t i = 0; r >= 0 && i < job->command_count; i++)
                r = add_command(call, &job->commands[i].arguments);
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        return r < 0 ? r : sd_bus_message_close_container(call);
}

/* One that asks a question is ended with all that it has started. One that restarts a container is
 * not: pct(1) passes a signal on to the process that is at it, which leaves the container stopped,
 * and what lxc-start(1) leaves in the control group is the container. So a stop of the unit, at a
 * shutdown, sends what a process takes for nothing, and waits. */
static int add_end(sd_bus_message *call, const struct phx_job *job) {
        const uint64_t limit = job->limit_usec > 0 ? job->limit_usec : UINT64_MAX;
        int r;

        /* Of a oneshot, it is the only limit: see RuntimeMaxSec= in systemd.service(5). */
        if (job->verb == PHX_JOB_RUN)
                return sd_bus_message_append(call, "(sv)", "TimeoutStartUSec", "t", limit);
        r = sd_bus_message_append(call, "(sv)", "TimeoutStartUSec", "t", UINT64_MAX);
        if (r >= 0)
                r = add_text(call, "KillMode", "process");
        if (r >= 0)
                r = sd_bus_message_append(call, "(sv)", "KillSignal", "i", SIGCONT);
        return r < 0 ? r : sd_bus_message_append(call, "(sv)", "SendSIGKILL", "b", false);
}

static int add_properties(sd_bus_message *call, const struct phx_job *job) {
        const char *description = job->description ? job->description : job->name;
        int r;

        r = sd_bus_message_open_container(call, 'a', "(sv)");
        if (r >= 0)
                r = add_text(call, "Description", description);
        if (r >= 0)
                r = add_text(call, "Type", "oneshot");
        if (r >= 0)
                r = add_text(call, "CollectMode", "inactive-or-failed");
        if (r >= 0)
                r = add_end(call, job);
        if (r >= 0)
                r = add_commands(call, job);
        return r < 0 ? r : sd_bus_message_close_container(call);
}

int job_unit_start(
                sd_bus *connection,
                sd_bus_slot **ret_slot,
                const struct phx_job *job,
                const char *name,
                sd_bus_message_handler_t answered,
                void *data) {
        phx_cleanup(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = new_call(connection, "StartTransientUnit", &call);
        if (r >= 0)
                r = sd_bus_message_append(call, "ss", name, JOB_UNIT_MODE);
        if (r >= 0)
                r = add_properties(call, job);
        /* No other units. */
        if (r >= 0)
                r = sd_bus_message_append(call, "a(sa(sv))", 0);
        return r < 0 ? r : sd_bus_call_async(connection, ret_slot, call, answered, data, 0);
}
