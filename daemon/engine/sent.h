/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/siphash.h"
#include "shared/engine_process.h"
#include "state/object.h"
#include "state/report.h"
#include "state/snapshot.h"
#include "state/tally.h"

/* What the loop was sent last: of each object its key and a digest, no text. The zero value: it was
 * sent nothing, and the first time all is. */

struct sent_entry {
        char *key;
        uint8_t digest[PHX_SIPHASH_SIZE];
};

struct sent_list {
        struct sent_entry *items; /* by key, each once */
        size_t count;
};

struct sent {
        bool has_all; /* once, all was sent */
        uint8_t key[PHX_SIPHASH_SIZE];
        uint8_t rest[PHX_SIPHASH_SIZE];
        struct sent_list lists[PHX_OBJECT_KINDS];
};

void sent_done(struct sent *sent);

/* Puts into SINK what differs from what was sent last. When it fails, what was put there must be
 * dropped: SENT is as before. 0 or a negative errno. */
int sent_update(struct sent *sent,
                const struct phx_snapshot *snapshot,
                const struct phx_tally *tally,
                const struct phx_report *report,
                const struct engine_sink *sink);
