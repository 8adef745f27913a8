/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "policy/test.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>

#include <cmocka.h>

#define BYTES(literal) (literal), sizeof(literal) - 1

static void parse(const char *line, struct phx_policy_assertion *assertion) {
        struct phx_error error = { 0 };

        assert_int_equal(phx_policy_assertion_parse(line, assertion, &error), 1);
        assert_string_equal(error.text, "");
}

/* LINE asks the kernel one thing. */
static void assert_asks(const char *line, uint32_t mask, const char *bytes, size_t size) {
        phx_cleanup(phx_policy_assertion_done) struct phx_policy_assertion assertion = { 0 };

        parse(line, &assertion);
        assert_int_equal(assertion.count, 1);
        assert_int_equal(assertion.queries[0].mask, mask);
        assert_int_equal(assertion.queries[0].match.size, size);
        assert_memory_equal(assertion.queries[0].match.data, bytes, size);
}

static void assert_refused(const char *line, const char *text) {
        struct phx_policy_assertion assertion = { 0 };
        struct phx_error error = { 0 };

        assert_int_equal(phx_policy_assertion_parse(line, &assertion, &error), -EINVAL);
        assert_string_equal(error.text, text);
        assert_null(assertion.queries);
}

static void files_are_asked_by_class_and_path(void **state) {
        assert_asks("allow file r /etc/passwd", 0x4, BYTES("\002/etc/passwd"));
        assert_asks("deny file w \"/with space\"", 0x2, BYTES("\002/with space"));
        assert_asks("deny file x /bin/sh # why not", 0x1, BYTES("\002/bin/sh"));
        assert_asks("allow file k /x", 0x8000, BYTES("\002/x"));
        assert_asks("allow file l /x", 0x40000, BYTES("\002/x"));
        assert_asks("allow file m /x", 0x10000, BYTES("\002/x"));
        assert_asks("allow file a /x", 0x8, BYTES("\002/x"));
}

static void every_permission_is_a_question_of_its_own(void **state) {
        phx_cleanup(phx_policy_assertion_done) struct phx_policy_assertion assertion = { 0 };

        parse("deny file rw /x", &assertion);
        assert_false(assertion.is_allow);
        assert_int_equal(assertion.count, 2);
        assert_int_equal(assertion.queries[0].mask, 0x4);
        assert_string_equal(assertion.queries[0].what, "r /x");
        assert_int_equal(assertion.queries[1].mask, 0x2);
        assert_string_equal(assertion.queries[1].what, "w /x");
}

static void stars_stand_for_samples(void **state) {
        phx_cleanup(phx_policy_assertion_done) struct phx_policy_assertion files = { 0 },
                                                                           mounts = { 0 };

        parse("allow file r /a/*/b/**", &files);
        assert_int_equal(files.count, 2);
        assert_string_equal(files.queries[0].what, "r /a/sample/b/sample");
        assert_string_equal(files.queries[1].what, "r /a/sample/b/sample/sample");

        parse("allow mount overlay -> /var/lib/docker/**", &mounts);
        assert_true(mounts.is_allow);
        assert_int_equal(mounts.count, 2);
        assert_string_equal(mounts.queries[0].what, "overlay overlay -> /var/lib/docker/sample/");
        assert_string_equal(
                        mounts.queries[1].what,
                        "overlay overlay -> /var/lib/docker/sample/sample/");
}

/* Target, source and type end with a NUL each; a flag is its bit's number, from 1. */
static void mounts_are_asked_as_the_kernel_asks(void **state) {
        assert_int_equal(MS_BIND, 1 << 12);
        assert_asks("allow mount overlay -> /m/", 0x2, BYTES("\007/m/\0overlay\0overlay\0"));
        assert_asks("allow mount ext4 ro /dev/sda -> /m/",
                    0x2,
                    BYTES("\007/m/\0/dev/sda\0ext4\0\001"));
        assert_asks("deny mount bind /a -> /b", 0x2, BYTES("\007/b\0/a\0\0\015"));
        assert_asks("deny mount rbind,ro /a -> /b", 0x2, BYTES("\007/b\0/a\0\0\015\017"));
        assert_asks("deny mount options=(remount,ro) -> /", 0x2, BYTES("\007/\0\0\0\001\006"));
        assert_asks("deny mount move /a/ -> /b/", 0x2, BYTES("\007/b/\0/a/\0\0\016"));
        assert_asks("allow mount rprivate -> /", 0x2, BYTES("\007/\0\0\0\017\023"));
        assert_asks("deny umount /m/", 0x4, BYTES("\007/m/"));
        assert_asks("deny pivot_root oldroot=/n/old/ /n/", 0x1, BYTES("\007/n/\0/n/old/"));
}

static void the_rest_is_asked_as_the_kernel_asks(void **state) {
        phx_cleanup(phx_policy_assertion_done) struct phx_policy_assertion capability = { 0 };

        assert_asks("allow network inet6 stream", 0x10, BYTES("\016\0\012\0\001"));
        assert_asks("deny ptrace trace peer=unconfined", 0x2, BYTES("\011unconfined"));
        assert_asks("deny ptrace readby peer=lxc-x", 0x10, BYTES("\011lxc-x"));
        assert_asks("allow signal receive set=kill peer=a", 0x4, BYTES("\012\011a"));
        assert_asks("deny signal send set=exists peer=a", 0x2, BYTES("\012\043a"));
        assert_asks("deny change_profile unconfined", 0x40000000, BYTES("\002unconfined"));
        assert_asks("deny change_profile -> lxc-x", 0x40000000, BYTES("\002lxc-x"));

        parse("deny capability mac_admin", &capability);
        assert_int_equal(capability.count, 1);
        assert_int_equal(capability.queries[0].class, PHX_QUERY_CAPABILITY);
        assert_int_equal(capability.queries[0].capability, 33);
}

static void a_family_alone_is_its_usual_sockets(void **state) {
        phx_cleanup(phx_policy_assertion_done) struct phx_policy_assertion assertion = { 0 };

        parse("allow network inet", &assertion);
        assert_int_equal(assertion.count, 3);
        assert_string_equal(assertion.queries[2].what, "inet raw");
}

static void mistakes_are_named(void **state) {
        assert_refused("alow file r /x", "'alow': expected allow or deny");
        assert_refused("allow",
                       "unknown class '', expected file, capability, network, mount, umount, "
                       "pivot_root, ptrace, signal or change_profile");
        assert_refused("allow unix", "'unix': the kernel answers no query by name for this class");
        assert_refused("allow file rz /x",
                       "'rz': expected permissions from r, w, a, x, m, k and l");
        assert_refused("allow file /x", "'/x': expected permissions such as rw before the path");
        assert_refused("allow file r", "ends too early, expected an absolute path");
        assert_refused("allow file r proc/x", "'proc/x': expected an absolute path");
        assert_refused("allow file r /x /y", "'/y': expected the end of the line");
        assert_refused("allow file r /{a,b}",
                       "'/{a,b}': expected a path with no pattern but '*' and '**', and no "
                       "variable");
        assert_refused("allow file r \"/x", "expected a closing '\"'");
        assert_refused("allow capability CAP_CHOWN",
                       "'CAP_CHOWN': expected the name of a capability in lower case, such as "
                       "sys_admin");
        assert_refused("deny ptrace trace", "ends too early, expected peer=PROFILE");
        assert_refused("deny signal send peer=x",
                       "ends too early, expected set=SIGNAL, such as set=kill");
        assert_refused("allow mount overlay /x",
                       "ends too early, expected '->' and the mount point");
        assert_refused("allow mount bind -> /x", "ends too early, expected a source before '->'");
        assert_refused("allow mount options=bnd /a -> /x",
                       "'bnd': expected an option such as ro, nosuid, bind, remount or rprivate");
        assert_refused("allow \001", "has a control character in it");
}

static void a_file_is_read_line_by_line(void **state) {
        phx_cleanup(phx_policy_test_done) struct phx_policy_test test = { 0 };
        struct phx_error error = { 0 };

        assert_int_equal(
                        phx_policy_test_parse(
                                        "lxc-x.test",
                                        "# what it is for\n\n  deny file w /x # why\nallow "
                                        "capability chown",
                                        &test,
                                        &error),
                        0);
        assert_int_equal(test.count, 2);
        assert_int_equal(test.items[0].line, 3);
        assert_string_equal(test.items[0].text, "deny file w /x");
        assert_int_equal(test.items[1].line, 4);

        assert_int_equal(
                        phx_policy_test_parse("lxc-x.test", "\nallow it\n", &test, &error),
                        -EINVAL);
        assert_true(strncmp(error.text,
                            "lxc-x.test: line 2: unknown class 'it'",
                            strlen("lxc-x.test: line 2: unknown class 'it'")) == 0);
        assert_int_equal(phx_policy_test_parse("lxc-x.test", "# none\n", &test, &error), -EINVAL);
        assert_string_equal(
                        error.text,
                        "lxc-x.test: contains no assertion, expected lines such as 'deny file w "
                        "/proc/sysrq-trigger'");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(files_are_asked_by_class_and_path),
                cmocka_unit_test(every_permission_is_a_question_of_its_own),
                cmocka_unit_test(stars_stand_for_samples),
                cmocka_unit_test(mounts_are_asked_as_the_kernel_asks),
                cmocka_unit_test(the_rest_is_asked_as_the_kernel_asks),
                cmocka_unit_test(a_family_alone_is_its_usual_sockets),
                cmocka_unit_test(mistakes_are_named),
                cmocka_unit_test(a_file_is_read_line_by_line),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
