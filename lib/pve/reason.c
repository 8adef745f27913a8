/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "pve/reason.h"

#include <errno.h>
#include <stdlib.h>

#include "base/strings.h"

#define THEN "used at the next start; "

/* Proxmox makes its rules of the features, and LXC of whether it is privileged. */
static int reason_of_generated(const struct phx_pve_meaning *meaning, char **ret_text) {
        phx_cleanup(phx_buffer_done) struct phx_buffer features = { 0 };

        if (phx_buffer_add_text(&features, "") < 0 ||
            phx_pve_features_render(&meaning->features, &features) < 0)
                return -ENOMEM;
        return phx_printf(
                        ret_text,
                        THEN "no line names a profile, so Proxmox generates one, for %s container "
                             "%s%s",
                        meaning->is_unprivileged ? "an unprivileged" : "a privileged",
                        features.size > 0 ? "with the features " : "without features",
                        features.data);
}

static int reason_of_line(const struct phx_pve_profile *profile, char **ret_text) {
        const char *words = profile->strength == PHX_PVE_DEFAULT
                                            ? "Proxmox leaves out its own rules for it"
                                            : "Proxmox generates none";

        if (profile->n_lines > 1)
                return phx_printf(
                                ret_text,
                                THEN "the last of %zu lines that name a profile, so %s",
                                profile->n_lines,
                                words);
        return phx_printf(ret_text, THEN "the line names the profile, so %s", words);
}

static int reason_of_include(const struct phx_pve_profile *profile, char **ret_text) {
        if (profile->decider)
                return phx_printf(
                                ret_text,
                                THEN "an include sets it, after line %u of the container's file, "
                                     "which it overrules",
                                profile->decider->number);
        return phx_printf(
                        ret_text,
                        THEN "an include sets it, after the profile that Proxmox generates");
}

int phx_pve_reason_of(const struct phx_pve_meaning *meaning, struct phx_pve_reason *ret_reason) {
        phx_cleanup(phx_pve_reason_done) struct phx_pve_reason reason = { 0 };
        int r;

        if (meaning->profile.decider)
                r = reason_of_line(&meaning->profile, &reason.own);
        else
                r = reason_of_generated(meaning, &reason.own);
        if (r >= 0)
                r = reason_of_include(&meaning->profile, &reason.include);
        if (r < 0)
                return -ENOMEM;
        *ret_reason = PHX_TAKE_STRUCT(reason);
        return 0;
}

void phx_pve_reason_done(struct phx_pve_reason *reason) {
        free(reason->own);
        free(reason->include);
        *reason = (struct phx_pve_reason){ 0 };
}
