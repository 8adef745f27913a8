/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/grow.h"
#include "base/texts.h"
#include "machine/started_private.h"

#define FILE_NAME "withdrawn-lines"
#define FILE_MAGIC "phoenixd-withdrawn-lines 1"
#define FILE_LIMIT ((size_t) 4 * 1024 * 1024)

static int started_add_kept(struct phx_buffer *bytes, const struct started_item *item) {
        int r = phx_texts_add(bytes, item->directory);

        if (r >= 0)
                r = phx_texts_add_number(bytes, (uint64_t) item->init);
        if (r >= 0)
                r = phx_texts_add_number(bytes, item->since);
        if (r >= 0)
                r = phx_texts_add_number(bytes, item->gone.count);
        for (size_t i = 0; r >= 0 && i < item->gone.count; i++)
                r = phx_texts_add(bytes, item->gone.items[i]);
        return r;
}

/* Before the edit, as this look comes before it. If it cannot be written, the next phoenixd knows
 * less. */
int phx_machine_started_save(struct phx_machine_started *started) {
        phx_cleanup(phx_buffer_done) struct phx_buffer bytes = { 0 };
        phx_autoclose int fd = -1;
        int r = phx_texts_add(&bytes, FILE_MAGIC);

        started->is_unkept = false;
        for (size_t i = 0; r >= 0 && i < started->known.count; i++)
                if (started->known.items[i].gone.count > 0)
                        r = started_add_kept(&bytes, &started->known.items[i]);
        if (r < 0 || !started->runtime_dir)
                return r;
        fd = open(started->runtime_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0)
                (void) phx_file_write_unsynced_at(fd, FILE_NAME, bytes.data, bytes.size, 0600);
        return 0;
}

static int started_parse_item(struct started_items *known, struct phx_texts *texts) {
        struct started_item *item = phx_grow(&known->items, &known->count, sizeof(*item));
        size_t count;
        int r = item ? phx_replace(&item->directory, phx_texts_next(texts)) : -ENOMEM;

        if (r < 0)
                return r;
        item->init = (pid_t) phx_texts_next_number(texts);
        item->since = phx_texts_next_number(texts);
        count = phx_texts_next_number(texts);
        for (size_t i = 0; r >= 0 && i < count && !texts->is_short; i++)
                r = phx_strings_add(&item->gone, phx_texts_next(texts));
        if (r < 0)
                return r;
        /* Of another order it would not be found. */
        return !texts->is_short && (known->count < 2 ||
                                    strcmp(known->items[known->count - 2].directory,
                                           item->directory) < 0)
                               ? 0
                               : -EBADMSG;
}

/* A damaged file counts as none. */
int phx_machine_started_load(struct phx_machine_started *started) {
        phx_cleanup(phx_started_items_done) struct started_items known = { 0 };
        phx_autoclose int fd = open(started->runtime_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        phx_autofree char *file = NULL;
        struct phx_texts texts;
        size_t size = 0;
        int r = 0;

        if (fd < 0 || phx_file_read_at(fd, FILE_NAME, FILE_LIMIT, &file, &size) < 0)
                return 0;
        texts = phx_texts_of(file, size);
        if (strcmp(phx_texts_next(&texts), FILE_MAGIC) != 0)
                return 0;
        while (r >= 0 && texts.at < texts.end)
                r = started_parse_item(&known, &texts);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        phx_started_items_done(&started->known);
        started->known = PHX_TAKE_STRUCT(known);
        return 0;
}
