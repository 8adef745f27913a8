/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
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
#include "lint/lint.h"
#include "profiles/offline.h"
#include "tree.h"

/* What a profile of its own has to allow or deny for a rule to be broken or kept, compiled by the
 * real parser for a fixed kernel. */

#define ABI "abi <abi/test>,\n"
#define OPEN "profile lxc-x {\n"

struct expectation {
        const char *rules; /* "may-leave:2 kernel-files:4", sorted as they are found */
        const char *text;
};

static struct phx_trust trust;

static int set_up(void **state) {
        trust = (struct phx_trust){ .root = tree_new(), .owner = geteuid() };
        tree_write("deployed/abi/test", phx_offline_features);
        tree_write("deployed/abstractions/leave", "# Two lines\n  change_profile -> unconfined,\n");
        tree_write("deployed/abstractions/deeper", "\ninclude <abstractions/leave>\n");
        tree_write("deployed/abstractions/more.d/one", "/dev/sda r,\n");
        tree_write("deployed/tunables/mine",
                   "@{PROC}=/proc/\n@{target}=lxc-other unconfined\n@{disk} = /dev/sd[b-d]\n");
        tree_mkdir("profiles");
        return 0;
}

static int tear_down(void **state) {
        tree_done();
        return 0;
}

static void compile(const char *text, struct phx_buffer *blob) {
        char command[1024], chunk[4096];
        phx_autofree char *base = strdup(tree_path("deployed"));
        size_t size;
        FILE *parser;

        tree_write("profiles/lxc-x", text);
        (void) snprintf(command,
                        sizeof(command),
                        PHX_PARSER " --config-file=/dev/null -K -S -M %s/abi/test -b %s %s",
                        base,
                        base,
                        tree_path("profiles/lxc-x"));
        /* NOLINTNEXTLINE(cert-env33-c): the words are the test's own. */
        parser = popen(command, "re");
        assert_non_null(parser);
        while ((size = fread(chunk, 1, sizeof(chunk), parser)) > 0)
                assert_int_equal(phx_buffer_add(blob, chunk, size), 0);
        if (pclose(parser) != 0)
                fail_msg("does not compile:\n%s", text);
}

static void lint(const char *text, struct phx_lints *lints) {
        static const struct phx_include_roots roots = { "/profiles", NULL, "/deployed" };
        phx_cleanup(phx_buffer_done) struct phx_buffer blob = { 0 };
        phx_cleanup(phx_policy_done) struct phx_policy policy = { 0 };
        phx_cleanup(phx_closure_done) struct phx_closure closure = { 0 };
        phx_cleanup(phx_files_freep) struct phx_files *files = NULL;
        const struct phx_profile_source source = { "lxc-x", text, strlen(text), &closure, NULL };
        struct phx_profile_source with_files = source;
        struct phx_lint_subject subject = { &with_files, &policy, NULL, 0 };
        struct phx_error error = { 0 };

        compile(text, &blob);
        assert_int_equal(phx_files_new(&trust, &files), 0);
        assert_int_equal(phx_closure_collect(files, &roots, "lxc-x", text, &closure, &error), 0);
        assert_int_equal(phx_policy_parse(blob.data, blob.size, PHX_HASH_NONE, &policy, &error), 0);
        with_files.files = files;
        subject.blob = blob.data;
        subject.size = blob.size;
        assert_int_equal(phx_lint_profile(&subject, lints, &error), 0);
}

/* "may-leave:2 …" */
static void assert_lint(const struct expectation *expected) {
        phx_cleanup(phx_lints_done) struct phx_lints lints = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer found = { 0 };

        lint(expected->text, &lints);
        assert_int_equal(phx_buffer_add_text(&found, ""), 0);
        for (size_t i = 0; i < lints.count; i++)
                assert_int_equal(
                                phx_buffer_addf(&found,
                                                "%s%s:%u",
                                                i > 0 ? " " : "",
                                                phx_rule_to_string(lints.items[i].rule),
                                                lints.items[i].line),
                                0);
        if (strcmp(found.data, expected->rules) != 0) {
                for (size_t i = 0; i < lints.count; i++) {
                        phx_autofree char *sentence = phx_lint_sentence(&lints.items[i], "lxc-x");

                        print_error("%s\n", sentence);
                }
                fail_msg("expected '%s', found '%s' for:\n%s",
                         expected->rules,
                         found.data,
                         expected->text);
        }
}

static void assert_all(const struct expectation *expectations, size_t count) {
        for (size_t i = 0; i < count; i++)
                assert_lint(&expectations[i]);
}

static void changing_the_profile_leaves_it_unless_it_stays_in_the_family(void **state) {
        static const struct expectation expectations[] = {
                { "may-leave:3", ABI OPEN "change_profile,\n}\n" },
                { "may-leave:3", ABI OPEN "change_profile -> unconfined,\n}\n" },
                { "may-leave:3", ABI OPEN "change_profile -> **,\n}\n" },
                { "may-leave:3", ABI OPEN "change_profile -> lxc-y,\n}\n" },
                { "may-leave:3", ABI OPEN "change_profile -> lxc-*,\n}\n" },
                { "may-leave:3", ABI OPEN "change_profile -> {lxc-x,unconfined},\n}\n" },
                { "may-leave:3", ABI OPEN "change_profile -> {lxc-x,lxc-xy},\n}\n" },
                { "may-leave:3", ABI OPEN "change_profile -> lx{c-x,c},\n}\n" },
                { "may-leave:3", ABI OPEN "audit change_profile /bin/sh -> other,\n}\n" },
                { "may-leave:3", ABI OPEN "change_profile -> :ns:unconfined,\n}\n" },
                { "may-leave:4",
                  ABI OPEN "  change_profile -> lxc-x,\n  change_profile -> u?confined,\n}\n" },
                { "may-leave:4",
                  ABI "include <tunables/mine>\n" OPEN "change_profile -> @{target},\n}\n" },
                { "may-leave:4", ABI OPEN "\n include <abstractions/leave>\n}\n" },
                { "may-leave:3", ABI OPEN "#include <abstractions/deeper>\n}\n" },
                { "may-leave:4", ABI OPEN "profile kid {\nchange_profile -> unconfined,\n}\n}\n" },
                { "may-leave:4", ABI OPEN "^hat {\ninclude <abstractions/leave>\n}\n}\n" },
                { "", ABI OPEN "}\n" },
                { "",
                  ABI OPEN "file,\ndeny /dev/** rw,\ndeny /proc/** w,\ndeny /proc/kcore r,\n"
                           "deny /sys/** w,\n}\n" },
                { "", ABI OPEN "change_profile -> lxc-x,\n}\n" },
                { "", ABI OPEN "change_profile -> lxc-x//kid,\nprofile kid { }\n}\n" },
                { "", ABI OPEN "change_profile -> lxc-x//*,\n}\n" },
                { "", ABI OPEN "change_profile -> &unconfined,\n}\n" },
                { "", ABI OPEN "change_profile -> &**,\n}\n" },
                { "", ABI OPEN "# change_profile -> unconfined,\n}\n" },
        };

        assert_all(expectations, PHX_ELEMENTS(expectations));
}

static void executing_leaves_it_unless_it_stays_in_the_family(void **state) {
        static const struct expectation expectations[] = {
                { "may-leave-by-exec:3", ABI OPEN "/usr/bin/x ux,\n}\n" },
                { "may-leave-by-exec:3", ABI OPEN "/usr/bin/x Ux,\n}\n" },
                { "may-leave-by-exec:3", ABI OPEN "/usr/{bin,sbin}/* rUx,\n}\n" },
                { "may-leave-by-exec:4", ABI OPEN "/usr/bin/a ix,\n/usr/bin/x pux,\n}\n" },
                { "may-leave-by-exec:3", ABI OPEN "/usr/bin/x cux,\n}\n" },
                { "may-leave-by-exec:3", ABI OPEN "/usr/bin/x px,\n}\n" },
                { "may-leave-by-exec:3", ABI OPEN "/usr/bin/x Pix,\n}\n" },
                { "may-leave-by-exec:3", ABI OPEN "/usr/bin/x px -> other,\n}\n" },
                { "may-leave-by-exec:3", ABI OPEN "owner /usr/bin/x ux,\n}\n" },
                { "may-leave-by-exec:3", ABI OPEN "px /usr/bin/x,\n}\n" },
                { "may-leave-by-exec:4",
                  ABI OPEN "profile kid {\n/usr/bin/x ux,\n}\n/bin/a cx -> kid,\n}\n" },
                { "", ABI OPEN "/usr/bin/x ix,\n}\n" },
                { "", ABI OPEN "/usr/bin/x rmix,\n}\n" },
                { "", ABI OPEN "/usr/bin/x cx -> kid,\nprofile kid { }\n}\n" },
                { "", ABI OPEN "/usr/bin/x cx,\nprofile /usr/bin/x { }\n}\n" },
                { "", ABI OPEN "/usr/bin/x cix,\n}\n" },
                { "", ABI OPEN "/usr/bin/x px -> lxc-x,\n}\n" },
                { "", ABI OPEN "/usr/bin/x px -> &other,\n}\n" },
                { "", ABI OPEN "/usr/bin/x ux,\ndeny /usr/bin/x x,\n}\n" },
        };

        assert_all(expectations, PHX_ELEMENTS(expectations));
}

static void modes_that_confine_nobody_are_told(void **state) {
        static const struct expectation expectations[] = {
                { "not-enforced:2", ABI "profile lxc-x flags=(complain) {\n}\n" },
                { "not-enforced:3", ABI OPEN "profile kid flags=(complain) {\n}\n}\n" },
                { "", ABI "profile lxc-x flags=(attach_disconnected) {\n}\n" },
        };

        assert_all(expectations, PHX_ELEMENTS(expectations));
}

static void tasks_outside_are_traced_and_signalled_by_rules(void **state) {
        static const struct expectation expectations[] = {
                { "outside-tasks:3", ABI OPEN "ptrace,\n}\n" },
                { "outside-tasks:4", ABI OPEN "ptrace (readby),\nptrace (trace) peer=un*,\n}\n" },
                { "outside-tasks:3", ABI OPEN "signal,\n}\n" },
                { "outside-tasks:4", ABI OPEN "signal (receive),\nsignal (send) set=kill,\n}\n" },
                { "outside-tasks:3", ABI OPEN "signal peer={unconfined,lxc-x},\n}\n" },
                { "", ABI OPEN "ptrace (readby, tracedby),\nsignal (receive),\n}\n" },
                { "", ABI OPEN "ptrace peer=@{profile_name},\nsignal peer=lxc-x,\n}\n" },
                { "", ABI OPEN "signal,\ndeny signal (send) peer=unconfined,\n}\n" },
        };

        assert_all(expectations, PHX_ELEMENTS(expectations));
}

static void mounts_of_disks_and_of_the_kernel_are_told(void **state) {
        static const struct expectation expectations[] = {
                { "block-device-mounts:3 kernel-mounts:3", ABI OPEN "mount,\n}\n" },
                { "block-device-mounts:3", ABI OPEN "mount fstype=ext4,\n}\n" },
                { "block-device-mounts:3", ABI OPEN "mount fstype=(tmpfs, ext4),\n}\n" },
                { "block-device-mounts:3",
                  ABI OPEN "mount fstype={xfs,btrfs} /dev/sd* -> /srv/,\n}\n" },
                { "block-device-mounts:4",
                  ABI OPEN "mount fstype=tmpfs,\nmount options=(ro, nosuid) fstype=vfat /dev/vdb1 "
                           "-> /data/,\n}\n" },
                { "block-device-mounts:4",
                  ABI "include <tunables/mine>\n" OPEN "mount fstype=ext2 @{disk}1 -> /d/,\n}\n" },
                { "kernel-mounts:3", ABI OPEN "mount fstype=debugfs,\n}\n" },
                { "kernel-mounts:3", ABI OPEN "mount fstype=debugfs -> /mnt/dbg/,\n}\n" },
                { "kernel-mounts:3", ABI OPEN "mount fstype={proc,sec*} -> /x/,\n}\n" },
                { "kernel-mounts:3",
                  ABI OPEN "mount fstype=securityfs -> /sys/kernel/security/,\n"
                           "/sys/kernel/security/** rw,\n}\n" },
                { "", ABI OPEN "mount fstype=tmpfs,\nmount fstype=proc,\n}\n" },
                { "", ABI OPEN "mount fstype=securityfs -> /sys/kernel/security/,\n}\n" },
                { "",
                  ABI OPEN "mount fstype=debugfs -> /sys/kernel/debug/,\nfile,\n"
                           "deny /dev/** rw,\ndeny /proc/** w,\ndeny /proc/kcore r,\n"
                           "deny /sys/** w,\n}\n" },
                { "", ABI OPEN "mount options=bind,\n}\n" },
                { "", ABI OPEN "mount options=rslave -> /,\n}\n" },
                { "",
                  ABI OPEN "mount,\ndeny mount fstype=[^tp]*,\ndeny mount fstype=tracefs,\n}\n" },
                { "", ABI OPEN "mount fstype=ext4 none -> /x/,\n}\n" },
        };

        assert_all(expectations, PHX_ELEMENTS(expectations));
}

static void files_of_disks_and_of_the_kernel_are_told(void **state) {
        static const struct expectation expectations[] = {
                { "block-devices:3 kernel-files:3 kernel-memory:3", ABI OPEN "file,\n}\n" },
                { "block-devices:3 kernel-files:3 kernel-memory:3", ABI OPEN "/** rw,\n}\n" },
                { "block-devices:3", ABI OPEN "/dev/sdc rw,\n}\n" },
                { "block-devices:3", ABI OPEN "r /dev/nvme0n1p2,\n}\n" },
                { "block-devices:3", ABI OPEN "/dev/{dm-*,mapper/*} w,\n}\n" },
                { "block-devices:4", ABI "include <tunables/mine>\n" OPEN "@{disk}1 r,\n}\n" },
                { "block-devices:3", ABI OPEN "include <abstractions/more.d>\n}\n" },
                { "block-devices:3", ABI OPEN "include <abstractions//more.d>\n}\n" },
                { "block-devices:3", ABI OPEN "include <\"abstractions/more.d\">\n}\n" },
                { "block-devices:3", ABI OPEN "/dev/sdc rw,}\n" },
                { "block-devices:4", ABI OPEN "\"/a\\\"b\" r,\n/dev/sdc rw,\n}\n" },
                { "block-devices:3", ABI OPEN "audit { /dev/sdc rw,\n}\n}\n" },
                { "kernel-files:3", ABI OPEN "/proc/sysrq-trigger w,\n}\n" },
                { "kernel-files:4",
                  ABI "include <tunables/mine>\n" OPEN "@{PROC}/sys/kernel/{core_pattern,hostname} "
                      "rw,\n}\n" },
                { "kernel-files:3", ABI OPEN "owner /sys/** a,\n}\n" },
                { "kernel-files:4", ABI OPEN "^hat {\n/sys/kernel/uevent_helper w,\n}\n}\n" },
                { "kernel-memory:3", ABI OPEN "/proc/kcore r,\n}\n" },
                { "kernel-memory:3", ABI OPEN "/dev/{k,}mem rw,\n}\n" },
                { "", ABI OPEN "/dev/{null,zero,shm/**,dri/*} rw,\n}\n" },
                { "", ABI OPEN "/proc/** r,\ndeny /proc/kcore r,\n/sys/** r,\n}\n" },
                { "", ABI OPEN "/proc/sysrq-trigger w,\ndeny /proc/sysrq* wl,\n}\n" },
        };

        assert_all(expectations, PHX_ELEMENTS(expectations));
}

static void capabilities_of_the_kernel_are_told(void **state) {
        static const struct expectation expectations[] = {
                { "kernel-capabilities:3", ABI OPEN "capability,\n}\n" },
                { "kernel-capabilities:4",
                  ABI OPEN "capability chown,\ncapability fowner sys_module,\n}\n" },
                { "", ABI OPEN "capability sys_admin mknod mac_admin sys_boot,\n}\n" },
                { "",
                  ABI OPEN "capability,\ndeny capability sys_module sys_rawio mac_override,\n}\n" },
        };

        assert_all(expectations, PHX_ELEMENTS(expectations));
}

static void rules_that_depend_on_an_abi_are_told_without_one(void **state) {
        static const struct expectation expectations[] = {
                { "no-abi:2", OPEN "network inet stream,\n}\n" },
                { "no-abi:3", OPEN "/x r,\n  deny network raw,\n}\n" },
                { "no-abi:3", OPEN "^hat {\n  unix,\n}\n}\n" },
                { "no-abi:2", OPEN "dbus,\n}\n" },
                { "", OPEN "/x r,\n}\n" },
                { "", ABI OPEN "network,\nunix,\ndbus,\n}\n" },
        };

        assert_all(expectations, PHX_ELEMENTS(expectations));
}

static void a_sentence_names_the_include_and_the_rule(void **state) {
        phx_cleanup(phx_lints_done) struct phx_lints lints = { 0 };
        phx_autofree char *sentence = NULL;

        lint(ABI OPEN "  include <abstractions/deeper>\n}\n", &lints);
        assert_int_equal(lints.count, 1);
        sentence = phx_lint_sentence(&lints.items[0], "lxc-x");
        assert_string_equal(
                        sentence,
                        "the container may leave its confinement: it may change its profile to "
                        "unconfined (by the include at lxc-x:3, which has 'change_profile -> "
                        "unconfined' at /deployed/abstractions/leave:2) [PHX101 may-leave]");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(changing_the_profile_leaves_it_unless_it_stays_in_the_family),
                cmocka_unit_test(executing_leaves_it_unless_it_stays_in_the_family),
                cmocka_unit_test(modes_that_confine_nobody_are_told),
                cmocka_unit_test(tasks_outside_are_traced_and_signalled_by_rules),
                cmocka_unit_test(mounts_of_disks_and_of_the_kernel_are_told),
                cmocka_unit_test(files_of_disks_and_of_the_kernel_are_told),
                cmocka_unit_test(capabilities_of_the_kernel_are_told),
                cmocka_unit_test(rules_that_depend_on_an_abi_are_told_without_one),
                cmocka_unit_test(a_sentence_names_the_include_and_the_rule),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
