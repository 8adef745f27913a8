/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "reconcile/creations_settle.h"

#include <errno.h>

/* What the program itself has said is the better word. */
static int settle_failed(
                struct phx_creations *creations,
                const struct phx_creation_trail *trail,
                const char *word) {
        const struct phx_drift drift = phx_creations_drift(creations);
        phx_autofree char *text = NULL;
        const char *why = word ? word : "it ended without a container";
        int r = 0;

        if (trail->world->explain_creation)
                r = trail->world->explain_creation(trail->world->data, creations->id, &text);
        if (r < 0)
                return r;
        if (text)
                why = text;
        phx_tell_failed(trail->tell, &drift, -EIO, why);
        return phx_creations_end(creations, why);
}

/* systemd did not take the job: that is tried again. */
static int settle_refused(
                struct phx_creations *creations,
                const struct phx_creation_trail *trail,
                const char *word) {
        const struct phx_drift drift = phx_creations_drift(creations);
        const char *why = word ? word : "it was not begun";
        int r;

        phx_tell_failed(trail->tell, &drift, -EIO, why);
        r = phx_backoff_fail(trail->backoff, &drift, why, trail->now_usec);
        return r < 0 ? r : phx_creations_end(creations, NULL);
}

static int settle_done(struct phx_creations *creations, const struct phx_creation_trail *trail) {
        const struct phx_drift drift = phx_creations_drift(creations);

        phx_tell_changed(trail->tell, &drift);
        (*trail->changes)++;
        phx_backoff_forget(trail->backoff, &drift);
        return phx_creations_end(creations, NULL);
}

int phx_creations_settle(
                struct phx_creations *creations,
                const struct phx_creation_trail *trail,
                const struct phx_picture *picture) {
        static const struct phx_job_results none;
        const struct phx_job_results *results = picture->has_restarts ? picture->view.results
                                                                      : &none;
        const char *word = NULL;
        int r = phx_creations_withdraw(creations, picture->desired, picture->observed);

        if (r < 0)
                return r;
        phx_creations_clean_again(creations, results, trail->now_usec);
        switch (phx_creations_outcome(
                        creations,
                        picture->desired,
                        picture->observed,
                        results,
                        &word)) {
        case PHX_CREATION_UNDER_WAY:
                return 0;
        case PHX_CREATION_DONE:
                r = settle_done(creations, trail);
                break;
        case PHX_CREATION_DROPPED:
                r = phx_creations_end(creations, NULL);
                break;
        case PHX_CREATION_REFUSED:
                r = settle_refused(creations, trail, word);
                break;
        case PHX_CREATION_FAILED:
                r = settle_failed(creations, trail, word);
                break;
        }
        return r < 0 ? r : 1;
}
