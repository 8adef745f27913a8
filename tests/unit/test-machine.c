/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "machine-fixture.h"

static void a_source_is_compiled_and_its_piece_comes_along(void **state) {
        struct picture picture = look(*state);
        const struct phx_desired_profile *web = phx_desired_find_profile(
                        picture.desired,
                        "lxc-web");
        const struct phx_desired_profile *life = phx_desired_find_profile(
                        picture.desired,
                        "abstractions/phoenix/life");

        assert_non_null(web);
        assert_string_equal(web->refusal ? web->refusal : "", "");
        assert_int_equal(web->state, PHX_SOURCE_GOOD);
        assert_true(web->has_good);
        assert_int_equal(web->policy.count, 1);
        assert_int_equal(web->policy.items[0].mode, PHX_POLICY_ENFORCE);
        assert_non_null(life);
        assert_true(life->has_good);
        assert_int_equal(life->policy.count, 0);
}

static void what_is_installed_is_seen_and_ours(void **state) {
        struct picture picture = look(*state);
        phx_autofree char *text = NULL;

        assert_null(phx_observed_find_file(picture.observed, "lxc-web")->content);
        apply(*state, PHX_ACTION_INSTALL, "lxc-web");
        apply(*state, PHX_ACTION_INSTALL, "abstractions/phoenix/life");

        picture = look(*state);
        assert_string_equal(
                        phx_observed_find_file(picture.observed, "lxc-web")->content,
                        phx_desired_find_profile(picture.desired, "lxc-web")->digest);
        assert_true(phx_observed_find_file(picture.observed, "lxc-web")->is_owned);
        text = tree_read("deployed/abstractions/phoenix/life");
        assert_string_equal(text, "file,\n");
}

static bool is_watched(const struct picture *picture, const char *path) {
        const struct phx_strings *watches = &picture->observed->watches;

        return phx_strings_has_sorted(watches, tree_path(path));
}

/* Who defines a profile below deployed_dir, or changes a piece there, is heard. */
static void directories_below_the_deployed_one_are_watched(void **state) {
        phx_cleanup(phx_strings_done) struct phx_strings before = { 0 };
        struct picture picture;

        tree_mkdir("deployed/site");
        tree_mkdir("deployed/site/more");
        tree_mkdir("deployed/tunables");
        (void) look(*state);
        apply(*state, PHX_ACTION_INSTALL, "abstractions/phoenix/life");
        picture = look(*state);
        assert_true(is_watched(&picture, "deployed/site"));
        assert_true(is_watched(&picture, "deployed/site/more"));
        assert_true(is_watched(&picture, "deployed/abstractions/phoenix"));
        assert_false(is_watched(&picture, "deployed/tunables"));
        /* The kernel's own switch, which overrules all profiles. */
        assert_true(is_watched(&picture, "module/parameters"));
        assert_int_equal(phx_strings_copy(&before, &picture.observed->watches), 0);
        picture = look(*state);
        assert_true(phx_strings_equal(&before, &picture.observed->watches));
}

static void a_converged_look_saves_nothing(void **state) {
        struct machine *machine = *state;
        unsigned saves;

        (void) look(machine);
        saves = machine->saves;
        (void) look(machine);
        assert_int_equal(machine->saves, saves);
}

static void a_broken_source_keeps_the_last_good_one(void **state) {
        struct picture picture = look(*state);
        char digest[PHX_SHA256_HEX];
        const struct phx_desired_profile *web;

        memcpy(digest,
               phx_desired_find_profile(picture.desired, "lxc-web")->digest,
               sizeof(digest));
        tree_write("sources/lxc-web", "profile lxc-web {\n  netwerk bogus,\n}\n");
        picture = look(*state);
        web = phx_desired_find_profile(picture.desired, "lxc-web");
        assert_int_equal(web->state, PHX_SOURCE_REFUSED);
        assert_ptr_equal(strstr(web->refusal, "lxc-web: line 2: "), web->refusal);
        assert_true(web->has_good);
        assert_string_equal(web->digest, digest);
}

static void an_empty_source_directory_withdraws_nothing(void **state) {
        struct picture picture = look(*state);

        tree_remove("sources/lxc-web");
        picture = look(*state);
        assert_int_equal(picture.desired->refusal_count, 1);
        assert_string_equal(picture.desired->refusals[0].object, "profiles");
        assert_int_equal(
                        phx_desired_find_profile(picture.desired, "lxc-web")->state,
                        PHX_SOURCE_GOOD);
}

static void one_source_of_two_that_is_gone_is_withdrawn(void **state) {
        struct picture picture;

        tree_write("sources/lxc-db", DB);
        picture = look(*state);
        apply(*state, PHX_ACTION_INSTALL, "lxc-db");
        tree_remove("sources/lxc-db");
        picture = look(*state);
        assert_int_equal(
                        phx_desired_find_profile(picture.desired, "lxc-db")->state,
                        PHX_SOURCE_WITHDRAWN);
}

static void a_container_gets_its_line_through_liblxc(void **state) {
        struct picture picture = look(*state);
        const struct phx_observed_container *web = phx_observed_find_container(
                        picture.observed,
                        "web");
        phx_autofree char *text = NULL;

        assert_string_equal(web->effective, "");
        assert_null(web->trouble);
        load("lxc-web", "enforce");
        apply(*state, PHX_ACTION_ASSIGN, "web");
        text = tree_read("lxc/web/config");
        assert_non_null(strstr(text, "lxc.uts.name = web\nlxc.apparmor.profile = lxc-web\n"));
        picture = look(*state);
        web = phx_observed_find_container(picture.observed, "web");
        assert_string_equal(web->effective, "lxc-web");
}

static void no_container_is_given_what_the_kernel_does_not_enforce(void **state) {
        const struct phx_drift drift = { .action = PHX_ACTION_ASSIGN, .object = "web" };
        struct machine *machine = *state;
        phx_autofree char *before = tree_read("lxc/web/config");
        unsigned saves;

        (void) look(machine);
        saves = machine->saves;
        assert_stale(machine, &drift, "web: the kernel no longer has the profile lxc-web");
        load("lxc-web", "complain");
        assert_stale(machine,
                     &drift,
                     "web: the kernel has lxc-web in complain mode now, expected enforce");
        load("lxc-web", "unconfined");
        machine->settings.allow_complain = true;
        assert_stale(machine,
                     &drift,
                     "web: the kernel has lxc-web in unconfined mode now, expected enforce");
        assert_file("lxc/web/config", before);
        assert_int_equal(machine->saves, saves);

        load("lxc-web", "kill");
        apply(machine, PHX_ACTION_ASSIGN, "web");
}

static void the_settings_may_allow_complain_mode_for_our_profiles_only(void **state) {
        const struct phx_drift drift = { .action = PHX_ACTION_ASSIGN, .object = "web" };
        struct machine *machine = *state;

        machine->settings.allow_complain = true;
        tree_write("sources/lxc-web", "profile lxc-web flags=(complain) {\n  file,\n}\n");
        load("lxc-web", "complain");
        load("lxc-theirs", "complain");
        assert_int_equal(phx_replace(&machine->container.profile, "lxc-theirs"), 0);
        (void) look(machine);
        assert_stale(machine,
                     &drift,
                     "web: the kernel has lxc-theirs in complain mode now, expected enforce");

        assert_int_equal(phx_replace(&machine->container.profile, "lxc-web"), 0);
        (void) look(machine);
        apply(machine, PHX_ACTION_ASSIGN, "web");
}

/* --- observe mode --- */

static struct phx_strings seen;

/* Anything that is done to a file shows in its times, its number or its size, or in that of its
 * directory. */
static int note_file(const char *path, const struct stat *st, int type, struct FTW *walk) {
        const char *below = path + strlen(tree_path(""));

        if (walk->level == 0 || phx_has_prefix(below, "state") || phx_has_prefix(below, "run"))
                return 0;
        assert_int_equal(
                        phx_strings_addf(
                                        &seen,
                                        "%s %lu %lo %ld %ld.%09ld %ld.%09ld",
                                        below,
                                        st->st_ino,
                                        (unsigned long) st->st_mode,
                                        st->st_size,
                                        st->st_mtim.tv_sec,
                                        st->st_mtim.tv_nsec,
                                        st->st_ctim.tv_sec,
                                        st->st_ctim.tv_nsec),
                        0);
        return 0;
}

static struct phx_strings files(void) {
        assert_int_equal(nftw(tree_path(""), note_file, 16, FTW_PHYS), 0);
        phx_strings_sort(&seen);
        return PHX_TAKE_STRUCT(seen);
}

static size_t count_changes(const struct phx_strings *before, const struct phx_strings *after) {
        size_t changes = 0;

        for (size_t i = 0; i < after->count; i++)
                changes += !phx_strings_has_sorted(before, after->items[i]);
        for (size_t i = 0; i < before->count; i++)
                changes += !phx_strings_has_sorted(after, before->items[i]);
        return changes;
}

/* How many files and directories but our own two are touched by two looks. */
static size_t count_touched(struct machine *machine) {
        phx_cleanup(phx_strings_done) struct phx_strings before = files(), after = { 0 };

        (void) look(machine);
        (void) look(machine);
        after = files();
        return count_changes(&before, &after);
}

/* All that a look has ever changed: what a crash has left, and the namespace in which a policy that
 * has a test is tried. Its source is judged all the same. */
static void observe_mode_touches_nothing_but_our_state(void **state) {
        struct machine *machine = *state;
        const struct phx_desired_profile *web;

        tree_write("sources/lxc-web.test", "allow file w /tmp/x\n");
        tree_mkdir("fs/policy/namespaces/phoenixd-probe");
        tree_write("deployed/.lxc-web.phoenixd~", "left by a crash\n");
        tree_write("lxc/web/.config.phoenixd~", "left by a crash\n");
        machine->settings.mode = PHX_MODE_OBSERVE;
        assert_int_equal(count_touched(machine), 0);
        assert_int_equal(rmdir(tree_path("fs/policy/namespaces/phoenixd-probe")), 0);
        assert_int_equal(count_touched(machine), 0);
        web = phx_desired_find_profile(machine->picture.desired, "lxc-web");
        assert_string_equal(web->refusal ? web->refusal : "", "");
        assert_int_equal(web->state, PHX_SOURCE_GOOD);

        /* The kernel is asked before it is put in force: here there is none to answer. */
        machine->settings.mode = PHX_MODE_ENFORCE;
        assert_true(count_touched(machine) >= 4);
        web = phx_desired_find_profile(machine->picture.desired, "lxc-web");
        assert_int_equal(web->state, PHX_SOURCE_REFUSED);
        /* Good to the matcher alone is not a last known good that could be put in force. */
        assert_false(web->has_good);
        assert_int_equal(access(tree_path("deployed/.lxc-web.phoenixd~"), F_OK), -1);
        assert_int_equal(access(tree_path("lxc/web/.config.phoenixd~"), F_OK), -1);
}

static void a_test_that_fails_is_told_in_observe_mode_too(void **state) {
        struct machine *machine = *state;
        const struct phx_desired_profile *web;

        tree_write("sources/lxc-web.test", "deny file w /tmp/x\n");
        machine->settings.mode = PHX_MODE_OBSERVE;
        (void) look(machine);
        web = phx_desired_find_profile(machine->picture.desired, "lxc-web");
        assert_int_equal(web->state, PHX_SOURCE_REFUSED);
        assert_non_null(strstr(web->refusal, "lxc-web.test: line 1: "));
}

/* What is not in a list that is not whole may be there all the same. */
static void a_list_that_is_not_whole_is_not_believed(void **state) {
        struct picture picture;

        load("lxc-web", "enforce");
        tree_mkdir("fs/policy/profiles/lxc-other.2/name"); /* cannot be read */
        picture = look(*state);
        assert_string_equal(
                        picture.observed->kernel_trouble,
                        "AppArmor: a loaded profile's name cannot be read");
}

static void unconfined_asks_nothing_of_the_kernel(void **state) {
        struct machine *machine = *state;
        struct picture picture;

        assert_int_equal(phx_replace(&machine->container.profile, "unconfined"), 0);
        picture = look(machine);
        apply(machine, PHX_ACTION_ASSIGN, "web");
        picture = look(machine);
        assert_string_equal(
                        phx_observed_find_container(picture.observed, "web")->effective,
                        "unconfined");
}

static void an_lxc_path_that_others_may_write_is_refused_and_left_alone(void **state) {
        struct machine *machine = *state;
        phx_autofree char *before = tree_read("lxc/web/config");
        const struct phx_observed_container *web;
        struct phx_error error = { 0 };
        struct picture picture;
        char text[1024];

        load("lxc-web", "enforce");
        assert_int_equal(chmod(machine->settings.lxc_path, 0777), 0);
        (void) snprintf(text,
                        sizeof(text),
                        "%s: 'lxc' is writable by group or others (mode 0777), expected by its "
                        "owner alone",
                        machine->settings.lxc_path);
        picture = look(machine);
        assert_int_equal(picture.desired->refusal_count, 1);
        assert_string_equal(picture.desired->refusals[0].object, "lxc_path");
        assert_string_equal(picture.desired->refusals[0].text, text);
        /* It is not missing, and nothing is known of its config. */
        assert_string_equal(picture.desired->containers[0].directory, "web");
        web = phx_observed_find_container(picture.observed, "web");
        assert_non_null(web);
        assert_string_equal(web->trouble, text);
        assert_null(web->effective);
        assert_int_equal(picture.observed->container_count, 1);
        assert_int_equal(carry_out(machine, PHX_ACTION_ASSIGN, "web", NULL, &error), -EPERM);
        assert_string_equal(error.text, text);
        assert_file("lxc/web/config", before);

        assert_int_equal(chmod(machine->settings.lxc_path, 0755), 0);
        picture = look(machine);
        assert_int_equal(picture.desired->refusal_count, 0);
        assert_string_equal(phx_observed_find_container(picture.observed, "web")->effective, "");
}

static void a_path_that_is_opened_up_after_the_look_is_not_written_to(void **state) {
        struct machine *machine = *state;
        phx_autofree char *before = tree_read("lxc/web/config");
        struct phx_error error = { 0 };

        (void) look(machine);
        load("lxc-web", "enforce");
        assert_int_equal(chmod(machine->settings.lxc_path, 0777), 0);
        assert_int_equal(carry_out(machine, PHX_ACTION_ASSIGN, "web", NULL, &error), -EPERM);
        assert_non_null(strstr(error.text, "'lxc' is writable by group or others (mode 0777)"));
        assert_file("lxc/web/config", before);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                with_machine(a_source_is_compiled_and_its_piece_comes_along),
                with_machine(what_is_installed_is_seen_and_ours),
                with_machine(directories_below_the_deployed_one_are_watched),
                with_machine(a_converged_look_saves_nothing),
                with_machine(a_broken_source_keeps_the_last_good_one),
                with_machine(an_empty_source_directory_withdraws_nothing),
                with_machine(one_source_of_two_that_is_gone_is_withdrawn),
                with_machine(a_container_gets_its_line_through_liblxc),
                with_machine(no_container_is_given_what_the_kernel_does_not_enforce),
                with_machine(the_settings_may_allow_complain_mode_for_our_profiles_only),
                with_machine(observe_mode_touches_nothing_but_our_state),
                with_machine(a_test_that_fails_is_told_in_observe_mode_too),
                with_machine(a_list_that_is_not_whole_is_not_believed),
                with_machine(unconfined_asks_nothing_of_the_kernel),
                with_machine(an_lxc_path_that_others_may_write_is_refused_and_left_alone),
                with_machine(a_path_that_is_opened_up_after_the_look_is_not_written_to),
        };
        struct phx_error error = { 0 };

        /* cmocka's own skip() reads as a failure in this protocol. */
        if (!find_trusted_parent(&error)) {
                (void) printf("1..0 # SKIP %s\n", error.text);
                return 0;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
