/* SPDX-License-Identifier: GPL-2.0-or-later */

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

#include "base/macros.h"
#include "base/strings.h"
#include "machine/gate_hooks.h"
#include "state/gated.h"
#include "tree.h"

static int set_up(void **state) {
        tree_new();
        return 0;
}

static int tear_down(void **state) {
        tree_done();
        return 0;
}

/* --- what becomes of a start --- */

enum there {
        ABSENT,
        RIGHT,
        UNGATED,
        UNREADABLE,
};

static struct row {
        char label[16];
        enum phx_boot_gate gate;
        enum phx_mode mode;
        char suspended[16];
        char trouble[16]; /* of the host */
        bool has_hooks;
        enum there there;
        enum phx_gated gated;
} rows[] = {
        { .label = "lxc-web", .has_hooks = true, .there = RIGHT, .gated = PHX_GATED_REFUSES },
        { .label = "unconfined", .has_hooks = true, .there = RIGHT, .gated = PHX_GATED_NOT_NEEDED },
        { .label = "lxc-web",
          .gate = PHX_BOOT_GATE_WARN,
          .has_hooks = true,
          .there = RIGHT,
          .gated = PHX_GATED_WARNS },
        { .label = "lxc-web",
          .mode = PHX_MODE_OBSERVE,
          .has_hooks = true,
          .there = RIGHT,
          .gated = PHX_GATED_WARNS },
        { .label = "lxc-web",
          .suspended = "web",
          .has_hooks = true,
          .there = RIGHT,
          .gated = PHX_GATED_WARNS },
        { .label = "lxc-web",
          .suspended = "lxc-web",
          .has_hooks = true,
          .there = RIGHT,
          .gated = PHX_GATED_WARNS },
        { .label = "lxc-web",
          .suspended = PHX_SUSPEND_ALL,
          .has_hooks = true,
          .there = RIGHT,
          .gated = PHX_GATED_WARNS },
        { .label = "lxc-web",
          .suspended = "db",
          .has_hooks = true,
          .there = RIGHT,
          .gated = PHX_GATED_REFUSES },
        { .label = "lxc-web",
          .gate = PHX_BOOT_GATE_OFF,
          .has_hooks = true,
          .there = RIGHT,
          .gated = PHX_GATED_OFF },
        { .label = "unconfined",
          .gate = PHX_BOOT_GATE_OFF,
          .there = RIGHT,
          .gated = PHX_GATED_NOT_NEEDED },
        { .label = "lxc-web", .has_hooks = true, .there = UNGATED, .gated = PHX_GATED_NOT_ASKED },
        { .label = "lxc-web", .trouble = "gone", .there = RIGHT, .gated = PHX_GATED_NOT_ASKED },
        { .label = "lxc-web", .has_hooks = true, .there = ABSENT, .gated = PHX_GATED_UNKNOWN },
        { .label = "lxc-web", .has_hooks = true, .there = UNREADABLE, .gated = PHX_GATED_UNKNOWN },
        { .label = "lxc-web", .there = RIGHT, .gated = PHX_GATED_UNKNOWN },
        { .label = "lxc-web", .there = UNGATED, .gated = PHX_GATED_UNKNOWN },
};

static void each_container_has_its_word(void **state) {
        char id[] = "web", trouble[] = "it cannot be read", nowhere[] = "";

        for (size_t i = 0; i < PHX_ELEMENTS(rows); i++) {
                struct row *row = &rows[i];
                struct phx_suspension suspension = { .object = row->suspended };
                struct phx_desired desired = {
                        .boot_gate = row->gate,
                        .mode = row->mode,
                        .suspensions = { &suspension, row->suspended[0] ? 1 : 0 },
                };
                const struct phx_observed observed = {
                        .gate_trouble = row->trouble[0] ? row->trouble : NULL,
                        .has_gate_hooks = row->has_hooks
                };
                const struct phx_desired_container want = { .id = id,
                                                            .profile = row->label,
                                                            .label = row->label };
                const struct phx_observed_container have = {
                        .ungated = row->there == UNGATED ? nowhere : NULL,
                        .trouble = row->there == UNREADABLE ? trouble : NULL,
                };
                enum phx_gated gated = phx_gated_of(
                                &desired,
                                &observed,
                                &want,
                                row->there == ABSENT ? NULL : &have);

                if (gated != row->gated)
                        fail_msg("row %zu: %s", i, phx_gated_to_string(gated));
        }
}

static void each_word_is_of_its_own(void **state) {
        for (unsigned i = 0; i < PHX_GATEDS; i++)
                for (unsigned j = 0; j < i; j++)
                        assert_string_not_equal(
                                        phx_gated_to_string((enum phx_gated) i),
                                        phx_gated_to_string((enum phx_gated) j));
        assert_null(phx_gated_to_string((enum phx_gated) PHX_GATEDS));
}

/* --- the file with the hooks --- */

static void look(struct phx_machine_gate_hooks *hooks, const char *trouble) {
        char root[512];
        const struct phx_trust trust = { .root = root, .owner = geteuid() };
        struct phx_observed observed = { 0 };

        (void) snprintf(root, sizeof(root), "%s", tree_path(""));
        assert_int_equal(
                        phx_machine_gate_hooks_look(
                                        hooks,
                                        tree_path("gate.conf"),
                                        &trust,
                                        &observed),
                        0);
        assert_int_equal(observed.has_gate_hooks, trouble == NULL);
        if (trouble)
                assert_non_null(strstr(observed.gate_trouble, trouble));
        else
                assert_null(observed.gate_trouble);
        free(observed.gate_trouble);
}

#define HOOKS                                               \
        "lxc.hook.pre-start = /g/phoenixd-gate pre-start\n" \
        "lxc.hook.start-host = /g/phoenixd-gate start-host\n"

static void write_program(mode_t mode) {
        tree_write("g/phoenixd-gate", "#!/bin/true\n");
        assert_int_equal(chmod(tree_path("g/phoenixd-gate"), mode), 0);
}

static void a_change_of_the_file_is_seen(void **state) {
        phx_cleanup(phx_machine_gate_hooks_done) struct phx_machine_gate_hooks hooks = { 0 };

        write_program(0755);
        look(&hooks, "gate.conf: No such file or directory");
        tree_write("gate.conf", HOOKS);
        look(&hooks, NULL);
        look(&hooks, NULL);
        tree_write("gate.conf", "#" HOOKS);
        look(&hooks, "does not set both hooks");
        tree_write("gate.conf", HOOKS);
        look(&hooks, NULL);
        tree_write("gate.conf", HOOKS "lxc.hook.start-host =\n");
        look(&hooks, "does not set both hooks");
        tree_remove("gate.conf");
        look(&hooks, "No such file or directory");
}

/* The shipped lines do nothing then. */
static void hooks_without_their_program_are_none(void **state) {
        phx_cleanup(phx_machine_gate_hooks_done) struct phx_machine_gate_hooks hooks = { 0 };

        tree_write("gate.conf",
                   "lxc.hook.pre-start = /bin/sh -c 'exec \"$0\" \"$@\"' /g/phoenixd-gate pre-start\n"
                   "lxc.hook.start-host = /g/phoenixd-gate start-host\n");
        look(&hooks, "/g/phoenixd-gate: No such file or directory");
        /* From now on the file is not read again, and the program counts by itself. */
        while (!hooks.is_settled)
                look(&hooks, "/g/phoenixd-gate: No such file or directory");
        write_program(0644);
        look(&hooks, "/g/phoenixd-gate: it is not an executable file");
        write_program(0755);
        look(&hooks, NULL);
        look(&hooks, NULL);
        write_program(0757);
        look(&hooks, "/g/phoenixd-gate is not trusted: ");
        write_program(0755);
        look(&hooks, NULL);
        tree_remove("g/phoenixd-gate");
        look(&hooks, "/g/phoenixd-gate: No such file or directory");
        look(&hooks, "/g/phoenixd-gate: No such file or directory");
        tree_mkdir("g/phoenixd-gate");
        look(&hooks, "it is not an executable file");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_container_has_its_word),
                cmocka_unit_test(each_word_is_of_its_own),
                cmocka_unit_test_setup_teardown(a_change_of_the_file_is_seen, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                hooks_without_their_program_are_none,
                                set_up,
                                tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
