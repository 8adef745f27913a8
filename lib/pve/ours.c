/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "pve/ours.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/sorted.h"
#include "base/strings.h"

struct ours_look {
        const char *top; /* the path of phoenixd/ */
        struct phx_pve_files files;
        time_t now;
        struct phx_error *error;
};

void phx_pve_files_done(struct phx_pve_files *files) {
        free(files->items);
        *files = (struct phx_pve_files){ 0 };
}

static int ours_refuse(const struct ours_look *look, int code, const char *path, const char *what) {
        return phx_error_set(look->error, code, "%s/%s: %s", look->top, path, what);
}

/* Room for twice as many whenever their number is a power of two: with one by one, each that is
 * added could be a copy of all. */
static struct phx_pve_file *ours_grow(struct phx_pve_files *files) {
        size_t count = files->count;
        struct phx_pve_file *items;

        if ((count & (count - 1)) == 0) {
                items = reallocarray(files->items, count > 0 ? 2 * count : 1, sizeof(*items));
                if (!items)
                        return NULL;
                files->items = items;
        }
        return &files->items[files->count++];
}

static int ours_add(struct ours_look *look, const char *path, const struct stat *st) {
        struct phx_pve_file *file;

        if (strlen(path) >= PHX_PVE_OURS_PATH)
                return ours_refuse(look, -ENAMETOOLONG, path, "the path is too long");
        /* As in base/trust.h: only its owner can have written it. */
        if (st->st_uid != geteuid() || (st->st_mode & 0022))
                return ours_refuse(
                                look,
                                -EPERM,
                                path,
                                "is not root's alone, expected no other owner or writer");
        if (look->files.count >= PHX_PVE_OURS_ENTRIES)
                return ours_refuse(look, -E2BIG, path, "too many files, expected at most 8192");
        file = ours_grow(&look->files);
        if (!file)
                return -ENOMEM;
        *file = (struct phx_pve_file){
                .size = S_ISDIR(st->st_mode) ? 0 : (uint64_t) st->st_size,
                .mtime = st->st_mtim.tv_sec,
                .is_directory = S_ISDIR(st->st_mode),
                .is_young = st->st_mtim.tv_sec + PHX_PVE_YOUNG_SEC >= look->now,
        };
        memcpy(file->path, path, strlen(path) + 1);
        return 0;
}

static int ours_list(struct ours_look *look, DIR *directory, const char *path, unsigned depth);

static int ours_enter(
                struct ours_look *look,
                DIR *parent,
                const char *name,
                const char *path,
                unsigned depth) {
        phx_cleanup(phx_closedirp) DIR *directory = NULL;
        int r;

        if (depth > PHX_PVE_OURS_DEPTH)
                return ours_refuse(look, -ELOOP, path, "the directory is nested too deeply");
        r = phx_directory_open(dirfd(parent), name, &directory);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        return ours_list(look, directory, path, depth);
}

/* What is gone between the listing and the look at it is no part of the list. */
static int ours_take(
                struct ours_look *look,
                DIR *parent,
                const char *name,
                const char *path,
                unsigned depth) {
        struct stat st;
        int r;

        if (fstatat(dirfd(parent), name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : phx_errno();
        if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
                return 0;
        r = ours_add(look, path, &st);
        return r < 0 || S_ISREG(st.st_mode) ? r : ours_enter(look, parent, name, path, depth + 1);
}

static int ours_list(struct ours_look *look, DIR *directory, const char *path, unsigned depth) {
        const struct dirent *entry;
        int r = 0;

        for (errno = 0; r >= 0 && (entry = readdir(directory)); errno = 0) {
                phx_autofree char *below = NULL;

                if (entry->d_name[0] == '.')
                        continue;
                if (phx_printf(&below, "%s%s%s", path, path[0] ? "/" : "", entry->d_name) < 0)
                        return -ENOMEM;
                r = ours_take(look, directory, entry->d_name, below, depth);
        }
        return r < 0 || errno == 0 ? r : phx_errno();
}

static int files_compare(const void *a, const void *b) {
        const struct phx_pve_file *one = a, *other = b;

        return strcmp(one->path, other->path);
}

static int files_compare_path(const void *path, const void *file) {
        return strcmp(path, ((const struct phx_pve_file *) file)->path);
}

const struct phx_pve_file *phx_pve_files_find(const struct phx_pve_files *files, const char *path) {
        return phx_find_sorted(
                        path,
                        files->items,
                        files->count,
                        sizeof(*files->items),
                        files_compare_path);
}

static enum phx_pve_outcome ours_find(
                const struct phx_pve_place *place,
                char **ret_top,
                struct phx_error *error) {
        struct phx_pve_state state;
        enum phx_pve_outcome outcome = phx_pve_get_mount(place, &state, error);

        if (outcome == PHX_PVE_OUTCOME_DONE &&
            phx_printf(ret_top, "%s/" PHX_PVE_OURS, place->root) < 0)
                return phx_pve_refuse(error, -ENOMEM, place->root);
        return outcome;
}

int phx_pve_list_files_below(
                const char *top,
                struct phx_pve_files *ret_files,
                struct phx_error *error) {
        struct ours_look look = { .top = top, .now = time(NULL), .error = error };
        phx_cleanup(phx_closedirp) DIR *directory = NULL;
        int r;

        r = phx_directory_open(AT_FDCWD, top, &directory);
        if (r == -ENOENT)
                return 0;
        if (r >= 0)
                r = ours_list(&look, directory, "", 1);
        if (r < 0) {
                phx_pve_files_done(&look.files);
                return r;
        }
        if (look.files.count > 0)
                qsort(look.files.items, look.files.count, sizeof(*look.files.items), files_compare);
        *ret_files = look.files;
        return 0;
}

/* With a text of its own; reading a list is never refused with -EPERM by the file system. */
static bool ours_is_refused(int code) {
        return code == -E2BIG || code == -ELOOP || code == -ENAMETOOLONG || code == -EPERM;
}

enum phx_pve_outcome phx_pve_list_files(
                const struct phx_pve_place *place,
                struct phx_pve_files *ret_files,
                struct phx_error *error) {
        phx_autofree char *top = NULL;
        enum phx_pve_outcome outcome;
        int r;

        outcome = ours_find(place, &top, error);
        if (outcome != PHX_PVE_OUTCOME_DONE)
                return outcome;
        r = phx_pve_list_files_below(top, ret_files, error);
        if (r >= 0)
                return PHX_PVE_OUTCOME_DONE;
        return ours_is_refused(r) ? PHX_PVE_OUTCOME_FAILED : phx_pve_refuse(error, r, top);
}

/* No component of it leads out of the directory, or to a file that is never listed. */
static bool ours_is_path(const char *path) {
        return path[0] != '\0' && path[0] != '/' && path[0] != '.' && !strstr(path, "/.");
}

static int ours_read(const char *path, char **ret_data, size_t *ret_size) {
        phx_autoclose int fd = open(
                        path,
                        O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

        return fd < 0 ? phx_errno() : phx_pve_read_fd(fd, ret_data, ret_size);
}

enum phx_pve_outcome phx_pve_read_file(
                const struct phx_pve_place *place,
                const char *path,
                char **ret_data,
                size_t *ret_size,
                struct phx_error *error) {
        phx_autofree char *top = NULL, *whole = NULL;
        enum phx_pve_outcome outcome;
        int r = -ESTALE;

        outcome = ours_find(place, &top, error);
        if (outcome != PHX_PVE_OUTCOME_DONE)
                return outcome;
        if (!ours_is_path(path))
                return phx_pve_refuse(error, -EINVAL, top);
        if (phx_printf(&whole, "%s/%s", top, path) < 0)
                return phx_pve_refuse(error, -ENOMEM, top);
        for (int look = 0; look < PHX_PVE_LOOKS && (r == -ESTALE || r == -ENOENT); look++) {
                if (look > 0)
                        phx_pve_pause(PHX_PVE_PAUSE_USEC);
                r = ours_read(whole, ret_data, ret_size);
        }
        if (r == -ENOENT)
                r = -ESTALE;
        return r < 0 ? phx_pve_refuse(error, r, whole) : PHX_PVE_OUTCOME_DONE;
}
