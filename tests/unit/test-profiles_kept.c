/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What was judged holds over a restart, and no longer than it may. Whether a file was read shows by
 * a writer: one that somebody has open for writing is busy for whom reads it, and its stamp is the
 * same. */

#include <time.h>

#include "base/stamp.h"
#include "profiles-fixture.h"

#define BASE                                                             \
        "abi <abi/4.0>,\ninclude <tunables/global>\nprofile lxc-web {\n" \
        "  include <abstractions/web>\n  include if exists <abstractions/more>\n}\n"

static struct phx_buffer kept;

/* Until a change is sure to give the file another stamp. */
static void settle(const char *path) {
        struct phx_stamp stamp;
        struct stat st;

        assert_int_equal(stat(tree_path(path), &st), 0);
        for (stamp = phx_stamp_of(&st); !phx_stamp_is_settled(&stamp);)
                (void) nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
}

static void keep(void) {
        phx_buffer_done(&kept);
        kept = (struct phx_buffer){ 0 };
        assert_true(phx_profiles_is_unkept(profiles, false, false));
        assert_int_equal(phx_profiles_render(profiles, &kept), 1);
        assert_false(phx_profiles_is_unkept(profiles, false, false));
        assert_true(phx_profiles_is_unkept(profiles, true, false));
}

static int take_up(size_t size) {
        struct phx_texts reader = { .at = kept.data, .end = kept.data + size };

        start(true);
        return phx_profiles_parse(profiles, &reader);
}

static void restart(void) {
        assert_int_equal(take_up(kept.size), 0);
}

static int set_up_kept(void **state) {
        int r = set_up(state);

        tree_write("deployed/abi/4.0", "version\n");
        tree_write("deployed/tunables/global", "@{X}=1\n");
        tree_write("deployed/abstractions/base", "file,\n");
        assert_int_equal(chmod(tree_path("deployed/abi"), 0755), 0);
        assert_int_equal(chmod(tree_path("deployed/tunables"), 0755), 0);
        tree_write("profiles/lxc-web", BASE);
        settle("profiles/lxc-web");
        settle("parser");
        return r;
}

static int tear_down_kept(void **state) {
        phx_buffer_done(&kept);
        kept = (struct phx_buffer){ 0 };
        return tear_down(state);
}

/* Judged once, and then phoenixd was stopped. */
static void judge_and_stop(void) {
        update(1);
        assert_compiled("lxc-web\n");
        assert_good("lxc-web");
        keep();
        profiles = phx_profiles_free(profiles);
}

/* Another text of the same size, with the time of the one before. */
static void change_unseen(const char *path, const char *text) {
        struct stat before, after;

        assert_int_equal(stat(tree_path(path), &before), 0);
        tree_write(path, text);
        assert_int_equal(
                        utimensat(AT_FDCWD,
                                  tree_path(path),
                                  (struct timespec[]){ before.st_atim, before.st_mtim },
                                  0),
                        0);
        assert_int_equal(stat(tree_path(path), &after), 0);
        assert_int_equal(after.st_size, before.st_size);
        assert_int_equal(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
}

static int busy(const char *path) {
        int fd = open(tree_path(path), O_WRONLY | O_CLOEXEC);

        assert_true(fd >= 0);
        return fd;
}

static void nothing_is_read_again(void **state) {
        static const char *const paths[] = { "profiles/lxc-web",
                                             "profiles/abstractions/web",
                                             "deployed/abi/4.0",
                                             "deployed/tunables/global" };
        int writers[PHX_ELEMENTS(paths)];

        judge_and_stop();
        for (size_t i = 0; i < PHX_ELEMENTS(paths); i++)
                writers[i] = busy(paths[i]);
        restart();
        update(0);
        assert_compiled("");
        assert_good("lxc-web");
        assert_good("abstractions/web");
        assert_false(phx_profiles_is_unkept(profiles, false, false));
        assert_true(phx_profiles_is_unchanged(profiles, &settings, NULL));
        for (size_t i = 0; i < PHX_ELEMENTS(paths); i++)
                (void) close(writers[i]);
}

static void the_same_judgements_are_no_news(void **state) {
        phx_cleanup(phx_buffer_done) struct phx_buffer again = { 0 };

        judge_and_stop();
        restart();
        for (unsigned i = 0; i < 2; i++) {
                phx_profiles_forget_failures(profiles);
                update(0);
                assert_true(phx_profiles_is_unkept(profiles, false, false));
                assert_int_equal(phx_profiles_render(profiles, &again), 0);
                assert_false(phx_profiles_is_unkept(profiles, false, false));
        }
        /* Others that the same profiles were judged by. */
        settings.mode = PHX_MODE_OBSERVE;
        update(0);
        settings.mode = PHX_MODE_ENFORCE;
        assert_int_equal(phx_profiles_render(profiles, &again), 1);
        phx_profiles_unkeep(profiles);
        assert_int_equal(phx_profiles_render(profiles, &again), 1);
        assert_int_equal(phx_profiles_render(profiles, &again), 0);
}

static void without_it_all_is_read(void **state) {
        phx_autoclose int writer = -1;

        judge_and_stop();
        writer = busy("profiles/lxc-web");
        start(true);
        update(0);
        assert_int_equal(find("lxc-web")->state, PHX_SOURCE_WRITING);
}

/* The texts are there when somebody wants them. */
static void what_was_not_read_is_read_later(void **state) {
        judge_and_stop();
        restart();
        update(0);
        tree_write("profiles/lxc-db", "profile lxc-db {\n  include <abstractions/web>\n}\n");
        update(1);
        assert_compiled("lxc-db\n");
        assert_good("lxc-web");
        assert_good("lxc-db");
        keep();
        restart();
        update(0);
        assert_compiled("");
        assert_good("lxc-db");
}

static void a_change_while_it_was_down_is_seen(void **state) {
        static const struct {
                const char *path;
                const char *text;
        } changes[] = {
                { "profiles/lxc-web",
                  "abi <abi/4.0>,\ninclude <tunables/global>\nprofile lxc-web {\n"
                  "  include <abstractions/web>\n  include if exists <abstractions/base>\n}\n" },
                { "profiles/abstractions/web", "bile,\n" },
                { "deployed/abi/4.0", "Version\n" },
                { "deployed/tunables/global", "@{X}=2\n" },
        };

        update(1);
        assert_compiled("lxc-web\n");
        keep();
        for (size_t i = 0; i < PHX_ELEMENTS(changes); i++) {
                phx_autofree char *key = strdup(find("lxc-web")->key);

                profiles = phx_profiles_free(profiles);
                settle("profiles/lxc-web");
                settle(changes[i].path);
                change_unseen(changes[i].path, changes[i].text);
                restart();
                update(1);
                assert_compiled("lxc-web\n");
                assert_good("lxc-web");
                assert_string_not_equal(find("lxc-web")->key, key);
                keep();
        }
}

static void a_file_in_a_place_that_was_looked_in_vain_is_seen(void **state) {
        judge_and_stop();
        tree_write("profiles/abstractions/more", "network,\n");
        restart();
        update(1);
        assert_compiled("lxc-web\n");
        assert_good("abstractions/more");
        keep();

        tree_write("profiles/tunables/global", "@{X}=3\n");
        assert_int_equal(chmod(tree_path("profiles/tunables"), 0755), 0);
        restart();
        update(1);
        assert_compiled("lxc-web\n");
        keep();

        tree_remove("profiles/tunables/global");
        restart();
        update(1);
        assert_good("lxc-web");
}

static void another_compiler_judges_again(void **state) {
        struct stat before;

        judge_and_stop();
        assert_int_equal(stat(parser, &before), 0);
        write_compiler("the other");
        assert_int_equal(
                        utimensat(AT_FDCWD,
                                  parser,
                                  (struct timespec[]){ before.st_atim, before.st_mtim },
                                  0),
                        0);
        restart();
        update(1);
        assert_compiled("lxc-web\n");
}

static void another_kernel_judges_again(void **state) {
        judge_and_stop();
        look.features = "others";
        restart();
        update(1);
        assert_compiled("lxc-web\n");
}

static void other_settings_judge_again(void **state) {
        settings.allow_complain = true;
        tree_write("profiles/lxc-web", "profile lxc-web flags=(complain) {\n}\n");
        settle("profiles/lxc-web");
        judge_and_stop();
        settings.allow_complain = false;
        restart();
        update(0);
        assert_int_equal(find("lxc-web")->state, PHX_SOURCE_REFUSED);
        assert_non_null(strstr(find("lxc-web")->refusal, "flag 'complain'"));
}

/* By the policy alone it passes; the kernel denies everything. */
static void in_another_mode_a_test_is_asked_again(void **state) {
        tree_write("profiles/lxc-web.test", "allow file r /y\n");
        settle("profiles/lxc-web.test");
        settings.mode = PHX_MODE_OBSERVE;
        judge_and_stop();
        trials = 0;
        settings.mode = PHX_MODE_ENFORCE;
        restart();
        update(1);
        assert_int_equal(find("lxc-web")->state, PHX_SOURCE_REFUSED);
        assert_true(trials > 0);
}

static void a_test_that_came_or_went_is_seen(void **state) {
        judge_and_stop();
        tree_write("profiles/lxc-web.test", "deny file r /y\n");
        restart();
        update(1);
        assert_compiled("lxc-web\n");
        keep();
        tree_remove("profiles/lxc-web.test");
        restart();
        update(1);
        assert_compiled("");
}

static void a_name_that_others_define_is_refused(void **state) {
        static const char text[] = "profile lxc-web {\n}\n";

        judge_and_stop();
        assert_int_equal(phx_definitions_scan(text, sizeof(text) - 1, "somebody", &definitions), 0);
        restart();
        update(0);
        assert_string_equal(
                        find("lxc-web")->refusal,
                        "lxc-web: line 3: /deployed/somebody:1 already defines a profile of this "
                        "name; rename one of the two");
}

static void what_is_not_trusted_any_more_is_refused(void **state) {
        static const char *const paths[] = { "profiles/lxc-web",
                                             "profiles/abstractions",
                                             "deployed/abi/4.0",
                                             "deployed" };

        judge_and_stop();
        for (size_t i = 0; i < PHX_ELEMENTS(paths); i++) {
                struct stat st;

                assert_int_equal(stat(tree_path(paths[i]), &st), 0);
                assert_int_equal(chmod(tree_path(paths[i]), st.st_mode | 0022), 0);
                restart();
                update(0);
                assert_int_equal(find("lxc-web")->state, PHX_SOURCE_REFUSED);
                assert_non_null(strstr(find("lxc-web")->refusal, "writable by group or others"));
                assert_int_equal(chmod(tree_path(paths[i]), st.st_mode), 0);
        }
        restart();
        update(0);
        assert_good("lxc-web");
}

/* All are refused then, with one text. */
static void a_source_directory_that_is_not_trusted_is_refused(void **state) {
        judge_and_stop();
        assert_int_equal(chmod(tree_path("profiles"), 0777), 0);
        restart();
        update(0);
        assert_int_equal(desired->refusal_count, 1);
        assert_int_equal(chmod(tree_path("profiles"), 0755), 0);
}

/* A second change within one tick of the clock would not be seen by the stamp. */
static void a_stamp_that_was_not_settled_is_not_believed(void **state) {
        phx_autoclose int writer = -1;
        struct phx_stamp stamp;
        struct stat st;

        update(1);
        tree_write("profiles/lxc-web", BASE);
        update(0);
        assert_int_equal(stat(tree_path("profiles/lxc-web"), &st), 0);
        stamp = phx_stamp_of(&st);
        if (phx_stamp_is_settled(&stamp))
                return; /* a slow machine */
        phx_buffer_done(&kept);
        assert_int_equal(phx_profiles_render(profiles, &kept), 1);
        profiles = phx_profiles_free(profiles);
        writer = busy("profiles/lxc-web");
        restart();
        update(0);
        assert_int_equal(find("lxc-web")->state, PHX_SOURCE_WRITING);
}

static void a_lost_policy_is_compiled_again(void **state) {
        char path[PATH_MAX];

        judge_and_stop();
        (void) snprintf(path, sizeof(path), "cache/%s.policy", find("lxc-web")->key);
        tree_remove(path);
        restart();
        update(0);
        assert_compiled("lxc-web\n");
        assert_good("lxc-web");
}

static void write_numbered(unsigned number, const char *rule) {
        char path[64], text[128];

        (void) snprintf(path, sizeof(path), "profiles/lxc-%u", number);
        (void) snprintf(text, sizeof(text), "profile lxc-%u {\n%s}\n", number, rule);
        tree_write(path, text);
}

/* A start judges a few again for less than it costs to keep all each time that one changes. */
static void a_few_wait_for_others(void **state) {
        for (unsigned i = 0; i < 32; i++)
                write_numbered(i, "");
        update(1);
        assert_true(phx_profiles_is_unkept(profiles, false, true));
        keep();
        for (unsigned i = 0; i < 3; i++) {
                write_numbered(i, "  file,\n");
                update(1);
                assert_true(phx_profiles_is_unkept(profiles, false, false));
                assert_int_equal(phx_profiles_is_unkept(profiles, false, true), i == 2);
        }
}

static void what_is_refused_or_compiled_is_not_kept(void **state) {
        tree_write("profiles/lxc-db", DB);
        tree_write("profiles/lxc-web", "profile lxc-web {\nbogus\n}\n");
        tree_write("slow-lxc-db", "");
        update_once();
        assert_false(phx_profiles_is_unkept(profiles, true, false));
        tree_remove("slow-lxc-db");
        tree_write("profiles/lxc-db", "profile lxc-db {\n  include if exists <x>\n}\n");
        compiled[0] = '\0';
        update(1);
        keep();
        restart();
        compiled[0] = '\0';
        update(0);
        assert_good("lxc-db");
        assert_compiled("lxc-web\n");
        assert_refused("lxc-web", "lxc-web: line 2: bogus", false);
}

static void of_a_part_nothing_is_taken(void **state) {
        judge_and_stop();
        for (size_t size = 0; size < kept.size; size++) {
                if (size > 0 && kept.data[size - 1] != '\0')
                        continue;
                assert_int_equal(take_up(size), -EBADMSG);
        }
        update(0);
        assert_compiled("");
        assert_good("lxc-web");
}

#define KEPT(name) cmocka_unit_test_setup_teardown(name, set_up_kept, tear_down_kept)

int main(void) {
        const struct CMUnitTest tests[] = {
                KEPT(nothing_is_read_again),
                KEPT(the_same_judgements_are_no_news),
                KEPT(without_it_all_is_read),
                KEPT(what_was_not_read_is_read_later),
                KEPT(a_change_while_it_was_down_is_seen),
                KEPT(a_file_in_a_place_that_was_looked_in_vain_is_seen),
                KEPT(another_compiler_judges_again),
                KEPT(another_kernel_judges_again),
                KEPT(other_settings_judge_again),
                KEPT(in_another_mode_a_test_is_asked_again),
                KEPT(a_test_that_came_or_went_is_seen),
                KEPT(a_name_that_others_define_is_refused),
                KEPT(what_is_not_trusted_any_more_is_refused),
                KEPT(a_source_directory_that_is_not_trusted_is_refused),
                KEPT(a_stamp_that_was_not_settled_is_not_believed),
                KEPT(a_lost_policy_is_compiled_again),
                KEPT(a_few_wait_for_others),
                KEPT(what_is_refused_or_compiled_is_not_kept),
                KEPT(of_a_part_nothing_is_taken),
        };

        return cmocka_run_group_tests_name("profiles_kept", tests, NULL, NULL);
}
