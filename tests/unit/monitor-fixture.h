/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A process that listens in the place of the monitors of containers, and says which values their
 * configs had when they were started. */

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/process.h"
#include "lxc/monitor.h"

enum monitor_manner {
        MONITOR_ANSWERS,
        MONITOR_IN_PIECES, /* as the kernel may deliver it */
        MONITOR_SHORT,     /* and hangs up */
        MONITOR_ENDLESS, /* says that more follows than a value may have, and sends nothing more */
        MONITOR_STOPPED,
};

struct monitor_value {
        const char *name, *key, *value;
};

struct monitor_fixture {
        const char *lxc_path;
        enum monitor_manner manner;
        const char *names[4];
        struct monitor_value values[8];
        struct phx_process process;
        int asked_fd; /* a byte for each question */
};

/* As they lie in memory, from LXC's own source. */
struct monitor_request {
        int32_t command, size;
        void *data;
};
struct monitor_answer {
        int32_t code, size;
        intptr_t data;
};

static inline const char *monitor_value(
                const struct monitor_fixture *fixture,
                const char *name,
                const char *key) {
        for (size_t i = 0; fixture->values[i].name; i++)
                if (strcmp(fixture->values[i].name, name) == 0 &&
                    strcmp(fixture->values[i].key, key) == 0)
                        return fixture->values[i].value;
        return NULL;
}

static inline void monitor_send(int client, const void *data, size_t size, bool in_pieces) {
        const char *bytes = data;

        for (size_t i = 0; i < size; i += in_pieces ? 1 : size) {
                (void) send(client, bytes + i, in_pieces ? 1 : size, MSG_NOSIGNAL);
                if (in_pieces)
                        (void) usleep(500);
        }
}

static inline void monitor_answer(
                const struct monitor_fixture *fixture,
                const char *name,
                int client,
                int notes) {
        struct monitor_request request = { 0 };
        struct monitor_answer answer = { .code = -1 };
        char key[256] = "";
        const char *value;

        if (recv(client, &request, sizeof(request), MSG_WAITALL) != (ssize_t) sizeof(request) ||
            request.command != 7 || request.size <= 0 || request.size > (int32_t) sizeof(key) ||
            recv(client, key, (size_t) request.size, MSG_WAITALL) != request.size ||
            key[request.size - 1] != '\0')
                _exit(3);
        (void) write(notes, "b", 1);
        value = monitor_value(fixture, name, key);
        if (value)
                answer = (struct monitor_answer){ .size = (int32_t) strlen(value) + 1 };
        if (fixture->manner == MONITOR_ENDLESS)
                answer = (struct monitor_answer){ .size = INT32_MAX };
        monitor_send(client, &answer, sizeof(answer), fixture->manner == MONITOR_IN_PIECES);
        while (fixture->manner == MONITOR_ENDLESS)
                (void) pause();
        if (value && fixture->manner != MONITOR_SHORT)
                monitor_send(client,
                             value,
                             strlen(value) + 1,
                             fixture->manner == MONITOR_IN_PIECES);
}

static _Noreturn inline void monitor_serve(const struct monitor_fixture *fixture, int notes) {
        struct pollfd fds[4];
        nfds_t count = 0;

        for (; count < 4 && fixture->names[count]; count++) {
                struct sockaddr_un address;
                socklen_t size = phx_lxc_monitor_address(
                                fixture->lxc_path,
                                fixture->names[count],
                                &address);

                fds[count] = (struct pollfd){
                        .fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
                        .events = POLLIN,
                };
                if (bind(fds[count].fd, (const struct sockaddr *) &address, size) < 0 ||
                    listen(fds[count].fd, 64) < 0)
                        _exit(2);
        }
        (void) write(notes, "r", 1);
        while (fixture->manner == MONITOR_STOPPED)
                (void) pause();
        while (poll(fds, count, -1) > 0)
                for (nfds_t i = 0; i < count; i++)
                        if (fds[i].revents) {
                                int client = accept4(fds[i].fd, NULL, NULL, SOCK_CLOEXEC);

                                monitor_answer(fixture, fixture->names[i], client, notes);
                                (void) close(client);
                        }
        _exit(4);
}

static inline void monitor_start(struct monitor_fixture *fixture) {
        int fds[2];
        char byte = 0;

        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        if (phx_process_fork(&fixture->process) > 0)
                monitor_serve(fixture, fds[1]);
        (void) close(fds[1]);
        assert_int_equal(read(fds[0], &byte, 1), 1);
        assert_int_equal(byte, 'r');
        fixture->asked_fd = fds[0];
}

/* Ends it. How many questions it was asked. */
static inline size_t monitor_stop(struct monitor_fixture *fixture) {
        char bytes[4096];
        size_t count = 0;
        ssize_t n;

        assert_int_equal(phx_process_end(&fixture->process, NULL), 0);
        while ((n = read(fixture->asked_fd, bytes, sizeof(bytes))) > 0)
                count += (size_t) n;
        (void) close(fixture->asked_fd);
        return count;
}
