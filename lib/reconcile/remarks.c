/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "reconcile/remarks.h"

#include <errno.h>
#include <stdio.h>

#include "base/strings.h"

/* A remark beyond this is cut. */
#define REMARK_SIZE 1024

struct telling {
        struct phx_set *recorded;
        struct phx_set now; /* what holds now, recorded before or not */
        const struct phx_audit *audit;
        const struct phx_stories *stories;
        const char *generation;
};

/* Records RECORD's message unless it was recorded and still holds. */
static int tell_once(struct telling *tell, const struct phx_record *record) {
        int r;

        r = phx_set_add(&tell->now, record->message);
        if (r < 0 || phx_set_has(tell->recorded, record->message))
                return r < 0 ? r : 0;
        /* Known before it is sent, so that it is recorded once even if the next one finds no
         * memory. */
        r = phx_set_add(tell->recorded, record->message);
        if (r < 0)
                return r;
        tell->audit->record(tell->audit->data, record);
        return 0;
}

static int tell_of_container(
                struct telling *tell,
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

        return tell_once(tell, &record);
}

/* "OBJECT: SENTENCE"; the caller's, NULL without memory. */
static char *remarks_lint_message(const char *object, const struct phx_lint *lint) {
        phx_autofree char *sentence = phx_lint_sentence(lint, lint->key ? NULL : object);
        char *message = NULL;

        return sentence && phx_printf(&message, "%s: %s", object, sentence) >= 0 ? message : NULL;
}

static int tell_profile_lints(struct telling *tell, const struct phx_desired_profile *profile) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < profile->lints.count; i++) {
                phx_cleanup(phx_strings_done) struct phx_strings stories = { 0 };
                phx_autofree char *message = NULL;
                size_t count = 0;

                if (profile->lints.items[i].accepted)
                        continue;
                message = remarks_lint_message(profile->name, &profile->lints.items[i]);
                if (!message)
                        return -ENOMEM;
                if (!phx_set_has(tell->recorded, message))
                        count = phx_stories_find(tell->stories, profile->name, &stories);
                r = tell_once(tell,
                              &(struct phx_record){ .kind = PHX_RECORD_LINT,
                                                    .message = message,
                                                    .layer = "source",
                                                    .profile = profile->name,
                                                    .stories = &stories,
                                                    .story_count = count });
        }
        return r;
}

static int tell_entry_lints(struct telling *tell, const struct phx_desired_container *container) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < container->lints.count; i++) {
                phx_autofree char *message = NULL;

                if (container->lints.items[i].accepted)
                        continue;
                message = remarks_lint_message(container->id, &container->lints.items[i]);
                r = message ? tell_of_container(tell, PHX_RECORD_LINT, container, message)
                            : -ENOMEM;
        }
        return r;
}

static int tell_container_remarks(
                struct telling *tell,
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
                r = tell_of_container(tell, PHX_RECORD_POSTURE, container, message);
        }
        for (size_t i = 0; r >= 0 && i < container->notes.count; i++) {
                (void) snprintf(message,
                                sizeof(message),
                                "%s: %s",
                                container->id,
                                container->notes.items[i]);
                r = tell_of_container(tell, PHX_RECORD_REMARK, container, message);
        }
        return r;
}

static int tell_all_remarks(struct telling *tell, const struct phx_desired *desired) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < desired->notes.count; i++)
                r = tell_once(tell,
                              &(struct phx_record){ .kind = PHX_RECORD_REMARK,
                                                    .message = desired->notes.items[i],
                                                    .layer = "source" });
        for (size_t i = 0; r >= 0 && i < desired->profile_count; i++)
                r = tell_profile_lints(tell, &desired->profiles[i]);
        for (size_t i = 0; r >= 0 && i < desired->container_count; i++) {
                r = tell_container_remarks(tell, &desired->containers[i]);
                if (r >= 0)
                        r = tell_entry_lints(tell, &desired->containers[i]);
        }
        return r;
}

int phx_remarks_tell(
                struct phx_set *recorded,
                const struct phx_audit *audit,
                const struct phx_stories *stories,
                const char *generation,
                const struct phx_desired *desired) {
        struct telling tell = { .recorded = recorded,
                                .audit = audit,
                                .stories = stories,
                                .generation = generation };
        int r;

        r = tell_all_remarks(&tell, desired);
        /* What ended and comes back is news. */
        if (r >= 0) {
                phx_set_done(recorded);
                *recorded = PHX_TAKE_STRUCT(tell.now);
        }
        phx_set_done(&tell.now);
        return r;
}
