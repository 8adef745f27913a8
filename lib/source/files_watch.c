/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Where a change may change a path. The profiles of a host include the same few files, so that each
 * way is walked once in a look, however many profiles ask for it: what was read in a look is not
 * read again in it either. */

#include <errno.h>
#include <search.h>
#include <string.h>

#include "base/watches.h"
#include "source/files_private.h"

/* A path, and what is to be watched for it. */
struct walked {
        char *path;
        struct phx_strings watches;
};

static int walked_compare(const void *a, const void *b) {
        return strcmp(((const struct walked *) a)->path, ((const struct walked *) b)->path);
}

static void walked_free(void *data) {
        struct walked *walked = data;

        phx_strings_done(&walked->watches);
        free(walked->path);
        free(walked);
}

/* What is watched is the machine's name, not the one below a trusted root. */
static int walk_from_root(
                const struct phx_files *files,
                const char *path,
                struct phx_strings *watches) {
        const char *root = files->trust ? files->trust->root : "/";
        phx_autofree char *name = NULL;

        if (phx_printf(&name, "%s%s", strcmp(root, "/") == 0 ? "" : root, path) < 0)
                return -ENOMEM;
        return phx_watches_add_file(watches, name);
}

/* NULL when memory is short. */
static const struct walked *walk_once(struct phx_files *files, const char *path) {
        char *copy = strdup(path);
        const struct walked key = { .path = copy };
        struct walked *const *found = copy ? tfind(&key, &files->walked, walked_compare) : NULL,
                             *walked;

        if (found) {
                free(copy);
                return *found;
        }
        walked = calloc(1, sizeof(*walked));
        if (!copy || !walked) {
                free(copy);
                free(walked);
                return NULL;
        }
        walked->path = copy;
        if (walk_from_root(files, path, &walked->watches) < 0 ||
            !tsearch(walked, &files->walked, walked_compare)) {
                walked_free(walked);
                return NULL;
        }
        return walked;
}

int phx_files_watch(struct phx_files *files, const char *path, struct phx_strings *watches) {
        const struct walked *walked = walk_once(files, path);
        int r = walked ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < walked->watches.count; i++)
                r = phx_strings_add_once(watches, walked->watches.items[i]);
        return r < 0 ? r : 0;
}

void phx_files_rest(struct phx_files *files) {
        phx_ways_done(&files->ways);
        tdestroy(files->walked, walked_free);
        files->walked = NULL;
}
