/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Items of lxc_options: what a container's config is to have besides the line of its profile. */

struct phx_lxc_option {
        char *key;     /* "lxc.cap.drop" */
        char *value;   /* as it is written behind "KEY = ", quotes included; "" clears a list */
        size_t index;  /* of the array in the file */
        unsigned line; /* of the file, counted from 1, with the byte in it; 0: unknown */
        unsigned column;
};

/* In the file's order, which means something: see lxc.container.conf(5). The zero value is empty.
 */
struct phx_lxc_options {
        struct phx_lxc_option *items;
        size_t count;
};
void phx_lxc_options_done(struct phx_lxc_options *options);

/* Appends one with copies, INDEX being its number so far: borrowed, valid until the next call. NULL
 * without memory. */
struct phx_lxc_option *phx_lxc_options_add(
                struct phx_lxc_options *options,
                const char *key,
                const char *value);
/* Appends copies of all of OTHER. 0 or -ENOMEM. */
int phx_lxc_options_copy(struct phx_lxc_options *options, const struct phx_lxc_options *other);

/* One of them as it is written, "lxc.KEY=VALUE". */
struct phx_lxc_option_text {
        const char *key;
        size_t key_size;
        const char *value; /* quotes included */
        size_t value_size;
};

/* Proxmox's two spellings: ':' directly behind KEY, or '=', also with blanks before it. Blanks
 * around KEY and VALUE do not belong to them. What is returned points into TEXT. False for anything
 * else, also for control characters in VALUE. */
bool phx_lxc_option_split(const char *text, struct phx_lxc_option_text *ret_option);

/* VALUE without the pair of quotes that LXC takes off. */
void phx_lxc_option_unquote(struct phx_lxc_option_text *option);
