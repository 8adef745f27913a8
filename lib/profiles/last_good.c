/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A good is a profile that was accepted, with its text and its compiled policy, so that it can
 * stay in force while its source is refused, being written, or gone. It exists in three places:
 *
 *   memory      struct phx_good: digest and key, and the facts (facts.h) that are all that is asked
 *               of text and policy, most of the time
 *   directory   the text by name (text_fd), and the policy by key (cache_fd), both replaced
 *               atomically; beside the policy its facts, which may be lost
 *   inventory   name, digest of the text, key: what makes the files count
 *
 * The order of writing is directory, memory, inventory. A crash before the inventory is saved
 * leaves files that no record names: the next update finds the same source and judges it again,
 * and phx_goods_tidy() removes what is left over. A crash after it loses nothing.
 *
 * Neither is trusted by its name: a text's digest is compared with the record, a policy's checksum
 * with its own and with that of the facts, and what does not agree counts as lost. That is done
 * when one is to be written or loaded, and in the first update, as long as the source may still
 * restore it. A good whose text is lost is not in force from here, and one whose policy is lost
 * (key "") is compiled again by the next update. What cannot be read now is not lost. In a start,
 * last_good_facts.c decides what is read.
 *
 * A policy that is no longer in force stays in the directory for a while, so that a return to an
 * earlier text compiles nothing. How long is counted from the time of its file, which is set when
 * it is written, found again, and when it stops being in force. A policy that was found in the
 * shared directory is copied to our own: the package that brought it may go.
 *
 * Offline both descriptors are -1: policies are kept in `blob`, and nothing is written.
 *
 * items is sorted by name; phx_goods_add() and phx_goods_forget() move its elements, so no pointer
 * into it is kept across either. */

#include "profiles/last_good.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "base/grow.h"
#include "base/sorted.h"
#include "base/strings.h"
#include "policy/cache.h"
#include "state/configuration.h"

#define TEXT_LIMIT (1UL << 20)
/* How often the cache is looked through for what has become too old. */
#define SWEEP_SEC (24ULL * 60 * 60)

static void good_done(struct phx_good *good) {
        free(good->name);
        free(good->text);
        free(good->blob);
        phx_facts_done(&good->facts);
        phx_facts_done(&good->left);
        free(good->lint_trouble);
}

void phx_goods_done(struct phx_goods *goods) {
        for (size_t i = 0; i < goods->count; i++)
                good_done(&goods->items[i]);
        free(goods->items);
        phx_goods_forget_left(goods);
        phx_buffer_done(&goods->program);
        *goods = (struct phx_goods){ .text_fd = -1, .cache_fd = -1 };
}

static int goods_compare_name(const void *name, const void *good) {
        return strcmp(name, ((const struct phx_good *) good)->name);
}

/* The first that does not come before NAME. */
static size_t goods_lower_bound(const struct phx_goods *goods, const char *name) {
        return phx_lower_bound(
                        name,
                        goods->items,
                        goods->count,
                        sizeof(*goods->items),
                        goods_compare_name);
}

struct phx_good *phx_goods_find(const struct phx_goods *goods, const char *name) {
        size_t at = goods_lower_bound(goods, name);

        return at < goods->count && strcmp(goods->items[at].name, name) == 0 ? &goods->items[at]
                                                                             : NULL;
}

struct phx_good *phx_goods_add(struct phx_goods *goods, const char *name) {
        size_t at = goods_lower_bound(goods, name);
        struct phx_good *good = phx_goods_find(goods, name);
        char *copy;

        if (good)
                return good;
        copy = strdup(name);
        good = copy ? phx_grow(&goods->items, &goods->count, sizeof(*good)) : NULL;
        if (!good) {
                free(copy);
                return NULL;
        }
        good = &goods->items[at];
        memmove(good + 1, good, (goods->count - 1 - at) * sizeof(*good));
        *good = (struct phx_good){ .name = copy };
        return good;
}

bool phx_good_is_piece(const struct phx_good *good) {
        return phx_is_piece_name(good->name);
}

/* A piece's name has slashes, which no file name has room for: "abstractions/x" is kept as
 * "abstractions:x". */
static void kept_name(const char *name, char kept[256]) {
        (void) snprintf(kept, 256, "%s", name);
        for (char *slash = strchr(kept, '/'); slash; slash = strchr(slash, '/'))
                *slash = ':';
}

static char *copy_of(const char *blob, size_t size) {
        char *copy = malloc(size + 1);

        if (!copy)
                return NULL;
        memcpy(copy, blob, size);
        copy[size] = '\0';
        return copy;
}

static int good_set_text(struct phx_good *good, const char *text, size_t size) {
        char *copy = copy_of(text, size);

        if (!copy)
                return -ENOMEM;
        free(good->text);
        good->text = copy;
        good->size = size;
        good->has_text = good->is_fresh = good->is_checked = true;
        phx_sha256(text, size, good->digest);
        return 0;
}

static bool find_kept_text(const struct phx_goods *goods, struct phx_good *good) {
        char kept[256];
        struct stat st;

        kept_name(good->name, kept);
        if (fstatat(goods->text_fd, kept, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
                return false;
        good->text_stamp = phx_stamp_of(&st);
        good->text_stamp.device = 0;
        return true;
}

int phx_goods_keep_text(
                struct phx_goods *goods,
                struct phx_good *good,
                const struct phx_file_seen *seen) {
        char kept[256];
        int r;

        if (goods->text_fd < 0)
                return good_set_text(good, seen->text, seen->size);
        kept_name(good->name, kept);
        phx_goods_change_begin(&goods->texts, goods->text_fd);
        r = phx_file_ensure_at(goods->text_fd, kept, seen->text, seen->size, 0600);
        phx_goods_change_end(&goods->texts, goods->text_fd);
        if (r >= 0)
                (void) find_kept_text(goods, good);
        return r < 0 ? r : good_set_text(good, seen->text, seen->size);
}

/* Not in force from here, and nothing of it is believed: the next judgement begins from its source.
 */
static void good_lose_text(const struct phx_goods *goods, struct phx_good *good) {
        phx_goods_set_key(goods, good, "");
        phx_facts_done(&good->facts);
        good->digest[0] = '\0';
        good->has_text = false;
}

/* Not that it could not be read, as where too many files are open. */
static bool is_another_text(int r) {
        return r == -ENOENT || r == -EFBIG || r == -EINVAL || r == -ELOOP;
}

int phx_goods_text(const struct phx_goods *goods, struct phx_good *good) {
        phx_autofree char *text = NULL;
        char kept[256], digest[PHX_SHA256_HEX] = "";
        size_t size = 0;
        int r;

        good->is_fresh = true;
        if (good->text || !good->has_text)
                return good->text ? 0 : -ENOENT;
        kept_name(good->name, kept);
        r = phx_file_read_at(goods->text_fd, kept, TEXT_LIMIT, &text, &size);
        if (r < 0 && !is_another_text(r))
                return r;
        if (r >= 0)
                phx_sha256(text, size, digest);
        if (strcmp(digest, good->digest) != 0) {
                good_lose_text(goods, good);
                return -ENOENT;
        }
        good->text = PHX_TAKE(text);
        good->size = size;
        good->is_checked = true;
        return 0;
}

int phx_goods_check_text(const struct phx_goods *goods, struct phx_good *good) {
        return good->has_text && good->is_checked ? 0 : phx_goods_text(goods, good);
}

int phx_goods_keep_blob(struct phx_good *good, const char *blob, size_t size) {
        char *copy = copy_of(blob, size);

        if (!copy)
                return -ENOMEM;
        free(good->blob);
        good->blob = copy;
        good->blob_size = size;
        return 0;
}

/* Another policy under the same key was compiled after a crash that lost the first one, and its
 * facts were not written any more. */
static int goods_blob_on_disk(
                const struct phx_goods *goods,
                const struct phx_good *good,
                char **ret_blob,
                size_t *ret_size) {
        const char *expected = good->facts.checksum;
        phx_autofree char *blob = NULL;
        char checksum[PHX_SEAL_HEX];
        int r;

        r = phx_policy_cache_get(goods->cache_fd, good->key, &blob, ret_size, checksum);
        if (r < 0)
                return r;
        if (expected[0] && strcmp(checksum, expected) != 0) {
                phx_facts_remove(goods->cache_fd, good->key);
                return -ENOENT;
        }
        *ret_blob = PHX_TAKE(blob);
        return 0;
}

int phx_goods_blob(
                const struct phx_goods *goods,
                const struct phx_good *good,
                char **ret_blob,
                size_t *ret_size) {
        if (goods->cache_fd >= 0)
                return goods_blob_on_disk(goods, good, ret_blob, ret_size);
        if (!good->blob)
                return -ENOENT;
        *ret_blob = copy_of(good->blob, good->blob_size);
        *ret_size = good->blob_size;
        return *ret_blob ? 0 : -ENOMEM;
}

/* --- policies --- */

static int goods_find_shared(
                struct phx_goods *goods,
                const char *key,
                char **ret_blob,
                size_t *ret_size) {
        struct phx_error error = { 0 };
        int r;

        if (!goods->shared_dir)
                return -ENOENT;
        r = phx_policy_cache_get_shared(
                        goods->shared_trust,
                        goods->shared_dir,
                        key,
                        ret_blob,
                        ret_size,
                        &error);
        if (r == -ENOENT || r >= 0)
                error.text[0] = '\0';
        goods->shared_trouble = error;
        return r;
}

int phx_goods_find_policy(
                struct phx_goods *goods,
                const char *key,
                char **ret_blob,
                size_t *ret_size,
                char ret_checksum[PHX_SEAL_HEX]) {
        if (goods->cache_fd >= 0 &&
            phx_policy_cache_get(goods->cache_fd, key, ret_blob, ret_size, ret_checksum) >= 0) {
                phx_policy_cache_touch(goods->cache_fd, key);
                goods->counts.hits++;
                return 0;
        }
        ret_checksum[0] = '\0';
        if (goods_find_shared(goods, key, ret_blob, ret_size) >= 0) {
                goods->counts.shared_hits++;
                return 0;
        }
        goods->counts.misses++;
        return -ENOENT;
}

int phx_goods_store_policy(
                struct phx_goods *goods,
                const char *key,
                const char *blob,
                size_t size,
                char ret_checksum[PHX_SEAL_HEX]) {
        int r;

        phx_goods_change_begin(&goods->policies, goods->cache_fd);
        r = phx_policy_cache_put(goods->cache_fd, key, blob, size, ret_checksum);
        phx_goods_change_end(&goods->policies, goods->cache_fd);
        if (r > 0 && goods->unswept < UINT64_MAX - size)
                goods->unswept += size;
        return r;
}

void phx_goods_set_key(const struct phx_goods *goods, struct phx_good *good, const char *key) {
        if (strcmp(good->key, key) == 0)
                return;
        if (good->key[0] && goods->cache_fd >= 0)
                phx_policy_cache_touch(goods->cache_fd, good->key);
        memcpy(good->key, key, strlen(key) + 1);
        /* What the run before has left is of the key before. */
        phx_facts_done(&good->left);
        good->is_left_whole = false;
}

static int good_recall(struct phx_goods *goods, const struct phx_inventory_profile *record) {
        struct phx_good *good = phx_goods_add(goods, record->name);

        if (!good)
                return -ENOMEM;
        phx_goods_use_left(goods, good, record);
        good->has_text = good->is_left_whole || find_kept_text(goods, good);
        if (!good->has_text)
                return 0;
        memcpy(good->digest, record->source, sizeof(good->digest));
        memcpy(good->key, record->key, sizeof(good->key));
        return 0;
}

int phx_goods_recall(struct phx_goods *goods, const struct phx_inventory *inventory) {
        goods->is_tidy = false;
        goods->unswept = UINT64_MAX;
        phx_goods_change_end(&goods->texts, goods->text_fd);
        phx_goods_change_end(&goods->policies, goods->cache_fd);
        for (size_t i = 0; i < inventory->profile_count; i++) {
                int r = good_recall(goods, &inventory->profiles[i]);

                if (r < 0)
                        return r;
        }
        phx_goods_forget_left(goods);
        return 0;
}

void phx_goods_forget(struct phx_goods *goods, const char *name) {
        struct phx_good *good = phx_goods_find(goods, name);

        if (!good)
                return;
        phx_goods_set_key(goods, good, "");
        good_done(good);
        goods->count--;
        memmove(good,
                good + 1,
                (goods->count - (size_t) (good - goods->items)) * sizeof(*goods->items));
        goods->is_tidy = false;
}

static int goods_sweep_cache(const struct phx_goods *goods) {
        static const struct phx_policy_cache_limits limits = { PHX_GOODS_CACHE_BYTES,
                                                               PHX_GOODS_CACHE_SEC };
        phx_cleanup(phx_strings_done) struct phx_strings keys = { 0 };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < goods->count; i++)
                if (goods->items[i].key[0])
                        r = phx_strings_add(&keys, goods->items[i].key);
        phx_strings_sort(&keys);
        return r < 0 ? r : phx_policy_cache_keep(goods->cache_fd, &keys, &limits);
}

/* Looking through the whole cache after each change would cost more the more it keeps. */
static int tidy_policies(struct phx_goods *goods) {
        uint64_t now = (uint64_t) time(NULL);
        int r;

        if (goods->unswept < PHX_GOODS_CACHE_BYTES / 16 && now - goods->swept_at < SWEEP_SEC)
                return 0;
        phx_goods_change_begin(&goods->policies, goods->cache_fd);
        r = goods_sweep_cache(goods);
        phx_goods_change_end(&goods->policies, goods->cache_fd);
        if (r < 0)
                return r;
        goods->unswept = 0;
        goods->swept_at = now;
        return r;
}

static int tidy_texts(struct phx_goods *goods) {
        phx_cleanup(phx_strings_done) struct phx_strings names = { 0 };
        char kept[256];
        int r = 0;

        if (goods->is_tidy)
                return 0;
        for (size_t i = 0; r >= 0 && i < goods->count; i++) {
                kept_name(goods->items[i].name, kept);
                r = phx_strings_add(&names, kept);
        }
        phx_goods_change_begin(&goods->texts, goods->text_fd);
        r = r < 0 ? r : phx_file_remove_others(goods->text_fd, "", &names);
        phx_goods_change_end(&goods->texts, goods->text_fd);
        goods->is_tidy = r >= 0;
        return r;
}

/* What was judged in this look is installed after it. */
static void forget_texts(struct phx_goods *goods) {
        for (size_t i = 0; i < goods->count; i++) {
                struct phx_good *good = &goods->items[i];

                if (!good->is_fresh) {
                        free(good->text);
                        good->text = NULL;
                }
                good->is_fresh = false;
        }
}

int phx_goods_tidy(struct phx_goods *goods) {
        int policies, texts;

        if (goods->text_fd < 0)
                return 0;
        forget_texts(goods);
        policies = tidy_policies(goods);
        texts = tidy_texts(goods);
        if (policies < 0 || texts < 0)
                return policies < 0 ? policies : texts;
        return policies + texts;
}
