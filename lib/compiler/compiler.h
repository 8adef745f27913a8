/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/macros.h"
#include "base/process.h"
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
        const char *parser;        /* absolute path */
        const char *features_file; /* the kernel's; NULL: of the running one */
        const char *features_text; /* without that, those of the running one in the parser's form,
                                    * which saves it some 300 calls; NULL: it reads them itself */
        const struct phx_parser_options *options; /* NULL: none */
        const char *stage_dir;                    /* absolute, exists: where the copies are made */
        struct phx_compiler_account account;      /* whom it runs as; ours, unless we are root */
        int niceness;
        unsigned jobs;          /* at once; at most PHX_COMPILES_LIMIT, 0 for as many */
        uint64_t deadline_usec; /* for one process, by the wall clock and as processor time */
        uint64_t cpu_usec;      /* as processor time, where that is to be less; 0: it is not */
        uint64_t memory;        /* bytes of address space for one process */
};

/* So many run at once at most. */
#define PHX_COMPILES_LIMIT 64
size_t phx_compiler_limit(const struct phx_compiler *compiler);

struct phx_compile_job {
        const char *name; /* the four are borrowed */
        const struct phx_file_seen *profile;
        const struct phx_closure *closure;
        struct phx_files *files;

        bool is_ended; /* and only then the rest is so */
        /* 0 with BLOB; -EINVAL for what the author must correct; -EAGAIN for what a shared run does
         * not say; -ETIMEDOUT, -ENOMEM or another for what may go better another time. ERROR then
         * says it: "NAME: …". */
        int result;
        char *blob;
        size_t size;
        char *warnings; /* what the compiler said besides, one line each, or NULL */
        struct phx_error error;
};

void phx_compile_job_done(struct phx_compile_job *job);

/* For statistics and tests: the compile of a profile has started, or has ended after USEC by the
 * clock, its part of a run that it shared; of a shared run that came to nothing, nothing has ended.
 * Both may be NULL. */
struct phx_compile_progress {
        void (*started)(void *data, const char *name);
        void (*ended)(void *data, uint64_t usec);
        void *data;
};

/* Compiles that run while their owner does other things. The owner says when to look after them:
 * nothing happens by itself, not even the end of one that is late. */
struct phx_compiles;

/* PROGRESS may be NULL; borrowed. */
int phx_compiles_new(
                const struct phx_compile_progress *progress,
                struct phx_compiles **ret_compiles);
/* Ends those that run. */
struct phx_compiles *phx_compiles_free(struct phx_compiles *compiles);
PHX_DEFINE_FREEP(phx_compiles)

/* So many may share a run. */
#define PHX_COMPILE_SHARE_LIMIT 32

/* Whether the program at PARSER makes, of the same text, the same bytes wherever it stands in a run
 * of several: only then a run may be shared. */
bool phx_compiler_is_repeatable(const char *parser);

/* Starts JOB, whose KEY is the digest of all that decides its result; an older one of its name is
 * cancelled. Nothing of JOB is borrowed afterwards; of COMPILER, all strings but FEATURES_TEXT
 * and the options are until it has ended. The caller has descriptors 0 to 2 open, as every service
 * has. When it cannot be started, the job has its result. */
int phx_compiles_start(
                struct phx_compiles *compiles,
                const struct phx_compiler *compiler,
                const char *key,
                struct phx_compile_job *job);

/* Starts COUNT jobs, at most PHX_COMPILE_SHARE_LIMIT, in one run, which agree (source/agree.h):
 * their names differ, and what they include does not. The run is believed as a whole or not at all:
 * unless it ends well, says nothing and writes just the profiles of these names, without children,
 * each of them has the result -EAGAIN and is to be started alone, which tells the reason. A
 * negative errno when nothing was started: then, too, starting each alone gives the reason. */
struct phx_compile_shared {
        const char *key;
        const struct phx_compile_job *job;
};
int phx_compiles_start_shared(
                struct phx_compiles *compiles,
                const struct phx_compiler *compiler,
                const struct phx_compile_shared *shared,
                size_t count);

/* Reaps those that have ended, and ends those that are late. Never waits for one that runs. */
void phx_compiles_reap(struct phx_compiles *compiles);

/* Whether there is one to be reaped or taken. */
bool phx_compiles_has_ended(const struct phx_compiles *compiles);

/* How many processes run: those that share one count once. */
size_t phx_compiles_running(const struct phx_compiles *compiles);

/* The name of the one at POSITION, in no order that lasts; NULL behind the last. Borrowed. */
const char *phx_compiles_name(const struct phx_compiles *compiles, size_t position);
/* The key under which the compile of NAME was started; NULL when there is none. Borrowed. */
const char *phx_compiles_key(const struct phx_compiles *compiles, const char *name);
/* Takes the compile of the job's name out, when it was reaped: JOB has its result then. What the
 * job borrows must be what it was started with, byte for byte: a message is explained by it. */
bool phx_compiles_take(struct phx_compiles *compiles, struct phx_compile_job *job);
/* Ends and forgets the compile of NAME, if there is one; what others wait for goes on. */
void phx_compiles_cancel(struct phx_compiles *compiles, const char *name);

/* Those that run, as they ask for phx_compiles_reap(): at most LIMIT. Returns how many. */
size_t phx_compiles_watches(
                const struct phx_compiles *compiles,
                struct phx_process_watch *watches,
                size_t limit);
/* Waits until one of them asks for that, and no longer than until UNTIL_USEC (phx_now_usec());
 * returns at once when none runs. */
void phx_compiles_wait(const struct phx_compiles *compiles, uint64_t until_usec);

/* Compiles all of them, whose names differ, as many at once as allowed, and waits. No process is
 * left when it returns, nor when the caller dies. PROGRESS may be NULL. -ENOMEM when nothing could
 * be tried; else the jobs have their own results. */
int phx_compile(const struct phx_compiler *compiler,
                struct phx_compile_job *jobs,
                size_t count,
                const struct phx_compile_progress *progress);

/* For compile keys: which program with which flags and OPTIONS, by content. The caller's to free.
 */
int phx_compiler_identity(
                const char *parser,
                const char *features,
                const struct phx_parser_options *options,
                char **ret_identity);
