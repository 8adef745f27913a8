/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-bus.h>

#include "base/strings.h"

/* A property and how its value is found in the struct that it is of: one of TEXT (for "s", NULL is
 * empty), NUMBER (for "b", "u" and "t") and LIST (for "as"). One table serves who asks and who is
 * notified of changes. */
struct bus_property {
        const char *name;
        const char *(*text)(const void *object);
        uint64_t (*number)(const void *object);
        const struct phx_strings *(*list)(const void *object);
};

/* NULL when there is none of this name. */
const struct bus_property *bus_property_find(
                const struct bus_property *properties,
                size_t count,
                const char *name);
/* Appends the value to REPLY, whose signature is that of the property. */
int bus_property_append(
                const struct bus_property *property,
                const void *object,
                char type,
                sd_bus_message *reply);
bool bus_property_equal(const struct bus_property *property, const void *a, const void *b);
