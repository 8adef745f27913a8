/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A path is walked one component at a time with O_PATH | O_NOFOLLOW, so that the file that is
 * judged is the file that is opened: a check by name and an open by name are two looks, and the
 * second may see something else.
 *
 * Beside the descriptor goes the real path that it was reached by, so that the way is seen to come
 * to PHX_REMOTE_ROOT before anything there is asked for. */

#include "base/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/strings.h"

/* As many as the kernel's own limit for one path (path_resolution(7)). */
#define LINKS_LIMIT 40

struct walk {
        const struct phx_trust *trust;
        const char *path;  /* as the caller named it, for messages */
        char at[PATH_MAX]; /* where the descriptor is, from the root: "", "/etc" */
        char rest[PATH_MAX];
        unsigned links;
        struct phx_error *error;
};

bool phx_is_remote(const char *path) {
        return strcmp(path, PHX_REMOTE_ROOT) == 0 || phx_has_prefix(path, PHX_REMOTE_ROOT "/");
}

bool phx_trust_accepts(const struct phx_trust *trust, const struct stat *st) {
        return trust->anyone ||
               (st->st_uid == trust->owner && (S_ISLNK(st->st_mode) || !(st->st_mode & 0022)));
}

static int trust_judge(const struct walk *walk, const struct stat *st, const char *name) {
        if (walk->trust->anyone)
                return 0;
        if (st->st_uid != walk->trust->owner)
                return phx_error_set_in(
                                walk->error,
                                -EPERM,
                                walk->path,
                                "'%s' is owned by uid %u, expected uid %u",
                                name,
                                (unsigned) st->st_uid,
                                (unsigned) walk->trust->owner);
        if (!S_ISLNK(st->st_mode) && (st->st_mode & 0022))
                return phx_error_set_in(
                                walk->error,
                                -EPERM,
                                walk->path,
                                "'%s' is writable by group or others (mode %04o), expected by "
                                "its owner alone",
                                name,
                                (unsigned) st->st_mode & 07777);
        return 0;
}

static int open_root(const struct walk *walk, int *ret_fd) {
        int fd = open(walk->trust->root, O_PATH | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return phx_error_errno(walk->error, walk->trust->root);
        *ret_fd = fd;
        return 0;
}

/* Takes the next component off the front of REST; an empty one when nothing is left. */
static int trust_next_component(struct walk *walk, char name[NAME_MAX + 1]) {
        const char *start = walk->rest + strspn(walk->rest, "/");
        size_t length = strcspn(start, "/");

        if (length > NAME_MAX)
                return -ENAMETOOLONG;
        memcpy(name, start, length);
        name[length] = '\0';
        memmove(walk->rest, start + length, strlen(start + length) + 1);
        return 0;
}

static bool trust_is_last(const struct walk *walk) {
        return walk->rest[strspn(walk->rest, "/")] == '\0';
}

/* Puts a link's target in front of what is left to walk. */
static int trust_follow(struct walk *walk, int link_fd, int *directory) {
        char target[PATH_MAX], joined[2 * PATH_MAX];
        ssize_t n;
        int fd = -1;

        if (walk->trust->is_link_met)
                *walk->trust->is_link_met = true;
        if (++walk->links > LINKS_LIMIT)
                return phx_error_set_in(walk->error, -ELOOP, walk->path, "too many symbolic links");
        n = readlinkat(link_fd, "", target, sizeof(target) - 1);
        if (n < 0)
                return phx_error_errno(walk->error, walk->path);
        target[n] = '\0';
        if (strcmp(target, "/dev/null") == 0 && trust_is_last(walk))
                return phx_error_set_in(
                                walk->error,
                                -PHX_TRUST_MASKED,
                                walk->path,
                                "is a link to /dev/null, expected a regular file");

        if (snprintf(joined, sizeof(joined), "%s/%s", target, walk->rest) >= PATH_MAX)
                return phx_error_set_in(
                                walk->error,
                                -ENAMETOOLONG,
                                walk->path,
                                "the path after a symbolic link is too long");
        memcpy(walk->rest, joined, strlen(joined) + 1);
        if (target[0] != '/')
                return 0;

        if (open_root(walk, &fd) < 0)
                return -ENOENT;
        (void) close(*directory);
        *directory = fd;
        walk->at[0] = '\0';
        return 0;
}

/* Up from the root is the root. */
static int trust_climb(struct walk *walk, int *fd) {
        char *slash = strrchr(walk->at, '/');
        int up;

        if (!slash)
                return 0;
        up = openat(*fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (up < 0)
                return phx_error_errno(walk->error, walk->path);
        *slash = '\0';
        (void) close(*fd);
        *fd = up;
        return 0;
}

/* The copy is a directory of our own. */
static int trust_enter_copy(const struct walk *walk, int *fd, mode_t *ret_mode) {
        const struct phx_trust *trust = walk->trust;
        int copy;

        if (trust->is_remote_met)
                *trust->is_remote_met = true;
        if (!trust->remote_copy)
                return phx_error_set_in(
                                walk->error,
                                -EREMOTE,
                                walk->path,
                                "is below " PHX_REMOTE_ROOT
                                ", Proxmox's cluster file system, which "
                                "may not answer; expected a path elsewhere");
        copy = open(trust->remote_copy, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (copy < 0)
                return phx_error_errno(walk->error, walk->path);
        (void) close(*fd);
        *fd = copy;
        *ret_mode = S_IFDIR | 0700;
        return 0;
}

static int trust_extend(struct walk *walk, const char *name) {
        size_t size = strlen(walk->at), more = strlen(name);

        if (size + 1 + more >= sizeof(walk->at))
                return phx_error_set_in(walk->error, -ENAMETOOLONG, walk->path, "is too long");
        walk->at[size] = '/';
        memcpy(walk->at + size + 1, name, more + 1);
        return 0;
}

/* One step: *FD becomes the component's descriptor, or stays where it is when that was a link to
 * follow. */
static int trust_step(struct walk *walk, int *fd, const char *name, mode_t *ret_mode) {
        phx_autoclose int next = -1;
        size_t length = strlen(walk->at);
        struct stat st;
        int r;

        if (strcmp(name, "..") == 0 && walk->trust->anyone)
                return trust_climb(walk, fd);
        if (strcmp(name, "..") == 0)
                return phx_error_set_in(
                                walk->error,
                                -EINVAL,
                                walk->path,
                                "'..' is not allowed in a path");
        r = trust_extend(walk, name);
        if (r < 0)
                return r;
        if (strcmp(walk->at, PHX_REMOTE_ROOT) == 0)
                return trust_enter_copy(walk, fd, ret_mode);

        next = openat(*fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0)
                return phx_error_errno(walk->error, walk->path);
        if (fstat(next, &st) < 0)
                return phx_error_errno(walk->error, walk->path);
        r = trust_judge(walk, &st, name);
        if (r < 0)
                return r;
        *ret_mode = st.st_mode;
        if (S_ISLNK(st.st_mode)) {
                walk->at[length] = '\0';
                return trust_follow(walk, next, fd);
        }
        if (!trust_is_last(walk) && !S_ISDIR(st.st_mode))
                return phx_error_set_in(
                                walk->error,
                                -ENOTDIR,
                                walk->path,
                                "'%s' is not a directory",
                                name);

        (void) close(*fd);
        *fd = PHX_TAKE_FD(next);
        return 0;
}

int phx_trust_open_path(
                const struct phx_trust *trust,
                const char *path,
                int *ret_fd,
                mode_t *ret_mode,
                struct phx_error *error) {
        struct walk walk = { .trust = trust, .path = path, .error = error };
        phx_autoclose int fd = -1;
        mode_t mode = S_IFDIR;
        int r;

        if (path[0] != '/')
                return phx_error_set_in(error, -EINVAL, path, "expected an absolute path");
        if (strlen(path) >= sizeof(walk.rest))
                return phx_error_set(error, -ENAMETOOLONG, "%.200s…: path is too long", path);
        memcpy(walk.rest, path, strlen(path) + 1);

        r = open_root(&walk, &fd);
        if (r < 0)
                return r;
        for (;;) {
                char name[NAME_MAX + 1];

                r = trust_next_component(&walk, name);
                if (r < 0)
                        return phx_error_set_in(error, r, path, "a component is too long");
                if (!name[0])
                        break;
                if (strcmp(name, ".") == 0)
                        continue;
                r = trust_step(&walk, &fd, name, &mode);
                if (r < 0)
                        return r;
        }

        *ret_fd = PHX_TAKE_FD(fd);
        *ret_mode = mode;
        return 0;
}

bool phx_trust_is_absent(const struct phx_trust *trust, const char *path) {
        struct phx_trust looking = *trust;
        phx_autoclose int fd = -1;
        bool is_linked = false;
        mode_t mode = 0;

        looking.is_link_met = &is_linked;
        return phx_trust_open_path(&looking, path, &fd, &mode, NULL) == -ENOENT && !is_linked;
}

/* O_PATH descriptors cannot be read; the descriptor's own link in /proc opens the very same file.
 */
static int reopen(int path_fd, int flags, const char *path, int *ret_fd, struct phx_error *error) {
        char link[64];
        int fd;

        (void) snprintf(link, sizeof(link), "/proc/self/fd/%d", path_fd);
        fd = open(link, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0)
                return phx_error_errno(error, path);
        *ret_fd = fd;
        return 0;
}

/* What is of TYPE, S_IFREG or S_IFDIR, and nothing else. */
static int open_type(
                const struct phx_trust *trust,
                const char *path,
                mode_t type,
                int *ret_fd,
                struct phx_error *error) {
        bool is_directory = type == S_IFDIR;
        phx_autoclose int fd = -1;
        mode_t mode = 0;
        int r;

        r = phx_trust_open_path(trust, path, &fd, &mode, error);
        if (r < 0)
                return r;
        if ((mode & S_IFMT) != type)
                return phx_error_set_in(
                                error,
                                is_directory ? -ENOTDIR : -EINVAL,
                                path,
                                "is not a %s",
                                is_directory ? "directory" : "regular file");
        return reopen(fd, O_RDONLY | (is_directory ? O_DIRECTORY : 0), path, ret_fd, error);
}

int phx_trust_open_directory(
                const struct phx_trust *trust,
                const char *path,
                int *ret_fd,
                struct phx_error *error) {
        return open_type(trust, path, S_IFDIR, ret_fd, error);
}

static bool is_same_version(const struct stat *a, const struct stat *b) {
        return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
               a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
               a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* Its state before it is read; not while somebody writes to it. */
static int trust_before_reading(
                int fd,
                const char *path,
                struct stat *ret_st,
                struct phx_error *error) {
        if (fstat(fd, ret_st) < 0)
                return phx_error_errno(error, path);
        if (phx_file_has_writer(fd))
                return phx_error_set_in(error, -EBUSY, path, "is still being written");
        return 0;
}

int phx_trust_open_file(
                const struct phx_trust *trust,
                const char *path,
                int *ret_fd,
                struct stat *ret_st,
                struct phx_error *error) {
        phx_autoclose int fd = -1;
        struct stat st;
        int r;

        r = open_type(trust, path, S_IFREG, &fd, error);
        if (r >= 0)
                r = trust_before_reading(fd, path, &st, error);
        if (r < 0)
                return r;
        *ret_fd = PHX_TAKE_FD(fd);
        *ret_st = st;
        return 0;
}

bool phx_trust_is_unchanged(int fd, const struct stat *st) {
        struct stat now;

        return fstat(fd, &now) == 0 && is_same_version(st, &now) && !phx_file_has_writer(fd);
}

static int trust_open_in(
                const struct phx_trust *trust,
                int dir_fd,
                const char *path,
                int *ret_fd,
                struct stat *ret_st,
                struct phx_error *error) {
        phx_autoclose int fd = -1;

        fd = openat(dir_fd,
                    strrchr(path, '/') + 1,
                    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd < 0 || fstat(fd, ret_st) < 0)
                return phx_error_errno(error, path);
        if (!S_ISREG(ret_st->st_mode))
                return -EINVAL;
        if (!phx_trust_accepts(trust, ret_st))
                return -EPERM;
        if (phx_file_has_writer(fd))
                return phx_error_set_in(error, -EBUSY, path, "is still being written");
        *ret_fd = PHX_TAKE_FD(fd);
        return 0;
}

int phx_trust_read_file(
                const struct phx_trust *trust,
                int dir_fd,
                const char *path,
                size_t limit,
                struct phx_trust_file *ret_file,
                struct phx_error *error) {
        struct phx_trust_file file = { 0 };
        phx_autofree char *data = NULL;
        phx_autoclose int fd = -1;
        struct stat st;
        int r;

        r = dir_fd >= 0 ? trust_open_in(trust, dir_fd, path, &fd, &st, error)
                        : phx_trust_open_file(trust, path, &fd, &st, error);
        if (r < 0)
                return r;
        file.stamp = phx_stamp_of(&st);
        file.is_settled = phx_stamp_is_settled(&file.stamp);
        r = phx_file_read_regular(fd, (size_t) st.st_size, limit, &data, &file.size);
        if (r == -EFBIG)
                return phx_error_set_in(error, r, path, "is larger than %zu bytes", limit);
        if (r < 0)
                return phx_error_set_in(error, r, path, "%s", strerrordesc_np(-r));
        if (!phx_trust_is_unchanged(fd, &st))
                return phx_error_set_in(error, -EBUSY, path, "changed while it was read");

        file.data = PHX_TAKE(data);
        *ret_file = file;
        return 0;
}

int phx_trust_read(
                const struct phx_trust *trust,
                const char *path,
                size_t limit,
                char **ret_data,
                size_t *ret_size,
                struct phx_error *error) {
        struct phx_trust_file file = { 0 };
        int r = phx_trust_read_file(trust, -1, path, limit, &file, error);

        if (r < 0)
                return r;
        *ret_data = file.data;
        *ret_size = file.size;
        return 0;
}
