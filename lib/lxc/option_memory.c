/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "lxc/option_memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/grow.h"
#include "base/sorted.h"
#include "lxc/text.h"

static struct phx_option_result *option_result_free(struct phx_option_result *result) {
        if (!result)
                return NULL;
        phx_line_edit_done(&result->lines);
        phx_wrong_lines_done(&result->wrong_lines);
        phx_strings_done(&result->refused_options);
        free(result);
        return NULL;
}

static void item_forget_result(struct phx_option_item *item) {
        item->result = option_result_free(item->result);
        item->has_result = item->is_fresh = false;
}

static void option_item_done(struct phx_option_item *item) {
        item_forget_result(item);
        free(item->directory);
        free(item->label);
        free(item->verdicts);
}

int phx_option_memory_init(struct phx_option_memory *memory) {
        *memory = (struct phx_option_memory){ 0 };
        return phx_lxc_chains_init(&memory->chains);
}

void phx_option_memory_forget(struct phx_option_memory *memory) {
        for (size_t i = 0; i < memory->count; i++)
                option_item_done(&memory->items[i]);
        free(memory->items);
        memory->items = NULL;
        memory->count = memory->sorted = 0;
}

void phx_option_memory_done(struct phx_option_memory *memory) {
        phx_option_memory_forget(memory);
        free(memory->path);
        free(memory->file);
        phx_lxc_chains_done(&memory->chains);
        *memory = (struct phx_option_memory){ 0 };
}

/* --- by directory --- */

static int option_compare_directory(const void *directory, const void *item) {
        return strcmp(directory, ((const struct phx_option_item *) item)->directory);
}

static int option_compare_items(const void *a, const void *b) {
        return strcmp(((const struct phx_option_item *) a)->directory,
                      ((const struct phx_option_item *) b)->directory);
}

/* What this review has added is behind the sorted ones: no container is reviewed twice. */
static struct phx_option_item *option_find(
                const struct phx_option_memory *memory,
                const char *directory) {
        return phx_find_sorted(
                        directory,
                        memory->items,
                        memory->sorted,
                        sizeof(*memory->items),
                        option_compare_directory);
}

void phx_option_memory_sweep(struct phx_option_memory *memory) {
        size_t kept = 0;

        for (size_t i = 0; i < memory->count; i++)
                if (memory->items[i].is_seen)
                        memory->items[kept++] = memory->items[i];
                else
                        option_item_done(&memory->items[i]);
        if (memory->sorted != kept && kept > 1)
                qsort(memory->items, kept, sizeof(*memory->items), option_compare_items);
        memory->count = memory->sorted = kept;
}

/* --- the key --- */

/* The files that options include are read by the trial, and what they say decides as well. */
static int option_find_chain(
                struct phx_option_memory *memory,
                const struct phx_lxc_options *options,
                struct phx_lxc_chain **ret_chain) {
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };
        phx_cleanup(phx_strings_done) struct phx_strings targets = { 0 };
        int r = 0;

        *ret_chain = NULL;
        for (size_t i = 0; r >= 0 && i < options->count; i++)
                if (strcmp(options->items[i].key, PHX_LXC_KEY_INCLUDE) == 0)
                        r = phx_buffer_addf(
                                        &text,
                                        "%s = %s\n",
                                        options->items[i].key,
                                        options->items[i].value);
        if (r < 0 || text.size == 0)
                return r;
        r = phx_lxc_include_targets(text.data, text.size, &targets);
        if (r < 0)
                return r;
        *ret_chain = phx_lxc_chains_get(&memory->chains, &targets);
        return *ret_chain ? 0 : -ENOMEM;
}

static int add_lines(struct phx_buffer *facts, const char *what, const struct phx_strings *lines) {
        int r = phx_buffer_addf(facts, "%s %zu\n", what, lines->count);

        for (size_t i = 0; r >= 0 && i < lines->count; i++)
                r = phx_buffer_addf(facts, "%s\n", lines->items[i]);
        return r;
}

static int option_add_config(struct phx_buffer *facts, const struct phx_option_subject *subject) {
        char digest[PHX_SHA256_HEX] = "-";

        if (subject->text)
                phx_sha256(subject->text, subject->size, digest);
        return phx_buffer_addf(
                        facts,
                        "config %s %s %s\nlabel %s\n",
                        subject->have->combined,
                        digest,
                        subject->have->is_refused_by_lxc ? "refused" : "taken",
                        subject->label);
}

static int option_make_key(
                const struct phx_option_memory *memory,
                const struct phx_option_subject *subject,
                const struct phx_lxc_chain *chain,
                char key[PHX_SHA256_HEX]) {
        phx_cleanup(phx_buffer_done) struct phx_buffer facts = { 0 };
        const struct phx_lxc_options *options = &subject->want->options;
        const struct phx_inventory_container *record = phx_inventory_container(
                        subject->inventory,
                        subject->want->directory);
        int r = option_add_config(&facts, subject);

        if (r >= 0)
                r = phx_buffer_addf(&facts, "file %s\n", memory->file ? memory->file : "");
        for (size_t i = 0; r >= 0 && i < options->count; i++)
                r = phx_buffer_addf(
                                &facts,
                                "%u %s=%s\n",
                                options->items[i].line,
                                options->items[i].key,
                                options->items[i].value);
        if (r >= 0 && record)
                r = add_lines(&facts, "ours", &record->lines);
        if (r >= 0 && record)
                r = add_lines(&facts, "foreign", &record->foreign);
        if (r >= 0 && chain)
                r = phx_buffer_add(&facts, chain->facts.data, chain->facts.size);
        if (r >= 0)
                phx_sha256(facts.data, facts.size, key);
        return r;
}

/* --- recall --- */

/* Without comparing options and record, which cannot have changed. */
static bool option_is_fresh(
                const struct phx_option_item *item,
                const struct phx_option_subject *subject) {
        return item->has_result && item->is_fresh && !subject->text &&
               item->is_refused == subject->have->is_refused_by_lxc &&
               strcmp(item->combined, subject->have->combined) == 0 &&
               strcmp(item->label, subject->label) == 0 &&
               phx_lxc_chain_is_same(item->chain, item->chain_version);
}

static struct phx_option_item *option_add(struct phx_option_memory *memory, const char *directory) {
        phx_autofree char *copy = strdup(directory);
        struct phx_option_item *item = copy ? phx_grow(&memory->items,
                                                       &memory->count,
                                                       sizeof(*item))
                                            : NULL;

        if (item)
                item->directory = PHX_TAKE(copy);
        return item;
}

/* What was remembered under another key is forgotten. */
static int option_set_key(
                struct phx_option_item *item,
                const struct phx_option_subject *subject,
                struct phx_lxc_chain *chain,
                const char *key) {
        if (strcmp(item->key, key) != 0) {
                item_forget_result(item);
                free(item->verdicts);
                item->verdicts = NULL;
        }
        item->key[0] = '\0';
        if (phx_replace(&item->label, subject->label) < 0)
                return -ENOMEM;
        memcpy(item->key, key, sizeof(item->key));
        memcpy(item->combined, subject->have->combined, sizeof(item->combined));
        item->is_refused = subject->have->is_refused_by_lxc;
        item->chain = chain;
        item->chain_version = chain ? chain->version : 0;
        item->is_fresh = item->has_result;
        return item->has_result;
}

int phx_option_memory_recall(
                struct phx_option_memory *memory,
                const struct phx_option_subject *subject,
                struct phx_option_item **ret_item) {
        struct phx_option_item *item = option_find(memory, subject->want->directory);
        struct phx_lxc_chain *chain = NULL;
        char key[PHX_SHA256_HEX];
        int r;

        if (item && option_is_fresh(item, subject)) {
                item->is_seen = true;
                *ret_item = item;
                return 1;
        }
        r = option_find_chain(memory, &subject->want->options, &chain);
        if (r >= 0)
                r = option_make_key(memory, subject, chain, key);
        if (r >= 0 && !item)
                item = option_add(memory, subject->want->directory);
        if (r < 0 || !item)
                return -ENOMEM;
        item->is_seen = true;
        *ret_item = item;
        return option_set_key(item, subject, chain, key);
}

/* --- the result --- */

static int edit_copy(struct phx_line_edit *to, const struct phx_line_edit *from) {
        if (phx_strings_copy(&to->removed, &from->removed) < 0 ||
            phx_strings_copy(&to->tail, &from->tail) < 0 ||
            phx_strings_copy(&to->recorded, &from->recorded) < 0)
                return -ENOMEM;
        return phx_strings_copy(&to->foreign, &from->foreign);
}

static int wrong_copy(struct phx_wrong_lines *to, const struct phx_wrong_lines *from) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < from->count; i++)
                r = phx_wrong_lines_add(to, from->items[i].fault, from->items[i].key);
        return r;
}

int phx_option_item_show(const struct phx_option_item *item, struct phx_observed_container *have) {
        const struct phx_option_result *result = item->result;

        if (!result)
                return 0;
        if (edit_copy(&have->lines, &result->lines) < 0 ||
            wrong_copy(&have->wrong_lines, &result->wrong_lines) < 0 ||
            phx_strings_copy(&have->refused_options, &result->refused_options) < 0)
                return -ENOMEM;
        if (!result->is_lifted)
                return 0;
        if (phx_replace(&have->effective, "") < 0)
                return -ENOMEM;
        return phx_replace(&have->trouble, NULL);
}

/* Whether something is to be done, or to be said. */
static bool has_come_of_it(const struct phx_observed_container *have, bool is_lifted) {
        const struct phx_line_edit *lines = &have->lines;

        return lines->removed.count + lines->tail.count + lines->recorded.count +
                                               lines->foreign.count >
                               0 ||
               have->wrong_lines.count > 0 || have->refused_options.count > 0 || is_lifted;
}

static int option_take_result(
                struct phx_option_item *item,
                bool is_lifted,
                const struct phx_observed_container *have) {
        item->result = calloc(1, sizeof(*item->result));
        if (!item->result || edit_copy(&item->result->lines, &have->lines) < 0 ||
            wrong_copy(&item->result->wrong_lines, &have->wrong_lines) < 0 ||
            phx_strings_copy(&item->result->refused_options, &have->refused_options) < 0)
                return -ENOMEM;
        item->result->is_lifted = is_lifted;
        return 0;
}

int phx_option_item_take(
                struct phx_option_item *item,
                const char *verdicts,
                bool is_lifted,
                const struct phx_observed_container *have) {
        item_forget_result(item);
        if (phx_replace(&item->verdicts, verdicts) < 0)
                return -ENOMEM;
        if (has_come_of_it(have, is_lifted) && option_take_result(item, is_lifted, have) < 0)
                return -ENOMEM;
        item->has_result = item->is_fresh = true;
        return 0;
}
