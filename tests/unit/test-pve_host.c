/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The stand-in of Proxmox's cluster file system as tests in C use it. What it does at each call is
 * tested by tests/vm/pve/battery.py. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "pve_host.h"
#include "tree.h"

#define CANNOT_START 255

static int set_up(void **state) {
        (void) tree_new();
        if (!pve_host_missing())
                pve_host_start();
        return 0;
}

static int tear_down(void **state) {
        pve_host_done();
        tree_done();
        return 0;
}

static void skip_without_host(void) {
        const char *why = pve_host_missing();

        if (!why)
                return;
        print_message("skipped: %s\n", why);
        skip();
}

static void another_nodes_file_is_read_through_the_mount(void **state) {
        phx_autofree char *text = NULL;

        skip_without_host();
        pve_host_write("nodes/pve1/lxc/101.conf", "arch: amd64\n");
        text = tree_read("etc-pve/lxc/101.conf");
        assert_string_equal(text, "arch: amd64\n");
}

static void a_file_written_through_the_mount_is_known_to_the_server(void **state) {
        phx_autofree char *text = NULL, *list = NULL;

        skip_without_host();
        pve_host_save("lxc/102.conf", "arch: arm64\n");
        text = pve_host_ask("read nodes/pve1/lxc/102.conf");
        assert_string_equal(text, "arch: arm64\n");
        list = pve_host_ask("read .vmlist");
        assert_non_null(strstr(list, "\"102\": { \"node\": \"pve1\", \"type\": \"lxc\""));
}

static void a_killed_one_comes_back_with_its_files(void **state) {
        phx_autofree char *text = NULL;
        struct stat st;

        skip_without_host();
        pve_host_write("nodes/pve1/lxc/101.conf", "arch: amd64\n");
        pve_host_kill();
        assert_int_equal(stat(pve_host_path("lxc/no-such-file"), &st), -1);
        assert_int_equal(errno, ENOTCONN);
        pve_host_start();
        text = tree_read("etc-pve/lxc/101.conf");
        assert_string_equal(text, "arch: amd64\n");
}

static void a_descriptor_that_is_kept_prevents_a_restart(void **state) {
        int fd;

        skip_without_host();
        fd = open(pve_host_path("nodes"), O_PATH | O_CLOEXEC);
        assert_true(fd >= 0);
        pve_host_kill();
        assert_int_equal(pve_host_try_start(), CANNOT_START);
        assert_int_equal(close(fd), 0);
        pve_host_start();
}

static void a_clean_end_unmounts(void **state) {
        struct stat st;

        skip_without_host();
        pve_host_stop();
        assert_int_equal(lstat(pve_host_path("local"), &st), -1);
        assert_int_equal(errno, ENOENT);
        pve_host_start();
        assert_int_equal(lstat(pve_host_path("local"), &st), 0);
}

static void run(const char *command, const char *verb) {
        pid_t pid = fork();
        int status;

        assert_true(pid >= 0);
        if (pid == 0) {
                (void) execl(command, "pct", verb, "101", NULL);
                _exit(1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
}

static void the_guest_command_rewrites_a_config_when_it_stops_a_guest(void **state) {
        phx_autofree char *started = NULL, *stopped = NULL, *generated = NULL;
        const char *command;

        skip_without_host();
        command = pve_host_command(", \"hook_wait\": 0.1");
        pve_host_save("lxc/101.conf", "lxc.apparmor.profile = ct-web\nhostname: web\n");
        run(command, "start");
        started = pve_host_ask("read nodes/pve1/lxc/101.conf");
        assert_string_equal(started, "lxc.apparmor.profile = ct-web\nhostname: web\n");
        run(command, "stop");
        stopped = pve_host_ask("read nodes/pve1/lxc/101.conf");
        assert_string_equal(stopped, "hostname: web\nlxc.apparmor.profile: ct-web\n");
        generated = tree_read("lxc/101/config");
        assert_non_null(strstr(generated, "lxc.apparmor.profile = ct-web\n"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                                another_nodes_file_is_read_through_the_mount,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                a_file_written_through_the_mount_is_known_to_the_server,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                a_killed_one_comes_back_with_its_files,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                a_descriptor_that_is_kept_prevents_a_restart,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                the_guest_command_rewrites_a_config_when_it_stops_a_guest,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(a_clean_end_unmounts, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
