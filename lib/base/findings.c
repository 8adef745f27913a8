/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strings.h"

#define FEW 16

static void finding_done(struct phx_finding *finding) {
        free(finding->file);
        free(finding->text);
        free(finding->rule);
        free(finding->accepted);
}

/* There may be one for each line of a large file. */
static struct phx_finding *findings_append(struct phx_findings *findings) {
        if (findings->count == findings->capacity) {
                size_t capacity = findings->capacity ? 2 * findings->capacity : FEW;
                struct phx_finding *items = reallocarray(findings->items, capacity, sizeof(*items));

                if (!items)
                        return NULL;
                findings->items = items;
                findings->capacity = capacity;
        }
        findings->items[findings->count] = (struct phx_finding){ 0 };
        return &findings->items[findings->count++];
}

void phx_findings_add(
                struct phx_findings *findings,
                enum phx_severity severity,
                const struct phx_position *position,
                const char *format,
                ...) {
        phx_autofree char *text = NULL;
        struct phx_finding *finding;
        va_list arguments;

        findings->errors += severity == PHX_SEVERITY_ERROR;
        findings->notes += severity == PHX_SEVERITY_NOTE;
        finding = findings_append(findings);
        if (!finding) {
                findings->is_incomplete = true;
                return;
        }
        finding->severity = severity;
        finding->line = position->line;
        finding->column = position->column;
        finding->file = strdup(position->file);
        va_start(arguments, format);
        (void) phx_vprintf(&text, format, arguments);
        va_end(arguments);
        finding->text = text ? phx_visible(text) : NULL;
        if (finding->file && finding->text)
                return;

        finding_done(finding);
        findings->count--;
        findings->is_incomplete = true;
}

void phx_findings_add_error(
                struct phx_findings *findings,
                const struct phx_error *error,
                int code,
                const char *file) {
        const struct phx_position position = { error && error->file[0] ? error->file : file,
                                               error ? error->line : 0,
                                               error ? error->column : 0 };

        phx_findings_add(
                        findings,
                        PHX_SEVERITY_ERROR,
                        &position,
                        "%s",
                        phx_error_what(error, code));
}

bool phx_error_list(struct phx_error *error, int code) {
        if (!phx_error_goes_on(error, code))
                return false;
        phx_findings_add_error(error->all, error, code, "");
        error->is_listed = true;
        return true;
}

static int findings_set_text(char **field, const char *text) {
        if (!text)
                return 0;
        *field = strdup(text);
        return *field ? 0 : -1;
}

void phx_findings_add_rule(
                struct phx_findings *findings,
                const struct phx_finding_rule *rule,
                const struct phx_position *position,
                const char *text) {
        size_t count = findings->count;
        struct phx_finding *finding;

        phx_findings_add(
                        findings,
                        rule->accepted ? PHX_SEVERITY_NOTE : PHX_SEVERITY_WARNING,
                        position,
                        "%s",
                        text);
        if (findings->count == count)
                return;
        finding = &findings->items[count];
        finding->number = rule->number;
        if (findings_set_text(&finding->rule, rule->name) < 0 ||
            findings_set_text(&finding->accepted, rule->accepted) < 0)
                findings->is_incomplete = true;
}

size_t phx_findings_warnings(const struct phx_findings *findings) {
        return findings->count - findings->errors - findings->notes;
}

static int compare_numbers(unsigned a, unsigned b) {
        return a < b ? -1 : a > b;
}

static int findings_compare(const void *a, const void *b) {
        const struct phx_finding *x = a, *y = b;
        int r = strcmp(x->file, y->file);

        if (r == 0)
                r = compare_numbers(x->line, y->line);
        if (r == 0)
                r = compare_numbers(x->column, y->column);
        if (r == 0)
                r = compare_numbers(x->severity, y->severity);
        return r != 0 ? r : strcmp(x->text, y->text);
}

void phx_findings_sort(struct phx_findings *findings) {
        size_t kept = 0;

        if (findings->count < 2)
                return;
        qsort(findings->items, findings->count, sizeof(*findings->items), findings_compare);
        for (size_t i = 0; i < findings->count; i++) {
                struct phx_finding *finding = &findings->items[i];

                if (kept > 0 && findings_compare(&findings->items[kept - 1], finding) == 0) {
                        findings->errors -= finding->severity == PHX_SEVERITY_ERROR;
                        findings->notes -= finding->severity == PHX_SEVERITY_NOTE;
                        finding_done(finding);
                } else
                        findings->items[kept++] = *finding;
        }
        findings->count = kept;
}

void phx_findings_done(struct phx_findings *findings) {
        for (size_t i = 0; i < findings->count; i++)
                finding_done(&findings->items[i]);
        free(findings->items);
        *findings = (struct phx_findings){ 0 };
}

const char *phx_severity_to_string(enum phx_severity severity) {
        switch (severity) {
        case PHX_SEVERITY_ERROR:
                return "error";
        case PHX_SEVERITY_WARNING:
                return "warning";
        case PHX_SEVERITY_NOTE:
                break;
        }
        return "note";
}
