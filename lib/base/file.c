/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/strings.h"

/* Bytes of each of two files that are compared at a time. */
#define PART_SIZE ((ssize_t) 128 * 1024)

/* Makes room for at least one byte more than SIZE and its NUL. */
static int file_make_room(char **data, size_t size, size_t *capacity) {
        size_t wanted = *capacity ? *capacity * 2 : 8192;
        char *grown;

        if (size + 1 < *capacity)
                return 0;
        grown = realloc(*data, wanted);
        if (!grown)
                return -ENOMEM;

        *data = grown;
        *capacity = wanted;
        return 0;
}

/* Texts are kept, and most are far smaller than the room that they were read into. */
static void file_give_back(char **data, size_t size) {
        char *smaller = realloc(*data, size);

        if (smaller)
                *data = smaller;
}

int phx_file_read_regular(
                int fd,
                size_t expected,
                size_t limit,
                char **ret_data,
                size_t *ret_size) {
        phx_autofree char *data = NULL;
        size_t size = 0, capacity = 0;
        bool is_end = false;

        while (!is_end) {
                size_t room;
                ssize_t n;
                int r;

                r = file_make_room(&data, size, &capacity);
                if (r < 0)
                        return r;
                /* pread: the position of a descriptor that a caller reads twice does not matter. */
                room = capacity - size - 1;
                n = pread(fd, data + size, room, (off_t) size);
                if (n < 0 && errno != EINTR)
                        return phx_errno();
                if (n > 0)
                        size += (size_t) n;
                if (size > limit)
                        return -EFBIG;
                is_end = n == 0 || (n > 0 && (size_t) n < room && size == expected);
        }

        data[size] = '\0';
        file_give_back(&data, size + 1);
        *ret_data = PHX_TAKE(data);
        *ret_size = size;
        return 0;
}

int phx_file_read_fd(int fd, size_t limit, char **ret_data, size_t *ret_size) {
        return phx_file_read_regular(fd, SIZE_MAX, limit, ret_data, ret_size);
}

/* As many bytes of FD from OFFSET on as there are, up to SIZE. */
static ssize_t file_read_part(int fd, char *data, size_t size, off_t offset) {
        size_t used = 0;

        while (used < size) {
                ssize_t n = pread(fd, data + used, size - used, offset + (off_t) used);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return phx_errno();
                if (n == 0)
                        break;
                used += (size_t) n;
        }
        return (ssize_t) used;
}

int phx_file_compare(int a_fd, int b_fd) {
        phx_autofree char *parts = malloc(2 * PART_SIZE);
        off_t offset = 0;

        if (!parts)
                return -ENOMEM;
        for (;;) {
                ssize_t a = file_read_part(a_fd, parts, PART_SIZE, offset);
                ssize_t b = file_read_part(b_fd, parts + PART_SIZE, PART_SIZE, offset);

                if (a < 0 || b < 0)
                        return (int) (a < 0 ? a : b);
                if (a != b || memcmp(parts, parts + PART_SIZE, (size_t) a) != 0)
                        return 0;
                if (a < PART_SIZE)
                        return 1;
                offset += a;
        }
}

int phx_file_read_at(
                int dir_fd,
                const char *name,
                size_t limit,
                char **ret_data,
                size_t *ret_size) {
        phx_autoclose int fd = -1;
        struct stat st;

        /* O_NONBLOCK: the open of a FIFO without a writer would wait for ever. */
        fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return phx_errno();
        if (fstat(fd, &st) < 0)
                return phx_errno();
        if (!S_ISREG(st.st_mode))
                return -EINVAL;

        return phx_file_read_regular(fd, (size_t) st.st_size, limit, ret_data, ret_size);
}

static int file_write_all(int fd, const char *data, size_t size) {
        while (size > 0) {
                ssize_t n = write(fd, data, size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return phx_errno();
                data += n;
                size -= (size_t) n;
        }
        return 0;
}

static int file_fill(int fd, const void *data, size_t size, const struct phx_file_owner *owner) {
        int r;

        r = file_write_all(fd, data, size);
        if (r < 0)
                return r;
        if ((owner->uid != (uid_t) -1 || owner->gid != (gid_t) -1) &&
            fchown(fd, owner->uid, owner->gid) < 0)
                return phx_errno();
        /* After the chown, which takes set-id bits away, and against the umask. */
        if (fchmod(fd, owner->mode) < 0)
                return phx_errno();
        return fsync(fd) < 0 ? phx_errno() : 0;
}

int phx_file_stage_at(
                int dir_fd,
                const char *name,
                const void *data,
                size_t size,
                const struct phx_file_owner *owner,
                char **ret_temporary) {
        phx_autofree char *temporary = NULL;
        phx_autoclose int fd = -1;
        int r;

        if (phx_printf(&temporary, ".%s" PHX_TEMPORARY_SUFFIX, name) < 0)
                return -ENOMEM;

        (void) unlinkat(dir_fd, temporary, 0); /* a crash may have left it */
        fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return phx_errno();

        r = file_fill(fd, data, size, owner);
        if (r < 0) {
                (void) unlinkat(dir_fd, temporary, 0);
                return r;
        }

        *ret_temporary = PHX_TAKE(temporary);
        return 0;
}

int phx_file_commit_at(int dir_fd, const char *temporary, const char *name) {
        phx_autoclose int directory = -1;
        int r = 0;

        if (renameat(dir_fd, temporary, dir_fd, name) < 0) {
                r = phx_errno();
                (void) unlinkat(dir_fd, temporary, 0);
                return r;
        }

        /* DIR_FD may be O_PATH, which cannot be synced. */
        directory = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (directory < 0 || fsync(directory) < 0)
                r = phx_errno();
        return r;
}

int phx_file_replace_at(int dir_fd, const char *name, const void *data, size_t size, mode_t mode) {
        const struct phx_file_owner owner = { mode, (uid_t) -1, (gid_t) -1 };
        phx_autofree char *temporary = NULL;
        int r;

        r = phx_file_stage_at(dir_fd, name, data, size, &owner, &temporary);
        if (r < 0)
                return r;
        return phx_file_commit_at(dir_fd, temporary, name);
}

int phx_file_write_unsynced_at(
                int dir_fd,
                const char *name,
                const void *data,
                size_t size,
                mode_t mode) {
        phx_autofree char *temporary = NULL;
        phx_autoclose int fd = -1;
        int r;

        if (phx_printf(&temporary, ".%s" PHX_TEMPORARY_SUFFIX, name) < 0)
                return -ENOMEM;
        fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
        if (fd < 0)
                return phx_errno();
        r = file_write_all(fd, data, size);
        if (r >= 0 && renameat(dir_fd, temporary, dir_fd, name) < 0)
                r = phx_errno();
        if (r < 0)
                (void) unlinkat(dir_fd, temporary, 0);
        return r;
}

int phx_file_ensure_at(int dir_fd, const char *name, const void *data, size_t size, mode_t mode) {
        phx_autofree char *have = NULL;
        size_t have_size = 0;
        int r;

        r = phx_file_read_at(dir_fd, name, size, &have, &have_size);
        if (r < 0 && r != -ENOENT && r != -EFBIG)
                return r;
        if (have && have_size == size && memcmp(have, data, size) == 0)
                return 0;

        r = phx_file_replace_at(dir_fd, name, data, size, mode);
        return r < 0 ? r : 1;
}

int phx_directory_open(int dir_fd, const char *name, DIR **ret_directory) {
        phx_autoclose int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return phx_errno();
        *ret_directory = fdopendir(fd);
        if (!*ret_directory)
                return phx_errno();
        (void) PHX_TAKE_FD(fd);
        return 0;
}

int phx_file_remove_leftovers(int dir_fd) {
        phx_cleanup(phx_closedirp) DIR *directory = NULL;
        const struct dirent *entry;
        int removed = 0, r;

        r = phx_directory_open(dir_fd, ".", &directory);
        if (r < 0)
                return r;
        while ((errno = 0, entry = readdir(directory))) {
                if (entry->d_name[0] != '.' || !phx_has_suffix(entry->d_name, PHX_TEMPORARY_SUFFIX))
                        continue;
                if (unlinkat(dir_fd, entry->d_name, 0) == 0)
                        removed++;
                else if (errno != ENOENT)
                        r = phx_errno();
        }
        if (errno != 0)
                return phx_errno();
        return r < 0 ? r : removed;
}

int phx_file_remove_others(int dir_fd, const char *suffix, const struct phx_strings *names) {
        phx_cleanup(phx_closedirp) DIR *directory = NULL;
        const struct dirent *entry;
        int removed = 0, r;

        r = phx_directory_open(dir_fd, ".", &directory);
        while (directory && (entry = readdir(directory))) {
                if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
                    !phx_has_suffix(entry->d_name, suffix) || phx_strings_has(names, entry->d_name))
                        continue;
                if (unlinkat(dir_fd, entry->d_name, 0) < 0)
                        r = phx_errno();
                else
                        removed++;
        }
        return r < 0 ? r : removed;
}

bool phx_file_is_ignored_name(const char *name) {
        static const char *const endings[] = {
                "~",         ".bak",         ".dpkg-bak", ".dpkg-dist", ".dpkg-new",
                ".dpkg-old", ".dpkg-remove", ".dpkg-tmp", ".orig",      ".pacnew",
                ".pacsave",  ".rej",         ".rpmnew",   ".rpmsave",   ".swp",
                ".tmp",      ".ucf-dist"
        };

        if (name[0] == '.' || name[0] == '#')
                return true;
        for (size_t i = 0; i < PHX_ELEMENTS(endings); i++)
                if (phx_has_suffix(name, endings[i]))
                        return true;
        return false;
}

/* Against the umask, too. */
static int file_make_directory(const char *path, mode_t mode) {
        if (mkdir(path, mode) < 0)
                return errno == EEXIST ? 0 : phx_errno();
        return chmod(path, mode) < 0 ? phx_errno() : 0;
}

int phx_directory_ensure(const char *path, mode_t mode) {
        phx_autofree char *copy = NULL;
        int r = file_make_directory(path, mode);

        /* Most are there. */
        if (r != -ENOENT)
                return r;
        copy = strdup(path);
        if (!copy)
                return -ENOMEM;

        r = 0;
        for (char *slash = strchr(copy + 1, '/'); r >= 0 && slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                r = file_make_directory(copy, mode);
                *slash = '/';
        }
        return r < 0 ? r : file_make_directory(copy, mode);
}

int phx_directory_ensure_open(const char *path, mode_t mode, int *ret_fd) {
        int r, fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0 && errno == ENOENT) {
                r = phx_directory_ensure(path, mode);
                if (r < 0)
                        return r;
                fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        }
        if (fd < 0)
                return phx_errno();
        *ret_fd = fd;
        return 0;
}

/* A read lease is granted only while no process has the file open for writing (fcntl(2)). File
 * systems without leases answer otherwise, and are believed to be at rest. The lease is given back
 * at once: it is a question only. */
bool phx_file_has_writer(int fd) {
        if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
                (void) fcntl(fd, F_SETLEASE, F_UNLCK);
                return false;
        }
        return errno == EAGAIN;
}
