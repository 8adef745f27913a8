/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "state/drift.h"

/* What the engine tells the loop piece by piece, by kind and key: an object that has not changed is
 * not sent again. Within a kind, objects are in the order of their keys as strcmp(3) has it. */
enum phx_object_kind {
        PHX_OBJECT_PROFILE,   /* its name */
        PHX_OBJECT_CONTAINER, /* its id */
        PHX_OBJECT_UNMANAGED, /* its directory */
        PHX_OBJECT_DRIFT,     /* see phx_drift_key() */
        PHX_OBJECT_STEP,      /* of the plan: as the drift that it resolves */
        PHX_OBJECT_OFFER,     /* of the plan: the container's id */
        PHX_OBJECT_WATCH,     /* a directory that is watched: its path; has no text */
        PHX_OBJECT_INIT, /* a running container's first process, see phx_init_key(); likewise */
};

#define PHX_OBJECT_KINDS (PHX_OBJECT_INIT + 1)

/* "profiles", "containers", …: as a list of them is called. NULL for a number that is none. */
const char *phx_object_kind_to_string(enum phx_object_kind kind);
/* False for what is no name of a kind. */
bool phx_object_kind_from_string(const char *name, enum phx_object_kind *ret_kind);

/* The keys of drifts sort as the drifts do: by layer, object and kind; ORDINAL is the place among
 * those that have all three in common. The caller's; NULL when memory is short. */
char *phx_drift_key(
                enum phx_layer layer,
                const char *object,
                enum phx_drift_kind kind,
                size_t ordinal);
/* What the keys of all drifts about OBJECT in LAYER begin with, and no other. */
char *phx_drift_key_prefix(enum phx_layer layer, const char *object);

/* Longer than any key of a process. */
#define PHX_INIT_KEY 16
/* Sorts as the number does. */
void phx_init_key(int pid, char key[PHX_INIT_KEY]);
/* 0 for what is no such key. */
int phx_init_of_key(const char *key);
