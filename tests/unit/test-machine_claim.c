/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a round of many steps costs on disk: the inventory is written once for all of them, and each
 * file is synced once, with its directory. Every fsync() of the library is counted (--wrap). */

#include "engine/store.h"
#include "machine-fixture.h"

/* Profiles beside lxc-web and its piece. */
#define COUNT 12

/* Of one file that is replaced: itself, and its directory. */
#define FILE_SYNCS 2
/* Of one new version: its text, its policy, the inventory, the deployed file. */
#define VERSION_FILES 4

static unsigned syncs;

int __real_fsync(int fd);
int __wrap_fsync(int fd);

int __wrap_fsync(int fd) {
        syncs++;
        return __real_fsync(fd);
}

static int save_to_disk(
                void *data,
                const struct phx_inventory *inventory,
                struct phx_error *error) {
        phx_autoclose int fd = open(tree_path("state"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r = count_save(data, inventory, error);

        return r < 0 ? r : store_save(fd, inventory, error);
}

static int set_up_saved(void **state) {
        struct machine *machine;

        if (set_up(state) < 0)
                return -1;
        machine = *state;
        machine->machine = phx_machine_free(machine->machine);
        machine->options.save = save_to_disk;
        for (unsigned i = 0; i < COUNT; i++) {
                char path[64], text[64];

                (void) snprintf(path, sizeof(path), "sources/lxc-%02u", i);
                (void) snprintf(text, sizeof(text), "profile lxc-%02u {\n  file,\n}\n", i);
                tree_write(path, text);
        }
        start(machine);
        return 0;
}

/* The steps that install what is not there. */
struct installs {
        struct phx_drifts drifts;
        struct phx_plan plan;
        const struct phx_step *steps[COUNT + 2];
};

static void installs_done(struct installs *installs) {
        phx_plan_done(&installs->plan);
        phx_drifts_done(&installs->drifts);
}

static void plan_installs(const struct machine *machine, struct installs *installs) {
        const struct phx_desired *desired = machine->picture.desired;

        for (size_t i = 0; i < desired->profile_count; i++) {
                const struct phx_drift drift = { .layer = PHX_LAYER_DISK,
                                                 .kind = PHX_DRIFT_ABSENT,
                                                 .action = PHX_ACTION_INSTALL,
                                                 .object = desired->profiles[i].name,
                                                 .expected = "there",
                                                 .found = "absent",
                                                 .new_digest = desired->profiles[i].digest };

                assert_int_equal(phx_drifts_add(&installs->drifts, &drift), 0);
        }
        assert_int_equal(
                        phx_plan_make(desired,
                                      machine->picture.observed,
                                      &installs->drifts,
                                      &installs->plan),
                        0);
        assert_int_equal(installs->plan.count, COUNT + 2);
        for (size_t i = 0; i < installs->plan.count; i++)
                installs->steps[i] = &installs->plan.steps[i];
}

static struct phx_inventory saved(void) {
        phx_autoclose int fd = open(tree_path("state"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct phx_inventory inventory = { 0 };
        struct phx_error error = { 0 };

        assert_int_equal(store_load(fd, &inventory, &error), 0);
        return inventory;
}

static int carry_out_step(struct machine *machine, const struct phx_step *step) {
        int r = phx_machine_apply(machine->machine, step, NULL);

        return r < 0 ? r : 0;
}

static void many_installs_take_one_save(void **state) {
        struct machine *machine = *state;
        phx_cleanup(installs_done) struct installs installs = { 0 };
        phx_cleanup(phx_inventory_done) struct phx_inventory inventory = { 0 };

        (void) look(machine);
        plan_installs(machine, &installs);
        machine->saves = syncs = 0;
        phx_machine_claim(machine->machine, installs.steps, installs.plan.count);
        assert_int_equal(machine->saves, 1);
        assert_int_equal(syncs, FILE_SYNCS);
        /* On disk before the first file is there. */
        inventory = saved();
        assert_int_equal(inventory.file_count, COUNT + 2);
        assert_int_equal(access(tree_path("deployed/lxc-00"), F_OK), -1);

        for (size_t i = 0; i < installs.plan.count; i++)
                assert_int_equal(carry_out_step(machine, installs.steps[i]), 0);
        assert_int_equal(machine->saves, 1);
        assert_int_equal(syncs, FILE_SYNCS * (1 + COUNT + 2));
        assert_file("deployed/lxc-web", WEB);
        (void) look(machine);
        assert_int_equal(machine->saves, 1);
}

static void a_new_version_takes_one_save(void **state) {
        static const char text[] = "profile lxc-00 {\n  file,\n  signal,\n}\n";
        struct machine *machine = *state;
        phx_cleanup(installs_done) struct installs installs = { 0 };
        phx_autofree char *old = NULL;

        (void) look(machine);
        plan_installs(machine, &installs);
        phx_machine_claim(machine->machine, installs.steps, installs.plan.count);
        for (size_t i = 0; i < installs.plan.count; i++)
                assert_int_equal(carry_out_step(machine, installs.steps[i]), 0);
        (void) look(machine);

        tree_write("sources/lxc-00", text);
        machine->saves = syncs = 0;
        old = strdup(phx_observed_find_file(look(machine).observed, "lxc-00")->content);
        assert_int_equal(machine->saves, 1);
        apply_to(machine, PHX_ACTION_INSTALL, "lxc-00", old);
        (void) look(machine);
        assert_file("deployed/lxc-00", text);
        assert_int_equal(machine->saves, 1);
        assert_int_equal(syncs, VERSION_FILES * FILE_SYNCS);
}

static void a_claim_whose_step_fails_is_taken_back(void **state) {
        struct machine *machine = *state;
        phx_cleanup(installs_done) struct installs installs = { 0 };
        phx_cleanup(phx_inventory_done) struct phx_inventory inventory = { 0 };
        struct picture picture;

        (void) look(machine);
        plan_installs(machine, &installs);
        phx_machine_claim(machine->machine, installs.steps, installs.plan.count);
        tree_write("deployed/lxc-00", "# mine\n");
        for (size_t i = 0; i < installs.plan.count; i++) {
                bool is_theirs = strcmp(installs.steps[i]->file.name, "lxc-00") == 0;

                assert_int_equal(
                                carry_out_step(machine, installs.steps[i]),
                                is_theirs ? -ESTALE : 0);
        }
        picture = look(machine);
        assert_false(phx_observed_find_file(picture.observed, "lxc-00")->is_owned);
        assert_true(phx_observed_find_file(picture.observed, "lxc-01")->is_owned);
        /* By the look. */
        inventory = saved();
        assert_int_equal(inventory.file_count, COUNT + 1);
}

/* As when memory was short before the first of the steps. */
static void a_claim_whose_step_is_not_tried_is_taken_back(void **state) {
        struct machine *machine = *state;
        phx_cleanup(installs_done) struct installs installs = { 0 };
        phx_cleanup(phx_inventory_done) struct phx_inventory inventory = { 0 };
        struct picture picture;

        (void) look(machine);
        plan_installs(machine, &installs);
        phx_machine_claim(machine->machine, installs.steps, installs.plan.count);
        tree_write("deployed/lxc-00", "# mine\n");
        picture = look(machine);
        assert_false(phx_observed_find_file(picture.observed, "lxc-00")->is_owned);
        assert_false(phx_observed_find_file(picture.observed, "lxc-01")->is_owned);
        inventory = saved();
        assert_int_equal(inventory.file_count, 0);
}

static void restart_with(struct machine *machine, struct phx_inventory *inventory) {
        struct phx_error error = { 0 };

        machine->machine = phx_machine_free(machine->machine);
        assert_int_equal(
                        phx_machine_new(&machine->options, inventory, &machine->machine, &error),
                        0);
}

static void what_a_killed_engine_has_claimed_is_taken_back(void **state) {
        struct machine *machine = *state;
        phx_cleanup(installs_done) struct installs installs = { 0 };
        phx_cleanup(phx_inventory_done) struct phx_inventory inventory = { 0 };
        struct picture picture;

        (void) look(machine);
        plan_installs(machine, &installs);
        phx_machine_claim(machine->machine, installs.steps, installs.plan.count);
        for (size_t i = 0; i < installs.plan.count; i++)
                if (strcmp(installs.steps[i]->file.name, "lxc-01") == 0)
                        assert_int_equal(carry_out_step(machine, installs.steps[i]), 0);
        inventory = saved();
        assert_int_equal(inventory.file_count, COUNT + 2);
        restart_with(machine, &inventory);
        (void) look(machine);
        phx_inventory_done(&inventory);
        inventory = saved();
        assert_int_equal(inventory.file_count, 1);

        tree_write("deployed/lxc-00", "# mine\n");
        picture = look(machine);
        assert_false(phx_observed_find_file(picture.observed, "lxc-00")->is_owned);
        assert_true(phx_observed_find_file(picture.observed, "lxc-01")->is_owned);
}

/* Nothing is in it, as before it is mounted. */
static void of_an_empty_directory_no_claim_is_taken_back(void **state) {
        struct machine *machine = *state;
        phx_cleanup(installs_done) struct installs installs = { 0 };
        phx_cleanup(phx_inventory_done) struct phx_inventory inventory = { 0 };
        struct picture picture;

        (void) look(machine);
        plan_installs(machine, &installs);
        phx_machine_claim(machine->machine, installs.steps, installs.plan.count);
        for (size_t i = 0; i < installs.plan.count; i++)
                assert_int_equal(carry_out_step(machine, installs.steps[i]), 0);
        inventory = saved();
        assert_int_equal(rename(tree_path("deployed"), tree_path("unmounted")), 0);
        tree_mkdir("deployed");
        restart_with(machine, &inventory);
        (void) look(machine);
        assert_int_equal(rmdir(tree_path("deployed")), 0);
        assert_int_equal(rename(tree_path("unmounted"), tree_path("deployed")), 0);
        picture = look(machine);
        assert_true(phx_observed_find_file(picture.observed, "lxc-00")->is_owned);
}

static void what_could_not_be_recorded_at_once_is_recorded_by_each_step(void **state) {
        struct machine *machine = *state;
        phx_cleanup(installs_done) struct installs installs = { 0 };
        phx_cleanup(phx_inventory_done) struct phx_inventory inventory = { 0 };

        (void) look(machine);
        plan_installs(machine, &installs);
        machine->is_disk_full = true;
        phx_machine_claim(machine->machine, installs.steps, installs.plan.count);
        assert_int_equal(carry_out_step(machine, installs.steps[0]), -ENOSPC);
        machine->is_disk_full = false;
        assert_int_equal(carry_out_step(machine, installs.steps[1]), 0);
        /* All but the one that has failed. */
        inventory = saved();
        assert_int_equal(inventory.file_count, COUNT + 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                                many_installs_take_one_save,
                                set_up_saved,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                a_new_version_takes_one_save,
                                set_up_saved,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                a_claim_whose_step_fails_is_taken_back,
                                set_up_saved,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                a_claim_whose_step_is_not_tried_is_taken_back,
                                set_up_saved,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                what_a_killed_engine_has_claimed_is_taken_back,
                                set_up_saved,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                of_an_empty_directory_no_claim_is_taken_back,
                                set_up_saved,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                what_could_not_be_recorded_at_once_is_recorded_by_each_step,
                                set_up_saved,
                                tear_down),
        };
        struct phx_error error = { 0 };

        if (!find_trusted_parent(&error)) {
                (void) printf("1..0 # SKIP %s\n", error.text);
                return 0;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
