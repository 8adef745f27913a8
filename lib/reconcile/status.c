/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "reconcile/status.h"

#include <string.h>

#include "base/buffer.h"
#include "base/strings.h"
#include "state/configuration.h"

/* As much of a digest as tells two apart for a person. */
#define SHORT_DIGEST 12

/* A digest is cut for people; anything else is said whole. */
static int shown(const char *text) {
        size_t length = strlen(text);

        return length >= 40 && strspn(text, "0123456789abcdef") == length ? SHORT_DIGEST
                                                                          : (int) length;
}

/* "OPENING HAVE instead of WANT" */
static int compare_texts(
                struct phx_buffer *buffer,
                const char *opening,
                const struct phx_drift *drift) {
        return phx_buffer_addf(
                        buffer,
                        "%s %.*s instead of %.*s",
                        opening,
                        shown(drift->found),
                        drift->found,
                        shown(drift->expected),
                        drift->expected);
}

/* See diff_containers.c for the two forms of a managed line: its key, and never its value. */
static int add_assigned(struct phx_buffer *buffer, const struct phx_drift *drift) {
        if (phx_has_prefix(drift->expected, "with "))
                return phx_buffer_addf(
                                buffer,
                                "its config does not have %s as lxc_options say",
                                drift->expected + strlen("with "));
        if (phx_has_prefix(drift->expected, "without "))
                return phx_buffer_addf(
                                buffer,
                                "its config has a line %s that lxc_options no longer ask for",
                                drift->expected + strlen("without "));
        if (strcmp(drift->found, "unset") == 0)
                return phx_buffer_addf(
                                buffer,
                                "its config names no profile instead of %s",
                                drift->expected);
        return compare_texts(buffer, "its config names", drift);
}

static int add_differs(struct phx_buffer *buffer, const struct phx_drift *drift) {
        if (drift->layer == PHX_LAYER_KERNEL)
                return compare_texts(buffer, "the kernel has another policy:", drift);
        if (drift->old_digest)
                return compare_texts(buffer, "the deployed file differs: digest", drift);
        return phx_buffer_addf(buffer, "the deployed file is wrong: %s", drift->found);
}

static int status_add_unknown(struct phx_buffer *buffer, const struct phx_drift *drift) {
        const char *opening = "";

        if (drift->layer == PHX_LAYER_DISK)
                opening = "its deployed file cannot be judged: ";
        if (drift->layer == PHX_LAYER_CONFIG)
                opening = "its config cannot be judged: ";
        if (drift->layer == PHX_LAYER_RUNNING)
                opening = "its tasks cannot be judged: ";
        return phx_buffer_addf(buffer, "%s%s", opening, drift->found);
}

static int add_clause(struct phx_buffer *buffer, const struct phx_drift *drift) {
        switch (drift->kind) {
        case PHX_DRIFT_REFUSED:
                return phx_buffer_add_text(buffer, drift->found);
        case PHX_DRIFT_ABSENT:
                return phx_buffer_add_text(
                                buffer,
                                drift->layer == PHX_LAYER_KERNEL ? "not loaded in the kernel"
                                                                 : "the deployed file is missing");
        case PHX_DRIFT_DIFFERS:
                return add_differs(buffer, drift);
        case PHX_DRIFT_MODE:
                return compare_texts(buffer, "loaded in mode", drift);
        case PHX_DRIFT_FOREIGN:
                return phx_buffer_add_text(buffer, "the deployed file is somebody else's");
        case PHX_DRIFT_DISABLED:
                return phx_buffer_addf(
                                buffer,
                                "the next boot will not enforce it, because of %s",
                                drift->found);
        case PHX_DRIFT_LEFTOVER:
                return phx_buffer_add_text(buffer, "left in the kernel by a former version");
        case PHX_DRIFT_NAMESPACE:
                return phx_buffer_addf(
                                buffer,
                                "its policy namespace %s is not there",
                                drift->expected);
        case PHX_DRIFT_WITHDRAWN:
                return phx_buffer_add_text(buffer, "its source is gone");
        case PHX_DRIFT_ASSIGNED:
                return add_assigned(buffer, drift);
        case PHX_DRIFT_RUNNING:
                return phx_buffer_addf(
                                buffer,
                                "runs under %s, instead of %s",
                                drift->found,
                                drift->expected);
        case PHX_DRIFT_MISSING:
                return phx_buffer_add_text(buffer, "not on this host");
        case PHX_DRIFT_UNMANAGED:
                return phx_buffer_add_text(buffer, "not in the configuration");
        case PHX_DRIFT_OPTION:
                return phx_buffer_add_text(buffer, drift->found);
        case PHX_DRIFT_UNKNOWN:
                return status_add_unknown(buffer, drift);
        }
        return phx_buffer_add_text(buffer, drift->found);
}

char *phx_drift_clause(const struct phx_drift *drift) {
        phx_cleanup(phx_buffer_done) struct phx_buffer buffer = { 0 };

        return add_clause(&buffer, drift) < 0 ? NULL : PHX_TAKE(buffer.data);
}

/* Some texts begin with the name already: "lxc-web: line 39: …", "AppArmor is not enabled". */
static bool names_itself(const struct phx_drift *drift) {
        bool is_whole_text = drift->kind == PHX_DRIFT_REFUSED ||
                             (drift->kind == PHX_DRIFT_UNKNOWN && drift->layer == PHX_LAYER_KERNEL);

        return is_whole_text && phx_has_prefix(drift->found, drift->object);
}

static int add_sentence(struct phx_buffer *buffer, const struct phx_drift *drift) {
        int r = 0;

        if (!names_itself(drift))
                r = phx_buffer_addf(buffer, "%s: ", drift->object);
        if (r >= 0)
                r = add_clause(buffer, drift);
        if (r >= 0 && drift->why)
                r = phx_buffer_addf(buffer, "; %s", drift->why);
        return r;
}

char *phx_drift_sentence(const struct phx_drift *drift) {
        phx_cleanup(phx_buffer_done) struct phx_buffer buffer = { 0 };

        return add_sentence(&buffer, drift) < 0 ? NULL : PHX_TAKE(buffer.data);
}

struct counts {
        unsigned profiles, confined, unconfined, unenforced, restarts, missing, unmanaged,
                        suspended;
};

static bool is_restart_due(const struct phx_drifts *drifts, const char *id) {
        const struct phx_drift like = {
                .layer = PHX_LAYER_RUNNING,
                .kind = PHX_DRIFT_RUNNING,
                .object = id,
        };
        const struct phx_drift *drift = phx_drifts_find(drifts, &like);

        return drift && phx_drift_needs_restart(drift);
}

/* The kernel has what its config names, and all can be read. */
static const struct phx_kernel_entry *status_find_entry(
                const struct phx_observed *observed,
                const struct phx_desired_container *want,
                const struct phx_observed_container *have) {
        if (observed->kernel_trouble || !phx_equal(have->effective, want->label) ||
            have->unknown > 0)
                return NULL;
        return phx_kernel_entries_find(&observed->loaded, want->profile);
}

/* It confines, and all that runs is in it. */
static bool is_confined(
                const struct phx_kernel_entry *entry,
                const struct phx_observed_container *have) {
        return have->wrong == 0 &&
               (phx_equal(entry->mode, "enforce") || phx_equal(entry->mode, "kill"));
}

/* It does not confine, and that is accepted. */
static bool is_unenforced(const struct phx_desired *desired, const struct phx_kernel_entry *entry) {
        const struct phx_desired_profile *ours = phx_desired_find_profile(desired, entry->name);
        const struct phx_kernel_entry *wanted =
                        ours ? phx_kernel_entries_find(&ours->policy, entry->name) : NULL;

        return wanted && phx_equal(wanted->mode, entry->mode) &&
               !phx_equal(entry->mode, "enforce") && !phx_equal(entry->mode, "kill");
}

/* Each container is counted once; who is none of these is among the troubles. */
static void count_container(
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                const struct phx_drifts *drifts,
                const struct phx_desired_container *want,
                struct counts *counts) {
        const struct phx_observed_container *have = NULL;
        const struct phx_kernel_entry *entry = NULL;

        if (want->directory)
                have = phx_observed_find_container(observed, want->directory);
        if (have)
                entry = status_find_entry(observed, want, have);
        if (!have)
                counts->missing++;
        else if (is_restart_due(drifts, want->id))
                counts->restarts++;
        else if (phx_equal(have->effective, "unconfined"))
                counts->unconfined++;
        else if (entry && is_confined(entry, have))
                counts->confined++;
        else if (entry && is_unenforced(desired, entry))
                counts->unenforced++;
}

/* A withdrawn profile is, as long as somebody refers to it. */
static bool is_kept_up(const struct phx_drifts *drifts, const struct phx_desired_profile *profile) {
        const struct phx_drift like = {
                .layer = PHX_LAYER_DISK,
                .kind = PHX_DRIFT_WITHDRAWN,
                .object = profile->name,
        };
        const struct phx_drift *drift = phx_drifts_find(drifts, &like);

        /* What profiles include is deployed with them, and is none itself. */
        if (phx_is_piece_name(profile->name))
                return false;
        if (profile->state != PHX_SOURCE_WITHDRAWN)
                return profile->has_good;
        return drift && drift->action == PHX_ACTION_NONE;
}

static struct counts count(
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                const struct phx_drifts *drifts) {
        struct counts counts = { 0 };

        for (size_t i = 0; i < desired->profile_count; i++)
                counts.profiles += is_kept_up(drifts, &desired->profiles[i]);
        for (size_t i = 0; i < desired->container_count; i++)
                count_container(desired, observed, drifts, &desired->containers[i], &counts);
        for (size_t i = 0; i < drifts->count; i++)
                counts.unmanaged += drifts->items[i].kind == PHX_DRIFT_UNMANAGED;
        counts.suspended = (unsigned) desired->suspensions.count;
        return counts;
}

static int status_add_counts(struct phx_buffer *buffer, const struct counts *counts) {
        int r;

        r = phx_buffer_addf(
                        buffer,
                        "%u profile%s, %u container%s confined, %u unconfined",
                        counts->profiles,
                        phx_plural(counts->profiles),
                        counts->confined,
                        phx_plural(counts->confined),
                        counts->unconfined);
        if (r >= 0 && counts->unenforced > 0)
                r = phx_buffer_addf(buffer, ", %u not enforced", counts->unenforced);
        if (r >= 0 && counts->restarts > 0)
                r = phx_buffer_addf(
                                buffer,
                                ", %u need%s a restart",
                                counts->restarts,
                                counts->restarts == 1 ? "s" : "");
        if (r >= 0 && counts->missing > 0)
                r = phx_buffer_addf(buffer, ", %u not on this host", counts->missing);
        if (r >= 0 && counts->unmanaged > 0)
                r = phx_buffer_addf(buffer, ", %u unmanaged", counts->unmanaged);
        if (r >= 0 && counts->suspended > 0)
                r = phx_buffer_addf(buffer, ", %u suspended", counts->suspended);
        return r;
}

static int add_trouble(
                struct phx_buffer *buffer,
                const struct phx_drift *first,
                unsigned troubles,
                const char *failure) {
        int r;

        r = add_sentence(buffer, first);
        if (r >= 0 && failure)
                r = phx_buffer_addf(
                                buffer,
                                "; %s failed, and is tried again: %s",
                                phx_action_kind_to_string(first->action),
                                failure);
        if (r >= 0 && troubles > 1)
                r = phx_buffer_addf(buffer, " (and %u more)", troubles - 1);
        return r < 0 ? r : phx_buffer_add_text(buffer, "; ");
}

/* "Observing, 2 drifts not repaired: " and the like. */
static int add_verdict(
                struct phx_buffer *buffer,
                const struct phx_desired *desired,
                unsigned troubles) {
        bool observing = desired->mode == PHX_MODE_OBSERVE;
        int r;

        if (troubles == 0 && desired->has_configuration)
                return phx_buffer_add_text(
                                buffer,
                                observing ? "Observing, in sync: " : "In sync: ");
        r = phx_buffer_add_text(buffer, observing ? "Observing" : "Degraded");
        if (r >= 0 && observing && troubles > 0)
                r = phx_buffer_addf(buffer, ", %u drift%s", troubles, phx_plural(troubles));
        if (r >= 0)
                r = phx_buffer_add_text(buffer, ": ");
        if (r >= 0 && troubles == 0)
                r = phx_buffer_add_text(buffer, "no configuration was accepted yet; ");
        return r;
}

/* Texts may quote what is in somebody's file, and the status is one line of a protocol of lines. */
static void make_one_line(char *text) {
        for (; *text; text++)
                if ((unsigned char) *text < ' ' || *text == 0x7f)
                        *text = ' ';
}

int phx_status_render(
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                const struct phx_drifts *drifts,
                const struct phx_backoff *backoff,
                char **ret_status,
                bool *ret_degraded) {
        phx_cleanup(phx_buffer_done) struct phx_buffer buffer = { 0 };
        struct counts counts = count(desired, observed, drifts);
        const struct phx_drift *first = NULL;
        const char *failure = NULL;
        unsigned troubles = 0;
        int r;

        for (size_t i = 0; i < drifts->count; i++)
                if (!phx_drift_is_tolerable(&drifts->items[i]) && troubles++ == 0)
                        first = &drifts->items[i];
        if (first && first->action != PHX_ACTION_NONE && desired->mode == PHX_MODE_ENFORCE)
                failure = phx_backoff_text(backoff, first);

        r = add_verdict(&buffer, desired, troubles);
        if (r >= 0 && first)
                r = add_trouble(&buffer, first, troubles, failure);
        if (r >= 0)
                r = status_add_counts(&buffer, &counts);
        if (r < 0)
                return r;

        make_one_line(buffer.data);
        *ret_degraded = first || !desired->has_configuration;
        *ret_status = PHX_TAKE(buffer.data);
        return 0;
}
