/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "machine/deployed.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "state/configuration.h"

#define FILE_MODE 0644
/* More than any profile's text; what is larger is not ours, and is not read. */
#define SIZE_LIMIT ((size_t) 4 * 1024 * 1024)

/* Far above what anybody disables. */
#define SWITCHES_LIMIT 8192

struct phx_deployed_directory {
        char *path; /* for messages */
        int fd;
        uid_t owner;
};

int phx_deployed_open(
                const struct phx_trust *trust,
                const char *path,
                struct phx_deployed_directory **ret_directory,
                struct phx_error *error) {
        phx_cleanup(phx_deployed_closep) struct phx_deployed_directory *directory = NULL;
        int r;

        directory = calloc(1, sizeof(*directory));
        if (!directory)
                return phx_error_set(error, -ENOMEM, "%s: out of memory", path);
        directory->fd = -1;
        directory->owner = trust->owner;
        directory->path = strdup(path);
        if (!directory->path)
                return phx_error_set(error, -ENOMEM, "%s: out of memory", path);
        r = phx_trust_open_directory(trust, path, &directory->fd, error);
        if (r < 0)
                return r;

        *ret_directory = PHX_TAKE(directory);
        return 0;
}

struct phx_deployed_directory *phx_deployed_close(struct phx_deployed_directory *directory) {
        if (!directory)
                return NULL;

        phx_closep(&directory->fd);
        free(directory->path);
        free(directory);

        return NULL;
}

int phx_deployed_fd(const struct phx_deployed_directory *directory) {
        return directory->fd;
}

static int deployed_check_name(
                const struct phx_deployed_directory *directory,
                const char *name,
                struct phx_error *error) {
        /* A profile, or the last component of a piece's name: never a path, never hidden. */
        if (name[0] && name[0] != '.' && !strchr(name, '/'))
                return 0;
        return phx_error_set(
                        error,
                        -EINVAL,
                        "%s: '%s' is not the name of a file",
                        directory->path,
                        name);
}

/* As the parser asks (access with R_OK, following links): a dangling link does not count. */
int phx_deployed_list(
                const struct phx_deployed_directory *directory,
                const char *in,
                struct phx_strings *ret_names) {
        phx_cleanup(phx_strings_done) struct phx_strings names = { 0 };
        phx_cleanup(phx_closedirp) DIR *entries = NULL;
        const struct dirent *entry;

        if (phx_directory_open(directory->fd, in, &entries) < 0)
                return 0;
        while ((entry = readdir(entries)))
                if (entry->d_name[0] != '.' && names.count < SWITCHES_LIMIT &&
                    faccessat(dirfd(entries), entry->d_name, R_OK, AT_EACCESS) == 0 &&
                    phx_strings_add(&names, entry->d_name) < 0)
                        return -ENOMEM;
        phx_strings_sort(&names);
        *ret_names = PHX_TAKE_STRUCT(names);
        return 0;
}

static const char *describe_type(mode_t mode) {
        switch (mode & S_IFMT) {
        case S_IFLNK:
                return "is a symbolic link, expected a file";
        case S_IFDIR:
                return "is a directory, expected a file";
        case S_IFIFO:
                return "is a pipe, expected a file";
        default:
                return "is not a regular file";
        }
}

static void PHX_PRINTF(3, 4)
                set_problem(struct phx_deployed *deployed,
                            enum phx_deployed_kind kind,
                            const char *format,
                            ...) {
        va_list arguments;

        deployed->kind = kind;
        va_start(arguments, format);
        (void) vsnprintf(deployed->problem, sizeof(deployed->problem), format, arguments);
        va_end(arguments);
}

static void deployed_judge(
                const struct phx_deployed_directory *directory,
                const struct stat *st,
                struct phx_deployed *deployed) {
        if (st->st_uid != directory->owner)
                set_problem(deployed,
                            PHX_DEPLOYED_UNTRUSTED,
                            "is owned by uid %u, expected uid %u",
                            (unsigned) st->st_uid,
                            (unsigned) directory->owner);
        else if (st->st_mode & 0022)
                set_problem(deployed,
                            PHX_DEPLOYED_UNTRUSTED,
                            "is writable by group or others (mode %04o), expected %04o",
                            (unsigned) st->st_mode & 07777,
                            (unsigned) FILE_MODE);
        else
                deployed->kind = PHX_DEPLOYED_FILE;
}

/* Type, owner and content from one descriptor, so that they belong together. */
static int deployed_look(
                const struct phx_deployed_directory *directory,
                const char *name,
                struct phx_deployed *deployed) {
        phx_autofree char *data = NULL;
        phx_autoclose int fd = -1;
        struct stat st;
        size_t size = 0;
        int r;

        if (fstatat(directory->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return phx_errno();
        if (!S_ISREG(st.st_mode)) {
                set_problem(deployed, PHX_DEPLOYED_OTHER, "%s", describe_type(st.st_mode));
                return 0;
        }

        fd = openat(directory->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0)
                return phx_errno();
        if (!S_ISREG(st.st_mode))
                return -EAGAIN;
        r = phx_file_read_regular(fd, (size_t) st.st_size, SIZE_LIMIT, &data, &size);
        if (r < 0)
                return r;

        phx_sha256(data, size, deployed->digest);
        deployed_judge(directory, &st, deployed);
        return 0;
}

int phx_deployed_observe(
                const struct phx_deployed_directory *directory,
                const char *name,
                struct phx_deployed *ret_deployed,
                struct phx_error *error) {
        struct phx_deployed deployed = { 0 };
        int r;

        r = deployed_check_name(directory, name, error);
        if (r < 0)
                return r;

        r = deployed_look(directory, name, &deployed);
        if (r == -ENOENT)
                deployed.kind = PHX_DEPLOYED_ABSENT;
        else if (r < 0)
                set_problem(&deployed,
                            PHX_DEPLOYED_UNKNOWN,
                            "cannot be read: %s",
                            strerrordesc_np(-r));

        *ret_deployed = deployed;
        return 0;
}

/* Whether the place is as it was when the change was planned. */
static int check_place(
                const struct phx_deployed_directory *directory,
                const char *name,
                const char *old,
                const struct phx_deployed *now,
                struct phx_error *error) {
        switch (now->kind) {
        case PHX_DEPLOYED_ABSENT:
        case PHX_DEPLOYED_FILE:
        case PHX_DEPLOYED_UNTRUSTED:
                if (strcmp(now->digest, old) == 0)
                        return 0;
                return phx_error_set(
                                error,
                                -ESTALE,
                                "%s/%s: changed since the plan was made (found %s, expected %s)",
                                directory->path,
                                name,
                                now->digest[0] ? now->digest : "absent",
                                old[0] ? old : "absent");
        case PHX_DEPLOYED_OTHER:
                return phx_error_set(
                                error,
                                -EEXIST,
                                "%s/%s: %s; not touched",
                                directory->path,
                                name,
                                now->problem);
        case PHX_DEPLOYED_UNKNOWN:
                break;
        }
        return phx_error_set(error, -EIO, "%s/%s: %s", directory->path, name, now->problem);
}

static int deployed_fail(
                const struct phx_deployed_directory *directory,
                const char *name,
                int code,
                struct phx_error *error) {
        return phx_error_set(
                        error,
                        code,
                        "%s/%s: %s",
                        directory->path,
                        name,
                        strerrordesc_np(-code));
}

/* The check comes after the new file is written and synced, so that next to no time passes between
 * it and the rename. */
static int deployed_commit(
                const struct phx_deployed_directory *directory,
                const char *name,
                const char *old,
                const char *temporary,
                struct phx_error *error) {
        struct phx_deployed now = { 0 };
        int r;

        r = phx_deployed_observe(directory, name, &now, error);
        if (r >= 0)
                r = check_place(directory, name, old, &now, error);
        if (r < 0) {
                (void) unlinkat(directory->fd, temporary, 0);
                return r;
        }

        r = phx_file_commit_at(directory->fd, temporary, name);
        if (r < 0)
                return deployed_fail(directory, name, r, error);
        return 1;
}

int phx_deployed_install(
                const struct phx_deployed_directory *directory,
                const char *name,
                const char *old,
                const void *data,
                size_t size,
                struct phx_error *error) {
        const struct phx_file_owner owner = { FILE_MODE, directory->owner, (gid_t) -1 };
        phx_autofree char *temporary = NULL;
        struct phx_deployed now = { 0 };
        char wanted[PHX_SHA256_HEX];
        int r;

        r = phx_deployed_observe(directory, name, &now, error);
        if (r < 0)
                return r;
        phx_sha256(data, size, wanted);
        if (now.kind == PHX_DEPLOYED_FILE && strcmp(now.digest, wanted) == 0)
                return 0;
        r = check_place(directory, name, old, &now, error);
        if (r < 0)
                return r;

        r = phx_file_stage_at(directory->fd, name, data, size, &owner, &temporary);
        if (r < 0)
                return deployed_fail(directory, name, r, error);
        return deployed_commit(directory, name, old, temporary, error);
}

int phx_deployed_withdraw(
                const struct phx_deployed_directory *directory,
                const char *name,
                const char *old,
                struct phx_error *error) {
        struct phx_deployed now = { 0 };
        int r;

        r = phx_deployed_observe(directory, name, &now, error);
        if (r < 0)
                return r;
        if (now.kind == PHX_DEPLOYED_ABSENT)
                return 0;
        r = check_place(directory, name, old, &now, error);
        if (r < 0)
                return r;

        if (unlinkat(directory->fd, name, 0) < 0 || fsync(directory->fd) < 0)
                return deployed_fail(directory, name, phx_errno(), error);
        return 1;
}
