/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/strings.h"
#include "codec/json.h"
#include "codec/snapshot_json.h"
#include "codec/snapshot_shapes.h"

/* Each key of a rest, but for its counts; a text with something to escape. */
static const char members[] =
                "\"version\":1,\"daemon\":{\"mode\":\"observe\"},\"generation\":\"g\","
                "\"boot_gate\":\"warn\","
                "\"observed_generation\":\"\\\"o\\\"\","
                "\"counters\":{\"changes\":3,\"failures\":4,\"compiles\":5,"
                "\"compile_usec\":9223372036854775807},"
                "\"cache\":{\"compiler\":\"0c\",\"hits\":7,\"shared_hits\":8,\"misses\":9},"
                "\"paths\":{\"settings\":\"/s\",\"configuration\":\"/j\",\"site_configuration\":\"/k\",\"profile_dir\":\"/p\",\"site_profile_dir\":null,"
                "\"deployed_dir\":\"/c\",\"lxc_path\":null},"
                "\"changes\":[{\"at\":17,\"action\":\"assign\",\"object\":\"101\","
                "\"sentence\":\"s\",\"result\":\"failed\"}],"
                "\"suspensions\":[{\"object\":\"*\",\"reason\":\"moving\",\"since\":1,\"until\":2,"
                "\"by_uid\":4294967295}],\"notes\":[\"of all\"],\"tally\":";

static struct phx_tally some_tally(void) {
        struct phx_tally tally = { .profiles = 4, .drifts = UINT_MAX, .accepted = 3 };

        tally.profile_states[PHX_PROFILE_DRIFT] = 2;
        tally.profile_tiers[PHX_TIER_MASKED] = 1;
        tally.postures[PHX_POSTURE_UNCONFINED] = 7;
        tally.drift_layers[PHX_LAYER_KERNEL] = UINT_MAX;
        return tally;
}

/* All members, with the counts as jansson writes them. */
static char *some_rest(const struct phx_tally *tally) {
        phx_cleanup(phx_json_decref) json_t *tree = NULL;
        phx_autofree char *counts = NULL;
        char *text = NULL;

        assert_int_equal(phx_fields_render(&phx_tally_shape, tally, &tree), 0);
        counts = json_dumps(tree, JSON_COMPACT);
        assert_int_equal(phx_printf(&text, "{%s%s}", members, counts), 0);
        return text;
}

/* Puts BY in the place of WHAT. */
static char *with(const char *text, const char *what, const char *by) {
        const char *at = strstr(text, what);
        char *other = NULL;

        assert_non_null(at);
        assert_int_equal(
                        phx_printf(&other,
                                   "%.*s%s%s",
                                   (int) (at - text),
                                   text,
                                   by,
                                   at + strlen(what)),
                        0);
        return other;
}

static void what_is_read_is_written_the_same(void **state) {
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = NULL;
        struct phx_tally tally = some_tally(), back = { 0 };
        phx_autofree char *text = some_rest(&tally), *again = NULL;

        assert_int_equal(phx_rest_parse(text, strlen(text), &snapshot, &back, NULL), 0);
        assert_memory_equal(&back, &tally, sizeof(tally));
        assert_int_equal(snapshot->change_count, 1);
        assert_string_equal(snapshot->observed_generation, "\"o\"");
        assert_int_equal(phx_rest_render(snapshot, &back, &again), 0);
        assert_string_equal(again, text);
}

/* Each part that it consists of is read without a tree of its values. */
static void each_part_is_read_straight_from_the_text(void **state) {
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = phx_snapshot_new();
        struct phx_tally tally = some_tally(), back = { 0 };
        phx_autofree char *text = some_rest(&tally);
        const struct phx_json_text json = { .data = text, .size = strlen(text) };

        assert_int_equal(phx_fields_scan(&phx_snapshot_head_shape, &json, 0, snapshot), 1);
        assert_int_equal(phx_fields_scan(&phx_snapshot_tail_shape, &json, 0, snapshot), 1);
        assert_int_equal(phx_fields_scan(&phx_tally_part_shape, &json, 0, &back), 1);
        assert_memory_equal(&back, &tally, sizeof(tally));
        assert_string_equal(snapshot->paths.deployed_dir, "/c");
}

/* What a later version counts besides is passed over, and what an earlier one did not count is 0;
 * what is wrong is named as the tree names it. */
static void a_later_count_is_passed_over_and_a_wrong_one_is_named(void **state) {
        static const struct {
                const char *what, *by, *error;
        } cases[] = {
                { "\"postures\":{", "\"postures\":{\"later\":[1,{}],", NULL },
                { "\"unconfined\":7", "\"unconfined\":-7", "tally: postures" },
                { "\"unconfined\":7", "\"unconfined\":4294967296", "tally: postures" },
                { "\"unconfined\":7", "\"unconfined\":7,\"unconfined\":8", "duplicate" },
                { "\"postures\":{", "\"postures\":[{", "expected" },
                { "\"version\":1", "\"version\":2", "expected version 1" },
                { "\"version\":1", "\"version\" 1", "':' expected" },
        };
        const struct phx_tally tally = some_tally();
        phx_autofree char *text = some_rest(&tally);

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                phx_autofree char *other = with(text, cases[i].what, cases[i].by);
                phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = NULL;
                struct phx_error error = { 0 };
                struct phx_tally back = { 0 };
                int r = phx_rest_parse(other, strlen(other), &snapshot, &back, &error);

                assert_int_equal(r, cases[i].error ? -EINVAL : 0);
                if (cases[i].error)
                        assert_non_null(strstr(error.text, cases[i].error));
                else
                        assert_memory_equal(&back, &tally, sizeof(tally));
        }
}

static void a_part_of_the_text_is_refused(void **state) {
        const struct phx_tally tally = some_tally();
        phx_autofree char *text = some_rest(&tally);

        for (size_t i = 0; i < strlen(text); i++) {
                phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = NULL;
                struct phx_tally back = { 0 };

                assert_int_equal(phx_rest_parse(text, i, &snapshot, &back, NULL), -EINVAL);
                assert_null(snapshot);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_read_is_written_the_same),
                cmocka_unit_test(each_part_is_read_straight_from_the_text),
                cmocka_unit_test(a_later_count_is_passed_over_and_a_wrong_one_is_named),
                cmocka_unit_test(a_part_of_the_text_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
