/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* One question of a hook of LXC: may this container start? */

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "state/gate_verdict.h"

enum gate_hook {
        GATE_PRE_START,  /* before anything of the container: config and kernel are compared */
        GATE_START_HOST, /* its init waits to be let go: the label that it has is compared */
};

/* Where things are. Borrowed. */
struct gate_place {
        const char *gate_dir;   /* PHX_GATE_DIRECTORY of the state directory */
        const char *apparmorfs; /* PHX_KERNEL_APPARMORFS */
        const char *module;     /* PHX_KERNEL_MODULE */
        const char *proc;       /* /proc */
};

/* What LXC says of the start. Borrowed. */
struct gate_start {
        enum gate_hook hook;
        const char *name;   /* of the container */
        const char *config; /* path of its config; NULL: LXC names none */
        pid_t pid;          /* of its init, with GATE_START_HOST */
        pid_t monitor;      /* LXC's, which has called the hook; 0: unknown */
};

struct gate_answer {
        enum phx_boot_gate level; /* PHX_BOOT_GATE_OFF: it starts, and nothing is to be said */
        enum phx_gate_reason reason;
        char *container; /* its id, for people; NULL: it is not known which it is */
        char *profile;   /* that it is to have; or NULL */
        struct phx_error why;
};

void gate_answer_done(struct gate_answer *answer);

/* Decides. What goes wrong meanwhile is a reason to refuse the start of a container that phoenixd
 * manages; others are let through. 0 or -ENOMEM: then nothing is known. */
int gate_ask(const struct gate_place *place,
             const struct gate_start *start,
             struct gate_answer *ret_answer);
