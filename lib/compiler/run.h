/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "compiler/compiler.h"
#include "compiler/outcome.h"
#include "compiler/stage.h"

/* One process of the parser, of one profile or of several that share it: its copies, its limits,
 * what it writes to, and its end. */
struct phx_run {
        struct phx_compiler compiler; /* as it was at the start */
        char *stage;
        struct phx_process process; /* none: it is reaped */
        uint64_t began_usec;
        struct phx_compile_end end;
        size_t waiting; /* profiles that are not taken yet; the owner's to count */

        struct phx_strings names; /* of the profiles, in the order of the run */
        /* Of several, when it is reaped: what it wrote, or NULL when it came to nothing. */
        char *output;
        size_t sizes[PHX_COMPILE_SHARE_LIMIT];
};

/* Starts one in the stage NAME, below the compiler's directory, of COUNT CONTENTS that agree
 * (source/agree.h). */
int phx_run_start(
                const struct phx_compiler *compiler,
                const char *name,
                const struct phx_stage_content *contents,
                size_t count,
                struct phx_run **ret_run,
                struct phx_error *error);
/* Whatever it started goes with it. */
struct phx_run *phx_run_free(struct phx_run *run);
PHX_DEFINE_FREEP(phx_run)

bool phx_run_is_over(const struct phx_run *run);
/* When it is late, by phx_now_usec(). */
uint64_t phx_run_due(const struct phx_run *run);
/* Ends it, with all that it started, if that has not ended. */
void phx_run_reap(struct phx_run *run, bool was_late);

/* Of a run that is over: JOB, the one at POSITION, has its result. */
void phx_run_take(const struct phx_run *run, size_t position, struct phx_compile_job *job);
