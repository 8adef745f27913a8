/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "base/seal.h"
#include "state/gate.h"

#define ONE "1111111111111111111111111111111111111111"

static void make(struct phx_gate *gate) {
        struct phx_gate_container *container;

        gate->level = PHX_BOOT_GATE_WARN;
        assert_int_equal(phx_replace(&gate->lxc_path, "/srv/lxc path"), 0);
        assert_int_equal(
                        phx_kernel_entries_add(&gate->policies, "lxc-web", PHX_POLICY_ENFORCE, ONE),
                        0);
        assert_int_equal(
                        phx_kernel_entries_add(
                                        &gate->policies,
                                        "lxc-web//a child",
                                        PHX_POLICY_COMPLAIN,
                                        NULL),
                        0);
        container = phx_gate_add_container(gate, "web");
        assert_non_null(container);
        assert_int_equal(phx_replace(&container->id, "910"), 0);
        assert_int_equal(phx_strings_add(&container->labels, "lxc-web"), 0);
        assert_int_equal(phx_strings_add(&container->labels, "lxc-old//&:lxc-1:unconfined"), 0);
        container->suspended_until = UINT64_MAX;
        container->running_since = 8144;
        assert_int_equal(phx_replace(&container->running, "lxc-old (enforce)"), 0);
        assert_int_equal(phx_replace(&gate->boot, "2f0c"), 0);
        assert_int_equal(phx_replace(&gate->pve_path, "/pve"), 0);
        assert_non_null(phx_gate_add_container(gate, "db"));
}

static void what_was_written_is_read(void **state) {
        phx_cleanup(phx_buffer_done) struct phx_buffer file = { 0 }, again = { 0 };
        phx_cleanup(phx_gate_done) struct phx_gate gate = { 0 }, read = { 0 };
        const struct phx_gate_container *web;

        make(&gate);
        assert_int_equal(phx_gate_render(&gate, &file), 0);
        assert_int_equal(phx_gate_parse(file.data, file.size, &read), 0);
        assert_int_equal(read.level, PHX_BOOT_GATE_WARN);
        assert_string_equal(read.lxc_path, "/srv/lxc path");
        assert_int_equal(read.policies.count, 2);
        assert_int_equal(read.policies.items[1].mode, PHX_POLICY_COMPLAIN);
        assert_null(read.policies.items[1].hash);
        web = phx_gate_find_container(&read, "web");
        assert_non_null(web);
        assert_string_equal(web->id, "910");
        assert_int_equal(web->labels.count, 2);
        assert_true(web->suspended_until == UINT64_MAX);
        assert_string_equal(web->running, "lxc-old (enforce)");
        assert_int_equal(web->running_since, 8144);
        assert_string_equal(read.boot, "2f0c");
        assert_string_equal(read.pve_path, "/pve");
        assert_null(phx_gate_find_container(&read, "910"));
        assert_int_equal(phx_gate_find_container(&read, "db")->labels.count, 0);
        assert_int_equal(phx_gate_render(&read, &again), 0);
        assert_string_equal(again.data, file.data);
}

static void names_with_a_line_end_are_left_out(void **state) {
        phx_cleanup(phx_buffer_done) struct phx_buffer file = { 0 };
        phx_cleanup(phx_gate_done) struct phx_gate gate = { 0 }, read = { 0 };
        struct phx_gate_container *container;

        assert_int_equal(phx_replace(&gate.lxc_path, "/lxc"), 0);
        container = phx_gate_add_container(&gate, "a\ngate off");
        assert_int_equal(phx_strings_add(&container->labels, "lxc-a"), 0);
        container = phx_gate_add_container(&gate, "b");
        assert_int_equal(phx_strings_add(&container->labels, "lxc-b\nlabel lxc-c"), 0);
        assert_int_equal(
                        phx_kernel_entries_add(&gate.policies, "x\ny", PHX_POLICY_ENFORCE, ONE),
                        0);
        assert_int_equal(phx_gate_render(&gate, &file), 0);
        assert_int_equal(phx_gate_parse(file.data, file.size, &read), 0);
        assert_int_equal(read.level, PHX_BOOT_GATE_REFUSE);
        assert_int_equal(read.container_count, 1);
        assert_int_equal(read.containers[0].labels.count, 0);
        assert_int_equal(read.policies.count, 0);
}

/* A file that begins well, however it ends, or has one other byte. */
static void a_damaged_file_is_none(void **state) {
        phx_cleanup(phx_buffer_done) struct phx_buffer file = { 0 };
        phx_cleanup(phx_gate_done) struct phx_gate gate = { 0 };

        make(&gate);
        assert_int_equal(phx_gate_render(&gate, &file), 0);
        for (size_t i = 0; i < file.size; i++) {
                struct phx_gate read = { 0 };

                assert_int_equal(phx_gate_parse(file.data, i, &read), -EBADMSG);
                file.data[i] ^= 1;
                assert_int_equal(phx_gate_parse(file.data, file.size, &read), -EBADMSG);
                file.data[i] ^= 1;
        }
}

static int parse_text(const char *text) {
        phx_cleanup(phx_buffer_done) struct phx_buffer file = { 0 };
        phx_cleanup(phx_gate_done) struct phx_gate read = { 0 };
        char checksum[PHX_SEAL_HEX];

        phx_seal_checksum("gate", text, strlen(text), checksum);
        assert_int_equal(
                        phx_seal_render(&file, "phoenixd-gate 1", checksum, text, strlen(text)),
                        0);
        return phx_gate_parse(file.data, file.size, &read);
}

static void other_words_make_it_another_version(void **state) {
        static const char *const bad[] = {
                "",
                "gate refuse\n",
                "gate refuse\nlxc-path /lxc",
                "gate never\nlxc-path /lxc\n",
                "gate refuse\nlxc-path /lxc\nseccomp x\n",
                "gate refuse\nlxc-path /lxc\nlabel lxc-web\n",
                "gate refuse\nlxc-path /lxc\ncontainer\n",
                "gate refuse\nlxc-path /lxc\npolicy enforce lxc-web\n",
                "gate refuse\nlxc-path /lxc\npolicy enforce - \n",
                "gate refuse\nlxc-path /lxc\ncontainer a\nsuspended soon\n",
                "gate refuse\nlxc-path /lxc\ncontainer a\nsuspended \n",
                "gate refuse\nlxc-path /lxc\ncontainer a\nrunning 1\n",
                "gate refuse\nlxc-path /lxc\ncontainer a\nrunning now lxc-a (enforce)\n",
        };

        for (size_t i = 0; i < PHX_ELEMENTS(bad); i++)
                assert_int_equal(parse_text(bad[i]), -EBADMSG);
        assert_int_equal(
                        parse_text("gate refuse\nlxc-path /lxc\npolicy enforce - lxc-web\n"
                                   "container a\nsuspended 1\n"),
                        0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_was_written_is_read),
                cmocka_unit_test(names_with_a_line_end_are_left_out),
                cmocka_unit_test(a_damaged_file_is_none),
                cmocka_unit_test(other_words_make_it_another_version),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
