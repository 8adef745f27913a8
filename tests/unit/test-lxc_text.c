/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lxc/text.h"

/* Items in one string, a semicolon between each two. */
static void add_items(struct phx_strings *items, const char *text) {
        phx_autofree char *copy = strdup(text ? text : "");
        char *rest = copy, *item;

        while ((item = strsep(&rest, ";")))
                if (item[0])
                        assert_int_equal(phx_strings_add(items, item), 0);
}

static struct phx_lxc_edit edit_of(const char *tail, const char *removed, const char *profile) {
        struct phx_lxc_edit edit = { .profile = profile };

        add_items(&edit.tail, tail);
        add_items(&edit.removed, removed);
        return edit;
}

struct edit_case {
        const char *before;
        const char *after;
        const char *profile;
        const char *tail;
        const char *removed;
};

/* What was written can be found and written again: nothing changes then. */
static void assert_edit(const struct edit_case *c) {
        phx_cleanup(phx_lxc_edit_done) struct phx_lxc_edit edit =
                        edit_of(c->tail, c->removed, c->profile);
        phx_cleanup(phx_lxc_edit_done) struct phx_lxc_edit once_more =
                        edit_of(c->tail, c->tail, c->profile);
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 }, again = { 0 };
        struct phx_error error = { 0 };
        int r;

        r = phx_lxc_text_edit(c->before, strlen(c->before), &edit, &text, &error);
        assert_string_equal(error.text, "");
        assert_string_equal(text.data ? text.data : "", c->after);
        assert_int_equal(r, strcmp(c->before, c->after) != 0);

        assert_int_equal(phx_lxc_text_edit(text.data, text.size, &once_more, &again, NULL), 0);
}

static void assert_edits(const struct edit_case *cases, size_t count) {
        for (size_t i = 0; i < count; i++)
                assert_edit(&cases[i]);
}

static void a_right_profile_line_stays_as_it_is(void **state) {
        static const struct edit_case cases[] = {
                { "# one\n\t lxc.apparmor.profile=lxc-a \r\nlxc.uts.name = x",
                  "# one\n\t lxc.apparmor.profile=lxc-a \r\nlxc.uts.name = x",
                  "lxc-a" },
                { "lxc.apparmor.profile = 'lxc-a'", "lxc.apparmor.profile = 'lxc-a'", "lxc-a" },
                { "lxc.apparmor.profile = b\n#lxc.include = /n.conf\n",
                  "lxc.apparmor.profile = b\n#lxc.include = /n.conf\n",
                  "b" },
                /* Left alone. */
                { "lxc.apparmor.profile = b\n\n\n lxc.include=/x",
                  "lxc.apparmor.profile = b\n\n\n lxc.include=/x" },
        };

        assert_edits(cases, PHX_ELEMENTS(cases));
}

static void a_wrong_profile_line_gives_way_to_one_at_the_end(void **state) {
        static const struct edit_case cases[] = {
                { "", "lxc.apparmor.profile = lxc-a\n", "lxc-a" },
                { "lxc.uts.name = x", "lxc.uts.name = x\nlxc.apparmor.profile = lxc-a\n", "lxc-a" },
                { "lxc.apparmor.profile = b\nlxc.uts.name = x\n",
                  "lxc.uts.name = x\nlxc.apparmor.profile = lxc-a\n",
                  "lxc-a" },
                { "lxc.apparmor.profile = lxc-a\nlxc.apparmor.profile = lxc-a\n",
                  "lxc.apparmor.profile = lxc-a\n",
                  "lxc-a" },
                { "lxc.apparmor.profile = lxc-a\n  lxc.apparmor.profile =\n",
                  "lxc.apparmor.profile = lxc-a\n",
                  "lxc-a" },
                /* No comment stands behind a value. */
                { "lxc.apparmor.profile = b # unconfined\n",
                  "lxc.apparmor.profile = unconfined\n",
                  "unconfined" },
                /* Before an include it counts for nothing. */
                { "lxc.apparmor.profile = lxc-a\nlxc.include = /n.conf\n",
                  "lxc.include = /n.conf\nlxc.apparmor.profile = lxc-a\n",
                  "lxc-a" },
        };

        assert_edits(cases, PHX_ELEMENTS(cases));
}

static void what_liblxc_passes_over_is_not_ours(void **state) {
        static const struct edit_case c = {
                "#lxc.apparmor.profile = b\nx lxc.apparmor.profile = c\n"
                "lxc.apparmor.profilex = d\n",
                "#lxc.apparmor.profile = b\nx lxc.apparmor.profile = c\n"
                "lxc.apparmor.profilex = d\nlxc.apparmor.profile = lxc-a\n",
                "lxc-a"
        };

        assert_edit(&c);
}

/* An editor shows one line, or a comment; liblxc reads two lines. */
static void a_carriage_return_ends_a_line(void **state) {
        static const struct edit_case cases[] = {
                { "# note\rlxc.apparmor.profile = unconfined\n",
                  "# note\r\nlxc.apparmor.profile = lxc-a\n",
                  "lxc-a" },
                { "lxc.apparmor.profile = lxc-a\n#\rlxc.include = /n\n",
                  "#\rlxc.include = /n\nlxc.apparmor.profile = lxc-a\n",
                  "lxc-a" },
                { "lxc.uts.name = x\r", "lxc.uts.name = x\r\nlxc.a = 1\n", NULL, "lxc.a=1" },
        };

        assert_edits(cases, PHX_ELEMENTS(cases));
}

static void the_tail_stands_behind_all_other_lines(void **state) {
        static const struct edit_case cases[] = {
                { "lxc.uts.name = x\n",
                  "lxc.uts.name = x\nlxc.a = 1\nlxc.b = 2\nlxc.a = 1\n",
                  NULL,
                  "lxc.a=1;lxc.b = 2;lxc.a= 1" },
                /* What is there is not ours, however it reads. */
                { "lxc.a=1\nlxc.a = 1\nlxc.a = 3\n",
                  "lxc.a=1\nlxc.a = 1\nlxc.a = 3\nlxc.a = 1\n",
                  NULL,
                  "lxc.a=1" },
                { "", "lxc.a = \" x \"\n", NULL, "lxc.a=\" x \"" },
                { "", "lxc.a = \n", NULL, "lxc.a=" },
                /* The profile has its own say. */
                { "lxc.apparmor.profile = b\n",
                  "lxc.apparmor.profile = b\n",
                  NULL,
                  "lxc.apparmor.profile=c",
                  "lxc.apparmor.profile=b" },
        };

        assert_edits(cases, PHX_ELEMENTS(cases));
}

static void the_profile_stands_behind_the_tail_where_it_can(void **state) {
        static const struct edit_case cases[] = {
                { "lxc.apparmor.profile = lxc-a\n# tail",
                  "lxc.a = 1\nlxc.apparmor.profile = lxc-a\n# tail",
                  "lxc-a",
                  "lxc.a=1" },
                { "lxc.apparmor.profile=lxc-a\nlxc.b = 1\n",
                  "lxc.apparmor.profile=lxc-a\nlxc.b = 1\nlxc.a = 1\n",
                  "lxc-a",
                  "lxc.a=1" },
                { "lxc.uts.name = x",
                  "lxc.uts.name = x\nlxc.a = 1\nlxc.include = /n\nlxc.apparmor.profile = lxc-a\n",
                  "lxc-a",
                  "lxc.a=1;lxc.include=/n" },
                { "lxc.apparmor.profile = b\n",
                  "lxc.include = /n\nlxc.apparmor.profile = b\n",
                  NULL,
                  "lxc.include=/n" },
                /* An include may set another one. */
                { "lxc.apparmor.profile = lxc-a\nlxc.b = 1\n",
                  "lxc.b = 1\nlxc.include = /n\nlxc.apparmor.profile = lxc-a\n",
                  "lxc-a",
                  "lxc.include=/n" },
                { "lxc.apparmor.profile = lxc-a\nlxc.include = /n\n",
                  "lxc.include = /n\nlxc.a = 1\nlxc.apparmor.profile = lxc-a\n",
                  "lxc-a",
                  "lxc.a=1" },
        };

        assert_edits(cases, PHX_ELEMENTS(cases));
}

/* The last ones that read so, as they were written last. */
static void what_is_removed_is_ours_and_nothing_else(void **state) {
        static const struct edit_case cases[] = {
                { "lxc.a=1\r\nlxc.a = 1\nlxc.a=2\r\nlxc.a = 1\r\n lxc.a = 1",
                  "lxc.a=1\r\nlxc.a = 1\nlxc.a=2\r\n lxc.a = 1",
                  NULL,
                  NULL,
                  "lxc.a=1" },
                { "lxc.a = 1\nlxc.a = 1\nlxc.a = 1\n",
                  "lxc.a = 1\n",
                  NULL,
                  NULL,
                  "lxc.a=1;lxc.a=1" },
                { "#lxc.a = 1\nlxc.ab = 1\n", "#lxc.a = 1\nlxc.ab = 1\n", NULL, NULL, "lxc.a=1" },
                /* Only moved. */
                { "lxc.a = 1\nlxc.b = 1\n", "lxc.b = 1\nlxc.a = 1\n", NULL, "lxc.a=1", "lxc.a=1" },
                /* A removed include no longer stands behind the profile. */
                { "lxc.apparmor.profile = lxc-a\nlxc.include = /n\n",
                  "lxc.apparmor.profile = lxc-a\n",
                  "lxc-a",
                  NULL,
                  "lxc.include=/n" },
        };

        assert_edits(cases, PHX_ELEMENTS(cases));
}

static void copies_are_lines_that_read_as_we_write_them(void **state) {
        static const char text[] = "lxc.a = 1\n lxc.a = 1\nlxc.a=1\nlxc.a = 1\r\nlxc.a = 12";

        assert_int_equal(phx_lxc_text_copies(text, strlen(text), "lxc.a=1"), 2);
        assert_int_equal(phx_lxc_text_copies(text, strlen(text), "lxc.a= 12"), 1);
        assert_int_equal(phx_lxc_text_copies(text, strlen(text), "lxc.b=1"), 0);
        assert_int_equal(phx_lxc_text_copies(text, strlen(text), "no line"), 0);
}

static void assert_refused(
                const char *text,
                size_t size,
                struct phx_lxc_edit wanted,
                const char *expected) {
        phx_cleanup(phx_lxc_edit_done) struct phx_lxc_edit edit = wanted;
        phx_cleanup(phx_buffer_done) struct phx_buffer result = { 0 };
        struct phx_error error = { 0 };

        assert_int_equal(phx_lxc_text_edit(text, size, &edit, &result, &error), -EINVAL);
        assert_string_equal(error.text, expected);
        assert_null(result.data);
}

static void what_is_not_one_line_is_refused(void **state) {
        assert_refused("",
                       0,
                       edit_of("lxc.a=1\nlxc.b=2", "", NULL),
                       "'lxc.a=1\\u000alxc.b=2': expected one line of the form lxc.KEY=VALUE");
        assert_refused("",
                       0,
                       edit_of("#lxc.a=1", "", NULL),
                       "'#lxc.a=1': expected one line of the form lxc.KEY=VALUE");
        assert_refused("",
                       0,
                       edit_of("", "lxc.a", NULL),
                       "'lxc.a': expected one line of the form lxc.KEY=VALUE");
        assert_refused("",
                       0,
                       edit_of("", "", "a\nlxc.hook.start = /x"),
                       "'a\\u000alxc.hook.start = /x': expected the name of a profile");
        assert_refused("", 0, edit_of("", "", ""), "'': expected the name of a profile");
        assert_refused("", 0, edit_of("", "", " a"), "' a': expected the name of a profile");
        assert_refused("", 0, edit_of("", "", "'a'"), "''a'': expected the name of a profile");
        assert_refused("a\0b",
                       3,
                       edit_of("", "", "a"),
                       "line 1, column 2: found a NUL byte, where liblxc stops reading");
}

static void includes_are_listed_in_their_order(void **state) {
        static const char text[] = "lxc.include = /b\n# lxc.include = /c\n lxc.include='/a b'\n"
                                   "lxc.include =\nlxc.includes = /d";
        phx_cleanup(phx_strings_done) struct phx_strings includes = { 0 };

        assert_int_equal(
                        phx_lxc_text_values(text, strlen(text), PHX_LXC_KEY_INCLUDE, &includes),
                        0);
        assert_int_equal(includes.count, 2);
        assert_string_equal(includes.items[0], "/b");
        assert_string_equal(includes.items[1], "/a b");
}

/* Pseudo-random texts of pieces that matter to the rules; the seed makes failures repeatable. */

static uint32_t random_next(uint32_t *seed) {
        *seed = *seed * 1664525 + 1013904223;
        return *seed >> 8;
}

static void add_random_text(struct phx_buffer *text, uint32_t *seed) {
        static const char *const pieces[] = {
                "lxc.apparmor.profile = lxc-a",
                "lxc.apparmor.profile=lxc-b",
                "lxc.apparmor.profile =",
                "  lxc.apparmor.profile\t= 'lxc-a' ",
                "#lxc.apparmor.profile = lxc-a",
                "lxc.include = /n",
                "\tlxc.include=/usr/share/x.conf",
                "lxc.a = 1",
                "lxc.a=2",
                "lxc.b='1'",
                "lxc.old = x",
                "",
                "no option",
                "lxc.nothing",
                "# comment",
        };
        static const char *const ends[] = { "\n", "\n", "\n", "\r\n", "\n\n", "\r" };

        for (uint32_t n = random_next(seed) % 12; n > 0; n--) {
                const char *piece = pieces[random_next(seed) % PHX_ELEMENTS(pieces)];
                const char *end = ends[random_next(seed) % PHX_ELEMENTS(ends)];

                assert_int_equal(phx_buffer_addf(text, "%s%s", piece, end), 0);
        }
        if (random_next(seed) % 2)
                assert_int_equal(phx_buffer_add_text(text, "lxc.last = 1"), 0);
}

/* All but the profile's lines and blank ones: a line feed may come to a line before a new one, and
 * a carriage return may meet one. */
static void add_foreign(
                struct phx_buffer *foreign,
                const struct phx_buffer *text,
                bool with_comments) {
        struct phx_lxc_line line;
        size_t offset = 0;

        while (phx_lxc_text_next(text->data, text->size, &offset, &line)) {
                if (phx_lxc_line_is(&line, PHX_LXC_KEY_PROFILE) || (!with_comments && !line.key))
                        continue;
                while (line.size > 0 && strchr("\r\n", line.start[line.size - 1]))
                        line.size--;
                if (line.size == 0)
                        continue;
                assert_int_equal(
                                phx_buffer_addf(foreign, "%.*s\n", (int) line.size, line.start),
                                0);
        }
}

static void assert_profile_is_last_word(const char *text, size_t size, const char *profile) {
        struct phx_lxc_line line;
        size_t offset = 0;
        unsigned count = 0;

        while (phx_lxc_text_next(text, size, &offset, &line)) {
                if (phx_lxc_line_is(&line, PHX_LXC_KEY_INCLUDE))
                        assert_int_equal(count, 0);
                if (!phx_lxc_line_is(&line, PHX_LXC_KEY_PROFILE))
                        continue;
                count++;
                assert_int_equal(line.value_size, strlen(profile));
                assert_memory_equal(line.value, profile, line.value_size);
        }
        assert_int_equal(count, 1);
}

/* All of TEXT, and behind it the tail. */
static void assert_kept_and_followed(
                const struct phx_buffer *before,
                const struct phx_buffer *after,
                const struct phx_strings *tail) {
        const char *rest = after->data ? after->data + before->size : "";

        assert_true(after->size >= before->size);
        if (before->size > 0)
                assert_memory_equal(before->data, after->data, before->size);
        for (size_t i = 0; i < tail->count; i++) {
                size_t length = strcspn(tail->items[i], "=");

                assert_memory_equal(rest, tail->items[i], length);
                assert_memory_equal(rest + length, " = ", 3);
                rest = strchr(rest, '\n') + 1;
        }
        assert_string_equal(rest, "");
}

static void assert_properties(uint32_t seed) {
        const char *tail = seed % 2 ? "lxc.a=1;lxc.include=/n;lxc.b=1" : "lxc.b=1";
        phx_cleanup(phx_lxc_edit_done) struct phx_lxc_edit edit = edit_of(tail, NULL, "lxc-a");
        phx_cleanup(phx_lxc_edit_done) struct phx_lxc_edit ours = edit_of(tail, tail, "lxc-a");
        phx_cleanup(phx_lxc_edit_done) struct phx_lxc_edit gone = edit_of(NULL, tail, "lxc-a");
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 }, once = { 0 }, twice = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer back = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer before = { 0 }, after = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer begin = { 0 }, end = { 0 };

        add_random_text(&text, &seed);
        assert_true(phx_lxc_text_edit(text.data, text.size, &edit, &once, NULL) >= 0);
        assert_int_equal(phx_lxc_text_edit(once.data, once.size, &ours, &twice, NULL), 0);
        assert_true(phx_lxc_text_edit(once.data, once.size, &gone, &back, NULL) > 0);
        assert_profile_is_last_word(once.data, once.size, "lxc-a");

        /* Comments may come behind the tail. */
        add_foreign(&before, &text, false);
        add_foreign(&after, &once, false);
        assert_kept_and_followed(&before, &after, &edit.tail);
        add_foreign(&begin, &text, true);
        add_foreign(&end, &back, true);
        assert_kept_and_followed(&begin, &end, &(struct phx_strings){ 0 });
}

static void an_edit_of_an_edit_changes_nothing_and_foreign_lines_stay(void **state) {
        for (uint32_t seed = 0; seed < 20000; seed++)
                assert_properties(seed);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_right_profile_line_stays_as_it_is),
                cmocka_unit_test(a_wrong_profile_line_gives_way_to_one_at_the_end),
                cmocka_unit_test(what_liblxc_passes_over_is_not_ours),
                cmocka_unit_test(a_carriage_return_ends_a_line),
                cmocka_unit_test(the_tail_stands_behind_all_other_lines),
                cmocka_unit_test(the_profile_stands_behind_the_tail_where_it_can),
                cmocka_unit_test(what_is_removed_is_ours_and_nothing_else),
                cmocka_unit_test(copies_are_lines_that_read_as_we_write_them),
                cmocka_unit_test(what_is_not_one_line_is_refused),
                cmocka_unit_test(includes_are_listed_in_their_order),
                cmocka_unit_test(an_edit_of_an_edit_changes_nothing_and_foreign_lines_stay),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
