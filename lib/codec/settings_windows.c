/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "codec/settings_windows.h"

#include <errno.h>

#include "base/process.h"

#define KEY "restart_windows"

/* After one that systemd could not be asked for, the others are not tried: each may take its time.
 */
int phx_settings_check_windows(
                const struct phx_json_text *text,
                const struct phx_settings *settings,
                const struct phx_calendar *calendar,
                struct phx_error *error) {
        const struct phx_json_place root = { .text = text }, key = phx_json_member(&root, KEY);
        const struct phx_strings *windows = &settings->restart.windows;
        const uint64_t until = phx_now_usec() + calendar->deadline_usec;
        bool failed = false;

        for (size_t i = 0; i < windows->count; i++) {
                const struct phx_json_place place = phx_json_element(&key, i);
                struct phx_error why = { 0 };
                uint64_t usec = 0;
                int r;

                if (phx_now_usec() > until)
                        r = phx_error_set(&why, -ETIMEDOUT, "%s: is too slow", calendar->program);
                else
                        r = phx_calendar_next(calendar, windows->items[i], 0, &usec, &why);
                if (r >= 0)
                        continue;
                if (r != -EINVAL) {
                        phx_json_warn(error, &place, "not checked: %s", phx_error_text(&why, r));
                        break;
                }
                r = phx_json_refuse_found(
                                error,
                                &place,
                                "expected a calendar expression as in systemd.time(7): %s",
                                phx_error_text(&why, r));
                if (!phx_error_goes_on(error, r))
                        return r;
                failed = true;
        }
        return failed ? -EINVAL : 0;
}
