/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "reconcile/sentence.h"

#include <string.h>

#include "base/buffer.h"
#include "base/strings.h"

/* As much of a digest as tells two apart for a person. */
#define SHORT_DIGEST 12

/* The verbs of a clause. WAS is for what happened before, OPENING for those that begin without a
 * verb in the present tense. */
struct tense {
        const char *is, *has, *names, *runs, *was, *cannot, *opening;
};

static const struct tense present = { "is", "has", "names", "runs", "was", "cannot", "" };
static const struct tense past = { "was", "had", "named", "ran", "had been", "could not", "was " };

/* A digest is cut for people; anything else is said whole. */
static int shown(const char *text) {
        size_t length = strlen(text);

        return length >= 40 && strspn(text, "0123456789abcdef") == length ? SHORT_DIGEST
                                                                          : (int) length;
}

/* "HAVE, expected WANT" */
static int add_comparison(struct phx_buffer *buffer, const struct phx_drift *drift) {
        return phx_buffer_addf(
                        buffer,
                        "%.*s, expected %.*s",
                        shown(drift->found),
                        drift->found,
                        shown(drift->expected),
                        drift->expected);
}

/* Whether the key says when the container starts, in LXC's or in Proxmox's terms. */
static bool is_autostart(const char *key) {
        return phx_has_prefix(key, "lxc.start.") || strcmp(key, "onboot") == 0 ||
               strcmp(key, "startup") == 0;
}

/* A managed line's key, and never its value: that may be a password. */
static int add_assigned(
                struct phx_buffer *buffer,
                const struct tense *tense,
                const struct phx_drift *drift) {
        int r;

        if (drift->key && strcmp(drift->key, "lxc.apparmor.profile") == 0)
                return phx_buffer_addf(
                                buffer,
                                "its config %s generated, which is less than Proxmox's default",
                                tense->names);
        if (drift->key && strcmp(drift->key, "features") == 0)
                return phx_buffer_addf(
                                buffer,
                                "its config %s other features than pct_options ask for",
                                tense->has);
        if (drift->key && is_autostart(drift->key))
                return phx_buffer_addf(
                                buffer,
                                drift->is_lacking ? "its config %s a different %s than configured"
                                                  : "its config %s %s, which is not configured",
                                tense->has,
                                drift->key);
        if (drift->key)
                return phx_buffer_addf(
                                buffer,
                                drift->is_lacking
                                                ? "its config %s no %s, which lxc_options set"
                                                : "its config %s %s, which lxc_options do not set",
                                tense->has,
                                drift->key);
        if (drift->is_lacking)
                return phx_buffer_addf(
                                buffer,
                                "its config %s no profile, expected %s",
                                tense->names,
                                drift->expected);
        r = phx_buffer_addf(buffer, "its config %s ", tense->names);
        return r < 0 ? r : add_comparison(buffer, drift);
}

static int add_differs(
                struct phx_buffer *buffer,
                const struct tense *tense,
                const struct phx_drift *drift) {
        int r;

        if (drift->layer != PHX_LAYER_KERNEL && !drift->old_digest)
                return phx_buffer_addf(
                                buffer,
                                "the deployed file %s wrong: %s",
                                tense->is,
                                drift->found);
        if (drift->layer == PHX_LAYER_KERNEL)
                r = phx_buffer_addf(
                                buffer,
                                "the kernel %s a different version of the policy: ",
                                tense->has);
        else
                r = phx_buffer_addf(
                                buffer,
                                "the deployed file %s a different digest: ",
                                tense->has);
        return r < 0 ? r : add_comparison(buffer, drift);
}

static int add_absent(
                struct phx_buffer *buffer,
                const struct tense *tense,
                const struct phx_drift *drift) {
        if (drift->layer == PHX_LAYER_KERNEL)
                return phx_buffer_addf(buffer, "%snot loaded in the kernel", tense->opening);
        return phx_buffer_addf(buffer, "the deployed file %s missing", tense->is);
}

static int add_unknown(
                struct phx_buffer *buffer,
                const struct tense *tense,
                const struct phx_drift *drift) {
        const char *what = NULL;

        if (drift->layer == PHX_LAYER_DISK)
                what = "its deployed file";
        if (drift->layer == PHX_LAYER_CONFIG)
                what = "its config";
        if (drift->layer == PHX_LAYER_RUNNING)
                what = "the label of a task";
        if (!what)
                return phx_buffer_add_text(buffer, drift->found);
        return phx_buffer_addf(buffer, "%s %s unknown: %s", what, tense->is, drift->found);
}

static int add_mode(
                struct phx_buffer *buffer,
                const struct tense *tense,
                const struct phx_drift *drift) {
        int r = phx_buffer_addf(buffer, "%sloaded in mode ", tense->opening);

        return r < 0 ? r : add_comparison(buffer, drift);
}

static int add_running(
                struct phx_buffer *buffer,
                const struct tense *tense,
                const struct phx_drift *drift) {
        int r;

        if (drift->key)
                return phx_buffer_addf(
                                buffer,
                                drift->is_lacking ? "%s started without %s, which its config has"
                                                  : "%s started with %s, which was removed since",
                                tense->was,
                                drift->key);
        if (drift->is_lacking)
                return phx_buffer_addf(
                                buffer,
                                "%snot running, expected %s",
                                tense->opening,
                                drift->expected);
        r = phx_buffer_addf(buffer, "%s under ", tense->runs);
        if (strcmp(drift->found, drift->expected) == 0)
                return r < 0 ? r : phx_buffer_add_text(buffer, drift->found);
        return r < 0 ? r : add_comparison(buffer, drift);
}

static int add_state(
                struct phx_buffer *buffer,
                const struct tense *tense,
                const struct phx_drift *drift) {
        return phx_buffer_addf(
                        buffer,
                        "%s%s, expected %s",
                        tense->opening,
                        drift->found,
                        drift->expected);
}

static int add_remark(
                struct phx_buffer *buffer,
                const struct tense *tense,
                const struct phx_drift *drift) {
        if (drift->layer != PHX_LAYER_RUNNING)
                return phx_buffer_add_text(buffer, drift->found);
        return phx_buffer_addf(
                        buffer,
                        "its managed lines %s be compared with those of its start: %s",
                        tense->cannot,
                        drift->found);
}

static int add_clause(
                struct phx_buffer *buffer,
                const struct tense *tense,
                const struct phx_drift *drift) {
        switch (drift->kind) {
        case PHX_DRIFT_ABSENT:
                return add_absent(buffer, tense, drift);
        case PHX_DRIFT_DIFFERS:
                return add_differs(buffer, tense, drift);
        case PHX_DRIFT_MODE:
                return add_mode(buffer, tense, drift);
        case PHX_DRIFT_FOREIGN:
                return phx_buffer_addf(
                                buffer,
                                "the deployed file %s not managed by phoenixd",
                                tense->is);
        case PHX_DRIFT_DISABLED:
                return phx_buffer_addf(
                                buffer,
                                "%snot enforced after the next boot, because of %s",
                                tense->opening,
                                drift->found);
        case PHX_DRIFT_LEFTOVER:
                return phx_buffer_addf(
                                buffer,
                                "%sleft in the kernel by an earlier version",
                                tense->opening);
        case PHX_DRIFT_NAMESPACE:
                return phx_buffer_addf(
                                buffer,
                                "its policy namespace %s %s missing",
                                drift->expected,
                                tense->is);
        case PHX_DRIFT_WITHDRAWN:
                return phx_buffer_addf(buffer, "its source %s removed", tense->is);
        case PHX_DRIFT_ASSIGNED:
                return add_assigned(buffer, tense, drift);
        case PHX_DRIFT_RUNNING:
                return add_running(buffer, tense, drift);
        case PHX_DRIFT_STATE:
                return add_state(buffer, tense, drift);
        case PHX_DRIFT_MISSING:
                return phx_buffer_addf(buffer, "%smissing on this host", tense->opening);
        case PHX_DRIFT_UNMANAGED:
                return phx_buffer_addf(
                                buffer,
                                "%sunmanaged: not in the configuration",
                                tense->opening);
        case PHX_DRIFT_UNKNOWN:
                return add_unknown(buffer, tense, drift);
        case PHX_DRIFT_REFUSED:
        case PHX_DRIFT_OPTION:
        case PHX_DRIFT_PENDING:
                break;
        case PHX_DRIFT_REMARK:
                return add_remark(buffer, tense, drift);
        }
        return phx_buffer_add_text(buffer, drift->found);
}

static char *clause_of(const struct phx_drift *drift, const struct tense *tense) {
        phx_cleanup(phx_buffer_done) struct phx_buffer buffer = { 0 };

        return add_clause(&buffer, tense, drift) < 0 ? NULL : PHX_TAKE(buffer.data);
}

char *phx_drift_clause(const struct phx_drift *drift) {
        return clause_of(drift, &present);
}

char *phx_drift_past_clause(const struct phx_drift *drift) {
        return clause_of(drift, &past);
}

/* What is said of a cause, before its detail where it has one. */
static const char *const cause_words[] = {
        [PHX_CAUSE_NONE] = "",
        [PHX_CAUSE_REQUIRES_RESTART] = "requires restart",
        [PHX_CAUSE_RESTARTING] = "being restarted",
        [PHX_CAUSE_RESTART_FAILED] = "its restart failed: ",
        [PHX_CAUSE_REQUIRES_START] = "requires start",
        [PHX_CAUSE_STARTING] = "being started",
        [PHX_CAUSE_START_FAILED] = "its start failed: ",
        [PHX_CAUSE_REQUIRES_STOP] = "requires stop",
        [PHX_CAUSE_STOPPING] = "being stopped",
        [PHX_CAUSE_STOP_FAILED] = "its stop failed: ",
        [PHX_CAUSE_ROLLED_BACK] = "rolled back: ",
        [PHX_CAUSE_NOT_ENFORCED] = "the settings accept that its profile is not enforced",
        [PHX_CAUSE_SUSPENDED] = "suspended ",
        [PHX_CAUSE_NO_CONFIGURATION] = "no configuration has been accepted yet",
        [PHX_CAUSE_LAST_GOOD] = "last known good in force",
        [PHX_CAUSE_NO_LAST_GOOD] = "no last known good",
        [PHX_CAUSE_INPUT_REFUSED] = "nothing is changed until it is accepted",
        [PHX_CAUSE_PATH_REFUSED] = "nothing below it is read or written",
        [PHX_CAUSE_CANNOT_CONFINE] = "no container can be confined",
        [PHX_CAUSE_NO_APPARMOR] = "AppArmor is not available",
        [PHX_CAUSE_PROFILE_REFUSED] = "its profile has no valid version",
        [PHX_CAUSE_PROFILE_COMPILING] = "its profile is being compiled",
        [PHX_CAUSE_PROFILE_ABSENT] =
                        "its profile is neither in the profile directory nor in the kernel",
        [PHX_CAUSE_PROFILE_NOT_LOADED] = "its profile is not loaded in the kernel yet",
        [PHX_CAUSE_PROFILE_OUTDATED] =
                        "this version of its profile is not loaded in the kernel yet",
        [PHX_CAUSE_PROFILE_UNMANAGED] = "its profile is unmanaged and not enforced",
        [PHX_CAUSE_NAMESPACE_ABSENT] = "its policy namespace does not exist yet",
        [PHX_CAUSE_CONFIG_UNKNOWN] = "its config cannot be read",
        [PHX_CAUSE_UNREADABLE] = "left unchanged until it can be read",
        [PHX_CAUSE_RETRY] = "retried automatically",
        [PHX_CAUSE_REST_IN_FORCE] = "its profile and its other options are in force",
        [PHX_CAUSE_NOT_CREATED] = "nothing to do until it is created",
        [PHX_CAUSE_CREATING] = "being created",
        [PHX_CAUSE_CREATE_WAITS] = "not created yet: ",
        [PHX_CAUSE_CREATE_FAILED] = "its creation failed: ",
        [PHX_CAUSE_CREATE_REFUSED] = "cannot be created: ",
        [PHX_CAUSE_ANOTHER_NODE] = "another node of the cluster has it",
        [PHX_CAUSE_UNMANAGED] = "left unchanged",
        [PHX_CAUSE_IN_USE] = "kept: still used by container ",
        [PHX_CAUSE_USE_UNKNOWN] = "kept: cannot determine which containers still use it",
        [PHX_CAUSE_OPERATOR] = "left unchanged: remove the link unless it is intended",
        [PHX_CAUSE_FILE_FOREIGN] = "remove it, or set adopt_deployed",
        [PHX_CAUSE_FILE_NOT_OURS] = "its deployed file is not managed by phoenixd",
        [PHX_CAUSE_FILE_UNKNOWN] = "its deployed file has not been read",
        [PHX_CAUSE_NEXT_BOOT] = "removed at the next boot",
};

static int add_why(struct phx_buffer *buffer, const struct phx_drift *drift) {
        int r = phx_buffer_add_text(buffer, cause_words[drift->cause]);

        return r < 0 || !drift->detail ? r : phx_buffer_add_text(buffer, drift->detail);
}

char *phx_drift_why(const struct phx_drift *drift) {
        phx_cleanup(phx_buffer_done) struct phx_buffer buffer = { 0 };

        return add_why(&buffer, drift) < 0 ? NULL : PHX_TAKE(buffer.data);
}

/* The refusal of a profile begins with its name ("lxc-web: line 39: …"), and of the kernel as a
 * whole nothing but itself can be meant. */
static bool names_itself(const struct phx_drift *drift) {
        return (drift->kind == PHX_DRIFT_REFUSED && drift->refused == PHX_REFUSED_PROFILE) ||
               drift->cause == PHX_CAUSE_CANNOT_CONFINE;
}

static int add_sentence(struct phx_buffer *buffer, const struct phx_drift *drift) {
        int r = 0;

        if (!names_itself(drift))
                r = phx_buffer_addf(buffer, "%s: ", drift->object);
        if (r >= 0)
                r = add_clause(buffer, &present, drift);
        if (r >= 0 && drift->cause != PHX_CAUSE_NONE)
                r = phx_buffer_add_text(buffer, "; ");
        return r < 0 ? r : add_why(buffer, drift);
}

char *phx_drift_sentence(const struct phx_drift *drift) {
        phx_cleanup(phx_buffer_done) struct phx_buffer buffer = { 0 };

        return add_sentence(&buffer, drift) < 0 ? NULL : PHX_TAKE(buffer.data);
}
