/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "lxc/containers.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/grow.h"
#include "base/watches.h"
#include "lxc/directory.h"
#include "lxc/walk.h"
#include "state/configuration.h"

/* What is known of one version of one container's config. */
struct cached {
        char *name;
        char combined[PHX_SHA256_HEX];
        struct phx_lxc_values values;
        struct phx_lxc_decider decider;
};

struct phx_lxc_cache {
        struct cached *items;
        size_t count;
        size_t sorted; /* by name, from the front */
};

struct look {
        const struct phx_lxc *lxc;
        struct phx_lxc_reader *reader;
        struct phx_lxc_containers found;
        bool is_link; /* the directory that is looked at just now */
};

static void cached_done(struct cached *cached) {
        free(cached->name);
        phx_lxc_values_done(&cached->values);
        phx_lxc_decider_done(&cached->decider);
        *cached = (struct cached){ 0 };
}

int phx_lxc_cache_new(struct phx_lxc_cache **ret_cache) {
        *ret_cache = calloc(1, sizeof(**ret_cache));
        return *ret_cache ? 0 : -ENOMEM;
}

struct phx_lxc_cache *phx_lxc_cache_free(struct phx_lxc_cache *cache) {
        if (!cache)
                return NULL;
        for (size_t i = 0; i < cache->count; i++)
                cached_done(&cache->items[i]);
        free(cache->items);
        free(cache);
        return NULL;
}

void phx_lxc_container_done(struct phx_lxc_container *container) {
        free(container->name);
        free(container->config);
        phx_strings_done(&container->pending);
        phx_strings_done(&container->remarks);
        free(container->trouble);
        free(container->lock);
        free(container->decider_why);
        phx_lxc_source_done(&container->source);
        phx_lxc_values_done(&container->values);
        phx_lxc_decider_done(&container->decider);
        *container = (struct phx_lxc_container){ 0 };
}

void phx_lxc_containers_done(struct phx_lxc_containers *containers) {
        for (size_t i = 0; i < containers->count; i++)
                phx_lxc_container_done(&containers->items[i]);
        free(containers->items);
        free(containers->refusal);
        phx_strings_done(&containers->watches);
        *containers = (struct phx_lxc_containers){ 0 };
}

static void lxc_look_done(struct look *look) {
        look->reader = phx_lxc_reader_free(look->reader);
        phx_lxc_containers_done(&look->found);
}

/* The cache. */

static int compare_cached(const void *a, const void *b) {
        return strcmp(((const struct cached *) a)->name, ((const struct cached *) b)->name);
}

static int compare_with_name(const void *name, const void *cached) {
        return strcmp(name, ((const struct cached *) cached)->name);
}

/* What this look has added is behind the sorted ones: no container is asked about twice. */
static struct cached *find_cached(struct phx_lxc_cache *cache, const char *name) {
        return cache->sorted > 0 ? bsearch(name,
                                           cache->items,
                                           cache->sorted,
                                           sizeof(*cache->items),
                                           compare_with_name)
                                 : NULL;
}

static int copy_decider(struct phx_lxc_decider *to, const struct phx_lxc_decider *from) {
        to->line = from->line;
        return phx_replace(&to->file, from->file);
}

static int lxc_remember(struct phx_lxc_cache *cache, const struct phx_lxc_container *container) {
        struct cached *cached = find_cached(cache, container->name);
        int r;

        if (!cached) {
                phx_autofree char *name = strdup(container->name);

                if (!name)
                        return -ENOMEM;
                cached = phx_grow(&cache->items, &cache->count, sizeof(*cached));
                if (!cached)
                        return -ENOMEM;
                cached->name = PHX_TAKE(name);
        }

        cached->combined[0] = '\0'; /* until it is whole */
        r = phx_lxc_values_copy(&cached->values, &container->values);
        if (r >= 0)
                r = copy_decider(&cached->decider, &container->decider);
        if (r < 0)
                return r;
        memcpy(cached->combined, container->source.combined, sizeof(cached->combined));
        return 0;
}

static int compare_with_found(const void *name, const void *container) {
        return strcmp(name, ((const struct phx_lxc_container *) container)->name);
}

static bool is_present(const struct phx_lxc_containers *found, const char *name) {
        return found->count > 0 &&
               bsearch(name, found->items, found->count, sizeof(*found->items), compare_with_found);
}

static void lxc_forget_others(struct phx_lxc_cache *cache, const struct phx_lxc_containers *found) {
        size_t kept = 0;

        for (size_t i = 0; i < cache->count; i++) {
                if (is_present(found, cache->items[i].name))
                        cache->items[kept++] = cache->items[i];
                else
                        cached_done(&cache->items[i]);
        }
        cache->count = cache->sorted = kept;
        if (kept > 1)
                qsort(cache->items, kept, sizeof(*cache->items), compare_cached);
}

/* Listing and reading. */

static int lxc_select_name(const struct dirent *entry) {
        return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static int config_path(const struct phx_lxc *lxc, const char *name, char **ret_path) {
        return phx_printf(ret_path, "%s/%s/config", lxc->path, name);
}

static int lxc_read_container(
                const struct look *look,
                int dir_fd,
                struct phx_lxc_container *container,
                struct phx_error *error) {
        phx_autofree char *path = NULL;
        int r;

        r = config_path(look->lxc, container->name, &path);
        if (r < 0)
                return r;
        r = phx_lxc_read_config(dir_fd, path, &look->lxc->owner, &container->source, error);
        if (r < 0)
                return r;
        if (faccessat(dir_fd, "partial", F_OK, 0) == 0)
                return phx_error_set(
                                error,
                                -EBUSY,
                                "%s: lxc-create is creating the container, or was interrupted",
                                path);
        return phx_lxc_combine(look->reader, path, &container->source, error);
}

/* Its name is in the text, and liblxc's words are. */
static int set_trouble(struct phx_lxc_container *container, const char *text) {
        phx_autofree char *visible = phx_visible(text);

        return visible ? phx_replace(&container->trouble, visible) : -ENOMEM;
}

/* Also without a config: that may be just about to come. What a link leads to may be replaced on
 * the way. */
static int add_watch(struct look *look, const char *name) {
        phx_autofree char *path = NULL;

        if (phx_printf(&path, "%s/%s", look->lxc->path, name) < 0)
                return -ENOMEM;
        return look->is_link ? phx_watches_add_directory(&look->found.watches, path)
                             : phx_strings_add(&look->found.watches, path);
}

static bool is_container(int parent_fd, int fd, const char *name) {
        char path[NAME_MAX + sizeof("/config")];

        if (fd >= 0)
                return faccessat(fd, "config", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
        (void) snprintf(path, sizeof(path), "%s/config", name);
        return faccessat(parent_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int lxc_add_container(struct look *look, int parent_fd, const char *name) {
        struct phx_lxc_container *container;
        struct phx_error error = { 0 };
        phx_autoclose int fd = -1;
        struct stat st;
        int opened, r;

        opened = phx_lxc_open_container(look->lxc, parent_fd, name, &fd, &error);
        if (opened < 0 && !phx_lxc_is_refusal(opened))
                return 0;
        look->is_link = fstatat(parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                        S_ISLNK(st.st_mode);
        r = add_watch(look, name);
        if (r < 0 || !is_container(parent_fd, fd, name))
                return r;

        container = phx_grow(&look->found.items, &look->found.count, sizeof(*container));
        if (!container)
                return -ENOMEM;
        r = phx_replace(&container->name, name);
        if (r >= 0)
                r = config_path(look->lxc, name, &container->config);
        if (r < 0)
                return r;
        r = opened < 0 ? opened : lxc_read_container(look, fd, container, &error);
        if (r == -ENOMEM)
                return r;
        return r < 0 ? set_trouble(container, phx_error_text(&error, r)) : 0;
}

/* By bytes, whatever the locale. */
static int lxc_compare_entries(const struct dirent **a, const struct dirent **b) {
        return strcmp((*a)->d_name, (*b)->d_name);
}

static void free_entries(struct dirent **entries, int count) {
        for (int i = 0; i < count; i++)
                free(entries[i]);
        free(entries);
}

static int lxc_list(struct look *look, struct phx_error *error) {
        struct dirent **entries = NULL;
        struct phx_error why = { 0 };
        phx_autoclose int fd = -1;
        int n, r, opened;

        r = phx_watches_add_directory(&look->found.watches, look->lxc->path);
        if (r < 0)
                return r;
        opened = phx_lxc_open_path(look->lxc, &fd, &why);
        if (opened == -ENOENT)
                return 0;
        if (phx_lxc_is_refusal(opened))
                return phx_replace(&look->found.refusal, why.text);
        if (opened < 0)
                return phx_error_set(error, opened, "%s", phx_error_text(&why, opened));
        n = scandirat(fd, ".", &entries, lxc_select_name, lxc_compare_entries);
        if (n < 0)
                return phx_error_errno(error, look->lxc->path);

        for (int i = 0; r >= 0 && i < n; i++)
                r = lxc_add_container(look, fd, entries[i]->d_name);
        free_entries(entries, n);
        return r < 0 ? r : 0;
}

/* Asking. */

static int take_cached(struct phx_lxc_cache *cache, struct phx_lxc_container *container) {
        struct cached *cached = find_cached(cache, container->name);

        if (!cached || strcmp(cached->combined, container->source.combined) != 0)
                return 0;
        return phx_lxc_values_copy(&container->values, &cached->values) < 0 ||
                                               copy_decider(&container->decider, &cached->decider) <
                                                               0
                               ? -ENOMEM
                               : 1;
}

/* The containers that liblxc has to be asked about, by index. */
struct questions {
        size_t *indices;
        struct phx_strings files;
        struct phx_lxc_values *answers;
};

static void questions_done(struct questions *questions) {
        for (size_t i = 0; questions->answers && i < questions->files.count; i++)
                phx_lxc_values_done(&questions->answers[i]);
        free(questions->answers);
        free(questions->indices);
        phx_strings_done(&questions->files);
}

static int lxc_collect(
                struct look *look,
                struct phx_lxc_cache *cache,
                struct questions *questions) {
        struct phx_lxc_containers *found = &look->found;

        questions->indices = calloc(found->count + 1, sizeof(*questions->indices));
        questions->answers = calloc(found->count + 1, sizeof(*questions->answers));
        if (!questions->indices || !questions->answers)
                return -ENOMEM;

        for (size_t i = 0; i < found->count; i++) {
                phx_autofree char *path = NULL;
                int r;

                if (found->items[i].trouble)
                        continue;
                r = take_cached(cache, &found->items[i]);
                if (r > 0)
                        continue;
                if (r >= 0)
                        r = config_path(look->lxc, found->items[i].name, &path);
                if (r < 0)
                        return r;
                questions->indices[questions->files.count] = i;
                r = phx_strings_add(&questions->files, path);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Whether what liblxc was given is what we had read: it reads the files itself, and later. Read
 * afresh, with nothing remembered. */
static bool is_still_the_same(
                const struct look *look,
                struct phx_lxc_reader *reader,
                const struct phx_lxc_container *container) {
        phx_cleanup(phx_lxc_container_done) struct phx_lxc_container again = { 0 };
        const struct look fresh = { .lxc = look->lxc, .reader = reader };
        phx_autoclose int parent_fd = -1, fd = -1;

        if (phx_lxc_open_path(look->lxc, &parent_fd, NULL) < 0 ||
            phx_replace(&again.name, container->name) < 0)
                return false;
        if (phx_lxc_open_container(look->lxc, parent_fd, container->name, &fd, NULL) < 0)
                return false;
        return lxc_read_container(&fresh, fd, &again, NULL) >= 0 &&
               strcmp(again.source.combined, container->source.combined) == 0;
}

/* Late and dead are of the moment; what liblxc says is not. */
static bool is_lasting(const struct phx_lxc_values *values) {
        return values->code != -ETIMEDOUT && values->code != -EIO;
}

static int lxc_ask(struct look *look, struct phx_lxc_cache *cache, struct phx_error *error) {
        phx_cleanup(questions_done) struct questions questions = { 0 };
        phx_cleanup(phx_lxc_reader_freep) struct phx_lxc_reader *reader = NULL;
        int r;

        r = lxc_collect(look, cache, &questions);
        if (r < 0 || questions.files.count == 0)
                return r;
        r = phx_lxc_worker_load(
                        &questions.files,
                        look->lxc->deadline_usec,
                        questions.answers,
                        error);
        if (r >= 0)
                r = phx_lxc_reader_new(&reader);

        for (size_t i = 0; r >= 0 && i < questions.files.count; i++) {
                struct phx_lxc_container *container = &look->found.items[questions.indices[i]];

                r = phx_lxc_values_copy(&container->values, &questions.answers[i]);
                if (r >= 0)
                        r = phx_lxc_decide(
                                        look->reader,
                                        questions.files.items[i],
                                        container->source.text,
                                        container->source.size,
                                        container->values.profile,
                                        &container->decider);
                if (r >= 0 && is_lasting(&container->values) &&
                    is_still_the_same(look, reader, container))
                        r = lxc_remember(cache, container);
        }
        return r;
}

static int set_troubles(struct phx_lxc_containers *found) {
        for (size_t i = 0; i < found->count; i++) {
                struct phx_lxc_container *container = &found->items[i];
                int r;

                if (container->trouble || container->values.code >= 0)
                        continue;
                r = set_trouble(container,
                                container->values.text ? container->values.text
                                                       : strerrordesc_np(-container->values.code));
                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_included_watches(struct look *look) {
        int r = phx_strings_copy(&look->found.watches, phx_lxc_reader_watches(look->reader));

        phx_strings_unique(&look->found.watches);
        return r;
}

int phx_lxc_containers_look(
                const struct phx_lxc *lxc,
                struct phx_lxc_cache *cache,
                struct phx_lxc_containers *ret_containers,
                struct phx_error *error) {
        phx_cleanup(lxc_look_done) struct look look = { .lxc = lxc };
        int r;

        assert(lxc && cache && ret_containers);

        r = phx_lxc_reader_new(&look.reader);
        if (r >= 0)
                r = lxc_list(&look, error);
        if (r >= 0)
                r = lxc_ask(&look, cache, error);
        if (r >= 0)
                r = set_troubles(&look.found);
        if (r >= 0)
                r = add_included_watches(&look);
        if (r < 0)
                return r;

        lxc_forget_others(cache, &look.found);
        *ret_containers = look.found;
        look.found = (struct phx_lxc_containers){ 0 };
        return 0;
}
