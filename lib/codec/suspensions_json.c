/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "codec/suspensions_json.h"

#include <errno.h>

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
        struct phx_suspensions checked; /* not written */
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
        phx_suspensions_done(&file->checked);
}

int phx_suspensions_render(const struct phx_suspensions *suspensions, char **ret_text) {
        const struct file file = { .version = VERSION, .list = *suspensions };

        return phx_fields_render_text(&file_shape, &file, ret_text);
}

/* Through the same door as the first time: valid, each object once, sorted. */
static int suspensions_json_check(void *object) {
        struct file *file = object;

        for (size_t i = 0; i < file->list.count; i++) {
                int r = -EBADMSG;

                if (phx_suspension_is_valid(&file->list.items[i]))
                        r = phx_suspensions_set(&file->checked, &file->list.items[i]);
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
        static const struct phx_fields_file kind = {
                "suspensions",
                &file_shape,
                VERSION,
                suspensions_json_check,
        };
        phx_cleanup(file_done) struct file file = { 0 };
        int r;

        r = phx_fields_parse_file(&kind, text, size, &file, error);
        if (r < 0)
                return r;
        phx_suspensions_done(ret_suspensions);
        *ret_suspensions = PHX_TAKE_STRUCT(file.checked);
        return 0;
}
