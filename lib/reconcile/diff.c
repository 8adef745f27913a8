/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Desired and observed go in, drifts come out; nothing is read or changed, and the result does not
 * depend on the order of either side: the drifts are sorted at the end, by layer first.
 *
 * The order of the parts matters, since later ones look at the drifts of the earlier ones.
 * Refusals of input come first, then the kernel as a whole, then profiles (source, disk, kernel),
 * then containers (config, running): a container is not assigned to a profile that the kernel does
 * not have in the desired version yet.
 *
 * Every drift says whether it may be repaired (action) or why not (why). phx_differ_add() is the
 * one place that takes an action away again, for two reasons that hold for all of them: no
 * configuration was ever accepted, or the object is suspended. So no part has to think of either.
 */

#include "reconcile/diff.h"

#include <errno.h>

#include "reconcile/differ.h"

/* What an operator has set aside is reported, not repaired. */
static int add_unless_suspended(struct phx_differ *differ, struct phx_drift drift) {
        const struct phx_suspension *suspension = phx_suspensions_find(
                        &differ->desired->suspensions,
                        drift.object);
        phx_autofree char *words = NULL;

        if (!suspension)
                return phx_drifts_add(&differ->drifts, &drift);
        words = phx_suspension_words(suspension);
        if (!words)
                return -ENOMEM;
        drift.action = PHX_ACTION_NONE;
        drift.cause = PHX_CAUSE_SUSPENDED;
        drift.detail = words;
        drift.is_suspended = true;
        return phx_drifts_add(&differ->drifts, &drift);
}

int phx_differ_add(struct phx_differ *differ, struct phx_drift drift) {
        if (drift.action != PHX_ACTION_NONE && !differ->desired->has_configuration) {
                drift.action = PHX_ACTION_NONE;
                drift.cause = PHX_CAUSE_NO_CONFIGURATION;
        }
        if (drift.action != PHX_ACTION_NONE)
                return add_unless_suspended(differ, drift);
        return phx_drifts_add(&differ->drifts, &drift);
}

static int diff_refusals(struct phx_differ *differ) {
        for (size_t i = 0; i < differ->desired->refusal_count; i++) {
                const struct phx_refusal *refusal = &differ->desired->refusals[i];
                enum phx_cause cause = differ->desired->has_configuration ? PHX_CAUSE_LAST_GOOD
                                                                          : PHX_CAUSE_INPUT_REFUSED;
                const struct phx_drift drift = {
                        .layer = PHX_LAYER_SOURCE,
                        .kind = PHX_DRIFT_REFUSED,
                        .object = refusal->object,
                        .refused = refusal->refused,
                        .expected = "input that can be accepted",
                        .found = refusal->text,
                        .cause = refusal->cause != PHX_CAUSE_NONE ? refusal->cause : cause,
                };
                int r;

                if (refusal->is_transient)
                        continue;
                r = phx_differ_add(differ, drift);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int diff_kernel_trouble(struct phx_differ *differ) {
        if (!differ->observed->kernel_trouble)
                return 0;
        return phx_differ_add(
                        differ,
                        (struct phx_drift){
                                        .layer = PHX_LAYER_KERNEL,
                                        .kind = PHX_DRIFT_UNKNOWN,
                                        .object = PHX_OBJECT_KERNEL,
                                        .expected = "a kernel that enforces AppArmor",
                                        .found = differ->observed->kernel_trouble,
                                        .cause = PHX_CAUSE_CANNOT_CONFINE,
                        });
}

static int diff_all(struct phx_differ *differ) {
        int r;

        r = diff_refusals(differ);
        if (r < 0)
                return r;
        r = diff_kernel_trouble(differ);
        if (r < 0)
                return r;
        r = phx_differ_profiles(differ);
        if (r < 0)
                return r;
        return phx_differ_containers(differ);
}

int phx_diff(const struct phx_desired *desired,
             const struct phx_observed *observed,
             struct phx_drifts *ret_drifts) {
        struct phx_differ differ = { .desired = desired, .observed = observed };
        int r;

        r = diff_all(&differ);
        phx_strings_done(&differ.outdated);
        if (r < 0) {
                phx_drifts_done(&differ.drifts);
                return r;
        }

        phx_drifts_sort(&differ.drifts);
        phx_drifts_done(ret_drifts);
        *ret_drifts = differ.drifts;
        return 0;
}
