/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/set.h"
#include "base/strings.h"
#include "base/texts.h"
#include "reconcile/stories.h"
#include "state/desired.h"
#include "state/lint.h"
#include "state/record.h"

/* What was recorded of one object. */
struct phx_remarked {
        char *object;
        /* What the messages were made of: an object with the same has the same ones. */
        struct phx_lints lints;
        char *suggestion;
        char *suggestion_why;
        struct phx_strings notes;
        struct phx_strings marks; /* of messages that were recorded and still hold */
        bool is_current;
};

struct phx_remarked_list {
        struct phx_remarked *items; /* by object */
        size_t count;
        size_t sorted; /* from the front; behind them is what this look has added */
        size_t next;   /* most objects come in the order of the last look */
};

/* The zero value has recorded nothing yet. */
struct phx_remarks {
        struct phx_set notes; /* about the input as a whole */
        struct phx_remarked_list profiles;
        struct phx_remarked_list containers;
};

/* Records who is unconfined by configuration, the notes, and the rules that are broken, each once:
 * REMARKS has what was recorded and still holds, and is brought up to date. GENERATION is "" for
 * none. 0 or -ENOMEM. */
int phx_remarks_tell(
                struct phx_remarks *remarks,
                const struct phx_audit *audit,
                const struct phx_stories *stories,
                const char *generation,
                const struct phx_desired *desired);
/* Leaves what was recorded to the next run, in the same boot, so that it is recorded once; and
 * takes what the run before has left, in place of what is there. 0, -ENOMEM or -EBADMSG. */
int phx_remarks_leave(const struct phx_remarks *remarks, struct phx_buffer *texts);
int phx_remarks_take(struct phx_remarks *remarks, struct phx_texts *texts);
void phx_remarks_done(struct phx_remarks *remarks);
