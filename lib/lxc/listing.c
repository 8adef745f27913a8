/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "lxc/listing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/worker.h"
#include "lxc/child.h"

struct questions {
        struct phx_lxc_listing *listings;
        struct phx_lxc_child child; /* in the child */
};

void phx_lxc_listing_done(struct phx_lxc_listing *listing) {
        free(listing->why);
        phx_strings_done(&listing->values);
        *listing = (struct phx_lxc_listing){ 0 };
}

static int listing_start(void *data) {
        struct questions *questions = data;
        int r = phx_lxc_child_confine();

        return r < 0 ? r : phx_lxc_child_start(&questions->child);
}

static int listing_answer(void *data, size_t index, struct phx_buffer *reply) {
        struct questions *questions = data;
        const struct phx_lxc_listing *listing = &questions->listings[index];
        int r = phx_lxc_child_load(&questions->child, listing->text, listing->size);

        if (r == 0) {
                r = phx_lxc_child_add_log(&questions->child, reply, listing->name);
                return r < 0 ? r : -EINVAL;
        }
        for (size_t i = 0; r >= 0 && i < listing->keys->count; i++) {
                phx_autofree char *value = NULL;

                r = phx_lxc_child_get(&questions->child, listing->keys->items[i], &value);
                if (r >= 0)
                        r = phx_buffer_add(reply, value, strlen(value) + 1);
        }
        return r < 0 ? r : 0;
}

/* One that was cut says less than is so. */
static int listing_accept(void *data, size_t index, const struct phx_worker_reply *reply) {
        const struct questions *questions = data;
        struct phx_lxc_listing *listing = &questions->listings[index];
        size_t offset = 0;
        int r = 0;

        listing->code = reply->code < 0 ? reply->code : 0;
        for (size_t i = 0; r >= 0 && listing->code == 0 && i < listing->keys->count; i++) {
                if (offset >= reply->size)
                        listing->code = -EIO;
                else
                        r = phx_strings_add(&listing->values, phx_worker_string(reply, &offset));
        }
        if (r < 0 || listing->code == 0)
                return r;
        return phx_replace(
                        &listing->why,
                        reply->code < 0 && reply->size > 0 ? reply->data
                                                           : strerrordesc_np(-listing->code));
}

int phx_lxc_list_values(
                struct phx_lxc_listing *listings,
                size_t count,
                uint64_t deadline_usec,
                struct phx_error *error) {
        phx_cleanup(phx_strings_done) struct phx_strings names = { 0 };
        struct questions questions = { .listings = listings };
        const struct phx_worker_job job = {
                .subjects = &names,
                .service = "liblxc",
                .deadline_usec = deadline_usec,
                .start = listing_start,
                .answer = listing_answer,
                .accept = listing_accept,
                .data = &questions,
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < count; i++)
                r = phx_strings_add(&names, listings[i].name);
        return r < 0 || count == 0 ? r : phx_worker_run(&job, error);
}
