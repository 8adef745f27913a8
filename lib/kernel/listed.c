/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A line of the list is "NAME (MODE)", with the parents before a child's name ("parent//child"),
 * and ":NAMESPACE:" before what is in another namespace. An entry is called by the name without
 * what does not suit a file name, and a number that is in no list: "v-{foo,bar}" is "v-foobar.80".
 *
 * A name of letters, digits, '.', '_' and '-' loses nothing, so that its entry is "NAME.NUMBER". If
 * there is only one such entry, it is that profile's own, whatever other names may have become;
 * provided that nothing was loaded or removed between the two readings, which the caller makes sure
 * of. Of all others the files of the entry are to be read, as of what has children.
 *
 * Who loads policy in a namespace of its own can make up a line, by a line end in a name. It is of
 * no use: without such an entry it says nothing, and with one the name is there twice. */

#include "kernel/listed.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/grow.h"
#include "kernel/private.h"

/* Some hundred thousand names. */
#define LIST_LIMIT (16UL << 20)

void phx_listed_done(struct phx_listed_profiles *listed) {
        for (size_t i = 0; i < listed->count; i++)
                free(listed->items[i].name);
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

/* Shown as it is: without a byte that the kernel drops or changes. */
static bool listed_is_plain(const char *name, size_t size) {
        static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "0123456789._-";

        return size > 0 && name[0] != '.' && strspn(name, plain) >= size;
}

/* Of a child the parent is noted, which may not have been listed yet. */
static int listed_take_line(char *line, struct phx_listed_profiles *listed) {
        const char *child = strstr(line, "//");
        struct phx_listed *item;
        enum phx_policy_mode mode;
        size_t size;

        if (listed_take_mode(line, &mode) < 0)
                return -EBADMSG;
        size = child ? (size_t) (child - line) : strlen(line);
        if (!listed_is_plain(line, size))
                return 0;
        item = phx_grow(&listed->items, &listed->count, sizeof(*item));
        if (!item)
                return -ENOMEM;
        item->name = strndup(line, size);
        item->mode = child ? PHX_POLICY_UNKNOWN : mode;
        item->has_children = child != NULL;
        return item->name ? 0 : -ENOMEM;
}

static int listed_compare(const void *a, const void *b) {
        return strcmp(((const struct phx_listed *) a)->name, ((const struct phx_listed *) b)->name);
}

/* A name that is there twice, as that of a parent and of its children, becomes one that has some.
 */
static void listed_unite(struct phx_listed_profiles *listed) {
        size_t kept = 0;

        if (listed->count > 1)
                qsort(listed->items, listed->count, sizeof(*listed->items), listed_compare);
        for (size_t i = 0; i < listed->count; i++) {
                struct phx_listed *item = &listed->items[i];

                if (kept > 0 && strcmp(listed->items[kept - 1].name, item->name) == 0) {
                        listed->items[kept - 1].has_children = true;
                        free(item->name);
                        continue;
                }
                listed->items[kept++] = *item;
        }
        listed->count = kept;
}

int phx_listed_read(const struct phx_kernel *kernel, struct phx_listed_profiles *ret_listed) {
        phx_cleanup(phx_listed_done) struct phx_listed_profiles listed = { 0 };
        phx_autofree char *text = NULL;
        phx_autoclose int fd = -1;
        size_t size = 0;
        int r;

        fd = phx_kernel_open_below(kernel, "profiles", O_RDONLY | O_NONBLOCK | O_NOCTTY);
        r = fd < 0 ? fd : phx_file_read_fd(fd, LIST_LIMIT, &text, &size);
        if (r < 0)
                return r;
        if (strlen(text) != size)
                return -EBADMSG;
        for (char *line = text, *next; *line; line = next) {
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
        phx_autofree char *name = dot ? strndup(entry, (size_t) (dot - entry)) : NULL;
        const struct phx_listed key = { .name = name };

        if (!name || !dot[1] || strspn(dot + 1, "0123456789") != strlen(dot + 1) ||
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

        return item && item->entries == 1 && !item->has_children ? item : NULL;
}
