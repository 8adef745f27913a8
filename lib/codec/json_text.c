/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "codec/json_text.h"

bool phx_json_is_plain(const char *text) {
        for (const char *at = text; *at; at++)
                if (*at < ' ' || *at > '~' || *at == '"' || *at == '\\')
                        return false;
        return true;
}

int phx_json_add_plain(struct phx_buffer *buffer, const char *text) {
        int r = phx_buffer_add(buffer, "\"", 1);

        if (r >= 0)
                r = phx_buffer_add_text(buffer, text);
        return r < 0 ? r : phx_buffer_add(buffer, "\"", 1);
}
