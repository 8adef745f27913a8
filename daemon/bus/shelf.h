/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "bus/pack.h"
#include "state/object.h"

/* The objects that the engine has sent, as packed texts in order, by kind. What a look sends is put
 * beside what is shown, and shown when the look is over, all at once. */

struct shelf_object {
        uint32_t key_size;
        uint32_t pins; /* besides the shelf's own */
        size_t size;   /* of its JSON */
        size_t packed_size;
        char text[]; /* the key, a NUL, what pack.h has made of the JSON */
};

static inline const char *shelf_key(const struct shelf_object *object) {
        return object->text;
}

/* One that is pinned stays as it is, whatever comes in its place, until it is freed once more. */
static inline struct shelf_object *shelf_object_pin(struct shelf_object *object) {
        object->pins++;
        return object;
}
/* Returns NULL. */
struct shelf_object *shelf_object_free(struct shelf_object *object);

/* What became of an object. BEFORE is owned, NULL for one that is new; NOW is on the shelf, NULL
 * for one that is gone. */
struct shelf_change {
        enum phx_object_kind kind;
        struct shelf_object *before;
        const struct shelf_object *now;
};

/* By kind and key, one for each object. Those before AT have been taken. */
struct shelf_changes {
        struct shelf_change *items;
        size_t count;
        size_t allocated;
        size_t at;
};

/* One kind: what is shown, and beside it what will be. */
struct shelf {
        struct shelf_object **items;
        size_t count;
        struct shelf_object **next; /* NULL while nothing was put */
        size_t next_count;
        size_t next_allocated;
        size_t passed; /* of the ITEMS: they are in NEXT, or go */
};

struct shelves {
        struct pack pack;
        struct shelf kinds[PHX_OBJECT_KINDS];
        bool is_whole;               /* what is not put goes */
        enum phx_object_kind last;   /* kind that was put last */
        struct shelf_changes coming; /* when what was put is shown */
        struct shelf_changes news;   /* that are shown, and were not taken yet */
};

void shelves_done(struct shelves *shelves);

/* Everything will be put, in order. -EBADMSG when something was put already. */
int shelves_put_all(struct shelves *shelves);
/* Puts an object, in the order of kind and key; with JSON NULL it goes. 0, -EBADMSG when it is not
 * in that order, or no JSON, -ENOMEM. The work does not depend on how many objects there are, but
 * for a copy of pointers. */
int shelves_put(struct shelves *shelves,
                enum phx_object_kind kind,
                const char *key,
                const char *json,
                size_t size);
/* Shows what was put. Returns a set of bits, 1 << KIND, of the kinds that changed. */
unsigned shelves_show(struct shelves *shelves);
/* Forgets what was put. */
void shelves_drop(struct shelves *shelves);

/* The next change that was shown, which is in force until the next one is taken; NULL when all were
 * taken. What changes again before it was taken is one change. */
const struct shelf_change *shelves_take_news(struct shelves *shelves);
bool shelves_has_news(const struct shelves *shelves);

/* Of what is shown: NULL when there is none. Borrowed until something else is shown. */
const struct shelf_object *shelves_find(
                const struct shelves *shelves,
                enum phx_object_kind kind,
                const char *key);
/* Where the first object is whose key is not before KEY. */
size_t shelves_from(const struct shelves *shelves, enum phx_object_kind kind, const char *key);

/* The JSON of an object that is or was on one of the shelves: writes it, without a NUL, to where
 * its SIZE has room, and returns the end; or adds it: 0 or -ENOMEM. */
char *shelf_write(const struct shelves *shelves, const struct shelf_object *object, char *to);
int shelf_add(const struct shelves *shelves,
              const struct shelf_object *object,
              struct phx_buffer *buffer);
/* Adds the JSON of the objects from FIRST up to, but without, END, with commas between them. */
int shelves_join(
                const struct shelves *shelves,
                enum phx_object_kind kind,
                size_t first,
                size_t end,
                struct phx_buffer *buffer);
/* Likewise of all drifts about the object of this name. */
int shelves_join_drifts(
                const struct shelves *shelves,
                const char *object,
                struct phx_buffer *buffer);
