/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "compiler/account.h"
#include "compiler/parser_options.h"
#include "source/files.h"
#include "source/includes.h"

/* apparmor_parser as a compiler only: without privilege, from copies, within limits. It never
 * touches the kernel (-K -S, and a user that could not), and its own cache is not used.
 *
 * What is believed is what it has written before it was over: no other process may reach what it
 * writes to, and nothing is read before it is sealed against writing. */
struct phx_compiler {
        const char *parser;                       /* absolute path */
        const char *features_file;                /* the kernel's; NULL: of the running one */
        const struct phx_parser_options *options; /* NULL: none */
        const char *stage_dir;                    /* absolute, exists: where the copies are made */
        struct phx_compiler_account account;      /* whom it runs as; ours, unless we are root */
        int niceness;
        unsigned jobs;          /* at once */
        uint64_t deadline_usec; /* for one compile, by the wall clock and as processor time */
        uint64_t memory;        /* bytes of address space for one compile */
};

struct phx_compile_job {
        const char *name; /* the four are borrowed */
        const struct phx_file_seen *profile;
        const struct phx_closure *closure;
        struct phx_files *files;

        /* 0 with BLOB; -EINVAL for what the author must correct; -ETIMEDOUT, -ENOMEM or another for
         * what may go better another time. ERROR then says it: "NAME: …". */
        int result;
        char *blob;
        size_t size;
        char *warnings; /* what the compiler said besides, one line each, or NULL */
        struct phx_error error;
};

/* Tells what is being done, for a status line; also a sign of life, which the caller gets at
 * least every EVERY_MSEC, however long one compile takes. */
struct phx_compile_progress {
        void (*done)(void *data, const char *name, size_t done, size_t count);
        /* Afterwards: how many were compiled, and how long that took by the clock. May be NULL. */
        void (*ended)(void *data, size_t count, uint64_t usec);
        void *data;
        unsigned every_msec; /* 0: at the start of each compile alone */
};

/* Compiles all of them, as many at once as allowed (at most 64), and waits. No process is left when
 * it returns, nor when the caller dies. The caller has descriptors 0 to 2 open, as every service
 * has. PROGRESS may be NULL. -ENOMEM and such only when nothing could be tried; the jobs have their
 * own results. */
int phx_compile(const struct phx_compiler *compiler,
                struct phx_compile_job *jobs,
                size_t count,
                const struct phx_compile_progress *progress);
void phx_compile_job_done(struct phx_compile_job *job);

/* For compile keys: which program with which flags and OPTIONS, by content. The caller's to free.
 */
int phx_compiler_identity(
                const char *parser,
                const char *features,
                const struct phx_parser_options *options,
                char **ret_identity);
