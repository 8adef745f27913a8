/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What one run of the machine leaves to the next: seen by what the kernel shows otherwise by then,
 * and has not counted. */

#include "machine-fixture.h"

#define SHA1 "89595fb54d72d6d1e1573858790f3d05067c25d6\n"

static struct phx_buffer left;

static int set_up_left(void **state) {
        int r = set_up(state);

        load("lxc-foreign", "enforce");
        tree_write("fs/policy/profiles/lxc-foreign.1/sha1", SHA1);
        tree_write("fs/policy/revision", "7\n");
        (void) look(*state);
        return r;
}

static int tear_down_left(void **state) {
        phx_buffer_done(&left);
        return tear_down(state);
}

static void leave(const struct machine *machine) {
        phx_buffer_done(&left);
        assert_int_equal(phx_machine_leave(machine->machine, &left), 0);
}

static void begin_again(struct machine *machine) {
        struct phx_texts texts = phx_texts_of(left.data, left.size);

        machine->machine = phx_machine_free(machine->machine);
        machine->options.left = &texts;
        start(machine);
        machine->options.left = NULL;
}

static enum phx_policy_mode mode_of_foreign(struct machine *machine) {
        const struct phx_observed *observed = look(machine).observed;

        for (size_t i = 0; i < observed->loaded.count; i++)
                if (strcmp(observed->loaded.items[i].name, "lxc-foreign") == 0)
                        return observed->loaded.items[i].mode;
        fail_msg("lxc-foreign is not loaded");
        return PHX_POLICY_UNKNOWN;
}

static void the_kernel_is_not_asked_again(void **state) {
        struct machine *machine = *state;

        leave(machine);
        load("lxc-foreign", "complain");
        begin_again(machine);
        assert_int_equal(mode_of_foreign(machine), PHX_POLICY_ENFORCE);
        tree_write("fs/policy/revision", "8\n");
        assert_int_equal(mode_of_foreign(machine), PHX_POLICY_COMPLAIN);
}

static void without_it_all_is_read(void **state) {
        struct machine *machine = *state;

        load("lxc-foreign", "complain");
        begin_again(machine);
        assert_int_equal(mode_of_foreign(machine), PHX_POLICY_COMPLAIN);
}

/* Another kernel, which happens to be at the same number. */
static void with_other_features_nothing_is_believed(void **state) {
        struct machine *machine = *state;

        leave(machine);
        load("lxc-foreign", "complain");
        tree_write("fs/features/another", "yes\n");
        begin_again(machine);
        assert_int_equal(mode_of_foreign(machine), PHX_POLICY_COMPLAIN);
}

static void other_libraries_believe_nothing(void **state) {
        struct machine *machine = *state;

        leave(machine);
        load("lxc-foreign", "complain");
        machine->options.libraries = "another\n";
        begin_again(machine);
        assert_int_equal(mode_of_foreign(machine), PHX_POLICY_COMPLAIN);
}

/* Which could be others each time. */
static void unknown_libraries_leave_and_believe_nothing(void **state) {
        struct machine *machine = *state;

        /* No library at all, which is not the same. */
        machine->options.libraries = "";
        begin_again(machine);
        (void) look(machine);
        leave(machine);
        load("lxc-foreign", "complain");
        machine->options.libraries = NULL;
        begin_again(machine);
        assert_int_equal(mode_of_foreign(machine), PHX_POLICY_COMPLAIN);
        phx_buffer_done(&left);
        assert_int_equal(phx_machine_leave(machine->machine, &left), -ENODATA);
}

static void who_asks_for_a_pass_believes_nothing(void **state) {
        struct machine *machine = *state;

        leave(machine);
        load("lxc-foreign", "complain");
        begin_again(machine);
        phx_machine_forget(machine->machine);
        assert_int_equal(mode_of_foreign(machine), PHX_POLICY_COMPLAIN);
}

/* A switch for all of AppArmor, which no number counts. */
static void the_switch_is_read_all_the_same(void **state) {
        struct machine *machine = *state;

        leave(machine);
        tree_write("module/parameters/mode", "complain\n");
        begin_again(machine);
        assert_non_null(
                        strstr(look(machine).observed->kernel_trouble,
                               "all profiles are in complain mode"));
}

static void a_kernel_that_could_not_be_asked_leaves_nothing(void **state) {
        struct machine *machine = *state;

        phx_machine_forget(machine->machine);
        assert_int_equal(phx_machine_leave(machine->machine, &left), -ENODATA);
}

#define with_left(test) cmocka_unit_test_setup_teardown(test, set_up_left, tear_down_left)

int main(void) {
        const struct CMUnitTest tests[] = {
                with_left(the_kernel_is_not_asked_again),
                with_left(without_it_all_is_read),
                with_left(with_other_features_nothing_is_believed),
                with_left(other_libraries_believe_nothing),
                with_left(unknown_libraries_leave_and_believe_nothing),
                with_left(who_asks_for_a_pass_believes_nothing),
                with_left(the_switch_is_read_all_the_same),
                with_left(a_kernel_that_could_not_be_asked_leaves_nothing),
        };
        struct phx_error error = { 0 };

        /* cmocka's own skip() reads as a failure in this protocol. */
        if (!find_trusted_parent(&error)) {
                (void) printf("1..0 # SKIP %s\n", error.text);
                return 0;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
