/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/file.h"
#include "loop.h"
#include "loop/watch.h"

struct fixture {
        sd_event *event;
        struct watch *watch;
        struct counter counter;
        char root[64];
        char a[80];
        char b[80];
        char cgroup[80];
};

static int setup(void **state) {
        struct fixture *fixture = calloc(1, sizeof(*fixture));
        struct listener listener;

        if (!fixture)
                return -1;
        (void) snprintf(fixture->root, sizeof(fixture->root), "/tmp/test-watch-XXXXXX");
        make_directory(fixture->root);
        (void) snprintf(fixture->a, sizeof(fixture->a), "%s/a", fixture->root);
        (void) snprintf(fixture->b, sizeof(fixture->b), "%s/b", fixture->root);
        (void) snprintf(fixture->cgroup, sizeof(fixture->cgroup), "%s/cgroup", fixture->root);
        assert_int_equal(mkdir(fixture->a, 0755), 0);
        assert_int_equal(mkdir(fixture->b, 0755), 0);
        assert_int_equal(mkdir(fixture->cgroup, 0755), 0);

        listener = (struct listener){ count_look, count_arrival, &fixture->counter };
        assert_int_equal(sd_event_new(&fixture->event), 0);
        assert_int_equal(watch_new(fixture->event, fixture->cgroup, &listener, &fixture->watch), 0);
        *state = fixture;
        return 0;
}

static int teardown(void **state) {
        struct fixture *fixture = *state;

        (void) watch_free(fixture->watch);
        phx_scope_done(&fixture->counter.scope);
        sd_event_unref(fixture->event);
        remove_tree(fixture->root);
        free(fixture);
        return 0;
}

static int set(struct fixture *fixture, const char *first, const char *second) {
        phx_cleanup(phx_strings_done) struct phx_strings paths = { 0 };

        assert_int_equal(phx_strings_add(&paths, first), 0);
        if (second)
                assert_int_equal(phx_strings_add(&paths, second), 0);
        /* cmocka's state is never NULL after a setup that succeeded.
         * NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
        return watch_set(fixture->watch, &paths, true);
}

/* How many looks the loop was asked for since the last question. */
static unsigned looks(struct fixture *fixture) {
        unsigned n;

        settle(fixture->event);
        n = fixture->counter.looks;
        fixture->counter.looks = 0;
        return n;
}

/* How many directories the process watches, as the kernel counts them. */
static size_t watched(void) {
        phx_cleanup(phx_closedirp) DIR *directory = opendir("/proc/self/fdinfo");
        const struct dirent *entry;
        size_t count = 0;

        assert_non_null(directory);
        while ((entry = readdir(directory))) {
                phx_autofree char *text = NULL;
                size_t size = 0;

                if (phx_file_read_at(dirfd(directory), entry->d_name, 1 << 20, &text, &size) < 0)
                        continue;
                for (const char *at = text; (at = strstr(at, "inotify wd:")); at++)
                        count++;
        }
        return count;
}

static void a_new_directory_means_another_look_once(void **state) {
        struct fixture *fixture = *state;

        assert_int_equal(set(fixture, fixture->a, fixture->b), 1);
        assert_int_equal(set(fixture, fixture->a, fixture->b), 0);
        assert_int_equal(watched(), 2);
        assert_int_equal(looks(fixture), 0);
}

static unsigned arrivals(struct fixture *fixture) {
        unsigned n;

        settle(fixture->event);
        n = fixture->counter.arrivals;
        fixture->counter.arrivals = 0;
        return n;
}

static void touch_in(const struct fixture *fixture, const char *name) {
        char path[160];
        int fd;

        (void) snprintf(path, sizeof(path), "%s/%s", fixture->a, name);
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        assert_true(fd >= 0);
        (void) close(fd);
}

/* "a" is where the containers are, in the settings by way of a link, and "b" is not. */
static void a_container_that_comes_is_an_arrival(void **state) {
        struct fixture *fixture = *state;
        char made[160], moved[160], partial[160], way[160];

        (void) snprintf(made, sizeof(made), "%s/made", fixture->a);
        (void) snprintf(way, sizeof(way), "%s/way", fixture->root);
        assert_int_equal(symlink(fixture->a, way), 0);
        (void) snprintf(moved, sizeof(moved), "%s/moved", fixture->a);
        (void) snprintf(partial, sizeof(partial), "%s/made/partial", fixture->a);
        (void) set(fixture, fixture->a, fixture->b);
        assert_int_equal(mkdir(made, 0755), 0);
        assert_int_equal(arrivals(fixture), 0);
        assert_int_equal(watch_set_containers(fixture->watch, way), 0);
        assert_int_equal(rename(made, moved), 0);
        assert_int_equal(arrivals(fixture), 1);
        assert_int_equal(mkdir(made, 0755), 0);
        assert_int_equal(arrivals(fixture), 1);
        (void) set(fixture, fixture->a, made);

        /* lxc-create begins by making the file, and ends by removing it. */
        touch_in(fixture, "made/partial");
        touch_in(fixture, "made/config");
        assert_int_equal(arrivals(fixture), 0);
        assert_int_equal(unlink(partial), 0);
        assert_int_equal(arrivals(fixture), 1);
        touch_in(fixture, "made/config");
        touch_in(fixture, ".hidden~");
        assert_int_equal(rmdir(moved), 0);
        assert_int_equal(arrivals(fixture), 0);
}

static void every_kind_of_change_is_heard(void **state) {
        struct fixture *fixture = *state;
        char path[128], other[128];

        (void) set(fixture, fixture->a, NULL);
        (void) snprintf(path, sizeof(path), "%s/file", fixture->a);
        (void) snprintf(other, sizeof(other), "%s/other", fixture->a);

        write_file(fixture->a, "file", "text");
        assert_true(looks(fixture) > 0);
        assert_int_equal(chmod(path, 0666), 0);
        assert_true(looks(fixture) > 0);
        assert_int_equal(rename(path, other), 0);
        assert_true(looks(fixture) > 0);
        assert_int_equal(unlink(other), 0);
        assert_true(looks(fixture) > 0);
        assert_int_equal(chmod(fixture->a, 0777), 0);
        assert_true(looks(fixture) > 0);
        assert_int_equal(fixture->counter.full, 0);
}

static void an_event_says_what_must_be_read_again(void **state) {
        struct fixture *fixture = *state;
        struct phx_scope *scope = &fixture->counter.scope;
        char path[128];

        (void) set(fixture, fixture->a, fixture->b);
        (void) snprintf(path, sizeof(path), "%s/file", fixture->a);
        write_file(fixture->a, "file", "text");
        assert_true(looks(fixture) > 0);
        assert_true(phx_scope_has(scope, path));
        assert_false(phx_scope_has_below(scope, fixture->b));
        assert_false(phx_scope_has(scope, fixture->a));
        assert_false(scope->has_tasks || scope->has_policy);
        assert_int_equal(chmod(fixture->b, 0777), 0);
        assert_true(looks(fixture) > 0);
        assert_true(phx_scope_has(scope, fixture->b));
        phx_scope_done(scope);
}

static void on_the_way_others_names_are_no_events(void **state) {
        struct fixture *fixture = *state;
        char first[160], second[160];

        (void) snprintf(first, sizeof(first), "%s//one", fixture->a);
        (void) snprintf(second, sizeof(second), "%s//two", fixture->a);
        (void) set(fixture, first, second);
        assert_int_equal(watched(), 1);
        write_file(fixture->a, "three", "text");
        assert_int_equal(looks(fixture), 0);
        write_file(fixture->a, "two", "text");
        assert_true(looks(fixture) > 0);
        assert_int_equal(chmod(fixture->a, 0777), 0);
        assert_true(looks(fixture) > 0);
        /* All of it, from now on. */
        (void) set(fixture, fixture->a, first);
        write_file(fixture->a, "three", "more");
        assert_true(looks(fixture) > 0);
        phx_scope_done(&fixture->counter.scope);
}

/* What happened to a name before it was wanted was not heard. */
static void a_name_that_is_new_means_another_look_once(void **state) {
        struct fixture *fixture = *state;
        char first[160], second[160];

        (void) snprintf(first, sizeof(first), "%s//one", fixture->a);
        (void) snprintf(second, sizeof(second), "%s//two", fixture->a);
        assert_int_equal(set(fixture, first, NULL), 1);
        assert_int_equal(set(fixture, first, NULL), 0);
        assert_int_equal(set(fixture, first, second), 1);
        assert_int_equal(set(fixture, first, second), 0);
        assert_int_equal(set(fixture, second, NULL), 0);
        assert_int_equal(set(fixture, first, NULL), 1);
        assert_int_equal(set(fixture, fixture->a, NULL), 1);
        assert_int_equal(set(fixture, fixture->a, first), 0);
        assert_int_equal(set(fixture, first, NULL), 0);
        assert_int_equal(set(fixture, fixture->a, NULL), 1);
}

/* The check that was asked for is not lost when the list comes again before all are watched. */
static void a_check_outlasts_a_list_that_comes_meanwhile(void **state) {
        phx_cleanup(phx_strings_done) struct phx_strings paths = { 0 };
        struct fixture *fixture = *state;
        char deep[160], old[128], path[128];

        /* The last one, so that it is not among those that are checked at once. */
        for (unsigned i = 0; i < 1000; i++) {
                (void) snprintf(path, sizeof(path), "%s/%04u", fixture->a, i);
                assert_int_equal(mkdir(path, 0755), 0);
                assert_int_equal(phx_strings_add(&paths, path), 0);
        }
        (void) snprintf(deep, sizeof(deep), "%s/deep", fixture->b);
        (void) snprintf(old, sizeof(old), "%s/old", fixture->root);
        assert_int_equal(mkdir(deep, 0755), 0);
        assert_int_equal(phx_strings_add(&paths, deep), 0);
        (void) watch_set(fixture->watch, &paths, true);
        assert_int_equal(looks(fixture), 1);

        assert_int_equal(rename(fixture->b, old), 0);
        assert_int_equal(mkdir(fixture->b, 0755), 0);
        assert_int_equal(mkdir(deep, 0755), 0);
        assert_int_equal(watch_set(fixture->watch, &paths, true), 0);
        (void) watch_set(fixture->watch, &paths, false);
        assert_true(looks(fixture) > 0);
        write_file(deep, "file", "");
        assert_true(looks(fixture) > 0);
        assert_true(phx_scope_has_below(&fixture->counter.scope, deep));
        phx_scope_done(&fixture->counter.scope);
}

/* So that questions are answered meanwhile. */
static void many_directories_are_watched_some_at_a_time(void **state) {
        phx_cleanup(phx_strings_done) struct phx_strings paths = { 0 };
        struct fixture *fixture = *state;
        char path[128];
        size_t at_once, before;

        for (unsigned i = 0; i < 2000; i++) {
                (void) snprintf(path, sizeof(path), "%s/%04u", fixture->a, i);
                assert_int_equal(mkdir(path, 0755), 0);
                assert_int_equal(phx_strings_add(&paths, path), 0);
        }
        assert_int_equal(watch_set(fixture->watch, &paths, true), 0);
        at_once = watched();
        assert_in_range(at_once, 1, 500);
        for (before = at_once; before < 2000; before = watched()) {
                assert_true(sd_event_run(fixture->event, 0) > 0);
                assert_in_range(watched(), before, before + 100);
        }
        assert_int_equal(looks(fixture), 1);
        assert_int_equal(fixture->counter.full, 0);
        assert_true(fixture->counter.scope.is_whole);
        write_file(path, "file", "text");
        assert_true(looks(fixture) > 0);
        /* All are there already. */
        assert_int_equal(watch_set(fixture->watch, &paths, true), 0);
        assert_int_equal(looks(fixture), 0);
        phx_scope_done(&fixture->counter.scope);
}

static void a_file_is_heard_when_its_writer_closes_it(void **state) {
        struct fixture *fixture = *state;
        char path[128];
        int fd;

        (void) snprintf(path, sizeof(path), "%s/file", fixture->a);
        write_file(fixture->a, "file", "");
        (void) set(fixture, fixture->a, NULL);
        fd = open(path, O_WRONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, "x", 1), 1);
        assert_int_equal(looks(fixture), 0);
        (void) close(fd);
        assert_int_equal(looks(fixture), 1);
}

static void temporary_names_are_not_heard(void **state) {
        struct fixture *fixture = *state;
        char from[128], to[128];

        (void) set(fixture, fixture->a, NULL);
        write_file(fixture->a, ".profile.phoenixd~", "text");
        write_file(fixture->a, ".profile.swp", "text");
        write_file(fixture->a, ".#profile", "text");
        write_file(fixture->a, ".profile~", "text");
        assert_int_equal(looks(fixture), 0);

        (void) snprintf(from, sizeof(from), "%s/.profile.phoenixd~", fixture->a);
        (void) snprintf(to, sizeof(to), "%s/profile", fixture->a);
        assert_int_equal(rename(from, to), 0);
        assert_int_equal(looks(fixture), 1);
}

/* LXC reads hidden includes, and takes any directory for a container. */
static void hidden_names_are_heard(void **state) {
        struct fixture *fixture = *state;
        char path[128];

        (void) set(fixture, fixture->a, NULL);
        write_file(fixture->a, ".10-ours.conf", "text");
        assert_true(looks(fixture) > 0);
        (void) snprintf(path, sizeof(path), "%s/.box", fixture->a);
        assert_int_equal(mkdir(path, 0755), 0);
        assert_true(looks(fixture) > 0);
}

static void of_the_cgroups_only_lxc_s_are_heard(void **state) {
        struct fixture *fixture = *state;
        char path[160];

        (void) set(fixture, fixture->cgroup, NULL);
        (void) snprintf(path, sizeof(path), "%s/user.slice", fixture->cgroup);
        assert_int_equal(mkdir(path, 0755), 0);
        assert_int_equal(looks(fixture), 0);
        (void) snprintf(path, sizeof(path), "%s/lxc.payload.c1", fixture->cgroup);
        assert_int_equal(mkdir(path, 0755), 0);
        assert_int_equal(looks(fixture), 1);
        (void) snprintf(path, sizeof(path), "%s/lxc.monitor.c1", fixture->cgroup);
        assert_int_equal(mkdir(path, 0755), 0);
        assert_int_equal(looks(fixture), 1);
}

static void a_directory_that_is_not_wanted_any_more_is_not_heard(void **state) {
        struct fixture *fixture = *state;

        (void) set(fixture, fixture->a, fixture->b);
        assert_int_equal(set(fixture, fixture->a, NULL), 0);
        write_file(fixture->b, "file", "");
        assert_int_equal(looks(fixture), 0);

        /* Wanted again, it is still watched, but what happened meanwhile was not heard. */
        assert_int_equal(set(fixture, fixture->a, fixture->b), 1);
        assert_int_equal(set(fixture, fixture->a, fixture->b), 0);
        write_file(fixture->b, "file", "");
        assert_int_equal(looks(fixture), 1);
}

static void a_replaced_directory_is_watched_again(void **state) {
        struct fixture *fixture = *state;
        char path[128];

        (void) set(fixture, fixture->root, fixture->a);
        (void) snprintf(path, sizeof(path), "%s/old", fixture->root);
        assert_int_equal(rename(fixture->a, path), 0);
        assert_int_equal(mkdir(fixture->a, 0755), 0);
        assert_true(looks(fixture) > 0);
        assert_int_equal(set(fixture, fixture->root, fixture->a), 1);
        assert_int_equal(looks(fixture), 0);

        write_file(fixture->a, "file", "");
        assert_int_equal(looks(fixture), 1);
        write_file(path, "file", "");
        assert_int_equal(looks(fixture), 0);
}

static void a_directory_replaced_from_far_above_is_watched_again(void **state) {
        struct fixture *fixture = *state;
        char deep[160], old[128];

        (void) snprintf(deep, sizeof(deep), "%s/deep", fixture->a);
        (void) snprintf(old, sizeof(old), "%s/old", fixture->root);
        assert_int_equal(mkdir(deep, 0755), 0);
        assert_int_equal(set(fixture, deep, NULL), 1);

        /* Nothing happens to the directory itself, so that nothing can be heard. */
        assert_int_equal(rename(fixture->a, old), 0);
        assert_int_equal(mkdir(fixture->a, 0755), 0);
        assert_int_equal(mkdir(deep, 0755), 0);
        assert_int_equal(looks(fixture), 0);
        assert_int_equal(set(fixture, deep, NULL), 1);
        assert_int_equal(set(fixture, deep, NULL), 0);

        write_file(deep, "file", "");
        assert_int_equal(looks(fixture), 1);
}

static void a_turned_link_is_watched_where_it_leads(void **state) {
        struct fixture *fixture = *state;
        char link[128];

        (void) snprintf(link, sizeof(link), "%s/link", fixture->root);
        assert_int_equal(symlink("a", link), 0);
        assert_int_equal(set(fixture, fixture->root, link), 1);
        assert_int_equal(unlink(link), 0);
        assert_int_equal(symlink("b", link), 0);
        assert_true(looks(fixture) > 0);
        assert_int_equal(set(fixture, fixture->root, link), 1);
        assert_int_equal(looks(fixture), 0);

        write_file(fixture->b, "file", "");
        assert_int_equal(looks(fixture), 1);
}

static void a_removed_directory_is_missed_once_and_found_again(void **state) {
        struct fixture *fixture = *state;

        (void) set(fixture, fixture->a, fixture->b);
        assert_int_equal(rmdir(fixture->b), 0);
        assert_int_equal(looks(fixture), 1);
        assert_int_equal(watch_refresh(fixture->watch), 1);
        assert_int_equal(watch_refresh(fixture->watch), 0);
        assert_int_equal(watched(), 1);
        assert_int_equal(watch_trouble(fixture->watch), 0);

        assert_int_equal(mkdir(fixture->b, 0755), 0);
        assert_int_equal(watch_refresh(fixture->watch), 1);
        write_file(fixture->b, "file", "");
        assert_int_equal(looks(fixture), 1);
}

static void a_storm_is_one_look_a_dispatch(void **state) {
        struct fixture *fixture = *state;

        (void) set(fixture, fixture->a, NULL);
        for (unsigned i = 0; i < 1000; i++) {
                char name[32];

                (void) snprintf(name, sizeof(name), "file%u", i);
                write_file(fixture->a, name, "");
        }
        assert_true(looks(fixture) <= 2);
}

static long queue_limit(void) {
        FILE *file = fopen("/proc/sys/fs/inotify/max_queued_events", "re");
        char text[32] = "0";

        if (file) {
                (void) fgets(text, sizeof(text), file);
                (void) fclose(file);
        }
        return strtol(text, NULL, 10);
}

static void an_overflow_asks_for_a_full_look_and_heals(void **state) {
        struct fixture *fixture = *state;
        long limit = queue_limit();

        /* The limit is the machine's, and a test does not change machines. */
        if (limit <= 0 || limit > 200000)
                skip();
        (void) set(fixture, fixture->a, NULL);
        write_file(fixture->a, "one", "");
        write_file(fixture->a, "two", "");
        settle(fixture->event);
        for (long i = 0; i <= limit; i++) {
                char path[128];

                (void) snprintf(path, sizeof(path), "%s/%s", fixture->a, i % 2 ? "one" : "two");
                assert_int_equal(chmod(path, 0600), 0);
        }
        assert_true(looks(fixture) > 0);
        assert_int_equal(fixture->counter.full, 1);

        assert_int_equal(watch_refresh(fixture->watch), 1);
        assert_int_equal(looks(fixture), 0);
        write_file(fixture->a, "one", "");
        assert_int_equal(looks(fixture), 1);
}

static void many_directories_nobody_wants_are_forgotten(void **state) {
        phx_cleanup(phx_strings_done) struct phx_strings paths = { 0 };
        struct fixture *fixture = *state;

        for (unsigned i = 0; i < 100; i++) {
                assert_int_equal(phx_strings_addf(&paths, "%s/d%03u", fixture->a, i), 0);
                assert_int_equal(mkdir(paths.items[i], 0755), 0);
        }
        assert_int_equal(watch_set(fixture->watch, &paths, true), 1);
        assert_int_equal(watched(), 100);
        /* The new instance watches what it did not before. */
        assert_int_equal(set(fixture, paths.items[7], NULL), 1);
        assert_int_equal(watched(), 1);
        write_file(paths.items[7], "file", "");
        assert_int_equal(looks(fixture), 1);
}

static void the_descriptor_is_not_inherited(void **state) {
        struct fixture *fixture = *state;
        unsigned instances = 0;

        (void) set(fixture, fixture->a, NULL);
        for (int fd = 3; fd < 64; fd++) {
                char path[64], target[64] = "";

                (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
                (void) readlink(path, target, sizeof(target) - 1);
                if (strcmp(target, "anon_inode:inotify") != 0)
                        continue;
                instances++;
                assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
                assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
        }
        assert_int_equal(instances, 1);
}

/* Whether all is watched is known when all was tried. */
static void trouble_lasts_until_all_is_tried_again(void **state) {
        phx_cleanup(phx_strings_done) struct phx_strings paths = { 0 };
        struct fixture *fixture = *state;
        char path[128], loop[128];

        for (unsigned i = 0; i < 1000; i++) {
                (void) snprintf(path, sizeof(path), "%s/%04u", fixture->a, i);
                assert_int_equal(mkdir(path, 0755), 0);
                assert_int_equal(phx_strings_add(&paths, path), 0);
        }
        /* Can never be watched. */
        (void) snprintf(loop, sizeof(loop), "%s/loop", fixture->b);
        assert_int_equal(symlink("loop", loop), 0);
        assert_int_equal(set(fixture, fixture->a, loop), 1);
        assert_int_equal(watch_trouble(fixture->watch), -ELOOP);

        assert_int_equal(phx_strings_add(&paths, loop), 0);
        assert_int_equal(watch_set(fixture->watch, &paths, true), 0);
        assert_int_equal(watch_trouble(fixture->watch), -ELOOP);
        assert_true(looks(fixture) > 0);
        assert_int_equal(watch_trouble(fixture->watch), -ELOOP);
        (void) set(fixture, fixture->a, NULL);
        assert_int_equal(watch_trouble(fixture->watch), 0);
        phx_scope_done(&fixture->counter.scope);
}

static void another_inotify_instance_does_not_confuse(void **state) {
        struct fixture *fixture = *state;
        int other = inotify_init1(IN_CLOEXEC);

        assert_true(other >= 0);
        assert_int_equal(set(fixture, fixture->a, NULL), 1);
        write_file(fixture->a, "file", "");
        assert_int_equal(looks(fixture), 1);
        (void) close(other);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(a_new_directory_means_another_look_once),
                TEST(a_container_that_comes_is_an_arrival),
                TEST(every_kind_of_change_is_heard),
                TEST(an_event_says_what_must_be_read_again),
                TEST(many_directories_are_watched_some_at_a_time),
                TEST(on_the_way_others_names_are_no_events),
                TEST(a_name_that_is_new_means_another_look_once),
                TEST(a_check_outlasts_a_list_that_comes_meanwhile),
                TEST(trouble_lasts_until_all_is_tried_again),
                TEST(a_file_is_heard_when_its_writer_closes_it),
                TEST(temporary_names_are_not_heard),
                TEST(hidden_names_are_heard),
                TEST(of_the_cgroups_only_lxc_s_are_heard),
                TEST(a_directory_that_is_not_wanted_any_more_is_not_heard),
                TEST(a_replaced_directory_is_watched_again),
                TEST(a_directory_replaced_from_far_above_is_watched_again),
                TEST(a_turned_link_is_watched_where_it_leads),
                TEST(a_removed_directory_is_missed_once_and_found_again),
                TEST(a_storm_is_one_look_a_dispatch),
                TEST(an_overflow_asks_for_a_full_look_and_heals),
                TEST(many_directories_nobody_wants_are_forgotten),
                TEST(the_descriptor_is_not_inherited),
                TEST(another_inotify_instance_does_not_confuse),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
