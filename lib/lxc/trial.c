/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Which lines of lxc_options have to be written? Only liblxc knows what a line does, so each
 * config is tried in a child that calls it (base/worker.c; one child answers for many containers,
 * and is killed when it is late). The child works on copies of the text and is confined so that it
 * can change nothing.
 *
 * The options of one container are tried in these steps:
 *
 *   base     the config without any line of phoenixd's. If liblxc refuses that, the fault is the
 *            operator's, and no verdict is given. Where it is the config as it is, that is loaded
 *            once for both
 *   refused  all options after the base; if that fails, one by one, each after those that were
 *            taken, to find which are refused
 *   lists    a key sets a value or adds to a list. What the list is in the config as it is
 *            (before) is compared with what it would be with all options at its end (after)
 *   wanted   where both are equal, nothing has to be written; else the options of that list that
 *            are not in effect are wanted
 *   order    what is written comes after what is not, so writing one option may undo another;
 *            keep_order() adds those until nothing changes. It ends, as a verdict only ever goes
 *            from in effect to wanted
 *
 * The answer is one character for each option, and the parent believes nothing else of the child:
 * an answer of another length is an error. If the child dies while answering for one container,
 * that one gets the error, and a new child answers for the others. */

#include "lxc/trial.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/grow.h"
#include "base/strings.h"
#include "base/worker.h"
#include "lxc/child.h"
#include "lxc/effect.h"
#include "lxc/text.h"
#include "lxc/walk.h"

/* All that one call of ours asks. */
struct questions {
        const struct phx_lxc_trial *trials;
        struct phx_lxc_verdicts *verdicts;
        const struct phx_lxc_options *options;
        struct phx_lxc_opinion *opinions;
        struct phx_lxc_child child; /* in the child */
};

void phx_lxc_verdicts_done(struct phx_lxc_verdicts *verdicts) {
        free(verdicts->text);
        free(verdicts->verdicts);
        *verdicts = (struct phx_lxc_verdicts){ 0 };
}

void phx_lxc_opinion_done(struct phx_lxc_opinion *opinion) {
        free(opinion->text);
        *opinion = (struct phx_lxc_opinion){ 0 };
}

/* --- in the child: one trial --- */

struct attempt {
        struct phx_lxc_child *child;
        const struct phx_lxc_trial *trial;
        char *verdicts;
        /* What the options come to: lines, and whose they are. */
        struct phx_strings keys;
        struct phx_strings values;
        size_t *owners; /* as many as there are keys */
        size_t owner;   /* while they are collected */
        struct phx_strings lists;
        struct phx_strings before; /* what is in effect, for each list */
        struct phx_strings after;
};

static void attempt_done(struct attempt *attempt) {
        free(attempt->verdicts);
        phx_strings_done(&attempt->keys);
        phx_strings_done(&attempt->values);
        free(attempt->owners);
        phx_strings_done(&attempt->lists);
        phx_strings_done(&attempt->before);
        phx_strings_done(&attempt->after);
}

static bool is_taken(const struct attempt *attempt, size_t option) {
        return attempt->verdicts[option] != PHX_LXC_REFUSED &&
               attempt->verdicts[option] != PHX_LXC_UNKNOWN;
}

/* The base with those of the first COUNT options behind it that are taken: 1 when liblxc loads it.
 */
static int load_with(struct attempt *attempt, size_t count) {
        const struct phx_lxc_trial *trial = attempt->trial;
        phx_cleanup(phx_lxc_edit_done) struct phx_lxc_edit edit = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < count; i++)
                if (is_taken(attempt, i))
                        r = phx_strings_addf(
                                        &edit.tail,
                                        "%s=%s",
                                        trial->options->items[i].key,
                                        trial->options->items[i].value);
        if (r >= 0)
                r = phx_lxc_text_edit(trial->base, trial->base_size, &edit, &text, NULL);
        return r < 0 ? r : phx_lxc_child_load(attempt->child, text.data, text.size);
}

/* No option stands in the text yet, as at a first start: what is to be found out about the base is
 * then by the load of the text. */
static bool has_own_base(const struct phx_lxc_trial *trial) {
        return trial->base_size != trial->size ||
               (trial->size > 0 && memcmp(trial->base, trial->text, trial->size) != 0);
}

/* 1 when liblxc takes the base, 0 with its words in REPLY when it does not. */
static int load_base(struct attempt *attempt, struct phx_buffer *reply) {
        const struct phx_lxc_trial *trial = attempt->trial;
        int r = phx_lxc_child_load(attempt->child, trial->base, trial->base_size);

        if (r != 0)
                return r;
        return phx_lxc_child_add_log(attempt->child, reply, trial->name);
}

/* One by one when they are not all taken, each behind those that are. */
static int find_refused(struct attempt *attempt) {
        size_t count = attempt->trial->options->count;
        int r = 0;

        for (size_t i = 0; r == 0 && i < count; i++) {
                r = load_with(attempt, i + 1);
                if (r == 0)
                        attempt->verdicts[i] =
                                        phx_lxc_child_knows(attempt->trial->options->items[i].key)
                                                        ? PHX_LXC_REFUSED
                                                        : PHX_LXC_UNKNOWN;
                r = r > 0 ? 0 : r;
        }
        return r < 0 ? r : 0;
}

static int collect_line(
                void *data,
                const struct phx_lxc_place *place,
                const struct phx_lxc_line *line) {
        struct attempt *attempt = data;
        char list[PHX_LXC_LIST_SIZE], key[PHX_LXC_LIST_SIZE];
        size_t count = attempt->keys.count, *owner;
        int r;

        if (!line->key || phx_lxc_line_is(line, PHX_LXC_KEY_PROFILE) ||
            phx_lxc_line_is(line, PHX_LXC_KEY_INCLUDE))
                return 0;
        (void) snprintf(key, sizeof(key), "%.*s", (int) line->key_size, line->key);
        phx_lxc_list_of(key, list);
        owner = phx_grow(&attempt->owners, &count, sizeof(*owner));
        if (!owner)
                return -ENOMEM;
        *owner = attempt->owner;
        r = phx_strings_add(&attempt->keys, key);
        if (r >= 0)
                r = phx_strings_addf(&attempt->values, "%.*s", (int) line->value_size, line->value);
        return r < 0 ? r : phx_strings_add_once(&attempt->lists, list);
}

/* What an include sets is asked for by its option. */
static int collect_items(struct attempt *attempt) {
        const struct phx_lxc_options *options = attempt->trial->options;
        phx_cleanup(phx_lxc_reader_freep) struct phx_lxc_reader *reader = NULL;
        int r = phx_lxc_reader_new(&reader);

        for (size_t i = 0; r >= 0 && i < options->count; i++) {
                phx_cleanup(phx_buffer_done) struct phx_buffer line = { 0 };

                if (!is_taken(attempt, i))
                        continue;
                attempt->owner = i;
                r = phx_buffer_addf(
                                &line,
                                "%s = %s",
                                options->items[i].key,
                                options->items[i].value);
                if (r >= 0)
                        r = phx_lxc_walk(reader, "", line.data, line.size, collect_line, attempt);
        }
        return r;
}

static int collect_values(struct attempt *attempt, struct phx_strings *values) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < attempt->lists.count; i++) {
                phx_autofree char *value = NULL;

                r = phx_lxc_child_get(
                                attempt->child,
                                phx_lxc_list_key(attempt->lists.items[i]),
                                &value);
                if (r >= 0)
                        r = phx_strings_add(values, value);
        }
        return r;
}

static size_t owner_of(const struct attempt *attempt, size_t item) {
        return attempt->owners[item];
}

static void trial_want(struct attempt *attempt, size_t item) {
        attempt->verdicts[owner_of(attempt, item)] = PHX_LXC_WANTED;
}

static struct phx_lxc_item item_of(const struct attempt *attempt, size_t index) {
        return (struct phx_lxc_item){ attempt->keys.items[index], attempt->values.items[index] };
}

static bool is_in_list(const struct attempt *attempt, size_t item, const char *list) {
        char of[PHX_LXC_LIST_SIZE];

        phx_lxc_list_of(attempt->keys.items[item], of);
        return strcmp(of, list) == 0;
}

/* Behind all that there is they change nothing, or they are in effect as it is. */
static int judge_list(struct attempt *attempt, size_t index) {
        const char *list = attempt->lists.items[index], *before = attempt->before.items[index];
        phx_autofree struct phx_lxc_item *items = calloc(attempt->keys.count + 1, sizeof(*items));
        bool is_apart = phx_lxc_list_is_set(list);
        size_t count = 0;

        if (!items)
                return -ENOMEM;
        if (strcmp(before, attempt->after.items[index]) == 0)
                return 0;
        for (size_t i = 0; i < attempt->keys.count; i++)
                if (is_in_list(attempt, i, list)) {
                        items[count] = item_of(attempt, i);
                        is_apart &= items[count++].value[0] != '\0';
                }
        if (phx_lxc_items_hold(list, items, count, before))
                return 0;
        for (size_t i = 0; i < attempt->keys.count; i++) {
                const struct phx_lxc_item item = item_of(attempt, i);

                if (is_in_list(attempt, i, list) &&
                    !(is_apart && phx_lxc_items_hold(list, &item, 1, before)))
                        trial_want(attempt, i);
        }
        return 0;
}

static bool trial_has_include(const struct phx_lxc_trial *trial, const char *value) {
        phx_cleanup(phx_strings_done) struct phx_strings values = { 0 };

        (void) phx_lxc_text_values(trial->text, trial->size, PHX_LXC_KEY_INCLUDE, &values);
        return phx_strings_has(&values, value);
}

static bool trial_is_include(const struct phx_lxc_option *option) {
        return strcmp(option->key, PHX_LXC_KEY_INCLUDE) == 0;
}

static bool is_overruled(const struct attempt *attempt, size_t item, size_t other, bool includes) {
        const char *key = attempt->keys.items[item];

        for (size_t i = 0; i < attempt->keys.count; i++) {
                const char *later = attempt->keys.items[i];

                if (owner_of(attempt, i) == other &&
                    (phx_lxc_list_rules(key, later) || phx_lxc_list_rules(later, key)) &&
                    (includes || strcmp(key, later) != 0))
                        return true;
        }
        return false;
}

/* What ONE has set, written again behind all, overrules what OTHER had set behind it. */
static bool overrules(const struct attempt *attempt, size_t one, size_t other) {
        const struct phx_lxc_options *options = attempt->trial->options;
        bool includes = trial_is_include(&options->items[one]) ||
                        trial_is_include(&options->items[other]);

        for (size_t i = 0; i < attempt->keys.count; i++)
                if (owner_of(attempt, i) == one && is_overruled(attempt, i, other, includes))
                        return true;
        return false;
}

/* Whether that changed something. */
static bool want_option(struct attempt *attempt, size_t option) {
        if (attempt->verdicts[option] != PHX_LXC_IN_EFFECT)
                return false;
        attempt->verdicts[option] = PHX_LXC_WANTED;
        return true;
}

/* Whether the list is only what is asked for when all of it is written, or nothing. */
static bool trial_is_whole(const struct attempt *attempt, const char *list) {
        for (size_t i = 0; i < attempt->keys.count; i++)
                if (!attempt->values.items[i][0] &&
                    phx_lxc_list_rules(attempt->keys.items[i], list))
                        return true;
        return !phx_lxc_list_is_set(list);
}

/* An include that is written again writes something into each of its lists. */
static bool want_lists(struct attempt *attempt, size_t include) {
        bool changed = false;

        for (size_t i = 0; i < attempt->keys.count; i++) {
                char list[PHX_LXC_LIST_SIZE];

                phx_lxc_list_of(attempt->keys.items[i], list);
                if (owner_of(attempt, i) != include || !trial_is_whole(attempt, list))
                        continue;
                for (size_t j = 0; j < attempt->keys.count; j++)
                        if (phx_lxc_list_rules(attempt->keys.items[j], list))
                                changed |= want_option(attempt, owner_of(attempt, j));
        }
        return changed;
}

static bool want_later(struct attempt *attempt, size_t option) {
        bool changed = false;

        for (size_t i = option + 1; i < attempt->trial->options->count; i++)
                if (attempt->verdicts[i] == PHX_LXC_IN_EFFECT && overrules(attempt, option, i))
                        changed |= want_option(attempt, i);
        return changed;
}

/* What is written comes behind what is not: until nothing else has to be written for that. */
static void keep_order(struct attempt *attempt) {
        const struct phx_lxc_options *options = attempt->trial->options;
        bool changed;

        do {
                changed = false;
                for (size_t i = 0; i < options->count; i++) {
                        if (attempt->verdicts[i] != PHX_LXC_WANTED)
                                continue;
                        changed |= want_later(attempt, i);
                        if (trial_is_include(&options->items[i]))
                                changed |= want_lists(attempt, i);
                }
        } while (changed);
}

static int trial_judge(struct attempt *attempt) {
        const struct phx_lxc_options *options = attempt->trial->options;
        int r = 0;

        for (size_t i = 0; i < options->count; i++)
                if (is_taken(attempt, i) && trial_is_include(&options->items[i]) &&
                    !trial_has_include(attempt->trial, options->items[i].value))
                        attempt->verdicts[i] = PHX_LXC_WANTED;
        for (size_t i = 0; r >= 0 && i < attempt->lists.count; i++)
                r = judge_list(attempt, i);
        keep_order(attempt);
        return r;
}

/* Where liblxc refuses the config as it is, there is nothing in effect. */
static void trial_want_all(struct attempt *attempt) {
        for (size_t i = 0; i < attempt->trial->options->count; i++)
                if (is_taken(attempt, i))
                        attempt->verdicts[i] = PHX_LXC_WANTED;
}

/* With all options that are taken loaded. */
static int trial_compare(struct attempt *attempt, struct phx_buffer *reply) {
        const struct phx_lxc_trial *trial = attempt->trial;
        int r;

        r = collect_values(attempt, &attempt->after);
        if (r >= 0)
                r = phx_lxc_child_load(attempt->child, trial->text, trial->size);
        if (r == 0 && !has_own_base(trial)) {
                r = phx_lxc_child_add_log(attempt->child, reply, trial->name);
                return r < 0 ? r : -EINVAL;
        }
        if (r == 0)
                trial_want_all(attempt);
        if (r <= 0)
                return r;
        r = collect_values(attempt, &attempt->before);
        return r < 0 ? r : trial_judge(attempt);
}

/* Loads all options, without those that are refused; of a base that is refused no option is. */
static int trial_load_all(struct attempt *attempt, struct phx_buffer *reply) {
        size_t count = attempt->trial->options->count;
        bool has_base = has_own_base(attempt->trial);
        int r = has_base ? load_base(attempt, reply) : 1;

        if (r <= 0)
                return r < 0 ? r : -EINVAL;
        r = load_with(attempt, count);
        if (r != 0)
                return r;
        r = has_base ? 1 : load_base(attempt, reply);
        if (r <= 0)
                return r < 0 ? r : -EINVAL;
        r = find_refused(attempt);
        return r < 0 ? r : load_with(attempt, count);
}

static int answer_trial(void *data, size_t index, struct phx_buffer *reply) {
        struct questions *questions = data;
        const struct phx_lxc_trial *trial = &questions->trials[index];
        phx_cleanup(attempt_done) struct attempt attempt = { .child = &questions->child,
                                                             .trial = trial };
        int r;

        attempt.verdicts = calloc(trial->options->count + 1, 1);
        if (!attempt.verdicts)
                return -ENOMEM;
        memset(attempt.verdicts, PHX_LXC_IN_EFFECT, trial->options->count);
        r = trial_load_all(&attempt, reply);
        if (r >= 0)
                r = collect_items(&attempt);
        if (r >= 0)
                r = trial_compare(&attempt, reply);
        return r < 0 ? r : phx_buffer_add(reply, attempt.verdicts, trial->options->count + 1);
}

/* --- in the child: one option --- */

static int load_option(struct questions *questions, const char *before, size_t index) {
        const struct phx_lxc_option *option = &questions->options->items[index];
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };
        int r;

        r = phx_buffer_addf(&text, "%s%s = %s\n", before, option->key, option->value);
        return r < 0 ? r : phx_lxc_child_load(&questions->child, text.data, text.size);
}

/* What belongs to one type of network is refused for another, and for none. */
static int load_with_network(struct questions *questions, size_t index) {
        static const char *const types[] = { "veth", "macvlan", "ipvlan", "vlan", "phys" };
        const char *key = questions->options->items[index].key;
        const char *number = key + strlen("lxc.net.");
        char before[128];
        int r = 0;

        if (!phx_has_prefix(key, "lxc.net."))
                return 0;
        for (size_t i = 0; r == 0 && i < PHX_ELEMENTS(types); i++) {
                (void) snprintf(before,
                                sizeof(before),
                                "lxc.net.%.*s.type = %s\n",
                                (int) strspn(number, "0123456789"),
                                number,
                                types[i]);
                r = load_option(questions, before, index);
        }
        return r;
}

/* It would open the log that it names: known is enough. */
static bool has_side_effects(const char *key) {
        return strcmp(key, "lxc.log.file") == 0;
}

static int answer_option(void *data, size_t index, struct phx_buffer *reply) {
        struct questions *questions = data;
        const char *key = questions->options->items[index].key;
        int r = has_side_effects(key) ? 1 : load_option(questions, "", index);
        char verdict;

        if (r == 0)
                r = load_with_network(questions, index);
        if (r < 0 && r != -ENOTSUP)
                return r;
        verdict = r > 0                      ? PHX_LXC_WANTED
                  : r < 0                    ? PHX_LXC_UNASKED
                  : phx_lxc_child_knows(key) ? PHX_LXC_REFUSED
                                             : PHX_LXC_UNKNOWN;
        if (r == 0)
                (void) load_option(questions, "", index); /* for its own words */
        r = phx_buffer_add(reply, &verdict, 1);
        if (r < 0 || verdict == PHX_LXC_WANTED || verdict == PHX_LXC_UNASKED)
                return r;
        return phx_lxc_child_add_log(&questions->child, reply, NULL);
}

/* --- in the caller --- */

static int trial_start(void *data) {
        struct questions *questions = data;
        int r = phx_lxc_child_confine();

        return r < 0 ? r : phx_lxc_child_start(&questions->child);
}

static int accept_verdicts(void *data, size_t index, const struct phx_worker_reply *reply) {
        const struct questions *questions = data;
        struct phx_lxc_verdicts *verdicts = &questions->verdicts[index];
        size_t count = questions->trials[index].options->count;

        verdicts->code = reply->code;
        if (reply->code >= 0 && strlen(reply->data) != count)
                verdicts->code = -EIO;
        if (verdicts->code < 0)
                return phx_replace(
                                &verdicts->text,
                                reply->code < 0 && reply->size > 0
                                                ? reply->data
                                                : strerrordesc_np(-verdicts->code));
        return phx_replace(&verdicts->verdicts, reply->data);
}

static int accept_opinion(void *data, size_t index, const struct phx_worker_reply *reply) {
        const struct questions *questions = data;
        struct phx_lxc_opinion *opinion = &questions->opinions[index];
        bool is_word = reply->code >= 0 && reply->size > 0;

        opinion->verdict = PHX_LXC_REFUSED;
        if (is_word && reply->data[0] && strchr("wu?", reply->data[0]))
                opinion->verdict = (enum phx_lxc_verdict) reply->data[0];
        if (opinion->verdict == PHX_LXC_WANTED)
                return 0;
        return phx_replace(&opinion->text, is_word ? reply->data + 1 : reply->data);
}

static void questions_forget(const struct questions *questions, size_t count) {
        for (size_t i = 0; i < count; i++) {
                if (questions->verdicts)
                        phx_lxc_verdicts_done(&questions->verdicts[i]);
                if (questions->opinions)
                        phx_lxc_opinion_done(&questions->opinions[i]);
        }
}

static int trial_run(
                struct questions *questions,
                const struct phx_strings *subjects,
                uint64_t deadline_usec,
                struct phx_error *error) {
        const struct phx_worker_job job = {
                .subjects = subjects,
                .service = "liblxc",
                .deadline_usec = deadline_usec,
                .start = trial_start,
                .answer = questions->trials ? answer_trial : answer_option,
                .accept = questions->trials ? accept_verdicts : accept_opinion,
                .data = questions,
        };
        int r = phx_worker_run(&job, error);

        if (r < 0)
                questions_forget(questions, subjects->count);
        return r;
}

int phx_lxc_try(const struct phx_lxc_trial *trials,
                size_t count,
                uint64_t deadline_usec,
                struct phx_lxc_verdicts *verdicts,
                struct phx_error *error) {
        phx_cleanup(phx_strings_done) struct phx_strings names = { 0 };
        struct questions questions = { .trials = trials, .verdicts = verdicts };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < count; i++)
                r = phx_strings_add(&names, trials[i].name);
        return r < 0 || count == 0 ? r : trial_run(&questions, &names, deadline_usec, error);
}

int phx_lxc_try_options(
                const struct phx_lxc_options *options,
                uint64_t deadline_usec,
                struct phx_lxc_opinion *opinions,
                struct phx_error *error) {
        phx_cleanup(phx_strings_done) struct phx_strings keys = { 0 };
        struct questions questions = { .options = options, .opinions = opinions };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < options->count; i++)
                r = phx_strings_add(&keys, options->items[i].key);
        if (r < 0 || options->count == 0)
                return r;
        r = trial_run(&questions, &keys, deadline_usec, error);
        for (size_t i = 0; r >= 0 && i < options->count; i++)
                if (opinions[i].verdict == PHX_LXC_UNASKED)
                        r = phx_error_set(
                                        error,
                                        -ENOTSUP,
                                        "liblxc does not work here; no option was tested");
        if (r < 0)
                questions_forget(&questions, options->count);
        return r;
}
