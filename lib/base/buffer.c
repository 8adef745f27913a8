/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/buffer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

char *phx_buffer_add_space(struct phx_buffer *buffer, size_t size) {
        size_t need = buffer->size + size + 1;

        if (need > buffer->capacity) {
                size_t capacity = need + need / 2;
                char *grown = realloc(buffer->data, capacity);

                if (!grown)
                        return NULL;
                buffer->data = grown;
                buffer->capacity = capacity;
        }

        buffer->size += size;
        buffer->data[buffer->size] = '\0';
        return buffer->data + buffer->size - size;
}

int phx_buffer_add(struct phx_buffer *buffer, const void *data, size_t size) {
        char *space = phx_buffer_add_space(buffer, size);

        if (space && size > 0)
                memcpy(space, data, size);
        return space ? 0 : -ENOMEM;
}

int phx_buffer_add_text(struct phx_buffer *buffer, const char *text) {
        return phx_buffer_add(buffer, text, strlen(text));
}

int phx_buffer_addf(struct phx_buffer *buffer, const char *format, ...) {
        phx_autofree char *text = NULL;
        va_list arguments;
        int r;

        va_start(arguments, format);
        r = vasprintf(&text, format, arguments);
        va_end(arguments);
        if (r < 0) {
                text = NULL;
                return -ENOMEM;
        }

        return phx_buffer_add(buffer, text, (size_t) r);
}

void phx_buffer_done(struct phx_buffer *buffer) {
        free(buffer->data);
        *buffer = (struct phx_buffer){ 0 };
}
