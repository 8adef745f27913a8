/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/siphash.h"
#include "codec/json_scan.h"

/* Plain structs to JSON objects and back, by a table of their members: one table serves both ways,
 * so that neither can know a key that the other does not. */

enum phx_field_type {
        PHX_FIELD_TEXT,   /* char *, NULL is null */
        PHX_FIELD_NAME,   /* char *, never null */
        PHX_FIELD_BOOL,   /* bool */
        PHX_FIELD_WORD,   /* an enum, by its names in WORD */
        PHX_FIELD_NEWER,  /* the same, where a later version may have a name that this one does not
                             know: OTHERWISE then; and an earlier one not even the key: 0 then */
        PHX_FIELD_KEPT,   /* an enum whose last value is unknown: a name that a later version has
                             for it is kept, see TEXT_OFFSET */
        PHX_FIELD_FLAG,   /* bool, by the names of false and true in WORD */
        PHX_FIELD_NUMBER, /* unsigned */
        PHX_FIELD_SOME,   /* unsigned, 0 is null */
        PHX_FIELD_COUNTS, /* an array of unsigned, one for each name in WORD: an object of numbers,
                             of which some, or all, may be missing, or unknown */
        PHX_FIELD_LARGE,  /* uint64_t */
        PHX_FIELD_TIME,   /* uint64_t, PHX_NEVER is null */
        PHX_FIELD_TEXTS,  /* struct phx_strings */
        PHX_FIELD_PATH,   /* char *, NULL is null: read back byte by byte, UTF-8 or not */
        PHX_FIELD_PATHS,  /* struct phx_strings, likewise */
        PHX_FIELD_EXACT,  /* struct phx_strings, of UTF-8 alone: -EILSEQ for other bytes, where the
                             texts get a '?' */
        PHX_FIELD_DIGEST, /* char[PHX_SHA256_HEX], or "" */
        PHX_FIELD_STRUCT, /* a struct of SHAPE */
        PHX_FIELD_MAYBE,  /* a struct of SHAPE, null when its first member, a pointer, is NULL */
        PHX_FIELD_LIST,   /* a pointer to structs of SHAPE, and their number at COUNT_OFFSET */
        PHX_FIELD_LATER,  /* the same, of a key that earlier versions did not write: may be missing
                           */
};

struct phx_field {
        const char *key;
        enum phx_field_type type;
        size_t offset;
        /* The name of a value; NULL for null, where that is among the values, and behind the last.
         * COUNT is how many there are. */
        const char *(*word)(unsigned value);
        unsigned word_count;
        const struct phx_shape *shape;
        size_t count_offset;
        size_t text_offset; /* PHX_FIELD_KEPT: of a char *, NULL for a name that is known */
        unsigned otherwise; /* PHX_FIELD_NEWER: never a value that says that all is well */
        /* PHX_FIELD_LATER: of a pointer to the struct phx_siphash_kept of the list, or NULL; 0
         * where there is none. */
        size_t kept_offset;
};

struct phx_shape {
        const struct phx_field *fields;
        size_t field_count;
        size_t size;
};

/* A new reference. -ENOMEM, -ERANGE for a number that JSON cannot hold, or -EILSEQ. */
int phx_fields_render(const struct phx_shape *shape, const void *object, json_t **ret_json);

/* Of the member alone. */
int phx_field_render(const struct phx_field *field, const void *object, json_t **ret_json);
/* Appends the same as compact text, without a tree of its values. The same codes. */
int phx_fields_write(const struct phx_shape *shape, const void *object, struct phx_buffer *buffer);
/* The same without the braces, as members beside others. */
int phx_fields_write_members(
                const struct phx_shape *shape,
                const void *object,
                struct phx_buffer *buffer);
/* The same as a text of its own; the caller's. */
int phx_fields_render_text(const struct phx_shape *shape, const void *object, char **ret_text);

/* Reads what those write, from the object at byte OFFSET of TEXT, which must be JSON, without a
 * tree of its values: several times as fast. 1, or 0 when it is not as they write it, or has what
 * this does not read: OBJECT has a part of it then, to be freed, and phx_fields_parse() decides.
 * -ENOMEM.
 */
int phx_fields_scan(
                const struct phx_shape *shape,
                const struct phx_json_text *text,
                size_t offset,
                void *object);

/* Adds to HASH all that rendering would show of OBJECT. */
void phx_fields_digest(const struct phx_shape *shape, const void *object, struct phx_siphash *hash);

/* What may be null may be missing, and so may texts, which are none then. Fills OBJECT, which must
 * be zero; what it has got belongs to it also on failure. -EINVAL with the path of the key at
 * fault in the text, -ENOMEM. JSON is only read. */
int phx_fields_parse(
                const struct phx_shape *shape,
                json_t *json,
                void *object,
                struct phx_error *error);

/* A file of phoenixd's own, which is written whole by phx_fields_render_text(). */
struct phx_fields_file {
        const char *name;              /* for messages */
        const struct phx_shape *shape; /* of an object that begins with its version, an unsigned */
        unsigned version;              /* that is accepted */
        int (*check)(void *object);    /* 0, or a negative errno for what we would not have written
                                        */
};

/* Fills OBJECT as phx_fields_parse() does. -EBADMSG for a damaged file, or one of another version;
 * -ENOMEM. */
int phx_fields_parse_file(
                const struct phx_fields_file *file,
                const char *text,
                size_t size,
                void *object,
                struct phx_error *error);
