#pragma once

#include "base/error.h"
#include "state/desired.h"
#include "state/drift.h"
#include "state/observed.h"

/* One door: all that the engine may learn of the machine and do to it. The real one is
 * system/machine.h, the fake one a small machine in memory. */
struct phx_world {
        /* Reads the input and the machine, afresh. Fails only when no picture can be had at all; a
         * part that cannot be read is in the picture as refused, in trouble or unknown. */
        int (*look)(void *data,
                    struct phx_desired **ret_desired,
                    struct phx_observed **ret_observed,
                    struct phx_error *error);
        /* Carries out the drift's action. The machine must still be as the drift found it, else
         * -ESTALE. */
        int (*apply)(void *data, const struct phx_drift *drift, struct phx_error *error);
        void *data;
};
