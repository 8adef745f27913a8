/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Runs a function in a child process and stops it at each of its system calls that changes
 * something: a file, a directory, or a file's way to the disk. At one of them it can be killed, or
 * the call made to fail, or to write less than it was asked to. */

enum fault_kind {
        FAULT_NONE,
        FAULT_KILL,  /* SIGKILL in place of the call */
        FAULT_ERRNO, /* the call is not made, and fails */
        FAULT_SHORT, /* a write of which half is made; others are left alone */
};

/* One mutating call, before it is made. Strings are borrowed until the callback returns. */
struct call {
        const char *name;   /* "write", "renameat", … */
        const char *path;   /* of the file or of the descriptor's file; "" when there is none */
        const char *target; /* of a rename; else "" */
        const char *data;   /* of a write: up to SIZE bytes; else NULL */
        size_t size;
        bool is_done; /* second call of the callback: RESULT holds */
        long result;
};

struct tracer {
        enum fault_kind fault;
        size_t at; /* the call that FAULT is about, counted from 0 */
        int error; /* for FAULT_ERRNO: a positive errno */
        /* Called before and after each mutating call of the child. May be NULL. */
        void (*on_call)(void *data, const struct call *call);
        void *data;
        /* After the run: */
        size_t count;                  /* of mutating calls */
        bool was_made;                 /* the fault */
        char where[2 * PATH_MAX + 32]; /* the call that the fault was made at, for people */
};

/* Runs MAIN(ARGUMENT) in a child and waits for its end. Returns what MAIN returned (0 to 127), or
 * -1 when the child was killed. Children of the child are not traced. */
int tracer_run(struct tracer *tracer, int (*main)(void *argument), void *argument);
