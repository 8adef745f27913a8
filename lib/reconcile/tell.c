/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "reconcile/tell.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/set.h"
#include "base/strings.h"
#include "reconcile/sentence.h"

/* A remark beyond this is cut. */
#define REMARK_SIZE 1024

struct phx_tell {
        struct phx_audit audit;
        struct phx_drifts known;
        struct phx_set remarks;      /* posture and notes that were recorded */
        struct phx_strings profiles; /* of the configured containers */
        struct phx_strings ids;      /* theirs, at the same places */
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

struct phx_tell *phx_tell_free(struct phx_tell *tell) {
        if (!tell)
                return NULL;

        phx_drifts_done(&tell->known);
        phx_set_done(&tell->remarks);
        phx_strings_done(&tell->profiles);
        phx_strings_done(&tell->ids);
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
        return drift->is_suspended ||
               (phx_drift_is_tolerable(drift) && !phx_drift_requires_restart(drift));
}

/* Whose stories it belongs to: those that run in the profile. For want of memory there are fewer.
 */
static void find_stories(
                const struct phx_tell *tell,
                const char *profile,
                struct phx_strings *stories) {
        for (size_t i = 0; profile && i < tell->ids.count; i++)
                if (strcmp(tell->profiles.items[i], profile) == 0)
                        (void) phx_strings_add(stories, tell->ids.items[i]);
}

/* An audit record must not be lost for want of memory: the words fall back to the object's name. */
static void send(
                struct phx_tell *tell,
                enum phx_record_kind kind,
                const struct phx_drift *drift,
                int error,
                const char *message) {
        phx_cleanup(phx_strings_done) struct phx_strings stories = { 0 };
        const struct phx_record record = {
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
        };

        if (!is_about_container(drift))
                find_stories(tell, drift->profile, &stories);
        tell->audit.record(tell->audit.data, &record);
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
        }
        return "nothing to do";
}

void phx_tell_intent(struct phx_tell *tell, const struct phx_drift *drift) {
        phx_autofree char *message = NULL;

        (void) phx_printf(&message, "%s: %s", drift->object, doing(drift->action, false));
        send(tell, PHX_RECORD_INTENT, drift, 0, message);
        if (tell->audit.progress)
                tell->audit.progress(tell->audit.data, message ? message : drift->object);
}

void phx_tell_changed(struct phx_tell *tell, const struct phx_drift *drift) {
        phx_autofree char *message = NULL;

        (void) phx_printf(
                        &message,
                        "%s: %s, and read back",
                        drift->object,
                        doing(drift->action, true));
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

static void tell_found(struct phx_tell *tell, const struct phx_drifts *drifts) {
        for (size_t i = 0; i < drifts->count; i++) {
                const struct phx_drift *drift = &drifts->items[i];
                phx_autofree char *sentence = NULL;

                if (is_known(&tell->known, drift))
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

/* Refused before, and being written or out of sight just now: neither good nor refused yet. */
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
        return profile && profile->state == PHX_SOURCE_WRITING;
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

/* Records RECORD's message unless it was recorded and still holds; NOW collects what holds. */
static int tell_once(struct phx_tell *tell, struct phx_set *now, const struct phx_record *record) {
        int r;

        r = phx_set_add(now, record->message);
        if (r < 0 || phx_set_has(&tell->remarks, record->message))
                return r < 0 ? r : 0;
        /* Known before it is sent, so that it is recorded once even if the next one finds no
         * memory. */
        r = phx_set_add(&tell->remarks, record->message);
        if (r < 0)
                return r;
        tell->audit.record(tell->audit.data, record);
        return 0;
}

static int tell_of_container(
                struct phx_tell *tell,
                struct phx_set *now,
                enum phx_record_kind kind,
                const struct phx_desired_container *container,
                const char *message) {
        const struct phx_record record = {
                .kind = kind,
                .message = message,
                .layer = "config",
                .container = container->id,
                .profile = container->profile,
                .generation = tell->generation[0] ? tell->generation : NULL,
        };

        return tell_once(tell, now, &record);
}

/* "OBJECT: SENTENCE"; the caller's, NULL without memory. */
static char *lint_message(const char *object, const struct phx_lint *lint) {
        phx_autofree char *sentence = phx_lint_sentence(lint, lint->key ? NULL : object);
        char *message = NULL;

        return sentence && phx_printf(&message, "%s: %s", object, sentence) >= 0 ? message : NULL;
}

static int tell_profile(
                struct phx_tell *tell,
                struct phx_set *now,
                const struct phx_desired_profile *profile) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < profile->lints.count; i++) {
                phx_cleanup(phx_strings_done) struct phx_strings stories = { 0 };
                phx_autofree char *message = NULL;

                if (profile->lints.items[i].accepted)
                        continue;
                message = lint_message(profile->name, &profile->lints.items[i]);
                if (!message)
                        return -ENOMEM;
                find_stories(tell, profile->name, &stories);
                r = tell_once(tell,
                              now,
                              &(struct phx_record){ .kind = PHX_RECORD_LINT,
                                                    .message = message,
                                                    .layer = "source",
                                                    .profile = profile->name,
                                                    .stories = &stories });
        }
        return r;
}

static int tell_entry(
                struct phx_tell *tell,
                struct phx_set *now,
                const struct phx_desired_container *container) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < container->lints.count; i++) {
                phx_autofree char *message = NULL;

                if (container->lints.items[i].accepted)
                        continue;
                message = lint_message(container->id, &container->lints.items[i]);
                r = message ? tell_of_container(tell, now, PHX_RECORD_LINT, container, message)
                            : -ENOMEM;
        }
        return r;
}

static int tell_container(
                struct phx_tell *tell,
                struct phx_set *now,
                const struct phx_desired_container *container) {
        const char *why = container->suggestion_why;
        char message[REMARK_SIZE];
        int r = 0;

        if (container->directory && container->suggestion) {
                (void) snprintf(message,
                                sizeof(message),
                                "%s: unconfined by configuration; profile %s fits%s%s%s",
                                container->id,
                                container->suggestion,
                                why ? " (" : "",
                                why ? why : "",
                                why ? ")" : "");
                r = tell_of_container(tell, now, PHX_RECORD_POSTURE, container, message);
        }
        for (size_t i = 0; r >= 0 && i < container->notes.count; i++) {
                (void) snprintf(message,
                                sizeof(message),
                                "%s: %s",
                                container->id,
                                container->notes.items[i]);
                r = tell_of_container(tell, now, PHX_RECORD_REMARK, container, message);
        }
        return r;
}

/* What NEW had is the teller's now. */
static void keep_remarks(struct phx_tell *tell, struct phx_set *new) {
        phx_set_done(&tell->remarks);
        tell->remarks = *new;
        *new = (struct phx_set){ 0 };
}

static void keep_known(struct phx_tell *tell, struct phx_drifts *new) {
        phx_drifts_done(&tell->known);
        tell->known = *new;
        *new = (struct phx_drifts){ 0 };
}

static int tell_remarks(struct phx_tell *tell, const struct phx_desired *desired) {
        phx_cleanup(phx_set_done) struct phx_set now = { 0 };

        int r = 0;

        for (size_t i = 0; r >= 0 && i < desired->notes.count; i++)
                r = tell_once(tell,
                              &now,
                              &(struct phx_record){ .kind = PHX_RECORD_REMARK,
                                                    .message = desired->notes.items[i],
                                                    .layer = "source" });
        for (size_t i = 0; r >= 0 && i < desired->profile_count; i++)
                r = tell_profile(tell, &now, &desired->profiles[i]);
        for (size_t i = 0; r >= 0 && i < desired->container_count; i++) {
                r = tell_container(tell, &now, &desired->containers[i]);
                if (r >= 0)
                        r = tell_entry(tell, &now, &desired->containers[i]);
        }
        if (r < 0)
                return r;
        keep_remarks(tell, &now);
        return 0;
}

/* What is known from now on: the drifts, and what was refused and is being written. */
static int tell_remember(
                const struct phx_tell *tell,
                const struct phx_desired *desired,
                const struct phx_drifts *drifts,
                struct phx_drifts *known) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < drifts->count; i++)
                r = phx_drifts_add(known, &drifts->items[i]);
        known->is_sorted = drifts->is_sorted;
        for (size_t i = 0; r >= 0 && i < tell->known.count; i++)
                if (is_pending(desired, &tell->known.items[i]) &&
                    !phx_drifts_find(drifts, &tell->known.items[i]))
                        r = phx_drifts_add(known, &tell->known.items[i]);
        return r;
}

static int take_users(struct phx_tell *tell, const struct phx_desired *desired) {
        int r = 0;

        phx_strings_done(&tell->profiles);
        phx_strings_done(&tell->ids);
        for (size_t i = 0; r >= 0 && i < desired->container_count; i++) {
                r = phx_strings_add(&tell->profiles, desired->containers[i].profile);
                if (r >= 0)
                        r = phx_strings_add(&tell->ids, desired->containers[i].id);
        }
        return r;
}

static void tell_one_judged(
                struct phx_tell *tell,
                const struct phx_desired_profile *profile,
                const struct phx_configuration *configuration) {
        phx_cleanup(phx_strings_done) struct phx_strings stories = { 0 };
        bool is_same_text = strcmp(profile->old_digest, profile->digest) == 0;
        phx_autofree char *message = NULL;
        struct phx_record record = {
                .kind = PHX_RECORD_JUDGED,
                .layer = phx_layer_to_string(PHX_LAYER_SOURCE),
                .profile = profile->name,
                .stories = &stories,
                .generation = tell->generation[0] ? tell->generation : NULL,
                .old_digest = profile->old_digest[0] ? profile->old_digest : NULL,
                .new_digest = profile->digest,
        };

        for (size_t i = 0; configuration && i < configuration->count; i++)
                if (strcmp(configuration->containers[i].profile, profile->name) == 0)
                        (void) phx_strings_add(&stories, configuration->containers[i].id);
        (void) phx_printf(
                        &message,
                        is_same_text ? "%s: judged again: version %.12s stays the last known good"
                                     : "%s: judged: version %.12s is the last known good",
                        profile->name,
                        profile->digest);
        record.message = message ? message : profile->name;
        tell->audit.record(tell->audit.data, &record);
}

void phx_tell_judged(
                struct phx_tell *tell,
                const struct phx_desired *judged,
                const struct phx_configuration *configuration) {
        for (size_t i = 0; i < judged->profile_count; i++)
                if (judged->profiles[i].is_new)
                        tell_one_judged(tell, &judged->profiles[i], configuration);
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

        find_stories(tell, profile, &stories);
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

        r = take_users(tell, desired);
        if (r >= 0)
                r = tell_remember(tell, desired, drifts, &known);
        if (r < 0)
                return r;

        tell->is_observing = desired->mode == PHX_MODE_OBSERVE;
        tell_all_gone(tell, desired, &known);
        tell_generation(tell, desired);
        tell_found(tell, drifts);
        keep_known(tell, &known);
        return tell_remarks(tell, desired);
}
