/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "pve/startup.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "pve/keys.h"

/* Room for a long. */
#define NUMBER_SIZE 24

static bool startup_is_blank(struct phx_pve_digits word) {
        for (size_t i = 0; i < word.size; i++)
                if (!isspace((unsigned char) word.start[i]))
                        return false;
        return true;
}

/* Whether WORD is NAME and digits behind it. */
static bool startup_take(
                struct phx_pve_digits word,
                const char *name,
                struct phx_pve_digits *ret_digits) {
        const size_t skip = strlen(name);

        if (word.size <= skip || memcmp(word.start, name, skip) != 0)
                return false;
        for (size_t i = skip; i < word.size; i++)
                if (word.start[i] < '0' || word.start[i] > '9')
                        return false;
        *ret_digits = (struct phx_pve_digits){ word.start + skip, word.size - skip };
        return true;
}

struct phx_pve_startup phx_pve_startup_parse(const char *value, size_t size) {
        struct phx_pve_startup startup = { 0 };
        size_t at = 0;

        if (phx_pve_is(value, size, "0"))
                return startup;
        while (at < size) {
                const char *comma = memchr(value + at, ',', size - at);
                struct phx_pve_digits word = { value + at,
                                               comma ? (size_t) (comma - value) - at : size - at };

                at += word.size + 1;
                if (!startup_is_blank(word) && !startup_take(word, "", &startup.order) &&
                    !startup_take(word, "order=", &startup.order) &&
                    !startup_take(word, "up=", &startup.up) &&
                    !startup_take(word, "down=", &startup.down))
                        startup.is_refused = true;
        }
        return startup;
}

bool phx_pve_digits_are(const struct phx_pve_digits *digits, long number) {
        struct phx_pve_digits have = *digits;
        char text[NUMBER_SIZE];

        while (have.size > 1 && have.start[0] == '0') {
                have.start++;
                have.size--;
        }
        (void) snprintf(text, sizeof(text), "%ld", number);
        return phx_pve_is(have.start, have.size, text);
}

int phx_pve_startup_render(const struct phx_pve_startup *startup, struct phx_buffer *value) {
        const struct {
                const char *name;
                struct phx_pve_digits digits;
        } parts[] = {
                { "order", startup->order },
                { "up", startup->up },
                { "down", startup->down },
        };
        const size_t start = value->size;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < PHX_ELEMENTS(parts); i++)
                if (parts[i].digits.start)
                        r = phx_buffer_addf(
                                        value,
                                        "%s%s=%.*s",
                                        value->size > start ? "," : "",
                                        parts[i].name,
                                        (int) parts[i].digits.size,
                                        parts[i].digits.start);
        return r;
}
