/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Asking liblxc costs a child process, and a converged pass must cost none. So a verdict is
 * remembered under a key, the digest of all that it depends on: the config, everything that it
 * includes, and the three texts that would be tried. As long as the key is the same, the answer
 * is.
 *
 * A run goes through all assignments and sorts them: those without options, and those whose
 * options already stand at the end of a config that liblxc accepts (plain), are answered at once;
 * those with a known key from memory; the rest becomes questions for one child (lxc/trial.c). What
 * will be remembered is collected in `next`, and replaces the memory only when the whole run has
 * succeeded: containers that are gone drop out by that, and a failure leaves the memory as it was.
 *
 * An assignment without an answer (the child failed) keeps its lines as they are; only the
 * profile's line is still managed. It is not remembered, so the next pass asks again.
 *
 * Answers are owned by the caller, questions with their texts and the reader by the run. */

#include "lxc/option_trials.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "lxc/reader.h"
#include "lxc/walk.h"

struct answered {
        char *directory;
        char key[PHX_SHA256_HEX]; /* of all that the answer depends on */
        char *verdicts;
};

struct phx_option_trials {
        struct answered *items; /* sorted by directory */
        size_t count;
};

/* One assignment that is not plain. */
struct question {
        size_t assignment;
        char *name;
        char key[PHX_SHA256_HEX];
        struct phx_assignment_texts texts;
};

struct run {
        struct phx_option_trials *trials;
        const struct phx_lxc *lxc;
        const struct phx_assignments *assignments;
        struct phx_option_answer *answers;
        struct phx_lxc_reader *reader;
        struct question *questions;
        size_t count;
        struct phx_option_trials next; /* what will be remembered */
};

static void answered_done(struct answered *answered) {
        free(answered->directory);
        free(answered->verdicts);
}

static void trials_forget(struct phx_option_trials *trials) {
        for (size_t i = 0; i < trials->count; i++)
                answered_done(&trials->items[i]);
        free(trials->items);
        *trials = (struct phx_option_trials){ 0 };
}

int phx_option_trials_new(struct phx_option_trials **ret_trials) {
        *ret_trials = calloc(1, sizeof(**ret_trials));
        return *ret_trials ? 0 : -ENOMEM;
}

struct phx_option_trials *phx_option_trials_free(struct phx_option_trials *trials) {
        if (!trials)
                return NULL;
        trials_forget(trials);
        free(trials);
        return NULL;
}

void phx_option_answers_free(struct phx_option_answer *answers, size_t count) {
        for (size_t i = 0; answers && i < count; i++) {
                free(answers[i].verdicts);
                free(answers[i].trouble);
        }
        free(answers);
}

static void question_done(struct question *question) {
        free(question->name);
        phx_assignment_texts_done(&question->texts);
}

static void run_done(struct run *run) {
        for (size_t i = 0; i < run->count; i++)
                question_done(&run->questions[i]);
        free(run->questions);
        phx_option_answers_free(run->answers, run->assignments->count);
        phx_lxc_reader_free(run->reader);
        trials_forget(&run->next);
}

/* --- what is remembered --- */

static int compare_directory(const void *directory, const void *answered) {
        return strcmp(directory, ((const struct answered *) answered)->directory);
}

static const char *trials_recall(const struct run *run, const char *directory, const char *key) {
        const struct answered *found = run->trials->count > 0 ? bsearch(directory,
                                                                        run->trials->items,
                                                                        run->trials->count,
                                                                        sizeof(*run->trials->items),
                                                                        compare_directory)
                                                              : NULL;

        return found && strcmp(found->key, key) == 0 ? found->verdicts : NULL;
}

static int trials_remember(struct run *run, const struct question *question) {
        const struct phx_option_answer *answer = &run->answers[question->assignment];
        struct answered *item;

        if (!answer->verdicts)
                return 0;
        item = phx_grow(&run->next.items, &run->next.count, sizeof(*item));
        if (!item ||
            phx_replace(&item->directory, run->assignments->items[question->assignment].directory) <
                            0 ||
            phx_replace(&item->verdicts, answer->verdicts) < 0)
                return -ENOMEM;
        memcpy(item->key, question->key, sizeof(item->key));
        return 0;
}

/* The texts, and all that they include: WHOLE has every include there is. */
static int digest(struct run *run, struct question *question) {
        const struct phx_assignment *assignment = &run->assignments->items[question->assignment];
        phx_cleanup(phx_buffer_done) struct phx_buffer facts = { 0 };
        struct phx_lxc_source source = { .text = question->texts.whole.data,
                                         .size = question->texts.whole.size };
        char text[PHX_SHA256_HEX], base[PHX_SHA256_HEX];
        int r;

        phx_sha256(source.text, source.size, source.digest);
        phx_sha256(question->texts.text.data, question->texts.text.size, text);
        phx_sha256(question->texts.base.data, question->texts.base.size, base);
        /* One that cannot be read, or includes itself, liblxc is to refuse. */
        r = phx_lxc_combine(run->reader, question->name, &source, NULL);
        if (r == -ENOMEM)
                return r;
        r = phx_buffer_addf(
                        &facts,
                        "%s %s %s %s %s\n",
                        assignment->have->combined,
                        source.digest,
                        source.combined,
                        text,
                        base);
        if (r >= 0)
                phx_sha256(facts.data, facts.size, question->key);
        return r;
}

/* --- asking --- */

/* All options stand behind the config's own lines, and liblxc has accepted them. */
static bool is_plain(const struct question *question) {
        const struct phx_buffer *text = &question->texts.text, *whole = &question->texts.whole;

        return text->size == whole->size && memcmp(text->data, whole->data, text->size) == 0;
}

static int trials_set_all(struct phx_option_answer *answer, size_t count, char verdict) {
        answer->verdicts = calloc(count + 1, 1);
        if (!answer->verdicts)
                return -ENOMEM;
        memset(answer->verdicts, verdict, count);
        return 0;
}

/* Refused by liblxc as it is, perhaps for a line of ours; any other trouble is none of ours. */
static bool may_be_ours(const struct phx_assignment *assignment) {
        return assignment->have->is_refused_by_lxc && assignment->ours.count > 0;
}

static int trials_prepare(struct run *run, size_t index) {
        const struct phx_assignment *assignment = &run->assignments->items[index];
        struct phx_option_answer *answer = &run->answers[index];
        bool is_refused = assignment->have->trouble;
        struct question *question;
        const char *known;
        int r;

        if (is_refused ? !may_be_ours(assignment) : assignment->options.count == 0)
                return trials_set_all(answer, assignment->options.count, PHX_LXC_IN_EFFECT);
        question = phx_grow(&run->questions, &run->count, sizeof(*question));
        if (!question)
                return -ENOMEM;
        question->assignment = index;
        if (phx_printf(&question->name, "%s/%s/config", run->lxc->path, assignment->directory) < 0)
                return -ENOMEM;
        r = phx_assignment_render(assignment, &question->texts, NULL);
        if (r == -EINVAL || (r >= 0 && !is_refused && is_plain(question))) {
                question_done(&run->questions[--run->count]);
                return trials_set_all(answer, assignment->options.count, PHX_LXC_IN_EFFECT);
        }
        if (r >= 0)
                r = digest(run, question);
        if (r < 0)
                return r;
        known = trials_recall(run, assignment->directory, question->key);
        if (known)
                phx_assignment_texts_done(&question->texts);
        return known ? phx_replace(&answer->verdicts, known) : 0;
}

/* A base that liblxc refuses is the operator's affair, and is reported as such. */
static int trials_take(struct run *run, size_t index, const struct phx_lxc_verdicts *verdicts) {
        const struct phx_assignment *assignment =
                        &run->assignments->items[run->questions[index].assignment];
        struct phx_option_answer *answer = &run->answers[run->questions[index].assignment];

        if (verdicts->code >= 0)
                return phx_replace(&answer->verdicts, verdicts->verdicts);
        if (verdicts->code == -EINVAL)
                return assignment->have->trouble ? 0
                                                 : trials_set_all(answer,
                                                                  assignment->options.count,
                                                                  PHX_LXC_IN_EFFECT);
        return phx_replace(
                        &answer->trouble,
                        verdicts->text ? verdicts->text : strerrordesc_np(-verdicts->code));
}

/* Those without an answer, by index into the questions. */
struct asking {
        size_t *indices;
        struct phx_lxc_trial *trials;
        struct phx_lxc_verdicts *verdicts;
        size_t count;
};

static void asking_done(struct asking *asking) {
        for (size_t i = 0; asking->verdicts && i < asking->count; i++)
                phx_lxc_verdicts_done(&asking->verdicts[i]);
        free(asking->verdicts);
        free(asking->trials);
        free(asking->indices);
}

static int trials_collect(const struct run *run, struct asking *asking) {
        asking->indices = calloc(run->count + 1, sizeof(*asking->indices));
        asking->trials = calloc(run->count + 1, sizeof(*asking->trials));
        asking->verdicts = calloc(run->count + 1, sizeof(*asking->verdicts));
        if (!asking->indices || !asking->trials || !asking->verdicts)
                return -ENOMEM;
        for (size_t i = 0; i < run->count; i++) {
                const struct question *question = &run->questions[i];

                if (run->answers[question->assignment].verdicts)
                        continue;
                asking->indices[asking->count] = i;
                asking->trials[asking->count++] = (struct phx_lxc_trial){
                        .name = question->name,
                        .text = question->texts.text.data,
                        .size = question->texts.text.size,
                        .base = question->texts.base.data,
                        .base_size = question->texts.base.size,
                        .options = &run->assignments->items[question->assignment].options,
                };
        }
        return 0;
}

static int trials_ask(struct run *run, struct phx_error *error) {
        phx_cleanup(asking_done) struct asking asking = { 0 };
        int r;

        r = trials_collect(run, &asking);
        if (r < 0 || asking.count == 0)
                return r;
        r = phx_lxc_try(asking.trials,
                        asking.count,
                        run->lxc->deadline_usec,
                        asking.verdicts,
                        error);
        for (size_t i = 0; r >= 0 && i < asking.count; i++)
                r = trials_take(run, asking.indices[i], &asking.verdicts[i]);
        return r;
}

int phx_option_trials_run(
                struct phx_option_trials *trials,
                const struct phx_lxc *lxc,
                const struct phx_assignments *assignments,
                struct phx_option_answer **ret_answers,
                struct phx_strings *watches,
                struct phx_error *error) {
        phx_cleanup(run_done) struct run run = { .trials = trials,
                                                 .lxc = lxc,
                                                 .assignments = assignments };
        int r;

        run.answers = calloc(assignments->count + 1, sizeof(*run.answers));
        r = run.answers ? phx_lxc_reader_new(&run.reader) : -ENOMEM;
        for (size_t i = 0; r >= 0 && i < assignments->count; i++)
                r = trials_prepare(&run, i);
        if (r >= 0)
                r = trials_ask(&run, error);
        for (size_t i = 0; r >= 0 && i < run.count; i++)
                r = trials_remember(&run, &run.questions[i]);
        if (r < 0)
                return r;

        trials_forget(trials);
        *trials = PHX_TAKE_STRUCT(run.next);
        for (size_t i = 0; r >= 0 && i < phx_lxc_reader_watches(run.reader)->count; i++)
                r = phx_strings_add_once(watches, phx_lxc_reader_watches(run.reader)->items[i]);
        if (r < 0)
                return r;
        *ret_answers = PHX_TAKE(run.answers);
        return 0;
}

/* --- what comes of it --- */

static int note_refused(
                const char *file,
                const struct phx_lxc_option *option,
                bool is_unknown,
                struct phx_observed_container *observed) {
        return phx_strings_addf(
                        &observed->refused_options,
                        "%s:%u: %s is skipped: liblxc %s",
                        file,
                        option->line,
                        option->key,
                        is_unknown ? "does not know it" : "rejects its value");
}

static int note_all_refused(
                const char *file,
                const struct phx_assignment *assignment,
                const char *verdicts,
                struct phx_observed_container *observed) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < assignment->options.count; i++)
                if (verdicts[i] == PHX_LXC_REFUSED || verdicts[i] == PHX_LXC_UNKNOWN)
                        r = note_refused(
                                        file,
                                        &assignment->options.items[i],
                                        verdicts[i] == PHX_LXC_UNKNOWN,
                                        observed);
        return r;
}

/* Without an answer nothing of ours is touched but the profile's line. */
static int note_unanswered(
                const struct phx_option_answer *answer,
                struct phx_observed_container *observed) {
        if (!answer->trouble)
                return 0;
        return phx_strings_addf(
                        &observed->refused_options,
                        "lxc_options are not changed: %s",
                        answer->trouble);
}

/* liblxc refuses the config as it is, and takes it without a line of ours. */
static int lift_trouble(struct phx_observed_container *observed) {
        if (!observed->trouble)
                return 0;
        if (phx_replace(&observed->effective, "") < 0)
                return -ENOMEM;
        return phx_replace(&observed->trouble, NULL);
}

int phx_option_answer_settle(
                const struct phx_option_answer *answer,
                struct phx_assignment *assignment,
                const char *file,
                struct phx_observed_container *observed) {
        struct phx_error error = { 0 };
        int r;

        if (!answer->verdicts)
                return note_unanswered(answer, observed);
        r = phx_assignment_settle(assignment, answer->verdicts, &observed->wrong_lines, &error);
        if (r >= 0)
                r = note_all_refused(file, assignment, answer->verdicts, observed);
        if (r >= 0)
                observed->lines = PHX_TAKE_STRUCT(assignment->edit);
        if (r >= 0 && observed->wrong_lines.count > 0 && may_be_ours(assignment))
                r = lift_trouble(observed);
        return r == -EINVAL ? phx_replace(&observed->trouble, error.text) : r;
}
