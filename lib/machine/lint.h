/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "profiles/profiles.h"
#include "state/configuration.h"
#include "state/desired.h"
#include "state/settings.h"

/* The rules about entries and their profiles, asked again only when the configuration, a profile's
 * policy or the container's namespace has changed. The zero value has asked nothing yet. */
struct phx_machine_lints {
        struct phx_machine_lint *items;
        size_t count;
        size_t sorted;                      /* by id, from the front */
        char configuration[PHX_SHA256_HEX]; /* that they are about */
};

/* Fills the lints of the containers of DESIRED, which were made of CONFIGURATION (NULL: there are
 * none), and marks of all lints what the settings accept. 0 or -ENOMEM. */
int phx_machine_lint(
                struct phx_machine_lints *lints,
                struct phx_profiles *profiles,
                const struct phx_settings *settings,
                const struct phx_configuration *configuration,
                struct phx_desired *desired);
void phx_machine_lints_done(struct phx_machine_lints *lints);
