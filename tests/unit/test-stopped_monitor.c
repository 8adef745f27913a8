/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "lxc/stopped_monitor.h"
#include "tree.h"

struct process {
        const char *state, *uids, *numbers; /* NULL: as those of a monitor that is stopped */
        const char *cgroup, *title;
};

static pid_t find(const struct process *process) {
        const char *cgroup = process->cgroup ? process->cgroup : "/";
        char text[512];

        (void) snprintf(text,
                        sizeof(text),
                        "Name:\tlxc-start\nState:\t%s\nTgid:\t4711\nUid:\t%s\nNSpid:\t%s\n"
                        "Threads:\t1\n",
                        process->state ? process->state : "T (stopped)",
                        process->uids ? process->uids : "0\t0\t0\t0",
                        process->numbers ? process->numbers : "4711");
        tree_write("proc/4711/status", text);
        (void) snprintf(text, sizeof(text), "0::%s\n", cgroup);
        tree_write("proc/4711/cgroup", text);
        tree_write("proc/4711/cmdline", process->title ? process->title : "/usr/bin/lxc-start");
        /* Not a process, and one that is gone. */
        tree_write("proc/uptime", "1 1\n");
        tree_mkdir("proc/77");
        return phx_lxc_stopped_monitor(tree_path("proc"), "/var/lib/lxc", "web");
}

static void it_is_found_by_its_cgroup_or_its_title(void **state) {
        static const struct {
                struct process process;
                bool is_found;
        } cases[] = {
                { { .cgroup = "/lxc.monitor.web" }, true },
                { { .cgroup = "/lxc.monitor.web-2" }, true },
                { { .cgroup = "/lxc.monitor/web" }, true },
                { { .title = "[lxc monitor] /var/lib/lxc web" }, true },
                { { .state = "t (tracing stop)", .cgroup = "/lxc.monitor.web" }, true },
                { { .cgroup = "/lxc.monitor.web2" }, false },
                { { .cgroup = "/lxc.monitor.web-a" }, false },
                { { .cgroup = "/lxc.payload.web" }, false },
                { { .title = "[lxc monitor] /var/lib/lxc web2" }, false },
                { { .title = "[lxc monitor] /srv/lxc web" }, false },
                { { .state = "S (sleeping)", .cgroup = "/lxc.monitor.web" }, false },
                { { .state = "Z (zombie)", .cgroup = "/lxc.monitor.web" }, false },
                /* What runs in a container may have any title. */
                { { .uids = "100000\t100000\t100000\t100000",
                    .title = "[lxc monitor] /var/lib/lxc web" },
                  false },
                { { .numbers = "4711\t12", .title = "[lxc monitor] /var/lib/lxc web" }, false },
        };

        (void) tree_new();
        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++)
                if (find(&cases[i].process) != (cases[i].is_found ? 4711 : 0))
                        fail_msg("case %zu", i);
        tree_done();
}

static void without_proc_there_is_none(void **state) {
        assert_int_equal(phx_lxc_stopped_monitor("/nonexistent", "/var/lib/lxc", "web"), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(it_is_found_by_its_cgroup_or_its_title),
                cmocka_unit_test(without_proc_there_is_none),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
