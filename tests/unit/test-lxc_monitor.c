/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Monitors and squatters, each a process with a socket of the right name. Squatters are another
 * user's, so that these tests need root. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cmocka.h>
#include <lxc/lxccontainer.h>

#include "base/error.h"
#include "base/process.h"
#include "lxc/monitor.h"
#include "lxc/socket_owner.h"

#define STRANGER 4321
#define DEADLINE_USEC 300000
#define LONG_USEC 20000000

static char lxc_path[64];

enum manner {
        MUTE,    /* accepts never */
        FULL,    /* and its queue is full */
        ANSWERS, /* as a monitor does */
        GARBAGE,
        SHORT, /* half an answer */
        HANGS_UP,
};

struct actor {
        uid_t uid;
        enum manner manner;
        int type;
        pid_t init; /* that it names */
        const char *names[256];
        size_t count;
};

struct answer {
        int32_t code;
        int32_t size;
        intptr_t data;
};

static int listen_at(const char *path, const char *name, int type) {
        struct sockaddr_un address;
        socklen_t size = phx_lxc_monitor_address(path, name, &address);
        int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

        if (fd < 0 || bind(fd, (const struct sockaddr *) &address, size) < 0)
                return -1;
        return type != SOCK_DGRAM && listen(fd, 4) < 0 ? -1 : fd;
}

static void fill_queue(const char *name) {
        struct sockaddr_un address;
        socklen_t size = phx_lxc_monitor_address(lxc_path, name, &address);

        for (unsigned i = 0; i < 64; i++) {
                int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

                if (connect(fd, (const struct sockaddr *) &address, size) < 0 && errno == EAGAIN)
                        return;
        }
        _exit(9);
}

/* Notes on the pipe that something came before it answers. */
static void serve(const struct actor *actor, int fd, int notes) {
        struct answer answer = { .data = actor->init };
        char bytes[256];
        int client = accept(fd, NULL, NULL);
        size_t size = sizeof(answer);

        if (recv(client, bytes, sizeof(bytes), 0) > 0)
                (void) write(notes, "b", 1);
        if (actor->manner == GARBAGE)
                memset(&answer, 0x7f, sizeof(answer));
        if (actor->manner == SHORT)
                size /= 2;
        if (actor->manner != HANGS_UP)
                (void) send(client, &answer, size, MSG_NOSIGNAL);
        (void) close(client);
}

static _Noreturn void act(const struct actor *actor, int notes) {
        int fd = -1;

        (void) signal(SIGPIPE, SIG_IGN);
        if (actor->uid != geteuid() && setresuid(actor->uid, actor->uid, actor->uid) < 0)
                _exit(1);
        for (size_t i = 0; i < actor->count; i++) {
                fd = listen_at(lxc_path, actor->names[i], actor->type ? actor->type : SOCK_STREAM);
                if (fd < 0)
                        _exit(2);
                if (actor->manner == FULL)
                        fill_queue(actor->names[i]);
        }
        (void) write(notes, "r", 1);
        while (actor->manner != MUTE && actor->manner != FULL)
                serve(actor, fd, notes);
        for (;;)
                (void) pause();
}

/* Starts one, and waits until it listens. NOTES then has one "b" for each question that came. */
static struct phx_process start(const struct actor *actor, int *ret_notes) {
        struct phx_process process = { 0 };
        char byte = 0;
        int fds[2];

        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        if (phx_process_fork(&process) > 0)
                act(actor, fds[1]);
        (void) close(fds[1]);
        assert_int_equal(read(fds[0], &byte, 1), 1);
        assert_int_equal(byte, 'r');
        *ret_notes = fds[0];
        return process;
}

static size_t stop(struct phx_process *process, int notes) {
        char bytes[4096];
        size_t count = 0;
        ssize_t n;

        assert_int_equal(phx_process_end(process, NULL), 0);
        while ((n = read(notes, bytes, sizeof(bytes))) > 0)
                count += (size_t) n;
        (void) close(notes);
        return count;
}

static void ask(const struct actor *actor,
                uint64_t deadline_usec,
                struct phx_lxc_monitor *monitors) {
        phx_cleanup(phx_strings_done) struct phx_strings names = { 0 };

        for (size_t i = 0; i < actor->count; i++)
                assert_int_equal(phx_strings_add(&names, actor->names[i]), 0);
        assert_int_equal(
                        phx_lxc_monitors_ask(lxc_path, &names, geteuid(), deadline_usec, monitors),
                        0);
}

/* What one of this manner comes to, and how many questions it got. */
static struct phx_lxc_monitor ask_one(struct actor actor, size_t *ret_questions) {
        struct phx_lxc_monitor monitor = { 0 };
        struct phx_process process;
        int notes = -1;

        actor.names[0] = "web";
        actor.count = 1;
        process = start(&actor, &notes);
        ask(&actor, DEADLINE_USEC, &monitor);
        *ret_questions = stop(&process, notes);
        return monitor;
}

static void assert_stranger(enum manner manner, int type) {
        const struct actor actor = {
                .uid = STRANGER,
                .manner = manner,
                .type = type,
                .init = 4242,
        };
        size_t questions = 0;

        assert_int_equal(ask_one(actor, &questions).answer, PHX_LXC_MONITOR_NONE);
        assert_int_equal(questions, 0);
}

static void where_nobody_listens_nothing_runs(void **state) {
        const struct actor actor = { .names = { "web" }, .count = 1 };
        struct phx_lxc_monitor monitor = { .init = 1 };

        ask(&actor, LONG_USEC, &monitor);
        assert_int_equal(monitor.answer, PHX_LXC_MONITOR_NONE);
        assert_int_equal(monitor.init, 0);
}

static void a_monitor_names_its_init(void **state) {
        const struct actor actor = { .uid = geteuid(), .manner = ANSWERS, .init = 4242 };
        struct phx_lxc_monitor monitor = { 0 };
        size_t questions = 0;

        monitor = ask_one(actor, &questions);
        assert_int_equal(monitor.answer, PHX_LXC_MONITOR_ANSWERS);
        assert_int_equal(monitor.init, 4242);
        assert_int_equal(questions, 1);
}

static void before_its_start_it_names_none(void **state) {
        const struct actor actor = { .uid = geteuid(), .manner = ANSWERS, .init = -1 };
        struct phx_lxc_monitor monitor = { 0 };
        size_t questions = 0;

        monitor = ask_one(actor, &questions);
        assert_int_equal(monitor.answer, PHX_LXC_MONITOR_ANSWERS);
        assert_int_equal(monitor.init, 0);
}

static void one_that_answers_nothing_useful_is_silent(void **state) {
        static const enum manner manners[] = { MUTE, FULL, GARBAGE, SHORT, HANGS_UP };

        for (size_t i = 0; i < PHX_ELEMENTS(manners); i++) {
                const struct actor actor = { .uid = geteuid(), .manner = manners[i] };
                struct phx_lxc_monitor monitor = { 0 };
                size_t questions = 0;

                monitor = ask_one(actor, &questions);
                assert_int_equal(monitor.answer, PHX_LXC_MONITOR_SILENT);
                assert_int_equal(monitor.init, 0);
        }
}

/* Neither waited for, nor asked, nor heard. */
static void a_stranger_is_no_monitor(void **state) {
        if (geteuid() != 0)
                skip();
        assert_stranger(MUTE, SOCK_STREAM);
        assert_stranger(FULL, SOCK_STREAM);
        assert_stranger(ANSWERS, SOCK_STREAM);
        assert_stranger(GARBAGE, SOCK_STREAM);
        assert_stranger(MUTE, SOCK_SEQPACKET);
        assert_stranger(MUTE, SOCK_DGRAM);
}

static void name_many(struct actor *actor, char (*names)[16], size_t count, const char *prefix) {
        for (size_t i = 0; i < count; i++) {
                (void) snprintf(names[i], sizeof(names[i]), "%s%zu", prefix, i);
                actor->names[actor->count++] = names[i];
        }
}

/* All of them together end long before the deadline: none was waited for. */
static void two_hundred_strangers_cost_nothing(void **state) {
        static const enum manner manners[] = { MUTE, FULL };

        if (geteuid() != 0)
                skip();
        for (size_t i = 0; i < PHX_ELEMENTS(manners); i++) {
                struct actor actor = { .uid = STRANGER, .manner = manners[i] };
                struct phx_lxc_monitor monitors[200] = { 0 };
                struct phx_process process;
                char names[200][16];
                uint64_t begin;
                int notes = -1;

                name_many(&actor, names, manners[i] == FULL ? 50 : 200, "c");
                process = start(&actor, &notes);
                begin = phx_now_usec();
                ask(&actor, LONG_USEC, monitors);
                assert_true(phx_now_usec() - begin < LONG_USEC);
                (void) stop(&process, notes);
                for (size_t j = 0; j < actor.count; j++)
                        assert_int_equal(monitors[j].answer, PHX_LXC_MONITOR_NONE);
        }
}

/* One deadline for all of them: else they would take twenty times as long. */
static void those_that_hang_are_waited_for_together(void **state) {
        struct actor actor = { .uid = geteuid(), .manner = MUTE };
        struct phx_lxc_monitor monitors[20] = { 0 };
        struct phx_process process;
        char names[20][16];
        uint64_t begin, took;
        int notes = -1;

        name_many(&actor, names, PHX_ELEMENTS(names), "h");
        process = start(&actor, &notes);
        begin = phx_now_usec();
        ask(&actor, 1000000, monitors);
        took = phx_now_usec() - begin;
        (void) stop(&process, notes);
        for (size_t i = 0; i < actor.count; i++)
                assert_int_equal(monitors[i].answer, PHX_LXC_MONITOR_SILENT);
        assert_true(took >= 1000000);
        assert_true(took < 10000000);
}

/* One that hangs and strangers beside it do not hide what another one says. */
static void each_gets_the_answer_that_is_its_own(void **state) {
        const struct actor asked = { .names = { "a", "b", "c", "d" }, .count = 4 };
        const struct actor hangs = { .manner = MUTE, .names = { "b" }, .count = 1 };
        const struct actor good = {
                .manner = ANSWERS,
                .init = 77,
                .names = { "c" },
                .count = 1,
        };
        const struct actor stranger = {
                .uid = STRANGER,
                .manner = FULL,
                .names = { "d" },
                .count = 1,
        };
        struct phx_lxc_monitor monitors[4] = { 0 };
        struct phx_process processes[3];
        int notes[3];

        if (geteuid() != 0)
                skip();
        processes[0] = start(&hangs, &notes[0]);
        processes[1] = start(&good, &notes[1]);
        processes[2] = start(&stranger, &notes[2]);
        ask(&asked, DEADLINE_USEC, monitors);
        for (size_t i = 0; i < PHX_ELEMENTS(processes); i++)
                (void) stop(&processes[i], notes[i]);
        assert_int_equal(monitors[0].answer, PHX_LXC_MONITOR_NONE);
        assert_int_equal(monitors[1].answer, PHX_LXC_MONITOR_SILENT);
        assert_int_equal(monitors[2].answer, PHX_LXC_MONITOR_ANSWERS);
        assert_int_equal(monitors[2].init, 77);
        assert_int_equal(monitors[3].answer, PHX_LXC_MONITOR_NONE);
}

static void no_descriptor_is_left(void **state) {
        const struct actor actor = { .uid = geteuid(),
                                     .manner = MUTE,
                                     .names = { "x", "y" },
                                     .count = 2 };
        struct phx_lxc_monitor monitors[2] = { 0 };
        struct phx_process process;
        int notes = -1, before, after;

        process = start(&actor, &notes);
        before = dup(0);
        (void) close(before);
        ask(&actor, 1000, monitors);
        after = dup(0);
        (void) close(after);
        (void) stop(&process, notes);
        assert_int_equal(before, after);
}

/* liblxc itself, with a container of this path and name, in a process of its own. */
static _Noreturn void ask_with_liblxc(const char *path, const char *name) {
        struct lxc_container *c = lxc_container_new(name, "/nonexistent");

        if (!c || !c->set_config_path(c, path))
                _exit(1);
        _exit(c->init_pid(c) == 4242 ? 0 : 2);
}

/* The question as it came, with who asks. */
static size_t receive_question(int fd, char *bytes, size_t size, struct ucred *ret_sender) {
        union {
                struct cmsghdr header;
                char room[CMSG_SPACE(sizeof(struct ucred))];
        } control;
        struct iovec vector = { bytes, size };
        struct msghdr message = { .msg_iov = &vector,
                                  .msg_iovlen = 1,
                                  .msg_control = &control,
                                  .msg_controllen = sizeof(control) };
        const int on = 1;
        int client = accept(fd, NULL, NULL);
        struct answer answer = { .data = 4242 };
        ssize_t n;

        assert_int_equal(setsockopt(client, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
        n = recvmsg(client, &message, 0);
        assert_true(n > 0);
        assert_int_equal(control.header.cmsg_type, SCM_CREDENTIALS);
        memcpy(ret_sender, CMSG_DATA(&control.header), sizeof(*ret_sender));
        assert_int_equal(send(client, &answer, sizeof(answer), MSG_NOSIGNAL), sizeof(answer));
        (void) close(client);
        return (size_t) n;
}

static _Noreturn void ask_by_ourselves(const char *path, const char *name) {
        char *items[] = { strdup(name) };
        const struct phx_strings names = { items, 1 };
        struct phx_lxc_monitor monitor = { 0 };

        if (phx_lxc_monitors_ask(path, &names, geteuid(), LONG_USEC, &monitor) < 0)
                _exit(1);
        _exit(monitor.answer == PHX_LXC_MONITOR_ANSWERS && monitor.init == 4242 ? 0 : 2);
}

static void assert_same_question(const char *path, const char *name) {
        int fd = listen_at(path, name, SOCK_STREAM);
        char bytes[2][64] = { 0 };
        struct ucred senders[2];
        size_t sizes[2];

        assert_true(fd >= 0);
        for (unsigned i = 0; i < 2; i++) {
                struct phx_process process = { 0 };
                pid_t pid;
                int status = 0;

                if (phx_process_fork(&process) > 0)
                        (i == 0 ? ask_with_liblxc : ask_by_ourselves)(path, name);
                pid = process.pid;
                sizes[i] = receive_question(fd, bytes[i], sizeof(bytes[i]), &senders[i]);
                assert_int_equal(senders[i].pid, pid);
                assert_int_equal(senders[i].uid, getuid());
                while (!phx_process_reap(&process, &status))
                        (void) usleep(1000);
                assert_int_equal(status, 0);
        }
        assert_int_equal(sizes[0], sizes[1]);
        assert_memory_equal(bytes[0], bytes[1], sizes[0]);
        (void) close(fd);
}

/* Address, question and answer, long names too, which LXC hashes. */
static void it_is_asked_as_liblxc_asks(void **state) {
        char path[200];

        assert_same_question(lxc_path, "web");
        (void) snprintf(path, sizeof(path), "%s/%0*d", lxc_path, 60, 0);
        assert_same_question(path, "web");
        for (int length = 80; length <= 110; length++) {
                (void) snprintf(path,
                                sizeof(path),
                                "%s%0*d",
                                lxc_path,
                                length - (int) strlen(lxc_path),
                                0);
                assert_same_question(path, "x");
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(where_nobody_listens_nothing_runs),
                cmocka_unit_test(a_monitor_names_its_init),
                cmocka_unit_test(before_its_start_it_names_none),
                cmocka_unit_test(one_that_answers_nothing_useful_is_silent),
                cmocka_unit_test(a_stranger_is_no_monitor),
                cmocka_unit_test(two_hundred_strangers_cost_nothing),
                cmocka_unit_test(those_that_hang_are_waited_for_together),
                cmocka_unit_test(each_gets_the_answer_that_is_its_own),
                cmocka_unit_test(no_descriptor_is_left),
                cmocka_unit_test(it_is_asked_as_liblxc_asks),
        };

        (void) snprintf(lxc_path, sizeof(lxc_path), "/phoenixd-test/%d/lxc", (int) getpid());
        return cmocka_run_group_tests_name("lxc_monitor", tests, NULL, NULL);
}
