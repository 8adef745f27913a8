/* SPDX-License-Identifier: GPL-2.0-or-later */

/* One container on two layers: its config (what the next start obeys) and its tasks (what is true
 * now). A config is repaired only when that can make no start fail and no container less confined:
 * the profile is loaded in the desired version and mode, the namespace exists, and the config can
 * be read. Otherwise the drift stays without action and says what it waits for. Running tasks are
 * never changed: they need a restart, which is the operator's decision.
 *
 * Four questions decide, in this order: is it on this host, can its config be judged, does the
 * config name the desired label and lines, do all tasks run under it. A task whose label cannot be
 * read is unknown, and unknown is not confined.
 *
 * Containers on the host that the configuration does not name are reported as unmanaged and left
 * alone. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "reconcile/differ.h"
#include "state/gated.h"

static const char *diff_containers_or_unknown(const char *text) {
        return text ? text : "unknown";
}

/* Whether the kernel has all of this very version. */
static bool diff_containers_is_in_force(const struct phx_differ *differ, const char *profile) {
        return !phx_strings_has_sorted(&differ->outdated, profile);
}

/* The drifts of the profiles say so. */
static int diff_containers_find_outdated(struct phx_differ *differ) {
        for (size_t i = 0; i < differ->drifts.count; i++) {
                const struct phx_drift *drift = &differ->drifts.items[i];

                if (drift->layer == PHX_LAYER_KERNEL && drift->kind != PHX_DRIFT_NAMESPACE &&
                    phx_strings_add(&differ->outdated, drift->object) < 0)
                        return -ENOMEM;
        }
        phx_strings_unique(&differ->outdated);
        return 0;
}

/* PHX_CAUSE_NONE when the kernel has what a container would be put into; else why it must wait. */
static enum phx_cause diff_containers_why_no_profile(
                const struct phx_differ *differ,
                const char *profile) {
        const struct phx_desired_profile *ours = phx_desired_find_profile(differ->desired, profile);
        const struct phx_kernel_entry *loaded = phx_kernel_entries_find(
                        &differ->observed->loaded,
                        profile);

        if (phx_label_is_unconfined(profile))
                return PHX_CAUSE_NONE;
        if (differ->observed->kernel_trouble)
                return PHX_CAUSE_NO_APPARMOR;
        if (ours && !ours->has_good)
                return ours->state == PHX_SOURCE_COMPILING ? PHX_CAUSE_PROFILE_COMPILING
                                                           : PHX_CAUSE_PROFILE_REFUSED;
        if (!loaded)
                return ours ? PHX_CAUSE_PROFILE_NOT_LOADED : PHX_CAUSE_PROFILE_ABSENT;
        if (ours)
                return diff_containers_is_in_force(differ, profile) ? PHX_CAUSE_NONE
                                                                    : PHX_CAUSE_PROFILE_OUTDATED;
        return phx_policy_mode_is_enforced(loaded->mode) ? PHX_CAUSE_NONE
                                                         : PHX_CAUSE_PROFILE_UNMANAGED;
}

/* Of one that stays, the first of its stack counts. */
static enum phx_cause why_no_label(
                const struct phx_differ *differ,
                const struct phx_desired_container *want,
                const struct phx_observed_container *have) {
        struct phx_label_part part = { 0 };

        if (!want->is_generated)
                return diff_containers_why_no_profile(differ, want->profile);
        if (!phx_observed_keeps_profile(differ->desired, want, have) ||
            !phx_label_next_part(have->effective, &part))
                return PHX_CAUSE_NONE;
        return diff_containers_why_no_profile(differ, part.name);
}

static enum phx_cause why_not_assignable(
                const struct phx_differ *differ,
                const struct phx_desired_container *want,
                const struct phx_observed_container *have) {
        enum phx_cause cause = why_no_label(differ, want, have);

        if (cause == PHX_CAUSE_NONE && want->namespace &&
            !phx_strings_has(&differ->observed->namespaces, want->namespace))
                return PHX_CAUSE_NAMESPACE_ABSENT;
        return cause;
}

static int diff_namespace(struct phx_differ *differ, const struct phx_desired_container *want) {
        if (!want->namespace || differ->observed->kernel_trouble ||
            phx_strings_has(&differ->observed->namespaces, want->namespace))
                return 0;
        return phx_differ_add(
                        differ,
                        (struct phx_drift){
                                        .layer = PHX_LAYER_KERNEL,
                                        .kind = PHX_DRIFT_NAMESPACE,
                                        .action = PHX_ACTION_NAMESPACE,
                                        .object = want->id,
                                        .profile = want->profile,
                                        .expected = want->namespace,
                                        .found = "absent",
                        });
}

/* Whether the settings accept the profile in a mode that confines nothing. */
static bool is_accepted_unenforced(const struct phx_differ *differ, const char *profile) {
        const struct phx_desired_profile *ours = phx_desired_find_profile(differ->desired, profile);
        const struct phx_kernel_entry *entry =
                        ours ? phx_kernel_entries_find(&ours->policy, profile) : NULL;

        return entry && !phx_policy_mode_is_enforced(entry->mode);
}

static enum phx_cause why_restart(const struct phx_desired_container *want) {
        if (want->mark.holds && want->mark.is_for_state) {
                if (want->mark.phase != PHX_RESTART_FAILED)
                        return PHX_CAUSE_REQUIRES_RESTART;
                return want->state == PHX_RUN_STOPPED ? PHX_CAUSE_STOP_FAILED
                                                      : PHX_CAUSE_START_FAILED;
        }
        if (!want->mark.holds || want->mark.phase == PHX_RESTART_ASKED ||
            want->mark.phase == PHX_RESTART_ENDING)
                return PHX_CAUSE_REQUIRES_RESTART;
        return want->mark.phase == PHX_RESTART_FAILED || want->mark.phase == PHX_RESTART_ROLLED_BACK
                               ? PHX_CAUSE_RESTART_FAILED
                               : PHX_CAUSE_RESTARTING;
}

/* What the job said, where the cause is that it failed; else NULL. */
static const char *diff_failure(const struct phx_desired_container *want, enum phx_cause cause) {
        return cause == PHX_CAUSE_RESTART_FAILED || cause == PHX_CAUSE_START_FAILED ||
                                               cause == PHX_CAUSE_STOP_FAILED
                               ? want->mark.why
                               : NULL;
}

/* WHY is what keeps the profile from being assigned. */
static enum phx_cause why_running(
                const struct phx_differ *differ,
                const struct phx_desired_container *want,
                const struct phx_observed_container *have,
                enum phx_cause why) {
        if (why != PHX_CAUSE_NONE)
                return why;
        if (phx_label_runs_in(have->example.text, want->profile) &&
            is_accepted_unenforced(differ, want->profile))
                return PHX_CAUSE_NOT_ENFORCED;
        return why_restart(want);
}

/* A restart that failed left it stopped, or with another fault than its label. */
static int diff_failed_restart(
                struct phx_differ *differ,
                const struct phx_desired_container *want,
                const struct phx_observed_container *have) {
        bool is_failed = want->mark.holds && want->mark.phase == PHX_RESTART_FAILED;

        if (!is_failed || (have->is_running &&
                           (have->wrong > 0 || have->unknown > 0 || have->at_start.count > 0)))
                return 0;
        if (want->mark.is_for_state &&
            (want->state == PHX_RUN_STOPPED || phx_differ_is_off_state(want, have)))
                return 0;
        return phx_differ_add(
                        differ,
                        (struct phx_drift){
                                        .layer = PHX_LAYER_RUNNING,
                                        .kind = PHX_DRIFT_RUNNING,
                                        .object = want->id,
                                        .profile = want->profile,
                                        .expected = want->label,
                                        .found = have->is_running ? want->label : "not running",
                                        .is_lacking = !have->is_running,
                                        .cause = want->mark.is_for_state ? PHX_CAUSE_START_FAILED
                                                                         : PHX_CAUSE_RESTART_FAILED,
                                        .detail = want->mark.why,
                        });
}

/* What its entry asks for is not what it has, and that is meant. */
static int diff_rolled_back(struct phx_differ *differ, const struct phx_desired_container *want) {
        if (!want->mark.asked || want->mark.phase != PHX_RESTART_ROLLED_BACK)
                return 0;
        return phx_differ_add(
                        differ,
                        (struct phx_drift){
                                        .layer = PHX_LAYER_CONFIG,
                                        .kind = PHX_DRIFT_ASSIGNED,
                                        .object = want->id,
                                        .profile = want->profile,
                                        .expected = want->mark.asked,
                                        .found = want->label,
                                        .cause = PHX_CAUSE_ROLLED_BACK,
                                        .detail = want->mark.why,
                        });
}

static int diff_wrong_tasks(
                struct phx_differ *differ,
                const struct phx_observed_container *have,
                struct phx_drift drift) {
        phx_autofree char *label = NULL, *found = NULL;
        int r = 0;

        if (have->example.text)
                r = phx_label_render(&have->example, &label);
        if (r >= 0 && label)
                r = phx_printf(&found, "%s, pid %d", label, (int) have->example_tid);
        if (r < 0)
                return r;
        drift.found = diff_containers_or_unknown(found);
        return phx_differ_add(differ, drift);
}

static int diff_running(
                struct phx_differ *differ,
                const struct phx_desired_container *want,
                const struct phx_observed_container *have,
                enum phx_cause why) {
        struct phx_drift drift = {
                .layer = PHX_LAYER_RUNNING,
                .kind = PHX_DRIFT_RUNNING,
                .object = want->id,
                .profile = want->profile,
                .expected = phx_observed_label(differ->desired, want, have),
                .cause = why_running(differ, want, have, why),
        };
        int r = 0;

        drift.detail = diff_failure(want, drift.cause);
        if (have->wrong > 0)
                r = diff_wrong_tasks(differ, have, drift);
        if (r < 0 || have->unknown == 0)
                return r;
        drift.kind = PHX_DRIFT_UNKNOWN;
        drift.found = have->unread_why ? have->unread_why : "it cannot be read";
        drift.cause = PHX_CAUSE_RETRY;
        return phx_differ_add(differ, drift);
}

/* It is not known, and no reason to restart anything. */
static int diff_start_unknown(
                struct phx_differ *differ,
                const struct phx_desired_container *want,
                const struct phx_observed_container *have) {
        return phx_differ_add(
                        differ,
                        (struct phx_drift){
                                        .layer = PHX_LAYER_RUNNING,
                                        .kind = PHX_DRIFT_REMARK,
                                        .object = want->id,
                                        .profile = want->profile,
                                        .expected = "managed lines that were there at its start",
                                        .found = have->at_start_unknown,
                                        .cause = PHX_CAUSE_RETRY,
                        });
}

/* Where the label is right: one restart is for both. */
static int diff_start(
                struct phx_differ *differ,
                const struct phx_desired_container *want,
                const struct phx_observed_container *have) {
        const struct phx_wrong_line *line;
        struct phx_drift drift = {
                .layer = PHX_LAYER_RUNNING,
                .kind = PHX_DRIFT_RUNNING,
                .object = want->id,
                .profile = want->profile,
                .cause = why_restart(want),
        };
        char expected[512];
        bool is_absent;

        if (have->at_start.count == 0)
                return have->at_start_unknown ? diff_start_unknown(differ, want, have) : 0;
        line = &have->at_start.items[0];
        is_absent = line->fault == PHX_LINE_NOT_IN_EFFECT;
        (void) snprintf(expected,
                        sizeof(expected),
                        "%s %s",
                        is_absent ? "with" : "without",
                        line->key);
        drift.expected = expected;
        drift.found = is_absent ? "not in effect" : "in effect";
        drift.key = line->key;
        drift.is_lacking = is_absent;
        drift.detail = diff_failure(want, drift.cause);
        return phx_differ_add(differ, drift);
}

/* The key of the first managed line that is wrong, where the profile is right: one edit repairs
 * them all. What it says is not for everybody: a value may be a password. */
static int diff_line(
                struct phx_differ *differ,
                const struct phx_observed_container *have,
                struct phx_drift drift) {
        const struct phx_wrong_line *line = &have->wrong_lines.items[0];
        bool is_absent = line->fault == PHX_LINE_NOT_IN_EFFECT;
        char expected[512];

        (void) snprintf(expected,
                        sizeof(expected),
                        "%s %s",
                        is_absent ? "with" : "without",
                        line->key);
        drift.expected = expected;
        drift.found = is_absent ? "not in effect" : "present";
        drift.key = line->key;
        drift.is_lacking = is_absent;
        return phx_differ_add(differ, drift);
}

static int diff_assigned(
                struct phx_differ *differ,
                const struct phx_desired_container *want,
                const struct phx_observed_container *have,
                enum phx_cause why) {
        const char *label = phx_observed_label(differ->desired, want, have);
        const struct phx_drift drift = {
                .layer = PHX_LAYER_CONFIG,
                .kind = PHX_DRIFT_ASSIGNED,
                .action = why == PHX_CAUSE_NONE ? PHX_ACTION_ASSIGN : PHX_ACTION_NONE,
                .object = want->id,
                .profile = want->profile,
                .expected = label,
                .found = have->effective[0] ? have->effective : "unset",
                .is_lacking = !have->effective[0],
                .cause = why,
                .old_digest = have->digest,
        };

        if (strcmp(have->effective, label) != 0)
                return phx_differ_add(differ, drift);
        return have->wrong_lines.count > 0 ? diff_line(differ, have, drift) : 0;
}

/* All of a kind in one: they are the author's to correct, and are reported once. */
static int diff_texts(
                struct phx_differ *differ,
                const struct phx_desired_container *want,
                const struct phx_strings *texts,
                struct phx_drift drift) {
        phx_cleanup(phx_buffer_done) struct phx_buffer found = { 0 };
        int r = 0;

        if (texts->count == 0)
                return 0;
        for (size_t i = 0; r >= 0 && i < texts->count; i++)
                r = phx_buffer_addf(&found, "%s%s", i > 0 ? "; " : "", texts->items[i]);
        if (r < 0)
                return r;
        drift.layer = PHX_LAYER_CONFIG;
        drift.object = want->id;
        drift.profile = want->profile;
        drift.found = found.data;
        return phx_differ_add(differ, drift);
}

static int diff_add_ungated(
                const struct phx_observed *observed,
                const struct phx_observed_container *have,
                struct phx_strings *remarks) {
        if (have->ungated[0])
                return phx_strings_addf(
                                remarks,
                                "%s: this line empties a hook of the boot gate, and the container "
                                "starts without it",
                                have->ungated);
        return phx_strings_addf(
                        remarks,
                        "%s%s%s%s: neither this file nor one that it includes has the hooks of the "
                        "boot gate, and the container starts without it",
                        have->config ? have->config : observed->lxc_path,
                        have->config ? "" : "/",
                        have->config ? "" : have->directory,
                        have->config ? "" : "/config");
}

/* Lines of its config that do nothing, or take the boot gate away. Where no container has the gate,
 * a note about the host says so. */
static int diff_remarks(
                struct phx_differ *differ,
                const struct phx_desired_container *want,
                const struct phx_observed_container *have) {
        phx_cleanup(phx_strings_done) struct phx_strings remarks = { 0 };
        int r = phx_strings_copy(&remarks, &have->remarks);

        if (r >= 0 && !differ->observed->gate_trouble &&
            phx_gated_of(differ->desired, differ->observed, want, have) == PHX_GATED_NOT_ASKED)
                r = diff_add_ungated(differ->observed, have, &remarks);
        if (r < 0)
                return r;
        return diff_texts(
                        differ,
                        want,
                        &remarks,
                        (struct phx_drift){
                                        .kind = PHX_DRIFT_REMARK,
                                        .expected = "lines that have an effect",
                        });
}

/* What the author of the configuration, or of the container's config, has to correct. */
static int diff_options(
                struct phx_differ *differ,
                const struct phx_desired_container *want,
                const struct phx_observed_container *have) {
        int r;

        r = diff_texts(differ,
                       want,
                       &have->refused_options,
                       (struct phx_drift){
                                       .kind = PHX_DRIFT_OPTION,
                                       .expected = "options that liblxc takes",
                                       .cause = PHX_CAUSE_REST_IN_FORCE,
                       });
        if (r >= 0)
                r = diff_texts(differ,
                               want,
                               &have->pending,
                               (struct phx_drift){
                                               .kind = PHX_DRIFT_PENDING,
                                               .expected = "the same profile after the next start",
                               });
        return r < 0 ? r : diff_remarks(differ, want, have);
}

/* It may be there all the same, and this is reported of the host as a whole, too. */
static int diff_unseen(struct phx_differ *differ, const struct phx_desired_container *want) {
        return phx_differ_add(
                        differ,
                        (struct phx_drift){
                                        .layer = PHX_LAYER_CONFIG,
                                        .kind = PHX_DRIFT_UNKNOWN,
                                        .object = want->id,
                                        .profile = want->profile,
                                        .expected = want->profile,
                                        .found = differ->observed->pve_refusal,
                                        .cause = PHX_CAUSE_UNREADABLE,
                        });
}

/* It is created only into a profile that could be assigned to it. */
static enum phx_cause why_missing(
                const struct phx_differ *differ,
                const struct phx_desired_container *want) {
        enum phx_cause cause = PHX_CAUSE_NONE;

        if (want->is_on_another_node)
                return PHX_CAUSE_ANOTHER_NODE;
        if (want->creation)
                cause = why_not_assignable(differ, want, NULL);
        return cause == PHX_CAUSE_NONE ? PHX_CAUSE_NOT_CREATED : cause;
}

static int diff_missing(struct phx_differ *differ, const struct phx_desired_container *want) {
        enum phx_cause cause = why_missing(differ, want);
        int r = 0;

        if (differ->observed->pve_refusal)
                return diff_unseen(differ, want);
        /* Before it is created. */
        if (cause == PHX_CAUSE_NAMESPACE_ABSENT)
                r = diff_namespace(differ, want);
        if (r < 0)
                return r;
        return phx_differ_add(
                        differ,
                        (struct phx_drift){
                                        .layer = PHX_LAYER_CONFIG,
                                        .kind = PHX_DRIFT_MISSING,
                                        .object = want->id,
                                        .profile = want->profile,
                                        .expected = want->profile,
                                        .found = "not on this host",
                                        .cause = cause,
                        });
}

static int diff_unjudged(
                struct phx_differ *differ,
                const struct phx_desired_container *want,
                const struct phx_observed_container *have) {
        return phx_differ_add(
                        differ,
                        (struct phx_drift){
                                        .layer = PHX_LAYER_CONFIG,
                                        .kind = PHX_DRIFT_UNKNOWN,
                                        .object = want->id,
                                        .profile = want->profile,
                                        .expected = want->profile,
                                        .found = have->trouble ? have->trouble
                                                               : "no effective profile can be read",
                                        .cause = PHX_CAUSE_UNREADABLE,
                                        .old_digest = have->digest,
                        });
}

static int diff_container(struct phx_differ *differ, const struct phx_desired_container *want) {
        const struct phx_observed_container *have = NULL;
        enum phx_cause why;
        int r;

        if (want->directory)
                have = phx_observed_find_container(differ->observed, want->directory);
        if (!have)
                return diff_missing(differ, want);

        r = diff_namespace(differ, want);
        if (r >= 0)
                r = phx_differ_state(differ, want, have);
        if (r < 0)
                return r;
        why = why_not_assignable(differ, want, have);
        if (have->trouble || !have->effective) {
                r = diff_unjudged(differ, want, have);
                why = PHX_CAUSE_CONFIG_UNKNOWN;
        } else {
                r = diff_options(differ, want, have);
                if (r >= 0)
                        r = diff_assigned(differ, want, have, why);
                if (r >= 0)
                        r = diff_rolled_back(differ, want);
                /* Where no restart could help, a restart is not asked for. */
                if (why != PHX_CAUSE_NONE &&
                    strcmp(have->effective, phx_observed_label(differ->desired, want, have)) != 0)
                        return r;
        }
        if (r >= 0)
                r = diff_failed_restart(differ, want, have);
        if (r >= 0)
                r = phx_differ_left_stopped(differ, want, have);
        if (r < 0 || !have->is_running)
                return r;
        r = diff_running(differ, want, have, why);
        return r < 0 || why != PHX_CAUSE_NONE || have->wrong > 0 ? r
                                                                 : diff_start(differ, want, have);
}

static int diff_unmanaged(struct phx_differ *differ) {
        /* Before anything was accepted, nothing says what is managed. */
        if (!differ->desired->has_configuration)
                return 0;
        for (size_t i = 0; i < differ->observed->container_count; i++) {
                const struct phx_observed_container *have = &differ->observed->containers[i];
                int r;

                if (phx_desired_find_directory(differ->desired, have->directory))
                        continue;
                r = phx_differ_add(
                                differ,
                                (struct phx_drift){
                                                .layer = PHX_LAYER_CONFIG,
                                                .kind = PHX_DRIFT_UNMANAGED,
                                                .object = have->directory,
                                                .expected = "an entry in the configuration",
                                                .found = diff_containers_or_unknown(
                                                                have->effective),
                                                .cause = PHX_CAUSE_UNMANAGED,
                                                .old_digest = have->digest,
                                });
                if (r < 0)
                        return r;
        }
        return 0;
}

int phx_differ_containers(struct phx_differ *differ) {
        if (diff_containers_find_outdated(differ) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < differ->desired->container_count; i++) {
                int r = diff_container(differ, &differ->desired->containers[i]);

                if (r < 0)
                        return r;
        }
        return diff_unmanaged(differ);
}
