/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "codec/report_json.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include <jansson.h>

static void json_unrefp(json_t **json) {
        json_decref(*json);
}

/* JSON is UTF-8, file names are bytes. What is not UTF-8 travels as {"hex": "…"}. */
static json_t *render_bytes(const char *text) {
        static const char digits[] = "0123456789abcdef";
        size_t size = strlen(text);
        phx_autofree char *hex = malloc(2 * size + 1);

        if (!hex)
                return NULL;
        for (size_t i = 0; i < size; i++) {
                unsigned char byte = (unsigned char) text[i];

                hex[2 * i] = digits[byte >> 4];
                hex[2 * i + 1] = digits[byte & 15];
        }
        hex[2 * size] = '\0';
        return json_pack("{s:s}", "hex", hex);
}

static json_t *report_render_text(const char *text) {
        json_t *json;

        if (!text)
                return json_null();
        json = json_string(text);
        return json ? json : render_bytes(text);
}

static json_t *report_render_texts(const struct phx_strings *texts) {
        phx_cleanup(json_unrefp) json_t *array = json_array();

        for (size_t i = 0; array && i < texts->count; i++)
                if (json_array_append_new(array, report_render_text(texts->items[i])) < 0)
                        return NULL;
        return PHX_TAKE(array);
}

static json_t *render_pids(const struct phx_report *report) {
        phx_cleanup(json_unrefp) json_t *array = json_array();

        for (size_t i = 0; array && i < report->init_count; i++)
                if (json_array_append_new(array, json_integer(report->inits[i])) < 0)
                        return NULL;
        return PHX_TAKE(array);
}

static json_t *render_usec(uint64_t usec) {
        return usec == PHX_NEVER ? json_null() : json_integer((json_int_t) usec);
}

static bool is_usec(uint64_t usec) {
        return usec == PHX_NEVER || usec <= INT64_MAX;
}

int phx_report_render(const struct phx_report *report, char **ret_text) {
        phx_cleanup(json_unrefp) json_t *json = NULL;
        char *text;

        if (!is_usec(report->retry_usec) || !is_usec(report->debounce_usec) ||
            !is_usec(report->longest_delay_usec) || !is_usec(report->resync_usec) ||
            !is_usec(report->label_resync_usec) || !is_usec(report->labels_at))
                return -ERANGE;

        json = json_pack(
                        "{s:o, s:b, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                        "status",
                        report_render_text(report->status),
                        "degraded",
                        (int) report->degraded,
                        "changes",
                        (json_int_t) report->changes,
                        "watches",
                        report_render_texts(&report->watches),
                        "inits",
                        render_pids(report),
                        "retry_usec",
                        render_usec(report->retry_usec),
                        "debounce_usec",
                        render_usec(report->debounce_usec),
                        "longest_delay_usec",
                        render_usec(report->longest_delay_usec),
                        "resync_usec",
                        render_usec(report->resync_usec),
                        "label_resync_usec",
                        render_usec(report->label_resync_usec),
                        "labels_at",
                        render_usec(report->labels_at),
                        "lxc_path",
                        report_render_text(report->lxc_path));
        if (!json)
                return -ENOMEM;

        text = json_dumps(json, JSON_COMPACT);
        if (!text)
                return -ENOMEM;
        *ret_text = text;
        return 0;
}

static int report_hex_value(char digit) {
        if (digit >= '0' && digit <= '9')
                return digit - '0';
        if (digit >= 'a' && digit <= 'f')
                return digit - 'a' + 10;
        return -1;
}

static int parse_bytes(const char *hex, char **ret_text) {
        size_t size = strlen(hex);
        phx_autofree char *text = malloc(size / 2 + 1);

        if (!text)
                return -ENOMEM;
        if (size % 2 != 0)
                return -EINVAL;
        for (size_t i = 0; i < size; i += 2) {
                int high = report_hex_value(hex[i]), low = report_hex_value(hex[i + 1]);

                if (high < 0 || low < 0 || (high == 0 && low == 0))
                        return -EINVAL;
                text[i / 2] = (char) (high * 16 + low);
        }
        text[size / 2] = '\0';
        *ret_text = PHX_TAKE(text);
        return 0;
}

static int report_parse_text(const json_t *json, char **ret_text) {
        const char *hex;
        char *text;

        if (json_is_null(json)) {
                *ret_text = NULL;
                return 0;
        }
        hex = json_string_value(json_object_get(json, "hex"));
        if (hex)
                return parse_bytes(hex, ret_text);
        if (!json_is_string(json))
                return -EINVAL;

        text = strdup(json_string_value(json));
        if (!text)
                return -ENOMEM;
        *ret_text = text;
        return 0;
}

static int parse_usec(const json_t *json, uint64_t *ret_usec) {
        if (json_is_null(json)) {
                *ret_usec = PHX_NEVER;
                return 0;
        }
        if (!json_is_integer(json) || json_integer_value(json) < 0)
                return -EINVAL;
        *ret_usec = (uint64_t) json_integer_value(json);
        return 0;
}

static int parse_watches(const json_t *json, struct phx_strings *watches) {
        if (!json_is_array(json))
                return -EINVAL;

        for (size_t i = 0; i < json_array_size(json); i++) {
                phx_autofree char *text = NULL;
                int r;

                r = report_parse_text(json_array_get(json, i), &text);
                if (r >= 0)
                        r = text ? phx_strings_add(watches, text) : -EINVAL;
                if (r < 0)
                        return r;
        }
        return 0;
}

static int parse_inits(const json_t *json, struct phx_report *report) {
        if (!json_is_array(json))
                return -EINVAL;

        for (size_t i = 0; i < json_array_size(json); i++) {
                const json_t *item = json_array_get(json, i);
                json_int_t pid = json_integer_value(item);
                int r;

                if (!json_is_integer(item) || pid <= 0 || pid > INT_MAX)
                        return -EINVAL;
                r = phx_report_add_init(report, (pid_t) pid);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int parse_counts(const json_t *json, struct phx_report *report, const char **ret_key) {
        const json_t *degraded, *changes;

        *ret_key = "degraded";
        degraded = json_object_get(json, "degraded");
        if (!json_is_boolean(degraded))
                return -EINVAL;

        *ret_key = "changes";
        changes = json_object_get(json, "changes");
        if (!json_is_integer(changes) || json_integer_value(changes) < 0 ||
            json_integer_value(changes) > UINT_MAX)
                return -EINVAL;

        report->degraded = json_is_true(degraded);
        report->changes = (unsigned) json_integer_value(changes);
        return 0;
}

static int parse_times(const json_t *json, struct phx_report *report, const char **ret_key) {
        const struct {
                const char *key;
                uint64_t *value;
        } times[] = {
                { "retry_usec", &report->retry_usec },
                { "debounce_usec", &report->debounce_usec },
                { "longest_delay_usec", &report->longest_delay_usec },
                { "resync_usec", &report->resync_usec },
                { "label_resync_usec", &report->label_resync_usec },
                { "labels_at", &report->labels_at },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(times); i++) {
                int r;

                *ret_key = times[i].key;
                r = parse_usec(json_object_get(json, times[i].key), times[i].value);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int parse_all(const json_t *json, struct phx_report *report, const char **ret_key) {
        int r;

        *ret_key = "status";
        r = report_parse_text(json_object_get(json, *ret_key), &report->status);
        if (r < 0)
                return r;
        *ret_key = "lxc_path";
        r = report_parse_text(json_object_get(json, *ret_key), &report->lxc_path);
        if (r < 0)
                return r;
        *ret_key = "watches";
        r = parse_watches(json_object_get(json, *ret_key), &report->watches);
        if (r < 0)
                return r;
        *ret_key = "inits";
        r = parse_inits(json_object_get(json, *ret_key), report);
        if (r < 0)
                return r;
        r = parse_counts(json, report, ret_key);
        if (r < 0)
                return r;
        return parse_times(json, report, ret_key);
}

int phx_report_parse(
                const char *text,
                size_t size,
                struct phx_report **ret_report,
                struct phx_error *error) {
        phx_cleanup(phx_report_freep) struct phx_report *report = NULL;
        phx_cleanup(json_unrefp) json_t *json = NULL;
        const char *key = NULL;
        json_error_t where;
        int r;

        json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &where);
        if (!json)
                return phx_error_set(error, -EINVAL, "report: %s", where.text);

        report = calloc(1, sizeof(*report));
        if (!report)
                return phx_error_set(error, -ENOMEM, "report: out of memory");

        r = parse_all(json, report, &key);
        if (r == -EINVAL)
                return phx_error_set(error, r, "report.%s: missing or invalid", key);
        if (r < 0)
                return phx_error_set(error, r, "report.%s: out of memory", key);

        *ret_report = PHX_TAKE(report);
        return 0;
}
