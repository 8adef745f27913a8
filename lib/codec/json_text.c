/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "codec/json_text.h"

#include <stdint.h>
#include <string.h>

#define EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))
#define WORD sizeof(uint64_t)

static bool is_plain_byte(char byte) {
        return byte >= ' ' && byte <= '~' && byte != '"' && byte != '\\';
}

static uint64_t zero_bytes(uint64_t word) {
        return (word - EACH_BYTE(1)) & ~word & EACH_BYTE(0x80);
}

/* The same of eight at once. */
static bool is_plain_word(uint64_t word) {
        uint64_t below = (word - EACH_BYTE(' ')) & ~word & EACH_BYTE(0x80);

        return !(below | (word & EACH_BYTE(0x80)) | zero_bytes(word ^ EACH_BYTE(0x7f)) |
                 zero_bytes(word ^ EACH_BYTE('"')) | zero_bytes(word ^ EACH_BYTE('\\')));
}

/* An inventory is tens of kilobytes, nearly all of them names and digests. */
bool phx_json_is_plain(const char *text) {
        size_t size = strlen(text);

        for (; size >= WORD; text += WORD, size -= WORD) {
                uint64_t word;

                memcpy(&word, text, sizeof(word));
                if (!is_plain_word(word))
                        return false;
        }
        for (size_t i = 0; i < size; i++)
                if (!is_plain_byte(text[i]))
                        return false;
        return true;
}

int phx_json_add_plain(struct phx_buffer *buffer, const char *text) {
        int r = phx_buffer_add(buffer, "\"", 1);

        if (r >= 0)
                r = phx_buffer_add_text(buffer, text);
        return r < 0 ? r : phx_buffer_add(buffer, "\"", 1);
}
