/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Each look begins here. For each node there are three answers, from the cheapest to the dearest:
 *
 *   believed   the scope says that nothing was heard of it: no call
 *   the same   one fstatat() from the directory, which is judged once a look, gives the stamp that
 *              the content was read with, and that stamp was settled
 *   read       as for the first time; but when the content is the same, it counts as no change
 *
 * Of a file that is known from before a restart (files_kept.c) the text is read when it is first
 * asked for; should it be another one by then, that is a change like any other.
 *
 * What is not there counts as changed also when more of the way to it is there than before: then
 * other directories are to be watched.
 *
 * What is not used any more is not watched, but stays till the next look at everything. If such a
 * node may be asked for again, phx_files_check() checks it then.
 *
 * A node that was reached over a link, or was refused, is read in each look: an event may come from
 * anywhere. Directories are listed in each look at everything; with a scope, only the entries that
 * it names are asked about. */

#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "source/files_private.h"

struct refresh {
        struct phx_files *files;
        const struct phx_scope *scope; /* NULL: everything */
        struct phx_files_node **unused;
        size_t unused_count;
};

static bool is_entry_of(const char *directory, const char *path) {
        size_t size = strlen(directory);

        return strncmp(path, directory, size) == 0 && path[size] == '/' &&
               !strchr(path + size + 1, '/');
}

/* Something was heard of it, or of a directory above. */
static bool is_named(const struct phx_scope *scope, const struct phx_files_node *node) {
        if (!scope || !node->is_plain)
                return true;
        for (size_t i = 0; i < scope->paths.count; i++) {
                size_t size = strlen(scope->paths.items[i]);

                if (strncmp(node->path, scope->paths.items[i], size) == 0 &&
                    (node->path[size] == '\0' || node->path[size] == '/'))
                        return true;
        }
        return false;
}

/* --- files --- */

static bool refresh_is_absent(const struct phx_files_node *node, size_t reach) {
        return node->file.result == -ENOENT && node->reach == reach;
}

static bool is_same_file(struct phx_files *files, const struct phx_files_node *node) {
        const struct phx_way *way;
        struct phx_stamp stamp;
        struct stat st;

        if (!files->trust || !node->is_plain || node->file.result == -EBUSY)
                return false;
        way = phx_ways_to_parent(&files->ways, node->path);
        if (!way || way->kind == PHX_WAY_OTHER)
                return false;
        if (way->kind == PHX_WAY_ABSENT)
                return refresh_is_absent(node, way->reach);
        if (fstatat(way->fd, strrchr(node->path, '/') + 1, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT && refresh_is_absent(node, strlen(way->path));
        if (node->file.result == -EINVAL)
                return S_ISDIR(st.st_mode) && phx_trust_accepts(files->trust, &st);
        stamp = phx_stamp_of(&st);
        return node->file.result >= 0 && node->is_settled && phx_stamp_equal(&stamp, &node->stamp);
}

static bool refresh_is_same_error(const struct phx_error *a, const struct phx_error *b) {
        return strcmp(a ? a->text : "", b ? b->text : "") == 0;
}

/* Another file that a link leads to is to be watched elsewhere, whatever its text. */
static bool is_same_content(const struct phx_files_node *node, const struct phx_files_node *again) {
        const struct phx_file_seen *a = &node->file, *b = &again->file;

        if (b->is_linked &&
            (node->stamp.inode != again->stamp.inode || node->stamp.device != again->stamp.device))
                return false;
        return a->result == b->result && node->reach == again->reach &&
               a->is_linked == b->is_linked && strcmp(a->digest, b->digest) == 0 &&
               refresh_is_same_error(a->error, b->error);
}

/* The node stays where it is. */
static void refresh_take(
                struct phx_files *files,
                struct phx_files_node *node,
                struct phx_files_node *again) {
        bool is_same = is_same_content(node, again);

        free(node->file.text);
        free(node->file.error);
        again->file.path = node->file.path;
        node->file = again->file;
        node->stamp = again->stamp;
        node->is_settled = again->is_settled;
        node->is_plain = again->is_plain;
        node->reach = again->reach;
        if (is_same)
                return;
        phx_references_done(&node->references);
        node->is_scanned = false;
        node->changed = ++files->version;
}

void phx_files_load(struct phx_files *files, struct phx_files_node *node) {
        struct phx_files_node again = { .path = node->path };

        phx_files_read(files, &again);
        refresh_take(files, node, &again);
}

static void refresh_file(struct phx_files *files, struct phx_files_node *node) {
        if (!is_same_file(files, node))
                phx_files_load(files, node);
}

/* --- directories --- */

/* What the listing would say about one entry, as it is now. */
static bool is_listed(int dir_fd, const char *name) {
        struct stat st;

        if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return false;
        if (S_ISLNK(st.st_mode))
                return fstatat(dir_fd, name, &st, 0) < 0 || !S_ISDIR(st.st_mode);
        return !S_ISDIR(st.st_mode);
}

/* With a scope that names entries alone, or nothing of it: whether these are there, or not, as
 * before. One that is not there has none, and is named when it appears. */
static bool are_same_entries(
                struct phx_files *files,
                const struct phx_files_node *node,
                const struct phx_scope *scope) {
        const struct phx_way *way = NULL;

        if (!scope || is_named(scope, node) ||
            (node->directory.result < 0 && node->directory.result != -ENOENT))
                return false;
        for (size_t i = 0; i < scope->paths.count; i++) {
                const char *path = scope->paths.items[i], *name = strrchr(path, '/');

                if (!is_entry_of(node->path, path))
                        continue;
                if (!way)
                        way = phx_ways_to(&files->ways, node->path);
                if (!way || way->kind != PHX_WAY_OPEN ||
                    is_listed(way->fd, name + 1) !=
                                    phx_strings_has_sorted(&node->directory.names, name + 1))
                        return false;
        }
        return true;
}

static void refresh_directory(
                struct phx_files *files,
                struct phx_files_node *node,
                const struct phx_scope *scope) {
        struct phx_files_node again = { .path = node->path, .is_directory = true };
        struct phx_directory_seen *seen = &node->directory;
        bool is_same;

        if (are_same_entries(files, node, scope))
                return;
        again.directory.path = seen->path;
        phx_files_read_directory(files, &again);
        is_same = again.directory.result == seen->result &&
                  phx_strings_equal(&again.directory.names, &seen->names) &&
                  refresh_is_same_error(again.directory.error, seen->error);
        phx_strings_done(&seen->names);
        free(seen->error);
        *seen = again.directory;
        node->is_plain = again.is_plain;
        if (!is_same)
                node->changed = ++files->version;
}

/* --- all of them --- */

void phx_files_refresh_node(struct phx_files *files, struct phx_files_node *node) {
        if (node->is_directory)
                refresh_directory(files, node, NULL);
        else
                refresh_file(files, node);
}

static void refresh_visit(const void *data, VISIT visit, void *closure) {
        struct phx_files_node *const *place = data, *node = *place;
        struct refresh *refresh = closure;

        if (visit != postorder && visit != leaf)
                return;
        if (!refresh->scope && node->used < refresh->files->whole) {
                refresh->unused[refresh->unused_count++] = node;
                return;
        }
        if (node->is_directory)
                refresh_directory(refresh->files, node, refresh->scope);
        else if (is_named(refresh->scope, node))
                refresh_file(refresh->files, node);
}

static void refresh_count(const void *data, VISIT visit, void *closure) {
        size_t *count = closure;

        *count += visit == postorder || visit == leaf;
}

const struct phx_scope *phx_files_scope(
                const struct phx_files *files,
                const struct phx_scope *scope) {
        return files->whole > 0 && scope && !scope->is_whole ? scope : NULL;
}

int phx_files_refresh(struct phx_files *files, const struct phx_scope *scope) {
        phx_autofree struct phx_files_node **unused = NULL;
        struct refresh refresh = { .files = files };
        size_t count = 0;

        refresh.scope = phx_files_scope(files, scope);
        twalk_r(files->nodes, refresh_count, &count);
        unused = calloc(count + 1, sizeof(*unused));
        if (!unused)
                return -ENOMEM;
        refresh.unused = unused;
        phx_files_rest(files);
        files->look++;
        twalk_r(files->nodes, refresh_visit, &refresh);
        if (!refresh.scope)
                files->whole = files->look;
        for (size_t i = 0; i < refresh.unused_count; i++) {
                (void) tdelete(unused[i], &files->nodes, phx_files_compare);
                phx_files_node_free(unused[i]);
        }
        return 0;
}

/* --- what an event may mean --- */

struct covering {
        const struct phx_strings *roots;
        const char *path;
        bool is_covered;
};

static bool is_below(const struct phx_strings *roots, const char *path) {
        for (size_t i = 0; i < roots->count; i++) {
                size_t size = strlen(roots->items[i]);

                if (strncmp(path, roots->items[i], size) == 0 && path[size] == '/')
                        return true;
        }
        return false;
}

/* Both are in the same directory. */
static bool is_beside(const char *path, const char *other) {
        size_t size = (size_t) (strrchr(path, '/') - path);

        return strncmp(path, other, size + 1) == 0 && !strchr(other + size + 1, '/');
}

static void cover_visit(const void *data, VISIT visit, void *closure) {
        const struct phx_files_node *const *place = data, *node = *place;
        struct covering *covering = closure;

        if ((visit != postorder && visit != leaf) || !node->is_plain || covering->is_covered)
                return;
        covering->is_covered = strcmp(node->path, covering->path) == 0 ||
                               (node->is_directory && is_entry_of(node->path, covering->path)) ||
                               (is_beside(covering->path, node->path) &&
                                is_below(covering->roots, covering->path));
}

bool phx_files_covers(
                const struct phx_files *files,
                const struct phx_strings *roots,
                const char *path) {
        struct covering covering = { roots, path, false };

        if (path[0] == '/')
                twalk_r(files->nodes, cover_visit, &covering);
        return covering.is_covered;
}
