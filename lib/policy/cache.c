/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "policy/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/digest.h"
#include "base/file.h"

/* A policy of Debian's largest profile has 1 MB. */
#define POLICY_LIMIT (64UL << 20)
#define SUFFIX ".policy"
#define MAGIC "phoenixd-policy 1 "
#define HEADER_SIZE (sizeof(MAGIC) - 1 + PHX_SHA256_HEX)

static int file_name(const char *key, char name[PHX_SHA256_HEX + sizeof(SUFFIX)]) {
        if (!phx_is_sha256(key))
                return -EINVAL;
        (void) snprintf(name, PHX_SHA256_HEX + sizeof(SUFFIX), "%s" SUFFIX, key);
        return 0;
}

/* "MAGIC DIGEST\n" and then the policy. The digest is of key and policy, so that a whole file under
 * another key's name is as good as damaged. */
static bool cache_is_whole(const char *key, const char *data, size_t size) {
        char digest[PHX_SHA256_HEX];

        if (size <= HEADER_SIZE || memcmp(data, MAGIC, sizeof(MAGIC) - 1) != 0 ||
            data[HEADER_SIZE - 1] != '\n')
                return false;
        phx_sha256_two(key, strlen(key), data + HEADER_SIZE, size - HEADER_SIZE, digest);
        return memcmp(data + sizeof(MAGIC) - 1, digest, PHX_SHA256_HEX - 1) == 0;
}

int phx_policy_cache_get(int dir_fd, const char *key, char **ret_blob, size_t *ret_size) {
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
        if (r < 0 || !cache_is_whole(key, data, size)) {
                (void) unlinkat(dir_fd, name, 0);
                return -ENOENT;
        }

        memmove(data, data + HEADER_SIZE, size - HEADER_SIZE);
        *ret_blob = PHX_TAKE(data);
        *ret_size = size - HEADER_SIZE;
        return 0;
}

int phx_policy_cache_put(int dir_fd, const char *key, const char *blob, size_t size) {
        phx_cleanup(phx_buffer_done) struct phx_buffer buffer = { 0 };
        char name[PHX_SHA256_HEX + sizeof(SUFFIX)], digest[PHX_SHA256_HEX];
        int r;

        r = file_name(key, name);
        if (r < 0)
                return r;
        phx_sha256_two(key, strlen(key), blob, size, digest);
        r = phx_buffer_addf(&buffer, MAGIC "%s\n", digest);
        if (r >= 0)
                r = phx_buffer_add(&buffer, blob, size);
        if (r < 0)
                return r;
        return phx_file_ensure_at(dir_fd, name, buffer.data, buffer.size, 0600);
}

int phx_policy_cache_keep(int dir_fd, const struct phx_strings *keys) {
        phx_cleanup(phx_strings_done) struct phx_strings names = { 0 };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < keys->count; i++)
                r = phx_strings_addf(&names, "%s" SUFFIX, keys->items[i]);
        return r < 0 ? r : phx_file_remove_others(dir_fd, SUFFIX, &names);
}
