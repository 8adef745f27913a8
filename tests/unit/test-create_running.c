/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A container that runs is not cloned, and one that is being cloned cannot be started. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/macros.h"
#include "base/strings.h"
#include "create/create.h"
#include "lxc/monitor.h"
#include "tree.h"

#define STRANGER 4321
#define FILES 300
#define TRIES 20
#define LIMIT_SEC 20

static struct phx_trust trust;
static struct create_order order;
static char lxc_path[160];

static const char *in_lxc(const char *path) {
        static char text[320];

        (void) snprintf(text, sizeof(text), "%s/%s", lxc_path + 1, path);
        return text;
}

/* The sockets of monitors are the whole machine's, and other tests clone a container of that name
 * at the same time: here it is below a path of this process. */
static void make_source(const char *path) {
        phx_autofree char *config = NULL;

        (void) snprintf(lxc_path, sizeof(lxc_path), "%s", path);
        tree_write(in_lxc("src/rootfs/etc/hostname"), "src\n");
        tree_write(in_lxc("src/rootfs/bin/init"), "#!/bin/sh\n");
        assert_int_equal(
                        phx_printf(&config,
                                   "lxc.rootfs.path = dir:%s/src/rootfs\n"
                                   "lxc.include = /usr/share/lxc/config/common.conf\n",
                                   lxc_path),
                        0);
        tree_write(in_lxc("src/config"), config);
}

static int set_up(void **state) {
        char path[32];

        trust = (struct phx_trust){ .root = tree_new(), .owner = getuid() };
        order = (struct create_order){ .lxc_path = lxc_path,
                                       .name = "clone",
                                       .hostname = "made",
                                       .label = "lxc-web",
                                       .source = "src" };
        (void) snprintf(path, sizeof(path), "/lxc-%d", (int) getpid());
        make_source(path);
        return 0;
}

static int tear_down(void **state) {
        tree_done();
        return 0;
}

static bool is_there(const char *path) {
        return access(tree_path(in_lxc(path)), F_OK) == 0;
}

static void assert_cloned(void) {
        struct phx_error error = { 0 };

        if (create_run(&trust, &order, &error) < 0)
                assert_string_equal(error.text, "");
        assert_true(is_there("clone/config"));
}

static void assert_refused(const char *text) {
        struct phx_error error = { 0 };

        assert_int_equal(create_run(&trust, &order, &error), -EBUSY);
        assert_string_equal(error.text, text);
        assert_false(is_there("clone"));
        assert_false(is_there(".phoenixd-create~"));
}

/* The socket of its monitor, or -1 with errno. */
static int bind_socket(void) {
        struct sockaddr_un address;
        socklen_t size = phx_lxc_monitor_address(lxc_path, "src", &address);
        phx_autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (bind(fd, (const struct sockaddr *) &address, size) < 0)
                return -1;
        return PHX_TAKE_FD(fd);
}

/* Another process, which does something and ends with what it returns. */
struct other {
        pid_t pid;
        int ready_fd, end_fd;
};

static struct other other_begin(int (*run)(const struct other *own)) {
        struct other other;
        int ready[2], end[2];

        assert_int_equal(pipe(ready), 0);
        assert_int_equal(pipe(end), 0);
        other.pid = fork();
        if (other.pid == 0) {
                const struct other own = { .ready_fd = ready[1], .end_fd = end[0] };

                (void) close(end[1]);
                /* No failure may leave one behind. */
                (void) alarm(LIMIT_SEC);
                _exit(run(&own));
        }
        (void) close(ready[1]);
        (void) close(end[0]);
        other.ready_fd = ready[0];
        other.end_fd = end[1];
        return other;
}

static void other_await(const struct other *other) {
        char byte;

        assert_int_equal(read(other->ready_fd, &byte, 1), 1);
}

static int other_end(const struct other *other) {
        int status = 0;

        (void) close(other->end_fd);
        (void) close(other->ready_fd);
        assert_int_equal(waitpid(other->pid, &status, 0), other->pid);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

/* Until the end is asked for. */
static int listen_until_end(const struct other *own) {
        int fd = bind_socket();
        char byte = 0;

        if (fd < 0 || listen(fd, 4) < 0)
                return 1;
        return write(own->ready_fd, "r", 1) != 1 || read(own->end_fd, &byte, 1) != 0;
}

static int listen_as_stranger(const struct other *own) {
        return setresuid(STRANGER, STRANGER, STRANGER) < 0 ? 1 : listen_until_end(own);
}

static void one_that_runs_is_not_cloned(void **state) {
        static const char refusal[] = "container src is running: stop it before it is cloned";
        struct other other = other_begin(listen_until_end);
        char path[160];

        other_await(&other);
        assert_refused(refusal);
        assert_int_equal(other_end(&other), 0);
        /* LXC hashes a name that is too long for a socket. */
        (void) snprintf(path, sizeof(path), "/lxc-%0120d", (int) getpid());
        make_source(path);
        other = other_begin(listen_until_end);
        other_await(&other);
        assert_refused(refusal);
        assert_int_equal(other_end(&other), 0);
        assert_cloned();
}

static void a_socket_of_a_stranger_is_no_monitor(void **state) {
        struct other other;

        if (geteuid() != 0)
                skip();
        other = other_begin(listen_as_stranger);
        other_await(&other);
        assert_cloned();
        assert_int_equal(other_end(&other), 0);
}

enum { TRIED_NOTHING, TRIED_IN_VAIN, TRIED_AND_COULD };

/* Binds the name as a monitor would, from the time that the copy begins until the clone has its
 * place. */
static int start_meanwhile(const struct other *own) {
        int seen = TRIED_NOTHING;

        if (write(own->ready_fd, "r", 1) != 1)
                return TRIED_AND_COULD;
        while (!is_there("clone")) {
                phx_autoclose int fd = -1;

                if (!is_there(".phoenixd-create~/clone/rootfs"))
                        continue;
                fd = bind_socket();
                if (fd < 0 && errno == EADDRINUSE && seen == TRIED_NOTHING)
                        seen = TRIED_IN_VAIN;
                else if (fd >= 0 && !is_there("clone"))
                        seen = TRIED_AND_COULD;
        }
        return seen;
}

/* So many that a copy takes its time. */
static void make_files(void) {
        for (unsigned i = 0; i < FILES; i++) {
                char name[64];

                (void) snprintf(name, sizeof(name), "src/rootfs/srv/%u", i);
                tree_write(in_lxc(name), "x");
        }
}

/* A start that has ended again before the copy has would leave no trace. */
static void one_that_is_being_cloned_cannot_be_started(void **state) {
        int tried = TRIED_NOTHING;
        struct other other;

        make_files();
        /* On a busy machine the other process may come to nothing. */
        for (unsigned i = 0; tried == TRIED_NOTHING && i < TRIES; i++) {
                tree_remove(in_lxc("clone"));
                other = other_begin(start_meanwhile);
                other_await(&other);
                assert_cloned();
                tried = other_end(&other);
        }
        assert_int_equal(tried, TRIED_IN_VAIN);
        /* Afterwards it can. */
        other = other_begin(listen_until_end);
        other_await(&other);
        assert_int_equal(other_end(&other), 0);
}

enum { STARTED_IN_TIME, STARTED_LATE, STARTED_NOT };

/* A stranger who has the name makes room for a start in the middle of the copy. */
static int start_behind_stranger(const struct other *own) {
        phx_autoclose int stranger_fd = -1, fd = -1;
        char byte = 0;

        if (seteuid(STRANGER) < 0)
                return STARTED_NOT;
        stranger_fd = bind_socket();
        if (stranger_fd < 0 || listen(stranger_fd, 4) < 0 || seteuid(0) < 0 ||
            write(own->ready_fd, "r", 1) != 1)
                return STARTED_NOT;
        while (!is_there(".phoenixd-create~/clone/rootfs/srv") && !is_there("clone"))
                continue;
        (void) close(PHX_TAKE_FD(stranger_fd));
        fd = bind_socket();
        if (fd < 0 || listen(fd, 4) < 0)
                return STARTED_NOT;
        if (is_there(".phoenixd-create~/clone/config") || is_there("clone"))
                return STARTED_LATE;
        return read(own->end_fd, &byte, 1) != 0 ? STARTED_NOT : STARTED_IN_TIME;
}

/* Asks for a clone beside the other process, until that comes in time. */
static void assert_not_kept(int (*meanwhile)(const struct other *own), const char *text) {
        int when = STARTED_LATE;

        make_files();
        for (unsigned i = 0; when == STARTED_LATE && i < TRIES; i++) {
                struct other other = other_begin(meanwhile);
                struct phx_error error = { 0 };
                int r;

                other_await(&other);
                r = create_run(&trust, &order, &error);
                when = other_end(&other);
                if (when == STARTED_IN_TIME) {
                        assert_int_equal(r, -EBUSY);
                        assert_string_equal(error.text, text);
                        assert_false(is_there("clone"));
                }
                tree_remove(in_lxc("clone"));
        }
        assert_int_equal(when, STARTED_IN_TIME);
}

static void one_that_was_started_meanwhile_is_not_kept(void **state) {
        if (geteuid() != 0)
                skip();
        assert_not_kept(start_behind_stranger, "container src was started while it was copied");
}

/* lxc-destroy does not ask for the socket, and an administrator may work in the files from outside.
 * Of what is gone by the time that the copy comes to it, nothing says that it was there. */
static int change_meanwhile(const struct other *own) {
        phx_autofree char *path = strdup(tree_path(in_lxc("src/rootfs/etc/hostname")));

        if (!path || write(own->ready_fd, "r", 1) != 1)
                return STARTED_NOT;
        while (!is_there(".phoenixd-create~/clone/rootfs/srv") && !is_there("clone"))
                continue;
        if (chmod(path, 0600) < 0)
                return STARTED_NOT;
        return is_there(".phoenixd-create~/clone/config") || is_there("clone") ? STARTED_LATE
                                                                               : STARTED_IN_TIME;
}

static void one_that_was_changed_meanwhile_is_not_kept(void **state) {
        assert_not_kept(change_meanwhile,
                        "the container that is cloned was changed while it was copied");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(one_that_runs_is_not_cloned, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                a_socket_of_a_stranger_is_no_monitor,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                one_that_is_being_cloned_cannot_be_started,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                one_that_was_started_meanwhile_is_not_kept,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                one_that_was_changed_meanwhile_is_not_kept,
                                set_up,
                                tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
