/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Each kind is an array of pointers, sorted by key. The engine puts objects in order, so that the
 * next array is made by appending: what lies between two keys that were put is copied, as pointers.
 * PASSED is how far in the shown array that has come. Showing copies the rest and swaps the arrays,
 * for which all memory is there already, so that it cannot fail.
 *
 * An object is in one array, or in both; it is owned by the shown one, and one that was only put by
 * NEXT. A change notes both sides of an object that differs, so that afterwards nothing has to be
 * searched: dropping frees what is new, showing hands what was before on to NEWS, where it stays
 * until it was announced. When two changes of an object meet there, the older BEFORE stays, as that
 * one was announced last: so there is never more than one change of an object, however slow a
 * listener is. */

#include "bus/shelf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/sorted.h"

struct shelf_object *shelf_object_free(struct shelf_object *object) {
        if (!object)
                return NULL;
        if (object->pins > 0)
                object->pins--;
        else
                free(object);
        return NULL;
}

/* --- changes --- */

static void changes_done(struct shelf_changes *changes) {
        free(changes->items);
        *changes = (struct shelf_changes){ 0 };
}

static const struct shelf_object *changed_object(const struct shelf_change *change) {
        return change->before ? change->before : change->now;
}

static int changes_compare(const struct shelf_change *a, const struct shelf_change *b) {
        if (a->kind != b->kind)
                return a->kind < b->kind ? -1 : 1;
        return strcmp(shelf_key(changed_object(a)), shelf_key(changed_object(b)));
}

static int changes_reserve(struct shelf_changes *changes, size_t more) {
        struct shelf_change *items;
        size_t allocated = changes->count + more;

        if (allocated <= changes->allocated)
                return 0;
        allocated += allocated / 2;
        items = reallocarray(changes->items, allocated, sizeof(*items));
        if (!items)
                return -ENOMEM;
        changes->items = items;
        changes->allocated = allocated;
        return 0;
}

static void changes_add(
                struct shelf_changes *changes,
                enum phx_object_kind kind,
                struct shelf_object *before,
                const struct shelf_object *now) {
        changes->items[changes->count++] = (struct shelf_change){ kind, before, now };
}

/* Of the one that was taken last. */
static void changes_end_last(struct shelf_changes *changes) {
        if (changes->at > 0)
                (void) shelf_object_free(PHX_TAKE(changes->items[changes->at - 1].before));
}

static void changes_free_before(struct shelf_changes *changes) {
        changes_end_last(changes);
        for (size_t i = changes->at; i < changes->count; i++)
                (void) shelf_object_free(changes->items[i].before);
        changes_done(changes);
}

/* Both are about the same object, and OLD came first. What came and went was never seen. */
static void changes_meet(
                struct shelf_changes *merged,
                const struct shelf_change *old,
                const struct shelf_change *new) {
        (void) shelf_object_free(new->before);
        if (old->before || new->now)
                changes_add(merged, old->kind, old->before, new->now);
}

/* Adds NEW to what was not taken yet. */
static void changes_merge(struct shelf_changes *news, struct shelf_changes *new) {
        struct shelf_changes merged = { 0 };
        size_t i = news->at, k = 0;

        if (i == news->count || changes_reserve(&merged, news->count - i + new->count) < 0) {
                /* Without memory a signal is lost; what it says can still be read. */
                changes_free_before(news);
                *news = *new;
                *new = (struct shelf_changes){ 0 };
                return;
        }
        changes_end_last(news);
        while (i < news->count || k < new->count) {
                int order = i == news->count  ? 1
                            : k == new->count ? -1
                                              : changes_compare(&news->items[i], &new->items[k]);

                if (order == 0)
                        changes_meet(&merged, &news->items[i++], &new->items[k++]);
                else
                        merged.items[merged.count++] = order < 0 ? news->items[i++]
                                                                 : new->items[k++];
        }
        changes_done(news);
        changes_done(new);
        *news = merged;
}

/* --- what is put --- */

static const char *object_packed(const struct shelf_object *object) {
        return object->text + object->key_size + 1;
}

static struct shelf_object *object_new(
                const char *key,
                size_t size,
                const struct phx_buffer *packed) {
        const size_t key_size = strlen(key);
        struct shelf_object *object = malloc(sizeof(*object) + key_size + 1 + packed->size);

        if (!object)
                return NULL;
        object->key_size = (uint32_t) key_size;
        object->pins = 0;
        object->size = size;
        object->packed_size = packed->size;
        memcpy(object->text, key, key_size + 1);
        memcpy(object->text + key_size + 1, packed->data, packed->size);
        return object;
}

static int shelf_compare(const void *key, const void *item) {
        struct shelf_object *const *object = item;

        return strcmp(key, shelf_key(*object));
}

/* The first among ITEMS from FIRST on whose key is not before KEY. */
static size_t lower_bound(
                struct shelf_object *const *items,
                size_t first,
                size_t count,
                const char *key) {
        if (first == count)
                return first;
        return first + phx_lower_bound(key,
                                       items + first,
                                       count - first,
                                       sizeof(struct shelf_object *),
                                       shelf_compare);
}

/* Room for one more object, and for the end of the shelf. */
static int shelf_reserve(struct shelf *shelf) {
        const size_t need = shelf->next_count + shelf->count - shelf->passed + 1;
        struct shelf_object **next;

        if (shelf->next && need <= shelf->next_allocated)
                return 0;
        next = reallocarray(shelf->next, need + need / 2, sizeof(*next));
        if (!next)
                return -ENOMEM;
        shelf->next = next;
        shelf->next_allocated = need + need / 2;
        return 0;
}

/* Comes to the shown object END; those before it stay, or go. The changes have room. */
static void shelf_pass(struct shelves *shelves, enum phx_object_kind kind, size_t end) {
        struct shelf *shelf = &shelves->kinds[kind];
        const size_t count = end - shelf->passed;

        if (shelves->is_whole)
                for (size_t i = shelf->passed; i < end; i++)
                        changes_add(&shelves->coming, kind, shelf->items[i], NULL);
        else if (count > 0) {
                memcpy(shelf->next + shelf->next_count,
                       shelf->items + shelf->passed,
                       count * sizeof(struct shelf_object *));
                shelf->next_count += count;
        }
        shelf->passed = end;
}

/* KEY comes after all that were put. */
static bool shelf_is_in_order(const struct shelf *shelf, const char *key) {
        if (shelf->passed > 0 && strcmp(shelf_key(shelf->items[shelf->passed - 1]), key) >= 0)
                return false;
        return shelf->next_count == 0 ||
               strcmp(shelf_key(shelf->next[shelf->next_count - 1]), key) < 0;
}

int shelves_put_all(struct shelves *shelves) {
        size_t shown = 0;

        for (size_t i = 0; i < PHX_OBJECT_KINDS; i++) {
                if (shelves->kinds[i].next)
                        return -EBADMSG;
                shown += shelves->kinds[i].count;
        }
        if (shelves->is_whole)
                return -EBADMSG;
        /* For the case that all of them go. */
        if (changes_reserve(&shelves->coming, shown) < 0)
                return -ENOMEM;
        shelves->is_whole = true;
        return 0;
}

static bool is_same(const struct shelf_object *object, const struct phx_buffer *packed) {
        return object->packed_size == packed->size &&
               memcmp(object_packed(object), packed->data, packed->size) == 0;
}

static int reserve_all(struct shelves *shelves, struct shelf *shelf) {
        size_t shown = 1;

        for (size_t i = 0; shelves->is_whole && i < PHX_OBJECT_KINDS; i++)
                shown += shelves->kinds[i].count - shelves->kinds[i].passed;
        return changes_reserve(&shelves->coming, shown) < 0 ? -ENOMEM : shelf_reserve(shelf);
}

int shelves_put(struct shelves *shelves,
                enum phx_object_kind kind,
                const char *key,
                const char *json,
                size_t size) {
        phx_cleanup(phx_buffer_done) struct phx_buffer packed = { 0 };
        struct shelf *shelf = &shelves->kinds[kind];
        struct shelf_object *before = NULL, *now = NULL;
        size_t at;
        int r;

        if (kind < shelves->last || !shelf_is_in_order(shelf, key))
                return -EBADMSG;
        r = json ? pack_add(&shelves->pack, json, size, &packed) : 0;
        if (r < 0)
                return r;
        if (reserve_all(shelves, shelf) < 0)
                return -ENOMEM;
        at = lower_bound(shelf->items, shelf->passed, shelf->count, key);
        if (at < shelf->count && strcmp(shelf_key(shelf->items[at]), key) == 0)
                before = shelf->items[at];
        if (before && json && is_same(before, &packed))
                now = before;
        else if (json)
                now = object_new(key, size, &packed);
        if (json && !now)
                return -ENOMEM;
        shelves->last = kind;
        shelf_pass(shelves, kind, at);
        if (before)
                shelf->passed++;
        if (now)
                shelf->next[shelf->next_count++] = now;
        if (before != now)
                changes_add(&shelves->coming, kind, before, now);
        return 0;
}

/* --- showing --- */

static void shelf_swap(struct shelf *shelf) {
        free(shelf->items);
        *shelf = (struct shelf){ .items = shelf->next, .count = shelf->next_count };
}

unsigned shelves_show(struct shelves *shelves) {
        unsigned changed = 0;

        for (unsigned kind = 0; kind < PHX_OBJECT_KINDS; kind++) {
                struct shelf *shelf = &shelves->kinds[kind];

                if (!shelf->next && !shelves->is_whole)
                        continue;
                shelf_pass(shelves, (enum phx_object_kind) kind, shelf->count);
                shelf_swap(shelf);
        }
        for (size_t i = 0; i < shelves->coming.count; i++)
                changed |= 1U << shelves->coming.items[i].kind;
        shelves->is_whole = false;
        shelves->last = (enum phx_object_kind) 0;
        if (changed)
                changes_merge(&shelves->news, &shelves->coming);
        changes_done(&shelves->coming);
        return changed;
}

void shelves_drop(struct shelves *shelves) {
        /* What is new is in no other place. */
        for (size_t i = 0; i < shelves->coming.count; i++) {
                const void *now = shelves->coming.items[i].now;
                void *object;

                memcpy(&object, &now, sizeof(object));
                (void) shelf_object_free(object);
        }
        changes_done(&shelves->coming);
        for (size_t i = 0; i < PHX_OBJECT_KINDS; i++) {
                struct shelf *shelf = &shelves->kinds[i];

                free(shelf->next);
                *shelf = (struct shelf){ .items = shelf->items, .count = shelf->count };
        }
        shelves->is_whole = false;
        shelves->last = (enum phx_object_kind) 0;
}

void shelves_done(struct shelves *shelves) {
        shelves_drop(shelves);
        changes_free_before(&shelves->news);
        for (size_t i = 0; i < PHX_OBJECT_KINDS; i++) {
                for (size_t k = 0; k < shelves->kinds[i].count; k++)
                        (void) shelf_object_free(shelves->kinds[i].items[k]);
                free(shelves->kinds[i].items);
        }
        pack_done(&shelves->pack);
        *shelves = (struct shelves){ 0 };
}

bool shelves_has_news(const struct shelves *shelves) {
        return shelves->news.at < shelves->news.count;
}

const struct shelf_change *shelves_take_news(struct shelves *shelves) {
        struct shelf_changes *news = &shelves->news;

        changes_end_last(news);
        if (news->at < news->count)
                return &news->items[news->at++];
        changes_done(news);
        return NULL;
}

/* --- looking up --- */

const struct shelf_object *shelves_find(
                const struct shelves *shelves,
                enum phx_object_kind kind,
                const char *key) {
        const struct shelf *shelf = &shelves->kinds[kind];
        const size_t at = shelves_from(shelves, kind, key);

        return at < shelf->count && strcmp(shelf_key(shelf->items[at]), key) == 0 ? shelf->items[at]
                                                                                  : NULL;
}

size_t shelves_from(const struct shelves *shelves, enum phx_object_kind kind, const char *key) {
        return lower_bound(shelves->kinds[kind].items, 0, shelves->kinds[kind].count, key);
}

char *shelf_write(const struct shelves *shelves, const struct shelf_object *object, char *to) {
        return pack_write(&shelves->pack, object_packed(object), object->packed_size, to);
}

int shelf_add(const struct shelves *shelves,
              const struct shelf_object *object,
              struct phx_buffer *buffer) {
        char *to = phx_buffer_add_space(buffer, object->size);

        if (!to)
                return -ENOMEM;
        (void) shelf_write(shelves, object, to);
        return 0;
}

int shelves_join(
                const struct shelves *shelves,
                enum phx_object_kind kind,
                size_t first,
                size_t end,
                struct phx_buffer *buffer) {
        int r = 0;

        for (size_t i = first; r >= 0 && i < end; i++) {
                const struct shelf_object *object = shelves->kinds[kind].items[i];

                if (i > first)
                        r = phx_buffer_add(buffer, ",", 1);
                if (r >= 0)
                        r = shelf_add(shelves, object, buffer);
        }
        return r;
}

int shelves_join_drifts(
                const struct shelves *shelves,
                const char *object,
                struct phx_buffer *buffer) {
        const struct shelf *shelf = &shelves->kinds[PHX_OBJECT_DRIFT];
        bool is_first = true;
        int r = 0;

        for (unsigned layer = 0; r >= 0 && layer < PHX_LAYERS; layer++) {
                phx_autofree char *prefix = phx_drift_key_prefix((enum phx_layer) layer, object);
                size_t first, end;

                if (!prefix)
                        return -ENOMEM;
                first = end = shelves_from(shelves, PHX_OBJECT_DRIFT, prefix);
                while (end < shelf->count &&
                       strncmp(shelf_key(shelf->items[end]), prefix, strlen(prefix)) == 0)
                        end++;
                if (first == end)
                        continue;
                r = is_first ? 0 : phx_buffer_add(buffer, ",", 1);
                is_first = false;
                if (r >= 0)
                        r = shelves_join(shelves, PHX_OBJECT_DRIFT, first, end, buffer);
        }
        return r;
}
