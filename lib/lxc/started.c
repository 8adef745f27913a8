/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A list of the running container is right when it has all that the options ask for, or is what the
 * config makes of it. Else it is wrong if the config's list has what is asked for: then the words
 * can be compared, and the running container lacks some. Where liblxc writes a value in other words
 * than the option, neither list has it; then the lists are compared as a whole, if the config's has
 * nothing but what the options ask for, and cannot be compared otherwise.
 *
 * A line that is gone counts when the running container has it and the config has not: the same
 * line may be the operator's own, too. */

#include "lxc/started.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "lxc/effect.h"
#include "lxc/reader.h"
#include "lxc/text.h"
#include "lxc/walk.h"

void phx_lxc_started_done(struct phx_lxc_started *started) {
        phx_strings_done(&started->keys);
        phx_strings_done(&started->lists);
        phx_strings_done(&started->item_keys);
        phx_strings_done(&started->item_values);
        phx_strings_done(&started->gone_keys);
        phx_strings_done(&started->gone_values);
}

bool phx_lxc_started_counts(const char *key) {
        static const char *const families[] = {
                "lxc.apparmor.",      "lxc.cap.",     "lxc.cgroup.devices.", "lxc.cgroup2.devices.",
                "lxc.idmap",          "lxc.keyring.", "lxc.mount.",          "lxc.namespace.",
                "lxc.no_new_privs",   "lxc.prlimit.", "lxc.proc.",           "lxc.seccomp.",
                "lxc.rootfs.options", "lxc.sysctl.",
        };

        if (strcmp(key, PHX_LXC_KEY_PROFILE) == 0)
                return false;
        for (size_t i = 0; i < PHX_ELEMENTS(families); i++)
                if (phx_has_prefix(key, families[i]))
                        return true;
        return false;
}

/* --- the lines --- */

struct collecting {
        struct phx_lxc_started *started;
        struct phx_strings *keys, *values;
};

static int started_add_list(struct phx_lxc_started *started, const char *key) {
        char list[PHX_LXC_LIST_SIZE];
        int r;

        phx_lxc_list_of(key, list);
        r = phx_strings_add_once(&started->lists, list);
        return r < 0 ? r : phx_strings_add_once(&started->keys, phx_lxc_list_key(list));
}

static int started_collect(
                void *data,
                const struct phx_lxc_place *place,
                const struct phx_lxc_line *line) {
        struct collecting *collecting = data;
        char key[PHX_LXC_LIST_SIZE];
        int r;

        if (!line->key || line->key_size >= sizeof(key))
                return 0;
        (void) snprintf(key, sizeof(key), "%.*s", (int) line->key_size, line->key);
        if (!phx_lxc_started_counts(key))
                return 0;
        r = started_add_list(collecting->started, key);
        if (r >= 0)
                r = phx_strings_add(collecting->keys, key);
        return r < 0 ? r
                     : phx_strings_addf(
                                       collecting->values,
                                       "%.*s",
                                       (int) line->value_size,
                                       line->value);
}

static int started_walk(
                struct phx_lxc_started *started,
                const struct phx_buffer *text,
                struct phx_strings *keys,
                struct phx_strings *values) {
        phx_cleanup(phx_lxc_reader_freep) struct phx_lxc_reader *reader = NULL;
        struct collecting collecting = { started, keys, values };
        int r;

        if (text->size == 0)
                return 0;
        r = phx_lxc_reader_new_unwatched(&reader);
        return r < 0 ? r
                     : phx_lxc_walk(reader,
                                    "",
                                    text->data,
                                    text->size,
                                    started_collect,
                                    &collecting);
}

int phx_lxc_started_make(
                const struct phx_lxc_options *options,
                const struct phx_strings *gone,
                struct phx_lxc_started *ret_started) {
        phx_cleanup(phx_lxc_started_done) struct phx_lxc_started started = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer asked = { 0 }, taken = { 0 };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < options->count; i++)
                r = phx_buffer_addf(
                                &asked,
                                "%s = %s\n",
                                options->items[i].key,
                                options->items[i].value);
        for (size_t i = 0; r >= 0 && i < gone->count; i++)
                r = phx_buffer_addf(&taken, "%s\n", gone->items[i]);
        if (r >= 0)
                r = started_walk(&started, &asked, &started.item_keys, &started.item_values);
        if (r >= 0)
                r = started_walk(&started, &taken, &started.gone_keys, &started.gone_values);
        if (r < 0)
                return r;
        *ret_started = PHX_TAKE_STRUCT(started);
        return 0;
}

/* --- comparing --- */

/* Of the list, as liblxc says it for its key. */
static const char *started_value_of(
                const struct phx_lxc_started *started,
                const struct phx_strings *values,
                const char *list) {
        const char *key = phx_lxc_list_key(list);

        for (size_t i = 0; i < started->keys.count; i++)
                if (strcmp(started->keys.items[i], key) == 0)
                        return values->items[i];
        return "";
}

static bool started_is_in_list(const char *key, const char *list) {
        char of[PHX_LXC_LIST_SIZE];

        phx_lxc_list_of(key, of);
        return strcmp(of, list) == 0;
}

struct listed {
        const char *list;
        struct phx_lxc_item *items; /* that the options ask for */
        size_t count;
        const char *running, *config, *options;
};

static int started_fill(
                const struct phx_lxc_started *started,
                const struct phx_lxc_started_values *values,
                const char *list,
                struct listed *listed) {
        struct phx_lxc_item *items = calloc(started->item_keys.count + 1, sizeof(*items));

        if (!items)
                return -ENOMEM;
        *listed = (struct listed){ .list = list, .items = items };
        for (size_t i = 0; i < started->item_keys.count; i++)
                if (started_is_in_list(started->item_keys.items[i], list))
                        items[listed->count++] = (struct phx_lxc_item){
                                started->item_keys.items[i],
                                started->item_values.items[i],
                        };
        listed->running = started_value_of(started, values->running, list);
        if (values->config)
                listed->config = started_value_of(started, values->config, list);
        if (values->options)
                listed->options = started_value_of(started, values->options, list);
        return 0;
}

static bool started_holds(const struct listed *listed, const char *value) {
        return phx_lxc_items_hold(listed->list, listed->items, listed->count, value);
}

/* 1 when nothing more is to be known of the list, 0 else, or -ENOMEM. */
static int started_compare_list(
                const struct listed *listed,
                struct phx_wrong_lines *wrong,
                struct phx_strings *unknown) {
        if (listed->count == 0 || started_holds(listed, listed->running))
                return 1;
        if (!listed->config)
                return 0;
        if (strcmp(listed->running, listed->config) == 0)
                return 1;
        if (!started_holds(listed, listed->config) && strcmp(listed->config, listed->options) != 0)
                return phx_strings_add_once(unknown, listed->items[0].key) < 0 ? -ENOMEM : 1;
        return phx_wrong_lines_add(wrong, PHX_LINE_NOT_IN_EFFECT, listed->items[0].key) < 0
                               ? -ENOMEM
                               : 1;
}

/* As started_compare_list(), of one line that is gone. */
static int started_compare_gone(
                const struct phx_lxc_started *started,
                const struct phx_lxc_started_values *values,
                size_t index,
                struct phx_wrong_lines *wrong) {
        const struct phx_lxc_item item = { started->gone_keys.items[index],
                                           started->gone_values.items[index] };
        char list[PHX_LXC_LIST_SIZE];

        phx_lxc_list_of(item.key, list);
        /* One that had emptied a list cannot be seen in it. */
        if (!item.value[0] ||
            !phx_lxc_items_hold(list, &item, 1, started_value_of(started, values->running, list)))
                return 1;
        if (!values->config)
                return 0;
        if (phx_lxc_items_hold(list, &item, 1, started_value_of(started, values->config, list)))
                return 1;
        return phx_wrong_lines_add(wrong, PHX_LINE_TOO_MANY, item.key) < 0 ? -ENOMEM : 1;
}

int phx_lxc_started_compare(
                const struct phx_lxc_started *started,
                const struct phx_lxc_started_values *values,
                struct phx_wrong_lines *wrong,
                struct phx_strings *unknown) {
        int r = 1;

        for (size_t i = 0; r > 0 && i < started->lists.count; i++) {
                struct listed listed = { 0 };

                r = started_fill(started, values, started->lists.items[i], &listed);
                if (r >= 0)
                        r = started_compare_list(&listed, wrong, unknown);
                free(listed.items);
        }
        for (size_t i = 0; r > 0 && i < started->gone_keys.count; i++)
                r = started_compare_gone(started, values, i, wrong);
        return r;
}
