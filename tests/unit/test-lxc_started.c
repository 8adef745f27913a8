/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a running container was started with: asked of its monitor, and compared with its options
 * and its config as liblxc writes them. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "lxc/listing.h"
#include "lxc/running.h"
#include "lxc/started.h"
#include "monitor-fixture.h"

#define DEADLINE_USEC 300000
#define LONG_USEC 20000000

static char lxc_path[64];

static int set_up(void **state) {
        (void) snprintf(lxc_path, sizeof(lxc_path), "/test-lxc_started/%d", (int) getpid());
        return 0;
}

/* --- which keys --- */

static void lines_that_confine_count(void **state) {
        assert_true(phx_lxc_started_counts("lxc.cap.drop"));
        assert_true(phx_lxc_started_counts("lxc.seccomp.profile"));
        assert_true(phx_lxc_started_counts("lxc.apparmor.allow_nesting"));
        assert_true(phx_lxc_started_counts("lxc.no_new_privs"));
        assert_true(phx_lxc_started_counts("lxc.mount.entry"));
        assert_true(phx_lxc_started_counts("lxc.cgroup2.devices.deny"));
}

static void lines_that_a_running_container_may_differ_in_do_not(void **state) {
        /* Its label is seen in its tasks. */
        assert_false(phx_lxc_started_counts("lxc.apparmor.profile"));
        assert_false(phx_lxc_started_counts("lxc.start.auto"));
        assert_false(phx_lxc_started_counts("lxc.net.0.hwaddr"));
        assert_false(phx_lxc_started_counts("lxc.cgroup2.memory.max"));
        assert_false(phx_lxc_started_counts("lxc.environment"));
}

/* --- comparing --- */

/* OPTIONS and GONE are lines "key=value" with a comma between them. What came of it, as
 * "+KEY -KEY ?KEY", or "more" when the config must be known. */
static char *compared(
                const char *options,
                const char *gone,
                const char *running,
                const char *config,
                const char *alone) {
        phx_cleanup(phx_lxc_started_done) struct phx_lxc_started started = { 0 };
        phx_cleanup(phx_wrong_lines_done) struct phx_wrong_lines wrong = { 0 };
        phx_cleanup(phx_lxc_options_done) struct phx_lxc_options asked = { 0 };
        phx_cleanup(phx_strings_done) struct phx_strings removed = { 0 }, unknown = { 0 };
        struct phx_strings values[3] = { 0 };
        const char *given[] = { running, config, alone };
        const struct phx_lxc_started_values view = { &values[0],
                                                     config ? &values[1] : NULL,
                                                     config ? &values[2] : NULL };
        phx_autofree char *copy = strdup(options), *other = strdup(gone);
        char *rest = copy, *item, text[512] = "";
        int r;

        while ((item = strsep(&rest, ",")))
                if (item[0]) {
                        const char *key = strsep(&item, "=");

                        assert_non_null(phx_lxc_options_add(&asked, key, item));
                }
        rest = other;
        while ((item = strsep(&rest, ",")))
                if (item[0])
                        assert_int_equal(phx_strings_add(&removed, item), 0);
        assert_int_equal(phx_lxc_started_make(&asked, &removed, &started), 0);
        for (size_t i = 0; i < started.keys.count; i++)
                for (size_t j = 0; j < 3; j++)
                        assert_int_equal(phx_strings_add(&values[j], given[j] ? given[j] : ""), 0);
        r = phx_lxc_started_compare(&started, &view, &wrong, &unknown);
        assert_true(r >= 0);
        if (r == 0)
                assert_int_equal(wrong.count + unknown.count, 0);
        (void) snprintf(text, sizeof(text), "%s", r == 0 ? "more" : "");
        for (size_t i = 0; i < wrong.count; i++)
                (void) snprintf(text + strlen(text),
                                sizeof(text) - strlen(text),
                                "%s%s",
                                wrong.items[i].fault == PHX_LINE_NOT_IN_EFFECT ? "+" : "-",
                                wrong.items[i].key);
        for (size_t i = 0; i < unknown.count; i++)
                (void) snprintf(text + strlen(text),
                                sizeof(text) - strlen(text),
                                "?%s",
                                unknown.items[i]);
        for (size_t j = 0; j < 3; j++)
                phx_strings_done(&values[j]);
        return strdup(text);
}

#define assert_compared(expected, ...)                           \
        do {                                                     \
                phx_autofree char *text = compared(__VA_ARGS__); \
                assert_string_equal(text, expected);             \
        } while (0)

static void what_it_was_started_with_is_right(void **state) {
        assert_compared("", "lxc.cap.drop=sys_time", "", "sys_time\n", NULL, NULL);
        /* In a list of the operator's, and in one line with others. */
        assert_compared("", "lxc.cap.drop=a b", "", "b\nc\na\n", NULL, NULL);
        assert_compared("", "", "", "sys_time\n", NULL, NULL);
        assert_compared("", "lxc.start.auto=1,lxc.tty.max=3", "", "", NULL, NULL);
}

static void what_it_lacks_is_named_when_the_config_has_it(void **state) {
        assert_compared("more", "lxc.cap.drop=a,lxc.cap.drop=b", "", "a\n", NULL, NULL);
        assert_compared("+lxc.cap.drop",
                        "lxc.cap.drop=a,lxc.cap.drop=b",
                        "",
                        "a\n",
                        "a\nb\n",
                        "a\nb\n");
        assert_compared("+lxc.seccomp.profile",
                        "lxc.seccomp.profile=/new",
                        "",
                        "/old",
                        "/new",
                        "/new");
}

/* An emptied list is right only without all that is not asked for. */
static void a_list_that_is_emptied_has_nothing_else(void **state) {
        assert_compared("", "lxc.cap.drop=,lxc.cap.drop=a", "", "a\n", NULL, NULL);
        assert_compared("+lxc.cap.drop",
                        "lxc.cap.drop=,lxc.cap.drop=a",
                        "",
                        "a\nb\n",
                        "a\n",
                        "a\n");
}

/* liblxc writes "lxc.mount.auto = proc" as "proc:mixed". */
static void other_words_for_the_same_are_no_difference(void **state) {
        assert_compared("", "lxc.mount.auto=proc", "", "proc:mixed", "proc:mixed", "proc:mixed");
        assert_compared("+lxc.mount.auto",
                        "lxc.mount.auto=proc",
                        "",
                        "sys:ro",
                        "proc:mixed",
                        "proc:mixed");
        /* The config's has more than the options ask for, and which of it are theirs is not known.
         */
        assert_compared("?lxc.mount.auto",
                        "lxc.mount.auto=proc",
                        "",
                        "sys:ro",
                        "proc:mixed sys:ro",
                        "proc:mixed");
}

static void what_is_gone_counts_while_it_is_in_effect_alone(void **state) {
        assert_compared("more", "", "lxc.cap.drop=a", "a\n", NULL, NULL);
        assert_compared("-lxc.cap.drop", "", "lxc.cap.drop=a", "a\nb\n", "b\n", "");
        /* It is the operator's, too. */
        assert_compared("", "", "lxc.cap.drop=a", "a\n", "a\n", "");
        /* It never was in effect. */
        assert_compared("", "", "lxc.cap.drop=a", "b\n", NULL, NULL);
        assert_compared("", "", "lxc.cap.drop=", "b\n", NULL, NULL);
        assert_compared("", "", "lxc.tty.max=3", "3", NULL, NULL);
}

static void devices_are_compared_in_their_order(void **state) {
        static const char options[] =
                        "lxc.cgroup2.devices.deny=a,lxc.cgroup2.devices.allow=c 1:3 r";
        static const char right[] = "lxc.cgroup2.devices.deny = a\n"
                                    "lxc.cgroup2.devices.allow = c 1:3 r\n";
        static const char other[] = "lxc.cgroup2.devices.allow = c 1:3 r\n"
                                    "lxc.cgroup2.devices.deny = a\n";

        assert_compared("", options, "", right, NULL, NULL);
        assert_compared("+lxc.cgroup2.devices.deny", options, "", other, right, right);
}

/* --- asking monitors --- */

static const char *const two_keys[] = { "lxc.cap.drop", "lxc.seccomp.profile" };

static void add_keys(struct phx_strings *keys) {
        for (size_t i = 0; i < 2; i++)
                assert_int_equal(phx_strings_add(keys, two_keys[i]), 0);
}

static void a_monitor_says_what_it_has_read(void **state) {
        for (enum monitor_manner manner = MONITOR_ANSWERS; manner <= MONITOR_IN_PIECES; manner++) {
                phx_cleanup(phx_strings_done) struct phx_strings keys = { 0 };
                struct monitor_fixture fixture = {
                        .lxc_path = lxc_path,
                        .manner = manner,
                        .names = { "a", "b" },
                        .values = { { "a", "lxc.cap.drop", "sys_time\nmac_admin\n" },
                                    { "b", "lxc.seccomp.profile", "/usr/share/lxc/x" } },
                };
                struct phx_lxc_running asked[] = { { "a", &keys }, { "b", &keys }, { "c", &keys } };

                add_keys(&keys);
                monitor_start(&fixture);
                assert_int_equal(phx_lxc_running_ask(lxc_path, asked, 3, geteuid(), 20000000), 0);
                assert_int_equal(asked[0].answer, PHX_LXC_MONITOR_ANSWERS);
                assert_string_equal(asked[0].values.items[0], "sys_time\nmac_admin\n");
                assert_string_equal(asked[0].values.items[1], "");
                assert_int_equal(asked[1].answer, PHX_LXC_MONITOR_ANSWERS);
                assert_string_equal(asked[1].values.items[0], "");
                assert_string_equal(asked[1].values.items[1], "/usr/share/lxc/x");
                assert_int_equal(asked[2].answer, PHX_LXC_MONITOR_NONE);
                for (size_t i = 0; i < 3; i++)
                        phx_lxc_running_done(&asked[i]);
                assert_int_equal(monitor_stop(&fixture), 4);
        }
}

/* As many as a host may have, each with its own answer. */
static void many_are_asked_one_after_the_other(void **state) {
        enum { COUNT = 300 };
        phx_cleanup(phx_strings_done) struct phx_strings keys = { 0 };
        struct monitor_fixture fixture = { .lxc_path = lxc_path,
                                           .names = { "a" },
                                           .values = { { "a", "lxc.cap.drop", "sys_time\n" } } };
        struct phx_lxc_running asked[COUNT];

        add_keys(&keys);
        for (size_t i = 0; i < COUNT; i++)
                asked[i] = (struct phx_lxc_running){ "a", &keys };
        monitor_start(&fixture);
        assert_int_equal(phx_lxc_running_ask(lxc_path, asked, COUNT, geteuid(), 60000000), 0);
        for (size_t i = 0; i < COUNT; i++) {
                assert_int_equal(asked[i].answer, PHX_LXC_MONITOR_ANSWERS);
                assert_string_equal(asked[i].values.items[0], "sys_time\n");
                phx_lxc_running_done(&asked[i]);
        }
        assert_int_equal(monitor_stop(&fixture), COUNT * 2);
}

static void what_is_no_answer_is_none(void **state) {
        static const enum monitor_manner manners[] = { MONITOR_SHORT,
                                                       MONITOR_ENDLESS,
                                                       MONITOR_STOPPED };

        for (size_t i = 0; i < PHX_ELEMENTS(manners); i++) {
                phx_cleanup(phx_strings_done) struct phx_strings keys = { 0 };
                struct monitor_fixture fixture = { .lxc_path = lxc_path,
                                                   .manner = manners[i],
                                                   .names = { "a" },
                                                   .values = { { "a", "lxc.cap.drop", "x" } } };
                struct phx_lxc_running asked = { "a", &keys };
                uint64_t began;

                add_keys(&keys);
                monitor_start(&fixture);
                began = phx_now_usec();
                assert_int_equal(
                                phx_lxc_running_ask(
                                                lxc_path,
                                                &asked,
                                                1,
                                                geteuid(),
                                                manners[i] == MONITOR_STOPPED ? DEADLINE_USEC
                                                                              : LONG_USEC),
                                0);
                assert_int_equal(asked.answer, PHX_LXC_MONITOR_SILENT);
                /* Nothing is waited for when that is known. */
                assert_true(phx_now_usec() - began < LONG_USEC);
                phx_lxc_running_done(&asked);
                (void) monitor_stop(&fixture);
        }
}

/* A local user may have taken the name of a stopped container. */
static void a_stranger_is_not_believed(void **state) {
        phx_cleanup(phx_strings_done) struct phx_strings keys = { 0 };
        struct monitor_fixture fixture = { .lxc_path = lxc_path,
                                           .names = { "a" },
                                           .values = { { "a", "lxc.cap.drop", "x" } } };
        struct phx_lxc_running asked = { "a", &keys };

        add_keys(&keys);
        monitor_start(&fixture);
        assert_int_equal(phx_lxc_running_ask(lxc_path, &asked, 1, geteuid() + 1, DEADLINE_USEC), 0);
        assert_int_equal(asked.answer, PHX_LXC_MONITOR_NONE);
        phx_lxc_running_done(&asked);
        assert_int_equal(monitor_stop(&fixture), 0);
}

/* --- asking liblxc --- */

static void liblxc_lists_what_a_config_comes_to(void **state) {
        static const char texts[3][128] = {
                "lxc.cap.drop = sys_time\nlxc.cap.drop = mac_admin\nlxc.mount.auto = proc\n",
                "",
                "lxc.cap.drop\n",
        };
        phx_cleanup(phx_strings_done) struct phx_strings keys = { 0 };
        struct phx_lxc_listing asked[3] = { 0 };
        struct phx_error error = { 0 };

        assert_int_equal(phx_strings_add(&keys, "lxc.cap.drop"), 0);
        assert_int_equal(phx_strings_add(&keys, "lxc.mount.auto"), 0);
        for (size_t i = 0; i < 3; i++)
                asked[i] = (struct phx_lxc_listing){ .name = "a",
                                                     .text = texts[i],
                                                     .size = strlen(texts[i]),
                                                     .keys = &keys };
        assert_int_equal(phx_lxc_list_values(asked, 3, 5000000, &error), 0);
        assert_int_equal(asked[0].code, 0);
        assert_string_equal(asked[0].values.items[0], "sys_time\nmac_admin\n");
        assert_string_equal(asked[0].values.items[1], "proc:mixed");
        assert_int_equal(asked[1].code, 0);
        assert_string_equal(asked[1].values.items[0], "");
        assert_int_equal(asked[2].code, -EINVAL);
        assert_non_null(asked[2].why);
        for (size_t i = 0; i < 3; i++)
                phx_lxc_listing_done(&asked[i]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(lines_that_confine_count),
                cmocka_unit_test(lines_that_a_running_container_may_differ_in_do_not),
                cmocka_unit_test(what_it_was_started_with_is_right),
                cmocka_unit_test(what_it_lacks_is_named_when_the_config_has_it),
                cmocka_unit_test(a_list_that_is_emptied_has_nothing_else),
                cmocka_unit_test(other_words_for_the_same_are_no_difference),
                cmocka_unit_test(what_is_gone_counts_while_it_is_in_effect_alone),
                cmocka_unit_test(devices_are_compared_in_their_order),
                cmocka_unit_test(a_monitor_says_what_it_has_read),
                cmocka_unit_test(many_are_asked_one_after_the_other),
                cmocka_unit_test(what_is_no_answer_is_none),
                cmocka_unit_test(a_stranger_is_not_believed),
                cmocka_unit_test(liblxc_lists_what_a_config_comes_to),
        };

        return cmocka_run_group_tests(tests, set_up, NULL);
}
