/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "pve/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/strings.h"

struct phx_pve_copy {
        struct phx_pve_worker *worker;
        char *top;                  /* of the copy of phoenixd/ */
        struct phx_pve_files known; /* as of the files that were copied last */
};

/* What was read of a file; without data it is as it was. */
struct copy_text {
        char *data;
        size_t size;
};

int phx_pve_copy_new(
                struct phx_pve_worker *worker,
                const char *directory,
                struct phx_pve_copy **ret_copy) {
        phx_cleanup(phx_pve_copy_freep) struct phx_pve_copy *copy = calloc(1, sizeof(*copy));

        if (!copy)
                return -ENOMEM;
        copy->worker = worker;
        if (phx_printf(&copy->top, "%s/" PHX_PVE_OURS, directory) < 0)
                return -ENOMEM;
        *ret_copy = PHX_TAKE(copy);
        return 0;
}

struct phx_pve_copy *phx_pve_copy_free(struct phx_pve_copy *copy) {
        if (!copy)
                return NULL;
        free(copy->top);
        phx_pve_files_done(&copy->known);
        free(copy);
        return NULL;
}

static int copy_failed(const struct phx_pve_copy *copy, int code, struct phx_error *error) {
        return phx_error_set(error, code, "%s: %s", copy->top, strerrordesc_np(-code));
}

/* For the caller, anything that passes by itself is one. */
static int copy_code_of(enum phx_pve_outcome outcome, const struct phx_error *error) {
        if (outcome == PHX_PVE_OUTCOME_DONE)
                return 0;
        return outcome == PHX_PVE_OUTCOME_NOT_NOW ? -EAGAIN : error->code;
}

static int copy_list(
                const struct phx_pve_copy *copy,
                struct phx_pve_files *ret_files,
                struct phx_error *error) {
        phx_pve_files_done(ret_files);
        return copy_code_of(phx_pve_worker_list_ours(copy->worker, ret_files, error), error);
}

static bool copy_has(const struct phx_pve_files *files, const struct phx_pve_file *file) {
        const struct phx_pve_file *found = phx_pve_files_find(files, file->path);

        return found && found->is_directory == file->is_directory;
}

/* Drops from THERE, files of the copy, those that are in FILES. */
static void keep_missing(struct phx_pve_files *there, const struct phx_pve_files *files) {
        size_t kept = 0;

        for (size_t i = 0; i < there->count; i++)
                if (!copy_has(files, &there->items[i]))
                        there->items[kept++] = there->items[i];
        there->count = kept;
}

/* A directory may have what a crash left of a replacement. */
static int copy_remove(
                const struct phx_pve_copy *copy,
                int top_fd,
                const struct phx_pve_file *file,
                struct phx_error *error) {
        phx_autoclose int fd = -1;

        if (file->is_directory) {
                fd = openat(top_fd, file->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
                if (fd >= 0)
                        (void) phx_file_remove_leftovers(fd);
        }
        if (unlinkat(top_fd, file->path, file->is_directory ? AT_REMOVEDIR : 0) < 0 &&
            errno != ENOENT)
                return copy_failed(copy, phx_errno(), error);
        return 0;
}

/* Those of the copy that are missing at each look. */
static int copy_find_gone(
                const struct phx_pve_copy *copy,
                const struct phx_pve_files *files,
                struct phx_pve_files *ret_gone,
                struct phx_error *error) {
        phx_cleanup(phx_pve_files_done) struct phx_pve_files there = { 0 }, now = { 0 };
        int r = phx_pve_list_files_below(copy->top, &there, error);

        if (r < 0)
                return copy_failed(copy, r, error);
        keep_missing(&there, files);
        for (int look = 1; look < PHX_PVE_LOOKS && there.count > 0; look++) {
                phx_pve_pause(PHX_PVE_PAUSE_USEC);
                r = copy_list(copy, &now, error);
                if (r < 0)
                        return r;
                keep_missing(&there, &now);
        }
        *ret_gone = PHX_TAKE_STRUCT(there);
        return 0;
}

/* A directory after what was in it. */
static int copy_remove_gone(
                const struct phx_pve_copy *copy,
                int top_fd,
                const struct phx_pve_files *gone,
                struct phx_error *error) {
        int r = 0;

        for (size_t i = gone->count; r >= 0 && i > 0; i--)
                r = copy_remove(copy, top_fd, &gone->items[i - 1], error);
        return r < 0 ? r : gone->count > 0;
}

/* A directory has taken the place of a file, or a file that of a directory. */
static bool copy_is_in_the_way(
                const struct phx_pve_files *gone,
                const struct phx_pve_files *files) {
        for (size_t i = 0; i < gone->count; i++)
                if (phx_pve_files_find(files, gone->items[i].path))
                        return true;
        return false;
}

static int copy_make_directory(
                const struct phx_pve_copy *copy,
                int top_fd,
                const char *path,
                struct phx_error *error) {
        if (mkdirat(top_fd, path, 0700) == 0)
                return 1;
        return errno == EEXIST ? 0 : copy_failed(copy, phx_errno(), error);
}

/* Its directory stands before it in the list. */
static int copy_store(
                const struct phx_pve_copy *copy,
                const char *path,
                const char *data,
                size_t size,
                struct phx_error *error) {
        phx_autofree char *whole = NULL;
        phx_autoclose int fd = -1;
        char *base;
        int r;

        if (phx_printf(&whole, "%s/%s", copy->top, path) < 0)
                return copy_failed(copy, -ENOMEM, error);
        base = strrchr(whole, '/');
        *base++ = '\0';
        fd = open(whole, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        r = fd < 0 ? phx_errno() : phx_file_ensure_at(fd, base, data, size, 0600);
        return r < 0 ? copy_failed(copy, r, error) : r;
}

/* The same size and time say nothing where the time was the present at the last look. */
static bool copy_is_known(const struct phx_pve_copy *copy, const struct phx_pve_file *file) {
        const struct phx_pve_file *known = phx_pve_files_find(&copy->known, file->path);

        return known && !known->is_young && !known->is_directory && known->size == file->size &&
               known->mtime == file->mtime;
}

/* What is other than it was is read before anything of the copy is changed: where the cluster file
 * system stops answering on the way, the copy is as it was. TEXTS has one for each file. */
static int copy_read(
                const struct phx_pve_copy *copy,
                const struct phx_pve_files *files,
                struct copy_text *texts,
                struct phx_error *error) {
        for (size_t i = 0; i < files->count; i++) {
                const struct phx_pve_file *file = &files->items[i];
                int r;

                if (file->is_directory || copy_is_known(copy, file))
                        continue;
                r = copy_code_of(
                                phx_pve_worker_read_ours(
                                                copy->worker,
                                                file->path,
                                                &texts[i].data,
                                                &texts[i].size,
                                                error),
                                error);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int copy_write(
                const struct phx_pve_copy *copy,
                int top_fd,
                const struct phx_pve_files *files,
                const struct copy_text *texts,
                struct phx_error *error) {
        int r = 0, changed = 0;

        for (size_t i = 0; r >= 0 && i < files->count; i++) {
                const struct phx_pve_file *file = &files->items[i];

                if (file->is_directory)
                        r = copy_make_directory(copy, top_fd, file->path, error);
                else if (texts[i].data)
                        r = copy_store(copy, file->path, texts[i].data, texts[i].size, error);
                else
                        r = 0;
                changed |= r;
        }
        return r < 0 ? r : changed;
}

static int copy_open_top(const struct phx_pve_copy *copy, int *ret_fd, struct phx_error *error) {
        int r = phx_directory_ensure(copy->top, 0700);

        if (r >= 0) {
                *ret_fd = open(copy->top, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
                r = *ret_fd < 0 ? phx_errno() : 0;
        }
        return r < 0 ? copy_failed(copy, r, error) : 0;
}

static void copy_texts_free(struct copy_text *texts, size_t count) {
        for (size_t i = 0; texts && i < count; i++)
                free(texts[i].data);
        free(texts);
}

/* What is new comes before what is gone goes, where both have room: a crash in between leaves no
 * profile without its file. */
static int copy_follow(
                const struct phx_pve_copy *copy,
                const struct phx_pve_files *files,
                struct phx_error *error) {
        phx_cleanup(phx_pve_files_done) struct phx_pve_files gone = { 0 };
        struct copy_text *texts = calloc(files->count + 1, sizeof(*texts));
        phx_autoclose int top_fd = -1;
        int r, changed = 0;

        r = texts ? copy_read(copy, files, texts, error) : copy_failed(copy, -ENOMEM, error);
        if (r >= 0)
                r = copy_open_top(copy, &top_fd, error);
        if (r >= 0)
                r = copy_find_gone(copy, files, &gone, error);
        if (r >= 0 && copy_is_in_the_way(&gone, files)) {
                r = changed = copy_remove_gone(copy, top_fd, &gone, error);
                phx_pve_files_done(&gone);
        }
        if (r >= 0)
                r = copy_write(copy, top_fd, files, texts, error);
        changed |= r;
        if (r >= 0)
                r = copy_remove_gone(copy, top_fd, &gone, error);
        copy_texts_free(texts, files->count);
        return r < 0 ? r : changed | r;
}

int phx_pve_copy_refresh(struct phx_pve_copy *copy, struct phx_error *error) {
        phx_cleanup(phx_pve_files_done) struct phx_pve_files files = { 0 };
        int r;

        r = copy_list(copy, &files, error);
        if (r >= 0)
                r = copy_follow(copy, &files, error);
        /* What was not copied must not be taken for known. */
        phx_pve_files_done(&copy->known);
        if (r >= 0)
                copy->known = PHX_TAKE_STRUCT(files);
        return r;
}

void phx_pve_copy_forget(struct phx_pve_copy *copy) {
        phx_pve_files_done(&copy->known);
}
