/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "state/gated.h"

#include "base/macros.h"
#include "state/labels.h"

static const char *const words[] = {
        [PHX_GATED_UNKNOWN] = "unknown", [PHX_GATED_REFUSES] = "refuses",
        [PHX_GATED_WARNS] = "warns",     [PHX_GATED_NOT_NEEDED] = "not-needed",
        [PHX_GATED_OFF] = "off",         [PHX_GATED_NOT_ASKED] = "not-asked",
};

const char *phx_gated_to_string(enum phx_gated gated) {
        return gated < PHX_ELEMENTS(words) ? words[gated] : NULL;
}

bool phx_gated_is_missing(enum phx_gated gated) {
        return gated == PHX_GATED_OFF || gated == PHX_GATED_NOT_ASKED;
}

bool phx_gated_concerns(const struct phx_desired_container *want) {
        return !want->is_generated && !phx_label_is_unconfined(want->label);
}

static bool gated_is_suspended(
                const struct phx_suspensions *suspensions,
                const struct phx_desired_container *want) {
        return suspensions->count > 0 && (phx_suspensions_find(suspensions, want->id) ||
                                          phx_suspensions_find(suspensions, want->profile) ||
                                          phx_suspensions_find(suspensions, PHX_SUSPEND_ALL));
}

enum phx_gated phx_gated_of(
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                const struct phx_desired_container *want,
                const struct phx_observed_container *have) {
        if (!phx_gated_concerns(want))
                return PHX_GATED_NOT_NEEDED;
        if (desired->boot_gate == PHX_BOOT_GATE_OFF)
                return PHX_GATED_OFF;
        if (observed->gate_trouble || (observed->has_gate_hooks && have && have->ungated))
                return PHX_GATED_NOT_ASKED;
        if (!observed->has_gate_hooks || !have || have->trouble)
                return PHX_GATED_UNKNOWN;
        return desired->boot_gate == PHX_BOOT_GATE_WARN || desired->mode == PHX_MODE_OBSERVE ||
                                               gated_is_suspended(&desired->suspensions, want)
                               ? PHX_GATED_WARNS
                               : PHX_GATED_REFUSES;
}
