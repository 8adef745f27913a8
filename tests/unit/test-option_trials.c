/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Options that are written into configs, by the real liblxc: no container, no AppArmor and no root
 * are needed for that. */

#include "option-trials-fixture.h"

#define OPTIONS 400

static void assert_config(struct host *host, size_t index, const char *expected) {
        phx_autofree char *text = tree_read(config_of(host, index));

        assert_string_equal(text, expected);
}

static void assert_repaired(struct host *host, const char *options, const char *expected) {
        set_options(host, host->count - 1, options);
        repair(host);
        assert_config(host, host->count - 1, expected);
        assert_converged(host);
        assert_config(host, host->count - 1, expected);
}

/* The last line was taken for a doublet of the first and deleted, and then nothing was dropped. */
static void a_line_of_the_operator_s_is_never_removed(void **state) {
        struct host *host = *state;

        add(host,
            "lxc.cap.drop = mac_override\nlxc.cap.drop =\nlxc.cap.drop = mac_override\n" PROFILE);
        assert_repaired(host,
                        "lxc.cap.drop=mac_override",
                        "lxc.cap.drop = mac_override\nlxc.cap.drop =\n"
                        "lxc.cap.drop = mac_override\n" PROFILE);
}

/* The first one was taken for the line that is asked for, and the list emptied behind it. */
static void a_list_is_not_emptied_behind_what_is_asked(void **state) {
        struct host *host = *state;

        add(host, "lxc.cap.drop = mac_override\n" PROFILE);
        assert_repaired(host,
                        "lxc.cap.drop=;lxc.cap.drop=mac_override",
                        "lxc.cap.drop = mac_override\n" PROFILE);
        add(host, "lxc.cap.drop = mac_override\nlxc.cap.drop = sys_time\n" PROFILE);
        assert_repaired(host,
                        "lxc.cap.drop=;lxc.cap.drop=mac_override",
                        "lxc.cap.drop = mac_override\nlxc.cap.drop = sys_time\nlxc.cap.drop = \n"
                        "lxc.cap.drop = mac_override\n" PROFILE);
}

static void what_empties_a_list_later_does_not_count(void **state) {
        struct host *host = *state;

        add(host, "lxc.cap.drop = mac_override\nlxc.cap.drop =\n" PROFILE);
        assert_repaired(host,
                        "lxc.cap.drop=mac_override",
                        "lxc.cap.drop = mac_override\nlxc.cap.drop =\n"
                        "lxc.cap.drop = mac_override\n" PROFILE);
        set_options(host, 0, "");
        repair(host);
        assert_config(host, 0, host->foreign[0]);
}

static void of_single_values_the_last_counts(void **state) {
        struct host *host = *state;

        add(host, "lxc.tty.max = 2\nlxc.tty.max = 4\nlxc.signal.halt = SIGPWR\n" PROFILE);
        assert_repaired(host,
                        "lxc.tty.max=2;lxc.signal.halt=30",
                        "lxc.tty.max = 2\nlxc.tty.max = 4\nlxc.signal.halt = SIGPWR\n"
                        "lxc.tty.max = 2\n" PROFILE);
}

static void an_include_behind_does_not_overrule(void **state) {
        struct host *host = *state;
        char text[512], expected[1024];

        tree_write("inc.conf", "lxc.tty.max = 7\nlxc.cap.drop =\nlxc.apparmor.profile = x\n");
        (void) snprintf(text,
                        sizeof(text),
                        "lxc.tty.max = 2\n" PROFILE "lxc.include = %s\n",
                        tree_path("inc.conf"));
        (void) snprintf(expected,
                        sizeof(expected),
                        "lxc.tty.max = 2\nlxc.include = %s\nlxc.tty.max = 2\n" PROFILE,
                        tree_path("inc.conf"));
        add(host, text);
        assert_repaired(host, "lxc.tty.max=2", expected);
}

static void what_an_included_file_says_is_asked_for(void **state) {
        struct host *host = *state;
        char text[512], expected[1024], options[512];

        tree_write("inc.conf", "lxc.tty.max = 7\nlxc.environment = A=1\n");
        (void) snprintf(options, sizeof(options), "lxc.include=%s", tree_path("inc.conf"));
        (void) snprintf(text,
                        sizeof(text),
                        "lxc.include = %s\nlxc.uts.name = x\n" PROFILE,
                        tree_path("inc.conf"));
        add(host, text);
        assert_repaired(host, options, text);

        (void) snprintf(text,
                        sizeof(text),
                        "lxc.include = %s\nlxc.tty.max = 3\n" PROFILE,
                        tree_path("inc.conf"));
        (void) snprintf(expected,
                        sizeof(expected),
                        "lxc.include = %s\nlxc.tty.max = 3\nlxc.include = %s\n" PROFILE,
                        tree_path("inc.conf"),
                        tree_path("inc.conf"));
        add(host, text);
        assert_repaired(host, options, expected);
        /* And again when it says something else. */
        tree_write("inc.conf", "lxc.tty.max = 3\n");
        assert_converged(host);
}

/* Twice, and no container starts any more. */
static void what_is_in_effect_is_not_written_twice(void **state) {
        struct host *host = *state;
        static const char text[] =
                        "lxc.idmap = u 0 100000 65536\nlxc.idmap=g 0 100000 65536\n"
                        "lxc.net.0.type = veth\nlxc.net.0.ipv4.address = 10.0.0.2/24\n"
                        "lxc.hook.start = /x\nlxc.mount.entry = /a b none bind\n" PROFILE;

        add(host, text);
        assert_repaired(host,
                        "lxc.idmap=g  0 100000 65536;lxc.idmap=u 0 100000 65536;"
                        "lxc.net.0.ipv4.address=10.0.0.2/24;lxc.hook.start=/x;"
                        "lxc.mount.entry=/a b none bind",
                        text);
}

static void a_lone_missing_item_is_added_alone(void **state) {
        struct host *host = *state;

        add(host, "lxc.cap.drop = sys_time\n" PROFILE);
        assert_repaired(host,
                        "lxc.cap.drop=sys_time;lxc.cap.drop=sys_module",
                        "lxc.cap.drop = sys_time\nlxc.cap.drop = sys_module\n" PROFILE);
        assert_repaired(host,
                        "lxc.cap.drop=sys_time;lxc.cap.drop=sys_module;lxc.cap.drop=sys_boot",
                        "lxc.cap.drop = sys_time\nlxc.cap.drop = sys_module\n"
                        "lxc.cap.drop = sys_boot\n" PROFILE);
}

/* Ours goes, and the operator's that reads just so stays. */
static void of_equal_lines_only_ours_go(void **state) {
        struct host *host = *state;

        add(host, "lxc.environment = A=1\nlxc.environment = A=2\n" PROFILE);
        assert_repaired(host,
                        "lxc.environment=A=1",
                        "lxc.environment = A=1\nlxc.environment = A=2\nlxc.environment = A=1\n" PROFILE);
        set_options(host, 0, "");
        repair(host);
        assert_config(host, 0, host->foreign[0]);
        assert_converged(host);
}

/* Recorded, and stopped before it was written: what is there is still the operator's. */
static void a_claim_that_came_to_nothing_is_forgotten(void **state) {
        struct host *host = *state;

        add(host, "lxc.environment = A=1\nlxc.environment = A=2\n" PROFILE);
        set_options(host, 0, "lxc.environment=A=1");
        look(host);
        assert_int_equal(
                        phx_line_edit_claim(
                                        &host->observed->containers[0].lines,
                                        "000",
                                        &host->inventory),
                        1);
        set_options(host, 0, "");
        repair(host);
        assert_config(host, 0, host->foreign[0]);
        assert_null(phx_inventory_container(&host->inventory, "000"));
}

static void assert_refused(const struct host *host, size_t index, const char *expected) {
        const struct phx_strings *refused = &host->observed->containers[index].refused_options;

        assert_int_equal(refused->count, 1);
        assert_string_equal(refused->items[0], expected);
}

/* The whole config was refused, and the container stayed unconfined. */
static void what_liblxc_refuses_is_left_out_and_named(void **state) {
        struct host *host = *state;

        add(host, "lxc.uts.name = web\n");
        assert_repaired(host,
                        "lxc.tty.max=2;lxc.aa_profile=unconfined;lxc.seccomp.profile=/not/yet",
                        "lxc.uts.name = web\nlxc.tty.max = 2\nlxc.seccomp.profile = /not/yet\n" PROFILE);
        assert_refused(host, 0, "/c.json:12: lxc.aa_profile is skipped: liblxc does not know it");
        add(host, "lxc.net.0.type = veth\n");
        assert_repaired(host,
                        "lxc.net.0.macvlan.mode=bridge;lxc.net.1.type=macvlan;"
                        "lxc.net.1.macvlan.mode=bridge",
                        "lxc.net.0.type = veth\nlxc.net.1.type = macvlan\n"
                        "lxc.net.1.macvlan.mode = bridge\n" PROFILE);
        assert_refused(host,
                       1,
                       "/c.json:11: lxc.net.0.macvlan.mode is skipped: liblxc rejects its value");
        assert_refused(host, 0, "/c.json:12: lxc.aa_profile is skipped: liblxc does not know it");
}

/* As after an upgrade of LXC that dropped a key. */
static void a_line_of_ours_that_liblxc_refuses_goes(void **state) {
        struct host *host = *state;
        phx_cleanup(phx_strings_done) struct phx_strings lines = { 0 };

        add(host, "lxc.uts.name = x\nlxc.aa_profile = y\n" PROFILE);
        set_options(host, 0, "lxc.aa_profile=y");
        look(host);
        assert_non_null(host->observed->containers[0].trouble);
        assert_int_equal(phx_strings_add(&lines, "lxc.aa_profile=y"), 0);
        assert_true(phx_inventory_set_container(&host->inventory, "000", &lines, NULL) > 0);
        repair(host);
        assert_config(host, 0, "lxc.uts.name = x\n" PROFILE);
        assert_converged(host);
}

static void an_include_that_is_missing_is_taken_when_it_comes(void **state) {
        struct host *host = *state;
        char options[512], expected[1024];

        add(host, PROFILE);
        (void) snprintf(options,
                        sizeof(options),
                        "lxc.include=%s;lxc.tty.max=2",
                        tree_path("late/inc.conf"));
        assert_repaired(host, options, "lxc.tty.max = 2\n" PROFILE);
        assert_int_equal(host->observed->containers[0].refused_options.count, 1);
        tree_write("late/inc.conf", "lxc.tty.max = 5\n");
        (void) snprintf(expected,
                        sizeof(expected),
                        "lxc.include = %s\nlxc.tty.max = 2\n" PROFILE,
                        tree_path("late/inc.conf"));
        assert_repaired(host, options, expected);
        assert_int_equal(host->observed->containers[0].refused_options.count, 0);
}

static void restart_with(struct host *host, const char *libraries) {
        static const struct phx_trust anyone = { .root = "/", .anyone = true };

        phx_machine_containers_free(host->containers);
        assert_int_equal(
                        phx_machine_containers_new(&host->roots, &anyone, NULL, &host->containers),
                        0);
        assert_int_equal(
                        phx_machine_containers_keep(
                                        host->containers,
                                        tree_path("state"),
                                        libraries,
                                        NULL),
                        0);
}

static void restart(struct host *host) {
        restart_with(host, "one\n");
}

static void answers_outlive_the_engine(void **state) {
        struct host *host = *state;
        unsigned before;

        tree_mkdir("state");
        restart(host);
        add(host, "lxc.cap.drop = mac_override\n" PROFILE);
        set_options(host, 0, "lxc.cap.drop=mac_override;lxc.cap.drop=nonsense");
        add(host, PROFILE "lxc.cap.drop = sys_time\n");
        set_options(host, 1, "lxc.cap.drop=sys_time");
        before = forks;
        look(host);
        assert_int_equal(forks - before, 2);
        assert_refused(host, 0, "/c.json:12: lxc.cap.drop is skipped: liblxc rejects its value");
        phx_machine_answers_save(host->containers);

        restart(host);
        before = forks;
        look(host);
        assert_int_equal(forks, before);
        assert_refused(host, 0, "/c.json:12: lxc.cap.drop is skipped: liblxc rejects its value");
        assert_false(is_wrong(host, 1));

        phx_machine_containers_forget(host->containers);
        look(host);
        assert_int_equal(forks - before, 2);
        tree_write("state/lxc-answers", "damaged");
        restart(host);
        look(host);
        assert_int_equal(forks - before, 4);
}

/* Of another liblxc, that is; it is at the same path. */
static void answers_of_another_library_are_not_believed(void **state) {
        struct host *host = *state;
        unsigned before;

        tree_mkdir("state");
        restart(host);
        add(host, PROFILE);
        look(host);
        phx_machine_answers_save(host->containers);
        restart(host);
        before = forks;
        look(host);
        assert_int_equal(forks, before);
        restart_with(host, "another\n");
        look(host);
        assert_true(forks > before);

        assert_int_equal(unlink(tree_path("state/lxc-answers")), 0);
        restart_with(host, NULL);
        look(host);
        phx_machine_answers_save(host->containers);
        assert_int_equal(access(tree_path("state/lxc-answers"), F_OK), -1);
}

/* Each distinct option is tried once, and named wherever it stands. */
static void what_liblxc_refuses_is_found_before(void **state) {
        struct host *host = *state;
        const struct phx_configuration configuration = { .containers = host->configs, .count = 2 };
        phx_cleanup(phx_findings_done) struct phx_findings findings = { 0 };
        struct phx_error error = { 0 };

        add(host, PROFILE);
        add(host, PROFILE);
        set_options(host, 0, "lxc.aa_profile=x;lxc.tty.max=many;lxc.include=/not/there");
        set_options(host,
                    1,
                    "lxc.net.0.macvlan.mode=bridge;lxc.aa_profile=x;lxc.seccomp.profile=/not/there;"
                    "lxc.rootfs.path=dir:/not/there;lxc.log.file=/not/there");
        assert_int_equal(
                        phx_options_review("/c.json", &configuration, false, &findings, &error),
                        0);
        phx_findings_sort(&findings);
        assert_int_equal(findings.count, 4);
        assert_int_equal(findings.errors, 3);
        assert_int_equal(findings.items[0].line, 11);
        assert_string_equal(
                        findings.items[0].text,
                        "lxc_configs.000.lxc_options[0]: liblxc does not know lxc.aa_profile");
        assert_int_equal(findings.items[1].line, 12);
        assert_true(phx_has_prefix(
                        findings.items[1].text,
                        "lxc_configs.000.lxc_options[1]: liblxc rejects lxc.tty.max=many"));
        assert_string_equal(
                        findings.items[2].text,
                        "lxc_configs.001.lxc_options[1]: liblxc does not know lxc.aa_profile");
        assert_int_equal(findings.items[3].severity, PHX_SEVERITY_WARNING);
        assert_true(phx_has_prefix(
                        findings.items[3].text,
                        "lxc_configs.000.lxc_options[2]: liblxc rejects lxc.include=/not/there: "));
        assert_null(strstr(findings.items[3].text, "/proc/"));
}

/* Each pair of lines was compared for each pair of options: an answer came after a minute, and
 * liblxc is given five seconds. */
static void many_options_are_answered_in_time(void **state) {
        struct host *host = *state;
        char text[OPTIONS * 64] = "";

        for (int i = 0; i < OPTIONS; i++)
                (void) snprintf(text + strlen(text),
                                sizeof(text) - strlen(text),
                                "%slxc.mount.entry=/dev/m%d dev/m%d none bind 0 0",
                                i > 0 ? ";" : "",
                                i,
                                i);
        add(host, "lxc.tty.max = 1\n");
        add(host, "lxc.tty.max = 1\nlxc.mount.entry = /dev/m0 dev/m0 none bind 0 0\n");
        set_options(host, 0, text);
        set_options(host, 1, text);
        repair(host);
        for (size_t i = 0; i < host->count; i++) {
                phx_cleanup(phx_strings_done) struct phx_strings entries = { 0 };
                phx_autofree char *config = tree_read(config_of(host, i));

                assert_int_equal(host->observed->containers[i].refused_options.count, 0);
                assert_int_equal(
                                phx_lxc_text_values(
                                                config,
                                                strlen(config),
                                                "lxc.mount.entry",
                                                &entries),
                                0);
                assert_true(entries.count >= OPTIONS);
        }
        assert_converged(host);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                with_host(a_line_of_the_operator_s_is_never_removed),
                with_host(a_list_is_not_emptied_behind_what_is_asked),
                with_host(what_empties_a_list_later_does_not_count),
                with_host(of_single_values_the_last_counts),
                with_host(an_include_behind_does_not_overrule),
                with_host(what_an_included_file_says_is_asked_for),
                with_host(what_is_in_effect_is_not_written_twice),
                with_host(a_lone_missing_item_is_added_alone),
                with_host(of_equal_lines_only_ours_go),
                with_host(a_claim_that_came_to_nothing_is_forgotten),
                with_host(what_liblxc_refuses_is_left_out_and_named),
                with_host(a_line_of_ours_that_liblxc_refuses_goes),
                with_host(an_include_that_is_missing_is_taken_when_it_comes),
                with_host(answers_outlive_the_engine),
                with_host(answers_of_another_library_are_not_believed),
                with_host(what_liblxc_refuses_is_found_before),
                with_host(many_options_are_answered_in_time),
        };

        (void) pthread_atfork(count_fork, NULL, NULL);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
