/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A review goes through the containers once. Whose result is remembered (lxc/option_memory.c) gets
 * it; the others become assignments (lxc/assignments.c), of which some hundreds at a time are given
 * to liblxc (lxc/option_trials.c), settled and remembered, so that no more texts than theirs are in
 * memory.
 *
 * What is wrong with a config that cannot be judged is of the moment: it is not remembered. Nor is
 * what comes of a review that shrinks the record of a container: its key is made of the record as
 * it was, which is the one on disk until the inventory is saved. Under that key it would say of a
 * record with too many lines that nothing is to be done. */

#include "lxc/option_reviews.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/strings.h"
#include "lxc/assignments.h"
#include "lxc/option_memory.h"
#include "lxc/option_trials.h"

#define REVIEWED_AT_ONCE 512

struct phx_option_reviews {
        struct phx_option_memory *memory;
};

/* Of each assignment, the number of its item plus one; 0: it is not remembered. */
struct batch {
        const struct phx_option_review *review;
        struct phx_option_memory *memory;
        struct phx_assignments assignments;
        size_t *items;
        int path_fd;  /* of LXC_PATH, when it was opened */
        bool changed; /* the inventory */
};

/* Each chain of includes that something remembered depends on goes on. */
static void review_end(struct phx_option_memory *memory) {
        for (size_t i = 0; i < memory->count; i++)
                if (memory->items[i].chain)
                        memory->items[i].chain->is_used = true;
        phx_lxc_chains_end(&memory->chains);
}

static void batch_done(struct batch *batch) {
        phx_assignments_done(&batch->assignments);
        free(batch->items);
        phx_closep(&batch->path_fd);
        review_end(batch->memory);
}

int phx_option_reviews_new(struct phx_option_reviews **ret_reviews) {
        phx_cleanup(phx_option_reviews_freep) struct phx_option_reviews *reviews = calloc(
                        1,
                        sizeof(*reviews));
        int r;

        if (!reviews)
                return -ENOMEM;
        reviews->memory = calloc(1, sizeof(*reviews->memory));
        r = reviews->memory ? phx_option_memory_init(reviews->memory) : -ENOMEM;
        if (r < 0)
                return r;
        *ret_reviews = PHX_TAKE(reviews);
        return 0;
}

struct phx_option_reviews *phx_option_reviews_free(struct phx_option_reviews *reviews) {
        if (!reviews)
                return NULL;
        if (reviews->memory)
                phx_option_memory_done(reviews->memory);
        free(reviews->memory);
        free(reviews);
        return NULL;
}

struct phx_option_memory *phx_option_reviews_memory(const struct phx_option_reviews *reviews) {
        return reviews->memory;
}

/* --- some at once --- */

static int batch_settle(struct batch *batch, const struct phx_option_answer *answer, size_t index) {
        struct phx_assignment *assignment = &batch->assignments.items[index];
        struct phx_observed_container *have = assignment->have;
        bool had_trouble = have->trouble;
        int r;

        r = phx_option_answer_settle(answer, assignment, batch->review->file, have);
        if (r < 0 || batch->items[index] == 0 || answer->trouble || (have->trouble && !had_trouble))
                return r;
        batch->memory->unsaved++;
        return phx_option_item_take(
                        &batch->memory->items[batch->items[index] - 1],
                        answer->verdicts,
                        had_trouble && !have->trouble,
                        have);
}

static int batch_run(struct batch *batch, struct phx_error *error) {
        size_t count = batch->assignments.count;
        struct phx_option_answer *answers = calloc(count + 1, sizeof(*answers));
        int r = answers ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < count; i++)
                if (batch->items[i] > 0)
                        r = phx_replace(&answers[i].verdicts,
                                        batch->memory->items[batch->items[i] - 1].verdicts);
        if (r >= 0)
                r = phx_option_trials_run(batch->review->lxc, &batch->assignments, answers, error);
        for (size_t i = 0; r >= 0 && i < count; i++)
                r = batch_settle(batch, &answers[i], i);
        phx_option_answers_free(answers, count);
        phx_assignments_done(&batch->assignments);
        return r;
}

/* --- one container --- */

/* Its text, where that is no file. */
static int review_generated(
                const struct batch *batch,
                const struct phx_observed_container *have,
                struct phx_lxc_source *source) {
        const struct phx_option_review *review = batch->review;

        return review->read(review->data, have->directory, &source->text, &source->size);
}

/* The file was read a moment ago. */
static int review_file(
                struct batch *batch,
                struct phx_observed_container *have,
                struct phx_lxc_source *source) {
        int r = phx_lxc_config_text(
                        batch->review->lxc,
                        &batch->path_fd,
                        have->directory,
                        have->digest,
                        source);

        if (r >= 0)
                return 1;
        if (r == -ENOMEM || have->trouble)
                return r == -ENOMEM ? r : 0;
        return phx_printf(
                        &have->trouble,
                        "%s: %s",
                        have->config,
                        r == -ESTALE  ? "changed while it was read"
                        : r == -EBUSY ? "is still being written"
                                      : strerrordesc_np(-r));
}

static int review_add(
                struct batch *batch,
                const struct phx_option_subject *subject,
                const struct phx_option_item *item,
                struct phx_lxc_source *source) {
        struct phx_assignment_source of = { .desired = batch->review->desired,
                                            .want = subject->want,
                                            .have = subject->have };
        int r = 1;

        if (!source->text)
                r = review_file(batch, subject->have, source);
        if (r <= 0)
                return r;
        batch->items[batch->assignments.count] = item ? (size_t) (item - batch->memory->items) + 1
                                                      : 0;
        of.text = PHX_TAKE(source->text);
        of.size = source->size;
        r = phx_assignments_add(&batch->assignments, &of, batch->review->inventory);
        free(of.text);
        if (r > 0) {
                batch->items[batch->assignments.count - 1] = 0;
                batch->changed = true;
        }
        return r;
}

static int review_one(
                struct batch *batch,
                const struct phx_desired_container *want,
                struct phx_observed_container *have) {
        phx_cleanup(phx_lxc_source_done) struct phx_lxc_source source = { 0 };
        struct phx_option_subject subject = {
                .want = want,
                .have = have,
                .label = phx_observed_label(batch->review->desired, want, have),
                .inventory = batch->review->inventory,
        };
        struct phx_option_item *item = NULL;
        int r = 0;

        if (have->backend == PHX_BACKEND_PVE) {
                r = review_generated(batch, have, &source);
                subject.text = source.text;
                subject.size = source.size;
        }
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        if (have->combined && have->combined[0] && (!have->trouble || have->is_refused_by_lxc))
                r = phx_option_memory_recall(batch->memory, &subject, &item);
        if (r > 0)
                return phx_option_item_show(item, have);
        return r < 0 ? r : review_add(batch, &subject, item, &source);
}

/* --- all of them --- */

/* As long as the configuration, what is taken of it and the records are the same, the options and
 * the records are. */
static int review_begin(const struct batch *batch) {
        const struct phx_option_review *review = batch->review;
        struct phx_option_memory *memory = batch->memory;
        bool is_same = review->desired->generation[0] &&
                       strcmp(memory->generation, review->desired->generation) == 0 &&
                       memory->manages_autostart == review->desired->manages_autostart &&
                       memory->record_changes == review->inventory->container_changes &&
                       phx_equal(memory->file, review->file) &&
                       phx_equal(memory->path, review->lxc->path);
        int r;

        for (size_t i = 0; i < memory->count; i++) {
                memory->items[i].is_seen = false;
                memory->items[i].is_fresh &= is_same;
        }
        r = phx_replace(&memory->file, review->file);
        if (r >= 0)
                r = phx_replace(&memory->path, review->lxc->path);
        memory->generation[0] = '\0';
        return r < 0 ? r : phx_lxc_chains_begin(&memory->chains, review->lxc->scope);
}

static int review_all(struct batch *batch, struct phx_error *error) {
        struct phx_observed *observed = batch->review->observed;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < observed->container_count; i++) {
                struct phx_observed_container *have = &observed->containers[i];
                const struct phx_desired_container *want = phx_desired_find_directory(
                                batch->review->desired,
                                have->directory);

                if (want && have->digest && have->digest[0])
                        r = review_one(batch, want, have);
                if (r >= 0 && batch->assignments.count == REVIEWED_AT_ONCE)
                        r = batch_run(batch, error);
        }
        return r >= 0 && batch->assignments.count > 0 ? batch_run(batch, error) : r;
}

static int review_watch(const struct phx_option_memory *memory, struct phx_strings *watches) {
        size_t before = watches->count;
        int r = phx_lxc_reader_watches(memory->chains.reader, watches);

        if (watches->count > before)
                phx_strings_unique(watches);
        return r;
}

int phx_option_reviews_run(
                struct phx_option_reviews *reviews,
                const struct phx_option_review *review,
                struct phx_error *error) {
        struct phx_option_memory *memory = reviews->memory;
        phx_cleanup(batch_done) struct batch batch = { .review = review,
                                                       .memory = memory,
                                                       .path_fd = -1 };
        int r;

        batch.items = calloc(REVIEWED_AT_ONCE, sizeof(*batch.items));
        r = review_begin(&batch);
        if (r < 0 || !batch.items)
                return -ENOMEM;
        r = review_all(&batch, error);
        if (r < 0)
                return r;
        phx_option_memory_sweep(memory);
        memcpy(memory->generation, review->desired->generation, sizeof(memory->generation));
        memory->manages_autostart = review->desired->manages_autostart;
        memory->record_changes = review->inventory->container_changes;
        r = review_watch(memory, &review->observed->watches);
        return r < 0 ? r : batch.changed;
}

bool phx_option_reviews_are_unchanged(
                struct phx_option_reviews *reviews,
                const struct phx_scope *scope) {
        struct phx_option_memory *memory = reviews->memory;
        bool is_same = phx_lxc_chains_begin(&memory->chains, scope) >= 0;

        for (size_t i = 0; is_same && i < memory->count; i++)
                is_same = phx_lxc_chain_is_same(
                                memory->items[i].chain,
                                memory->items[i].chain_version);
        review_end(memory);
        return is_same;
}

bool phx_option_reviews_cover(const struct phx_option_reviews *reviews, const char *path) {
        return phx_lxc_reader_covers(reviews->memory->chains.reader, path);
}
