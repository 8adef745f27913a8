/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "codec/report_json.h"

#include <errno.h>

#include "codec/fields.h"
#include "codec/jobs_json.h"
#include "codec/json.h"

#define PLAIN(key, kind) \
        { #key, PHX_FIELD_##kind, offsetof(struct phx_report, key) }

static const struct phx_field report_fields[] = {
        { "unchanged", PHX_FIELD_BOOL, offsetof(struct phx_report, is_unchanged) },
        PLAIN(status, TEXT),
        PLAIN(degraded, BOOL),
        PLAIN(changes, NUMBER),
        PLAIN(compiling, NUMBER),
        PLAIN(awaited, NUMBER),
        PLAIN(retry_usec, TIME),
        { "settling", PHX_FIELD_BOOL, offsetof(struct phx_report, is_settling) },
        PLAIN(debounce_usec, TIME),
        PLAIN(longest_delay_usec, TIME),
        PLAIN(resync_usec, TIME),
        PLAIN(label_resync_usec, TIME),
        PLAIN(labels_at, TIME),
        PLAIN(lxc_path, PATH),
        {
                        .key = "jobs",
                        .type = PHX_FIELD_LIST,
                        .offset = offsetof(struct phx_report, jobs.items),
                        .shape = &phx_job_shape,
                        .count_offset = offsetof(struct phx_report, jobs.count),
        },
};
static const struct phx_shape report_shape = { report_fields,
                                               PHX_ELEMENTS(report_fields),
                                               sizeof(struct phx_report) };

int phx_report_render(const struct phx_report *report, char **ret_text) {
        return phx_fields_render_text(&report_shape, report, ret_text);
}

int phx_report_parse(
                const char *text,
                size_t size,
                struct phx_report **ret_report,
                struct phx_error *error) {
        phx_cleanup(phx_report_freep) struct phx_report *report = calloc(1, sizeof(*report));
        phx_cleanup(phx_json_decref) json_t *json = NULL;
        struct phx_error inner = { 0 };
        json_error_t where;
        int r;

        if (!report)
                return phx_error_set(error, -ENOMEM, "report: out of memory");
        json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &where);
        if (!json)
                return phx_error_set(error, -EINVAL, "report: %s", where.text);
        r = phx_fields_parse(&report_shape, json, report, &inner);
        if (r < 0)
                return phx_error_set(error, r, "report: %s", phx_error_text(&inner, r));
        *ret_report = PHX_TAKE(report);
        return 0;
}
