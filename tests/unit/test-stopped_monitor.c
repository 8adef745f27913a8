/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/macros.h"
#include "lxc/monitor.h"
#include "lxc/stopped_monitor.h"
#include "tree.h"

#define LXC_PATH "/nonexistent/stopped-monitor"
#define TITLE "[lxc monitor] " LXC_PATH

struct process {
        const char *state, *uids, *numbers; /* NULL: as those of a monitor that is stopped */
        const char *cgroup, *title;
};

/* This process listens as the monitor of NAME. */
static int listen_for(const char *name) {
        struct sockaddr_un address;
        socklen_t size = phx_lxc_monitor_address(LXC_PATH, name, &address);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_true(fd >= 0);
        assert_int_equal(bind(fd, (const struct sockaddr *) &address, size), 0);
        assert_int_equal(listen(fd, 1), 0);
        return fd;
}

/* Until the queue is full. */
static void fill(const char *name) {
        struct sockaddr_un address;
        socklen_t size = phx_lxc_monitor_address(LXC_PATH, name, &address);
        int r = 0;

        while (r >= 0) {
                int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

                assert_true(fd >= 0);
                r = connect(fd, (const struct sockaddr *) &address, size);
                (void) close(fd);
        }
}

static void write_process(const char *file, const char *text) {
        char path[64];

        (void) snprintf(path, sizeof(path), "proc/%d/%s", (int) getpid(), file);
        tree_write(path, text);
}

/* Whether this process, as it is here, is the monitor of "web". */
static bool is_found(const struct process *process) {
        const char *cgroup = process->cgroup ? process->cgroup : "/";
        char text[512];
        pid_t pid;

        (void) snprintf(text,
                        sizeof(text),
                        "Name:\tlxc-start\nState:\t%s\nTgid:\t4711\nUid:\t%s\nNSpid:\t%s\n"
                        "Threads:\t1\n",
                        process->state ? process->state : "T (stopped)",
                        process->uids ? process->uids : "0\t0\t0\t0",
                        process->numbers ? process->numbers : "4711");
        write_process("status", text);
        (void) snprintf(text, sizeof(text), "0::%s\n", cgroup);
        write_process("cgroup", text);
        write_process("cmdline", process->title ? process->title : "/usr/bin/lxc-start");
        /* Not a process, and one that is gone. */
        tree_write("proc/uptime", "1 1\n");
        tree_mkdir("proc/1");
        pid = phx_lxc_stopped_monitor(tree_path("proc"), LXC_PATH, "web");
        assert_true(pid == 0 || pid == getpid());
        return pid > 0;
}

static void it_is_found_by_its_cgroup_or_its_title(void **state) {
        static const struct {
                struct process process;
                bool is_found;
        } cases[] = {
                { { .cgroup = "/lxc.monitor.web" }, true },
                { { .cgroup = "/lxc.monitor.web-2" }, true },
                { { .cgroup = "/lxc.monitor/web" }, true },
                { { .title = TITLE " web" }, true },
                { { .state = "t (tracing stop)", .cgroup = "/lxc.monitor.web" }, true },
                { { .cgroup = "/lxc.monitor.web2" }, false },
                { { .cgroup = "/lxc.monitor.web-a" }, false },
                { { .cgroup = "/lxc.payload.web" }, false },
                { { .title = TITLE " web2" }, false },
                { { .title = "[lxc monitor] /srv/lxc web" }, false },
                { { .state = "S (sleeping)", .cgroup = "/lxc.monitor.web" }, false },
                { { .state = "Z (zombie)", .cgroup = "/lxc.monitor.web" }, false },
                /* What runs in a container may have any title. */
                { { .uids = "100000\t100000\t100000\t100000", .title = TITLE " web" }, false },
                { { .numbers = "4711\t12", .title = TITLE " web" }, false },
        };

        phx_autoclose int fd = listen_for("web");

        assert_true(fd >= 0);
        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++)
                if (is_found(&cases[i].process) != cases[i].is_found)
                        fail_msg("case %zu", i);
}

/* Whose group is called as one of "web" whose name was taken. */
static void one_of_another_name_is_not_found(void **state) {
        const struct process numbered = { .cgroup = "/lxc.monitor.web-1" };
        phx_autoclose int other = listen_for("web-1");

        assert_true(other >= 0);
        assert_false(is_found(&numbered));
        assert_false(is_found(&(struct process){ .cgroup = "/lxc.monitor.web" }));
        assert_true(is_found(&(struct process){ .title = TITLE " web" }));
}

/* It accepts none while it is stopped, and then who listens is not seen. */
static void with_a_full_queue_the_name_has_to_be_the_same(void **state) {
        phx_autoclose int fd = listen_for("web");

        assert_true(fd >= 0);
        fill("web");
        assert_true(is_found(&(struct process){ .cgroup = "/lxc.monitor.web" }));
        assert_false(is_found(&(struct process){ .cgroup = "/lxc.monitor.web-1" }));
}

/* It has ended, as lxc-start does; only the title says which the monitor is. */
static void another_process_that_listened_is_none(void **state) {
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
                (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
                (void) listen_for("web");
                (void) pause();
                _exit(0);
        }
        while (phx_lxc_monitor_listens(LXC_PATH, "web", geteuid(), NULL) == 0)
                (void) usleep(1000);
        assert_false(is_found(&(struct process){ .cgroup = "/lxc.monitor.web-1" }));
        assert_true(is_found(&(struct process){ .title = TITLE " web" }));
        (void) kill(pid, SIGKILL);
        (void) waitpid(pid, NULL, 0);
}

static void without_proc_there_is_none(void **state) {
        assert_int_equal(phx_lxc_stopped_monitor("/nonexistent", "/var/lib/lxc", "web"), 0);
}

static int set_up(void **state) {
        (void) tree_new();
        return 0;
}

static int tear_down(void **state) {
        tree_done();
        return 0;
}

#define with_tree(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                with_tree(it_is_found_by_its_cgroup_or_its_title),
                with_tree(one_of_another_name_is_not_found),
                with_tree(with_a_full_queue_the_name_has_to_be_the_same),
                with_tree(another_process_that_listened_is_none),
                cmocka_unit_test(without_proc_there_is_none),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
