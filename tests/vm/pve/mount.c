/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What clients see of Proxmox's cluster file system is in large part what libfuse and the kernel
 * make of an operation that is not there. So there is no fsync, link, symlink, mknod, extended
 * attribute, fallocate or lock here, and none may be added: their absence is the behaviour. The
 * same holds for the options that stay off: without hard_remove, libfuse renames a file that is
 * open to .fuse_hidden before another takes its place, and without use_ino and readdir_ino it
 * numbers inodes as they come.
 *
 * The original uses libfuse 2; what libfuse 3 does differently by default is turned off in
 * mount_init(). Each request has a thread, so that a change that waits keeps no reader waiting.
 */
#define FUSE_USE_VERSION 312
#include "mount.h"

#include <errno.h>
#include <fuse.h>
#include <fuse_lowlevel.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "served.h"

#define PIECE 131072U
#define BLOCK 4096U
#define BLOCKS 32768U
#define INODES 262144U
#define THREADS 64

/* For the signal handler. */
static struct fuse_session *mount_session;

static struct pve_state *lock_state(void) {
        struct pve_state *state = fuse_get_context()->private_data;

        (void) pthread_mutex_lock(&state->lock);
        return state;
}

static int unlock_state(struct pve_state *state, int r) {
        (void) pthread_mutex_unlock(&state->lock);
        return r;
}

/* --- looking */

static mode_t mode_of(const struct pve_state *state, const char *path, mode_t type) {
        const bool is_writable = !state->switches.no_quorum;
        mode_t mode;

        if (type == S_IFREG)
                mode = (is_writable ? 0666 : 0444) & 0750;
        else
                mode = (is_writable ? 0777 : 0555) & 0755;
        return type | (pve_is_private(path) ? mode & 0700 : mode);
}

static int served_attributes(struct pve_state *state, enum pve_served file, struct stat *st) {
        int r = pve_served_make(state, file);

        if (r < 0)
                return r;
        st->st_mode = S_IFREG | (file == PVE_SERVED_DEBUG ? 0640 : 0440);
        st->st_nlink = 1;
        st->st_size = (off_t) strlen(state->served[file]);
        return 0;
}

static int attributes(struct pve_state *state, const char *path, struct stat *st) {
        const struct pve_entry *entry;
        enum pve_served file;
        char *target;

        *st = (struct stat){ .st_gid = state->group, .st_nlink = 1 };
        if (*path == '\0') {
                st->st_mode = S_IFDIR | 0755;
                st->st_nlink = 2;
                return 0;
        }
        if (pve_served_find(path, &file))
                return served_attributes(state, file, st);
        target = pve_link_target(state, path);
        if (target) {
                free(target);
                st->st_mode = mode_of(state, path, S_IFLNK);
                return 0;
        }

        entry = pve_find(state, path);
        if (!entry)
                return -ENOENT;
        st->st_mode = mode_of(state, path, entry->is_directory ? S_IFDIR : S_IFREG);
        st->st_nlink = entry->is_directory ? 2 : 1;
        st->st_size = (off_t) entry->size;
        st->st_atime = st->st_mtime = st->st_ctime = entry->mtime;
        return 0;
}

static int mount_getattr(const char *path, struct stat *st, struct fuse_file_info *info) {
        struct pve_state *state = lock_state();

        state->counts.attributes++;
        return unlock_state(state, attributes(state, path + 1, st));
}

static int mount_readlink(const char *path, char *buffer, size_t size) {
        struct pve_state *state = lock_state();
        char *target = pve_link_target(state, path + 1);
        int r = target ? 0 : -EINVAL;

        if (target)
                (void) snprintf(buffer, size, "%s", target);
        free(target);
        return unlock_state(state, r);
}

static int mount_readdir(
                const char *path,
                void *buffer,
                fuse_fill_dir_t fill,
                off_t offset,
                struct fuse_file_info *info,
                enum fuse_readdir_flags flags) {
        struct pve_state *state = lock_state();
        const char *name;

        state->counts.listings++;
        if (path[1] && !pve_find(state, path + 1))
                return unlock_state(state, -ENOENT);
        (void) fill(buffer, ".", NULL, 0, 0);
        (void) fill(buffer, "..", NULL, 0, 0);
        for (size_t i = 0; i < state->n_entries; i++) {
                name = pve_name_below(&state->entries[i], path + 1);
                if (name)
                        (void) fill(buffer, name, NULL, 0, 0);
        }
        for (size_t i = 0; !path[1] && (name = pve_link_name(i)); i++)
                (void) fill(buffer, name, NULL, 0, 0);
        for (unsigned i = 0; !path[1] && i < PVE_N_SERVED; i++)
                (void) fill(buffer, pve_served_name((enum pve_served) i), NULL, 0, 0);
        return unlock_state(state, 0);
}

static int mount_open(const char *path, struct fuse_file_info *info) {
        struct pve_state *state = lock_state();
        enum pve_served file;

        state->counts.opens++;
        if (!pve_served_find(path + 1, &file) && !pve_find(state, path + 1))
                return unlock_state(state, -ENOENT);
        state->counts.open_now++;
        info->direct_io = 1;
        return unlock_state(state, 0);
}

static int mount_release(const char *path, struct fuse_file_info *info) {
        struct pve_state *state = lock_state();

        state->counts.open_now--;
        return unlock_state(state, 0);
}

static int mount_read(
                const char *path,
                char *buffer,
                size_t size,
                off_t offset,
                struct fuse_file_info *info) {
        struct pve_state *state = lock_state();
        const struct pve_entry *entry = pve_find(state, path + 1);
        const char *data = NULL;
        size_t have = 0, at = (size_t) offset;
        enum pve_served file;

        state->counts.reads++;
        if (pve_served_find(path + 1, &file)) {
                data = state->served[file];
                have = data ? strlen(data) : 0;
        } else if (entry) {
                data = entry->data;
                have = entry->size;
        } else {
                return unlock_state(state, -ENOENT);
        }
        if (at >= have)
                return unlock_state(state, 0);
        if (size > have - at)
                size = have - at;
        memcpy(buffer, data + at, size);
        return unlock_state(state, (int) size);
}

static int mount_statfs(const char *path, struct statvfs *st) {
        struct pve_state *state = lock_state();
        size_t used = 0;

        for (size_t i = 0; i < state->n_entries; i++)
                used += state->entries[i].size;
        *st = (struct statvfs){
                .f_bsize = BLOCK,
                .f_frsize = BLOCK,
                .f_blocks = BLOCKS,
                .f_bfree = BLOCKS - (used + BLOCK - 1) / BLOCK,
                .f_files = INODES,
                .f_ffree = INODES - state->n_entries,
                .f_namemax = 256,
        };
        st->f_bavail = st->f_bfree;
        return unlock_state(state, 0);
}

/* --- changing */

/* Waits as long as the switches say. The state is locked in any case. */
static int begin_change(struct pve_state **ret_state) {
        struct pve_state *state = lock_state();
        const struct pve_switches *switches = &state->switches;
        struct timespec until;

        *ret_state = state;
        state->counts.changes++;
        while (switches->stall && !state->is_ending)
                (void) pthread_cond_wait(&state->turned, &state->lock);
        if (state->is_ending)
                return -EIO;
        if (switches->no_quorum)
                return -EACCES;
        if (switches->busy)
                return -EBUSY;
        if (switches->fail == 0)
                return 0;

        (void) clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += switches->fail_msec / 1000;
        until.tv_nsec += (long) (switches->fail_msec % 1000) * 1000000;
        if (until.tv_nsec >= 1000000000) {
                until.tv_sec++;
                until.tv_nsec -= 1000000000;
        }
        while (!state->is_ending &&
               pthread_cond_timedwait(&state->turned, &state->lock, &until) == 0)
                ;
        return switches->fail ? -switches->fail : -EIO;
}

static int mount_store(const struct pve_store *store) {
        struct pve_state *state;
        int r = begin_change(&state);

        return unlock_state(state, r < 0 ? r : pve_store(state, store));
}

/* Unlike open, not direct. */
static int mount_create(const char *path, mode_t mode, struct fuse_file_info *info) {
        const struct pve_store store = { .path = path + 1, .creates = true };
        struct pve_state *state;
        int r = begin_change(&state);

        if (r == 0)
                r = pve_store(state, &store);
        if (r == 0)
                state->counts.open_now++;
        return unlock_state(state, r);
}

static int mount_write(
                const char *path,
                const char *data,
                size_t size,
                off_t offset,
                struct fuse_file_info *info) {
        int r = mount_store(&(struct pve_store){ .path = path + 1,
                                                 .data = data,
                                                 .offset = (size_t) offset,
                                                 .size = size });

        return r < 0 ? r : (int) size;
}

static int mount_truncate(const char *path, off_t size, struct fuse_file_info *info) {
        return mount_store(&(struct pve_store){ .path = path + 1,
                                                .offset = (size_t) size,
                                                .truncates = true });
}

static int mount_mkdir(const char *path, mode_t mode) {
        struct pve_state *state;
        int r = begin_change(&state);

        return unlock_state(state, r < 0 ? r : pve_make_directory(state, path + 1));
}

static int mount_remove(const char *path) {
        struct pve_state *state;
        int r = begin_change(&state);

        return unlock_state(state, r < 0 ? r : pve_remove(state, path + 1));
}

static int mount_rename(const char *from, const char *to, unsigned flags) {
        struct pve_state *state;
        int r;

        if (flags != 0)
                return -EINVAL;
        r = begin_change(&state);
        return unlock_state(state, r < 0 ? r : pve_move(state, from + 1, to + 1));
}

/* Modes and owners are what they are: who asks for just that is told that all is well. */
static int mount_chmod(const char *path, mode_t mode, struct fuse_file_info *info) {
        return (mode & 07777) == (pve_is_private(path + 1) ? 0600 : 0640) ? 0 : -EPERM;
}

static int mount_chown(const char *path, uid_t uid, gid_t gid, struct fuse_file_info *info) {
        struct pve_state *state = lock_state();
        const bool is_right = (uid == 0 || uid == (uid_t) -1) &&
                              (gid == state->group || gid == (gid_t) -1);

        return unlock_state(state, is_right ? 0 : -EPERM);
}

static int mount_utimens(
                const char *path,
                const struct timespec times[2],
                struct fuse_file_info *info) {
        struct pve_state *state;
        time_t mtime = times[1].tv_sec;
        int r = begin_change(&state);

        if (times[1].tv_nsec == UTIME_NOW)
                mtime = time(NULL);
        if (r < 0 || times[1].tv_nsec == UTIME_OMIT)
                return unlock_state(state, r);
        return unlock_state(state, pve_set_time(state, path + 1, mtime));
}

/* --- the mount */

static void *mount_init(struct fuse_conn_info *connection, struct fuse_config *config) {
        connection->want &=
                        ~(unsigned) (FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_READDIRPLUS |
                                     FUSE_CAP_READDIRPLUS_AUTO);
        connection->max_write = PIECE;
        config->attr_timeout = 1;
        config->entry_timeout = 1;
        config->negative_timeout = 0;
        return fuse_get_context()->private_data;
}

static const struct fuse_operations mount_operations = {
        .init = mount_init,
        .getattr = mount_getattr,
        .readlink = mount_readlink,
        .readdir = mount_readdir,
        .open = mount_open,
        .release = mount_release,
        .read = mount_read,
        .write = mount_write,
        .truncate = mount_truncate,
        .create = mount_create,
        .mkdir = mount_mkdir,
        .rmdir = mount_remove,
        .unlink = mount_remove,
        .rename = mount_rename,
        .chmod = mount_chmod,
        .chown = mount_chown,
        .utimens = mount_utimens,
        .statfs = mount_statfs,
};

void pve_mount_end(void) {
        if (mount_session)
                fuse_session_exit(mount_session);
}

static void answer(struct fuse *fuse) {
        struct fuse_loop_config *config = fuse_loop_cfg_create();

        fuse_loop_cfg_set_max_threads(config, THREADS);
        fuse_loop_cfg_set_idle_threads(config, THREADS);
        (void) fuse_loop_mt(fuse, config);
        fuse_loop_cfg_destroy(config);
}

int pve_mount_run(
                struct pve_state *state,
                const char *mountpoint,
                void (*ready)(void *),
                void *data) {
        char program[] = "pmxcfs", options[] = "-ofsname=/dev/fuse,default_permissions,allow_other";
        char *words[] = { program, options, NULL };
        struct fuse_args arguments = FUSE_ARGS_INIT(2, words);
        struct fuse *fuse;

        /* One that died left its mount. While anything of it is open the kernel keeps it, and then
         * mounting another fails, but in the second in which attributes are still cached. */
        if (umount2(mountpoint, MNT_FORCE) < 0 && errno == EBUSY) {
                (void) fprintf(stderr, "fuse_mount error: %s\n", strerror(ENOTCONN));
                return -1;
        }
        fuse = fuse_new(&arguments, &mount_operations, sizeof(mount_operations), state);
        fuse_opt_free_args(&arguments);
        if (!fuse)
                return -1;
        if (fuse_mount(fuse, mountpoint) != 0) {
                (void) fprintf(stderr, "fuse_mount error: %s\n", strerror(errno));
                fuse_destroy(fuse);
                return -1;
        }
        mount_session = fuse_get_session(fuse);
        ready(data);
        answer(fuse);
        mount_session = NULL;
        fuse_unmount(fuse);
        fuse_destroy(fuse);
        return 0;
}
