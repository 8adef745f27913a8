/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/texts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* In hexadecimal, with a NUL or a space. */
#define NUMBER_SIZE (2 * sizeof(uint64_t) + 1)

int phx_texts_add(struct phx_buffer *bytes, const char *text) {
        if (!text)
                text = "";
        return phx_buffer_add(bytes, text, strlen(text) + 1);
}

/* There are dozens of them for each file that is kept: printf() would be most of the work. */
static char *put_number(char *at, uint64_t number) {
        static const char digits[] = "0123456789abcdef";
        unsigned shift = 60;

        while (shift > 0 && number >> shift == 0)
                shift -= 4;
        for (;; shift -= 4) {
                *at++ = digits[(number >> shift) & 0xf];
                if (shift == 0)
                        return at;
        }
}

int phx_texts_add_number(struct phx_buffer *bytes, uint64_t number) {
        char text[NUMBER_SIZE];

        *put_number(text, number) = '\0';
        return phx_texts_add(bytes, text);
}

int phx_texts_add_stamp(struct phx_buffer *bytes, const struct phx_stamp *stamp) {
        const uint64_t fields[] = { (uint64_t) stamp->device,
                                    (uint64_t) stamp->inode,
                                    (uint64_t) stamp->size,
                                    (uint64_t) stamp->mtime.tv_sec,
                                    (uint64_t) stamp->mtime.tv_nsec,
                                    (uint64_t) stamp->ctime.tv_sec,
                                    (uint64_t) stamp->ctime.tv_nsec,
                                    stamp->mode,
                                    stamp->uid,
                                    stamp->gid };
        char text[PHX_ELEMENTS(fields) * NUMBER_SIZE], *at = text;

        for (size_t i = 0; i < PHX_ELEMENTS(fields); i++) {
                if (i > 0)
                        *at++ = ' ';
                at = put_number(at, fields[i]);
        }
        *at = '\0';
        return phx_texts_add(bytes, text);
}

struct phx_texts phx_texts_of(const char *bytes, size_t size) {
        while (size > 0 && bytes[size - 1] != '\0')
                size--;
        /* An empty buffer has no bytes, and nothing may be added to NULL. */
        return (struct phx_texts){ .at = bytes, .end = bytes ? bytes + size : NULL };
}

const char *phx_texts_next(struct phx_texts *texts) {
        const char *text = texts->at;

        if (texts->at == texts->end) {
                texts->is_short = true;
                return "";
        }
        texts->at += strlen(text) + 1;
        return text;
}

const char *phx_texts_next_or_null(struct phx_texts *texts) {
        const char *text = phx_texts_next(texts);

        return text[0] ? text : NULL;
}

uint64_t phx_texts_next_number(struct phx_texts *texts) {
        return strtoull(phx_texts_next(texts), NULL, 16);
}

struct phx_stamp phx_texts_next_stamp(struct phx_texts *reader) {
        uint64_t fields[10] = { 0 };
        const char *text = phx_texts_next(reader);

        for (size_t i = 0; i < PHX_ELEMENTS(fields); i++) {
                char *end = NULL;

                fields[i] = strtoull(text, &end, 16);
                text = end;
        }
        return (struct phx_stamp){
                .device = (dev_t) fields[0],
                .inode = (ino_t) fields[1],
                .size = (off_t) fields[2],
                .mtime = { (time_t) fields[3], (long) fields[4] },
                .ctime = { (time_t) fields[5], (long) fields[6] },
                .mode = (mode_t) fields[7],
                .uid = (uid_t) fields[8],
                .gid = (gid_t) fields[9],
        };
}

int phx_texts_next_digest(struct phx_texts *reader, char digest[PHX_SHA256_HEX]) {
        const char *text = phx_texts_next(reader);

        if (!phx_is_sha256(text))
                return -EBADMSG;
        memcpy(digest, text, PHX_SHA256_HEX);
        return 0;
}

bool phx_texts_are_read(const struct phx_texts *texts) {
        return texts->at == texts->end && !texts->is_short;
}
