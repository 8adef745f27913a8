/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The containers of a Proxmox node, in an ordinary directory that looks like its cluster file
 * system: what is seen of them, and their edit. liblxc is the real one. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/strings.h"
#include "pve-tree.h"
#include "pve/containers.h"

#define CONFIG "pve/nodes/pve1/lxc/101.conf"
#define PLAIN "arch: amd64\nhostname: web\nostype: unmanaged\nrootfs: ssd:subvol-101\n"

static struct phx_pve_containers *containers;

static int set_up(void **state) {
        static struct phx_pve_worker_options options;

        pve_tree_new();
        options = (struct phx_pve_worker_options){ .place = pve_tree_place(),
                                                   .changed_fd = -1,
                                                   .deadline_usec = 10000000 };
        return phx_pve_containers_new(&options, 10000000, &containers);
}

static int tear_down(void **state) {
        containers = phx_pve_containers_free(containers);
        tree_done();
        return 0;
}

static void save(const char *text, const char *version) {
        char ids[128];

        tree_write("pve/new", text);
        assert_int_equal(rename(tree_path("pve/new"), tree_path(CONFIG)), 0);
        (void) snprintf(ids,
                        sizeof(ids),
                        "\"101\": {\"node\": \"pve1\", \"type\": \"lxc\", \"version\": %s}",
                        version);
        pve_write_vmlist(ids);
}

static struct phx_lxc_containers look(void) {
        struct phx_lxc_containers list = { 0 };
        struct phx_error error = { 0 };

        if (phx_pve_containers_look(containers, &list, &error) < 0)
                fail_msg("%s", error.text);
        return list;
}

static const struct phx_strings no_settings;

static int edit(const struct phx_lxc_container *container, const char *profile) {
        const struct phx_lxc_edit wanted = { .profile = profile };
        struct phx_error error = { 0 };
        int r;

        r = phx_pve_containers_edit(
                        containers,
                        container->name,
                        container->digest,
                        &wanted,
                        &no_settings,
                        &error);
        if (r < 0)
                print_message("# %s\n", error.text);
        return r;
}

static void expect_text(const char *expected) {
        phx_autofree char *text = tree_read(CONFIG);

        assert_string_equal(text, expected);
}

static void what_proxmox_generates_is_what_is_seen(void **state) {
        phx_cleanup(phx_lxc_containers_done) struct phx_lxc_containers list = { 0 };
        char text[1024];

        save(PLAIN, "3");
        list = look();
        assert_null(list.refusal);
        assert_int_equal(list.count, 1);
        assert_string_equal(list.items[0].name, "101");
        assert_true(list.items[0].backend == PHX_BACKEND_PVE);
        assert_null(list.items[0].trouble);
        assert_string_equal(list.items[0].values.profile, "generated");
        assert_string_equal(list.items[0].values.cgroup_container, "lxc/101");
        assert_int_equal(list.items[0].decider.line, 0);
        assert_true(phx_has_suffix(list.items[0].config, "/pve/lxc/101.conf"));
        assert_string_equal(list.items[0].decider.ungated, "");
        phx_lxc_containers_done(&list);

        /* A line of the generated config is not one of the file. */
        tree_write("hooks.conf",
                   "lxc.hook.pre-start = /g/phoenixd-gate pre-start\n"
                   "lxc.hook.start-host = /g/phoenixd-gate start-host\n");
        (void) snprintf(text, sizeof(text), PLAIN "lxc.include: %s\n", tree_path("hooks.conf"));
        save(text, "4");
        list = look();
        assert_null(list.items[0].decider.ungated);
        phx_lxc_containers_done(&list);
        (void) strcat(text, "lxc.hook.pre-start:\n");
        save(text, "5");
        list = look();
        assert_string_equal(list.items[0].decider.ungated, list.items[0].config);
}

static void a_profile_is_assigned_and_taken_back(void **state) {
        phx_cleanup(phx_lxc_containers_done) struct phx_lxc_containers list = { 0 };

        save(PLAIN, "3");
        list = look();
        assert_int_equal(edit(&list.items[0], "lxc-web"), 1);
        expect_text(PLAIN "lxc.apparmor.profile: lxc-web\n");
        /* Made again for the old file, it is right already; for another one it is not made. */
        assert_int_equal(edit(&list.items[0], "lxc-web"), 0);
        tree_write(CONFIG, PLAIN "cores: 2\n");
        assert_int_equal(edit(&list.items[0], "lxc-web"), -ESTALE);
        expect_text(PLAIN "cores: 2\n");

        phx_lxc_containers_done(&list);
        save(PLAIN "lxc.apparmor.profile: lxc-web\n", "4");
        list = look();
        assert_string_equal(list.items[0].values.profile, "lxc-web");
        assert_int_equal(list.items[0].decider.line, 5);
        assert_int_equal(edit(&list.items[0], "lxc-web"), 0);
        assert_int_equal(edit(&list.items[0], "generated"), 1);
        expect_text(PLAIN);
}

/* A file that was not counted as changed is not read again. */
static void an_unchanged_version_is_believed(void **state) {
        phx_cleanup(phx_lxc_containers_done) struct phx_lxc_containers list = { 0 };

        save(PLAIN, "3");
        list = look();
        phx_lxc_containers_done(&list);
        save(PLAIN "lxc.apparmor.profile: lxc-web\n", "3");
        list = look();
        assert_string_equal(list.items[0].values.profile, "generated");
        phx_lxc_containers_done(&list);
        save(PLAIN "lxc.apparmor.profile: lxc-web\n", "4");
        list = look();
        assert_string_equal(list.items[0].values.profile, "lxc-web");
}

static void a_template_and_a_locked_one_are_left_alone(void **state) {
        phx_cleanup(phx_lxc_containers_done) struct phx_lxc_containers list = { 0 };

        save(PLAIN "template: 1\n", "3");
        list = look();
        assert_non_null(strstr(list.items[0].trouble, "is a template"));
        assert_int_equal(edit(&list.items[0], "lxc-web"), -ESTALE);
        phx_lxc_containers_done(&list);
        save("lock: backup\n" PLAIN, "4");
        list = look();
        assert_null(list.items[0].trouble);
        assert_int_equal(edit(&list.items[0], "lxc-web"), -EBUSY);
        expect_text("lock: backup\n" PLAIN);
}

static void expect_restart(const char *expected) {
        phx_cleanup(phx_lxc_containers_done) struct phx_lxc_containers list = look();
        const struct phx_lxc_container *container = &list.items[0];
        phx_autofree char *text = NULL;

        assert_int_equal(list.count, 1);
        assert_true(phx_printf(&text,
                               "%s %s",
                               phx_restart_to_string(container->restart),
                               container->lock ? container->lock : "-") >= 0);
        assert_string_equal(text, expected);
}

static void what_a_restart_takes_is_seen(void **state) {
        save(PLAIN, "3");
        expect_restart("plain -");
        /* No change of the container's own file. */
        tree_mkdir("pve/ha");
        tree_write("pve/ha/resources.cfg", "ct: 101\n\tstate started\n");
        expect_restart("ha -");
        save(PLAIN "lock: backup\n", "4");
        expect_restart("locked backup");
        save(PLAIN "lock: mounted\n", "5");
        expect_restart("ha mounted");
        save(PLAIN "lock: a\x1b b\n", "6");
        expect_restart("locked a\\u001b b");
        save(PLAIN "[snap]\nlock: backup\n", "7");
        expect_restart("ha -");
        tree_write("pve/ha/resources.cfg", "ct: 101\n\tstate ignored\n");
        expect_restart("plain -");
}

static void what_the_next_start_brings_is_told_by_itself(void **state) {
        phx_cleanup(phx_lxc_containers_done) struct phx_lxc_containers list = { 0 };

        save(PLAIN "lxc.apparmor.profile: lxc-web\n lxc.apparmor.profile: lxc-db\n"
                   "\n[pve:pending]\nlxc.apparmor.profile: unconfined\n",
             "3");
        list = look();
        assert_true(list.items[0].pending.count > 0);
        assert_non_null(strstr(list.items[0].pending.items[0], "/pve/lxc/101.conf:"));
        assert_int_equal(list.items[0].remarks.count, 1);
        assert_non_null(strstr(list.items[0].remarks.items[0], "101.conf:6: Proxmox ignores"));
        assert_non_null(strstr(list.items[0].remarks.items[0], "indented"));
        /* Only the main section is edited. */
        assert_int_equal(edit(&list.items[0], "lxc-other"), 1);
        expect_text(PLAIN "lxc.apparmor.profile: lxc-other\n lxc.apparmor.profile: lxc-db\n"
                          "\n[pve:pending]\nlxc.apparmor.profile: unconfined\n");
}

static void a_file_system_that_is_gone_makes_nothing_gone(void **state) {
        phx_cleanup(phx_lxc_containers_done) struct phx_lxc_containers list = { 0 };

        save(PLAIN, "3");
        list = look();
        phx_lxc_containers_done(&list);
        assert_int_equal(rename(tree_path("pve"), tree_path("away")), 0);
        list = look();
        assert_non_null(list.refusal);
        assert_true(list.is_passing);
        assert_int_equal(list.count, 1);
        assert_string_equal(list.items[0].trouble, list.refusal);
        assert_null(list.items[0].values.profile);
        assert_int_equal(edit(&list.items[0], "lxc-web"), -ESTALE);
        phx_lxc_containers_done(&list);

        assert_int_equal(rename(tree_path("away"), tree_path("pve")), 0);
        list = look();
        assert_null(list.refusal);
        assert_false(list.is_passing);
        assert_null(list.items[0].trouble);
        assert_string_equal(list.items[0].values.profile, "generated");
}

static void an_edit_is_shown_before_it_is_made(void **state) {
        phx_cleanup(phx_lxc_containers_done) struct phx_lxc_containers list = { 0 };
        phx_cleanup(phx_preview_done) struct phx_preview preview = { 0 };
        const struct phx_lxc_edit wanted = { .profile = "lxc-web" };

        save(PLAIN, "3");
        list = look();
        assert_int_equal(
                        phx_pve_containers_preview(
                                        containers,
                                        "101",
                                        list.items[0].digest,
                                        &wanted,
                                        &no_settings,
                                        &preview),
                        1);
        assert_string_equal(preview.before, PLAIN);
        assert_string_equal(preview.after, PLAIN "lxc.apparmor.profile: lxc-web\n");
        expect_text(PLAIN);
}

static const struct {
        const char *lines, *why;
        unsigned line;
        bool is_included;
} decisions[] = {
        { "unprivileged: 1\nfeatures: nesting=1,keyctl=0\n",
          "no line names a profile, so Proxmox generates one, for an unprivileged container "
          "with the features nesting=1",
          0,
          false },
        { "",
          "no line names a profile, so Proxmox generates one, for a privileged container "
          "without features",
          0,
          false },
        { "lxc.apparmor.profile: lxc-a\n",
          "the line names the profile, so Proxmox generates none",
          5,
          false },
        { "lxc.apparmor.profile: lxc-a\nlxc.apparmor.profile: lxc-b\n",
          "the last of 2 lines that name a profile, so Proxmox generates none",
          6,
          false },
        { "lxc.apparmor.profile: generated\n",
          "the line names the profile, so Proxmox leaves out its own rules for it",
          5,
          false },
        { "lxc.apparmor.profile: lxc-a\nlxc.include: %s\n",
          "an include sets it, after line 5 of the container's file, which it overrules",
          1,
          true },
        { "lxc.include: %s\n",
          "an include sets it, after the profile that Proxmox generates",
          1,
          true },
};

/* In Proxmox's terms. */
static void it_is_said_what_decides_and_why(void **state) {
        tree_write("own.conf", "lxc.apparmor.profile = lxc-own\n");
        for (size_t i = 0; i < PHX_ELEMENTS(decisions); i++) {
                phx_cleanup(phx_lxc_containers_done) struct phx_lxc_containers list = { 0 };
                phx_autofree char *text = NULL, *lines = NULL;
                char version[16];

                (void) snprintf(version, sizeof(version), "%zu", i + 3);
                if (decisions[i].is_included)
                        assert_true(phx_printf(&lines,
                                               "%.*slxc.include: %s\n",
                                               (int) (strstr(decisions[i].lines, "lxc.include") -
                                                      decisions[i].lines),
                                               decisions[i].lines,
                                               tree_path("own.conf")) >= 0);
                assert_true(phx_printf(&text, PLAIN "%s", lines ? lines : decisions[i].lines) >= 0);
                save(text, version);
                list = look();
                assert_null(list.items[0].trouble);
                assert_true(phx_has_prefix(list.items[0].decider_why, "used at the next start; "));
                assert_string_equal(
                                list.items[0].decider_why + strlen("used at the next start; "),
                                decisions[i].why);
                assert_int_equal(list.items[0].decider.line, decisions[i].line);
                assert_int_equal(
                                phx_has_suffix(list.items[0].decider.file, "/own.conf"),
                                decisions[i].is_included);
        }
}

/* Under the name that patch(1) finds it by; no value is in a sentence. */
static void what_is_left_over_is_offered(void **state) {
        phx_cleanup(phx_lxc_containers_done) struct phx_lxc_containers list = { 0 };
        phx_cleanup(phx_offer_done) struct phx_offer offer = { 0 };
        static const struct phx_pve_wanted wanted = { "lxc-b", false };
        static const char left[] = PLAIN "lxc.apparmor.profile: hunter2\n"
                                         "lxc.apparmor.profile: lxc-b\n LXC.cap.drop: hunter3\n";

        save(PLAIN, "3");
        list = look();
        assert_int_equal(phx_pve_containers_offer(containers, "101", &wanted, &offer), 0);
        assert_int_equal(phx_pve_containers_offer(containers, "102", &wanted, &offer), 0);
        phx_lxc_containers_done(&list);
        save(left, "4");
        list = look();
        assert_int_equal(phx_pve_containers_offer(containers, "101", &wanted, &offer), 1);
        assert_true(phx_has_suffix(offer.file, "/pve/nodes/pve1/lxc/101.conf"));
        assert_string_equal(offer.before, left);
        assert_string_equal(
                        offer.after,
                        PLAIN "lxc.apparmor.profile: lxc-b\nlxc.cap.drop: hunter3\n");
        assert_int_equal(offer.count, 2);
        assert_int_equal(offer.changes[0].kind, PHX_LEFTOVER_OVERRULED);
        assert_true(phx_has_suffix(
                        offer.changes[0].sentence,
                        "/pve1/lxc/101.conf:5: remove this line: a later line names the profile"));
        assert_true(phx_has_suffix(
                        offer.changes[1].sentence,
                        "101.conf:7: correct this line, which Proxmox ignores, so that it takes "
                        "effect at the next start: it is indented; move it to the first column"));
        assert_null(strstr(offer.changes[0].sentence, "hunter"));
        assert_null(strstr(offer.changes[1].sentence, "hunter"));
        expect_text(left);
        phx_lxc_containers_done(&list);

        /* Nothing is said about a file that was not read. */
        save("template: 1\n" PLAIN " lxc.cap.drop: a\n", "5");
        list = look();
        phx_offer_done(&offer);
        assert_int_equal(phx_pve_containers_offer(containers, "101", &wanted, &offer), 0);
}

/* WANTED: with a '|' between each two. */
static void expect_wish(
                const struct phx_container_config *config,
                bool manages_autostart,
                const char *wanted) {
        phx_cleanup(phx_strings_done) struct phx_strings settings = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };

        assert_int_equal(
                        phx_pve_containers_wish(
                                        containers,
                                        "101",
                                        config,
                                        manages_autostart,
                                        &settings),
                        0);
        for (size_t i = 0; i < settings.count; i++)
                assert_int_equal(
                                phx_buffer_addf(&text, "%s%s", i > 0 ? "|" : "", settings.items[i]),
                                0);
        assert_string_equal(text.data ? text.data : "", wanted ? wanted : "");
}

/* What the file has and nobody mentions stays. */
static void features_are_as_the_entry_asks(void **state) {
        phx_cleanup(phx_lxc_containers_done) struct phx_lxc_containers list = { 0 };
        phx_cleanup(phx_container_config_done) struct phx_container_config config = { 0 };
        phx_cleanup(phx_strings_done) struct phx_strings settings = { 0 };
        const struct phx_lxc_edit wanted = { .profile = "lxc-web" };
        struct phx_error error = { 0 };

        save(PLAIN "features: keyctl=1\n", "3");
        list = look();
        expect_wish(&config, true, NULL);
        assert_int_equal(phx_strings_add(&config.pct_options, "nesting=1"), 0);
        expect_wish(&config, false, "features=keyctl=1,nesting=1");
        assert_int_equal(phx_strings_add(&settings, "features=keyctl=1,nesting=1"), 0);
        if (phx_pve_containers_edit(
                            containers,
                            "101",
                            list.items[0].digest,
                            &wanted,
                            &settings,
                            &error) != 1)
                fail_msg("%s", error.text);
        expect_text(PLAIN "features: keyctl=1,nesting=1\nlxc.apparmor.profile: lxc-web\n");
        phx_lxc_containers_done(&list);
        save("features: keyctl=1,nesting=1\n" PLAIN, "4");
        list = look();
        expect_wish(&config, true, NULL);
}

/* Proxmox's own keys, and the file of each step is right after it. */
static void it_starts_when_the_entry_says(void **state) {
        phx_cleanup(phx_lxc_containers_done) struct phx_lxc_containers list = { 0 };
        phx_cleanup(phx_strings_done) struct phx_strings settings = { 0 };
        const struct phx_container_config config = {
                .has_start_at_boot = true,
                .has_boot_order = true,
                .start_at_boot = true,
                .boot_order = 2,
        };
        const struct phx_lxc_edit wanted = { .profile = "lxc-web" };
        struct phx_error error = { 0 };

        save(PLAIN "startup: down=60\n", "3");
        list = look();
        expect_wish(&config, false, NULL);
        expect_wish(&config, true, "onboot=1|startup=order=2,down=60");
        assert_int_equal(phx_strings_add(&settings, "onboot=1"), 0);
        assert_int_equal(phx_strings_add(&settings, "startup=order=2,down=60"), 0);
        if (phx_pve_containers_edit(
                            containers,
                            "101",
                            list.items[0].digest,
                            &wanted,
                            &settings,
                            &error) != 1)
                fail_msg("%s", error.text);
        expect_text("arch: amd64\nhostname: web\nonboot: 1\nostype: unmanaged\nrootfs: "
                    "ssd:subvol-101\nstartup: order=2,down=60\nlxc.apparmor.profile: lxc-web\n");
        phx_lxc_containers_done(&list);
        save("onboot: 1\n" PLAIN "startup: 2,down=60\n", "4");
        list = look();
        expect_wish(&config, true, NULL);
}

/* The daemon's own process must not wait for the cluster file system. */
static void an_include_below_it_is_not_followed(void **state) {
        phx_cleanup(phx_lxc_containers_done) struct phx_lxc_containers list = { 0 };
        char text[1024];

        save(PLAIN "lxc.include: /etc/pve/extra.conf\n", "3");
        list = look();
        assert_non_null(strstr(list.items[0].trouble, "does not follow includes below"));
        phx_lxc_containers_done(&list);

        /* Nor by way of another one, and of a link. */
        tree_link("link", "/etc/pve");
        (void) snprintf(text, sizeof(text), "lxc.include = %s\n", tree_path("link/extra.conf"));
        tree_write("other.conf", text);
        (void) snprintf(text, sizeof(text), PLAIN "lxc.include: %s\n", tree_path("other.conf"));
        save(text, "4");
        list = look();
        assert_non_null(strstr(list.items[0].trouble, "link/extra.conf; phoenixd does not follow"));
}

static void one_that_has_left_is_known_until_it_is_gone(void **state) {
        phx_cleanup(phx_lxc_containers_done) struct phx_lxc_containers list = { 0 };

        save(PLAIN, "3");
        list = look();
        assert_false(phx_pve_containers_has_away(containers, "101"));
        phx_lxc_containers_done(&list);

        /* It has left between the list and the reading of its config. */
        assert_int_equal(rename(tree_path(CONFIG), tree_path("pve/nodes/pve2/lxc/101.conf")), 0);
        pve_write_vmlist(PVE_GUEST("101", "pve1", "lxc", "4"));
        list = look();
        assert_int_equal(list.count, 0);
        assert_true(phx_pve_containers_has_away(containers, "101"));
        phx_lxc_containers_done(&list);

        pve_write_vmlist(PVE_GUEST("101", "pve2", "lxc", "5"));
        list = look();
        assert_int_equal(list.count, 0);
        assert_true(phx_pve_containers_has_away(containers, "101"));
        assert_false(phx_pve_containers_has_away(containers, "102"));
        assert_false(phx_pve_containers_has_away(containers, "web"));
        phx_lxc_containers_done(&list);

        pve_write_vmlist("");
        list = look();
        assert_null(list.refusal);
        assert_false(phx_pve_containers_has_away(containers, "101"));
}

/* By then it may have been counted from the beginning again. */
static void on_demand_a_file_is_read_again(void **state) {
        phx_cleanup(phx_lxc_containers_done) struct phx_lxc_containers list = { 0 };

        save(PLAIN, "3");
        list = look();
        phx_lxc_containers_done(&list);
        save(PLAIN "lxc.apparmor.profile: lxc-web\n", "3");
        phx_pve_containers_forget(containers);
        list = look();
        assert_string_equal(list.items[0].values.profile, "lxc-web");
}

/* The line is there, and an include after it names another profile. */
static void an_edit_that_cannot_help_is_refused(void **state) {
        phx_cleanup(phx_lxc_containers_done) struct phx_lxc_containers list = { 0 };
        char text[1024];

        tree_write("names.conf", "lxc.apparmor.profile = lxc-other\n");
        (void) snprintf(text, sizeof(text), PLAIN "lxc.include: %s\n", tree_path("names.conf"));
        save(text, "3");
        list = look();
        assert_string_equal(list.items[0].values.profile, "lxc-other");
        assert_int_equal(edit(&list.items[0], "generated"), -EINVAL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                                what_proxmox_generates_is_what_is_seen,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                a_profile_is_assigned_and_taken_back,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                an_unchanged_version_is_believed,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                a_template_and_a_locked_one_are_left_alone,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(what_a_restart_takes_is_seen, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                what_the_next_start_brings_is_told_by_itself,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                a_file_system_that_is_gone_makes_nothing_gone,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                an_edit_is_shown_before_it_is_made,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(features_are_as_the_entry_asks, set_up, tear_down),
                cmocka_unit_test_setup_teardown(it_starts_when_the_entry_says, set_up, tear_down),
                cmocka_unit_test_setup_teardown(what_is_left_over_is_offered, set_up, tear_down),
                cmocka_unit_test_setup_teardown(it_is_said_what_decides_and_why, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                an_include_below_it_is_not_followed,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                one_that_has_left_is_known_until_it_is_gone,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(on_demand_a_file_is_read_again, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                an_edit_that_cannot_help_is_refused,
                                set_up,
                                tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
