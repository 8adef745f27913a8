/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "create/guest_arguments.h"

#include <string.h>

#include "create/guest_text.h"

static int add_option(struct phx_strings *arguments, const char *option, const char *value) {
        int r = phx_strings_add(arguments, option);

        return r < 0 ? r : phx_strings_add(arguments, value);
}

int guest_arguments(
                const char *pct,
                const char *verb,
                const char *id,
                struct phx_strings *arguments) {
        int r = phx_strings_add(arguments, pct);

        return r < 0 ? r : add_option(arguments, verb, id);
}

static int add_note(const struct guest_record *record, struct phx_strings *arguments) {
        int r = phx_strings_add(arguments, "--description");

        return r < 0 ? r : phx_strings_addf(arguments, GUEST_NOTE "%s", record->token);
}

int guest_create_arguments(
                const char *pct,
                const struct guest_record *record,
                const struct create_order *order,
                struct phx_strings *arguments) {
        int r = guest_arguments(pct, "create", order->name, arguments);

        if (r >= 0)
                r = phx_strings_add(arguments, order->template);
        if (r >= 0)
                r = add_note(record, arguments);
        if (r >= 0)
                r = add_option(arguments, "--lock", GUEST_LOCK);
        if (r >= 0)
                r = add_option(arguments, "--hostname", order->hostname);
        if (r >= 0)
                r = add_option(arguments, "--unprivileged", order->is_unprivileged ? "1" : "0");
        for (size_t i = 0; r >= 0 && i < record->keys.count; i++) {
                const char *key = record->keys.items[i];
                const char *value = strchr(key, '=');

                r = phx_strings_addf(arguments, "--%.*s", (int) (value - key), key);
                if (r >= 0)
                        r = phx_strings_add(arguments, value + 1);
        }
        return r;
}

int guest_clone_arguments(
                const char *pct,
                const struct guest_record *record,
                const struct create_order *order,
                struct phx_strings *arguments) {
        const char *storage = guest_key(record, "storage");
        int r = guest_arguments(pct, "clone", order->source, arguments);

        if (r >= 0)
                r = phx_strings_add(arguments, order->name);
        if (r >= 0)
                r = add_option(arguments, "--full", "1");
        if (r >= 0)
                r = add_note(record, arguments);
        if (r >= 0)
                r = add_option(arguments, "--hostname", order->hostname);
        return r < 0 || !storage ? r : add_option(arguments, "--storage", storage);
}
