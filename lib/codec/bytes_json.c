/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "codec/bytes_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"

static json_t *bytes_render_hex(const char *text) {
        static const char digits[] = "0123456789abcdef";
        size_t size = strlen(text);
        phx_autofree char *hex = malloc(2 * size + 1);

        if (!hex)
                return NULL;
        for (size_t i = 0; i < size; i++) {
                unsigned char byte = (unsigned char) text[i];

                hex[2 * i] = digits[byte >> 4];
                hex[2 * i + 1] = digits[byte & 15];
        }
        hex[2 * size] = '\0';
        return json_pack("{s:s}", "hex", hex);
}

json_t *phx_bytes_render(const char *text) {
        json_t *json;

        if (!text)
                return json_null();
        json = json_string(text);
        return json ? json : bytes_render_hex(text);
}

static int bytes_digit(char digit) {
        if (digit >= '0' && digit <= '9')
                return digit - '0';
        if (digit >= 'a' && digit <= 'f')
                return digit - 'a' + 10;
        return -1;
}

static int bytes_parse_hex(const char *hex, char **ret_text) {
        size_t size = strlen(hex);
        phx_autofree char *text = malloc(size / 2 + 1);

        if (!text)
                return -ENOMEM;
        if (size % 2 != 0)
                return -EINVAL;
        for (size_t i = 0; i < size; i += 2) {
                int high = bytes_digit(hex[i]), low = bytes_digit(hex[i + 1]);

                if (high < 0 || low < 0 || (high == 0 && low == 0))
                        return -EINVAL;
                text[i / 2] = (char) (high * 16 + low);
        }
        text[size / 2] = '\0';
        *ret_text = PHX_TAKE(text);
        return 0;
}

int phx_bytes_parse(const json_t *json, char **ret_text) {
        const char *hex = json_string_value(json_object_get(json, "hex"));

        if (json_is_null(json)) {
                *ret_text = NULL;
                return 0;
        }
        if (hex)
                return bytes_parse_hex(hex, ret_text);
        if (!json_is_string(json))
                return -EINVAL;
        *ret_text = strdup(json_string_value(json));
        return *ret_text ? 0 : -ENOMEM;
}
