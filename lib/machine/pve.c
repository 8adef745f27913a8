/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "machine/pve.h"

#include <string.h>

#include "base/strings.h"
#include "pve/keys.h"

/* A line whose key Proxmox does not keep would make the whole edit impossible, the profile's line
 * included: it is left out and reported, as an option is that liblxc does not take. Only the key
 * is reported. */
static int pve_skip_options_of(
                const char *configuration_file,
                struct phx_observed_container *have) {
        phx_cleanup(phx_strings_done) struct phx_strings kept = { 0 };
        struct phx_strings *tail = &have->lines.tail;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < tail->count; i++) {
                size_t size = strcspn(tail->items[i], "=");

                if (phx_pve_lxc_key(tail->items[i], size) == PHX_PVE_LXC_TAKEN)
                        r = phx_strings_add(&kept, tail->items[i]);
                else
                        r = phx_strings_addf(
                                        &have->refused_options,
                                        "%s: %.*s is skipped: Proxmox does not accept this key",
                                        configuration_file,
                                        (int) size,
                                        tail->items[i]);
        }
        if (r < 0 || kept.count == tail->count)
                return r;
        phx_strings_done(tail);
        *tail = PHX_TAKE_STRUCT(kept);
        /* Nothing else is known to be wrong with the lines then. */
        if (tail->count == 0 && have->lines.removed.count == 0)
                phx_wrong_lines_done(&have->wrong_lines);
        return 0;
}

int phx_machine_pve_skip_options(const char *configuration_file, struct phx_observed *observed) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < observed->container_count; i++)
                if (observed->containers[i].backend == PHX_BACKEND_PVE)
                        r = pve_skip_options_of(configuration_file, &observed->containers[i]);
        return r;
}

int phx_machine_pve_review_profile(
                const struct phx_desired *desired,
                const struct phx_desired_container *want,
                struct phx_observed_container *have) {
        if (!want->is_generated || have->decider_line == 0 ||
            !phx_equal(have->decider, have->config))
                return 0;
        if (!phx_observed_keeps_profile(desired, want, have))
                return phx_wrong_lines_add(
                                &have->wrong_lines,
                                PHX_LINE_TOO_MANY,
                                PHX_PVE_KEY_PROFILE);
        return phx_strings_addf(
                        &have->remarks,
                        "%s:%u: names the profile %s, which the configuration does not; add it to "
                        "the configuration, or remove the line",
                        have->config,
                        have->decider_line,
                        have->effective);
}
