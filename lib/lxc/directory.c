/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "lxc/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"

/* A link to a link to …: more is a mistake, or never ends. */
#define LINKS_LIMIT 8

bool phx_lxc_is_refusal(int code) {
        return code == -EPERM || code == -EINVAL || code == -ELOOP;
}

int phx_lxc_open_path(const struct phx_lxc *lxc, int *ret_fd, struct phx_error *error) {
        return phx_trust_open_directory(lxc->trust, lxc->path, ret_fd, error);
}

/* One link of the way: what it leads to, as a trusted directory and a name in it. */
struct link_target {
        char path[PATH_MAX];
        char *name;
        int parent_fd;
};

static void target_done(struct link_target *target) {
        phx_closep(&target->parent_fd);
}

/* 1 and its text when NAME is a link of the owner's, 0 when it is none. */
static int read_link(
                const struct phx_lxc *lxc,
                int dir_fd,
                const char *name,
                char text[PATH_MAX],
                struct phx_error *error) {
        phx_autoclose int fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        struct stat st;
        ssize_t n;

        if (fd < 0 || fstat(fd, &st) < 0)
                return phx_errno();
        if (!S_ISLNK(st.st_mode))
                return 0;
        if (!lxc->trust->anyone && st.st_uid != lxc->trust->owner)
                return phx_error_set(
                                error,
                                -EPERM,
                                "the link is owned by uid %u, expected uid %u",
                                (unsigned) st.st_uid,
                                (unsigned) lxc->trust->owner);
        n = readlinkat(fd, "", text, PATH_MAX - 1);
        if (n < 0)
                return phx_errno();
        text[n] = '\0';
        return 1;
}

/* Relative links lead on from DIRECTORY. */
static int directory_find_target(
                const struct phx_lxc *lxc,
                const char *directory,
                const char *text,
                struct link_target *target,
                struct phx_error *error) {
        size_t size = strlen(text);
        char *slash;

        while (size > 1 && text[size - 1] == '/')
                size--;
        if (snprintf(target->path,
                     sizeof(target->path),
                     "%s%s%.*s",
                     text[0] == '/' ? "" : directory,
                     text[0] == '/' ? "" : "/",
                     (int) size,
                     text) >= (int) sizeof(target->path))
                return -ENAMETOOLONG;
        slash = strrchr(target->path, '/');
        target->name = slash + 1;
        if (!slash[1] || strcmp(slash + 1, ".") == 0 || strcmp(slash + 1, "..") == 0)
                return phx_error_set(
                                error,
                                -EINVAL,
                                "%s: expected the path of a directory, without '.' and '..'",
                                target->path);

        *slash = '\0';
        return phx_trust_open_directory(
                        lxc->trust,
                        slash == target->path ? "/" : target->path,
                        &target->parent_fd,
                        error);
}

static int directory_follow(
                const struct phx_lxc *lxc,
                int path_fd,
                const char *name,
                int *ret_fd,
                struct phx_error *error) {
        phx_cleanup(target_done) struct link_target at = { .parent_fd = -1 };
        const char *directory = lxc->path;
        char text[PATH_MAX];
        int r;

        r = read_link(lxc, path_fd, name, text, error);
        for (int links = 0; r > 0; links++) {
                phx_cleanup(target_done) struct link_target next = { .parent_fd = -1 };

                if (links == LINKS_LIMIT)
                        return phx_error_set(error, -ELOOP, "too many symbolic links");
                r = directory_find_target(lxc, directory, text, &next, error);
                if (r < 0)
                        return r;
                target_done(&at);
                memcpy(at.path, next.path, sizeof(at.path));
                at.name = at.path + (next.name - next.path);
                at.parent_fd = PHX_TAKE_FD(next.parent_fd);
                directory = at.path;

                *ret_fd = openat(
                                at.parent_fd,
                                at.name,
                                O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (*ret_fd >= 0)
                        return 0;
                if (errno != ENOTDIR && errno != ELOOP)
                        return phx_errno();
                r = read_link(lxc, at.parent_fd, at.name, text, error);
        }
        return r < 0 ? r : -ENOTDIR;
}

int phx_lxc_open_container(
                const struct phx_lxc *lxc,
                int path_fd,
                const char *name,
                int *ret_fd,
                struct phx_error *error) {
        struct phx_error why = { 0 };
        int fd, r;

        fd = openat(path_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0) {
                *ret_fd = fd;
                return 0;
        }
        /* O_DIRECTORY finds fault with a link first, and calls it no directory. */
        r = phx_errno();
        if (r == -ENOTDIR || r == -ELOOP)
                r = directory_follow(lxc, path_fd, name, ret_fd, &why);
        if (r < 0 && phx_lxc_is_refusal(r))
                return phx_error_set(
                                error,
                                r,
                                "%s/%s: is a symbolic link that is not followed: %s; make root "
                                "the owner of the link and of all directories above it, or use "
                                "mount --bind",
                                lxc->path,
                                name,
                                phx_error_text(&why, r));
        return r < 0 ? phx_error_set(error,
                                     r,
                                     "%s/%s/config: %s",
                                     lxc->path,
                                     name,
                                     strerrordesc_np(-r))
                     : 0;
}
