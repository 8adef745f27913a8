/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <sys/uio.h>

#include "base/macros.h"
#include "state/record.h"

/* Where the daemon says what it does. SEND takes the fields of one message, each "NAME=value", and
 * returns 0 or a negative errno; a test collects them instead. ECHO prints the line to standard
 * error as well. */
struct journal {
        int (*send)(void *data, const struct iovec *fields, int count);
        void *data;
        bool echo;
};

/* The system's journal. Echoes when standard error is not connected to the journal already, as
 * when somebody runs the daemon by hand. */
void journal_open(struct journal *journal);

/* An entry of the audit trail, with every field that it has. Negative errno when it could not be
 * sent; 0 also where there is no journal. */
int journal_record(const struct journal *journal, const struct phx_record *record);

/* What the daemon says about itself. MESSAGE_ID is one of message-id.h, PRIORITY one of syslog's.
 */
void journal_say(
                const struct journal *journal,
                const char *message_id,
                int priority,
                const char *format,
                ...) PHX_PRINTF(4, 5);
