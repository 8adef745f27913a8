/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A filter stops the child at the calls of the table below, and only there (SECCOMP_RET_TRACE);
 * stopping at every call would take three times as long. What a descriptor is open on decides
 * whether a call counts: writes to pipes, sockets and memory files change nothing that outlives the
 * process. A call that is to fail becomes one that does not exist, and its result is written over
 * with the error: so it has no effect at all, as after a full disk. The filter is inherited by the
 * child's own children, which are followed for that reason alone. x86-64 only; elsewhere the
 * harness says so and is skipped. */

#include "tracer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define DATA_LIMIT ((size_t) 4 << 20)

/* Which arguments of a call name what it changes, by number; -1: none. */
struct shape {
        long number;
        const char *name;
        int fd;  /* a descriptor that is written to */
        int dir; /* a directory's descriptor for PATH */
        int path;
        int target_dir;
        int target;
};

static const struct shape shapes[] = {
        { SYS_openat, "openat", -1, 0, 1, -1, -1 },
        { SYS_open, "open", -1, -1, 0, -1, -1 },
        { SYS_creat, "creat", -1, -1, 0, -1, -1 },
        { SYS_write, "write", 0, -1, -1, -1, -1 },
        { SYS_pwrite64, "pwrite", 0, -1, -1, -1, -1 },
        { SYS_writev, "writev", 0, -1, -1, -1, -1 },
        { SYS_ftruncate, "ftruncate", 0, -1, -1, -1, -1 },
        { SYS_fsync, "fsync", 0, -1, -1, -1, -1 },
        { SYS_fdatasync, "fdatasync", 0, -1, -1, -1, -1 },
        { SYS_fchmod, "fchmod", 0, -1, -1, -1, -1 },
        { SYS_fchown, "fchown", 0, -1, -1, -1, -1 },
        { SYS_fchmodat, "fchmodat", -1, 0, 1, -1, -1 },
        { SYS_fchownat, "fchownat", -1, 0, 1, -1, -1 },
        { SYS_chmod, "chmod", -1, -1, 0, -1, -1 },
        { SYS_chown, "chown", -1, -1, 0, -1, -1 },
        { SYS_rename, "rename", -1, -1, 0, -1, 1 },
        { SYS_renameat, "renameat", -1, 0, 1, 2, 3 },
        { SYS_renameat2, "renameat2", -1, 0, 1, 2, 3 },
        { SYS_link, "link", -1, -1, 0, -1, 1 },
        { SYS_linkat, "linkat", -1, 0, 1, 2, 3 },
        { SYS_symlink, "symlink", -1, -1, 1, -1, -1 },
        { SYS_symlinkat, "symlinkat", -1, 1, 2, -1, -1 },
        { SYS_unlink, "unlink", -1, -1, 0, -1, -1 },
        { SYS_unlinkat, "unlinkat", -1, 0, 1, -1, -1 },
        { SYS_mkdir, "mkdir", -1, -1, 0, -1, -1 },
        { SYS_mkdirat, "mkdirat", -1, 0, 1, -1, -1 },
        { SYS_rmdir, "rmdir", -1, -1, 0, -1, -1 },
        { SYS_utimensat, "utimensat", -1, 0, 1, -1, -1 },
        { SYS_truncate, "truncate", -1, -1, 0, -1, -1 },
};

/* A call of the child that is under way. */
struct under_way {
        const struct shape *shape;
        char path[2 * PATH_MAX];
        char target[2 * PATH_MAX];
        char *data;
        size_t size;
};

static unsigned long long argument_of(const struct user_regs_struct *regs, int n) {
        const unsigned long long all[] = { regs->rdi, regs->rsi, regs->rdx,
                                           regs->r10, regs->r8,  regs->r9 };

        return all[n];
}

static size_t peek(pid_t pid, unsigned long long from, void *to, size_t size) {
        const struct iovec local = { to, size };
        /* An address of another process. NOLINTNEXTLINE(*-no-int-to-ptr) */
        const struct iovec remote = { (void *) (uintptr_t) from, size };
        ssize_t n = process_vm_readv(pid, &local, 1, &remote, 1, 0);

        return n < 0 ? 0 : (size_t) n;
}

/* A string may end just before memory that is not mapped: no page is crossed at once. */
static void peek_text(pid_t pid, unsigned long long from, char *to, size_t size) {
        size_t done = 0;

        while (done + 1 < size) {
                size_t part = 4096 - (size_t) ((from + done) % 4096), n;

                if (part > size - 1 - done)
                        part = size - 1 - done;
                n = peek(pid, from + done, to + done, part);
                if (n == 0)
                        break;
                if (memchr(to + done, '\0', n))
                        return;
                done += n;
        }
        to[done] = '\0';
}

static void path_of_fd(pid_t pid, int fd, char *path, size_t size) {
        char link[64];
        ssize_t n;

        if (fd == AT_FDCWD)
                (void) snprintf(link, sizeof(link), "/proc/%d/cwd", (int) pid);
        else
                (void) snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int) pid, fd);
        n = readlink(link, path, size - 1);
        path[n > 0 ? n : 0] = '\0';
}

static void path_at(pid_t pid, const struct user_regs_struct *regs, int dir, int path, char *to) {
        char name[PATH_MAX], base[PATH_MAX];
        int fd = dir >= 0 ? (int) argument_of(regs, dir) : AT_FDCWD;

        to[0] = '\0';
        if (path < 0)
                return;
        peek_text(pid, argument_of(regs, path), name, sizeof(name));
        if (name[0] == '/') {
                (void) snprintf(to, 2 * PATH_MAX, "%s", name);
                return;
        }
        path_of_fd(pid, fd, base, sizeof(base));
        (void) snprintf(to, 2 * PATH_MAX, "%s/%s", base, name);
}

static bool is_creating(const struct shape *shape, const struct user_regs_struct *regs) {
        int flags;

        if (shape->number == SYS_openat)
                flags = (int) regs->rdx;
        else if (shape->number == SYS_open)
                flags = (int) regs->rsi;
        else
                return true;
        return (flags & (O_CREAT | O_TRUNC)) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
}

static void take_data(pid_t pid, const struct user_regs_struct *regs, struct under_way *call) {
        if (call->shape->number != SYS_write && call->shape->number != SYS_pwrite64)
                return;
        call->size = regs->rdx < DATA_LIMIT ? (size_t) regs->rdx : DATA_LIMIT;
        call->data = malloc(call->size + 1);
        call->size = call->data ? peek(pid, regs->rsi, call->data, call->size) : 0;
}

/* True when the call changes something; then CALL is filled. */
static bool begin(pid_t pid, const struct user_regs_struct *regs, struct under_way *call) {
        call->shape = NULL;
        for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
                if (shapes[i].number == (long) regs->orig_rax)
                        call->shape = &shapes[i];
        if (!call->shape || !is_creating(call->shape, regs))
                return false;

        call->target[0] = '\0';
        if (call->shape->fd >= 0) {
                path_of_fd(pid, (int) argument_of(regs, call->shape->fd), call->path, PATH_MAX);
                /* "pipe:[1]", "socket:[1]", "/memfd:NAME (deleted)", "/dev/null" */
                if (call->path[0] != '/' || strncmp(call->path, "/memfd:", 7) == 0 ||
                    strncmp(call->path, "/dev/", 5) == 0)
                        return false;
                take_data(pid, regs, call);
                return true;
        }
        path_at(pid, regs, call->shape->dir, call->shape->path, call->path);
        path_at(pid, regs, call->shape->target_dir, call->shape->target, call->target);
        return strncmp(call->path, "/dev/", 5) != 0;
}

static void tell(
                const struct tracer *tracer,
                const struct under_way *call,
                bool done,
                long result) {
        const struct call told = {
                .name = call->shape->name,
                .path = call->path,
                .target = call->target,
                .data = call->data,
                .size = call->size,
                .is_done = done,
                .result = result,
        };

        if (tracer->on_call)
                tracer->on_call(tracer->data, &told);
}

/* Before the call. True when it is not to be made at all. */
static bool disturb(
                struct tracer *tracer,
                pid_t pid,
                struct user_regs_struct *regs,
                const struct under_way *call) {
        if (tracer->fault == FAULT_NONE || tracer->count != tracer->at)
                return false;
        (void) snprintf(tracer->where,
                        sizeof(tracer->where),
                        "%s %s",
                        call->shape->name,
                        call->path);
        if (tracer->fault == FAULT_SHORT) {
                if (call->shape->number != SYS_write || regs->rdx < 2)
                        return false;
                regs->rdx /= 2;
                tracer->was_made = true;
                (void) ptrace(PTRACE_SETREGS, pid, NULL, regs);
                return false;
        }
        tracer->was_made = true;
        if (tracer->fault == FAULT_KILL) {
                (void) kill(pid, SIGKILL);
                return true;
        }
        regs->orig_rax = ~0ULL;
        (void) ptrace(PTRACE_SETREGS, pid, NULL, regs);
        return true;
}

struct run {
        struct tracer *tracer;
        pid_t pid;
        bool is_mutating;
        bool is_left_out;
        struct under_way call;
        pid_t others[64]; /* the child's own children */
        size_t other_count;
};

static void on_begin(struct run *run) {
        struct user_regs_struct regs;

        if (ptrace(PTRACE_GETREGS, run->pid, NULL, &regs) < 0)
                return;
        run->is_mutating = begin(run->pid, &regs, &run->call);
        run->is_left_out = false;
        if (!run->is_mutating)
                return;
        tell(run->tracer, &run->call, false, 0);
        run->is_left_out = disturb(run->tracer, run->pid, &regs, &run->call);
        run->tracer->count++;
}

static void on_end(struct run *run) {
        struct user_regs_struct regs;

        if (!run->is_mutating || ptrace(PTRACE_GETREGS, run->pid, NULL, &regs) < 0)
                return;
        run->is_mutating = false;
        if (run->is_left_out) {
                regs.rax = (unsigned long long) -(long long) run->tracer->error;
                (void) ptrace(PTRACE_SETREGS, run->pid, NULL, &regs);
        }
        tell(run->tracer, &run->call, true, (long) regs.rax);
        free(run->call.data);
        run->call.data = NULL;
        run->call.size = 0;
}

/* How the one that has stopped goes on. */
static void go_on(struct run *run, pid_t pid, int status) {
        int signal_number = WSTOPSIG(status), event = status >> 16;
        enum __ptrace_request request = PTRACE_CONT;

        if (signal_number == (SIGTRAP | 0x80)) {
                if (pid == run->pid)
                        on_end(run);
                signal_number = 0;
        } else if (event == PTRACE_EVENT_SECCOMP) {
                if (pid == run->pid) {
                        on_begin(run);
                        request = PTRACE_SYSCALL;
                }
                signal_number = 0;
        } else if (event != 0 || signal_number == SIGSTOP)
                signal_number = 0; /* a fork, or the first stop of a new child */
        (void) ptrace(request, pid, NULL, (void *) (intptr_t) signal_number);
}

static void remember(struct run *run, pid_t pid) {
        for (size_t i = 0; i < run->other_count; i++)
                if (run->others[i] == pid)
                        return;
        if (run->other_count < sizeof(run->others) / sizeof(run->others[0]))
                run->others[run->other_count++] = pid;
}

static void forget(struct run *run, pid_t pid) {
        for (size_t i = 0; i < run->other_count; i++)
                if (run->others[i] == pid)
                        run->others[i] = run->others[--run->other_count];
}

/* Until the child has ended, and then until nothing that it started is left. Returns its status. */
static int follow(struct run *run) {
        int status = 0, result = 0;
        bool has_ended = false;
        pid_t pid;

        while ((!has_ended || run->other_count > 0) && (pid = waitpid(-1, &status, __WALL)) > 0) {
                if (!WIFSTOPPED(status)) {
                        forget(run, pid);
                        if (pid != run->pid)
                                continue;
                        has_ended = true;
                        result = status;
                        for (size_t i = 0; i < run->other_count; i++)
                                (void) kill(run->others[i], SIGKILL);
                        continue;
                }
                if (pid != run->pid)
                        remember(run, pid);
                go_on(run, pid, status);
        }
        return result;
}

static int install_filter(void) {
        enum { COUNT = sizeof(shapes) / sizeof(shapes[0]) };
        struct sock_filter filter[COUNT + 3] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        };
        const struct sock_fprog program = { COUNT + 3, filter };

        for (unsigned i = 0; i < COUNT; i++)
                filter[1 + i] = (struct sock_filter) BPF_JUMP(
                                BPF_JMP | BPF_JEQ | BPF_K,
                                (unsigned) shapes[i].number,
                                (unsigned char) (COUNT - i),
                                0);
        filter[COUNT + 1] = (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        filter[COUNT + 2] = (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
        return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static _Noreturn void become(int (*main)(void *argument), void *argument) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
                _exit(127);
        (void) raise(SIGSTOP);
        if (install_filter() < 0)
                _exit(127);
        _exit(main(argument));
}

int tracer_run(struct tracer *tracer, int (*main)(void *argument), void *argument) {
        struct run run = { .tracer = tracer };
        int status = 0;

        tracer->count = 0;
        tracer->was_made = false;
        tracer->where[0] = '\0';
        (void) fflush(NULL);
        run.pid = fork();
        if (run.pid == 0)
                become(main, argument);
        if (run.pid < 0 || waitpid(run.pid, &status, 0) < 0 || !WIFSTOPPED(status))
                return 127;
        (void) ptrace(PTRACE_SETOPTIONS,
                      run.pid,
                      NULL,
                      PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEFORK |
                                      PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
                                      PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL);
        (void) ptrace(PTRACE_CONT, run.pid, NULL, NULL);
        status = follow(&run);
        free(run.call.data);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
