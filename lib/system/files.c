#include "system/files.h"

#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <string.h>

#include "base/file.h"
#include "base/strings.h"

/* The largest abstraction that Debian ships has 11 KB; a text of more than 1 MiB is no profile. */
#define FILE_LIMIT (1UL << 20)

struct phx_files {
        const struct phx_trust *trust;
        void *tree; /* of struct phx_file_seen, by path: tsearch(3) */
};

int phx_files_new(const struct phx_trust *trust, struct phx_files **ret_files) {
        struct phx_files *files = calloc(1, sizeof(*files));

        if (!files)
                return -ENOMEM;
        files->trust = trust;
        *ret_files = files;
        return 0;
}

static void seen_free(void *data) {
        struct phx_file_seen *seen = data;

        free(seen->path);
        free(seen->text);
        free(seen);
}

struct phx_files *phx_files_free(struct phx_files *files) {
        if (!files)
                return NULL;

        tdestroy(files->tree, seen_free);
        free(files);

        return NULL;
}

static int compare_paths(const void *a, const void *b) {
        const struct phx_file_seen *x = a, *y = b;

        return strcmp(x->path, y->path);
}

static struct phx_file_seen *read_now(const struct phx_files *files, const char *path) {
        struct phx_file_seen *seen = calloc(1, sizeof(*seen));

        if (!seen)
                return NULL;
        seen->path = strdup(path);
        if (!seen->path) {
                seen_free(seen);
                return NULL;
        }

        if (files->trust)
                seen->result = phx_trust_read(
                                files->trust,
                                path,
                                FILE_LIMIT,
                                &seen->text,
                                &seen->size,
                                &seen->error);
        else
                seen->result = phx_file_read_at(
                                AT_FDCWD,
                                path,
                                FILE_LIMIT,
                                &seen->text,
                                &seen->size);
        if (seen->result >= 0)
                phx_sha256(seen->text, seen->size, seen->digest);
        return seen;
}

const struct phx_file_seen *phx_files_get(struct phx_files *files, const char *path) {
        struct phx_file_seen key = { 0 }, *seen, *const * found;

        if (phx_replace(&key.path, path) < 0)
                return NULL;
        found = tfind(&key, &files->tree, compare_paths);
        free(key.path);
        if (found)
                return *found;

        seen = read_now(files, path);
        if (!seen)
                return NULL;
        if (!tsearch(seen, &files->tree, compare_paths)) {
                seen_free(seen);
                return NULL;
        }
        return seen;
}
