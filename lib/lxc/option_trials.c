/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A run goes through all assignments and sorts them: those without options, and those whose
 * options already stand at the end of a config that liblxc accepts (plain), are answered at once;
 * the rest becomes questions for one child (lxc/trial.c). What is known from before has its answer
 * already: lxc/option_memory.c.
 *
 * An assignment without an answer (the child failed) keeps its lines as they are; only the
 * profile's line is still managed.
 *
 * Answers are owned by the caller, questions with their texts by the run. */

#include "lxc/option_trials.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"

/* One assignment that is not plain. */
struct question {
        size_t assignment;
        char *name;
        struct phx_assignment_texts texts;
};

struct run {
        const struct phx_lxc *lxc;
        const struct phx_assignments *assignments;
        struct phx_option_answer *answers;
        struct question *questions;
        size_t count;
};

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
        int r;

        if (answer->verdicts)
                return 0;
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
        return r < 0 ? r : 0;
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
                const struct phx_lxc *lxc,
                const struct phx_assignments *assignments,
                struct phx_option_answer *answers,
                struct phx_error *error) {
        phx_cleanup(run_done) struct run run = { .lxc = lxc,
                                                 .assignments = assignments,
                                                 .answers = answers };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < assignments->count; i++)
                r = trials_prepare(&run, i);
        return r < 0 ? r : trials_ask(&run, error);
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
