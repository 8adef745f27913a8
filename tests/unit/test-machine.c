#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/strings.h"
#include "state/report.h"
#include "system/machine.h"
#include "tree.h"

/* A machine of files: everything but the kernel itself and liblxc's own state is in a temporary
 * tree. The compiler is the real one, with features from a file. */
struct machine {
        struct phx_trust trust;
        struct phx_machine_options options;
        struct phx_machine *machine;
        struct phx_settings settings;
        struct phx_configuration configuration;
        struct phx_container_config container;
        unsigned saves;
        bool is_disk_full;
};

static int count_save(void *data, const struct phx_inventory *inventory, struct phx_error *error) {
        struct machine *machine = data;

        if (machine->is_disk_full)
                return phx_error_set(error, -ENOSPC, "inventory.json: no room");
        machine->saves++;
        return 0;
}

static void start(struct machine *machine) {
        struct phx_inventory inventory = { 0 };
        struct phx_error error = { 0 };

        assert_int_equal(
                        phx_machine_new(&machine->options, &inventory, &machine->machine, &error),
                        0);
}

static int set_up(void **state) {
        static struct machine machine;
        char config[512];

        machine = (struct machine){ 0 };
        tree_new();
        tree_write("module/parameters/enabled", "Y\n");
        tree_write("module/parameters/mode", "enforce\n");
        tree_write("fs/features/policy/set_load", "yes\n");
        tree_write("fs/.replace", "");
        tree_mkdir("fs/policy/profiles");
        tree_mkdir("cgroup");
        tree_mkdir("proc");
        tree_mkdir("deployed");
        tree_write("sources/lxc-web",
                   "profile lxc-web {\n  include <abstractions/phoenix/life>\n}\n");
        tree_write("sources/abstractions/phoenix/life", "file,\n");
        tree_write("lxc/common.conf", "lxc.arch = amd64\n");
        (void) snprintf(config,
                        sizeof(config),
                        "lxc.include = %s\nlxc.uts.name = web\n",
                        tree_path("lxc/common.conf"));
        tree_write("lxc/web/config", config);

        machine.trust = (struct phx_trust){ "/", geteuid() };
        machine.options = (struct phx_machine_options){
                .trust = &machine.trust,
                .tasks = { strdup(tree_path("cgroup")), strdup(tree_path("proc")) },
                .apparmorfs = strdup(tree_path("fs")),
                .module = strdup(tree_path("module")),
                .parser = "/usr/sbin/apparmor_parser",
                .features_file = "/usr/share/apparmor-features/features",
                .state_dir = strdup(tree_path("state")),
                .runtime_dir = strdup(tree_path("run")),
                .save = count_save,
                .data = &machine,
        };
        machine.settings = (struct phx_settings){
                .profile_dir = strdup(tree_path("sources")),
                .deployed_dir = strdup(tree_path("deployed")),
                .lxc_path = strdup(tree_path("lxc")),
                .compile_jobs = 2,
                .compile_deadline_usec = 20000000,
                .compile_memory = 1UL << 40,
        };
        machine.container = (struct phx_container_config){ .id = strdup("web"),
                                                           .profile = strdup("lxc-web") };
        machine.configuration = (struct phx_configuration){ .containers = &machine.container,
                                                            .count = 1 };
        start(&machine);
        *state = &machine;
        return 0;
}

static int tear_down(void **state) {
        struct machine *machine = *state;

        phx_machine_free(machine->machine);
        free((char *) (uintptr_t) machine->options.tasks.cgroup);
        free((char *) (uintptr_t) machine->options.tasks.proc);
        free((char *) (uintptr_t) machine->options.apparmorfs);
        free((char *) (uintptr_t) machine->options.module);
        free((char *) (uintptr_t) machine->options.state_dir);
        free((char *) (uintptr_t) machine->options.runtime_dir);
        phx_container_config_done(&machine->container);
        free(machine->settings.profile_dir);
        free(machine->settings.deployed_dir);
        free(machine->settings.lxc_path);
        tree_done();
        return 0;
}

struct picture {
        struct phx_desired *desired;
        struct phx_observed *observed;
};

static struct picture look(struct machine *machine) {
        struct picture picture = { calloc(1, sizeof(struct phx_desired)),
                                   calloc(1, sizeof(struct phx_observed)) };
        struct phx_error error = { 0 };

        picture.desired->has_configuration = true;
        picture.observed->retry_usec = PHX_NEVER;
        assert_int_equal(
                        phx_machine_look(
                                        machine->machine,
                                        &machine->settings,
                                        &machine->configuration,
                                        1000000,
                                        picture.desired,
                                        picture.observed,
                                        &error),
                        0);
        return picture;
}

static void picture_done(struct picture *picture) {
        picture->desired = phx_desired_free(picture->desired);
        picture->observed = phx_observed_free(picture->observed);
}

static void apply(struct machine *machine, enum phx_action_kind action, const char *object) {
        const struct phx_drift drift = { .action = action,
                                         .object = object,
                                         .found = "absent",
                                         .old_digest = "" };
        struct phx_error error = { 0 };

        if (phx_machine_apply(machine->machine, &drift, &error) < 0)
                fail_msg("%s", error.text);
}

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
        assert_string_equal(web->policy.items[0].mode, "enforce");
        assert_non_null(life);
        assert_true(life->has_good);
        assert_int_equal(life->policy.count, 0);
        picture_done(&picture);
}

static void what_is_installed_is_seen_and_ours(void **state) {
        struct picture picture = look(*state);
        phx_autofree char *text = NULL;

        assert_null(phx_observed_find_file(picture.observed, "lxc-web")->content);
        apply(*state, PHX_ACTION_INSTALL, "lxc-web");
        apply(*state, PHX_ACTION_INSTALL, "abstractions/phoenix/life");
        picture_done(&picture);

        picture = look(*state);
        assert_string_equal(
                        phx_observed_find_file(picture.observed, "lxc-web")->content,
                        phx_desired_find_profile(picture.desired, "lxc-web")->digest);
        assert_true(phx_observed_find_file(picture.observed, "lxc-web")->is_owned);
        text = tree_read("deployed/abstractions/phoenix/life");
        assert_string_equal(text, "file,\n");
        picture_done(&picture);
}

static void a_converged_look_saves_nothing(void **state) {
        struct machine *machine = *state;
        struct picture picture = look(machine);
        unsigned saves = machine->saves;

        picture_done(&picture);
        picture = look(machine);
        assert_int_equal(machine->saves, saves);
        picture_done(&picture);
}

static void a_broken_source_keeps_the_last_good_one(void **state) {
        struct picture picture = look(*state);
        char digest[PHX_SHA256_HEX];
        const struct phx_desired_profile *web;

        memcpy(digest,
               phx_desired_find_profile(picture.desired, "lxc-web")->digest,
               sizeof(digest));
        picture_done(&picture);
        tree_write("sources/lxc-web", "profile lxc-web {\n  netwerk bogus,\n}\n");
        picture = look(*state);
        web = phx_desired_find_profile(picture.desired, "lxc-web");
        assert_int_equal(web->state, PHX_SOURCE_REFUSED);
        assert_ptr_equal(strstr(web->refusal, "lxc-web: line 2: "), web->refusal);
        assert_true(web->has_good);
        assert_string_equal(web->digest, digest);
        picture_done(&picture);
}

static void an_empty_source_directory_withdraws_nothing(void **state) {
        struct picture picture = look(*state);

        picture_done(&picture);
        tree_remove("sources/lxc-web");
        picture = look(*state);
        assert_int_equal(picture.desired->refusal_count, 1);
        assert_string_equal(picture.desired->refusals[0].object, "profiles");
        assert_int_equal(
                        phx_desired_find_profile(picture.desired, "lxc-web")->state,
                        PHX_SOURCE_GOOD);
        picture_done(&picture);
}

static void one_source_of_two_that_is_gone_is_withdrawn(void **state) {
        struct picture picture;

        tree_write("sources/lxc-db", "profile lxc-db {\n  file,\n}\n");
        picture = look(*state);
        apply(*state, PHX_ACTION_INSTALL, "lxc-db");
        picture_done(&picture);
        tree_remove("sources/lxc-db");
        picture = look(*state);
        assert_int_equal(
                        phx_desired_find_profile(picture.desired, "lxc-db")->state,
                        PHX_SOURCE_WITHDRAWN);
        picture_done(&picture);
}

static bool is_refused(const struct picture *picture, const char *text) {
        for (size_t i = 0; i < picture->desired->refusal_count; i++)
                if (strcmp(picture->desired->refusals[i].text, text) == 0)
                        return true;
        return false;
}

static void a_record_that_could_not_be_saved_is_saved_later(void **state) {
        struct machine *machine = *state;
        struct picture picture;

        machine->is_disk_full = true;
        picture = look(machine);
        assert_true(is_refused(&picture, "inventory.json: no room"));
        assert_true(picture.observed->retry_usec < 60000000);
        picture_done(&picture);
        picture = look(machine);
        assert_true(is_refused(&picture, "inventory.json: no room"));
        picture_done(&picture);

        machine->is_disk_full = false;
        picture = look(machine);
        assert_int_equal(picture.desired->refusal_count, 0);
        assert_int_equal(machine->saves, 1);
        picture_done(&picture);
}

static void what_cannot_be_recorded_is_not_installed_at_the_second_try_either(void **state) {
        const struct phx_drift drift = { .action = PHX_ACTION_INSTALL,
                                         .object = "lxc-web",
                                         .found = "absent",
                                         .old_digest = "" };
        struct machine *machine = *state;
        struct picture picture = look(machine);

        picture_done(&picture);
        machine->is_disk_full = true;
        for (unsigned i = 0; i < 2; i++) {
                struct phx_error error = { 0 };

                assert_int_equal(phx_machine_apply(machine->machine, &drift, &error), -ENOSPC);
                assert_string_equal(
                                error.text,
                                "lxc-web: cannot be recorded as ours: inventory.json: no room");
                assert_int_equal(access(tree_path("deployed/lxc-web"), F_OK), -1);
        }

        /* The profile's own line is no record. */
        apply(machine, PHX_ACTION_ASSIGN, "web");
}

static void a_container_gets_its_line_through_liblxc(void **state) {
        struct picture picture = look(*state);
        const struct phx_observed_container *web = phx_observed_find_container(
                        picture.observed,
                        "web");
        phx_autofree char *text = NULL;

        assert_string_equal(web->effective, "");
        assert_null(web->trouble);
        picture_done(&picture);
        apply(*state, PHX_ACTION_ASSIGN, "web");
        text = tree_read("lxc/web/config");
        assert_non_null(strstr(text, "lxc.uts.name = web\nlxc.apparmor.profile = lxc-web\n"));
        picture = look(*state);
        web = phx_observed_find_container(picture.observed, "web");
        assert_string_equal(web->effective, "lxc-web");
        picture_done(&picture);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                                a_source_is_compiled_and_its_piece_comes_along,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                what_is_installed_is_seen_and_ours,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(a_converged_look_saves_nothing, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                a_broken_source_keeps_the_last_good_one,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                an_empty_source_directory_withdraws_nothing,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                one_source_of_two_that_is_gone_is_withdrawn,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                a_record_that_could_not_be_saved_is_saved_later,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                what_cannot_be_recorded_is_not_installed_at_the_second_try_either,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                a_container_gets_its_line_through_liblxc,
                                set_up,
                                tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
