/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "config.h"
#include "profiles/offline.h"
#include "tree.h"

#define SOURCES 4

static struct phx_trust trust;
static struct phx_settings settings;
static struct phx_findings findings;
static struct phx_offline offline;
static unsigned flushes;

int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_setpriority(__priority_which_t which, id_t who, int priority);

int __wrap_fsync(int fd) {
        flushes++;
        return 0;
}

int __wrap_fdatasync(int fd) {
        flushes++;
        return 0;
}

/* In the child: what it would have run with is what the test fails with. */
int __wrap_setpriority(__priority_which_t which, id_t who, int priority) {
        _exit(126);
}

static int set_up(void **state) {
        static char profile_dir[] = "/profiles", deployed_dir[] = "/deployed";

        trust = (struct phx_trust){ .root = tree_new(), .owner = geteuid() };
        tree_mkdir("deployed");
        for (unsigned i = 0; i < SOURCES; i++) {
                char path[64], text[128];

                (void) snprintf(path, sizeof(path), "profiles/lxc-%u", i);
                (void) snprintf(text,
                                sizeof(text),
                                "profile lxc-%u {\n include <abstractions/x>\n}\n",
                                i);
                tree_write(path, text);
        }
        tree_write("profiles/abstractions/x", "capability sys_admin,\nfile,\nsignal,\n");
        settings = (struct phx_settings){ .profile_dir = profile_dir,
                                          .deployed_dir = deployed_dir,
                                          .compile_jobs = 2,
                                          .compile_deadline_usec = 30000000,
                                          .compile_memory = 1UL << 40 };
        offline = (struct phx_offline){ .trust = &trust,
                                        .parser = PHX_PARSER,
                                        .settings = &settings };
        flushes = 0;
        return 0;
}

static int tear_down(void **state) {
        phx_findings_done(&findings);
        tree_done();
        return 0;
}

static void need_compiler(void) {
        if (access(PHX_PARSER, X_OK) < 0)
                skip();
}

static void judge(size_t errors) {
        struct phx_error error = { 0 };

        assert_int_equal(phx_offline_judge(&offline, &findings, &error), 0);
        for (size_t i = 0; i < findings.count && findings.errors != errors; i++)
                print_message("%s: %s\n", findings.items[i].file, findings.items[i].text);
        assert_int_equal(findings.errors, errors);
}

static void what_is_only_looked_at_is_not_flushed(void **state) {
        need_compiler();
        judge(0);
        assert_int_equal(flushes, 0);
}

/* So it was compiled, and its policy asked. */
static void and_is_compiled_all_the_same(void **state) {
        need_compiler();
        tree_write("profiles/lxc-0", "profile lxc-0 {\n bogus\n}\n");
        tree_write("profiles/lxc-1.test", "denied /etc/shadow r\n");
        judge(2);
        assert_int_equal(flushes, 0);
}

static void the_machines_own_features_are_asked_for(void **state) {
        need_compiler();
        tree_write("etc/apparmor/parser.conf", "policy-features=/gone\n");
        judge(1);
        assert_non_null(strstr(
                        findings.items[0].text,
                        "/etc/apparmor/parser.conf: line 1: /gone: No such file or directory"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(what_is_only_looked_at_is_not_flushed),
                TEST(and_is_compiled_all_the_same),
                TEST(the_machines_own_features_are_asked_for),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
