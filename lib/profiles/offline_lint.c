/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "profiles/offline_lint.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lint/entry.h"
#include "state/configuration.h"

static int add_lint(
                struct phx_findings *findings,
                const struct phx_lint *lint,
                const struct phx_position *position,
                const char *object) {
        const struct phx_rule_info *info = phx_rule_info(lint->rule);
        const struct phx_finding_rule rule = { info->name, info->number, lint->accepted };
        phx_autofree char *sentence = phx_lint_sentence(lint, object);

        if (!sentence)
                return -ENOMEM;
        phx_findings_add_rule(findings, &rule, position, sentence);
        return 0;
}

static int tell_profiles(
                const struct phx_offline *offline,
                const struct phx_desired *desired,
                struct phx_findings *findings) {
        int r = 0;

        for (size_t i = 0; i < desired->profile_count; i++) {
                const struct phx_desired_profile *profile = &desired->profiles[i];
                phx_autofree char *file = NULL;

                if (phx_offline_path(offline, profile->name, &file) < 0)
                        return -ENOMEM;
                /* Of a source that is refused there is no last good one here. */
                for (size_t j = 0; r >= 0 && j < profile->lints.count; j++)
                        r = add_lint(findings,
                                     &profile->lints.items[j],
                                     &(struct phx_position){ file,
                                                             profile->lints.items[j].line,
                                                             0 },
                                     profile->name);
        }
        return r;
}

/* As all that is said of the configuration, it begins with the key. */
static int add_entry_lint(
                const struct phx_offline *offline,
                const struct phx_container_config *config,
                const struct phx_lint *lint,
                struct phx_findings *findings) {
        const struct phx_position position = { offline->configuration_path,
                                               lint->line,
                                               lint->column };
        bool is_named = lint->key && strcmp(lint->key, "apparmor_profile") == 0
                                        ? !config->profile_is_default
                                        : lint->key != NULL;
        struct phx_lint placed = *lint;
        phx_autofree char *text = NULL;

        if (phx_printf(&text,
                       "lxc_configs.%s%s%s: %s",
                       config->id,
                       is_named ? "." : "",
                       is_named ? lint->key : "",
                       lint->text) < 0)
                return -ENOMEM;
        placed.text = text;
        return add_lint(findings, &placed, &position, NULL);
}

static int tell_containers(
                const struct phx_offline *offline,
                const struct phx_desired *desired,
                struct phx_findings *findings) {
        int r = 0;

        for (size_t i = 0; i < desired->container_count; i++) {
                const struct phx_lints *lints = &desired->containers[i].lints;

                for (size_t j = 0; r >= 0 && j < lints->count; j++)
                        r = add_entry_lint(
                                        offline,
                                        &offline->configuration->containers[i],
                                        &lints->items[j],
                                        findings);
        }
        return r;
}

/* --- entries --- */

static int offline_lint_entry(
                struct phx_profiles *profiles,
                const struct phx_container_config *config,
                enum phx_namespace_policy policy_namespace,
                struct phx_desired_container *container) {
        phx_cleanup(phx_lint_policy_done) struct phx_lint_policy policy = { 0 };
        phx_autofree char *blob = NULL;
        size_t size = 0;
        int r;

        r = phx_profiles_blob(profiles, phx_profiles_key(profiles, config->profile), &blob, &size);
        if (r >= 0)
                r = phx_lint_policy_read(config->profile, blob, size, &policy, NULL);
        if (r < 0)
                return r == -ENOMEM ? r : 0; /* it is not ours, or was refused */
        return phx_lint_entry(
                        &(struct phx_lint_entry){
                                        .config = config,
                                        .namespace = phx_container_has_namespace(
                                                                     config,
                                                                     policy_namespace)
                                                                     ? config->id
                                                                     : NULL,
                                        .policy = &policy,
                        },
                        &container->lints);
}

static int lint_entries(
                const struct phx_offline *offline,
                struct phx_profiles *profiles,
                struct phx_desired *desired) {
        const struct phx_configuration *configuration = offline->configuration;
        int r = 0;

        for (size_t i = 0; configuration && r >= 0 && i < configuration->count; i++) {
                const struct phx_container_config *config = &configuration->containers[i];
                struct phx_desired_container *container = phx_desired_add_container(
                                desired,
                                config->id);

                r = container ? offline_lint_entry(
                                                profiles,
                                                config,
                                                offline->settings->policy_namespace,
                                                container)
                              : -ENOMEM;
        }
        return r;
}

/* Only where all was looked at: else what an acceptance is for may not have been. */
static void tell_notes(
                const struct phx_offline *offline,
                const struct phx_desired *desired,
                struct phx_findings *findings) {
        const struct phx_position position = { offline->settings_path, 0, 0 };

        for (size_t i = 0; !offline->only && offline->configuration && offline->settings_path &&
                           i < desired->notes.count;
             i++)
                phx_findings_add(
                                findings,
                                PHX_SEVERITY_NOTE,
                                &position,
                                "%s",
                                desired->notes.items[i]);
}

int phx_offline_lint(
                const struct phx_offline *offline,
                struct phx_profiles *profiles,
                struct phx_desired *desired,
                struct phx_findings *findings) {
        int r;

        r = lint_entries(offline, profiles, desired);
        if (r >= 0)
                r = phx_desired_accept(desired, &offline->settings->accepted);
        if (r >= 0)
                r = tell_profiles(offline, desired, findings);
        if (r >= 0)
                r = tell_containers(offline, desired, findings);
        if (r >= 0)
                tell_notes(offline, desired, findings);
        return r;
}
