/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The audit of the fake world: it keeps each record, and says whether each intent has its result.
 */

#include <stdio.h>

#include "base/grow.h"
#include "world_fake.h"
#include "world_fake_private.h"

static void on_record(void *data, const struct phx_record *record) {
        struct fake *fake = data;
        struct fake_record *copy;

        /* Who is dead writes nothing. */
        if (fake->is_down)
                return;
        copy = phx_grow(&fake->records, &fake->record_count, sizeof(*copy));
        must(copy);
        copy->kind = record->kind;
        copy->error = record->error;
        copy->is_routine = record->is_routine;
        copy->is_good = record->is_good;
        copy->story_count = record->story_count;
        copy->named_count = record->stories ? record->stories->count : 0;
        set(&copy->message, record->message);
        copy->action = record->action;
        set(&copy->layer, record->layer);
        set(&copy->drift, record->drift);
        set(&copy->profile, record->profile);
        set(&copy->container, record->container);
        set(&copy->path, record->path);
        set(&copy->generation, record->generation);
        set(&copy->old_digest, record->old_digest);
        set(&copy->new_digest, record->new_digest);
}

struct phx_audit fake_audit(struct fake *fake) {
        return (struct phx_audit){ on_record, NULL, fake };
}

size_t fake_count(const struct fake *fake, enum phx_record_kind kind) {
        size_t count = 0;

        for (size_t i = 0; i < fake->record_count; i++)
                count += fake->records[i].kind == kind;
        return count;
}

const struct fake_record *fake_find(const struct fake *fake, enum phx_record_kind kind, size_t n) {
        for (size_t i = 0; i < fake->record_count; i++)
                if (fake->records[i].kind == kind && n-- == 0)
                        return &fake->records[i];
        return NULL;
}

const char *fake_story(const struct fake *fake) {
        static char story[8192];
        size_t used = 0;

        story[0] = '\0';
        for (size_t i = 0; i < fake->record_count && used < sizeof(story); i++)
                used += (size_t) snprintf(
                                story + used,
                                sizeof(story) - used,
                                "%s: %s\n",
                                phx_record_kind_to_string(fake->records[i].kind),
                                fake->records[i].message);
        return story;
}

static bool is_result(const struct fake_record *record) {
        return record->kind == PHX_RECORD_CHANGED || record->kind == PHX_RECORD_FAILED;
}

static bool is_of(const struct fake_record *a, const struct fake_record *b) {
        return a->action == b->action && phx_equal(a->layer, b->layer) &&
               phx_equal(a->drift, b->drift) && phx_equal(a->profile, b->profile) &&
               phx_equal(a->container, b->container);
}

static bool has_result(const struct fake *fake, size_t intent) {
        for (size_t i = intent + 1; i < fake->record_count; i++) {
                const struct fake_record *record = &fake->records[i];

                if (!is_of(record, &fake->records[intent]))
                        continue;
                if (is_result(record))
                        return true;
                if (record->kind == PHX_RECORD_INTENT)
                        return false;
        }
        return false;
}

bool fake_audit_is_complete(const struct fake *fake) {
        size_t results = fake_count(fake, PHX_RECORD_CHANGED) + fake_count(fake, PHX_RECORD_FAILED);
        size_t begun = 0;

        for (size_t i = 0; i < fake->record_count; i++) {
                const struct fake_record *record = &fake->records[i];

                if (record->kind != PHX_RECORD_INTENT)
                        continue;
                /* Its result comes with a later pass, and here there is no systemd. */
                if (record->action == PHX_ACTION_CREATE)
                        begun++;
                else if (!has_result(fake, i))
                        return false;
        }
        return results == fake_count(fake, PHX_RECORD_INTENT) - begun;
}
