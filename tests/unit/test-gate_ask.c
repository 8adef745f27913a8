/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The program of LXC's hooks on a machine of files, with a monitor that listens where LXC's would.
 */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/macros.h"
#include "gate/gate.h"
#include "gate/report.h"
#include "lxc/monitor.h"
#include "tree.h"

#define SHA1 "89595fb54d72d6d1e1573858790f3d05067c25d6"
#define OTHER "1111111111111111111111111111111111111111"

struct fixture {
        struct phx_gate gate;
        int monitor_fd;
};

static void write_gate(const struct phx_gate *gate) {
        phx_cleanup(phx_buffer_done) struct phx_buffer file = { 0 };

        assert_int_equal(phx_gate_render(gate, &file), 0);
        tree_write_bytes("gate/containers", file.data, file.size);
}

static void load(const char *mode, const char *hash) {
        char line[64];

        tree_write("fs/policy/profiles/lxc-web.1/name", "lxc-web\n");
        (void) snprintf(line, sizeof(line), "%s\n", mode);
        tree_write("fs/policy/profiles/lxc-web.1/mode", line);
        (void) snprintf(line, sizeof(line), "%s\n", hash);
        tree_write("fs/policy/profiles/lxc-web.1/sha1", line);
}

static int listen_as_monitor(const char *lxc_path, const char *name) {
        struct sockaddr_un address;
        socklen_t size = phx_lxc_monitor_address(lxc_path, name, &address);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_true(fd >= 0);
        assert_int_equal(bind(fd, (const struct sockaddr *) &address, size), 0);
        assert_int_equal(listen(fd, 1), 0);
        return fd;
}

static void connect_to_monitor(const char *lxc_path, const char *name) {
        struct sockaddr_un address;
        socklen_t size = phx_lxc_monitor_address(lxc_path, name, &address);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        assert_true(fd >= 0);
        (void) connect(fd, (const struct sockaddr *) &address, size);
}

/* "web" is to be in lxc-web, its config says so, and the kernel has it. */
static int set_up(void **state) {
        static struct fixture fixture;
        struct phx_gate_container *web;

        fixture = (struct fixture){ 0 };
        tree_new();
        tree_write("module/parameters/enabled", "Y\n");
        tree_write("module/parameters/mode", "enforce\n");
        tree_write("fs/features/policy/set_load", "yes\n");
        tree_write("web/config", "lxc.apparmor.profile = lxc-web\n");
        tree_write("proc/77/attr/apparmor/current", "lxc-web (enforce)\n");
        tree_write("gate/without-state", "warn");
        load("enforce", SHA1);
        assert_int_equal(phx_replace(&fixture.gate.lxc_path, tree_path("")), 0);
        assert_int_equal(
                        phx_kernel_entries_add(
                                        &fixture.gate.policies,
                                        "lxc-web",
                                        PHX_POLICY_ENFORCE,
                                        SHA1),
                        0);
        web = phx_gate_add_container(&fixture.gate, "web");
        assert_int_equal(phx_replace(&web->id, "910"), 0);
        assert_int_equal(phx_strings_add(&web->labels, "lxc-web"), 0);
        write_gate(&fixture.gate);
        fixture.monitor_fd = listen_as_monitor(fixture.gate.lxc_path, "web");
        *state = &fixture;
        return 0;
}

static int tear_down(void **state) {
        struct fixture *fixture = *state;

        phx_gate_done(&fixture->gate);
        (void) close(fixture->monitor_fd);
        tree_done();
        return 0;
}

/* With the config FILE of the tree. */
static int ask_with(
                enum gate_hook hook,
                const char *name,
                const char *file,
                struct gate_answer *ret_answer) {
        char paths[4][512], config[512];
        const struct gate_place place = { paths[0], paths[1], paths[2], paths[3] };
        const struct gate_start start = { hook, name, config, 77, 70 };

        (void) snprintf(paths[0], sizeof(paths[0]), "%s", tree_path("gate"));
        (void) snprintf(paths[1], sizeof(paths[1]), "%s", tree_path("fs"));
        (void) snprintf(paths[2], sizeof(paths[2]), "%s", tree_path("module"));
        (void) snprintf(paths[3], sizeof(paths[3]), "%s", tree_path("proc"));
        (void) snprintf(config, sizeof(config), "%s", tree_path(file));
        return gate_ask(&place, &start, ret_answer);
}

static int ask(enum gate_hook hook, const char *name, struct gate_answer *ret_answer) {
        return ask_with(hook, name, "web/config", ret_answer);
}

/* The sentence ends with TEXT. */
static void expect(
                enum gate_hook hook,
                enum phx_boot_gate level,
                enum phx_gate_reason reason,
                const char *text) {
        phx_cleanup(gate_answer_done) struct gate_answer answer = { 0 };
        phx_autofree char *said = NULL;

        assert_int_equal(ask(hook, "web", &answer), 0);
        assert_int_equal(answer.reason, reason);
        assert_int_equal(answer.level, level);
        if (!text)
                return;
        said = report_text("web", &answer);
        if (!phx_has_suffix(said, text))
                assert_string_equal(said, text);
}

static void expect_refused(enum phx_gate_reason reason, const char *text) {
        expect(GATE_PRE_START, PHX_BOOT_GATE_REFUSE, reason, text);
}

static void expect_started(void) {
        expect(GATE_PRE_START, PHX_BOOT_GATE_OFF, PHX_GATE_RIGHT, NULL);
        expect(GATE_START_HOST, PHX_BOOT_GATE_OFF, PHX_GATE_RIGHT, NULL);
}

static void one_that_is_right_starts(void **state) {
        expect_started();
}

static void others_start_whatever_is_wrong(void **state) {
        phx_cleanup(gate_answer_done) struct gate_answer answer = { 0 };

        tree_remove("fs");
        tree_remove("web");
        assert_int_equal(ask(GATE_PRE_START, "other", &answer), 0);
        assert_int_equal(answer.level, PHX_BOOT_GATE_OFF);
}

static void each_fault_of_the_config_is_named(void **state) {
        char text[600];

        tree_write("web/config", "lxc.uts.name = web\n");
        expect_refused(PHX_GATE_NO_PROFILE,
                       "910: start refused: its config names no profile, expected lxc-web");
        tree_write("web/config", "\nlxc.apparmor.profile = unconfined\n");
        (void) snprintf(text,
                        sizeof(text),
                        "910: start refused: %s:2 names the profile unconfined, expected lxc-web",
                        tree_path("web/config"));
        expect_refused(PHX_GATE_OTHER_PROFILE, text);
        tree_remove("web/config");
        expect_refused(PHX_GATE_CONFIG_UNKNOWN, "/web/config: No such file or directory");
}

static void each_fault_of_the_kernel_is_named(void **state) {
        load("complain", SHA1);
        expect_refused(PHX_GATE_OTHER_MODE,
                       "the kernel has the profile lxc-web in complain mode, expected enforce");
        load("enforce", OTHER);
        expect_refused(PHX_GATE_OTHER_POLICY,
                       "the kernel has a different version of the profile lxc-web: 111111111111, "
                       "expected 89595fb54d72");
        tree_remove("fs/policy/profiles/lxc-web.1");
        expect_refused(PHX_GATE_NOT_LOADED, "the profile lxc-web is not loaded in the kernel");
        tree_write("fs/policy/profiles/lxc-web.1/name", "");
        expect_refused(PHX_GATE_KERNEL_UNKNOWN, "the name of a loaded profile is unreadable");
        tree_write("module/parameters/mode", "complain\n");
        expect_refused(PHX_GATE_KERNEL_UNKNOWN, "/parameters/mode");
}

static void the_label_of_init_decides(void **state) {
        tree_write("proc/77/attr/apparmor/current", "unconfined\n");
        expect(GATE_START_HOST,
               PHX_BOOT_GATE_REFUSE,
               PHX_GATE_OTHER_LABEL,
               "its init has the label unconfined, expected lxc-web");
        tree_remove("proc/77");
        expect(GATE_START_HOST,
               PHX_BOOT_GATE_REFUSE,
               PHX_GATE_LABEL_UNKNOWN,
               "process 77: No such file or directory");
}

/* The monitor, process 70, has been there since STARTED. */
static void monitor_since(const char *boot, unsigned started) {
        char text[128];

        tree_write("proc/sys/kernel/random/boot_id", boot);
        (void) snprintf(text,
                        sizeof(text),
                        "70 (lxc-start) S 1 1 1 0 -1 1 1 1 1 1 1 1 1 1 20 0 1 0 %u 1\n",
                        started);
        tree_write("proc/70/stat", text);
}

/* The init that phoenixd saw was started at 500, unconfined. */
static void one_that_reboots_itself_keeps_its_label(void **state) {
        struct fixture *fixture = *state;
        struct phx_gate_container *web = &fixture->gate.containers[0];

        assert_int_equal(phx_replace(&fixture->gate.boot, "b1"), 0);
        assert_int_equal(phx_replace(&web->running, "unconfined"), 0);
        web->running_since = 500;
        write_gate(&fixture->gate);
        tree_write("proc/77/attr/apparmor/current", "unconfined\n");
        monitor_since("b1\n", 490);
        expect(GATE_START_HOST,
               PHX_BOOT_GATE_WARN,
               PHX_GATE_OTHER_LABEL,
               "910: started despite the boot gate: it has rebooted itself and requires a restart, "
               "as LXC has not read its config again: its init has the label unconfined, expected "
               "lxc-web");
        /* Another start, by a monitor that came later, or after the host was booted. */
        monitor_since("b1\n", 501);
        expect(GATE_START_HOST, PHX_BOOT_GATE_REFUSE, PHX_GATE_OTHER_LABEL, NULL);
        monitor_since("b2\n", 490);
        expect(GATE_START_HOST, PHX_BOOT_GATE_REFUSE, PHX_GATE_OTHER_LABEL, NULL);
        /* It was not seen with this label. */
        monitor_since("b1\n", 490);
        tree_write("proc/77/attr/apparmor/current", "lxc-old (enforce)\n");
        expect(GATE_START_HOST, PHX_BOOT_GATE_REFUSE, PHX_GATE_OTHER_LABEL, NULL);
        /* Nor in this mode. */
        assert_int_equal(phx_replace(&web->running, "lxc-old (enforce)"), 0);
        write_gate(&fixture->gate);
        expect(GATE_START_HOST, PHX_BOOT_GATE_WARN, PHX_GATE_OTHER_LABEL, NULL);
        tree_write("proc/77/attr/apparmor/current", "lxc-old (complain)\n");
        expect(GATE_START_HOST, PHX_BOOT_GATE_REFUSE, PHX_GATE_OTHER_LABEL, NULL);
}

static void a_warning_lets_it_start(void **state) {
        struct fixture *fixture = *state;

        load("complain", SHA1);
        fixture->gate.level = PHX_BOOT_GATE_WARN;
        write_gate(&fixture->gate);
        expect(GATE_PRE_START,
               PHX_BOOT_GATE_WARN,
               PHX_GATE_OTHER_MODE,
               "910: started despite the boot gate: the kernel has the profile lxc-web in complain "
               "mode, expected enforce");
        fixture->gate.level = PHX_BOOT_GATE_OFF;
        write_gate(&fixture->gate);
        expect_started();
        fixture->gate.level = PHX_BOOT_GATE_REFUSE;
        fixture->gate.containers[0].suspended_until = UINT64_MAX;
        write_gate(&fixture->gate);
        expect(GATE_PRE_START, PHX_BOOT_GATE_WARN, PHX_GATE_OTHER_MODE, NULL);
}

/* Whether one that is in complain mode is judged at all. */
static bool is_judged(const char *file) {
        phx_cleanup(gate_answer_done) struct gate_answer answer = { 0 };

        assert_int_equal(ask_with(GATE_PRE_START, "web", file, &answer), 0);
        return answer.level == PHX_BOOT_GATE_REFUSE;
}

/* Its name, below another path, while ours runs. */
static void a_namesake_starts(void **state) {
        phx_autoclose int fd = listen_as_monitor(tree_path("elsewhere"), "web");

        assert_true(fd >= 0);
        load("complain", SHA1);
        tree_write("elsewhere/web/config", "lxc.apparmor.profile = unconfined\n");
        assert_false(is_judged("elsewhere/web/config"));
}

/* LXC is given another name of the directory, and listens there. */
static void one_below_a_link_is_ours(void **state) {
        struct fixture *fixture = *state;

        load("complain", SHA1);
        tree_link("alias", ".");
        (void) close(fixture->monitor_fd);
        fixture->monitor_fd = listen_as_monitor(tree_path("alias"), "web");
        assert_true(is_judged("alias/web/config"));
}

/* With "-f FILE"; FILE may look like another container's config. */
static void one_with_another_config_is_ours_where_it_listens(void **state) {
        struct fixture *fixture = *state;

        load("complain", SHA1);
        tree_write("any.conf", "lxc.apparmor.profile = lxc-web\n");
        tree_write("copy/web/config", "lxc.apparmor.profile = lxc-web\n");
        assert_true(is_judged("any.conf"));
        assert_true(is_judged("copy/web/config"));
        (void) close(fixture->monitor_fd);
        fixture->monitor_fd = listen_as_monitor("/elsewhere/for-a-test", "web");
        assert_false(is_judged("any.conf"));
}

/* Another user listens where LXC would, with WAITING connections that are not accepted. */
static pid_t start_stranger(const char *lxc_path, const char *name, unsigned waiting) {
        int ends[2];
        char byte;
        pid_t pid;

        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                if (setgid(65534) < 0 || setuid(65534) < 0)
                        _exit(1);
                (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
                (void) listen_as_monitor(lxc_path, name);
                while (waiting-- > 0)
                        connect_to_monitor(lxc_path, name);
                if (write(ends[1], "", 1) == 1)
                        (void) pause();
                _exit(1);
        }
        (void) close(ends[1]);
        assert_int_equal(read(ends[0], &byte, 1), 1);
        (void) close(ends[0]);
        return pid;
}

static bool is_judged_beside_stranger(const char *file, const char *lxc_path, unsigned waiting) {
        pid_t pid = start_stranger(lxc_path, "web", waiting);
        bool judged = is_judged(file);

        (void) kill(pid, SIGKILL);
        (void) waitpid(pid, NULL, 0);
        return judged;
}

/* FILE looks like a config of another path, where a user listens; also with a queue that is full,
 * which hides the user. */
static void a_stranger_lets_none_pass(void **state) {
        if (geteuid() != 0)
                skip();
        load("complain", SHA1);
        tree_write("copy/web/config", "lxc.apparmor.profile = lxc-web\n");
        assert_true(is_judged("copy/web/config"));
        assert_true(is_judged_beside_stranger("copy/web/config", tree_path("copy"), 0));
        assert_true(is_judged_beside_stranger("copy/web/config", tree_path("copy"), 3));
}

/* A namesake elsewhere starts, while a user listens where ours would. */
static void a_stranger_has_none_refused(void **state) {
        struct fixture *fixture = *state;

        if (geteuid() != 0)
                skip();
        load("complain", SHA1);
        tree_write("any.conf", "lxc.apparmor.profile = lxc-web\n");
        (void) close(fixture->monitor_fd);
        fixture->monitor_fd = listen_as_monitor("/elsewhere/for-a-test", "web");
        assert_false(is_judged("any.conf"));
        assert_false(is_judged_beside_stranger("any.conf", fixture->gate.lxc_path, 0));
}

/* Whatever lxc_path is. */
static void one_of_proxmox_is_ours(void **state) {
        struct fixture *fixture = *state;
        phx_autoclose int fd = listen_as_monitor(tree_path("pve"), "web");

        assert_true(fd >= 0);
        load("complain", SHA1);
        (void) close(fixture->monitor_fd);
        fixture->monitor_fd = -1;
        tree_write("pve/web/config", "lxc.apparmor.profile = lxc-web\n");
        tree_write("any.conf", "lxc.apparmor.profile = lxc-web\n");
        assert_false(is_judged("pve/web/config"));
        assert_int_equal(phx_replace(&fixture->gate.pve_path, tree_path("pve")), 0);
        write_gate(&fixture->gate);
        assert_true(is_judged("pve/web/config"));
        assert_true(is_judged("any.conf"));
}

static void without_a_record_the_word_counts(void **state) {
        tree_write("gate/containers", "phoenixd-gate 2 …\n");
        expect(GATE_PRE_START,
               PHX_BOOT_GATE_WARN,
               PHX_GATE_NO_STATE,
               "gate/containers: it is damaged, or another version's");
        tree_write("gate/without-state", "refuse");
        expect_refused(PHX_GATE_NO_STATE, NULL);
        tree_remove("gate/containers");
        expect_refused(PHX_GATE_NO_STATE, "gate/containers: No such file or directory");
        tree_write("gate/without-state", "off");
        expect(GATE_PRE_START, PHX_BOOT_GATE_OFF, PHX_GATE_NO_STATE, NULL);
        tree_write("gate/without-state", "?");
        expect(GATE_PRE_START, PHX_BOOT_GATE_WARN, PHX_GATE_NO_STATE, NULL);
        tree_remove("gate/without-state");
        tree_mkdir("gate/without-state");
        expect(GATE_PRE_START, PHX_BOOT_GATE_WARN, PHX_GATE_NO_STATE, NULL);
        tree_remove("gate/without-state");
        expect(GATE_PRE_START, PHX_BOOT_GATE_OFF, PHX_GATE_RIGHT, NULL);
}

static bool has_line(const char *datagram, const char *line) {
        const char *at = strstr(datagram, line);

        return at && (at == datagram || at[-1] == '\n') && at[strlen(line)] == '\n';
}

static void the_journal_gets_a_record(void **state) {
        static const char *const lines[] = {
                "MESSAGE=910: start refused: the profile lxc-web is not loaded in the kernel",
                "PRIORITY=3",
                "PHOENIXD_RECORD=start-refused",
                "PHOENIXD_REASON=not-loaded",
                "PHOENIXD_CONTAINER=910",
                "PHOENIXD_PROFILE=lxc-web",
                "OBJECT_SYSTEMD_UNIT=phoenixd.service",
                "OBJECT_SYSTEMD_UNIT=lxc@web.service",
        };
        phx_cleanup(gate_answer_done) struct gate_answer answer = { 0 };
        phx_autoclose int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        char datagram[4096];
        ssize_t n;

        (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s", tree_path("journal"));
        assert_int_equal(bind(fd, (const struct sockaddr *) &address, sizeof(address)), 0);
        tree_remove("fs/policy/profiles/lxc-web.1");
        assert_int_equal(ask(GATE_PRE_START, "web", &answer), 0);
        report_send(&(struct report_place){ address.sun_path, 0 }, "web", &answer);
        n = recv(fd, datagram, sizeof(datagram) - 1, 0);
        assert_true(n > 0);
        datagram[n] = '\0';
        for (size_t i = 0; i < PHX_ELEMENTS(lines); i++)
                if (!has_line(datagram, lines[i]))
                        fail_msg("%s: not in %s", lines[i], datagram);
}

/* A process whose standard error is FD, as LXC's monitor has one. */
static pid_t start_monitor(int fd) {
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid > 0)
                return pid;
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (dup2(fd, STDERR_FILENO) < 0)
                _exit(1);
        /* From now on it is known that the descriptor is the right one. */
        if (write(STDERR_FILENO, "", 1) < 0)
                _exit(1);
        (void) pause();
        _exit(0);
}

/* Whether the monitor was written to. Its pipe, which nobody reads, is full when IS_FULL. */
static bool is_said_to_monitor(bool is_full) {
        phx_cleanup(gate_answer_done) struct gate_answer answer = { 0 };
        char text[65536] = "";
        ssize_t n;
        int ends[2];
        pid_t pid;

        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        pid = start_monitor(ends[1]);
        assert_int_equal(read(ends[0], text, 1), 1);
        assert_true(fcntl(ends[1], F_SETFL, O_NONBLOCK) >= 0);
        while (is_full && write(ends[1], text, 4096) > 0)
                ;
        assert_true(fcntl(ends[1], F_SETFL, 0) >= 0);
        assert_int_equal(ask(GATE_PRE_START, "web", &answer), 0);
        report_send(&(struct report_place){ "/nowhere", pid }, "web", &answer);
        assert_true(fcntl(ends[0], F_SETFL, O_NONBLOCK) >= 0);
        n = read(ends[0], text, sizeof(text) - 1);
        (void) kill(pid, SIGKILL);
        (void) waitpid(pid, NULL, 0);
        (void) close(ends[0]);
        (void) close(ends[1]);
        text[n > 0 ? n : 0] = '\0';
        return phx_has_prefix(text, "phoenixd: 910: start refused: the profile lxc-web is not");
}

static void a_monitor_that_is_read_gets_the_sentence(void **state) {
        tree_remove("fs/policy/profiles/lxc-web.1");
        assert_true(is_said_to_monitor(false));
}

static void one_that_is_not_read_holds_nothing_up(void **state) {
        tree_remove("fs/policy/profiles/lxc-web.1");
        (void) alarm(30);
        assert_false(is_said_to_monitor(true));
        (void) alarm(0);
}

#define GATE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                GATE_TEST(one_that_is_right_starts),
                GATE_TEST(others_start_whatever_is_wrong),
                GATE_TEST(each_fault_of_the_config_is_named),
                GATE_TEST(each_fault_of_the_kernel_is_named),
                GATE_TEST(the_label_of_init_decides),
                GATE_TEST(one_that_reboots_itself_keeps_its_label),
                GATE_TEST(a_warning_lets_it_start),
                GATE_TEST(a_namesake_starts),
                GATE_TEST(one_below_a_link_is_ours),
                GATE_TEST(one_with_another_config_is_ours_where_it_listens),
                GATE_TEST(a_stranger_lets_none_pass),
                GATE_TEST(a_stranger_has_none_refused),
                GATE_TEST(one_of_proxmox_is_ours),
                GATE_TEST(without_a_record_the_word_counts),
                GATE_TEST(the_journal_gets_a_record),
                GATE_TEST(a_monitor_that_is_read_gets_the_sentence),
                GATE_TEST(one_that_is_not_read_holds_nothing_up),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
