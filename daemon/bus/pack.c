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
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"

/* What is around a key: the codes are 1 and so on, in this order, and one that begins as another
 * one does comes before it. */
static const struct around {
        const char *before, *behind;
} arounds[] = {
        { ",", "null" }, { ",", "false" }, { ",", "[]" }, { ",", "\"" },
        { ",", "" },     { "{", "\"" },    { "{", "" },
};

/* Bytes below are codes. */
#define TEXT_FROM ' '

void pack_done(struct pack *pack) {
        free(pack->words);
        *pack = (struct pack){ 0 };
}

/* --- packing --- */

struct packing {
        struct pack *pack;
        const char *at, *end;
        unsigned char last; /* word */
};

/* The size of a key at KEY with its quotation marks and the colon; 0 for anything else. */
static size_t key_size(const char *key, const char *end) {
        const char *at = key + 1;

        if (key == end || *key != '"')
                return 0;
        while (at < end && at - key < PACK_WORD_SIZE - 2 &&
               ((*at >= 'a' && *at <= 'z') || *at == '_' || (*at >= '0' && *at <= '9')))
                at++;
        return at > key + 1 && end - at >= 2 && at[0] == '"' && at[1] == ':'
                               ? (size_t) (at - key) + 2
                               : 0;
}

static bool is_word(const struct pack_word *word, const char *key, size_t size) {
        return word->size == size && memcmp(word->text, key, size) == 0;
}

/* The number of a key, which is given one if it has none yet; -1 when there is none left. */
static int find_word(struct packing *packing, const char *key, size_t size) {
        struct pack *pack = packing->pack;
        size_t i = packing->last < pack->count ? pack->words[packing->last].next : 0;

        if (i < pack->count && is_word(&pack->words[i], key, size))
                return (int) i;
        for (i = 0; i < pack->count; i++)
                if (is_word(&pack->words[i], key, size))
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

        while (arounds[i].before[0] != before ||
               (size_t) (end - behind) < strlen(arounds[i].behind) ||
               memcmp(behind, arounds[i].behind, strlen(arounds[i].behind)) != 0)
                i++;
        return i;
}

/* The bytes that stand for what is at AT, which it passes: 1, or 0 when it is no key. */
static int pack_key(struct packing *packing, char codes[2]) {
        const char *key = packing->at + 1;
        size_t size, around;
        int word;

        if (packing->at[0] != ',' && packing->at[0] != '{')
                return 0;
        size = key_size(key, packing->end);
        word = size > 0 ? find_word(packing, key, size) : -1;
        if (word < 0)
                return 0;
        around = find_around(packing->at[0], key + size, packing->end);
        packing->pack->words[packing->last].next = (unsigned char) word;
        packing->last = (unsigned char) word;
        packing->at = key + size + strlen(arounds[around].behind);
        codes[0] = (char) (around + 1);
        codes[1] = (char) (word + 1);
        return 1;
}

int pack_add(struct pack *pack, const char *json, size_t size, struct phx_buffer *packed) {
        struct packing packing = { .pack = pack, .at = json, .end = json + size };
        const char *plain = json;
        char codes[2];
        int r = 0;

        if (!pack->words)
                pack->words = calloc(PACK_WORDS, sizeof(*pack->words));
        if (!pack->words)
                return -ENOMEM;
        while (r >= 0 && packing.at < packing.end) {
                const char *here = packing.at;

                if ((unsigned char) *here < TEXT_FROM)
                        return -EBADMSG;
                if (!pack_key(&packing, codes)) {
                        packing.at++;
                        continue;
                }
                r = phx_buffer_add(packed, plain, (size_t) (here - plain));
                if (r >= 0)
                        r = phx_buffer_add(packed, codes, sizeof(codes));
                plain = packing.at;
        }
        return r < 0 ? r : phx_buffer_add(packed, plain, (size_t) (packing.end - plain));
}

/* --- unpacking --- */

static char *write_text(char *to, const char *text, size_t size) {
        memcpy(to, text, size);
        return to + size;
}

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
                to = write_text(to, around->before, 1);
                to = write_text(to, word->text, word->size);
                to = write_text(to, around->behind, strlen(around->behind));
                at += 2;
        }
        return to;
}
