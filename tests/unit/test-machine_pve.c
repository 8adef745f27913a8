/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "containers-look.h"
#include "machine/pve.h"
#include "pve-tree.h"
#include "state/report.h"

static struct phx_observed_container *with_lines(
                struct phx_observed *observed,
                const char *directory,
                const char *first,
                const char *second) {
        struct phx_observed_container *have = phx_observed_add_container(observed, directory);

        assert_non_null(have);
        assert_int_equal(phx_strings_add(&have->lines.tail, first), 0);
        assert_int_equal(phx_wrong_lines_add(&have->wrong_lines, PHX_LINE_NOT_IN_EFFECT, first), 0);
        if (!second)
                return have;
        assert_int_equal(phx_strings_add(&have->lines.tail, second), 0);
        assert_int_equal(
                        phx_wrong_lines_add(&have->wrong_lines, PHX_LINE_NOT_IN_EFFECT, second),
                        0);
        return have;
}

/* One of them would keep the profile out of the file, too. The value may be a secret. */
static void what_proxmox_does_not_keep_is_left_out_and_told(void **state) {
        phx_cleanup(phx_observed_freep) struct phx_observed *observed = calloc(
                        1,
                        sizeof(*observed));
        const struct phx_observed_container *items;

        assert_non_null(observed);
        with_lines(observed, "101", "lxc.no_new_privs=1", NULL)->backend = PHX_BACKEND_PVE;
        with_lines(observed, "102", "lxc.cap.drop=sys_time", "lxc.sysctl.x=hunter2")->backend =
                        PHX_BACKEND_PVE;
        with_lines(observed, "web", "lxc.no_new_privs=1", NULL);
        assert_int_equal(phx_machine_pve_skip_options("/c.json", observed), 0);
        items = observed->containers;
        assert_int_equal(items[0].lines.tail.count, 0);
        assert_int_equal(items[0].wrong_lines.count, 0);
        assert_string_equal(
                        items[0].refused_options.items[0],
                        "/c.json: lxc.no_new_privs is skipped: Proxmox does not accept this key");
        assert_int_equal(items[1].lines.tail.count, 1);
        assert_string_equal(items[1].lines.tail.items[0], "lxc.cap.drop=sys_time");
        assert_int_equal(items[1].refused_options.count, 1);
        assert_null(strstr(items[1].refused_options.items[0], "hunter2"));
        assert_true(items[1].wrong_lines.count > 0);
        assert_int_equal(items[2].lines.tail.count, 1);
        assert_int_equal(items[2].refused_options.count, 0);
}

static const struct phx_desired nothing;
static char generated[] = "generated", unconfined[] = "unconfined";

static struct phx_observed_container *with_profile(
                struct phx_observed *observed,
                const char *effective,
                unsigned line) {
        struct phx_observed_container *have = phx_observed_add_container(observed, "101");

        assert_non_null(have);
        have->backend = PHX_BACKEND_PVE;
        have->decider_line = line;
        assert_int_equal(phx_replace(&have->config, "/etc/pve/lxc/101.conf"), 0);
        assert_int_equal(phx_replace(&have->decider, line > 0 ? have->config : NULL), 0);
        assert_int_equal(phx_replace(&have->effective, effective), 0);
        return have;
}

/* Without it the container would get what Proxmox generates, which may be less. */
static void a_profile_that_nobody_named_stays_and_is_told(void **state) {
        static const struct {
                const char *effective;
                unsigned line;
                bool is_kept, is_too_many;
        } cases[] = {
                { "lxc-web", 7, true, false },
                { "lxc-web//&:lxc-101:unconfined", 7, true, false },
                { "unconfined", 7, false, true },
                { "unchanged", 7, false, true },
                { "generated", 7, false, true },
                { "", 7, false, true },
                { ":lxc-101:unconfined", 7, false, true },
                { "generated", 0, false, false },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                phx_cleanup(phx_observed_freep) struct phx_observed *observed = calloc(
                                1,
                                sizeof(*observed));
                struct phx_desired_container want = { .is_generated = true, .label = generated };
                struct phx_observed_container *have;

                assert_non_null(observed);
                have = with_profile(observed, cases[i].effective, cases[i].line);
                assert_int_equal(phx_machine_pve_review_profile(&nothing, &want, have), 0);
                assert_int_equal(have->remarks.count, cases[i].is_kept);
                assert_int_equal(have->wrong_lines.count, cases[i].is_too_many);
                assert_string_equal(
                                phx_observed_label(&nothing, &want, have),
                                cases[i].is_kept ? cases[i].effective : "generated");
                if (i == 0)
                        assert_string_equal(
                                        have->remarks.items[0],
                                        "/etc/pve/lxc/101.conf:7: names the profile lxc-web, which "
                                        "the configuration does not; add it to the configuration, "
                                        "or remove the line");
        }
}

/* An entry asked for it before. Its source may be gone as well. */
static void a_managed_profile_goes_with_its_entry(void **state) {
        phx_cleanup(phx_observed_freep) struct phx_observed *observed = calloc(
                        1,
                        sizeof(*observed));
        phx_cleanup(phx_desired_freep) struct phx_desired *desired = calloc(1, sizeof(*desired));
        struct phx_desired_container want = { .is_generated = true, .label = generated };
        struct phx_observed_container *have;

        assert_non_null(observed);
        assert_non_null(desired);
        assert_non_null(phx_desired_add_profile(desired, "lxc-web"));
        have = with_profile(observed, "lxc-web//&:lxc-101:unconfined", 7);
        assert_int_equal(phx_machine_pve_review_profile(desired, &want, have), 0);
        assert_int_equal(have->remarks.count, 0);
        assert_int_equal(have->wrong_lines.count, 1);
        assert_string_equal(phx_observed_label(desired, &want, have), "generated");
        assert_int_equal(phx_replace(&have->effective, "lxc-website"), 0);
        assert_string_equal(phx_observed_label(desired, &want, have), "lxc-website");
}

/* An include is no line of its own, and an entry with a profile wants that one. */
static void what_is_named_elsewhere_is_not_kept(void **state) {
        phx_cleanup(phx_observed_freep) struct phx_observed *observed = calloc(
                        1,
                        sizeof(*observed));
        struct phx_desired_container want = { .is_generated = true, .label = generated };
        struct phx_observed_container *have;

        assert_non_null(observed);
        have = with_profile(observed, "lxc-web", 7);
        assert_int_equal(phx_replace(&have->decider, "/usr/share/lxc/config/nesting.conf"), 0);
        assert_false(phx_observed_keeps_profile(&nothing, &want, have));
        assert_int_equal(phx_replace(&have->decider, have->config), 0);
        assert_true(phx_observed_keeps_profile(&nothing, &want, have));
        want = (struct phx_desired_container){ .label = unconfined };
        assert_false(phx_observed_keeps_profile(&nothing, &want, have));
        assert_int_equal(phx_machine_pve_review_profile(&nothing, &want, have), 0);
        assert_int_equal(have->remarks.count, 0);
        assert_string_equal(phx_observed_label(&nothing, &want, NULL), "unconfined");
}

/* --- a node of a cluster, with the containers 101 and 102 */

#define PLAIN "arch: amd64\nostype: unmanaged\nrootfs: ssd:subvol-101\n"

struct node {
        char cgroup[256], proc[256];
        struct phx_task_roots roots;
        struct phx_pve_worker_options worker;
        struct phx_machine_containers *containers;
        struct phx_inventory inventory;
};

static int set_up(void **state) {
        static const struct phx_trust anyone = { .root = "/", .anyone = true };
        static struct node node;

        pve_tree_new();
        tree_mkdir("cgroup");
        tree_mkdir("proc");
        (void) snprintf(node.cgroup, sizeof(node.cgroup), "%s", tree_path("cgroup"));
        (void) snprintf(node.proc, sizeof(node.proc), "%s", tree_path("proc"));
        node.roots = (struct phx_task_roots){ node.cgroup, node.proc };
        node.worker = (struct phx_pve_worker_options){ .place = pve_tree_place(),
                                                       .changed_fd = -1 };
        tree_write("pve/nodes/pve1/lxc/101.conf", PLAIN);
        tree_write("pve/nodes/pve1/lxc/102.conf", PLAIN);
        *state = &node;
        return phx_machine_containers_new(&node.roots, &anyone, &node.worker, &node.containers);
}

static int tear_down(void **state) {
        struct node *node = *state;

        node->containers = phx_machine_containers_free(node->containers);
        phx_inventory_done(&node->inventory);
        tree_done();
        return 0;
}

static void record_lines(struct phx_inventory *inventory, const char *name) {
        phx_cleanup(phx_strings_done) struct phx_strings lines = { 0 };

        assert_int_equal(phx_strings_add(&lines, "lxc.environment=A=1"), 0);
        assert_int_equal(phx_inventory_set_container(inventory, name, &lines, NULL), 1);
}

/* 1 when the record of what is ours has changed. */
static int look(struct node *node) {
        char lxc_path[256];
        const struct phx_settings settings = { .lxc_path = lxc_path, .backend = PHX_BACKENDS_PVE };
        phx_cleanup(phx_desired_freep) struct phx_desired *desired = calloc(1, sizeof(*desired));
        phx_cleanup(phx_observed_freep) struct phx_observed *observed = calloc(
                        1,
                        sizeof(*observed));

        (void) snprintf(lxc_path, sizeof(lxc_path), "%s", tree_path("lxc"));
        observed->retry_usec = PHX_NEVER;
        return look_at_containers(
                        node->containers,
                        &settings,
                        NULL,
                        &node->inventory,
                        desired,
                        observed,
                        NULL);
}

static void what_is_ours_is_remembered_while_another_node_has_it(void **state) {
        struct node *node = *state;

        record_lines(&node->inventory, "101");
        record_lines(&node->inventory, "102");
        assert_int_equal(look(node), 0);

        assert_int_equal(
                        rename(tree_path("pve/nodes/pve1/lxc/101.conf"),
                               tree_path("pve/nodes/pve2/lxc/101.conf")),
                        0);
        pve_write_vmlist(PVE_GUEST("101", "pve2", "lxc", "5"));
        assert_int_equal(look(node), 0);
        assert_non_null(phx_inventory_container(&node->inventory, "101"));

        /* Removed there. */
        pve_write_vmlist("");
        assert_int_equal(look(node), 1);
        assert_null(phx_inventory_container(&node->inventory, "101"));
        assert_non_null(phx_inventory_container(&node->inventory, "102"));
}

static bool is_on_another_node(struct node *node, const char *id) {
        char name[8], directory[] = "101";
        struct phx_desired_container want = { .id = name };
        struct phx_desired desired = { .containers = &want, .container_count = 1 };

        (void) snprintf(name, sizeof(name), "%s", id);
        if (strcmp(id, directory) == 0)
                want.directory = directory;
        phx_machine_containers_find_elsewhere(node->containers, &desired);
        return want.is_on_another_node;
}

static void another_nodes_containers_are_not_missing_everywhere(void **state) {
        struct node *node = *state;

        pve_write_vmlist(
                        PVE_GUEST("101",
                                  "pve1",
                                  "lxc",
                                  "5") "," PVE_GUEST("107", "pve2", "lxc", "6"));
        assert_int_equal(look(node), 0);
        assert_true(is_on_another_node(node, "107"));
        assert_false(is_on_another_node(node, "101"));
        assert_false(is_on_another_node(node, "108"));
}

/* Whatever its file says at the moment. */
static void one_that_is_being_created_is_left_alone(void **state) {
        phx_cleanup(phx_observed_freep) struct phx_observed *observed = calloc(
                        1,
                        sizeof(*observed));

        assert_non_null(observed);
        (void) with_profile(observed, "generated", 0);
        assert_int_equal(phx_machine_pve_observe_begun(tree_path("state"), observed), 0);
        assert_int_equal(observed->begun.count, 0);
        tree_write("state/create/101", "");
        tree_write("state/create/102", "");
        tree_write("state/create/.103.phoenixd~", "");
        assert_int_equal(phx_machine_pve_observe_begun(tree_path("state"), observed), 0);
        assert_int_equal(observed->begun.count, 2);
        assert_true(phx_strings_has(&observed->begun, "102"));
        assert_string_equal(
                        observed->containers[0].trouble,
                        "it is being created, or its creation was interrupted");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                                another_nodes_containers_are_not_missing_everywhere,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                what_is_ours_is_remembered_while_another_node_has_it,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                one_that_is_being_created_is_left_alone,
                                set_up,
                                tear_down),
                cmocka_unit_test(what_proxmox_does_not_keep_is_left_out_and_told),
                cmocka_unit_test(a_profile_that_nobody_named_stays_and_is_told),
                cmocka_unit_test(a_managed_profile_goes_with_its_entry),
                cmocka_unit_test(what_is_named_elsewhere_is_not_kept),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
