/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"

/* Sources that did not compile, by compile key: they are not tried again until they are others, or
 * until a while has passed: 1 min, and where the compile took too much time or memory, doubled up
 * to 1 h. */
struct phx_quarantined {
        char *name;
        char key[PHX_SHA256_HEX];
        char *text; /* what was wrong */
        unsigned failures;
        uint64_t retry_at; /* PHX_NEVER: only other input can help */
        bool is_current;   /* there still is such a source; the caller's own mark */
        bool is_tried;     /* its time has come, and it is being tried again: until that ends */
};

struct phx_quarantine {
        struct phx_quarantined *items;
        size_t count;
};

/* NULL when this source, with this key, may be tried. */
struct phx_quarantined *phx_quarantine_find(
                const struct phx_quarantine *quarantine,
                const char *name,
                const char *key);
/* CODE -EINVAL waits for other input, any other for its time. 0 or -ENOMEM. */
int phx_quarantine_put(
                struct phx_quarantine *quarantine,
                const struct phx_quarantined *failure,
                int code,
                uint64_t now_usec);
void phx_quarantine_release(struct phx_quarantine *quarantine, const char *name);
/* Releases all that are not marked as current, and takes the marks away. */
void phx_quarantine_sweep(struct phx_quarantine *quarantine);
/* Until one is worth another try that is not being tried; PHX_NEVER when none is. */
uint64_t phx_quarantine_next(const struct phx_quarantine *quarantine, uint64_t now_usec);
void phx_quarantine_done(struct phx_quarantine *quarantine);
