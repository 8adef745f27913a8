/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "policy/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/grow.h"

/* A policy of Debian's largest profile has 1 MB. */
#define POLICY_LIMIT (64UL << 20)
#define SUFFIX ".policy"
/* See profiles/facts.h. */
#define BESIDE ".facts"
/* What the files of every form begin with. */
#define ANY_MAGIC "phoenixd-policy "
#define MAGIC ANY_MAGIC "2"
/* The form before, which is read as well: "MAGIC DIGEST\n", by the SHA-256 of key and policy. */
#define EARLIER_MAGIC ANY_MAGIC "1 "
#define EARLIER_HEAD (sizeof(EARLIER_MAGIC) - 1 + PHX_SHA256_HEX)
/* What was kept about a policy before BESIDE was. */
#define EARLIER_BESIDE ".lints"

static int file_name(const char *key, char name[PHX_SHA256_HEX + sizeof(SUFFIX)]) {
        if (!phx_is_sha256(key))
                return -EINVAL;
        (void) snprintf(name, PHX_SHA256_HEX + sizeof(SUFFIX), "%s" SUFFIX, key);
        return 0;
}

static const char *cache_open_earlier(
                const char *key,
                const char *file,
                size_t size,
                size_t *ret_size,
                char *ret_checksum) {
        const size_t magic = sizeof(EARLIER_MAGIC) - 1;
        char digest[PHX_SHA256_HEX];

        if (size <= EARLIER_HEAD || memcmp(file, EARLIER_MAGIC, magic) != 0 ||
            file[EARLIER_HEAD - 1] != '\n')
                return NULL;
        *ret_size = size - EARLIER_HEAD;
        phx_sha256_two(key, strlen(key), file + EARLIER_HEAD, *ret_size, digest);
        if (memcmp(file + magic, digest, PHX_SHA256_HEX - 1) != 0)
                return NULL;
        if (ret_checksum)
                phx_seal_checksum(key, file + EARLIER_HEAD, *ret_size, ret_checksum);
        return file + EARLIER_HEAD;
}

/* Takes *DATA, a whole file of SIZE bytes, apart. -EBADMSG when it is damaged. */
static int cache_open(
                const char *key,
                char **data,
                size_t size,
                char **ret_blob,
                size_t *ret_size,
                char *ret_checksum) {
        const char *blob = phx_seal_open(MAGIC, key, *data, size, ret_size, ret_checksum);

        if (!blob)
                blob = cache_open_earlier(key, *data, size, ret_size, ret_checksum);
        if (!blob)
                return -EBADMSG;
        memmove(*data, blob, *ret_size);
        *ret_blob = PHX_TAKE(*data);
        return 0;
}

/* What is kept about it goes first. */
static int cache_remove(int dir_fd, const char *key) {
        phx_autofree char *beside = NULL, *name = NULL;

        if (phx_printf(&beside, "%s" BESIDE, key) < 0 || phx_printf(&name, "%s" SUFFIX, key) < 0)
                return -ENOMEM;
        (void) unlinkat(dir_fd, beside, 0);
        return unlinkat(dir_fd, name, 0) < 0 ? phx_errno() : 0;
}

int phx_policy_cache_get(
                int dir_fd,
                const char *key,
                char **ret_blob,
                size_t *ret_size,
                char ret_checksum[PHX_SEAL_HEX]) {
        char name[PHX_SHA256_HEX + sizeof(SUFFIX)];
        phx_autofree char *data = NULL;
        size_t size = 0;
        int r;

        r = file_name(key, name);
        if (r < 0)
                return r;
        r = phx_file_read_at(dir_fd, name, POLICY_LIMIT, &data, &size);
        /* Too large, or no file at all: nothing that was put there by us. */
        if (r < 0 && r != -EFBIG && r != -EINVAL)
                return r;
        if (r >= 0 && cache_open(key, &data, size, ret_blob, ret_size, ret_checksum) >= 0)
                return 0;
        /* One of ours is left to be replaced: another version may know its form. */
        if (r < 0 || size < sizeof(ANY_MAGIC) - 1 ||
            memcmp(data, ANY_MAGIC, sizeof(ANY_MAGIC) - 1) != 0)
                (void) cache_remove(dir_fd, key);
        return -ENOENT;
}

/* Opened and judged by its whole path, as it is asked for only where the alternative is a compile.
 */
int phx_policy_cache_get_shared(
                const struct phx_trust *trust,
                const char *directory,
                const char *key,
                char **ret_blob,
                size_t *ret_size,
                struct phx_error *error) {
        char name[PHX_SHA256_HEX + sizeof(SUFFIX)];
        phx_autofree char *path = NULL, *data = NULL;
        size_t size = 0;
        int r;

        r = file_name(key, name);
        if (r < 0)
                return r;
        if (phx_printf(&path, "%s/%s", directory, name) < 0)
                return -ENOMEM;
        r = phx_trust_read(trust, path, POLICY_LIMIT, &data, &size, error);
        if (r < 0)
                return r;
        r = cache_open(key, &data, size, ret_blob, ret_size, NULL);
        if (r < 0)
                return phx_error_set_in(
                                error,
                                r,
                                path,
                                "is damaged, was stored under another name, or is of another "
                                "version of phoenixd");
        return 0;
}

static int cache_render(
                const char *key,
                const char *blob,
                size_t size,
                struct phx_buffer *ret_buffer,
                char ret_checksum[PHX_SEAL_HEX]) {
        phx_seal_checksum(key, blob, size, ret_checksum);
        return phx_seal_render(ret_buffer, MAGIC, ret_checksum, blob, size);
}

int phx_policy_cache_put(
                int dir_fd,
                const char *key,
                const char *blob,
                size_t size,
                char ret_checksum[PHX_SEAL_HEX]) {
        phx_cleanup(phx_buffer_done) struct phx_buffer buffer = { 0 };
        char name[PHX_SHA256_HEX + sizeof(SUFFIX)], checksum[PHX_SEAL_HEX];
        int r;

        r = file_name(key, name);
        if (r >= 0)
                r = cache_render(key, blob, size, &buffer, ret_checksum ? ret_checksum : checksum);
        return r < 0 ? r : phx_file_ensure_at(dir_fd, name, buffer.data, buffer.size, 0600);
}

int phx_policy_cache_put_unsynced(int dir_fd, const char *key, const char *blob, size_t size) {
        phx_cleanup(phx_buffer_done) struct phx_buffer buffer = { 0 };
        char name[PHX_SHA256_HEX + sizeof(SUFFIX)], checksum[PHX_SEAL_HEX];
        int r;

        r = file_name(key, name);
        if (r >= 0)
                r = cache_render(key, blob, size, &buffer, checksum);
        if (r >= 0)
                r = phx_file_write_unsynced_at(dir_fd, name, buffer.data, buffer.size, 0600);
        return r < 0 ? r : 1;
}

bool phx_policy_cache_stamp(int dir_fd, const char *key, struct phx_stamp *ret_stamp) {
        char name[PHX_SHA256_HEX + sizeof(SUFFIX)];
        struct stat st;

        if (file_name(key, name) < 0 || fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
            !S_ISREG(st.st_mode))
                return false;
        *ret_stamp = phx_stamp_of(&st);
        ret_stamp->device = 0;
        return true;
}

void phx_policy_cache_touch(int dir_fd, const char *key) {
        static const struct timespec now[2] = { { 0, UTIME_OMIT }, { 0, UTIME_NOW } };
        char name[PHX_SHA256_HEX + sizeof(SUFFIX)];

        if (file_name(key, name) >= 0)
                (void) utimensat(dir_fd, name, now, AT_SYMLINK_NOFOLLOW);
}

/* The names in the directory, by what they end in, and without that end. */
struct listing {
        struct phx_strings policies;
        struct phx_strings beside;
        struct phx_strings earlier_beside;
};

static void cache_listing_done(struct listing *listing) {
        phx_strings_done(&listing->policies);
        phx_strings_done(&listing->beside);
        phx_strings_done(&listing->earlier_beside);
}

static int cache_list_name(struct listing *listing, const char *name) {
        const struct {
                const char *suffix;
                struct phx_strings *keys;
        } kinds[] = { { SUFFIX, &listing->policies },
                      { BESIDE, &listing->beside },
                      { EARLIER_BESIDE, &listing->earlier_beside } };

        for (size_t i = 0; i < PHX_ELEMENTS(kinds) && name[0] != '.'; i++)
                if (phx_has_suffix(name, kinds[i].suffix))
                        return phx_strings_addf(
                                        kinds[i].keys,
                                        "%.*s",
                                        (int) (strlen(name) - strlen(kinds[i].suffix)),
                                        name);
        return 0;
}

static int cache_list(int dir_fd, struct listing *listing) {
        phx_cleanup(phx_closedirp) DIR *directory = NULL;
        const struct dirent *entry;
        int r;

        r = phx_directory_open(dir_fd, ".", &directory);
        while (r >= 0 && (errno = 0, entry = readdir(directory)))
                r = cache_list_name(listing, entry->d_name);
        if (r < 0)
                return r;
        if (errno)
                return phx_errno();
        phx_strings_sort(&listing->policies);
        return 0;
}

/* A policy that is not in use. */
struct unused {
        const char *key; /* of the listing */
        uint64_t bytes;
        struct timespec used;
};

struct unused_list {
        struct unused *items;
        size_t count;
};

static void cache_unused_done(struct unused_list *list) {
        free(list->items);
}

/* The most recently used first. */
static int cache_compare_use(const void *a, const void *b) {
        const struct unused *x = a, *y = b;

        if (x->used.tv_sec != y->used.tv_sec)
                return x->used.tv_sec < y->used.tv_sec ? 1 : -1;
        if (x->used.tv_nsec != y->used.tv_nsec)
                return x->used.tv_nsec < y->used.tv_nsec ? 1 : -1;
        return strcmp(x->key, y->key);
}

static int cache_find_unused(
                int dir_fd,
                const struct phx_strings *policies,
                const struct phx_strings *keys,
                struct unused_list *list) {
        for (size_t i = 0; i < policies->count; i++) {
                phx_autofree char *name = NULL;
                struct unused *unused;
                struct stat st;

                if (phx_strings_has_sorted(keys, policies->items[i]))
                        continue;
                if (phx_printf(&name, "%s" SUFFIX, policies->items[i]) < 0)
                        return -ENOMEM;
                if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        continue;
                unused = phx_grow(&list->items, &list->count, sizeof(*unused));
                if (!unused)
                        return -ENOMEM;
                unused->key = policies->items[i];
                unused->bytes = S_ISREG(st.st_mode) ? (uint64_t) st.st_size : UINT64_MAX;
                unused->used = st.st_mtim;
        }
        if (list->count > 1)
                qsort(list->items, list->count, sizeof(*list->items), cache_compare_use);
        return 0;
}

/* How many went, or a negative errno when one did not. */
static int cache_remove_unused(
                int dir_fd,
                const struct unused_list *list,
                const struct phx_policy_cache_limits *limits) {
        struct timespec now;
        uint64_t left = limits->bytes;
        int removed = 0, r = 0, gone;

        if (clock_gettime(CLOCK_REALTIME, &now) < 0)
                return phx_errno();
        for (size_t i = 0; i < list->count; i++) {
                const struct unused *unused = &list->items[i];
                int64_t age = (int64_t) now.tv_sec - unused->used.tv_sec;

                if (unused->bytes <= left && age <= (int64_t) limits->age_sec) {
                        left -= unused->bytes;
                        continue;
                }
                left = 0; /* what was used still earlier goes as well */
                gone = cache_remove(dir_fd, unused->key);
                if (gone < 0)
                        r = gone;
                else
                        removed++;
        }
        return r < 0 ? r : removed;
}

/* What is kept about policies that are not there, with this SUFFIX; POLICIES are those that are. */
static int cache_remove_lost(
                int dir_fd,
                const char *suffix,
                const struct phx_strings *beside,
                const struct phx_strings *policies) {
        for (size_t i = 0; i < beside->count; i++) {
                phx_autofree char *name = NULL;

                if (phx_strings_has_sorted(policies, beside->items[i]))
                        continue;
                if (phx_printf(&name, "%s%s", beside->items[i], suffix) < 0)
                        return -ENOMEM;
                (void) unlinkat(dir_fd, name, 0);
        }
        return 0;
}

int phx_policy_cache_keep(
                int dir_fd,
                const struct phx_strings *keys,
                const struct phx_policy_cache_limits *limits) {
        phx_cleanup(cache_listing_done) struct listing listing = { 0 };
        phx_cleanup(cache_unused_done) struct unused_list unused = { 0 };
        const struct phx_strings none = { 0 };
        int removed, r;

        r = cache_list(dir_fd, &listing);
        if (r >= 0)
                r = cache_find_unused(dir_fd, &listing.policies, keys, &unused);
        if (r < 0)
                return r;
        removed = cache_remove_unused(dir_fd, &unused, limits);
        if (removed < 0)
                return removed;
        r = cache_remove_lost(dir_fd, BESIDE, &listing.beside, &listing.policies);
        if (r >= 0)
                r = cache_remove_lost(dir_fd, EARLIER_BESIDE, &listing.earlier_beside, &none);
        return r < 0 ? r : removed;
}
