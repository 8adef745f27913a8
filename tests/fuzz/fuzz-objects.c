/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Any bytes are the text of an object, a page or the rest, or are refused. What is read straight
 * from the text is what the tree of its values says, wherever the bytes are JSON at all; and what
 * was read is rendered to what reads the same. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "codec/json.h"
#include "codec/snapshot_json.h"
#include "codec/snapshot_shapes.h"

/* The name is libFuzzer's. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds) {
        if (!holds)
                abort();
}

static void check_container(const char *text, size_t size) {
        const struct phx_json_text json = { .data = text, .size = size };
        struct phx_snapshot_container scanned = { 0 }, parsed = { 0 };
        phx_cleanup(phx_json_decref)
                        json_t *tree = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
        phx_autofree char *once = NULL, *twice = NULL;
        int r = phx_fields_scan(&phx_snapshot_container_shape, &json, 0, &scanned);

        /* Keys that differ in case alone are refused by the tree only. */
        if (r > 0 && tree &&
            phx_fields_parse(&phx_snapshot_container_shape, tree, &parsed, NULL) >= 0) {
                require(phx_object_render(PHX_OBJECT_CONTAINER, &scanned, &once) == 0);
                require(phx_object_render(PHX_OBJECT_CONTAINER, &parsed, &twice) == 0);
                require(strcmp(once, twice) == 0);
        }
        phx_snapshot_container_done(&scanned);
        phx_snapshot_container_done(&parsed);
}

static void check_again(const char *text, size_t size) {
        struct phx_snapshot_container container = { 0 }, again = { 0 };
        phx_autofree char *once = NULL, *twice = NULL;

        if (phx_snapshot_container_parse(text, size, &container) < 0)
                return;
        require(phx_object_render(PHX_OBJECT_CONTAINER, &container, &once) == 0);
        require(phx_snapshot_container_parse(once, strlen(once), &again) == 0);
        require(phx_object_render(PHX_OBJECT_CONTAINER, &again, &twice) == 0);
        require(strcmp(once, twice) == 0);
        phx_snapshot_container_done(&container);
        phx_snapshot_container_done(&again);
}

static void check_rest(const char *text, size_t size) {
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *rest = NULL, *again = NULL;
        struct phx_tally tally = { 0 }, counts = { 0 };
        phx_autofree char *once = NULL, *twice = NULL;

        if (phx_rest_parse(text, size, &rest, &tally, NULL) < 0)
                return;
        require(phx_rest_render(rest, &tally, &once) == 0);
        require(phx_rest_parse(once, strlen(once), &again, &counts, NULL) == 0);
        require(phx_rest_render(again, &counts, &twice) == 0);
        require(strcmp(once, twice) == 0);
}

static void check_others(const char *text, size_t size) {
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *page = phx_snapshot_new();
        struct phx_snapshot_profile profile = { 0 };
        phx_autofree char *next = NULL;
        struct phx_error error = { 0 };

        require(page != NULL);
        if (phx_page_parse(text, size, page, &next, &error) < 0)
                require(!next && error.text[0]);
        if (phx_snapshot_profile_parse(text, size, &profile) == 0)
                phx_snapshot_profile_done(&profile);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        phx_autofree char *text = malloc(size + 1);

        require(text != NULL);
        memcpy(text, data, size);
        text[size] = '\0';
        check_container(text, size);
        check_again(text, size);
        check_others(text, size);
        check_rest(text, size);
        return 0;
}
