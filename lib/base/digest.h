/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Lower-case hexadecimal with its NUL. */
#define PHX_SHA256_HEX 65
#define PHX_SHA1_HEX 41

void phx_sha256(const void *data, size_t size, char hex[PHX_SHA256_HEX]);

/* What the kernel calls a policy hash: over two pieces, see policy/policy.h. */
void phx_sha256_two(
                const void *a,
                size_t a_size,
                const void *b,
                size_t b_size,
                char hex[PHX_SHA256_HEX]);
void phx_sha1_two(
                const void *a,
                size_t a_size,
                const void *b,
                size_t b_size,
                char hex[PHX_SHA1_HEX]);

/* FNV-1a of 64 bits, by which LXC shortens the names of its sockets. */
uint64_t phx_fnv1a(const void *data, size_t size);

/* SIZE bytes in lower-case hexadecimal, twice as many digits and a NUL. */
void phx_hex(const uint8_t *bytes, size_t size, char *hex);

/* 64 lower-case hexadecimal digits. */
bool phx_is_sha256(const char *hex);
