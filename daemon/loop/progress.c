/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "loop/progress.h"

#include "base/strings.h"

#define SECOND UINT64_C(1000000)
#define WORTH_TELLING_USEC SECOND
#define ACCURACY_USEC (SECOND / 10)

static int progress_on_timer(sd_event_source *source, uint64_t usec, void *data) {
        struct progress *progress = data;

        progress->is_telling = true;
        notify_status(progress->notify,
                      "Reconciling: %s",
                      progress->text ? progress->text : "observing the machine");
        return 0;
}

int progress_init(struct progress *progress, sd_event *event, struct notify *notify) {
        int r;

        progress->notify = notify;
        r = sd_event_add_time_relative(
                        event,
                        &progress->timer,
                        CLOCK_MONOTONIC,
                        0,
                        ACCURACY_USEC,
                        progress_on_timer,
                        progress);
        return r < 0 ? r : sd_event_source_set_enabled(progress->timer, SD_EVENT_OFF);
}

void progress_done(struct progress *progress) {
        sd_event_source_disable_unref(progress->timer);
        free(progress->text);
        *progress = (struct progress){ 0 };
}

void progress_begin(struct progress *progress) {
        progress->is_telling = false;
        (void) phx_replace(&progress->text, NULL);
        (void) sd_event_source_set_time_relative(progress->timer, WORTH_TELLING_USEC);
        (void) sd_event_source_set_enabled(progress->timer, SD_EVENT_ONESHOT);
}

void progress_say(struct progress *progress, const char *text) {
        if (progress->is_telling)
                notify_status(progress->notify, "Reconciling: %s", text);
        else
                (void) phx_replace(&progress->text, text);
}

void progress_end(struct progress *progress) {
        (void) sd_event_source_set_enabled(progress->timer, SD_EVENT_OFF);
}
