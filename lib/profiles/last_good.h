/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "policy/policy.h"
#include "source/files.h"
#include "state/inventory.h"
#include "state/lint.h"
#include "state/snapshot.h"

/* A profile that was accepted last, or a piece that came with one. What is in force while its
 * source is refused, being written, or gone; kept on disk, so that a restart does not forget it. */
struct phx_good {
        char *name;
        char digest[PHX_SHA256_HEX]; /* of the text */
        char key[PHX_SHA256_HEX];    /* "" for a piece, and for a profile whose policy is lost */
        char *text;                  /* NULL when it is lost */
        size_t size;
        unsigned line; /* of the text, that begins the profile; 0 for a piece */
        struct phx_policy policy;
        char *blob; /* its policy, where nothing is kept on disk; else NULL */
        size_t blob_size;
        /* What of its policy and text breaks the rules of state/rules.h, once IS_LINTED. */
        struct phx_lints lints;
        bool is_linted;
        char *lint_trouble;              /* why the rules could not be asked; else NULL */
        bool is_seen;                    /* has a source in this look; the caller's own mark */
        bool is_new;                     /* was judged in this look; likewise */
        char old_digest[PHX_SHA256_HEX]; /* IS_NEW: of the text before; "" without */
};

struct phx_goods {
        struct phx_good *items; /* sorted by name */
        size_t count;
        int text_fd;  /* directory of the texts; borrowed; -1: nothing is kept on disk */
        int cache_fd; /* directory of the compiled policies, likewise */
        /* Policies that others have compiled, see phx_policy_cache_get_shared(); borrowed, NULL for
         * none. */
        const char *shared_dir;
        const struct phx_trust *shared_trust;
        struct phx_error shared_trouble; /* why it was of no use the last time, as a text; or "" */
        struct phx_cache_counts counts;
        bool is_tidy;      /* no text belongs to none of ITEMS */
        uint64_t unswept;  /* bytes of policies since the cache was looked through; never: MAX */
        uint64_t swept_at; /* in seconds, by the clock on the wall */
};

/* How much of what was in force before stays in the cache: for a return to an earlier text, or to
 * an earlier compiler. */
#define PHX_GOODS_CACHE_BYTES (64ULL << 20)
#define PHX_GOODS_CACHE_SEC (90ULL * 24 * 60 * 60)

/* NULL when there is none. Valid until the next phx_goods_add() or phx_goods_forget(). */
struct phx_good *phx_goods_find(const struct phx_goods *goods, const char *name);
/* The one of this name, made when there is none; NULL when memory is short. */
struct phx_good *phx_goods_add(struct phx_goods *goods, const char *name);
/* Keeps what was read as GOOD's text: on disk first, so that a crash between the two is repaired by
 * the next look, which finds the source again. */
int phx_goods_keep_text(
                struct phx_goods *goods,
                struct phx_good *good,
                const struct phx_file_seen *seen);
/* Where nothing is kept on disk: keeps a copy of its policy. */
int phx_goods_keep_blob(struct phx_good *good, const char *blob, size_t size);
/* Its policy, the caller's to free. -ENOENT when it is lost. */
int phx_goods_blob(
                const struct phx_goods *goods,
                const struct phx_good *good,
                char **ret_blob,
                size_t *ret_size);
/* Its policy's hashes are of KIND from now on, if the kernel has any: 0, -ENOENT when its policy is
 * lost and it has no key any more, or -ENOMEM. */
int phx_goods_hash(const struct phx_goods *goods, struct phx_good *good, enum phx_hash_kind kind);
/* The compiled policy of KEY, from the cache, or from the directory that others fill: counted as a
 * hit of that one, or as a miss. The caller's; -ENOENT. */
int phx_goods_find_policy(
                struct phx_goods *goods,
                const char *key,
                char **ret_blob,
                size_t *ret_size);
/* Keeps a policy on disk: 1 when it was written, 0 when it was there, or a negative errno. */
int phx_goods_store_policy(struct phx_goods *goods, const char *key, const char *blob, size_t size);
/* KEY is GOOD's from now on, or "" none; the one before stays in the cache for a while. */
void phx_goods_set_key(const struct phx_goods *goods, struct phx_good *good, const char *key);
/* Takes up what the inventory records. What is lost or damaged on disk is left out. */
int phx_goods_recall(struct phx_goods *goods, const struct phx_inventory *inventory);
void phx_goods_forget(struct phx_goods *goods, const char *name);
/* Removes texts that belong to none of them, where there may be such: after a change, at the start
 * (a crash may have left some), and again when not all could be removed. Of compiled policies that
 * belong to none, the most recently used ones stay: it looks for others at the start, when much
 * was added, and once a day. Returns how many, or a negative errno when some are left. */
int phx_goods_tidy(struct phx_goods *goods);
void phx_goods_done(struct phx_goods *goods);

/* A piece has no policy of its own. */
bool phx_good_is_piece(const struct phx_good *good);
