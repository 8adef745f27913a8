/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Which of those that wait share a run of the compiler, and what becomes of each. */

#include <sys/inotify.h>
#include <time.h>

#include "base/macros.h"
#include "profiles-fixture.h"

static const char *const names[] = { "lxc-a", "lxc-b", "lxc-c", "lxc-d",
                                     "lxc-e", "lxc-f", "lxc-g", "lxc-h" };

static void write_profile(const char *name, const char *more) {
        char path[64], text[256];

        (void) snprintf(path, sizeof(path), "profiles/%s", name);
        (void) snprintf(text, sizeof(text), "profile %s {\n%s}\n", name, more);
        tree_write(path, text);
}

/* --- the runs --- */

/* Of inotify: each run makes a directory for its copies when it starts, and the compiler itself may
 * write nowhere. */
static int stages = -1;

/* All so far: a line for each, with the names of its profiles. */
static char runs[4096];

static bool has_staged(void) {
        union {
                struct inotify_event event;
                char bytes[4096];
        } buffer;
        bool has_any = false;
        ssize_t size;

        while ((size = read(stages, &buffer, sizeof(buffer))) > 0)
                for (ssize_t at = 0; at < size;) {
                        const struct inotify_event *event = (const void *) (buffer.bytes + at);

                        has_any |= (event->mask & IN_ISDIR) != 0;
                        at += (ssize_t) (sizeof(*event) + event->len);
                }
        return has_any;
}

static void runs_end_line(void) {
        if (has_staged())
                runs[strlen(runs) - 1] = '\n';
}

/* All profiles of a run are told of before it is staged. */
static void on_start(void *data, const char *name) {
        size_t length;

        runs_end_line();
        length = strlen(runs);
        (void) snprintf(runs + length, sizeof(runs) - length, "%s ", name);
        on_compile(data, name);
}

static const struct phx_compile_progress runs_progress = { .started = on_start };

static void forget_runs(void) {
        runs_end_line();
        runs[0] = '\0';
}

static void assert_runs(const char *expected) {
        runs_end_line();
        assert_string_equal(runs, expected);
        runs[0] = compiled[0] = '\0';
}

/* How many profiles were in each, as a line. */
static void assert_shares(const char *expected) {
        char shares[256] = "";
        size_t names_in_run = 0, length = 0;

        runs_end_line();
        for (const char *at = runs; *at; at++) {
                names_in_run += *at == ' ' || *at == '\n';
                if (*at != '\n')
                        continue;
                length += (size_t) snprintf(
                                shares + length,
                                sizeof(shares) - length,
                                "%zu ",
                                names_in_run);
                names_in_run = 0;
        }
        assert_string_equal(shares, expected);
}

/* --- what waits --- */

/* One that the first run is about, and eight that wait behind it until they are ranked. */
static void wait_behind_one_of(const char *release) {
        char comment[64];

        (void) snprintf(comment, sizeof(comment), "%%s version %s", release);
        write_compiler(comment);
        stages = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        assert_true(stages >= 0);
        assert_true(inotify_add_watch(stages, stage_dir, IN_CREATE) >= 0);
        runs[0] = '\0';
        options.progress = &runs_progress;
        start(false);
        settings.compile_jobs = 1;
        tree_write("is-slow", "");
        assert_int_equal(update_once(), 0);
        assert_runs("lxc-web\n");
        for (size_t i = 0; i < PHX_ELEMENTS(names); i++)
                write_profile(names[i], "");
}

static int wait_behind_one(void **state) {
        int r = set_up(state);

        wait_behind_one_of("3.0.8");
        return r;
}

static int wait_behind_one_of_another_release(void **state) {
        int r = set_up(state);

        wait_behind_one_of("4.1.0");
        return r;
}

static int end(void **state) {
        (void) close(stages);
        return tear_down(state);
}

static void rank(const char *first, const char *second, const char *third) {
        const char *const running[] = { first, second, third };

        assert_int_equal(update_once(), 0);
        for (size_t i = 0; i < PHX_ELEMENTS(running) && running[i]; i++)
                phx_profiles_rank(profiles, running[i], PHX_URGENCY_RUNNING);
        phx_profiles_set_ranked(profiles);
}

static void rank_none(void) {
        rank(NULL, NULL, NULL);
}

static size_t running(void) {
        struct phx_process_watch watches[PHX_COMPILES_LIMIT];

        return phx_profiles_compiles(profiles, watches, PHX_COMPILES_LIMIT);
}

/* The first one is gone, so that the next look starts another. */
static void go_on(void) {
        tree_remove("is-slow");
        tree_remove("profiles/lxc-web");
}

/* Until the only one that runs has ended, however long a head start is. No look is made. */
static void wait_for_the_end(void) {
        struct phx_process_watch watch;
        struct pollfd fd = { .events = POLLIN };

        assert_int_equal(phx_profiles_compiles(profiles, &watch, 1), 1);
        fd.fd = watch.fd;
        assert_int_equal(poll(&fd, 1, -1), 1);
}

/* The first of a series has a run of its own. The next look may start others. */
static void begin_series(const char *first) {
        char line[64];

        (void) snprintf(line, sizeof(line), "%s\n", first);
        go_on();
        assert_int_equal(update_once(), 0);
        assert_int_equal(running(), 1);
        assert_runs(line);
        wait_for_the_end();
}

/* The look that takes the first one; where that had a head start, others begin in the one after it.
 */
static int take_first(void) {
        struct phx_process_watch watch;
        int r = update_once();

        if (phx_profiles_compiles(profiles, &watch, 1) == 1 && watch.fd < 0)
                assert_true(update_once() >= 0);
        return r;
}

static void assert_all_good(void) {
        for (size_t i = 0; i < PHX_ELEMENTS(names); i++)
                assert_good(names[i]);
}

/* A comment of so many bytes. */
static void write_piece(const char *path, int size) {
        char text[16 << 10];

        (void) snprintf(text, sizeof(text), "%0*d\n", size - 1, 0);
        text[0] = '#';
        tree_write(path, text);
}

/* --- which share a run --- */

static void small_ones_that_wait_share_a_run(void **state) {
        rank_none();
        begin_series("lxc-a");
        tree_write("slow-lxc-h", "");
        assert_int_equal(take_first(), 1);
        assert_good("lxc-a");
        assert_int_equal(running(), 1);
        assert_runs("lxc-b lxc-c lxc-d lxc-e lxc-f lxc-g lxc-h\n");
        assert_int_equal(find("lxc-b")->state, PHX_SOURCE_COMPILING);
}

static void every_run_that_is_allowed_has_its_part(void **state) {
        write_profile("lxc-i", "");
        rank_none();
        begin_series("lxc-a");
        settings.compile_jobs = 2;
        tree_write("is-slow", "");
        assert_int_equal(take_first(), 1);
        /* Half of the eight that are left, and then half of the other four. */
        assert_int_equal(running(), 2);
        assert_runs("lxc-b lxc-c lxc-d lxc-e\nlxc-f lxc-g\n");
}

static void no_more_than_a_run_has_room_for(void **state) {
        for (unsigned i = 0; i < 40; i++) {
                char name[16];

                (void) snprintf(name, sizeof(name), "lxc-%02u", i);
                write_profile(name, "");
        }
        rank_none();
        begin_series("lxc-00");
        assert_int_equal(take_first(), 1);
        assert_shares("32 ");
        update(1);
        assert_all_good();
        assert_good("lxc-39");
}

/* Eight of those that are nearly as large as may be, and the small ones. */
static void nor_than_are_compiled_in_a_moment(void **state) {
        write_piece("profiles/abstractions/large", 11000);
        for (unsigned i = 0; i < 20; i++) {
                char name[16];

                (void) snprintf(name, sizeof(name), "lxc-%02u", i);
                write_profile(name, "include <abstractions/large>\n");
        }
        rank_none();
        begin_series("lxc-00");
        tree_write("is-slow", "");
        assert_int_equal(take_first(), 1);
        assert_runs("lxc-01 lxc-02 lxc-03 lxc-04 lxc-05 lxc-06 lxc-07 lxc-08 "
                    "lxc-a lxc-b lxc-c lxc-d lxc-e lxc-f lxc-g lxc-h\n");
}

static void what_a_running_container_waits_for_runs_alone(void **state) {
        rank("lxc-d", "lxc-e", "lxc-f");
        go_on();
        update(1);
        assert_runs("lxc-d\nlxc-e\nlxc-f\nlxc-a lxc-b lxc-c lxc-g lxc-h\n");
        assert_all_good();
}

/* Nobody more urgent waits for one that is less so. */
static void only_those_that_are_as_urgent_share_a_run(void **state) {
        assert_int_equal(update_once(), 0);
        for (size_t i = 3; i < 6; i++)
                phx_profiles_rank(profiles, names[i], PHX_URGENCY_NAMED);
        phx_profiles_set_ranked(profiles);
        go_on();
        update(1);
        assert_runs("lxc-d\nlxc-e lxc-f\nlxc-a lxc-b lxc-c lxc-g lxc-h\n");
        assert_all_good();
}

static void what_is_not_ranked_runs_alone(void **state) {
        go_on();
        update(1);
        assert_runs("lxc-a\nlxc-b\nlxc-c\nlxc-d\nlxc-e\nlxc-f\nlxc-g\nlxc-h\n");
        assert_all_good();
}

/* The directory that one includes would have another in it. */
static void what_would_see_another_s_files_runs_without_it(void **state) {
        tree_write("profiles/abstractions/d/one", "/one r,\n");
        tree_write("profiles/abstractions/d/e/two", "/two r,\n");
        write_profile("lxc-c", "include <abstractions/d>\n");
        write_profile("lxc-d", "include <abstractions/d/e/two>\n");
        rank_none();
        go_on();
        update(1);
        assert_runs("lxc-a\nlxc-b lxc-c lxc-e lxc-f lxc-g lxc-h\nlxc-d\n");
        assert_all_good();
}

static void what_has_hats_or_children_runs_alone(void **state) {
        tree_write("profiles/abstractions/kid", "profile kid {\n}\n");
        tree_write("deployed/abi/3.0", "caps {mask {chown\n}\n}\nfile {mask {read\n}\n}\n");
        write_profile("lxc-b", "abi <abi/3.0>,\n");
        write_profile("lxc-c", "^hat {\n}\n");
        write_profile("lxc-e", "include <abstractions/kid>\n");
        rank_none();
        go_on();
        update(1);
        assert_runs("lxc-a\nlxc-b lxc-d lxc-f lxc-g lxc-h\nlxc-c\nlxc-e\n");
        assert_all_good();
}

static void what_failed_before_runs_alone(void **state) {
        tree_write("is-short", "");
        rank_none();
        go_on();
        update(0);
        assert_int_equal(find("lxc-h")->state, PHX_SOURCE_REFUSED);
        tree_remove("is-short");

        tree_write("is-slow", "");
        tree_write("profiles/lxc-web", WEB "# again\n");
        look.now_usec += 120 * SECONDS;
        rank_none();
        forget_runs();
        go_on();
        update(1);
        assert_runs("lxc-a\nlxc-b\nlxc-c\nlxc-d\nlxc-e\nlxc-f\nlxc-g\nlxc-h\n");
        assert_all_good();
}

static void large_ones_run_alone(void **state) {
        write_piece("profiles/abstractions/large", 13000);
        write_profile("lxc-b", "include <abstractions/large>\n");
        write_profile("lxc-e", "include <abstractions/large>\n");
        rank_none();
        go_on();
        update(1);
        assert_runs("lxc-a\nlxc-b\nlxc-c lxc-d lxc-f lxc-g lxc-h\nlxc-e\n");
        assert_all_good();
}

static void another_release_compiles_each_alone(void **state) {
        rank_none();
        begin_series("lxc-a");
        settings.compile_jobs = 4;
        tree_write("is-slow", "");
        assert_int_equal(take_first(), 1);
        assert_int_equal(running(), 4);
        assert_runs("lxc-b\nlxc-c\nlxc-d\nlxc-e\n");
}

/* --- what becomes of each --- */

static void one_that_fails_costs_the_others_nothing(void **state) {
        write_profile("lxc-d", "bogus\n");
        rank_none();
        go_on();
        update(1);
        /* One alone, the others together, and then each of these alone. */
        assert_runs("lxc-a\nlxc-b lxc-c lxc-d lxc-e lxc-f lxc-g lxc-h\n"
                    "lxc-b\nlxc-c\nlxc-d\nlxc-e\nlxc-f\nlxc-g\nlxc-h\n");
        assert_refused("lxc-d", "lxc-d: line 2: bogus", false);
        write_profile("lxc-d", "");
        update(1);
        assert_runs("lxc-d\n");
        assert_all_good();
}

/* Neither time limit of its own is as short. */
static void one_that_takes_long_holds_up_the_others_for_a_moment(void **state) {
        uint64_t until = phx_now_usec() + settings.compile_deadline_usec / 2;

        rank_none();
        begin_series("lxc-a");
        tree_write("busy-lxc-h", "");
        assert_int_equal(take_first(), 1);
        assert_runs("lxc-b lxc-c lxc-d lxc-e lxc-f lxc-g lxc-h\n");
        do {
                assert_true(wait_for_a_compile());
                (void) update_once();
                assert_true(phx_now_usec() < until);
        } while (find("lxc-g")->state != PHX_SOURCE_GOOD);
        (void) update_once();
        assert_runs("lxc-b\nlxc-c\nlxc-d\nlxc-e\nlxc-f\nlxc-g\nlxc-h\n");
        assert_int_equal(find("lxc-h")->state, PHX_SOURCE_COMPILING);
        assert_int_equal(running(), 1);
}

/* As where other processes have the processors: it is not done again. */
static void one_that_only_waits_is_waited_for(void **state) {
        int fd;

        rank_none();
        begin_series("lxc-a");
        assert_int_equal(mkfifo(tree_path("wait-lxc-b"), 0644), 0);
        assert_int_equal(take_first(), 1);
        (void) nanosleep(&(struct timespec){ 1, 200000000 }, NULL);
        assert_int_equal(update_once(), 0);
        assert_int_equal(running(), 1);
        fd = open(tree_path("wait-lxc-b"), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(close(fd), 0);
        update(1);
        assert_runs("lxc-b lxc-c lxc-d lxc-e lxc-f lxc-g lxc-h\n");
        assert_all_good();
}

/* Nor for as long as one alone. */
static void but_no_longer_than_a_while(void **state) {
        struct phx_process_watch watch;
        uint64_t now;

        rank_none();
        begin_series("lxc-a");
        tree_write("slow-lxc-h", "");
        assert_int_equal(take_first(), 1);
        assert_runs("lxc-b lxc-c lxc-d lxc-e lxc-f lxc-g lxc-h\n");
        assert_int_equal(phx_profiles_compiles(profiles, &watch, 1), 1);
        now = phx_now_usec();
        assert_true(watch.due_usec > now + 1000000);
        assert_true(watch.due_usec <= now + 10000000);
        assert_true(watch.due_usec < now + settings.compile_deadline_usec);
}

static void one_that_changes_meanwhile_leaves_the_others(void **state) {
        rank_none();
        begin_series("lxc-a");
        tree_write("slow-lxc-h", "");
        assert_int_equal(take_first(), 1);
        tree_remove("slow-lxc-h");
        write_profile("lxc-c", "# another\n");
        tree_remove("profiles/lxc-e");
        update(1);
        write_profile("lxc-e", "");
        update(1);
        assert_all_good();
}

#define SHARED(name) cmocka_unit_test_setup_teardown(name, wait_behind_one, end)
int main(void) {
        const struct CMUnitTest tests[] = {
                SHARED(small_ones_that_wait_share_a_run),
                SHARED(every_run_that_is_allowed_has_its_part),
                SHARED(no_more_than_a_run_has_room_for),
                SHARED(nor_than_are_compiled_in_a_moment),
                SHARED(what_a_running_container_waits_for_runs_alone),
                SHARED(only_those_that_are_as_urgent_share_a_run),
                SHARED(what_is_not_ranked_runs_alone),
                SHARED(what_would_see_another_s_files_runs_without_it),
                SHARED(what_has_hats_or_children_runs_alone),
                SHARED(what_failed_before_runs_alone),
                SHARED(large_ones_run_alone),
                cmocka_unit_test_setup_teardown(
                                another_release_compiles_each_alone,
                                wait_behind_one_of_another_release,
                                end),
                SHARED(one_that_fails_costs_the_others_nothing),
                SHARED(one_that_takes_long_holds_up_the_others_for_a_moment),
                SHARED(one_that_only_waits_is_waited_for),
                SHARED(but_no_longer_than_a_while),
                SHARED(one_that_changes_meanwhile_leaves_the_others),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
