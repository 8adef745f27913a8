/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "state/object.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strings.h"

/* Sorts before everything that a name may have, so that "lxc-a" comes before "lxc-a-b". */
#define SEPARATOR "\x01"

static const char *const object_kinds[] = {
        [PHX_OBJECT_PROFILE] = "profiles",    [PHX_OBJECT_CONTAINER] = "containers",
        [PHX_OBJECT_UNMANAGED] = "unmanaged", [PHX_OBJECT_DRIFT] = "drifts",
        [PHX_OBJECT_STEP] = "steps",          [PHX_OBJECT_OFFER] = "offers",
        [PHX_OBJECT_WATCH] = "watches",       [PHX_OBJECT_INIT] = "inits",
};

const char *phx_object_kind_to_string(enum phx_object_kind kind) {
        return (unsigned) kind < PHX_ELEMENTS(object_kinds) ? object_kinds[kind] : NULL;
}

bool phx_object_kind_from_string(const char *name, enum phx_object_kind *ret_kind) {
        for (size_t i = 0; i < PHX_ELEMENTS(object_kinds); i++)
                if (strcmp(object_kinds[i], name) == 0) {
                        *ret_kind = (enum phx_object_kind) i;
                        return true;
                }
        return false;
}

char *phx_drift_key(
                enum phx_layer layer,
                const char *object,
                enum phx_drift_kind kind,
                size_t ordinal) {
        char *key = NULL;

        (void) phx_printf(
                        &key,
                        "%u%s" SEPARATOR "%02u" SEPARATOR "%08zu",
                        (unsigned) layer,
                        object,
                        (unsigned) kind,
                        ordinal);
        return key;
}

char *phx_drift_key_prefix(enum phx_layer layer, const char *object) {
        char *key = NULL;

        (void) phx_printf(&key, "%u%s" SEPARATOR, (unsigned) layer, object);
        return key;
}

void phx_init_key(int pid, char key[PHX_INIT_KEY]) {
        (void) snprintf(key, PHX_INIT_KEY, "%010d", pid);
}

int phx_init_of_key(const char *key) {
        char *end = NULL;
        long pid = strtol(key, &end, 10);

        return end != key && *end == '\0' && pid > 0 && pid <= INT_MAX ? (int) pid : 0;
}
