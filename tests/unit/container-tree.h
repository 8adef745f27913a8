/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A temporary directory for tests of what reads and writes containers. Paths are below it. */

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/file.h"

static char tree[64];

static inline int tree_setup(void **state) {
        (void) snprintf(tree, sizeof(tree), "/tmp/phoenixd-test-XXXXXX");
        return mkdtemp(tree) ? 0 : -1;
}

static inline int tree_remove_one(
                const char *path,
                const struct stat *st,
                int type,
                struct FTW *ftw) {
        return remove(path);
}

static inline int tree_teardown(void **state) {
        return nftw(tree, tree_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* One of a few static buffers. */
static inline const char *tree_path(const char *path) {
        static char paths[8][1024];
        static unsigned next;
        char *full = paths[next++ % PHX_ELEMENTS(paths)];

        (void) snprintf(full, sizeof(paths[0]), "%.100s/%.900s", tree, path);
        return full;
}

static inline void tree_mkdir(const char *path) {
        assert_int_equal(phx_directory_ensure(tree_path(path), 0755), 0);
}

/* Makes the directories on the way, too. */
static inline void tree_write(const char *path, const char *text) {
        char *slash, directory[1024];
        FILE *file;

        (void) snprintf(directory, sizeof(directory), "%.900s", path);
        slash = strrchr(directory, '/');
        if (slash) {
                *slash = '\0';
                tree_mkdir(directory);
        }
        file = fopen(tree_path(path), "we");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
}

static inline void tree_link(const char *target, const char *path) {
        assert_int_equal(symlink(target, tree_path(path)), 0);
}

/* The caller's to free. */
static inline char *tree_read(const char *path) {
        char *data = NULL;
        size_t size = 0;

        assert_int_equal(
                        phx_file_read_at(AT_FDCWD, tree_path(path), 1024UL * 1024, &data, &size),
                        0);
        return data;
}
