/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "lxc/child.h"
#include "pve/keys.h"

static enum phx_pve_lxc_key key_of(const char *key) {
        return phx_pve_lxc_key(key, strlen(key));
}

/* liblxc is the judge of what is gone. Those that it looks up with a number or a name behind are
 * asked for with one. */
static void what_is_taken_liblxc_knows(void **state) {
        static const char *const keys[] = {
                "lxc.apparmor.allow_incomplete",
                "lxc.apparmor.allow_nesting",
                "lxc.apparmor.profile",
                "lxc.apparmor.raw",
                "lxc.arch",
                "lxc.autodev",
                "lxc.cap.drop",
                "lxc.cap.keep",
                "lxc.cgroup2.pids.max",
                "lxc.console.logfile",
                "lxc.console.path",
                "lxc.environment",
                "lxc.group",
                "lxc.hook.autodev",
                "lxc.hook.clone",
                "lxc.hook.destroy",
                "lxc.hook.mount",
                "lxc.hook.post-stop",
                "lxc.hook.pre-mount",
                "lxc.hook.pre-start",
                "lxc.hook.start",
                "lxc.hook.stop",
                "lxc.hook.version",
                "lxc.idmap",
                "lxc.include",
                "lxc.init.cmd",
                "lxc.init.cwd",
                "lxc.log.file",
                "lxc.log.level",
                "lxc.mount.auto",
                "lxc.mount.entry",
                "lxc.mount.fstab",
                "lxc.net.0.type",
                "lxc.prlimit.nofile",
                "lxc.pty.max",
                "lxc.rootfs.mount",
                "lxc.seccomp.notify.cookie",
                "lxc.seccomp.notify.proxy",
                "lxc.seccomp.profile",
                "lxc.selinux.context",
                "lxc.signal.halt",
                "lxc.signal.reboot",
                "lxc.signal.stop",
                "lxc.start.auto",
                "lxc.start.delay",
                "lxc.start.order",
                "lxc.sysctl.fs.mqueue",
                "lxc.sysctl.kernel.shmall",
                "lxc.tty.max",
                "lxc.uts.name",
        };

        for (size_t i = 0; i < PHX_ELEMENTS(keys); i++) {
                assert_int_equal(key_of(keys[i]), PHX_PVE_LXC_TAKEN);
                if (!phx_lxc_child_knows(keys[i]))
                        fail_msg("liblxc does not know %s", keys[i]);
        }
}

static void what_is_gone_liblxc_does_not_know(void **state) {
        static const char *const keys[] = {
                "lxc.aa_allow_incomplete",
                "lxc.aa_profile",
                "lxc.devtty.dir",
                "lxc.devttydir",
                "lxc.haltsignal",
                "lxc.id_map",
                "lxc.init_cmd",
                "lxc.kmsg",
                "lxc.limit.nofile",
                "lxc.logfile",
                "lxc.loglevel",
                "lxc.network.ipv4.gateway",
                "lxc.network.type",
                "lxc.pts",
                "lxc.rebootsignal",
                "lxc.se_context",
                "lxc.stopsignal",
                "lxc.utsname",
        };

        for (size_t i = 0; i < PHX_ELEMENTS(keys); i++) {
                assert_int_equal(key_of(keys[i]), PHX_PVE_LXC_GONE);
                if (phx_lxc_child_knows(keys[i]))
                        fail_msg("liblxc knows %s", keys[i]);
        }
}

static void other_keys_are_dropped(void **state) {
        static const char *const unknown[] = { "lxc.",          "lxc.colour",
                                               "lxc.net",       "lxc.cgroup",
                                               "lxc.apparmor",  "lxc.ephemeral",
                                               "lxc.limit",     "lxc.sysctl.kernel",
                                               "lxc.uts.name.", "lxc.prlimitx.a" };

        for (size_t i = 0; i < PHX_ELEMENTS(unknown); i++)
                assert_int_equal(key_of(unknown[i]), PHX_PVE_LXC_UNKNOWN);
        assert_int_equal(key_of("lxc.rootfs.path"), PHX_PVE_LXC_GENERATED);
        assert_int_equal(key_of("lxc.rootfs.options"), PHX_PVE_LXC_GENERATED);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_taken_liblxc_knows),
                cmocka_unit_test(what_is_gone_liblxc_does_not_know),
                cmocka_unit_test(other_keys_are_dropped),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
