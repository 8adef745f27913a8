/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "phoenixctl/remote.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <systemd/sd-bus.h>

#include "base/error.h"
#include "base/file.h"
#include "codec/snapshot_json.h"
#include "phoenixctl/remote_bus.h"

#define SERVICE "org.phoenixd1"
#define PATH "/org/phoenixd1"
#define INTERFACE "org.phoenixd1.Manager"
#define SNAPSHOT_LIMIT ((size_t) 64 << 20)

static int not_running(void) {
        (void) fprintf(stderr,
                       "phoenixctl: phoenixd is not running; run systemctl start phoenixd, or see "
                       "journalctl -u phoenixd\n");
        return CTL_NOT_RUNNING;
}

static bool is_refusal(const sd_bus_error *error) {
        return sd_bus_error_has_name(error, SD_BUS_ERROR_ACCESS_DENIED) ||
               sd_bus_error_has_name(error, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED);
}

int remote_bus_failed(int r, const sd_bus_error *error) {
        if (!error) {
                (void) fprintf(stderr, "phoenixctl: the message bus: %s\n", strerrordesc_np(-r));
                return CTL_ERROR;
        }
        if (sd_bus_error_has_name(error, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
            sd_bus_error_has_name(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER))
                return not_running();
        (void) fprintf(stderr,
                       "phoenixctl: %s\n",
                       error->message ? error->message : strerrordesc_np(-r));
        return is_refusal(error) ? CTL_NOT_ALLOWED : CTL_ERROR;
}

int remote_bus_open(const struct ctl *ctl, sd_bus **ret_bus) {
        int r = ctl->host ? sd_bus_open_system_remote(ret_bus, ctl->host)
                          : sd_bus_open_system(ret_bus);

        if (r >= 0)
                return 0;
        if (ctl->host)
                (void) fprintf(stderr,
                               "phoenixctl: the message bus of %s: %s; check that ssh can log in there\n",
                               ctl->host,
                               strerrordesc_np(-r));
        else
                (void) fprintf(stderr,
                               "phoenixctl: the message bus: %s; without it, see systemctl status "
                               "phoenixd and journalctl -u phoenixd\n",
                               strerrordesc_np(-r));
        return CTL_ERROR;
}

int remote_bus_call(
                sd_bus *bus,
                const char *method,
                sd_bus_error *error,
                sd_bus_message **ret_reply,
                const char *types,
                ...) {
        phx_cleanup(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        va_list arguments;
        int r;

        r = sd_bus_message_new_method_call(bus, &message, SERVICE, PATH, INTERFACE, method);
        va_start(arguments, types);
        if (r >= 0 && types[0])
                r = sd_bus_message_appendv(message, types, arguments);
        va_end(arguments);
        return r < 0 ? r : sd_bus_call(bus, message, 0, error, ret_reply);
}

/* A method that has one text for an answer. A user who is not allowed reads that, unless IS_QUIET.
 */
static int remote_ask(const struct ctl *ctl, const char *method, bool is_quiet, char **ret_text) {
        phx_cleanup(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        phx_cleanup(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        phx_cleanup(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        const char *text = NULL;
        int r;

        r = remote_bus_open(ctl, &bus);
        if (r != 0)
                return r;
        r = sd_bus_call_method(bus, SERVICE, PATH, INTERFACE, method, &error, &reply, "");
        if (is_quiet && is_refusal(&error))
                return CTL_NOT_ALLOWED;
        if (r >= 0)
                r = sd_bus_message_read(reply, "s", &text);
        if (r < 0)
                return remote_bus_failed(r, &error);
        *ret_text = strdup(text);
        return *ret_text ? 0 : CTL_ERROR;
}

char *remote_profile_of(const char *id) {
        phx_cleanup(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        phx_autofree char *path = NULL;
        char *profile = NULL;

        if (sd_bus_path_encode(PATH "/container", id, &path) < 0 || sd_bus_open_system(&bus) < 0 ||
            sd_bus_get_property_string(
                            bus,
                            SERVICE,
                            path,
                            "org.phoenixd1.Container",
                            "Profile",
                            NULL,
                            &profile) < 0)
                return NULL;
        return profile;
}

int remote_request(const struct ctl *ctl, const char *method, const char *types, ...) {
        phx_cleanup(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        phx_cleanup(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        phx_cleanup(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        va_list arguments;
        int r;

        r = remote_bus_open(ctl, &bus);
        if (r != 0)
                return r;
        r = sd_bus_message_new_method_call(bus, &message, SERVICE, PATH, INTERFACE, method);
        if (r >= 0)
                r = sd_bus_message_set_allow_interactive_authorization(message, 1);
        va_start(arguments, types);
        if (r >= 0 && types[0])
                r = sd_bus_message_appendv(message, types, arguments);
        va_end(arguments);
        if (r >= 0)
                r = sd_bus_call(bus, message, UINT64_MAX, &error, NULL);
        return r < 0 ? remote_bus_failed(r, &error) : 0;
}

int remote_describe(
                const struct ctl *ctl,
                const char *from,
                struct phx_description *ret_description,
                char **ret_text) {
        phx_autofree char *text = NULL;
        struct phx_error error = { 0 };
        size_t size = 0;
        int r;

        if (from) {
                r = phx_file_read_at(AT_FDCWD, from, SNAPSHOT_LIMIT, &text, &size);
                if (r < 0) {
                        (void) fprintf(stderr, "phoenixctl: %s: %s\n", from, strerrordesc_np(-r));
                        return CTL_ERROR;
                }
        } else {
                r = remote_ask(ctl, "Describe", false, &text);
                if (r != 0)
                        return r;
                size = strlen(text);
        }
        r = phx_description_parse(text, size, ret_description, &error);
        if (r < 0) {
                (void) fprintf(stderr, "phoenixctl: %s\n", error.text);
                return CTL_ERROR;
        }
        if (ret_text)
                *ret_text = PHX_TAKE(text);
        return 0;
}

int remote_plan(const struct ctl *ctl,
                bool is_quiet,
                struct phx_snapshot_plan *ret_plan,
                char **ret_text) {
        phx_autofree char *text = NULL;
        struct phx_error error = { 0 };
        int r;

        r = remote_ask(ctl, "Plan", is_quiet, &text);
        if (r != 0)
                return r;
        r = phx_snapshot_plan_parse(text, strlen(text), ret_plan, &error);
        if (r < 0) {
                (void) fprintf(stderr, "phoenixctl: %s\n", phx_error_text(&error, r));
                return CTL_ERROR;
        }
        *ret_text = PHX_TAKE(text);
        return 0;
}

int remote_offers(const struct ctl *ctl, struct phx_snapshot_plan *ret_plan) {
        phx_cleanup(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        phx_cleanup(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *text = NULL;
        int r;

        r = ctl->host ? sd_bus_open_system_remote(&bus, ctl->host) : sd_bus_open_system(&bus);
        if (r >= 0)
                r = sd_bus_call_method(bus, SERVICE, PATH, INTERFACE, "Plan", NULL, &reply, "");
        if (r >= 0)
                r = sd_bus_message_read(reply, "s", &text);
        if (r >= 0)
                r = phx_snapshot_plan_parse(text, strlen(text), ret_plan, NULL);
        return r < 0 ? CTL_ERROR : 0;
}

/* --- watching --- */

struct watch {
        sd_bus *bus;
        int (*on_news)(void *data, const char *text, struct phx_description *description);
        void *data;
        bool is_due;   /* something was announced since it was last asked */
        bool is_whole; /* everything is asked for, not only what changes are found in */
};

static int on_signal(sd_bus_message *message, void *data, sd_bus_error *error) {
        struct watch *watch = data;

        watch->is_due = true;
        return 0;
}

bool remote_bus_is_gone(const sd_bus_error *error) {
        return sd_bus_error_has_name(error, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
               sd_bus_error_has_name(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER) ||
               sd_bus_error_has_name(error, SD_BUS_ERROR_NO_REPLY);
}

/* 0 or the exit status, and whether phoenixd left in the middle of it. */
static int parse_news(
                const struct watch *watch,
                const char *text,
                struct phx_description *description,
                bool *ret_gone) {
        struct phx_error error = { 0 };
        struct phx_tally tally;
        int r;

        r = watch->is_whole ? phx_description_parse(text, strlen(text), description, &error)
                            : phx_daemon_parse(text, strlen(text), description, &tally, &error);
        if (r < 0) {
                (void) fprintf(stderr, "phoenixctl: %s\n", phx_error_text(&error, r));
                return CTL_ERROR;
        }
        return watch->is_whole ? 0
                               : remote_bus_add_lists(
                                                 watch->bus,
                                                 REMOTE_DRIFTS,
                                                 description->snapshot,
                                                 ret_gone);
}

static int remote_tell(struct watch *watch) {
        phx_cleanup(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        phx_cleanup(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        phx_cleanup(phx_description_done) struct phx_description description = { 0 };
        const char *text = NULL;
        bool is_gone = false;
        int r;

        r = remote_bus_call(
                        watch->bus,
                        watch->is_whole ? "Describe" : "DescribeDaemon",
                        &error,
                        &reply,
                        "");
        if (remote_bus_is_gone(&error))
                return watch->on_news(watch->data, NULL, NULL);
        /* An earlier version. */
        if (!watch->is_whole && sd_bus_error_has_name(&error, SD_BUS_ERROR_UNKNOWN_METHOD)) {
                watch->is_whole = true;
                return remote_tell(watch);
        }
        if (r >= 0)
                r = sd_bus_message_read(reply, "s", &text);
        if (r < 0)
                return remote_bus_failed(r, &error);
        r = parse_news(watch, text, &description, &is_gone);
        if (is_gone)
                return watch->on_news(watch->data, NULL, NULL);
        return r != 0 ? r : watch->on_news(watch->data, text, &description);
}

/* What came in a burst is shown at once. */
static int remote_settle(struct watch *watch) {
        int r;

        do
                r = sd_bus_process(watch->bus, NULL);
        while (r > 0);
        if (r >= 0 && !watch->is_due)
                r = sd_bus_wait(watch->bus, UINT64_MAX);
        return r;
}

static int remote_add_matches(struct watch *watch) {
        int r;

        r = sd_bus_match_signal(
                        watch->bus,
                        NULL,
                        SERVICE,
                        NULL,
                        "org.freedesktop.DBus.Properties",
                        "PropertiesChanged",
                        on_signal,
                        watch);
        return r < 0 ? r
                     : sd_bus_add_match(
                                       watch->bus,
                                       NULL,
                                       "type='signal',sender='org.freedesktop.DBus',"
                                       "interface='org.freedesktop.DBus',"
                                       "member='NameOwnerChanged',arg0='" SERVICE "'",
                                       on_signal,
                                       watch);
}

int remote_watch(
                const struct ctl *ctl,
                int (*on_news)(void *data, const char *text, struct phx_description *description),
                void *data) {
        phx_cleanup(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        struct watch watch = { .on_news = on_news,
                               .data = data,
                               .is_due = true,
                               .is_whole = ctl->json };
        int r;

        r = remote_bus_open(ctl, &bus);
        if (r != 0)
                return r;
        watch.bus = bus;
        r = remote_add_matches(&watch);
        while (r >= 0) {
                if (watch.is_due) {
                        watch.is_due = false;
                        r = remote_tell(&watch);
                        if (r != 0)
                                return r;
                }
                r = remote_settle(&watch);
        }
        return remote_bus_failed(r, NULL);
}
