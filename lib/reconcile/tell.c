/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Of a change that succeeds there are two records, the intent and the result, and the result says
 * what was wrong before. So a drift that this pass repairs, or that waits only for such a repair,
 * is not reported when it is seen first (is_for_the_pass), but when it is still there at the end of
 * the pass (phx_tell_left): then it is known, and its end is reported as well.
 *
 *   known    the drifts that are reported, and not yet as gone
 *   judged   versions that became the last known good ones in this round: each is carried by the
 *            intent that installs it, or is a record of its own at the end of the pass */

#include "reconcile/tell.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/grow.h"
#include "base/strings.h"
#include "reconcile/remarks.h"
#include "reconcile/sentence.h"
#include "reconcile/stories.h"

struct tell_judged {
        char *profile; /* NULL: was recorded already */
        char old_digest[PHX_SHA256_HEX];
        char new_digest[PHX_SHA256_HEX];
};

struct phx_tell {
        struct phx_audit audit;
        struct phx_drifts known;
        struct phx_remarks remarks; /* posture, notes and broken rules that were recorded */
        struct phx_stories stories;
        struct tell_judged *judged;
        size_t judged_count;
        char generation[PHX_SHA256_HEX];
        bool is_observing;
};

int phx_tell_new(const struct phx_audit *audit, struct phx_tell **ret_tell) {
        struct phx_tell *tell = calloc(1, sizeof(*tell));

        if (!tell)
                return -ENOMEM;
        tell->audit = *audit;
        *ret_tell = tell;
        return 0;
}

static void tell_forget_judged(struct phx_tell *tell) {
        for (size_t i = 0; i < tell->judged_count; i++)
                free(tell->judged[i].profile);
        free(tell->judged);
        tell->judged = NULL;
        tell->judged_count = 0;
}

struct phx_tell *phx_tell_free(struct phx_tell *tell) {
        if (!tell)
                return NULL;

        tell_forget_judged(tell);
        phx_drifts_done(&tell->known);
        phx_remarks_done(&tell->remarks);
        phx_stories_done(&tell->stories);
        free(tell);

        return NULL;
}

static bool is_about_container(const struct phx_drift *drift) {
        return drift->layer == PHX_LAYER_CONFIG || drift->layer == PHX_LAYER_RUNNING ||
               drift->kind == PHX_DRIFT_NAMESPACE;
}

/* There is nothing to do about it. */
static bool is_routine(const struct phx_tell *tell, const struct phx_drift *drift) {
        if (drift->action != PHX_ACTION_NONE)
                return !tell->is_observing;
        return drift->is_suspended || drift->cause == PHX_CAUSE_RESTARTING ||
               drift->cause == PHX_CAUSE_STARTING || drift->cause == PHX_CAUSE_STOPPING ||
               drift->cause == PHX_CAUSE_CREATING || drift->cause == PHX_CAUSE_CREATE_WAITS ||
               (phx_drift_is_tolerable(drift) && !phx_drift_requires_restart(drift));
}

/* A change of a profile is in the stories of its containers once: when the kernel has it. */
static bool tell_has_stories(enum phx_record_kind kind, const struct phx_drift *drift) {
        return !is_about_container(drift) && kind != PHX_RECORD_INTENT &&
               (kind != PHX_RECORD_CHANGED || drift->action != PHX_ACTION_INSTALL);
}

/* The intent has all that the record of the judgement would have. */
static bool tell_takes_judged(struct phx_tell *tell, const struct phx_drift *drift) {
        for (size_t i = 0; drift->action == PHX_ACTION_INSTALL && i < tell->judged_count; i++) {
                struct tell_judged *judged = &tell->judged[i];

                if (!phx_equal(judged->profile, drift->profile) ||
                    !phx_equal(judged->new_digest, drift->new_digest) ||
                    strcmp(judged->old_digest, drift->old_digest ? drift->old_digest : "") != 0)
                        continue;
                free(judged->profile);
                judged->profile = NULL;
                return true;
        }
        return false;
}

/* An audit record must not be lost for want of memory: the words fall back to the object's name. */
static void tell_send(
                struct phx_tell *tell,
                enum phx_record_kind kind,
                const struct phx_drift *drift,
                int error,
                const char *message,
                bool is_good) {
        phx_cleanup(phx_strings_done) struct phx_strings stories = { 0 };
        struct phx_record record = {
                .kind = kind,
                .message = message ? message : drift->object,
                .action = drift->action,
                .layer = phx_layer_to_string(drift->layer),
                .drift = phx_drift_kind_to_string(drift->kind),
                .profile = drift->profile,
                .container = is_about_container(drift) ? drift->object : NULL,
                .stories = &stories,
                .path = drift->kind == PHX_DRIFT_DISABLED ? drift->found : NULL,
                .generation = tell->generation[0] ? tell->generation : NULL,
                .old_digest = drift->old_digest,
                .new_digest = drift->new_digest,
                .error = error,
                .is_routine = is_routine(tell, drift),
                .is_good = is_good,
        };

        if (tell_has_stories(kind, drift))
                record.story_count = phx_stories_find(&tell->stories, drift->profile, &stories);
        tell->audit.record(tell->audit.data, &record);
}

static void send(
                struct phx_tell *tell,
                enum phx_record_kind kind,
                const struct phx_drift *drift,
                int error,
                const char *message) {
        tell_send(tell, kind, drift, error, message, false);
}

/* "installing the deployed file", "the deployed file was installed" */
static const char *doing(enum phx_action_kind action, bool is_done) {
        switch (action) {
        case PHX_ACTION_NONE:
                break;
        case PHX_ACTION_INSTALL:
                return is_done ? "the deployed file was installed" : "installing the deployed file";
        case PHX_ACTION_LOAD:
                return is_done ? "the policy was loaded into the kernel"
                               : "loading the policy into the kernel";
        case PHX_ACTION_NAMESPACE:
                return is_done ? "its policy namespace was created"
                               : "creating its policy namespace";
        case PHX_ACTION_ASSIGN:
                return is_done ? "its config was edited" : "editing its config";
        case PHX_ACTION_WITHDRAW:
                return is_done ? "the deployed file was removed" : "removing the deployed file";
        case PHX_ACTION_RESTART:
                return is_done ? "it was restarted" : "restarting it";
        case PHX_ACTION_START:
                return is_done ? "it was started" : "starting it";
        case PHX_ACTION_STOP:
                return is_done ? "it was stopped" : "stopping it";
        case PHX_ACTION_CREATE:
                return is_done ? "it was created" : "creating it";
        }
        return "nothing to do";
}

int phx_tell_leave(const struct phx_tell *tell, struct phx_buffer *texts) {
        return phx_remarks_leave(&tell->remarks, texts);
}

int phx_tell_take(struct phx_tell *tell, struct phx_texts *texts) {
        return phx_remarks_take(&tell->remarks, texts);
}

void phx_tell_intent(struct phx_tell *tell, const struct phx_drift *drift) {
        bool is_good = tell_takes_judged(tell, drift);
        phx_autofree char *message = NULL, *judged = NULL;
        const char *text = drift->object;

        if (phx_printf(&message, "%s: %s", drift->object, doing(drift->action, false)) >= 0)
                text = message;
        if (is_good && phx_printf(&judged,
                                  "%s, version %.12s, now the last known good",
                                  text,
                                  drift->new_digest) >= 0)
                text = judged;
        tell_send(tell, PHX_RECORD_INTENT, drift, 0, text, is_good);
        if (tell->audit.progress)
                tell->audit.progress(tell->audit.data, message ? message : drift->object);
}

void phx_tell_changed(struct phx_tell *tell, const struct phx_drift *drift) {
        phx_autofree char *message = NULL, *clause = phx_drift_past_clause(drift);

        (void) phx_printf(
                        &message,
                        "%s: %s, and read back%s%s%s",
                        drift->object,
                        doing(drift->action, true),
                        clause ? " (" : "",
                        clause ? clause : "",
                        clause ? ")" : "");
        send(tell, PHX_RECORD_CHANGED, drift, 0, message);
}

void phx_tell_failed(
                struct phx_tell *tell,
                const struct phx_drift *drift,
                int error,
                const char *text) {
        phx_autofree char *message = NULL;

        (void) phx_printf(
                        &message,
                        "%s: %s failed: %s",
                        drift->object,
                        doing(drift->action, false),
                        text);
        send(tell, PHX_RECORD_FAILED, drift, error, message);
}

void phx_tell_rolled_back(struct phx_tell *tell, const struct phx_drift *drift, const char *text) {
        phx_autofree char *message = NULL;

        (void) phx_printf(
                        &message,
                        "%s: rolled back to %s: the restart into %s failed: %s",
                        drift->object,
                        drift->found,
                        drift->expected,
                        text);
        send(tell, PHX_RECORD_ROLLED_BACK, drift, 0, message);
}

/* Whether the words of FOUND are news by themselves: another pid with the same wrong label, or
 * another errno in the way of a look, are not. */
static bool is_told_by_words(const struct phx_drift *drift) {
        return drift->kind != PHX_DRIFT_RUNNING && drift->kind != PHX_DRIFT_UNKNOWN;
}

static bool is_known(const struct phx_drifts *drifts, const struct phx_drift *drift) {
        const struct phx_drift *known = phx_drifts_find(drifts, drift);

        /* That a restart is now what is left to do is news, and the operator's cue. */
        return known && phx_equal(known->expected, drift->expected) &&
               phx_drift_requires_restart(known) == phx_drift_requires_restart(drift) &&
               (!is_told_by_words(drift) || phx_equal(known->found, drift->found));
}

/* This pass repairs it, or what it waits for; or it is found again at the end. */
static bool is_for_the_pass(const struct phx_desired *desired, const struct phx_drift *drift) {
        if (desired->mode == PHX_MODE_OBSERVE)
                return false;
        return drift->action != PHX_ACTION_NONE || drift->cause == PHX_CAUSE_PROFILE_NOT_LOADED ||
               drift->cause == PHX_CAUSE_PROFILE_OUTDATED ||
               drift->cause == PHX_CAUSE_NAMESPACE_ABSENT;
}

/* DESIRED is NULL at the end of the pass, when nothing is left to it. */
static void tell_found(
                struct phx_tell *tell,
                const struct phx_desired *desired,
                const struct phx_drifts *drifts) {
        for (size_t i = 0; i < drifts->count; i++) {
                const struct phx_drift *drift = &drifts->items[i];
                phx_autofree char *sentence = NULL;

                if (is_known(&tell->known, drift) || (desired && is_for_the_pass(desired, drift)))
                        continue;
                sentence = phx_drift_sentence(drift);
                send(tell,
                     drift->kind == PHX_DRIFT_REFUSED ? PHX_RECORD_REFUSED : PHX_RECORD_DRIFT_FOUND,
                     drift,
                     0,
                     sentence);
        }
}

/* One file of the profile directory is refused. */
static bool is_about_source(const struct phx_drift *drift) {
        return drift->refused == PHX_REFUSED_PROFILE || drift->refused == PHX_REFUSED_TEST;
}

/* Refused before, and being written, compiled or out of sight just now: neither good nor refused
 * yet. */
static bool is_pending(const struct phx_desired *desired, const struct phx_drift *drift) {
        const struct phx_desired_profile *profile = phx_desired_find_profile(
                        desired,
                        drift->object);

        if (drift->kind != PHX_DRIFT_REFUSED)
                return false;
        for (size_t i = 0; i < desired->refusal_count; i++) {
                const struct phx_refusal *refusal = &desired->refusals[i];

                if (phx_equal(refusal->object, drift->object) && refusal->is_transient)
                        return true;
                if (refusal->refused == PHX_REFUSED_PROFILES && is_about_source(drift))
                        return true;
        }
        return profile &&
               (profile->state == PHX_SOURCE_WRITING || profile->state == PHX_SOURCE_COMPILING);
}

/* A refused source may have been removed as well as corrected. */
static bool is_accepted(const struct phx_desired *desired, const struct phx_drift *drift) {
        const struct phx_desired_profile *profile = phx_desired_find_profile(
                        desired,
                        drift->object);

        if (drift->kind != PHX_DRIFT_REFUSED)
                return false;
        return profile ? profile->state == PHX_SOURCE_GOOD : !is_about_source(drift);
}

/* The caller's to free; NULL without memory. */
static char *describe_gone(const struct phx_drift *drift, bool accepted) {
        phx_autofree char *clause = NULL;
        char *message = NULL;
        int r;

        if (accepted)
                r = phx_printf(&message, "%s: accepted again", drift->object);
        else if (drift->kind == PHX_DRIFT_REFUSED)
                r = phx_printf(&message, "%s: resolved: its source was removed", drift->object);
        else {
                clause = phx_drift_past_clause(drift);
                r = phx_printf(&message,
                               "%s: resolved: %s",
                               drift->object,
                               clause ? clause : phx_drift_kind_to_string(drift->kind));
        }
        return r < 0 ? NULL : message;
}

static void tell_gone(
                struct phx_tell *tell,
                const struct phx_desired *desired,
                const struct phx_drift *drift) {
        bool accepted = is_accepted(desired, drift);
        phx_autofree char *message = describe_gone(drift, accepted);

        send(tell, accepted ? PHX_RECORD_ACCEPTED : PHX_RECORD_DRIFT_GONE, drift, 0, message);
}

static void tell_all_gone(
                struct phx_tell *tell,
                const struct phx_desired *desired,
                const struct phx_drifts *drifts) {
        for (size_t i = 0; i < tell->known.count; i++)
                if (!phx_drifts_find(drifts, &tell->known.items[i]))
                        tell_gone(tell, desired, &tell->known.items[i]);
}

static void tell_generation(struct phx_tell *tell, const struct phx_desired *desired) {
        struct phx_record record = { .kind = PHX_RECORD_ACCEPTED, .layer = "source" };
        phx_autofree char *message = NULL;

        if (!desired->has_configuration || strcmp(tell->generation, desired->generation) == 0)
                return;

        (void) phx_printf(
                        &message,
                        "configuration accepted: %zu container%s, generation %.12s",
                        desired->container_count,
                        phx_plural(desired->container_count),
                        desired->generation);
        record.message = message ? message : "configuration accepted";
        record.generation = desired->generation;
        record.old_digest = tell->generation[0] ? tell->generation : NULL;
        record.new_digest = desired->generation;
        tell->audit.record(tell->audit.data, &record);
        memcpy(tell->generation, desired->generation, sizeof(tell->generation));
}

static void keep_known(struct phx_tell *tell, struct phx_drifts *new) {
        phx_drifts_done(&tell->known);
        tell->known = *new;
        *new = (struct phx_drifts){ 0 };
}

/* What is known from now on: the drifts that are reported, each as it was reported, and what was
 * refused and is being written. */
static int tell_remember(
                const struct phx_tell *tell,
                const struct phx_desired *desired,
                const struct phx_drifts *drifts,
                bool is_end,
                struct phx_drifts *known) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < drifts->count; i++) {
                const struct phx_drift *drift = &drifts->items[i];

                if (!is_end && is_for_the_pass(desired, drift))
                        drift = phx_drifts_find(&tell->known, drift);
                if (drift)
                        r = phx_drifts_add(known, drift);
        }
        known->is_sorted = drifts->is_sorted;
        for (size_t i = 0; r >= 0 && i < tell->known.count; i++)
                if (is_pending(desired, &tell->known.items[i]) &&
                    !phx_drifts_find(drifts, &tell->known.items[i]))
                        r = phx_drifts_add(known, &tell->known.items[i]);
        return r;
}

static void tell_one_judged(struct phx_tell *tell, const struct tell_judged *judged) {
        phx_cleanup(phx_strings_done) struct phx_strings stories = { 0 };
        bool is_same_text = strcmp(judged->old_digest, judged->new_digest) == 0;
        phx_autofree char *message = NULL;
        struct phx_record record = {
                .kind = PHX_RECORD_JUDGED,
                .layer = phx_layer_to_string(PHX_LAYER_SOURCE),
                .profile = judged->profile,
                .stories = &stories,
                .generation = tell->generation[0] ? tell->generation : NULL,
                .old_digest = judged->old_digest[0] ? judged->old_digest : NULL,
                .new_digest = judged->new_digest,
                .is_good = true,
        };

        record.story_count = phx_stories_find(&tell->stories, judged->profile, &stories);
        (void) phx_printf(
                        &message,
                        is_same_text ? "%s: judged again: version %.12s stays the last known good"
                                     : "%s: judged: version %.12s is the last known good",
                        judged->profile,
                        judged->new_digest);
        record.message = message ? message : judged->profile;
        tell->audit.record(tell->audit.data, &record);
}

/* Without memory it is recorded at once, and then the intent says no more than usual. */
static void tell_add_judged(struct phx_tell *tell, const struct phx_desired_profile *profile) {
        struct tell_judged now = { .profile = profile->name }, *judged;

        memcpy(now.old_digest, profile->old_digest, sizeof(now.old_digest));
        memcpy(now.new_digest, profile->digest, sizeof(now.new_digest));
        judged = phx_grow(&tell->judged, &tell->judged_count, sizeof(*judged));
        if (judged) {
                *judged = now;
                judged->profile = strdup(profile->name);
        }
        if (!judged || !judged->profile)
                tell_one_judged(tell, &now);
}

void phx_tell_judged(struct phx_tell *tell, const struct phx_desired *judged) {
        for (size_t i = 0; i < judged->profile_count; i++)
                if (judged->profiles[i].is_new)
                        tell_add_judged(tell, &judged->profiles[i]);
}

void phx_tell_rest(struct phx_tell *tell) {
        for (size_t i = 0; i < tell->judged_count; i++)
                if (tell->judged[i].profile)
                        tell_one_judged(tell, &tell->judged[i]);
        tell_forget_judged(tell);
}

void phx_tell_foreign(
                struct phx_tell *tell,
                const char *profile,
                const char *what,
                const char *by) {
        phx_cleanup(phx_strings_done) struct phx_strings stories = { 0 };
        phx_autofree char *message = NULL;
        struct phx_record record = {
                .kind = PHX_RECORD_FOREIGN,
                .layer = phx_layer_to_string(PHX_LAYER_KERNEL),
                .profile = profile,
                .stories = &stories,
                .by = by,
                .generation = tell->generation[0] ? tell->generation : NULL,
        };

        record.story_count = phx_stories_find(&tell->stories, profile, &stories);
        (void) phx_printf(
                        &message,
                        "%s: another program has %s its policy in the kernel: %s",
                        profile,
                        what,
                        by ? by : "the audit log does not name it");
        record.message = message ? message : profile;
        tell->audit.record(tell->audit.data, &record);
}

int phx_tell_picture(
                struct phx_tell *tell,
                const struct phx_desired *desired,
                const struct phx_drifts *drifts) {
        phx_cleanup(phx_drifts_done) struct phx_drifts known = { 0 };
        int r;

        r = phx_stories_take(&tell->stories, desired);
        if (r >= 0)
                r = tell_remember(tell, desired, drifts, false, &known);
        if (r < 0)
                return r;

        tell->is_observing = desired->mode == PHX_MODE_OBSERVE;
        tell_all_gone(tell, desired, &known);
        tell_generation(tell, desired);
        tell_found(tell, desired, drifts);
        keep_known(tell, &known);
        return phx_remarks_tell(
                        &tell->remarks,
                        &tell->audit,
                        &tell->stories,
                        tell->generation,
                        desired);
}

int phx_tell_left(
                struct phx_tell *tell,
                const struct phx_desired *desired,
                const struct phx_drifts *drifts) {
        phx_cleanup(phx_drifts_done) struct phx_drifts known = { 0 };
        int r;

        r = tell_remember(tell, desired, drifts, true, &known);
        if (r < 0)
                return r;
        tell_found(tell, NULL, drifts);
        keep_known(tell, &known);
        return 0;
}
