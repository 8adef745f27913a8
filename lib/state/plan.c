/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "state/plan.h"

#include <stdlib.h>

#include "base/grow.h"

struct phx_step *phx_plan_add(struct phx_plan *plan) {
        return phx_grow(&plan->steps, &plan->count, sizeof(*plan->steps));
}

void phx_plan_done(struct phx_plan *plan) {
        free(plan->steps);
        *plan = (struct phx_plan){ 0 };
}
