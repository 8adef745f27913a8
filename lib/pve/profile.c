/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "pve/profile.h"

#include <string.h>

#include "state/lxc_options.h"

/* liblxc ends a line at a carriage return, and the text at a NUL. */
static size_t end_of_value(const char *value, size_t size) {
        for (size_t i = 0; i < size; i++)
                if (value[i] == '\r' || value[i] == '\0')
                        return i;
        return size;
}

enum phx_pve_strength phx_pve_strength_of_value(const char *value, size_t size) {
        if (phx_pve_is(value, size, "unconfined"))
                return PHX_PVE_UNCONFINED;
        if (phx_pve_is(value, size, "unchanged"))
                return PHX_PVE_UNCHANGED;
        if (size == 0 || phx_pve_is(value, size, "generated"))
                return PHX_PVE_DEFAULT;
        return PHX_PVE_NAMED;
}

static void profile_read(struct phx_pve_profile *profile) {
        struct phx_lxc_option_text option = {
                .value = profile->decider->value,
                .value_size = end_of_value(profile->decider->value, profile->decider->value_size),
        };

        while (option.value_size > 0 && strchr(" \t", option.value[option.value_size - 1]))
                option.value_size--;
        phx_lxc_option_unquote(&option);
        profile->value = option.value;
        profile->value_size = option.value_size;
        profile->strength = phx_pve_strength_of_value(option.value, option.value_size);
}

struct phx_pve_profile phx_pve_profile_of(const struct phx_pve_text *text, size_t section) {
        const struct phx_pve_section *place = &text->sections[section];
        struct phx_pve_profile profile = { .value = "", .strength = PHX_PVE_DEFAULT };

        for (size_t i = place->first; i < place->first + place->count; i++) {
                const struct phx_pve_line *line = &text->lines[i];

                if (phx_pve_line_sets(line, PHX_PVE_KEY_PROFILE)) {
                        profile.decider = line;
                        profile.include = NULL;
                        profile.n_lines++;
                } else if (!profile.include && phx_pve_line_sets(line, PHX_PVE_KEY_INCLUDE)) {
                        profile.include = line;
                }
        }
        if (profile.decider)
                profile_read(&profile);
        return profile;
}

enum phx_pve_strength phx_pve_strength_of(const struct phx_pve_line *line) {
        struct phx_pve_profile profile = { .decider = line };

        profile_read(&profile);
        return profile.strength;
}

bool phx_pve_is_weaker(const struct phx_pve_profile *a, const struct phx_pve_profile *b) {
        return b->strength < a->strength;
}
