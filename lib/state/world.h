/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "state/desired.h"
#include "state/input.h"
#include "state/observed.h"
#include "state/offer.h"
#include "state/plan.h"
#include "state/restart_view.h"

/* The one file that an action changes, as it is and as it will be. Owned. */
struct phx_preview {
        char *file;
        char *before; /* its text; NULL without a file */
        char *after;  /* NULL when it is removed */
};

void phx_preview_done(struct phx_preview *preview);

/* One door: all that the engine may learn of the machine and do to it. The real one is
 * machine/machine.h, the fake one a small machine in memory. */
struct phx_world {
        /* Reads the input and judges it, afresh. RET_INPUT is the caller's: its JUDGED is to be
         * freed. Fails only when nothing can be judged at all; what is not accepted is a refusal.
         * Here and in the next three a part that cannot be read is in the picture as refused, in
         * trouble or unknown; nothing but our own state is written. */
        int (*judge)(void *data, struct phx_input *ret_input, struct phx_error *error);
        /* Reads the machine, afresh, and changes nothing. */
        int (*observe)(void *data,
                       const struct phx_input *input,
                       struct phx_observed **ret_observed,
                       struct phx_error *error);
        /* Asks what can be asked only when both are known; see phx_machine_review(). NULL: there is
         * nothing to ask. */
        int (*review)(void *data,
                      const struct phx_input *input,
                      struct phx_desired *desired,
                      struct phx_observed *observed,
                      struct phx_error *error);
        /* Brings the record of what is ours up to date with what is there. NULL: there is none. */
        int (*remember)(void *data,
                        const struct phx_input *input,
                        struct phx_desired *desired,
                        struct phx_observed *observed,
                        struct phx_error *error);
        /* Records what the steps are about to make ours, all that will be tried in a round, before
         * the first is carried out; what cannot be recorded is tried again by apply, and is no
         * creation. NULL: there is no record. 0 or a negative errno. */
        int (*claim)(void *data, const struct phx_step *const *steps, size_t count);
        /* Carries out the step, which is no restart. The machine must still be as the step says
         * that it was, else -ESTALE. */
        int (*apply)(void *data, const struct phx_step *step, struct phx_error *error);
        /* What restarts are decided by, as of this look: borrowed until the next one, but for the
         * list, which is always the one that was kept last. NULL: none is ever begun. */
        int (*restarts)(void *data, const struct phx_input *input, struct phx_restart_view *ret);
        /* Keeps NEXT in place of the list, over restarts of the daemon; from then on its jobs may
         * be handed out. With a negative errno the list is as before. */
        int (*keep_restarts)(void *data, const struct phx_restarts *next, struct phx_error *error);
        /* What else is known of why the restart ITEM failed, in one line: 1, 0 for nothing, or
         * -ENOMEM. HAVE may be NULL. NULL: nothing ever is. */
        int (*explain_restart)(
                        void *data,
                        const struct phx_restart_item *item,
                        const struct phx_observed_container *have,
                        char **ret_text);
        /* What the creation of the container ID has said of its failure, in one line: as above. */
        int (*explain_creation)(void *data, const char *id, char **ret_text);
        /* What that would change, without changing it: 1, 0 when it is no text, or a negative errno
         * when it is not known. NULL: nothing is. */
        int (*preview)(void *data, const struct phx_step *step, struct phx_preview *ret_preview);
        /* What an operator may clear from the container's config, which is not ours to change: 1, 0
         * for nothing, or -ENOMEM. LABEL is the profile that the config is to name; IS_EDITED: the
         * plan has a step for that. RET_OFFER is the caller's. NULL: nothing is ever offered. */
        int (*offer)(void *data,
                     const struct phx_observed_container *have,
                     const char *label,
                     bool is_edited,
                     struct phx_offer *ret_offer);
        /* Before all others: whether all that the last look has read and judged is as it was. What
         * may not be, the world knows; in doubt false. NULL: never. */
        bool (*is_unchanged)(void *data);
        void *data;
};
