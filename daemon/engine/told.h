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

/* What the loop was told last: of each object its key and a digest, no text. The zero value: the
 * loop was told nothing, and the first telling has all. */

struct told_entry {
        char *key;
        uint8_t digest[PHX_SIPHASH_SIZE];
};

struct told_list {
        struct told_entry *items; /* by key, each once */
        size_t count;
};

struct told {
        bool has_all; /* a telling has ended well */
        uint8_t key[PHX_SIPHASH_SIZE];
        uint8_t rest[PHX_SIPHASH_SIZE];
        struct told_list lists[PHX_OBJECT_KINDS];
};

void told_done(struct told *told);

/* Puts into SINK what differs from what was told last. When it fails, what was put there must be
 * dropped: TOLD is as before. 0 or a negative errno. */
int told_tell(struct told *told,
              const struct phx_snapshot *snapshot,
              const struct phx_tally *tally,
              const struct phx_report *report,
              const struct engine_sink *sink);
