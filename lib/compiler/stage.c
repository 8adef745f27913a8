/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "compiler/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/strings.h"

struct stage {
        const char *name; /* of the profile */
        const char *directory;
        gid_t group;
        struct phx_error *error;
};

/* No message names its place: offline it is a temporary one. */
static int stage_fail(const struct stage *stage, const char *path) {
        const char *why = strerrordesc_np(-phx_errno());

        path += strlen(stage->directory);
        return phx_error_set_in(
                        stage->error,
                        -EIO,
                        stage->name,
                        "cannot copy '%s' for the compiler: %s",
                        *path == '/' ? path + 1 : stage->name,
                        why);
}

static int make_directory(const struct stage *stage, const char *path) {
        if (mkdir(path, 0750) < 0)
                return errno == EEXIST ? 0 : stage_fail(stage, path);
        /* Against the umask, and for the compile's group. */
        if (chown(path, (uid_t) -1, stage->group) < 0 || chmod(path, 0750) < 0)
                return stage_fail(stage, path);
        return 0;
}

/* The directories between the stage and PATH. */
static int make_parents(const struct stage *stage, char *path) {
        char *from = path + strlen(stage->directory) + 1;

        for (char *slash = strchr(from, '/'); slash; slash = strchr(slash + 1, '/')) {
                int r;

                *slash = '\0';
                r = make_directory(stage, path);
                *slash = '/';
                if (r < 0)
                        return r;
        }
        return 0;
}

static int make_file(const struct stage *stage, const char *path, const char *text, size_t size) {
        phx_autoclose int fd = -1;
        size_t done = 0;

        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
        if (fd < 0 || fchown(fd, (uid_t) -1, stage->group) < 0 || fchmod(fd, 0640) < 0)
                return stage_fail(stage, path);
        while (done < size) {
                ssize_t n = write(fd, text + done, size - done);

                if (n < 0 && errno != EINTR)
                        return stage_fail(stage, path);
                done += n > 0 ? (size_t) n : 0;
        }
        return 0;
}

static int put(const struct stage *stage, const char *name, const struct phx_file_seen *seen) {
        phx_autofree char *path = NULL;
        int r;

        if (phx_printf(&path, "%s/%s", stage->directory, name) < 0)
                return -ENOMEM;
        r = make_parents(stage, path);
        if (r < 0)
                return r;
        return seen ? make_file(stage, path, seen->text, seen->size) : make_directory(stage, path);
}

static int put_include(
                const struct stage *stage,
                const struct phx_include *include,
                struct phx_files *files) {
        const struct phx_file_seen *seen;

        if (!include->path)
                return 0;
        if (strcmp(include->digest, "directory") == 0)
                return put(stage, include->name, NULL);
        seen = phx_files_get(files, include->path);
        return seen ? put(stage, include->name, seen) : -ENOMEM;
}

static bool is_put(const struct phx_stage_content *contents, size_t count, const char *name) {
        for (size_t i = 0; i < count; i++)
                if (phx_closure_find(contents[i].closure, name))
                        return true;
        return false;
}

/* The last of COUNT: what the others have is there. */
static int put_content(
                const struct stage *stage,
                const struct phx_stage_content *contents,
                size_t count) {
        const struct phx_stage_content *content = &contents[count - 1];
        const struct phx_closure *closure = content->closure;
        int r;

        r = put(stage, content->name, content->profile);
        /* A profile may include itself; it is there already, and the compiler will speak of it. */
        for (size_t i = 0; r >= 0 && i < closure->count; i++)
                if (strcmp(closure->items[i].name, content->name) != 0 &&
                    !is_put(contents, count - 1, closure->items[i].name))
                        r = put_include(stage, &closure->items[i], content->files);
        return r;
}

int phx_stage_create(
                const char *directory,
                gid_t group,
                const struct phx_stage_content *contents,
                size_t count,
                struct phx_error *error) {
        struct stage stage = { contents->name, directory, group, error };
        int r;

        r = phx_stage_remove(directory);
        if (r < 0)
                return phx_error_set_in(
                                error,
                                r,
                                contents->name,
                                "%s: %s",
                                directory,
                                strerrordesc_np(-r));
        r = make_directory(&stage, directory);
        for (size_t i = 0; r >= 0 && i < count; i++) {
                stage.name = contents[i].name;
                r = put_content(&stage, contents, i + 1);
        }
        if (r < 0)
                (void) phx_stage_remove(directory);
        return r < 0 ? r : 0;
}

int phx_stage_add(
                const char *directory,
                const char *name,
                gid_t group,
                const char *text,
                struct phx_error *error) {
        const struct stage stage = { name, directory, group, error };
        phx_autofree char *path = NULL;

        (void) phx_stage_subtract(directory, name);
        if (phx_printf(&path, "%s/%s", directory, name) < 0)
                return -ENOMEM;
        return make_file(&stage, path, text, strlen(text));
}

bool phx_stage_has(const char *directory, const char *name, gid_t group) {
        phx_autofree char *path = NULL;
        struct stat st;

        return phx_printf(&path, "%s/%s", directory, name) >= 0 && lstat(path, &st) >= 0 &&
               S_ISREG(st.st_mode) && st.st_gid == group;
}

int phx_stage_subtract(const char *directory, const char *name) {
        phx_autofree char *path = NULL;

        if (phx_printf(&path, "%s/%s", directory, name) < 0)
                return -ENOMEM;
        return unlink(path) < 0 && errno != ENOENT ? phx_errno() : 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

int phx_stage_remove(const char *directory) {
        if (nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) < 0 &&
            errno != ENOENT)
                return phx_errno();
        return 0;
}
