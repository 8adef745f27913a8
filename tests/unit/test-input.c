/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "input-fixture.h"

/* As many bytes as a real entry has, and as many entries as the largest host may have. */
#define ENTRY_SIZE 1466
#define ENTRIES 20000

static unsigned digests;

void __real_phx_sha256(const void *data, size_t size, char hex[PHX_SHA256_HEX]);
void __wrap_phx_sha256(const void *data, size_t size, char hex[PHX_SHA256_HEX]);

/* Of the settings as well, which are small. */
void __wrap_phx_sha256(const void *data, size_t size, char hex[PHX_SHA256_HEX]) {
        digests += memmem(data, size, "lxc_configs", strlen("lxc_configs")) != NULL;
        __real_phx_sha256(data, size, hex);
}

static void both_files_are_read_and_the_generation_is_named(void **state) {
        char digest[PHX_SHA256_HEX];

        tree_write("etc/phoenixd.json",
                   "{ \"configuration\": \"" CONFIGURATION "\", \"mode\": \"observe\" }\n");
        read_good();
        phx_sha256(GOOD_CONFIGURATION, strlen(GOOD_CONFIGURATION), digest);
        assert_string_equal(desired->generation, digest);
        assert_int_equal(desired->mode, PHX_MODE_OBSERVE);
        assert_string_equal(profile_of_the_container(), "unconfined");
}

/* --- what need not be read again --- */

static const struct phx_scope nothing = { 0 };

static void what_is_not_in_the_scope_is_not_read(void **state) {
        read_good();
        assert_true(input_is_unchanged(input, &nothing));
        tree_write("etc/phoenixd.json", "{ nonsense");
        assert_true(input_is_unchanged(input, &nothing));
        assert_false(input_is_unchanged(input, NULL));
}

static void the_same_text_is_unchanged(void **state) {
        read_good();
        tree_write("etc/lxc.json", GOOD_CONFIGURATION);
        assert_true(input_is_unchanged(input, NULL));
        tree_write("etc/lxc.json", GOOD_CONFIGURATION " ");
        assert_false(input_is_unchanged(input, NULL));
        /* Nor is it by the next look, before it was read. */
        assert_false(input_is_unchanged(input, &nothing));
        read_good();
        assert_true(input_is_unchanged(input, NULL));
}

/* Within one tick of the kernel's clock, so that the stamp is the same. */
static void another_text_of_the_same_size_is_seen_at_once(void **state) {
        for (unsigned i = 0; i < 100; i++) {
                int fd;

                read_good();
                fd = open(tree_path("etc/lxc.json"), O_WRONLY | O_CLOEXEC);
                assert_int_equal(
                                pwrite(fd, i % 2 ? "\n" : " ", 1, strlen(GOOD_CONFIGURATION) - 1),
                                1);
                (void) close(fd);
                assert_false(input_is_unchanged(input, NULL));
        }
}

static void untrusted_files_are_not_unchanged(void **state) {
        read_good();
        assert_int_equal(chmod(tree_path("etc"), 0777), 0);
        assert_false(input_is_unchanged(input, NULL));
        assert_int_equal(chmod(tree_path("etc"), 0755), 0);
        read_good();
        assert_true(input_is_unchanged(input, NULL));
        input_forget(input);
        assert_false(input_is_unchanged(input, &nothing));
}

static void a_directory_above_that_is_named_is_judged(void **state) {
        struct phx_scope scope = { 0 };

        read_good();
        phx_scope_add(&scope, "/etc");
        assert_true(input_is_unchanged(input, &scope));
        assert_int_equal(chmod(tree_path("etc"), 0777), 0);
        assert_false(input_is_unchanged(input, &scope));
        phx_scope_done(&scope);
}

static void what_was_refused_is_read_again(void **state) {
        tree_write("etc/lxc.json", "{ nonsense");
        read_input();
        assert_int_equal(desired->refusal_count, 1);
        assert_false(input_is_unchanged(input, &nothing));
        read_input();
        assert_int_equal(desired->refusal_count, 1);
}

static void a_path_without_links_is_covered(void **state) {
        read_good();
        assert_true(input_covers(input, SETTINGS));
        assert_true(input_covers(input, CONFIGURATION));
        assert_false(input_covers(input, "/etc"));
        assert_false(input_covers(input, "/etc/other"));
        tree_write("etc/real.json", GOOD_CONFIGURATION);
        tree_remove("etc/lxc.json");
        tree_link("etc/lxc.json", "real.json");
        read_good();
        assert_false(input_covers(input, CONFIGURATION));
        /* An event at the other end of the link is not known to be about it. */
        tree_write("etc/real.json", GOOD_CONFIGURATION " ");
        assert_false(input_is_unchanged(input, &nothing));
}

/* --- */

static void without_a_file_every_setting_has_its_default(void **state) {
        tree_remove("etc/phoenixd.json");
        read_refused("configuration", PHX_SYSCONFDIR "/phoenix_lxc_configs.json: No such file");
        assert_int_equal(input_settings(input)->resync_usec, 600000000);
        assert_int_equal(input_settings(input)->mode, PHX_MODE_ENFORCE);
        assert_false(desired->has_configuration);

        /* It may come later. */
        tree_write("etc/phoenixd.json", GOOD_SETTINGS);
        read_good();
        assert_int_equal(input_settings(input)->resync_usec, 77000000);
}

static void broken_settings_leave_the_last_good_ones(void **state) {
        read_good();
        tree_write("etc/phoenixd.json", "{ \"resync_s\": 1 }\n");
        read_refused("settings", SETTINGS ":");
        assert_int_equal(input_settings(input)->resync_usec, 77000000);
        assert_true(desired->has_configuration);
        tree_write("etc/phoenixd.json", GOOD_SETTINGS);
        read_good();
}

static void settings_that_were_broken_from_the_start_leave_all_as_it_is(void **state) {
        tree_write("etc/phoenixd.json", "{ \"configuraton\": \"/x\" }\n");
        read_refused("settings", SETTINGS ":");
        assert_null(input_settings(input));
        assert_null(input_configuration(input));
        assert_false(desired->has_configuration);
}

static void settings_that_vanish_are_refused_and_not_read_as_defaults(void **state) {
        read_good();
        tree_remove("etc/phoenixd.json");
        read_refused("settings", SETTINGS ": No such file or directory");
        assert_int_equal(input_settings(input)->resync_usec, 77000000);
        assert_true(desired->has_configuration);
}

static void a_configuration_that_vanishes_is_refused_and_stays(void **state) {
        read_good();
        tree_remove("etc/lxc.json");
        read_refused("configuration", CONFIGURATION ": No such file or directory");
        assert_true(desired->has_configuration);
        assert_int_equal(input_configuration(input)->count, 1);
}

static void a_broken_configuration_leaves_the_last_good_one(void **state) {
        static const char *const texts[] = { "", "{}", "{ \"lxc_configs\": {} }", "{" };
        char generation[PHX_SHA256_HEX];

        read_good();
        memcpy(generation, desired->generation, sizeof(generation));
        for (size_t i = 0; i < PHX_ELEMENTS(texts); i++) {
                tree_write("etc/lxc.json", texts[i]);
                read_refused("configuration", CONFIGURATION);
                assert_true(desired->has_configuration);
                assert_string_equal(desired->generation, generation);
                assert_string_equal(input_configuration(input)->containers[0].id, "910");
        }
}

static void the_last_good_configuration_outlives_a_restart(void **state) {
        char generation[PHX_SHA256_HEX];

        read_good();
        memcpy(generation, desired->generation, sizeof(generation));
        tree_write("etc/lxc.json", "{");
        start();
        read_refused("configuration", CONFIGURATION);
        assert_true(desired->has_configuration);
        assert_string_equal(desired->generation, generation);
        assert_string_equal(input_configuration(input)->containers[0].id, "910");

        /* The same text again is the same generation, and a good one. */
        tree_write("etc/lxc.json", GOOD_CONFIGURATION);
        read_good();
        assert_string_equal(desired->generation, generation);
}

static void a_last_good_configuration_that_is_damaged_is_none(void **state) {
        read_good();
        tree_write("etc/lxc.json", "{");
        tree_write("state/configuration.json", "{ \"lxc_con");
        start();
        read_refused("configuration", CONFIGURATION);
        assert_false(desired->has_configuration);
        assert_null(input_configuration(input));
}

static void what_has_not_changed_is_not_parsed_anew(void **state) {
        const struct phx_settings *settings;
        const struct phx_configuration *configuration;

        read_good();
        settings = input_settings(input);
        configuration = input_configuration(input);
        /* Another file with the same bytes, as an editor would write it. */
        tree_remove("etc/phoenixd.json");
        tree_write("etc/phoenixd.json", GOOD_SETTINGS);
        read_good();
        assert_ptr_equal(input_settings(input), settings);
        assert_ptr_equal(input_configuration(input), configuration);
}

static void rewrite(const char *text) {
        tree_write("etc/lxc.json.new", text);
        assert_int_equal(rename(tree_path("etc/lxc.json.new"), tree_path("etc/lxc.json")), 0);
}

/* A digest takes forty times as long as a comparison. */
static void an_identical_rewrite_takes_no_digest_and_another_text_takes_one(void **state) {
        const struct phx_configuration *configuration;

        digests = 0;
        read_good();
        assert_int_equal(digests, 1);
        configuration = input_configuration(input);
        for (unsigned i = 0; i < 3; i++) {
                rewrite(GOOD_CONFIGURATION);
                read_good();
                read_good();
        }
        assert_int_equal(digests, 1);
        assert_ptr_equal(input_configuration(input), configuration);

        /* Also one of the same size. */
        rewrite("{ \"lxc_configs\": { \"911\": { \"name\": \"web\" } } }\n");
        read_good();
        assert_int_equal(digests, 2);
        assert_string_equal(input_configuration(input)->containers[0].id, "911");
        rewrite(GOOD_CONFIGURATION);
        read_good();
        assert_string_equal(input_configuration(input)->containers[0].id, "910");
}

/* It is the copy of what is in force only while it is as it was written. */
static void a_copy_that_was_changed_is_not_compared_with(void **state) {
        static const char other[] = "{ \"lxc_configs\": { \"911\": { \"name\": \"web\" } } }\n";

        read_good();
        tree_write("state/configuration.json", other);
        rewrite(other);
        read_good();
        assert_string_equal(input_configuration(input)->containers[0].id, "911");
        assert_file_is("state/configuration.json", other);

        tree_remove("state/configuration.json");
        rewrite(GOOD_CONFIGURATION);
        read_good();
        assert_string_equal(input_configuration(input)->containers[0].id, "910");
        assert_file_is("state/configuration.json", GOOD_CONFIGURATION);
}

/* Times and size are put back, the bytes are not: the time of the change tells. */
static void a_file_that_is_changed_in_place_is_read_again(void **state) {
        struct timespec times[2];
        struct stat st;

        read_good();
        read_good();
        assert_int_equal(stat(tree_path("etc/lxc.json"), &st), 0);
        times[0] = st.st_atim;
        times[1] = st.st_mtim;
        tree_write("etc/lxc.json", "{ \"lxc_configs\": { \"911\": { \"name\": \"web\" } } }\n");
        assert_int_equal(utimensat(AT_FDCWD, tree_path("etc/lxc.json"), times, 0), 0);
        read_good();
        assert_string_equal(input_configuration(input)->containers[0].id, "911");
}

/* Another could have written it: it is refused, though nothing of it has changed. */
static void an_unchanged_file_must_still_be_trusted(void **state) {
        read_good();
        read_good();
        assert_int_equal(chmod(tree_path("etc"), 0777), 0);
        read_input();
        assert_int_equal(desired->refusal_count, 2);
        assert_string_equal(desired->refusals[1].object, "configuration");
        assert_int_equal(chmod(tree_path("etc"), 0755), 0);
        read_good();
}

static void twenty_thousand_real_entries_are_accepted_and_recalled(void **state) {
        char *text = malloc((size_t) ENTRIES * ENTRY_SIZE + 64), *end = text;

        assert_non_null(text);
        end += sprintf(end, "{ \"lxc_configs\": {\n");
        for (unsigned i = 0; i < ENTRIES; i++) {
                char *begin = end;

                end += sprintf(end,
                               "\"%u\": { \"name\": \"guest-%u\", \"apparmor_profile\": "
                               "\"lxc-baseline\", \"features\": [ \"base_setup\" ], \"memory_mb\": "
                               "2048, \"description\": \"",
                               100000 + i,
                               i);
                memset(end, 'x', ENTRY_SIZE - 8 - (size_t) (end - begin));
                end = begin + ENTRY_SIZE - 8;
                end += sprintf(end, "\" }%s\n", i + 1 < ENTRIES ? "," : "");
        }
        (void) sprintf(end, "} }\n");
        assert_true(strlen(text) > (size_t) ENTRIES * (ENTRY_SIZE - 8));
        tree_write("etc/lxc.json", text);
        free(text);
        read_good();
        assert_int_equal(input_configuration(input)->count, ENTRIES);

        start();
        tree_write("etc/lxc.json", "{");
        read_refused("configuration", CONFIGURATION);
        assert_int_equal(input_configuration(input)->count, ENTRIES);
}

static void another_default_profile_reads_the_configuration_again(void **state) {
        read_good();
        assert_string_equal(profile_of_the_container(), "unconfined");
        tree_write("etc/phoenixd.json",
                   "{ \"configuration\": \"" CONFIGURATION
                   "\", \"default_profile\": \"lxc-baseline\" }\n");
        read_good();
        assert_string_equal(profile_of_the_container(), "lxc-baseline");
}

static void another_default_profile_holds_for_a_recalled_configuration(void **state) {
        read_good();
        tree_write("etc/lxc.json", "{");
        start();
        read_refused("configuration", CONFIGURATION);
        assert_string_equal(profile_of_the_container(), "unconfined");
        tree_write("etc/phoenixd.json",
                   "{ \"configuration\": \"" CONFIGURATION
                   "\", \"default_profile\": \"lxc-baseline\" }\n");
        read_refused("configuration", CONFIGURATION);
        assert_string_equal(profile_of_the_container(), "lxc-baseline");
}

static void what_could_not_be_kept_is_not_undone_by_a_recall(void **state) {
        read_good();
        /* Nothing can be written there, and what is kept is the one before. */
        tree_mkdir("state/.configuration.json.phoenixd~");
        tree_write("state/.configuration.json.phoenixd~/in-the-way", "");
        tree_write("etc/lxc.json", "{ \"lxc_configs\": { \"911\": {} } }\n");
        read_refused("configuration",
                     CONFIGURATION ": is accepted, but cannot be stored for the next start: ");
        tree_write("etc/lxc.json", "{");
        tree_write("etc/phoenixd.json",
                   "{ \"configuration\": \"" CONFIGURATION
                   "\", \"default_profile\": \"lxc-baseline\" }\n");
        read_refused("configuration", CONFIGURATION);
        assert_string_equal(input_configuration(input)->containers[0].id, "911");
}

static void a_file_that_is_being_written_is_refused_for_now(void **state) {
        int fd;

        read_good();
        fd = open(tree_path("etc/lxc.json"), O_WRONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        read_input();
        (void) close(fd);
        assert_int_equal(desired->refusal_count, 1);
        assert_string_equal(desired->refusals[0].object, "configuration");
        assert_true(desired->refusals[0].is_transient);
        assert_true(desired->has_configuration);
        read_good();
}

static void a_file_that_others_can_write_is_refused(void **state) {
        read_good();
        assert_int_equal(chmod(tree_path("etc/lxc.json"), 0666), 0);
        read_refused("configuration", CONFIGURATION ": 'lxc.json' is writable by group or others");
        assert_true(desired->has_configuration);
        assert_int_equal(chmod(tree_path("etc/lxc.json"), 0644), 0);
        read_good();
}

static void one_that_cannot_be_kept_is_said_until_it_can(void **state) {
        phx_autofree char *text = NULL;

        /* Nothing can be renamed over a directory that is not empty. */
        tree_write("state/configuration.json/in-the-way", "");
        for (int i = 0; i < 2; i++) {
                read_refused("configuration",
                             CONFIGURATION ": is accepted, but cannot be stored for the next "
                                           "start: ");
                assert_true(desired->has_configuration);
        }
        tree_remove("state/configuration.json");
        read_good();
        text = tree_read("state/configuration.json");
        assert_string_equal(text, GOOD_CONFIGURATION);
}

static void both_places_are_watched(void **state) {
        phx_cleanup(phx_strings_done) struct phx_strings watches = { 0 };
        char settings[2 * PATH_MAX], text[3 * PATH_MAX];

        tree_mkdir("b");
        (void) snprintf(settings, sizeof(settings), "%s", tree_path("etc/phoenixd.json"));
        input = input_free(input);
        assert_int_equal(input_new(&trust, NULL, settings, state_fd, &input), 0);
        assert_int_equal(input_watches(input, &watches), 0);
        assert_true(tree_is_watched(&watches, tree_path("etc")));
        assert_true(tree_is_watched(&watches, trust.root));
        assert_false(phx_strings_has(&watches, tree_path("b")));

        /* Below the trusted root that path is another file. */
        (void) snprintf(text,
                        sizeof(text),
                        "{ \"configuration\": \"%s\" }",
                        tree_path("b/gone/deeper/lxc.json"));
        (void) snprintf(settings, sizeof(settings), "%s/etc/phoenixd.json", trust.root + 1);
        tree_write(settings, text);
        read_input();
        assert_non_null(input_settings(input));
        phx_strings_done(&watches);
        assert_int_equal(input_watches(input, &watches), 0);
        assert_true(tree_is_watched(&watches, tree_path("etc")));
        assert_true(tree_is_watched(&watches, tree_path("b")));
}

/* What systemd says of a window, it says again only when the settings are others. */
static void a_window_that_is_none_is_refused(void **state) {
        struct phx_calendar calendar = { .deadline_usec = 10000000 };
        phx_autofree char *program = strdup(tree_path("analyze")), *asked = NULL;

        tree_write("analyze",
                   "#!/bin/sh\necho \"$5\" >>\"${0%/*}/asked\"\n"
                   "case $5 in *:*) echo '    Next elapse: never' ;;\n"
                   "*) echo \"no such time: $5\" >&2; exit 1 ;; esac\n");
        assert_int_equal(chmod(program, 0755), 0);
        calendar.program = program;
        input = input_free(input);
        assert_int_equal(input_new(&trust, &calendar, SETTINGS, state_fd, &input), 0);
        tree_write("etc/phoenixd.json", "{ \"restart_windows\": [ \"3:00\", \"noon\" ] }");
        read_refused("settings",
                     SETTINGS ":1: restart_windows[1]: found 'noon', expected a calendar "
                              "expression as in systemd.time(7): no such time: noon");
        assert_null(input_settings(input));
        tree_write("etc/phoenixd.json",
                   "{ \"configuration\": \"" CONFIGURATION
                   "\", \"restart_windows\": [ \"3:00\" ] }");
        for (int i = 0; i < 3; i++)
                read_good();
        asked = tree_read("asked");
        assert_string_equal(asked, "3:00\nnoon\n*-*-* *:*:*\n3:00\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(both_files_are_read_and_the_generation_is_named),
                TEST(without_a_file_every_setting_has_its_default),
                TEST(broken_settings_leave_the_last_good_ones),
                TEST(settings_that_were_broken_from_the_start_leave_all_as_it_is),
                TEST(settings_that_vanish_are_refused_and_not_read_as_defaults),
                TEST(a_configuration_that_vanishes_is_refused_and_stays),
                TEST(a_broken_configuration_leaves_the_last_good_one),
                TEST(the_last_good_configuration_outlives_a_restart),
                TEST(a_last_good_configuration_that_is_damaged_is_none),
                TEST(what_has_not_changed_is_not_parsed_anew),
                TEST(an_identical_rewrite_takes_no_digest_and_another_text_takes_one),
                TEST(a_copy_that_was_changed_is_not_compared_with),
                TEST(a_file_that_is_changed_in_place_is_read_again),
                TEST(an_unchanged_file_must_still_be_trusted),
                TEST(twenty_thousand_real_entries_are_accepted_and_recalled),
                TEST(another_default_profile_reads_the_configuration_again),
                TEST(another_default_profile_holds_for_a_recalled_configuration),
                TEST(what_could_not_be_kept_is_not_undone_by_a_recall),
                TEST(a_file_that_is_being_written_is_refused_for_now),
                TEST(a_file_that_others_can_write_is_refused),
                TEST(one_that_cannot_be_kept_is_said_until_it_can),
                TEST(both_places_are_watched),
                TEST(a_window_that_is_none_is_refused),
                TEST(what_is_not_in_the_scope_is_not_read),
                TEST(the_same_text_is_unchanged),
                TEST(another_text_of_the_same_size_is_seen_at_once),
                TEST(untrusted_files_are_not_unchanged),
                TEST(a_directory_above_that_is_named_is_judged),
                TEST(what_was_refused_is_read_again),
                TEST(a_path_without_links_is_covered),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
