/* SPDX-License-Identifier: GPL-2.0-or-later */

/* JSON without white space has no control characters, so that they can stand for something else. A
 * key that follows a comma or a brace becomes two bytes: one that says what is around it, and the
 * number of the key. What is no key, but looks like one, is packed as one, which does no harm: the
 * text comes back as it was, whatever it means.
 *
 * Keys are numbered as they are seen. Objects of a kind have theirs in the same order, so that the
 * one that came behind the last one before is tried first. When there are too many of them, those
 * without a number stay as they are. */

#include "bus/pack.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"

/* What is around a key: the codes are 1 and so on, in this order, and one that begins as another
 * one does comes before it. */
static const struct around {
        char before;
        unsigned char size; /* of BEHIND */
        char behind[6];
} arounds[] = {
        { ',', 4, "null" }, { ',', 5, "false" }, { ',', 2, "[]" }, { ',', 1, "\"" },
        { ',', 0, "" },     { '{', 1, "\"" },    { '{', 0, "" },
};

/* Bytes below are codes. */
#define TEXT_FROM ' '

void pack_done(struct pack *pack) {
        free(pack->words);
        *pack = (struct pack){ 0 };
}

static char *write_text(char *to, const char *text, size_t size) {
        memcpy(to, text, size);
        return to + size;
}

/* --- packing --- */

struct packing {
        struct pack *pack;
        const char *at, *end;
        unsigned char last; /* word */
};

static bool is_key_character(char c) {
        return (c >= 'a' && c <= 'z') || c == '_' || (c >= '0' && c <= '9');
}

/* The size of a key at KEY with its quotation marks and the colon; 0 for anything else. */
static size_t key_size(const char *key, const char *end) {
        const char *at = key + 1;

        if (key == end || *key != '"')
                return 0;
        while (at < end && at - key < PACK_WORD_SIZE - 2 && is_key_character(*at))
                at++;
        return at > key + 1 && end - at >= 2 && at[0] == '"' && at[1] == ':'
                               ? (size_t) (at - key) + 2
                               : 0;
}

static bool is_word(const struct pack_word *word, const char *key, const char *end) {
        return word->size > 0 && (size_t) (end - key) >= word->size &&
               memcmp(word->text, key, word->size) == 0;
}

/* The number of a key, which is given one if it has none yet; -1 when it is no key, or there is no
 * number left. */
static int find_word(struct packing *packing, const char *key) {
        struct pack *pack = packing->pack;
        size_t size, i = pack->words[packing->last].next;

        if (is_word(&pack->words[i], key, packing->end))
                return (int) i;
        size = key_size(key, packing->end);
        if (size == 0)
                return -1;
        for (i = 0; i < pack->count; i++)
                if (is_word(&pack->words[i], key, packing->end))
                        return (int) i;
        if (pack->count == PACK_WORDS)
                return -1;
        memcpy(pack->words[i].text, key, size);
        pack->words[i].size = (unsigned char) size;
        pack->count++;
        return (int) i;
}

/* Of what is around a key that ends at BEHIND; there always is one. */
static size_t find_around(char before, const char *behind, const char *end) {
        size_t i = 0;

        while (arounds[i].before != before || (size_t) (end - behind) < arounds[i].size ||
               memcmp(behind, arounds[i].behind, arounds[i].size) != 0)
                i++;
        return i;
}

/* Writes the bytes that stand for what is at AT, which it passes; false when it is no key. */
static bool pack_key(struct packing *packing, char **to) {
        const char before = packing->at[0], *key = packing->at + 1;
        size_t around;
        int word;

        if (before != ',' && before != '{')
                return false;
        word = find_word(packing, key);
        if (word < 0)
                return false;
        key += packing->pack->words[word].size;
        around = find_around(before, key, packing->end);
        packing->pack->words[packing->last].next = (unsigned char) word;
        packing->last = (unsigned char) word;
        packing->at = key + arounds[around].size;
        *(*to)++ = (char) (around + 1);
        *(*to)++ = (char) (word + 1);
        return true;
}

/* Eight bytes at a time: whether one of them is below TEXT_FROM. */
static bool has_control(const char *json, size_t size) {
        const uint64_t ones = UINT64_C(0x0101010101010101);
        uint64_t word = 0, found = 0;
        size_t i = 0;

        for (; i + sizeof(word) <= size; i += sizeof(word)) {
                memcpy(&word, json + i, sizeof(word));
                found |= (word - ones * TEXT_FROM) & ~word & (ones * 0x80);
        }
        for (; i < size; i++)
                found |= (unsigned char) json[i] < TEXT_FROM;
        return found != 0;
}

/* Nothing becomes longer. Returns the end. */
static char *pack_text(struct packing *packing, char *to) {
        const char *plain = packing->at, *quote;

        while ((quote = memchr(packing->at, '"', (size_t) (packing->end - packing->at)))) {
                char *behind = to + (quote - plain) - 1;

                packing->at = quote > packing->at ? quote - 1 : quote;
                if (packing->at == quote || !pack_key(packing, &behind)) {
                        packing->at = quote + 1;
                        continue;
                }
                memcpy(to, plain, (size_t) (quote - 1 - plain));
                to = behind;
                plain = packing->at;
        }
        return write_text(to, plain, (size_t) (packing->end - plain));
}

int pack_add(struct pack *pack, const char *json, size_t size, struct phx_buffer *packed) {
        struct packing packing = { .pack = pack, .at = json, .end = json + size };
        char *to;

        if (has_control(json, size))
                return -EBADMSG;
        if (!pack->words)
                pack->words = calloc(PACK_WORDS, sizeof(*pack->words));
        to = pack->words ? phx_buffer_add_space(packed, size) : NULL;
        if (!to)
                return -ENOMEM;
        packed->size -= (size_t) (to + size - pack_text(&packing, to));
        return 0;
}

/* --- unpacking --- */

char *pack_write(const struct pack *pack, const char *packed, size_t size, char *to) {
        const char *at = packed, *end = packed + size;

        while (at < end) {
                const char *plain = at;
                const struct around *around;
                const struct pack_word *word;

                while (at < end && (unsigned char) *at >= TEXT_FROM)
                        at++;
                to = write_text(to, plain, (size_t) (at - plain));
                if (at == end)
                        break;
                around = &arounds[at[0] - 1];
                word = &pack->words[(unsigned char) at[1] - 1];
                *to++ = around->before;
                to = write_text(to, word->text, word->size);
                to = write_text(to, around->behind, around->size);
                at += 2;
        }
        return to;
}
