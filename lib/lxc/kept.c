/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A sealed file (base/seal.h) of texts (base/texts.h):
 *
 *   the program, liblxc's version, LXC_PATH, uid, gid, whether the directories are clean
 *   of each list of includes   "i", how many, the paths
 *   of each container          "c", and what show_known() writes
 *   of each review             "o", directory, key, the verdicts, "1" where nothing came of it
 *
 * The stamps are kept too: while they hold, a config is not even read. Where they do not, after a
 * boot that has given the file system another number, say, its digest tells that it is the same.
 *
 * What came of a review follows from the same key as the verdicts. That key has the record of our
 * lines in it, so the file is written after the inventory. Most come to nothing, and only that is
 * kept: what is to be done to a config is found out again, from its text. */

#include "lxc/kept.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/seal.h"
#include "base/strings.h"
#include "base/texts.h"
#include "lxc/known.h"
#include "lxc/option_memory.h"

#define MAGIC "phoenixd-lxc 4"
/* What the file is about. */
#define SUBJECT "lxc-answers"

/* --- render --- */

static int kept_add_chain(struct phx_buffer *bytes, const struct phx_lxc_chain *chain) {
        int r = phx_texts_add(bytes, "i");

        if (r >= 0)
                r = phx_texts_add_number(bytes, chain->targets.count);
        for (size_t i = 0; r >= 0 && i < chain->targets.count; i++)
                r = phx_texts_add(bytes, chain->targets.items[i]);
        return r;
}

/* A place begins with a '/', so that this is none. */
#define UNGATED_NOWHERE "-"

static const char *kept_ungated(const char *ungated) {
        return ungated && !ungated[0] ? UNGATED_NOWHERE : ungated;
}

static int kept_add_values(struct phx_buffer *bytes, const struct phx_lxc_known *known) {
        const struct phx_lxc_values *values = &known->values;
        const char *const texts[] = { values->text,        values->profile,
                                      values->cgroup_dir,  values->cgroup_container,
                                      known->decider.file, kept_ungated(known->decider.ungated) };
        int r = phx_texts_add_number(bytes, (uint64_t) -values->code);

        for (size_t i = 0; r >= 0 && i < PHX_ELEMENTS(texts); i++)
                r = phx_texts_add(bytes, texts[i]);
        if (r >= 0)
                r = phx_texts_add_number(bytes, known->decider.line);
        if (r >= 0)
                r = phx_texts_add(bytes, values->allow_nesting ? "1" : "0");
        return r < 0 ? r : phx_texts_add(bytes, values->is_mapped ? "1" : "0");
}

/* INCLUDES is the number of its list. */
static int kept_add_known(
                struct phx_buffer *bytes,
                const struct phx_lxc_known *known,
                size_t includes) {
        if (phx_texts_add(bytes, "c") < 0 || phx_texts_add(bytes, known->name) < 0 ||
            phx_texts_add_stamp(bytes, &known->directory) < 0 ||
            phx_texts_add_stamp(bytes, &known->config) < 0 ||
            phx_texts_add(bytes, known->is_settled ? "1" : "0") < 0 ||
            phx_texts_add(bytes, known->digest) < 0 || phx_texts_add(bytes, known->combined) < 0 ||
            phx_texts_add_number(bytes, includes) < 0)
                return -ENOMEM;
        return kept_add_values(bytes, known);
}

/* The others are read again at each look. */
static bool is_kept(const struct phx_lxc_known *known) {
        return known->is_answered && known->has_config && !known->is_link && !known->trouble &&
               known->chain;
}

static int kept_add_cache(
                struct phx_buffer *bytes,
                const char *program,
                struct phx_lxc_cache *cache) {
        int r = phx_texts_add(bytes, program);

        if (r >= 0)
                r = phx_texts_add(bytes, phx_lxc_version());
        if (r >= 0)
                r = phx_texts_add(bytes, cache->path);
        if (r >= 0)
                r = phx_texts_add_number(bytes, cache->owner.uid);
        if (r >= 0)
                r = phx_texts_add_number(bytes, cache->owner.gid);
        if (r >= 0)
                r = phx_texts_add(bytes, cache->is_clean ? "1" : "0");
        for (size_t i = 0; r >= 0 && i < cache->chains.count; i++) {
                cache->chains.items[i]->number = i;
                r = kept_add_chain(bytes, cache->chains.items[i]);
        }
        for (size_t i = 0; r >= 0 && i < cache->count; i++)
                if (is_kept(&cache->items[i]))
                        r = kept_add_known(bytes, &cache->items[i], cache->items[i].chain->number);
        return r;
}

static int kept_add_review(struct phx_buffer *bytes, const struct phx_option_item *item) {
        if (!item->key[0] || !item->verdicts)
                return 0;
        if (phx_texts_add(bytes, "o") < 0 || phx_texts_add(bytes, item->directory) < 0 ||
            phx_texts_add(bytes, item->key) < 0)
                return -ENOMEM;
        if (phx_texts_add(bytes, item->verdicts) < 0)
                return -ENOMEM;
        return phx_texts_add(bytes, item->has_result && !item->result ? "1" : "0");
}

int phx_lxc_kept_render(
                const char *program,
                struct phx_lxc_cache *cache,
                struct phx_option_reviews *reviews,
                struct phx_buffer *ret_bytes) {
        struct phx_option_memory *memory = phx_option_reviews_memory(reviews);
        phx_cleanup(phx_buffer_done) struct phx_buffer bytes = { 0 };
        char checksum[PHX_SEAL_HEX];
        int r;

        r = kept_add_cache(&bytes, program, cache);
        for (size_t i = 0; r >= 0 && i < memory->count; i++)
                r = kept_add_review(&bytes, &memory->items[i]);
        if (r < 0)
                return r;
        phx_seal_checksum(SUBJECT, bytes.data, bytes.size, checksum);
        r = phx_seal_render(ret_bytes, MAGIC, checksum, bytes.data, bytes.size);
        cache->unsaved = memory->unsaved = 0;
        return r;
}

/* --- parse --- */

/* They were written in their order, so that each stays where it is. */
static int kept_take_chain(struct phx_texts *reader, struct phx_lxc_chains *chains) {
        phx_cleanup(phx_strings_done) struct phx_strings targets = { 0 };
        uint64_t count = phx_texts_next_number(reader);
        size_t before = chains->count;

        for (uint64_t i = 0; i < count && !reader->is_short; i++)
                if (phx_strings_add(&targets, phx_texts_next(reader)) < 0)
                        return -ENOMEM;
        if (!phx_lxc_chains_add(chains, &targets))
                return -ENOMEM;
        return chains->count == before + 1 ? 0 : -EBADMSG;
}

static int kept_take_values(struct phx_texts *reader, struct phx_lxc_known *known) {
        struct phx_lxc_values *values = &known->values;
        uint64_t code = phx_texts_next_number(reader);
        const char *text = phx_texts_next(reader);
        int r = phx_replace(&values->text, text[0] ? text : NULL);

        if (code > 4096)
                return -EBADMSG;
        values->code = -(int) code;
        if (r < 0 || phx_replace(&values->profile, phx_texts_next(reader)) < 0 ||
            phx_replace(&values->cgroup_dir, phx_texts_next(reader)) < 0 ||
            phx_replace(&values->cgroup_container, phx_texts_next(reader)) < 0)
                return -ENOMEM;
        text = phx_texts_next(reader);
        r = phx_replace(&known->decider.file, text[0] ? text : NULL);
        text = phx_texts_next(reader);
        if (r >= 0 && text[0])
                r = phx_replace(&known->decider.ungated,
                                strcmp(text, UNGATED_NOWHERE) == 0 ? "" : text);
        known->decider.line = (unsigned) phx_texts_next_number(reader);
        values->allow_nesting = strcmp(phx_texts_next(reader), "1") == 0;
        values->is_mapped = strcmp(phx_texts_next(reader), "1") == 0;
        return r;
}

static int kept_take_known(struct phx_texts *reader, bool was_clean, struct phx_lxc_cache *cache) {
        struct phx_lxc_known *known = phx_grow(&cache->items, &cache->count, sizeof(*known));
        uint64_t includes;
        int r;

        if (!known || phx_replace(&known->name, phx_texts_next(reader)) < 0)
                return -ENOMEM;
        if (cache->count > 1 && strcmp(known[-1].name, known->name) >= 0)
                return -EBADMSG;
        known->directory = phx_texts_next_stamp(reader);
        known->config = phx_texts_next_stamp(reader);
        known->is_settled = strcmp(phx_texts_next(reader), "1") == 0;
        r = phx_texts_next_digest(reader, known->digest);
        if (r >= 0)
                r = phx_texts_next_digest(reader, known->combined);
        includes = phx_texts_next_number(reader);
        if (r < 0 || includes >= cache->chains.count)
                return -EBADMSG;
        known->chain = cache->chains.items[includes];
        known->is_directory = known->has_config = known->is_answered = true;
        known->was_clean = was_clean;
        return kept_take_values(reader, known);
}

static int kept_take_review(struct phx_texts *reader, struct phx_option_memory *memory) {
        struct phx_option_item *item = phx_grow(&memory->items, &memory->count, sizeof(*item));

        if (!item || phx_replace(&item->directory, phx_texts_next(reader)) < 0)
                return -ENOMEM;
        memory->sorted = memory->count;
        if (memory->count > 1 && strcmp(item[-1].directory, item->directory) >= 0)
                return -EBADMSG;
        if (phx_texts_next_digest(reader, item->key) < 0)
                return -EBADMSG;
        if (phx_replace(&item->verdicts, phx_texts_next(reader)) < 0)
                return -ENOMEM;
        item->has_result = strcmp(phx_texts_next(reader), "1") == 0;
        return 0;
}

static int kept_take_all(
                struct phx_texts *reader,
                const char *program,
                struct phx_lxc_cache *cache,
                struct phx_option_memory *memory) {
        bool was_clean;
        int r;

        if (strcmp(phx_texts_next(reader), program) != 0 ||
            strcmp(phx_texts_next(reader), phx_lxc_version()) != 0)
                return -EBADMSG;
        r = phx_replace(&cache->path, phx_texts_next(reader));
        cache->owner.uid = (uid_t) phx_texts_next_number(reader);
        cache->owner.gid = (gid_t) phx_texts_next_number(reader);
        was_clean = strcmp(phx_texts_next(reader), "1") == 0;
        while (r >= 0 && reader->at < reader->end) {
                const char *what = phx_texts_next(reader);

                if (strcmp(what, "i") == 0)
                        r = kept_take_chain(reader, &cache->chains);
                else if (strcmp(what, "c") == 0)
                        r = kept_take_known(reader, was_clean, cache);
                else if (strcmp(what, "o") == 0)
                        r = kept_take_review(reader, memory);
                else
                        r = -EBADMSG;
        }
        return r >= 0 && reader->is_short ? -EBADMSG : r;
}

int phx_lxc_kept_parse(
                const char *program,
                const char *data,
                size_t size,
                struct phx_lxc_cache *cache,
                struct phx_option_reviews *reviews) {
        const char *texts = phx_seal_open(MAGIC, SUBJECT, data, size, &size, NULL);
        struct phx_texts reader;
        struct phx_option_memory *memory = phx_option_reviews_memory(reviews);
        int r = -EBADMSG;

        if (texts) {
                reader = phx_texts_of(texts, size);
                r = kept_take_all(&reader, program, cache, memory);
        }
        if (r < 0) {
                phx_lxc_cache_forget(cache);
                phx_option_memory_forget(memory);
        }
        return r;
}

/* --- how much --- */

size_t phx_lxc_kept_count(
                const struct phx_lxc_cache *cache,
                const struct phx_option_reviews *reviews) {
        return cache->count + phx_option_reviews_memory(reviews)->count;
}

size_t phx_lxc_kept_unsaved(
                const struct phx_lxc_cache *cache,
                const struct phx_option_reviews *reviews) {
        return cache->unsaved + phx_option_reviews_memory(reviews)->unsaved;
}
