/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "codec/findings_json.h"

#include <errno.h>

#include "codec/fields.h"
#include "codec/json.h"

#define VERSION 1

static const char *severity_word(unsigned value) {
        return phx_severity_to_string((enum phx_severity) value);
}

#define FIELD(key, kind, name) \
        { key, PHX_FIELD_##kind, offsetof(struct phx_finding, name) }

static const struct phx_field finding_fields[] = {
        { "severity",
          PHX_FIELD_WORD,
          offsetof(struct phx_finding, severity),
          severity_word,
          PHX_SEVERITY_NOTE + 1 },
        FIELD("file", NAME, file),
        FIELD("line", SOME, line),
        FIELD("column", SOME, column),
        FIELD("text", NAME, text),
        FIELD("rule", TEXT, rule),
        FIELD("number", SOME, number),
        FIELD("accepted", TEXT, accepted),
};
static const struct phx_shape finding_shape = { finding_fields,
                                                PHX_ELEMENTS(finding_fields),
                                                sizeof(struct phx_finding) };

static const struct phx_field findings_fields[] = {
        { "findings",
          PHX_FIELD_LIST,
          offsetof(struct phx_findings, items),
          NULL,
          0,
          &finding_shape,
          offsetof(struct phx_findings, count) },
};
static const struct phx_shape findings_shape = { findings_fields,
                                                 PHX_ELEMENTS(findings_fields),
                                                 sizeof(struct phx_findings) };

int phx_findings_render(const struct phx_findings *findings, char **ret_text) {
        phx_cleanup(phx_json_decref) json_t *json = NULL, *answer = NULL;
        int r;

        r = phx_fields_render(&findings_shape, findings, &json);
        if (r < 0)
                return r;
        answer = json_pack(
                        "{s:i, s:I, s:I}",
                        "version",
                        VERSION,
                        "errors",
                        (json_int_t) findings->errors,
                        "warnings",
                        (json_int_t) phx_findings_warnings(findings));
        if (!answer || json_object_update(answer, json) < 0)
                return -ENOMEM;
        *ret_text = json_dumps(answer, JSON_INDENT(2));
        return *ret_text ? 0 : -ENOMEM;
}
