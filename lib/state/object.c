/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "state/object.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"

/* Sorts before everything that a name may have, so that "lxc-a" comes before "lxc-a-b". */
#define SEPARATOR "\x01"
#define KIND_DIGITS 2
#define ORDINAL_DIGITS 8

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

/* The decimal digits of NUMBER, which has no more, at the end of SIZE places. */
static char *add_digits(char *at, size_t number, unsigned size) {
        for (unsigned i = size; i > 0; i--, number /= 10)
                at[i - 1] = (char) ('0' + number % 10);
        return at + size;
}

char *phx_drift_key_prefix(enum phx_layer layer, const char *object) {
        const size_t size = strlen(object);
        char *key = malloc(1 + size + strlen(SEPARATOR) + KIND_DIGITS + 1 + ORDINAL_DIGITS + 1);

        if (!key)
                return NULL;
        key[0] = (char) ('0' + layer);
        memcpy(key + 1, object, size);
        memcpy(key + 1 + size, SEPARATOR, sizeof(SEPARATOR));
        return key;
}

char *phx_drift_key(
                enum phx_layer layer,
                const char *object,
                enum phx_drift_kind kind,
                size_t ordinal) {
        char *key = phx_drift_key_prefix(layer, object), *at;

        if (!key)
                return NULL;
        at = add_digits(key + strlen(key), kind, KIND_DIGITS);
        *at++ = SEPARATOR[0];
        at = add_digits(at, ordinal, ORDINAL_DIGITS);
        *at = '\0';
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
