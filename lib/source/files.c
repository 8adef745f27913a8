/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A node is a file or a directory that somebody has asked for, with the answer; what is not there
 * is a node as well. A path that was asked for as a file and as a directory has two. Nodes stay
 * where they are until they are forgotten, so that others may keep pointers to them, and their
 * answers are brought up to date by files_refresh.c. */

#include "source/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/grow.h"
#include "source/files_private.h"

int phx_files_new(const struct phx_trust *trust, struct phx_files **ret_files) {
        struct phx_files *files = calloc(1, sizeof(*files));

        if (!files)
                return -ENOMEM;
        files->trust = files->ways.trust = trust;
        *ret_files = files;
        return 0;
}

void phx_files_node_free(struct phx_files_node *node) {
        phx_references_done(&node->references);
        free(node->file.path);
        free(node->file.text);
        free(node->file.error);
        phx_strings_done(&node->directory.names);
        free(node->directory.error);
        free(node->directory.path);
        free(node);
}

static void files_free_node(void *data) {
        phx_files_node_free(data);
}

void phx_files_forget(struct phx_files *files) {
        tdestroy(files->nodes, files_free_node);
        files->nodes = NULL;
        phx_files_rest(files);
}

struct phx_files *phx_files_free(struct phx_files *files) {
        if (!files)
                return NULL;

        phx_files_forget(files);
        free(files);

        return NULL;
}

uint64_t phx_files_version(const struct phx_files *files) {
        return files->version;
}

int phx_files_compare(const void *a, const void *b) {
        const struct phx_files_node *x = a, *y = b;
        int order = strcmp(x->path, y->path);

        return order ? order : (int) x->is_directory - (int) y->is_directory;
}

/* --- files --- */

static int files_take(struct phx_files_node *node, struct phx_trust_file *file) {
        node->file.text = PHX_TAKE(file->data);
        node->file.size = file->size;
        node->stamp = file->stamp;
        node->is_settled = file->is_settled;
        return 0;
}

/* What is included by its name may be a directory: its files are listed then. */
static bool files_is_plain_directory(
                const struct phx_files *files,
                const struct phx_way *way,
                const char *path) {
        struct stat st;

        return fstatat(way->fd, strrchr(path, '/') + 1, &st, AT_SYMLINK_NOFOLLOW) >= 0 &&
               S_ISDIR(st.st_mode) && phx_trust_accepts(files->trust, &st);
}

/* By the directory that was judged already; true when there is an answer, else the way is to be
 * walked. */
static bool files_read_in(struct phx_files *files, struct phx_files_node *node) {
        const struct phx_way *way = phx_ways_to_parent(&files->ways, node->path);
        struct phx_trust_file file = { 0 };
        struct phx_error error = { 0 };
        int r;

        if (!way || way->kind == PHX_WAY_OTHER)
                return false;
        r = way->kind == PHX_WAY_ABSENT ? phx_error_set_in(
                                                          &error,
                                                          -ENOENT,
                                                          node->path,
                                                          "%s",
                                                          strerrordesc_np(ENOENT))
                                        : phx_trust_read_file(
                                                          files->trust,
                                                          way->fd,
                                                          node->path,
                                                          PHX_FILES_LIMIT,
                                                          &file,
                                                          &error);
        if (r == -EINVAL && files_is_plain_directory(files, way, node->path))
                r = phx_error_set_in(&error, r, node->path, "is not a regular file");
        else if (r < 0 && r != -ENOENT && r != -EBUSY)
                return false;
        node->is_plain = true;
        node->file.result = r;
        node->file.error = phx_error_keep(&error, r);
        if (r == -ENOENT)
                node->reach = way->kind == PHX_WAY_ABSENT ? way->reach : strlen(way->path);
        return r < 0 || files_take(node, &file) == 0;
}

static void files_read_by_way(const struct phx_files *files, struct phx_files_node *node) {
        struct phx_trust trust = *files->trust;
        struct phx_trust_file file = { 0 };
        struct phx_error error = { 0 };

        trust.is_link_met = &node->file.is_linked;
        node->file.result =
                        phx_trust_read_file(&trust, -1, node->path, PHX_FILES_LIMIT, &file, &error);
        node->file.error = phx_error_keep(&error, node->file.result);
        if (node->file.result >= 0)
                (void) files_take(node, &file);
}

void phx_files_read(struct phx_files *files, struct phx_files_node *node) {
        struct phx_file_seen *seen = &node->file;

        if (!files->trust)
                seen->result = phx_file_read_at(
                                AT_FDCWD,
                                node->path,
                                PHX_FILES_LIMIT,
                                &seen->text,
                                &seen->size);
        else if (!files_read_in(files, node))
                files_read_by_way(files, node);
        if (seen->result >= 0)
                phx_sha256(seen->text, seen->size, seen->digest);
}

/* --- directories --- */

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

static int files_open_directory(
                struct phx_files *files,
                struct phx_files_node *node,
                int *ret_fd,
                struct phx_error *error) {
        const struct phx_way *way;

        if (!files->trust) {
                *ret_fd = open(node->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                return *ret_fd < 0 ? phx_error_errno(error, node->path) : 0;
        }
        way = phx_ways_to(&files->ways, node->path);
        if (way && way->kind == PHX_WAY_ABSENT) {
                node->is_plain = true;
                return phx_error_set_in(error, -ENOENT, node->path, "%s", strerrordesc_np(ENOENT));
        }
        if (!way || way->kind != PHX_WAY_OPEN)
                return phx_trust_open_directory(files->trust, node->path, ret_fd, error);
        *ret_fd = openat(way->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (*ret_fd < 0)
                return phx_error_errno(error, node->path);
        node->is_plain = true;
        return 0;
}

static int list_now(struct phx_files *files, struct phx_files_node *node, struct phx_error *error) {
        struct phx_directory_seen *seen = &node->directory;
        DIR *directory;
        int fd = -1, r;

        r = files_open_directory(files, node, &fd, error);
        if (r < 0)
                return r;
        directory = fdopendir(fd);
        if (!directory) {
                r = phx_error_errno(error, seen->path);
                (void) close(fd);
                return r;
        }
        r = files_read_names(directory, &seen->names);
        (void) closedir(directory);
        if (r < 0)
                return phx_error_set_in(error, r, seen->path, "%s", strerrordesc_np(-r));
        return 0;
}

void phx_files_read_directory(struct phx_files *files, struct phx_files_node *node) {
        struct phx_error error = { 0 };

        node->directory.result = list_now(files, node, &error);
        node->directory.error = phx_error_keep(&error, node->directory.result);
}

/* --- what is asked for --- */

static int files_note(const struct phx_files *files, struct phx_files_node *node) {
        struct phx_files_used *used = files->noting;
        struct phx_files_node **place;

        node->used = files->look;
        if (!used || (used->count > 0 && used->items[used->count - 1] == node))
                return 0;
        place = phx_grow(&used->items, &used->count, sizeof(*used->items));
        if (!place)
                return -ENOMEM;
        *place = node;
        return 0;
}

struct phx_files_node *phx_files_make(
                struct phx_files *files,
                const char *path,
                bool is_directory) {
        struct phx_files_node *node = calloc(1, sizeof(*node));
        char *copy = strdup(path);

        if (!node || !copy) {
                free(node);
                free(copy);
                return NULL;
        }
        node->path = copy;
        node->is_directory = is_directory;
        if (is_directory)
                node->directory.path = copy;
        else
                node->file.path = copy;
        if (!tsearch(node, &files->nodes, phx_files_compare)) {
                phx_files_node_free(node);
                return NULL;
        }
        return node;
}

static struct phx_files_node *files_make_and_read(
                struct phx_files *files,
                const char *path,
                bool is_directory) {
        struct phx_files_node *node = phx_files_make(files, path, is_directory);

        if (node && is_directory)
                phx_files_read_directory(files, node);
        else if (node)
                phx_files_read(files, node);
        return node;
}

/* All is up to date in a look at everything, and what was given away in this look does not change
 * in it. */
static bool files_is_to_check(const struct phx_files *files, const struct phx_files_node *node) {
        return files->is_checking && files->look != files->whole && node->used != files->look;
}

static struct phx_files_node *files_get(
                struct phx_files *files,
                const char *path,
                bool is_directory) {
        const struct phx_files_node key = { .path = path, .is_directory = is_directory };
        struct phx_files_node *const *found = tfind(&key, &files->nodes, phx_files_compare), *node;

        node = found ? *found : files_make_and_read(files, path, is_directory);
        if (found && files_is_to_check(files, node))
                phx_files_refresh_node(files, node);
        return node && files_note(files, node) >= 0 ? node : NULL;
}

const struct phx_file_seen *phx_files_see(struct phx_files *files, const char *path) {
        struct phx_files_node *node = files_get(files, path, false);

        return node ? &node->file : NULL;
}

static struct phx_files_node *files_get_text(struct phx_files *files, const char *path) {
        struct phx_files_node *node = files_get(files, path, false);

        if (node && node->file.result >= 0 && !node->file.text)
                phx_files_load(files, node);
        return node;
}

const struct phx_file_seen *phx_files_get(struct phx_files *files, const char *path) {
        struct phx_files_node *node = files_get_text(files, path);

        return node ? &node->file : NULL;
}

const struct phx_directory_seen *phx_files_list(struct phx_files *files, const char *path) {
        struct phx_files_node *node = files_get(files, path, true);

        return node ? &node->directory : NULL;
}

const struct phx_references *phx_files_references(struct phx_files *files, const char *path) {
        struct phx_files_node *node = files_get_text(files, path);

        if (!node)
                return NULL;
        if (!node->is_scanned && node->file.result >= 0 &&
            phx_references_scan(node->file.text, node->file.size, &node->references) < 0)
                return NULL;
        node->is_scanned = true;
        return &node->references;
}

void phx_files_note(struct phx_files *files, struct phx_files_used *used) {
        files->noting = used;
}

void phx_files_check(struct phx_files *files, bool is_on) {
        files->is_checking = is_on;
}

uint64_t phx_files_used_version(const struct phx_files_used *used) {
        uint64_t version = 0;

        for (size_t i = 0; i < used->count; i++)
                if (used->items[i]->changed > version)
                        version = used->items[i]->changed;
        return version;
}

uint64_t phx_files_used_changed(const struct phx_files_used *used, size_t at) {
        return used->items[at]->changed;
}

void phx_files_use(const struct phx_files *files, const struct phx_files_used *used) {
        for (size_t i = 0; i < used->count; i++)
                used->items[i]->used = files->look;
}

void phx_files_used_done(struct phx_files_used *used) {
        free(used->items);
        *used = (struct phx_files_used){ 0 };
}
