/* SPDX-License-Identifier: GPL-2.0-or-later */

/* One entry of LXC_PATH: whether it is as it was, by one call or two, and its reading where it is
 * not. */

#include "lxc/entry.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "base/strings.h"
#include "base/watches.h"
#include "lxc/directory.h"
#include "lxc/walk.h"

/* FILE in the entry NAME, or the entry itself. Names are copied by hand, as this is most of what a
 * container costs that has not changed. */
static int lxc_stat(int path_fd, const char *name, const char *file, struct phx_stamp *ret_stamp) {
        char path[NAME_MAX + sizeof("/config")];
        size_t size = strlen(name), more = file ? strlen(file) + 1 : 0;
        struct stat st;

        if (size + more >= sizeof(path))
                return -ENAMETOOLONG;
        memcpy(path, name, size + 1);
        if (file) {
                path[size] = '/';
                memcpy(path + size + 1, file, more);
        }
        if (fstatat(path_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return phx_errno();
        *ret_stamp = phx_stamp_of(&st);
        return 0;
}

static bool has_stamp(
                int path_fd,
                const struct phx_lxc_known *known,
                const char *file,
                const struct phx_stamp *stamp) {
        struct phx_stamp now;

        return lxc_stat(path_fd, known->name, file, &now) >= 0 && phx_stamp_equal(&now, stamp);
}

bool phx_lxc_known_has_directory(int path_fd, const struct phx_lxc_known *known) {
        return known->is_settled && !known->is_link &&
               has_stamp(path_fd, known, NULL, &known->directory);
}

/* Nothing of the entry itself has changed since it was read. The stamp of a config has the number
 * of its file, so that it also says which directory that is in. */
bool phx_lxc_known_is_believed(
                int path_fd,
                const struct phx_lxc_known *known,
                enum phx_lxc_doubt doubt) {
        if (!known->is_settled || known->is_link || known->trouble)
                return false;
        return ((doubt == PHX_LXC_DOUBT_CONFIG && known->has_config) ||
                has_stamp(path_fd, known, NULL, &known->directory)) &&
               (!known->has_config || has_stamp(path_fd, known, "config", &known->config));
}

/* Its name is in the text, and liblxc's words are. */
int phx_lxc_set_trouble(char **trouble, const char *text) {
        phx_autofree char *visible = phx_visible(text);

        return visible ? phx_replace(trouble, visible) : -ENOMEM;
}

static bool is_container(int parent_fd, int fd, const char *name) {
        struct phx_stamp stamp;

        return (fd >= 0 ? lxc_stat(fd, "config", NULL, &stamp)
                        : lxc_stat(parent_fd, name, "config", &stamp)) >= 0;
}

/* It has become the very text that liblxc was asked about before the edit, with all that it
 * includes.
 */
static void known_take_expected(struct phx_lxc_cache *cache, struct phx_lxc_known *known) {
        phx_cleanup(phx_lxc_expected_freep) struct phx_lxc_expected *expected = PHX_TAKE(
                        known->expected);

        if (!expected || known->is_answered || strcmp(expected->combined, known->combined) != 0)
                return;
        phx_lxc_values_done(&known->values);
        phx_lxc_decider_done(&known->decider);
        known->values = PHX_TAKE_STRUCT(expected->values);
        known->decider = PHX_TAKE_STRUCT(expected->decider);
        known->is_answered = true;
        cache->unsaved++;
}

/* Of a config that is the same as before, with all that it includes, the answer stays. */
static int known_take_source(
                struct phx_lxc_cache *cache,
                struct phx_lxc_known *known,
                const char *path,
                struct phx_lxc_source *source,
                struct phx_error *error) {
        phx_cleanup(phx_strings_done) struct phx_strings targets = { 0 };
        int r;

        memcpy(known->digest, source->digest, sizeof(known->digest));
        r = phx_lxc_include_targets(source->text, source->size, &targets);
        if (r < 0)
                return r;
        known->chain = phx_lxc_chains_get(&cache->chains, &targets);
        if (!known->chain)
                return -ENOMEM;
        /* Again, where that failed, for the message. */
        r = phx_lxc_chain_follow(&cache->chains, known->chain, path, error);
        if (r >= 0)
                r = phx_lxc_combine_facts(source->digest, &known->chain->facts, source->combined);
        if (r < 0)
                return r;
        known->chain_version = known->chain->version;
        known->is_answered &= strcmp(known->combined, source->combined) == 0;
        memcpy(known->combined, source->combined, sizeof(known->combined));
        known_take_expected(cache, known);
        return 0;
}

static int known_read_config(
                const struct phx_lxc_entry_place *place,
                struct phx_lxc_known *known,
                int fd,
                struct phx_lxc_source *ret_source,
                struct phx_error *error) {
        phx_cleanup(phx_lxc_source_done) struct phx_lxc_source source = { 0 };
        phx_autofree char *path = NULL;
        int r;

        r = phx_printf(&path, "%s/%s/config", place->lxc->path, known->name);
        if (r >= 0)
                r = phx_lxc_read_config(fd, path, &place->lxc->owner, &source, error);
        if (r < 0)
                return r;
        known->config = source.stamp;
        known->is_settled &= source.is_settled;
        if (faccessat(fd, "partial", F_OK, 0) == 0) {
                memcpy(known->digest, source.digest, sizeof(known->digest));
                return phx_error_set(
                                error,
                                -EBUSY,
                                "%s: lxc-create is creating the container, or was interrupted",
                                path);
        }
        r = known_take_source(place->cache, known, path, &source, error);
        if (r >= 0)
                *ret_source = PHX_TAKE_STRUCT(source);
        return r;
}

/* Also without a config: that may be just about to come. What a link leads to may be replaced on
 * the way. */
static int known_watch(const struct phx_lxc_entry_place *place, struct phx_lxc_known *known) {
        phx_autofree char *path = NULL;

        phx_strings_done(&known->watches);
        if (!known->is_link)
                return 0;
        if (phx_printf(&path, "%s/%s", place->lxc->path, known->name) < 0)
                return -ENOMEM;
        return phx_watches_add_directory(&known->watches, path);
}

/* Opens what is a directory, or is refused as one: the code of that is in *RET_OPENED. */
static int known_open(
                const struct phx_lxc_entry_place *place,
                struct phx_lxc_known *known,
                int *ret_fd,
                int *ret_opened,
                struct phx_error *error) {
        struct stat st;
        int opened;

        known->is_link = known->was_clean = false;
        known->directory = (struct phx_stamp){ 0 };
        if (fstatat(place->path_fd, known->name, &st, AT_SYMLINK_NOFOLLOW) >= 0) {
                known->is_link = S_ISLNK(st.st_mode);
                known->directory = phx_stamp_of(&st);
        }
        opened = phx_lxc_open_container(place->lxc, place->path_fd, known->name, ret_fd, error);
        if (opened >= 0 && fstat(*ret_fd, &st) >= 0)
                known->directory = phx_stamp_of(&st);
        known->is_settled = phx_stamp_is_settled(&known->directory);
        known->is_directory = opened >= 0 || phx_lxc_is_refusal(opened);
        *ret_opened = opened;
        return known->is_directory ? known_watch(place, known) : 0;
}

int phx_lxc_known_read(
                const struct phx_lxc_entry_place *place,
                struct phx_lxc_known *known,
                struct phx_lxc_source *ret_source) {
        struct phx_error error = { 0 };
        phx_autoclose int fd = -1;
        int opened, r;

        known->digest[0] = '\0';
        known->has_config = false;
        known->chain = NULL;
        r = phx_replace(&known->trouble, NULL);
        if (r >= 0)
                r = known_open(place, known, &fd, &opened, &error);
        if (r < 0 || !known->is_directory)
                return r;
        known->has_config = is_container(place->path_fd, fd, known->name);
        known->is_answered &= known->has_config;
        if (!known->has_config)
                return 0;
        r = opened < 0 ? opened : known_read_config(place, known, fd, ret_source, &error);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                known->combined[0] = '\0';
                known->is_answered = false;
                return phx_lxc_set_trouble(&known->trouble, phx_error_text(&error, r));
        }
        return !known->is_answered;
}
