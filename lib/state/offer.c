/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "state/offer.h"

#include <stdlib.h>

#include "base/macros.h"

static const char *const leftovers[] = {
        [PHX_LEFTOVER_OVERRULED] = "overruled", [PHX_LEFTOVER_NOT_READ] = "not-read",
        [PHX_LEFTOVER_CORRECTED] = "corrected", [PHX_LEFTOVER_OLD_KEY] = "old-key",
        [PHX_LEFTOVER_RENAMED] = "renamed",     [PHX_LEFTOVER_ALLOW_NESTING] = "allow-nesting",
        [PHX_LEFTOVER_INCLUDE] = "include",     [PHX_LEFTOVER_UNCOVERED] = "uncovered",
        [PHX_LEFTOVER_PENDING] = "pending",     [PHX_LEFTOVER_MOVED] = "moved",
        [PHX_LEFTOVER_WEAKER] = "weaker",       [PHX_LEFTOVER_SNAPSHOT] = "snapshot",
        [PHX_LEFTOVER_ROLLBACK] = "rollback",
};

const char *phx_leftover_to_string(enum phx_leftover leftover) {
        return (size_t) leftover < PHX_ELEMENTS(leftovers) ? leftovers[leftover] : NULL;
}

void phx_offer_done(struct phx_offer *offer) {
        for (size_t i = 0; i < offer->count; i++)
                free(offer->changes[i].sentence);
        free(offer->changes);
        free(offer->object);
        free(offer->file);
        free(offer->before);
        free(offer->after);
        *offer = (struct phx_offer){ 0 };
}
