/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Proxmox's lock orders those who take it. Others write as well: the hook at a container's stop, by
 * a temporary file and a rename, and people with an editor, in place. None of their lines may be
 * lost. A temporary file of ours that is renamed over the config could not promise that: it removes
 * whatever was put there since we last looked. So the config is written in place, which the cluster
 * file system makes one transaction, as long as it is one piece:
 *
 *   - Who renames over it wins. An open descriptor stays with the file that it was opened as; when
 *     that one was replaced, our bytes go where no reader comes, and reading by name again shows
 *     that they are not there.
 *   - Who writes in place is kept out by a lease, from before the last comparison until the bytes
 *     are there: it is only given while no other process has the file open, and who opens it then
 *     waits until it is given back, a millisecond, or gets EAGAIN if it does not want to wait.
 *     It is of this host, as the lock is. A file system without leases leaves the moment between
 *     comparison and write.
 *   - A guest that has moved to another node has no config here any more, and nothing is created.
 *   - Nothing is left behind by a crash, or when the quorum is lost on the way.
 *
 * A config that becomes shorter is first filled up with empty lines, which mean nothing to Proxmox,
 * and then cut, so that no moment shows an end of the old one. If the quorum is lost between the
 * two, the empty lines stay, until Proxmox writes the file the next time.
 *
 * Under the lock, in this order: mounted, still this node's, the bytes that the edit was made for,
 * neither locked nor a template, write, close, read again. */

#include "pve/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

#include "base/process.h"
#include "base/strings.h"
#include "pve/lock.h"
#include "pve/text.h"

#define LEASE_PATIENCE_USEC UINT64_C(250000)
#define LEASE_RETRY_USEC UINT64_C(5000)

/* One edit under way. */
struct replacing {
        const struct phx_pve_place *place;
        const struct phx_pve_replacement *edit;
        struct phx_pve_state state;
        char *path;
        char *old;
        size_t old_size;
        struct phx_error *error;
};

static void replacing_done(struct replacing *work) {
        free(work->path);
        free(work->old);
}

static enum phx_pve_outcome refuse(
                const struct replacing *work,
                enum phx_pve_outcome outcome,
                int code,
                const char *text) {
        (void) phx_error_set(work->error, code, "%s: %s", work->path, text);
        return outcome;
}

static enum phx_pve_outcome refuse_as(
                const struct replacing *work,
                enum phx_pve_outcome outcome,
                const struct phx_error *error) {
        (void) phx_error_set(work->error, error->code, "%s", error->text);
        return outcome;
}

static enum phx_pve_outcome pve_check_owner(struct replacing *work) {
        phx_cleanup(phx_pve_guests_done) struct phx_pve_guests guests = { 0 };
        const struct phx_pve_guest *guest;
        enum phx_pve_outcome outcome;

        outcome = phx_pve_get_mount(work->place, &work->state, work->error);
        if (outcome != PHX_PVE_OUTCOME_DONE)
                return outcome;
        if (!work->state.is_quorate) {
                (void) phx_error_set(
                                work->error,
                                -EACCES,
                                "%s: Proxmox's cluster file system has no quorum",
                                work->place->root);
                return PHX_PVE_OUTCOME_NOT_NOW;
        }
        free(work->path);
        if (phx_pve_config_path(work->place, &work->state, work->edit->id, &work->path) < 0)
                return phx_pve_refuse(work->error, -ENOMEM, work->place->root);
        outcome = phx_pve_get_guests(work->place, &guests, work->error);
        if (outcome != PHX_PVE_OUTCOME_DONE)
                return outcome;
        /* One that is in no list at all may be on its way through a rename: opening it decides. */
        guest = phx_pve_guests_find(&guests, work->edit->id);
        if (guest && !guest->is_lxc)
                return refuse(work,
                              PHX_PVE_OUTCOME_MOVED,
                              -ENOENT,
                              "the guest is a virtual machine now");
        if (guest && strcmp(guest->node, work->state.node) != 0) {
                (void) phx_error_set(
                                work->error,
                                -ENOENT,
                                "%s: the container is on node '%s' now",
                                work->path,
                                guest->node);
                return PHX_PVE_OUTCOME_MOVED;
        }
        return PHX_PVE_OUTCOME_DONE;
}

/* A file system that knows no leases refuses with another code. The signal that announces another
 * process's wait is one that does nothing by default. */
static int take_lease(int fd) {
        uint64_t until = phx_now_usec() + LEASE_PATIENCE_USEC;

        (void) fcntl(fd, F_SETSIG, SIGURG);
        while (fcntl(fd, F_SETLEASE, F_WRLCK) < 0 && errno == EAGAIN) {
                if (phx_now_usec() >= until)
                        return -EBUSY;
                phx_pve_pause(LEASE_RETRY_USEC);
        }
        return 0;
}

static enum phx_pve_outcome replace_open(const struct replacing *work, int *ret_fd) {
        phx_autoclose int fd = -1;
        enum phx_pve_outcome outcome;
        struct statfs fs;
        int r;

        outcome = phx_pve_open_config(work->place, work->path, O_RDWR, &fd, work->error);
        if (outcome != PHX_PVE_OUTCOME_DONE)
                return outcome;
        /* Unmounted between the two, it would be a file below the mount. */
        if (fstatfs(fd, &fs) < 0)
                return phx_pve_refuse(work->error, phx_errno(), work->path);
        if (fs.f_type != FUSE_SUPER_MAGIC && !work->place->any_file_system)
                return phx_pve_refuse(work->error, -ESTALE, work->path);
        r = take_lease(fd);
        if (r == -EBUSY)
                return refuse(work,
                              PHX_PVE_OUTCOME_NOT_NOW,
                              r,
                              "another process has the file open");
        *ret_fd = PHX_TAKE_FD(fd);
        return PHX_PVE_OUTCOME_DONE;
}

/* What the main section says about who may change it. */
static enum phx_pve_outcome pve_check_text(const struct replacing *work) {
        phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 };
        const struct phx_pve_line *line;

        if (phx_pve_text_parse(work->old, work->old_size, &text) < 0)
                return phx_pve_refuse(work->error, -ENOMEM, work->path);
        line = phx_pve_text_lock(&text);
        if (line &&
            !(work->edit->lock && phx_pve_is(line->value, line->value_size, work->edit->lock))) {
                (void) phx_error_set(
                                work->error,
                                -EBUSY,
                                "%s:%u: the container is locked (%.*s)",
                                work->path,
                                line->number,
                                (int) (line->value_size < 64 ? line->value_size : 64),
                                line->value);
                return PHX_PVE_OUTCOME_LOCKED;
        }
        line = phx_pve_text_key(&text, 0, "template");
        if (line && phx_pve_is_yes(line->value, line->value_size))
                return refuse(work,
                              PHX_PVE_OUTCOME_TEMPLATE,
                              -EPERM,
                              "the container is a template");
        return PHX_PVE_OUTCOME_DONE;
}

/* What the edit was made for, and may be made to. */
static enum phx_pve_outcome check_old(const struct replacing *work) {
        const struct phx_pve_replacement *edit = work->edit;
        char digest[PHX_SHA256_HEX];

        if (work->old_size == edit->size && memcmp(work->old, edit->data, edit->size) == 0)
                return PHX_PVE_OUTCOME_RIGHT;
        phx_sha256(work->old, work->old_size, digest);
        if (strcmp(digest, edit->digest) != 0)
                return refuse(work, PHX_PVE_OUTCOME_CHANGED, -ESTALE, "changed since it was read");
        if (work->old_size > PHX_PVE_PIECE || edit->size > PHX_PVE_PIECE)
                return refuse(work,
                              PHX_PVE_OUTCOME_FAILED,
                              -EFBIG,
                              "is larger than 124 KiB, which cannot be replaced in one step");
        return pve_check_text(work);
}

/* By name, without opening it for writing: that alone would be a change to those who watch. */
static enum phx_pve_outcome compare_closed(struct replacing *work) {
        phx_cleanup(phx_pve_config_done) struct phx_pve_config config = { 0 };
        enum phx_pve_outcome outcome;

        outcome = phx_pve_read_config(work->place, work->edit->id, &config, work->error);
        if (outcome != PHX_PVE_OUTCOME_DONE)
                return outcome;
        work->old = PHX_TAKE(config.data);
        work->old_size = config.size;
        return check_old(work);
}

/* As it is open, with the lease. */
static enum phx_pve_outcome compare_open(const struct replacing *work, int fd) {
        phx_autofree char *data = NULL;
        size_t size = 0;
        int r = phx_pve_read_fd(fd, &data, &size);

        if (r < 0)
                return phx_pve_refuse(work->error, r, work->path);
        if (size != work->old_size || memcmp(data, work->old, size) != 0)
                return refuse(work, PHX_PVE_OUTCOME_CHANGED, -ESTALE, "changed since it was read");
        return PHX_PVE_OUTCOME_DONE;
}

/* A part of the bytes is not in the cluster file system's nature, but in that of a full disk. */
static enum phx_pve_outcome put_back(const struct replacing *work, int fd) {
        if (pwrite(fd, work->old, work->old_size, 0) != (ssize_t) work->old_size ||
            ftruncate(fd, (off_t) work->old_size) < 0)
                return refuse(work,
                              PHX_PVE_OUTCOME_FAILED,
                              -EIO,
                              "written in part, and cannot be restored");
        return refuse(work,
                      PHX_PVE_OUTCOME_NOT_NOW,
                      -EIO,
                      "only a part could be written; restored");
}

static enum phx_pve_outcome replace_write(const struct replacing *work, int fd) {
        const struct phx_pve_replacement *edit = work->edit;
        size_t size = edit->size > work->old_size ? edit->size : work->old_size;
        phx_autofree char *bytes = malloc(size + 1);
        ssize_t n;

        if (!bytes)
                return phx_pve_refuse(work->error, -ENOMEM, work->path);
        memset(bytes, '\n', size);
        memcpy(bytes, edit->data, edit->size);
        n = pwrite(fd, bytes, size, 0);
        if (n < 0)
                return phx_pve_refuse(work->error, phx_errno(), work->path);
        if ((size_t) n < size)
                return put_back(work, fd);
        if (edit->size < size && ftruncate(fd, (off_t) edit->size) < 0)
                return phx_pve_refuse(work->error, phx_errno(), work->path);
        return PHX_PVE_OUTCOME_DONE;
}

/* The lease ends with the descriptor. */
static enum phx_pve_outcome replace_in_place(const struct replacing *work) {
        phx_autoclose int fd = -1;
        enum phx_pve_outcome outcome;

        outcome = replace_open(work, &fd);
        if (outcome == PHX_PVE_OUTCOME_DONE)
                outcome = compare_open(work, fd);
        if (outcome == PHX_PVE_OUTCOME_DONE)
                outcome = replace_write(work, fd);
        return outcome;
}

/* Ours, and not cut. */
static bool replace_is_filled(const struct replacing *work, const struct phx_pve_config *now) {
        const struct phx_pve_replacement *edit = work->edit;

        if (now->size != work->old_size || now->size <= edit->size ||
            memcmp(now->data, edit->data, edit->size) != 0)
                return false;
        return strspn(now->data + edit->size, "\n") == now->size - edit->size;
}

/* What is there after all, whatever became of the write: RESULT only stands when nothing else was
 * written. Our own opening looks like a change to our own watch, which WRITTEN lets pass; what
 * another program did before that is seen here. */
static enum phx_pve_outcome replace_verify(
                const struct replacing *work,
                enum phx_pve_outcome result) {
        phx_cleanup(phx_pve_config_done) struct phx_pve_config now = { 0 };
        const struct phx_pve_replacement *edit = work->edit;
        enum phx_pve_outcome outcome;
        struct phx_error error = { 0 };

        if (edit->written)
                edit->written(edit->context, edit->id);
        outcome = phx_pve_read_config(work->place, edit->id, &now, &error);
        if (outcome != PHX_PVE_OUTCOME_DONE && result == PHX_PVE_OUTCOME_DONE)
                return refuse_as(work, outcome, &error);
        if (outcome != PHX_PVE_OUTCOME_DONE)
                return result;
        if (now.size == edit->size && memcmp(now.data, edit->data, now.size) == 0)
                return PHX_PVE_OUTCOME_DONE;
        if (result != PHX_PVE_OUTCOME_DONE && now.size == work->old_size &&
            (memcmp(now.data, work->old, now.size) == 0 || replace_is_filled(work, &now)))
                return result;
        return refuse(work,
                      PHX_PVE_OUTCOME_CHANGED,
                      -ESTALE,
                      "changed by another program at the same time");
}

enum phx_pve_outcome phx_pve_replace(
                const struct phx_pve_place *place,
                const struct phx_pve_replacement *edit,
                struct phx_error *error) {
        phx_cleanup(replacing_done) struct replacing work = { .place = place,
                                                              .edit = edit,
                                                              .error = error };
        phx_autoclose int lock_fd = -1;
        enum phx_pve_outcome outcome;
        int r;

        /* Before the lock, so that it is not waited for in vain, and then again. */
        outcome = pve_check_owner(&work);
        if (outcome != PHX_PVE_OUTCOME_DONE)
                return outcome;
        r = phx_pve_lock(place->lock_directory, edit->id, edit->patience_usec, &lock_fd, error);
        if (r < 0)
                return r == -EBUSY ? PHX_PVE_OUTCOME_NO_LOCK : PHX_PVE_OUTCOME_FAILED;
        outcome = pve_check_owner(&work);
        if (outcome == PHX_PVE_OUTCOME_DONE)
                outcome = compare_closed(&work);
        if (outcome == PHX_PVE_OUTCOME_DONE)
                outcome = replace_verify(&work, replace_in_place(&work));
        return outcome;
}
