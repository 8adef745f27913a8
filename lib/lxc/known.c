/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "lxc/known.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/sorted.h"
#include "base/strings.h"

struct phx_lxc_expected *phx_lxc_expected_free(struct phx_lxc_expected *expected) {
        if (!expected)
                return NULL;
        phx_lxc_values_done(&expected->values);
        phx_lxc_decider_done(&expected->decider);
        free(expected);
        return NULL;
}

void phx_lxc_known_done(struct phx_lxc_known *known) {
        free(known->name);
        phx_lxc_values_done(&known->values);
        phx_lxc_decider_done(&known->decider);
        phx_lxc_expected_free(known->expected);
        free(known->trouble);
        phx_strings_done(&known->watches);
        *known = (struct phx_lxc_known){ 0 };
}

void phx_lxc_cache_forget(struct phx_lxc_cache *cache) {
        for (size_t i = 0; i < cache->count; i++)
                phx_lxc_known_done(&cache->items[i]);
        free(cache->items);
        phx_lxc_chains_forget(&cache->chains);
        phx_strings_done(&cache->watches);
        cache->items = NULL;
        cache->count = 0;
        cache->is_settled = cache->is_listed = cache->is_clean = cache->is_complete = false;
}

bool phx_lxc_cache_has_place(const struct phx_lxc_cache *cache, const struct phx_lxc *lxc) {
        return phx_equal(cache->path, lxc->path) && cache->owner.uid == lxc->owner.uid &&
               cache->owner.gid == lxc->owner.gid;
}

int phx_lxc_cache_set_place(struct phx_lxc_cache *cache, const struct phx_lxc *lxc) {
        if (phx_lxc_cache_has_place(cache, lxc))
                return 0;
        phx_lxc_cache_forget(cache);
        cache->owner = lxc->owner;
        return phx_replace(&cache->path, lxc->path);
}

int phx_lxc_cache_new(struct phx_lxc_cache **ret_cache) {
        phx_cleanup(phx_lxc_cache_freep) struct phx_lxc_cache *cache = calloc(1, sizeof(*cache));
        int r;

        if (!cache)
                return -ENOMEM;
        r = phx_lxc_chains_init(&cache->chains);
        if (r < 0)
                return r;
        *ret_cache = PHX_TAKE(cache);
        return 0;
}

int phx_lxc_cache_renew(const struct phx_lxc_cache *old, struct phx_lxc_cache **ret_cache) {
        phx_cleanup(phx_lxc_cache_freep) struct phx_lxc_cache *cache = NULL;
        int r = phx_lxc_cache_new(&cache);

        if (r < 0 || phx_replace(&cache->path, old->path) < 0)
                return -ENOMEM;
        cache->owner = old->owner;
        cache->is_clean = old->is_clean;
        *ret_cache = PHX_TAKE(cache);
        return 0;
}

struct phx_lxc_cache *phx_lxc_cache_free(struct phx_lxc_cache *cache) {
        if (!cache)
                return NULL;
        phx_lxc_cache_forget(cache);
        phx_lxc_chains_done(&cache->chains);
        free(cache->path);
        free(cache);
        return NULL;
}

/* --- items --- */

static int known_compare(const void *name, const void *known) {
        return strcmp(name, ((const struct phx_lxc_known *) known)->name);
}

struct phx_lxc_known *phx_lxc_cache_find(const struct phx_lxc_cache *cache, const char *name) {
        return phx_find_sorted(
                        name,
                        cache->items,
                        cache->count,
                        sizeof(*cache->items),
                        known_compare);
}

int phx_lxc_cache_set_names(struct phx_lxc_cache *cache, char *const *names, size_t count) {
        struct phx_lxc_known *items = calloc(count + 1, sizeof(*items));
        int r = items ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < count; i++)
                r = phx_replace(&items[i].name, names[i]);
        if (r < 0) {
                for (size_t i = 0; items && i < count; i++)
                        free(items[i].name);
                free(items);
                return r;
        }
        for (size_t i = 0, old = 0; old < cache->count; old++) {
                struct phx_lxc_known *known = &cache->items[old];

                while (i < count && strcmp(items[i].name, known->name) < 0)
                        i++;
                if (i == count || strcmp(items[i].name, known->name) != 0) {
                        phx_lxc_known_done(known);
                        continue;
                }
                free(items[i].name);
                items[i] = *known;
        }
        free(cache->items);
        cache->items = items;
        cache->count = count;
        return 0;
}
