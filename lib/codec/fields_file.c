/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>

#include "codec/fields.h"
#include "codec/json.h"

int phx_fields_parse_file(
                const struct phx_fields_file *file,
                const char *text,
                size_t size,
                void *object,
                struct phx_error *error) {
        phx_cleanup(phx_json_decref) json_t *json = NULL;
        const unsigned *version = object;
        json_error_t where;
        int r;

        json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &where);
        if (!json)
                return phx_error_set(error, -EBADMSG, "%s: %s", file->name, where.text);
        r = phx_fields_parse(file->shape, json, object, NULL);
        if (r >= 0)
                r = *version == file->version ? file->check(object) : -EBADMSG;
        if (r == -ENOMEM)
                return phx_error_set(error, r, "%s: out of memory", file->name);
        return r < 0 ? phx_error_set(error, -EBADMSG, "%s: the file is damaged", file->name) : 0;
}
