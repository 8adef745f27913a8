/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "state/restarts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/strings.h"
#include "state/configuration.h"

const char *phx_restart_phase_to_string(enum phx_restart_phase phase) {
        static const char *const names[] = {
                [PHX_RESTART_ASKED] = "asked",
                [PHX_RESTART_UNDER_WAY] = "under-way",
                [PHX_RESTART_CHECKED] = "checked",
                [PHX_RESTART_FAILED] = "failed",
                [PHX_RESTART_BACK] = "back",
                [PHX_RESTART_BACK_UNDER_WAY] = "back-under-way",
                [PHX_RESTART_ROLLED_BACK] = "rolled-back",
                [PHX_RESTART_STARTED] = "started",
                [PHX_RESTART_ENDING] = "ending",
        };

        return (unsigned) phase < PHX_ELEMENTS(names) ? names[phase] : NULL;
}

const char *phx_restart_when_to_string(enum phx_restart_when when) {
        static const char *const names[] = {
                [PHX_RESTART_BY_POLICY] = "policy",
                [PHX_RESTART_NOW] = "now",
                [PHX_RESTART_IN_WINDOW] = "in-window",
                [PHX_RESTART_BY_STATE] = "state",
        };

        return (unsigned) when < PHX_ELEMENTS(names) ? names[when] : NULL;
}

bool phx_restart_is_under_way(const struct phx_restart_item *item) {
        return item->phase == PHX_RESTART_UNDER_WAY || item->phase == PHX_RESTART_CHECKED ||
               item->phase == PHX_RESTART_BACK || item->phase == PHX_RESTART_BACK_UNDER_WAY;
}

bool phx_restart_is_for_state(const struct phx_restart_item *item) {
        return item->is_stop || item->when == PHX_RESTART_BY_STATE;
}

bool phx_restart_is_over(const struct phx_restart_item *item) {
        return item->phase == PHX_RESTART_FAILED || item->phase == PHX_RESTART_ROLLED_BACK ||
               item->phase == PHX_RESTART_ENDING;
}

static bool restarts_has_job(const struct phx_restart_item *item) {
        return (item->serial > 0 && item->ended == 0) || item->former > 0;
}

bool phx_restart_has_job(const struct phx_restart_item *item, const char *boot) {
        return restarts_has_job(item) && phx_equal(item->boot, boot);
}

bool phx_restart_has_former(const struct phx_restart_item *item, const char *boot) {
        return item->former > 0 && phx_equal(item->boot, boot);
}

void phx_restart_item_done(struct phx_restart_item *item) {
        free(item->id);
        free(item->boot);
        free(item->directory);
        free(item->init);
        free(item->before);
        free(item->label);
        free(item->input);
        free(item->why);
        *item = (struct phx_restart_item){ 0 };
}

bool phx_restart_item_is_valid(const struct phx_restart_item *item) {
        return item->id && phx_is_container_id(item->id) && item->boot && item->directory &&
               item->init && item->before && item->label && item->input && item->why &&
               (unsigned) item->phase < PHX_RESTART_PHASES &&
               (unsigned) item->when < PHX_RESTART_WHENS;
}

/* COPY must be zero. */
static int restarts_copy_item(struct phx_restart_item *copy, const struct phx_restart_item *item) {
        phx_cleanup(phx_restart_item_done) struct phx_restart_item fresh = { 0 };

        if (phx_replace(&fresh.id, item->id) < 0 || phx_replace(&fresh.boot, item->boot) < 0 ||
            phx_replace(&fresh.directory, item->directory) < 0 ||
            phx_replace(&fresh.init, item->init) < 0 ||
            phx_replace(&fresh.before, item->before) < 0 ||
            phx_replace(&fresh.label, item->label) < 0 ||
            phx_replace(&fresh.input, item->input) < 0 || phx_replace(&fresh.why, item->why) < 0)
                return -ENOMEM;
        fresh.phase = item->phase;
        fresh.when = item->when;
        fresh.since = item->since;
        fresh.booted = item->booted;
        fresh.ended = item->ended;
        fresh.serial = item->serial;
        fresh.former = item->former;
        fresh.up = item->up;
        fresh.tried = item->tried;
        fresh.is_unasked = item->is_unasked;
        fresh.again = item->again;
        fresh.is_start = item->is_start;
        fresh.is_stop = item->is_stop;
        fresh.starts = item->starts;
        fresh.repeated = item->repeated;
        fresh.starts_since = item->starts_since;
        fresh.is_enforced = item->is_enforced;
        fresh.is_resumed = item->is_resumed;
        *copy = PHX_TAKE_STRUCT(fresh);
        return 0;
}

static bool restarts_is_same(const struct phx_restart_item *a, const struct phx_restart_item *b) {
        return a->phase == b->phase && a->when == b->when && a->since == b->since &&
               a->booted == b->booted && a->ended == b->ended && a->serial == b->serial &&
               a->former == b->former && a->up == b->up && a->tried == b->tried &&
               a->is_unasked == b->is_unasked && a->again == b->again &&
               a->is_start == b->is_start && a->is_stop == b->is_stop && a->starts == b->starts &&
               a->repeated == b->repeated && a->starts_since == b->starts_since &&
               a->is_enforced == b->is_enforced && phx_equal(a->id, b->id) &&
               phx_equal(a->boot, b->boot) && phx_equal(a->directory, b->directory) &&
               phx_equal(a->init, b->init) && phx_equal(a->before, b->before) &&
               phx_equal(a->label, b->label) && phx_equal(a->input, b->input) &&
               phx_equal(a->why, b->why);
}

struct phx_restart_item *phx_restarts_find(const struct phx_restarts *restarts, const char *id) {
        for (size_t i = 0; i < restarts->count; i++)
                if (strcmp(restarts->items[i].id, id) == 0)
                        return &restarts->items[i];
        return NULL;
}

static int restarts_by_id(const void *a, const void *b) {
        const struct phx_restart_item *left = a, *right = b;

        return strcmp(left->id, right->id);
}

struct phx_restart_item *phx_restarts_get(struct phx_restarts *restarts, const char *id) {
        phx_cleanup(phx_restart_item_done) struct phx_restart_item fresh = { 0 };
        struct phx_restart_item *item = phx_restarts_find(restarts, id);

        if (item)
                return item;
        if (phx_replace(&fresh.id, id) < 0 || phx_replace(&fresh.boot, "") < 0 ||
            phx_replace(&fresh.directory, "") < 0 || phx_replace(&fresh.init, "") < 0 ||
            phx_replace(&fresh.before, "") < 0 || phx_replace(&fresh.label, "") < 0 ||
            phx_replace(&fresh.input, "") < 0 || phx_replace(&fresh.why, "") < 0)
                return NULL;
        item = phx_grow(&restarts->items, &restarts->count, sizeof(*item));
        if (!item)
                return NULL;
        *item = PHX_TAKE_STRUCT(fresh);
        qsort(restarts->items, restarts->count, sizeof(*item), restarts_by_id);
        return phx_restarts_find(restarts, id);
}

int phx_restarts_remove(struct phx_restarts *restarts, const char *id) {
        struct phx_restart_item *item = phx_restarts_find(restarts, id);
        size_t i;

        if (!item)
                return 0;
        i = (size_t) (item - restarts->items);
        phx_restart_item_done(item);
        restarts->count--;
        memmove(item, item + 1, (restarts->count - i) * sizeof(*item));
        return 1;
}

int phx_restarts_ask(
                struct phx_restarts *restarts,
                const char *id,
                enum phx_restart_when when,
                uint64_t wall_usec) {
        struct phx_restart_item *item = phx_restarts_find(restarts, id);
        bool was_over = item && phx_restart_is_over(item);

        if (item && phx_restart_is_under_way(item))
                return 0;
        if (item && item->phase == PHX_RESTART_ASKED && item->when == when)
                return 0;
        /* Two jobs would be at one container. */
        if (was_over && restarts_has_job(item)) {
                if (item->again > 0 && item->when == when)
                        return 0;
                item->when = when;
                item->again = wall_usec;
                return 1;
        }
        if (item && item->phase == PHX_RESTART_STARTED && restarts_has_job(item))
                return 0;
        was_over |= item && item->is_start && item->phase != PHX_RESTART_STARTED;
        /* What it failed with is of no account any more. */
        (void) phx_restarts_remove(restarts, id);
        item = phx_restarts_get(restarts, id);
        if (!item)
                return -ENOMEM;
        item->when = when;
        item->since = wall_usec;
        item->is_start = was_over;
        return 1;
}

int phx_restarts_note_begun(
                struct phx_restarts *restarts,
                uint64_t wall_usec,
                const char *boot,
                uint64_t booted_usec) {
        if (phx_replace(&restarts->begun_boot, boot) < 0)
                return -ENOMEM;
        restarts->begun = wall_usec;
        restarts->begun_booted = booted_usec;
        return 0;
}

int phx_restarts_copy(struct phx_restarts *copy, const struct phx_restarts *restarts) {
        phx_cleanup(phx_restarts_done) struct phx_restarts fresh = { 0 };

        for (size_t i = 0; i < restarts->count; i++) {
                struct phx_restart_item *item = phx_grow(&fresh.items, &fresh.count, sizeof(*item));

                if (!item || restarts_copy_item(item, &restarts->items[i]) < 0)
                        return -ENOMEM;
        }
        fresh.serial = restarts->serial;
        if (phx_restarts_note_begun(
                            &fresh,
                            restarts->begun,
                            restarts->begun_boot,
                            restarts->begun_booted) < 0)
                return -ENOMEM;
        phx_restarts_done(copy);
        *copy = PHX_TAKE_STRUCT(fresh);
        return 0;
}

bool phx_restarts_equal(const struct phx_restarts *a, const struct phx_restarts *b) {
        bool is_same = a->count == b->count && a->serial == b->serial && a->begun == b->begun &&
                       a->begun_booted == b->begun_booted &&
                       phx_equal(a->begun_boot, b->begun_boot);

        for (size_t i = 0; is_same && i < a->count; i++)
                is_same = restarts_is_same(&a->items[i], &b->items[i]);
        return is_same;
}

void phx_restarts_done(struct phx_restarts *restarts) {
        for (size_t i = 0; i < restarts->count; i++)
                phx_restart_item_done(&restarts->items[i]);
        free(restarts->items);
        free(restarts->begun_boot);
        *restarts = (struct phx_restarts){ 0 };
}

void phx_restart_init(unsigned pid, uint64_t start, char text[PHX_RESTART_INIT_SIZE]) {
        text[0] = '\0';
        if (pid > 0)
                (void) snprintf(text, PHX_RESTART_INIT_SIZE, "%u %" PRIu64, pid, start);
}
