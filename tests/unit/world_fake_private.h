/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the files of the fake world share. */

#include <stdbool.h>
#include <stdlib.h>

#include "base/strings.h"

/* A test without memory has nothing to say about the engine. */
static inline void must(bool done) {
        if (!done)
                abort();
}

static inline void set(char **text, const char *value) {
        must(phx_replace(text, value) >= 0);
}
