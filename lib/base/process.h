/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Child processes, from their start to their end. One rule holds for all of them: a child is killed
 * with its whole process group, and is waited for no longer than PHX_PROCESS_PATIENCE_USEC after
 * that. One that hangs in the kernel is abandoned, and its caller names it: nothing else waits for
 * it. What left the group (setsid) comes back to the nearest subreaper, which sweeps. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Long for a killed process, short for us. */
#define PHX_PROCESS_PATIENCE_USEC 1000000ULL

/* A zero value is no process. */
struct phx_process {
        pid_t pid;
        int fd; /* its pidfd, readable when it has ended; -1 when there is none */
};

/* A process that runs beside what else is done: it asks for attention when it has ended, and at a
 * time at the latest. */
struct phx_process_watch {
        pid_t pid;
        int fd;            /* its pidfd; borrowed; -1 without a process: for the time alone */
        uint64_t due_usec; /* by phx_now_usec() */
};

/* CLOCK_MONOTONIC. */
uint64_t phx_now_usec(void);

/* Forks: 1 in the child, which leads a process group of its own and dies with its parent; 0 in the
 * parent, or a negative errno. */
int phx_process_fork(struct phx_process *ret_process);

/* Kills it with its group. It stays ours until it is reaped. */
void phx_process_kill(const struct phx_process *process);

/* Never waits. True when it has ended and was reaped, and what was left of its group was killed;
 * RET_STATUS, which may be NULL, as from waitpid(2). The process is then none. */
bool phx_process_reap(struct phx_process *process, int *ret_status);

/* Lets go of it, whatever becomes of it: none afterwards. */
void phx_process_done(struct phx_process *process);

/* Kills and reaps it: 0, or -ETIMEDOUT when it did not end within the patience and is left behind.
 * Either way the process is none afterwards. No process at all has ended. */
int phx_process_end(struct phx_process *process, int *ret_status);

/* For a process that is a subreaper (PR_SET_CHILD_SUBREAPER): kills every child of ours but those
 * of KEEP, of which 0 is none, and what they leave to us when they die. Returns how many children
 * are still there after PATIENCE_USEC; with 0 it does not wait. */
unsigned phx_process_sweep(const pid_t *keep, size_t count, uint64_t patience_usec);

/* The first descriptor behind the standard ones: where phx_process_keep() puts what is kept. */
#define PHX_PROCESS_KEPT 3

/* In a child: FDS as PHX_PROCESS_KEPT and the numbers behind it, /dev/null as standard input,
 * output and error and in place of an FDS that is -1, and nothing else open; "/" as its directory.
 * 0 or a negative errno. */
int phx_process_keep(const int *fds, unsigned count);

/* In a child: every signal as the system has it, none blocked. */
void phx_process_reset_signals(void);

/* In a child: both limits of a resource (setrlimit(2)). */
void phx_process_limit(int resource, uint64_t value);

/* In a child: no more memory than it has now and EXTRA bytes. */
void phx_process_limit_memory(uint64_t extra);

/* In a child: of its capabilities only those of the MASK (bit N for number N) are left, and nothing
 * that it executes gets more. 0 or a negative errno. */
int phx_process_drop_rights(uint64_t mask);
