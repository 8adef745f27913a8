/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The journal's own protocol, which is one datagram of lines NAME=VALUE: libsystemd takes longer to
 * load than all that the gate does. The record is journald's to attribute: OBJECT_SYSTEMD_UNIT= is
 * what `journalctl -u` looks for in records of root's that come from elsewhere.
 *
 * What a hook prints goes to LXC's log file, at its level DEBUG. The terminal or pipe of
 * `lxc-start -F` is the standard error of the monitor, a copy of which is asked of the kernel. A
 * journal's stream is left alone: the record is in the journal already. */

#include "gate/report.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>

#include "base/strings.h"
#include "shared/message-id.h"

char *report_text(const char *name, const struct gate_answer *answer) {
        static const char unknown[] = "phoenixd's record of what is right cannot be used";
        bool is_refused = answer->level == PHX_BOOT_GATE_REFUSE;
        phx_autofree char *text = NULL;

        if (phx_printf(&text,
                       "%s: %s: %s%s%s",
                       answer->container ? answer->container : name,
                       is_refused ? "start refused" : "started despite the boot gate",
                       answer->reason == PHX_GATE_NO_STATE ? unknown : "",
                       answer->reason == PHX_GATE_NO_STATE ? ": " : "",
                       phx_error_text(&answer->why, -EPERM)) < 0)
                return NULL;
        return phx_visible(text);
}

static int report_add_fields(
                const char *name,
                const struct gate_answer *answer,
                const char *text,
                struct phx_buffer *fields) {
        bool is_refused = answer->level == PHX_BOOT_GATE_REFUSE;
        phx_autofree char *clean = phx_visible(name);
        int r = clean ? 0 : -ENOMEM;

        if (r >= 0)
                r = phx_buffer_addf(
                                fields,
                                "MESSAGE=%s\nPRIORITY=%d\nMESSAGE_ID=%s\n"
                                "SYSLOG_IDENTIFIER=phoenixd-gate\n"
                                "PHOENIXD_RECORD=%s\nPHOENIXD_REASON=%s\n",
                                text,
                                is_refused ? LOG_ERR : LOG_WARNING,
                                is_refused ? MESSAGE_START_REFUSED : MESSAGE_START_WARNED,
                                is_refused ? "start-refused" : "start-warned",
                                phx_gate_reason_to_string(answer->reason));
        if (r >= 0)
                r = phx_buffer_addf(
                                fields,
                                "PHOENIXD_CONTAINER=%s\nPHOENIXD_STORY=%s\n",
                                answer->container ? answer->container : clean,
                                answer->container ? answer->container : clean);
        if (r >= 0 && answer->profile)
                r = phx_buffer_addf(fields, "PHOENIXD_PROFILE=%s\n", answer->profile);
        if (r >= 0)
                r = phx_buffer_addf(
                                fields,
                                "OBJECT_SYSTEMD_UNIT=phoenixd.service\n"
                                "OBJECT_SYSTEMD_UNIT=lxc@%s.service\n"
                                "OBJECT_SYSTEMD_UNIT=pve-container@%s.service\n",
                                clean,
                                clean);
        return r;
}

static void report_to_journal(const char *path, const struct phx_buffer *fields) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        phx_autoclose int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0 || strlen(path) >= sizeof(address.sun_path))
                return;
        (void) strcpy(address.sun_path, path);
        (void) sendto(fd,
                      fields->data,
                      fields->size,
                      MSG_NOSIGNAL,
                      (const struct sockaddr *) &address,
                      sizeof(address));
}

/* Never a socket, and nothing that the write would wait for: a terminal may be stopped, and a pipe
 * may have no reader. A sentence is shorter than what a pipe has room for when it has any. */
static void report_to_monitor(pid_t monitor, const char *text) {
        phx_autoclose int pidfd = monitor > 0 ? pidfd_open(monitor, 0) : -1;
        phx_autoclose int fd = pidfd < 0 ? -1 : pidfd_getfd(pidfd, STDERR_FILENO, 0);
        struct pollfd writable = { .fd = fd, .events = POLLOUT };
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0 ||
            !(S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode) || isatty(fd)) ||
            poll(&writable, 1, 0) != 1 || !(writable.revents & POLLOUT))
                return;
        (void) dprintf(fd, "phoenixd: %s\n", text);
}

void report_send(
                const struct report_place *place,
                const char *name,
                const struct gate_answer *answer) {
        phx_cleanup(phx_buffer_done) struct phx_buffer fields = { 0 };
        phx_autofree char *text = report_text(name, answer);

        if (!text)
                return;
        if (report_add_fields(name, answer, text, &fields) >= 0)
                report_to_journal(place->journal, &fields);
        (void) fprintf(stderr, "phoenixd: %s\n", text);
        report_to_monitor(place->monitor, text);
}
