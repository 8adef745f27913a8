/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A line of the list is "NAME (MODE)", with the parents before a child's name ("parent//child"). An
 * entry is called by the name without what does not suit a file name, and a number that is in no
 * list: "v-{foo,bar}" is "v-foobar.80".
 *
 * So each name is written as the kernel writes it there. If one line and one entry come out alike,
 * they belong together: every entry has a line, and each line without "//" an entry; provided that
 * nothing was loaded or removed between the two readings, which the caller makes sure of. Of all
 * others the files of the entry are to be read, as of what has children.
 *
 * The lines of our own namespace come first, and then those of the namespaces below, each of which
 * begins with ":NAMESPACE:", which no name of ours does. Who loads policy there, as root of a
 * container may, can make up any line, by a line end in a name, and as many as he likes. Therefore
 * the first ':' ends the list: nothing behind it is believed, nor even asked for. */

#include "kernel/listed.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/grow.h"
#include "kernel/private.h"

/* As much as is read of the entries; with more, these say so. */
#define LINES_LIMIT 16384
#define LIST_LIMIT (4UL << 20)

void phx_listed_done(struct phx_listed_profiles *listed) {
        for (size_t i = 0; i < listed->count; i++) {
                free(listed->items[i].name);
                free(listed->items[i].base);
        }
        free(listed->items);
        *listed = (struct phx_listed_profiles){ 0 };
}

/* LINE is cut behind the name. The name may have a parenthesis, the mode has none. */
static int listed_take_mode(char *line, enum phx_policy_mode *ret_mode) {
        char *mode = strrchr(line, '('), *end = mode ? strchr(mode, ')') : NULL;

        if (!end || end[1] || mode - line < 2 || mode[-1] != ' ')
                return -EBADMSG;
        mode[-1] = *end = '\0';
        *ret_mode = phx_policy_mode_from_string(mode + 1);
        return *ret_mode == PHX_POLICY_UNKNOWN ? -EBADMSG : 0;
}

/* What the kernel takes a byte for, which goes by ISO 8859-1. */
static bool listed_is_space(unsigned char byte) {
        return byte == ' ' || (byte >= '\t' && byte <= '\r') || byte == 0xa0;
}

static bool listed_is_kept(unsigned char byte) {
        static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "0123456789._-";

        return strchr(plain, byte) || (byte >= 0xc0 && byte != 0xd7 && byte != 0xf7);
}

char *phx_kernel_entry_base(const char *name, size_t size) {
        size_t first = strspn(name, "/."), used = 0;
        char *base = calloc(size + 1, 1);

        for (size_t i = first; base && i < size; i++) {
                unsigned char byte = (unsigned char) name[i];

                if (byte == '/')
                        base[used++] = '.';
                else if (listed_is_space(byte))
                        base[used++] = '_';
                else if (listed_is_kept(byte))
                        base[used++] = (char) byte;
        }
        return base;
}

/* Of a child the parent is noted, which may not have been listed yet. */
static int listed_take_line(char *line, struct phx_listed_profiles *listed) {
        const char *child = strstr(line, "//");
        struct phx_listed *item;
        enum phx_policy_mode mode;
        size_t size;

        if (listed->count == LINES_LIMIT || listed_take_mode(line, &mode) < 0)
                return -EBADMSG;
        size = child ? (size_t) (child - line) : strlen(line);
        item = phx_grow(&listed->items, &listed->count, sizeof(*item));
        if (!item)
                return -ENOMEM;
        item->name = strndup(line, size);
        item->base = phx_kernel_entry_base(line, size);
        item->mode = child ? PHX_POLICY_UNKNOWN : mode;
        item->is_in_doubt = child != NULL;
        return item->name && item->base ? 0 : -ENOMEM;
}

static int listed_compare(const void *a, const void *b) {
        return strcmp(((const struct phx_listed *) a)->base, ((const struct phx_listed *) b)->base);
}

/* Those that are written alike, as a parent and its children are, become one that is in doubt. */
static void listed_unite(struct phx_listed_profiles *listed) {
        size_t kept = 0;

        if (listed->count > 1)
                qsort(listed->items, listed->count, sizeof(*listed->items), listed_compare);
        for (size_t i = 0; i < listed->count; i++) {
                struct phx_listed *item = &listed->items[i];

                if (kept > 0 && listed_compare(&listed->items[kept - 1], item) == 0) {
                        listed->items[kept - 1].is_in_doubt = true;
                        free(item->name);
                        free(item->base);
                        continue;
                }
                listed->items[kept++] = *item;
        }
        listed->count = kept;
}

/* Where the lines of other namespaces begin, in what was added behind the first KNOWN bytes. NULL
 * as long as there are none. */
static char *listed_end_of_own(const struct phx_buffer *text, size_t known) {
        char *found;

        if (text->size > 0 && text->data[0] == ':')
                return text->data;
        found = memmem(text->data + known, text->size - known, "\n:", 2);
        return found ? found + 1 : NULL;
}

/* The kernel gives about a page at a time, of whole lines: no more is made for us than we want. */
static int listed_read_own(int fd, struct phx_buffer *text) {
        char piece[8192], *end = NULL;
        ssize_t n;
        int r;

        while (!end && (n = read(fd, piece, sizeof(piece))) != 0) {
                size_t known = text->size > 0 ? text->size - 1 : 0;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return phx_errno();
                r = phx_buffer_add(text, piece, (size_t) n);
                if (r < 0)
                        return r;
                end = listed_end_of_own(text, known);
                if (!end && text->size > LIST_LIMIT)
                        return -EFBIG;
        }
        if (!end)
                return phx_buffer_add(text, "", 0);
        text->size = (size_t) (end - text->data);
        *end = '\0';
        return 0;
}

int phx_listed_read(const struct phx_kernel *kernel, struct phx_listed_profiles *ret_listed) {
        phx_cleanup(phx_listed_done) struct phx_listed_profiles listed = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };
        phx_autoclose int fd = -1;
        int r;

        fd = phx_kernel_open_below(kernel, "profiles", O_RDONLY | O_NONBLOCK | O_NOCTTY);
        r = fd < 0 ? fd : listed_read_own(fd, &text);
        if (r < 0)
                return r;
        if (strlen(text.data) != text.size)
                return -EBADMSG;
        for (char *line = text.data, *next; *line; line = next) {
                next = strchr(line, '\n');
                if (!next)
                        return -EBADMSG;
                *next++ = '\0';
                r = listed_take_line(line, &listed);
                if (r < 0)
                        return r;
        }
        listed_unite(&listed);
        *ret_listed = PHX_TAKE_STRUCT(listed);
        return 0;
}

/* By ENTRY without its number. */
static struct phx_listed *listed_of_entry(
                const struct phx_listed_profiles *listed,
                const char *entry) {
        const char *dot = strrchr(entry, '.');
        phx_autofree char *base = dot ? strndup(entry, (size_t) (dot - entry)) : NULL;
        const struct phx_listed key = { .base = base };

        if (!base || !dot[1] || strspn(dot + 1, "0123456789") != strlen(dot + 1) ||
            listed->count == 0)
                return NULL;
        return bsearch(&key, listed->items, listed->count, sizeof(key), listed_compare);
}

void phx_listed_match(struct phx_listed_profiles *listed, const struct phx_strings *entries) {
        for (size_t i = 0; i < entries->count; i++) {
                struct phx_listed *item = listed_of_entry(listed, entries->items[i]);

                if (item)
                        item->entries++;
        }
}

const struct phx_listed *phx_listed_find(
                const struct phx_listed_profiles *listed,
                const char *entry) {
        const struct phx_listed *item = listed_of_entry(listed, entry);

        return item && item->entries == 1 && !item->is_in_doubt ? item : NULL;
}
