/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "phoenixctl/leftovers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "phoenixctl/difference.h"
#include "phoenixctl/remote.h"

void leftovers_select(struct phx_snapshot_plan *plan, const struct phx_strings *only) {
        size_t kept = 0;

        for (size_t i = 0; i < plan->offer_count; i++)
                if (only->count == 0 || phx_strings_has(only, plan->offers[i].object))
                        plan->offers[kept++] = plan->offers[i];
                else
                        phx_offer_done(&plan->offers[i]);
        plan->offer_count = kept;
}

static int leftovers_print_one(const struct ctl *ctl, const struct phx_offer *offer) {
        const struct difference difference = {
                .file = offer->file,
                .before = offer->before,
                .before_size = offer->before ? strlen(offer->before) : 0,
                .after = offer->after,
                .after_size = offer->after ? strlen(offer->after) : 0,
        };

        return offer->before && offer->after ? difference_print(ctl, &difference) : 0;
}

int leftovers_print(const struct ctl *ctl, const struct phx_snapshot_plan *plan) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < plan->offer_count; i++) {
                const struct phx_offer *offer = &plan->offers[i];

                (void) printf("%s: phoenixd does not change these lines of %s; you can:\n",
                              offer->object,
                              offer->file);
                for (size_t k = 0; k < offer->count; k++)
                        (void) printf("  %s\n", offer->changes[k].sentence);
                r = leftovers_print_one(ctl, offer);
                if (offer->before)
                        (void) printf("To apply: phoenixctl advise --patch %s | " LEFTOVERS_PATCH
                                      "\n",
                                      offer->object);
                else
                        (void) puts("The patch is too large to be shown.");
        }
        return r;
}

int leftovers_print_patch(const struct ctl *ctl, const struct phx_strings *only) {
        phx_cleanup(phx_snapshot_plan_done) struct phx_snapshot_plan plan = { 0 };
        phx_autofree char *text = NULL;
        struct ctl plain = *ctl;
        int r;

        r = remote_plan(ctl, false, &plan, &text);
        if (r != 0)
                return r;
        plain.colour = false;
        leftovers_select(&plan, only);
        for (size_t i = 0; r >= 0 && !ctl->quiet && i < plan.offer_count; i++)
                r = leftovers_print_one(&plain, &plan.offers[i]);
        if (r < 0) {
                (void) fprintf(stderr, "phoenixctl: diff: %s\n", strerrordesc_np(-r));
                return CTL_ERROR;
        }
        return plan.offer_count > 0 ? CTL_SOMETHING : 0;
}
