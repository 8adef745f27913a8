/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Any file of a Proxmox container and any wish: refused with a text, or edited so that
 * unit/pve_oracle.h holds. Input: settings ("KEY:VALUE", or "KEY" for no line), items of the tail,
 * removed items and the file, a byte 1 behind each of the first three, line feeds between items. */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/pve_oracle.h"
#include "pve/effect.h"
#include "pve/meaning.h"

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

static void take_settings(struct phx_pve_edit *edit, const uint8_t **data, size_t *size) {
        phx_autofree char *part = take_part(data, size);
        char *rest = part, *item;

        while ((item = strsep(&rest, "\n"))) {
                char *value = strchr(item, ':');

                if (value)
                        *value++ = '\0';
                require(phx_pve_edit_set(edit, item, value) == 0);
        }
}

static void take_items(struct phx_strings *items, const uint8_t **data, size_t *size) {
        phx_autofree char *part = take_part(data, size);
        char *rest = part, *item;

        while ((item = strsep(&rest, "\n")))
                if (item[0])
                        require(phx_strings_add(items, item) == 0);
}

/* Lines and sections cover the text, each byte once. */
static void check_text(const struct phx_pve_text *text) {
        size_t size = 0, lines = 0;

        for (size_t i = 0; i < text->count; i++) {
                require(text->lines[i].start == text->data + size);
                require(text->lines[i].number == i + 1);
                require((text->lines[i].kind == PHX_PVE_DROPPED) ==
                        (text->lines[i].drop != PHX_PVE_NOT_DROPPED));
                size += text->lines[i].size;
        }
        for (size_t i = 0; i < text->n_sections; i++) {
                require(text->sections[i].first == lines + (i > 0));
                lines = text->sections[i].first + text->sections[i].count;
        }
        require(size == text->size && lines == text->count);
}

static void check_meaning(const struct phx_pve_text *text) {
        const struct phx_pve_host host = { .release = 9 };
        phx_cleanup(phx_pve_meaning_done) struct phx_pve_meaning meaning = { 0 };

        require(phx_pve_meaning_of(text, &meaning) == 0);
        for (size_t i = 0; i < text->n_sections; i++) {
                phx_cleanup(phx_pve_effect_done) struct phx_pve_effect effect = { 0 };
                phx_cleanup(phx_buffer_done) struct phx_buffer lines = { 0 };

                require(phx_pve_effect_of(text, i, &host, &effect) == 0);
                require(phx_pve_effect_text(&effect, &lines) == 0);
                require((effect.count > 0) == (effect.generation == PHX_PVE_GENERATES));
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        phx_cleanup(phx_pve_edit_done) struct phx_pve_edit edit = { 0 };
        phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer result = { 0 };
        struct phx_error error = { 0 };
        const char *fault;
        int r;

        take_settings(&edit, &data, &size);
        take_items(&edit.tail, &data, &size);
        take_items(&edit.removed, &data, &size);

        require(phx_pve_text_parse((const char *) data, size, &text) == 0);
        check_text(&text);
        check_meaning(&text);
        r = phx_pve_edit_render(&edit, &text, &result, &error);
        require((r < 0) == (error.text[0] != '\0'));
        if (r < 0)
                return 0;
        fault = pve_edit_fault(&edit, (const char *) data, size, &result);
        if (fault)
                (void) fprintf(stderr, "does not hold: %s\n", fault);
        require(!fault);
        return 0;
}
