/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "reconcile/offers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/set.h"
#include "base/strings.h"

/* The directories of the containers whose configs are about to be edited. */
static int offers_find_edited(const struct phx_plan *plan, struct phx_set *edited) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < plan->count; i++)
                if (plan->steps[i].kind == PHX_ACTION_ASSIGN)
                        r = phx_set_add(edited, plan->steps[i].edit.directory);
        return r < 0 ? r : 0;
}

/* Both texts or none. */
static void offer_cut(struct phx_offer *offer, size_t *left) {
        size_t size = strlen(offer->before) + strlen(offer->after);

        if (size <= *left) {
                *left -= size;
                return;
        }
        free(offer->before);
        free(offer->after);
        offer->before = offer->after = NULL;
}

static int offers_add(struct phx_snapshot *snapshot, const char *id, struct phx_offer *offer) {
        struct phx_offer *added =
                        phx_grow(&snapshot->offers, &snapshot->offer_count, sizeof(*added));

        if (!added)
                return -ENOMEM;
        *added = PHX_TAKE_STRUCT(*offer);
        return phx_replace(&added->object, id);
}

static int offers_by_object(const void *a, const void *b) {
        const struct phx_offer *left = a, *right = b;

        return strcmp(left->object, right->object);
}

int phx_offers_fill(
                const struct phx_world *world,
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                const struct phx_plan *plan,
                size_t left,
                struct phx_snapshot *snapshot) {
        phx_cleanup(phx_set_done) struct phx_set edited = { 0 };
        int r = world->offer ? offers_find_edited(plan, &edited) : 0;

        for (size_t i = 0; r >= 0 && world->offer && i < desired->container_count; i++) {
                const struct phx_desired_container *want = &desired->containers[i];
                const struct phx_observed_container *have =
                                want->directory ? phx_observed_find_container(
                                                                  observed,
                                                                  want->directory)
                                                : NULL;
                phx_cleanup(phx_offer_done) struct phx_offer offer = { 0 };

                if (!have || have->backend != PHX_BACKEND_PVE)
                        continue;
                r = world->offer(
                                world->data,
                                have,
                                phx_observed_label(desired, want, have),
                                phx_set_has(&edited, have->directory),
                                &offer);
                if (r <= 0)
                        continue;
                offer_cut(&offer, &left);
                r = offers_add(snapshot, want->id, &offer);
        }
        if (r >= 0 && snapshot->offer_count > 1)
                qsort(snapshot->offers,
                      snapshot->offer_count,
                      sizeof(*snapshot->offers),
                      offers_by_object);
        return r < 0 ? r : 0;
}
