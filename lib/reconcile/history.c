/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "reconcile/history.h"

#include <errno.h>
#include <string.h>

static void change_done(struct phx_snapshot_change *change) {
        free(change->object);
        free(change->sentence);
        *change = (struct phx_snapshot_change){ 0 };
}

static void pass_history_append(struct phx_history *history, struct phx_snapshot_change *change) {
        if (history->count == PHX_HISTORY_LIMIT) {
                change_done(&history->changes[0]);
                memmove(&history->changes[0],
                        &history->changes[1],
                        (PHX_HISTORY_LIMIT - 1) * sizeof(history->changes[0]));
                history->count--;
        }
        history->changes[history->count++] = PHX_TAKE_STRUCT(*change);
}

void phx_history_note(
                struct phx_history *history,
                const struct phx_record *record,
                uint64_t wall_usec) {
        phx_cleanup(change_done) struct phx_snapshot_change change = {
                .at = wall_usec,
                .action = record->action,
                .has_failed = record->kind == PHX_RECORD_FAILED,
        };
        const char *object = record->container ? record->container : record->profile;

        if (record->kind != PHX_RECORD_CHANGED && record->kind != PHX_RECORD_FAILED)
                return;
        if (change.has_failed)
                history->failed++;
        else
                history->changed++;
        if (phx_replace(&change.object, object ? object : "") >= 0 &&
            phx_replace(&change.sentence, record->message ? record->message : "") >= 0)
                pass_history_append(history, &change);
}

int phx_history_fill(const struct phx_history *history, struct phx_snapshot *snapshot) {
        snapshot->counters.changes = history->changed;
        snapshot->counters.failures = history->failed;
        if (history->count == 0)
                return 0;
        snapshot->changes = calloc(history->count, sizeof(*snapshot->changes));
        if (!snapshot->changes)
                return -ENOMEM;
        snapshot->change_count = history->count;
        for (size_t i = 0; i < history->count; i++) {
                const struct phx_snapshot_change *from = &history->changes[i];
                struct phx_snapshot_change *to = &snapshot->changes[i];

                to->at = from->at;
                to->action = from->action;
                to->has_failed = from->has_failed;
                if (phx_replace(&to->object, from->object) < 0 ||
                    phx_replace(&to->sentence, from->sentence) < 0)
                        return -ENOMEM;
        }
        return 0;
}

void phx_history_done(struct phx_history *history) {
        for (size_t i = 0; i < history->count; i++)
                change_done(&history->changes[i]);
        *history = (struct phx_history){ 0 };
}
