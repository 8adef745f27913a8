/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A look at LXC_PATH has four steps, and the cache (lxc/known.h) is what the one before has left:
 *
 *   1. names      the entries of LXC_PATH; believed while the directory has the same stamp
 *   2. refresh    each entry by the stamp of its config, which covers the text, who may write it,
 *                 and that it is the same file in the same directory; and, where an event names the
 *                 entry or LXC_PATH has another stamp, by its own, which covers all names in it
 *                 ("partial"). Where one differs, or was too young to be believed, the entry
 *                 is read as if nothing were known.
 *   3. ask        liblxc, about each config that is another one now, or includes another text
 *   4. show       a copy of what is known
 *
 * What a config includes is followed once a look for all configs that include the same, and not
 * before one of the files has another stamp is anything done for one of them.
 *
 * A link is followed again at each look, as what it leads to may be replaced on the way. What could
 * not be read is read again each time, too, so that its message is of now. In a look at a part, the
 * other entries that the scope does not name are believed as they are here.
 *
 * The text of a config is dropped as soon as liblxc has answered. */

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
#include "lxc/answer.h"
#include "lxc/directory.h"
#include "lxc/entry.h"
#include "lxc/walk.h"
#include "state/configuration.h"

/* More than that, and their texts would be much memory; fewer, and it would be many children. */
#define ASKED_AT_ONCE 512

/* The configs that liblxc has to be asked about. */
struct questions {
        size_t *items;                  /* of the cache */
        struct phx_lxc_source *sources; /* with their texts */
        struct phx_strings files;
        struct phx_lxc_values *answers;
        size_t count;
};

struct look {
        const struct phx_lxc *lxc;
        struct phx_lxc_cache *cache;
        int path_fd;
        bool is_whole;
        bool has_same_names; /* LXC_PATH has its stamp */
        struct questions questions;
        struct phx_lxc_containers found;
};

void phx_lxc_container_done(struct phx_lxc_container *container) {
        free(container->name);
        free(container->config);
        phx_strings_done(&container->pending);
        phx_strings_done(&container->remarks);
        free(container->trouble);
        free(container->lock);
        free(container->decider_why);
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

static void questions_done(struct questions *questions) {
        for (size_t i = 0; i < questions->count; i++)
                phx_lxc_source_done(&questions->sources[i]);
        for (size_t i = 0; questions->answers && i < questions->count; i++)
                phx_lxc_values_done(&questions->answers[i]);
        free(questions->answers);
        free(questions->sources);
        free(questions->items);
        phx_strings_done(&questions->files);
        *questions = (struct questions){ 0 };
}

static void lxc_look_done(struct look *look) {
        phx_closep(&look->path_fd);
        questions_done(&look->questions);
        phx_lxc_containers_done(&look->found);
        for (size_t i = 0; i < look->cache->count; i++)
                if (look->cache->items[i].chain)
                        look->cache->items[i].chain->is_used = true;
        phx_lxc_chains_end(&look->cache->chains);
}

static int config_path(const struct phx_lxc *lxc, const char *name, char **ret_path) {
        phx_autofree char *directory = NULL;
        int r = phx_concat(&directory, lxc->path, "/", name);

        return r < 0 ? r : phx_concat(ret_path, directory, "/", "config");
}

/* --- names --- */

static int lxc_select_name(const struct dirent *entry) {
        return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

/* By bytes, whatever the locale. */
static int lxc_compare_entries(const struct dirent **a, const struct dirent **b) {
        return strcmp((*a)->d_name, (*b)->d_name);
}

static int set_entries(struct phx_lxc_cache *cache, struct dirent **entries, size_t count) {
        phx_autofree char **names = calloc(count + 1, sizeof(char *));

        if (!names)
                return -ENOMEM;
        for (size_t i = 0; i < count; i++)
                names[i] = entries[i]->d_name;
        return phx_lxc_cache_set_names(cache, names, count);
}

static int lxc_list(struct look *look, struct phx_error *error) {
        struct phx_lxc_cache *cache = look->cache;
        struct dirent **entries = NULL;
        struct phx_stamp stamp;
        struct stat st;
        int n, r;

        if (fstat(look->path_fd, &st) < 0)
                return phx_error_errno(error, look->lxc->path);
        stamp = phx_stamp_of(&st);
        look->has_same_names = cache->is_settled && phx_stamp_equal(&cache->directory, &stamp);
        if (look->has_same_names && cache->is_listed)
                return 0;
        cache->directory = stamp;
        cache->is_settled = phx_stamp_is_settled(&stamp);
        n = scandirat(look->path_fd, ".", &entries, lxc_select_name, lxc_compare_entries);
        if (n < 0)
                return phx_error_errno(error, look->lxc->path);
        r = set_entries(cache, entries, (size_t) n);
        cache->is_listed = r >= 0;
        for (int i = 0; i < n; i++)
                free(entries[i]);
        free(entries);
        return r;
}

/* --- refresh --- */

static int questions_add(struct look *look, size_t item, struct phx_lxc_source *source) {
        struct questions *questions = &look->questions;

        if (!questions->items) {
                questions->items = calloc(ASKED_AT_ONCE, sizeof(*questions->items));
                questions->sources = calloc(ASKED_AT_ONCE, sizeof(*questions->sources));
        }
        if (!questions->items || !questions->sources)
                return -ENOMEM;
        questions->items[questions->count] = item;
        questions->sources[questions->count++] = PHX_TAKE_STRUCT(*source);
        return 0;
}

/* Marks the entries that the scope names, itself or by what is in them. 1 when some name may have
 * come or gone. */
static int lxc_mark_named(const struct look *look) {
        const struct phx_scope *scope = look->lxc->scope;
        size_t size = strlen(look->lxc->path);
        int is_listed = look->is_whole || phx_scope_has(scope, look->lxc->path);

        for (size_t i = 0; !look->is_whole && i < scope->paths.count; i++) {
                const char *path = scope->paths.items[i];
                char name[NAME_MAX + 1];
                struct phx_lxc_known *known;
                size_t length;

                if (strncmp(path, look->lxc->path, size) != 0 || path[size] != '/')
                        continue;
                length = strcspn(path + size + 1, "/");
                if (length > NAME_MAX)
                        continue;
                memcpy(name, path + size + 1, length);
                name[length] = '\0';
                known = phx_lxc_cache_find(look->cache, name);
                if (known)
                        known->named_at = look->cache->look;
                is_listed |= !known || path[size + 1 + length] == '\0';
        }
        return is_listed;
}

/* Must be read, whatever the scope: it is new, or liblxc has not answered yet. */
static bool is_unread(const struct phx_lxc_known *known) {
        return !known->directory.mode ||
               (known->has_config && !known->is_answered && (!known->trouble || known->chain));
}

/* What a link leads to has other names. */
static bool is_asked_about(const struct look *look, const struct phx_lxc_known *known) {
        return look->is_whole || known->is_link || known->named_at == look->cache->look;
}

/* In a container's directory the only other name that counts is "partial", which has an event.
 * Where that was lost nothing is lost with it: an edit asks for it again (lxc/replace.c). */
static enum phx_lxc_doubt doubt_of(const struct look *look, const struct phx_lxc_known *known) {
        if (known->checked_for == look->cache->look)
                return PHX_LXC_DOUBT_CONFIG;
        return look->has_same_names && known->named_at != look->cache->look ? PHX_LXC_DOUBT_CONFIG
                                                                            : PHX_LXC_DOUBT_ENTRY;
}

/* What an include says may be the same again. */
static int known_renew_chain(struct phx_lxc_known *known) {
        char combined[PHX_SHA256_HEX];
        int r;

        if (known->trouble || phx_lxc_chain_is_same(known->chain, known->chain_version))
                return 1;
        if (known->chain->code < 0)
                return 0;
        r = phx_lxc_combine_facts(known->digest, &known->chain->facts, combined);
        if (r < 0 || strcmp(combined, known->combined) != 0)
                return r;
        known->chain_version = known->chain->version;
        return 1;
}

static int lxc_refresh(struct look *look, size_t item) {
        const struct phx_lxc_entry_place place = { look->lxc, look->cache, look->path_fd };
        phx_cleanup(phx_lxc_source_done) struct phx_lxc_source source = { 0 };
        struct phx_lxc_known *known = &look->cache->items[item];
        int r = !is_unread(known);

        if (r > 0 && is_asked_about(look, known))
                r = phx_lxc_known_is_believed(look->path_fd, known, doubt_of(look, known));
        if (r > 0)
                r = known_renew_chain(known);
        if (r != 0)
                return r < 0 ? r : 0;
        r = phx_lxc_known_read(&place, known, &source);
        return r <= 0 ? r : questions_add(look, item, &source);
}

static bool lxc_has_work(const struct look *look) {
        const struct phx_lxc_cache *cache = look->cache;

        if (phx_scope_has_below(look->lxc->scope, look->lxc->path))
                return true;
        for (size_t i = 0; i < cache->count; i++)
                if (is_unread(&cache->items[i]) || cache->items[i].is_link ||
                    !phx_lxc_chain_is_same(cache->items[i].chain, cache->items[i].chain_version))
                        return true;
        return false;
}

/* --- ask --- */

/* Late and dead are of the moment; what liblxc says is not. */
static bool is_lasting(const struct phx_lxc_values *values) {
        return values->code != -ETIMEDOUT && values->code != -EIO;
}

static int lxc_take_answer(struct look *look, struct phx_lxc_answer *answer, size_t question) {
        const struct questions *questions = &look->questions;
        struct phx_lxc_known *known = &look->cache->items[questions->items[question]];
        int r;

        phx_lxc_values_done(&known->values);
        phx_lxc_decider_done(&known->decider);
        known->values = PHX_TAKE_STRUCT(questions->answers[question]);
        r = phx_lxc_decide(
                        answer->fresh,
                        questions->files.items[question],
                        questions->sources[question].text,
                        questions->sources[question].size,
                        known->values.profile,
                        &known->decider);
        if (r < 0)
                return r;
        known->is_answered = is_lasting(&known->values) && phx_lxc_answer_holds(answer, known);
        look->cache->unsaved += known->is_answered;
        return 0;
}

static int lxc_prepare(struct look *look, struct phx_lxc_answer *answer) {
        struct questions *questions = &look->questions;
        int r = 0;

        questions->answers = calloc(questions->count, sizeof(*questions->answers));
        if (!questions->answers)
                return -ENOMEM;
        for (size_t i = 0; r >= 0 && i < questions->count; i++) {
                const struct phx_lxc_known *known = &look->cache->items[questions->items[i]];

                phx_lxc_answer_add(answer, &known->config);
                r = phx_strings_addf(
                                &questions->files,
                                "%s/%s/config",
                                look->lxc->path,
                                known->name);
        }
        return r;
}

static int lxc_ask(struct look *look, struct phx_error *error) {
        struct questions *questions = &look->questions;
        phx_cleanup(phx_lxc_answer_done) struct phx_lxc_answer answer = {
                .lxc = look->lxc,
                .cache = look->cache,
                .path_fd = look->path_fd
        };
        int r;

        if (questions->count == 0)
                return 0;
        r = lxc_prepare(look, &answer);
        if (r >= 0)
                r = phx_lxc_answer_begin(&answer);
        for (size_t i = 0; r >= 0 && i < questions->count; i++) {
                struct phx_lxc_known *known = &look->cache->items[questions->items[i]];

                known->is_asked_settled = phx_stamp_is_settled(&known->config);
        }
        if (r >= 0)
                r = phx_lxc_worker_load(
                                &questions->files,
                                look->lxc->deadline_usec,
                                look->lxc->progress,
                                questions->answers,
                                error);
        for (size_t i = 0; r >= 0 && i < questions->count; i++)
                r = lxc_take_answer(look, &answer, i);
        questions_done(questions);
        return r;
}

/* --- show --- */

static int show_values(const struct phx_lxc_known *known, struct phx_lxc_container *container) {
        const struct phx_lxc_values *values = &known->values;

        container->values.code = values->code;
        container->values.allow_nesting = values->allow_nesting;
        container->values.is_mapped = values->is_mapped;
        container->decider.line = known->decider.line;
        if (values->code < 0)
                return phx_lxc_set_trouble(
                                &container->trouble,
                                values->text ? values->text : strerrordesc_np(-values->code));
        /* Most have no cgroup of their own choice. */
        if (phx_replace(&container->values.profile, values->profile) < 0 ||
            (values->cgroup_dir[0] &&
             phx_replace(&container->values.cgroup_dir, values->cgroup_dir) < 0) ||
            (values->cgroup_container[0] &&
             phx_replace(&container->values.cgroup_container, values->cgroup_container) < 0))
                return -ENOMEM;
        return 0;
}

static int show_container(struct look *look, const struct phx_lxc_known *known) {
        struct phx_lxc_container *container = &look->found.items[look->found.count++];
        int r;

        memcpy(container->digest, known->digest, sizeof(container->digest));
        memcpy(container->combined, known->combined, sizeof(container->combined));
        r = phx_replace(&container->name, known->name);
        if (r >= 0)
                r = config_path(look->lxc, known->name, &container->config);
        if (r >= 0)
                r = phx_replace(&container->trouble, known->trouble);
        if (r < 0 || known->trouble)
                return r;
        r = show_values(known, container);
        if (r >= 0)
                r = phx_replace(&container->decider.ungated, known->decider.ungated);
        return r < 0 ? r : phx_replace(&container->decider.file, known->decider.file);
}

static int lxc_show(struct look *look) {
        const struct phx_lxc_cache *cache = look->cache;
        struct phx_strings *watches = &look->found.watches;
        int r;

        look->found.items = calloc(cache->count + 1, sizeof(*look->found.items));
        r = look->found.items ? phx_strings_copy(watches, &cache->watches) : -ENOMEM;
        for (size_t i = 0; r >= 0 && i < cache->count; i++) {
                const struct phx_lxc_known *known = &cache->items[i];

                if (known->is_link)
                        r = phx_strings_copy(watches, &known->watches);
                else if (known->is_directory)
                        r = phx_strings_add_concat(watches, look->lxc->path, "/", known->name);
                if (r >= 0 && known->has_config)
                        r = show_container(look, known);
        }
        if (r >= 0)
                r = phx_lxc_reader_watches(cache->chains.reader, watches);
        look->cache->moves = phx_lxc_reader_moves(cache->chains.reader);
        phx_strings_unique(watches);
        return r;
}

/* --- all of it --- */

/* Opens LXC_PATH: 0 where there is none, or none that is believed. */
static int lxc_open(struct look *look, struct phx_error *error) {
        struct phx_lxc_cache *cache = look->cache;
        struct phx_trust trust = *look->lxc->trust;
        struct phx_lxc lxc = *look->lxc;
        struct phx_error why = { 0 };
        int opened;

        cache->is_link_met = !phx_is_normal_path(lxc.path);
        trust.is_link_met = &cache->is_link_met;
        lxc.trust = &trust;
        opened = phx_lxc_open_path(&lxc, &look->path_fd, &why);
        if (opened >= 0)
                return 1;
        phx_lxc_cache_forget(cache);
        phx_strings_done(&look->found.watches);
        if (phx_watches_add_directory(&look->found.watches, lxc.path) < 0)
                return -ENOMEM;
        if (opened == -ENOENT)
                return 0;
        if (phx_lxc_is_refusal(opened))
                return phx_replace(&look->found.refusal, why.text);
        return phx_error_set(error, opened, "%s", phx_error_text(&why, opened));
}

static int lxc_begin(struct look *look) {
        struct phx_lxc_cache *cache = look->cache;
        const struct phx_lxc *lxc = look->lxc;
        int r = phx_lxc_cache_set_place(cache, lxc);

        look->is_whole = !lxc->scope || lxc->scope->is_whole || !cache->is_complete;
        cache->is_complete = false;
        cache->look++;
        return r < 0 ? r : phx_lxc_chains_begin(&cache->chains, look->is_whole ? NULL : lxc->scope);
}

static int lxc_look(struct look *look, struct phx_error *error) {
        struct phx_lxc_cache *cache = look->cache;
        bool is_listed;
        int r;

        if (!look->is_whole && !lxc_has_work(look))
                return 1;
        r = lxc_open(look, error);
        if (r <= 0)
                return r;
        is_listed = lxc_mark_named(look);
        if (is_listed)
                r = lxc_list(look, error);
        if (r >= 0 && look->is_whole) {
                phx_strings_done(&cache->watches);
                r = phx_watches_add_directory(&cache->watches, look->lxc->path);
        }
        for (size_t i = 0; r >= 0 && i < cache->count; i++) {
                r = lxc_refresh(look, i);
                if (r >= 0 && look->questions.count == ASKED_AT_ONCE)
                        r = lxc_ask(look, error);
        }
        if (r >= 0)
                r = lxc_ask(look, error);
        return r < 0 ? r : 1;
}

int phx_lxc_containers_look(
                const struct phx_lxc *lxc,
                struct phx_lxc_cache *cache,
                struct phx_lxc_containers *ret_containers,
                struct phx_error *error) {
        phx_cleanup(lxc_look_done) struct look look = { .lxc = lxc, .cache = cache, .path_fd = -1 };
        bool is_there;
        int r;

        assert(lxc && cache && ret_containers);

        r = lxc_begin(&look);
        if (r >= 0)
                r = lxc_look(&look, error);
        is_there = r > 0;
        if (is_there)
                r = lxc_show(&look);
        if (r < 0)
                return r;
        cache->is_complete = is_there;
        *ret_containers = PHX_TAKE_STRUCT(look.found);
        return 0;
}

/* --- without a look --- */

bool phx_lxc_containers_are_unchanged(const struct phx_lxc *lxc, struct phx_lxc_cache *cache) {
        phx_cleanup(lxc_look_done) struct look look = { .lxc = lxc, .cache = cache, .path_fd = -1 };
        struct phx_stamp stamp;
        struct stat st;

        if (!cache->is_complete || !phx_lxc_cache_has_place(cache, lxc) || lxc_begin(&look) < 0)
                return false;
        cache->is_complete = true;
        if (cache->moves != phx_lxc_reader_moves(cache->chains.reader))
                return false;
        if (!look.is_whole && !lxc_has_work(&look))
                return true;
        /* What is not to be believed as it is here is left to a look. */
        if (lxc_open(&look, NULL) <= 0 || fstat(look.path_fd, &st) < 0)
                return false;
        stamp = phx_stamp_of(&st);
        look.has_same_names = cache->is_settled && phx_stamp_equal(&cache->directory, &stamp);
        if (lxc_mark_named(&look) && !look.has_same_names)
                return false;
        for (size_t i = 0; i < cache->count; i++) {
                const struct phx_lxc_known *known = &cache->items[i];

                if (is_unread(known) || !phx_lxc_chain_is_same(known->chain, known->chain_version))
                        return false;
                if (is_asked_about(&look, known) &&
                    !phx_lxc_known_is_believed(look.path_fd, known, doubt_of(&look, known)))
                        return false;
        }
        return true;
}

bool phx_lxc_containers_cover(const struct phx_lxc_cache *cache, const char *path) {
        const struct phx_lxc_known *known;
        phx_autofree char *name = NULL;
        size_t size;

        if (!cache->is_complete || cache->is_link_met)
                return false;
        size = strlen(cache->path);
        if (strcmp(path, cache->path) == 0)
                return true;
        if (strncmp(path, cache->path, size) != 0 || path[size] != '/')
                return phx_lxc_reader_covers(cache->chains.reader, path);
        name = strndup(path + size + 1, strcspn(path + size + 1, "/"));
        known = name ? phx_lxc_cache_find(cache, name) : NULL;
        return name && !(known && known->is_link);
}

int phx_lxc_config_text(
                const struct phx_lxc *lxc,
                int *path_fd,
                const char *name,
                const char *digest,
                struct phx_lxc_source *ret_source) {
        phx_cleanup(phx_lxc_source_done) struct phx_lxc_source source = { 0 };
        phx_autoclose int fd = -1;
        phx_autofree char *path = NULL;
        int r;

        r = config_path(lxc, name, &path);
        if (r >= 0 && *path_fd < 0)
                r = phx_lxc_open_path(lxc, path_fd, NULL);
        if (r >= 0)
                r = phx_lxc_open_container(lxc, *path_fd, name, &fd, NULL);
        if (r >= 0)
                r = phx_lxc_read_config(fd, path, &lxc->owner, &source, NULL);
        if (r < 0)
                return r;
        if (strcmp(source.digest, digest) != 0)
                return -ESTALE;
        *ret_source = PHX_TAKE_STRUCT(source);
        return 0;
}
