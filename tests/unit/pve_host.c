/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "pve_host.h"

#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "tree.h"

#define MOUNTPOINT "etc-pve"
#define ANSWER_MAX (2U << 20)

static pid_t server;

static bool may_mount(void) {
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

        return syscall(SYS_capget, &header, data) == 0 &&
               (data[CAP_TO_INDEX(CAP_SYS_ADMIN)].effective & CAP_TO_MASK(CAP_SYS_ADMIN));
}

const char *pve_host_missing(void) {
        const char *program = getenv("PHX_PMXCFS");
        phx_autoclose int fd = -1;

        if (!program)
                return "PHX_PMXCFS names no stand-in of Proxmox's file system (it needs libfuse3-dev)";
        if (access(program, X_OK) < 0)
                return "the stand-in of Proxmox's file system is not built";
        fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
        if (fd < 0)
                return "/dev/fuse cannot be opened";
        return may_mount() ? NULL : "no file system may be mounted here (it needs CAP_SYS_ADMIN)";
}

const char *pve_host_path(const char *path) {
        char below[PATH_MAX + sizeof(MOUNTPOINT) + 1];

        (void) snprintf(below, sizeof(below), MOUNTPOINT "%s%s", *path ? "/" : "", path);
        return tree_path(below);
}

const char *pve_host_database(void) {
        return tree_path("database");
}

const char *pve_host_socket(void) {
        return tree_path("control");
}

pid_t pve_host_pid(void) {
        return server;
}

/* --- its life */

static _Noreturn void run_server(int said, pid_t parent) {
        (void) prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != parent || dup2(said, STDOUT_FILENO) < 0)
                _exit(1);
        (void) execl(getenv("PHX_PMXCFS"),
                     "pmxcfs-stand-in",
                     "--node",
                     "pve1",
                     "--database",
                     pve_host_database(),
                     "--control",
                     pve_host_socket(),
                     pve_host_path(""),
                     NULL);
        _exit(1);
}

static int wait_for_server(void) {
        int status = 0;

        assert_int_equal(waitpid(server, &status, 0), server);
        server = 0;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int pve_host_try_start(void) {
        int said[2];
        char byte;
        ssize_t n;
        pid_t parent = getpid();

        assert_int_equal(server, 0);
        (void) mkdir(pve_host_path(""), 0755);
        tree_mkdir("database");
        assert_int_equal(pipe2(said, O_CLOEXEC), 0);
        server = fork();
        assert_true(server >= 0);
        if (server == 0)
                run_server(said[1], parent);
        (void) close(said[1]);
        n = read(said[0], &byte, 1);
        (void) close(said[0]);
        return n == 1 ? 0 : wait_for_server();
}

void pve_host_start(void) {
        assert_int_equal(pve_host_try_start(), 0);
}

void pve_host_stop(void) {
        assert_int_equal(kill(server, SIGTERM), 0);
        assert_int_equal(wait_for_server(), 0);
}

void pve_host_kill(void) {
        assert_int_equal(kill(server, SIGKILL), 0);
        assert_int_equal(wait_for_server(), -SIGKILL);
}

void pve_host_continue(void) {
        if (server > 0)
                (void) kill(server, SIGCONT);
}

/* Those that the guest command has started, and did not stop. */
static void end_guests(void) {
        glob_t found = { 0 };

        if (glob(tree_path("run/*.pid"), 0, NULL, &found) == 0)
                for (size_t i = 0; i < found.gl_pathc; i++) {
                        phx_autoclose int fd = open(found.gl_pathv[i], O_RDONLY | O_CLOEXEC);
                        char digits[16] = "";

                        if (read(fd, digits, sizeof(digits) - 1) > 0)
                                (void) kill((pid_t) strtol(digits, NULL, 10), SIGTERM);
                }
        globfree(&found);
}

void pve_host_done(void) {
        if (server > 0) {
                (void) kill(server, SIGTERM);
                (void) wait_for_server();
        }
        (void) umount2(pve_host_path(""), MNT_DETACH);
        end_guests();
}

/* --- the control socket */

static int connect_control(void) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_true(fd >= 0);
        assert_true(strlen(pve_host_socket()) < sizeof(address.sun_path));
        (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s", pve_host_socket());
        assert_int_equal(connect(fd, (struct sockaddr *) &address, sizeof(address)), 0);
        return fd;
}

static char *exchange(const char *request, const void *data, size_t size) {
        phx_autoclose int fd = connect_control();
        char *answer = calloc(1, ANSWER_MAX);
        size_t have = 0;
        ssize_t n;

        assert_non_null(answer);
        assert_int_equal(dprintf(fd, "%s\n", request), strlen(request) + 1);
        for (size_t sent = 0; sent < size; sent += (size_t) n) {
                n = write(fd, (const char *) data + sent, size - sent);
                assert_true(n > 0);
        }
        assert_int_equal(shutdown(fd, SHUT_WR), 0);
        while ((n = read(fd, answer + have, ANSWER_MAX - 1 - have)) > 0)
                have += (size_t) n;
        if (strncmp(answer, "ok\n", 3) != 0)
                fail_msg("%s: %s", request, answer);
        memmove(answer, answer + 3, have - 2);
        return answer;
}

char *pve_host_ask(const char *request) {
        return exchange(request, NULL, 0);
}

void pve_host_order(const char *request) {
        free(exchange(request, NULL, 0));
}

void pve_host_write_bytes(const char *path, const void *data, size_t size) {
        char request[PATH_MAX];

        (void) snprintf(request, sizeof(request), "write %s", path);
        free(exchange(request, data, size));
}

void pve_host_write(const char *path, const char *text) {
        pve_host_write_bytes(path, text, strlen(text));
}

static unsigned long count_open(void) {
        phx_autofree char *counts = pve_host_ask("counts");
        const char *open_now = strstr(counts, "open_now ");

        assert_non_null(open_now);
        return strtoul(open_now + strlen("open_now "), NULL, 10);
}

void pve_host_save(const char *path, const char *text) {
        char temporary[PATH_MAX];
        unsigned long before = count_open();
        int fd;

        (void) snprintf(temporary, sizeof(temporary), "%s.tmp.%d", path, (int) getpid());
        fd = open(pve_host_path(temporary), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        assert_int_equal(close(fd), 0);
        /* The kernel says late that it is closed, and until then the next save would hide it. */
        while (count_open() > before)
                (void) usleep(1000);
        assert_int_equal(rename(pve_host_path(temporary), pve_host_path(path)), 0);
}

const char *pve_host_command(const char *settings) {
        static char command[PATH_MAX];
        char text[8 * PATH_MAX];

        assert_non_null(getenv("PHX_PCT"));
        (void) snprintf(text,
                        sizeof(text),
                        "{ \"node\": \"pve1\", \"etc_pve\": \"%s\", \"control\": \"%s\", "
                        "\"lxc_path\": \"%s\", \"lock_path\": \"%s\", \"run_path\": \"%s\", "
                        "\"task_path\": \"%s\"%s }\n",
                        pve_host_path(""),
                        pve_host_socket(),
                        tree_path("lxc"),
                        tree_path("lock"),
                        tree_path("run"),
                        tree_path("tasks"),
                        settings);
        tree_write("pct.json", text);
        (void) snprintf(text,
                        sizeof(text),
                        "#!/bin/sh\nPYTHONDONTWRITEBYTECODE=1 exec '%s' --settings '%s' \"$@\"\n",
                        getenv("PHX_PCT"),
                        tree_path("pct.json"));
        tree_write("pct", text);
        assert_int_equal(chmod(tree_path("pct"), 0755), 0);
        (void) snprintf(command, sizeof(command), "%.4000s", tree_path("pct"));
        return command;
}
