/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first compile of a series, which is the most urgent one, runs alone for a while: on few
 * processors those beside it would take from it what they get. */

/* So long at most: a shipped profile alone takes 160 to 200 ms, and half as long again on a slower
 * host. One that is slower than that, or hangs, holds up the others no longer. */
#define PHX_HEAD_START_USEC 300000ULL

/* A zero value was never given. */
struct phx_head_start {
        uint64_t since_usec; /* when it was given last, by phx_now_usec() */
        bool is_on;
};

/* Gives it to the one that starts now, if it is worth that for those that wait, WAITING with it,
 * and none was given a moment ago. */
void phx_head_start_give(
                struct phx_head_start *start,
                size_t waiting,
                size_t processors,
                uint64_t now_usec);
/* It is over when nothing RUNS any more, or by the clock. */
void phx_head_start_see(struct phx_head_start *start, bool runs, uint64_t now_usec);
/* When it is over by the clock; PHX_NEVER when it is not on. */
uint64_t phx_head_start_due(const struct phx_head_start *start);
