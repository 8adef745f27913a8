/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "profiles/quarantine.h"

#include <errno.h>
#include <string.h>

#include "base/grow.h"
#include "base/strings.h"
#include "state/report.h"

#define USEC_PER_SEC 1000000ULL
#define RETRY_USEC (60 * USEC_PER_SEC)
#define RETRY_LIMIT_USEC (3600 * USEC_PER_SEC)

static void quarantined_done(struct phx_quarantined *quarantined) {
        free(quarantined->name);
        free(quarantined->text);
}

void phx_quarantine_done(struct phx_quarantine *quarantine) {
        for (size_t i = 0; i < quarantine->count; i++)
                quarantined_done(&quarantine->items[i]);
        free(quarantine->items);
        *quarantine = (struct phx_quarantine){ 0 };
}

static struct phx_quarantined *find_name(
                const struct phx_quarantine *quarantine,
                const char *name) {
        for (size_t i = 0; i < quarantine->count; i++)
                if (strcmp(quarantine->items[i].name, name) == 0)
                        return &quarantine->items[i];
        return NULL;
}

struct phx_quarantined *phx_quarantine_find(
                const struct phx_quarantine *quarantine,
                const char *name,
                const char *key) {
        struct phx_quarantined *found = find_name(quarantine, name);

        return found && strcmp(found->key, key) == 0 ? found : NULL;
}

static struct phx_quarantined *quarantine_get(struct phx_quarantine *quarantine, const char *name) {
        struct phx_quarantined *quarantined = find_name(quarantine, name);
        char *copy;

        if (quarantined)
                return quarantined;
        copy = strdup(name);
        quarantined = copy ? phx_grow(&quarantine->items, &quarantine->count, sizeof(*quarantined))
                           : NULL;
        if (!quarantined) {
                free(copy);
                return NULL;
        }
        quarantined->name = copy;
        return quarantined;
}

int phx_quarantine_put(
                struct phx_quarantine *quarantine,
                const struct phx_quarantined *failure,
                int code,
                uint64_t now_usec) {
        struct phx_quarantined *quarantined = quarantine_get(quarantine, failure->name);
        /* A full disk is no fault of the source's, and costs little to ask about. */
        bool is_costly = code == -ETIMEDOUT || code == -ENOMEM;
        uint64_t delay = RETRY_LIMIT_USEC;

        if (!quarantined || phx_replace(&quarantined->text, failure->text) < 0)
                return -ENOMEM;
        if (strcmp(quarantined->key, failure->key) != 0)
                quarantined->failures = 0;
        memcpy(quarantined->key, failure->key, sizeof(quarantined->key));
        /* Seven doublings are past the limit. */
        if (!is_costly)
                delay = RETRY_USEC;
        else if (quarantined->failures < 6)
                delay = RETRY_USEC << quarantined->failures;
        quarantined->failures++;
        quarantined->is_current = true;
        quarantined->is_tried = false;
        quarantined->retry_at = code == -EINVAL ? PHX_NEVER : now_usec + delay;
        return 0;
}

static void quarantine_remove_at(struct phx_quarantine *quarantine, size_t i) {
        quarantined_done(&quarantine->items[i]);
        quarantine->items[i] = quarantine->items[--quarantine->count];
}

void phx_quarantine_release(struct phx_quarantine *quarantine, const char *name) {
        struct phx_quarantined *quarantined = find_name(quarantine, name);

        if (quarantined)
                quarantine_remove_at(quarantine, (size_t) (quarantined - quarantine->items));
}

void phx_quarantine_sweep(struct phx_quarantine *quarantine) {
        for (size_t i = quarantine->count; i > 0; i--) {
                if (!quarantine->items[i - 1].is_current)
                        quarantine_remove_at(quarantine, i - 1);
                else
                        quarantine->items[i - 1].is_current = false;
        }
}

uint64_t phx_quarantine_next(const struct phx_quarantine *quarantine, uint64_t now_usec) {
        uint64_t next = PHX_NEVER;

        for (size_t i = 0; i < quarantine->count; i++) {
                uint64_t at = quarantine->items[i].retry_at, wait = PHX_NEVER;

                if (at != PHX_NEVER && !quarantine->items[i].is_tried)
                        wait = at > now_usec ? at - now_usec : 0;
                if (wait < next)
                        next = wait;
        }
        return next;
}
