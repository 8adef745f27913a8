/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Any config and any wish: refused with a text, or edited so that what was written is found again,
 * and written anew changes nothing. Input: items of the tail, removed items, profile and config, a
 * byte 1 behind each of the first three, line feeds between items. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lxc/text.h"

/* The name is libFuzzer's. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds) {
        if (!holds)
                abort();
}

/* The part up to the next byte 1, as a string. */
static char *take_part(const uint8_t **data, size_t *size) {
        const uint8_t *end = *size > 0 ? memchr(*data, 1, *size) : NULL;
        size_t length = end ? (size_t) (end - *data) : 0;
        char *part = strndup((const char *) *data, length);

        require(part != NULL);
        if (end) {
                *data += length + 1;
                *size -= length + 1;
        }
        return part;
}

static void take_items(struct phx_strings *items, const uint8_t **data, size_t *size) {
        phx_autofree char *part = take_part(data, size);
        char *rest = part, *item;

        while ((item = strsep(&rest, "\n")))
                if (item[0])
                        require(phx_strings_add(items, item) == 0);
}

static void check_result(const struct phx_buffer *text, const struct phx_lxc_edit *edit) {
        const struct phx_lxc_edit once_more = { edit->tail, edit->tail, edit->profile };
        phx_cleanup(phx_buffer_done) struct phx_buffer again = { 0 };

        require(phx_lxc_text_edit(text->data, text->size, &once_more, &again, NULL) == 0);
        require(again.size == text->size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        phx_cleanup(phx_lxc_edit_done) struct phx_lxc_edit edit = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };
        phx_autofree char *profile = NULL;
        struct phx_error error = { 0 };
        int r;

        take_items(&edit.tail, &data, &size);
        take_items(&edit.removed, &data, &size);
        profile = take_part(&data, &size);
        edit.profile = profile[0] ? profile : NULL;

        r = phx_lxc_text_edit((const char *) data, size, &edit, &text, &error);
        require((r < 0) == (error.text[0] != '\0'));
        if (r >= 0)
                check_result(&text, &edit);
        return 0;
}
