/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "shared/text.h"

#include <stdbool.h>

/* How many bytes of continuation the lead byte announces, -1 when no character begins with it. */
static int announced(unsigned char lead) {
        if (lead < 0x80)
                return 0;
        if (lead >= 0xc2 && lead <= 0xdf)
                return 1;
        if (lead >= 0xe0 && lead <= 0xef)
                return 2;
        if (lead >= 0xf0 && lead <= 0xf4)
                return 3;
        return -1;
}

/* The second byte's range excludes overlong forms, surrogates and what lies beyond U+10FFFF. */
static bool is_second(unsigned char lead, unsigned char second) {
        unsigned char low = 0x80, high = 0xbf;

        if (lead == 0xe0)
                low = 0xa0;
        else if (lead == 0xed)
                high = 0x9f;
        else if (lead == 0xf0)
                low = 0x90;
        else if (lead == 0xf4)
                high = 0x8f;
        return second >= low && second <= high;
}

/* Bytes of the character that TEXT begins with, 0 when it is none. */
static size_t text_character_size(const char *text) {
        unsigned char lead = (unsigned char) text[0];
        int more = announced(lead);

        if (more < 0 || (more > 0 && !is_second(lead, (unsigned char) text[1])))
                return 0;
        for (int i = 2; i <= more; i++)
                if (((unsigned char) text[i] & 0xc0) != 0x80)
                        return 0;
        return (size_t) more + 1;
}

/* Both sets: a terminal takes U+009B for the start of a command, just as ESC [. */
static bool is_control(const char *text, size_t length) {
        unsigned char first = (unsigned char) text[0];

        if (length == 1)
                return first < 0x20 || first == 0x7f;
        return length == 2 && first == 0xc2 && (unsigned char) text[1] < 0xa0;
}

void text_clean(const char *text, char *clean, size_t size) {
        size_t used = 0;

        while (*text != '\0') {
                size_t length = text_character_size(text);

                if (used + (length > 0 ? length : 1) >= size)
                        break;
                if (length == 0)
                        clean[used++] = '?';
                else if (is_control(text, length))
                        clean[used++] = ' ';
                else
                        for (size_t i = 0; i < length; i++)
                                clean[used++] = text[i];
                text += length > 0 ? length : 1;
        }
        clean[used] = '\0';
}

void text_repair(char *text) {
        while (*text != '\0') {
                size_t length = text_character_size(text);

                if (length == 0)
                        *text = '?';
                text += length > 0 ? length : 1;
        }
}
