/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "compiler/compiler.h"

/* How a compile ended. Its process is over and reaped, unless it could not be killed. */
struct phx_compile_end {
        int policy_fd;
        int messages_fd;
        const char *stage; /* where it read its copies; they may be gone */
        pid_t pid;
        int status; /* as from waitpid(2) */
        bool was_late;
        bool is_abandoned; /* it cannot be killed: nothing that it might still write is believed */
};

/* Gives JOB its result. */
void phx_compile_job_judge(
                const struct phx_compiler *compiler,
                const struct phx_compile_end *end,
                struct phx_compile_job *job);
/* R as the job's result; no failure is without a text. */
void phx_compile_job_end(struct phx_compile_job *job, int r);
