/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "loop/notify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <systemd/sd-daemon.h>

#include "base/strings.h"
#include "shared/text.h"

/* systemd reads at most 4096 bytes of a message, and a longer line is of no use. */
#define STATUS_SIZE 2048

/* Longer than the time between two signs of life, shorter than what a hang may cost the boot. */
#define START_EXTENSION_SECONDS 90

void notify_done(struct notify *notify) {
        free(notify->status);
        *notify = (struct notify){ 0 };
}

void notify_status(struct notify *notify, const char *format, ...) {
        char text[STATUS_SIZE], clean[STATUS_SIZE];
        va_list arguments;

        va_start(arguments, format);
        (void) vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);

        text_clean(text, clean, sizeof(clean));
        if (phx_equal(notify->status, clean))
                return;
        (void) phx_replace(&notify->status, clean);
        (void) sd_notifyf(0, "STATUS=%s", clean);
}

void notify_still_starting(void) {
        (void) sd_notifyf(0, "EXTEND_TIMEOUT_USEC=%d", START_EXTENSION_SECONDS * 1000000);
}

void notify_ready(void) {
        (void) sd_notify(0, "READY=1");
}

void notify_reloading(void) {
        struct timespec now = { 0 };

        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        (void) sd_notifyf(
                        0,
                        "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
                        (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000);
}

void notify_stopping(void) {
        (void) sd_notify(0, "STOPPING=1");
}
