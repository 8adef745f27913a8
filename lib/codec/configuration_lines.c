/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "codec/configuration_lines.h"

#include <stdlib.h>
#include <string.h>

#include "base/macros.h"

struct lines {
        struct phx_configuration *configuration;
        const struct phx_json_text *text;
        struct phx_container_config *container; /* whose options are being walked */
        size_t next;                            /* of these */
        size_t offset;                          /* up to which lines were counted */
        size_t begin;                           /* of the line there */
        unsigned line;
};

/* Offsets only grow. */
static void count_to(struct lines *lines, size_t offset) {
        for (; lines->offset < offset; lines->offset++)
                if (lines->text->data[lines->offset] == '\n') {
                        lines->line++;
                        lines->begin = lines->offset + 1;
                }
}

static int lines_compare_id(const void *id, const void *container) {
        return strcmp(id, ((const struct phx_container_config *) container)->id);
}

/* An id needs no escapes, so that it stands in the text as it is. */
static struct phx_container_config *lines_find(
                const struct lines *lines,
                const char *key,
                size_t size) {
        phx_autofree char *id = strndup(key, size);

        return id ? bsearch(id,
                            lines->configuration->containers,
                            lines->configuration->count,
                            sizeof(*lines->configuration->containers),
                            lines_compare_id)
                  : NULL;
}

static void note_container(void *data, const char *key, size_t key_size, size_t offset) {
        struct lines *lines = data;
        struct phx_container_config *container = lines_find(lines, key, key_size);

        count_to(lines, offset);
        if (container) {
                container->line = lines->line;
                container->column = (unsigned) (offset - lines->begin + 1);
        }
}

static void note_gpu(void *data, const char *key, size_t key_size, size_t offset) {
        struct lines *lines = data;
        struct phx_container_config *container = lines_find(lines, key, key_size);

        count_to(lines, offset);
        if (container) {
                container->gpu_line = lines->line;
                container->gpu_column = (unsigned) (offset - lines->begin + 1);
        }
}

static void note_option(void *data, size_t index, size_t offset) {
        struct lines *lines = data;
        const struct phx_lxc_options *options = &lines->container->options;
        struct phx_lxc_option *option = lines->next < options->count ? &options->items[lines->next]
                                                                     : NULL;

        if (!option || option->index != index)
                return;
        count_to(lines, offset);
        option->line = lines->line;
        option->column = (unsigned) (offset - lines->begin + 1);
        lines->next++;
}

static void note_options(void *data, const char *key, size_t key_size, size_t offset) {
        struct lines *lines = data;

        lines->container = lines_find(lines, key, key_size);
        lines->next = 0;
        if (lines->container)
                phx_json_walk_array(lines->text, offset, note_option, lines);
}

void phx_configuration_note_lines(
                const struct phx_json_place *entries,
                struct phx_configuration *configuration) {
        struct lines containers = { .configuration = configuration,
                                    .text = entries->text,
                                    .line = 1 },
                     gpus = containers, options = containers;

        phx_json_walk(entries, "apparmor_profile", note_container, &containers);
        phx_json_walk(entries, "gpu_assignment", note_gpu, &gpus);
        phx_json_walk(entries, "lxc_options", note_options, &options);
}
