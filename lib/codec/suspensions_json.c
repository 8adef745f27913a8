/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "codec/suspensions_json.h"

#include <errno.h>

#include "codec/json.h"

#define VERSION 1

static const struct phx_field fields[] = {
        { "object", PHX_FIELD_NAME, offsetof(struct phx_suspension, object) },
        { "reason", PHX_FIELD_NAME, offsetof(struct phx_suspension, reason) },
        { "since", PHX_FIELD_LARGE, offsetof(struct phx_suspension, since) },
        { "until", PHX_FIELD_TIME, offsetof(struct phx_suspension, until) },
        { "by_uid", PHX_FIELD_NUMBER, offsetof(struct phx_suspension, by_uid) },
};
const struct phx_shape phx_suspension_shape = {
        fields,
        PHX_ELEMENTS(fields),
        sizeof(struct phx_suspension),
};

/* What is written is this one list, and which format it is in. */
struct file {
        unsigned version;
        struct phx_suspensions list;
};

static const struct phx_field file_fields[] = {
        { "version", PHX_FIELD_NUMBER, offsetof(struct file, version) },
        {
                        .key = "suspensions",
                        .type = PHX_FIELD_LIST,
                        .offset = offsetof(struct file, list.items),
                        .shape = &phx_suspension_shape,
                        .count_offset = offsetof(struct file, list.count),
        },
};
static const struct phx_shape file_shape = {
        file_fields,
        PHX_ELEMENTS(file_fields),
        sizeof(struct file),
};

static void file_done(struct file *file) {
        phx_suspensions_done(&file->list);
}

int phx_suspensions_render(const struct phx_suspensions *suspensions, char **ret_text) {
        const struct file file = { VERSION, *suspensions };
        phx_cleanup(phx_json_decref) json_t *json = NULL;
        char *text;
        int r;

        r = phx_fields_render(&file_shape, &file, &json);
        if (r < 0)
                return r;
        text = json_dumps(json, JSON_COMPACT);
        if (!text)
                return -ENOMEM;
        *ret_text = text;
        return 0;
}

/* Through the same door as the first time: valid, each object once, sorted. */
static int suspensions_json_check(const struct file *file, struct phx_suspensions *suspensions) {
        if (file->version != VERSION)
                return -EBADMSG;
        for (size_t i = 0; i < file->list.count; i++) {
                int r = -EBADMSG;

                if (phx_suspension_is_valid(&file->list.items[i]))
                        r = phx_suspensions_set(suspensions, &file->list.items[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

int phx_suspensions_parse(
                const char *text,
                size_t size,
                struct phx_suspensions *ret_suspensions,
                struct phx_error *error) {
        phx_cleanup(phx_suspensions_done) struct phx_suspensions suspensions = { 0 };
        phx_cleanup(phx_json_decref) json_t *json = NULL;
        phx_cleanup(file_done) struct file file = { 0 };
        json_error_t where;
        int r;

        json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &where);
        if (!json)
                return phx_error_set(error, -EBADMSG, "suspensions: %s", where.text);
        r = phx_fields_parse(&file_shape, json, &file, NULL);
        if (r >= 0)
                r = suspensions_json_check(&file, &suspensions);
        if (r == -ENOMEM)
                return phx_error_set(error, r, "suspensions: out of memory");
        if (r < 0)
                return phx_error_set(error, -EBADMSG, "suspensions: the file is damaged");

        phx_suspensions_done(ret_suspensions);
        *ret_suspensions = PHX_TAKE_STRUCT(suspensions);
        return 0;
}
