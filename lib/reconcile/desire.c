/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Pure: from the configuration, the settings, the judged profiles and the names of the containers
 * on the host to desired containers. Of the observation it reads only the names, whose they are
 * (LXC's or Proxmox's), why they could not be listed, and why LXC does not ask the boot gate, which
 * becomes a note; nothing that is desired depends on what is true on the machine.
 *
 * The profiles are in `judged` already, and containers are added to the same struct, one for each
 * entry of the configuration, also for those that are not on this host (directory NULL). An entry
 * finds its directory by its id, or by its name if no other entry could mean the same directory;
 * in doubt it finds none, since a wrong one would edit the config of a stranger. */

#include "reconcile/desire.h"

#include <errno.h>
#include <string.h>

#include "base/sorted.h"
#include "base/strings.h"
#include "reconcile/autostart.h"
#include "state/labels.h"
#include "state/needs.h"

/* Whether NAME stands for more than CONFIG. */
static bool is_shared(
                const struct phx_configuration *configuration,
                const struct phx_container_config *config,
                const char *name) {
        for (size_t i = 0; i < configuration->count; i++) {
                const struct phx_container_config *other = &configuration->containers[i];

                if (other != config &&
                    (strcmp(other->id, name) == 0 || phx_equal(other->name, name)))
                        return true;
        }
        return false;
}

static int desire_compare_directory(const void *directory, const void *container) {
        return strcmp(directory, ((const struct phx_observed_container *) container)->directory);
}

/* Observed containers are sorted by their directories. */
static bool is_there(const struct phx_observed *observed, const char *directory) {
        return phx_find_sorted(directory,
                               observed->containers,
                               observed->container_count,
                               sizeof(*observed->containers),
                               desire_compare_directory) != NULL;
}

/* The directory named as the id; else the one named as the container, where the name says which of
 * them is meant. It is a text for people: most are no directory's, and several containers may have
 * the same; then it is better to find none than the wrong one. */
static const char *desire_directory_of(
                const struct phx_configuration *configuration,
                const struct phx_observed *observed,
                const struct phx_container_config *config) {
        const char *name = config->name;

        if (is_there(observed, config->id))
                return config->id;
        if (!name || !phx_is_container_id(name) || !is_there(observed, name))
                return NULL;
        return is_shared(configuration, config, name) ? NULL : name;
}

/* Debian lets lxc-start change only to what begins with "lxc-", namespaces included. */
static int desire_set_profile(
                enum phx_namespace_policy policy_namespace,
                const struct phx_container_config *config,
                struct phx_desired_container *desired) {
        phx_autofree char *namespace = NULL;

        if (phx_container_has_namespace(config, policy_namespace) &&
            phx_printf(&namespace, "lxc-%s", config->id) < 0)
                return -ENOMEM;
        return phx_desired_container_set_profile(desired, config->profile, namespace);
}

/* A container of Proxmox that names no profile is confined by Proxmox. To make "unconfined" of that
 * because no entry asks for a profile would leave it less confined than without phoenixd. */
static bool is_left_to_proxmox(
                const struct phx_observed *observed,
                const struct phx_container_config *config,
                const char *directory) {
        const struct phx_observed_container *have =
                        directory ? phx_observed_find_container(observed, directory) : NULL;

        return (have ? have->backend == PHX_BACKEND_PVE
                     : config->creation && observed->has_proxmox) &&
               config->profile_is_default && phx_label_is_unconfined(config->profile);
}

/* What is on Proxmox is started by its keys, see pve/wish.h. What phoenixd creates is LXC's
 * where Proxmox does not do it. */
static bool is_plain(
                const struct phx_observed *observed,
                const struct phx_container_config *config,
                const char *directory) {
        const struct phx_observed_container *have =
                        directory ? phx_observed_find_container(observed, directory) : NULL;

        return have ? have->backend == PHX_BACKEND_LXC : config->creation && !observed->has_proxmox;
}

static int suggest(
                enum phx_namespace_policy policy_namespace,
                const struct phx_container_config *config,
                struct phx_desired_container *desired) {
        phx_cleanup(phx_fit_done) struct phx_fit fit = { 0 };
        int r;

        r = phx_fit_of(config, policy_namespace, &fit);
        if (r < 0)
                return r;
        if (!fit.profile)
                return phx_strings_addf(
                                &desired->notes,
                                "is configured as unconfined; %s",
                                fit.why);
        if (phx_printf(&desired->suggestion_why,
                       "%s%s",
                       fit.why,
                       fit.wants_key ? "; with apparmor_manages_nesting" : "") < 0)
                return -ENOMEM;
        return phx_replace(&desired->suggestion, fit.profile);
}

static int desire_container(
                struct phx_input *input,
                const struct phx_observed *observed,
                const struct phx_container_config *config) {
        enum phx_namespace_policy policy_namespace = input->settings->policy_namespace;
        struct phx_desired_container *desired = phx_desired_add_container(
                        input->judged,
                        config->id);
        const char *directory = desire_directory_of(input->configuration, observed, config);

        if (!desired || desire_set_profile(policy_namespace, config, desired) < 0 ||
            phx_replace(&desired->name, config->name) < 0 ||
            phx_replace(&desired->directory, directory) < 0 ||
            phx_lxc_options_copy(&desired->options, &config->options) < 0 ||
            phx_strings_copy(&desired->dependencies, &config->dependencies) < 0 ||
            phx_creation_copy(&desired->creation, config->creation) < 0 ||
            phx_strings_copy(&desired->notes, &config->notes) < 0)
                return -ENOMEM;
        desired->profile_is_default = config->profile_is_default;
        desired->line = config->line;
        desired->boot_order = config->boot_order;
        desired->state = input->settings->manage_state ? config->state : PHX_RUN_UNMANAGED;
        desired->restart = config->has_restart ? config->restart : input->settings->restart.policy;
        if (input->settings->manage_autostart && is_plain(observed, config, directory) &&
            phx_desire_autostart(config, desired) < 0)
                return -ENOMEM;
        if (is_left_to_proxmox(observed, config, directory))
                return phx_desired_container_set_generated(desired);
        return strcmp(config->profile, "unconfined") == 0
                               ? suggest(policy_namespace, config, desired)
                               : 0;
}

static int desire_refuse_path(struct phx_desired *desired, const char *text) {
        struct phx_refusal *refusal =
                        phx_desired_add_refusal(desired, PHX_REFUSED_LXC_PATH, NULL, text);

        if (!refusal)
                return -ENOMEM;
        refusal->cause = PHX_CAUSE_PATH_REFUSED;
        return 0;
}

int phx_desire(struct phx_input *input, const struct phx_observed *observed) {
        const struct phx_configuration *configuration = input->configuration;
        int r = 0;

        if (observed->lxc_refusal)
                r = desire_refuse_path(input->judged, observed->lxc_refusal);
        if (input->settings)
                input->judged->boot_gate = input->settings->boot_gate;
        if (r >= 0 && observed->gate_trouble && input->judged->boot_gate != PHX_BOOT_GATE_OFF)
                r = phx_strings_addf(
                                &input->judged->notes,
                                "containers start without the boot gate: %s",
                                observed->gate_trouble);
        input->judged->manages_autostart = input->settings && input->settings->manage_autostart;
        for (size_t i = 0; r >= 0 && input->settings && configuration && i < configuration->count;
             i++)
                r = desire_container(input, observed, &configuration->containers[i]);
        return r < 0 ? r : phx_desired_index(input->judged);
}
