/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the monitors of running containers say. Each listens on the abstract socket
 * "@LXC_PATH/NAME/command", a name that any local user may take as long as the container is
 * stopped. So what counts is who listens: the question goes over the very connection whose other
 * end was seen to be the right user's, and a stranger is sent nothing and read nothing. liblxc
 * would connect by name again, and wait for ever; the question is one that its protocol has had,
 * byte by byte the same, since LXC 1. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include "base/strings.h"

enum phx_lxc_monitor_answer {
        PHX_LXC_MONITOR_NONE,    /* nothing listens, or a stranger does: it does not run */
        PHX_LXC_MONITOR_ANSWERS, /* INIT is set; 0 while there is none yet, or none any more */
        PHX_LXC_MONITOR_SILENT,  /* it is there, and cannot be asked or does not answer in time */
};

struct phx_lxc_monitor {
        enum phx_lxc_monitor_answer answer;
        pid_t init;
        bool is_expected; /* set by the caller: it was there the last time */
};

/* Asks all at once, with one deadline for all of them together. The kernel's list of sockets says
 * which are there to be asked, but for those that are expected. UID is whose monitors are believed:
 * root's, on a machine. MONITORS has room for one item per name. 0 or -ENOMEM. */
int phx_lxc_monitors_ask(
                const char *lxc_path,
                const struct phx_strings *names,
                uid_t uid,
                uint64_t deadline_usec,
                struct phx_lxc_monitor *monitors);

/* Whether any monitor of another container below LXC_PATH than NAMES, which are sorted, listens, of
 * whatever user; in doubt true. */
bool phx_lxc_monitors_listen(const char *lxc_path, const struct phx_strings *names);

/* Whether a monitor of UID listens for NAME: 1 or 0; or a negative errno, in doubt. RET_LISTENER,
 * which may be NULL, is the process that has called listen(2), 0 when its queue is full: the
 * monitor itself where it stays in the foreground; else lxc-start, which has ended. Nothing is sent
 * and nothing waited for. */
int phx_lxc_monitor_listens(const char *lxc_path, const char *name, uid_t uid, pid_t *ret_listener);

/* The address of a monitor. Returns its length for bind(2) and connect(2). Public for the tests,
 * which listen there in the place of a monitor. */
socklen_t phx_lxc_monitor_address(
                const char *lxc_path,
                const char *name,
                struct sockaddr_un *ret_address);
