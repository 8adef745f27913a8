/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A place in a file; borrowed. */
struct phx_position {
        const char *file;
        unsigned line;   /* counted from 1; 0: the file as a whole */
        unsigned column; /* in bytes, counted from 1; 0: the line as a whole */
};
