/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Options that are written into configs, by the real liblxc: no container, no AppArmor and no root
 * are needed for that. */

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/findings.h"
#include "base/strings.h"
#include "containers-look.h"
#include "lxc/assignments.h"
#include "lxc/child.h"
#include "lxc/option_review.h"
#include "lxc/walk.h"
#include "state/report.h"
#include "tree.h"

#define CONTAINERS 48
#define OPTIONS 400

static unsigned forks;

static void count_fork(void) {
        forks++;
}

struct host {
        struct phx_task_roots roots;
        struct phx_machine_containers *containers;
        struct phx_inventory inventory;
        struct phx_container_config configs[CONTAINERS];
        size_t count;
        char *foreign[CONTAINERS]; /* what the operator has written */
        struct phx_observed *observed;
        struct phx_lxc_child liblxc;
};

static char cgroup_root[256], proc_root[256], lxc_path[256], configuration_path[] = "/c.json";

static int set_up(void **state) {
        static const struct phx_trust anyone = { .root = "/", .anyone = true };
        struct host *host = calloc(1, sizeof(*host));

        assert_non_null(host);
        tree_new();
        tree_mkdir("cgroup");
        tree_mkdir("proc");
        tree_mkdir("lxc");
        (void) snprintf(cgroup_root, sizeof(cgroup_root), "%s", tree_path("cgroup"));
        (void) snprintf(proc_root, sizeof(proc_root), "%s", tree_path("proc"));
        (void) snprintf(lxc_path, sizeof(lxc_path), "%s", tree_path("lxc"));
        host->roots = (struct phx_task_roots){ cgroup_root, proc_root };
        *state = host;
        assert_int_equal(phx_lxc_child_start(&host->liblxc), 0);
        return phx_machine_containers_new(&host->roots, &anyone, &host->containers);
}

static int tear_down(void **state) {
        struct host *host = *state;

        for (size_t i = 0; i < host->count; i++) {
                phx_container_config_done(&host->configs[i]);
                free(host->foreign[i]);
        }
        phx_lxc_child_done(&host->liblxc);
        phx_inventory_done(&host->inventory);
        phx_machine_containers_free(host->containers);
        phx_observed_free(host->observed);
        free(host);
        tree_done();
        return 0;
}

static const char *config_of(const struct host *host, size_t index) {
        static char path[300];

        (void) snprintf(path, sizeof(path), "lxc/%s/config", host->configs[index].id);
        return path;
}

static void add(struct host *host, const char *text) {
        struct phx_container_config *config = &host->configs[host->count];
        char id[16];

        assert_true(host->count < CONTAINERS);
        (void) snprintf(id, sizeof(id), "%03zu", host->count);
        assert_int_equal(phx_replace(&config->id, id), 0);
        assert_int_equal(phx_replace(&config->profile, "lxc-a"), 0);
        host->foreign[host->count] = strdup(text);
        tree_write(config_of(host, host->count++), text);
}

/* "KEY=VALUE;KEY=VALUE" */
static void set_options(struct host *host, size_t index, const char *text) {
        struct phx_lxc_options *options = &host->configs[index].options;
        phx_autofree char *copy = strdup(text);
        char *rest = copy, *item;

        phx_lxc_options_done(options);
        while ((item = strsep(&rest, ";"))) {
                const char *key = item[0] ? strsep(&item, "=") : NULL;

                if (!key)
                        continue;
                assert_non_null(phx_lxc_options_add(options, key, item));
                options->items[options->count - 1].line = 10 + (unsigned) options->count;
                options->items[options->count - 1].index = options->count - 1;
        }
}

static void look(struct host *host) {
        const struct phx_settings settings = { .lxc_path = lxc_path,
                                               .configuration = configuration_path };
        const struct phx_configuration configuration = { .containers = host->configs,
                                                         .count = host->count };
        phx_cleanup(phx_desired_freep) struct phx_desired *desired = calloc(1, sizeof(*desired));
        struct phx_error error = { 0 };
        int r;

        phx_observed_free(host->observed);
        host->observed = calloc(1, sizeof(*host->observed));
        host->observed->retry_usec = PHX_NEVER;
        r = look_at_containers(
                        host->containers,
                        &settings,
                        &configuration,
                        &host->inventory,
                        desired,
                        host->observed,
                        &error);
        assert_string_equal(error.text, "");
        assert_true(r >= 0);
}

static bool is_wrong(const struct host *host, size_t index) {
        const struct phx_observed_container *have = &host->observed->containers[index];

        assert_null(have->trouble);
        return have->wrong_lines.count > 0 || strcmp(have->effective, "lxc-a") != 0;
}

static struct phx_step_edit step_of(const struct host *host, size_t index) {
        const struct phx_observed_container *have = &host->observed->containers[index];

        return (struct phx_step_edit){ .lxc_path = host->observed->lxc_path,
                                       .directory = have->directory,
                                       .digest = have->digest,
                                       .profile = "lxc-a",
                                       .label = "lxc-a",
                                       .lines = &have->lines };
}

static void repair(struct host *host) {
        look(host);
        for (size_t i = 0; i < host->count; i++) {
                struct phx_error error = { 0 };
                struct phx_step_edit step;

                if (!is_wrong(host, i))
                        continue;
                step = step_of(host, i);
                assert_true(phx_line_edit_claim(step.lines, step.directory, &host->inventory) >= 0);
                assert_int_equal(phx_machine_containers_assign(host->containers, &step, &error), 0);
                assert_string_equal(error.text, "");
        }
}

/* Nothing is found wrong any more, and the second time nothing is asked. */
static void assert_converged(struct host *host) {
        unsigned before;

        look(host);
        for (size_t i = 0; i < host->count; i++)
                assert_false(is_wrong(host, i));
        look(host);
        before = forks;
        look(host);
        assert_int_equal(forks, before);
}

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

/* --- by hand --- */

#define PROFILE "lxc.apparmor.profile = lxc-a\n"

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

/* --- at random --- */

static uint32_t random_next(uint32_t *seed) {
        *seed = *seed * 1664525 + 1013904223;
        return *seed >> 8;
}

static const char *const pieces[] = {
        "lxc.cap.drop=sys_time",
        "lxc.cap.drop=sys_module",
        "lxc.cap.drop=sys_time sys_boot",
        "lxc.cap.drop=",
        "lxc.tty.max=2",
        "lxc.tty.max=4",
        "lxc.environment=A=1",
        "lxc.environment=A=2",
        "lxc.environment=B=1",
        "lxc.environment=",
        "lxc.mount.entry=/a x/y none bind",
        "lxc.mount.entry=/b x/y none bind",
        "lxc.mount.entry=/c x none bind",
        "lxc.hook.start=/one",
        "lxc.hook.start=/two",
        "lxc.hook=",
        "lxc.cgroup2.memory.max=1G",
        "lxc.cgroup2.memory.max=2G",
        "lxc.cgroup2.devices.deny=a",
        "lxc.cgroup2.devices.allow=c 1:3 rwm",
        "lxc.mount.auto=proc:rw",
        "lxc.mount.auto=",
        "lxc.include=INCLUDE",
};

static const char *random_piece(uint32_t *seed) {
        static char include[300];
        const char *piece = pieces[random_next(seed) % PHX_ELEMENTS(pieces)];

        if (!strstr(piece, "INCLUDE"))
                return piece;
        (void) snprintf(include, sizeof(include), "lxc.include=%s", tree_path("inc.conf"));
        return include;
}

static void add_random_config(struct host *host, uint32_t *seed) {
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };

        assert_int_equal(phx_buffer_add_text(&text, "# the operator's\n"), 0);
        for (uint32_t n = random_next(seed) % 10; n > 0; n--) {
                const char *piece = random_piece(seed), *equals = strchr(piece, '=');

                assert_int_equal(
                                phx_buffer_addf(&text,
                                                random_next(seed) % 2 ? "%.*s = %s\n" : "%.*s=%s\n",
                                                (int) (equals - piece),
                                                piece,
                                                equals + 1),
                                0);
                if (random_next(seed) % 8 == 0)
                        assert_int_equal(phx_buffer_add_text(&text, PROFILE), 0);
        }
        add(host, text.data);
}

static void set_random_options(struct host *host, size_t index, uint32_t *seed) {
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };

        assert_int_equal(phx_buffer_add_text(&text, ""), 0);
        for (uint32_t n = random_next(seed) % 6; n > 0; n--)
                assert_int_equal(phx_buffer_addf(&text, "%s;", random_piece(seed)), 0);
        set_options(host, index, text.data ? text.data : "");
}

/* The lines of a text but the profile's. */
static void split(const char *text, struct phx_strings *lines) {
        phx_autofree char *copy = strdup(text);
        char *rest = copy, *line;

        while ((line = strsep(&rest, "\n")))
                if (!phx_has_prefix(line, "lxc.apparmor.profile") && (line[0] || rest))
                        assert_int_equal(phx_strings_add(lines, line), 0);
}

/* All that the operator has written, byte by byte and in its order, and as many more as are ours.
 */
static void assert_foreign_lines_stay(struct host *host, size_t index) {
        phx_autofree char *text = tree_read(config_of(host, index));
        phx_cleanup(phx_strings_done) struct phx_strings before = { 0 }, after = { 0 };
        const struct phx_inventory_container *record = phx_inventory_container(
                        &host->inventory,
                        host->configs[index].id);
        size_t found = 0;

        split(host->foreign[index], &before);
        split(text, &after);
        for (size_t i = 0; i < after.count && found < before.count; i++)
                found += strcmp(after.items[i], before.items[found]) == 0;
        assert_int_equal(found, before.count);
        assert_int_equal(after.count, before.count + (record ? record->lines.count : 0));
}

/* What the options come to, each include in its place. */
struct asked {
        const char *key;
        struct phx_strings values;
};

static int collect(void *data, const struct phx_lxc_place *place, const struct phx_lxc_line *line) {
        struct asked *asked = data;
        bool empties = phx_lxc_line_is(line, "lxc.hook") && phx_has_prefix(asked->key, "lxc.hook");

        if (!phx_lxc_line_is(line, asked->key) && !empties)
                return 0;
        if (line->value_size == 0) {
                phx_strings_done(&asked->values);
                return phx_strings_add(&asked->values, ""); /* nothing of the config's own */
        }
        return phx_strings_addf(&asked->values, "%.*s", (int) line->value_size, line->value);
}

static void ask(const struct host *host, size_t index, struct asked *asked) {
        const struct phx_lxc_options *options = &host->configs[index].options;
        phx_cleanup(phx_lxc_reader_freep) struct phx_lxc_reader *reader = NULL;
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };

        assert_int_equal(phx_lxc_reader_new(&reader), 0);
        for (size_t i = 0; i < options->count; i++)
                assert_int_equal(
                                phx_buffer_addf(&text,
                                                "%s = %s\n",
                                                options->items[i].key,
                                                options->items[i].value),
                                0);
        assert_int_equal(
                        phx_lxc_walk(reader,
                                     "",
                                     text.data ? text.data : "",
                                     text.size,
                                     collect,
                                     asked),
                        0);
}

static void effective(
                struct host *host,
                size_t index,
                const char *key,
                struct phx_strings *values) {
        phx_autofree char *text = tree_read(config_of(host, index)), *value = NULL;
        char *rest, *line;

        assert_int_equal(phx_lxc_child_load(&host->liblxc, text, strlen(text)), 1);
        assert_int_equal(phx_lxc_child_get(&host->liblxc, key, &value), 0);
        rest = value;
        while ((line = strsep(&rest, "\n")))
                if (line[0])
                        assert_int_equal(phx_strings_add(values, line), 0);
}

static bool ends_with(const struct phx_strings *values, const char *value) {
        return values->count > 0 && strcmp(values->items[values->count - 1], value) == 0;
}

/* Of a single value the last; of a sequence all, in their order and none behind but of others. */
static void assert_last_is(struct host *host, size_t index, const char *key) {
        phx_cleanup(phx_strings_done) struct phx_strings values = { 0 };
        struct asked asked = { .key = key };

        ask(host, index, &asked);
        effective(host, index, key, &values);
        if (asked.values.count > 0 && asked.values.items[asked.values.count - 1][0])
                assert_true(ends_with(&values, asked.values.items[asked.values.count - 1]));
        phx_strings_done(&asked.values);
}

static void assert_set(struct host *host, size_t index, const char *key) {
        phx_cleanup(phx_strings_done) struct phx_strings values = { 0 }, words = { 0 };
        struct asked asked = { .key = key };
        bool emptied;

        ask(host, index, &asked);
        effective(host, index, key, &values);
        emptied = asked.values.count > 0 && asked.values.items[0][0] == '\0';
        for (size_t i = 0; i < asked.values.count; i++) {
                char *rest = asked.values.items[i], *word;

                while ((word = strsep(&rest, " ")))
                        if (word[0])
                                assert_true(phx_strings_add_once(&words, word) >= 0);
        }
        for (size_t i = 0; i < words.count; i++)
                assert_true(phx_strings_has(&values, words.items[i]));
        for (size_t i = 0; emptied && i < values.count; i++)
                assert_true(phx_strings_has(&words, values.items[i]));
        phx_strings_done(&asked.values);
}

static void assert_sequence(struct host *host, size_t index, const char *key) {
        phx_cleanup(phx_strings_done) struct phx_strings values = { 0 };
        struct asked asked = { .key = key };
        bool emptied;
        size_t found;

        ask(host, index, &asked);
        effective(host, index, key, &values);
        emptied = asked.values.count > 0 && asked.values.items[0][0] == '\0';
        found = emptied ? 1 : 0;
        for (size_t i = 0; i < values.count && found < asked.values.count; i++)
                found += strcmp(values.items[i], asked.values.items[found]) == 0;
        assert_int_equal(found, asked.values.count);
        if (emptied)
                assert_int_equal(values.count, asked.values.count - 1);
        phx_strings_done(&asked.values);
}

/* Of the variable that is asked for last, the last value is that. */
static void assert_variable(struct host *host, size_t index) {
        phx_cleanup(phx_strings_done) struct phx_strings values = { 0 };
        struct asked asked = { .key = "lxc.environment" };
        const char *wanted = NULL, *last = NULL;

        ask(host, index, &asked);
        effective(host, index, asked.key, &values);
        for (size_t i = 0; i < asked.values.count; i++)
                if (phx_has_prefix(asked.values.items[i], "A="))
                        wanted = asked.values.items[i];
        for (size_t i = 0; i < values.count; i++)
                if (phx_has_prefix(values.items[i], "A="))
                        last = values.items[i];
        if (wanted) {
                assert_non_null(last);
                assert_string_equal(last, wanted);
        }
        phx_strings_done(&asked.values);
}

static bool covers(const char *later, const char *earlier) {
        bool is_above = strstr(later, " x ");

        return is_above || (strstr(later, " x/y ") && strstr(earlier, " x/y "));
}

/* What is mounted behind the last that is asked for leaves it to be seen. */
static void assert_mount(struct host *host, size_t index) {
        phx_cleanup(phx_strings_done) struct phx_strings values = { 0 };
        struct asked asked = { .key = "lxc.mount.entry" };

        ask(host, index, &asked);
        effective(host, index, asked.key, &values);
        if (asked.values.count > 0)
                for (size_t i = values.count; i-- > 0;) {
                        const char *wanted = asked.values.items[asked.values.count - 1];

                        if (strcmp(values.items[i], wanted) == 0)
                                break;
                        assert_false(covers(values.items[i], wanted));
                }
        phx_strings_done(&asked.values);
}

static void assert_asked(struct host *host, size_t index) {
        assert_set(host, index, "lxc.cap.drop");
        assert_last_is(host, index, "lxc.tty.max");
        assert_last_is(host, index, "lxc.cgroup2.memory.max");
        assert_sequence(host, index, "lxc.environment");
        assert_sequence(host, index, "lxc.mount.entry");
        assert_sequence(host, index, "lxc.hook.start");
        assert_sequence(host, index, "lxc.cgroup2.devices.allow");
        assert_variable(host, index);
        assert_mount(host, index);
}

/* One repair does it, whatever there was and whatever was asked for before. */
static void one_repair_gives_what_is_asked_and_takes_nothing(void **state) {
        struct host *host = *state;
        uint32_t seed = 1;

        tree_write("inc.conf",
                   "lxc.cap.drop = sys_nice\nlxc.tty.max = 7\nlxc.environment = A=7\n"
                   "lxc.hook.start = /inc\n");
        for (size_t i = 0; i < CONTAINERS; i++)
                add_random_config(host, &seed);
        for (int round = 0; round < 4; round++) {
                for (size_t i = 0; i < CONTAINERS; i++)
                        set_random_options(host, i, &seed);
                repair(host);
                assert_converged(host);
                for (size_t i = 0; i < CONTAINERS; i++) {
                        assert_foreign_lines_stay(host, i);
                        assert_asked(host, i);
                }
        }
}

#define with_host(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

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
                with_host(what_liblxc_refuses_is_found_before),
                with_host(many_options_are_answered_in_time),
                with_host(one_repair_gives_what_is_asked_and_takes_nothing),
        };

        (void) pthread_atfork(count_fork, NULL, NULL);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
