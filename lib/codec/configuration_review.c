/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "codec/configuration_review.h"

#include <string.h>

#include "base/error.h"
#include "codec/json_index.h"
#include "codec/json_refuse.h"
#include "state/autostart.h"
#include "state/needs.h"

static bool review_is_unconfined(const struct phx_container_config *container) {
        return strcmp(container->profile, "unconfined") == 0;
}

static void review_unconfined(
                const struct phx_json_place *place,
                const struct phx_container_config *container,
                enum phx_namespace_policy policy,
                struct phx_error *error) {
        phx_cleanup(phx_fit_done) struct phx_fit fit = { 0 };

        if (phx_fit_of(container, policy, &fit) < 0)
                error->all->is_incomplete = true;
        else if (!fit.profile)
                phx_json_warn(error, place, "runs unconfined; %s", fit.why);
        else
                phx_json_warn(error,
                              place,
                              "runs unconfined; %s%s fits (%s): run 'phoenixctl advise %s'",
                              fit.profile,
                              fit.wants_key ? " with apparmor_manages_nesting" : "",
                              fit.why,
                              container->id);
}

static void review_profile(
                const struct phx_json_place *entry,
                const struct phx_container_config *container,
                enum phx_namespace_policy policy,
                const struct phx_strings *names,
                struct phx_error *error) {
        const struct phx_json_place place = phx_json_member(entry, "apparmor_profile");
        const struct phx_json_place *at = container->profile_is_default ? entry : &place;

        if (!container->profile[0])
                return; /* it was refused */
        if (review_is_unconfined(container))
                review_unconfined(at, container, policy, error);
        else if (names && !phx_strings_has(names, container->profile))
                (void) phx_json_refuse(
                                error,
                                at,
                                "profile '%s' is not defined; expected a file of that name in "
                                "profile_dir",
                                container->profile);
}

/* apparmor_manages_nesting is there to keep Proxmox from doing what the profile does. */
static void review_nesting(
                const struct phx_json_place *entry,
                const struct phx_container_config *container,
                struct phx_error *error) {
        const struct phx_json_place list = phx_json_member(entry, "pct_options");

        if (!container->manages_nesting)
                return;
        for (size_t i = 0; i < container->pct_options.count; i++) {
                const struct phx_json_place element = phx_json_element(&list, i);

                if (phx_needs_has_nesting(container->pct_options.items[i]))
                        phx_json_warn(error,
                                      &element,
                                      "with apparmor_manages_nesting the profile allows nesting; "
                                      "remove nesting=1");
        }
}

/* It is said of the container, too, when it is left out: see reconcile/autostart.c. */
static void review_start(
                const struct phx_json_place *entry,
                const struct phx_container_config *container,
                struct phx_error *error) {
        const struct phx_json_place list = phx_json_member(entry, "lxc_options");
        struct phx_autostart_key keys[PHX_AUTOSTART_KEYS];

        phx_autostart_of(container, keys);
        for (size_t i = 0; i < container->options.count; i++) {
                const struct phx_lxc_option *option = &container->options.items[i];
                const struct phx_json_place element = phx_json_element(&list, option->index);
                const struct phx_autostart_key *key = phx_autostart_overruling(keys, option);

                if (key && strcmp(key->value, option->value) != 0)
                        phx_json_warn(error,
                                      &element,
                                      "%s=%s is skipped: %s is %s",
                                      option->key,
                                      option->value,
                                      key->name,
                                      key->entered);
        }
}

void phx_configuration_review(
                const struct phx_json_text *json,
                const struct phx_configuration *configuration,
                const struct phx_settings *settings,
                const struct phx_strings *names,
                struct phx_findings *findings) {
        phx_cleanup(phx_json_index_done) struct phx_json_index index = { 0 };
        const struct phx_json_text indexed = { json->file, json->data, json->size, &index };
        const struct phx_json_place root = { .text = &indexed },
                                    entries = phx_json_member(&root, "lxc_configs");
        struct phx_error error = { .all = findings };

        for (size_t i = 0; i < configuration->count; i++) {
                const struct phx_container_config *container = &configuration->containers[i];
                const struct phx_json_place entry = phx_json_member(&entries, container->id);

                review_profile(&entry, container, settings->policy_namespace, names, &error);
                review_nesting(&entry, container, &error);
                if (settings->manage_autostart)
                        review_start(&entry, container, &error);
        }
}
