/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The managed lines of all desired containers. What came of a container's review is remembered: as
 * long as its config, what it includes, its options and what is recorded of it are byte by byte the
 * same, its config is not read and nothing is asked again. */

#include "base/scope.h"
#include "lxc/containers.h"
#include "state/desired.h"
#include "state/inventory.h"
#include "state/observed.h"

/* Lives between looks. */
struct phx_option_reviews;

int phx_option_reviews_new(struct phx_option_reviews **ret_reviews);
struct phx_option_reviews *phx_option_reviews_free(struct phx_option_reviews *reviews);
PHX_DEFINE_FREEP(phx_option_reviews)

/* For lxc/kept.c. */
struct phx_option_memory *phx_option_reviews_memory(const struct phx_option_reviews *reviews);

/* One review. Borrowed. */
struct phx_option_review {
        const struct phx_lxc *lxc; /* with the scope of the look */
        const char *file;          /* the configuration, as it is named in messages */
        const struct phx_desired *desired;
        struct phx_observed *observed;
        struct phx_inventory *inventory;
        /* The config of a container of Proxmox, the caller's to free: 0 or a negative errno. */
        int (*read)(void *data, const char *id, char **ret_text, size_t *ret_size);
        void *data;
};

/* Says in the observed containers what is wrong with their lines, which options are refused, and
 * how the lines are to become right; adds to their watches the directories in which a change could
 * change what options include. Lines of ours that are gone from a config are no longer recorded: 1
 * when the inventory changed. Fails only when there is no memory, or nothing can be asked at all.
 */
int phx_option_reviews_run(
                struct phx_option_reviews *reviews,
                const struct phx_option_review *review,
                struct phx_error *error);

/* As in lxc/containers.h, of what the options include. */
bool phx_option_reviews_are_unchanged(
                struct phx_option_reviews *reviews,
                const struct phx_scope *scope);
bool phx_option_reviews_cover(const struct phx_option_reviews *reviews, const char *path);
