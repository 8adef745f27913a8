/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A window is open when an expression has elapsed within the last LENGTH: then the first time that
 * it elapses after (now - LENGTH) is not after now. It may have elapsed again since, so that the
 * window is open for longer than LENGTH from that first time; that is found out then, by the next
 * question. Of several expressions the latest end counts, and the earliest begin.
 *
 * An answer holds until then. It does not when the clock was set back, or the machine got another
 * time zone: the first is seen by the time at which it was asked, the second by the file that the
 * zone is read from, in the next look. The rules of the zone may be in other files as well, so no
 * answer holds for more than a day. */

#include "machine/windows.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/process.h"
#include "state/report.h"

#define DAY_USEC 86400000000ULL

void phx_windows_done(struct phx_windows *windows) {
        phx_strings_done(&windows->expressions);
        free(windows->trouble);
        *windows = (struct phx_windows){ 0 };
}

/* Nothing, where there is no such file: that is UTC. */
static struct phx_stamp windows_zone(const struct phx_calendar *calendar) {
        struct stat st;

        return calendar->zone && stat(calendar->zone, &st) == 0 ? phx_stamp_of(&st)
                                                                : (struct phx_stamp){ 0 };
}

static bool windows_hold(
                const struct phx_windows *windows,
                const struct phx_strings *expressions,
                const struct phx_stamp *zone,
                uint64_t length_usec,
                uint64_t wall_usec) {
        return windows->asked_usec > 0 && windows->asked_usec <= wall_usec &&
               wall_usec < windows->holds_usec && windows->length_usec == length_usec &&
               phx_stamp_equal(&windows->zone, zone) &&
               phx_strings_equal(&windows->expressions, expressions);
}

/* One expression, added to what the others say. */
static int windows_add(
                const struct phx_calendar *calendar,
                const char *expression,
                uint64_t length_usec,
                uint64_t wall_usec,
                struct phx_window *window,
                struct phx_error *error) {
        const uint64_t from = wall_usec > length_usec ? wall_usec - length_usec : 0;
        uint64_t begin = 0;
        int r;

        r = phx_calendar_next(calendar, expression, from, &begin, error);
        if (r <= 0)
                return r;
        if (begin > wall_usec) {
                if (begin < window->next_usec)
                        window->next_usec = begin;
                return 0;
        }
        window->is_open = true;
        if (begin + length_usec > window->until_usec)
                window->until_usec = begin + length_usec;
        return 0;
}

static uint64_t windows_end(const struct phx_window *window, uint64_t wall_usec) {
        uint64_t end = window->is_open ? window->until_usec : window->next_usec;

        return end - wall_usec < DAY_USEC ? end : wall_usec + DAY_USEC;
}

static int windows_find_out(
                struct phx_windows *windows,
                const struct phx_calendar *calendar,
                uint64_t wall_usec) {
        const uint64_t until = phx_now_usec() + calendar->deadline_usec;
        struct phx_window window = { .is_known = true, .next_usec = PHX_NEVER };
        const struct phx_strings *expressions = &windows->expressions;
        struct phx_error error = { 0 };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < expressions->count; i++) {
                r = windows_add(calendar,
                                expressions->items[i],
                                windows->length_usec,
                                wall_usec,
                                &window,
                                &error);
                if (r >= 0 && i + 1 < expressions->count && phx_now_usec() > until)
                        r = phx_error_set(
                                        &error,
                                        -ETIMEDOUT,
                                        "%s: has answered for %zu of %zu windows in time",
                                        calendar->program,
                                        i + 1,
                                        expressions->count);
        }
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                windows->window = (struct phx_window){ .next_usec = PHX_NEVER };
                windows->holds_usec = wall_usec + PHX_WINDOWS_RETRY_USEC;
                return phx_replace(&windows->trouble, phx_error_text(&error, r));
        }
        windows->window = window;
        windows->holds_usec = windows_end(&window, wall_usec);
        return phx_replace(&windows->trouble, NULL);
}

int phx_windows_ask(
                struct phx_windows *windows,
                const struct phx_calendar *calendar,
                const struct phx_strings *expressions,
                uint64_t length_usec,
                uint64_t wall_usec,
                struct phx_window *ret_window) {
        phx_cleanup(phx_strings_done) struct phx_strings copy = { 0 };
        const struct phx_stamp zone = windows_zone(calendar);
        int r;

        if (!windows_hold(windows, expressions, &zone, length_usec, wall_usec)) {
                r = phx_strings_copy(&copy, expressions);
                if (r < 0)
                        return r;
                phx_strings_done(&windows->expressions);
                windows->expressions = PHX_TAKE_STRUCT(copy);
                windows->length_usec = length_usec;
                windows->zone = zone;
                windows->asked_usec = 0;
                r = windows_find_out(windows, calendar, wall_usec);
                if (r < 0)
                        return r;
                windows->asked_usec = wall_usec;
        }
        *ret_window = windows->window;
        return 0;
}
