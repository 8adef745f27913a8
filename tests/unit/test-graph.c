/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a closure reaches is compared with a search that asks for one byte after the other. */

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/macros.h"
#include "policy/graph.h"
#include "policy/policy.h"

#define FIXTURE_LIMIT (1024UL * 1024)

struct reached {
        bool *is_in;
        uint32_t *items;
        size_t count;
};

static void reached_add(struct reached *reached, uint32_t state) {
        if (state == 0 || reached->is_in[state])
                return;
        reached->is_in[state] = true;
        reached->items[reached->count++] = state;
}

static void search(
                const struct phx_policy_graph *graph,
                const struct phx_graph_bytes *bytes,
                struct reached *reached) {
        for (size_t i = 0; i < reached->count; i++)
                for (unsigned byte = 0; byte < 256; byte++) {
                        const uint8_t text[] = { (uint8_t) byte };

                        if (bytes->has[byte])
                                reached_add(reached,
                                            phx_policy_graph_run(
                                                            graph,
                                                            reached->items[i],
                                                            text,
                                                            1));
                }
}

/* Each was reached from another one by the byte that is noted, but for the first. */
static void assert_steps(const struct phx_policy_graph *graph, const struct phx_graph_set *set) {
        for (size_t i = 1; i < set->count; i++) {
                const struct phx_graph_step *step = &set->steps[set->items[i]];

                assert_true(set->steps[step->from].is_in);
                assert_int_equal(
                                phx_policy_graph_run(graph, step->from, &step->byte, 1),
                                set->items[i]);
        }
}

static size_t compare_closure(
                const struct phx_policy_graph *graph,
                uint32_t begin,
                const struct phx_graph_bytes *bytes) {
        phx_cleanup(phx_graph_set_done) struct phx_graph_set set = { 0 };
        struct reached reached = { 0 };
        size_t states = 0, count;

        while (phx_policy_graph_has(graph, (uint32_t) states))
                states++;
        reached.is_in = calloc(states, sizeof(*reached.is_in));
        reached.items = calloc(states, sizeof(*reached.items));
        assert_non_null(reached.is_in);
        assert_non_null(reached.items);
        assert_int_equal(phx_graph_set_init(graph, &set), 0);
        reached_add(&reached, begin);
        search(graph, bytes, &reached);
        phx_graph_set_add(&set, begin);
        phx_graph_close(graph, bytes, &set);
        assert_int_equal(set.count, reached.count);
        for (size_t i = 0; i < set.count; i++)
                assert_true(reached.is_in[set.items[i]]);
        assert_steps(graph, &set);
        count = reached.count;
        free(reached.is_in);
        free(reached.items);
        return count;
}

/* From where each class of mediation begins, as a mount's does, over several kinds of bytes. */
static size_t compare_graph(const struct phx_policy_graph *graph) {
        const struct phx_graph_bytes any = phx_graph_any();
        struct phx_graph_bytes some = { 0 }, no_slash = any;
        size_t most = 0;

        memset(some.has + 'a', true, 26);
        no_slash.has['/'] = false;
        for (unsigned class = 0; class < 40; class ++) {
                const uint8_t text[] = { (uint8_t) class };
                uint32_t start = phx_policy_graph_start(graph);
                uint32_t begin = class == 0 ? start : phx_policy_graph_run(graph, start, text, 1);
                size_t count = compare_closure(graph, begin, &any);

                most = count > most ? count : most;
                (void) compare_closure(graph, begin, &some);
                (void) compare_closure(graph, begin, &no_slash);
        }
        return most;
}

static size_t compare_rules(
                const char *blob,
                size_t size,
                const struct phx_policy_rules *rules,
                bool is_of_files) {
        phx_cleanup(phx_policy_graph_freep) struct phx_policy_graph *graph = NULL;

        if (rules->size == 0)
                return 0;
        assert_int_equal(phx_policy_graph_new(blob, size, rules, is_of_files, &graph, NULL), 0);
        return compare_graph(graph);
}

static void test_closures_are_whole(void **state) {
        static const char *const names[] = { "plain-3.0.bin", "family-3.0.bin", "modes-4.1.bin" };
        size_t most = 0;

        for (size_t i = 0; i < PHX_ELEMENTS(names); i++) {
                phx_cleanup(phx_policy_done) struct phx_policy policy = { 0 };
                phx_autofree char *blob = NULL;
                char path[512];
                size_t size = 0;

                (void) snprintf(path,
                                sizeof(path),
                                "%s/policy/%s",
                                getenv("PHX_FIXTURES"),
                                names[i]);
                assert_int_equal(phx_file_read_at(AT_FDCWD, path, FIXTURE_LIMIT, &blob, &size), 0);
                assert_int_equal(phx_policy_parse(blob, size, PHX_HASH_NONE, &policy, NULL), 0);
                for (size_t j = 0; j < policy.count; j++) {
                        const struct phx_policy_entry *entry = &policy.entries[j];
                        size_t files = compare_rules(blob, size, &entry->files, true);
                        size_t others = compare_rules(blob, size, &entry->others, false);

                        most = files > most ? files : most;
                        most = others > most ? others : most;
                }
        }
        /* Otherwise nothing was compared. */
        assert_true(most > 10);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_closures_are_whole),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
