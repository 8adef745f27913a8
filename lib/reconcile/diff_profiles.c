/* SPDX-License-Identifier: GPL-2.0-or-later */

/* One profile on its three layers, from the top to the bottom:
 *
 *   source   refused: reported with the text of the refusal, and the last known good is compared
 *            below
 *   disk     the deployed file against the digest of the last known good text. A file that
 *            phoenixd has not written is foreign, and is never replaced unless the settings adopt
 *            it
 *   kernel   each profile of the compiled policy (the profile and its children) against what is
 *            loaded: absent, another hash, another mode. One load repairs all of these
 *
 * A profile whose source is gone is withdrawn, which means its file and nothing else: policy is
 * never removed from the kernel while the machine runs. Even the file stays while any container
 * may refer to the profile, and an unknown label or config counts as a reference.
 *
 * What cannot be read is unknown, never "in sync" and never "absent". */

#include <errno.h>
#include <string.h>

#include "reconcile/differ.h"

static const char *diff_profiles_or_unknown(const char *text) {
        return text ? text : "unknown";
}

static int diff_source(struct phx_differ *differ, const struct phx_desired_profile *profile) {
        if (profile->state != PHX_SOURCE_REFUSED)
                return 0;
        return phx_differ_add(
                        differ,
                        (struct phx_drift){
                                        .layer = PHX_LAYER_SOURCE,
                                        .kind = PHX_DRIFT_REFUSED,
                                        .object = profile->name,
                                        .profile = profile->name,
                                        .refused = PHX_REFUSED_PROFILE,
                                        .expected = "a profile that can be put in force",
                                        .found = diff_profiles_or_unknown(profile->refusal),
                                        .cause = profile->has_good ? PHX_CAUSE_LAST_GOOD
                                                                   : PHX_CAUSE_NO_LAST_GOOD,
                        });
}

/* The first by name, so that the order of the input does not matter. */
static const char *first_of(const char *a, const char *b) {
        return !a || strcmp(b, a) < 0 ? b : a;
}

static const char *user_of(const struct phx_differ *differ, const char *profile) {
        const char *user = NULL;

        for (size_t i = 0; i < differ->desired->container_count; i++)
                if (phx_label_has_part(differ->desired->containers[i].profile, profile))
                        user = first_of(user, differ->desired->containers[i].id);
        if (user)
                return user;
        for (size_t i = 0; i < differ->observed->container_count; i++)
                if (phx_label_has_part(differ->observed->containers[i].effective, profile))
                        user = first_of(user, differ->observed->containers[i].directory);
        return user;
}

/* Whether anything refers to a profile is not known while a config or a label cannot be read, or
 * while there is input that says something else than what is in force. */
static bool may_have_unknown_users(const struct phx_differ *differ) {
        for (size_t i = 0; i < differ->observed->container_count; i++)
                if (!differ->observed->containers[i].effective ||
                    differ->observed->containers[i].unknown > 0)
                        return true;
        return differ->desired->refusal_count > 0;
}

/* Tasks keep the profile that they were started in, whatever the configs say by now: until they
 * have been restarted, which is reported to be due, all of it stays in force. */
static bool is_run_in(const struct phx_differ *differ, const char *profile) {
        for (size_t i = 0; i < differ->observed->container_count; i++)
                if (phx_observed_runs_in(&differ->observed->containers[i], profile))
                        return true;
        return false;
}

static int diff_in_use(
                struct phx_differ *differ,
                const struct phx_desired_profile *profile,
                const char *user) {
        return phx_differ_add(
                        differ,
                        (struct phx_drift){
                                        .layer = PHX_LAYER_DISK,
                                        .kind = PHX_DRIFT_WITHDRAWN,
                                        .object = profile->name,
                                        .profile = profile->name,
                                        .expected = "a source",
                                        .found = "none",
                                        .cause = PHX_CAUSE_IN_USE,
                                        .detail = user,
                        });
}

static int diff_withdrawn(
                struct phx_differ *differ,
                const struct phx_desired_profile *profile,
                const struct phx_observed_file *file) {
        struct phx_drift drift = {
                .layer = PHX_LAYER_DISK,
                .kind = PHX_DRIFT_WITHDRAWN,
                .action = PHX_ACTION_WITHDRAW,
                .object = profile->name,
                .profile = profile->name,
                .expected = "absent",
                .found = file->content,
                .old_digest = file->content,
        };

        if (!file->content || !file->is_owned)
                return 0;
        if (may_have_unknown_users(differ)) {
                drift.action = PHX_ACTION_NONE;
                drift.cause = PHX_CAUSE_USE_UNKNOWN;
        }
        return phx_differ_add(differ, drift);
}

static int diff_disabled(struct phx_differ *differ, const struct phx_observed_file *file) {
        if (!file->disabled)
                return 0;
        return phx_differ_add(
                        differ,
                        (struct phx_drift){
                                        .layer = PHX_LAYER_DISK,
                                        .kind = PHX_DRIFT_DISABLED,
                                        .object = file->name,
                                        .profile = file->name,
                                        .expected = "a profile that the next boot enforces",
                                        .found = file->disabled,
                                        .cause = PHX_CAUSE_OPERATOR,
                        });
}

static bool is_foreign(
                const struct phx_desired_profile *profile,
                const struct phx_observed_file *file) {
        if (file->is_owned)
                return false;
        return file->trouble || (file->content && strcmp(file->content, profile->digest) != 0);
}

static int diff_file(
                struct phx_differ *differ,
                const struct phx_desired_profile *profile,
                const struct phx_observed_file *file) {
        const char *found = file->trouble ? file->trouble : file->content;
        struct phx_drift drift = {
                .layer = PHX_LAYER_DISK,
                .kind = found ? PHX_DRIFT_DIFFERS : PHX_DRIFT_ABSENT,
                .action = PHX_ACTION_INSTALL,
                .object = profile->name,
                .profile = profile->name,
                .expected = profile->digest,
                .found = found ? found : "absent",
                .old_digest = file->content,
                .new_digest = profile->digest,
        };

        if (!file->trouble && phx_equal(file->content, profile->digest))
                return 0;
        if (is_foreign(profile, file)) {
                drift.kind = PHX_DRIFT_FOREIGN;
                drift.action = PHX_ACTION_NONE;
                drift.cause = PHX_CAUSE_FILE_FOREIGN;
        }
        return phx_differ_add(differ, drift);
}

/* Without a look at the file it is not known whose it is. */
static int diff_unseen_file(struct phx_differ *differ, const struct phx_desired_profile *profile) {
        return phx_differ_add(
                        differ,
                        (struct phx_drift){
                                        .layer = PHX_LAYER_DISK,
                                        .kind = PHX_DRIFT_UNKNOWN,
                                        .object = profile->name,
                                        .profile = profile->name,
                                        .expected = profile->digest,
                                        .found = "not read",
                                        .cause = PHX_CAUSE_RETRY,
                        });
}

/* 1 and the drift of an entry that is not as it should be, without its action; else 0. */
static int diff_entry(
                const struct phx_kernel_entry *want,
                const struct phx_kernel_entry *have,
                struct phx_drift *ret_drift) {
        struct phx_drift drift = {
                .layer = PHX_LAYER_KERNEL,
                .expected = diff_profiles_or_unknown(want->hash),
                .old_digest = have ? have->hash : NULL,
                .new_digest = want->hash,
        };

        if (!have) {
                drift.kind = PHX_DRIFT_ABSENT;
                drift.found = "absent";
        } else if (have->mode != want->mode) {
                drift.kind = PHX_DRIFT_MODE;
                drift.expected = phx_policy_mode_to_string(want->mode);
                drift.found = phx_policy_mode_to_string(have->mode);
        } else if (want->hash && !have->hash) {
                drift.kind = PHX_DRIFT_UNKNOWN;
                drift.found = "the kernel shows no hash of its policy";
        } else if (want->hash && strcmp(have->hash, want->hash) != 0) {
                drift.kind = PHX_DRIFT_DIFFERS;
                drift.found = have->hash;
        } else
                return 0;

        *ret_drift = drift;
        return 1;
}

/* The first entry of the profile that is not as it should be: one write repairs them all. 1 when
 * there is one. */
static int diff_loaded(
                struct phx_differ *differ,
                const struct phx_desired_profile *profile,
                enum phx_cause why_not) {
        for (size_t i = 0; i < profile->policy.count; i++) {
                const struct phx_kernel_entry *want = &profile->policy.items[i];
                struct phx_drift drift = { 0 };
                int r;

                if (diff_entry(want,
                               phx_kernel_entries_find(&differ->observed->loaded, want->name),
                               &drift) == 0)
                        continue;
                drift.object = profile->name;
                drift.profile = profile->name;
                drift.action = why_not == PHX_CAUSE_NONE ? PHX_ACTION_LOAD : PHX_ACTION_NONE;
                drift.cause = why_not;
                r = phx_differ_add(differ, drift);
                return r < 0 ? r : 1;
        }
        return 0;
}

static bool is_leftover(const struct phx_desired_profile *profile, const char *name) {
        return !phx_label_name_is_learned(name) && !phx_kernel_entries_find(&profile->policy, name);
}

/* Children that a former version had: the kernel keeps them, and only a removal of the whole
 * profile, which would unconfine the tasks in it, could take them away. */
static int diff_leftovers(struct phx_differ *differ, const struct phx_desired_profile *profile) {
        const struct phx_kernel_entry *entry;
        phx_autofree char *children = NULL;
        size_t at = 0;

        if (phx_concat(&children, profile->name, "/", "/") < 0)
                return -ENOMEM;
        while ((entry = phx_kernel_entries_next(&differ->observed->loaded, children, &at))) {
                int r;

                if (!is_leftover(profile, entry->name))
                        continue;
                r = phx_differ_add(
                                differ,
                                (struct phx_drift){
                                                .layer = PHX_LAYER_KERNEL,
                                                .kind = PHX_DRIFT_LEFTOVER,
                                                .object = entry->name,
                                                .profile = profile->name,
                                                .expected = "absent",
                                                .found = "a child of a former version",
                                                .cause = PHX_CAUSE_NEXT_BOOT,
                                                .old_digest = entry->hash,
                                });
                if (r < 0)
                        return r;
        }
        return 0;
}

/* WHY_NOT is why nothing may be loaded under this name. */
static int diff_kernel(
                struct phx_differ *differ,
                const struct phx_desired_profile *profile,
                enum phx_cause why_not) {
        int r;

        if (differ->observed->kernel_trouble)
                return 0;
        r = diff_loaded(differ, profile, why_not);
        return r != 0 ? r : diff_leftovers(differ, profile);
}

/* What a good version asks of disk and kernel. Where somebody else's file has the name, the policy
 * of that name is not ours to replace either. */
static int diff_deployed(
                struct phx_differ *differ,
                const struct phx_desired_profile *profile,
                const struct phx_observed_file *file) {
        int r;

        r = diff_disabled(differ, file);
        if (r < 0)
                return r;
        r = diff_file(differ, profile, file);
        if (r < 0)
                return r;
        return diff_kernel(
                        differ,
                        profile,
                        is_foreign(profile, file) ? PHX_CAUSE_FILE_NOT_OURS : PHX_CAUSE_NONE);
}

static int diff_profile(struct phx_differ *differ, const struct phx_desired_profile *profile) {
        const struct phx_observed_file *file = phx_observed_find_file(
                        differ->observed,
                        profile->name);
        const char *user;
        int r;

        r = diff_source(differ, profile);
        if (r < 0 || !profile->has_good)
                return r;
        if (!file) {
                r = diff_unseen_file(differ, profile);
                return r < 0 ? r : diff_kernel(differ, profile, PHX_CAUSE_FILE_UNKNOWN);
        }
        if (profile->state != PHX_SOURCE_WITHDRAWN)
                return diff_deployed(differ, profile, file);

        user = user_of(differ, profile->name);
        if (!user && is_run_in(differ, profile->name))
                return diff_deployed(differ, profile, file);
        if (!user)
                return diff_withdrawn(differ, profile, file);
        r = diff_in_use(differ, profile, user);
        return r < 0 ? r : diff_deployed(differ, profile, file);
}

int phx_differ_profiles(struct phx_differ *differ) {
        for (size_t i = 0; i < differ->desired->profile_count; i++) {
                int r = diff_profile(differ, &differ->desired->profiles[i]);

                if (r < 0)
                        return r;
        }
        return 0;
}
