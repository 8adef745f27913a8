/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What the engine tells makes the board answer what the engine has seen. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/grow.h"
#include "base/strings.h"
#include "bus/board.h"
#include "codec/snapshot_json.h"
#include "engine/sent.h"
#include "reconcile/deciders.h"

/* What the channel does, without one. */
struct link {
        struct board board;
        unsigned objects, rests;
        unsigned fails_at; /* the object that cannot be sent; 0: none */
};

static int take(struct link *link, struct channel_message *message) {
        return board_take(&link->board, message);
}

static int link_all(void *data) {
        return take(data, &(struct channel_message){ .type = CHANNEL_ALL });
}

static int link_object(void *data, enum phx_object_kind kind, const char *key, const char *json) {
        phx_autofree char *text = strdup(key);
        struct link *link = data;

        if (++link->objects == link->fails_at)
                return -EPIPE;
        return take(link,
                    &(struct channel_message){ .type = json ? CHANNEL_OBJECT : CHANNEL_GONE,
                                               .value = (int32_t) kind,
                                               .text = text,
                                               .size = strlen(text),
                                               .json = json,
                                               .json_size = json ? strlen(json) : 0 });
}

static int link_rest(void *data, const char *json) {
        phx_autofree char *text = strdup(json);
        struct link *link = data;

        link->rests++;
        return take(link,
                    &(struct channel_message){ .type = CHANNEL_REST,
                                               .text = text,
                                               .size = strlen(text) });
}

static int tell(struct sent *sent,
                const struct phx_snapshot *snapshot,
                const struct phx_report *report,
                struct link *link) {
        const struct engine_sink sink = { link_all, link_object, link_rest, link };
        struct phx_tally tally;
        int r;

        link->objects = link->rests = 0;
        phx_tally_count(snapshot, &tally);
        r = sent_update(sent, snapshot, &tally, report, &sink);
        if (r >= 0)
                (void) board_end(&link->board, report, 1);
        else
                board_fail(&link->board, "failed", 1);
        while (shelves_take_news(&link->board.shelves))
                ;
        return r;
}

/* --- a machine that changes --- */

static unsigned seed = 1;

static unsigned pick(unsigned count) {
        seed = seed * 1103515245 + 12345;
        return (seed >> 16) % count;
}

static void *grow(void *array, size_t *count, size_t size) {
        void *item = phx_grow(array, count, size);

        if (!item)
                abort();
        return item;
}

static void add_drift(struct phx_snapshot *snapshot, const char *object, enum phx_layer layer) {
        struct phx_snapshot_drift *drift =
                        grow(&snapshot->drifts, &snapshot->drift_count, sizeof(*drift));

        drift->layer = layer;
        drift->kind = PHX_DRIFT_ABSENT;
        drift->retry_at = PHX_NEVER;
        drift->action = pick(2) ? PHX_ACTION_ASSIGN : PHX_ACTION_NONE;
        drift->is_tolerable = pick(2);
        assert_int_equal(phx_replace(&drift->object, object), 0);
        assert_int_equal(phx_replace(&drift->expected, "e"), 0);
        assert_int_equal(phx_replace(&drift->found, pick(2) ? "f" : "caf\xe9"), 0);
        assert_int_equal(phx_replace(&drift->sentence, "s"), 0);
}

static void add_profiles(struct phx_snapshot *snapshot) {
        static const char *const names[] = { "abstractions/caf\xe9", "lxc-a", "lxc-a-b" };

        for (unsigned i = 0; i < PHX_ELEMENTS(names); i++) {
                struct phx_snapshot_profile *profile;

                if (pick(3) == 0)
                        continue;
                profile = grow(&snapshot->profiles, &snapshot->profile_count, sizeof(*profile));
                profile->is_loaded = pick(2);
                profile->mode = (enum phx_policy_mode) pick(2);
                assert_int_equal(phx_replace(&profile->name, names[i]), 0);
        }
}

static void add_containers(struct phx_snapshot *snapshot, bool are_managed) {
        for (unsigned i = 0; i < 30; i++) {
                struct phx_snapshot_container *container;
                struct phx_snapshot_unmanaged *unmanaged;
                char id[16];

                if (pick(3) == 0)
                        continue;
                (void) snprintf(id, sizeof(id), "c%02u", i);
                if (!are_managed) {
                        unmanaged = grow(
                                        &snapshot->unmanaged,
                                        &snapshot->unmanaged_count,
                                        sizeof(*unmanaged));
                        unmanaged->is_running = pick(2);
                        assert_int_equal(phx_replace(&unmanaged->directory, id), 0);
                        continue;
                }
                container = grow(
                                &snapshot->containers,
                                &snapshot->container_count,
                                sizeof(*container));
                container->is_running = pick(2);
                container->state = (enum phx_container_state) pick(PHX_CONTAINER_STATES);
                assert_int_equal(phx_replace(&container->id, id), 0);
                assert_int_equal(phx_replace(&container->profile, "lxc-a"), 0);
        }
}

static struct phx_snapshot *machine(void) {
        struct phx_snapshot *snapshot = phx_snapshot_new();

        assert_non_null(snapshot);
        snapshot->counters.changes = pick(2);
        add_profiles(snapshot);
        add_containers(snapshot, true);
        add_containers(snapshot, false);
        /* In their order. */
        for (unsigned layer = 0; layer < PHX_LAYERS; layer++)
                for (unsigned i = 0; i < 12; i++) {
                        char object[16];

                        (void) snprintf(object, sizeof(object), "c%02u", i / 2);
                        if (pick(2))
                                add_drift(snapshot, object, (enum phx_layer) layer);
                }
        assert_int_equal(phx_deciders_fill_all(snapshot), 0);
        return snapshot;
}

/* In as many parts as there are pieces. */
static void write_whole(
                const struct board *board,
                struct board_text *text,
                struct phx_buffer *buffer) {
        char *to = phx_buffer_add_space(buffer, text->size), *end;

        assert_non_null(to);
        end = to + text->size;
        while (!text->is_whole)
                to = board_text_write(board, text, 1, to);
        assert_ptr_equal(to, end);
}

static void describe(const struct board *board, struct phx_buffer *buffer) {
        phx_cleanup(board_text_done) struct board_text text = { 0 };

        assert_int_equal(board_describe(board, &text), 0);
        write_whole(board, &text, buffer);
}

static void describe_plan(const struct board *board, struct phx_buffer *buffer) {
        phx_cleanup(board_text_done) struct board_text text = { 0 };

        assert_int_equal(board_describe_plan(board, &text), 0);
        write_whole(board, &text, buffer);
}

static void expect_same(const struct board *board, const struct phx_snapshot *snapshot) {
        phx_cleanup(phx_buffer_done) struct phx_buffer have = { 0 }, plan = { 0 };
        phx_autofree char *want = NULL, *want_plan = NULL;

        describe(board, &have);
        assert_int_equal(phx_description_render(&board->daemon, snapshot, &want), 0);
        assert_string_equal(have.data, want);
        describe_plan(board, &plan);
        assert_int_equal(phx_snapshot_plan_render(snapshot, &want_plan), 0);
        assert_string_equal(plan.data, want_plan);
}

static void expect_pages(const struct board *board, const struct phx_snapshot *want) {
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *have = phx_snapshot_new();
        phx_autofree char *text = NULL, *want_text = NULL;

        for (unsigned kind = 0; kind <= PHX_OBJECT_DRIFT; kind++) {
                phx_autofree char *after = strdup("");

                while (after) {
                        phx_cleanup(phx_buffer_done) struct phx_buffer page = { 0 };
                        char *next = NULL;

                        assert_int_equal(
                                        board_describe_objects(
                                                        board,
                                                        (enum phx_object_kind) kind,
                                                        after,
                                                        3,
                                                        &page),
                                        0);
                        assert_int_equal(
                                        phx_page_parse(page.data, page.size, have, &next, NULL),
                                        0);
                        assert_true(!next || strcmp(next, after) > 0);
                        free(after);
                        after = next;
                }
        }
        have->counters.changes = want->counters.changes;
        assert_int_equal(phx_snapshot_render(have, &text), 0);
        assert_int_equal(phx_snapshot_render(want, &want_text), 0);
        assert_string_equal(text, want_text);
}

static void the_board_answers_what_was_told(void **state) {
        phx_cleanup(sent_done) struct sent sent = { 0 };
        const struct phx_report report = { 0 };
        struct link link = { 0 };

        assert_int_equal(board_init(&link.board, 1), 0);
        for (unsigned i = 0; i < 300; i++) {
                phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = machine();

                /* A new engine. */
                if (pick(10) == 0)
                        sent_done(&sent);
                assert_int_equal(tell(&sent, snapshot, &report, &link), 0);
                expect_same(&link.board, snapshot);
                expect_pages(&link.board, snapshot);
                /* Nothing has changed. */
                assert_int_equal(tell(&sent, snapshot, &report, &link), 0);
                assert_int_equal(link.objects + link.rests, 0);
        }
        board_done(&link.board);
}

/* However much comes, changes or goes before it is whole. */
static void a_text_is_of_the_pass_in_which_it_was_begun(void **state) {
        phx_cleanup(sent_done) struct sent sent = { 0 };
        const struct phx_report report = { 0 };
        struct link link = { 0 };

        assert_int_equal(board_init(&link.board, 1), 0);
        for (unsigned i = 0; i < 100; i++) {
                phx_cleanup(phx_snapshot_freep) struct phx_snapshot *now = machine();
                phx_cleanup(board_text_done) struct board_text text = { 0 }, left = { 0 };
                phx_cleanup(phx_buffer_done) struct phx_buffer have = { 0 };
                phx_autofree char *want = NULL;
                char *to;

                assert_int_equal(tell(&sent, now, &report, &link), 0);
                assert_int_equal(phx_description_render(&link.board.daemon, now, &want), 0);
                assert_int_equal(board_describe(&link.board, &text), 0);
                assert_int_equal(board_describe(&link.board, &left), 0);
                assert_int_equal(text.size, strlen(want));
                to = phx_buffer_add_space(&have, text.size);
                assert_non_null(to);
                for (unsigned k = pick(40); k > 0 && !text.is_whole; k--)
                        to = board_text_write(&link.board, &text, 1, to);
                for (unsigned k = pick(4); k > 0; k--) {
                        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *later = machine();

                        assert_int_equal(tell(&sent, later, &report, &link), 0);
                }
                while (!text.is_whole)
                        to = board_text_write(&link.board, &text, 1, to);
                assert_memory_equal(have.data, want, text.size);
        }
        board_done(&link.board);
}

static void a_telling_that_fails_changes_nothing(void **state) {
        phx_cleanup(sent_done) struct sent sent = { 0 };
        const struct phx_report report = { 0 };
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *before = machine();
        struct link link = { 0 };

        assert_int_equal(board_init(&link.board, 1), 0);
        assert_int_equal(tell(&sent, before, &report, &link), 0);
        for (unsigned i = 1; i < 10; i++) {
                phx_cleanup(phx_snapshot_freep) struct phx_snapshot *after = machine();

                if (i == 5)
                        sent_done(&sent);
                link.fails_at = i;
                assert_int_equal(tell(&sent, after, &report, &link), -EPIPE);
                expect_same(&link.board, before);
                link.fails_at = 0;
                assert_int_equal(tell(&sent, after, &report, &link), 0);
                expect_same(&link.board, after);
                phx_snapshot_free(before);
                before = PHX_TAKE(after);
        }
        board_done(&link.board);
}

static void one_object_that_changed_is_one_message(void **state) {
        phx_cleanup(sent_done) struct sent sent = { 0 };
        const struct phx_report report = { 0 };
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = machine();
        struct link link = { 0 };

        assert_int_equal(board_init(&link.board, 1), 0);
        assert_int_equal(tell(&sent, snapshot, &report, &link), 0);
        snapshot->containers[3].tasks++;
        assert_int_equal(tell(&sent, snapshot, &report, &link), 0);
        assert_int_equal(link.objects, 1);
        assert_int_equal(link.rests, 0);
        expect_same(&link.board, snapshot);
        board_done(&link.board);
}

/* What decides about it is said with it, and stands in its profile and in the paths. */
static void a_container_is_told_again_with_what_decides_about_it(void **state) {
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = machine();
        phx_cleanup(sent_done) struct sent sent = { 0 };
        struct phx_report report = { 0 };
        struct link link = { 0 };
        struct phx_snapshot_profile *profile;
        unsigned in_it = 0;

        assert_int_equal(board_init(&link.board, 1), 0);
        while (snapshot->profile_count == 0) {
                phx_snapshot_free(snapshot);
                snapshot = machine();
        }
        profile = &snapshot->profiles[0];
        for (size_t i = 0; i < snapshot->container_count; i += 2) {
                assert_int_equal(phx_replace(&snapshot->containers[i].profile, profile->name), 0);
                in_it++;
        }
        for (size_t i = 1; i < snapshot->container_count; i += 2)
                assert_int_equal(phx_replace(&snapshot->containers[i].profile, "lxc-none"), 0);
        assert_int_equal(tell(&sent, snapshot, &report, &link), 0);
        assert_int_equal(tell(&sent, snapshot, &report, &link), 0);
        assert_int_equal(link.objects, 0);

        assert_int_equal(phx_replace(&profile->digest, "another"), 0);
        assert_int_equal(tell(&sent, snapshot, &report, &link), 0);
        assert_int_equal(link.objects, 1 + in_it);
        assert_int_equal(phx_deciders_fill_all(snapshot), 0);
        expect_same(&link.board, snapshot);

        assert_int_equal(phx_replace(&snapshot->paths.configuration, "/another"), 0);
        assert_int_equal(tell(&sent, snapshot, &report, &link), 0);
        assert_int_equal(link.objects, snapshot->container_count);
        board_done(&link.board);
}

static void watches_and_processes_arrive_byte_by_byte(void **state) {
        phx_cleanup(sent_done) struct sent sent = { 0 };
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = machine();
        phx_cleanup(phx_report_freep) struct phx_report *report = calloc(1, sizeof(*report));
        struct phx_strings watches = { 0 };
        phx_autofree pid_t *pids = NULL;
        struct link link = { 0 };
        size_t count = 0;

        assert_int_equal(board_init(&link.board, 1), 0);
        assert_int_equal(phx_strings_add(&report->watches, "/a"), 0);
        assert_int_equal(phx_strings_add(&report->watches, "/caf\xe9"), 0);
        assert_int_equal(phx_report_add_init(report, 2147483647), 0);
        assert_int_equal(phx_report_add_init(report, 17), 0);
        assert_int_equal(tell(&sent, snapshot, report, &link), 0);
        assert_int_equal(board_watches(&link.board, &watches), 0);
        assert_true(phx_strings_equal(&watches, &report->watches));
        free(watches.items);
        assert_int_equal(board_inits(&link.board, &pids, &count), 0);
        assert_int_equal(count, 2);
        assert_int_equal(pids[0], 17);
        assert_int_equal(pids[1], 2147483647);
        assert_int_equal(tell(&sent, snapshot, report, &link), 0);
        assert_int_equal(link.objects, 0);
        board_done(&link.board);
}

/* What one object says is what the list of them says. */
static void an_object_is_described_with_its_drifts(void **state) {
        phx_cleanup(sent_done) struct sent sent = { 0 };
        const struct phx_report report = { 0 };
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = machine(), *part = NULL;
        phx_cleanup(phx_buffer_done) struct phx_buffer one = { 0 }, object = { 0 };
        const struct phx_snapshot_container *container = &snapshot->containers[0];
        phx_autofree char *want = NULL, *next = NULL;
        struct link link = { 0 };

        assert_int_equal(board_init(&link.board, 1), 0);
        assert_int_equal(tell(&sent, snapshot, &report, &link), 0);
        assert_int_equal(
                        board_describe_container(
                                        &link.board,
                                        shelves_find(&link.board.shelves,
                                                     PHX_OBJECT_CONTAINER,
                                                     container->id),
                                        &one),
                        0);
        assert_int_equal(phx_snapshot_container_render(snapshot, container, &want), 0);
        assert_string_equal(one.data, want);

        part = phx_snapshot_new();
        assert_int_equal(board_describe_object(&link.board, container->id, &object), 0);
        assert_int_equal(phx_page_parse(object.data, object.size, part, &next, NULL), 0);
        assert_null(next);
        assert_int_equal(part->container_count, 1);
        assert_int_equal(part->profile_count, 0);
        assert_true(part->drift_count > 0);
        board_done(&link.board);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_board_answers_what_was_told),
                cmocka_unit_test(a_text_is_of_the_pass_in_which_it_was_begun),
                cmocka_unit_test(a_telling_that_fails_changes_nothing),
                cmocka_unit_test(one_object_that_changed_is_one_message),
                cmocka_unit_test(a_container_is_told_again_with_what_decides_about_it),
                cmocka_unit_test(watches_and_processes_arrive_byte_by_byte),
                cmocka_unit_test(an_object_is_described_with_its_drifts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
