/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Thousands of containers have few profiles, and entries that say the same to the rules. So a look
 * first collects the containers whose answer may be another one, and sorts these questions by the
 * policy and by what the entry says. Then each policy is read once, and each question is asked
 * once: for the other containers its answer is given their places in the configuration.
 *
 * An answer that turns out as before leaves the container's list of rules as it is, so that a later
 * comparison recognizes it (state/lint.h). */

#include "machine/lint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/grow.h"
#include "base/sorted.h"
#include "lint/entry.h"

/* What was found of one entry, and by what. */
struct phx_machine_lint {
        char *id;
        char policy[PHX_SHA256_HEX]; /* that was asked; "" for none: the profile is not ours */
        bool has_namespace;
        bool has_answer; /* the three hold */
        bool is_current;
        struct phx_lints lints;
};

struct question {
        size_t item; /* whose answer it is */
        const struct phx_container_config *config;
        const char *namespace;
        char policy[PHX_SHA256_HEX];
        struct phx_buffer text; /* what CONFIG says to the rules */
};

struct asking {
        struct phx_profiles *profiles;
        struct question *questions;
        size_t count;
        /* Of the last policy that was asked for. */
        char *blob;
        struct phx_lint_policy policy;
        bool is_read; /* it could be */
        struct phx_lints answer;
};

static void asking_done(struct asking *asking) {
        for (size_t i = 0; i < asking->count; i++)
                phx_buffer_done(&asking->questions[i].text);
        free(asking->questions);
        phx_lint_policy_done(&asking->policy);
        free(asking->blob);
        phx_lints_done(&asking->answer);
}

/* --- what was found --- */

static void item_done(struct phx_machine_lint *item) {
        free(item->id);
        phx_lints_done(&item->lints);
}

void phx_machine_lints_done(struct phx_machine_lints *lints) {
        for (size_t i = 0; i < lints->count; i++)
                item_done(&lints->items[i]);
        free(lints->items);
        *lints = (struct phx_machine_lints){ 0 };
}

static int compare_items(const void *a, const void *b) {
        return strcmp(((const struct phx_machine_lint *) a)->id,
                      ((const struct phx_machine_lint *) b)->id);
}

static int compare_with_id(const void *id, const void *item) {
        return strcmp(id, ((const struct phx_machine_lint *) item)->id);
}

/* What this look has added is behind the sorted ones: no container is asked about twice. Most are
 * at the place where NEXT expects them. */
static struct phx_machine_lint *machine_lint_find(
                const struct phx_machine_lints *lints,
                size_t next,
                const char *id) {
        if (next < lints->sorted && strcmp(lints->items[next].id, id) == 0)
                return &lints->items[next];
        return phx_find_sorted(
                        id,
                        lints->items,
                        lints->sorted,
                        sizeof(*lints->items),
                        compare_with_id);
}

static struct phx_machine_lint *find_or_add(
                struct phx_machine_lints *lints,
                size_t next,
                const char *id) {
        struct phx_machine_lint *item = machine_lint_find(lints, next, id);
        phx_autofree char *copy = NULL;

        if (item)
                return item;
        copy = strdup(id);
        item = copy ? phx_grow(&lints->items, &lints->count, sizeof(*item)) : NULL;
        if (item)
                item->id = PHX_TAKE(copy);
        return item;
}

/* Of another configuration nothing is known, but the lists stay for those that do not change. */
static void machine_lint_begin(
                struct phx_machine_lints *lints,
                const struct phx_configuration *configuration) {
        const char *digest = configuration ? configuration->digest : "";
        bool is_same = strcmp(lints->configuration, digest) == 0;

        for (size_t i = 0; i < lints->count; i++) {
                lints->items[i].is_current = false;
                lints->items[i].has_answer &= is_same;
        }
        memcpy(lints->configuration, digest, strlen(digest) + 1);
}

static void machine_lint_forget_others(struct phx_machine_lints *lints) {
        size_t kept = 0;

        for (size_t i = 0; i < lints->count; i++)
                if (lints->items[i].is_current)
                        lints->items[kept++] = lints->items[i];
                else
                        item_done(&lints->items[i]);
        if (kept > 1 && lints->count > lints->sorted)
                qsort(lints->items, kept, sizeof(*lints->items), compare_items);
        lints->count = lints->sorted = kept;
}

/* --- asking --- */

static int compare_questions(const void *a, const void *b) {
        const struct question *x = a, *y = b;
        size_t size = x->text.size < y->text.size ? x->text.size : y->text.size;
        int order = strcmp(x->policy, y->policy);

        if (order == 0)
                order = memcmp(x->text.data, y->text.data, size);
        return order != 0 ? order : (x->text.size > y->text.size) - (x->text.size < y->text.size);
}

/* Collects the question about the container, unless its answer is known. */
static int machine_lint_collect(
                struct asking *asking,
                struct phx_machine_lints *lints,
                struct phx_machine_lint *item,
                const struct phx_container_config *config,
                const struct phx_desired_container *container) {
        const char *policy = phx_profiles_key(asking->profiles, config->profile);
        struct question *question;

        item->is_current = true;
        if (!policy)
                policy = "";
        if (item->has_answer && item->has_namespace == (container->namespace != NULL) &&
            strcmp(item->policy, policy) == 0)
                return 0;
        item->has_answer = false;
        question = phx_grow(&asking->questions, &asking->count, sizeof(*question));
        if (!question)
                return -ENOMEM;
        question->item = (size_t) (item - lints->items);
        question->config = config;
        question->namespace = container->namespace;
        memcpy(question->policy, policy, strlen(policy) + 1);
        return phx_lint_entry_text(config, container->namespace, &question->text);
}

/* What cannot be had now is asked for again by the next look; of the profile itself it is
 * reported. A profile that phoenixd does not manage is not asked. 0 or -ENOMEM. */
static int asking_read(struct asking *asking, const struct question *question) {
        size_t size = 0;
        int r;

        phx_lint_policy_done(&asking->policy);
        free(asking->blob);
        asking->blob = NULL;
        asking->is_read = false;
        if (!question->policy[0])
                return 0;
        r = phx_profiles_blob(asking->profiles, question->policy, &asking->blob, &size);
        if (r >= 0)
                r = phx_lint_policy_read(
                                question->config->profile,
                                asking->blob,
                                size,
                                &asking->policy,
                                NULL);
        asking->is_read = r >= 0;
        return r == -ENOMEM ? r : 0;
}

static int asking_ask(struct asking *asking, const struct question *question) {
        phx_lints_done(&asking->answer);
        return asking->is_read ? phx_lint_entry(
                                                 &(struct phx_lint_entry){
                                                                 .config = question->config,
                                                                 .namespace = question->namespace,
                                                                 .policy = &asking->policy },
                                                 &asking->answer)
                               : 0;
}

/* ASKED is the question that was asked, and has the same answer. */
static int asking_answer(
                const struct asking *asking,
                const struct question *asked,
                const struct question *question,
                struct phx_machine_lint *item) {
        phx_cleanup(phx_lints_done) struct phx_lints found = { 0 };
        int r;

        r = phx_lint_entry_move(&asking->answer, asked->config, question->config, &found);
        if (r < 0)
                return r;
        if (!phx_lints_equal(&found, &item->lints)) {
                phx_lints_done(&item->lints);
                item->lints = PHX_TAKE_STRUCT(found);
        }
        memcpy(item->policy, question->policy, sizeof(item->policy));
        item->has_namespace = question->namespace != NULL;
        item->has_answer = asking->is_read || !question->policy[0];
        return 0;
}

static int asking_go_through(struct asking *asking, struct phx_machine_lints *lints) {
        const struct question *asked = NULL;
        int r = 0;

        if (asking->count > 1)
                qsort(asking->questions,
                      asking->count,
                      sizeof(*asking->questions),
                      compare_questions);
        for (size_t i = 0; r >= 0 && i < asking->count; i++) {
                const struct question *question = &asking->questions[i];

                if (!asked || strcmp(asked->policy, question->policy) != 0)
                        r = asking_read(asking, question);
                if (r >= 0 && (!asked || compare_questions(asked, question) != 0)) {
                        r = asking_ask(asking, question);
                        asked = question;
                }
                if (r >= 0)
                        r = asking_answer(asking, asked, question, &lints->items[question->item]);
        }
        return r;
}

/* Whether there is a desired container for the entry at I; it is at the same place. */
static bool machine_lint_has(
                const struct phx_configuration *configuration,
                const struct phx_desired *desired,
                size_t i) {
        return strcmp(configuration->containers[i].id, desired->containers[i].id) == 0;
}

int phx_machine_lint(
                struct phx_machine_lints *lints,
                struct phx_profiles *profiles,
                const struct phx_settings *settings,
                const struct phx_configuration *configuration,
                struct phx_desired *desired) {
        phx_cleanup(asking_done) struct asking asking = { .profiles = profiles };
        size_t count = configuration ? configuration->count : 0, next = 0;
        phx_autofree size_t *places = NULL;
        int r = 0;

        if (count > desired->container_count)
                count = desired->container_count;
        places = calloc(count + 1, sizeof(*places));
        if (!places)
                return -ENOMEM;
        machine_lint_begin(lints, configuration);
        for (size_t i = 0; r >= 0 && i < count; i++) {
                struct phx_machine_lint *item;

                if (!machine_lint_has(configuration, desired, i))
                        continue;
                item = find_or_add(lints, next, configuration->containers[i].id);
                if (!item) {
                        r = -ENOMEM;
                        break;
                }
                places[i] = (size_t) (item - lints->items);
                next = places[i] + 1;
                r = machine_lint_collect(
                                &asking,
                                lints,
                                item,
                                &configuration->containers[i],
                                &desired->containers[i]);
        }
        if (r >= 0)
                r = asking_go_through(&asking, lints);
        for (size_t i = 0; r >= 0 && i < count; i++)
                if (machine_lint_has(configuration, desired, i))
                        r = phx_lints_copy(
                                        &desired->containers[i].lints,
                                        &lints->items[places[i]].lints);
        machine_lint_forget_others(lints);
        return r < 0 ? r : phx_desired_accept(desired, &settings->accepted);
}
