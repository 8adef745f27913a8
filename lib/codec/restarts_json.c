/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "codec/restarts_json.h"

#include <errno.h>
#include <string.h>

#include "codec/fields.h"

#define VERSION 1

static const char *phase_word(unsigned value) {
        return phx_restart_phase_to_string((enum phx_restart_phase) value);
}

static const char *when_word(unsigned value) {
        return phx_restart_when_to_string((enum phx_restart_when) value);
}

#define ITEM(name) offsetof(struct phx_restart_item, name)

static const struct phx_field item_fields[] = {
        { "id", PHX_FIELD_NAME, ITEM(id) },
        { "phase", PHX_FIELD_WORD, ITEM(phase), phase_word, PHX_RESTART_PHASES },
        { "when", PHX_FIELD_WORD, ITEM(when), when_word, PHX_RESTART_WHENS },
        { "since", PHX_FIELD_LARGE, ITEM(since) },
        { "ended", PHX_FIELD_LARGE, ITEM(ended) },
        { "serial", PHX_FIELD_NUMBER, ITEM(serial) },
        { "former", PHX_FIELD_NUMBER, ITEM(former) },
        { "up", PHX_FIELD_LARGE, ITEM(up) },
        { "tried", PHX_FIELD_LARGE, ITEM(tried) },
        { "is_unasked", PHX_FIELD_BOOL, ITEM(is_unasked) },
        { "again", PHX_FIELD_LARGE, ITEM(again) },
        { "is_start", PHX_FIELD_BOOL, ITEM(is_start) },
        { "is_stop", PHX_FIELD_BOOL, ITEM(is_stop) },
        { "starts", PHX_FIELD_NUMBER, ITEM(starts) },
        { "repeated", PHX_FIELD_NUMBER, ITEM(repeated) },
        { "starts_since", PHX_FIELD_LARGE, ITEM(starts_since) },
        { "boot", PHX_FIELD_NAME, ITEM(boot) },
        { "booted", PHX_FIELD_LARGE, ITEM(booted) },
        { "directory", PHX_FIELD_NAME, ITEM(directory) },
        { "init", PHX_FIELD_NAME, ITEM(init) },
        { "before", PHX_FIELD_NAME, ITEM(before) },
        { "is_enforced", PHX_FIELD_BOOL, ITEM(is_enforced) },
        { "label", PHX_FIELD_NAME, ITEM(label) },
        { "input", PHX_FIELD_NAME, ITEM(input) },
        { "why", PHX_FIELD_NAME, ITEM(why) },
};
static const struct phx_shape item_shape = {
        item_fields,
        PHX_ELEMENTS(item_fields),
        sizeof(struct phx_restart_item),
};

struct file {
        unsigned version;
        struct phx_restarts list;
};

static const struct phx_field file_fields[] = {
        { "version", PHX_FIELD_NUMBER, offsetof(struct file, version) },
        { "serial", PHX_FIELD_NUMBER, offsetof(struct file, list.serial) },
        { "begun", PHX_FIELD_LARGE, offsetof(struct file, list.begun) },
        { "begun_boot", PHX_FIELD_TEXT, offsetof(struct file, list.begun_boot) },
        { "begun_booted", PHX_FIELD_TIME, offsetof(struct file, list.begun_booted) },
        {
                        .key = "restarts",
                        .type = PHX_FIELD_LIST,
                        .offset = offsetof(struct file, list.items),
                        .shape = &item_shape,
                        .count_offset = offsetof(struct file, list.count),
        },
};
static const struct phx_shape file_shape = {
        file_fields,
        PHX_ELEMENTS(file_fields),
        sizeof(struct file),
};

static void file_done(struct file *file) {
        phx_restarts_done(&file->list);
}

int phx_restarts_render(const struct phx_restarts *restarts, char **ret_text) {
        const struct file file = { VERSION, *restarts };

        return phx_fields_render_text(&file_shape, &file, ret_text);
}

/* Valid, sorted, each container once. */
static int restarts_json_check(void *object) {
        struct file *file = object;
        struct phx_restarts *list = &file->list;

        for (size_t i = 0; i < list->count; i++) {
                if (!phx_restart_item_is_valid(&list->items[i]) ||
                    (i > 0 && strcmp(list->items[i - 1].id, list->items[i].id) >= 0))
                        return -EBADMSG;
                list->items[i].is_resumed = true;
        }
        return 0;
}

int phx_restarts_parse(
                const char *text,
                size_t size,
                struct phx_restarts *ret_restarts,
                struct phx_error *error) {
        static const struct phx_fields_file kind = {
                "restarts",
                &file_shape,
                VERSION,
                restarts_json_check,
        };
        phx_cleanup(file_done) struct file file = { 0 };
        int r;

        r = phx_fields_parse_file(&kind, text, size, &file, error);
        if (r < 0)
                return r;
        phx_restarts_done(ret_restarts);
        *ret_restarts = PHX_TAKE_STRUCT(file.list);
        return 0;
}
