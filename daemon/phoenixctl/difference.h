/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

#include "phoenixctl/ctl.h"

/* A text that takes another one's place. NULL for no file. */
struct difference {
        const char *file; /* absolute, for the labels */
        const char *before;
        size_t before_size;
        const char *after;
        size_t after_size;
};

/* As a unified diff on standard output, which patch(1) reads: made by diff(1), which is everywhere.
 * Negative errno when that cannot be done. */
int difference_print(const struct ctl *ctl, const struct difference *difference);
