/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Any bytes are an inventory or are refused with a text; what is accepted is rendered and read back
 * as the same. */

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/inventory_json.h"

/* The name is libFuzzer's. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds) {
        if (!holds)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        phx_cleanup(phx_inventory_done) struct phx_inventory inventory = { 0 }, again = { 0 };
        phx_autofree char *text = NULL, *twice = NULL;
        size_t text_size = 0, twice_size = 0;
        struct phx_error error = { 0 };
        int r;

        r = phx_inventory_parse("f", (const char *) data, size, &inventory, &error);
        require(r == 0 || r == -EBADMSG);
        require(r == error.code && (r < 0) == (error.text[0] != '\0'));
        if (r < 0) {
                require(inventory.file_count == 0 && !inventory.files);
                return 0;
        }

        require(phx_inventory_render(&inventory, &text, &text_size) == 0);
        require(phx_inventory_parse("f", text, text_size, &again, NULL) == 0);
        require(phx_inventory_render(&again, &twice, &twice_size) == 0);
        require(text_size == twice_size && memcmp(text, twice, text_size) == 0);
        return 0;
}
