/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "state/posture.h"

#include <stddef.h>

#include "base/macros.h"
#include "base/strings.h"
#include "state/labels.h"

static const struct {
        const char *name, *words;
} postures[] = {
        [PHX_POSTURE_UNKNOWN] = { "unknown", "unknown" },
        [PHX_POSTURE_CONFINED] = { "confined", "confined" },
        [PHX_POSTURE_MAY_LEAVE] = { "may-leave", "may leave" },
        [PHX_POSTURE_NOT_ENFORCED] = { "not-enforced", "not enforced" },
        [PHX_POSTURE_PARTLY_UNCONFINED] = { "partly-unconfined", "partly unconfined" },
        [PHX_POSTURE_UNCONFINED] = { "unconfined", "unconfined" },
        [PHX_POSTURE_STOPPED] = { "stopped", "stopped" },
        [PHX_POSTURE_MISSING] = { "missing", "missing" },
};

const char *phx_posture_to_string(enum phx_posture posture) {
        return (size_t) posture < PHX_ELEMENTS(postures) ? postures[posture].name : NULL;
}

const char *phx_posture_words(enum phx_posture posture) {
        return (size_t) posture < PHX_ELEMENTS(postures) ? postures[posture].words : NULL;
}

/* A child is in what its profile may do, so that the profile's own warnings tell of it too. */
static enum phx_escape escape_of(const struct phx_desired *desired, const char *name) {
        const struct phx_desired_profile *profile = phx_desired_find_parent(desired, name);

        return profile ? phx_lints_escape(&profile->lints) : PHX_ESCAPE_NONE;
}

/* One profile of a label that is not in a policy namespace. */
static enum phx_posture posture_of_part(
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                const char *name) {
        const struct phx_kernel_entry *entry = phx_kernel_entries_find(&observed->loaded, name);

        if (phx_label_is_unconfined(name))
                return PHX_POSTURE_UNCONFINED;
        /* Where a complaining profile learns nothing is denied. */
        if (phx_label_name_is_learned(name))
                return PHX_POSTURE_NOT_ENFORCED;
        if (!entry)
                return PHX_POSTURE_UNKNOWN;
        if (!phx_policy_mode_is_enforced(entry->mode))
                return PHX_POSTURE_NOT_ENFORCED;
        return escape_of(desired, name) == PHX_ESCAPE_POSSIBLE ? PHX_POSTURE_MAY_LEAVE
                                                               : PHX_POSTURE_CONFINED;
}

/* A stack denies what any of its parts denies, so that the strictest decides; without one that
 * confines it is the last. What a container has loaded into its own namespace says nothing about
 * the host. */
static enum phx_posture posture_of_label(
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                const char *label) {
        enum phx_posture posture = PHX_POSTURE_UNKNOWN;
        struct phx_label_part part = { 0 };

        while (phx_label_next_part(label, &part) && !part.is_inner) {
                enum phx_posture found = posture_of_part(desired, observed, part.name);

                if (found == PHX_POSTURE_CONFINED)
                        return found;
                if (posture != PHX_POSTURE_MAY_LEAVE)
                        posture = found;
        }
        return posture;
}

enum phx_posture phx_posture_of(
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                const struct phx_observed_container *have) {
        bool found[PHX_POSTURES] = { false };

        if (!have)
                return PHX_POSTURE_MISSING;
        if (!have->is_running)
                return PHX_POSTURE_STOPPED;
        for (size_t i = 0; i < have->labels.count; i++)
                found[posture_of_label(desired, observed, have->labels.items[i])] = true;

        if (found[PHX_POSTURE_UNCONFINED])
                return have->wrong > 0 && have->wrong < have->tasks ? PHX_POSTURE_PARTLY_UNCONFINED
                                                                    : PHX_POSTURE_UNCONFINED;
        if (found[PHX_POSTURE_NOT_ENFORCED])
                return PHX_POSTURE_NOT_ENFORCED;
        if (found[PHX_POSTURE_UNKNOWN] || have->unknown > 0 || have->labels.count == 0)
                return PHX_POSTURE_UNKNOWN;
        return found[PHX_POSTURE_MAY_LEAVE] ? PHX_POSTURE_MAY_LEAVE : PHX_POSTURE_CONFINED;
}

bool phx_posture_is_exposed(
                enum phx_posture posture,
                const char *assigned,
                enum phx_escape escape) {
        switch (posture) {
        case PHX_POSTURE_CONFINED:
        case PHX_POSTURE_MISSING:
                return false;
        case PHX_POSTURE_STOPPED:
                return escape == PHX_ESCAPE_POSSIBLE || !assigned ||
                       phx_label_is_unconfined(assigned);
        case PHX_POSTURE_UNKNOWN:
        case PHX_POSTURE_MAY_LEAVE:
        case PHX_POSTURE_NOT_ENFORCED:
        case PHX_POSTURE_PARTLY_UNCONFINED:
        case PHX_POSTURE_UNCONFINED:
                break;
        }
        return true;
}
