/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include <cmocka.h>

#include "base/process.h"
#include "pve-tree.h"
#include "pve/guests.h"
#include "pve/lock.h"
#include "pve/replace.h"

#define CONFIG "pve/nodes/pve1/lxc/101.conf"
#define OLD "arch: amd64\nhostname: a\n"
#define NEW OLD "lxc.apparmor.profile: lxc-web\n"

/* Pauses pass at once, and are counted. */
static struct {
        unsigned count;
        uint64_t shortest_usec;
        unsigned at; /* at which one the tree is changed */
        void (*change)(void);
} pauses;

/* The linker's names. NOLINTBEGIN(*-identifier,*-identifier-naming,cert-dcl*) */
int __wrap_nanosleep(const struct timespec *duration, struct timespec *left);
int __wrap_nanosleep(const struct timespec *duration, struct timespec *left) {
        uint64_t usec = (uint64_t) duration->tv_sec * 1000000 + (uint64_t) duration->tv_nsec / 1000;

        if (pauses.count == 0 || usec < pauses.shortest_usec)
                pauses.shortest_usec = usec;
        if (++pauses.count == pauses.at)
                pauses.change();
        return 0;
}
/* NOLINTEND(*-identifier,*-identifier-naming,cert-dcl*) */

static void change_at_pause(unsigned at, void (*change)(void)) {
        pauses.count = 0;
        pauses.at = at;
        pauses.change = change;
}

static int setup(void **state) {
        change_at_pause(0, NULL);
        pve_tree_new();
        return 0;
}

static int teardown(void **state) {
        tree_done();
        return 0;
}

static enum phx_pve_outcome edit_as(
                const char *old,
                const char *new,
                uint64_t patience_usec,
                struct phx_error *error) {
        const struct phx_pve_place place = pve_tree_place();
        char digest[PHX_SHA256_HEX];
        const struct phx_pve_replacement edit = {
                .id = 101,
                .digest = digest,
                .data = new,
                .size = strlen(new),
                .patience_usec = patience_usec,
        };

        phx_sha256(old, strlen(old), digest);
        return phx_pve_replace(&place, &edit, error);
}

static void assert_config_is(const char *expected) {
        phx_autofree char *text = tree_read(CONFIG);

        assert_string_equal(text, expected);
}

static void a_plain_directory_is_not_the_cluster_file_system(void **state) {
        struct phx_pve_place place = pve_tree_place();
        struct phx_pve_state found;
        struct phx_error error = { 0 };

        place.any_file_system = false;
        assert_int_equal(phx_pve_get_state(&place, &found, &error), PHX_PVE_OUTCOME_NOT_NOW);
        assert_false(found.is_mounted);
        assert_non_null(strstr(error.text, ": Proxmox's cluster file system is not mounted"));

        place.any_file_system = true;
        tree_remove("pve/local");
        assert_int_equal(phx_pve_get_state(&place, &found, &error), PHX_PVE_OUTCOME_NOT_NOW);
        tree_mkdir("pve/local");
        assert_int_equal(phx_pve_get_state(&place, &found, &error), PHX_PVE_OUTCOME_NOT_NOW);
        assert_false(found.is_mounted);
        tree_remove("pve/local");
        tree_link("pve/local", "/etc");
        assert_int_equal(phx_pve_get_state(&place, &found, &error), PHX_PVE_OUTCOME_NOT_NOW);
        place.root = tree_path("nothing");
        assert_int_equal(phx_pve_get_state(&place, &found, &error), PHX_PVE_OUTCOME_NOT_NOW);
}

static void the_state_is_what_the_files_say(void **state) {
        struct phx_pve_place place = pve_tree_place();
        struct phx_pve_state found;
        struct phx_error error = { 0 };

        assert_int_equal(phx_pve_get_state(&place, &found, &error), PHX_PVE_OUTCOME_DONE);
        assert_true(found.is_mounted);
        assert_true(found.is_quorate);
        assert_false(found.is_cluster);
        assert_int_equal(found.start_time, 1000);
        assert_string_equal(found.node, "pve1");

        pve_write_members(true);
        place.node = "pve1";
        assert_int_equal(phx_pve_get_state(&place, &found, &error), PHX_PVE_OUTCOME_DONE);
        assert_true(found.is_cluster);

        place.node = "pve2";
        assert_int_equal(phx_pve_get_state(&place, &found, &error), PHX_PVE_OUTCOME_NOT_NOW);
        assert_non_null(strstr(error.text, "found node 'pve1', expected 'pve2'"));
}

static void what_passes_is_no_failure(void **state) {
        static const int passing[] = { EACCES, EPERM, EBUSY, EIO, ENOTCONN, ECONNABORTED, ESTALE };
        static const int lasting[] = { EFBIG, ENOSPC, EROFS, ELOOP, ENOMEM, EINVAL };

        for (size_t i = 0; i < PHX_ELEMENTS(passing); i++)
                assert_int_equal(phx_pve_outcome_of(-passing[i]), PHX_PVE_OUTCOME_NOT_NOW);
        for (size_t i = 0; i < PHX_ELEMENTS(lasting); i++)
                assert_int_equal(phx_pve_outcome_of(-lasting[i]), PHX_PVE_OUTCOME_FAILED);
        for (int i = PHX_PVE_OUTCOME_DONE; i <= PHX_PVE_OUTCOME_FAILED; i++)
                assert_non_null(phx_pve_outcome_to_string((enum phx_pve_outcome) i));
}

static void the_list_unites_both_sources(void **state) {
        const struct phx_pve_place place = pve_tree_place();
        phx_cleanup(phx_pve_list_done) struct phx_pve_list list = { 0 };
        struct phx_error error = { 0 };
        const uint32_t here[] = { 101, 105 }, away[] = { 103 };
        const struct phx_pve_ids known = { here, 2, away, 1 };

        pve_write_vmlist(PVE_GUEST("101", "pve1", "lxc", "4") "," PVE_GUEST(
                        "102",
                        "pve1",
                        "qemu",
                        "5") "," PVE_GUEST("103", "pve2", "lxc", "6"));
        tree_write("pve/nodes/pve1/lxc/101.conf", OLD);
        tree_write("pve/nodes/pve1/lxc/105.conf", OLD);
        tree_write("pve/nodes/pve1/lxc/.fuse_hidden0000000100000001", OLD);
        tree_write("pve/nodes/pve1/lxc/101.conf.tmp.4711", OLD);
        tree_write("pve/nodes/pve1/lxc/.104.conf.phoenixd~", OLD);
        tree_write("pve/nodes/pve1/lxc/0106.conf", OLD);
        tree_write("pve/nodes/pve1/lxc/107.CONF", OLD);
        tree_write("pve/nodes/pve1/lxc/108.conf~", OLD);
        tree_write("pve/nodes/pve1/lxc/.conf", OLD);

        assert_int_equal(phx_pve_list_guests(&place, &known, &list, &error), PHX_PVE_OUTCOME_DONE);
        assert_int_equal(list.count, 2);
        assert_int_equal(list.items[0].id, 101);
        assert_int_equal(list.items[0].version, 4);
        assert_int_equal(list.items[1].id, 105);
        assert_int_equal(list.items[1].version, 0);
        assert_int_equal(list.start_time, 1000);
        assert_string_equal(list.node, "pve1");
        assert_non_null(phx_pve_list_find(&list, 105));
        assert_null(phx_pve_list_find(&list, 103));
        assert_int_equal(list.away_count, 1);
        assert_int_equal(list.away[0], 103);
}

static void guest_comes_back(void) {
        tree_write("pve/nodes/pve1/lxc/101.conf", OLD);
}

static void a_guest_is_gone_when_absent_four_times(void **state) {
        const struct phx_pve_place place = pve_tree_place();
        struct phx_pve_list list = { 0 };
        struct phx_error error = { 0 };
        const uint32_t here[] = { 101 };
        const struct phx_pve_ids known = { here, 1, NULL, 0 };

        assert_int_equal(phx_pve_list_guests(&place, &known, &list, &error), PHX_PVE_OUTCOME_DONE);
        assert_int_equal(list.count, 0);
        assert_int_equal(pauses.count, 3);
        assert_true(pauses.shortest_usec >= 100000);
        phx_pve_list_done(&list);

        /* Absent at the first three looks, it is back before the last one. */
        change_at_pause(3, guest_comes_back);
        assert_int_equal(phx_pve_list_guests(&place, &known, &list, &error), PHX_PVE_OUTCOME_DONE);
        assert_int_equal(list.count, 1);
        phx_pve_list_done(&list);

        /* There is nothing to wait for. */
        tree_remove("pve/nodes/pve1/lxc/101.conf");
        pve_write_vmlist(PVE_GUEST("101", "pve2", "lxc", "9"));
        change_at_pause(0, NULL);
        assert_int_equal(phx_pve_list_guests(&place, &known, &list, &error), PHX_PVE_OUTCOME_DONE);
        assert_int_equal(list.count, 0);
        assert_int_equal(pauses.count, 0);
        phx_pve_list_done(&list);
}

static void guest_of_other_node_comes_back(void) {
        pve_write_vmlist(PVE_GUEST("103", "pve2", "lxc", "9"));
}

/* What is true of a guest of this node is true of one that has left it. */
static void a_guest_that_is_away_is_gone_when_absent_four_times(void **state) {
        const struct phx_pve_place place = pve_tree_place();
        struct phx_pve_list list = { 0 };
        struct phx_error error = { 0 };
        const uint32_t away[] = { 103 };
        const struct phx_pve_ids known = { NULL, 0, away, 1 };

        change_at_pause(3, guest_of_other_node_comes_back);
        assert_int_equal(phx_pve_list_guests(&place, &known, &list, &error), PHX_PVE_OUTCOME_DONE);
        assert_int_equal(list.count, 0);
        assert_int_equal(list.away_count, 1);
        phx_pve_list_done(&list);

        pve_write_vmlist("");
        change_at_pause(0, NULL);
        assert_int_equal(phx_pve_list_guests(&place, &known, &list, &error), PHX_PVE_OUTCOME_DONE);
        assert_int_equal(list.away_count, 0);
        assert_int_equal(pauses.count, 3);
        phx_pve_list_done(&list);

        /* A virtual machine has taken its number, and then this node its container. */
        pve_write_vmlist(PVE_GUEST("103", "pve2", "qemu", "9"));
        change_at_pause(0, NULL);
        assert_int_equal(phx_pve_list_guests(&place, &known, &list, &error), PHX_PVE_OUTCOME_DONE);
        assert_int_equal(list.away_count, 0);
        phx_pve_list_done(&list);
        pve_write_vmlist(PVE_GUEST("103", "pve1", "lxc", "9"));
        assert_int_equal(phx_pve_list_guests(&place, &known, &list, &error), PHX_PVE_OUTCOME_DONE);
        assert_int_equal(list.away_count, 0);
        assert_int_equal(list.count, 1);
        assert_int_equal(list.items[0].version, 9);
        assert_int_equal(pauses.count, 0);
        phx_pve_list_done(&list);
}

static void the_first_list_does_not_believe_one_look(void **state) {
        const struct phx_pve_place place = pve_tree_place();
        phx_cleanup(phx_pve_list_done) struct phx_pve_list list = { 0 };
        struct phx_error error = { 0 };

        change_at_pause(1, guest_comes_back);
        assert_int_equal(phx_pve_list_guests(&place, NULL, &list, &error), PHX_PVE_OUTCOME_DONE);
        assert_int_equal(list.count, 1);
}

static void half_a_list_is_read_once_more(void **state) {
        const struct phx_pve_place place = pve_tree_place();
        struct phx_pve_list list = { 0 };
        struct phx_error error = { 0 };

        tree_write("pve/.vmlist", "{\"version\": 1, \"ids\": {\"101\"");
        assert_int_equal(phx_pve_list_guests(&place, NULL, &list, &error), PHX_PVE_OUTCOME_FAILED);
        assert_non_null(strstr(error.text, ".vmlist:1:"));
        tree_remove("pve/.vmlist");
        assert_int_equal(phx_pve_list_guests(&place, NULL, &list, &error), PHX_PVE_OUTCOME_NOT_NOW);
        tree_remove("pve/nodes/pve1/lxc");
        pve_write_vmlist("");
        assert_int_equal(phx_pve_list_guests(&place, NULL, &list, &error), PHX_PVE_OUTCOME_NOT_NOW);
        assert_int_equal(error.code, -ESTALE);
}

static void a_config_is_read_whole_with_both_digests(void **state) {
        const struct phx_pve_place place = pve_tree_place();
        phx_cleanup(phx_pve_config_done) struct phx_pve_config config = { 0 };
        struct phx_error error = { 0 };

        tree_write(CONFIG, "abc");
        assert_int_equal(phx_pve_read_config(&place, 101, &config, &error), PHX_PVE_OUTCOME_DONE);
        assert_string_equal(config.data, "abc");
        assert_int_equal(config.size, 3);
        assert_string_equal(config.sha1, "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_string_equal(
                        config.sha256,
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void large_and_odd_configs(void **state) {
        const struct phx_pve_place place = pve_tree_place();
        phx_autofree char *text = malloc(PHX_PVE_CONFIG_LIMIT + 2);
        struct phx_pve_config config = { 0 };
        struct phx_error error = { 0 };

        assert_non_null(text);
        memset(text, '#', PHX_PVE_CONFIG_LIMIT + 1);
        tree_write_bytes(CONFIG, text, PHX_PVE_CONFIG_LIMIT);
        assert_int_equal(phx_pve_read_config(&place, 101, &config, &error), PHX_PVE_OUTCOME_DONE);
        assert_int_equal(config.size, PHX_PVE_CONFIG_LIMIT);
        assert_memory_equal(config.data, text, config.size);
        phx_pve_config_done(&config);

        tree_write_bytes(CONFIG, text, PHX_PVE_PIECE);
        assert_int_equal(phx_pve_read_config(&place, 101, &config, &error), PHX_PVE_OUTCOME_DONE);
        assert_int_equal(config.size, PHX_PVE_PIECE);
        phx_pve_config_done(&config);

        tree_write_bytes(CONFIG, text, PHX_PVE_CONFIG_LIMIT + 1);
        assert_int_equal(phx_pve_read_config(&place, 101, &config, &error), PHX_PVE_OUTCOME_FAILED);
        assert_int_equal(error.code, -EFBIG);

        /* Neither is waited for, nor followed. */
        tree_remove(CONFIG);
        assert_int_equal(mkfifo(tree_path(CONFIG), 0600), 0);
        assert_int_equal(phx_pve_read_config(&place, 101, &config, &error), PHX_PVE_OUTCOME_FAILED);
        tree_remove(CONFIG);
        tree_link(CONFIG, "/etc/passwd");
        assert_int_equal(phx_pve_read_config(&place, 101, &config, &error), PHX_PVE_OUTCOME_FAILED);
        assert_int_equal(error.code, -ELOOP);
}

static void a_config_that_comes_back_is_read(void **state) {
        const struct phx_pve_place place = pve_tree_place();
        struct phx_pve_config config = { 0 };
        struct phx_error error = { 0 };

        assert_int_equal(phx_pve_read_config(&place, 101, &config, &error), PHX_PVE_OUTCOME_MOVED);
        assert_int_equal(pauses.count, 3);
        change_at_pause(3, guest_comes_back);
        assert_int_equal(phx_pve_read_config(&place, 101, &config, &error), PHX_PVE_OUTCOME_DONE);
        phx_pve_config_done(&config);
}

static void an_edit_is_there_afterwards(void **state) {
        struct phx_error error = { 0 };
        struct stat st;

        tree_write(CONFIG, OLD);
        assert_int_equal(edit_as(OLD, NEW, 0, &error), PHX_PVE_OUTCOME_DONE);
        assert_config_is(NEW);
        assert_int_equal(edit_as(OLD, NEW, 0, &error), PHX_PVE_OUTCOME_RIGHT);
        /* A shorter one leaves nothing of the longer one. */
        assert_int_equal(edit_as(NEW, OLD, 0, &error), PHX_PVE_OUTCOME_DONE);
        assert_config_is(OLD);

        assert_int_equal(stat(tree_path("lock"), &st), 0);
        assert_int_equal(st.st_mode & 07777, 0755);
        assert_int_equal(stat(tree_path("lock/pve-config-101.lock"), &st), 0);
        assert_int_equal(st.st_mode & 07777, 0644);
        assert_int_equal(st.st_size, 0);
}

static void an_edit_for_another_config_is_refused(void **state) {
        struct phx_error error = { 0 };

        tree_write(CONFIG, OLD "memory: 512\n");
        assert_int_equal(edit_as(OLD, NEW, 0, &error), PHX_PVE_OUTCOME_CHANGED);
        assert_non_null(strstr(error.text, "lxc/101.conf: changed since it was read"));
        assert_config_is(OLD "memory: 512\n");
}

static void locked_guests_and_templates_are_left_alone(void **state) {
        static const struct {
                const char *text;
                enum phx_pve_outcome outcome;
                const char *said;
        } cases[] = {
                { OLD "lock: backup\n",
                  PHX_PVE_OUTCOME_LOCKED,
                  ":3: the container is locked (backup)" },
                { OLD "template: 1\n", PHX_PVE_OUTCOME_TEMPLATE, "the container is a template" },
                { OLD "template: yes\n", PHX_PVE_OUTCOME_TEMPLATE, "the container is a template" },
                { OLD "template: 0\nlock: 0\n", PHX_PVE_OUTCOME_DONE, "" },
                { OLD "\n[vorher]\nlock: backup\ntemplate: 1\n", PHX_PVE_OUTCOME_DONE, "" },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                struct phx_error error = { 0 };

                tree_write(CONFIG, cases[i].text);
                assert_int_equal(edit_as(cases[i].text, NEW, 0, &error), cases[i].outcome);
                assert_non_null(strstr(error.text, cases[i].said));
                assert_config_is(cases[i].outcome == PHX_PVE_OUTCOME_DONE ? NEW : cases[i].text);
        }
}

static void a_guest_of_another_node_is_not_created_here(void **state) {
        struct phx_error error = { 0 };

        pve_write_vmlist(PVE_GUEST("101", "pve2", "lxc", "4"));
        tree_write("pve/nodes/pve2/lxc/101.conf", OLD);
        assert_int_equal(edit_as(OLD, NEW, 0, &error), PHX_PVE_OUTCOME_MOVED);
        assert_non_null(strstr(error.text, "the container is on node 'pve2' now"));
        pve_write_vmlist(PVE_GUEST("101", "pve1", "qemu", "4"));
        assert_int_equal(edit_as(OLD, NEW, 0, &error), PHX_PVE_OUTCOME_MOVED);
        pve_write_vmlist("");
        assert_int_equal(edit_as(OLD, NEW, 0, &error), PHX_PVE_OUTCOME_MOVED);
        assert_int_equal(access(tree_path(CONFIG), F_OK), -1);
}

static void larger_than_one_piece_is_refused(void **state) {
        const struct phx_pve_place place = pve_tree_place();
        phx_autofree char *text = malloc(PHX_PVE_PIECE + 1);
        char digest[PHX_SHA256_HEX];
        struct phx_pve_replacement edit = { .id = 101, .digest = digest, .data = text };
        struct phx_error error = { 0 };

        assert_non_null(text);
        memset(text, '#', PHX_PVE_PIECE + 1);
        tree_write(CONFIG, OLD);
        phx_sha256(OLD, strlen(OLD), digest);
        edit.size = PHX_PVE_PIECE + 1;
        assert_int_equal(phx_pve_replace(&place, &edit, &error), PHX_PVE_OUTCOME_FAILED);
        assert_int_equal(error.code, -EFBIG);
        assert_config_is(OLD);
        edit.size = PHX_PVE_PIECE;
        assert_int_equal(phx_pve_replace(&place, &edit, &error), PHX_PVE_OUTCOME_DONE);
}

static int the_lock_fd = -1;

static void give_lock_back(void) {
        assert_int_equal(flock(the_lock_fd, LOCK_UN), 0);
}

static void the_lock_is_not_waited_for_without_end(void **state) {
        phx_autoclose int fd = -1;
        struct phx_error error = { 0 };
        uint64_t begin;

        tree_write(CONFIG, OLD);
        tree_mkdir("lock");
        fd = open(tree_path("lock/pve-config-101.lock"), O_WRONLY | O_APPEND | O_CREAT, 0644);
        assert_true(fd >= 0);
        assert_int_equal(flock(fd, LOCK_EX), 0);
        begin = phx_now_usec();
        assert_int_equal(edit_as(OLD, NEW, 100000, &error), PHX_PVE_OUTCOME_NO_LOCK);
        assert_true(phx_now_usec() - begin >= 100000);
        /* One that is given back in time is had. */
        the_lock_fd = fd;
        change_at_pause(3, give_lock_back);
        assert_int_equal(edit_as(OLD, OLD, 10000000, &error), PHX_PVE_OUTCOME_RIGHT);
        assert_int_equal(flock(fd, LOCK_EX), 0);
        assert_int_equal(edit_as(OLD, NEW, 1000, &error), PHX_PVE_OUTCOME_NO_LOCK);
        assert_non_null(strstr(error.text, "another process holds Proxmox's lock"));
        assert_config_is(OLD);
        assert_int_equal(flock(fd, LOCK_UN), 0);
        assert_int_equal(edit_as(OLD, NEW, 100000, &error), PHX_PVE_OUTCOME_DONE);
}

static void a_lock_that_others_could_have_put_there_is_refused(void **state) {
        struct phx_error error = { 0 };

        tree_write(CONFIG, OLD);
        tree_mkdir("lock");
        assert_int_equal(chmod(tree_path("lock"), 01777), 0);
        assert_int_equal(edit_as(OLD, NEW, 0, &error), PHX_PVE_OUTCOME_FAILED);
        assert_non_null(strstr(error.text, "mode 1777"));

        assert_int_equal(chmod(tree_path("lock"), 0755), 0);
        tree_link("lock/pve-config-101.lock", "/tmp/elsewhere");
        assert_int_equal(edit_as(OLD, NEW, 0, &error), PHX_PVE_OUTCOME_FAILED);
        assert_int_equal(error.code, -ELOOP);
        tree_remove("lock/pve-config-101.lock");
        assert_int_equal(mkfifo(tree_path("lock/pve-config-101.lock"), 0644), 0);
        assert_int_equal(edit_as(OLD, NEW, 0, &error), PHX_PVE_OUTCOME_FAILED);

        tree_remove("lock");
        tree_mkdir("elsewhere");
        tree_link("lock", tree_path("elsewhere"));
        assert_int_equal(edit_as(OLD, NEW, 0, &error), PHX_PVE_OUTCOME_FAILED);
        assert_int_equal(error.code, -ENOTDIR);
        assert_config_is(OLD);

        if (geteuid() == 0) {
                tree_remove("lock");
                tree_mkdir("lock");
                assert_int_equal(chown(tree_path("lock"), 1000, (gid_t) -1), 0);
                assert_int_equal(edit_as(OLD, NEW, 0, &error), PHX_PVE_OUTCOME_FAILED);
                assert_non_null(strstr(error.text, "found owner 1000"));
        }
}

/* An editor that keeps the file open for writing would write over what is new. */
static void a_file_that_is_open_elsewhere_is_not_written(void **state) {
        phx_autoclose int fd = -1;
        struct phx_error error = { 0 };

        tree_write(CONFIG, OLD);
        fd = open(tree_path(CONFIG), O_WRONLY | O_APPEND);
        assert_true(fd >= 0);
        assert_int_equal(edit_as(OLD, NEW, 0, &error), PHX_PVE_OUTCOME_NOT_NOW);
        assert_non_null(strstr(error.text, "another process has the file open"));
        assert_config_is(OLD);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                                a_plain_directory_is_not_the_cluster_file_system,
                                setup,
                                teardown),
                cmocka_unit_test_setup_teardown(the_state_is_what_the_files_say, setup, teardown),
                cmocka_unit_test(what_passes_is_no_failure),
                cmocka_unit_test_setup_teardown(the_list_unites_both_sources, setup, teardown),
                cmocka_unit_test_setup_teardown(
                                a_guest_is_gone_when_absent_four_times,
                                setup,
                                teardown),
                cmocka_unit_test_setup_teardown(
                                a_guest_that_is_away_is_gone_when_absent_four_times,
                                setup,
                                teardown),
                cmocka_unit_test_setup_teardown(
                                the_first_list_does_not_believe_one_look,
                                setup,
                                teardown),
                cmocka_unit_test_setup_teardown(half_a_list_is_read_once_more, setup, teardown),
                cmocka_unit_test_setup_teardown(
                                a_config_is_read_whole_with_both_digests,
                                setup,
                                teardown),
                cmocka_unit_test_setup_teardown(large_and_odd_configs, setup, teardown),
                cmocka_unit_test_setup_teardown(a_config_that_comes_back_is_read, setup, teardown),
                cmocka_unit_test_setup_teardown(an_edit_is_there_afterwards, setup, teardown),
                cmocka_unit_test_setup_teardown(
                                an_edit_for_another_config_is_refused,
                                setup,
                                teardown),
                cmocka_unit_test_setup_teardown(
                                locked_guests_and_templates_are_left_alone,
                                setup,
                                teardown),
                cmocka_unit_test_setup_teardown(
                                a_guest_of_another_node_is_not_created_here,
                                setup,
                                teardown),
                cmocka_unit_test_setup_teardown(larger_than_one_piece_is_refused, setup, teardown),
                cmocka_unit_test_setup_teardown(
                                the_lock_is_not_waited_for_without_end,
                                setup,
                                teardown),
                cmocka_unit_test_setup_teardown(
                                a_lock_that_others_could_have_put_there_is_refused,
                                setup,
                                teardown),
                cmocka_unit_test_setup_teardown(
                                a_file_that_is_open_elsewhere_is_not_written,
                                setup,
                                teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
