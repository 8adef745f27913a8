/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "bus/property.h"

#include <errno.h>
#include <string.h>

const struct bus_property *bus_property_find(
                const struct bus_property *properties,
                size_t count,
                const char *name) {
        for (size_t i = 0; i < count; i++)
                if (strcmp(properties[i].name, name) == 0)
                        return &properties[i];
        return NULL;
}

static int append_list(const struct phx_strings *list, sd_bus_message *reply) {
        int r;

        r = sd_bus_message_open_container(reply, 'a', "s");
        for (size_t i = 0; i < list->count && r >= 0; i++)
                r = sd_bus_message_append(reply, "s", list->items[i]);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

int bus_property_append(
                const struct bus_property *property,
                const void *object,
                char type,
                sd_bus_message *reply) {
        const char *text;
        uint64_t number;

        if (property->list)
                return append_list(property->list(object), reply);
        if (property->text) {
                text = property->text(object);
                return sd_bus_message_append(reply, "s", text ? text : "");
        }
        number = property->number(object);
        if (type == 'b')
                return sd_bus_message_append(reply, "b", (int) (number != 0));
        if (type == 'u')
                return sd_bus_message_append(reply, "u", (uint32_t) number);
        return sd_bus_message_append(reply, "t", number);
}

bool bus_property_equal(const struct bus_property *property, const void *a, const void *b) {
        if (property->list)
                return phx_strings_equal(property->list(a), property->list(b));
        if (property->text)
                return phx_equal(property->text(a), property->text(b));
        return property->number(a) == property->number(b);
}
