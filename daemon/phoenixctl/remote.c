#include "remote.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <systemd/sd-bus.h>

#include "base/error.h"
#include "base/file.h"
#include "codec/snapshot_json.h"

#define SNAPSHOT_LIMIT ((size_t) 64 << 20)

static int not_running(void) {
        (void) fprintf(stderr,
                       "phoenixctl: phoenixd is not running: systemctl start phoenixd; "
                       "journalctl -u phoenixd\n");
        return CTL_NOT_RUNNING;
}

static int bus_failed(int r, const sd_bus_error *error) {
        if (sd_bus_error_has_name(error, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
            sd_bus_error_has_name(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER))
                return not_running();
        (void) fprintf(stderr,
                       "phoenixctl: %s\n",
                       error->message ? error->message : strerrordesc_np(-r));
        return sd_bus_error_has_name(error, SD_BUS_ERROR_ACCESS_DENIED) ? CTL_NOT_ALLOWED
                                                                        : CTL_ERROR;
}

static int ask(const struct ctl *ctl, char **ret_text) {
        phx_cleanup(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        phx_cleanup(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        phx_cleanup(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        const char *text = NULL;
        int r;

        r = ctl->host ? sd_bus_open_system_remote(&bus, ctl->host) : sd_bus_open_system(&bus);
        if (r < 0) {
                (void) fprintf(stderr,
                               "phoenixctl: the message bus%s%s: %s\n",
                               ctl->host ? " of " : "",
                               ctl->host ? ctl->host : "",
                               strerrordesc_np(-r));
                return CTL_ERROR;
        }
        r = sd_bus_call_method(
                        bus,
                        "org.phoenixd1",
                        "/org/phoenixd1",
                        "org.phoenixd1.Manager",
                        "Describe",
                        &error,
                        &reply,
                        "");
        if (r >= 0)
                r = sd_bus_message_read(reply, "s", &text);
        if (r < 0)
                return bus_failed(r, &error);
        *ret_text = strdup(text);
        return *ret_text ? 0 : CTL_ERROR;
}

int remote_describe(
                const struct ctl *ctl,
                const char *from,
                struct phx_snapshot **ret_snapshot,
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
                r = ask(ctl, &text);
                if (r != 0)
                        return r;
                size = strlen(text);
        }
        r = phx_snapshot_parse(text, size, ret_snapshot, &error);
        if (r < 0) {
                (void) fprintf(stderr, "phoenixctl: %s\n", error.text);
                return CTL_ERROR;
        }
        if (ret_text)
                *ret_text = PHX_TAKE(text);
        return 0;
}
