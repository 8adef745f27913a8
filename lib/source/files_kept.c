/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What is known of files and directories, for the next run of the program:
 *
 *   how many
 *   of each   "f", path, "" (nothing there), "/" (a directory), or stamp, whether it was settled
 *             and digest; of what is not there, how much of the way to it is
 *             "d", path, how many names, and these
 *
 * The content is left out. A node that is taken up is as one of a look before: the next one asks
 * for its stamp, and reads it only when that is another one, or was not settled; whether its digest
 * is the same says whether it has changed. What was reached over a link, or was refused, is read in
 * each look, and not kept. */

#include <errno.h>
#include <search.h>
#include <string.h>

#include "base/grow.h"
#include "source/files_private.h"

/* --- render --- */

static bool files_is_kept(const struct phx_files_node *node) {
        if (!node->is_plain)
                return false;
        if (node->is_directory)
                return node->directory.result >= 0;
        return node->file.result >= 0 || node->file.result == -ENOENT ||
               node->file.result == -EINVAL;
}

static int render_file(struct phx_buffer *bytes, const struct phx_files_node *node) {
        int r = phx_texts_add(bytes, "f");

        if (r >= 0)
                r = phx_texts_add(bytes, node->path);
        if (r >= 0 && node->file.result == -EINVAL)
                return phx_texts_add(bytes, "/");
        if (r >= 0 && node->file.result == -ENOENT) {
                r = phx_texts_add(bytes, "");
                return r < 0 ? r : phx_texts_add_number(bytes, node->reach);
        }
        if (r >= 0)
                r = phx_texts_add_stamp(bytes, &node->stamp);
        if (r >= 0)
                r = phx_texts_add_number(bytes, node->is_settled);
        return r < 0 ? r : phx_texts_add(bytes, node->file.digest);
}

static int render_directory(struct phx_buffer *bytes, const struct phx_files_node *node) {
        const struct phx_strings *names = &node->directory.names;
        int r = phx_texts_add(bytes, "d");

        if (r >= 0)
                r = phx_texts_add(bytes, node->path);
        if (r >= 0)
                r = phx_texts_add_number(bytes, names->count);
        for (size_t i = 0; r >= 0 && i < names->count; i++)
                r = phx_texts_add(bytes, names->items[i]);
        return r;
}

struct rendering {
        struct phx_buffer *bytes;
        size_t count;
        int result;
};

static void render_number(const void *data, VISIT visit, void *closure) {
        struct phx_files_node *const *place = data, *node = *place;
        struct rendering *rendering = closure;

        if (visit != postorder && visit != leaf)
                return;
        node->number = files_is_kept(node) ? rendering->count++ : PHX_FILES_NO_NUMBER;
}

static void render_node(const void *data, VISIT visit, void *closure) {
        const struct phx_files_node *const *place = data, *node = *place;
        struct rendering *rendering = closure;

        if ((visit != postorder && visit != leaf) || rendering->result < 0 ||
            node->number == PHX_FILES_NO_NUMBER)
                return;
        rendering->result = node->is_directory ? render_directory(rendering->bytes, node)
                                               : render_file(rendering->bytes, node);
}

int phx_files_render(struct phx_files *files, struct phx_buffer *bytes) {
        struct rendering rendering = { .bytes = bytes };

        twalk_r(files->nodes, render_number, &rendering);
        rendering.result = phx_texts_add_number(bytes, rendering.count);
        twalk_r(files->nodes, render_node, &rendering);
        return rendering.result;
}

size_t phx_files_number(const struct phx_files *files, const char *path, bool is_directory) {
        const struct phx_files_node key = { .path = path, .is_directory = is_directory };
        struct phx_files_node *const *found = tfind(&key, &files->nodes, phx_files_compare);

        return found ? (*found)->number : PHX_FILES_NO_NUMBER;
}

size_t phx_files_used_number(const struct phx_files_used *used, size_t at) {
        return used->items[at]->number;
}

/* --- parse --- */

static int parse_file(struct phx_texts *reader, struct phx_files_node *node) {
        struct phx_error error = { 0 };
        const char *what = reader->at;

        if (strcmp(what, "") == 0 || strcmp(what, "/") == 0) {
                (void) phx_texts_next(reader);
                node->file.result = what[0] ? -EINVAL : -ENOENT;
                node->reach = what[0] ? 0 : (size_t) phx_texts_next_number(reader);
                (void) phx_error_set_in(
                                &error,
                                node->file.result,
                                node->path,
                                "%s",
                                what[0] ? "is not a regular file" : strerrordesc_np(ENOENT));
                node->file.error = phx_error_keep(&error, node->file.result);
                return 0;
        }
        node->stamp = phx_texts_next_stamp(reader);
        node->file.size = (size_t) node->stamp.size;
        node->is_settled = phx_texts_next_number(reader) == 1;
        return phx_texts_next_digest(reader, node->file.digest);
}

/* The names were sorted, and are looked for by halves. */
static int parse_directory(struct phx_texts *reader, struct phx_files_node *node) {
        struct phx_strings *names = &node->directory.names;
        uint64_t count = phx_texts_next_number(reader);

        for (uint64_t i = 0; i < count && !reader->is_short; i++) {
                if (phx_strings_add(names, phx_texts_next(reader)) < 0)
                        return -ENOMEM;
                if (i > 0 && strcmp(names->items[i - 1], names->items[i]) >= 0)
                        return -EBADMSG;
        }
        return 0;
}

/* They are in their order, each once. */
static int parse_node(
                struct phx_files *files,
                struct phx_texts *reader,
                struct phx_files_used *all) {
        bool is_directory = strcmp(phx_texts_next(reader), "d") == 0;
        const struct phx_files_node key = { .path = phx_texts_next(reader),
                                            .is_directory = is_directory };
        struct phx_files_node **item, *node;

        if (key.path[0] != '/' ||
            (all->count > 0 && phx_files_compare(all->items[all->count - 1], &key) >= 0))
                return -EBADMSG;
        item = phx_grow(&all->items, &all->count, sizeof(*all->items));
        node = item ? phx_files_make(files, key.path, is_directory) : NULL;
        if (!node)
                return -ENOMEM;
        *item = node;
        node->is_plain = true;
        return is_directory ? parse_directory(reader, node) : parse_file(reader, node);
}

int phx_files_parse(
                struct phx_files *files,
                struct phx_texts *reader,
                struct phx_files_used *ret_all) {
        struct phx_files_used all = { 0 };
        uint64_t count = phx_texts_next_number(reader);
        int r = 0;

        for (uint64_t i = 0; r >= 0 && i < count; i++)
                r = reader->at < reader->end ? parse_node(files, reader, &all) : -EBADMSG;
        if (r >= 0 && reader->is_short)
                r = -EBADMSG;
        if (r < 0) {
                phx_files_used_done(&all);
                phx_files_forget(files);
                return r;
        }
        *ret_all = all;
        return 0;
}

const char *phx_files_used_path(const struct phx_files_used *used, size_t at) {
        return used->items[at]->path;
}

const char *phx_files_used_digest(const struct phx_files_used *used, size_t at) {
        const struct phx_files_node *node = used->items[at];

        return node->is_directory ? "directory" : node->file.digest;
}

int phx_files_used_add(struct phx_files_used *used, const struct phx_files_used *all, size_t at) {
        struct phx_files_node **item = phx_grow(&used->items, &used->count, sizeof(*used->items));

        if (!item)
                return -ENOMEM;
        *item = all->items[at];
        return 0;
}
