/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/digest.h"
#include "base/strings.h"
#include "config.h"
#include "engine/metrics.h"
#include "tree.h"

static struct phx_daemon times;
static struct phx_snapshot *snapshot;
static struct metrics metrics;
static char file[256];

static int set_up(void **state) {
        tree_new();
        tree_mkdir("collector");
        (void) snprintf(file, sizeof(file), "%s", tree_path("collector/phoenixd.prom"));
        phx_daemon_init(&times);
        snapshot = phx_snapshot_new();
        assert_non_null(snapshot);
        snapshot->containers = calloc(1, sizeof(*snapshot->containers));
        assert_non_null(snapshot->containers);
        snapshot->container_count = 1;
        assert_int_equal(phx_replace(&snapshot->containers[0].id, "101"), 0);
        assert_int_equal(phx_replace(&snapshot->generation, "cdada34db4bb"), 0);
        snapshot->containers[0].state = PHX_CONTAINER_IN_SYNC;
        snapshot->containers[0].posture = PHX_POSTURE_UNCONFINED;
        snapshot->counters.compile_usec = 1500000;
        return 0;
}

static int tear_down(void **state) {
        snapshot = phx_snapshot_free(snapshot);
        metrics_done(&metrics);
        tree_done();
        return 0;
}

static void update(const char *path) {
        struct phx_error error = { 0 };

        assert_int_equal(metrics_update(&metrics, path, &times, snapshot, &error), 0);
        assert_string_equal(error.text, "");
}

static ino_t inode(void) {
        struct stat st;

        assert_int_equal(stat(file, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0644);
        return st.st_ino;
}

static void assert_has(const char *line) {
        phx_autofree char *text = tree_read("collector/phoenixd.prom");

        if (!strstr(text, line))
                fail_msg("no line '%s' in:\n%s", line, text);
}

/* Every line is a comment or "NAME[{LABELS}] NUMBER", and each name is explained once. */
static void it_is_what_a_collector_reads(void **state) {
        phx_autofree char *text = NULL;
        unsigned helps = 0, types = 0;

        times.pass.ended_at = 1700000000250000;
        update(file);
        assert_has("\nphoenixd_containers{state=\"in-sync\"} 1\n");
        assert_has("\nphoenixd_container_postures{posture=\"unconfined\"} 1\n");
        assert_has("\nphoenixd_container_postures{posture=\"confined\"} 0\n");
        assert_has("\nphoenixd_drifts{layer=\"kernel\"} 0\n");
        assert_has("\nphoenixd_in_sync 1\n");
        assert_has("\nphoenixd_build_info{version=\"" PHX_VERSION "\"} 1\n");
        assert_has("\nphoenixd_generation_info{generation=\"cdada34db4bb\"} 1\n");
        assert_has("\nphoenixd_compile_seconds_total 1.500000\n");
        assert_has("\nphoenixd_last_pass_timestamp_seconds 1700000000.250000\n");
        text = tree_read("collector/phoenixd.prom");
        assert_null(strstr(text, "last_converged"));
        assert_null(strstr(text, "suspension_end"));
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
                const char *value = strrchr(line, ' ');
                char *end = NULL;

                helps += phx_has_prefix(line, "# HELP phoenixd_");
                types += phx_has_prefix(line, "# TYPE phoenixd_");
                if (line[0] == '#')
                        continue;
                assert_true(phx_has_prefix(line, "phoenixd_"));
                assert_non_null(value);
                (void) strtod(value + 1, &end);
                assert_string_equal(end, "");
        }
        assert_int_equal(helps, types);
        assert_true(helps >= 10);
}

static void it_is_written_only_when_something_has_changed(void **state) {
        ino_t first;

        update(file);
        first = inode();
        times.passes = 7;
        times.last_converged_at = 1700000000000000;
        update(file);
        assert_true(inode() == first);

        snapshot->containers[0].posture = PHX_POSTURE_CONFINED;
        update(file);
        assert_true(inode() != first);
        assert_has("\nphoenixd_container_postures{posture=\"confined\"} 1\n");
        assert_has("\nphoenixd_passes_total 7\n");
}

static void its_times_are_never_much_older_than_a_pass(void **state) {
        ino_t first;

        times.pass.ended_at = 1700000000000000;
        update(file);
        first = inode();
        times.pass.ended_at += 299000000;
        update(file);
        assert_true(inode() == first);
        times.pass.ended_at += 1000000;
        update(file);
        assert_true(inode() != first);
        assert_has("\nphoenixd_last_pass_timestamp_seconds 1700000300.000000\n");
}

static void the_first_end_of_a_suspension_is_a_time(void **state) {
        static char one[] = "101", two[] = "102", reason[] = "storage";
        struct phx_suspension suspension = {
                .object = one,
                .reason = reason,
                .since = 1600000000000000,
                .until = 1700000000000000,
        };

        assert_int_equal(phx_suspensions_set(&snapshot->suspensions, &suspension), 0);
        suspension.object = two;
        suspension.until = 1800000000000000;
        assert_int_equal(phx_suspensions_set(&snapshot->suspensions, &suspension), 0);
        update(file);
        assert_has("\nphoenixd_suspension_end_timestamp_seconds 1700000000.000000\n");
}

static void a_host_without_a_generation_has_none(void **state) {
        phx_autofree char *text = NULL;

        assert_int_equal(phx_replace(&snapshot->generation, NULL), 0);
        update(file);
        text = tree_read("collector/phoenixd.prom");
        assert_null(strstr(text, "generation_info"));
}

static void name_profile(
                struct phx_snapshot_profile *profile,
                const char *name,
                const char *digest) {
        assert_int_equal(phx_replace(&profile->name, name), 0);
        assert_int_equal(phx_replace(&profile->digest, digest), 0);
}

static void the_profiles_are_one_digest_of_their_names_and_texts(void **state) {
        char digest[PHX_SHA256_HEX], line[200];

        snapshot->profiles = calloc(3, sizeof(*snapshot->profiles));
        assert_non_null(snapshot->profiles);
        snapshot->profile_count = 3;
        name_profile(&snapshot->profiles[0], "lxc-a", "01");
        name_profile(&snapshot->profiles[1], "lxc-b", "02");
        name_profile(&snapshot->profiles[2], "lxc-never-good", NULL);
        snapshot->profiles[1].source = PHX_SOURCE_WITHDRAWN;
        update(file);
        phx_sha256("lxc-a 01\n", strlen("lxc-a 01\n"), digest);
        (void) snprintf(line, sizeof(line), "\nphoenixd_profiles_info{digest=\"%s\"} 1\n", digest);
        assert_has(line);
}

static void a_host_without_profiles_has_no_digest_of_them(void **state) {
        phx_autofree char *text = NULL;

        update(file);
        text = tree_read("collector/phoenixd.prom");
        assert_null(strstr(text, "profiles_info"));
}

static void what_is_no_longer_wanted_is_removed(void **state) {
        update(file);
        update(NULL);
        assert_int_equal(access(file, F_OK), -1);
        update(NULL);
        update(file);
        metrics_done(&metrics);
        assert_int_equal(access(file, F_OK), 0);
}

static void what_cannot_be_written_is_told_and_tried_again(void **state) {
        struct phx_error error = { 0 };
        const char *nowhere = tree_path("nowhere/phoenixd.prom");

        assert_int_equal(metrics_update(&metrics, nowhere, &times, snapshot, &error), -ENOENT);
        assert_true(phx_has_prefix(error.text, "metrics_file: /"));
        tree_mkdir("nowhere");
        update(nowhere);
        assert_int_equal(access(nowhere, F_OK), 0);
}

static void no_link_leads_it_elsewhere(void **state) {
        struct phx_error error = { 0 };
        const char *elsewhere = tree_path("elsewhere/phoenixd.prom");

        tree_mkdir("elsewhere");
        update(file);
        tree_remove("collector/phoenixd.prom");
        assert_int_equal(rmdir(tree_path("collector")), 0);
        tree_link("collector", tree_path("elsewhere"));
        snapshot->counters.compiles = 9;
        assert_int_equal(metrics_update(&metrics, file, &times, snapshot, &error), -ELOOP);
        assert_non_null(strstr(error.text, "expected a path without symbolic links"));
        assert_int_equal(access(elsewhere, F_OK), -1);

        tree_write("elsewhere/phoenixd.prom", "another's");
        update(NULL);
        assert_int_equal(access(elsewhere, F_OK), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(it_is_what_a_collector_reads, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                it_is_written_only_when_something_has_changed,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                its_times_are_never_much_older_than_a_pass,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                the_first_end_of_a_suspension_is_a_time,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                a_host_without_a_generation_has_none,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                the_profiles_are_one_digest_of_their_names_and_texts,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                a_host_without_profiles_has_no_digest_of_them,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                what_is_no_longer_wanted_is_removed,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                what_cannot_be_written_is_told_and_tried_again,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(no_link_leads_it_elsewhere, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
