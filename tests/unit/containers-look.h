/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "machine/containers.h"
#include "reconcile/confine.h"
#include "reconcile/desire.h"

/* The steps of a pass that are about containers, up to the comparison. 1 when INVENTORY changed. */
static inline int look_at_input(
                struct phx_machine_containers *containers,
                const struct phx_input *given,
                struct phx_inventory *inventory,
                struct phx_observed *observed,
                struct phx_error *error) {
        struct phx_input input = *given;
        int r = phx_machine_containers_observe(containers, &input, observed, error);

        if (r >= 0)
                r = phx_desire(&input, observed);
        if (r >= 0)
                r = phx_confine(input.judged, observed);
        if (r >= 0)
                r = phx_machine_containers_review(
                                containers,
                                &input,
                                inventory,
                                input.judged,
                                observed,
                                error);
        return r < 0 ? r
                     : phx_machine_containers_forget_gone(
                                       containers,
                                       input.judged,
                                       observed,
                                       inventory) ||
                                               r > 0;
}

static inline int look_at_containers(
                struct phx_machine_containers *containers,
                const struct phx_settings *settings,
                const struct phx_configuration *configuration,
                struct phx_inventory *inventory,
                struct phx_desired *desired,
                struct phx_observed *observed,
                struct phx_error *error) {
        const struct phx_input input = { settings, configuration, desired, 0, NULL };

        return look_at_input(containers, &input, inventory, observed, error);
}
