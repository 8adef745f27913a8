/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a child of ours does with liblxc; see lxc/ask.h for why it is a child. Nothing of this is
 * for the daemon's own process. */

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

/* lxc_container_new() reads LXCPATH/NAME/config at once, waits for its lock without limit, and may
 * destroy the container when a file "partial" says that its creation was broken off. So the object
 * is made below a path where there is nothing, and only then gets to know what to look at. */
#define PHX_NO_LXC_PATH "/nonexistent"

struct lxc_container;

struct phx_lxc_child {
        int log;  /* liblxc's words, in memory */
        int text; /* what it is given to load, in memory */
        struct lxc_container *container;
};

/* Lets the process read, and nothing else, with limited memory. */
int phx_lxc_child_confine(void);
/* Once, at the start. 0 or a negative errno; the process ends with it. Where liblxc has no place
 * for its locks, as for a user without a home, nothing can be loaded: -ENOTSUP. */
int phx_lxc_child_start(struct phx_lxc_child *child);
void phx_lxc_child_done(struct phx_lxc_child *child);
/* Just the log, for who makes containers of its own. */
int phx_lxc_child_open_log(int *ret_log);

/* Loads a text in place of the one before: 1, or 0 when liblxc refuses it, or a negative errno. */
int phx_lxc_child_load(struct phx_lxc_child *child, const char *text, size_t size);
/* What is in effect for KEY, for the caller to free: as liblxc says it, and for a key that has only
 * others below it ("lxc.hook") theirs, with their names. "" where liblxc does not say. */
int phx_lxc_child_get(struct phx_lxc_child *child, const char *key, char **ret_value);
bool phx_lxc_child_knows(const char *key);

/* Adds why liblxc has refused SUBJECT, with a NUL at the end; without a SUBJECT, the words alone.
 */
int phx_lxc_child_add_log(
                const struct phx_lxc_child *child,
                struct phx_buffer *strings,
                const char *subject);
int phx_lxc_add_log(struct phx_buffer *strings, int log, const char *subject);
