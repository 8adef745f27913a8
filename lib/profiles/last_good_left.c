/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The facts of the goods from one run to the next, in the same boot (base/handover.h), as texts:
 *
 *   the stamps of the two directories, and whether they could be relied on
 *   how many, and of each its name, the digest of its text, its key, and the facts
 *
 * The stamps are of when the facts were true: of after the last change that was made here, and not
 * of the stop, or what others have taken away before it would not be missed.
 *
 * Without them, each start asks for the stamps of two files for each profile, and reads its facts
 * from a third. The files are only ever replaced by a rename, which gives their directory another
 * stamp: where that of both directories is the same, so are all files. What was written into a file
 * in its place, as by a bad disk, is found when the policy is loaded or the text is used: both are
 * compared then. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/grow.h"
#include "base/sorted.h"
#include "profiles/last_good.h"

void phx_goods_forget_left(struct phx_goods *goods) {
        for (size_t i = 0; i < goods->left_count; i++) {
                free(goods->left[i].name);
                phx_facts_done(&goods->left[i].facts);
        }
        free(goods->left);
        goods->left = NULL;
        goods->left_count = 0;
}

/* --- leave --- */

/* What cannot be asked is as nothing else is. */
static struct phx_stamp stamp_of(int fd) {
        struct stat st;

        return fstat(fd, &st) < 0 ? (struct phx_stamp){ 0 } : phx_stamp_of(&st);
}

void phx_goods_change_begin(struct phx_goods_directory *directory, int fd) {
        struct phx_stamp now = stamp_of(fd);

        directory->is_strange |= !phx_stamp_equal(&directory->stamp, &now);
}

void phx_goods_change_end(struct phx_goods_directory *directory, int fd) {
        directory->stamp = stamp_of(fd);
}

static int left_add_directory(
                struct phx_buffer *texts,
                const struct phx_goods_directory *directory) {
        bool is_known = !directory->is_strange && phx_stamp_is_settled(&directory->stamp);
        int r = phx_texts_add_number(texts, is_known);

        return r < 0 ? r : phx_texts_add_stamp(texts, &directory->stamp);
}

static int left_add_good(struct phx_buffer *texts, const struct phx_good *good) {
        int r = phx_texts_add(texts, good->name);

        if (r >= 0)
                r = phx_texts_add(texts, good->digest);
        if (r >= 0)
                r = phx_texts_add(texts, good->key);
        return r < 0 ? r : phx_facts_add(texts, &good->facts);
}

static bool left_is_known(const struct phx_good *good) {
        return good->has_text && good->key[0] && good->facts.policy.count > 0 && !good->is_unsaved;
}

int phx_goods_leave(const struct phx_goods *goods, struct phx_buffer *texts) {
        size_t count = 0;
        int r;

        /* Where nothing is kept on disk, there is nothing that could be recognized. */
        if (goods->text_fd < 0 || goods->cache_fd < 0)
                return -ENODATA;
        r = left_add_directory(texts, &goods->texts);
        if (r >= 0)
                r = left_add_directory(texts, &goods->policies);
        for (size_t i = 0; i < goods->count; i++)
                count += left_is_known(&goods->items[i]);
        if (r >= 0)
                r = phx_texts_add_number(texts, count);
        for (size_t i = 0; r >= 0 && i < goods->count; i++)
                if (left_is_known(&goods->items[i]))
                        r = left_add_good(texts, &goods->items[i]);
        return r;
}

/* --- take --- */

static bool left_take_directory(struct phx_texts *texts, int fd) {
        bool is_settled = phx_texts_next_number(texts) == 1;
        struct phx_stamp before = phx_texts_next_stamp(texts), now = stamp_of(fd);

        return is_settled && now.inode != 0 && phx_stamp_equal(&before, &now);
}

static int left_take_good(struct phx_texts *texts, struct phx_goods *goods) {
        struct phx_good_left *left =
                        phx_grow(&goods->left, &goods->left_count, sizeof(*goods->left));
        int r;

        if (!left || phx_replace(&left->name, phx_texts_next(texts)) < 0)
                return -ENOMEM;
        if (goods->left_count > 1 && strcmp(left[-1].name, left->name) >= 0)
                return -EBADMSG;
        r = phx_texts_next_digest(texts, left->digest);
        if (r >= 0)
                r = phx_texts_next_digest(texts, left->key);
        return r < 0 ? r : phx_facts_next(texts, &left->facts);
}

int phx_goods_take(struct phx_goods *goods, struct phx_texts *texts) {
        bool has_texts = left_take_directory(texts, goods->text_fd);
        bool has_policies = left_take_directory(texts, goods->cache_fd);
        uint64_t count = phx_texts_next_number(texts);
        int r = 0;

        for (uint64_t i = 0; r >= 0 && i < count; i++)
                r = left_take_good(texts, goods);
        if (r < 0)
                phx_goods_forget_left(goods);
        goods->is_left_whole = has_texts && has_policies;
        return r;
}

static int left_compare(const void *name, const void *item) {
        return strcmp(name, ((const struct phx_good_left *) item)->name);
}

void phx_goods_use_left(
                const struct phx_goods *goods,
                struct phx_good *good,
                const struct phx_inventory_profile *record) {
        struct phx_good_left *left = phx_find_sorted(
                        good->name,
                        goods->left,
                        goods->left_count,
                        sizeof(*goods->left),
                        left_compare);

        if (!left || strcmp(left->digest, record->source) != 0 ||
            strcmp(left->key, record->key) != 0)
                return;
        phx_facts_done(&good->left);
        good->left = PHX_TAKE_STRUCT(left->facts);
        good->is_left_whole = goods->is_left_whole && good->left.policy.count > 0;
        if (good->is_left_whole)
                good->text_stamp = good->left.text_stamp;
}
