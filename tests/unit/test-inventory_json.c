/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "codec/inventory_json.h"
#include "codec/json_text.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* Whatever ORDER, the same things. */
static void fill(struct phx_inventory *inventory, bool backwards) {
        static const char *const names[] = { "lxc-a", "lxc-b", "lxc-c" };
        phx_cleanup(phx_strings_done) struct phx_strings lines = { 0 };

        assert_int_equal(phx_strings_add(&lines, "lxc.mount.entry = /a \"b\\ é\" none bind"), 0);
        assert_int_equal(phx_strings_add(&lines, "lxc.apparmor.profile = lxc-a"), 0);
        assert_int_equal(phx_inventory_set_configuration(inventory, B), 1);
        for (size_t i = 0; i < PHX_ELEMENTS(names); i++) {
                const char *name = names[backwards ? PHX_ELEMENTS(names) - 1 - i : i];
                char path[64];

                (void) snprintf(path, sizeof(path), "/etc/apparmor.d/%s", name);
                assert_int_equal(phx_inventory_set_file(inventory, path, A), 1);
                assert_int_equal(phx_inventory_set_profile(inventory, name, A, i == 1 ? "" : B), 1);
                assert_int_equal(phx_inventory_set_container(inventory, name, &lines, NULL), 1);
        }
}

static char *render(const struct phx_inventory *inventory) {
        char *text = NULL;
        size_t size = 0;

        assert_int_equal(phx_inventory_render(inventory, &text, &size), 0);
        assert_int_equal(strlen(text), size);
        return text;
}

static void parse(const char *text, struct phx_inventory *inventory) {
        struct phx_error error = { 0 };
        int r;

        r = phx_inventory_parse("inventory.json", text, strlen(text), inventory, &error);
        assert_string_equal(error.text, "");
        assert_int_equal(r, 0);
}

static void what_is_rendered_is_read_back(void **state) {
        phx_cleanup(phx_inventory_done) struct phx_inventory inventory = { 0 }, again = { 0 };
        phx_autofree char *text = NULL, *twice = NULL;

        fill(&inventory, false);
        inventory.had_containers = true;
        text = render(&inventory);
        assert_non_null(strstr(text, ",\n  \"had_containers\": true\n}\n"));
        parse(text, &again);
        assert_true(again.had_containers);
        twice = render(&again);
        assert_string_equal(text, twice);

        assert_string_equal(again.configuration, B);
        assert_int_equal(again.file_count, 3);
        assert_string_equal(phx_inventory_file(&again, "/etc/apparmor.d/lxc-b")->digest, A);
        assert_string_equal(phx_inventory_profile(&again, "lxc-b")->key, "");
        assert_string_equal(phx_inventory_profile(&again, "lxc-c")->key, B);
        assert_string_equal(
                        phx_inventory_container(&again, "lxc-a")->lines.items[0],
                        "lxc.mount.entry = /a \"b\\ é\" none bind");
}

static void lines_that_only_read_as_ours_are_kept_apart(void **state) {
        phx_cleanup(phx_inventory_done) struct phx_inventory inventory = { 0 }, again = { 0 };
        phx_cleanup(phx_strings_done) struct phx_strings lines = { 0 }, foreign = { 0 };
        phx_autofree char *text = NULL;
        const struct phx_inventory_container *web;

        assert_int_equal(phx_strings_add(&lines, "lxc.a=1"), 0);
        assert_int_equal(phx_strings_add(&lines, "lxc.a=1"), 0);
        assert_int_equal(phx_strings_add(&foreign, "lxc.a=1"), 0);
        assert_int_equal(phx_inventory_set_container(&inventory, "web", &lines, &foreign), 1);
        assert_int_equal(phx_inventory_set_container(&inventory, "web", &lines, &foreign), 0);
        text = render(&inventory);
        assert_non_null(
                        strstr(text,
                               "\"web\": { \"lines\": [\"lxc.a=1\", \"lxc.a=1\"], "
                               "\"foreign\": [\"lxc.a=1\"] }"));
        assert_int_equal(phx_inventory_parse("f", text, strlen(text), &again, NULL), 0);
        web = phx_inventory_container(&again, "web");
        assert_int_equal(web->lines.count, 2);
        assert_int_equal(web->foreign.count, 1);
        assert_int_equal(phx_inventory_set_container(&again, "web", &lines, NULL), 1);
        assert_int_equal(phx_inventory_container(&again, "web")->foreign.count, 0);
}

static void the_text_does_not_depend_on_the_order_of_events(void **state) {
        phx_cleanup(phx_inventory_done) struct phx_inventory one = { 0 }, other = { 0 };
        phx_autofree char *text = NULL, *other_text = NULL;

        fill(&one, false);
        fill(&other, true);
        text = render(&one);
        other_text = render(&other);
        assert_string_equal(text, other_text);
}

static void the_text_is_one_entry_a_line(void **state) {
        phx_cleanup(phx_inventory_done) struct phx_inventory inventory = { 0 };
        phx_cleanup(phx_strings_done) struct phx_strings lines = { 0 };
        phx_autofree char *text = NULL;

        assert_int_equal(phx_strings_add(&lines, "lxc.mount.auto = sys"), 0);
        assert_int_equal(phx_inventory_set_file(&inventory, "/etc/apparmor.d/lxc-a", A), 1);
        assert_int_equal(phx_inventory_set_profile(&inventory, "lxc-a", A, B), 1);
        assert_int_equal(phx_inventory_set_container(&inventory, "web", &lines, NULL), 1);
        text = render(&inventory);
        assert_string_equal(
                        text,
                        "{\n"
                        "  \"version\": 1,\n"
                        "  \"configuration\": \"\",\n"
                        "  \"files\": {\n"
                        "    \"/etc/apparmor.d/lxc-a\": { \"digest\": \"" A "\" }\n"
                        "  },\n"
                        "  \"profiles\": {\n"
                        "    \"lxc-a\": { \"source\": \"" A "\", \"key\": \"" B "\" }\n"
                        "  },\n"
                        "  \"containers\": {\n"
                        "    \"web\": { \"lines\": [\"lxc.mount.auto = sys\"] }\n"
                        "  }\n"
                        "}\n");
}

/* Whatever JSON escapes, and what it does not; there are no control characters in a line. */
static void each_character_is_read_back(void **state) {
        static const struct {
                const char *line, *text;
        } escapes[] = {
                { "a \"b\" \\c/", "\"a \\\"b\\\" \\\\c/\"" },
                { "~ é", "\"~ é\"" },
        };

        for (char c = ' '; c <= '~'; c++) {
                phx_cleanup(phx_inventory_done) struct phx_inventory inventory = { 0 },
                                                                     again = { 0 };
                phx_cleanup(phx_strings_done) struct phx_strings lines = { 0 };
                phx_autofree char *text = NULL;

                assert_int_equal(phx_strings_addf(&lines, "a%cb", c), 0);
                assert_int_equal(phx_inventory_set_container(&inventory, "web", &lines, NULL), 1);
                text = render(&inventory);
                parse(text, &again);
                assert_true(phx_strings_equal(
                                &phx_inventory_container(&again, "web")->lines,
                                &lines));
        }
        for (size_t i = 0; i < PHX_ELEMENTS(escapes); i++) {
                phx_cleanup(phx_inventory_done) struct phx_inventory inventory = { 0 };
                phx_cleanup(phx_strings_done) struct phx_strings lines = { 0 };
                phx_autofree char *text = NULL;

                assert_int_equal(phx_strings_add(&lines, escapes[i].line), 0);
                assert_int_equal(phx_inventory_set_container(&inventory, "web", &lines, NULL), 1);
                text = render(&inventory);
                if (!strstr(text, escapes[i].text))
                        fail_msg("expected %s in %s", escapes[i].text, text);
        }
}

/* They are looked at eight at a time, and those that are left one by one. */
static void a_byte_is_plain_wherever_it_stands(void **state) {
        for (int byte = 1; byte < 256; byte++)
                for (size_t at = 0; at < 19; at++) {
                        char text[] = "aaaaaaaaaaaaaaaaaaa";
                        bool is_plain = byte >= ' ' && byte <= '~' && byte != '"' && byte != '\\';

                        text[at] = (char) byte;
                        assert_int_equal(phx_json_is_plain(text), is_plain);
                }
        assert_true(phx_json_is_plain(""));
}

static void an_empty_inventory_is_read_back(void **state) {
        phx_cleanup(phx_inventory_done) struct phx_inventory inventory = { 0 }, again = { 0 };
        phx_autofree char *text = render(&inventory);

        assert_string_equal(
                        text,
                        "{\n  \"version\": 1,\n  \"configuration\": \"\",\n  \"files\": {},\n"
                        "  \"profiles\": {},\n  \"containers\": {}\n}\n");
        parse(text, &again);
        assert_int_equal(again.file_count + again.profile_count + again.container_count, 0);
}

#define HEAD "{ \"version\": 1, \"configuration\": \"\", "
#define TAIL ", \"profiles\": {}, \"containers\": {} }"

static const struct {
        const char *text;
        const char *error;
} damages[] = {
        { "", "f: is empty" },
        { "[]", "f:1: found an array, expected an object" },
        { "{ \"version\": 1",
          "f:1: not valid JSON: found the end of the file, expected ',' or '}'" },
        { "{ \"configuration\": \"\" }",
          "f:1: version: expected version 1; another version of phoenixd may have written this "
          "file" },
        { "{\n\"version\": 2 }",
          "f:2: version: expected version 1; another version of phoenixd may have written this "
          "file" },
        { "{ \"version\": 1 }", "f:1: configuration: expected a SHA-256 digest" },
        { "{ \"version\": 1, \"configuration\": \"a\" }",
          "f:1: configuration: expected a SHA-256 digest" },
        { "{ \"version\": 1, \"configuration\": \"\" }", "f:1: files: expected an object" },
        { HEAD "\"files\": []" TAIL, "f:1: files: expected an object" },
        { HEAD "\"files\": {}" TAIL "}",
          "f:1: not valid JSON: found '}', expected nothing after the end of the value" },
        { HEAD "\"files\": {}, \"other\": 1" TAIL, "f:1: found an unknown key" },
        { HEAD "\"files\": {}, \"had_containers\": 1" TAIL, "f:1: had_containers: expected true" },
        { HEAD "\"files\": {}, \"had_containers\": true, \"other\": 1" TAIL,
          "f:1: found an unknown key" },
        { HEAD "\"files\": { \"/a\": \"" A "\" }" TAIL, "f:1: files./a: found a damaged entry" },
        { HEAD "\"files\": { \"/a\": {} }" TAIL, "f:1: files./a: found a damaged entry" },
        { HEAD "\"files\": { \"a\": { \"digest\": \"" A "\" } }" TAIL,
          "f:1: files.a: found a damaged entry" },
        { HEAD "\"files\": { \"/a\": { \"digest\": \"A\" } }" TAIL,
          "f:1: files./a: found a damaged entry" },
        { HEAD "\"files\": { \"/a\": { \"digest\": \"" A "\", \"x\": 1 } }" TAIL,
          "f:1: files./a: found a damaged entry" },
        { HEAD "\"files\": {}, \"profiles\": { \"lxc-a\": { \"source\": \"" A
               "\", \"x\": 1 } }, \"containers\": {} }",
          "f:1: profiles.lxc-a: found a damaged entry" },
        { HEAD "\"files\": {}, \"profiles\": {}, \"containers\": { \"../x\": { "
               "\"lines\": [ \"a\" ] } } }",
          "f:1: containers[\"../x\"]: found a damaged entry" },
        { HEAD "\"files\": {}, \"profiles\": {}, \"containers\": { \"x\": { "
               "\"lines\": [] } } }",
          "f:1: containers.x: found a damaged entry" },
        { HEAD "\"files\": {}, \"profiles\": {}, \"containers\": { \"x\": { "
               "\"lines\": [ 1 ] } } }",
          "f:1: containers.x: found a damaged entry" },
        { HEAD "\"files\": {}, \"profiles\": {}, \"containers\": { \"x\": { "
               "\"lines\": [ \"a\" ], \"foreign\": 1 } } }",
          "f:1: containers.x: found a damaged entry" },
        { HEAD "\"files\": {}, \"profiles\": {}, \"containers\": { \"x\": { "
               "\"lines\": [ \"a\\u0007\" ] } } }",
          "f:1: containers.x: found a damaged entry" },
        { HEAD "\"files\": { \"/a\": { \"digest\": \"" A A "\" } }" TAIL,
          "f:1: files./a: found a damaged entry" },
        { HEAD "\"files\": {}, \"files\": {}" TAIL,
          "f:1: files: duplicate key, first given in line 1" },
};

/* Bytes that are not UTF-8 stay what they are or are not written: with other bytes in their place a
 * line of ours would not be found again. */
static void what_json_cannot_hold_is_not_written(void **state) {
        phx_cleanup(phx_inventory_done) struct phx_inventory inventory = { 0 }, other = { 0 };
        phx_cleanup(phx_strings_done) struct phx_strings lines = { 0 };
        size_t size = 0;
        char *text = NULL;

        assert_int_equal(phx_strings_add(&lines, "lxc.uts.name = \xe4"), 0);
        assert_int_equal(phx_inventory_set_container(&inventory, "web", &lines, NULL), 1);
        assert_int_equal(phx_inventory_render(&inventory, &text, &size), -EILSEQ);
        assert_int_equal(phx_inventory_set_file(&other, "/a\xff", A), 1);
        assert_int_equal(phx_inventory_render(&other, &text, &size), -EILSEQ);
        assert_null(text);
}

static void damage_is_told_from_everything_else(void **state) {
        for (size_t i = 0; i < PHX_ELEMENTS(damages); i++) {
                struct phx_inventory inventory = { 0 };
                struct phx_error error = { 0 };
                int r;

                r = phx_inventory_parse(
                                "f",
                                damages[i].text,
                                strlen(damages[i].text),
                                &inventory,
                                &error);
                assert_string_equal(error.text, damages[i].error);
                assert_int_equal(r, -EBADMSG);
                assert_int_equal(error.code, -EBADMSG);
                assert_null(inventory.files);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_rendered_is_read_back),
                cmocka_unit_test(lines_that_only_read_as_ours_are_kept_apart),
                cmocka_unit_test(the_text_does_not_depend_on_the_order_of_events),
                cmocka_unit_test(the_text_is_one_entry_a_line),
                cmocka_unit_test(each_character_is_read_back),
                cmocka_unit_test(a_byte_is_plain_wherever_it_stands),
                cmocka_unit_test(an_empty_inventory_is_read_back),
                cmocka_unit_test(what_json_cannot_hold_is_not_written),
                cmocka_unit_test(damage_is_told_from_everything_else),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
