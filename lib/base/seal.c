/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The checksum is SipHash under a key that is no secret: several times faster than SHA-256, and
 * as good against chance. What is about which key is hashed before the content, with its NUL, so
 * that no part of one can be taken for a part of the other. */

#include "base/seal.h"

#include <string.h>

#include "base/digest.h"
#include "base/siphash.h"

static const uint8_t seal_key[PHX_SIPHASH_SIZE] = "phoenixd: files";

void phx_seal_checksum(
                const char *key,
                const void *data,
                size_t size,
                char ret_checksum[PHX_SEAL_HEX]) {
        uint8_t digest[PHX_SIPHASH_SIZE];
        struct phx_siphash hash;

        phx_siphash_init(&hash, seal_key);
        phx_siphash_add(&hash, key, strlen(key) + 1);
        phx_siphash_add(&hash, data, size);
        phx_siphash_end(&hash, digest);
        phx_hex(digest, sizeof(digest), ret_checksum);
}

int phx_seal_render(
                struct phx_buffer *buffer,
                const char *magic,
                const char *checksum,
                const void *data,
                size_t size) {
        int r = phx_buffer_addf(buffer, "%s %s\n", magic, checksum);

        return r < 0 ? r : phx_buffer_add(buffer, data, size);
}

const char *phx_seal_open(
                const char *magic,
                const char *key,
                const char *file,
                size_t size,
                size_t *ret_size,
                char ret_checksum[PHX_SEAL_HEX]) {
        size_t at = strlen(magic), head = at + 1 + PHX_SEAL_HEX;
        char checksum[PHX_SEAL_HEX];

        if (size < head || memcmp(file, magic, at) != 0 || file[at] != ' ' ||
            file[head - 1] != '\n')
                return NULL;
        phx_seal_checksum(key, file + head, size - head, checksum);
        if (memcmp(file + at + 1, checksum, PHX_SEAL_HEX - 1) != 0)
                return NULL;
        *ret_size = size - head;
        if (ret_checksum)
                memcpy(ret_checksum, checksum, sizeof(checksum));
        return file + head;
}
