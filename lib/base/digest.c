/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/digest.h"

#include <string.h>

#include <sha1.h>
#include <sha2.h>

void phx_hex(const uint8_t *bytes, size_t size, char *hex) {
        static const char digits[] = "0123456789abcdef";

        for (size_t i = 0; i < size; i++) {
                hex[2 * i] = digits[bytes[i] >> 4];
                hex[2 * i + 1] = digits[bytes[i] & 0xf];
        }
        hex[2 * size] = '\0';
}

void phx_sha256(const void *data, size_t size, char hex[PHX_SHA256_HEX]) {
        phx_sha256_two(data, size, "", 0, hex);
}

void phx_sha256_two(
                const void *a,
                size_t a_size,
                const void *b,
                size_t b_size,
                char hex[PHX_SHA256_HEX]) {
        uint8_t bytes[SHA256_DIGEST_LENGTH];
        SHA2_CTX context;

        SHA256Init(&context);
        SHA256Update(&context, a, a_size);
        SHA256Update(&context, b, b_size);
        SHA256Final(bytes, &context);
        phx_hex(bytes, sizeof(bytes), hex);
}

void phx_sha1_two(
                const void *a,
                size_t a_size,
                const void *b,
                size_t b_size,
                char hex[PHX_SHA1_HEX]) {
        uint8_t bytes[SHA1_DIGEST_LENGTH];
        SHA1_CTX context;

        SHA1Init(&context);
        SHA1Update(&context, a, a_size);
        SHA1Update(&context, b, b_size);
        SHA1Final(bytes, &context);
        phx_hex(bytes, sizeof(bytes), hex);
}

uint64_t phx_fnv1a(const void *data, size_t size) {
        const uint8_t *bytes = data;
        uint64_t value = UINT64_C(0xcbf29ce484222325);

        for (size_t i = 0; i < size; i++) {
                value ^= bytes[i];
                value *= UINT64_C(0x100000001b3);
        }
        return value;
}

bool phx_is_sha256(const char *hex) {
        size_t length = strlen(hex);

        return length == PHX_SHA256_HEX - 1 && strspn(hex, "0123456789abcdef") == length;
}
