/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/macros.h"

/* What goes to systemd over $NOTIFY_SOCKET; nothing happens without one. The zero value is ready.
 */
struct notify {
        char *status; /* what was said last */
};

void notify_done(struct notify *notify);

/* The line that systemctl status shows. Said only when it is another one than before. */
void notify_status(struct notify *notify, const char *format, ...) PHX_PRINTF(2, 3);

/* The start goes on: systemd's patience begins again. */
void notify_still_starting(void);

void notify_ready(void);
void notify_reloading(void);
void notify_stopping(void);
