/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Of a foreign text in a message everything must be seen: a zero width blank in a name, which makes
 * it another one, as well as a mark that turns the direction of the words behind it. */

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strings.h"

/* "\U000e0001" and a NUL; no byte of a text becomes more than GROWTH. */
#define SHOWN_SIZE 11
#define GROWTH 6
/* "\xHH" */
#define ESCAPE_SIZE 4

static bool is_seen(uint32_t c) {
        static const struct {
                uint32_t first, last;
        } unseen[] = {
                { 0x0000, 0x001f }, { 0x007f, 0x00a0 },   { 0x00ad, 0x00ad },    { 0x034f, 0x034f },
                { 0x061c, 0x061c }, { 0x115f, 0x1160 },   { 0x1680, 0x1680 },    { 0x17b4, 0x17b5 },
                { 0x180b, 0x180f }, { 0x2000, 0x200f },   { 0x2028, 0x202f },    { 0x205f, 0x206f },
                { 0x2800, 0x2800 }, { 0x3000, 0x3000 },   { 0x3164, 0x3164 },    { 0xd800, 0xf8ff },
                { 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff },   { 0xffa0, 0xffa0 },    { 0xfff0, 0xfffb },
                { 0xfffe, 0xffff }, { 0x1d173, 0x1d17a }, { 0xe0000, 0x10ffff },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(unseen); i++)
                if (c >= unseen[i].first && c <= unseen[i].last)
                        return false;
        return true;
}

/* How many bytes the character at TEXT has; 0 when it is no UTF-8 (RFC 3629): cut short, longer
 * than it must be, half of a pair, or beyond the last. */
static size_t decode(const char *text, uint32_t *ret_c) {
        static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
        const unsigned char *bytes = (const unsigned char *) text;
        size_t length = bytes[0] < 0x80   ? 1
                        : bytes[0] < 0xc0 ? 0
                        : bytes[0] < 0xe0 ? 2
                        : bytes[0] < 0xf0 ? 3
                        : bytes[0] < 0xf8 ? 4
                                          : 0;
        uint32_t c = length < 2 ? bytes[0] : bytes[0] & (0xffU >> (length + 1));

        for (size_t i = 1; i < length; i++) {
                if ((bytes[i] & 0xc0) != 0x80)
                        return 0;
                c = c << 6 | (bytes[i] & 0x3f);
        }
        if (length > 0 && (c < least[length] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)))
                return 0;
        *ret_c = c;
        return length;
}

/* Writes what is to be shown in the place of the LENGTH bytes at AT (0: one that is no character).
 * Returns how long that is; 0 when they may stay. */
static size_t visible_show(const char *at, size_t length, uint32_t c, char shown[SHOWN_SIZE]) {
        if (length == 0)
                return (size_t) snprintf(shown, SHOWN_SIZE, "\\x%02x", (unsigned char) *at);
        if (is_seen(c))
                return 0;
        return (size_t) snprintf(shown, SHOWN_SIZE, c > 0xffff ? "\\U%08x" : "\\u%04x", c);
}

/* Puts SHOWN in the place of OLD bytes at USED; false without room, and the rest is cut. */
static bool visible_put(char *text, size_t used, size_t old, const char *shown, size_t size) {
        size_t length = strlen(shown), tail = strlen(text + used + old);

        if (used + length >= size) {
                text[used] = '\0';
                return false;
        }
        if (tail > size - 1 - used - length)
                tail = size - 1 - used - length;
        memmove(text + used + length, text + used + old, tail);
        memcpy(text + used, shown, length);
        text[used + length + tail] = '\0';
        return true;
}

/* A text that fills its buffer may end within a character, which is left out then. */
static void cut_within(char *text, size_t size) {
        size_t length = strlen(text), from = length;
        uint32_t c;

        if (length + 1 < size)
                return;
        while (from > 0 && length - from < 3 && ((unsigned char) text[from - 1] & 0xc0) == 0x80)
                from--;
        if (from > 0 && (unsigned char) text[from - 1] >= 0xc0 && decode(text + from - 1, &c) == 0)
                text[from - 1] = '\0';
}

void phx_make_visible(char *text, size_t size) {
        char shown[SHOWN_SIZE];
        size_t at = 0;

        cut_within(text, size);
        while (text[at]) {
                uint32_t c = 0;
                size_t length = decode(text + at, &c),
                       needed = visible_show(text + at, length, c, shown);

                if (needed > 0 && !visible_put(text, at, length > 0 ? length : 1, shown, size))
                        return;
                at += needed > 0 ? needed : length;
                if (needed > 0)
                        cut_within(text, size);
        }
}

char *phx_visible(const char *text) {
        size_t size = strlen(text) * GROWTH + 1;
        char *visible = malloc(size);

        if (!visible)
                return NULL;
        memcpy(visible, text, strlen(text) + 1);
        phx_make_visible(visible, size);
        return visible;
}

int phx_escape(const char *bytes, char **ret_text) {
        phx_autofree char *text = malloc(strlen(bytes) * ESCAPE_SIZE + 1);
        char *end = text;

        if (!text)
                return -ENOMEM;
        while (*bytes) {
                uint32_t c = 0;
                size_t length = decode(bytes, &c);

                if (length > 0 && c != '\\' && is_seen(c)) {
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
