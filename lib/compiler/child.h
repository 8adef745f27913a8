/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "compiler/compiler.h"
#include "compiler/stage.h"

/* In the directory of stages: no profile has such names. */
#define PHX_COMPILER_KERNEL_FEATURES ".kernel-features"
#define PHX_COMPILER_POLICY_FEATURES ".policy-features"
#define PHX_COMPILER_OVERRIDE_FEATURES ".override-features"
/* Policy and messages are written to memory; Debian's largest policy has 1 MB. */
#define PHX_COMPILER_OUTPUT_LIMIT (64UL << 20)

struct phx_compiler_start {
        const struct phx_stage_content *contents; /* which is in the stage, in this order */
        size_t count;                             /* at most PHX_COMPILE_SHARE_LIMIT */
        const char *stage;                        /* becomes the working directory */
        int policy_fd;                            /* becomes standard output */
        int messages_fd;                          /* becomes standard error */
        pid_t parent;                             /* whose death ends it */
};

/* In a child that was just forked: gives up every right and descriptor, sets the limits, and
 * becomes the compiler. Does not return; what failed is said on MESSAGES_FD, exit status 127. */
_Noreturn void phx_compiler_become(
                const struct phx_compiler *compiler,
                const struct phx_compiler_start *start);
