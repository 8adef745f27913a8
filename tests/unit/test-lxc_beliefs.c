/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a look at LXC_PATH believes of the one before, and what that costs in system calls: those
 * that open or look at files are counted here, in the place of the C library's. */

#include <errno.h>
#include <stdarg.h>
#include <time.h>

#include "base/stamp.h"
#include "lxc-host.h"

int __real_openat64(int fd, const char *path, int flags, ...);
int __real_open64(const char *path, int flags, ...);
int __real_fstatat64(int fd, const char *path, struct stat *st, int flags);
int __real_fstat64(int fd, struct stat *st);
int __wrap_openat64(int fd, const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __wrap_fstatat64(int fd, const char *path, struct stat *st, int flags);
int __wrap_fstat64(int fd, struct stat *st);

int __wrap_openat64(int fd, const char *path, int flags, ...) {
        va_list arguments;
        mode_t mode;

        calls++;
        va_start(arguments, flags);
        mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
        va_end(arguments);
        return __real_openat64(fd, path, flags, mode);
}

int __wrap_open64(const char *path, int flags, ...) {
        va_list arguments;
        mode_t mode;

        calls++;
        va_start(arguments, flags);
        mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
        va_end(arguments);
        return __real_open64(path, flags, mode);
}

int __wrap_fstatat64(int fd, const char *path, struct stat *st, int flags) {
        calls++;
        return __real_fstatat64(fd, path, st, flags);
}

int __wrap_fstat64(int fd, struct stat *st) {
        calls++;
        return __real_fstat64(fd, st);
}

/* --- what it costs --- */

static void add_many(const struct host *host, unsigned first, unsigned end) {
        char text[512], name[32];

        (void) snprintf(text, sizeof(text), "lxc.include = %s\n", tree_path("cost.conf"));
        for (unsigned i = first; i < end; i++) {
                (void) snprintf(name, sizeof(name), "c%03u/config", i);
                write_in(host, name, text);
        }
}

static void an_unchanged_container_costs_one_call(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };
        unsigned few, few_unchanged;

        host_init(&host, "cost");
        tree_write("cost.conf", "lxc.apparmor.profile = lxc-a\n");
        add_many(&host, 0, 10);
        look_settled(&host);
        few = calls;
        calls = 0;
        assert_true(is_unchanged(&host));
        few_unchanged = calls;

        add_many(&host, 10, 60);
        look_settled(&host);
        assert_int_equal(host.found.count, 60);
        assert_effective(&host, "c059", "lxc-a");
        assert_int_equal(calls - few, 50);
        calls = 0;
        assert_true(is_unchanged(&host));
        assert_int_equal(calls - few_unchanged, 50);

        /* A name in LXC_PATH may lead elsewhere now. */
        add_many(&host, 60, 61);
        settle();
        look(&host);
        assert_true(calls - few >= 2 * 60);
}

static void what_no_event_names_costs_nothing(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };
        unsigned few;

        host_init(&host, "narrow");
        tree_write("cost.conf", "lxc.apparmor.profile = lxc-a\n");
        add_many(&host, 0, 10);
        look_settled(&host);
        narrow(&host, NULL);
        assert_true(is_unchanged(&host));
        look(&host);
        assert_int_equal(calls, 0);
        assert_int_equal(host.found.count, 10);
        assert_effective(&host, "c009", "lxc-a");

        narrow(&host, in(&host, "c003/config"));
        look(&host);
        few = calls;
        host.lxc.scope = NULL;
        add_many(&host, 10, 60);
        look_settled(&host);
        narrow(&host, in(&host, "c003/config"));
        look(&host);
        assert_int_equal(calls, few);
        assert_int_equal(host.found.count, 60);
}

static void only_what_is_named_is_read(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };

        host_init(&host, "named");
        write_in(&host, "a/config", "lxc.apparmor.profile = lxc-a\n");
        write_in(&host, "b/config", "lxc.apparmor.profile = lxc-a\n");
        look_settled(&host);
        write_in(&host, "a/config", "lxc.apparmor.profile = lxc-b\n");
        write_in(&host, "b/config", "lxc.apparmor.profile = lxc-b\n");
        narrow(&host, in(&host, "b/config"));
        assert_changed_to(&host, "b", "lxc-b");
        assert_effective(&host, "a", "lxc-a");
        narrow(&host, in(&host, "a"));
        assert_changed_to(&host, "a", "lxc-b");

        write_in(&host, "c/config", "");
        narrow(&host, in(&host, "a/config"));
        look(&host);
        assert_int_equal(host.found.count, 2);
        narrow(&host, in(&host, "c"));
        assert_changed_to(&host, "c", "");
        write_in(&host, "d/config", "");
        narrow(&host, host.path);
        assert_changed_to(&host, "d", "");
        assert_int_equal(unlink(in(&host, "d/config")), 0);
        narrow(&host, in(&host, "d/config"));
        assert_false(is_unchanged(&host));
        look(&host);
        assert_int_equal(host.found.count, 3);
}

/* --- what is seen --- */

static void the_same_size_within_a_tick_is_seen(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };

        host_init(&host, "tick");
        write_in(&host, "web/config", "lxc.apparmor.profile = lxc-a\n");
        look_settled(&host);
        for (unsigned i = 0; i < 20; i++) {
                write_in(&host, "web/config", "lxc.apparmor.profile = lxc-b\n");
                assert_changed_to(&host, "web", "lxc-b");
                write_in(&host, "web/config", "lxc.apparmor.profile = lxc-c\n");
                assert_changed_to(&host, "web", "lxc-c");
        }
}

static void another_file_of_the_same_times_is_seen(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };
        struct timespec times[2] = { { 1000000000, 1 }, { 1000000000, 1 } };

        host_init(&host, "renamed");
        write_in(&host, "web/config", "lxc.apparmor.profile = lxc-a\n");
        assert_int_equal(utimensat(AT_FDCWD, in(&host, "web/config"), times, 0), 0);
        write_in(&host, "web/new", "lxc.apparmor.profile = lxc-b\n");
        assert_int_equal(utimensat(AT_FDCWD, in(&host, "web/new"), times, 0), 0);
        look_settled(&host);
        assert_true(is_unchanged(&host));
        assert_int_equal(rename(in(&host, "web/new"), in(&host, "web/config")), 0);
        assert_changed_to(&host, "web", "lxc-b");
}

static void assert_refused(struct host *host, const char *name, const char *why) {
        assert_false(is_unchanged(host));
        look(host);
        assert_non_null(find(host, name)->trouble);
        assert_non_null(strstr(find(host, name)->trouble, why));
        /* Not believed of before either. */
        assert_false(is_unchanged(host));
}

static void who_may_write_it_is_seen(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };

        host_init(&host, "owner");
        write_in(&host, "web/config", "lxc.apparmor.profile = lxc-a\n");
        look_settled(&host);
        assert_int_equal(chmod(in(&host, "web/config"), 0666), 0);
        assert_refused(&host, "web", "is writable by others");
        assert_int_equal(chmod(in(&host, "web/config"), 0644), 0);
        assert_changed_to(&host, "web", "lxc-a");

        look_settled(&host);
        write_in(&host, "web/partial", "");
        narrow(&host, in(&host, "web/partial"));
        assert_refused(&host, "web", "lxc-create is creating");
        narrow(&host, NULL);
        host.lxc.scope = NULL;
        assert_refused(&host, "web", "lxc-create is creating");
        assert_int_equal(unlink(in(&host, "web/partial")), 0);
        assert_changed_to(&host, "web", "lxc-a");

        look_settled(&host);
        assert_true(is_unchanged(&host));
        /* LXC_PATH itself is judged again each time. */
        if (getuid() == 0) {
                host.lxc.trust = &(const struct phx_trust){ .root = tree, .owner = 0 };
                assert_int_equal(chmod(host.path, 0777), 0);
                assert_false(is_unchanged(&host));
                assert_int_equal(chmod(host.path, 0755), 0);
        }
}

static void a_link_that_leads_elsewhere_is_seen(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };

        host_init(&host, "linked");
        tree_write("one/web/config", "lxc.apparmor.profile = lxc-a\n");
        tree_write("two/web/config", "lxc.apparmor.profile = lxc-b\n");
        tree_link(tree_path("one/web"), "linked/web");
        look_settled(&host);
        assert_effective(&host, "web", "lxc-a");
        assert_false(phx_lxc_containers_cover(host.cache, in(&host, "web/config")));
        assert_int_equal(unlink(in(&host, "web")), 0);
        tree_link(tree_path("two/web"), "linked/web");
        assert_changed_to(&host, "web", "lxc-b");

        /* What it leads to is replaced. */
        look_settled(&host);
        assert_int_equal(rename(tree_path("two/web"), tree_path("two/old")), 0);
        assert_int_equal(rename(tree_path("one/web"), tree_path("two/web")), 0);
        assert_changed_to(&host, "web", "lxc-a");
}

/* No event says so: LXC_PATH has another stamp. */
static void a_directory_that_becomes_a_link_is_seen(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };

        host_init(&host, "becomes");
        write_in(&host, "web/config", "lxc.apparmor.profile = lxc-a\n");
        look_settled(&host);
        assert_int_equal(rename(in(&host, "web"), tree_path("away")), 0);
        tree_link(tree_path("away"), "becomes/web");
        assert_changed_to(&host, "web", "lxc-a");
        /* What it leads to has events of its own. */
        assert_false(phx_lxc_containers_cover(host.cache, in(&host, "web/config")));
        assert_false(is_unchanged(&host));
}

/* Its config comes, and no event says so. */
static void a_directory_that_becomes_a_container_is_seen(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };

        host_init(&host, "comes");
        tree_mkdir("comes/web");
        look_settled(&host);
        assert_int_equal(host.found.count, 0);
        assert_true(is_unchanged(&host));
        write_in(&host, "web/config", "lxc.apparmor.profile = lxc-a\n");
        assert_changed_to(&host, "web", "lxc-a");
        look_settled(&host);
        assert_int_equal(unlink(in(&host, "web/config")), 0);
        assert_false(is_unchanged(&host));
        look(&host);
        assert_int_equal(host.found.count, 0);
}

/* The event has the other name. */
static void a_link_inside_is_followed_in_each_look(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };

        host_init(&host, "inside");
        write_in(&host, "web-v2/config", "lxc.apparmor.profile = lxc-a\n");
        tree_link("web-v2", "inside/web");
        look_settled(&host);
        assert_effective(&host, "web", "lxc-a");
        write_in(&host, "web-v2/config", "lxc.apparmor.profile = lxc-b\n");
        narrow(&host, in(&host, "web-v2/config"));
        assert_changed_to(&host, "web", "lxc-b");
        assert_effective(&host, "web-v2", "lxc-b");
        write_in(&host, "web-v2/config", "lxc.apparmor.profile = lxc-c\n");
        narrow(&host, tree_path("elsewhere"));
        assert_changed_to(&host, "web", "lxc-c");
        assert_effective(&host, "web-v2", "lxc-b");
}

static void a_container_that_has_another_name_is_seen(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };

        host_init(&host, "moved");
        write_in(&host, "a/config", "lxc.apparmor.profile = lxc-a\n");
        write_in(&host, "b/config", "lxc.apparmor.profile = lxc-b\n");
        look_settled(&host);
        assert_int_equal(rename(in(&host, "a"), in(&host, "x")), 0);
        assert_int_equal(rename(in(&host, "b"), in(&host, "a")), 0);
        assert_changed_to(&host, "a", "lxc-b");
        assert_effective(&host, "x", "lxc-a");
        assert_int_equal(host.found.count, 2);
}

static void includes_that_come_change_and_go_are_seen(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };
        char text[1024];

        host_init(&host, "includes");
        tree_mkdir("inc");
        tree_write("inc/a.conf", "lxc.apparmor.profile = lxc-a\n");
        tree_mkdir("inc/some.d");
        (void) snprintf(text,
                        sizeof(text),
                        "lxc.include = %s\nlxc.include = %s\n",
                        tree_path("inc/a.conf"),
                        tree_path("inc/some.d"));
        write_in(&host, "web/config", text);
        write_in(&host, "plain/config", "lxc.apparmor.profile = lxc-p\n");
        look_settled(&host);
        assert_true(is_unchanged(&host));
        tree_write("inc/a.conf", "lxc.apparmor.profile = lxc-b\n");
        assert_changed_to(&host, "web", "lxc-b");

        look_settled(&host);
        tree_write("inc/some.d/c.conf", "lxc.apparmor.profile = lxc-c\n");
        narrow(&host, in(&host, "web/config"));
        look(&host);
        assert_effective(&host, "web", "lxc-b");
        assert_true(phx_lxc_containers_cover(host.cache, tree_path("inc/some.d/c.conf")));
        assert_false(phx_lxc_containers_cover(host.cache, tree_path("inc/other")));
        narrow(&host, tree_path("inc/some.d/c.conf"));
        assert_changed_to(&host, "web", "lxc-c");
        assert_effective(&host, "plain", "lxc-p");

        look_settled(&host);
        assert_int_equal(unlink(tree_path("inc/some.d/c.conf")), 0);
        narrow(&host, tree_path("inc/some.d"));
        assert_changed_to(&host, "web", "lxc-b");
        host.lxc.scope = NULL;
        look_settled(&host);
        assert_int_equal(rename(tree_path("inc"), tree_path("gone")), 0);
        narrow(&host, tree_path("inc"));
        assert_false(is_unchanged(&host));
        look(&host);
        assert_non_null(find(&host, "web")->trouble);
        assert_int_equal(rename(tree_path("gone"), tree_path("inc")), 0);
        assert_changed_to(&host, "web", "lxc-b");
}

/* It is absent as before, but would come in that directory now. */
static void the_directory_of_an_absent_include_is_a_change(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };
        char text[1024];

        host_init(&host, "absent");
        (void) snprintf(text, sizeof(text), "lxc.include = %s\n", tree_path("to-come/x.conf"));
        write_in(&host, "web/config", text);
        write_in(&host, "plain/config", "lxc.apparmor.profile = lxc-p\n");
        look_settled(&host);
        narrow(&host, tree_path("to-come"));
        assert_true(is_unchanged(&host));
        tree_mkdir("to-come");
        assert_false(is_unchanged(&host));
        look(&host);
        assert_true(is_unchanged(&host));
}

/* No include is followed after one that cannot be read; its events come all the same. */
static void an_include_after_a_refused_one_is_seen(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };
        char text[2048];

        host_init(&host, "refused");
        (void) snprintf(text,
                        sizeof(text),
                        "lxc.include = %s\nlxc.include = %s\n",
                        tree_path("first.conf"),
                        tree_path("second.conf"));
        write_in(&host, "web/config", text);
        tree_write("first.conf", "");
        tree_write("second.conf", "lxc.apparmor.profile = lxc-a\n");
        look_settled(&host);
        assert_effective(&host, "web", "lxc-a");

        assert_int_equal(unlink(tree_path("first.conf")), 0);
        assert_int_equal(mkfifo(tree_path("first.conf"), 0600), 0);
        narrow(&host, tree_path("first.conf"));
        assert_refused(&host, "web", "neither a file nor a directory");
        tree_write("second.conf", "lxc.apparmor.profile = lxc-b\n");
        assert_true(phx_lxc_containers_cover(host.cache, tree_path("second.conf")));
        narrow(&host, tree_path("second.conf"));
        look(&host);
        assert_int_equal(unlink(tree_path("first.conf")), 0);
        tree_write("first.conf", "");
        narrow(&host, tree_path("first.conf"));
        settle();
        assert_changed_to(&host, "web", "lxc-b");
        assert_true(is_unchanged(&host));
}

static void what_could_not_be_asked_is_asked_again(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };

        host_init(&host, "late");
        write_in(&host, "web/config", "lxc.apparmor.profile = lxc-a\n");
        settle();
        host.lxc.deadline_usec = 0;
        look(&host);
        assert_non_null(find(&host, "web")->trouble);
        host.lxc.deadline_usec = 5000000;
        narrow(&host, NULL);
        assert_changed_to(&host, "web", "lxc-a");
        assert_true(is_unchanged(&host));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_unchanged_container_costs_one_call),
                cmocka_unit_test(what_no_event_names_costs_nothing),
                cmocka_unit_test(only_what_is_named_is_read),
                cmocka_unit_test(the_same_size_within_a_tick_is_seen),
                cmocka_unit_test(another_file_of_the_same_times_is_seen),
                cmocka_unit_test(who_may_write_it_is_seen),
                cmocka_unit_test(a_link_that_leads_elsewhere_is_seen),
                cmocka_unit_test(a_directory_that_becomes_a_link_is_seen),
                cmocka_unit_test(a_directory_that_becomes_a_container_is_seen),
                cmocka_unit_test(a_link_inside_is_followed_in_each_look),
                cmocka_unit_test(a_container_that_has_another_name_is_seen),
                cmocka_unit_test(includes_that_come_change_and_go_are_seen),
                cmocka_unit_test(the_directory_of_an_absent_include_is_a_change),
                cmocka_unit_test(an_include_after_a_refused_one_is_seen),
                cmocka_unit_test(what_could_not_be_asked_is_asked_again),
        };

        return cmocka_run_group_tests(tests, tree_setup, tree_teardown);
}
