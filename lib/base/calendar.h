/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Calendar expressions of systemd.time(7), by systemd itself: what an operator writes here means
 * what it means in a timer. Each question is a child process that takes some milliseconds. */

#define PHX_CALENDAR_PROGRAM "/usr/bin/systemd-analyze"
/* As systemd does: see localtime(5). */
#define PHX_CALENDAR_ZONE "/etc/localtime"
/* Of one question: long for a program that only computes. */
#define PHX_CALENDAR_DEADLINE_USEC 5000000ULL
/* Bytes of an expression; systemd's own limit is what one line of a unit holds. */
#define PHX_CALENDAR_LIMIT ((size_t) 256)

/* Borrowed; a test has a program of its own. */
struct phx_calendar {
        const char *program; /* PHX_CALENDAR_PROGRAM */
        uint64_t deadline_usec;
        const char *zone; /* file of the machine's time zone; NULL: it never changes */
};

extern const struct phx_calendar phx_calendar_systemd;

/* When EXPRESSION elapses for the first time after AFTER_USEC, by the clock on the wall in the
 * machine's time zone: 1 and microseconds since the epoch, of whole seconds; 0 when it never does
 * again. -EINVAL with systemd's words when it is no calendar expression. Any other failure says
 * nothing about the expression: -ENOENT without the program, -ETIMEDOUT, -EBADMSG for an answer
 * that cannot be understood, …, each with a text. */
int phx_calendar_next(
                const struct phx_calendar *calendar,
                const char *expression,
                uint64_t after_usec,
                uint64_t *ret_usec,
                struct phx_error *error);
