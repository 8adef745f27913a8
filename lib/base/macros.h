/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdlib.h>
#include <unistd.h>

/* Runs FUNCTION(&variable) when the variable goes out of scope. Always initialize such a variable.
 */
#define phx_cleanup(function) __attribute__((__cleanup__(function)))
#define phx_autofree phx_cleanup(phx_freep)
#define phx_autoclose phx_cleanup(phx_closep)

#define PHX_PRINTF(format, first) __attribute__((__format__(__printf__, format, first)))
#define PHX_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

/* Ownership leaves a local variable only through these: they return it and leave NULL, -1 or the
 * zero value. */
#define PHX_TAKE(pointer)                                  \
        __extension__({                                    \
                __typeof__(pointer) phx_taken = (pointer); \
                (pointer) = NULL;                          \
                phx_taken;                                 \
        })
#define PHX_TAKE_FD(fd)               \
        __extension__({               \
                int phx_taken = (fd); \
                (fd) = -1;            \
                phx_taken;            \
        })

#define PHX_TAKE_STRUCT(object)                             \
        __extension__({                                     \
                __typeof__(object) *phx_source = &(object); \
                __typeof__(object) phx_taken = *phx_source; \
                *phx_source = (__typeof__(object)){ 0 };    \
                phx_taken;                                  \
        })

/* Defines TYPE_freep for phx_cleanup() from a TYPE_free() that takes NULL and returns NULL. */
#define PHX_DEFINE_FREEP(type)                                  \
        static inline void type##_freep(struct type **object) { \
                *object = type##_free(*object);                 \
        }

static inline void phx_freep(void *pointer) {
        free(*(void **) pointer);
}

static inline void phx_closep(int *fd) {
        if (*fd >= 0)
                (void) close(*fd);
}
