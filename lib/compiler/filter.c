/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "compiler/filter.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/macros.h"

/* A number means another call on another architecture, so the filter is for one. */
#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__i386__)
#define ARCHITECTURE AUDIT_ARCH_I386
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#elif defined(__arm__)
#define ARCHITECTURE AUDIT_ARCH_ARM
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCHITECTURE AUDIT_ARCH_RISCV64
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
#define ARCHITECTURE AUDIT_ARCH_PPC64LE
#elif defined(__s390x__)
#define ARCHITECTURE AUDIT_ARCH_S390X
#else
#error "which architecture does seccomp(2) call this?"
#endif

/* The half of an argument that holds an int. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ARGUMENT(n) ((uint32_t) offsetof(struct seccomp_data, args[n]))
#else
#define ARGUMENT(n) ((uint32_t) offsetof(struct seccomp_data, args[n]) + 4)
#endif

#define FIELD(name) ((uint32_t) offsetof(struct seccomp_data, name))
#define ALLOW SECCOMP_RET_ALLOW
#define REFUSE (SECCOMP_RET_ERRNO | ENOSYS)
/* What opens a file for more than reading. */
#define WRITING ((uint32_t) (O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY)))

static const int allowed[] = {
        __NR_read,
        __NR_readv,
        __NR_write,
        __NR_writev,
        __NR_pread64,
        __NR_close,
        __NR_fstat,
        __NR_statx,
        __NR_lseek,
        __NR_getdents64,
        __NR_getcwd,
        __NR_chdir,
        __NR_readlinkat,
        __NR_faccessat,
        __NR_fcntl,
        __NR_dup,
        __NR_dup3,
        __NR_munmap,
        __NR_mprotect,
        __NR_mremap,
        __NR_madvise,
        __NR_brk,
        __NR_rt_sigaction,
        __NR_rt_sigprocmask,
        __NR_rt_sigreturn,
        __NR_sigaltstack,
        __NR_restart_syscall,
        __NR_nanosleep,
        __NR_clock_nanosleep,
        __NR_clock_gettime,
        __NR_clock_getres,
        __NR_gettimeofday,
        __NR_times,
        __NR_getrusage,
        __NR_sysinfo,
        __NR_uname,
        __NR_getpid,
        __NR_gettid,
        __NR_getppid,
        __NR_getpgid,
        __NR_getuid,
        __NR_geteuid,
        __NR_getgid,
        __NR_getegid,
        __NR_getrandom,
        __NR_sched_getaffinity,
        __NR_sched_yield,
        __NR_set_tid_address,
        __NR_set_robust_list,
        __NR_futex,
        __NR_execve,
        __NR_exit,
        __NR_exit_group,
#ifdef __NR_access
        __NR_access,
#endif
#ifdef __NR_arch_prctl
        __NR_arch_prctl,
#endif
#ifdef __NR_clock_gettime64
        __NR_clock_gettime64,
#endif
#ifdef __NR_clock_nanosleep_time64
        __NR_clock_nanosleep_time64,
#endif
#ifdef __NR_dup2
        __NR_dup2,
#endif
#ifdef __NR_faccessat2
        __NR_faccessat2,
#endif
#ifdef __NR_fadvise64
        __NR_fadvise64,
#endif
#ifdef __NR_fcntl64
        __NR_fcntl64,
#endif
#ifdef __NR_fstat64
        __NR_fstat64,
#endif
#ifdef __NR_fstatat64
        __NR_fstatat64,
#endif
#ifdef __NR_futex_time64
        __NR_futex_time64,
#endif
#ifdef __NR_getegid32
        __NR_getegid32,
        __NR_geteuid32,
        __NR_getgid32,
        __NR_getuid32,
#endif
#ifdef __NR_getpgrp
        __NR_getpgrp,
#endif
#ifdef __NR_getrlimit
        __NR_getrlimit,
#endif
#ifdef __NR__llseek
        __NR__llseek,
#endif
#ifdef __NR_lstat
        __NR_lstat,
#endif
#ifdef __NR_lstat64
        __NR_lstat64,
#endif
#ifdef __NR_mmap
        __NR_mmap,
#endif
#ifdef __NR_mmap2
        __NR_mmap2,
#endif
#ifdef __NR_newfstatat
        __NR_newfstatat,
#endif
#ifdef __NR_readlink
        __NR_readlink,
#endif
#ifdef __NR_rseq
        __NR_rseq,
#endif
#ifdef __NR_stat
        __NR_stat,
#endif
#ifdef __NR_stat64
        __NR_stat64,
#endif
#ifdef __NR_time
        __NR_time,
#endif
#ifdef __NR_ugetrlimit
        __NR_ugetrlimit,
#endif
#ifdef __ARM_NR_set_tls
        __ARM_NR_set_tls,
#endif
};

/* Where the answer changes, sorted: what is below the first is refused, what is from there to below
 * the second is allowed, and so on. */
struct edges {
        uint32_t items[2 * PHX_ELEMENTS(allowed)];
        size_t count;
};

/* An instruction an edge, six for each call that depends on an argument, and the frame. */
struct program {
        struct sock_filter code[2 * PHX_ELEMENTS(allowed) + 48];
        unsigned short count;
};

/* A conditional jump reaches so far. */
static_assert(2 * PHX_ELEMENTS(allowed) + 2 <= UINT8_MAX, "too many calls");

static void filter_add(
                struct program *program,
                uint16_t code,
                uint32_t k,
                uint8_t yes,
                uint8_t no) {
        program->code[program->count++] = (struct sock_filter){ code, yes, no, k };
}

static void filter_load(struct program *program, uint32_t offset) {
        filter_add(program, BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
}

static void filter_answer(struct program *program, uint32_t action) {
        filter_add(program, BPF_RET | BPF_K, action, 0, 0);
}

static void filter_find_edges(struct edges *edges) {
        uint32_t calls[PHX_ELEMENTS(allowed)];

        for (size_t i = 0; i < PHX_ELEMENTS(allowed); i++) {
                size_t at = i;

                for (; at > 0 && calls[at - 1] > (uint32_t) allowed[i]; at--)
                        calls[at] = calls[at - 1];
                calls[at] = (uint32_t) allowed[i];
        }
        edges->count = 0;
        for (size_t i = 0; i < PHX_ELEMENTS(calls); i++) {
                if (edges->count == 0 || edges->items[edges->count - 1] != calls[i]) {
                        edges->items[edges->count++] = calls[i];
                        edges->count++;
                }
                edges->items[edges->count - 1] = calls[i] + 1;
        }
}

/* How far it is from the instruction after the one at AT to the answer between the edge before
 * POSITION and that one. All of EDGES come first, then "allow", then "refuse". */
static uint8_t filter_answer_at(const struct edges *edges, size_t position, size_t at) {
        return (uint8_t) (edges->count - at - 1 + (position % 2 == 0));
}

/* The edges from FROM to below TO, of which there is one, by halves: a call is decided in few steps
 * of a short program. The kernel translates it, and tries each call that there is, whenever it gets
 * one; that took longer than all else that a compile needs before it begins. AT is where the
 * program is, from the first edge on. */
static void filter_halve(
                struct program *program,
                const struct edges *edges,
                size_t from,
                size_t to,
                size_t at) {
        size_t middle = from + (to - from) / 2, right = at + 1 + (middle - from);
        uint8_t below = from == middle ? filter_answer_at(edges, middle, at) : 0;
        uint8_t above = middle + 1 == to ? filter_answer_at(edges, to, at)
                                         : (uint8_t) (right - at - 1);

        filter_add(program, BPF_JMP | BPF_JGE | BPF_K, edges->items[middle], above, below);
        if (from < middle)
                filter_halve(program, edges, from, middle, at + 1);
        if (middle + 1 < to)
                filter_halve(program, edges, middle + 1, to, right);
}

static void filter_allow(struct program *program) {
        struct edges edges;

        filter_find_edges(&edges);
        filter_halve(program, &edges, 0, edges.count, 0);
        filter_answer(program, ALLOW);
        filter_answer(program, REFUSE);
}

/* For a call of this number it ends here: allowed where the argument, seen through MASK, is VALUE.
 */
static void allow_if(
                struct program *program,
                int call,
                unsigned argument,
                uint32_t mask,
                uint32_t value) {
        filter_add(program, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t) call, 0, 5);
        filter_load(program, ARGUMENT(argument));
        filter_add(program, BPF_ALU | BPF_AND | BPF_K, mask, 0, 0);
        filter_add(program, BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
        filter_answer(program, ALLOW);
        filter_answer(program, REFUSE);
}

bool phx_compiler_filter(void) {
        struct program program = { .count = 0 };
        struct sock_fprog filter = { .filter = program.code };
        uint32_t self = (uint32_t) getpid();

        filter_load(&program, FIELD(arch));
        filter_add(&program, BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
        filter_answer(&program, REFUSE);
        filter_load(&program, FIELD(nr));
#ifdef __NR_open
        allow_if(&program, __NR_open, 1, WRITING, 0);
#endif
        allow_if(&program, __NR_openat, 2, WRITING, 0);
        allow_if(&program, __NR_kill, 0, ~0U, self);
        allow_if(&program, __NR_tgkill, 0, ~0U, self);
        /* Whether it writes to a terminal, and nothing to one: root's own may be within reach. */
        allow_if(&program, __NR_ioctl, 1, ~0U, TCGETS);
        /* Its own limits: those of another of the same user decide what that one can open. */
        allow_if(&program, __NR_prlimit64, 0, ~0U, 0);
        filter_allow(&program);

        filter.len = program.count;
        return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0;
}
