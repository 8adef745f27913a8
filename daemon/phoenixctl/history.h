/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "codec/answers_json.h"

/* The audit trail, read back from the journal. */

struct history_query {
        const char *object; /* a container's id or a profile's name; NULL for all */
        /* That the container runs in at present, for a container of which the journal has no
         * record; NULL when it is not known. */
        const char *profile;
        uint64_t since_usec;
        size_t limit; /* the last so many; 0 for all */
        bool has_intents;
};

/* Moves the events of OTHER among those of HISTORY, by time, and keeps the last LIMIT of them; 0
 * for all. Both are in the order of time. 0, or -ENOMEM, and then nothing has changed. */
int history_merge(
                struct phx_answer_history *history,
                struct phx_answer_history *other,
                size_t limit);

/* Only what phoenixd.service has written itself counts: anybody can write to the journal, but not
 * as that unit. Entries are in the order of time. 0, or a negative errno with a text. */
int history_read(
                const struct history_query *query,
                struct phx_answer_history *ret_history,
                struct phx_error *error);
