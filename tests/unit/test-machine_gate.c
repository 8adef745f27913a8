/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What is written down for the boot gate, when something changes and when nothing does. */

#include "machine-fixture.h"
#include "machine/gate.h"

#define OLD "1111111111111111111111111111111111111111"
#define NEW "2222222222222222222222222222222222222222"

/* One container "web", in lxc-web, of which the kernel has the version OLD. */
struct world {
        struct phx_machine_gate gate;
        struct phx_settings settings;
        struct phx_desired *desired;
        struct phx_observed *observed;
};

static int world_open(struct world *world) {
        tree_mkdir("gate");
        world->gate.fd = open(tree_path("gate"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return world->gate.fd;
}

static void world_close(struct world *world) {
        phx_machine_gate_done(&world->gate);
        (void) close(world->gate.fd);
        world->gate = (struct phx_machine_gate){ .fd = -1 };
}

static int world_up(void **state) {
        static struct world world;

        tree_new();
        world = (struct world){ .settings = { .lxc_path = strdup("/lxc"),
                                              .boot_gate_without_state = PHX_BOOT_GATE_WARN } };
        *state = &world;
        return world_open(&world) >= 0 ? 0 : -1;
}

static void world_forget(struct world *world) {
        world->desired = phx_desired_free(world->desired);
        world->observed = phx_observed_free(world->observed);
}

static int world_down(void **state) {
        struct world *world = *state;

        world_forget(world);
        world_close(world);
        free(world->settings.lxc_path);
        tree_done();
        return 0;
}

/* A look in which "web" is to be in PROFILE with the policy WANTED; its config has EFFECTIVE, the
 * kernel LOADED. */
static void see(struct world *world,
                const char *profile,
                const char *wanted,
                const char *effective,
                const char *loaded) {
        struct phx_desired_container *web;
        struct phx_desired_profile *policy;

        world_forget(world);
        world->desired = calloc(1, sizeof(*world->desired));
        world->observed = calloc(1, sizeof(*world->observed));
        world->desired->has_configuration = true;
        web = phx_desired_add_container(world->desired, "910");
        assert_int_equal(phx_desired_container_set_profile(web, profile, NULL), 0);
        assert_int_equal(phx_replace(&web->directory, "web"), 0);
        if (wanted) {
                policy = phx_desired_add_profile(world->desired, profile);
                policy->has_good = true;
                assert_int_equal(
                                phx_kernel_entries_add(
                                                &policy->policy,
                                                profile,
                                                PHX_POLICY_ENFORCE,
                                                wanted),
                                0);
        }
        if (loaded)
                assert_int_equal(
                                phx_kernel_entries_add(
                                                &world->observed->loaded,
                                                profile,
                                                PHX_POLICY_ENFORCE,
                                                loaded),
                                0);
        world->observed->containers = calloc(1, sizeof(*world->observed->containers));
        world->observed->container_count = 1;
        assert_int_equal(phx_replace(&world->observed->containers[0].directory, "web"), 0);
        assert_int_equal(phx_replace(&world->observed->containers[0].effective, effective), 0);
}

static int remember(struct world *world) {
        return phx_machine_gate_remember(
                        &world->gate,
                        &world->settings,
                        world->desired,
                        world->observed,
                        NULL);
}

/* What is written down, without its first line. */
static void assert_written(const char *text) {
        phx_autofree char *file = tree_read("gate/containers");

        assert_non_null(strchr(file, '\n'));
        assert_string_equal(strchr(file, '\n') + 1, text);
}

#define HEAD "gate refuse\nlxc-path /lxc\n"
#define WEB_IS(label) "container web\nid 910\nlabel " label "\n"

static void it_is_written_once(void **state) {
        see(*state, "lxc-web", OLD, "lxc-web", OLD);
        assert_int_equal(remember(*state), 1);
        assert_written(HEAD "policy enforce " OLD " lxc-web\n" WEB_IS("lxc-web"));
        assert_int_equal(remember(*state), 0);
}

/* By a program that starts, too; and again when it is gone. */
static void what_is_there_is_not_written_again(void **state) {
        struct world *world = *state;

        see(world, "lxc-web", OLD, "lxc-web", OLD);
        assert_int_equal(remember(world), 1);
        world_close(world);
        assert_true(world_open(world) >= 0);
        assert_int_equal(remember(world), 0);
        tree_remove("gate/containers");
        assert_int_equal(remember(world), 1);
}

static void a_new_policy_is_right_beside_the_old_one(void **state) {
        see(*state, "lxc-web", OLD, "lxc-web", OLD);
        assert_int_equal(remember(*state), 1);
        see(*state, "lxc-web", NEW, "lxc-web", OLD);
        assert_int_equal(remember(*state), 1);
        assert_written(HEAD "policy enforce " NEW " lxc-web\npolicy enforce " OLD
                            " lxc-web\n" WEB_IS("lxc-web"));
        assert_int_equal(remember(*state), 0);
        see(*state, "lxc-web", NEW, "lxc-web", NEW);
        assert_int_equal(remember(*state), 1);
        assert_written(HEAD "policy enforce " NEW " lxc-web\n" WEB_IS("lxc-web"));
}

static void want_child(struct world *world, const char *name) {
        assert_int_equal(
                        phx_kernel_entries_add(
                                        &world->desired->profiles[0].policy,
                                        name,
                                        PHX_POLICY_ENFORCE,
                                        NEW),
                        0);
}

/* Nothing is to be loaded but what the old version has; a load that fails leaves it so. */
static void a_new_child_is_not_required_beside_the_old_policy(void **state) {
        struct world *world = *state;

        see(world, "lxc-web", OLD, "lxc-web", OLD);
        assert_int_equal(remember(world), 1);
        see(world, "lxc-web", NEW, "lxc-web", OLD);
        want_child(world, "lxc-web//child");
        assert_int_equal(remember(world), 1);
        assert_written(HEAD "policy enforce " NEW " lxc-web\npolicy enforce " OLD
                            " lxc-web\n" WEB_IS("lxc-web"));
        assert_int_equal(remember(world), 0);
        see(world, "lxc-web", NEW, "lxc-web", NEW);
        want_child(world, "lxc-web//child");
        assert_int_equal(remember(world), 1);
        assert_written(HEAD "policy enforce " NEW " lxc-web\npolicy enforce " NEW
                            " lxc-web//child\n" WEB_IS("lxc-web"));
}

/* The old version had it: it was taken away. */
static void a_child_that_was_right_is_required(void **state) {
        struct world *world = *state;

        see(world, "lxc-web", OLD, "lxc-web", OLD);
        want_child(world, "lxc-web//child");
        assert_int_equal(remember(world), 1);
        see(world, "lxc-web", NEW, "lxc-web", OLD);
        want_child(world, "lxc-web//child");
        assert_int_equal(remember(world), 1);
        assert_written(HEAD "policy enforce " NEW " lxc-web\npolicy enforce " OLD
                            " lxc-web\npolicy enforce " NEW " lxc-web//child\n" WEB_IS("lxc-web"));
}

static void a_policy_that_was_never_right_is_not(void **state) {
        see(*state, "lxc-web", OLD, "lxc-web", OLD);
        assert_int_equal(remember(*state), 1);
        see(*state, "lxc-web", OLD, "lxc-web", NEW);
        assert_int_equal(remember(*state), 0);
        assert_written(HEAD "policy enforce " OLD " lxc-web\n" WEB_IS("lxc-web"));
}

static void an_old_policy_that_complains_is_not_right(void **state) {
        struct world *world = *state;

        see(world, "lxc-web", OLD, "lxc-web", OLD);
        assert_int_equal(remember(world), 1);
        see(world, "lxc-web", NEW, "lxc-web", OLD);
        world->observed->loaded.items[0].mode = PHX_POLICY_COMPLAIN;
        assert_int_equal(remember(world), 1);
        assert_written(HEAD "policy enforce " NEW " lxc-web\n" WEB_IS("lxc-web"));
}

static void a_new_profile_is_right_beside_the_old_one(void **state) {
        see(*state, "lxc-old", OLD, "lxc-old", OLD);
        assert_int_equal(remember(*state), 1);
        see(*state, "lxc-web", NEW, "lxc-old", NULL);
        assert_int_equal(remember(*state), 1);
        assert_written(HEAD "policy enforce " NEW " lxc-web\npolicy enforce " OLD
                            " lxc-old\n" WEB_IS("lxc-web") "label lxc-old\n");
        see(*state, "lxc-web", NEW, "lxc-web", NEW);
        assert_int_equal(remember(*state), 1);
        assert_written(HEAD "policy enforce " NEW " lxc-web\n" WEB_IS("lxc-web"));
}

static void another_profile_was_never_right(void **state) {
        see(*state, "lxc-web", OLD, "lxc-web", OLD);
        assert_int_equal(remember(*state), 1);
        see(*state, "lxc-web", OLD, "lxc-alien", OLD);
        assert_int_equal(remember(*state), 0);
}

/* It was to be unconfined, and then nothing is written down of it. */
static void unconfined_is_never_an_old_value(void **state) {
        see(*state, "unconfined", NULL, "unconfined", NULL);
        assert_int_equal(remember(*state), 1);
        assert_written(HEAD);
        see(*state, "lxc-web", NEW, "unconfined", NULL);
        assert_int_equal(remember(*state), 1);
        assert_written(HEAD "policy enforce " NEW " lxc-web\n" WEB_IS("lxc-web"));
}

static void one_without_a_directory_is_found_by_its_id(void **state) {
        struct world *world = *state;

        see(world, "lxc-web", OLD, "lxc-web", OLD);
        assert_int_equal(phx_replace(&world->desired->containers[0].directory, NULL), 0);
        assert_int_equal(remember(world), 1);
        assert_written(HEAD "policy enforce " OLD " lxc-web\ncontainer 910\nlabel lxc-web\n");
}

/* INIT is the label of its init, process 12, that was started at 500. */
static void run(struct world *world, const char *init) {
        struct phx_observed_container *web = &world->observed->containers[0];

        web->seen.items = calloc(1, sizeof(*web->seen.items));
        web->seen.count = 1;
        web->seen.items[0].pid = web->seen.items[0].tid = web->init = 12;
        web->seen.items[0].is_known = web->is_running = true;
        assert_int_equal(phx_label_parse(init, &web->seen.items[0].label), 0);
        web->init_started = 500;
        web->wrong = 1;
}

/* Whether its config is already right or not, and until it runs in the right one. */
static void what_one_runs_in_is_written_down(void **state) {
        struct world *world = *state;

        assert_int_equal(phx_replace(&world->gate.boot, "b1"), 0);
        see(world, "lxc-web", OLD, "unconfined", OLD);
        run(world, "unconfined");
        assert_int_equal(remember(world), 1);
        assert_written(HEAD "boot b1\npolicy enforce " OLD
                            " lxc-web\n" WEB_IS("lxc-web") "running 500 unconfined\n");
        see(world, "lxc-web", OLD, "lxc-web", OLD);
        run(world, "unconfined");
        assert_int_equal(remember(world), 0);
        /* One that LXC has not let go yet has LXC's label. */
        see(world, "lxc-web", OLD, "lxc-web", OLD);
        run(world, "unconfined");
        world->observed->containers[0].seen.items[0].is_starting = true;
        assert_int_equal(remember(world), 1);
        assert_written(HEAD "policy enforce " OLD " lxc-web\n" WEB_IS("lxc-web"));
        see(world, "lxc-web", OLD, "lxc-web", OLD);
        run(world, "unconfined");
        assert_int_equal(remember(world), 1);
        see(world, "lxc-web", OLD, "lxc-web", OLD);
        run(world, "lxc-web (enforce)");
        assert_int_equal(remember(world), 1);
        assert_written(HEAD "policy enforce " OLD " lxc-web\n" WEB_IS("lxc-web"));
}

/* A name that is another one's, too, is the directory of none of them, nor is a text for people. */
static void or_by_its_name(void **state) {
        struct world *world = *state;
        struct phx_desired_container *web;

        see(world, "lxc-web", OLD, "lxc-web", OLD);
        web = &world->desired->containers[0];
        assert_int_equal(phx_replace(&web->directory, NULL), 0);
        assert_int_equal(phx_replace(&web->name, "shop"), 0);
        assert_int_equal(remember(world), 1);
        assert_written(HEAD "policy enforce " OLD " lxc-web\ncontainer 910\nlabel lxc-web\n"
                            "container shop\nid 910\nlabel lxc-web\n");
        assert_int_equal(phx_replace(&web->name, "the shop"), 0);
        assert_int_equal(remember(world), 1);
        assert_written(HEAD "policy enforce " OLD " lxc-web\ncontainer 910\nlabel lxc-web\n");
        assert_int_equal(phx_replace(&web->name, "911"), 0);
        web = phx_desired_add_container(world->desired, "911");
        assert_int_equal(phx_desired_container_set_profile(web, "unconfined", NULL), 0);
        assert_int_equal(remember(world), 0);
}

static void the_place_of_proxmox_is_written_down(void **state) {
        struct world *world = *state;

        see(world, "lxc-web", OLD, "lxc-web", OLD);
        world->observed->containers[0].backend = PHX_BACKEND_PVE;
        assert_int_equal(remember(world), 1);
        assert_written(HEAD "pve-path /var/lib/lxc\npolicy enforce " OLD
                            " lxc-web\n" WEB_IS("lxc-web"));
        assert_int_equal(phx_replace(&world->settings.lxc_path, "/var/lib/lxc"), 0);
        assert_int_equal(remember(world), 1);
        assert_written("gate refuse\nlxc-path /var/lib/lxc\npolicy enforce " OLD
                       " lxc-web\n" WEB_IS("lxc-web"));
}

static void observe_mode_only_warns(void **state) {
        struct world *world = *state;

        world->settings.mode = PHX_MODE_OBSERVE;
        world->settings.boot_gate_without_state = PHX_BOOT_GATE_REFUSE;
        see(world, "unconfined", NULL, "unconfined", NULL);
        assert_int_equal(remember(world), 1);
        assert_written("gate warn\nlxc-path /lxc\n");
        assert_file("gate/without-state", "warn");
}

static void the_word_for_a_loss_follows_the_settings(void **state) {
        struct world *world = *state;

        see(world, "unconfined", NULL, "unconfined", NULL);
        assert_int_equal(remember(world), 1);
        assert_file("gate/without-state", "warn");
        world->settings.boot_gate_without_state = PHX_BOOT_GATE_REFUSE;
        assert_int_equal(remember(world), 0);
        assert_file("gate/without-state", "refuse");
        world->settings.boot_gate = PHX_BOOT_GATE_OFF;
        assert_int_equal(remember(world), 1);
        assert_file("gate/without-state", "off");
}

static void without_a_configuration_it_stays(void **state) {
        struct world *world = *state;

        see(world, "unconfined", NULL, "unconfined", NULL);
        world->desired->has_configuration = false;
        assert_int_equal(remember(world), 0);
        assert_int_equal(access(tree_path("gate/without-state"), F_OK), -1);
}

/* So that containers can be started while a configuration is not accepted. */
static void without_one_the_settings_are_obeyed(void **state) {
        struct world *world = *state;

        see(world, "lxc-web", OLD, "lxc-web", OLD);
        assert_int_equal(remember(world), 1);
        world_close(world);
        assert_true(world_open(world) >= 0);
        see(world, "unconfined", NULL, "unconfined", NULL);
        world->desired->has_configuration = false;
        assert_int_equal(remember(world), 0);
        world->settings.boot_gate = PHX_BOOT_GATE_WARN;
        assert_int_equal(remember(world), 1);
        assert_written("gate warn\nlxc-path /lxc\npolicy enforce " OLD
                       " lxc-web\n" WEB_IS("lxc-web"));
        assert_int_equal(remember(world), 0);
        world->settings.boot_gate = PHX_BOOT_GATE_OFF;
        assert_int_equal(remember(world), 1);
        assert_file("gate/without-state", "off");
        world->settings.boot_gate = PHX_BOOT_GATE_REFUSE;
        world->settings.mode = PHX_MODE_OBSERVE;
        assert_int_equal(remember(world), 1);
        assert_written("gate warn\nlxc-path /lxc\npolicy enforce " OLD
                       " lxc-web\n" WEB_IS("lxc-web"));
}

static void a_suspension_is_written_down(void **state) {
        struct world *world = *state;
        char everything[] = "*", id[] = "910", reason[] = "test";
        const struct phx_suspension all = { everything, reason, 1, 50, 0 },
                                    own = { id, reason, 1, 70, 0 };

        see(world, "lxc-web", OLD, "lxc-web", OLD);
        assert_int_equal(phx_suspensions_set(&world->desired->suspensions, &all), 0);
        assert_int_equal(phx_suspensions_set(&world->desired->suspensions, &own), 0);
        assert_int_equal(remember(world), 1);
        assert_written(HEAD "policy enforce " OLD " lxc-web\n" WEB_IS("lxc-web") "suspended 70\n");
}

/* A directory stands where the file is to be. */
static void what_cannot_be_written_down_is_not_made(void **state) {
        struct machine *machine = *state;
        struct phx_error error = { 0 };
        struct picture picture;

        tree_mkdir("state/gate/containers/full");
        picture = look(machine);
        assert_int_equal(picture.desired->refusal_count, 1);
        assert_string_equal(
                        picture.desired->refusals[0].text,
                        "the boot gate's record cannot be written: Is a directory");
        assert_true(picture.observed->retry_usec < 60000000);
        load("lxc-web", "enforce");
        assert_int_equal(carry_out(machine, PHX_ACTION_ASSIGN, "web", "", &error), -EISDIR);
        assert_string_equal(
                        error.text,
                        "web: cannot be written down for the boot gate: Is a directory");

        tree_remove("state/gate/containers/full");
        tree_remove("state/gate/containers");
        picture = look(machine);
        assert_int_equal(picture.desired->refusal_count, 0);
        apply(machine, PHX_ACTION_ASSIGN, "web");
}

#define with_world(test) cmocka_unit_test_setup_teardown(test, world_up, world_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                with_world(it_is_written_once),
                with_world(what_is_there_is_not_written_again),
                with_world(a_new_policy_is_right_beside_the_old_one),
                with_world(a_new_child_is_not_required_beside_the_old_policy),
                with_world(a_child_that_was_right_is_required),
                with_world(a_policy_that_was_never_right_is_not),
                with_world(an_old_policy_that_complains_is_not_right),
                with_world(a_new_profile_is_right_beside_the_old_one),
                with_world(another_profile_was_never_right),
                with_world(unconfined_is_never_an_old_value),
                with_world(one_without_a_directory_is_found_by_its_id),
                with_world(what_one_runs_in_is_written_down),
                with_world(or_by_its_name),
                with_world(the_place_of_proxmox_is_written_down),
                with_world(observe_mode_only_warns),
                with_world(the_word_for_a_loss_follows_the_settings),
                with_world(without_a_configuration_it_stays),
                with_world(without_one_the_settings_are_obeyed),
                with_world(a_suspension_is_written_down),
                with_machine(what_cannot_be_written_down_is_not_made),
        };
        struct phx_error error = { 0 };

        if (!find_trusted_parent(&error)) {
                (void) printf("1..0 # SKIP %s\n", error.text);
                return 0;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
