/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <unistd.h>

#include "codec-fixtures.h"
#include "codec/settings_json.h"
#include "config.h"

static int parse(const char *name, const struct fixture *fixture, struct phx_error *error) {
        struct phx_settings *settings = NULL;
        int r;

        r = phx_settings_parse(name, fixture->text, fixture->size, &settings, error);
        assert_int_equal(r == 0, settings != NULL);
        settings = phx_settings_free(settings);
        return r;
}

static struct phx_settings *parse_text(const char *text) {
        struct phx_settings *settings = NULL;
        struct phx_error error = { 0 };

        assert_int_equal(
                        phx_settings_parse("phoenixd.json", text, strlen(text), &settings, &error),
                        0);
        assert_string_equal(error.text, "");
        return settings;
}

static void assert_equal(const struct phx_settings *a, const struct phx_settings *b) {
        assert_string_equal(a->configuration, b->configuration);
        assert_string_equal(a->profile_dir, b->profile_dir);
        assert_string_equal(a->deployed_dir, b->deployed_dir);
        assert_string_equal(a->lxc_path, b->lxc_path);
        assert_string_equal(a->default_profile, b->default_profile);
        assert_int_equal(a->boot_gate, b->boot_gate);
        assert_int_equal(a->boot_gate_without_state, b->boot_gate_without_state);
        assert_int_equal(a->mode, b->mode);
        assert_int_equal(a->debounce_usec, b->debounce_usec);
        assert_int_equal(a->longest_delay_usec, b->longest_delay_usec);
        assert_int_equal(a->resync_usec, b->resync_usec);
        assert_int_equal(a->label_resync_usec, b->label_resync_usec);
        assert_int_equal(a->compile_deadline_usec, b->compile_deadline_usec);
        assert_int_equal(a->compile_memory, b->compile_memory);
        assert_int_equal(a->compile_jobs, b->compile_jobs);
        assert_int_equal(a->allow_complain, b->allow_complain);
        assert_int_equal(a->allow_unconfined_flag, b->allow_unconfined_flag);
        assert_int_equal(a->adopt_deployed, b->adopt_deployed);
        assert_int_equal(a->manage_autostart, b->manage_autostart);
        assert_int_equal(a->manage_state, b->manage_state);
        assert_true(phx_equal(a->metrics_file, b->metrics_file));
        assert_int_equal(a->accepted.count, b->accepted.count);
        assert_int_equal(a->restart.policy, b->restart.policy);
        assert_int_equal(a->restart.windows.count, b->restart.windows.count);
        assert_int_equal(a->restart.window_usec, b->restart.window_usec);
        assert_int_equal(a->restart.jobs, b->restart.jobs);
        assert_int_equal(a->restart.interval_usec, b->restart.interval_usec);
        assert_int_equal(a->restart.deadline_usec, b->restart.deadline_usec);
        assert_int_equal(a->restart.rollback, b->restart.rollback);
        assert_true(phx_equal(a->restart.health, b->restart.health));
        assert_int_equal(a->restart.health_usec, b->restart.health_usec);
}

static void every_refusal_says_what_is_wrong(void **state) {
        static const struct fixture_parser parser = { parse };

        check_fixtures("settings", &parser);
}

static void defaults_are_as_documented(void **state) {
        phx_cleanup(phx_settings_freep) struct phx_settings *settings = NULL;

        assert_int_equal(phx_settings_defaults(&settings), 0);
        assert_string_equal(settings->configuration, PHX_SYSCONFDIR "/phoenix_lxc_configs.json");
        assert_string_equal(settings->profile_dir, PHX_SYSCONFDIR "/apparmor.d");
        assert_string_equal(settings->deployed_dir, "/etc/apparmor.d");
        assert_string_equal(settings->lxc_path, "/var/lib/lxc");
        assert_string_equal(settings->default_profile, "unconfined");
        assert_int_equal(settings->boot_gate, PHX_BOOT_GATE_REFUSE);
        assert_int_equal(settings->boot_gate_without_state, PHX_BOOT_GATE_WARN);
        assert_int_equal(settings->mode, PHX_MODE_ENFORCE);
        assert_int_equal(settings->debounce_usec, 200000);
        assert_int_equal(settings->longest_delay_usec, 2000000);
        assert_int_equal(settings->resync_usec, 600000000);
        assert_int_equal(settings->label_resync_usec, 0);
        assert_int_equal(settings->compile_deadline_usec, 60000000);
        assert_int_equal(settings->compile_memory, 1073741824);
        assert_false(settings->allow_complain);
        assert_false(settings->allow_unconfined_flag);
        assert_false(settings->adopt_deployed);
        assert_true(settings->manage_autostart);
        assert_true(settings->manage_state);
        assert_null(settings->metrics_file);
}

static void nothing_is_restarted_by_default(void **state) {
        phx_cleanup(phx_settings_freep) struct phx_settings *settings = NULL;

        assert_int_equal(phx_settings_defaults(&settings), 0);
        assert_int_equal(settings->restart.policy, PHX_RESTART_NEVER);
        assert_int_equal(settings->restart.windows.count, 0);
        assert_int_equal(settings->restart.window_usec, 3600000000);
        assert_int_equal(settings->restart.jobs, 1);
        assert_int_equal(settings->restart.interval_usec, 5000000);
        assert_int_equal(settings->restart.deadline_usec, 300000000);
        assert_false(settings->restart.rollback);
        assert_null(settings->restart.health);
        assert_int_equal(settings->restart.health_usec, 30000000);
}

static void no_jobs_means_one_for_each_processor(void **state) {
        phx_cleanup(phx_settings_freep) struct phx_settings *given = NULL, *standard = NULL;
        long processors = sysconf(_SC_NPROCESSORS_ONLN);

        given = parse_text("{ \"compile_jobs\": 3 }");
        standard = parse_text("{ \"compile_jobs\": 0 }");
        assert_int_equal(given->compile_jobs, 3);
        assert_int_equal(standard->compile_jobs, processors < 64 ? processors : 64);
}

static void an_empty_object_gives_the_defaults(void **state) {
        phx_cleanup(phx_settings_freep) struct phx_settings *settings = NULL, *defaults = NULL;

        settings = parse_text("{}");
        assert_int_equal(phx_settings_defaults(&defaults), 0);
        assert_equal(settings, defaults);
}

static void every_key_is_read_in_its_unit(void **state) {
        phx_cleanup(fixture_done) struct fixture fixture = fixture_read(
                        "settings",
                        "good-all.json");
        phx_cleanup(phx_settings_freep) struct phx_settings *settings = parse_text(fixture.text);

        assert_string_equal(settings->configuration, "/srv/phoenix/lxc.json");
        assert_string_equal(settings->profile_dir, "/srv/phoenix/profiles");
        assert_string_equal(settings->deployed_dir, "/srv/apparmor.d");
        assert_string_equal(settings->lxc_path, "/srv/lxc");
        assert_string_equal(settings->default_profile, "lxc-baseline");
        assert_int_equal(settings->boot_gate, PHX_BOOT_GATE_OFF);
        assert_int_equal(settings->boot_gate_without_state, PHX_BOOT_GATE_REFUSE);
        assert_int_equal(settings->mode, PHX_MODE_OBSERVE);
        assert_int_equal(settings->debounce_usec, 10000);
        assert_int_equal(settings->longest_delay_usec, 60000000);
        assert_int_equal(settings->resync_usec, 86400000000);
        assert_int_equal(settings->label_resync_usec, 86400000000);
        assert_int_equal(settings->compile_deadline_usec, 3600000000);
        assert_int_equal(settings->compile_memory, 68719476736);
        assert_int_equal(settings->compile_jobs, 64);
        assert_true(settings->allow_complain);
        assert_true(settings->allow_unconfined_flag);
        assert_true(settings->adopt_deployed);
        assert_false(settings->manage_autostart);
        assert_false(settings->manage_state);
        assert_string_equal(settings->metrics_file, "/srv/metrics/phoenixd.prom");
        assert_int_equal(settings->accepted.count, 3);
        assert_int_equal(settings->accepted.items[0].rule, PHX_RULE_MAY_LEAVE);
        assert_string_equal(settings->accepted.items[0].object, "lxc-db");
        assert_string_equal(settings->accepted.items[0].reason, "its agent");
        assert_int_equal(settings->accepted.items[1].rule, PHX_RULE_ALL_DEVICES);
        assert_string_equal(settings->accepted.items[1].object, "910");
        assert_int_equal(settings->accepted.items[1].line, 22);
        assert_int_equal(settings->accepted.items[2].rule, PHX_RULE_MAY_LEAVE);
}

static void every_key_of_restarts_is_read_in_its_unit(void **state) {
        phx_cleanup(fixture_done) struct fixture fixture = fixture_read(
                        "settings",
                        "good-all.json");
        phx_cleanup(phx_settings_freep) struct phx_settings *settings = parse_text(fixture.text);
        const struct phx_restart_settings *restart = &settings->restart;

        assert_int_equal(restart->policy, PHX_RESTART_WINDOW);
        assert_int_equal(restart->windows.count, 2);
        assert_string_equal(restart->windows.items[0], "Sat,Sun 03:00");
        assert_string_equal(restart->windows.items[1], "*-*-01 01:30");
        assert_int_equal(restart->window_usec, 604800000000);
        assert_int_equal(restart->jobs, 64);
        assert_int_equal(restart->interval_usec, 0);
        assert_int_equal(restart->deadline_usec, 86400000000);
        assert_true(restart->rollback);
        assert_string_equal(restart->health, "/usr/local/sbin/is-healthy");
        assert_int_equal(restart->health_usec, 3600000000);
}

static bool is_accepted(const char *key, long long number) {
        struct phx_settings *settings = NULL;
        struct phx_error error = { 0 };
        char text[128];
        int r;

        /* The longest delay goes with any debounce. */
        (void) snprintf(text,
                        sizeof(text),
                        "{ \"%s\": %lld%s }",
                        key,
                        number,
                        strcmp(key, "debounce_ms") == 0        ? ", \"longest_delay_ms\": 60000"
                        : strcmp(key, "longest_delay_ms") == 0 ? ", \"debounce_ms\": 10"
                                                               : "");
        r = phx_settings_parse("f", text, strlen(text), &settings, &error);
        settings = phx_settings_free(settings);
        if (r < 0)
                assert_non_null(strstr(error.text, "expected a whole number from "));
        return r == 0;
}

static void ranges_end_where_the_table_says(void **state) {
        size_t count = 0, numbers = 0;
        const struct phx_setting *table = phx_settings_table(&count);

        for (size_t i = 0; i < count; i++) {
                if (table[i].kind != PHX_SETTING_NUMBER && table[i].kind != PHX_SETTING_JOBS &&
                    table[i].kind != PHX_SETTING_COUNT)
                        continue;
                assert_true(is_accepted(table[i].key, table[i].lowest));
                assert_true(is_accepted(table[i].key, table[i].standard));
                assert_true(is_accepted(table[i].key, table[i].highest));
                assert_false(is_accepted(table[i].key, table[i].lowest - 1));
                assert_false(is_accepted(table[i].key, table[i].highest + 1));
                numbers++;
        }
        assert_int_equal(numbers, 12);
}

static void a_refusal_touches_nothing(void **state) {
        struct phx_settings *settings = NULL, *const before = (void *) state;
        static const char text[] = "{ \"mode\": 1 }";

        settings = before;
        assert_int_equal(phx_settings_parse("f", text, strlen(text), &settings, NULL), -EINVAL);
        assert_ptr_equal(settings, before);
}

static void a_huge_file_is_refused_unread(void **state) {
        static char text[PHX_SETTINGS_LIMIT + 1];
        struct phx_settings *settings = NULL;
        struct phx_error error = { 0 };

        memset(text, ' ', sizeof(text));
        text[0] = '{';
        text[sizeof(text) - 2] = '}';
        assert_int_equal(phx_settings_parse("f", text, sizeof(text), &settings, &error), -EFBIG);
        assert_string_equal(error.text, "f: is larger than 4 MiB");

        assert_int_equal(phx_settings_parse("f", text, sizeof(text) - 1, &settings, &error), 0);
        settings = phx_settings_free(settings);
}

static void the_shipped_file_spells_out_the_defaults(void **state) {
        phx_cleanup(phx_settings_freep) struct phx_settings *settings = NULL, *defaults = NULL;
        phx_cleanup(fixture_done) struct fixture shipped = { 0 };
        const struct phx_setting *table;
        size_t count = 0;

        assert_int_equal(
                        phx_file_read_at(
                                        AT_FDCWD,
                                        getenv("PHX_SHIPPED_SETTINGS"),
                                        FIXTURE_LIMIT,
                                        &shipped.text,
                                        &shipped.size),
                        0);
        settings = parse_text(shipped.text);
        assert_int_equal(phx_settings_defaults(&defaults), 0);
        assert_equal(settings, defaults);

        table = phx_settings_table(&count);
        for (size_t i = 0; i < count; i++)
                assert_non_null(strstr(shipped.text, table[i].key));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_refusal_says_what_is_wrong),
                cmocka_unit_test(defaults_are_as_documented),
                cmocka_unit_test(no_jobs_means_one_for_each_processor),
                cmocka_unit_test(an_empty_object_gives_the_defaults),
                cmocka_unit_test(every_key_is_read_in_its_unit),
                cmocka_unit_test(nothing_is_restarted_by_default),
                cmocka_unit_test(every_key_of_restarts_is_read_in_its_unit),
                cmocka_unit_test(ranges_end_where_the_table_says),
                cmocka_unit_test(a_refusal_touches_nothing),
                cmocka_unit_test(a_huge_file_is_refused_unread),
                cmocka_unit_test(the_shipped_file_spells_out_the_defaults),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
