/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Compiles that run beside the looks. */

#include <sched.h>
#include <signal.h>
#include <sys/resource.h>

#include "profiles-fixture.h"

static pid_t first_compiler(void) {
        struct phx_process_watch watch;

        assert_true(phx_profiles_compiles(profiles, &watch, 1) > 0);
        return watch.pid;
}

static size_t count_compilers(void) {
        struct phx_process_watch watches[PHX_COMPILES_LIMIT];

        return phx_profiles_compiles(profiles, watches, PHX_COMPILES_LIMIT);
}

static void assert_compiling(const char *name, bool has_good) {
        const struct phx_desired_profile *profile = find(name);

        assert_int_equal(profile->state, PHX_SOURCE_COMPILING);
        assert_null(profile->refusal);
        assert_int_equal(profile->has_good, has_good);
        assert_int_equal(profile->policy.count, has_good ? 1 : 0);
}

static void one_that_takes_long_holds_up_no_other(void **state) {
        tree_write("profiles/lxc-db", DB);
        tree_write("slow-lxc-db", "");
        assert_int_equal(update_once(), 0);
        assert_compiling("lxc-db", false);
        assert_compiling("lxc-web", false);
        assert_int_equal(find("lxc-db")->compiling_since_usec, look.now_usec);

        look.now_usec += SECONDS;
        assert_true(wait_for_a_compile());
        assert_true(phx_profiles_has_compiled(profiles));
        assert_int_equal(update_once(), 1);
        assert_good("lxc-web");
        assert_int_equal(find("lxc-web")->compiling_since_usec, 0);
        assert_compiling("lxc-db", false);
        assert_int_equal(find("lxc-db")->compiling_since_usec, look.now_usec - SECONDS);
        assert_false(phx_profiles_has_compiled(profiles));
        assert_int_equal(count_compilers(), 1);

        /* One that is saved meanwhile is in force before it, too. */
        tree_write("profiles/lxc-new", "profile lxc-new {\n}\n");
        assert_int_equal(update_once(), 0);
        assert_true(wait_for_a_compile());
        assert_int_equal(update_once(), 1);
        assert_good("lxc-new");
        assert_compiling("lxc-db", false);
        assert_compiled("lxc-db\nlxc-web\nlxc-new\n");
}

static void the_last_good_one_stays_in_force_meanwhile(void **state) {
        char digest[PHX_SHA256_HEX];

        update(1);
        memcpy(digest, find("lxc-web")->digest, sizeof(digest));
        tree_write("is-slow", "");
        tree_write("profiles/lxc-web", WEB "# another\n");
        assert_int_equal(update_once(), 0);
        assert_compiling("lxc-web", true);
        assert_string_equal(find("lxc-web")->digest, digest);
}

static void another_text_is_compiled_instead(void **state) {
        pid_t first;

        tree_write("is-slow", "");
        assert_int_equal(update_once(), 0);
        first = first_compiler();
        /* Nothing has changed: it goes on. */
        assert_int_equal(update_once(), 0);
        assert_int_equal(first_compiler(), first);

        look.now_usec += SECONDS;
        tree_write("profiles/lxc-web", WEB "# another\n");
        assert_int_equal(update_once(), 0);
        assert_int_equal(count_compilers(), 1);
        assert_int_not_equal(first_compiler(), first);
        assert_int_equal(kill(first, 0), -1);
        assert_int_equal(find("lxc-web")->compiling_since_usec, look.now_usec);
}

static void what_is_gone_is_not_compiled(void **state) {
        tree_write("profiles/lxc-db", DB);
        tree_write("is-slow", "");
        assert_int_equal(update_once(), 0);
        assert_int_equal(count_compilers(), 2);
        tree_remove("profiles/lxc-db");
        assert_int_equal(update_once(), 0);
        assert_int_equal(count_compilers(), 1);
}

static void a_directory_out_of_sight_asks_for_no_look_after_look(void **state) {
        update(1);
        tree_write("profiles/lxc-web", WEB "# another\n");
        assert_int_equal(update_once(), 0);
        assert_int_equal(rename(tree_path("profiles"), tree_path("elsewhere")), 0);
        assert_true(wait_for_a_compile());
        assert_int_equal(update_once(), 0);
        assert_int_equal(count_compilers(), 0);
        /* And what it has made is taken when the source is back. */
        assert_int_equal(rename(tree_path("elsewhere"), tree_path("profiles")), 0);
        assert_int_equal(update_once(), 1);
        assert_good("lxc-web");
}

static void what_is_tried_again_keeps_its_refusal_meanwhile(void **state) {
        settings.compile_deadline_usec = SECONDS / 5;
        tree_write("is-slow", "");
        update(0);
        assert_int_equal(find("lxc-web")->state, PHX_SOURCE_REFUSED);
        assert_int_equal(retry_usec, 60 * SECONDS);

        look.now_usec += 60 * SECONDS;
        assert_int_equal(update_once(), 0);
        assert_int_equal(count_compilers(), 1);
        assert_refused("lxc-web",
                       "lxc-web: compile took longer than 0 s (compile_deadline_s) and was stopped",
                       false);
        assert_int_equal(find("lxc-web")->compiling_since_usec, look.now_usec);
        /* It is being tried: no other look is due for that. */
        assert_true(retry_usec == PHX_NEVER);
        assert_true(wait_for_a_compile());
        assert_int_equal(update_once(), 0);
        assert_int_equal(retry_usec, 120 * SECONDS);
}

static void those_that_run_come_first(void **state) {
        static const char *const names[] = { "lxc-a", "lxc-b", "lxc-c", "lxc-d" };
        struct phx_container_config container = { .profile = (char[]){ "lxc-c" } };
        const struct phx_configuration configuration = { .containers = &container, .count = 1 };
        char path[64], text[64];

        tree_remove("profiles/lxc-web");
        for (size_t i = 0; i < PHX_ELEMENTS(names); i++) {
                (void) snprintf(path, sizeof(path), "profiles/%s", names[i]);
                (void) snprintf(text, sizeof(text), "profile %s {\n}\n", names[i]);
                tree_write(path, text);
        }
        settings.compile_jobs = 1;
        look.configuration = &configuration;
        assert_int_equal(update_once(), 0);
        assert_int_equal(count_compilers(), 1);
        /* Then it is seen who runs. */
        assert_true(phx_profiles_is_unranked(profiles));
        phx_profiles_rank(profiles, "lxc-c", PHX_URGENCY_NAMED);
        phx_profiles_rank(profiles, "lxc-d", PHX_URGENCY_RUNNING);
        phx_profiles_rank(profiles, "lxc-d", PHX_URGENCY_NAMED);
        phx_profiles_rank(profiles, "lxc-unknown", PHX_URGENCY_RUNNING);
        phx_profiles_set_ranked(profiles);
        assert_false(phx_profiles_is_unranked(profiles));
        assert_true(wait_for_a_compile());
        update(1);
        assert_compiled("lxc-c\nlxc-d\nlxc-a\nlxc-b\n");
}

/* Of a compiler that is slow: when it is what it is to become. */
static int niceness_of(pid_t pid) {
        char path[64];

        (void) snprintf(path, sizeof(path), "/proc/%d/comm", (int) pid);
        for (unsigned i = 0; i < 10000; i++) {
                phx_autofree char *comm = NULL;
                size_t size;

                if (phx_file_read_at(AT_FDCWD, path, 64, &comm, &size) >= 0 &&
                    strcmp(comm, "sleep\n") == 0)
                        return getpriority(PRIO_PROCESS, (id_t) pid);
                (void) usleep(1000);
        }
        fail();
        return 0;
}

/* Where more are to be compiled than there are processors. */
static void only_the_first_of_many_takes_its_turn_as_one_would(void **state) {
        struct phx_process_watch watches[2];
        int own = getpriority(PRIO_PROCESS, 0), others = own > 10 ? own : 10;
        cpu_set_t processors;
        char path[64], text[64];

        assert_int_equal(sched_getaffinity(0, sizeof(processors), &processors), 0);
        tree_write("is-slow", "");
        for (int i = 0; i < CPU_COUNT(&processors) + 1; i++) {
                (void) snprintf(path, sizeof(path), "profiles/lxc-%d", i);
                (void) snprintf(text, sizeof(text), "profile lxc-%d {\n}\n", i);
                tree_write(path, text);
        }
        settings.compile_jobs = 2;
        assert_int_equal(update_once(), 0);
        assert_int_equal(phx_profiles_compiles(profiles, watches, 2), 2);
        assert_int_equal(niceness_of(watches[0].pid), own);
        assert_int_equal(niceness_of(watches[1].pid), others);
        /* The one that follows it waits its turn. */
        assert_int_equal(kill(watches[0].pid, SIGKILL), 0);
        assert_true(wait_for_a_compile());
        assert_int_equal(update_once(), 0);
        assert_int_equal(phx_profiles_compiles(profiles, watches, 2), 2);
        for (size_t i = 0; i < 2; i++)
                assert_int_equal(niceness_of(watches[i].pid), others);
}

/* As on a host of one or two. Returns how many they are. */
static size_t use_few_processors(cpu_set_t *ret_all) {
        cpu_set_t few;
        size_t count = 0;

        assert_int_equal(sched_getaffinity(0, sizeof(*ret_all), ret_all), 0);
        CPU_ZERO(&few);
        for (size_t i = 0; i < CPU_SETSIZE && count < 2; i++)
                if (CPU_ISSET(i, ret_all)) {
                        CPU_SET(i, &few);
                        count++;
                }
        assert_int_equal(sched_setaffinity(0, sizeof(few), &few), 0);
        return count;
}

static void write_many(size_t count) {
        char path[64], text[64];

        tree_remove("profiles/lxc-web");
        for (size_t i = 0; i < count; i++) {
                (void) snprintf(path, sizeof(path), "profiles/lxc-%02zu", i);
                (void) snprintf(text, sizeof(text), "profile lxc-%02zu {\n}\n", i);
                tree_write(path, text);
        }
}

static void the_first_of_many_runs_alone(void **state) {
        struct phx_container_config container = { .profile = (char[]){ "lxc-05" } };
        const struct phx_configuration configuration = { .containers = &container, .count = 1 };
        cpu_set_t all;

        write_many(4 * use_few_processors(&all) + 1);
        tree_write("is-slow", "");
        look.configuration = &configuration;
        assert_int_equal(update_once(), 0);
        assert_compiled("lxc-05\n");
        assert_int_equal(count_compilers(), 1);
        /* Another look in that time changes nothing. */
        assert_int_equal(update_once(), 0);
        assert_compiled("");
        /* When it has ended, however it has, others start, and none of them is the first. */
        assert_int_equal(kill(first_compiler(), SIGKILL), 0);
        assert_true(wait_for_a_compile());
        assert_int_equal(update_once(), 0);
        assert_compiled("lxc-00\nlxc-01\n");
        assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
}

static void no_other_runs_until_the_first_is_in_force(void **state) {
        struct phx_process_watch watch;
        cpu_set_t all;

        write_many(4 * use_few_processors(&all) + 2);
        assert_int_equal(update_once(), 0);
        assert_compiled("lxc-00\n");
        assert_true(wait_for_a_compile());
        assert_int_equal(update_once(), 1);
        assert_int_equal(find("lxc-00")->state, PHX_SOURCE_GOOD);
        assert_compiled("");
        /* Nothing runs, and a look is asked for even so. */
        assert_int_equal(phx_profiles_compiles(profiles, &watch, 1), 1);
        assert_int_equal(watch.fd, -1);
        assert_true(watch.due_usec <= phx_now_usec() + SECONDS / 10);
        assert_true(phx_profiles_has_compiled(profiles));
        assert_true(update_once() >= 0);
        assert_compiled("lxc-01\nlxc-02\n");
        assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
}

static void a_first_that_hangs_holds_up_nobody(void **state) {
        uint64_t began = phx_now_usec();
        struct phx_process_watch watch;
        cpu_set_t all;

        write_many(4 * use_few_processors(&all) + 1);
        tree_write("slow-lxc-00", "");
        assert_int_equal(update_once(), 0);
        assert_int_equal(phx_profiles_compiles(profiles, &watch, 1), 1);
        assert_true(watch.due_usec > began && watch.due_usec <= phx_now_usec() + SECONDS / 2);
        assert_false(phx_profiles_has_compiled(profiles));
        assert_compiled("lxc-00\n");
        assert_true(wait_for_a_compile());
        assert_true(phx_profiles_has_compiled(profiles));
        assert_int_equal(update_once(), 0);
        assert_compiled("lxc-01\n");
        assert_int_equal(phx_profiles_compiles(profiles, &watch, 1), 1);
        assert_true(watch.due_usec > phx_now_usec() + 10 * SECONDS);
        while (find("lxc-02")->state != PHX_SOURCE_GOOD) {
                assert_true(wait_for_a_compile());
                assert_true(update_once() >= 0);
        }
        assert_compiling("lxc-00", false);
        assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
}

static void a_first_that_is_gone_holds_up_nobody(void **state) {
        cpu_set_t all;

        write_many(4 * use_few_processors(&all) + 2);
        tree_write("is-slow", "");
        assert_int_equal(update_once(), 0);
        assert_compiled("lxc-00\n");
        tree_remove("profiles/lxc-00");
        assert_int_equal(update_once(), 0);
        assert_compiled("lxc-01\nlxc-02\n");
        assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
}

static void few_start_at_once(void **state) {
        cpu_set_t all;

        write_many(4 * use_few_processors(&all));
        tree_write("is-slow", "");
        assert_int_equal(update_once(), 0);
        assert_compiled("lxc-00\nlxc-01\n");
        assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
}

static void one_alone_takes_its_turn_as_any_other(void **state) {
        tree_write("is-slow", "");
        assert_int_equal(update_once(), 0);
        assert_int_equal(niceness_of(first_compiler()), getpriority(PRIO_PROCESS, 0));
}

static void only_what_was_there_is_waited_for(void **state) {
        tree_write("is-slow", "");
        phx_profiles_forget_failures(profiles);
        assert_int_equal(update_once(), 0);
        assert_true(find("lxc-web")->is_awaited);
        tree_write("profiles/lxc-db", DB);
        assert_int_equal(update_once(), 0);
        assert_true(find("lxc-web")->is_awaited);
        assert_false(find("lxc-db")->is_awaited);
        /* Another text is not what they asked for. */
        tree_write("profiles/lxc-web", WEB "# another\n");
        assert_int_equal(update_once(), 0);
        assert_false(find("lxc-web")->is_awaited);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(one_that_takes_long_holds_up_no_other),
                TEST(the_last_good_one_stays_in_force_meanwhile),
                TEST(another_text_is_compiled_instead),
                TEST(what_is_gone_is_not_compiled),
                TEST(a_directory_out_of_sight_asks_for_no_look_after_look),
                TEST(what_is_tried_again_keeps_its_refusal_meanwhile),
                TEST(those_that_run_come_first),
                TEST(only_the_first_of_many_takes_its_turn_as_one_would),
                TEST(the_first_of_many_runs_alone),
                TEST(no_other_runs_until_the_first_is_in_force),
                TEST(a_first_that_hangs_holds_up_nobody),
                TEST(a_first_that_is_gone_holds_up_nobody),
                TEST(few_start_at_once),
                TEST(one_alone_takes_its_turn_as_any_other),
                TEST(only_what_was_there_is_waited_for),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
