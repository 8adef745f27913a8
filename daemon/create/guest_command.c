/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "create/guest_command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/process.h"
#include "pve/cluster.h"

#define EXIT_NOT_RUN 127
#define SAID_LIMIT ((size_t) 1 << 24)
#define CGROUP_LIMIT 65536
/* The word of a line of /proc/locks that is the process. */
#define HOLDER 4
#define PAUSE_USEC UINT64_C(10000)

static int prepare(const struct guest_command *command, int output_fd) {
        phx_autoclose int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

        phx_process_reset_signals();
        (void) umask(0022);
        if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0 || dup2(output_fd, STDOUT_FILENO) < 0 ||
            dup2(output_fd, STDERR_FILENO) < 0 || chdir("/") < 0)
                return phx_errno();
        if (command->kept_fd >= 0 && fcntl(command->kept_fd, F_SETFD, 0) < 0)
                return phx_errno();
        return 0;
}

static void run_child(const struct guest_command *command, int output_fd) {
        static const char *const environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                                                   "LC_ALL=C.UTF-8",
                                                   NULL };
        char **arguments = calloc(command->arguments->count + 1, sizeof(*arguments));
        int r = arguments ? prepare(command, output_fd) : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < command->arguments->count; i++)
                arguments[i] = command->arguments->items[i];
        if (r >= 0) {
                /* Not changed by it, whatever its type says. NOLINTNEXTLINE(*-ptr) */
                (void) execve(arguments[0], arguments, (char *const *) (uintptr_t) environment);
                r = phx_errno();
        }
        (void) dprintf(output_fd, "%s: %s\n", command->arguments->items[0], strerrordesc_np(-r));
        _exit(EXIT_NOT_RUN);
}

/* Its last line is the reason: those before it are about its progress. */
static const char *last_line(char *text) {
        size_t size = strlen(text);
        char *line;

        while (size > 0 && text[size - 1] == '\n')
                text[--size] = '\0';
        line = strrchr(text, '\n');
        return line ? line + 1 : text;
}

static int judge(
                const struct guest_command *command,
                int status,
                int output_fd,
                struct phx_error *error) {
        const char *program = command->arguments->items[0];
        phx_autofree char *text = NULL;
        size_t size = 0;
        int r = phx_file_read_fd(output_fd, SAID_LIMIT, &text, &size);

        if (r >= 0)
                (void) fputs(text, stderr);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
                return 0;
        if (r >= 0 && last_line(text)[0])
                return phx_error_set(error, -EIO, "%s", last_line(text));
        if (WIFSIGNALED(status))
                return phx_error_set(
                                error,
                                -EIO,
                                "%s was ended by signal %d",
                                program,
                                WTERMSIG(status));
        return phx_error_set(error, -EIO, "%s ended with status %d", program, WEXITSTATUS(status));
}

int guest_run(const struct guest_command *command, struct phx_error *error) {
        phx_autoclose int output_fd = memfd_create("output", MFD_CLOEXEC);
        const char *program = command->arguments->items[0];
        int status = 0;
        pid_t pid, ended;

        if (output_fd < 0)
                return phx_error_errno(error, program);
        pid = fork();
        if (pid < 0)
                return phx_error_errno(error, program);
        if (pid == 0)
                run_child(command, output_fd);
        while ((ended = waitpid(pid, &status, WNOHANG)) != pid) {
                if (ended < 0 && errno != EINTR)
                        return phx_error_errno(error, program);
                if (command->watch)
                        command->watch(command->data);
                phx_pve_pause(PAUSE_USEC);
        }
        return judge(command, status, output_fd, error);
}

/* --- who holds the lock --- */

static bool is_in_our_unit(int pid) {
        phx_autofree char *ours = NULL, *theirs = NULL;
        char path[64];
        size_t size = 0;

        (void) snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
        return pid > 0 &&
               phx_file_read_at(AT_FDCWD, "/proc/self/cgroup", CGROUP_LIMIT, &ours, &size) >= 0 &&
               phx_file_read_at(AT_FDCWD, path, CGROUP_LIMIT, &theirs, &size) >= 0 &&
               strcmp(ours, theirs) == 0;
}

/* Of "1: FLOCK  ADVISORY  WRITE 812 00:19:1046 0 EOF"; 0 for one that waits, which has "->" before
 * the kind, and for a lock of another kind. */
static int holder_of(char *line) {
        char *words[HOLDER + 1] = { NULL }, *word;
        unsigned count = 0;

        while (count <= HOLDER && (word = strsep(&line, " ")))
                if (word[0])
                        words[count++] = word;
        return count > HOLDER && strcmp(words[1], "FLOCK") == 0
                               ? (int) strtol(words[HOLDER], NULL, 10)
                               : 0;
}

int guest_find_holder(const char *directory, uint32_t id) {
        phx_autofree char *path = NULL, *text = NULL;
        char place[64], *rest, *line;
        struct stat st;
        size_t size = 0;

        if (phx_printf(&path, "%s/pve-config-%u.lock", directory, id) < 0 || lstat(path, &st) < 0 ||
            phx_file_read_at(AT_FDCWD, "/proc/locks", SAID_LIMIT, &text, &size) < 0)
                return 0;
        (void) snprintf(place,
                        sizeof(place),
                        " %02x:%02x:%llu ",
                        major(st.st_dev),
                        minor(st.st_dev),
                        (unsigned long long) st.st_ino);
        for (rest = text; (line = strsep(&rest, "\n"));) {
                int holder = strstr(line, place) ? holder_of(line) : 0;

                if (is_in_our_unit(holder))
                        return holder;
        }
        return 0;
}
