/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/escape.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"

/* "\xHH" */
#define ESCAPE_SIZE 4

/* The bytes of the sequence that a first byte begins; 0 when none does. */
static size_t length_of(unsigned char first) {
        if (first < 0x80)
                return 1;
        if (first >= 0xc2 && first < 0xe0)
                return 2;
        if (first >= 0xe0 && first < 0xf0)
                return 3;
        return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

/* The character at TEXT and its bytes; 0 bytes when it is no UTF-8 (RFC 3629): cut short, longer
 * than it must be, half of a pair, or beyond the last. */
static size_t decode(const char *text, uint32_t *ret_character) {
        static const unsigned char masks[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
        static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
        const unsigned char *bytes = (const unsigned char *) text;
        size_t length = length_of(bytes[0]);
        uint32_t character;

        if (length == 0)
                return 0;
        character = bytes[0] & masks[length];
        for (size_t i = 1; i < length; i++) {
                if ((bytes[i] & 0xc0) != 0x80)
                        return 0;
                character = character << 6 | (bytes[i] & 0x3f);
        }
        if (character < least[length] || character > 0x10ffff ||
            (character >= 0xd800 && character <= 0xdfff))
                return 0;
        *ret_character = character;
        return length;
}

/* Control characters, and what shows nothing or turns the text around. */
static bool is_shown(uint32_t character) {
        static const struct {
                uint32_t first, last;
        } hidden[] = {
                { 0x00, 0x1f },     { '\\', '\\' },     { 0x7f, 0x9f },       { 0xad, 0xad },
                { 0x61c, 0x61c },   { 0x200b, 0x200f }, { 0x2028, 0x202e },   { 0x2060, 0x206f },
                { 0xfeff, 0xfeff }, { 0xfff9, 0xfffb }, { 0xe0000, 0xe0fff },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(hidden); i++)
                if (character >= hidden[i].first && character <= hidden[i].last)
                        return false;
        return true;
}

int phx_escape(const char *bytes, char **ret_text) {
        phx_autofree char *text = malloc(strlen(bytes) * ESCAPE_SIZE + 1);
        char *end = text;

        if (!text)
                return -ENOMEM;
        while (*bytes) {
                uint32_t character = 0;
                size_t length = decode(bytes, &character);

                if (length > 0 && is_shown(character)) {
                        memcpy(end, bytes, length);
                        end += length;
                } else {
                        length = length > 0 ? length : 1;
                        for (size_t i = 0; i < length; i++, end += ESCAPE_SIZE)
                                (void) snprintf(end,
                                                ESCAPE_SIZE + 1,
                                                "\\x%02x",
                                                (unsigned char) bytes[i]);
                }
                bytes += length;
        }
        *end = '\0';
        *ret_text = PHX_TAKE(text);
        return 0;
}
