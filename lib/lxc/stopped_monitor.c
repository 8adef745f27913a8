/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A monitor is known by its title, which it has only where lxc-start has put itself into the
 * background; or, as lxc@.service keeps it in the foreground, by its control group, which LXC makes
 * for it, and by its socket. Where the name of the group was taken LXC adds a number, so that the
 * group of one of "web" may be called as that of "web-1": who listens for "web" is that one.
 * Only root on the host can imitate any of them: what runs in a container is
 * in another control group and, if it has taken the title, in another pid namespace or not root. */

#include "lxc/stopped_monitor.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/strings.h"
#include "lxc/monitor.h"
#include "lxc/process_text.h"

static void close_directory(DIR **directory) {
        if (*directory)
                (void) closedir(*directory);
}

struct sought {
        const char *lxc_path, *name;
        int listens;    /* as phx_lxc_monitor_listens() says */
        pid_t listener; /* likewise; 0: unknown */
};

/* Root's, in our own pid namespace: "NSpid: 4711" has one number then. */
static bool is_stopped_here(const char *status) {
        const char *state = phx_process_field(status, "State:");
        const char *numbers = phx_process_field(status, "NSpid:");

        return (state[0] == 'T' || state[0] == 't') &&
               strtol(phx_process_field(status, "Uid:"), NULL, 10) == 0 &&
               strspn(numbers, "0123456789") == strcspn(numbers, "\n");
}

/* Without the process that listens, a group with a number may be of either. */
static bool is_its_group(const char *cgroups, const char *prefix, const struct sought *sought) {
        phx_autofree char *numbered = NULL;

        if (!phx_process_is_below(cgroups, prefix, sought->name))
                return false;
        return sought->listener > 0 || (phx_printf(&numbered, "%s%s-", prefix, sought->name) >= 0 &&
                                        !strstr(cgroups, numbered));
}

static bool is_monitor_of(int proc_fd, const char *pid, const struct sought *sought) {
        char path[300], text[16384], title[16384];

        (void) snprintf(path, sizeof(path), "%s/cgroup", pid);
        if (sought->listens != 0 &&
            (sought->listener == 0 || sought->listener == strtol(pid, NULL, 10)) &&
            phx_process_read(proc_fd, path, text, sizeof(text)) >= 0 &&
            (is_its_group(text, "/lxc.monitor.", sought) ||
             is_its_group(text, "/lxc.monitor/", sought)))
                return true;
        (void) snprintf(path, sizeof(path), "%s/cmdline", pid);
        (void) snprintf(title,
                        sizeof(title),
                        "[lxc monitor] %s %s",
                        sought->lxc_path,
                        sought->name);
        return phx_process_read(proc_fd, path, text, sizeof(text)) >= 0 && strcmp(text, title) == 0;
}

pid_t phx_lxc_stopped_monitor(const char *proc, const char *lxc_path, const char *name) {
        phx_cleanup(close_directory) DIR *directory = opendir(proc);
        struct sought sought = { lxc_path, name, 0, 0 };
        const struct dirent *entry;

        sought.listens = phx_lxc_monitor_listens(lxc_path, name, geteuid(), &sought.listener);
        while (directory && (entry = readdir(directory))) {
                char path[300], status[16384];

                if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
                        continue;
                (void) snprintf(path, sizeof(path), "%s/status", entry->d_name);
                if (phx_process_read(dirfd(directory), path, status, sizeof(status)) < 0 ||
                    !is_stopped_here(status) ||
                    !is_monitor_of(dirfd(directory), entry->d_name, &sought))
                        continue;
                return (pid_t) strtol(entry->d_name, NULL, 10);
        }
        return 0;
}
