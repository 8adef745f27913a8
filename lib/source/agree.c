/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A closure has all names that the compiler may look up because of a profile's text, those that are
 * not there included, so that only these matter, and where the compiler looks because of the
 * profile's name: each must mean the same with the other's copies as without them. */

#include "source/agree.h"

#include <stdio.h>
#include <string.h>

static bool is_there(const struct phx_include *include) {
        return include->path != NULL;
}

/* "" is the directory that holds all copies, so that it has whatever is put beside it. */
static bool is_inside(const char *name, const char *directory) {
        size_t length = strlen(directory);

        return length == 0 || (strncmp(name, directory, length) == 0 && name[length] == '/');
}

/* ITEM is one of the closure's, and STRANGE stands in the other one. */
static bool is_changed_by(
                const struct phx_include *item,
                const struct phx_closure *closure,
                const struct phx_include *strange) {
        if (!is_there(strange))
                return false;
        if (strcmp(item->name, strange->name) == 0)
                return strcmp(item->digest, strange->digest) != 0;
        /* It would make a directory where there was nothing, or be one more file in it. */
        return is_inside(strange->name, item->name) &&
               (!is_there(item) || !phx_closure_find(closure, strange->name));
}

/* What makes the compiler pass a profile over, or compile it otherwise. */
static bool is_decided_by(const struct phx_source_text *text, const struct phx_include *strange) {
        static const char *const directories[] = { "disable", "force-complain" };
        char name[300];

        for (size_t i = 0; i < sizeof(directories) / sizeof(*directories); i++) {
                (void) snprintf(name, sizeof(name), "%s/%s", directories[i], text->name);
                if (is_there(strange) && strcmp(strange->name, name) == 0 &&
                    !phx_closure_find(text->closure, name))
                        return true;
        }
        return false;
}

static bool agree_notices(const struct phx_source_text *text, const struct phx_source_text *other) {
        const struct phx_closure *closure = text->closure, *strange = other->closure;

        for (size_t i = 0; i < closure->count; i++) {
                const struct phx_include *item = &closure->items[i];

                if (strcmp(item->name, other->name) == 0 || is_inside(other->name, item->name))
                        return true;
                for (size_t k = 0; k < strange->count; k++)
                        if (is_changed_by(item, closure, &strange->items[k]))
                                return true;
        }
        for (size_t k = 0; k < strange->count; k++)
                if (strcmp(strange->items[k].name, text->name) == 0 ||
                    is_decided_by(text, &strange->items[k]))
                        return true;
        return false;
}

bool phx_texts_agree(const struct phx_source_text *a, const struct phx_source_text *b) {
        return strcmp(a->name, b->name) != 0 && !agree_notices(a, b) && !agree_notices(b, a);
}
