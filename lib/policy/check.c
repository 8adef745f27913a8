/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "policy/check.h"

#include <errno.h>
#include <string.h>

#include "state/labels.h"

static bool is_allowed(const struct phx_settings *settings, enum phx_policy_mode mode) {
        return phx_policy_mode_is_enforced(mode) ||
               (mode == PHX_POLICY_COMPLAIN && settings->allow_complain) ||
               (mode == PHX_POLICY_UNCONFINED && settings->allow_unconfined_flag);
}

static int check_entry(
                const struct phx_policy_entry *entry,
                const char *name,
                const struct phx_settings *settings,
                struct phx_error *error) {
        if (!phx_label_name_is_of(entry->name, name))
                return phx_error_set_in(
                                error,
                                -EINVAL,
                                name,
                                "defines the profile '%s', expected only '%s' and its children",
                                entry->name,
                                name);
        /* A child may be chosen by path: it is reached only from inside. */
        if (entry->has_attachment && strcmp(entry->name, name) == 0)
                return phx_error_set_in(
                                error,
                                -EINVAL,
                                name,
                                "attaches to programs of the host, expected no path after its "
                                "name");
        if (is_allowed(settings, entry->mode))
                return 0;
        return phx_error_set_in(
                        error,
                        -EINVAL,
                        name,
                        "'%s' is in mode %s, expected enforce or kill",
                        entry->name,
                        phx_policy_mode_to_string(entry->mode));
}

int phx_policy_check(
                const struct phx_policy *policy,
                const char *name,
                const struct phx_settings *settings,
                struct phx_error *error) {
        for (size_t i = 0; i < policy->count; i++) {
                int r = check_entry(&policy->entries[i], name, settings, error);

                if (r < 0)
                        return r;
        }
        if (!phx_policy_find(policy, name))
                return phx_error_set_in(
                                error,
                                -EINVAL,
                                name,
                                "does not define the profile '%s'",
                                name);
        return 0;
}
