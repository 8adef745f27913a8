/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "reconcile/backoff.h"

#include <errno.h>
#include <string.h>

#include "base/grow.h"
#include "base/strings.h"
#include "state/report.h"

#define USEC_PER_SEC 1000000ULL
#define LONGEST_USEC (300 * USEC_PER_SEC)
/* Doubled so often, a second is longer than that already. */
#define LONGEST_SHIFT 9

struct phx_backoff_entry {
        enum phx_layer layer;
        char *object;
        char *expected;
        char *text;
        unsigned failures;
        uint64_t due_usec;
};

static bool is_of(const struct phx_backoff_entry *entry, const struct phx_drift *drift) {
        return entry->layer == drift->layer && phx_equal(entry->object, drift->object) &&
               phx_equal(entry->expected, drift->expected);
}

static struct phx_backoff_entry *backoff_find(
                const struct phx_backoff *backoff,
                const struct phx_drift *drift) {
        for (size_t i = 0; i < backoff->count; i++)
                if (is_of(&backoff->entries[i], drift))
                        return &backoff->entries[i];
        return NULL;
}

uint64_t phx_backoff_wait(
                const struct phx_backoff *backoff,
                const struct phx_drift *drift,
                uint64_t now_usec) {
        const struct phx_backoff_entry *entry = backoff_find(backoff, drift);

        return entry && entry->due_usec > now_usec ? entry->due_usec - now_usec : 0;
}

uint64_t phx_backoff_next(
                const struct phx_backoff *backoff,
                const struct phx_plan *plan,
                uint64_t now_usec,
                uint64_t least_usec) {
        uint64_t next = PHX_NEVER;

        for (size_t i = 0; i < plan->count; i++) {
                uint64_t wait = phx_backoff_wait(backoff, plan->steps[i].drift, now_usec);

                if (wait == 0)
                        wait = least_usec;
                if (wait < next)
                        next = wait;
        }
        return next;
}

uint64_t phx_backoff_due(const struct phx_backoff *backoff, const struct phx_drift *drift) {
        const struct phx_backoff_entry *entry = backoff_find(backoff, drift);

        return entry ? entry->due_usec : PHX_NEVER;
}

const char *phx_backoff_text(const struct phx_backoff *backoff, const struct phx_drift *drift) {
        const struct phx_backoff_entry *entry = backoff_find(backoff, drift);

        return entry ? entry->text : NULL;
}

static void backoff_entry_done(struct phx_backoff_entry *entry) {
        free(entry->object);
        free(entry->expected);
        free(entry->text);
}

static void backoff_remove_at(struct phx_backoff *backoff, size_t i) {
        backoff_entry_done(&backoff->entries[i]);
        backoff->entries[i] = backoff->entries[--backoff->count];
}

static struct phx_backoff_entry *backoff_append(
                struct phx_backoff *backoff,
                const struct phx_drift *drift) {
        struct phx_backoff_entry *entry =
                        phx_grow(&backoff->entries, &backoff->count, sizeof(*entry));

        if (!entry)
                return NULL;
        entry->layer = drift->layer;
        if (phx_replace(&entry->object, drift->object) >= 0 &&
            phx_replace(&entry->expected, drift->expected) >= 0)
                return entry;

        backoff_remove_at(backoff, backoff->count - 1);
        return NULL;
}

int phx_backoff_fail(
                struct phx_backoff *backoff,
                const struct phx_drift *drift,
                const char *text,
                uint64_t now_usec) {
        struct phx_backoff_entry *entry = backoff_find(backoff, drift);
        uint64_t delay;

        if (!entry)
                entry = backoff_append(backoff, drift);
        if (!entry)
                return -ENOMEM;

        delay = entry->failures < LONGEST_SHIFT ? USEC_PER_SEC << entry->failures : LONGEST_USEC;
        entry->failures++;
        entry->due_usec = now_usec + (delay < LONGEST_USEC ? delay : LONGEST_USEC);
        return phx_replace(&entry->text, text);
}

void phx_backoff_forget(struct phx_backoff *backoff, const struct phx_drift *drift) {
        struct phx_backoff_entry *entry = backoff_find(backoff, drift);

        if (entry)
                backoff_remove_at(backoff, (size_t) (entry - backoff->entries));
}

static bool backoff_is_among(
                const struct phx_backoff_entry *entry,
                const struct phx_drifts *drifts) {
        for (size_t i = 0; i < drifts->count; i++)
                if (drifts->items[i].action != PHX_ACTION_NONE && is_of(entry, &drifts->items[i]))
                        return true;
        return false;
}

void phx_backoff_keep(struct phx_backoff *backoff, const struct phx_drifts *drifts) {
        for (size_t i = backoff->count; i > 0; i--)
                if (!backoff_is_among(&backoff->entries[i - 1], drifts))
                        backoff_remove_at(backoff, i - 1);
}

void phx_backoff_done(struct phx_backoff *backoff) {
        for (size_t i = 0; i < backoff->count; i++)
                backoff_entry_done(&backoff->entries[i]);
        free(backoff->entries);
        *backoff = (struct phx_backoff){ 0 };
}
