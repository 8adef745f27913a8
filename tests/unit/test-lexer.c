/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/macros.h"
#include "source/lexer.h"

static const char *const kinds[] = {
        [PHX_STATEMENT_RULE] = "rule",
        [PHX_STATEMENT_UNENDED] = "unended",
        [PHX_STATEMENT_ASSIGNMENT] = "assignment",
        [PHX_STATEMENT_INCLUDE] = "include",
        [PHX_STATEMENT_OPEN] = "open",
        [PHX_STATEMENT_CLOSE] = "close",
};

/* "KIND@LINE[WORD|WORD]", of an include the name. */
static void describe(const struct phx_lexed *lexed, struct phx_buffer *buffer) {
        const char *at = lexed->from, *end = at + lexed->length, *separator = "";
        struct phx_word word;

        assert_int_equal(
                        phx_buffer_addf(buffer,
                                        "%s%s@%u[",
                                        buffer->size > 0 ? " " : "",
                                        kinds[lexed->kind],
                                        lexed->line),
                        0);
        if (lexed->kind == PHX_STATEMENT_INCLUDE)
                assert_int_equal(
                                phx_buffer_add(buffer, lexed->include.from, lexed->include.length),
                                0);
        while (lexed->kind != PHX_STATEMENT_INCLUDE && phx_lexer_word(&at, end, &word)) {
                assert_int_equal(
                                phx_buffer_addf(buffer,
                                                "%s%.*s",
                                                separator,
                                                (int) word.length,
                                                word.from),
                                0);
                separator = "|";
        }
        assert_int_equal(phx_buffer_add_text(buffer, "]"), 0);
}

static void assert_statements(const char *text, const char *expected) {
        phx_cleanup(phx_buffer_done) struct phx_buffer found = { 0 };
        struct phx_lexer lexer = { text, text + strlen(text), 1 };
        struct phx_lexed lexed;

        assert_int_equal(phx_buffer_add_text(&found, ""), 0);
        while (phx_lexer_next(&lexer, &lexed))
                describe(&lexed, &found);
        assert_string_equal(found.data, expected);
}

static void statements_end_where_the_compiler_ends_them(void **state) {
        assert_statements("", "");
        assert_statements(" \t\r\n", "");
        assert_statements(
                        "abi <abi/3.0>,\nalias /a -> /b,",
                        "rule@1[abi|<abi/3.0>] rule@2[alias|/a|->|/b]");
        assert_statements("profile a {\n  /x r,\n}\n", "open@1[profile|a] rule@2[/x|r] close@3[]");
        assert_statements("/x r,\"/y\" r,#c\n/z r ,", "rule@1[/x|r] rule@1[\"/y\"|r] rule@2[/z|r]");
        assert_statements("a { /x r,}", "open@1[a] rule@1[/x|r] close@1[]");
        assert_statements("/x r", "unended@1[/x|r]");
        assert_statements("a {\n /x r\n}\n/y", "open@1[a] unended@2[/x|r] close@3[] unended@4[/y]");
        assert_statements("/a,b r, /c\\, d r,", "rule@1[/a,b|r] rule@1[/c\\,|d|r]");
        assert_statements(",, /x r, ,", "rule@1[/x|r]");
}

static void comments_begin_where_a_word_may(void **state) {
        assert_statements("# profile a {\n/x r, # }\n/y#z r,\n#c", "rule@2[/x|r] rule@3[/y#z|r]");
        assert_statements("/x # why,\n  r,", "rule@1[/x|r]");
        assert_statements("profile a # {\n{ }", "open@1[profile|a] close@2[]");
        assert_statements("# not continued \\\n/x r,", "rule@2[/x|r]");
        assert_statements("/x r, # \"\n/y r,", "rule@1[/x|r] rule@2[/y|r]");
}

static void strings_end_at_the_quote_that_the_compiler_takes(void **state) {
        assert_statements("\"/a b\" r,", "rule@1[\"/a b\"|r]");
        assert_statements("\"/a, # {\n\" r,\n/b r,", "rule@1[\"/a, # {\n\"|r] rule@3[/b|r]");
        assert_statements("\"/a\\\"b\" r, /c r,", "rule@1[\"/a\\\"b\"|r] rule@1[/c|r]");
        /* One that is behind two backslashes is passed over as well, where another follows. */
        assert_statements(
                        "\"/a\\\\\" r, # \" w,\n/b r,",
                        "rule@1[\"/a\\\\\" r, # \"|w] rule@2[/b|r]");
        assert_statements("\"/a\\\\\" r,\n/b r,", "rule@1[\"/a\\\\\"|r] rule@2[/b|r]");
        assert_statements("/x r, \"/a b,\n/c r,", "rule@1[/x|r] rule@1[\"/a b,|/c|r]");
        assert_statements("peer=(label=\"a, b\") r,", "rule@1[peer=(label=\"a, b\")|r]");
}

static void lists_are_one_piece(void **state) {
        assert_statements(
                        "mount options=(ro, bind) /a -> /b,",
                        "rule@1[mount|options=(ro, bind)|/a|->|/b]");
        assert_statements(
                        "profile a flags=(complain, audit){ }",
                        "open@1[profile|a|flags=(complain, audit)] close@1[]");
        assert_statements(
                        "signal (send,\n receive) peer=x,\n/y r,",
                        "rule@1[signal|(send,\n receive)|peer=x] rule@3[/y|r]");
        assert_statements("a ( b, c {", "rule@1[a|(|b] open@1[c]");
        assert_statements("a ((b, c), d", "rule@1[a|((b, c)] unended@1[d]");
}

static void braces_open_blocks_and_alternations(void **state) {
        assert_statements("/usr/{bin,sbin}/x { }", "open@1[/usr/{bin,sbin}/x] close@1[]");
        assert_statements("a { /dev/{k,}mem r,\n}", "open@1[a] rule@1[/dev/{k,}mem|r] close@2[]");
        assert_statements("mount {a,b} -> /c,", "rule@1[mount|{a,b}|->|/c]");
        assert_statements("audit deny mount {a,b} -> /c,", "rule@1[audit|deny|mount|{a,b}|->|/c]");
        assert_statements("/x px -> {b,c},\n/y r,", "rule@1[/x|px|->|{b,c}] rule@2[/y|r]");
        assert_statements("file {/a,/b} r,", "rule@1[file|{/a,/b}|r]");
        assert_statements("audit { /x r, }", "open@1[audit] rule@1[/x|r] close@1[]");
        assert_statements("{ } }", "open@1[] close@1[] close@1[]");
        assert_statements("} else {", "close@1[] open@1[else]");
        assert_statements("\"a\"{}", "open@1[\"a\"] close@1[]");
        assert_statements(
                        "@{exec} { @{HOME}/x r, }",
                        "open@1[@{exec}] rule@1[@{HOME}/x|r] close@1[]");
}

static void assignments_end_with_their_line(void **state) {
        assert_statements(
                        "@{X} = a b\n@{Y}+={c,d}\n$Z = true # {\n@W=e\n/x r,",
                        "assignment@1[@{X}|=|a|b] assignment@2[@{Y}+={c,d}] "
                        "assignment@3[$Z|=|true] assignment@4[@W=e] rule@5[/x|r]");
        assert_statements(
                        "@{X}=/a/ \\\n /b/\n/x r,",
                        "assignment@1[@{X}=/a/|\\\n|/b/] rule@3[/x|r]");
        assert_statements("@{X}=\"a\nb\"\n/x r,", "assignment@1[@{X}=\"a\nb\"] rule@3[/x|r]");
        assert_statements("@{X}/y r,", "rule@1[@{X}/y|r]");
        assert_statements("@ = b,", "rule@1[@|=|b]");
}

static void includes_have_names(void **state) {
        assert_statements(
                        "include <a/b>\n#include <c>\n#include<d> include if exists <e>",
                        "include@1[a/b] include@2[c] include@3[d] include@3[e]");
        assert_statements("include < a > include <\"b\">", "include@1[a] include@1[b]");
        assert_statements(
                        "include \"a b\" include /c include if exists d,\n/x r,",
                        "include@1[] include@1[] include@1[] rule@2[/x|r]");
        assert_statements("/x\n include <a>\n r,", "unended@1[/x] include@2[a] rule@3[r]");
        assert_statements("include <a\n/x r,", "include@1[] rule@2[/x|r]");
        assert_statements("/include <a>, includes r,", "rule@1[/include|<a>] rule@1[includes|r]");
        /* The compiler includes "d". */
        assert_statements("#included x,", "include@1[] rule@1[x]");
        assert_statements("include", "unended@1[include]");
}

static void the_line_of_a_word_is_counted_within_the_statement(void **state) {
        const char *text = "\nprofile\n\n  a {";
        struct phx_lexer lexer = { text, text + strlen(text), 1 };
        struct phx_lexed lexed;

        assert_true(phx_lexer_next(&lexer, &lexed));
        assert_int_equal(lexed.line, 2);
        assert_int_equal(phx_lexed_line_at(&lexed, strchr(text, 'a')), 4);
        assert_int_equal(lexer.line, 4);
        assert_false(phx_lexer_next(&lexer, &lexed));
}

/* Text of the characters that mean something, in any order, in memory of just its size. */
static void arbitrary_text_ends_and_is_read_within_its_bounds(void **state) {
        static const char alphabet[] = "{}{}()\"\"\\#,=@$^<> \t\n\nincludeifmount->\xff";
        uint32_t seed = 1;

        for (int round = 0; round < 20000; round++) {
                phx_autofree char *text = NULL;
                const char *last = NULL;
                struct phx_lexer lexer;
                struct phx_lexed lexed;
                unsigned lines = 1;
                size_t size;

                seed = seed * 1664525 + 1013904223;
                size = (seed >> 26) + 1;
                text = malloc(size);
                assert_non_null(text);
                for (size_t i = 0; i < size; i++) {
                        seed = seed * 1664525 + 1013904223;
                        text[i] = alphabet[(seed >> 16) % sizeof(alphabet)];
                        lines += text[i] == '\n';
                }
                lexer = (struct phx_lexer){ text, text + size, 1 };
                while (phx_lexer_next(&lexer, &lexed)) {
                        phx_cleanup(phx_buffer_done) struct phx_buffer buffer = { 0 };

                        assert_true(!last || lexed.from > last);
                        assert_true(lexed.from + lexed.length <= lexer.at);
                        assert_true(lexer.at <= text + size);
                        describe(&lexed, &buffer);
                        last = lexed.from;
                }
                assert_int_equal(lexer.line, lines);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(statements_end_where_the_compiler_ends_them),
                cmocka_unit_test(comments_begin_where_a_word_may),
                cmocka_unit_test(strings_end_at_the_quote_that_the_compiler_takes),
                cmocka_unit_test(lists_are_one_piece),
                cmocka_unit_test(braces_open_blocks_and_alternations),
                cmocka_unit_test(assignments_end_with_their_line),
                cmocka_unit_test(includes_have_names),
                cmocka_unit_test(the_line_of_a_word_is_counted_within_the_statement),
                cmocka_unit_test(arbitrary_text_ends_and_is_read_within_its_bounds),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
