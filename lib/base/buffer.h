/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

#include "base/macros.h"

/* Bytes that grow. DATA always has a NUL behind SIZE bytes once something was added; the zero value
 * is empty with DATA == NULL. */
struct phx_buffer {
        char *data;
        size_t size;
        size_t capacity;
};

/* 0 or -ENOMEM. */
int phx_buffer_add(struct phx_buffer *buffer, const void *data, size_t size);
/* Where SIZE more bytes are to be written; NULL without memory, and then it is as before. */
char *phx_buffer_add_space(struct phx_buffer *buffer, size_t size);
int phx_buffer_add_text(struct phx_buffer *buffer, const char *text);
int phx_buffer_addf(struct phx_buffer *buffer, const char *format, ...) PHX_PRINTF(2, 3);
void phx_buffer_done(struct phx_buffer *buffer);
