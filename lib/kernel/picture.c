/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Reading all that is loaded takes some twenty calls a profile. The kernel counts every accepted
 * load and every removal in policy/revision, and nothing else changes a profile's name, mode or
 * hash: so the list is believed as long as the number is the one that it was read at.
 *
 *   same number        nothing is read
 *   number + our own   as many more as loads of ours were accepted since: no other program
 *   loads              has loaded anything in between, and only what we loaded is read back
 *
 *   any other          everything is read
 *
 * Reading everything is done in the short way of kernel/listed.h first, and without it when the
 * number has moved meanwhile.
 *
 * The list belongs to a number only when that was the same before and after the reading. A file
 * system without such a number (and the tests' trees) is read whole each time.
 *
 * What one run leaves to the next is believed in the same way: in memory that lives and dies with
 * the kernel (base/handover.h), so that the number cannot have been reached again by other loads.
 *
 * What the number does not count is read at each look at the policy: whether AppArmor enforces at
 * all (a switch in /sys/module), and the namespaces, which are made and removed as directories. */

#include "kernel/picture.h"

#include <errno.h>
#include <string.h>

#include "base/strings.h"
#include "base/texts.h"

/* Somebody who loads policy all the time makes us read it twice, and not for ever. */
#define TRIES 2

struct phx_kernel_picture {
        struct phx_kernel *kernel;
        struct phx_loaded_list list;
        struct phx_strings namespaces;
        bool is_there;    /* both are those of the last look */
        bool is_numbered; /* and the list is that of REVISION */
        uint64_t revision;
        struct phx_stamp file;   /* where that was read */
        bool is_left;            /* by the run before, and not compared with the kernel yet */
        uint64_t loads;          /* of ours since, that were accepted */
        bool is_namespace_made;  /* since */
        struct phx_strings ours; /* what these loads were of */
};

int phx_kernel_picture_new(struct phx_kernel *kernel, struct phx_kernel_picture **ret_picture) {
        struct phx_kernel_picture *picture = calloc(1, sizeof(*picture));

        if (!picture)
                return -ENOMEM;
        picture->kernel = kernel;
        *ret_picture = picture;
        return 0;
}

void phx_kernel_picture_forget(struct phx_kernel_picture *picture) {
        phx_loaded_list_done(&picture->list);
        phx_strings_done(&picture->namespaces);
        phx_strings_done(&picture->ours);
        *picture = (struct phx_kernel_picture){ .kernel = picture->kernel };
}

struct phx_kernel_picture *phx_kernel_picture_free(struct phx_kernel_picture *picture) {
        if (!picture)
                return NULL;

        phx_kernel_picture_forget(picture);
        free(picture);

        return NULL;
}

static bool picture_concerns_policy(const struct phx_scope *scope) {
        return !scope || scope->is_whole || scope->has_policy;
}

/* What is loaded when the number is REVISION, if it still is that afterwards. What may not be
 * believed otherwise is not read in a way that needs it (IS_LAST). */
static int picture_read_list(
                struct phx_kernel_picture *picture,
                bool has_revision,
                uint64_t revision,
                bool is_last,
                struct phx_error *error) {
        bool is_known = (picture->is_there || picture->is_left) && picture->is_numbered &&
                        has_revision;

        if (is_known && picture->loads == 0 && revision == picture->revision)
                return 0;
        if (is_known && revision == picture->revision + picture->loads)
                return phx_kernel_observe_changed(
                                picture->kernel,
                                &picture->ours,
                                &picture->list,
                                error);
        phx_loaded_list_done(&picture->list);
        return has_revision && !is_last
                               ? phx_kernel_observe_listed(picture->kernel, &picture->list, error)
                               : phx_kernel_observe(picture->kernel, &picture->list, error);
}

static int picture_look_at_list(struct phx_kernel_picture *picture, struct phx_error *error) {
        uint64_t before = 0, after = 0;
        struct phx_stamp file = { 0 };
        bool has_revision = phx_kernel_revision(picture->kernel, &before, &file) >= 0;

        picture->is_left = picture->is_left && phx_stamp_equal(&picture->file, &file);
        picture->file = file;
        for (unsigned i = 0; i < TRIES; i++) {
                int r = picture_read_list(picture, has_revision, before, i + 1 == TRIES, error);

                if (r >= 0 && !picture->list.complete)
                        r = phx_error_set(
                                        error,
                                        -EIO,
                                        "AppArmor: a loaded profile's name cannot be read");
                if (r < 0)
                        return r;
                phx_strings_done(&picture->ours);
                picture->loads = 0;
                picture->is_numbered = has_revision &&
                                       phx_kernel_revision(picture->kernel, &after, NULL) >= 0 &&
                                       after == before;
                picture->revision = before;
                if (picture->is_numbered || !has_revision)
                        break;
                before = after;
        }
        return 0;
}

int phx_kernel_picture_look(
                struct phx_kernel_picture *picture,
                const struct phx_scope *scope,
                struct phx_error *error) {
        int r;

        if (picture->is_there && picture->loads == 0 && !picture->is_namespace_made &&
            !picture_concerns_policy(scope))
                return 0;
        r = phx_kernel_check(picture->kernel, error);
        if (r >= 0)
                r = picture_look_at_list(picture, error);
        if (r >= 0) {
                phx_strings_done(&picture->namespaces);
                r = phx_kernel_namespaces(picture->kernel, &picture->namespaces, error);
        }
        if (r < 0)
                phx_kernel_picture_forget(picture);
        picture->is_there = r >= 0;
        picture->is_left = false;
        picture->is_namespace_made = false;
        return r < 0 ? r : 0;
}

const struct phx_loaded_list *phx_kernel_picture_loaded(const struct phx_kernel_picture *picture) {
        return &picture->list;
}

const struct phx_strings *phx_kernel_picture_namespaces(const struct phx_kernel_picture *picture) {
        return &picture->namespaces;
}

bool phx_kernel_picture_is_unchanged(
                const struct phx_kernel_picture *picture,
                const struct phx_scope *scope) {
        phx_cleanup(phx_strings_done) struct phx_strings namespaces = { 0 };
        uint64_t revision = 0;

        if (!picture->is_there || picture->loads > 0 || picture->is_namespace_made)
                return false;
        if (!picture_concerns_policy(scope))
                return true;
        return picture->is_numbered && phx_kernel_check(picture->kernel, NULL) >= 0 &&
               phx_kernel_namespaces(picture->kernel, &namespaces, NULL) >= 0 &&
               phx_strings_equal(&namespaces, &picture->namespaces) &&
               phx_kernel_revision(picture->kernel, &revision, NULL) >= 0 &&
               revision == picture->revision;
}

int phx_kernel_picture_replace(
                struct phx_kernel_picture *picture,
                const char *profile,
                const void *blob,
                size_t size,
                struct phx_error *error) {
        int r;

        /* First: what cannot be noted is not done. */
        r = phx_strings_add_once(&picture->ours, profile);
        if (r < 0)
                return phx_error_set(error, r, "loading: out of memory");
        r = phx_kernel_replace(picture->kernel, blob, size, error);
        if (r >= 0)
                picture->loads++;
        return r;
}

int phx_kernel_picture_make_namespace(
                struct phx_kernel_picture *picture,
                const char *name,
                struct phx_error *error) {
        int r = phx_kernel_make_namespace(picture->kernel, name, error);

        picture->is_namespace_made = true;
        return r;
}

/* --- from one run to the next --- */

static int picture_add_loaded(struct phx_buffer *texts, const struct phx_loaded *loaded) {
        int r = phx_texts_add(texts, loaded->name);

        if (r >= 0)
                r = phx_texts_add(texts, loaded->entry);
        if (r >= 0)
                r = phx_texts_add_number(texts, (uint64_t) loaded->mode);
        if (r >= 0)
                r = phx_texts_add_number(texts, (uint64_t) loaded->hash_kind);
        return r < 0 ? r : phx_texts_add(texts, loaded->hash);
}

/* What could not be read now may be readable by the next run, at the same number. */
static bool picture_is_exact(const struct phx_kernel_picture *picture) {
        if (!picture->is_there || !picture->is_numbered || picture->loads > 0)
                return false;
        for (size_t i = 0; i < picture->list.count; i++)
                if (picture->list.items[i].mode == PHX_POLICY_UNKNOWN ||
                    picture->list.items[i].hash_kind == PHX_HASH_NONE)
                        return false;
        return true;
}

int phx_kernel_picture_leave(const struct phx_kernel_picture *picture, struct phx_buffer *texts) {
        bool is_exact = picture_is_exact(picture);
        size_t count = is_exact ? picture->list.count : 0;
        int r = phx_texts_add_number(texts, is_exact);

        if (r >= 0)
                r = phx_texts_add_number(texts, picture->revision);
        if (r >= 0)
                r = phx_texts_add_stamp(texts, &picture->file);
        if (r >= 0)
                r = phx_texts_add_number(texts, count);
        for (size_t i = 0; r >= 0 && i < count; i++)
                r = picture_add_loaded(texts, &picture->list.items[i]);
        return r;
}

static int picture_take_loaded(struct phx_texts *texts, struct phx_loaded_list *list) {
        phx_cleanup(phx_loaded_done) struct phx_loaded loaded = { 0 };
        uint64_t mode, kind;
        const char *hash;

        if (phx_replace(&loaded.name, phx_texts_next(texts)) < 0 ||
            phx_replace(&loaded.entry, phx_texts_next(texts)) < 0)
                return -ENOMEM;
        mode = phx_texts_next_number(texts);
        kind = phx_texts_next_number(texts);
        hash = phx_texts_next(texts);
        if (texts->is_short || mode >= PHX_POLICY_MODES || kind > PHX_HASH_SHA256 ||
            strlen(hash) >= sizeof(loaded.hash))
                return -EBADMSG;
        loaded.mode = (enum phx_policy_mode) mode;
        loaded.hash_kind = (enum phx_hash_kind) kind;
        memcpy(loaded.hash, hash, strlen(hash) + 1);
        return phx_loaded_list_add(list, &loaded);
}

int phx_kernel_picture_take(struct phx_kernel_picture *picture, struct phx_texts *texts) {
        phx_cleanup(phx_loaded_list_done) struct phx_loaded_list list = { .complete = true };
        bool is_exact = phx_texts_next_number(texts) == 1;
        uint64_t revision = phx_texts_next_number(texts), count;
        struct phx_stamp file = phx_texts_next_stamp(texts);
        int r = 0;

        count = phx_texts_next_number(texts);
        for (uint64_t i = 0; r >= 0 && i < count; i++)
                r = picture_take_loaded(texts, &list);
        if (r < 0 || texts->is_short)
                return r < 0 ? r : -EBADMSG;
        if (!is_exact)
                return 0;
        phx_kernel_picture_forget(picture);
        phx_loaded_list_sort(&list);
        picture->list = PHX_TAKE_STRUCT(list);
        picture->revision = revision;
        picture->file = file;
        picture->is_numbered = picture->is_left = true;
        return 0;
}
