/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "create/run.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/process.h"
#include "base/strings.h"

#define EXIT_NOT_RUN 127
#define LINE_SIZE 512

/* Between parent and child: the child says that it has a user namespace, the parent that it is
 * mapped; and what the program says. */
struct pipes {
        int ready[2];
        int mapped[2];
        int output[2];
};

static void close_pair(int pair[2]) {
        for (unsigned i = 0; i < 2; i++)
                if (pair[i] >= 0)
                        (void) close(pair[i]);
        pair[0] = pair[1] = -1;
}

static void pipes_done(struct pipes *pipes) {
        close_pair(pipes->ready);
        close_pair(pipes->mapped);
        close_pair(pipes->output);
}

/* --- in the child --- */

/* Becomes the root of a user namespace. The group list is given up: no group of the host counts
 * there. */
static int enter_namespace(const struct run *run, struct pipes *pipes) {
        char byte = 0;

        if (setgroups(0, NULL) < 0 || unshare(CLONE_NEWUSER) < 0)
                return phx_errno();
        if (write(pipes->ready[1], &byte, 1) != 1 || read(pipes->mapped[0], &byte, 1) != 1)
                return -EIO;
        if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
                return phx_errno();
        return 0;
}

static int prepare(const struct run *run, struct pipes *pipes) {
        int r;

        /* A half that is left over by the other side would never end. */
        (void) close(pipes->ready[0]);
        (void) close(pipes->mapped[1]);
        phx_process_reset_signals();
        (void) umask(0022);
        if (fchdir(run->directory_fd) < 0 || dup2(pipes->output[1], STDOUT_FILENO) < 0 ||
            dup2(pipes->output[1], STDERR_FILENO) < 0)
                return phx_errno();
        if (run->input_fd >= 0 && dup2(run->input_fd, STDIN_FILENO) < 0)
                return phx_errno();
        if (run->kept_fd >= 0 && fcntl(run->kept_fd, F_SETFD, 0) < 0)
                return phx_errno();
        r = run->count > 0 ? enter_namespace(run, pipes) : 0;
        /* Changing users has taken it away. */
        if (r >= 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                return phx_errno();
        return r;
}

static void run_child(const struct run *run, struct pipes *pipes) {
        static const char *const environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                                                   "LC_ALL=C.UTF-8",
                                                   NULL };
        int r = prepare(run, pipes);

        if (r >= 0) {
                /* Not changed by it, whatever its type says. NOLINTBEGIN(*-ptr) */
                (void) execve(run->arguments[0],
                              (char *const *) (uintptr_t) run->arguments,
                              (char *const *) (uintptr_t) environment);
                /* NOLINTEND(*-ptr) */
                r = phx_errno();
        }
        (void) dprintf(pipes->output[1], "%s: %s\n", run->arguments[0], strerrordesc_np(-r));
        _exit(EXIT_NOT_RUN);
}

/* --- in the parent --- */

static int write_map(pid_t pid, const char *name, const struct run *run) {
        char path[64], map[64];
        phx_autoclose int fd = -1;
        int size = snprintf(map, sizeof(map), "0 %u %u\n", (unsigned) run->first, run->count);

        (void) snprintf(path, sizeof(path), "/proc/%d/%s", (int) pid, name);
        fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0)
                return phx_errno();
        return write(fd, map, (size_t) size) == size ? 0 : phx_errno();
}

static int map_users(pid_t pid, const struct run *run, struct pipes *pipes) {
        char byte = 0;
        int r;

        if (read(pipes->ready[0], &byte, 1) != 1)
                return 0; /* it has failed, and says so */
        r = write_map(pid, "uid_map", run);
        if (r >= 0)
                r = write_map(pid, "gid_map", run);
        if (r >= 0 && write(pipes->mapped[1], &byte, 1) != 1)
                r = -EIO;
        return r;
}

/* Passes on what it says, and keeps the first line: those after it are about what follows from it.
 */
static void follow(int fd, char first[LINE_SIZE]) {
        FILE *output = fdopen(fd, "r");
        char line[LINE_SIZE];

        if (!output)
                return;
        while (fgets(line, sizeof(line), output)) {
                (void) fputs(line, stderr);
                line[strcspn(line, "\n")] = '\0';
                if (!first[0])
                        memcpy(first, line, sizeof(line));
        }
        (void) fclose(output);
}

static int judge(const struct run *run, int status, const char *said, struct phx_error *error) {
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
                return 0;
        if (said[0])
                return phx_error_set(error, -EIO, "%s", said);
        if (WIFSIGNALED(status))
                return phx_error_set(
                                error,
                                -EIO,
                                "%s was ended by signal %d",
                                run->arguments[0],
                                WTERMSIG(status));
        return phx_error_set(
                        error,
                        -EIO,
                        "%s ended with status %d",
                        run->arguments[0],
                        WEXITSTATUS(status));
}

int run_program(const struct run *run, struct phx_error *error) {
        phx_cleanup(pipes_done) struct pipes pipes = { { -1, -1 }, { -1, -1 }, { -1, -1 } };
        char said[LINE_SIZE] = "";
        int status = 0, r = 0;
        pid_t pid;

        if (pipe2(pipes.ready, O_CLOEXEC) < 0 || pipe2(pipes.mapped, O_CLOEXEC) < 0 ||
            pipe2(pipes.output, O_CLOEXEC) < 0)
                return phx_error_errno(error, run->arguments[0]);
        pid = fork();
        if (pid < 0)
                return phx_error_errno(error, run->arguments[0]);
        if (pid == 0)
                run_child(run, &pipes);
        (void) close(PHX_TAKE_FD(pipes.ready[1]));
        (void) close(PHX_TAKE_FD(pipes.mapped[0]));
        (void) close(PHX_TAKE_FD(pipes.output[1]));
        if (run->count > 0)
                r = map_users(pid, run, &pipes);
        if (r < 0)
                (void) kill(pid, SIGKILL);
        follow(PHX_TAKE_FD(pipes.output[0]), said);
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return phx_error_errno(error, run->arguments[0]);
        return r < 0 ? phx_error_set(error, r, "user namespace: %s", strerrordesc_np(-r))
                     : judge(run, status, said, error);
}
