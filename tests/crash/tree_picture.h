/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

/* What a directory holds: each file, directory and link below it with its mode, owner and content,
 * sorted by name. Two of them say whether two machines are the same. */
struct tree_picture {
        struct tree_entry {
                char *path;    /* relative */
                char *content; /* of a file or link; NULL for a directory */
                size_t size;
                unsigned mode, uid, gid;
        } * entries;
        size_t count;
};

void tree_picture_take(const char *directory, struct tree_picture *ret_picture);
void tree_picture_done(struct tree_picture *picture);
const struct tree_entry *tree_picture_find(const struct tree_picture *picture, const char *path);

/* Makes DIRECTORY what the picture shows: what is not in it is removed. */
void tree_picture_restore(const struct tree_picture *picture, const char *directory);

/* The first difference in words, or "" when there is none. */
const char *tree_picture_compare(
                const struct tree_picture *expected,
                const struct tree_picture *found);
