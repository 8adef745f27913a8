#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "system/lxc_containers.h"
#include "system/lxc_worker.h"

#define JUDGE_DEADLINE_USEC (10ULL * 1000000)
/* LXC holds its lock while it reads or writes one config: milliseconds. */
#define LOCK_TRIES 40
#define LOCK_PAUSE_NSEC (50L * 1000 * 1000)
/* liblxc's lxclock.c, for root: RUNTIME_PATH/lxc/lock/LXCPATH/.NAME */
#define LOCK_ROOT "/run/lxc/lock"

struct assignment {
        const char *lxc_path;
        const char *name;
        const struct phx_lxc_managed *managed;
        const char *old_digest;
        int dir_fd;
        char *text;
        struct stat st;
        struct phx_error *error;
};

/* The config as it is now, which must be the one that the decision was made about. */
static int read_current(struct assignment *assignment) {
        phx_autoclose int fd = -1;
        char digest[PHX_SHA256_HEX];
        size_t size = 0;
        int r;

        free(assignment->text);
        assignment->text = NULL;
        fd = openat(assignment->dir_fd, "config", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0 || fstat(fd, &assignment->st) < 0)
                return phx_error_errno(assignment->error, assignment->name);
        if (!S_ISREG(assignment->st.st_mode))
                return phx_error_set(
                                assignment->error,
                                -EINVAL,
                                "%s: its config is not a regular file",
                                assignment->name);
        r = phx_file_read_fd(fd, 1UL << 20, &assignment->text, &size);
        if (r < 0)
                return phx_error_set(
                                assignment->error,
                                r,
                                "%s: %s",
                                assignment->name,
                                strerrordesc_np(-r));

        phx_sha256(assignment->text, size, digest);
        if (strcmp(digest, assignment->old_digest) != 0)
                return phx_error_set(
                                assignment->error,
                                -ESTALE,
                                "%s: its config was changed meanwhile, and is looked at anew",
                                assignment->name);
        return 0;
}

/* liblxc itself says what the new text means, before it is anybody's config. */
static int judge(const struct assignment *assignment, const char *temporary) {
        phx_autofree char *file = NULL;
        phx_autofree char *profile = NULL;
        int r;

        if (asprintf(&file, "%s/%s/%s", assignment->lxc_path, assignment->name, temporary) < 0) {
                file = NULL;
                return -ENOMEM;
        }
        r = phx_lxc_judge(
                        assignment->lxc_path,
                        assignment->name,
                        file,
                        JUDGE_DEADLINE_USEC,
                        &profile,
                        assignment->error);
        if (r < 0 || !assignment->managed->profile)
                return r;
        if (strcmp(profile, assignment->managed->profile) != 0)
                return phx_error_set(
                                assignment->error,
                                -EINVAL,
                                "%s: with our line in place liblxc would still use '%s' instead of '%s'",
                                assignment->name,
                                profile,
                                assignment->managed->profile);
        return 0;
}

/* LXC's own lock on the container's config. -1 in RET_FD where LXC has made no lock file: then it
 * is not running anything that would take it. */
static int lock(const struct assignment *assignment, int *ret_fd) {
        struct flock flock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
        const struct timespec pause = { 0, LOCK_PAUSE_NSEC };
        phx_autofree char *path = NULL;
        phx_autoclose int fd = -1;

        if (asprintf(&path, LOCK_ROOT "/%s/.%s", assignment->lxc_path, assignment->name) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0) {
                *ret_fd = -1;
                return 0;
        }
        for (unsigned i = 0; i < LOCK_TRIES; i++) {
                if (fcntl(fd, F_OFD_SETLK, &flock) == 0) {
                        *ret_fd = PHX_TAKE_FD(fd);
                        return 0;
                }
                (void) nanosleep(&pause, NULL);
        }
        return phx_error_set(
                        assignment->error,
                        -EBUSY,
                        "%s: LXC holds its lock %s",
                        assignment->name,
                        path);
}

static int commit(struct assignment *assignment, const char *temporary) {
        phx_autoclose int lock_fd = -1;
        int r;

        r = lock(assignment, &lock_fd);
        if (r >= 0)
                r = read_current(assignment);
        if (r < 0)
                return r;
        r = phx_file_commit_at(assignment->dir_fd, temporary, "config");
        if (r < 0)
                return phx_error_set(
                                assignment->error,
                                r,
                                "%s: its new config cannot be put in place: %s",
                                assignment->name,
                                strerrordesc_np(-r));
        return 0;
}

static int edit(struct assignment *assignment) {
        phx_autofree char *text = NULL;
        phx_autofree char *temporary = NULL;
        struct phx_file_owner owner;
        int r;

        r = read_current(assignment);
        if (r < 0)
                return r;
        r = phx_lxc_text_edit(assignment->text, assignment->managed, &text);
        if (r < 0 || strcmp(text, assignment->text) == 0)
                return r;

        owner = (struct phx_file_owner){ assignment->st.st_mode & 07777,
                                         assignment->st.st_uid,
                                         assignment->st.st_gid };
        r = phx_file_stage_at(assignment->dir_fd, "config", text, strlen(text), &owner, &temporary);
        if (r < 0)
                return phx_error_set(
                                assignment->error,
                                r,
                                "%s: its new config cannot be written: %s",
                                assignment->name,
                                strerrordesc_np(-r));
        r = judge(assignment, temporary);
        if (r >= 0)
                r = commit(assignment, temporary);
        if (r < 0)
                (void) unlinkat(assignment->dir_fd, temporary, 0);
        return r;
}

int phx_lxc_assign(
                const char *lxc_path,
                const char *name,
                const struct phx_lxc_managed *managed,
                const char *old_digest,
                struct phx_error *error) {
        struct assignment assignment = {
                .lxc_path = lxc_path,
                .name = name,
                .managed = managed,
                .old_digest = old_digest,
                .error = error,
        };
        phx_autofree char *path = NULL;
        phx_autoclose int fd = -1;
        int r;

        if (asprintf(&path, "%s/%s", lxc_path, name) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return phx_error_errno(error, path);
        assignment.dir_fd = fd;
        r = edit(&assignment);
        free(assignment.text);
        return r;
}
