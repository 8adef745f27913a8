/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "state/labels.h"

static struct phx_label parse(const char *text) {
        struct phx_label label = { 0 };

        assert_int_equal(phx_label_parse(text, &label), 0);
        return label;
}

static void assert_label(const char *text, const char *name, const char *mode) {
        phx_cleanup(phx_label_done) struct phx_label label = parse(text);

        assert_string_equal(label.text, name);
        assert_true(label.has_mode == (mode != NULL));
        assert_int_equal(label.mode, phx_policy_mode_from_string(mode));
}

static void a_label_is_a_name_and_a_mode(void **state) {
        assert_label("unconfined", "unconfined", NULL);
        assert_label("unconfined\n", "unconfined", NULL);
        assert_label("lxc-a (enforce)\n", "lxc-a", "enforce");
        assert_label("/usr/bin/lxc start (x) (kill)", "/usr/bin/lxc start (x)", "kill");
        assert_label("lxc-a//&:lxc-ns:unconfined (enforce)\n",
                     "lxc-a//&:lxc-ns:unconfined",
                     "enforce");
        assert_label("firefox (unconfined)", "firefox", "unconfined");
        /* A stack whose profile was removed from the kernel, as Linux 6.1 prints it. */
        assert_label("unconfined//&:lxc-web:unconfined\n",
                     "unconfined//&:lxc-web:unconfined",
                     NULL);
}

static void what_is_no_label_is_refused(void **state) {
        static const char *const texts[] = { "",
                                             "\n",
                                             "lxc-a",
                                             "(enforce)",
                                             " (enforce)",
                                             "lxc-a (enforce",
                                             "unconfined//&:lxc-web:lxc-a",
                                             "unconfined//&",
                                             "unconfined//&:lxc-web",
                                             "system_u:object_r:x" };

        for (size_t i = 0; i < PHX_ELEMENTS(texts); i++) {
                struct phx_label label = { 0 };

                assert_int_equal(phx_label_parse(texts[i], &label), -EINVAL);
                assert_null(label.text);
        }
}

static uint32_t random_next(uint32_t *seed) {
        *seed = *seed * 1664525 + 1013904223;
        return *seed >> 8;
}

static void add_text(struct phx_buffer *buffer, const char *text) {
        assert_int_equal(phx_buffer_add_text(buffer, text), 0);
}

static void what_is_parsed_is_parsed_from_its_parts_again(void **state) {
        static const char *const pieces[] = {
                "lxc-a", "unconfined", "//",      "//&", ":ns:",     " ", "(",     ")", " (",
                ") (",   "null-",      "enforce", "\n",  "complain", "/", "mixed", "&", "{a,b}"
        };
        uint32_t seed = 1;
        unsigned parsed = 0;

        for (unsigned i = 0; i < 20000; i++) {
                phx_cleanup(phx_label_done) struct phx_label label = { 0 }, again = { 0 };
                phx_autofree char *text = NULL;
                phx_cleanup(phx_buffer_done) struct phx_buffer random = { 0 };

                for (uint32_t n = random_next(&seed) % 8; n > 0; n--)
                        add_text(&random, pieces[random_next(&seed) % PHX_ELEMENTS(pieces)]);
                add_text(&random, i % 2 ? " (enforce)" : "");
                if (phx_label_parse(random.data, &label) < 0)
                        continue;
                parsed++;
                assert_int_equal(phx_label_render(&label, &text), 0);
                assert_int_equal(phx_label_parse(text, &again), 0);
                assert_string_equal(again.text, label.text);
                assert_true(again.has_mode == label.has_mode && again.mode == label.mode);
        }
        assert_true(parsed > 5000);
}

struct label_case {
        const char *label;
        const char *wanted;
        bool is_in;
};

/* Whether a container whose only task has this label is confined as wanted. */
static bool is_in(const struct phx_label *label, const char *wanted) {
        struct phx_task task = { .pid = 1, .tid = 1, .is_known = true, .label = *label };
        const struct phx_tasks tasks = { .items = &task, .count = 1, .init = 1 };

        return phx_confinement_judge(&tasks, wanted).wrong == 0;
}

static void only_the_hosts_part_in_force_counts(void **state) {
        static const struct label_case cases[] = {
                { "lxc-a (enforce)", "lxc-a", true },
                { "lxc-a (kill)", "lxc-a", true },
                { "lxc-a (complain)", "lxc-a", false },
                { "lxc-a (mixed)", "lxc-a", false },
                { "lxc-a (unconfined)", "lxc-a", false },
                { "lxc-b (enforce)", "lxc-a", false },
                { "lxc-a-b (enforce)", "lxc-a", false },
                { "lxc- (enforce)", "lxc-a", false },
                { "unconfined", "lxc-a", false },
                /* Children, but not those where a profile learns. */
                { "lxc-a//child (enforce)", "lxc-a", true },
                { "lxc-a//null-/sbin/init (complain)", "lxc-a", false },
                { "lxc-a//null-/sbin/init (enforce)", "lxc-a", false },
                { "lxc-a//child//null-/bin/x (enforce)", "lxc-a", false },
                { "lxc-b//lxc-a (enforce)", "lxc-a", false },
                /* A namespace of its own. */
                { "lxc-a//&:lxc-ns:unconfined (enforce)", "lxc-a", true },
                { "lxc-a//&:lxc-ns:docker-default (mixed)", "lxc-a", true },
                { "lxc-a//&:lxc-ns:unconfined (enforce)", "lxc-a//&:lxc-ns:unconfined", true },
                { "lxc-a (enforce)", "lxc-a//&:lxc-ns:unconfined", false },
                { "lxc-a//&:lxc-no:unconfined (enforce)", "lxc-a//&:lxc-ns:unconfined", false },
                { "lxc-b//&:lxc-ns:unconfined (enforce)", "lxc-a//&:lxc-ns:unconfined", false },
                { "lxc-a//&:lxc-ns:docker-default (enforce)", "lxc-a//&:lxc-ns:unconfined", true },
                { "lxc-a//&:lxc-ns:docker-default (mixed)", "lxc-a//&:lxc-ns:unconfined", true },
                { "lxc-a//&:lxc-ns:unconfined (complain)", "lxc-a//&:lxc-ns:unconfined", false },
                { "lxc-b//&:lxc-ns:lxc-a (enforce)", "lxc-a", false },
                { "lxc-b//&:lxc-ns:x//&lxc-a (enforce)", "lxc-a", false },
                { ":lxc-ns:lxc-a (enforce)", "lxc-a", false },
                { "unconfined//&:lxc-ns:lxc-a (enforce)", "lxc-a", false },
                /* A stack allows only what each of it allows. */
                { "lxc-a//&lxc-b (enforce)", "lxc-a", true },
                { "lxc-b//&lxc-a (enforce)", "lxc-a", true },
                { "lxc-b//&lxc-a//&:ns:x (enforce)", "lxc-a", true },
                { "lxc-a//&lxc-b (mixed)", "lxc-a", false },
                /* Unconfined. */
                { "unconfined", "unconfined", true },
                { "unconfined (unconfined)", "unconfined", true },
                { "unconfined//&:lxc-ns:x (enforce)", "unconfined", true },
                { "/usr/bin/lxc-start (enforce)", "unconfined", false },
                { "lxc-a (unconfined)", "unconfined", false },
                { "lxc-a (enforce)", "", false },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                phx_cleanup(phx_label_done) struct phx_label label = parse(cases[i].label);

                if (is_in(&label, cases[i].wanted) != cases[i].is_in)
                        fail_msg("'%s' in '%s'", cases[i].label, cases[i].wanted);
        }
}

/* Judgements. A task is "LABEL", "?" for one that cannot be read, "*LABEL" for one that starts. */

static void add_task(struct phx_tasks *tasks, struct phx_task *items, const char *text) {
        struct phx_task *task = &items[tasks->count];

        task->pid = task->tid = (pid_t) (100 + tasks->count);
        task->is_starting = text[0] == '*';
        task->is_known = text[0] != '?';
        if (task->is_known)
                task->label = parse(text + task->is_starting);
        tasks->count++;
        tasks->items = items;
}

#define EXAMPLE_SIZE 128

/* The tasks are gone afterwards, so that EXAMPLE says which one it was: "LABEL (MODE), pid N". */
static struct phx_confinement judge(
                const char *const *texts,
                pid_t init,
                const char *wanted,
                char example[EXAMPLE_SIZE]) {
        struct phx_task items[8] = { 0 };
        struct phx_tasks tasks = { .init = init };
        struct phx_confinement confinement;

        for (; *texts; texts++)
                add_task(&tasks, items, *texts);
        confinement = phx_confinement_judge(&tasks, wanted);
        example[0] = '\0';
        if (confinement.example) {
                phx_autofree char *label = NULL;

                assert_int_equal(phx_label_render(&confinement.example->label, &label), 0);
                (void) snprintf(example,
                                EXAMPLE_SIZE,
                                "%s, pid %d",
                                label,
                                (int) confinement.example->tid);
                confinement.example = NULL;
        }
        for (size_t i = 0; i < tasks.count; i++)
                phx_label_done(&items[i].label);
        return confinement;
}

static void every_task_of_a_confined_container_counts(void **state) {
        static const char *const texts[] = { "lxc-a (enforce)",
                                             "*/usr/bin/lxc-attach (enforce)",
                                             "unconfined",
                                             "lxc-a (complain)",
                                             "?",
                                             NULL };
        char example[EXAMPLE_SIZE];
        struct phx_confinement confinement = judge(texts, 100, "lxc-a", example);

        assert_true(confinement.is_running);
        assert_int_equal(confinement.init, 100);
        assert_int_equal(confinement.tasks, 5);
        assert_int_equal(confinement.starting, 1);
        assert_int_equal(confinement.wrong, 2);
        assert_int_equal(confinement.unknown, 1);
        assert_string_equal(example, "unconfined, pid 102");
}

static void where_none_is_wrong_init_is_the_example(void **state) {
        static const char *const texts[] = { "lxc-a//x (enforce)", "lxc-a (enforce)", NULL };
        char example[EXAMPLE_SIZE];
        struct phx_confinement confinement = judge(texts, 101, "lxc-a", example);

        assert_int_equal(confinement.wrong, 0);
        assert_string_equal(example, "lxc-a (enforce), pid 101");
}

static void only_init_of_an_unconfined_container_counts(void **state) {
        static const char *const fine[] = { "unconfined", "lxc-x (enforce)", "?", NULL };
        static const char *const bad[] = { "/usr/bin/lxc-start (enforce)", "unconfined", NULL };
        static const char *const starting[] = { "*/usr/bin/lxc-start (enforce)", NULL };
        char example[EXAMPLE_SIZE];
        struct phx_confinement confinement = judge(fine, 100, "unconfined", example);

        assert_int_equal(confinement.wrong, 0);
        assert_int_equal(confinement.unknown, 0);
        assert_string_equal(example, "unconfined, pid 100");

        confinement = judge(bad, 100, "unconfined", example);
        assert_int_equal(confinement.wrong, 1);
        assert_string_equal(example, "/usr/bin/lxc-start (enforce), pid 100");

        confinement = judge(starting, 100, "unconfined", example);
        assert_int_equal(confinement.starting, 1);
        assert_int_equal(confinement.wrong, 0);
        assert_int_equal(confinement.unknown, 0);

        /* Not found is not unconfined. */
        confinement = judge(fine, 0, "unconfined", example);
        assert_int_equal(confinement.wrong, 0);
        assert_int_equal(confinement.unknown, 1);
}

static void without_tasks_a_container_does_not_run(void **state) {
        static const char *const none[] = { NULL };
        char example[EXAMPLE_SIZE];
        struct phx_confinement confinement = judge(none, 0, "unconfined", example);

        assert_false(confinement.is_running);
        assert_int_equal(confinement.unknown, 0);
        assert_string_equal(example, "");
}

static void a_part_that_is_too_long_is_cut(void **state) {
        struct phx_label_part part = { 0 };
        char label[2 * sizeof(part.name)];

        memset(label, 'a', sizeof(label));
        memcpy(label, ":ns:", 4);
        memcpy(label + sizeof(label) - 6, "//&bb", 6);
        assert_true(phx_label_next_part(label, &part));
        assert_true(part.is_inner);
        assert_int_equal(part.size, sizeof(label) - 6);
        assert_int_equal(strlen(part.name), sizeof(part.name) - 1);
        assert_int_equal(strspn(part.name, "a"), sizeof(part.name) - 1);
        assert_true(phx_label_next_part(label, &part));
        assert_string_equal(part.name, "bb");
        assert_false(phx_label_next_part(label, &part));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_label_is_a_name_and_a_mode),
                cmocka_unit_test(what_is_no_label_is_refused),
                cmocka_unit_test(what_is_parsed_is_parsed_from_its_parts_again),
                cmocka_unit_test(only_the_hosts_part_in_force_counts),
                cmocka_unit_test(every_task_of_a_confined_container_counts),
                cmocka_unit_test(where_none_is_wrong_init_is_the_example),
                cmocka_unit_test(only_init_of_an_unconfined_container_counts),
                cmocka_unit_test(without_tasks_a_container_does_not_run),
                cmocka_unit_test(a_part_that_is_too_long_is_cut),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
