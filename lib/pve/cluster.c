/* SPDX-License-Identifier: GPL-2.0-or-later */

/* How the cluster file system is asked:
 *
 *   - Each request looks first whether it is mounted: an unmounted /etc/pve is a plain directory,
 *     in which nothing would be found and everything could be written. Mounted means FUSE, and that
 *     the link "local" is there, which only the server makes.
 *   - The files that the server makes itself are opened, fstat'ed and read once: without the fstat
 *     the kernel gives what it knew a second ago.
 *   - While a file is open, a save by another program makes it disappear for a moment, for
 *     everybody: libfuse renames the old one first. So files are read in one go and closed, and an
 *     ENOENT is believed the fourth time, each 100 ms after the one before.
 *   - Codes are no diagnosis here. EACCES, EPERM and EBUSY come while a quorum is being lost or
 *     found, EIO, ENOTCONN and ESTALE around a restart; all of them mean "not now". */

#include "pve/cluster.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <time.h>

#include "base/strings.h"

#define READ_FLAGS (O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)

const char *phx_pve_outcome_to_string(enum phx_pve_outcome outcome) {
        static const char *const names[] = {
                [PHX_PVE_OUTCOME_DONE] = "done",       [PHX_PVE_OUTCOME_RIGHT] = "right",
                [PHX_PVE_OUTCOME_CHANGED] = "changed", [PHX_PVE_OUTCOME_NOT_NOW] = "not-now",
                [PHX_PVE_OUTCOME_LOCKED] = "locked",   [PHX_PVE_OUTCOME_TEMPLATE] = "template",
                [PHX_PVE_OUTCOME_MOVED] = "moved",     [PHX_PVE_OUTCOME_NO_LOCK] = "no-lock",
                [PHX_PVE_OUTCOME_FAILED] = "failed",
        };

        return names[outcome];
}

enum phx_pve_outcome phx_pve_outcome_of(int code) {
        static const int passing[] = { EACCES,   EPERM,        EBUSY,  EIO,
                                       ENOTCONN, ECONNABORTED, ESTALE, ETIMEDOUT };

        for (size_t i = 0; i < PHX_ELEMENTS(passing); i++)
                if (code == -passing[i])
                        return PHX_PVE_OUTCOME_NOT_NOW;
        return PHX_PVE_OUTCOME_FAILED;
}

enum phx_pve_outcome phx_pve_refuse(struct phx_error *error, int code, const char *path) {
        enum phx_pve_outcome outcome = phx_pve_outcome_of(code);

        if (outcome == PHX_PVE_OUTCOME_NOT_NOW)
                (void) phx_error_set(
                                error,
                                code,
                                "%s: Proxmox's cluster file system refuses access for now: %s",
                                path,
                                strerrordesc_np(-code));
        else
                (void) phx_error_set(error, code, "%s: %s", path, strerrordesc_np(-code));
        return outcome;
}

void phx_pve_pause(uint64_t usec) {
        const struct timespec pause = { (time_t) (usec / 1000000), (long) (usec % 1000000 * 1000) };

        (void) nanosleep(&pause, NULL);
}

int phx_pve_directory_path(
                const struct phx_pve_place *place,
                const struct phx_pve_state *state,
                char **ret_path) {
        return phx_printf(ret_path, "%s/nodes/%s/lxc", place->root, state->node);
}

int phx_pve_config_path(
                const struct phx_pve_place *place,
                const struct phx_pve_state *state,
                uint32_t id,
                char **ret_path) {
        return phx_printf(ret_path, "%s/nodes/%s/lxc/%u.conf", place->root, state->node, id);
}

static enum phx_pve_outcome cluster_is_absent(
                const struct phx_pve_place *place,
                struct phx_error *error) {
        (void) phx_error_set(
                        error,
                        -ENOENT,
                        "%s: Proxmox's cluster file system is not mounted",
                        place->root);
        return PHX_PVE_OUTCOME_NOT_NOW;
}

/* What "local" points to, "nodes/NAME", is this node. */
static enum phx_pve_outcome read_node(
                const struct phx_pve_place *place,
                const char *path,
                struct phx_pve_state *state,
                struct phx_error *error) {
        static const char prefix[] = "nodes/";
        char target[sizeof(prefix) + PHX_PVE_NODE_SIZE];
        ssize_t n = readlink(path, target, sizeof(target));
        const char *node = target + strlen(prefix);

        if (n < 0 && (errno == EINVAL || errno == ENOENT))
                return cluster_is_absent(place, error);
        if (n < 0)
                return phx_pve_refuse(error, phx_errno(), path);
        target[(size_t) n < sizeof(target) ? (size_t) n : 0] = '\0';
        if (!phx_has_prefix(target, prefix) || !*node || strchr(node, '/') || *node == '.' ||
            strlen(node) >= sizeof(state->node))
                return cluster_is_absent(place, error);
        if (place->node && strcmp(node, place->node) != 0) {
                (void) phx_error_set(
                                error,
                                -ENOENT,
                                "%s: found node '%s', expected '%s'",
                                path,
                                node,
                                place->node);
                return PHX_PVE_OUTCOME_NOT_NOW;
        }
        memcpy(state->node, node, strlen(node) + 1);
        return PHX_PVE_OUTCOME_DONE;
}

enum phx_pve_outcome phx_pve_get_mount(
                const struct phx_pve_place *place,
                struct phx_pve_state *ret_state,
                struct phx_error *error) {
        phx_autofree char *local = NULL;
        struct statfs fs;
        struct stat st;
        enum phx_pve_outcome outcome;

        *ret_state = (struct phx_pve_state){ 0 };
        if (phx_printf(&local, "%s/local", place->root) < 0)
                return phx_pve_refuse(error, -ENOMEM, place->root);
        if (statfs(place->root, &fs) < 0)
                return errno == ENOENT ? cluster_is_absent(place, error)
                                       : phx_pve_refuse(error, phx_errno(), place->root);
        if (fs.f_type != FUSE_SUPER_MAGIC && !place->any_file_system)
                return cluster_is_absent(place, error);
        outcome = read_node(place, local, ret_state, error);
        if (outcome != PHX_PVE_OUTCOME_DONE)
                return outcome;
        if (lstat(local, &st) < 0)
                return phx_pve_refuse(error, phx_errno(), local);
        ret_state->is_mounted = true;
        ret_state->is_quorate = st.st_mode & S_IWUSR;
        return PHX_PVE_OUTCOME_DONE;
}

/* Aligned, so that the kernel asks for as much as possible at once; room for a NUL. */
static char *new_pages(size_t size) {
        return aligned_alloc(4096, size + 4096);
}

static int read_once(int fd, char *data, size_t limit, size_t *ret_size) {
        size_t size = 0;

        while (size < limit) {
                size_t left = limit - size;
                ssize_t n = pread(
                                fd,
                                data + size,
                                left < PHX_PVE_PIECE ? left : PHX_PVE_PIECE,
                                (off_t) size);

                if (n < 0)
                        return phx_errno();
                size += (size_t) n;
                /* The server gives less only at the end. */
                if ((size_t) n < PHX_PVE_PIECE)
                        break;
        }
        data[size] = '\0';
        *ret_size = size;
        return 0;
}

/* More than one piece may be pieces of two contents. */
static int read_twice(int fd, const char *data, size_t size, size_t limit) {
        phx_autofree char *once_more = new_pages(limit);
        size_t n = 0;
        int r;

        if (!once_more)
                return -ENOMEM;
        r = read_once(fd, once_more, limit, &n);
        if (r < 0)
                return r;
        return n == size && memcmp(data, once_more, size) == 0 ? 0 : -ESTALE;
}

int phx_pve_read_fd(int fd, char **ret_data, size_t *ret_size) {
        const size_t limit = PHX_PVE_CONFIG_LIMIT + 4096;
        phx_autofree char *data = new_pages(limit);
        size_t size = 0;
        struct stat st;
        int r;

        if (!data)
                return -ENOMEM;
        if (fstat(fd, &st) < 0)
                return phx_errno();
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        r = read_once(fd, data, limit, &size);
        if (r >= 0 && size > PHX_PVE_CONFIG_LIMIT)
                return -EFBIG;
        if (r >= 0 && size >= PHX_PVE_PIECE)
                r = read_twice(fd, data, size, limit);
        if (r < 0)
                return r;
        *ret_data = PHX_TAKE(data);
        *ret_size = size;
        return 0;
}

/* One of the files that the server makes itself, in one read of at most 1 MiB: it hands out what it
 * has made at the fstat. */
static int read_made(const char *path, char **ret_data, size_t *ret_size) {
        phx_autofree char *data = new_pages(PHX_PVE_CONFIG_LIMIT);
        phx_autoclose int fd = open(path, READ_FLAGS);
        struct stat st;
        ssize_t n;

        if (!data)
                return -ENOMEM;
        if (fd < 0 || fstat(fd, &st) < 0)
                return phx_errno();
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        n = read(fd, data, PHX_PVE_CONFIG_LIMIT);
        if (n < 0)
                return phx_errno();
        data[n] = '\0';
        *ret_data = PHX_TAKE(data);
        *ret_size = (size_t) n;
        return 0;
}

/* What is to be read out of one of them. */
struct made {
        const char *name;
        int (*parse)(const char *file,
                     const char *data,
                     size_t size,
                     void *ret_value,
                     struct phx_error *error);
};

static int parse_guests(
                const char *file,
                const char *data,
                size_t size,
                void *ret_value,
                struct phx_error *error) {
        return phx_pve_vmlist_parse(file, data, size, ret_value, error);
}

static int parse_members(
                const char *file,
                const char *data,
                size_t size,
                void *ret_value,
                struct phx_error *error) {
        return phx_pve_members_parse(file, data, size, ret_value, error);
}

static int parse_version(
                const char *file,
                const char *data,
                size_t size,
                void *ret_value,
                struct phx_error *error) {
        return phx_pve_version_parse(file, data, size, ret_value, error);
}

/* A text that is no JSON was read while it was made: the next one will be. */
static enum phx_pve_outcome get_made(
                const struct phx_pve_place *place,
                const struct made *made,
                void *ret_value,
                struct phx_error *error) {
        phx_autofree char *path = NULL;
        int r = -EINVAL;

        if (phx_printf(&path, "%s/%s", place->root, made->name) < 0)
                return phx_pve_refuse(error, -ENOMEM, place->root);
        for (int look = 0; look < PHX_PVE_LOOKS && r == -EINVAL; look++) {
                phx_autofree char *data = NULL;
                size_t size = 0;

                if (look > 0)
                        phx_pve_pause(PHX_PVE_PAUSE_USEC);
                r = read_made(path, &data, &size);
                if (r == -ENOENT)
                        return cluster_is_absent(place, error);
                if (r < 0)
                        return phx_pve_refuse(error, r, path);
                r = made->parse(path, data, size, ret_value, error);
        }
        if (r >= 0)
                return PHX_PVE_OUTCOME_DONE;
        return r == -EINVAL ? PHX_PVE_OUTCOME_FAILED : phx_pve_refuse(error, r, path);
}

enum phx_pve_outcome phx_pve_get_guests(
                const struct phx_pve_place *place,
                struct phx_pve_guests *ret_guests,
                struct phx_error *error) {
        static const struct made made = { ".vmlist", parse_guests };

        return get_made(place, &made, ret_guests, error);
}

enum phx_pve_outcome phx_pve_get_start_time(
                const struct phx_pve_place *place,
                uint64_t *ret_start_time,
                struct phx_error *error) {
        static const struct made made = { ".version", parse_version };

        return get_made(place, &made, ret_start_time, error);
}

enum phx_pve_outcome phx_pve_get_state(
                const struct phx_pve_place *place,
                struct phx_pve_state *ret_state,
                struct phx_error *error) {
        static const struct made made = { ".members", parse_members };
        enum phx_pve_outcome outcome;

        outcome = phx_pve_get_mount(place, ret_state, error);
        if (outcome == PHX_PVE_OUTCOME_DONE)
                outcome = get_made(place, &made, &ret_state->is_cluster, error);
        if (outcome == PHX_PVE_OUTCOME_DONE)
                outcome = phx_pve_get_start_time(place, &ret_state->start_time, error);
        return outcome;
}

void phx_pve_config_done(struct phx_pve_config *config) {
        free(config->data);
        *config = (struct phx_pve_config){ 0 };
}

void phx_pve_config_set(struct phx_pve_config *config, char *data, size_t size) {
        *config = (struct phx_pve_config){ .data = data, .size = size };
        phx_sha1_two(data, size, "", 0, config->sha1);
        phx_sha256(data, size, config->sha256);
}

/* A server that is stopped or started meanwhile makes all configs absent: only what is absent from
 * a directory that is there is believed to be. */
static enum phx_pve_outcome check_absent(
                const struct phx_pve_place *place,
                const char *path,
                struct phx_error *error) {
        phx_autofree char *directory = NULL;
        struct phx_pve_state state;
        enum phx_pve_outcome outcome;
        struct stat st;

        outcome = phx_pve_get_mount(place, &state, error);
        if (outcome != PHX_PVE_OUTCOME_DONE)
                return outcome;
        if (phx_pve_directory_path(place, &state, &directory) < 0)
                return phx_pve_refuse(error, -ENOMEM, place->root);
        if (stat(directory, &st) < 0)
                return phx_pve_refuse(error, errno == ENOENT ? -ESTALE : phx_errno(), directory);
        (void) phx_error_set(error, -ENOENT, "%s: this node has no such container", path);
        return PHX_PVE_OUTCOME_MOVED;
}

/* Tries to open it, until it is there or has been absent often enough. */
enum phx_pve_outcome phx_pve_open_config(
                const struct phx_pve_place *place,
                const char *path,
                int flags,
                int *ret_fd,
                struct phx_error *error) {
        enum phx_pve_outcome outcome = PHX_PVE_OUTCOME_MOVED;

        for (int look = 0; look < PHX_PVE_LOOKS && outcome == PHX_PVE_OUTCOME_MOVED; look++) {
                int fd, r;

                if (look > 0)
                        phx_pve_pause(PHX_PVE_PAUSE_USEC);
                fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
                r = fd < 0 ? phx_errno() : 0;
                if (r >= 0) {
                        *ret_fd = fd;
                        return PHX_PVE_OUTCOME_DONE;
                }
                outcome = r == -ENOENT ? check_absent(place, path, error)
                                       : phx_pve_refuse(error, r, path);
        }
        return outcome;
}

enum phx_pve_outcome phx_pve_read_config(
                const struct phx_pve_place *place,
                uint32_t id,
                struct phx_pve_config *ret_config,
                struct phx_error *error) {
        phx_autofree char *path = NULL;
        struct phx_pve_state state;
        enum phx_pve_outcome outcome;
        int r = -ESTALE;

        outcome = phx_pve_get_mount(place, &state, error);
        if (outcome != PHX_PVE_OUTCOME_DONE)
                return outcome;
        if (phx_pve_config_path(place, &state, id, &path) < 0)
                return phx_pve_refuse(error, -ENOMEM, place->root);
        for (int look = 0; look < PHX_PVE_LOOKS && r == -ESTALE; look++) {
                phx_autofree char *data = NULL;
                phx_autoclose int fd = -1;
                size_t size = 0;

                outcome = phx_pve_open_config(place, path, O_RDONLY, &fd, error);
                if (outcome != PHX_PVE_OUTCOME_DONE)
                        return outcome;
                r = phx_pve_read_fd(fd, &data, &size);
                if (r >= 0)
                        phx_pve_config_set(ret_config, PHX_TAKE(data), size);
        }
        return r < 0 ? phx_pve_refuse(error, r, path) : PHX_PVE_OUTCOME_DONE;
}
