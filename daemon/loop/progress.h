/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include "loop/notify.h"

/* How far a look is, in the status line: a look that lasts tells what it is at, a short one would
 * only flicker. */
struct progress {
        struct notify *notify; /* borrowed */
        sd_event_source *timer;
        char *text; /* what the look was at last, while it is too young to be shown */
        bool is_telling;
};

/* 0 or a negative errno. PROGRESS must be zero before, and outlive the loop's next turn. */
int progress_init(struct progress *progress, sd_event *event, struct notify *notify);
void progress_done(struct progress *progress);

void progress_begin(struct progress *progress);
/* The look is at TEXT, which is shown as soon as the look is old enough. */
void progress_say(struct progress *progress, const char *text);
void progress_end(struct progress *progress);
