/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What is known of the goods (last_good.c): from the facts beside the policy, or else from policy
 * and text themselves.
 *
 * The facts have the stamps of the two files, of when these were written or found to be whole. So a
 * start reads neither texts nor policies that are as they were, and compares all others once, as
 * long as the source may still restore them; but for the texts of pieces, which are few, have no
 * facts, and are read. The stamps need no time to settle: a file is only ever replaced by another
 * one. */

#include <errno.h>
#include <string.h>

#include "base/program.h"
#include "base/strings.h"
#include "policy/cache.h"
#include "profiles/last_good.h"
#include "source/definitions.h"

static unsigned line_in(const struct phx_good *good) {
        phx_cleanup(phx_definitions_done) struct phx_definitions definitions = { 0 };

        return phx_definitions_scan(good->text, good->size, good->name, &definitions) >= 0 &&
                                               definitions.count > 0
                               ? definitions.items[0].line
                               : 0;
}

/* NULL when this program cannot be recognized later: then nothing is kept or believed. */
static const char *goods_program(struct phx_goods *goods) {
        if (goods->program.size == 0 && phx_program_add(&goods->program) < 0)
                return NULL;
        return goods->program.data;
}

int phx_goods_find_facts(
                struct phx_goods *goods,
                const char *key,
                enum phx_hash_kind kind,
                struct phx_facts *ret_facts) {
        return goods->cache_fd < 0 || !goods_program(goods) ? -ENOENT
                                                            : phx_facts_recall(
                                                                              goods->cache_fd,
                                                                              goods->program.data,
                                                                              key,
                                                                              kind,
                                                                              ret_facts);
}

static int goods_check_policy(struct phx_goods *goods, struct phx_good *good) {
        phx_autofree char *blob = NULL;
        struct phx_stamp stamp;
        size_t size = 0;
        int r;

        if (!phx_policy_cache_stamp(goods->cache_fd, good->key, &stamp))
                return -ENOENT;
        if (phx_stamp_equal(&stamp, &good->facts.policy_stamp))
                return 0;
        r = phx_goods_blob(goods, good, &blob, &size);
        if (r < 0)
                return r;
        good->facts.policy_stamp = stamp;
        good->is_unsaved = true;
        return 0;
}

/* Those that the run before has left, once: 1 when there are any of this KIND. */
static int goods_take_left(struct phx_good *good, enum phx_hash_kind kind) {
        phx_cleanup(phx_facts_done) struct phx_facts left = PHX_TAKE_STRUCT(good->left);

        if (left.policy.count == 0 || (kind != PHX_HASH_NONE && kind != left.policy.hash_kind))
                return 0;
        good->facts = PHX_TAKE_STRUCT(left);
        return 1;
}

/* Facts that were kept are those of GOOD only if its files are the same. */
static int goods_take_facts(
                struct phx_goods *goods,
                struct phx_good *good,
                enum phx_hash_kind kind) {
        struct phx_facts *facts = &good->facts;
        bool is_whole = good->is_left_whole;
        int r;

        good->is_left_whole = false;
        r = goods_take_left(good, kind);
        if (r > 0 && is_whole)
                return 0;
        if (r == 0)
                r = phx_goods_find_facts(goods, good->key, kind, facts);
        if (r >= 0 && !phx_stamp_equal(&good->text_stamp, &facts->text_stamp)) {
                r = phx_goods_check_text(goods, good);
                facts->text_stamp = good->text_stamp;
                good->is_unsaved = true;
        }
        if (r >= 0)
                r = goods_check_policy(goods, good);
        if (r < 0)
                phx_facts_done(facts);
        return r;
}

/* The first time; or once more for the hashes, where all else is known already. */
static int goods_read_policy(
                const struct phx_goods *goods,
                struct phx_good *good,
                char **ret_blob,
                size_t *ret_size) {
        if (goods->cache_fd < 0 || good->facts.policy.count > 0)
                return phx_goods_blob(goods, good, ret_blob, ret_size);
        return phx_policy_cache_get(
                        goods->cache_fd,
                        good->key,
                        ret_blob,
                        ret_size,
                        good->facts.checksum);
}

static int goods_find_out(struct phx_goods *goods, struct phx_good *good, enum phx_hash_kind kind) {
        phx_cleanup(phx_policy_done) struct phx_policy policy = { 0 };
        struct phx_facts *facts = &good->facts;
        phx_autofree char *blob = NULL;
        struct phx_stamp stamp = { 0 };
        size_t size = 0;
        int r;

        if (goods->cache_fd >= 0)
                (void) phx_policy_cache_stamp(goods->cache_fd, good->key, &stamp);
        r = goods_read_policy(goods, good, &blob, &size);
        if (r < 0)
                return r;
        r = phx_policy_parse(blob, size, kind, &policy, NULL);
        if (r < 0)
                return r == -ENOMEM ? r : -ENOENT;
        if (facts->line == 0)
                r = phx_goods_text(goods, good);
        if (r < 0)
                return r;
        if (facts->line == 0)
                facts->line = line_in(good);
        phx_policy_done(&facts->policy);
        facts->policy = PHX_TAKE_STRUCT(policy);
        facts->size = size;
        facts->policy_stamp = stamp;
        facts->text_stamp = good->text_stamp;
        good->is_unsaved = true;
        return 0;
}

int phx_goods_know(struct phx_goods *goods, struct phx_good *good, enum phx_hash_kind kind) {
        const struct phx_policy *policy = &good->facts.policy;
        int r = -ENOENT;

        if (policy->count > 0 && (kind == PHX_HASH_NONE || kind == policy->hash_kind))
                return 0;
        if (good->key[0] && policy->count == 0)
                r = goods_take_facts(goods, good, kind);
        if (good->key[0] && r == -ENOENT)
                r = goods_find_out(goods, good, kind);
        if (r == -ENOENT)
                good->key[0] = '\0';
        return r;
}

void phx_goods_keep_facts(struct phx_goods *goods, struct phx_good *good) {
        if (!good->is_unsaved || goods->cache_fd < 0 || !good->key[0] || !goods_program(goods))
                return;
        phx_goods_change_begin(&goods->policies, goods->cache_fd);
        phx_facts_keep(goods->cache_fd, goods->program.data, good->key, &good->facts);
        phx_goods_change_end(&goods->policies, goods->cache_fd);
        good->is_unsaved = false;
}

int phx_goods_set_policy(
                struct phx_goods *goods,
                struct phx_good *good,
                const char *key,
                struct phx_facts *facts) {
        int r;

        if (facts->line == 0) {
                r = phx_goods_text(goods, good);
                if (r < 0)
                        return r;
                facts->line = line_in(good);
        }
        phx_facts_done(&good->facts);
        good->facts = PHX_TAKE_STRUCT(*facts);
        good->facts.text_stamp = good->text_stamp;
        if (goods->cache_fd >= 0)
                (void) phx_policy_cache_stamp(goods->cache_fd, key, &good->facts.policy_stamp);
        good->is_unsaved = true;
        (void) phx_replace(&good->lint_trouble, NULL);
        phx_goods_set_key(goods, good, key);
        return 0;
}
