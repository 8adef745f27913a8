/* SPDX-License-Identifier: GPL-2.0-or-later */

/* All that is made lies in LXC_PATH/.phoenixd-create~/NAME until it is whole, and on the disk. Then
 * one rename puts it in place, which fails if something of that name has come meanwhile. Killed
 * anywhere, the stage is left, and the next creation begins with removing what is in it: its name
 * is ours, and so nothing else is removed, ever.
 *
 * The container that a clone is made of must not run meanwhile, as a copy of files that are in use
 * is no copy of what was there at any time. LXC's monitor binds a socket of the container's name
 * before it does anything else, and gives up where that is taken. So it is taken here, until the
 * clone has its place: bound, and nothing listens there, so that to LXC's programs the container is
 * stopped. The kernel takes it back when we end, however that is. Any user may bind such a name,
 * and then there is no holding it: so it is also asked, before and after the copy, whether the
 * container runs.
 *
 * The lock is one of the stage's directory. cp and tar inherit it, so that one that outlives us
 * keeps the next creation waiting until it has ended as well. */

#include "create/create.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "create/config_text.h"
#include "create/fill.h"
#include "create/run.h"
#include "lxc/directory.h"
#include "lxc/monitor.h"
#include "lxc/text.h"
#include "state/creation.h"

#define CONFIG "config"
#define CONFIG_LIMIT ((size_t) 1 << 20)
#define MONITOR_USEC 1000000
#define HOLD_USEC 1000000
#define HOLD_TRIES 10

/* Users of the host come to no file of a container: one that is setuid would give them the rights
 * of its owner. Only the root of an unprivileged container has to come to its own. */
#define MODE_PRIVILEGED 0750
#define MODE_UNPRIVILEGED 0710
/* Of a name that is taken for it: no other program makes such a directory. */
#define MODE_TAKEN 0

struct creation {
        const struct phx_trust *trust;
        const struct create_order *order;
        int path_fd;
        int stage_fd;
        int source_fd;    /* of the container that is cloned */
        int hold_fd;      /* a socket by which it cannot be started, where its name was free */
        int directory_fd; /* of the new container */
        int rootfs_fd;
        unsigned first; /* of the users of an unprivileged one from a template; else 0 */
        struct config_source source;
};

static void creation_done(struct creation *creation) {
        phx_closep(&creation->rootfs_fd);
        phx_closep(&creation->directory_fd);
        phx_closep(&creation->hold_fd);
        phx_closep(&creation->source_fd);
        phx_closep(&creation->stage_fd);
        phx_closep(&creation->path_fd);
        config_source_done(&creation->source);
}

/* --- the stage --- */

static bool is_same(int fd, int parent_fd, const char *name) {
        struct stat a, b;

        return fstat(fd, &a) >= 0 && fstatat(parent_fd, name, &b, AT_SYMLINK_NOFOLLOW) >= 0 &&
               a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* 1 when the directory was removed by another creation meanwhile. */
static int lock_stage_once(int path_fd, int *ret_fd, struct phx_error *error) {
        phx_autoclose int fd = openat(
                        path_fd,
                        PHX_CREATION_STAGE,
                        O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        struct stat st;

        if (fd < 0 && errno == ENOENT)
                return 1;
        if (fd < 0 || fstat(fd, &st) < 0)
                return phx_error_errno(error, PHX_CREATION_STAGE);
        if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)))
                return phx_error_set(
                                error,
                                -EPERM,
                                PHX_CREATION_STAGE " is owned by uid %u with mode %04o; remove it",
                                (unsigned) st.st_uid,
                                (unsigned) st.st_mode & 07777);
        if (flock(fd, LOCK_EX) < 0)
                return phx_error_errno(error, PHX_CREATION_STAGE);
        if (!is_same(fd, path_fd, PHX_CREATION_STAGE))
                return 1;
        *ret_fd = PHX_TAKE_FD(fd);
        return 0;
}

static int lock_stage(int path_fd, int *ret_fd, struct phx_error *error) {
        int r = 1;

        while (r > 0) {
                if (mkdirat(path_fd, PHX_CREATION_STAGE, 0700) < 0 && errno != EEXIST)
                        return phx_error_errno(error, PHX_CREATION_STAGE);
                r = lock_stage_once(path_fd, ret_fd, error);
        }
        return r;
}

static int remove_tree(int stage_fd, const char *name, struct phx_error *error) {
        phx_autofree char *path = NULL;
        const char *arguments[] = {
                "/usr/bin/rm", "--recursive", "--force", "--one-file-system", "--", NULL, NULL,
        };

        if (phx_printf(&path, "./%s", name) < 0)
                return -ENOMEM;
        arguments[5] = path;
        return run_program(&(struct run){ arguments, stage_fd, -1, stage_fd }, error);
}

static int empty_stage(int stage_fd, struct phx_error *error) {
        phx_cleanup(phx_closedirp) DIR *directory = NULL;
        const struct dirent *entry;
        int r;

        r = phx_directory_open(stage_fd, ".", &directory);
        if (r < 0)
                return phx_error_set(error, r, PHX_CREATION_STAGE ": %s", strerrordesc_np(-r));
        while (r >= 0 && (errno = 0, entry = readdir(directory)))
                if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                        r = remove_tree(stage_fd, entry->d_name, error);
        return r;
}

/* What cannot be removed is left for the next one. */
static int remove_stage(int path_fd, int stage_fd, struct phx_error *error) {
        int r = empty_stage(stage_fd, error);

        if (r < 0)
                return r;
        if (unlinkat(path_fd, PHX_CREATION_STAGE, AT_REMOVEDIR) < 0)
                return phx_error_errno(error, PHX_CREATION_STAGE);
        return 0;
}

/* --- the container --- */

/* As one that was interrupted has left it; it is removed only if it is empty. */
static bool was_taken(const struct creation *creation) {
        const char *name = creation->order->name;
        struct stat st;

        return fstatat(creation->path_fd, name, &st, AT_SYMLINK_NOFOLLOW) >= 0 &&
               S_ISDIR(st.st_mode) && (st.st_mode & 07777) == MODE_TAKEN &&
               st.st_uid == creation->trust->owner &&
               unlinkat(creation->path_fd, name, AT_REMOVEDIR) >= 0;
}

/* 1 when it is there, 0 when nothing of its name is. */
static int look_for(const struct creation *creation, struct phx_error *error) {
        const char *name = creation->order->name;
        phx_autofree char *config = NULL;

        if (phx_printf(&config, "%s/" CONFIG, name) < 0)
                return -ENOMEM;
        if (faccessat(creation->path_fd, config, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                return 1;
        if (faccessat(creation->path_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
                return 0;
        if (was_taken(creation))
                return 0;
        return phx_error_set(
                        error,
                        -EEXIST,
                        "%s/%s exists, and is no container: it has no " CONFIG,
                        creation->order->lxc_path,
                        name);
}

/* Asks its monitor, if there is one. In doubt it is. */
static bool is_running(const struct creation *creation) {
        phx_cleanup(phx_strings_done) struct phx_strings names = { 0 };
        struct phx_lxc_monitor monitor = { .is_expected = true };

        return phx_strings_add(&names, creation->order->source) < 0 ||
               phx_lxc_monitors_ask(
                               creation->order->lxc_path,
                               &names,
                               creation->trust->owner,
                               MONITOR_USEC,
                               &monitor) < 0 ||
               monitor.answer != PHX_LXC_MONITOR_NONE;
}

/* 1 when it is held, 0 when the name is taken. */
static int hold_once(const struct creation *creation, struct phx_error *error) {
        const struct create_order *order = creation->order;
        struct sockaddr_un address;
        socklen_t size = phx_lxc_monitor_address(order->lxc_path, order->source, &address);

        if (bind(creation->hold_fd, (const struct sockaddr *) &address, size) >= 0)
                return 1;
        return errno == EADDRINUSE ? 0 : phx_error_errno(error, order->source);
}

/* A monitor that has bound the name is about to listen. What does not listen for so long is none.
 */
static int hold_source(struct creation *creation, struct phx_error *error) {
        const struct create_order *order = creation->order;
        int r = 0;

        creation->hold_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (creation->hold_fd < 0)
                return phx_error_errno(error, order->source);
        for (unsigned i = 0; r == 0 && i < HOLD_TRIES; i++) {
                if (i > 0)
                        (void) usleep(HOLD_USEC / HOLD_TRIES);
                r = hold_once(creation, error);
                if (r == 0 && is_running(creation))
                        return phx_error_set(
                                        error,
                                        -EBUSY,
                                        "container %s is running: stop it before it is cloned",
                                        order->source);
        }
        return r < 0 ? r : 0;
}

static int check_stopped(const struct creation *creation, struct phx_error *error) {
        if (!is_running(creation))
                return 0;
        return phx_error_set(
                        error,
                        -EBUSY,
                        "container %s was started while it was copied",
                        creation->order->source);
}

/* As LXC makes it: the group of root may write it. What any other user may write is not believed.
 */
static int read_trusted(
                const struct creation *creation,
                int directory_fd,
                char **ret_text,
                size_t *ret_size,
                struct phx_error *error) {
        const struct create_order *order = creation->order;
        phx_autoclose int fd = openat(
                        directory_fd,
                        CONFIG,
                        O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        struct stat st;
        int r;

        if (fd < 0 || fstat(fd, &st) < 0)
                return phx_error_errno(error, CONFIG);
        if (!S_ISREG(st.st_mode) || st.st_uid != creation->trust->owner || (st.st_mode & S_IWOTH) ||
            ((st.st_mode & S_IWGRP) && st.st_gid != 0))
                return phx_error_set(
                                error,
                                -EPERM,
                                "%s/%s/" CONFIG " is owned by uid %u with mode %04o; expected a "
                                "file that only its owner can write",
                                order->lxc_path,
                                order->source,
                                (unsigned) st.st_uid,
                                (unsigned) st.st_mode & 07777);
        r = phx_file_read_fd(fd, CONFIG_LIMIT, ret_text, ret_size);
        return r < 0 ? phx_error_set(error, r, CONFIG ": %s", strerrordesc_np(-r)) : 0;
}

static int read_source(struct creation *creation, struct phx_error *error) {
        const struct create_order *order = creation->order;
        const struct phx_lxc lxc = { .path = order->lxc_path, .trust = creation->trust };
        phx_autofree char *text = NULL;
        size_t size = 0;
        int r;

        r = phx_lxc_open_container(
                        &lxc,
                        creation->path_fd,
                        order->source,
                        &creation->source_fd,
                        error);
        if (r >= 0)
                r = read_trusted(creation, creation->source_fd, &text, &size, error);
        if (r >= 0)
                r = config_read_source(text, size, order, &creation->source, error);
        if (r >= 0)
                r = config_find_common(creation->trust, &creation->source, error);
        if (r >= 0 && order->is_unprivileged && !creation->source.is_unprivileged)
                return phx_error_set(
                                error,
                                -EINVAL,
                                "unprivileged: container %s, which it is cloned from, is "
                                "privileged",
                                order->source);
        return r;
}

/* Where LXC puts it, in the directory that is open; or else on a way that is judged. */
static int open_source_rootfs(
                const struct creation *creation,
                int *ret_fd,
                struct phx_error *error) {
        const struct create_order *order = creation->order;
        const char *path = creation->source.rootfs;
        phx_autofree char *usual = NULL;

        if (phx_printf(&usual, "%s/%s/" FILL_ROOTFS, order->lxc_path, order->source) < 0)
                return -ENOMEM;
        if (strcmp(path, usual) != 0)
                return fill_open_rootfs(creation->trust, path, ret_fd, error);
        *ret_fd = openat(
                        creation->source_fd,
                        FILL_ROOTFS,
                        O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return *ret_fd < 0 ? phx_error_errno(error, path) : 0;
}

static int make_directories(struct creation *creation, struct phx_error *error) {
        const struct create_order *order = creation->order;

        if (mkdirat(creation->stage_fd, order->name, 0700) < 0)
                return phx_error_errno(error, order->name);
        creation->directory_fd = openat(
                        creation->stage_fd,
                        order->name,
                        O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (creation->directory_fd < 0 || mkdirat(creation->directory_fd, FILL_ROOTFS, 0755) < 0 ||
            fchmodat(creation->directory_fd, FILL_ROOTFS, 0755, 0) < 0)
                return phx_error_errno(error, order->name);
        creation->rootfs_fd = openat(
                        creation->directory_fd,
                        FILL_ROOTFS,
                        O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return creation->rootfs_fd < 0 ? phx_error_errno(error, FILL_ROOTFS) : 0;
}

static int fill(struct creation *creation, struct phx_error *error) {
        const struct fill_place place = {
                creation->trust,
                creation->rootfs_fd,
                creation->stage_fd,
        };
        const struct create_order *order = creation->order;
        phx_autoclose int rootfs_fd = -1;
        int r;

        if (order->template)
                return fill_from_template(&place, order, creation->first, error);
        r = open_source_rootfs(creation, &rootfs_fd, error);
        if (r >= 0)
                r = fill_from_source(&place, rootfs_fd, error);
        return r < 0 ? r : check_stopped(creation, error);
}

static int write_config(const struct creation *creation, struct phx_error *error) {
        const struct create_order *order = creation->order;
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };
        int r;

        r = config_write(order, order->source ? &creation->source : NULL, creation->first, &text);
        if (r >= 0)
                r = phx_file_replace_at(creation->directory_fd, CONFIG, text.data, text.size, 0644);
        return r < 0 ? phx_error_set(error, r, CONFIG ": %s", strerrordesc_np(-r)) : 0;
}

/* By what its config says, and not by the owner of its files: that is said by an archive, or by the
 * root of the other container. */
static int admit_root(const struct creation *creation) {
        gid_t group = creation->order->source ? creation->source.root_group : creation->first;

        if (group > 0 && fchown(creation->directory_fd, (uid_t) -1, group) < 0)
                return phx_errno();
        return fchmod(creation->directory_fd, group > 0 ? MODE_UNPRIVILEGED : MODE_PRIVILEGED) < 0
                               ? phx_errno()
                               : 0;
}

/* Only if nothing of its name is there. ZFS before 2.2 does not know the flag: then the name is
 * taken by an empty directory first, which fails likewise, and which a directory may replace. */
static int take_name(const struct creation *creation) {
        const char *name = creation->order->name;
        int r = 0;

        if (renameat2(creation->stage_fd, name, creation->path_fd, name, RENAME_NOREPLACE) >= 0)
                return 0;
        if (errno != EINVAL || mkdirat(creation->path_fd, name, MODE_TAKEN) < 0)
                return phx_errno();
        if (renameat(creation->stage_fd, name, creation->path_fd, name) < 0) {
                r = phx_errno();
                (void) unlinkat(creation->path_fd, name, AT_REMOVEDIR);
        }
        return r;
}

/* All of it is on the disk before it has its name. */
static int put_in_place(const struct creation *creation, struct phx_error *error) {
        const struct create_order *order = creation->order;
        int r;

        if (admit_root(creation) < 0 || syncfs(creation->directory_fd) < 0)
                return phx_error_errno(error, order->name);
        r = take_name(creation);
        if (r >= 0 && fsync(creation->path_fd) < 0)
                r = phx_errno();
        return r < 0 ? phx_error_set_in(error, r, order->name, "%s", strerrordesc_np(-r)) : 0;
}

static int make(struct creation *creation, struct phx_error *error) {
        const struct create_order *order = creation->order;
        int r = 0;

        if (order->source) {
                r = hold_source(creation, error);
                if (r >= 0)
                        r = read_source(creation, error);
        } else if (order->is_unprivileged) {
                r = fill_find_ids(&creation->first, error);
        }
        if (r >= 0)
                r = make_directories(creation, error);
        if (r >= 0)
                r = fill(creation, error);
        if (r >= 0)
                r = fill_hostname(creation->rootfs_fd, order->hostname, error);
        if (r >= 0)
                r = write_config(creation, error);
        return r < 0 ? r : put_in_place(creation, error);
}

int create_run(const struct phx_trust *trust,
               const struct create_order *order,
               struct phx_error *error) {
        phx_cleanup(creation_done) struct creation creation = {
                .trust = trust,
                .order = order,
                .path_fd = -1,
                .stage_fd = -1,
                .source_fd = -1,
                .hold_fd = -1,
                .directory_fd = -1,
                .rootfs_fd = -1,
        };
        int r, left;

        r = phx_trust_open_directory(trust, order->lxc_path, &creation.path_fd, error);
        if (r >= 0)
                r = lock_stage(creation.path_fd, &creation.stage_fd, error);
        if (r < 0)
                return r;
        r = empty_stage(creation.stage_fd, error);
        if (r >= 0)
                r = look_for(&creation, error);
        if (r == 0)
                r = make(&creation, error);
        left = remove_stage(creation.path_fd, creation.stage_fd, r < 0 ? NULL : error);
        return r < 0 ? r : left;
}

int create_clean(const struct phx_trust *trust, const char *lxc_path, struct phx_error *error) {
        phx_autoclose int path_fd = -1, stage_fd = -1;
        int r;

        r = phx_trust_open_directory(trust, lxc_path, &path_fd, error);
        if (r >= 0)
                r = lock_stage_once(path_fd, &stage_fd, error);
        /* It is gone by now. */
        if (r > 0)
                return 0;
        return r < 0 ? r : remove_stage(path_fd, stage_fd, error);
}
