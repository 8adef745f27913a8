/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "bus/board.h"

#include <errno.h>
#include <string.h>

#include "codec/snapshot_json.h"
#include "config.h"
#include "shared/text.h"

#define TEXT_SIZE 2048

/* What comes from elsewhere may hold anything; the bus ends the connection over what is not UTF-8.
 */
static void board_say(char **to, const char *text) {
        char clean[TEXT_SIZE];

        if (text)
                text_clean(text, clean, sizeof(clean));
        (void) phx_replace(to, text ? clean : NULL);
}

/* What was read may go. */
static void forget_read(struct board *board) {
        phx_snapshot_profile_done(&board->read.profile);
        phx_snapshot_container_done(&board->read.container);
        board->read = (struct board_read){ 0 };
}

int board_init(struct board *board, uint64_t wall_usec) {
        *board = (struct board){ .rest.snapshot = phx_snapshot_new() };
        phx_daemon_init(&board->daemon);
        if (!board->rest.snapshot || phx_replace(&board->daemon.version, PHX_VERSION) < 0 ||
            phx_replace(&board->daemon.status, "Starting: first pass") < 0) {
                board_done(board);
                return -ENOMEM;
        }
        board->daemon.started_at = wall_usec;
        return 0;
}

void board_done(struct board *board) {
        phx_daemon_done(&board->daemon);
        phx_snapshot_free(board->rest.snapshot);
        phx_snapshot_free(board->next.snapshot);
        forget_read(board);
        shelves_done(&board->shelves);
        *board = (struct board){ 0 };
}

void board_begin(struct board *board, uint64_t wall_usec) {
        board->daemon.pass.number++;
        board->daemon.pass.began_at = wall_usec;
        board->daemon.next_look_at = PHX_NEVER;
}

void board_doing(struct board *board, const char *text) {
        board_say(&board->daemon.doing, text);
}

static int board_take_rest(struct board *board, const struct channel_message *message) {
        struct board_rest rest = { 0 };
        int r;

        r = phx_rest_parse(message->text, message->size, &rest.snapshot, &rest.tally, NULL);
        if (r < 0)
                return r;
        phx_snapshot_free(board->next.snapshot);
        board->next = rest;
        return 0;
}

int board_take(struct board *board, const struct channel_message *message) {
        struct shelves *shelves = &board->shelves;

        if (message->type == CHANNEL_ALL)
                return shelves_put_all(shelves);
        if (message->type == CHANNEL_REST)
                return board_take_rest(board, message);
        if (message->type != CHANNEL_OBJECT && message->type != CHANNEL_GONE)
                return -EBADMSG;
        return shelves_put(
                        shelves,
                        (enum phx_object_kind) message->value,
                        message->text,
                        message->json,
                        message->json_size);
}

void board_suspend(struct board *board, struct phx_suspensions *suspensions) {
        phx_suspensions_done(&board->rest.snapshot->suspensions);
        board->rest.snapshot->suspensions = PHX_TAKE_STRUCT(*suspensions);
}

static unsigned board_show(struct board *board) {
        forget_read(board);
        if (board->next.snapshot) {
                phx_snapshot_free(board->rest.snapshot);
                board->rest = PHX_TAKE_STRUCT(board->next);
                board->is_known = true;
        }
        return shelves_show(&board->shelves);
}

static enum phx_health health_of(const struct board *board, const struct phx_report *report) {
        if (!board->is_known)
                return PHX_HEALTH_STARTING;
        if (board->rest.snapshot->is_observing)
                return PHX_HEALTH_OBSERVING;
        return report->degraded ? PHX_HEALTH_DEGRADED : PHX_HEALTH_IN_SYNC;
}

unsigned board_end(struct board *board, const struct phx_report *report, uint64_t wall_usec) {
        struct phx_daemon *daemon = &board->daemon;
        const unsigned changed = board_show(board);

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
        return changed;
}

void board_labels(struct board *board, uint64_t wall_usec) {
        board->daemon.labels_at = wall_usec;
}

void board_fail(struct board *board, const char *status, uint64_t wall_usec) {
        board->next.snapshot = phx_snapshot_free(board->next.snapshot);
        shelves_drop(&board->shelves);
        board_say(&board->daemon.status, status);
        (void) phx_replace(&board->daemon.doing, NULL);
        board->daemon.health = PHX_HEALTH_DEGRADED;
        board->daemon.pass.ended_at = wall_usec;
}

void board_next(struct board *board, uint64_t wall_usec) {
        board->daemon.next_look_at = wall_usec;
}

bool board_has(const struct board *board, const char *name) {
        return shelves_find(&board->shelves, PHX_OBJECT_PROFILE, name) ||
               shelves_find(&board->shelves, PHX_OBJECT_CONTAINER, name);
}

const struct phx_snapshot_profile *board_profile(
                struct board *board,
                const struct shelf_object *object) {
        phx_cleanup(phx_buffer_done) struct phx_buffer json = { 0 };
        struct board_read *read = &board->read;

        if (read->profile_of == object)
                return &read->profile;
        read->profile_of = NULL;
        phx_snapshot_profile_done(&read->profile);
        if (shelf_add(&board->shelves, object, &json) < 0 ||
            phx_snapshot_profile_parse(json.data, json.size, &read->profile) < 0)
                return NULL;
        read->profile_of = object;
        return &read->profile;
}

const struct phx_snapshot_container *board_container(
                struct board *board,
                const struct shelf_object *object) {
        phx_cleanup(phx_buffer_done) struct phx_buffer json = { 0 };
        struct board_read *read = &board->read;

        if (read->container_of == object)
                return &read->container;
        read->container_of = NULL;
        phx_snapshot_container_done(&read->container);
        if (shelf_add(&board->shelves, object, &json) < 0 ||
            phx_snapshot_container_parse(json.data, json.size, &read->container) < 0)
                return NULL;
        read->container_of = object;
        return &read->container;
}

int board_watches(const struct board *board, struct phx_strings *ret_watches) {
        const struct shelf *shelf = &board->shelves.kinds[PHX_OBJECT_WATCH];
        char **paths = calloc(shelf->count + 1, sizeof(*paths));

        if (!paths)
                return -ENOMEM;
        for (size_t i = 0; i < shelf->count; i++)
                paths[i] = shelf->items[i]->text;
        *ret_watches = (struct phx_strings){ .items = paths, .count = shelf->count };
        return 0;
}

int board_inits(const struct board *board, pid_t **ret_pids, size_t *ret_count) {
        const struct shelf *shelf = &board->shelves.kinds[PHX_OBJECT_INIT];
        pid_t *pids = calloc(shelf->count + 1, sizeof(*pids));
        size_t count = 0;

        if (!pids)
                return -ENOMEM;
        for (size_t i = 0; i < shelf->count; i++) {
                pids[count] = phx_init_of_key(shelf_key(shelf->items[i]));
                count += pids[count] > 0;
        }
        *ret_pids = pids;
        *ret_count = count;
        return 0;
}
