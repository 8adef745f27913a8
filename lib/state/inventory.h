/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/digest.h"
#include "base/macros.h"
#include "base/strings.h"

/* What phoenixd owns on the machine, because it has written it: recorded, never inferred (what is
 * not in here is not touched). Lists are sorted by their names in byte order. */

/* A file in the deployed directory. */
struct phx_inventory_file {
        char *path;
        char digest[PHX_SHA256_HEX]; /* of the bytes that were written, or are about to be */
};

struct phx_inventory_profile {
        char *name;
        char source[PHX_SHA256_HEX]; /* digest of the last good source's text */
        char key[PHX_SHA256_HEX]; /* compile key of the last good policy; "" before there is one */
        bool is_saved;            /* not stored: what is stored says the same */
};

/* A container whose config has lines of ours. */
struct phx_inventory_container {
        char *name;               /* of its directory */
        struct phx_strings lines; /* in the order in which they were written, each as often */
        /* Lines of the config's own that read as one of ours, each as often: where only as many
         * are found, none is ours. */
        struct phx_strings foreign;
};

/* The zero value is an empty inventory. */
struct phx_inventory {
        char configuration[PHX_SHA256_HEX]; /* digest of the accepted one; "" before there is one */
        struct phx_inventory_file *files;
        size_t file_count;
        struct phx_inventory_profile *profiles;
        size_t profile_count;
        struct phx_inventory_container *containers;
        size_t container_count;
        bool had_containers;             /* LXC_PATH had some, while an entry asked for creation */
        unsigned long container_changes; /* counts them, to see that there were none; not saved */
};

void phx_inventory_done(struct phx_inventory *inventory);

/* The setters add or replace. 1 when that changed something, 0 when it was there already, -EINVAL
 * for what can be no such thing (a relative path, a digest that is none), or -ENOMEM. */
int phx_inventory_set_configuration(struct phx_inventory *inventory, const char *digest);
int phx_inventory_set_file(struct phx_inventory *inventory, const char *path, const char *digest);
int phx_inventory_set_profile(
                struct phx_inventory *inventory,
                const char *name,
                const char *source,
                const char *key);
/* LINES must not be empty: a container without lines of ours is to be removed. FOREIGN may be NULL
 * for none. */
int phx_inventory_set_container(
                struct phx_inventory *inventory,
                const char *name,
                const struct phx_strings *lines,
                const struct phx_strings *foreign);

/* It is stored as it is now. */
void phx_inventory_set_saved(struct phx_inventory *inventory);

/* NULL when there is none. Valid until the next change. */
const struct phx_inventory_file *phx_inventory_file(
                const struct phx_inventory *inventory,
                const char *path);
const struct phx_inventory_profile *phx_inventory_profile(
                const struct phx_inventory *inventory,
                const char *name);
const struct phx_inventory_container *phx_inventory_container(
                const struct phx_inventory *inventory,
                const char *name);

/* 1 when it was there, else 0. */
int phx_inventory_remove_file(struct phx_inventory *inventory, const char *path);
int phx_inventory_remove_profile(struct phx_inventory *inventory, const char *name);
int phx_inventory_remove_container(struct phx_inventory *inventory, const char *name);
