/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "config.h"
#include "lint/entry.h"
#include "profiles/offline.h"
#include "state/lxc_options.h"
#include "tree.h"

#define OPEN "abi <abi/test>,\nprofile lxc-x {\n"
/* What a profile for Docker has. */
#define DOCKER OPEN "capability mac_admin mknod,\n/sys/kernel/security/apparmor/** rw,\n"

struct expectation {
        const char *rules; /* "policy-admin:7" */
        const char *text;
        struct phx_container_config config;
        const char *option; /* one of lxc_options, at line 12, or NULL */
        const char *value;
        const char *namespace;
};

static char profile_name[] = "lxc-x", gpu[] = "0", none[] = "none";

static int set_up(void **state) {
        (void) tree_new();
        tree_write("abi/test", phx_offline_features);
        return 0;
}

static int tear_down(void **state) {
        tree_done();
        return 0;
}

static void compile(const char *text, struct phx_buffer *blob) {
        phx_autofree char *base = strdup(tree_path(""));
        char command[1024], chunk[4096];
        FILE *parser;
        size_t size;

        tree_write("lxc-x", text);
        (void) snprintf(command,
                        sizeof(command),
                        PHX_PARSER " --config-file=/dev/null -K -S -M %sabi/test -b %s %slxc-x",
                        base,
                        base,
                        base);
        /* NOLINTNEXTLINE(cert-env33-c): the words are the test's own. */
        parser = popen(command, "re");
        assert_non_null(parser);
        while ((size = fread(chunk, 1, sizeof(chunk), parser)) > 0)
                assert_int_equal(phx_buffer_add(blob, chunk, size), 0);
        if (pclose(parser) != 0)
                fail_msg("does not compile:\n%s", text);
}

/* The entry of the expectation, at other places and among options that no rule looks at, when it is
 * SHIFTED. */
static struct phx_container_config entry_of(const struct expectation *expected, bool shifted) {
        struct phx_container_config config = expected->config;
        struct phx_lxc_option *option;

        config.profile = profile_name;
        config.line = shifted ? 107 : 7;
        config.gpu_line = shifted ? 109 : 9;
        config.options = (struct phx_lxc_options){ 0 };
        if (shifted)
                assert_non_null(phx_lxc_options_add(
                                &config.options,
                                "lxc.net.0.hwaddr",
                                "00:16:3e"));
        if (expected->option) {
                option = phx_lxc_options_add(&config.options, expected->option, expected->value);
                assert_non_null(option);
                option->line = shifted ? 112 : 12;
        }
        return config;
}

static void assert_lints(
                const struct expectation *expected,
                const struct phx_lints *lints,
                unsigned shift) {
        phx_cleanup(phx_buffer_done) struct phx_buffer found = { 0 };

        assert_int_equal(phx_buffer_add_text(&found, ""), 0);
        for (size_t i = 0; i < lints->count; i++)
                assert_int_equal(
                                phx_buffer_addf(&found,
                                                "%s%s:%u",
                                                i > 0 ? " " : "",
                                                phx_rule_to_string(lints->items[i].rule),
                                                lints->items[i].line - shift),
                                0);
        if (strcmp(found.data, expected->rules) != 0)
                fail_msg("expected '%s', found '%s' for %s = %s in:\n%s",
                         expected->rules,
                         found.data,
                         expected->option ? expected->option : "",
                         expected->option ? expected->value : "",
                         expected->text);
}

static void text_of(
                const struct phx_container_config *config,
                const char *namespace,
                struct phx_buffer *text) {
        assert_int_equal(phx_lint_entry_text(config, namespace, text), 0);
}

static bool says_the_same(const struct phx_buffer *a, const struct phx_buffer *b) {
        return a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

/* What another entry breaks that says the same is what it would have been told itself. */
static void assert_moved(
                const struct expectation *expected,
                const struct phx_lint_policy *policy,
                const struct phx_container_config *asked,
                const struct phx_lints *found) {
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 }, other_text = { 0 },
                                                       less_text = { 0 };
        phx_cleanup(phx_lints_done) struct phx_lints moved = { 0 }, own = { 0 };
        struct phx_container_config other = entry_of(expected, true), less = *asked;

        text_of(asked, expected->namespace, &text);
        text_of(&other, expected->namespace, &other_text);
        assert_true(says_the_same(&text, &other_text));
        assert_int_equal(phx_lint_entry_move(found, asked, &other, &moved), 0);
        assert_lints(expected, &moved, 100);
        assert_int_equal(
                        phx_lint_entry(&(struct phx_lint_entry){ &other,
                                                                 expected->namespace,
                                                                 policy },
                                       &own),
                        0);
        assert_true(phx_lints_equal(&own, &moved));
        phx_lxc_options_done(&other.options);

        /* Whatever a rule has found is in the text. */
        less.options = (struct phx_lxc_options){ 0 };
        less.gpu_assignment = NULL;
        text_of(&less, expected->namespace, &less_text);
        if (found->count > 0 && (expected->option || asked->gpu_assignment))
                assert_false(says_the_same(&text, &less_text));
}

static void assert_entry(const struct expectation *expected) {
        phx_cleanup(phx_buffer_done) struct phx_buffer blob = { 0 };
        phx_cleanup(phx_lint_policy_done) struct phx_lint_policy policy = { 0 };
        phx_cleanup(phx_lints_done) struct phx_lints lints = { 0 };
        struct phx_container_config config = entry_of(expected, false);

        compile(expected->text, &blob);
        assert_int_equal(
                        phx_lint_policy_read(profile_name, blob.data, blob.size, &policy, NULL),
                        0);
        assert_int_equal(
                        phx_lint_entry(&(struct phx_lint_entry){ &config,
                                                                 expected->namespace,
                                                                 &policy },
                                       &lints),
                        0);
        assert_lints(expected, &lints, 0);
        assert_moved(expected, &policy, &config, &lints);
        phx_lxc_options_done(&config.options);
}

static void assert_all(const struct expectation *expectations, size_t count) {
        for (size_t i = 0; i < count; i++)
                assert_entry(&expectations[i]);
}

static void an_assigned_gpu_must_be_allowed(void **state) {
        static const struct expectation expectations[] = {
                { "gpu-denied:9", OPEN "/srv/** rw,\n}\n", { .gpu_assignment = gpu } },
                { "gpu-denied:9", OPEN "/dev/nvidia* r,\n}\n", { .gpu_assignment = gpu } },
                { "", OPEN "/dev/nvidia* rw,\n}\n", { .gpu_assignment = gpu } },
                { "", OPEN "/dev/dri/** rw,\n}\n", { .gpu_assignment = gpu } },
                { "", OPEN "}\n", { .gpu_assignment = none } },
                { "", OPEN "}\n", { 0 } },
        };

        assert_all(expectations, PHX_ELEMENTS(expectations));
}

static void who_may_change_policy_needs_a_namespace(void **state) {
        static const struct expectation expectations[] = {
                { "policy-admin:7", DOCKER "}\n", { 0 } },
                { "policy-admin:7", OPEN "capability,\n}\n", { 0 } },
                { "policy-admin:7", OPEN "^hat {\ncapability mac_admin,\n}\n}\n", { 0 } },
                { "policy-admin:7", DOCKER "}\n", { 0 }, "lxc.cap.drop", "sys_time" },
                { "policy-admin:7", DOCKER "}\n", { 0 }, "lxc.cap.drop", "" },
                { "no-namespace:7", DOCKER "}\n", { .unprivileged = true } },
                { "no-namespace:7", DOCKER "}\n", { 0 }, "lxc.cap.drop", "sys_time mac_admin" },
                { "", OPEN "capability,\n}\n", { 0 }, "lxc.cap.drop", "sys_time mac_admin" },
                { "", DOCKER "}\n", { 0 }, NULL, NULL, "lxc-1" },
                { "", DOCKER "}\n", { .unprivileged = true }, NULL, NULL, "lxc-1" },
                { "", OPEN "capability,\n}\n", { .unprivileged = true } },
                { "", OPEN "capability,\ndeny capability mac_admin,\n}\n", { 0 } },
        };

        assert_all(expectations, PHX_ELEMENTS(expectations));
}

static void all_devices_go_with_no_nodes(void **state) {
        static const char key[] = "lxc.cgroup2.devices.allow", old[] = "lxc.cgroup.devices.allow";
        static const struct expectation expectations[] = {
                { "all-devices:12", OPEN "capability mknod,\n}\n", { 0 }, key, "a" },
                { "all-devices:12", OPEN "capability mknod,\n}\n", { 0 }, key, "\"a\"" },
                { "all-devices:12", OPEN "capability mknod,\n}\n", { 0 }, old, "a *:* rwm" },
                { "all-devices:12", OPEN "capability mknod,\n}\n", { 0 }, key, "b *:* rwm" },
                { "all-devices:12", OPEN "capability mknod,\n}\n", { 0 }, key, "b *:* r" },
                { "", OPEN "capability mknod,\n}\n", { 0 }, key, "b *:* m" },
                { "", OPEN "capability mknod,\n}\n", { 0 }, key, "b 7:* rwm" },
                { "", OPEN "capability mknod,\n}\n", { 0 }, key, "c 10:200 rwm" },
                { "", OPEN "capability mknod,\n}\n", { .unprivileged = true }, key, "a" },
                { "", OPEN "capability chown,\n}\n", { 0 }, key, "a" },
        };

        assert_all(expectations, PHX_ELEMENTS(expectations));
}

static const char entry[] = "lxc.mount.entry", automatic[] = "lxc.mount.auto";

static void mounts_of_the_kernels_files_are_judged(void **state) {
        static const struct expectation expectations[] = {
                { "kernel-mounted:12",
                  OPEN "}\n",
                  { 0 },
                  entry,
                  "debugfs sys/kernel/debug debugfs rw 0 0" },
                { "kernel-mounted:12",
                  OPEN "}\n",
                  { 0 },
                  entry,
                  "/sys/kernel/debug\tsys/kernel/debug none bind,optional" },
                { "kernel-mounted:12",
                  OPEN "}\n",
                  { 0 },
                  entry,
                  "/sys/kernel/tracing mnt/t none rbind 0 0" },
                { "kernel-mounted:12",
                  OPEN "/sys/** rw,\n}\n",
                  { 0 },
                  automatic,
                  "proc:mixed sys:rw" },
                { "kernel-mounted:12", OPEN "/proc/** rw,\n}\n", { 0 }, automatic, "proc:rw" },
                { "kernel-mounted:12",
                  OPEN "/** rw,\n}\n",
                  { 0 },
                  entry,
                  "/proc mnt/proc none bind 0 0" },
                { "kernel-mounted:12",
                  OPEN "/** rw,\ndeny /proc/** w,\n}\n",
                  { 0 },
                  entry,
                  "/proc/ mnt/proc none bind 0 0" },
                { "kernel-mounted:12",
                  OPEN "/srv/** rw,\n}\n",
                  { 0 },
                  entry,
                  "//proc/./sys srv/x none bind 0 0" },
                { "kernel-mounted:12",
                  OPEN "/proc/** rw,\n}\n",
                  { 0 },
                  entry,
                  "proc proc proc nodev 0 0" },
                { "kernel-mounted:12", OPEN "/s/** r,\n}\n", { 0 }, entry, "/sys s none rbind" },
                { "kernel-mounted:12", OPEN "/s/** r,\n}\n", { 0 }, entry, "/ s none rbind,ro" },
                { "kernel-mounted:12",
                  OPEN "/s/** r,\n}\n",
                  { 0 },
                  entry,
                  "/sys/kernel/ s none rbind 0 0" },
        };

        assert_all(expectations, PHX_ELEMENTS(expectations));
}

static void mounts_that_show_none_of_the_kernels_files_are_not(void **state) {
        static const struct expectation expectations[] = {
                { "", OPEN "/s/** rw,\n}\n", { 0 }, entry, "/ s none bind 0 0" },
                { "", OPEN "/s/** rw,\n}\n", { 0 }, entry, "/. s none bind 0 0" },
                { "", OPEN "/s/** rw,\n}\n", { 0 }, entry, "//./ s none bind 0 0" },
                { "", OPEN "/s/** r,\n}\n", { 0 }, entry, "/sys s none bind 0 0" },
                { "", OPEN "/s/** rw,\n}\n", { 0 }, entry, "/sys s none bind,ro 0 0" },
                { "", OPEN "/s/** rw,\n}\n", { 0 }, entry, "/system s none rbind 0 0" },
                { "",
                  OPEN "/sys/kernel/debug/** r,\n}\n",
                  { 0 },
                  entry,
                  "/sys/kernel/debug sys/kernel/debug none bind,ro 0 0" },
                { "", OPEN "/sys/** r,\n}\n", { 0 }, automatic, "sys:rw" },
                { "", OPEN "/sys/** rw,\n}\n", { 0 }, automatic, "sys:mixed proc:mixed cgroup:rw" },
        };

        assert_all(expectations, PHX_ELEMENTS(expectations));
}

static void mounts_that_the_profile_denies_are_named(void **state) {
        static const struct expectation expectations[] = {
                { "mount-denied:12",
                  OPEN "/srv/** r,\n}\n",
                  { 0 },
                  entry,
                  "/dev/dri dev/dri none bind,optional,create=dir" },
                { "mount-denied:12",
                  OPEN "/srv/** r,\n}\n",
                  { 0 },
                  entry,
                  "/dev/fuse /var/lib/lxc/x/rootfs/dev/fuse none bind,create=file 0 0" },
                { "mount-denied:12",
                  OPEN "/dev/{,**/} r,\n}\n",
                  { 0 },
                  entry,
                  "/dev/dri dev/dri none bind 0 0" },
                { "", OPEN "/srv/** r,\n}\n", { 0 }, entry, "/tank srv/tank none bind 0 0" },
                { "",
                  OPEN "/dev/dri/card* rw,\n}\n",
                  { 0 },
                  entry,
                  "/dev/dri dev/dri none bind 0 0" },
                { "", OPEN "/dev/fuse rw,\n}\n", { 0 }, entry, "/dev/fuse dev/fuse none bind 0 0" },
        };

        assert_all(expectations, PHX_ELEMENTS(expectations));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_assigned_gpu_must_be_allowed),
                cmocka_unit_test(who_may_change_policy_needs_a_namespace),
                cmocka_unit_test(all_devices_go_with_no_nodes),
                cmocka_unit_test(mounts_of_the_kernels_files_are_judged),
                cmocka_unit_test(mounts_that_show_none_of_the_kernels_files_are_not),
                cmocka_unit_test(mounts_that_the_profile_denies_are_named),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
