/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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

#include "base/file.h"
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

/* How many policies the cache has. */
static size_t count_cached(void) {
        phx_cleanup(phx_closedirp) DIR *directory = opendir(offline.cache_dir);
        const struct dirent *entry;
        size_t count = 0;

        while (directory && (entry = readdir(directory)))
                count += entry->d_name[0] != '.';
        return count;
}

/* No program starts in a page: what would have to be compiled now is refused. */
static void forbid_compiles(void) {
        settings.compile_memory = 4096;
}

static void use_cache(void) {
        static char path[PATH_MAX];

        (void) snprintf(path, sizeof(path), "%s", tree_path("cache/phoenixd"));
        offline.cache_dir = path;
}

static void a_second_run_compiles_nothing(void **state) {
        need_compiler();
        use_cache();
        tree_write("profiles/lxc-1.test", "denied file /etc/shadow r\n");
        judge(1);
        assert_int_equal(count_cached(), SOURCES);
        assert_int_equal(flushes, 0);
        phx_findings_done(&findings);

        /* What a test says of a policy is said again. */
        forbid_compiles();
        judge(1);
        assert_string_equal(findings.items[0].file, "/profiles/lxc-1.test");
        phx_findings_done(&findings);
        tree_remove("profiles/lxc-1.test");
        /* With another test it is another judgement. */
        judge(1);
        phx_findings_done(&findings);

        tree_write("profiles/abstractions/x", "capability sys_admin,\nfile,\nsignal,\n#\n");
        judge(SOURCES);
}

/* As a crash may leave it. */
static void cut(int dir_fd, const char *name) {
        phx_autoclose int fd = openat(dir_fd, name, O_WRONLY | O_CLOEXEC);

        assert_int_equal(ftruncate(fd, 100), 0);
}

static void a_damaged_policy_is_compiled_again(void **state) {
        phx_cleanup(phx_closedirp) DIR *directory = NULL;
        const struct dirent *entry;

        need_compiler();
        use_cache();
        judge(0);
        directory = opendir(offline.cache_dir);
        assert_non_null(directory);
        while ((entry = readdir(directory)) && entry->d_name[0] == '.') {
        }
        assert_non_null(entry);
        cut(dirfd(directory), entry->d_name);
        judge(0);
        assert_int_equal(count_cached(), SOURCES);
        forbid_compiles();
        judge(0);
}

static size_t count_found(const char *text) {
        size_t count = 0;

        for (size_t i = 0; i < findings.count; i++)
                count += strstr(findings.items[i].text, text) != NULL;
        return count;
}

/* Else the second run would say less than the first. */
static void what_the_compiler_warns_of_is_not_kept(void **state) {
        static char parser[PATH_MAX];

        need_compiler();
        use_cache();
        (void) snprintf(parser, sizeof(parser), "%s", tree_path("bin/parser"));
        tree_write("bin/parser",
                   "#!/bin/sh\n"
                   "for name; do :; done\n"
                   "[ $name = lxc-0 ] && echo 'Warning from lxc-0: old' >&2\n"
                   "exec " PHX_PARSER " \"$@\"\n");
        assert_int_equal(chmod(parser, 0755), 0);
        assert_int_equal(chmod(tree_path("bin"), 0755), 0);
        assert_int_equal(chmod(tree_path("."), 0755), 0);
        offline.parser = parser;
        for (unsigned i = 0; i < 2; i++) {
                phx_findings_done(&findings);
                judge(0);
                assert_int_equal(count_found("Warning from lxc-0: old"), 1);
                assert_int_equal(count_cached(), SOURCES - 1);
        }
        forbid_compiles();
        phx_findings_done(&findings);
        judge(1);
}

static void a_cache_that_others_can_write_to_is_not_used(void **state) {
        need_compiler();
        use_cache();
        tree_mkdir("cache/phoenixd");
        assert_int_equal(chmod(offline.cache_dir, 0770), 0);
        judge(0);
        assert_int_equal(count_cached(), 0);
        assert_int_equal(chmod(offline.cache_dir, 0700), 0);
        judge(0);
        assert_int_equal(count_cached(), SOURCES);
        assert_int_equal(chmod(offline.cache_dir, 0777), 0);
        forbid_compiles();
        judge(SOURCES);
}

static void where_no_cache_can_be_made_there_is_none(void **state) {
        need_compiler();
        use_cache();
        tree_write("cache", "a file\n");
        judge(0);
}

static void the_machines_own_features_are_asked_for(void **state) {
        need_compiler();
        tree_write("etc/apparmor/parser.conf", "policy-features=/gone\n");
        judge(1);
        assert_string_equal(findings.items[0].file, "/etc/apparmor/parser.conf");
        assert_int_equal(findings.items[0].line, 1);
        assert_string_equal(findings.items[0].text, "/gone: No such file or directory");
}

/* FILE is below the profile directory. */
static void assert_found(const char *file, unsigned line, unsigned column, const char *text) {
        size_t root = strlen(offline.settings->profile_dir) + 1;

        for (size_t i = 0; i < findings.count; i++) {
                const struct phx_finding *finding = &findings.items[i];

                assert_true(phx_has_prefix(finding->file, offline.settings->profile_dir));
                if (finding->severity == PHX_SEVERITY_ERROR &&
                    strcmp(finding->file + root, file) == 0 && finding->line == line &&
                    finding->column == column && phx_has_prefix(finding->text, text))
                        return;
        }
        for (size_t i = 0; i < findings.count; i++)
                print_message("%s:%u:%u: %s\n",
                              findings.items[i].file,
                              findings.items[i].line,
                              findings.items[i].column,
                              findings.items[i].text);
        fail_msg("not found: %s:%u:%u: %s", file, line, column, text);
}

static void write_mistakes(void) {
        tree_write("profiles/abstractions/bad", "file,\ninclude <abstractions/none>\n");
        tree_write("profiles/lxc-child", "profile lxc-child {\n}\nprofile lxc-more {\n}\n");
        tree_write("profiles/lxc-complain", "\nprofile lxc-complain flags=(complain) {\n}\n");
        tree_write("profiles/lxc-deep", "profile lxc-deep {\n include <abstractions/bad>\n}\n");
        tree_write("profiles/lxc-empty", "");
        tree_write("profiles/lxc-gone", "profile lxc-gone {\n include <abstractions/none>\n}\n");
        tree_write("profiles/lxc-0.test", "deny file w /x\n\ndenied /etc/shadow r\n");
        tree_write("profiles/lxc-orphan.test", "deny file w /x\n");
}

/* Wherever it is found out, a mistake has its place, which is said in fields and not again in the
 * text. */
static void every_mistake_has_its_place(void **state) {
        need_compiler();
        write_mistakes();
        judge(8);
        assert_found("abstractions/bad", 2, 0, "Could not open 'abstractions/none'");
        assert_found("lxc-child", 3, 0, "found a second profile 'lxc-more'");
        assert_found("lxc-complain", 2, 0, "flag 'complain' disables enforcement");
        assert_found("lxc-empty", 0, 0, "is empty");
        assert_found("lxc-gone", 2, 0, "Could not open 'abstractions/none'");
        assert_found("lxc-0.test", 1, 0, "expected 'deny file w /x', but for 'w /x' ");
        assert_found("lxc-0.test", 3, 0, "'denied': expected allow or deny");
        assert_found("lxc-orphan.test", 0, 0, "tests a profile that does not exist");
}

/* What the texts say by themselves. */
static void without_a_compiler_too(void **state) {
        struct phx_error error = { 0 };

        write_mistakes();
        tree_write("profiles/lxc-0", "abi <abi/3.0>,\n");
        tree_write("profiles/lxc-1.test", "# nothing\n");
        offline.parser = "/nonexistent";
        assert_int_equal(phx_offline_judge(&offline, &findings, &error), -ENOENT);
        assert_found("lxc-child", 3, 0, "found a second profile 'lxc-more'");
        assert_found("lxc-complain", 2, 0, "flag 'complain' disables enforcement");
        assert_found("lxc-empty", 0, 0, "is empty");
        assert_found("lxc-0", 0, 0, "defines no profile");
        assert_found("lxc-0.test", 3, 0, "'denied': expected allow or deny");
        assert_found("lxc-1.test", 0, 0, "contains no assertion");
        assert_int_equal(findings.errors, 6);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(what_is_only_looked_at_is_not_flushed),
                TEST(and_is_compiled_all_the_same),
                TEST(a_second_run_compiles_nothing),
                TEST(a_damaged_policy_is_compiled_again),
                TEST(what_the_compiler_warns_of_is_not_kept),
                TEST(a_cache_that_others_can_write_to_is_not_used),
                TEST(where_no_cache_can_be_made_there_is_none),
                TEST(the_machines_own_features_are_asked_for),
                TEST(every_mistake_has_its_place),
                TEST(without_a_compiler_too),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
