/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "lxc/monitor.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/process.h"
#include "lxc/monitor_private.h"
#include "lxc/socket_owner.h"

/* The command's number. */
#define GET_INIT_PID 4

/* Sent as it lies in memory. */
struct request {
        int32_t command;
        int32_t size; /* of data that follows */
        void *data;
};

struct round {
        const struct phx_strings *names;
        const char *lxc_path;
        uid_t uid;
        struct phx_lxc_monitor *monitors;
        int spare; /* a socket that is not connected yet */
        struct pollfd *fds;
        struct phx_lxc_monitor **callees; /* of the same index */
        size_t asked;
        struct phx_socket_owner *full; /* addresses whose queue was full */
        size_t full_count;
        struct phx_socket_owner *listening;
        size_t listening_count;
        bool is_listed; /* LISTENING says of each that listens */
};

static void round_done(struct round *round) {
        for (size_t i = 0; i < round->asked; i++)
                if (round->fds[i].fd >= 0)
                        (void) close(round->fds[i].fd);
        if (round->spare >= 0)
                (void) close(round->spare);
        free(round->fds);
        free(round->callees);
        free(round->full);
        free(round->listening);
}

/* LXC leaves room for a NUL on both sides, and hashes what is longer. */
socklen_t phx_lxc_monitor_address(
                const char *lxc_path,
                const char *name,
                struct sockaddr_un *ret_address) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        size_t room = sizeof(address.sun_path) - 2;
        char path[PATH_MAX + NAME_MAX];
        int n;

        n = snprintf(&address.sun_path[1], room, "%s/%s/command", lxc_path, name);
        if (n < 0 || (size_t) n >= room) {
                n = snprintf(path, sizeof(path), "%s/%s", lxc_path, name);
                n = snprintf(&address.sun_path[1],
                             room,
                             "lxc/%016" PRIx64 "/command",
                             phx_fnv1a(path, strnlen(path, (size_t) n)));
        }
        *ret_address = address;
        return (socklen_t) (offsetof(struct sockaddr_un, sun_path) + 1 + (size_t) n);
}

/* As its own user, which a monitor wants to see before it reads the command. All at once, as a
 * monitor that has read the first part waits for the rest. */
bool phx_lxc_monitor_send(int fd, int32_t command, const char *text) {
        size_t size = text ? strlen(text) + 1 : 0;
        struct request request = { .command = command, .size = (int32_t) size };
        const struct ucred sender = { getpid(), getuid(), getgid() };
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(sizeof(sender))];
        } control = { .header = { .cmsg_len = CMSG_LEN(sizeof(sender)),
                                  .cmsg_level = SOL_SOCKET,
                                  .cmsg_type = SCM_CREDENTIALS } };
        char bytes[sizeof(request) + PHX_LXC_MONITOR_TEXT];
        struct iovec vector = { bytes, sizeof(request) + size };
        const struct msghdr message = { .msg_iov = &vector,
                                        .msg_iovlen = 1,
                                        .msg_control = &control,
                                        .msg_controllen = sizeof(control.bytes) };

        if (size > PHX_LXC_MONITOR_TEXT)
                return false;
        memcpy(bytes, &request, sizeof(request));
        if (text)
                memcpy(bytes + sizeof(request), text, size);
        memcpy(CMSG_DATA(&control.header), &sender, sizeof(sender));
        return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t) vector.iov_len;
}

/* Who called listen(2): the kernel noted it then, and it stays with this connection. */
static bool monitor_listener(int fd, struct ucred *ret_peer) {
        socklen_t size = sizeof(*ret_peer);

        return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ret_peer, &size) >= 0;
}

bool phx_lxc_monitor_is_held_by(int fd, uid_t uid) {
        struct ucred peer = { 0 };

        return monitor_listener(fd, &peer) && peer.uid == uid;
}

static bool ensure_socket(struct round *round) {
        if (round->spare < 0)
                round->spare = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        return round->spare >= 0;
}

/* A connection for each container that does not run would be most of what a look costs. */
static bool may_listen(
                const struct round *round,
                const struct phx_lxc_monitor *monitor,
                const struct sockaddr_un *address,
                socklen_t size) {
        return monitor->is_expected || !round->is_listed ||
               phx_socket_listens(round->listening, round->listening_count, address, size);
}

static void monitor_begin(struct round *round, size_t index) {
        struct phx_lxc_monitor *monitor = &round->monitors[index];
        struct phx_socket_owner *full = &round->full[round->full_count];
        struct sockaddr_un address;
        socklen_t size;

        monitor->answer = PHX_LXC_MONITOR_NONE;
        monitor->init = 0;
        if (round->is_listed && round->listening_count == 0 && !monitor->is_expected)
                return;
        size = phx_lxc_monitor_address(round->lxc_path, round->names->items[index], &address);
        if (!may_listen(round, monitor, &address, size))
                return;
        monitor->answer = PHX_LXC_MONITOR_SILENT;
        if (!ensure_socket(round))
                return;
        if (connect(round->spare, (const struct sockaddr *) &address, size) < 0) {
                /* A socket of another type is no monitor's, whosever it is. */
                if (errno == ECONNREFUSED || errno == EPROTOTYPE)
                        monitor->answer = PHX_LXC_MONITOR_NONE;
                else if (errno == EAGAIN) {
                        *full = (struct phx_socket_owner){ .address = address,
                                                           .size = size,
                                                           .index = index };
                        round->full_count++;
                }
                return;
        }
        if (!phx_lxc_monitor_is_held_by(round->spare, round->uid)) {
                monitor->answer = PHX_LXC_MONITOR_NONE;
                (void) close(PHX_TAKE_FD(round->spare));
                return;
        }
        round->fds[round->asked] = (struct pollfd){
                .fd = PHX_TAKE_FD(round->spare),
                .events = POLLIN,
        };
        round->callees[round->asked] = monitor;
        if (!phx_lxc_monitor_send(round->fds[round->asked].fd, GET_INIT_PID, NULL))
                (void) close(PHX_TAKE_FD(round->fds[round->asked].fd));
        round->asked++;
}

/* A queue that is full hides who listens; one that a stranger filled is none of ours. */
static void judge_full(struct round *round) {
        if (round->full_count == 0 || phx_socket_owners_find(round->full, round->full_count) < 0)
                return;
        for (size_t i = 0; i < round->full_count; i++) {
                const struct phx_socket_owner *owner = &round->full[i];
                struct phx_lxc_monitor *monitor = &round->monitors[owner->index];

                if (owner->code == 0 && owner->uid != round->uid)
                        monitor->answer = PHX_LXC_MONITOR_NONE;
        }
}

/* An answer is written at once, and read so. Anything else, an end included, is none. */
static void monitor_take_answer(struct pollfd *poll_fd, struct phx_lxc_monitor *monitor) {
        struct phx_lxc_monitor_response response;
        ssize_t n = recv(poll_fd->fd, &response, sizeof(response), MSG_DONTWAIT);

        (void) close(PHX_TAKE_FD(poll_fd->fd));
        if (n != (ssize_t) sizeof(response) || response.code < 0 || response.size != 0 ||
            response.data > INT_MAX)
                return;
        monitor->answer = PHX_LXC_MONITOR_ANSWERS;
        monitor->init = response.data > 0 ? (pid_t) response.data : 0;
}

static size_t count_open(const struct round *round) {
        size_t open = 0;

        for (size_t i = 0; i < round->asked; i++)
                open += round->fds[i].fd >= 0;
        return open;
}

static void wait_for_answers(struct round *round, uint64_t deadline_usec) {
        uint64_t until = phx_now_usec() + deadline_usec, now;

        while (count_open(round) > 0 && (now = phx_now_usec()) < until) {
                const struct timespec left = { (time_t) ((until - now) / 1000000),
                                               (long) ((until - now) % 1000000 * 1000) };

                if (ppoll(round->fds, round->asked, &left, NULL) <= 0)
                        continue;
                for (size_t i = 0; i < round->asked; i++)
                        if (round->fds[i].fd >= 0 && round->fds[i].revents != 0)
                                monitor_take_answer(&round->fds[i], round->callees[i]);
        }
}

/* The name of any of them ends so, the hashed one too. */
static bool is_monitor(const struct phx_socket_owner *owner) {
        static const char end[] = "/command";
        size_t size = owner->size - offsetof(struct sockaddr_un, sun_path);
        const char *name = owner->address.sun_path;

        return size > sizeof(end) && name[0] == '\0' &&
               memcmp(name + size - (sizeof(end) - 1), end, sizeof(end) - 1) == 0;
}

static int monitors_list(struct phx_socket_owner **ret_listening, size_t *ret_count) {
        size_t kept = 0, count = 0;
        int r = phx_socket_owners_list(ret_listening, &count);

        for (size_t i = 0; r >= 0 && i < count; i++)
                if (is_monitor(&(*ret_listening)[i]))
                        (*ret_listening)[kept++] = (*ret_listening)[i];
        *ret_count = kept;
        return r;
}

int phx_lxc_monitors_ask(
                const char *lxc_path,
                const struct phx_strings *names,
                uid_t uid,
                uint64_t deadline_usec,
                struct phx_lxc_monitor *monitors) {
        phx_cleanup(round_done) struct round round = { .names = names,
                                                       .lxc_path = lxc_path,
                                                       .uid = uid,
                                                       .monitors = monitors,
                                                       .spare = -1 };

        assert(monitors || names->count == 0);

        if (names->count == 0)
                return 0;
        round.fds = calloc(names->count, sizeof(*round.fds));
        round.callees = calloc(names->count, sizeof(struct phx_lxc_monitor *));
        round.full = calloc(names->count, sizeof(*round.full));
        if (!round.fds || !round.callees || !round.full)
                return -ENOMEM;

        round.is_listed = monitors_list(&round.listening, &round.listening_count) >= 0;
        for (size_t i = 0; i < names->count; i++)
                monitor_begin(&round, i);
        judge_full(&round);
        wait_for_answers(&round, deadline_usec);
        return 0;
}

/* The name says so, or is hashed and may be of any path. */
static bool is_monitor_below(const struct phx_socket_owner *owner, const char *lxc_path) {
        const char *name = owner->address.sun_path + 1;
        size_t room = sizeof(owner->address.sun_path) - 1, size = strlen(lxc_path);

        return strncmp(name, "lxc/", strlen("lxc/")) == 0 ||
               (size < room && strncmp(name, lxc_path, size) == 0 && name[size] == '/');
}

/* The name as it is, behind the path. */
static bool monitor_is_of(
                const struct phx_socket_owner *owner,
                const char *lxc_path,
                const struct phx_strings *names) {
        const char *name = owner->address.sun_path + 1 + strlen(lxc_path) + 1;
        const char *end = (const char *) &owner->address + owner->size - strlen("/command");
        phx_autofree char *own = NULL;

        if (strncmp(owner->address.sun_path + 1, lxc_path, strlen(lxc_path)) != 0 || name >= end)
                return false;
        own = strndup(name, (size_t) (end - name));
        return own && phx_strings_has_sorted(names, own);
}

bool phx_lxc_monitors_listen(const char *lxc_path, const struct phx_strings *names) {
        phx_autofree struct phx_socket_owner *listening = NULL;
        size_t count = 0;

        if (monitors_list(&listening, &count) < 0)
                return true;
        for (size_t i = 0; i < count; i++)
                if (is_monitor_below(&listening[i], lxc_path) &&
                    !monitor_is_of(&listening[i], lxc_path, names))
                        return true;
        return false;
}

int phx_lxc_monitor_listens(
                const char *lxc_path,
                const char *name,
                uid_t uid,
                pid_t *ret_listener) {
        struct phx_socket_owner full = { 0 };
        phx_autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct ucred peer = { 0 };

        if (fd < 0)
                return phx_errno();
        full.size = phx_lxc_monitor_address(lxc_path, name, &full.address);
        if (connect(fd, (const struct sockaddr *) &full.address, full.size) >= 0) {
                if (!monitor_listener(fd, &peer))
                        return -EIO;
                full.uid = peer.uid;
        } else if (errno == ECONNREFUSED || errno == EPROTOTYPE)
                return 0;
        else if (errno != EAGAIN)
                return phx_errno();
        else if (phx_socket_owners_find(&full, 1) < 0 || full.code < 0)
                return -EAGAIN;
        if (full.uid != uid)
                return 0;
        if (ret_listener)
                *ret_listener = peer.pid;
        return 1;
}
