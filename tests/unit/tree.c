/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/file.h"

#define BUFFERS 8

static char root[PATH_MAX];

const char *tree_new(void) {
        const char *parent = getenv("TMPDIR");

        (void) snprintf(root, sizeof(root), "%s/phoenix-XXXXXX", parent ? parent : "/tmp");
        assert_non_null(mkdtemp(root));
        return root;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw) {
        return remove(path);
}

void tree_remove(const char *path) {
        (void) nftw(tree_path(path), remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void tree_done(void) {
        if (root[0])
                (void) nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        root[0] = '\0';
}

const char *tree_path(const char *path) {
        static char buffers[BUFFERS][2 * PATH_MAX];
        static size_t next;
        char *buffer = buffers[next++ % BUFFERS];

        (void) snprintf(buffer, sizeof(buffers[0]), "%s/%s", root, path);
        return buffer;
}

void tree_mkdir(const char *path) {
        assert_int_equal(phx_directory_ensure(tree_path(path), 0755), 0);
}

static void make_parent(const char *path) {
        char parent[PATH_MAX];
        char *slash;

        (void) snprintf(parent, sizeof(parent), "%s", path);
        slash = strrchr(parent, '/');
        if (!slash)
                return;
        *slash = '\0';
        tree_mkdir(parent);
}

void tree_write_bytes(const char *path, const void *data, size_t size) {
        phx_autoclose int fd = -1;

        make_parent(path);
        fd = open(tree_path(path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, data, size), size);
        /* Whatever the umask of who runs the tests. */
        assert_int_equal(fchmod(fd, 0644), 0);
}

void tree_write(const char *path, const char *text) {
        tree_write_bytes(path, text, strlen(text));
}

void tree_link(const char *path, const char *target) {
        make_parent(path);
        assert_int_equal(symlink(target, tree_path(path)), 0);
}

char *tree_read(const char *path) {
        char *data = NULL;
        size_t size = 0;

        assert_int_equal(phx_file_read_at(AT_FDCWD, tree_path(path), 1U << 20, &data, &size), 0);
        return data;
}

bool tree_is_watched(const struct phx_strings *watches, const char *directory) {
        size_t size = strlen(directory);

        for (size_t i = 0; i < watches->count; i++)
                if (strncmp(watches->items[i], directory, size) == 0 &&
                    (watches->items[i][size] == '\0' ||
                     phx_has_prefix(watches->items[i] + size, "//")))
                        return true;
        return false;
}
