/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The root file system of a new container. tar and cp do the work: the first in the user namespace
 * that an unprivileged container will have, so that what an archive holds is made by the users that
 * own it. No device can be made there: LXC fills /dev at each start. */

#include "create/fill.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "create/run.h"

#define IDS_LIMIT ((size_t) 1 << 20)
/* Of an archive: two blocks of zeros. */
#define END_SIZE 1024

/* --- users --- */

/* "root:FIRST:COUNT" of enough of them. */
static bool find_range(const char *text, unsigned *ret_first) {
        for (const char *line = text; *line;) {
                unsigned first = 0, count = 0;

                if (sscanf(line, "root:%u:%u", &first, &count) == 2 && first > 0 &&
                    count >= FILL_IDS && first <= UINT32_MAX - count) {
                        *ret_first = first;
                        return true;
                }
                line += strcspn(line, "\n");
                line += *line == '\n';
        }
        return false;
}

static bool find_ids_in(const char *path, unsigned *ret_first) {
        phx_autofree char *text = NULL;
        size_t size = 0;

        return phx_file_read_at(AT_FDCWD, path, IDS_LIMIT, &text, &size) >= 0 &&
               find_range(text, ret_first);
}

int fill_find_ids(unsigned *ret_first, struct phx_error *error) {
        unsigned users = 0, groups = 0;

        if (find_ids_in("/etc/subuid", &users) && find_ids_in("/etc/subgid", &groups) &&
            users == groups) {
                *ret_first = users;
                return 0;
        }
        return phx_error_set(
                        error,
                        -ENOENT,
                        "unprivileged: /etc/subuid and /etc/subgid give root no %u users and "
                        "groups; usermod --add-subuids 100000-165535 --add-subgids 100000-165535 "
                        "root does",
                        FILL_IDS);
}

/* --- from an archive --- */

static const char *decompressor(const char *path) {
        static const struct {
                const char *ending, *option;
        } kinds[] = {
                { ".gz", "--gzip" }, { ".tgz", "--gzip" }, { ".bz2", "--bzip2" },
                { ".xz", "--xz" },   { ".zst", "--zstd" },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(kinds); i++)
                if (phx_has_suffix(path, kinds[i].ending))
                        return kinds[i].option;
        return NULL;
}

static bool has(int fd, const char *name) {
        return faccessat(fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* An archive of something else would make a container that cannot start. */
static int check_root(int fd, const char *path, struct phx_error *error) {
        if (has(fd, "bin") || has(fd, "usr") || has(fd, "sbin"))
                return 0;
        return phx_error_set(
                        error,
                        -EINVAL,
                        "%s holds no root file system: it has neither bin nor usr at its top",
                        path);
}

/* tar takes the end of the file for that of the archive. A program that compresses marks its own
 * end, and the one that decompresses misses it. */
static int check_end(int fd, const char *path, struct phx_error *error) {
        static const char end[END_SIZE];
        char last[END_SIZE];
        struct stat st;

        if (fstat(fd, &st) < 0)
                return phx_error_errno(error, path);
        if (st.st_size >= END_SIZE &&
            pread(fd, last, sizeof(last), st.st_size - END_SIZE) == END_SIZE &&
            memcmp(last, end, sizeof(end)) == 0)
                return 0;
        return phx_error_set(
                        error,
                        -EINVAL,
                        "%s is cut off: it has no end, which is two blocks of zeros",
                        path);
}

int fill_from_template(
                const struct fill_place *place,
                const struct create_order *order,
                unsigned first,
                struct phx_error *error) {
        const char *arguments[] = {
                "/usr/bin/tar",
                "--extract",
                "--file=-",
                "--preserve-permissions",
                "--same-owner",
                "--numeric-owner",
                "--xattrs",
                "--xattrs-include=*",
                "--acls",
                "--warning=no-timestamp",
                /* It takes the slash away anyway, but says so, before the reason of a failure. */
                "--transform=s,^/*$,.,rhS;s,^//*,,rhS",
                "--anchored",
                "--exclude=./dev/*",
                "--exclude=dev/*",
                "--exclude=/dev/*",
                decompressor(order->template),
                NULL,
        };
        phx_autoclose int archive_fd = -1;
        struct run run = { arguments, place->fd, -1, place->kept_fd };
        struct stat st;
        int r;

        r = phx_trust_open_file(place->trust, order->template, &archive_fd, &st, error);
        if (r < 0)
                return r;
        if (order->is_unprivileged && fchown(place->fd, first, first) < 0)
                return phx_error_errno(error, FILL_ROOTFS);
        run.input_fd = archive_fd;
        run.first = first;
        run.count = order->is_unprivileged ? FILL_IDS : 0;
        r = run_program(&run, error);
        if (r < 0) {
                phx_error_prefix(error, order->template);
                return r;
        }
        if (!phx_trust_is_unchanged(archive_fd, &st))
                return phx_error_set(
                                error,
                                -EBUSY,
                                "%s was changed while it was read",
                                order->template);
        if (!decompressor(order->template))
                r = check_end(archive_fd, order->template, error);
        return r < 0 ? r : check_root(place->fd, order->template, error);
}

/* --- from another container --- */

static void ftsp(FTS **walk) {
        if (*walk)
                (void) fts_close(*walk);
}

int fill_open_rootfs(
                const struct phx_trust *trust,
                const char *path,
                int *ret_fd,
                struct phx_error *error) {
        phx_autofree char *parent = strdup(path);
        phx_autoclose int parent_fd = -1;
        char *slash = parent ? strrchr(parent, '/') : NULL;
        int r;

        if (!slash)
                return -ENOMEM;
        *slash = '\0';
        r = phx_trust_open_directory(trust, *parent ? parent : "/", &parent_fd, error);
        if (r < 0)
                return r;
        *ret_fd = openat(parent_fd, slash + 1, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return *ret_fd < 0 ? phx_error_errno(error, path) : 0;
}

/* All that is in it: the kernel notes a time for each change, and for one of a directory whatever
 * comes to it or goes. */
struct fill_seen {
        size_t count;
        struct timespec changed; /* the last */
};

static void fill_see(const FTSENT *entry, struct fill_seen *seen) {
        const struct timespec *changed = &entry->fts_statp->st_ctim;

        seen->count++;
        if (changed->tv_sec > seen->changed.tv_sec ||
            (changed->tv_sec == seen->changed.tv_sec && changed->tv_nsec > seen->changed.tv_nsec))
                seen->changed = *changed;
}

/* What is mounted in it would be left out of the copy, silently. btrfs has such borders without a
 * mount. */
static int fill_check_entry(
                const FTSENT *entry,
                const char *inside,
                dev_t device,
                struct phx_error *error) {
        if (entry->fts_info == FTS_ERR || entry->fts_info == FTS_DNR || entry->fts_info == FTS_NS)
                return phx_error_set(
                                error,
                                -entry->fts_errno,
                                "the container that is cloned: %s: %s",
                                inside,
                                strerrordesc_np(entry->fts_errno));
        if (entry->fts_info == FTS_DC || (entry->fts_info == FTS_D && entry->fts_dev != device))
                return phx_error_set(
                                error,
                                -EXDEV,
                                "the container that is cloned has another file system at "
                                "%s, which phoenixd does not copy; unmount it first",
                                inside);
        return 0;
}

/* "/." makes the link be followed. */
static int fill_look(int rootfs_fd, struct fill_seen *ret_seen, struct phx_error *error) {
        phx_cleanup(ftsp) FTS *walk = NULL;
        struct fill_seen seen = { 0 };
        char path[32];
        char *const paths[] = { path, NULL };
        const FTSENT *entry;
        struct stat st;

        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d/.", rootfs_fd);
        if (fstat(rootfs_fd, &st) < 0)
                return phx_error_errno(error, FILL_ROOTFS);
        walk = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
        if (!walk)
                return phx_error_errno(error, FILL_ROOTFS);
        while ((errno = 0, entry = fts_read(walk))) {
                int r = fill_check_entry(entry, entry->fts_path + strlen(path), st.st_dev, error);

                if (r < 0)
                        return r;
                if (entry->fts_info != FTS_DP)
                        fill_see(entry, &seen);
        }
        if (errno != 0)
                return phx_error_errno(error, FILL_ROOTFS);
        *ret_seen = seen;
        return 0;
}

/* Whether it was at rest meanwhile: lxc-destroy, an administrator who works in it, or a start that
 * has ended again. */
static int fill_check_rest(int rootfs_fd, const struct fill_seen *before, struct phx_error *error) {
        struct fill_seen now = { 0 };
        int r = fill_look(rootfs_fd, &now, error);

        if (r < 0 || (now.count == before->count && now.changed.tv_sec == before->changed.tv_sec &&
                      now.changed.tv_nsec == before->changed.tv_nsec))
                return r;
        return phx_error_set(
                        error,
                        -EBUSY,
                        "the container that is cloned was changed while it was copied");
}

/* With --preserve=xattr by itself, an attribute that cannot be copied is an error. */
int fill_from_source(const struct fill_place *place, int rootfs_fd, struct phx_error *error) {
        char target[32];
        const char *const arguments[] = {
                "/usr/bin/cp",
                "--archive",
                "--preserve=xattr",
                "--reflink=auto",
                "--one-file-system",
                "--no-target-directory",
                ".",
                target,
                NULL,
        };
        struct run run = { arguments, -1, -1, place->kept_fd };
        struct fill_seen seen = { 0 };
        int r = fill_look(rootfs_fd, &seen, error);

        if (r < 0)
                return r;
        (void) snprintf(target, sizeof(target), "/proc/%d/fd/%d/.", (int) getpid(), place->fd);
        run.directory_fd = rootfs_fd;
        r = run_program(&run, error);
        if (r >= 0)
                r = fill_check_rest(rootfs_fd, &seen, error);
        return r < 0 ? r : check_root(place->fd, "the container that is cloned", error);
}

/* Without opening it: a device node would act on the host. No link in it leads out of it. */
static int find_inside(int rootfs_fd, const char *path) {
        struct open_how how = {
                .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
                .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
        };

        return (int) syscall(SYS_openat2, rootfs_fd, path, &how, sizeof(how));
}

int fill_hostname(int rootfs_fd, const char *hostname, struct phx_error *error) {
        phx_autoclose int found_fd = find_inside(rootfs_fd, "etc/hostname"), fd = -1;
        char path[32];
        struct stat st;

        if (found_fd < 0 || fstat(found_fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink > 1)
                return 0;
        /* The very file that was judged. */
        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", found_fd);
        fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
        if (fd < 0 || dprintf(fd, "%s\n", hostname) < 0)
                return phx_error_errno(error, "etc/hostname");
        return 0;
}
