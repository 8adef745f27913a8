/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "loop/start.h"

#include "loop/notify.h"

/* READY=1 answers a start and a reload alike: a look has been made, or could not be, and the status
 * says which. A start that waited for the machine to be right would keep the boot waiting. */
void start_end(struct start *start) {
        start->timer = sd_event_source_disable_unref(start->timer);
        if (!start->is_over)
                notify_ready();
        start->is_over = true;
}

static int start_on_timer(sd_event_source *source, uint64_t usec, void *data) {
        start_end(data);
        return 0;
}

/* Without a timer nothing would end it. */
void start_wait(struct start *start, sd_event *event, uint64_t patience_usec) {
        if (start->is_over || start->timer)
                return;
        notify_still_starting();
        if (sd_event_add_time_relative(
                            event,
                            &start->timer,
                            CLOCK_MONOTONIC,
                            patience_usec,
                            0,
                            start_on_timer,
                            start) < 0)
                start_end(start);
}

void start_done(struct start *start) {
        start->timer = sd_event_source_disable_unref(start->timer);
}
