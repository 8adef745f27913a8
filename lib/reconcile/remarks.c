/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A remark is recorded when it begins to hold, and again when it has ended and comes back. To know
 * that without printing all of them at each look, a mark of each message is kept with its object,
 * beside what they were made of: an object that still has the same keeps them as they are. The
 * lints are recognized, not compared: the list here and the one of the picture are copies of the
 * same one (see state/lint.h).
 *
 * Notes about the input as a whole are few, and texts already: they are one set. */

#include "reconcile/remarks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/seal.h"

/* Of a mark, with its NUL: it takes the smallest piece of memory that there is. */
#define MARK_SIZE 17
/* A remark beyond this is cut. */
#define REMARK_SIZE 1024

struct telling {
        struct phx_remarked *remarked; /* of the object that is told of */
        struct phx_strings now;        /* the marks of what holds of it now, recorded or not */
        const struct phx_audit *audit;
        const struct phx_stories *stories;
        const char *generation;
};

/* --- what was recorded --- */

static void remarked_forget_basis(struct phx_remarked *remarked) {
        phx_lints_done(&remarked->lints);
        (void) phx_replace(&remarked->suggestion, NULL);
        (void) phx_replace(&remarked->suggestion_why, NULL);
        phx_strings_done(&remarked->notes);
}

static void remarked_done(struct phx_remarked *remarked) {
        remarked_forget_basis(remarked);
        phx_strings_done(&remarked->marks);
        free(remarked->object);
}

static void remarked_list_done(struct phx_remarked_list *list) {
        for (size_t i = 0; i < list->count; i++)
                remarked_done(&list->items[i]);
        free(list->items);
        *list = (struct phx_remarked_list){ 0 };
}

void phx_remarks_done(struct phx_remarks *remarks) {
        phx_set_done(&remarks->notes);
        remarked_list_done(&remarks->profiles);
        remarked_list_done(&remarks->containers);
}

static int remarked_compare(const void *a, const void *b) {
        return strcmp(((const struct phx_remarked *) a)->object,
                      ((const struct phx_remarked *) b)->object);
}

static int remarked_compare_with(const void *object, const void *item) {
        return strcmp(object, ((const struct phx_remarked *) item)->object);
}

/* No object is asked for twice in one look. */
static struct phx_remarked *remarked_find(struct phx_remarked_list *list, const char *object) {
        struct phx_remarked *found = NULL;

        if (list->next < list->sorted && strcmp(list->items[list->next].object, object) == 0)
                found = &list->items[list->next];
        else if (list->sorted > 0)
                found = bsearch(object,
                                list->items,
                                list->sorted,
                                sizeof(*list->items),
                                remarked_compare_with);
        if (found)
                list->next = (size_t) (found - list->items) + 1;
        return found;
}

static struct phx_remarked *remarked_add(struct phx_remarked_list *list, const char *object) {
        phx_autofree char *copy = strdup(object);
        struct phx_remarked *added = copy ? phx_grow(&list->items, &list->count, sizeof(*added))
                                          : NULL;

        if (added)
                added->object = PHX_TAKE(copy);
        return added;
}

static void remarked_begin(struct phx_remarked_list *list) {
        list->next = 0;
        for (size_t i = 0; i < list->count; i++)
                list->items[i].is_current = false;
}

/* What ended and comes back is news. */
static void remarked_end(struct phx_remarked_list *list) {
        size_t kept = 0;

        for (size_t i = 0; i < list->count; i++)
                if (list->items[i].is_current)
                        list->items[kept++] = list->items[i];
                else
                        remarked_done(&list->items[i]);
        if (kept > 1 && list->count > list->sorted)
                qsort(list->items, kept, sizeof(*list->items), remarked_compare);
        list->count = list->sorted = kept;
}

/* BASIS has lints, suggestion and notes, all borrowed. */
static bool remarked_has_basis(
                const struct phx_remarked *remarked,
                const struct phx_remarked *basis) {
        return phx_equal(remarked->suggestion, basis->suggestion) &&
               phx_equal(remarked->suggestion_why, basis->suggestion_why) &&
               phx_strings_equal(&remarked->notes, &basis->notes) &&
               phx_lints_equal(&remarked->lints, &basis->lints);
}

static int remarked_set_basis(struct phx_remarked *remarked, const struct phx_remarked *basis) {
        int r;

        r = phx_replace(&remarked->suggestion, basis->suggestion);
        if (r >= 0)
                r = phx_replace(&remarked->suggestion_why, basis->suggestion_why);
        if (r >= 0)
                r = phx_strings_copy(&remarked->notes, &basis->notes);
        return r < 0 ? r : phx_lints_copy(&remarked->lints, &basis->lints);
}

/* 1 and where the messages belong, when they have to be made; 0 when those that are recorded hold,
 * or there are none. */
static int remarks_begin(
                struct telling *tell,
                struct phx_remarked_list *list,
                const struct phx_remarked *basis) {
        struct phx_remarked *remarked;

        if (!basis->suggestion && basis->notes.count == 0 && basis->lints.count == 0)
                return 0;
        remarked = remarked_find(list, basis->object);
        if (remarked && remarked_has_basis(remarked, basis)) {
                remarked->is_current = true;
                if (phx_lints_are_same(&remarked->lints, &basis->lints))
                        return 0;
                /* Another list that says the same: the next look recognizes it. */
                phx_lints_done(&remarked->lints);
                return phx_lints_copy(&remarked->lints, &basis->lints);
        }
        if (!remarked)
                remarked = remarked_add(list, basis->object);
        if (!remarked)
                return -ENOMEM;
        /* If it cannot be finished, the next look does not take it for finished. */
        remarked_forget_basis(remarked);
        remarked->is_current = true;
        tell->remarked = remarked;
        return 1;
}

/* R is what telling has returned. */
static int remarks_end(struct telling *tell, const struct phx_remarked *basis, int r) {
        if (r >= 0) {
                phx_strings_done(&tell->remarked->marks);
                tell->remarked->marks = PHX_TAKE_STRUCT(tell->now);
                r = remarked_set_basis(tell->remarked, basis);
        }
        phx_strings_done(&tell->now);
        return r;
}

/* --- telling --- */

static void make_mark(const char *message, char mark[MARK_SIZE]) {
        char checksum[PHX_SEAL_HEX];

        phx_seal_checksum("remark", message, strlen(message), checksum);
        memcpy(mark, checksum, MARK_SIZE - 1);
        mark[MARK_SIZE - 1] = '\0';
}

static bool tell_has(const struct telling *tell, const char *message) {
        char mark[MARK_SIZE];

        make_mark(message, mark);
        return phx_strings_has(&tell->remarked->marks, mark);
}

/* Records RECORD's message unless it was recorded and still holds. */
static int tell_once(struct telling *tell, const struct phx_record *record) {
        char mark[MARK_SIZE];
        int r;

        make_mark(record->message, mark);
        r = phx_strings_add_once(&tell->now, mark);
        if (r < 0)
                return r;
        /* Known before it is sent, so that it is recorded once even if the next one finds no
         * memory. */
        r = phx_strings_add_once(&tell->remarked->marks, mark);
        if (r <= 0)
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
                if (!tell_has(tell, message))
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

static int remarks_tell_profile(
                struct telling *tell,
                struct phx_remarked_list *list,
                const struct phx_desired_profile *profile) {
        const struct phx_remarked basis = { .object = profile->name, .lints = profile->lints };
        int r = remarks_begin(tell, list, &basis);

        return r <= 0 ? r : remarks_end(tell, &basis, tell_profile_lints(tell, profile));
}

static int remarks_tell_container(
                struct telling *tell,
                struct phx_remarked_list *list,
                const struct phx_desired_container *container) {
        const struct phx_remarked basis = {
                .object = container->id,
                .lints = container->lints,
                .suggestion = container->directory ? container->suggestion : NULL,
                .suggestion_why = container->suggestion_why,
                .notes = container->notes,
        };
        int r = remarks_begin(tell, list, &basis);

        if (r <= 0)
                return r;
        r = tell_container_remarks(tell, container);
        if (r >= 0)
                r = tell_entry_lints(tell, container);
        return remarks_end(tell, &basis, r);
}

static int remarks_tell_notes(
                struct phx_set *recorded,
                const struct phx_audit *audit,
                const struct phx_strings *notes) {
        phx_cleanup(phx_set_done) struct phx_set now = { 0 };

        for (size_t i = 0; i < notes->count; i++) {
                const struct phx_record record = { .kind = PHX_RECORD_REMARK,
                                                   .message = notes->items[i],
                                                   .layer = "source" };
                int r = phx_set_add(&now, notes->items[i]);

                if (r >= 0)
                        r = phx_set_add(recorded, notes->items[i]);
                if (r < 0)
                        return r;
                if (r > 0)
                        audit->record(audit->data, &record);
        }
        phx_set_done(recorded);
        *recorded = PHX_TAKE_STRUCT(now);
        return 0;
}

int phx_remarks_tell(
                struct phx_remarks *remarks,
                const struct phx_audit *audit,
                const struct phx_stories *stories,
                const char *generation,
                const struct phx_desired *desired) {
        struct telling tell = { .audit = audit, .stories = stories, .generation = generation };
        int r;

        remarked_begin(&remarks->profiles);
        remarked_begin(&remarks->containers);
        r = remarks_tell_notes(&remarks->notes, audit, &desired->notes);
        for (size_t i = 0; r >= 0 && i < desired->profile_count; i++)
                r = remarks_tell_profile(&tell, &remarks->profiles, &desired->profiles[i]);
        for (size_t i = 0; r >= 0 && i < desired->container_count; i++)
                r = remarks_tell_container(&tell, &remarks->containers, &desired->containers[i]);
        if (r < 0)
                return r;
        remarked_end(&remarks->profiles);
        remarked_end(&remarks->containers);
        return 0;
}
