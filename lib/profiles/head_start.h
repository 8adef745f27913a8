/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first compile of a series, which is the most urgent one, runs alone for a while, and so is
 * its policy judged and put in force: on few processors the compiles beside it would take from it
 * what they get. */

/* So long at most: a shipped profile alone takes 160 to 200 ms, and half as long again on a slower
 * host. One that is slower than that, or hangs, holds up the others no longer. */
#define PHX_HEAD_START_USEC 300000ULL
/* And so long from then on: eight fsyncs and the load take 20 to 60 ms. */
#define PHX_HEAD_START_FORCE_USEC 100000ULL

/* A zero value was never given. Times are by phx_now_usec(). */
struct phx_head_start {
        uint64_t since_usec; /* when it was given last */
        uint64_t until_usec; /* when it is over at the latest */
        bool is_on;
        bool is_taken; /* it is compiled, and good */
};

/* Gives it to the one that starts now, if it is worth that for those that wait, WAITING with it,
 * and none was given a moment ago. */
void phx_head_start_give(
                struct phx_head_start *start,
                size_t waiting,
                size_t processors,
                uint64_t now_usec);
/* The policy was taken: it goes on until that is in force, which is when the next look begins. */
void phx_head_start_take(struct phx_head_start *start, uint64_t now_usec);
/* At the beginning of a look, or before others start: it is over when the policy is in force, or
 * nothing RUNS or has ended, or by the clock. */
void phx_head_start_see(struct phx_head_start *start, bool runs, uint64_t now_usec);
/* The next look ends it. */
bool phx_head_start_is_over(const struct phx_head_start *start, uint64_t now_usec);
/* When it is over by the clock; PHX_NEVER when it is not on. */
uint64_t phx_head_start_due(const struct phx_head_start *start);
