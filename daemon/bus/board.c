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
        phx_daemon_init(&board->daemon);
        if (!board->snapshot || phx_replace(&board->daemon.version, PHX_VERSION) < 0 ||
            phx_replace(&board->daemon.status, "Starting: first pass") < 0) {
                board_done(board);
                return -ENOMEM;
        }
        board->daemon.started_at = wall_usec;
        return 0;
}

void board_done(struct board *board) {
        phx_daemon_done(&board->daemon);
        phx_snapshot_free(board->snapshot);
        phx_snapshot_free(board->next);
        free(board->json);
        free(board->plan);
        *board = (struct board){ 0 };
}

void board_begin(struct board *board, uint64_t wall_usec) {
        board->daemon.pass.number++;
        board->daemon.pass.began_at = wall_usec;
        board->daemon.next_look_at = PHX_NEVER;
        touch(board);
}

void board_doing(struct board *board, const char *text) {
        board_say(&board->daemon.doing, text);
        touch(board);
}

void board_see(struct board *board, struct phx_snapshot *snapshot) {
        phx_snapshot_free(board->next);
        board->next = snapshot;
}

void board_suspend(struct board *board, struct phx_suspensions *suspensions) {
        phx_suspensions_done(&board->snapshot->suspensions);
        board->snapshot->suspensions = PHX_TAKE_STRUCT(*suspensions);
        touch(board);
}

void board_plan(struct board *board, const char *plan) {
        (void) phx_replace(&board->plan, plan);
}

static struct phx_snapshot *take_up(struct board *board) {
        struct phx_snapshot *before;

        if (!board->next)
                return NULL;
        before = board->snapshot;
        board->snapshot = PHX_TAKE(board->next);
        board->is_known = true;
        phx_tally_count(board->snapshot, &board->tally);
        return before;
}

static enum phx_health health_of(const struct board *board, const struct phx_report *report) {
        if (!board->is_known)
                return PHX_HEALTH_STARTING;
        if (board->snapshot->is_observing)
                return PHX_HEALTH_OBSERVING;
        return report->degraded ? PHX_HEALTH_DEGRADED : PHX_HEALTH_IN_SYNC;
}

struct phx_snapshot *board_end(
                struct board *board,
                const struct phx_report *report,
                uint64_t wall_usec) {
        struct phx_daemon *daemon = &board->daemon;
        struct phx_snapshot *before = take_up(board);

        touch(board);
        board_say(&daemon->status, report->status);
        (void) phx_replace(&daemon->doing, NULL);
        daemon->health = health_of(board, report);
        daemon->pass.ended_at = wall_usec;
        daemon->pass.changes = report->changes;
        daemon->passes++;
        if (!report->degraded)
                daemon->last_converged_at = wall_usec;
        if (report->labels_at > 0)
                daemon->labels_at = report->labels_at;
        return before;
}

void board_labels(struct board *board, uint64_t wall_usec) {
        board->daemon.labels_at = wall_usec;
        touch(board);
}

void board_fail(struct board *board, const char *status, uint64_t wall_usec) {
        board->next = phx_snapshot_free(board->next);
        board_say(&board->daemon.status, status);
        (void) phx_replace(&board->daemon.doing, NULL);
        board->daemon.health = PHX_HEALTH_DEGRADED;
        board->daemon.pass.ended_at = wall_usec;
        touch(board);
}

void board_next(struct board *board, uint64_t wall_usec) {
        board->daemon.next_look_at = wall_usec;
        touch(board);
}

const char *board_json(struct board *board) {
        if (!board->json)
                (void) phx_description_render(&board->daemon, board->snapshot, &board->json);
        return board->json;
}
