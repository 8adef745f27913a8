#include "reconcile/diff.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct diff {
        const struct phx_desired *desired;
        const struct phx_observed *observed;
        struct phx_drifts drifts;
};

static const char no_configuration[] = "no configuration was ever accepted";

/* Nothing is changed on behalf of input that nobody has accepted yet. */
static int add(struct diff *diff, struct phx_drift drift) {
        if (drift.action != PHX_ACTION_NONE && !diff->desired->has_configuration) {
                drift.action = PHX_ACTION_NONE;
                drift.why = no_configuration;
        }
        return phx_drifts_add(&diff->drifts, &drift);
}

/* The strings are borrowed: phx_drifts_add() copies them. */
static struct phx_drift make(
                enum phx_layer layer,
                enum phx_drift_kind kind,
                const char *object,
                const char *expected,
                const char *found,
                const char *why) {
        return (struct phx_drift){ layer, kind, PHX_ACTION_NONE, object, expected, found, why };
}

static struct phx_drift with(struct phx_drift drift, enum phx_action_kind action) {
        drift.action = action;
        return drift;
}

static const char *user_of(const struct diff *diff, const char *profile) {
        for (size_t i = 0; i < diff->desired->container_count; i++)
                if (phx_equal(diff->desired->containers[i].profile, profile))
                        return diff->desired->containers[i].id;
        for (size_t i = 0; i < diff->observed->container_count; i++)
                if (phx_equal(diff->observed->containers[i].effective, profile))
                        return diff->observed->containers[i].directory;
        return NULL;
}

static int diff_source(struct diff *diff, const struct phx_desired_profile *profile) {
        if (profile->state != PHX_SOURCE_REFUSED)
                return 0;
        return add(diff,
                   make(PHX_LAYER_SOURCE,
                        PHX_DRIFT_REFUSED,
                        profile->name,
                        "a profile that can be put in force",
                        profile->refusal,
                        profile->has_good ? "last good in force" : "there is no last good one"));
}

static int diff_refusals(struct diff *diff) {
        for (size_t i = 0; i < diff->desired->refusal_count; i++) {
                const struct phx_refusal *refusal = &diff->desired->refusals[i];
                int r;

                if (refusal->is_transient)
                        continue;
                r = add(diff,
                        make(PHX_LAYER_SOURCE,
                             PHX_DRIFT_REFUSED,
                             refusal->object,
                             "input that can be accepted",
                             refusal->text,
                             diff->desired->has_configuration ? "last good in force"
                                                              : "nothing is changed meanwhile"));
                if (r < 0)
                        return r;
        }
        return 0;
}

static int diff_withdrawn(
                struct diff *diff,
                const struct phx_desired_profile *profile,
                const struct phx_observed_file *file,
                const char *user) {
        char why[256];

        if (user) {
                (void) snprintf(why, sizeof(why), "container %s still refers to it", user);
                return add(diff,
                           make(PHX_LAYER_DISK,
                                PHX_DRIFT_WITHDRAWN,
                                profile->name,
                                "no file",
                                "a file",
                                why));
        }
        if (!file->content || !file->is_owned)
                return 0;
        return add(diff,
                   with(make(PHX_LAYER_DISK,
                             PHX_DRIFT_WITHDRAWN,
                             profile->name,
                             "absent",
                             file->content,
                             NULL),
                        PHX_ACTION_WITHDRAW));
}

static int diff_disabled(struct diff *diff, const struct phx_observed_file *file) {
        if (!file->disabled)
                return 0;
        return add(diff,
                   make(PHX_LAYER_DISK,
                        PHX_DRIFT_DISABLED,
                        file->name,
                        "a profile that the next boot loads in enforce mode",
                        file->disabled,
                        "it is not ours to remove"));
}

static int diff_file(
                struct diff *diff,
                const struct phx_desired_profile *profile,
                const struct phx_observed_file *file) {
        const char *found = file->trouble ? file->trouble : file->content;
        enum phx_drift_kind kind = found ? PHX_DRIFT_DIFFERS : PHX_DRIFT_ABSENT;

        if (!file->trouble && file->content && strcmp(file->content, profile->digest) == 0)
                return 0;
        if (found && !file->is_owned)
                return add(diff,
                           make(PHX_LAYER_DISK,
                                PHX_DRIFT_FOREIGN,
                                profile->name,
                                profile->digest,
                                found,
                                "the file is not recorded as phoenixd's: remove it, or set adopt_deployed"));
        return add(diff,
                   with(make(PHX_LAYER_DISK,
                             kind,
                             profile->name,
                             profile->digest,
                             found ? found : "absent",
                             NULL),
                        PHX_ACTION_INSTALL));
}

static const char *or_unknown(const char *text) {
        return text ? text : "unknown";
}

/* The first entry of the profile that is not as it should be; one write repairs them all. */
static int diff_loaded(
                struct diff *diff,
                const struct phx_desired_profile *profile,
                bool *ret_right) {
        for (size_t i = 0; i < profile->policy.count; i++) {
                const struct phx_kernel_entry *want = &profile->policy.items[i];
                const struct phx_kernel_entry *have = phx_kernel_entries_find(
                                &diff->observed->loaded,
                                want->name);
                enum phx_drift_kind kind;
                const char *found, *expected = or_unknown(want->hash);

                if (!have) {
                        kind = PHX_DRIFT_ABSENT;
                        found = "absent";
                } else if (!phx_equal(have->mode, want->mode)) {
                        kind = PHX_DRIFT_MODE;
                        expected = want->mode;
                        found = have->mode;
                } else if (want->hash && !phx_equal(have->hash, want->hash)) {
                        kind = PHX_DRIFT_DIFFERS;
                        found = or_unknown(have->hash);
                } else
                        continue;

                *ret_right = false;
                return add(diff,
                           with(make(PHX_LAYER_KERNEL, kind, profile->name, expected, found, NULL),
                                PHX_ACTION_LOAD));
        }
        *ret_right = true;
        return 0;
}

/* Children that a former version had: the kernel keeps them, and only a removal of the whole
 * profile, which would unconfine whoever is in it, could take them away. */
static int diff_leftovers(struct diff *diff, const struct phx_desired_profile *profile) {
        size_t length = strlen(profile->name);

        for (size_t i = 0; i < diff->observed->loaded.count; i++) {
                const char *name = diff->observed->loaded.items[i].name;
                int r;

                if (strncmp(name, profile->name, length) != 0 ||
                    !phx_has_prefix(name + length, "//"))
                        continue;
                if (phx_has_prefix(name + length, "//null-") ||
                    phx_kernel_entries_find(&profile->policy, name))
                        continue;
                r = add(diff,
                        make(PHX_LAYER_KERNEL,
                             PHX_DRIFT_LEFTOVER,
                             name,
                             "absent",
                             "a child of a former version",
                             "gone after the next boot"));
                if (r < 0)
                        return r;
        }
        return 0;
}

static int diff_kernel(struct diff *diff, const struct phx_desired_profile *profile) {
        bool right = false;
        int r;

        if (diff->observed->kernel_trouble)
                return 0;
        r = diff_loaded(diff, profile, &right);
        if (r < 0 || !right)
                return r;
        return diff_leftovers(diff, profile);
}

static int diff_profile(struct diff *diff, const struct phx_desired_profile *profile) {
        const struct phx_observed_file *file = phx_observed_find_file(
                        diff->observed,
                        profile->name);
        const char *user;
        int r;

        r = diff_source(diff, profile);
        if (r < 0 || !profile->has_good || !file)
                return r;
        if (profile->state == PHX_SOURCE_WITHDRAWN) {
                user = user_of(diff, profile->name);
                r = diff_withdrawn(diff, profile, file, user);
                if (r < 0 || !user)
                        return r;
        }

        r = diff_disabled(diff, file);
        if (r < 0)
                return r;
        r = diff_file(diff, profile, file);
        if (r < 0)
                return r;
        return diff_kernel(diff, profile);
}

/* NULL when the kernel has what a container would be put into; else why it must wait. */
static const char *why_not_assignable(const struct diff *diff, const char *profile) {
        const struct phx_desired_profile *ours = phx_desired_find_profile(diff->desired, profile);
        const struct phx_kernel_entry *loaded = phx_kernel_entries_find(
                        &diff->observed->loaded,
                        profile);

        if (strcmp(profile, "unconfined") == 0)
                return NULL;
        if (!loaded)
                return ours ? "the kernel does not have the profile yet"
                            : "the profile is neither in the profile directory nor in the kernel";
        if (!ours || !ours->has_good)
                return strcmp(loaded->mode, "enforce") == 0 || strcmp(loaded->mode, "kill") == 0
                                       ? NULL
                                       : "the profile is not ours, and not in enforce mode";
        for (size_t i = 0; i < diff->drifts.count; i++)
                if (diff->drifts.items[i].layer == PHX_LAYER_KERNEL &&
                    diff->drifts.items[i].kind != PHX_DRIFT_LEFTOVER &&
                    strcmp(diff->drifts.items[i].object, profile) == 0)
                        return "the kernel does not have this version of the profile yet";
        return NULL;
}

static int diff_running(
                struct diff *diff,
                const struct phx_desired_container *want,
                const struct phx_observed_container *have) {
        struct phx_drift drift = make(
                        PHX_LAYER_RUNNING,
                        PHX_DRIFT_RUNNING,
                        want->id,
                        want->profile,
                        or_unknown(have->example),
                        "needs a restart");

        if (!have->is_running)
                return 0;
        if (have->unknown > 0) {
                drift.kind = PHX_DRIFT_UNKNOWN;
                drift.found = "a label that cannot be read";
                drift.why = "looked at again";
                return add(diff, drift);
        }
        return have->wrong > 0 ? add(diff, drift) : 0;
}

static int diff_assigned(
                struct diff *diff,
                const struct phx_desired_container *want,
                const struct phx_observed_container *have,
                const char *why) {
        bool is_right = strcmp(have->effective, want->profile) == 0;
        char expected[512], found[512];
        struct phx_drift drift;

        if (is_right && have->wrong_lines.count == 0)
                return 0;

        (void) snprintf(expected, sizeof(expected), "%s", want->profile);
        (void) snprintf(found, sizeof(found), "%s", have->effective[0] ? have->effective : "unset");
        if (is_right) {
                const char *line = have->wrong_lines.items[0];

                (void) snprintf(expected,
                                sizeof(expected),
                                "%s %s",
                                line[0] == '+' ? "with" : "without",
                                line + 1);
                (void) snprintf(found, sizeof(found), "%s", line[0] == '+' ? "absent" : "present");
        }
        drift = make(PHX_LAYER_CONFIG, PHX_DRIFT_ASSIGNED, want->id, expected, found, why);
        return add(diff, why ? drift : with(drift, PHX_ACTION_ASSIGN));
}

static int diff_container(struct diff *diff, const struct phx_desired_container *want) {
        const struct phx_observed_container *have =
                        want->directory ? phx_observed_find_container(
                                                          diff->observed,
                                                          want->directory)
                                        : NULL;
        const char *why;
        int r;

        if (!have)
                return add(diff,
                           make(PHX_LAYER_CONFIG,
                                PHX_DRIFT_MISSING,
                                want->id,
                                want->profile,
                                "not on this host",
                                "nothing to do until it is created"));
        if (have->trouble || !have->effective)
                return add(diff,
                           make(PHX_LAYER_CONFIG,
                                PHX_DRIFT_UNKNOWN,
                                want->id,
                                want->profile,
                                or_unknown(have->trouble),
                                "its config cannot be judged"));

        why = why_not_assignable(diff, want->profile);
        r = diff_assigned(diff, want, have, why);
        if (r < 0)
                return r;
        /* Where no restart could help, a restart is not asked for. */
        if (why && strcmp(have->effective, want->profile) != 0)
                return 0;
        return diff_running(diff, want, have);
}

static bool is_claimed(const struct phx_desired *desired, const char *directory) {
        for (size_t i = 0; i < desired->container_count; i++)
                if (phx_equal(desired->containers[i].directory, directory))
                        return true;
        return false;
}

static int diff_unmanaged(struct diff *diff) {
        /* Before anything was accepted, nobody has said what is managed. */
        if (!diff->desired->has_configuration)
                return 0;
        for (size_t i = 0; i < diff->observed->container_count; i++) {
                const struct phx_observed_container *have = &diff->observed->containers[i];
                int r;

                if (is_claimed(diff->desired, have->directory))
                        continue;
                r = add(diff,
                        make(PHX_LAYER_CONFIG,
                             PHX_DRIFT_UNMANAGED,
                             have->directory,
                             "an entry in the configuration",
                             or_unknown(have->effective),
                             "not configured, so never touched"));
                if (r < 0)
                        return r;
        }
        return 0;
}

static int diff_kernel_trouble(struct diff *diff) {
        if (!diff->observed->kernel_trouble)
                return 0;
        return add(diff,
                   make(PHX_LAYER_KERNEL,
                        PHX_DRIFT_UNKNOWN,
                        "AppArmor",
                        "a kernel that enforces AppArmor",
                        diff->observed->kernel_trouble,
                        "no container can be confined"));
}

static int diff_all(struct diff *diff) {
        int r;

        r = diff_refusals(diff);
        if (r < 0)
                return r;
        r = diff_kernel_trouble(diff);
        if (r < 0)
                return r;
        for (size_t i = 0; i < diff->desired->profile_count; i++) {
                r = diff_profile(diff, &diff->desired->profiles[i]);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < diff->desired->container_count; i++) {
                r = diff_container(diff, &diff->desired->containers[i]);
                if (r < 0)
                        return r;
        }
        return diff_unmanaged(diff);
}

int phx_diff(const struct phx_desired *desired,
             const struct phx_observed *observed,
             struct phx_drifts *ret_drifts) {
        struct diff diff = { .desired = desired, .observed = observed };
        int r;

        r = diff_all(&diff);
        if (r < 0) {
                phx_drifts_done(&diff.drifts);
                return r;
        }

        phx_drifts_sort(&diff.drifts);
        phx_drifts_done(ret_drifts);
        *ret_drifts = diff.drifts;
        return 0;
}
