/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "state/creation.h"

static void assert_lines(const struct phx_creation *creation, const char *const *expected) {
        phx_cleanup(phx_strings_done) struct phx_strings lines = { 0 };

        assert_int_equal(phx_creation_lines(creation, &lines), 0);
        for (size_t i = 0; i < lines.count; i++) {
                assert_non_null(expected[i]);
                assert_string_equal(lines.items[i], expected[i]);
        }
        assert_null(expected[lines.count]);
}

static void without_a_network_it_does_not_share_the_hosts(void **state) {
        static const char *const expected[] = { "lxc.net.0.type = empty", NULL };

        assert_lines(&(struct phx_creation){ 0 }, expected);
}

static void limits_and_network_become_lines(void **state) {
        static const char *const expected[] = {
                "lxc.net.0.type = veth",
                "lxc.net.0.link = br0",
                "lxc.net.0.name = eth0",
                "lxc.net.0.flags = up",
                "lxc.net.0.hwaddr = 52:54:00:aa:bb:cc",
                "lxc.net.0.ipv4.address = 192.0.2.10/24",
                "lxc.net.0.ipv4.gateway = 192.0.2.1",
                "lxc.cgroup2.memory.max = 2048M",
                "lxc.cgroup2.memory.swap.max = 0M",
                "lxc.cgroup2.cpu.max = 200000 100000",
                NULL,
        };
        const struct phx_creation creation = {
                .memory_mb = 2048,
                .cores = 2,
                .has_swap = true,
                .interface = (char[]){ "eth0" },
                .bridge = (char[]){ "br0" },
                .address = (char[]){ "192.0.2.10/24" },
                .gateway = (char[]){ "192.0.2.1" },
                .mac = (char[]){ "52:54:00:aa:bb:cc" },
        };
        phx_cleanup(phx_creation_freep) struct phx_creation *copy = NULL;

        assert_lines(&creation, expected);
        assert_int_equal(phx_creation_copy(&copy, &creation), 0);
        assert_lines(copy, expected);
        assert_int_equal(phx_creation_copy(&copy, NULL), 0);
        assert_null(copy);
}

static void an_address_may_be_of_version_6_or_asked_for(void **state) {
        static const char *const six[] = { "lxc.net.0.type = veth",
                                           "lxc.net.0.link = br0",
                                           "lxc.net.0.name = eth0",
                                           "lxc.net.0.flags = up",
                                           "lxc.net.0.ipv6.address = 2001:db8::2/64",
                                           "lxc.net.0.ipv6.gateway = 2001:db8::1",
                                           NULL };
        static const char *const dhcp[] = { "lxc.net.0.type = veth",
                                            "lxc.net.0.link = br0",
                                            "lxc.net.0.name = eth0",
                                            "lxc.net.0.flags = up",
                                            NULL };
        struct phx_creation creation = {
                .interface = (char[]){ "eth0" },
                .bridge = (char[]){ "br0" },
                .address = (char[]){ "2001:db8::2/64" },
                .gateway = (char[]){ "2001:db8::1" },
        };

        assert_lines(&creation, six);
        creation.address = (char[]){ "dhcp" };
        creation.gateway = NULL;
        assert_lines(&creation, dhcp);
}

static void assert_keys(const struct phx_creation *creation, const char *const *expected) {
        phx_cleanup(phx_strings_done) struct phx_strings keys = { 0 };
        size_t i;

        assert_int_equal(phx_creation_keys(creation, &keys), 0);
        for (i = 0; expected[i]; i++) {
                assert_true(i < keys.count);
                assert_string_equal(keys.items[i], expected[i]);
        }
        assert_int_equal(keys.count, i);
}

static void proxmox_has_keys_for_it(void **state) {
        static const char *const all[] = {
                "cores=2",
                "memory=512",
                "swap=0",
                "net0=name=eth0,bridge=br0,gw6=2001:db8::1,hwaddr=52:54:00:00:00:01,ip6=2001:db8::"
                "2/64,type=veth",
                "storage=quick",
                "rootfs=4",
                "mp0=slow:3,mp=/data",
                NULL,
        };
        static const char *const disk[] = { "rootfs=32", NULL };
        static const char *const none[] = { NULL };
        char *volume = (char[]){ "slow:3,mp=/data" };
        struct phx_creation creation = {
                .cores = 2,
                .memory_mb = 512,
                .has_swap = true,
                .interface = (char[]){ "eth0" },
                .bridge = (char[]){ "br0" },
                .address = (char[]){ "2001:db8::2/64" },
                .gateway = (char[]){ "2001:db8::1" },
                .mac = (char[]){ "52:54:00:00:00:01" },
                .storage = (char[]){ "quick" },
                .volumes = { &volume, 1 },
        };

        assert_keys(&creation, all);
        creation = (struct phx_creation){ .size_gb = 32 };
        assert_keys(&creation, disk);
        creation = (struct phx_creation){ 0 };
        assert_keys(&creation, none);
}

static void proxmox_has_names_for_archives(void **state) {
        assert_true(phx_creation_is_volume("local:vztmpl/debian-12.tar.zst"));
        assert_false(phx_creation_is_volume("/var/lib/debian-12.tar.zst"));
        assert_false(phx_creation_is_volume("local:vztmpl/"));
        assert_false(phx_creation_is_volume(":vztmpl/debian-12.tar.zst"));
        assert_false(phx_creation_is_volume("local:backup/debian-12.tar.zst"));
        assert_false(phx_creation_is_volume("local:vztmpl/../debian-12.tar.zst"));
        assert_false(phx_creation_is_volume("a/b:vztmpl/debian-12.tar.zst"));
        assert_false(phx_creation_is_volume("--force:vztmpl/debian-12.tar.zst"));
}

static void a_name_for_people_is_not_always_one_for_a_host(void **state) {
        assert_string_equal(phx_creation_hostname("910", "web-1"), "web-1");
        assert_string_equal(phx_creation_hostname("910", "Legacy mail (old)"), "910");
        assert_string_equal(phx_creation_hostname("910", "-web"), "910");
        assert_string_equal(phx_creation_hostname("910", "web-"), "910");
        assert_string_equal(phx_creation_hostname("910", NULL), "910");
        assert_string_equal(phx_creation_hostname("910", ""), "910");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(without_a_network_it_does_not_share_the_hosts),
                cmocka_unit_test(limits_and_network_become_lines),
                cmocka_unit_test(an_address_may_be_of_version_6_or_asked_for),
                cmocka_unit_test(proxmox_has_keys_for_it),
                cmocka_unit_test(proxmox_has_names_for_archives),
                cmocka_unit_test(a_name_for_people_is_not_always_one_for_a_host),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
