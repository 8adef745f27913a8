/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What somebody waits for a pass with: systemd for a reload, a client of the bus for a
 * reconciliation, a suspension or a restart. One list for all of them, in the order in which they
 * came.
 *
 * An errand waits for the next pass to begin, runs with it, and ends with it, or with the first one
 * after it that has compiled what was asked for: what was asked while a pass ran is the next one's,
 * as that pass may not have seen it. When a pass is lost with its
 * engine, its errands wait again. */

#include <stdbool.h>

#include "shared/restart_asks.h"
#include "state/suspensions.h"

enum errand_kind {
        ERRAND_PASS, /* a full pass and nothing else */
        ERRAND_SUSPEND,
        ERRAND_RESUME,
        ERRAND_RESTART,
};

enum errand_end {
        ERRAND_DONE,
        ERRAND_STORED, /* what is suspended was changed as asked, and then the pass failed */
        ERRAND_FAILED,
};

struct errand {
        enum errand_kind kind;
        struct phx_suspension suspension; /* to be set; for a resume, its object alone */
        struct restart_ask restart;       /* of an ERRAND_RESTART */
        /* Called once, when the errand ends; ERROR is NULL when it is done. NULL when nothing
         * waits for it any more. */
        void (*ended)(void *data, enum errand_end end, const char *error);
        void *data;
        bool is_running;
        bool is_stored;
        struct errand *next;
};

/* The zero value is an empty list. */
struct errands {
        struct errand *first;
};

/* Calls nothing. */
void errands_done(struct errands *errands);

/* Adds a copy of ERRAND, whose suspension and restart it takes. 0 or -ENOMEM. */
int errands_add(struct errands *errands, struct errand *errand);

/* What waits for an errand with DATA is gone. The errand is done all the same. */
void errands_disown(struct errands *errands, const void *data);

/* A pass has begun, is lost, or is over. Again: true when an errand was lost with it. End: with
 * IS_COMPILING, what was asked for is still compiled: an ERRAND_PASS goes on with the next pass,
 * and so does an ERRAND_RESTART, as it is not known yet whether one is required. */
void errands_begin(struct errands *errands);
bool errands_again(struct errands *errands);
void errands_end(struct errands *errands, const char *error, bool is_compiling);
/* The engine has stored which suspensions those that run change. */
void errands_stored(struct errands *errands);

/* What is to be suspended: IN_FORCE as all errands change it, a copy for the caller. 1 when one of
 * them changes it, 0 when none does, or -ENOMEM. */
int errands_suspensions(
                const struct errands *errands,
                const struct phx_suspensions *in_force,
                struct phx_suspensions *ret_suspensions);
/* Appends the restarts that those that run ask for, again with each pass: the engine knows by their
 * times which it has stored. 1 when there is one, 0, or -ENOMEM. */
int errands_restarts(const struct errands *errands, struct restart_asks *asks);
