/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A manager with a pretended engine, whose looks a test decides. */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/strings.h"
#include "engine/sent.h"
#include "loop.h"
#include "loop/manager.h"
#include "shared/message-id.h"

/* The manager runs in a process of its own, with an engine whose work is the fake below. The test
 * is systemd: it sends signals and reads what is told to the notify socket. */

enum behaviour {
        LOOKS_FINE,
        FAILS,
        HANGS,
        DIES,
        TALKS,
        TALKS_FOR_EVER,
        DWELLS,
        BABBLES,
        LEAVES_ORPHANS,
        HANGS_WITH_ORPHANS,
};

/* Seen by all three processes. */
struct shared {
        volatile enum behaviour behaviour;
        volatile unsigned looks;
        volatile unsigned full_looks;
        volatile unsigned asked_looks;
        volatile unsigned setups;
        volatile pid_t engine;
        volatile pid_t orphan;
        volatile uint64_t label_resync_usec;
        volatile unsigned label_looks;
        volatile bool label_differs; /* once */
        volatile bool label_kills;
        char runtime[64]; /* what one run leaves to the next; empty: nothing */
        uint64_t silence_usec;
        uint64_t patience_usec;
        volatile unsigned restarts_told;
        volatile unsigned failures_told;
        char watched[80];
        char status[64];
};

static struct shared *shared;

struct fixture {
        char root[64];
        int socket;
        pid_t manager;
};

static const struct phx_audit *fake_audit;

/* Longer than anything takes on a machine that is busy with something else: what should happen is
 * waited for as long, and what should not happen would have to be as late. */
#define LONG (60 * S)

/* A child of a child, in a session of its own: neither parent nor group know it any more. */
static inline void leave_orphan(void) {
        pid_t child = fork();

        if (child == 0) {
                if (fork() != 0)
                        _exit(0);
                (void) setsid();
                (void) signal(SIGTERM, SIG_IGN);
                shared->orphan = getpid();
                for (;;)
                        (void) pause();
        }
        (void) waitpid(child, NULL, 0);
        while (shared->orphan == 0)
                (void) usleep(1 * MS);
}

static inline void act(enum behaviour behaviour) {
        switch (behaviour) {
        case LEAVES_ORPHANS:
                leave_orphan();
                break;
        case HANGS_WITH_ORPHANS:
                leave_orphan();
                (void) pause();
                break;
        case HANGS:
                (void) pause();
                break;
        case DIES:
                _exit(7);
        case TALKS:
        case TALKS_FOR_EVER:
                for (int i = 0; i < (behaviour == TALKS ? 4 : 1000); i++) {
                        fake_audit->progress(fake_audit->data, "compiling lxc-web");
                        (void) usleep(100 * MS);
                }
                break;
        case DWELLS:
                for (int i = 0; i < 15; i++) {
                        fake_audit->progress(fake_audit->data, "compiling lxc-web");
                        (void) usleep(100 * MS);
                }
                break;
        case BABBLES:
                /* Not of the protocol: whoever holds the socket is a stranger. */
                for (int fd = 3; fd < 10; fd++)
                        (void) send(fd, "0123456789abcdef", 16, MSG_NOSIGNAL);
                (void) pause();
                break;
        case LOOKS_FINE:
        case FAILS:
                break;
        }
}

static struct sent fake_sent;

static inline int fake_look(
                void *data,
                const struct engine_request *request,
                struct engine_answer *ret_answer,
                struct phx_error *error) {
        const struct phx_snapshot snapshot = { 0 };
        const struct phx_tally tally = { 0 };
        struct phx_report *report;

        shared->looks++;
        shared->full_looks += request->kind != LOOK_PLAIN;
        shared->asked_looks += request->kind == LOOK_ASKED;
        act(shared->behaviour);
        if (shared->behaviour == FAILS)
                return phx_error_set(error, -EINVAL, "phoenixd.json:3: no such key");

        report = calloc(1, sizeof(*report));
        if (!report)
                return -ENOMEM;
        report->retry_usec = PHX_NEVER;
        report->debounce_usec = 50 * MS;
        report->longest_delay_usec = 300 * MS;
        report->resync_usec = 600 * S;
        report->label_resync_usec = shared->label_resync_usec;
        (void) phx_replace(&report->status, shared->status);
        (void) phx_strings_add(&report->watches, shared->watched);
        ret_answer->report = report;
        return sent_update(&fake_sent, &snapshot, &tally, report, ret_answer->sink);
}

static inline bool fake_labels(void *data) {
        bool differs = shared->label_differs;

        if (shared->label_kills) {
                shared->label_kills = false;
                _exit(7);
        }
        shared->label_differs = false;
        shared->label_looks++;
        return differs;
}

static inline int fake_setup(
                const struct work_options *options,
                const struct phx_audit *audit,
                struct engine_work *ret_work,
                struct phx_error *error) {
        shared->setups++;
        shared->engine = getpid();
        fake_audit = audit;
        *ret_work = (struct engine_work){ .look = fake_look, .labels = fake_labels };
        return 0;
}

static inline int count_messages(void *data, const struct iovec *fields, int count) {
        for (int i = 0; i < count; i++) {
                const char *field = fields[i].iov_base;

                shared->restarts_told += strcmp(field, "MESSAGE_ID=" MESSAGE_ENGINE_RESTARTED) == 0;
                shared->failures_told += strcmp(field, "MESSAGE_ID=" MESSAGE_LOOK_FAILED) == 0;
        }
        return 0;
}

static inline _Noreturn void run_manager(const struct fixture *fixture) {
        const struct journal journal = { .send = count_messages };
        const struct engine_plan plan = { fake_setup, NULL, &journal };
        phx_cleanup(manager_freep) struct manager *manager = NULL;
        struct manager_options options;
        char settings[128];
        int r;

        block_signals();
        (void) snprintf(settings, sizeof(settings), "%s/etc/phoenixd.json", fixture->root);
        manager_options_init(&options, settings);
        options.bus_address = NULL;
        options.revision = "/nonexistent/revision";
        options.runtime_dir = shared->runtime[0] ? shared->runtime : NULL;
        options.silence_usec = shared->silence_usec;
        options.patience_usec = shared->patience_usec;

        r = manager_new(&options, &plan, &manager);
        if (r >= 0)
                r = manager_run(manager);
        manager = manager_free(manager);
        _exit(r < 0 ? 1 : 0);
}

static inline int setup(void **state) {
        struct fixture *fixture = calloc(1, sizeof(*fixture));
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        char path[128];

        assert_non_null(fixture);
        *shared = (struct shared){ .status = "In sync: 1 profile" };
        (void) snprintf(fixture->root, sizeof(fixture->root), "/tmp/test-manager-XXXXXX");
        make_directory(fixture->root);
        shared->silence_usec = LONG;
        shared->patience_usec = LONG;
        (void) snprintf(shared->watched, sizeof(shared->watched), "%s/watched", fixture->root);
        assert_int_equal(mkdir(shared->watched, 0755), 0);
        (void) snprintf(path, sizeof(path), "%s/etc", fixture->root);
        assert_int_equal(mkdir(path, 0755), 0);

        (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", fixture->root);
        fixture->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        assert_true(fixture->socket >= 0);
        assert_int_equal(
                        bind(fixture->socket, (const struct sockaddr *) &address, sizeof(address)),
                        0);
        assert_int_equal(setenv("NOTIFY_SOCKET", address.sun_path, 1), 0);
        *state = fixture;
        return 0;
}

static inline void start(struct fixture *fixture, enum behaviour behaviour) {
        shared->behaviour = behaviour;
        fixture->manager = fork();
        assert_true(fixture->manager >= 0);
        if (fixture->manager == 0)
                run_manager(fixture);
}

/* The next message, or an empty one when none comes in time. */
static inline const char *next_message(const struct fixture *fixture, uint64_t usec) {
        struct pollfd poll_fd = { .fd = fixture->socket, .events = POLLIN };
        static char text[4096];
        ssize_t n = 0;

        if (poll(&poll_fd, 1, (int) (usec / 1000)) > 0)
                n = recv(fixture->socket, text, sizeof(text) - 1, 0);
        text[n > 0 ? n : 0] = '\0';
        return text;
}

/* Exactly this comes next. */
static inline void expect(const struct fixture *fixture, const char *message) {
        assert_string_equal(next_message(fixture, LONG), message);
}

/* This comes, whatever comes before. */
static inline void expect_later(const struct fixture *fixture, const char *message) {
        const char *have;

        do {
                have = next_message(fixture, LONG);
                if (!have[0])
                        fail_msg("%s did not come", message);
        } while (!phx_has_prefix(have, message));
}

static inline void wait_for_looks(unsigned looks) {
        for (int i = 0; i < 6000 && shared->looks < looks; i++)
                (void) usleep(10 * MS);
        assert_true(shared->looks >= looks);
}

/* It waits, rather than being kept waiting for a processor. */
static inline bool is_asleep(pid_t pid) {
        char path[64], text[256] = "";
        FILE *file;

        (void) snprintf(path, sizeof(path), "/proc/%d/stat", (int) pid);
        file = fopen(path, "re");
        if (!file)
                return true;
        (void) fgets(text, sizeof(text), file);
        (void) fclose(file);
        return strstr(text, ") S ") || strstr(text, ") Z ");
}

/* How many looks there have been when no more come: none for eight times as long as dust takes to
 * settle, in which both processes had nothing to do. */
static inline unsigned settled_looks(const struct fixture *fixture) {
        unsigned looks = shared->looks;

        for (int quiet = 0; quiet < 40; quiet++) {
                (void) usleep(10 * MS);
                if (looks != shared->looks || !is_asleep(fixture->manager) ||
                    !is_asleep(shared->engine))
                        quiet = 0;
                looks = shared->looks;
        }
        return looks;
}

static inline int end(struct fixture *fixture) {
        int status = -1;

        (void) kill(fixture->manager, SIGTERM);
        (void) waitpid(fixture->manager, &status, 0);
        fixture->manager = 0;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline int teardown(void **state) {
        struct fixture *fixture = *state;

        if (fixture->manager > 0) {
                (void) kill(fixture->manager, SIGKILL);
                (void) waitpid(fixture->manager, NULL, 0);
        }
        (void) close(fixture->socket);
        remove_tree(fixture->root);
        free(fixture);
        return 0;
}

static inline void wait_for_label_looks(unsigned looks) {
        for (int i = 0; i < 500 && shared->label_looks < looks; i++)
                (void) usleep(10 * MS);
        assert_true(shared->label_looks >= looks);
}
