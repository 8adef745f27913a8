/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The windows of the settings, in which containers with the policy "window" are restarted, as they
 * are at one moment. Microseconds since the epoch, PHX_NEVER for what will not be. */
struct phx_window {
        bool is_known;       /* false: nothing is open, and the next look asks again */
        bool is_open;        /* now */
        uint64_t until_usec; /* it is open: it is so until then at least */
        uint64_t next_usec;  /* it is not: when it opens */
};
