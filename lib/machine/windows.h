/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/calendar.h"
#include "base/error.h"
#include "base/stamp.h"
#include "base/strings.h"
#include "state/window.h"

/* How long an answer that could not be had is waited for. */
#define PHX_WINDOWS_RETRY_USEC 60000000ULL

/* What was asked last, and what came of it. The zero value has asked nothing. */
struct phx_windows {
        struct phx_strings expressions;
        uint64_t length_usec;
        uint64_t asked_usec;   /* by the clock on the wall; 0: never */
        uint64_t holds_usec;   /* until then the answer is right, */
        struct phx_stamp zone; /* in this time zone */
        struct phx_window window;
        char *trouble; /* why it is not known; NULL when it is */
};

void phx_windows_done(struct phx_windows *windows);

/* Whether one of the windows is open at WALL_USEC: each begins when one of the EXPRESSIONS elapses,
 * and lasts LENGTH_USEC. systemd is asked only when the last answer has run out, or something else
 * is asked; of expressions that do not change that is once for each begin and end of a window. If
 * one cannot be asked, or all of them take longer than the deadline of one, the window is unknown,
 * TROUBLE says why, and they are not asked again for PHX_WINDOWS_RETRY_USEC. 0 or -ENOMEM. */
int phx_windows_ask(
                struct phx_windows *windows,
                const struct phx_calendar *calendar,
                const struct phx_strings *expressions,
                uint64_t length_usec,
                uint64_t wall_usec,
                struct phx_window *ret_window);
