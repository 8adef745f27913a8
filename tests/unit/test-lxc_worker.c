/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Asks the real liblxc: no container, no AppArmor and no root are needed for that. */

#include <errno.h>

#include "base/buffer.h"
#include "base/process.h"
#include "container-tree.h"
#include "lxc/ask.h"
#include "lxc/text.h"

#define DEADLINE_USEC 5000000
#define SHORT_USEC 300000

struct asked {
        struct phx_strings files;
        struct phx_lxc_values values[512];
};

static void asked_done(struct asked *asked) {
        for (size_t i = 0; i < asked->files.count; i++)
                phx_lxc_values_done(&asked->values[i]);
        phx_strings_done(&asked->files);
}

static void add_file(struct asked *asked, const char *name, const char *text) {
        assert_true(asked->files.count < PHX_ELEMENTS(asked->values));
        tree_write(name, text);
        assert_int_equal(phx_strings_add(&asked->files, tree_path(name)), 0);
}

static void ask(struct asked *asked, uint64_t deadline_usec) {
        struct phx_error error = { 0 };

        assert_int_equal(
                        phx_lxc_worker_load(
                                        &asked->files,
                                        deadline_usec,
                                        NULL,
                                        asked->values,
                                        &error),
                        0);
        assert_string_equal(error.text, "");
}

static void values_are_as_liblxc_sees_them(void **state) {
        phx_cleanup(asked_done) struct asked asked = { 0 };
        const struct phx_lxc_values *values = asked.values;

        add_file(&asked,
                 "values",
                 "lxc.apparmor.profile = lxc-a\nlxc.cgroup.dir = x/y\n"
                 "lxc.apparmor.allow_nesting = 1\nlxc.idmap = u 0 100000 65536\n");
        add_file(&asked,
                 "cgroup",
                 "lxc.cgroup.dir.container = lxc/5\nlxc.cgroup.dir.monitor = lxc.monitor/5\n"
                 "lxc.cgroup.dir.container.inner = ns\n");
        ask(&asked, DEADLINE_USEC);

        assert_int_equal(values[0].code, 0);
        assert_null(values[0].text);
        assert_string_equal(values[0].profile, "lxc-a");
        assert_string_equal(values[0].cgroup_dir, "x/y");
        assert_string_equal(values[0].cgroup_container, "");
        assert_true(values[0].allow_nesting);
        assert_true(values[0].is_mapped);

        /* Nothing of one file is left for the next. */
        assert_int_equal(values[1].code, 0);
        assert_string_equal(values[1].profile, "");
        assert_string_equal(values[1].cgroup_dir, "");
        assert_string_equal(values[1].cgroup_container, "lxc/5");
        assert_string_equal(values[1].cgroup_inner, "ns");
        assert_false(values[1].allow_nesting);
        assert_false(values[1].is_mapped);
}

static void an_include_overrides_what_stands_before_it(void **state) {
        phx_cleanup(asked_done) struct asked asked = { 0 };
        char text[512];

        tree_write("included.conf", "lxc.apparmor.profile = lxc-nesting\n");
        (void) snprintf(text,
                        sizeof(text),
                        "lxc.apparmor.profile = lxc-a\nlxc.include = %s\n",
                        tree_path("included.conf"));
        add_file(&asked, "overridden", text);
        (void) snprintf(text,
                        sizeof(text),
                        "lxc.include = %s\nlxc.apparmor.profile = lxc-a\n",
                        tree_path("included.conf"));
        add_file(&asked, "right", text);
        ask(&asked, DEADLINE_USEC);

        assert_string_equal(asked.values[0].profile, "lxc-nesting");
        assert_string_equal(asked.values[1].profile, "lxc-a");
}

static void what_liblxc_refuses_is_told_in_its_words(void **state) {
        phx_cleanup(asked_done) struct asked asked = { 0 };
        char expected[1024];

        add_file(&asked, "unknown", "lxc.bogus = 1\n");
        add_file(&asked, "fine", "");
        ask(&asked, DEADLINE_USEC);

        assert_int_equal(asked.values[0].code, -EINVAL);
        assert_null(asked.values[0].profile);
        (void) snprintf(expected,
                        sizeof(expected),
                        "%s: Invalid argument - Unsupported config key \"lxc.bogus\"; "
                        "Failed to parse config file \"%s\" at line \"lxc.bogus = *\"",
                        tree_path("unknown"),
                        tree_path("unknown"));
        assert_string_equal(asked.values[0].text, expected);
        assert_int_equal(asked.values[1].code, 0);
}

static void a_fifo_costs_its_deadline_and_nothing_else(void **state) {
        phx_cleanup(asked_done) struct asked asked = { 0 };
        char text[512];

        assert_int_equal(mkfifo(tree_path("fifo"), 0600), 0);
        (void) snprintf(text, sizeof(text), "lxc.include = %s\n", tree_path("fifo"));
        add_file(&asked, "hangs", text);
        add_file(&asked, "after", "lxc.apparmor.profile = lxc-a\n");
        ask(&asked, SHORT_USEC);

        assert_int_equal(asked.values[0].code, -ETIMEDOUT);
        (void) snprintf(text,
                        sizeof(text),
                        "%s: liblxc did not answer within 300 ms",
                        tree_path("hangs"));
        assert_string_equal(asked.values[0].text, text);
        assert_string_equal(asked.values[1].profile, "lxc-a");
}

static void a_config_that_crashes_liblxc_is_named(void **state) {
        phx_cleanup(asked_done) struct asked asked = { 0 };
        char text[512];

        (void) snprintf(text, sizeof(text), "lxc.include = %s\n", tree_path("loop"));
        add_file(&asked, "loop", text);
        add_file(&asked, "behind", "lxc.apparmor.profile = lxc-a\n");
        ask(&asked, DEADLINE_USEC);

        assert_int_equal(asked.values[0].code, -EIO);
        (void) snprintf(text,
                        sizeof(text),
                        "%s: liblxc crashed while processing it",
                        tree_path("loop"));
        assert_string_equal(asked.values[0].text, text);
        assert_string_equal(asked.values[1].profile, "lxc-a");
}

/* The rules at the head of lxc/text.h against liblxc itself. */

static uint32_t random_next(uint32_t *seed) {
        *seed = *seed * 1664525 + 1013904223;
        return *seed >> 8;
}

static void add_random_line(struct phx_buffer *text, uint32_t *seed) {
        static const char *const before[] = { "", "", "", " ", "\t ", "\r", "#", "\f", "x " };
        static const char *const equals[] = { "=", " = ", "\t=", "= \t", " =\r" };
        static const char *const values[] = { "a",    "b c", "'d'", "\"e\"", "\"f'",  "'",
                                              "\"\"", "",    "g=h", "i#j",   "k # l", "m\\" };
        static const char *const after[] = { "\n", "\n", "\r\n", " \n", "\n\n", "\n#\n" };

        assert_int_equal(
                        phx_buffer_addf(text,
                                        "%slxc.apparmor.profile%s%s%s",
                                        before[random_next(seed) % PHX_ELEMENTS(before)],
                                        equals[random_next(seed) % PHX_ELEMENTS(equals)],
                                        values[random_next(seed) % PHX_ELEMENTS(values)],
                                        after[random_next(seed) % PHX_ELEMENTS(after)]),
                        0);
}

static void last_profile_of(const char *text, char *profile, size_t size) {
        struct phx_lxc_line line;
        size_t offset = 0;

        profile[0] = '\0';
        while (phx_lxc_text_next(text, strlen(text), &offset, &line))
                if (phx_lxc_line_is(&line, PHX_LXC_KEY_PROFILE))
                        (void) snprintf(profile, size, "%.*s", (int) line.value_size, line.value);
}

static void our_reading_of_a_text_is_liblxcs(void **state) {
        phx_cleanup(asked_done) struct asked asked = { 0 };
        uint32_t seed = 1;

        for (unsigned i = 0; i < 400; i++) {
                phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };
                char name[32];

                for (unsigned n = i % 3; n < 3; n++)
                        add_random_line(&text, &seed);
                (void) snprintf(name, sizeof(name), "random/%u", i);
                add_file(&asked, name, text.data);
        }
        ask(&asked, DEADLINE_USEC);

        for (unsigned i = 0; i < 400; i++) {
                phx_autofree char *text = NULL;
                char name[32], profile[64];

                (void) snprintf(name, sizeof(name), "random/%u", i);
                text = tree_read(name);
                last_profile_of(text, profile, sizeof(profile));
                assert_int_equal(asked.values[i].code, 0);
                assert_string_equal(asked.values[i].profile, profile);
        }
}

/* The child that hangs over a FIFO: what /proc says of it. */
static char *describe_worker(const char *file) {
        phx_cleanup(phx_strings_done) struct phx_strings files = { 0 };
        struct phx_process caller = { 0 };
        char path[64], text[64] = "", *status = NULL;
        size_t size = 0;

        assert_int_equal(phx_strings_add(&files, file), 0);
        if (phx_process_fork(&caller) > 0) {
                struct phx_lxc_values values = { 0 };

                (void) phx_lxc_worker_load(&files, 60000000, NULL, &values, NULL);
                _exit(0);
        }
        (void) snprintf(path, sizeof(path), "/proc/%d/task/%d/children", caller.pid, caller.pid);
        for (unsigned i = 0; i < 6000; i++) {
                pid_t worker;
                FILE *children = fopen(path, "re");

                worker = children && fgets(text, sizeof(text), children)
                                         ? (pid_t) strtol(text, NULL, 10)
                                         : 0;
                if (children)
                        (void) fclose(children);
                (void) usleep(10000);
                if (worker <= 0)
                        continue;
                (void) snprintf(text, sizeof(text), "/proc/%d/status", (int) worker);
                free(status);
                status = NULL;
                if (phx_file_read_at(AT_FDCWD, text, 65536, &status, &size) < 0)
                        continue;
                if (strstr(status, "NoNewPrivs:\t1"))
                        break;
        }
        (void) phx_process_end(&caller, NULL);
        return status;
}

static void the_worker_may_read_and_nothing_else(void **state) {
        phx_autofree char *status = NULL;

        if (geteuid() != 0)
                skip();
        assert_int_equal(mkfifo(tree_path("rights"), 0600), 0);
        status = describe_worker(tree_path("rights"));
        assert_non_null(status);
        assert_non_null(strstr(status, "\nNoNewPrivs:\t1\n"));
        assert_non_null(strstr(status, "\nCapInh:\t0000000000000000\n"));
        assert_non_null(strstr(status, "\nCapPrm:\t0000000000000004\n"));
        assert_non_null(strstr(status, "\nCapEff:\t0000000000000004\n"));
}

static void files_of_other_owners_are_read_all_the_same(void **state) {
        phx_cleanup(asked_done) struct asked asked = { 0 };

        if (geteuid() != 0)
                skip();
        add_file(&asked, "others", "lxc.apparmor.profile = lxc-a\n");
        assert_int_equal(chmod(tree_path("others"), 0400), 0);
        assert_int_equal(chown(tree_path("others"), 4321, 4321), 0);
        ask(&asked, DEADLINE_USEC);
        assert_int_equal(asked.values[0].code, 0);
        assert_string_equal(asked.values[0].profile, "lxc-a");
}

/* The status is for everybody, and a config is not: liblxc quotes the line that it refuses. */
static void no_value_of_a_line_is_told(void **state) {
        static const char *const texts[] = {
                "lxc.environment = hunter2\n",
                "lxc.uts.name = x\nlxc.cap.drop = sys_time hunter2\n",
                "lxc.mount.auto = hunter2\n",
                "lxc.cgroup2.x = y\nlxc.aa_profile = hunter2\n",
                "lxc.idmap = u hunter2 1 2\n",
                "lxc.hunter2\n",
                "lxc.net.0.ipv4.address = hunter2\n",
                "lxc.environment = 'PASS hunter2'\n",
                "lxc.signal.halt = hunter2\n",
                "lxc.start.delay = hunter2\n",
        };
        phx_cleanup(asked_done) struct asked asked = { 0 };
        char name[32];

        for (size_t i = 0; i < PHX_ELEMENTS(texts); i++) {
                (void) snprintf(name, sizeof(name), "secret%zu", i);
                add_file(&asked, name, texts[i]);
        }
        ask(&asked, DEADLINE_USEC);
        for (size_t i = 0; i < asked.files.count; i++) {
                assert_int_equal(asked.values[i].code, -EINVAL);
                if (strstr(asked.values[i].text, "hunter2"))
                        fail_msg("%s", asked.values[i].text);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(values_are_as_liblxc_sees_them),
                cmocka_unit_test(an_include_overrides_what_stands_before_it),
                cmocka_unit_test(what_liblxc_refuses_is_told_in_its_words),
                cmocka_unit_test(a_fifo_costs_its_deadline_and_nothing_else),
                cmocka_unit_test(a_config_that_crashes_liblxc_is_named),
                cmocka_unit_test(no_value_of_a_line_is_told),
                cmocka_unit_test(our_reading_of_a_text_is_liblxcs),
                cmocka_unit_test(the_worker_may_read_and_nothing_else),
                cmocka_unit_test(files_of_other_owners_are_read_all_the_same),
        };

        return cmocka_run_group_tests(tests, tree_setup, tree_teardown);
}
