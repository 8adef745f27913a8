/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "shared/restart_asks.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/grow.h"
#include "base/strings.h"
#include "state/configuration.h"

void restart_ask_done(struct restart_ask *ask) {
        free(ask->object);
        *ask = (struct restart_ask){ 0 };
}

void restart_asks_done(struct restart_asks *asks) {
        for (size_t i = 0; i < asks->count; i++)
                restart_ask_done(&asks->items[i]);
        free(asks->items);
        *asks = (struct restart_asks){ 0 };
}

int restart_ask_copy(struct restart_ask *copy, const struct restart_ask *ask) {
        char *object = strdup(ask->object);

        if (!object)
                return -ENOMEM;
        *copy = (struct restart_ask){ object, ask->when, ask->by_uid, ask->at_usec };
        return 0;
}

int restart_asks_add(struct restart_asks *asks, const struct restart_ask *ask) {
        phx_cleanup(restart_ask_done) struct restart_ask copy = { 0 };
        struct restart_ask *item;

        if (restart_ask_copy(&copy, ask) < 0)
                return -ENOMEM;
        item = phx_grow(&asks->items, &asks->count, sizeof(*item));
        if (!item)
                return -ENOMEM;
        *item = PHX_TAKE_STRUCT(copy);
        return 0;
}

int restart_asks_to_text(const struct restart_asks *asks, char **ret_text) {
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };
        int r = phx_buffer_add_text(&text, "");

        for (size_t i = 0; r >= 0 && i < asks->count; i++)
                r = phx_buffer_addf(
                                &text,
                                "%s %u %" PRIu64 " %s\n",
                                phx_restart_when_to_string(asks->items[i].when),
                                asks->items[i].by_uid,
                                asks->items[i].at_usec,
                                asks->items[i].object);
        if (r < 0)
                return r;
        *ret_text = PHX_TAKE(text.data);
        return 0;
}

static bool restart_asks_read_when(const char *word, enum phx_restart_when *ret_when) {
        for (unsigned when = PHX_RESTART_NOW; when <= PHX_RESTART_IN_WINDOW; when++)
                if (strcmp(word, phx_restart_when_to_string((enum phx_restart_when) when)) == 0) {
                        *ret_when = (enum phx_restart_when) when;
                        return true;
                }
        return false;
}

static bool restart_asks_read_number(const char *word, uint64_t limit, uint64_t *ret_number) {
        unsigned long long number;
        char *end = NULL;

        errno = 0;
        number = strtoull(word, &end, 10);
        if (word[0] < '0' || word[0] > '9' || *end || errno > 0 || number > limit)
                return false;
        *ret_number = number;
        return true;
}

/* LINE is cut into its words. */
static int restart_asks_take_line(char *line, struct restart_asks *asks) {
        const char *when = strsep(&line, " "), *uid = strsep(&line, " "), *at = strsep(&line, " ");
        struct restart_ask ask = { .object = line };
        uint64_t number;

        if (!at || !line || !restart_asks_read_when(when, &ask.when) ||
            !restart_asks_read_number(uid, UINT_MAX, &number) ||
            !restart_asks_read_number(at, UINT64_MAX, &ask.at_usec))
                return -EBADMSG;
        ask.by_uid = (unsigned) number;
        if (strcmp(line, RESTART_ASK_ALL) != 0 && !phx_is_container_id(line))
                return -EBADMSG;
        return restart_asks_add(asks, &ask);
}

int restart_asks_from_text(const char *text, struct restart_asks *ret_asks) {
        phx_cleanup(restart_asks_done) struct restart_asks asks = { 0 };

        while (*text) {
                size_t size = strcspn(text, "\n");
                phx_autofree char *line = strndup(text, size);
                int r = line ? restart_asks_take_line(line, &asks) : -ENOMEM;

                if (r < 0)
                        return r;
                text += size;
                text += *text == '\n';
        }
        *ret_asks = PHX_TAKE_STRUCT(asks);
        return 0;
}
