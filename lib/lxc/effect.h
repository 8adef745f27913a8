/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Whether what a list of options asks for is in effect, by what liblxc says of a key.
 *
 * A config is a sequence: "KEY =" empties a list, of a single value the last counts, and of several
 * mounts onto one place the last is seen. Of most lists, though, the order of the items says
 * nothing, and one that is there twice may keep the container from starting (lxc.idmap, an
 * address). So what is in effect already is not asked for again, wherever it comes from. */

#include <stdbool.h>
#include <stddef.h>

#include "base/strings.h"

#define PHX_LXC_LIST_SIZE 256

/* One line that an option stands for: the option itself, or a line of what it includes. */
struct phx_lxc_item {
        const char *key;
        const char *value; /* without quotes; "" empties the list */
};

/* Under what name the lines of KEY are compared: keys whose lines overrule each other have one,
 * "lxc.cgroup2.devices"; else it is the key. Cut at PHX_LXC_LIST_SIZE. */
void phx_lxc_list_of(const char *key, char list[PHX_LXC_LIST_SIZE]);
/* What liblxc is asked for the list: "lxc.cgroup2" lists all of them in their order. */
const char *phx_lxc_list_key(const char *list);
/* Whether a line of KEY may empty or overrule what OTHER has set: the same list, or all below. */
bool phx_lxc_list_rules(const char *key, const char *other);

/* The items are all those of LIST, in their order, and EFFECTIVE is liblxc's answer. False when one
 * is not in effect, or something else is that they had emptied the list of. */
bool phx_lxc_items_hold(
                const char *list,
                const struct phx_lxc_item *items,
                size_t count,
                const char *effective);
/* The order of the list's items says nothing, so that each can be asked for by itself. */
bool phx_lxc_list_is_set(const char *list);
