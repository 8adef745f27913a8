/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/digest.h"
#include "profiles/facts.h"
#include "source/files.h"
#include "state/inventory.h"
#include "state/snapshot.h"

/* A profile that was accepted last, or a piece that came with one. What is in force while its
 * source is refused, being written, or gone; kept on disk, so that a restart does not forget it. */
struct phx_good {
        char *name;
        char digest[PHX_SHA256_HEX]; /* of the text */
        char key[PHX_SHA256_HEX];    /* "" for a piece, and for a profile whose policy is lost */
        bool has_text;               /* false when it is lost, as far as that is known */
        char *text;                  /* NULL while it is on disk alone: see phx_goods_text() */
        size_t size;
        struct phx_stamp text_stamp; /* of the file, as in the facts, before it was read */
        bool is_checked;             /* the file was written here, or its digest compared */
        bool is_fresh;               /* TEXT was used since phx_goods_tidy() */
        struct phx_facts facts;      /* of policy and text: see phx_goods_know() */
        bool is_unsaved;             /* they are not on disk as they are here */
        struct phx_facts left;       /* as the run before has left them, not compared yet … */
        bool is_left_whole;          /* … nor are they to be: neither file can be another one */
        char *lint_trouble;          /* why the rules could not be asked now; else NULL */
        char *blob;                  /* its policy, where nothing is kept on disk; else NULL */
        size_t blob_size;
        bool is_seen;                    /* has a source in this look; the caller's own mark */
        bool is_new;                     /* was judged in this look; likewise */
        char old_digest[PHX_SHA256_HEX]; /* IS_NEW: of the text before; "" without */
};

/* What the run before has left of one. */
struct phx_good_left {
        char *name;
        char digest[PHX_SHA256_HEX], key[PHX_SHA256_HEX];
        struct phx_facts facts;
};

/* One of the two directories, as far as all that has come to it, or gone, is known here. */
struct phx_goods_directory {
        struct phx_stamp stamp; /* before the files were looked for, or after the last own change */
        bool is_strange;        /* somebody else has changed it before an own change */
};

struct phx_goods {
        struct phx_good *items; /* sorted by name */
        size_t count;
        int text_fd;  /* directory of the texts; borrowed; -1: nothing is kept on disk */
        int cache_fd; /* directory of the compiled policies, likewise */
        struct phx_goods_directory texts, policies;
        /* Policies that others have compiled, see phx_policy_cache_get_shared(); borrowed, NULL for
         * none. */
        const char *shared_dir;
        const struct phx_trust *shared_trust;
        struct phx_error shared_trouble; /* why it was of no use the last time, as a text; or "" */
        struct phx_cache_counts counts;
        struct phx_buffer program; /* this one, as the facts' files name it; empty: not asked yet */
        struct phx_good_left *left; /* sorted by name; until phx_goods_recall() */
        size_t left_count;
        bool is_left_whole; /* nothing has come to the two directories, or gone, since */
        bool is_tidy;       /* no text belongs to none of ITEMS */
        uint64_t unswept;   /* bytes of policies since the cache was looked through; never: MAX */
        uint64_t swept_at;  /* in seconds, by the clock on the wall */
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
/* Its text is in memory from now on, until the second phx_goods_tidy() after its last use: 0,
 * -ENOENT when it is lost, also when that is found out now, or another negative errno when it
 * cannot be read now. What is lost is not in force from here, and is judged again by the next
 * update. */
int phx_goods_text(const struct phx_goods *goods, struct phx_good *good);
/* The same, unless its file was compared with the record already: a crash may have left another. */
int phx_goods_check_text(const struct phx_goods *goods, struct phx_good *good);
/* Where nothing is kept on disk: keeps a copy of its policy. */
int phx_goods_keep_blob(struct phx_good *good, const char *blob, size_t size);
/* Its policy, the caller's to free. -ENOENT when it is lost, or is another one than that of its
 * facts. */
int phx_goods_blob(
                const struct phx_goods *goods,
                const struct phx_good *good,
                char **ret_blob,
                size_t *ret_size);
/* Its facts are there from now on, with hashes of KIND if the kernel has any: those that are kept
 * beside its policy, or found out from the policy and the text. Each of these two that is not as
 * the facts have seen it is compared. 0, -ENOENT when one of the two is lost, so that it has no key
 * any more, or another negative errno when that cannot be said now. A piece has none: -ENOENT. */
int phx_goods_know(struct phx_goods *goods, struct phx_good *good, enum phx_hash_kind kind);
/* Around each change of a directory; _END() also before its files are looked for. What is changed
 * without that counts as somebody else's. */
void phx_goods_change_begin(struct phx_goods_directory *directory, int fd);
void phx_goods_change_end(struct phx_goods_directory *directory, int fd);
/* Leaves all facts to the next run, and takes those that the run before has left, before
 * phx_goods_recall(). 0, or a negative errno. */
int phx_goods_leave(const struct phx_goods *goods, struct phx_buffer *texts);
int phx_goods_take(struct phx_goods *goods, struct phx_texts *texts);
/* Keeps the facts on disk, if they are not kept there as they are. */
void phx_goods_keep_facts(struct phx_goods *goods, struct phx_good *good);
/* The facts of KEY, if they are kept; the caller's. They are about the policy that has their
 * checksum, which may not be there. 0, -ENOENT or -ENOMEM. */
int phx_goods_find_facts(
                struct phx_goods *goods,
                const char *key,
                enum phx_hash_kind kind,
                struct phx_facts *ret_facts);
/* The compiled policy of KEY, from the cache, or from the directory that others fill: counted as a
 * hit of that one, or as a miss. The caller's; -ENOENT. RET_CHECKSUM is "" when it is not in our
 * own cache. */
int phx_goods_find_policy(
                struct phx_goods *goods,
                const char *key,
                char **ret_blob,
                size_t *ret_size,
                char ret_checksum[PHX_SEAL_HEX]);
/* Keeps a policy on disk: 1 when it was written, 0 when it was there, or a negative errno. */
int phx_goods_store_policy(
                struct phx_goods *goods,
                const char *key,
                const char *blob,
                size_t size,
                char ret_checksum[PHX_SEAL_HEX]);
/* KEY is GOOD's from now on, or "" none; the one before stays in the cache for a while. */
void phx_goods_set_key(const struct phx_goods *goods, struct phx_good *good, const char *key);
/* GOOD, whose text is kept, has this policy from now on. Takes FACTS over; where they have no line,
 * it is looked for in the text. 0 or a negative errno. */
int phx_goods_set_policy(
                struct phx_goods *goods,
                struct phx_good *good,
                const char *key,
                struct phx_facts *facts);
/* Takes up what the inventory records, and leaves out what has no text on disk. Nothing is read
 * yet. */
int phx_goods_recall(struct phx_goods *goods, const struct phx_inventory *inventory);
/* GOOD, which the inventory records as RECORD, gets what was left of it. */
void phx_goods_use_left(
                const struct phx_goods *goods,
                struct phx_good *good,
                const struct phx_inventory_profile *record);
void phx_goods_forget_left(struct phx_goods *goods);
void phx_goods_forget(struct phx_goods *goods, const char *name);
/* Forgets texts that were not used since the last time, and are on disk. Removes texts that belong
 * to none of them, where there may be such: after a change, at the start (a crash may have left
 * some), and again when not all could be removed. Of compiled policies that belong to none, the
 * most recently used ones stay: it looks for others at the start, when much was added, and once a
 * day. Returns how many, or a negative errno when some are left. */
int phx_goods_tidy(struct phx_goods *goods);
void phx_goods_done(struct phx_goods *goods);

/* A piece has no policy of its own. */
bool phx_good_is_piece(const struct phx_good *good);
