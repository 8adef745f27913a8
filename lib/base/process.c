/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/process.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "base/error.h"

#define POLL_NSEC 1000000L
#define EXIT_NOT_STARTED 127

uint64_t phx_now_usec(void) {
        struct timespec now;

        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
}

int phx_process_fork(struct phx_process *ret_process) {
        pid_t parent = getpid(), pid = fork();

        if (pid < 0)
                return phx_errno();
        /* On both sides, so that the group exists, whichever comes first. */
        if (pid == 0) {
                (void) setpgid(0, 0);
                if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
                        _exit(EXIT_NOT_STARTED);
                return 1;
        }
        (void) setpgid(pid, pid);
        *ret_process = (struct phx_process){ pid, pidfd_open(pid, 0) };
        if (ret_process->fd < 0) {
                /* To wait for it could hang. */
                int r = phx_errno();

                phx_process_kill(ret_process);
                (void) phx_process_end(ret_process, NULL);
                return r;
        }
        return 0;
}

/* The group first: it is named by its leader's number, which is ours until that one is reaped. */
void phx_process_kill(const struct phx_process *process) {
        if (process->pid <= 0)
                return;
        (void) kill(-process->pid, SIGKILL);
        (void) kill(process->pid, SIGKILL);
}

void phx_process_done(struct phx_process *process) {
        if (process->pid > 0 && process->fd >= 0)
                (void) close(process->fd);
        *process = (struct phx_process){ 0 };
}

bool phx_process_reap(struct phx_process *process, int *ret_status) {
        siginfo_t info = { 0 };

        if (process->pid <= 0)
                return true;
        /* A failure says that it is no child of ours any more, and its number perhaps another's. */
        if (waitid(P_PID, (id_t) process->pid, &info, WEXITED | WNOHANG | WNOWAIT) >= 0) {
                if (info.si_pid == 0)
                        return false;
                phx_process_kill(process);
                (void) waitpid(process->pid, ret_status, WNOHANG);
        }
        phx_process_done(process);
        return true;
}

static void wait_a_little(int fd, uint64_t left_usec) {
        const struct timespec little = { 0, POLL_NSEC };
        const struct timespec left = { (time_t) (left_usec / 1000000),
                                       (long) (left_usec % 1000000 * 1000) };
        struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

        /* Without a pidfd only asking again helps. */
        (void) ppoll(&poll_fd, 1, fd >= 0 ? &left : &little, NULL);
}

int phx_process_end(struct phx_process *process, int *ret_status) {
        uint64_t until = phx_now_usec() + PHX_PROCESS_PATIENCE_USEC, now;

        phx_process_kill(process);
        while (!phx_process_reap(process, ret_status)) {
                now = phx_now_usec();
                if (now >= until) {
                        phx_process_done(process);
                        return -ETIMEDOUT;
                }
                wait_a_little(process->fd, until - now);
        }
        return 0;
}

static bool is_kept(const pid_t *keep, size_t count, pid_t pid) {
        for (size_t i = 0; i < count; i++)
                if (keep[i] == pid)
                        return true;
        return false;
}

/* Kills and reaps what the kernel says are our children, each number followed by a blank. Returns
 * how many are left; the list may be longer than what is read of it. */
static unsigned sweep_once(const pid_t *keep, size_t count) {
        phx_autoclose int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
        char text[4096], *rest = text, *end;
        ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
        unsigned left = 0;

        text[n > 0 ? n : 0] = '\0';
        for (;; rest = end) {
                pid_t pid = (pid_t) strtol(rest, &end, 10);

                if (end == rest || !isspace((unsigned char) *end))
                        return left;
                if (pid <= 0 || is_kept(keep, count, pid))
                        continue;
                (void) kill(pid, SIGKILL);
                if (waitpid(pid, NULL, WNOHANG) != pid)
                        left++;
        }
}

unsigned phx_process_sweep(const pid_t *keep, size_t count, uint64_t patience_usec) {
        const struct timespec little = { 0, POLL_NSEC };
        uint64_t until = phx_now_usec() + patience_usec;
        unsigned left;

        while ((left = sweep_once(keep, count)) > 0 && phx_now_usec() < until)
                (void) nanosleep(&little, NULL);
        return left;
}

/* Any of them may itself be one of the numbers that are replaced, so that all are moved out of the
 * way before the first is put there. */
static int keep_moved(int *fds, int end, int null) {
        for (int i = 0; i < end; i++) {
                fds[i] = fcntl(fds[i] < 0 ? null : fds[i], F_DUPFD, end);
                if (fds[i] < 0)
                        return phx_errno();
        }
        for (int i = 0; i < end; i++)
                if (dup2(fds[i], i) < 0)
                        return phx_errno();
        return 0;
}

int phx_process_keep(const int *fds, unsigned count) {
        const int end = PHX_PROCESS_KEPT + (int) count;
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        int all[PHX_PROCESS_KEPT + 8] = { -1, -1, -1 };
        int r;

        assert(count <= PHX_ELEMENTS(all) - PHX_PROCESS_KEPT);

        if (null < 0)
                return phx_errno();
        memcpy(all + PHX_PROCESS_KEPT, fds, count * sizeof(*fds));
        r = keep_moved(all, end, null);
        if (r < 0)
                return r;
        (void) close_range((unsigned) end, UINT_MAX, 0);
        return chdir("/") < 0 ? phx_errno() : 0;
}

void phx_process_reset_signals(void) {
        const struct sigaction standard = { .sa_handler = SIG_DFL };
        sigset_t none;

        for (int number = 1; number <= SIGRTMAX; number++)
                (void) sigaction(number, &standard, NULL);
        (void) sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
}

void phx_process_limit(int resource, uint64_t value) {
        const struct rlimit limit = { value, value };

        (void) setrlimit((__rlimit_resource_t) resource, &limit);
}

void phx_process_limit_memory(uint64_t extra) {
        phx_autoclose int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
        char text[256] = "";
        ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

        if (n > 0)
                phx_process_limit(
                                RLIMIT_AS,
                                strtoull(text, NULL, 10) * (uint64_t) sysconf(_SC_PAGESIZE) +
                                                extra);
}

int phx_process_drop_rights(uint64_t mask) {
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct rights[_LINUX_CAPABILITY_U32S_3];

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_capget, &header, rights) < 0)
                return phx_errno();
        for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
                uint32_t part = (uint32_t) (mask >> (32 * i));

                rights[i].permitted &= part;
                rights[i].effective &= part;
                rights[i].inheritable = 0;
        }
        return syscall(SYS_capset, &header, rights) < 0 ? phx_errno() : 0;
}
