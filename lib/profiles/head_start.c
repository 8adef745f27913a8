/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "profiles/head_start.h"

#include "state/report.h"

/* Two compiles at once share caches, the memory's speed and perhaps a core. Where there are more
 * processors than this, one of many has most of a core to itself, and so many would be idle. */
#define PROCESSORS_LIMIT 4

/* For each processor. While one runs alone the others lose up to the time of one compile each, so
 * that of many this is little: less than a quarter of the time until all are done. */
#define WAITING_EACH 4

/* A text that changes again and again while it is compiled is the first each time. */
#define SPACING_USEC 2000000ULL

void phx_head_start_give(
                struct phx_head_start *start,
                size_t waiting,
                size_t processors,
                uint64_t now_usec) {
        bool is_spaced = start->since_usec == 0 || now_usec - start->since_usec >= SPACING_USEC;

        if (processors <= PROCESSORS_LIMIT && waiting > processors * WAITING_EACH && is_spaced)
                *start = (struct phx_head_start){
                        .since_usec = now_usec,
                        .until_usec = now_usec + PHX_HEAD_START_USEC,
                        .is_on = true,
                };
}

void phx_head_start_take(struct phx_head_start *start, uint64_t now_usec) {
        start->is_taken = start->is_on;
        start->until_usec = now_usec + PHX_HEAD_START_FORCE_USEC;
}

void phx_head_start_see(struct phx_head_start *start, bool runs, uint64_t now_usec) {
        start->is_on &= runs && !phx_head_start_is_over(start, now_usec);
}

bool phx_head_start_is_over(const struct phx_head_start *start, uint64_t now_usec) {
        return start->is_on && (start->is_taken || start->until_usec <= now_usec);
}

uint64_t phx_head_start_due(const struct phx_head_start *start) {
        return start->is_on ? start->until_usec : PHX_NEVER;
}
