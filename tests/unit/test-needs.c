/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "state/needs.h"

static void assert_fits(
                const struct phx_container_config *container,
                const char *profile,
                const char *why) {
        phx_cleanup(phx_fit_done) struct phx_fit fit = { 0 };

        assert_int_equal(phx_fit_of(container, PHX_NAMESPACE_AUTO, &fit), 0);
        assert_string_equal(fit.why, why);
        if (!profile) {
                assert_null(fit.profile);
                return;
        }
        assert_string_equal(fit.profile, profile);
}

static void a_profile_fits_what_the_container_needs(void **state) {
        char none[] = "none", both[] = "0,1";
        phx_cleanup(phx_container_config_done) struct phx_container_config container = {
                .gpu_assignment = none
        };

        assert_fits(&container, "lxc-baseline", "no special features configured");
        assert_int_equal(phx_strings_add(&container.features, "base_setup"), 0);
        assert_fits(&container, "lxc-baseline", "no special features configured");
        assert_int_equal(phx_strings_add(&container.pct_options, "nesting=1"), 0);
        assert_fits(&container, "lxc-nesting-v1", "pct_options nesting=1");
        assert_int_equal(phx_strings_add(&container.features, "docker"), 0);
        assert_fits(&container, "lxc-phoenix-v2", "features docker; pct_options nesting=1");
        container.gpu_assignment = both;
        assert_fits(&container,
                    "lxc-gpu-docker-storage",
                    "gpu_assignment 0,1; features docker; pct_options nesting=1");
        container.gpu_assignment = NULL;
}

static void a_gpu_is_known_by_what_uses_one(void **state) {
        static const char *const features[] = { "nvidia", "vllm", "ollama" };

        for (size_t i = 0; i < PHX_ELEMENTS(features); i++) {
                phx_cleanup(phx_container_config_done) struct phx_container_config container = {
                        0
                };
                phx_cleanup(phx_fit_done) struct phx_fit fit = { 0 };

                assert_int_equal(phx_strings_add(&container.features, features[i]), 0);
                assert_int_equal(phx_fit_of(&container, PHX_NAMESPACE_AUTO, &fit), 0);
                assert_string_equal(fit.profile, "lxc-gpu-docker-storage");
        }
}

static void graphics_cards_come_first(void **state) {
        char zero[] = "0";
        phx_cleanup(phx_container_config_done) struct phx_container_config container = {
                .gpu_assignment = zero
        };

        assert_non_null(phx_lxc_options_add(&container.options, "lxc.apparmor.allow_nesting", "1"));
        assert_fits(&container,
                    "lxc-gpu-docker-storage",
                    "gpu_assignment 0; lxc_options lxc.apparmor.allow_nesting=1");
        container.gpu_assignment = NULL;
}

/* One word of a list, and the profile for it. */
struct word {
        const char *text, *profile, *why;
};

static void words_are_read_as_people_write_them(void **state) {
        static const struct word words[] = {
                { "nesting=1", "lxc-nesting-v1", "pct_options nesting=1" },
                { "features: nesting=1,keyctl=1", "lxc-nesting-v1", "pct_options nesting=1" },
                { "--features keyctl=1,Nesting = 1", "lxc-nesting-v1", "pct_options Nesting=1" },
                { "features=keyctl=1,nesting=1", "lxc-nesting-v1", "pct_options nesting=1" },
                { " \"nesting=1\" ", "lxc-nesting-v1", "pct_options nesting=1" },
                { "nesting=yes", "lxc-nesting-v1", "pct_options nesting=yes" },
                { "nesting=0", "lxc-baseline", "no special features configured" },
                { "nesting=10", "lxc-baseline", "no special features configured" },
                { "no-nesting=1", "lxc-baseline", "no special features configured" },
                { "keyctl=1, fuse=1", "lxc-phoenix-v2", "pct_options fuse=1" },
                { "mount=nfs", "lxc-gpu-docker-storage", "pct_options mount=nfs" },
                { "features: mount=nfs;cifs",
                  "lxc-gpu-docker-storage",
                  "pct_options mount=nfs; pct_options mount=cifs" },
                { "mount=nfs;ext4",
                  NULL,
                  "no shipped profile allows mounts of ext4 (pct_options)" },
                { "dev0: /dev/dri/renderD128,gid=104",
                  "lxc-gpu-docker-storage",
                  "pct_options /dev/dri/renderD128" },
                { "--dev0 /dev/ttyUSB0",
                  NULL,
                  "no shipped profile allows /dev/ttyUSB0 (pct_options)" },
                { "Docker", "lxc-phoenix-v2", "pct_options docker" },
                { "docker-ce, NVIDIA",
                  "lxc-gpu-docker-storage",
                  "pct_options docker; pct_options nvidia" },
                { "dockerless", "lxc-baseline", "no special features configured" },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(words); i++) {
                phx_cleanup(phx_container_config_done) struct phx_container_config container = {
                        0
                };

                assert_int_equal(phx_strings_add(&container.pct_options, words[i].text), 0);
                assert_fits(&container, words[i].profile, words[i].why);
        }
}

static void nesting_is_known_in_any_line(void **state) {
        assert_true(phx_needs_has_nesting("features: keyctl=1, nesting = 1"));
        assert_false(phx_needs_has_nesting("nesting=0"));
        assert_false(phx_needs_has_nesting("nesting=10,keyctl=1"));
}

/* One option, of a privileged container or not, and the profile for it. */
struct option {
        const char *text, *profile, *why;
        bool unprivileged;
};

static void assert_options(const struct option *options, size_t count) {
        for (size_t i = 0; i < count; i++) {
                phx_cleanup(phx_container_config_done) struct phx_container_config container = {
                        .unprivileged = options[i].unprivileged
                };
                phx_autofree char *text = strdup(options[i].text);
                char *rest = text;

                for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
                        char *value = strchr(line, '=');

                        assert_non_null(value);
                        *value++ = '\0';
                        assert_non_null(phx_lxc_options_add(&container.options, line, value));
                }
                assert_fits(&container, options[i].profile, options[i].why);
        }
}

#define BIND "lxc.mount.entry="
#define ALLOW "lxc.cgroup2.devices.allow="

static void device_nodes_that_are_mounted_are_needs(void **state) {
        static const struct option options[] = {
                { BIND "/dev/dri dev/dri none bind,optional,create=dir",
                  "lxc-gpu-docker-storage",
                  "lxc_options /dev/dri" },
                { BIND "\"/dev/nvidia0   dev/nvidia0\tnone  optional,rbind,create=file 0 0\"",
                  "lxc-gpu-docker-storage",
                  "lxc_options /dev/nvidia0" },
                { BIND "/dev/fuse /var/lib/lxc/a/rootfs/dev/fuse none bind",
                  "lxc-phoenix-v2",
                  "lxc_options /dev/fuse" },
                { BIND "/dev/net/tun dev/net/tun none bind",
                  "lxc-phoenix-v2",
                  "lxc_options /dev/net/tun" },
                { BIND "/dev/kvm dev/kvm none bind",
                  NULL,
                  "no shipped profile allows /dev/kvm (lxc_options)" },
                { BIND "/dev/dri/card0 dev/video0 none bind",
                  NULL,
                  "no shipped profile allows /dev/video0 (lxc_options)" },
                { BIND "/dev dev none rbind",
                  NULL,
                  "no shipped profile allows /dev (lxc_options)" },
                { BIND "/dev/ttyS0 dev/ttyS0 none bind\n" BIND "/dev/snd dev/snd none bind",
                  NULL,
                  "no shipped profile allows /dev/ttyS0 (lxc_options), /dev/snd (lxc_options)" },
                { BIND "/dev/null dev/null none bind",
                  "lxc-baseline",
                  "no special features configured" },
                { BIND "/dev/tty7 dev/tty7 none bind",
                  "lxc-baseline",
                  "no special features configured" },
                { BIND "/dev/sdb1 mnt/data ext4 defaults",
                  "lxc-baseline",
                  "no special features configured" },
                { BIND "/dev/kvm dev/kvm none bind\n" BIND,
                  "lxc-baseline",
                  "no special features configured" },
        };

        assert_options(options, PHX_ELEMENTS(options));
}

static void devices_that_are_allowed_are_needs(void **state) {
        static const struct option options[] = {
                { ALLOW "c 195:* rwm",
                  "lxc-gpu-docker-storage",
                  "lxc_options character device 195:*" },
                { "lxc.cgroup.devices.allow=c 226:128 rwm",
                  "lxc-gpu-docker-storage",
                  "lxc_options character device 226:128" },
                { ALLOW "c 195:* rwm\n" ALLOW "c 511:* rwm",
                  "lxc-gpu-docker-storage",
                  "lxc_options character device 195:*" },
                { ALLOW "c 511:* rwm",
                  NULL,
                  "no shipped profile allows a character device whose number is assigned at boot "
                  "(lxc_options)" },
                { ALLOW "c 10:200 rwm", "lxc-phoenix-v2", "lxc_options character device 10:200" },
                { ALLOW "c 188:* rwm",
                  NULL,
                  "no shipped profile allows character device 188:* (lxc_options)" },
                { ALLOW "b 8:0 r",
                  NULL,
                  "no shipped profile allows block device 8:0 (lxc_options)" },
                { ALLOW "b 8:0 m", "lxc-baseline", "no special features configured" },
                { ALLOW "c 1:3 rwm", "lxc-baseline", "no special features configured" },
                { ALLOW "c 188:* rwm\n" ALLOW, "lxc-baseline", "no special features configured" },
                { "lxc.hook.mount=/usr/share/lxc/hooks/nvidia",
                  "lxc-gpu-docker-storage",
                  "lxc_options hook nvidia" },
                { "lxc.environment=NVIDIA_VISIBLE_DEVICES=all",
                  "lxc-gpu-docker-storage",
                  "lxc_options NVIDIA_VISIBLE_DEVICES" },
        };

        assert_options(options, PHX_ELEMENTS(options));
}

static void mounts_and_capabilities_are_needs(void **state) {
        static const struct option options[] = {
                { BIND "/sys/kernel/security sys/kernel/security none bind,optional",
                  "lxc-phoenix-v2",
                  "lxc_options /sys/kernel/security" },
                { BIND "/sys/kernel/debug sys/kernel/debug none bind",
                  NULL,
                  "no shipped profile allows /sys/kernel/debug (lxc_options)" },
                { BIND "debugfs sys/kernel/debug debugfs rw",
                  NULL,
                  "no shipped profile allows debugfs (lxc_options)" },
                { BIND "/sys/class/gpio sys/class/gpio none bind",
                  NULL,
                  "no shipped profile allows /sys/class/gpio (lxc_options)" },
                { BIND "/sys/class/gpio sys/class/gpio none bind,ro",
                  "lxc-baseline",
                  "no special features configured" },
                { BIND "/mnt/pve/nas mnt/pve/nas none bind",
                  "lxc-baseline",
                  "no special features configured" },
                { BIND "server:/x mnt/x nfs defaults",
                  "lxc-baseline",
                  "no special features configured" },
                { BIND "proc dev/.lxc/proc proc create=dir,optional 0 0",
                  "lxc-nesting-v1",
                  "lxc_options /dev/.lxc/proc" },
                { "lxc.mount.auto=sys:rw", "lxc-baseline", "no special features configured" },
                { "lxc.mount.auto=cgroup:rw", "lxc-baseline", "no special features configured" },
                { "lxc.mount.auto=proc:rw\nlxc.mount.auto=\"sys:rw\"",
                  "lxc-nesting-v1",
                  "lxc_options lxc.mount.auto=proc:rw sys:rw" },
                { "lxc.include='/usr/share/lxc/config/nesting.conf'",
                  "lxc-nesting-v1",
                  "lxc_options nesting.conf" },
                { "lxc.apparmor.allow_nesting=1\nlxc.apparmor.allow_nesting=0",
                  "lxc-baseline",
                  "no special features configured" },
                { "lxc.cap.keep=sys_admin CAP_SYS_TIME",
                  NULL,
                  "no shipped profile allows capability SYS_TIME (lxc_options)" },
                { "lxc.cap.keep=mac_admin", "lxc-phoenix-v2", "lxc_options capability mac_admin" },
                { "lxc.cap.keep=sys_time", "lxc-baseline", "no special features configured", true },
        };

        assert_options(options, PHX_ELEMENTS(options));
}

/* phoenixd-profiles(7): its device cgroup alone holds it back from disks. */
static void who_may_open_any_device_gets_no_profile_that_makes_nodes(void **state) {
        static const char why[] =
                        "lxc-phoenix-v2 allows device nodes, lxc_options allow all devices of the "
                        "host, and the container has no user namespace";
        static const struct option options[] = {
                { ALLOW "a", "lxc-baseline", "no special features configured" },
                { ALLOW "a\n" BIND "/dev/fuse dev/fuse none bind", NULL, why },
                { ALLOW "b *:* rwm\n" BIND "/dev/fuse dev/fuse none bind", NULL, why },
                { ALLOW "b *:* m\n" BIND "/dev/fuse dev/fuse none bind",
                  "lxc-phoenix-v2",
                  "lxc_options /dev/fuse" },
                { ALLOW "a\n" ALLOW "\n" BIND "/dev/fuse dev/fuse none bind",
                  "lxc-phoenix-v2",
                  "lxc_options /dev/fuse" },
                { ALLOW "a\n" BIND "/dev/fuse dev/fuse none bind",
                  "lxc-phoenix-v2",
                  "lxc_options /dev/fuse",
                  true },
                { ALLOW "a\nlxc.idmap=u 0 100000 65536\n" BIND "/dev/fuse dev/fuse none bind",
                  "lxc-phoenix-v2",
                  "lxc_options /dev/fuse" },
        };

        assert_options(options, PHX_ELEMENTS(options));
}

/* All but the baseline let the container load AppArmor's policy. */
static void what_loads_policy_is_only_for_a_namespace(void **state) {
        phx_cleanup(phx_container_config_done) struct phx_container_config container = { 0 };
        phx_cleanup(phx_fit_done) struct phx_fit fit = { 0 };

        assert_int_equal(phx_fit_of(&container, PHX_NAMESPACE_NEVER, &fit), 0);
        assert_string_equal(fit.profile, "lxc-baseline");
        assert_false(fit.wants_key);
        phx_fit_done(&fit);

        assert_int_equal(phx_strings_add(&container.features, "docker"), 0);
        assert_int_equal(phx_fit_of(&container, PHX_NAMESPACE_AUTO, &fit), 0);
        assert_true(fit.wants_key);
        phx_fit_done(&fit);
        assert_int_equal(phx_fit_of(&container, PHX_NAMESPACE_ALWAYS, &fit), 0);
        assert_false(fit.wants_key);
        phx_fit_done(&fit);
        assert_int_equal(phx_fit_of(&container, PHX_NAMESPACE_NEVER, &fit), 0);
        assert_null(fit.profile);
        assert_string_equal(
                        fit.why,
                        "lxc-phoenix-v2 requires a policy namespace, but policy_namespace is "
                        "never");
        phx_fit_done(&fit);
        container.manages_nesting = true;
        assert_int_equal(phx_fit_of(&container, PHX_NAMESPACE_AUTO, &fit), 0);
        assert_false(fit.wants_key);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_profile_fits_what_the_container_needs),
                cmocka_unit_test(a_gpu_is_known_by_what_uses_one),
                cmocka_unit_test(graphics_cards_come_first),
                cmocka_unit_test(words_are_read_as_people_write_them),
                cmocka_unit_test(nesting_is_known_in_any_line),
                cmocka_unit_test(device_nodes_that_are_mounted_are_needs),
                cmocka_unit_test(devices_that_are_allowed_are_needs),
                cmocka_unit_test(mounts_and_capabilities_are_needs),
                cmocka_unit_test(who_may_open_any_device_gets_no_profile_that_makes_nodes),
                cmocka_unit_test(what_loads_policy_is_only_for_a_namespace),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
