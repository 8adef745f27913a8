/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "state/suspensions.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/grow.h"
#include "base/strings.h"
#include "state/configuration.h"
#include "state/report.h"

void phx_suspension_done(struct phx_suspension *suspension) {
        free(suspension->object);
        free(suspension->reason);
        *suspension = (struct phx_suspension){ 0 };
}

int phx_suspension_copy(struct phx_suspension *copy, const struct phx_suspension *suspension) {
        phx_cleanup(phx_suspension_done) struct phx_suspension fresh = { 0 };
        int r;

        r = phx_replace(&fresh.object, suspension->object);
        if (r >= 0)
                r = phx_replace(&fresh.reason, suspension->reason);
        if (r < 0)
                return r;
        fresh.since = suspension->since;
        fresh.until = suspension->until;
        fresh.by_uid = suspension->by_uid;

        phx_suspension_done(copy);
        *copy = PHX_TAKE_STRUCT(fresh);
        return 0;
}

bool phx_suspension_is_valid(const struct phx_suspension *suspension) {
        const char *object = suspension->object, *reason = suspension->reason;

        if (!object || !reason)
                return false;
        if (strcmp(object, PHX_SUSPEND_ALL) != 0 && !phx_is_profile_name(object) &&
            !phx_is_piece_name(object) && !phx_is_container_id(object))
                return false;
        return strlen(reason) <= PHX_SUSPENSION_REASON_LIMIT && !phx_has_control(reason) &&
               suspension->until > suspension->since;
}

char *phx_suspension_words(const struct phx_suspension *suspension) {
        time_t seconds = (time_t) (suspension->until / 1000000);
        char when[64] = "it is resumed", *words = NULL;
        struct tm parts;

        if (suspension->until != PHX_NEVER && gmtime_r(&seconds, &parts))
                (void) strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", &parts);
        if (phx_printf(&words,
                       "by uid %u until %s%s%s",
                       suspension->by_uid,
                       when,
                       suspension->reason[0] ? ": " : "",
                       suspension->reason) < 0)
                return NULL;
        return words;
}

static struct phx_suspension *suspensions_find_own(
                const struct phx_suspensions *suspensions,
                const char *object) {
        for (size_t i = 0; i < suspensions->count; i++)
                if (strcmp(suspensions->items[i].object, object) == 0)
                        return &suspensions->items[i];
        return NULL;
}

static int by_object(const void *a, const void *b) {
        const struct phx_suspension *left = a, *right = b;

        return strcmp(left->object, right->object);
}

int phx_suspensions_set(
                struct phx_suspensions *suspensions,
                const struct phx_suspension *suspension) {
        phx_cleanup(phx_suspension_done) struct phx_suspension copy = { 0 };
        struct phx_suspension *place;
        int r;

        r = phx_suspension_copy(&copy, suspension);
        if (r < 0)
                return r;
        place = suspensions_find_own(suspensions, suspension->object);
        if (!place)
                place = phx_grow(&suspensions->items, &suspensions->count, sizeof(*place));
        if (!place)
                return -ENOMEM;
        phx_suspension_done(place);
        *place = PHX_TAKE_STRUCT(copy);
        qsort(suspensions->items, suspensions->count, sizeof(*suspensions->items), by_object);
        return 0;
}

int phx_suspensions_remove(struct phx_suspensions *suspensions, const char *object) {
        struct phx_suspension *place = suspensions_find_own(suspensions, object);
        size_t i;

        if (!place)
                return 0;
        i = (size_t) (place - suspensions->items);
        phx_suspension_done(place);
        suspensions->count--;
        memmove(place, place + 1, (suspensions->count - i) * sizeof(*place));
        return 1;
}

const struct phx_suspension *phx_suspensions_find(
                const struct phx_suspensions *suspensions,
                const char *object) {
        const struct phx_suspension *own = suspensions_find_own(suspensions, object);

        return own ? own : suspensions_find_own(suspensions, PHX_SUSPEND_ALL);
}

const struct phx_suspension *phx_suspensions_find_over(
                const struct phx_suspensions *suspensions,
                uint64_t wall_usec) {
        for (size_t i = 0; i < suspensions->count; i++)
                if (suspensions->items[i].until <= wall_usec)
                        return &suspensions->items[i];
        return NULL;
}

uint64_t phx_suspensions_next_end(const struct phx_suspensions *suspensions) {
        uint64_t next = PHX_NEVER;

        for (size_t i = 0; i < suspensions->count; i++)
                if (suspensions->items[i].until < next)
                        next = suspensions->items[i].until;
        return next;
}

int phx_suspensions_copy(struct phx_suspensions *copy, const struct phx_suspensions *suspensions) {
        for (size_t i = 0; i < suspensions->count; i++) {
                int r = phx_suspensions_set(copy, &suspensions->items[i]);

                if (r < 0)
                        return r;
        }
        return 0;
}

void phx_suspensions_done(struct phx_suspensions *suspensions) {
        for (size_t i = 0; i < suspensions->count; i++)
                phx_suspension_done(&suspensions->items[i]);
        free(suspensions->items);
        *suspensions = (struct phx_suspensions){ 0 };
}
