/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "source/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/watches.h"

/* The largest abstraction that Debian ships has 11 KB; a text of more than 1 MiB is no profile. */
#define FILE_LIMIT (1UL << 20)

struct file {
        struct phx_file_seen seen; /* first: FILE's address is SEEN's */
        struct phx_references references;
        bool is_scanned;
};

struct phx_files {
        const struct phx_trust *trust;
        void *tree;        /* of struct file, by path: tsearch(3) */
        void *directories; /* of struct phx_directory_seen, by path */
};

int phx_files_new(const struct phx_trust *trust, struct phx_files **ret_files) {
        struct phx_files *files = calloc(1, sizeof(*files));

        if (!files)
                return -ENOMEM;
        files->trust = trust;
        *ret_files = files;
        return 0;
}

static void file_free(void *data) {
        struct file *file = data;

        phx_references_done(&file->references);
        free(file->seen.path);
        free(file->seen.text);
        free(file);
}

static void directory_free(void *data) {
        struct phx_directory_seen *seen = data;

        phx_strings_done(&seen->names);
        free(seen->path);
        free(seen);
}

struct phx_files *phx_files_free(struct phx_files *files) {
        if (!files)
                return NULL;

        tdestroy(files->tree, file_free);
        tdestroy(files->directories, directory_free);
        free(files);

        return NULL;
}

static int compare_files(const void *a, const void *b) {
        const struct file *x = a, *y = b;

        return strcmp(x->seen.path, y->seen.path);
}

static int compare_directories(const void *a, const void *b) {
        const struct phx_directory_seen *x = a, *y = b;

        return strcmp(x->path, y->path);
}

/* What is watched is the machine's name, not the one below a trusted root. NULL when memory is
 * short. */
static char *machine_path(const struct phx_files *files, const char *path) {
        const char *root = files->trust ? files->trust->root : "/";
        char *name = NULL;

        if (phx_printf(&name, "%s%s", strcmp(root, "/") == 0 ? "" : root, path) < 0)
                return NULL;
        return name;
}

static struct file *read_now(const struct phx_files *files, const char *path) {
        struct file *file = calloc(1, sizeof(*file));
        struct phx_file_seen *seen;

        if (!file)
                return NULL;
        seen = &file->seen;
        seen->path = strdup(path);
        if (!seen->path) {
                file_free(file);
                return NULL;
        }

        if (files->trust) {
                struct phx_trust trust = *files->trust;

                trust.is_link_met = &seen->is_linked;
                seen->result = phx_trust_read(
                                &trust,
                                path,
                                FILE_LIMIT,
                                &seen->text,
                                &seen->size,
                                &seen->error);
        } else
                seen->result = phx_file_read_at(
                                AT_FDCWD,
                                path,
                                FILE_LIMIT,
                                &seen->text,
                                &seen->size);
        if (seen->result >= 0)
                phx_sha256(seen->text, seen->size, seen->digest);
        return file;
}

static struct file *files_get(struct phx_files *files, const char *path) {
        struct file key = { 0 }, *file, *const * found;

        if (phx_replace(&key.seen.path, path) < 0)
                return NULL;
        found = tfind(&key, &files->tree, compare_files);
        free(key.seen.path);
        if (found)
                return *found;

        file = read_now(files, path);
        if (!file)
                return NULL;
        if (!tsearch(file, &files->tree, compare_files)) {
                file_free(file);
                return NULL;
        }
        return file;
}

const struct phx_file_seen *phx_files_get(struct phx_files *files, const char *path) {
        struct file *file = files_get(files, path);

        return file ? &file->seen : NULL;
}

const struct phx_references *phx_files_references(struct phx_files *files, const char *path) {
        struct file *file = files_get(files, path);

        if (!file)
                return NULL;
        if (!file->is_scanned && file->seen.result >= 0 &&
            phx_references_scan(file->seen.text, file->seen.size, &file->references) < 0)
                return NULL;
        file->is_scanned = true;
        return &file->references;
}

static bool files_is_directory(int dir_fd, const struct dirent *entry) {
        struct stat st;

        if (entry->d_type != DT_LNK && entry->d_type != DT_UNKNOWN)
                return entry->d_type == DT_DIR;
        return fstatat(dir_fd, entry->d_name, &st, 0) == 0 && S_ISDIR(st.st_mode);
}

static int files_read_names(DIR *directory, struct phx_strings *names) {
        const struct dirent *entry;
        int r = 0;

        /* A directory that cannot be read to its end must not look like a shorter one. */
        for (errno = 0; r >= 0 && (entry = readdir(directory)); errno = 0)
                if (!files_is_directory(dirfd(directory), entry))
                        r = phx_strings_add(names, entry->d_name);
        if (r >= 0 && errno != 0)
                r = phx_errno();
        phx_strings_sort(names);
        return r;
}

static int list_now(const struct phx_files *files, struct phx_directory_seen *seen) {
        DIR *directory;
        int fd = -1, r;

        if (files->trust) {
                r = phx_trust_open_directory(files->trust, seen->path, &fd, &seen->error);
                if (r < 0)
                        return r;
        } else {
                fd = open(seen->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (fd < 0)
                        return phx_error_errno(&seen->error, seen->path);
        }

        directory = fdopendir(fd);
        if (!directory) {
                r = phx_error_errno(&seen->error, seen->path);
                (void) close(fd);
                return r;
        }
        r = files_read_names(directory, &seen->names);
        (void) closedir(directory);
        if (r < 0)
                return phx_error_set(&seen->error, r, "%s: %s", seen->path, strerrordesc_np(-r));
        return 0;
}

const struct phx_directory_seen *phx_files_list(struct phx_files *files, const char *path) {
        struct phx_directory_seen *seen = calloc(1, sizeof(*seen)), *const * found;

        if (!seen || phx_replace(&seen->path, path) < 0) {
                free(seen);
                return NULL;
        }
        found = tsearch(seen, &files->directories, compare_directories);
        if (!found || *found != seen) {
                directory_free(seen);
                return found ? *found : NULL;
        }
        seen->result = list_now(files, seen);
        return seen;
}

int phx_files_watch(const struct phx_files *files, const char *path, struct phx_strings *watches) {
        phx_autofree char *name = machine_path(files, path);

        return name ? phx_watches_add_file(watches, name) : -ENOMEM;
}
