/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What was recorded, from one run to the next: of each list how many, and of each object the marks
 * of its messages. What these were made of is left out: the first look makes them again, and
 * records those that are not among them. Notes about the input as a whole are left out as well:
 * they are few, and each run says what it has begun with. */

#include <errno.h>
#include <string.h>

#include "base/grow.h"
#include "reconcile/remarks.h"

static int left_add_strings(struct phx_buffer *texts, const struct phx_strings *strings) {
        int r = phx_texts_add_number(texts, strings->count);

        for (size_t i = 0; r >= 0 && i < strings->count; i++)
                r = phx_texts_add(texts, strings->items[i]);
        return r;
}

static int left_add_list(struct phx_buffer *texts, const struct phx_remarked_list *list) {
        int r = phx_texts_add_number(texts, list->count);

        for (size_t i = 0; r >= 0 && i < list->count; i++) {
                r = phx_texts_add(texts, list->items[i].object);
                if (r >= 0)
                        r = left_add_strings(texts, &list->items[i].marks);
        }
        return r;
}

int phx_remarks_leave(const struct phx_remarks *remarks, struct phx_buffer *texts) {
        int r = left_add_list(texts, &remarks->profiles);

        return r < 0 ? r : left_add_list(texts, &remarks->containers);
}

static int left_take_strings(struct phx_texts *texts, struct phx_strings *strings) {
        uint64_t count = phx_texts_next_number(texts);
        int r = 0;

        for (uint64_t i = 0; r >= 0 && i < count && !texts->is_short; i++)
                r = phx_strings_add(strings, phx_texts_next(texts));
        return r;
}

static int left_take_list(struct phx_texts *texts, struct phx_remarked_list *list) {
        uint64_t count = phx_texts_next_number(texts);
        int r = 0;

        for (uint64_t i = 0; r >= 0 && i < count && !texts->is_short; i++) {
                struct phx_remarked *item =
                                phx_grow(&list->items, &list->count, sizeof(*list->items));

                if (!item || phx_replace(&item->object, phx_texts_next(texts)) < 0)
                        return -ENOMEM;
                if (i > 0 && strcmp(item[-1].object, item->object) >= 0)
                        return -EBADMSG;
                r = left_take_strings(texts, &item->marks);
        }
        list->sorted = list->count;
        return r;
}

int phx_remarks_take(struct phx_remarks *remarks, struct phx_texts *texts) {
        phx_cleanup(phx_remarks_done) struct phx_remarks taken = { 0 };
        int r = left_take_list(texts, &taken.profiles);

        if (r >= 0)
                r = left_take_list(texts, &taken.containers);
        if (r >= 0 && texts->is_short)
                r = -EBADMSG;
        if (r < 0)
                return r;
        phx_remarks_done(remarks);
        *remarks = PHX_TAKE_STRUCT(taken);
        return 0;
}
