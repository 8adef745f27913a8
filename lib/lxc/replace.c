/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The edit of one container's config, in an order in which no moment is wrong:
 *
 *   1. open the directory and read the config by descriptors; it must be trusted, no process may
 *      have it open for writing, and it must still have the digest that the plan was made for,
 *      else -ESTALE
 *   2. edit the text in memory; when that changes nothing, the end
 *   3. write the result beside it as a temporary file, with mode and owner of the old one, and
 *      flush it
 *   4. let liblxc load the temporary file in a child: it must accept it, and see the planned
 *      profile
 *   5. take liblxc's own lock of the container, and read the config once more: while liblxc was
 *      asked, another program may have written
 *   6. rename over the config, and flush the directory
 *   7. leave to the next look what liblxc has said of that text, if nothing that it includes has
 *      changed since (lxc/answer.c). The look reads the config back, and what it includes: when all
 *      of it is byte by byte what liblxc was asked about, it need not be asked again
 *
 * A crash before 6 leaves the old config and a temporary file, which the next start removes
 * (phx_lxc_remove_leftovers); a crash after it leaves the new config. struct edit owns descriptor,
 * paths and the temporary file: edit_done() removes that unless it has become the config. The lock
 * belongs to an open descriptor and ends with it, also by death. A preview goes through 1 and 2
 * only. */

#include "lxc/replace.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "lxc/answer.h"
#include "lxc/directory.h"
#include "lxc/entry.h"
#include "state/configuration.h"

#define LOCK_TRIES 100
#define LOCK_PAUSE_NSEC (20L * 1000 * 1000)

/* One edit under way. */
struct edit {
        const struct phx_lxc *lxc;
        const char *name;
        const char *digest;
        char *path; /* of the config */
        int dir_fd;
        char *temporary; /* its name in DIR_FD, as long as it is ours to remove */
        struct phx_lxc_answer answer;
        struct phx_lxc_values values; /* of the text */
        struct phx_error *error;
};

static void edit_done(struct edit *edit) {
        if (edit->temporary)
                (void) unlinkat(edit->dir_fd, edit->temporary, 0);
        free(edit->temporary);
        free(edit->path);
        phx_lxc_answer_done(&edit->answer);
        phx_lxc_values_done(&edit->values);
        phx_closep(&edit->dir_fd);
}

static int replace_open_directory(struct edit *edit) {
        phx_autoclose int parent_fd = -1;
        struct stat st;
        int r;

        if (phx_printf(&edit->path, "%s/%s/config", edit->lxc->path, edit->name) < 0)
                return -ENOMEM;
        r = phx_lxc_open_path(edit->lxc, &parent_fd, edit->error);
        if (r >= 0)
                r = phx_lxc_open_container(
                                edit->lxc,
                                parent_fd,
                                edit->name,
                                &edit->dir_fd,
                                edit->error);
        if (r < 0)
                return r;
        if (fstat(edit->dir_fd, &st) < 0)
                return phx_error_errno(edit->error, edit->path);
        /* The directory of an id-mapped container belongs to the container's own root, as
         * lxc-create leaves it. */
        if (st.st_mode & S_IWOTH)
                return phx_error_set(
                                edit->error,
                                -EPERM,
                                "%s: its directory is writable by others (mode %04o)",
                                edit->path,
                                (unsigned) st.st_mode & 07777);
        return 0;
}

static int read_expected(const struct edit *edit, struct phx_lxc_source *ret_source) {
        phx_cleanup(phx_lxc_source_done) struct phx_lxc_source source = { 0 };
        int r;

        if (faccessat(edit->dir_fd, "partial", F_OK, 0) == 0)
                return phx_error_set(
                                edit->error,
                                -EBUSY,
                                "%s: lxc-create is creating the container, or was interrupted",
                                edit->path);
        r = phx_lxc_read_config(edit->dir_fd, edit->path, &edit->lxc->owner, &source, edit->error);
        if (r < 0)
                return r;
        if (strcmp(source.digest, edit->digest) != 0)
                return phx_error_set(
                                edit->error,
                                -ESTALE,
                                "%s: changed since it was read",
                                edit->path);
        *ret_source = source;
        source.text = NULL;
        return 0;
}

static int stage(
                struct edit *edit,
                const struct phx_lxc_source *old,
                const struct phx_buffer *text) {
        const struct phx_file_owner owner = { old->stamp.mode & 07777,
                                              old->stamp.uid,
                                              old->stamp.gid };
        int r;

        r = phx_file_stage_at(
                        edit->dir_fd,
                        "config",
                        text->data ? text->data : "",
                        text->size,
                        &owner,
                        &edit->temporary);
        return r < 0 ? phx_error_set(edit->error, r, "%s: %s", edit->path, strerrordesc_np(-r)) : 0;
}

static int compare_profile(const struct edit *edit, const char *profile) {
        const struct phx_lxc_values *values = &edit->values;

        if (values->code < 0)
                return phx_error_set(
                                edit->error,
                                values->code,
                                "%s: liblxc rejects the edited text: %s",
                                edit->path,
                                values->text);
        if (profile && strcmp(values->profile, profile) != 0)
                return phx_error_set(
                                edit->error,
                                -EINVAL,
                                "%s: liblxc reads '%s' from the edited text, expected '%s'",
                                edit->path,
                                values->profile,
                                profile);
        return 0;
}

/* By name: the file is in the container's directory, as its includes may ask for. */
static int replace_judge(struct edit *edit, const char *profile) {
        phx_cleanup(phx_strings_done) struct phx_strings files = { 0 };
        int r;

        r = phx_strings_addf(&files, "%s/%s/%s", edit->lxc->path, edit->name, edit->temporary);
        if (r >= 0)
                r = phx_lxc_answer_begin(&edit->answer);
        if (r >= 0)
                r = phx_lxc_worker_load(
                                &files,
                                edit->lxc->deadline_usec,
                                NULL,
                                &edit->values,
                                edit->error);
        return r < 0 ? r : compare_profile(edit, profile);
}

/* Without memory, or in doubt, the next look asks. */
static void replace_expect(
                struct edit *edit,
                const struct phx_lxc_cache *cache,
                const struct phx_buffer *text) {
        phx_cleanup(phx_lxc_expected_freep) struct phx_lxc_expected *expected = NULL;
        struct phx_lxc_known *known = phx_lxc_cache_find(cache, edit->name);
        struct phx_lxc_source source = { .text = text->data, .size = text->size };

        expected = known && text->data ? calloc(1, sizeof(*expected)) : NULL;
        if (!expected || phx_lxc_decide(edit->answer.fresh,
                                        edit->path,
                                        text->data,
                                        text->size,
                                        edit->values.profile,
                                        &expected->decider) < 0)
                return;
        phx_sha256(text->data, text->size, source.digest);
        if (!phx_lxc_answer_holds_for(&edit->answer, edit->path, &source))
                return;
        memcpy(expected->combined, source.combined, sizeof(expected->combined));
        expected->values = PHX_TAKE_STRUCT(edit->values);
        phx_lxc_expected_free(known->expected);
        known->expected = PHX_TAKE(expected);
}

/* The lock belongs to the open file, as in liblxc: closing it gives it back. */
static int wait_for_lock(int fd) {
        const struct timespec pause = { .tv_nsec = LOCK_PAUSE_NSEC };
        struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

        for (int i = 0; i < LOCK_TRIES; i++) {
                if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
                        return 0;
                if (errno != EAGAIN && errno != EACCES)
                        return phx_errno();
                (void) nanosleep(&pause, NULL);
        }
        return -EBUSY;
}

int phx_lxc_lock(
                const struct phx_lxc *lxc,
                const char *name,
                int *ret_fd,
                struct phx_error *error) {
        phx_autofree char *directory = NULL;
        phx_autofree char *path = NULL;
        phx_autoclose int fd = -1;
        int r;

        if (phx_printf(&directory, "%s/%s", lxc->lock_root, lxc->path) < 0)
                return -ENOMEM;
        if (phx_printf(&path, "%s/.%s", directory, name) < 0)
                return -ENOMEM;

        /* Mode 0755 for what is missing, as liblxc does. */
        if (phx_directory_ensure(directory, 0755) >= 0)
                fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd >= 0) {
                r = wait_for_lock(fd);
                if (r == -EBUSY)
                        return phx_error_set(
                                        error,
                                        r,
                                        "%s: another program holds LXC's lock of the container",
                                        path);
                if (r < 0)
                        return phx_error_set(error, r, "%s: %s", path, strerrordesc_np(-r));
        }
        *ret_fd = PHX_TAKE_FD(fd);
        return 0;
}

static int replace_commit(struct edit *edit) {
        phx_cleanup(phx_lxc_source_done) struct phx_lxc_source now = { 0 };
        phx_autofree char *temporary = NULL;
        phx_autoclose int lock_fd = -1;
        int r;

        r = phx_lxc_lock(edit->lxc, edit->name, &lock_fd, edit->error);
        if (r < 0)
                return r;
        /* Once more: while liblxc was asked, somebody may have written. */
        r = read_expected(edit, &now);
        if (r < 0)
                return r;

        temporary = PHX_TAKE(edit->temporary);
        r = phx_file_commit_at(edit->dir_fd, temporary, "config");
        return r < 0 ? phx_error_set(edit->error, r, "%s: %s", edit->path, strerrordesc_np(-r)) : 1;
}

int phx_lxc_replace(
                const struct phx_lxc *lxc,
                struct phx_lxc_cache *cache,
                const char *name,
                const char *digest,
                const struct phx_lxc_edit *edit,
                struct phx_error *error) {
        phx_cleanup(edit_done) struct edit work = { .lxc = lxc,
                                                    .name = name,
                                                    .digest = digest,
                                                    .dir_fd = -1,
                                                    .answer = { .lxc = lxc, .cache = cache },
                                                    .error = error };
        phx_cleanup(phx_lxc_source_done) struct phx_lxc_source old = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };
        int r;

        assert(lxc && name && digest && edit);

        if (!phx_is_container_id(name))
                return phx_error_set(error, -EINVAL, "'%s': is not the name of a container", name);
        r = replace_open_directory(&work);
        if (r >= 0)
                r = read_expected(&work, &old);
        if (r < 0)
                return r;

        r = phx_lxc_text_edit(old.text, old.size, edit, &text, error);
        if (r < 0)
                phx_error_prefix(error, work.path);
        if (r <= 0)
                return r;
        r = stage(&work, &old, &text);
        if (r >= 0)
                r = replace_judge(&work, edit->profile);
        if (r >= 0)
                r = replace_commit(&work);
        if (r > 0)
                replace_expect(&work, cache, &text);
        return r;
}

int phx_lxc_preview(
                const struct phx_lxc *lxc,
                const char *name,
                const char *digest,
                const struct phx_lxc_edit *edit,
                struct phx_preview *ret_preview) {
        phx_cleanup(edit_done) struct edit work = { .lxc = lxc,
                                                    .name = name,
                                                    .digest = digest,
                                                    .dir_fd = -1 };
        phx_cleanup(phx_lxc_source_done) struct phx_lxc_source old = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };
        int r;

        r = replace_open_directory(&work);
        if (r >= 0)
                r = read_expected(&work, &old);
        if (r >= 0)
                r = phx_lxc_text_edit(old.text, old.size, edit, &text, NULL);
        if (r <= 0)
                return r;
        *ret_preview = (struct phx_preview){ PHX_TAKE(work.path),
                                             PHX_TAKE(old.text),
                                             PHX_TAKE(text.data) };
        return 1;
}

static int replace_select_name(const struct dirent *entry) {
        return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

/* As an earlier process has seen the directory after it had cleaned up. The next look need not ask
 * for it again. */
static bool replace_is_clean(const struct phx_lxc_cache *cache, int path_fd, const char *name) {
        struct phx_lxc_known *known = phx_lxc_cache_find(cache, name);

        if (!known || !known->was_clean || !phx_lxc_known_has_directory(path_fd, known))
                return false;
        known->checked_for = cache->look + 1;
        return true;
}

static int remove_leftovers_in(const struct phx_lxc *lxc, int path_fd, const char *name) {
        phx_autoclose int fd = -1;
        int r = phx_lxc_open_container(lxc, path_fd, name, &fd, NULL);

        if (r == -ENOTDIR || r == -ENOENT)
                return 0;
        return r < 0 ? r : phx_file_remove_leftovers(fd);
}

int phx_lxc_remove_leftovers(const struct phx_lxc *lxc, struct phx_lxc_cache *cache) {
        struct dirent **entries = NULL;
        phx_autoclose int path_fd = -1;
        int n, r, removed = 0;
        bool is_clean = true;

        cache->is_clean = false;
        r = phx_lxc_cache_set_place(cache, lxc);
        if (r >= 0)
                r = phx_lxc_open_path(lxc, &path_fd, NULL);
        if (r < 0)
                return r;
        n = scandirat(path_fd, ".", &entries, replace_select_name, NULL);
        if (n < 0)
                return phx_errno();
        for (int i = 0; i < n; i++) {
                r = 0;
                if (!replace_is_clean(cache, path_fd, entries[i]->d_name))
                        r = remove_leftovers_in(lxc, path_fd, entries[i]->d_name);
                free(entries[i]);
                removed += r > 0 ? r : 0;
                is_clean &= r >= 0;
        }
        free(entries);
        cache->is_clean = is_clean;
        return removed;
}
