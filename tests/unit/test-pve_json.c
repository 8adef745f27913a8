/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "codec/pve_json.h"

static int parse_list(const char *text, struct phx_pve_guests *guests) {
        struct phx_error error = { 0 };

        return phx_pve_vmlist_parse("/etc/pve/.vmlist", text, strlen(text), guests, &error);
}

static void guests_come_in_the_order_of_their_ids(void **state) {
        phx_cleanup(phx_pve_guests_done) struct phx_pve_guests guests = { 0 };
        const struct phx_pve_guest *guest;

        assert_int_equal(
                        parse_list("{\n\"version\": 12,\n\"ids\": {\n"
                                   "\"1000\": { \"node\": \"b\", \"type\": \"lxc\", \"version\": 9 },\n"
                                   "\"101\": { \"node\": \"a\", \"type\": \"lxc\", \"version\": 4 },\n"
                                   "\"102\": { \"node\": \"a\", \"type\": \"qemu\", \"version\": 5 "
                                   "}}\n\n}\n",
                                   &guests),
                        0);
        assert_int_equal(guests.count, 3);
        assert_int_equal(guests.items[0].id, 101);
        assert_int_equal(guests.items[2].id, 1000);
        guest = phx_pve_guests_find(&guests, 1000);
        assert_non_null(guest);
        assert_string_equal(guest->node, "b");
        assert_int_equal(guest->version, 9);
        assert_true(guest->is_lxc);
        assert_false(phx_pve_guests_find(&guests, 102)->is_lxc);
        assert_null(phx_pve_guests_find(&guests, 103));
}

static void a_cluster_without_guests_has_no_ids(void **state) {
        struct phx_pve_guests guests = { 0 };

        assert_int_equal(parse_list("{\n\"version\": 1\n}\n", &guests), 0);
        assert_int_equal(guests.count, 0);
        assert_null(phx_pve_guests_find(&guests, 101));
        phx_pve_guests_done(&guests);
}

static void what_is_no_guest_is_passed_over(void **state) {
        phx_cleanup(phx_pve_guests_done) struct phx_pve_guests guests = { 0 };

        assert_int_equal(
                        parse_list("{\"ids\": {"
                                   "\"01\": {\"node\": \"a\", \"type\": \"lxc\", \"version\": 1},"
                                   "\"x\": {\"node\": \"a\", \"type\": \"lxc\", \"version\": 1},"
                                   "\"4294967296\": {\"node\": \"a\", \"type\": \"lxc\"},"
                                   "\"5\": {\"node\": \"a\"}, \"6\": {\"type\": \"lxc\"},"
                                   "\"7\": [], \"8\": null,"
                                   "\"9\": {\"node\": \"a\", \"type\": \"lxc\", \"version\": -1},"
                                   "\"10\": {\"node\": \"a\", \"type\": \"lxc\", \"version\": \"x\"}"
                                   "}}",
                                   &guests),
                        0);
        assert_int_equal(guests.count, 2);
        assert_int_equal(guests.items[0].id, 9);
        assert_int_equal(guests.items[0].version, 0);
        assert_int_equal(guests.items[1].id, 10);
}

static void half_a_list_is_refused(void **state) {
        struct phx_pve_guests guests = { 0 };

        assert_int_equal(parse_list("{\"version\": 1, \"ids\": {\"101\": {\"no", &guests), -EINVAL);
        assert_int_equal(parse_list("", &guests), -EINVAL);
        assert_int_equal(parse_list("[]", &guests), -EINVAL);
        assert_int_equal(guests.count, 0);
        assert_null(guests.items);
}

static void numbers_are_as_proxmox_writes_them(void **state) {
        static const struct {
                const char *text;
                uint32_t id; /* 0: none */
        } cases[] = {
                { "1", 1 },
                { "100", 100 },
                { "4294967295", UINT32_MAX },
                { "4294967296", 0 },
                { "99999999999", 0 },
                { "0", 0 },
                { "0100", 0 },
                { "", 0 },
                { "+1", 0 },
                { "-1", 0 },
                { " 1", 0 },
                { "1 ", 0 },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                uint32_t id = 0;
                bool is_id = phx_pve_parse_id(cases[i].text, strlen(cases[i].text), &id);

                assert_int_equal(is_id, cases[i].id > 0);
                assert_int_equal(id, cases[i].id);
        }
}

static void a_cluster_is_said_to_be_one(void **state) {
        static const char alone[] = "{ \"nodename\": \"pve1\", \"version\": 0 }";
        static const char one_of_two[] =
                        "{ \"nodename\": \"pve1\", \"version\": 4, \"cluster\": { \"name\": \"c\", "
                        "\"version\": 2, \"nodes\": 2, \"quorate\": 1 } }";
        bool is_cluster = true;

        assert_int_equal(phx_pve_members_parse("m", alone, strlen(alone), &is_cluster, NULL), 0);
        assert_false(is_cluster);
        assert_int_equal(
                        phx_pve_members_parse(
                                        "m",
                                        one_of_two,
                                        strlen(one_of_two),
                                        &is_cluster,
                                        NULL),
                        0);
        assert_true(is_cluster);
}

static void the_start_of_the_server_is_a_number(void **state) {
        static const char good[] = "{\"starttime\": 1764380000, \"vmlist\": 3}";
        static const char none[] = "{\"vmlist\": 3}";
        struct phx_error error = { 0 };
        uint64_t start = 0;

        assert_int_equal(phx_pve_version_parse("v", good, strlen(good), &start, NULL), 0);
        assert_int_equal(start, 1764380000);
        assert_int_equal(phx_pve_version_parse("v", none, strlen(none), &start, &error), -EINVAL);
        assert_string_equal(error.text, "v: starttime: expected a positive whole number");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(guests_come_in_the_order_of_their_ids),
                cmocka_unit_test(a_cluster_without_guests_has_no_ids),
                cmocka_unit_test(what_is_no_guest_is_passed_over),
                cmocka_unit_test(half_a_list_is_refused),
                cmocka_unit_test(numbers_are_as_proxmox_writes_them),
                cmocka_unit_test(a_cluster_is_said_to_be_one),
                cmocka_unit_test(the_start_of_the_server_is_a_number),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
