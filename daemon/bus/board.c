/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "bus/board.h"

#include <errno.h>
#include <string.h>

#include "codec/snapshot_json.h"
#include "config.h"
#include "shared/text.h"

#define TEXT_SIZE 2048

static void touch(struct board *board) {
        free(PHX_TAKE(board->json));
}

/* What comes from elsewhere may hold anything; the bus ends the connection over what is not UTF-8.
 */
static void board_say(char **to, const char *text) {
        char clean[TEXT_SIZE];

        if (text)
                text_clean(text, clean, sizeof(clean));
        (void) phx_replace(to, text ? clean : NULL);
}

int board_init(struct board *board, uint64_t wall_usec) {
        *board = (struct board){ .snapshot = phx_snapshot_new() };
        if (!board->snapshot || phx_replace(&board->snapshot->daemon.version, PHX_VERSION) < 0 ||
            phx_replace(&board->snapshot->status, "Starting: first pass") < 0) {
                board_done(board);
                return -ENOMEM;
        }
        board->snapshot->daemon.started_at = wall_usec;
        return 0;
}

void board_done(struct board *board) {
        phx_snapshot_free(board->snapshot);
        free(board->json);
        free(board->plan);
        *board = (struct board){ 0 };
}

void board_begin(struct board *board, uint64_t wall_usec) {
        board->snapshot->pass.number++;
        board->snapshot->pass.began_at = wall_usec;
        board->snapshot->next_look_at = PHX_NEVER;
        touch(board);
}

void board_doing(struct board *board, const char *text) {
        board_say(&board->snapshot->doing, text);
        touch(board);
}

/* What the engine does not know, because it outlives engines or changes with each look. */
static void keep_ours(struct phx_snapshot *new, struct phx_snapshot *old) {
        new->daemon.version = PHX_TAKE(old->daemon.version);
        new->daemon.started_at = old->daemon.started_at;
        new->pass = old->pass;
        new->last_converged_at = old->last_converged_at;
        new->labels_at = old->labels_at;
        new->next_look_at = old->next_look_at;
        new->counters.passes = old->counters.passes;
}

static int take_up(
                struct board *board,
                const struct phx_report *report,
                struct phx_snapshot **ret_before) {
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = NULL;
        int r;

        r = phx_snapshot_parse(report->snapshot, strlen(report->snapshot), &snapshot, NULL);
        if (r < 0)
                return r;
        keep_ours(snapshot, board->snapshot);
        board->is_known = true;
        *ret_before = PHX_TAKE(board->snapshot);
        board->snapshot = PHX_TAKE(snapshot);
        phx_tally_count(board->snapshot, &board->tally);
        return 0;
}

static enum phx_health health_of(const struct board *board, const struct phx_report *report) {
        if (!board->is_known)
                return PHX_HEALTH_STARTING;
        if (board->snapshot->daemon.is_observing)
                return PHX_HEALTH_OBSERVING;
        return report->degraded ? PHX_HEALTH_DEGRADED : PHX_HEALTH_IN_SYNC;
}

int board_end(struct board *board,
              const struct phx_report *report,
              uint64_t wall_usec,
              struct phx_snapshot **ret_before) {
        struct phx_snapshot *snapshot;
        int r = 0;

        touch(board);
        *ret_before = NULL;
        if (report->snapshot)
                r = take_up(board, report, ret_before);
        if (report->plan)
                (void) phx_replace(&board->plan, report->plan);
        snapshot = board->snapshot;
        board_say(&snapshot->status, report->status);
        (void) phx_replace(&snapshot->doing, NULL);
        snapshot->health = health_of(board, report);
        snapshot->pass.ended_at = wall_usec;
        snapshot->pass.changes = report->changes;
        snapshot->counters.passes++;
        if (!report->degraded)
                snapshot->last_converged_at = wall_usec;
        if (report->labels_at > 0)
                snapshot->labels_at = report->labels_at;
        return r;
}

void board_labels(struct board *board, uint64_t wall_usec) {
        board->snapshot->labels_at = wall_usec;
        touch(board);
}

void board_fail(struct board *board, const char *status, uint64_t wall_usec) {
        board_say(&board->snapshot->status, status);
        (void) phx_replace(&board->snapshot->doing, NULL);
        board->snapshot->health = PHX_HEALTH_DEGRADED;
        board->snapshot->pass.ended_at = wall_usec;
        touch(board);
}

void board_next(struct board *board, uint64_t wall_usec) {
        board->snapshot->next_look_at = wall_usec;
        touch(board);
}

const char *board_json(struct board *board) {
        if (!board->json)
                (void) phx_snapshot_render(board->snapshot, &board->json);
        return board->json;
}
