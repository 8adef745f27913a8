/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The searches of the rules, and what they say of mounts, are compared with slow ones that ask the
 * automaton for one byte after the other and share nothing: on the shipped profiles, and on random
 * automata of every form. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include <cmocka.h>
#include <sys/apparmor.h>

#include "base/buffer.h"
#include "config.h"
#include "lint/lint.h"
#include "policy/automaton.h"
#include "policy/graph.h"
#include "policy/query.h"
#include "profiles/offline.h"
#include "slow-searches.h"
#include "tree.h"

#define CASES 400

static uint32_t seed;

static unsigned pick(unsigned n) {
        seed = seed * 1664525U + 1013904223U;
        return (seed >> 8) % n;
}

/* --- the searches --- */

static const char readable[] = "/abcdefghijklmnopqrstuvwxyz0123456789-._:";

/* As they are tried. */
static unsigned byte_at(size_t i) {
        return i < strlen(readable) ? (uint8_t) readable[i] : (unsigned) (i - strlen(readable));
}

static void assert_order(
                const struct oracle *oracle,
                const bool bytes[256],
                const struct phx_graph_set *set) {
        struct set seen = { { false } };
        uint32_t *items = calloc(oracle->states, sizeof(*items));
        size_t count = 0;

        assert_non_null(items);
        for (size_t from = 0; from <= count; from++)
                for (size_t i = 0; i < strlen(readable) + 256; i++) {
                        unsigned byte = byte_at(i);
                        uint32_t state = from == 0 ? PHX_AUTOMATON_START : items[from - 1];
                        uint32_t to = oracle->to[state][byte];

                        if (!bytes[byte] || to == 0 || seen.has[to])
                                continue;
                        seen.has[to] = true;
                        items[count++] = to;
                        assert_int_equal(set->items[count - 1], to);
                        assert_int_equal(set->steps[to].byte, byte);
                        assert_int_equal(set->steps[to].from, from == 0 ? 0 : state);
                }
        assert_int_equal(set->count, count);
        free(items);
}

static void assert_searched(const struct oracle *oracle, const struct phx_policy_graph *graph) {
        struct phx_graph_bytes bytes[3] = { phx_graph_any(), phx_graph_any() };
        phx_cleanup(phx_graph_set_done) struct phx_graph_set set = { 0 };

        bytes[1].has['/'] = bytes[1].has['a'] = false;
        memset(bytes[2].has + 'b', true, 20);
        assert_int_equal(phx_graph_set_init(graph, &set), 0);
        for (size_t i = 0; i < PHX_ELEMENTS(bytes); i++) {
                phx_graph_set_clear(&set);
                phx_graph_begin(graph, PHX_AUTOMATON_START, &bytes[i], &set);
                phx_graph_close(graph, &bytes[i], &set);
                assert_order(oracle, bytes[i].has, &set);
        }
}

/* An example leads to the state, and is no name that was left out. */
static void assert_example(
                const struct oracle *oracle,
                const struct phx_graph_set *set,
                uint32_t state,
                const char *name) {
        char witness[STATES_LIMIT];

        phx_graph_witness(set, state, witness, sizeof(witness));
        if (strchr(witness, '?'))
                return;
        assert_int_equal(run(oracle, PHX_AUTOMATON_START, witness, strlen(witness)), state);
        assert_string_not_equal(witness, name);
}

static void assert_others(
                const struct oracle *oracle,
                const struct phx_policy_graph *graph,
                const char *name,
                bool passes_children) {
        phx_cleanup(phx_graph_set_done) struct phx_graph_set set = { 0 };
        struct set expected = others(oracle, PHX_AUTOMATON_START, name, passes_children, '&');
        size_t count = 0;

        assert_int_equal(phx_graph_set_init(graph, &set), 0);
        phx_graph_others(graph, PHX_AUTOMATON_START, name, passes_children, '&', &set);
        for (uint32_t i = 0; i < oracle->states; i++) {
                assert_int_equal(set.steps[i].is_in, expected.has[i]);
                count += expected.has[i];
                if (expected.has[i])
                        assert_example(oracle, &set, i, name);
        }
        assert_int_equal(set.count, count);
}

static void assert_graph(const struct oracle *oracle, bool is_of_files) {
        phx_cleanup(phx_policy_graph_freep) struct phx_policy_graph *graph = NULL;

        assert_int_equal(
                        phx_policy_graph_new(
                                        oracle->blob,
                                        oracle->size,
                                        &oracle->rules,
                                        is_of_files,
                                        &graph,
                                        NULL),
                        0);
        assert_searched(oracle, graph);
        assert_others(oracle, graph, "ab", false);
        assert_others(oracle, graph, "lxc-x", true);
}

/* --- the mounts --- */

static bool may_mount(
                const struct oracle *oracle,
                const struct set *targets,
                const char *prefix,
                const char *type) {
        const unsigned long others_flags = MS_REMOUNT | MS_BIND | MS_MOVE | MS_REC | MS_UNBINDABLE |
                                           MS_PRIVATE | MS_SLAVE | MS_SHARED;
        bool any[256], flags[256] = { false };
        struct set set = follow(oracle, targets, "", 1);

        all_bytes(any);
        for (unsigned bit = 0; bit < 32; bit++)
                flags[bit + 1] = !((others_flags >> bit) & 1);
        set = follow(oracle, &set, prefix, strlen(prefix));
        spread(oracle, any, &set);
        set = follow(oracle, &set, "", 1);
        set = follow(oracle, &set, type, strlen(type) + 1);
        spread(oracle, flags, &set);
        for (uint32_t i = 1; i < oracle->states; i++)
                if (set.has[i] && phx_permissions_of_other(
                                                  oracle->blob,
                                                  oracle->size,
                                                  &oracle->rules,
                                                  &oracle->automaton,
                                                  i)
                                                                  .allow &
                                                  PHX_QUERY_MOUNT_IT)
                        return true;
        return false;
}

static bool may_write(const struct oracle *files, const char *path) {
        uint32_t state = files->to ? run(files, files->rules.start, path, strlen(path)) : 0;

        return state != 0 && phx_permissions_of_file(
                                             files->blob,
                                             files->size,
                                             &files->rules,
                                             &files->automaton,
                                             state)
                                                             .allow &
                                             AA_MAY_WRITE;
}

/* The names of a sentence. */
struct told {
        struct phx_buffer words;
        size_t count;
};

static void tell(struct told *told, const char *name) {
        if (told->count++ < 3)
                assert_int_equal(
                                phx_buffer_addf(&told->words,
                                                "%s%s",
                                                told->count > 1 ? ", " : "",
                                                name),
                                0);
}

static void assert_told(
                const struct phx_lints *lints,
                enum phx_rule rule,
                struct told *told,
                const char *before) {
        const char *found = "";
        phx_autofree char *expected = NULL;

        for (size_t i = 0; i < lints->count; i++)
                if (lints->items[i].rule == rule)
                        found = lints->items[i].text;
        if (told->count > 3)
                assert_int_equal(
                                phx_buffer_addf(&told->words, " and %zu more", told->count - 3),
                                0);
        assert_int_equal(
                        phx_printf(&expected,
                                   "the container may mount %s (%s)",
                                   before,
                                   told->count > 0 ? told->words.data : ""),
                        0);
        if (told->count == 0)
                assert_string_equal(found, "");
        else
                assert_int_equal(strncmp(found, expected, strlen(expected)), 0);
        phx_buffer_done(&told->words);
}

static size_t assert_disks(
                const struct oracle *oracle,
                uint32_t start,
                const struct phx_lints *lints) {
        static const char *const types[] = {
                "ext4",  "ext3", "ext2",    "xfs", "btrfs",    "vfat",     "exfat",  "f2fs",
                "ntfs3", "ntfs", "iso9660", "udf", "squashfs", "reiserfs", "hfsplus"
        };
        struct told told = { .count = 0 };
        struct set targets = { { false } };
        bool any[256];

        all_bytes(any);
        targets.has[start] = true;
        spread(oracle, any, &targets);
        for (size_t i = 0; i < PHX_ELEMENTS(types); i++)
                if (may_mount(oracle, &targets, "/dev/", types[i]))
                        tell(&told, types[i]);
        assert_told(lints,
                    PHX_RULE_BLOCK_DEVICE_MOUNTS,
                    &told,
                    "file systems on the host's block devices");
        return told.count;
}

static size_t assert_kernel(
                const struct oracle *oracle,
                const struct oracle *files,
                uint32_t start,
                const struct phx_lints *lints) {
        static const char *const systems[][2] = {
                { "debugfs", "/sys/kernel/debug/" },
                { "tracefs", "/sys/kernel/tracing/" },
                { "securityfs", "/sys/kernel/security/" },
                { "configfs", "/sys/kernel/config/" },
                { "efivarfs", "/sys/firmware/efi/efivars/" },
                { "binfmt_misc", "/proc/sys/fs/binfmt_misc/" },
        };
        struct told told = { .count = 0 };

        for (size_t i = 0; i < PHX_ELEMENTS(systems); i++) {
                struct set targets = others(oracle, start, systems[i][1], false, 0);
                char file[NAME_LIMIT];
                bool may = may_mount(oracle, &targets, "", systems[i][0]);

                (void) snprintf(file, sizeof(file), "%sx", systems[i][1]);
                if (!may && may_write(files, file)) {
                        targets = (struct set){ { false } };
                        targets.has[run(oracle, start, systems[i][1], strlen(systems[i][1]))] =
                                        true;
                        targets.has[0] = false;
                        may = may_mount(oracle, &targets, "", systems[i][0]);
                }
                if (may)
                        tell(&told, systems[i][0]);
        }
        assert_told(lints,
                    PHX_RULE_KERNEL_MOUNTS,
                    &told,
                    "and write file systems that control the kernel");
        return told.count;
}

/* How many file systems may be mounted. */
static size_t compare(const char *blob, size_t size, struct phx_policy *policy) {
        const struct phx_closure closure = { 0 };
        const char text[] = "profile lxc-x {\n}\n";
        const struct phx_profile_source source = { "lxc-x", text, strlen(text), &closure, NULL };
        const struct phx_lint_subject subject = { &source, policy, blob, size };
        struct oracle others_oracle = { blob, size, .rules = policy->entries[0].others },
                      files = { blob, size, .rules = policy->entries[0].files };
        phx_cleanup(phx_lints_done) struct phx_lints lints = { 0 };
        static const char class[] = { PHX_QUERY_MOUNT };
        size_t count = 0;
        uint32_t start;

        oracle_init(&others_oracle);
        if (files.rules.size > 0)
                oracle_init(&files);
        assert_graph(&others_oracle, false);
        if (files.to)
                assert_graph(&files, true);
        assert_int_equal(phx_lint_profile(&subject, &lints, NULL), 0);
        start = run(&others_oracle, PHX_AUTOMATON_START, class, 1);
        if (start != 0) {
                count = assert_disks(&others_oracle, start, &lints);
                count += assert_kernel(&others_oracle, &files, start, &lints);
        }
        free(others_oracle.to);
        free(files.to);
        return count;
}

/* --- random automata --- */

static void add_number(struct phx_buffer *blob, uint32_t number, unsigned width) {
        for (unsigned i = width; i-- > 0;) {
                const uint8_t byte = (uint8_t) (number >> (i * 8));

                assert_int_equal(phx_buffer_add(blob, &byte, 1), 0);
        }
}

static void add_table(
                struct phx_buffer *blob,
                enum phx_automaton_table_id id,
                const uint32_t *numbers,
                uint32_t count,
                unsigned width) {
        add_number(blob, id, 2);
        add_number(blob, width, 2);
        add_number(blob, 0, 4);
        add_number(blob, count, 4);
        for (uint32_t i = 0; i < count; i++)
                add_number(blob, numbers[i], width);
        while (blob->size % 8 != 0)
                add_number(blob, 0, 1);
}

#define STATES 60
#define PLACES 2000

/* A state has some transitions of its own; the rest leads on, ends, or is that of another state,
 * in a circle too. Some lead to states that there are not. */
static void make_states(uint32_t *base, uint32_t *otherwise, uint32_t *check, uint32_t *next) {
        unsigned states = 3 + pick(STATES - 3), live = pick(100), own = pick(6);

        for (uint32_t i = 0; i < STATES; i++) {
                bool is_known = i > 0 && i < states;

                base[i] = pick(PLACES - 128);
                otherwise[i] = is_known && pick(100) < live ? pick(states) : 0;
                for (unsigned j = is_known ? pick(own + 1) : 0; j > 0; j--) {
                        static const char bytes[] = "/abdelnx-\0\0\7\1\2ext4debugfs";
                        uint32_t place = base[i] + (uint8_t) bytes[pick(sizeof(bytes))];

                        check[place] = i;
                        next[place] = pick(50) == 0 ? STATES + pick(9) : pick(states);
                }
                if (pick(4) == 0)
                        base[i] |= 0x80000000U;
        }
}

static void make_automaton(struct phx_buffer *blob) {
        static uint32_t base[STATES], otherwise[STATES], check[PLACES], next[PLACES],
                        accept[STATES], classes[256];
        unsigned width = pick(2) ? 2 : 4;

        memset(check, 0, sizeof(check));
        memset(next, 0, sizeof(next));
        make_states(base, otherwise, check, next);
        for (unsigned i = 0; i < STATES; i++)
                accept[i] = pick(8) == 0 ? 2U | pick(64) << 14 : 0;
        for (unsigned i = 0; i < 256; i++)
                classes[i] = pick(4) ? i : pick(128);
        add_number(blob, 0x1B5E783DU, 4);
        add_number(blob, 16, 4);
        add_number(blob, 0, 4);
        add_number(blob, 0, 4);
        add_table(blob, PHX_AUTOMATON_ACCEPT, accept, STATES, 4);
        add_table(blob, PHX_AUTOMATON_BASE, base, STATES, 4);
        add_table(blob, PHX_AUTOMATON_DEFAULT, otherwise, STATES, width);
        if (pick(2))
                add_table(blob, PHX_AUTOMATON_CLASSES, classes, 256, 1);
        add_table(blob, PHX_AUTOMATON_CHECK, check, PLACES, width);
        add_table(blob, PHX_AUTOMATON_NEXT, next, PLACES, width);
}

static void random_automata_are_searched_as_slowly(void **state) {
        size_t some = 0, none = 0;

        for (uint32_t i = 0; i < CASES; i++) {
                phx_cleanup(phx_buffer_done) struct phx_buffer blob = { 0 };
                char name[] = "lxc-x";
                struct phx_policy_entry entry = { .name = name, .mode = PHX_POLICY_ENFORCE };
                struct phx_policy policy = { .entries = &entry, .count = 1 };
                size_t half;

                seed = i;
                make_automaton(&blob);
                half = blob.size;
                make_automaton(&blob);
                entry.others = (struct phx_policy_rules){ 0, half, PHX_AUTOMATON_START, 0, 0 };
                entry.files = (struct phx_policy_rules){ half,
                                                         blob.size - half,
                                                         PHX_AUTOMATON_START,
                                                         0,
                                                         0 };
                if (compare(blob.data, blob.size, &policy) > 0)
                        some++;
                else
                        none++;
        }
        /* Otherwise nothing was compared. */
        assert_true(some > CASES / 20);
        assert_true(none > CASES / 20);
}

/* --- what is compiled --- */

static void compile(const char *file, struct phx_buffer *blob) {
        char command[2048], chunk[4096];
        size_t size;
        FILE *parser;

        (void) snprintf(command,
                        sizeof(command),
                        PHX_PARSER " --config-file=/dev/null -K -S -M %s/features "
                                   "-b /etc/apparmor.d -I %s %s",
                        tree_path(""),
                        getenv("PHX_SHIPPED"),
                        file);
        /* NOLINTNEXTLINE(cert-env33-c): the words are the test's own. */
        parser = popen(command, "re");
        assert_non_null(parser);
        while ((size = fread(chunk, 1, sizeof(chunk), parser)) > 0)
                assert_int_equal(phx_buffer_add(blob, chunk, size), 0);
        assert_int_equal(pclose(parser), 0);
}

static size_t compare_compiled(const char *file) {
        phx_cleanup(phx_buffer_done) struct phx_buffer blob = { 0 };
        phx_cleanup(phx_policy_done) struct phx_policy policy = { 0 };

        compile(file, &blob);
        assert_int_equal(phx_policy_parse(blob.data, blob.size, PHX_HASH_NONE, &policy, NULL), 0);
        return compare(blob.data, blob.size, &policy);
}

static int set_up(void **state) {
        (void) tree_new();
        tree_write("features", phx_offline_features);
        return 0;
}

static int tear_down(void **state) {
        tree_done();
        return 0;
}

static void shipped_profiles_are_searched_as_slowly(void **state) {
        static const char *const profiles[] = { "lxc-baseline",
                                                "lxc-gpu-docker-storage",
                                                "lxc-nesting-v1",
                                                "lxc-phoenix-v2" };
        char file[1024];

        for (size_t i = 0; i < PHX_ELEMENTS(profiles); i++) {
                (void) snprintf(file, sizeof(file), "%s/%s", getenv("PHX_SHIPPED"), profiles[i]);
                assert_int_equal(compare_compiled(file), 0);
        }
}

/* What one place allows is not what another one does, with the file system that is asked about
 * before it or after it. */
static void places_are_told_apart(void **state) {
        static const struct {
                const char *rules;
                size_t found;
        } cases[] = {
                { "mount,", 21 },
                { "mount fstype=(ext4, xfs) /dev/a -> /b/,", 2 },
                { "mount fstype=ext4 /data/a -> /b/, /** rw,", 0 },
                { "mount fstype=debugfs -> /sys/kernel/debug/,", 0 },
                { "mount fstype=debugfs -> /sys/kernel/debug/, /sys/kernel/debug/x w,", 1 },
                { "mount fstype=debugfs -> /sys/kernel/debug/, /sys/kernel/{debug,tracing}/x w,"
                  "mount fstype=tracefs -> /sys/kernel/tracing/,",
                  2 },
                { "mount fstype=debugfs -> /sys/kernel/debug/, /sys/kernel/debug/x w,"
                  "mount fstype=tracefs -> /sys/kernel/tracing/,",
                  1 },
                { "mount fstype=debugfs -> /sys/kernel/tracing/, /sys/** w,"
                  "mount fstype=tracefs /s/* -> /sys/kernel/debug/,",
                  2 },
                { "mount fstype=configfs /x -> /a/**, deny mount fstype=configfs -> /a/b/**,", 1 },
                { "change_profile -> lxc-x, change_profile -> lxc-xy, mount /y -> /z/,", 6 },
        };
        char text[512];

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                (void) snprintf(text, sizeof(text), "profile lxc-x {\n%s\n}\n", cases[i].rules);
                tree_write("lxc-x", text);
                assert_int_equal(compare_compiled(tree_path("lxc-x")), cases[i].found);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(random_automata_are_searched_as_slowly),
                cmocka_unit_test(shipped_profiles_are_searched_as_slowly),
                cmocka_unit_test(places_are_told_apart),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
