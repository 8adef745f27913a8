/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/strings.h"
#include "reconcile/confine.h"
#include "reconcile/desire.h"
#include "state/report.h"

#define ENTRIES 3

/* What goes in, of which nothing is a file. */
struct given {
        struct phx_settings settings;
        struct phx_container_config configs[ENTRIES];
        struct phx_configuration configuration;
        struct phx_input input;
        struct phx_observed *observed;
};

static int set_up(void **state) {
        static struct given given;

        given = (struct given){ 0 };
        given.configuration.containers = given.configs;
        given.input = (struct phx_input){ &given.settings,
                                          &given.configuration,
                                          calloc(1, sizeof(struct phx_desired)),
                                          PHX_NEVER };
        given.observed = calloc(1, sizeof(*given.observed));
        assert_non_null(given.input.judged);
        assert_non_null(given.observed);
        *state = &given;
        return 0;
}

static int tear_down(void **state) {
        struct given *given = *state;

        for (size_t i = 0; i < ENTRIES; i++)
                phx_container_config_done(&given->configs[i]);
        phx_desired_free(given->input.judged);
        phx_observed_free(given->observed);
        return 0;
}

static struct phx_container_config *configure(
                struct given *given,
                const char *id,
                const char *name,
                const char *profile) {
        struct phx_container_config *config = &given->configs[given->configuration.count++];

        assert_int_equal(phx_replace(&config->id, id), 0);
        assert_int_equal(phx_replace(&config->name, name), 0);
        assert_int_equal(phx_replace(&config->profile, profile), 0);
        return config;
}

/* In the order of their names. */
static struct phx_observed_container *there_is(struct given *given, const char *directory) {
        struct phx_observed_container *container = phx_observed_add_container(
                        given->observed,
                        directory);

        assert_non_null(container);
        return container;
}

static const struct phx_desired_container *desire(struct given *given) {
        assert_int_equal(phx_desire(&given->input, given->observed), 0);
        assert_int_equal(given->input.judged->container_count, given->configuration.count);
        return given->input.judged->containers;
}

static void a_container_is_the_directory_of_its_id_or_else_of_its_name(void **state) {
        const struct phx_desired_container *wanted;

        configure(*state, "101", "web", "lxc-web");
        configure(*state, "db", "web", "lxc-db");
        configure(*state, "mail", "post", "lxc-mail");
        there_is(*state, "101");
        there_is(*state, "post");
        there_is(*state, "web");
        wanted = desire(*state);
        assert_string_equal(wanted[0].directory, "101");
        /* Two entries have this name: better none than the wrong one. */
        assert_null(wanted[1].directory);
        assert_string_equal(wanted[2].directory, "post");
        assert_ptr_equal(
                        phx_desired_find_directory(((struct given *) *state)->input.judged, "post"),
                        &wanted[2]);
}

static void a_namespace_is_stacked_under_the_profile(void **state) {
        const struct phx_desired_container *wanted;
        struct given *given = *state;

        given->settings.policy_namespace = PHX_NAMESPACE_ALWAYS;
        configure(given, "101", NULL, "lxc-web");
        configure(given, "free", NULL, "unconfined");
        wanted = desire(given);
        assert_string_equal(wanted[0].profile, "lxc-web");
        assert_string_equal(wanted[0].label, "lxc-web//&:lxc-101:unconfined");
        assert_string_equal(wanted[1].label, "unconfined");
        assert_null(wanted[1].namespace);
}

/* Without phoenixd Proxmox confines it. */
static void no_profile_at_all_leaves_a_container_to_proxmox(void **state) {
        const struct phx_desired_container *wanted;
        struct given *given = *state;

        configure(given, "101", NULL, "unconfined")->profile_is_default = true;
        configure(given, "102", NULL, "unconfined");
        configure(given, "web", NULL, "unconfined")->profile_is_default = true;
        there_is(given, "101")->backend = PHX_BACKEND_PVE;
        there_is(given, "102")->backend = PHX_BACKEND_PVE;
        there_is(given, "web");
        wanted = desire(given);
        assert_true(wanted[0].is_generated);
        assert_string_equal(wanted[0].label, "generated");
        assert_null(wanted[0].suggestion);
        assert_false(wanted[1].is_generated);
        assert_string_equal(wanted[1].label, "unconfined");
        assert_string_equal(wanted[2].label, "unconfined");
}

/* LXC names it, with a namespace of the same name. */
static void a_generated_profile_is_the_one_that_is_wanted(void **state) {
        static const struct {
                const char *label;
                unsigned wrong;
        } cases[] = {
                { "lxc-101_<-var-lib-lxc>//&:lxc-101_<-var-lib-lxc>:unconfined (enforce)", 0 },
                { "unconfined", 1 },
                { "lxc-102_<-var-lib-lxc>//&:lxc-102_<-var-lib-lxc>:unconfined (enforce)", 1 },
                { "lxc-web (enforce)", 1 },
        };
        struct given *given = *state;
        struct phx_observed_container *have;

        configure(given, "101", NULL, "unconfined")->profile_is_default = true;
        have = there_is(given, "101");
        have->backend = PHX_BACKEND_PVE;
        (void) desire(given);
        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                struct phx_task task = { .tid = 17, .is_known = true };

                assert_int_equal(phx_label_parse(cases[i].label, &task.label), 0);
                have->seen = (struct phx_tasks){ .items = &task, .count = 1, .init = 17 };
                assert_int_equal(phx_confine(given->input.judged, given->observed), 0);
                assert_int_equal(have->wrong, cases[i].wrong);
                phx_label_done(&task.label);
                have->seen = (struct phx_tasks){ 0 };
        }
}

/* A line that stays is what its tasks are to run under. */
static void a_profile_that_stays_is_the_one_that_is_wanted(void **state) {
        static const struct {
                const char *label;
                unsigned wrong;
        } cases[] = {
                { "lxc-web (enforce)", 0 },
                { "lxc-101_<-var-lib-lxc>//&:lxc-101_<-var-lib-lxc>:unconfined (enforce)", 1 },
                { "unconfined", 1 },
        };
        struct given *given = *state;
        struct phx_observed_container *have;

        configure(given, "101", NULL, "unconfined")->profile_is_default = true;
        have = there_is(given, "101");
        have->backend = PHX_BACKEND_PVE;
        have->decider_line = 7;
        assert_int_equal(phx_replace(&have->effective, "lxc-web"), 0);
        assert_int_equal(phx_replace(&have->config, "/etc/pve/lxc/101.conf"), 0);
        assert_int_equal(phx_replace(&have->decider, have->config), 0);
        (void) desire(given);
        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                struct phx_task task = { .tid = 17, .is_known = true };

                assert_int_equal(phx_label_parse(cases[i].label, &task.label), 0);
                have->seen = (struct phx_tasks){ .items = &task, .count = 1, .init = 17 };
                assert_int_equal(phx_confine(given->input.judged, given->observed), 0);
                assert_int_equal(have->wrong, cases[i].wrong);
                phx_label_done(&task.label);
                have->seen = (struct phx_tasks){ 0 };
        }
}

static void who_is_unconfined_gets_a_suggestion_and_nobody_else(void **state) {
        const struct phx_desired_container *wanted;

        configure(*state, "free", NULL, "unconfined");
        configure(*state, "web", NULL, "lxc-web");
        wanted = desire(*state);
        assert_non_null(wanted[0].suggestion);
        assert_null(wanted[1].suggestion);
}

static void a_host_without_the_hooks_of_the_gate_has_a_note(void **state) {
        struct given *given = *state;

        assert_int_equal(phx_replace(&given->observed->gate_trouble, "/h/gate.conf: gone"), 0);
        given->settings.boot_gate = PHX_BOOT_GATE_OFF;
        assert_int_equal(phx_desire(&given->input, given->observed), 0);
        assert_int_equal(given->input.judged->notes.count, 0);
        given->settings.boot_gate = PHX_BOOT_GATE_WARN;
        assert_int_equal(phx_desire(&given->input, given->observed), 0);
        assert_int_equal(given->input.judged->boot_gate, PHX_BOOT_GATE_WARN);
        assert_int_equal(given->input.judged->notes.count, 1);
        assert_string_equal(
                        given->input.judged->notes.items[0],
                        "containers start without the boot gate: /h/gate.conf: gone");
}

static void a_path_that_is_not_believed_is_a_refusal(void **state) {
        struct given *given = *state;

        configure(given, "web", NULL, "lxc-web");
        there_is(given, "web");
        assert_int_equal(phx_replace(&given->observed->lxc_refusal, "/lxc: is writable"), 0);
        assert_string_equal(desire(given)[0].directory, "web");
        assert_int_equal(given->input.judged->refusal_count, 1);
        assert_string_equal(given->input.judged->refusals[0].object, "lxc_path");
        assert_string_equal(given->input.judged->refusals[0].text, "/lxc: is writable");
}

static void without_settings_or_configuration_nothing_is_desired(void **state) {
        struct given *given = *state;

        configure(given, "web", NULL, "lxc-web");
        given->input.settings = NULL;
        assert_int_equal(phx_desire(&given->input, given->observed), 0);
        assert_int_equal(given->input.judged->container_count, 0);
        given->input.settings = &given->settings;
        given->input.configuration = NULL;
        assert_int_equal(phx_desire(&given->input, given->observed), 0);
        assert_int_equal(given->input.judged->container_count, 0);
}

/* Two tasks, of which the second is under LABEL. */
static void run(struct phx_observed_container *container, const char *label) {
        const char *const texts[] = { "lxc-web (enforce)", label };

        container->seen.items = calloc(2, sizeof(*container->seen.items));
        assert_non_null(container->seen.items);
        container->seen.count = 2;
        container->seen.init = 7;
        for (size_t i = 0; i < 2; i++) {
                struct phx_task *task = &container->seen.items[i];

                task->pid = task->tid = (pid_t) (7 + i);
                task->is_known = true;
                assert_int_equal(phx_label_parse(texts[i], &task->label), 0);
        }
}

static void tasks_are_compared_with_what_is_desired(void **state) {
        struct given *given = *state;

        configure(given, "other", NULL, "lxc-db");
        configure(given, "web", NULL, "lxc-web");
        run(there_is(given, "mine"), "lxc-web (enforce)");
        run(there_is(given, "other"), "lxc-web (enforce)");
        run(there_is(given, "web"), "lxc-web (complain)");
        (void) there_is(given, "zero");
        assert_int_equal(phx_replace(&given->observed->containers[0].effective, "lxc-web"), 0);
        (void) desire(given);
        assert_int_equal(phx_confine(given->input.judged, given->observed), 0);
        /* One that is not ours is compared with its own config. */
        assert_int_equal(given->observed->containers[0].wrong, 0);
        assert_int_equal(given->observed->containers[1].wrong, 2);
        assert_int_equal(given->observed->containers[2].wrong, 1);
        assert_int_equal(given->observed->containers[3].wrong, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static void assert_options(const struct phx_desired_container *container, const char *wanted) {
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };

        for (size_t i = 0; i < container->options.count; i++)
                assert_int_equal(
                                phx_buffer_addf(&text,
                                                "%s=%s\n",
                                                container->options.items[i].key,
                                                container->options.items[i].value),
                                0);
        assert_string_equal(text.data ? text.data : "", wanted);
}

static void configure_start(struct phx_container_config *config) {
        config->has_start_at_boot = config->start_at_boot = true;
        config->has_boot_order = true;
        config->boot_order = 7;
        assert_non_null(phx_lxc_options_add(&config->options, "lxc.start.auto", "1"));
        assert_non_null(phx_lxc_options_add(&config->options, "lxc.start.order", "8"));
        assert_non_null(phx_lxc_options_add(&config->options, "lxc.start.delay", "9"));
        assert_non_null(phx_lxc_options_add(&config->options, "lxc.tty.max", "2"));
}

/* What the entry does not have is not managed. */
static void a_container_starts_by_the_keys_of_lxc(void **state) {
        const struct phx_desired_container *wanted;
        struct given *given = *state;
        struct phx_container_config *config = configure(given, "db", NULL, "lxc-web");

        given->settings.manage_autostart = true;
        config->has_start_at_boot = config->has_boot_delay = true;
        config->boot_delay = 30;
        configure_start(configure(given, "web", NULL, "lxc-web"));
        there_is(given, "db");
        there_is(given, "web");
        wanted = desire(given);
        assert_true(given->input.judged->manages_autostart);
        assert_options(&wanted[0], "lxc.start.auto=0\nlxc.start.delay=30\n");
        assert_options(&wanted[1],
                       "lxc.start.delay=9\nlxc.tty.max=2\nlxc.start.auto=1\nlxc.start.order=7\n");
        assert_int_equal(wanted[1].notes.count, 1);
        assert_string_equal(
                        wanted[1].notes.items[0],
                        "lxc_options: lxc.start.order=8 is skipped: boot_order is 7");
}

static void only_where_that_is_managed_and_not_by_proxmox(void **state) {
        static const char plain[] =
                        "lxc.start.auto=1\nlxc.start.order=8\nlxc.start.delay=9\nlxc.tty.max=2\n";
        const struct phx_desired_container *wanted;
        struct given *given = *state;

        given->settings.manage_autostart = true;
        configure_start(configure(given, "101", NULL, "lxc-web"));
        configure_start(configure(given, "gone", NULL, "lxc-web"));
        there_is(given, "101")->backend = PHX_BACKEND_PVE;
        wanted = desire(given);
        assert_options(&wanted[0], plain);
        assert_options(&wanted[1], plain);
        assert_int_equal(wanted[0].notes.count, 0);
}

/* It is started at boot from the beginning, and not from the second pass on. */
static void one_that_is_created_starts_by_the_keys_of_lxc(void **state) {
        const struct phx_creation how = { .template = (char[]){ "/t.tar" } };
        const struct phx_desired_container *wanted;
        struct given *given = *state;
        struct phx_container_config *config = configure(given, "new", NULL, "lxc-web");

        given->settings.manage_autostart = true;
        configure_start(config);
        assert_int_equal(phx_creation_copy(&config->creation, &how), 0);
        wanted = desire(given);
        assert_options(&wanted[0],
                       "lxc.start.delay=9\nlxc.tty.max=2\nlxc.start.auto=1\nlxc.start.order=7\n");
}

static void a_state_is_kept_unless_the_settings_say_otherwise(void **state) {
        const struct phx_desired_container *wanted;
        struct given *given = *state;

        configure(given, "db", NULL, "lxc-web");
        configure(given, "web", NULL, "lxc-web")->state = PHX_RUN_RUNNING;
        there_is(given, "web");
        wanted = desire(given);
        assert_int_equal(wanted[1].state, PHX_RUN_UNMANAGED);
        phx_desired_free(given->input.judged);
        given->input.judged = calloc(1, sizeof(*given->input.judged));
        given->settings.manage_state = true;
        wanted = desire(given);
        assert_int_equal(wanted[0].state, PHX_RUN_UNMANAGED);
        assert_int_equal(wanted[1].state, PHX_RUN_RUNNING);
}

static void nothing_where_the_settings_say_so(void **state) {
        const struct phx_desired_container *wanted;
        struct given *given = *state;

        configure_start(configure(given, "web", NULL, "lxc-web"));
        there_is(given, "web");
        wanted = desire(given);
        assert_false(given->input.judged->manages_autostart);
        assert_int_equal(wanted[0].options.count, 4);
        assert_int_equal(wanted[0].notes.count, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(a_container_is_the_directory_of_its_id_or_else_of_its_name),
                TEST(a_namespace_is_stacked_under_the_profile),
                TEST(no_profile_at_all_leaves_a_container_to_proxmox),
                TEST(a_generated_profile_is_the_one_that_is_wanted),
                TEST(a_profile_that_stays_is_the_one_that_is_wanted),
                TEST(who_is_unconfined_gets_a_suggestion_and_nobody_else),
                TEST(a_host_without_the_hooks_of_the_gate_has_a_note),
                TEST(a_path_that_is_not_believed_is_a_refusal),
                TEST(without_settings_or_configuration_nothing_is_desired),
                TEST(tasks_are_compared_with_what_is_desired),
                TEST(a_container_starts_by_the_keys_of_lxc),
                TEST(only_where_that_is_managed_and_not_by_proxmox),
                TEST(nothing_where_the_settings_say_so),
                TEST(one_that_is_created_starts_by_the_keys_of_lxc),
                TEST(a_state_is_kept_unless_the_settings_say_otherwise),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
