/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/macros.h"
#include "base/position.h"

/* Everything that is wrong with some input, for a caller that wants all of it at once. A reader
 * that stops at the first mistake says it in its struct phx_error; one whose error has a list goes
 * on behind it. */

enum phx_severity {
        PHX_SEVERITY_ERROR,   /* is refused */
        PHX_SEVERITY_WARNING, /* is accepted, and hardly meant */
        PHX_SEVERITY_NOTE,    /* worth knowing; counted as neither */
};

struct phx_finding {
        enum phx_severity severity;
        char *file;
        unsigned line;   /* counted from 1; 0: the file as a whole */
        unsigned column; /* in bytes, counted from 1; 0: the line as a whole */
        char *text;      /* without the place; visible, see phx_visible() */
        char *rule;      /* that it breaks: its name and number; NULL and 0 for most findings */
        unsigned number;
        char *accepted; /* why that is accepted, so that it is a note; NULL where it is not */
};

struct phx_findings {
        struct phx_finding *items;
        size_t count;
        size_t capacity;
        size_t errors;
        size_t notes;
        bool is_incomplete; /* memory was short */
};

/* What POSITION names is copied. */
void phx_findings_add(
                struct phx_findings *findings,
                enum phx_severity severity,
                const struct phx_position *position,
                const char *format,
                ...) PHX_PRINTF(4, 5);
/* An error with its place; one without a place is in FILE. */
void phx_findings_add_error(
                struct phx_findings *findings,
                const struct phx_error *error,
                int code,
                const char *file);
/* Where the reader goes on, see phx_error_goes_on(): adds what was set last to the list, and
 * returns true. */
bool phx_error_list(struct phx_error *error, int code);

/* A rule that is broken: a warning, or a note with the reason where it is accepted. Copied. */
struct phx_finding_rule {
        const char *name;
        unsigned number;
        const char *accepted; /* NULL: it is not */
};

void phx_findings_add_rule(
                struct phx_findings *findings,
                const struct phx_finding_rule *rule,
                const struct phx_position *position,
                const char *text);

size_t phx_findings_warnings(const struct phx_findings *findings);

/* By file, then by place. Of what is said twice, once is left. */
void phx_findings_sort(struct phx_findings *findings);
void phx_findings_done(struct phx_findings *findings);

/* "error", "warning" or "note". */
const char *phx_severity_to_string(enum phx_severity severity);
