/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "state/desired.h"
#include "state/observed.h"

struct picture {
        struct phx_desired *desired;
        struct phx_observed *observed;
        bool has_restarts; /* a line is about them: then it is decided who is restarted */
        struct phx_restarts restarts;
};

void picture_done(struct picture *picture);

/* From the TEXT of a state.txt, which it takes apart. 0 or a negative errno; the line that is not
 * understood is printed. */
int picture_read(char *text, struct picture *ret_picture);
