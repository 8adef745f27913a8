/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

/* What every verb gets: the options that hold for all of them, wherever in the line they stand. */
struct ctl {
        bool json;
        bool quiet;
        bool full;      /* no cell is shortened to fit */
        bool no_legend; /* no headers */
        bool no_pager;
        const char *host; /* NULL: this machine */
        bool colour;      /* a terminal, no NO_COLOR, TERM not dumb */
        int width;        /* columns of the terminal, 0: no limit */
};

/* Exit statuses; 0 is fine. */
enum {
        CTL_ERROR = 1, /* a wrong command line, too */
        CTL_SOMETHING = 2,
        CTL_NOT_ALLOWED = 4,
        CTL_NOT_RUNNING = 5,
};
