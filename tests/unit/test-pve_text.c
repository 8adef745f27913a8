/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "pve/text.h"
#include "pve_names.h"

/* One line of a text as "KIND:REASON KEY|VALUE". */
struct line_case {
        const char *line;
        const char *read;
};

static void assert_line(const struct line_case *c) {
        phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer read = { 0 };
        const struct phx_pve_line *line;

        assert_int_equal(phx_pve_text_parse(c->line, strlen(c->line), &text), 0);
        assert_int_equal(text.count, 1);
        line = &text.lines[0];
        assert_int_equal(
                        phx_buffer_addf(&read,
                                        "%s:%s %.*s|%.*s",
                                        pve_kind_word(line->kind),
                                        pve_drop_word(line->drop),
                                        (int) line->key_size,
                                        line->key ? line->key : "",
                                        (int) line->value_size,
                                        line->value ? line->value : ""),
                        0);
        assert_string_equal(read.data, c->read);
}

static void assert_lines(const struct line_case *cases, size_t count) {
        for (size_t i = 0; i < count; i++)
                assert_line(&cases[i]);
}

static void lines_are_read_by_proxmoxs_rules(void **state) {
        static const struct line_case cases[] = {
                { "lxc.apparmor.profile: a", "lxc:read lxc.apparmor.profile|a" },
                { "lxc.apparmor.profile:a\n", "lxc:read lxc.apparmor.profile|a" },
                { "lxc.apparmor.profile=a", "lxc:read lxc.apparmor.profile|a" },
                { "lxc.apparmor.profile \t = \ta \t\r\n", "lxc:read lxc.apparmor.profile|a" },
                { "lxc.apparmor.profile::ns:a", "lxc:read lxc.apparmor.profile|:ns:a" },
                { "lxc.apparmor.profile:", "lxc:read lxc.apparmor.profile|" },
                { "lxc.apparmor.profile = ", "lxc:read lxc.apparmor.profile|" },
                { "lxc.apparmor.profile: \"a\"", "lxc:read lxc.apparmor.profile|\"a\"" },
                { "lxc.apparmor.profile: a # b", "lxc:read lxc.apparmor.profile|a # b" },
                { "lxc.aa_profile: a", "lxc:read lxc.aa_profile|a" },
                { "lxc.net.0.hwaddr = 1", "lxc:read lxc.net.0.hwaddr|1" },
                { "memory: 512", "key:read memory|512" },
                { "net0:a b \r\n", "key:read net0|a b" },
                { "_x: 1", "dropped:unknown-key _x|1" },
                { "some_key12: 1", "key:read some_key12|1" },
                { "memory:  ", "key:read memory| " },
                { "memory: lots", "key:read memory|lots" },
                { "snapstate: delete", "key:read snapstate|delete" },
                { "no snapstate:prepare ", "key:read snapstate|prepare" },
                { "snapstate: soon", "key:read snapstate|soon" },
                { "description: a%0Ab", "description:read description|a%0Ab" },
                { "description: a snapstate: delete",
                  "description:read description|a snapstate: delete" },
                { "#a: b ", "note:read |a: b " },
                { " \t\r\f\v\n", "blank:read |" },
                { "\n", "blank:read |" },
        };

        assert_lines(cases, PHX_ELEMENTS(cases));
}

static void a_dropped_line_says_why_and_what_it_meant(void **state) {
        static const struct line_case cases[] = {
                { " lxc.apparmor.profile: a", "dropped:indented lxc.apparmor.profile|a" },
                { "\tLXC.apparmor.profile : a", "dropped:indented LXC.apparmor.profile|a" },
                { "lxc.apparmor.profile : a", "dropped:blank-before-colon lxc.apparmor.profile|a" },
                { "lxc.AppArmor.profile = a", "dropped:upper-case lxc.AppArmor.profile|a" },
                { "lxc.apparmor_profile: a", "dropped:unknown-key lxc.apparmor_profile|a" },
                { "lxc.rootfs.path: a", "dropped:generated-key lxc.rootfs.path|a" },
                { "lxc.rootfs.options=a", "dropped:generated-key lxc.rootfs.options|a" },
                { "\xef\xbb\xbflxc.apparmor.profile: a",
                  "dropped:utf8-mark lxc.apparmor.profile|a" },
                { "\xef\xbb\xbf[a1]", "dropped:utf8-mark |" },
                { " [a1]", "dropped:no-header |" },
                { "[a]", "dropped:no-header |" },
                { "[a.b]", "dropped:no-header |" },
                { "[1st]", "dropped:no-header |" },
                { "[a1] # x", "dropped:no-header |" },
                { "[pve:other]", "dropped:no-header |" },
                { "[a1", "dropped:no-header |" },
                { " # a", "dropped:indented-note |" },
                { "memory = 512", "dropped:equals-sign memory|512" },
                { "Memory: 512", "dropped:upper-case Memory|512" },
                { "memory:", "dropped:no-value memory|" },
                { "colour-name: red", "dropped:unknown-key colour-name|red" },
                { "a1b: 2", "dropped:unknown-key a1b|2" },
                { "this is no key", "dropped:no-key |" },
                { "lxc.apparmor.profile", "dropped:no-key |" },
                { "delete: mp0", "dropped:misplaced delete|mp0" },
                { "lxc: a", "dropped:reserved-key lxc|a" },
                { "digest: a", "dropped:reserved-key digest|a" },
        };

        assert_lines(cases, PHX_ELEMENTS(cases));
}

static void sections_begin_at_exact_headers(void **state) {
        static const char content[] = "a: 1\n"
                                      "[x]\n"
                                      "b: 1\n"
                                      "[PVE:Pending] \t\r\n"
                                      "delete: mp0\n"
                                      "[Ab]\n"
                                      "delete: mp0\n"
                                      "[pending]\n"
                                      "delete: mp0\n"
                                      "[pve:pending]\n"
                                      "[ab]\n"
                                      "[Ab]\n"
                                      "c: 1";
        static const struct {
                enum phx_pve_section_kind kind;
                const char *name;
                unsigned line;
                size_t count;
                bool is_overruled;
        } expected[] = {
                { PHX_PVE_MAIN, "", 0, 3, false },
                { PHX_PVE_PENDING, "", 4, 1, true },
                { PHX_PVE_SNAPSHOT, "Ab", 6, 1, true },
                { PHX_PVE_SNAPSHOT, "pending", 8, 1, false },
                { PHX_PVE_PENDING, "", 10, 0, false },
                { PHX_PVE_SNAPSHOT, "ab", 11, 0, false },
                { PHX_PVE_SNAPSHOT, "Ab", 12, 1, false },
        };
        phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 };

        assert_int_equal(phx_pve_text_parse(content, strlen(content), &text), 0);
        assert_int_equal(text.n_sections, PHX_ELEMENTS(expected));
        for (size_t i = 0; i < text.n_sections; i++) {
                const struct phx_pve_section *section = &text.sections[i];

                assert_int_equal(section->kind, expected[i].kind);
                assert_true(phx_pve_is(section->name, section->name_size, expected[i].name));
                assert_int_equal(section->line, expected[i].line);
                assert_int_equal(section->count, expected[i].count);
                assert_int_equal(section->is_overruled, expected[i].is_overruled);
        }
        assert_ptr_equal(phx_pve_text_pending(&text), &text.sections[4]);
        assert_int_equal(text.lines[4].kind, PHX_PVE_KEY);
        assert_int_equal(text.lines[6].drop, PHX_PVE_DROP_MISPLACED);
        assert_int_equal(text.lines[8].kind, PHX_PVE_KEY);
        assert_int_equal(text.lines[12].number, 13);
}

static void lines_are_numbered_by_line_feeds_alone(void **state) {
        static const char content[] = "a: 1\r\nb: 1\rc: 1\n\0\nd: 1";
        phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 };
        size_t size = 0;

        assert_int_equal(phx_pve_text_parse(content, sizeof(content) - 1, &text), 0);
        assert_int_equal(text.count, 4);
        for (size_t i = 0; i < text.count; i++) {
                assert_int_equal(text.lines[i].number, i + 1);
                assert_ptr_equal(text.lines[i].start, text.data + size);
                size += text.lines[i].size;
        }
        assert_int_equal(size, text.size);
        assert_int_equal(text.lines[1].value_size, strlen("1\rc: 1"));
        assert_int_equal(text.lines[2].drop, PHX_PVE_DROP_WORDS);
}

static void of_equal_ordinary_keys_the_last_counts(void **state) {
        static const char content[] = "lock: a\nlock: b\n[a1]\nlock: c\n";
        phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 };

        assert_int_equal(phx_pve_text_parse(content, strlen(content), &text), 0);
        assert_int_equal(phx_pve_text_key(&text, 0, "lock")->number, 2);
        assert_int_equal(phx_pve_text_key(&text, 1, "lock")->number, 4);
        assert_null(phx_pve_text_key(&text, 0, "loc"));
        assert_null(phx_pve_text_pending(&text));
}

/* Each of them overrules the one before. */
static void of_many_equal_sections_the_last_counts(void **state) {
        static const char header[] = "[ab]\n";
        const size_t count = 100000, size = count * strlen(header);
        phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 };
        phx_autofree char *data = malloc(size);

        assert_non_null(data);
        for (size_t i = 0; i < count; i++)
                memcpy(data + i * strlen(header), header, strlen(header));
        assert_int_equal(phx_pve_text_parse(data, size, &text), 0);
        assert_int_equal(text.n_sections, count + 1);
        assert_true(text.sections[count - 1].is_overruled);
        assert_false(text.sections[count].is_overruled);
        assert_false(text.sections[0].is_overruled);
}

static void an_empty_file_has_a_main_section(void **state) {
        phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 };

        assert_int_equal(phx_pve_text_parse(NULL, 0, &text), 0);
        assert_int_equal(text.count, 0);
        assert_int_equal(text.n_sections, 1);
        assert_string_equal(text.digest, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
}

static void yes_is_what_proxmox_takes_for_it(void **state) {
        static const char *const yes[] = { "1", "yes", "On", "TRUE", "maybe", "00", "2" };
        static const char *const no[] = { "0", "no", "OFF", "False", "" };

        for (size_t i = 0; i < PHX_ELEMENTS(yes); i++)
                assert_true(phx_pve_is_yes(yes[i], strlen(yes[i])));
        for (size_t i = 0; i < PHX_ELEMENTS(no); i++)
                assert_false(phx_pve_is_yes(no[i], strlen(no[i])));
}

static void what_a_dropped_line_meant_has_no_case(void **state) {
        static const char content[] = " LXC.AppArmor.Profile: a\nlxc.apparmor.profile: b\n"
                                      "pending: x\ndigest: x\n";
        phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 };

        assert_int_equal(phx_pve_text_parse(content, strlen(content), &text), 0);
        assert_true(phx_pve_line_meant(&text.lines[0], PHX_PVE_KEY_PROFILE));
        assert_false(phx_pve_line_sets(&text.lines[0], PHX_PVE_KEY_PROFILE));
        assert_false(phx_pve_line_meant(&text.lines[1], PHX_PVE_KEY_PROFILE));
        assert_true(phx_pve_line_sets(&text.lines[1], PHX_PVE_KEY_PROFILE));
        assert_ptr_equal(phx_pve_text_fatal(&text), &text.lines[2]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(lines_are_read_by_proxmoxs_rules),
                cmocka_unit_test(a_dropped_line_says_why_and_what_it_meant),
                cmocka_unit_test(sections_begin_at_exact_headers),
                cmocka_unit_test(lines_are_numbered_by_line_feeds_alone),
                cmocka_unit_test(of_equal_ordinary_keys_the_last_counts),
                cmocka_unit_test(of_many_equal_sections_the_last_counts),
                cmocka_unit_test(an_empty_file_has_a_main_section),
                cmocka_unit_test(yes_is_what_proxmox_takes_for_it),
                cmocka_unit_test(what_a_dropped_line_meant_has_no_case),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
