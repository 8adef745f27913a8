/* SPDX-License-Identifier: GPL-2.0-or-later */

/* To the rest of the program these are options as those of lxc_options: liblxc says whether they
 * are in effect, and a line of ours is recorded as such. */

#include "reconcile/autostart.h"

#include <errno.h>
#include <string.h>

#include "state/autostart.h"

/* What is said of an option is as in codec/configuration_options.c. */
static int autostart_leave_out(
                const struct phx_autostart_key *key,
                const struct phx_lxc_option *option,
                struct phx_desired_container *desired) {
        if (strcmp(key->value, option->value) == 0)
                return 0;
        return phx_strings_addf(
                        &desired->notes,
                        "lxc_options: %s=%s is skipped: %s is %s",
                        option->key,
                        option->value,
                        key->name,
                        key->entered);
}

static int autostart_copy(
                const struct phx_lxc_options *from,
                const struct phx_autostart_key *keys,
                struct phx_desired_container *desired,
                struct phx_lxc_options *options) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < from->count; i++) {
                const struct phx_autostart_key *key = phx_autostart_overruling(
                                keys,
                                &from->items[i]);
                const struct phx_lxc_options one = { &from->items[i], 1 };

                r = key ? autostart_leave_out(key, &from->items[i], desired)
                        : phx_lxc_options_copy(options, &one);
        }
        return r;
}

int phx_desire_autostart(
                const struct phx_container_config *config,
                struct phx_desired_container *desired) {
        struct phx_autostart_key keys[PHX_AUTOSTART_KEYS];
        struct phx_lxc_options options = { 0 };
        int r;

        phx_autostart_of(config, keys);
        r = autostart_copy(&desired->options, keys, desired, &options);
        for (size_t i = 0; r >= 0 && i < PHX_AUTOSTART_KEYS; i++)
                if (keys[i].is_managed &&
                    !phx_lxc_options_add(&options, keys[i].key, keys[i].value))
                        r = -ENOMEM;
        if (r < 0) {
                phx_lxc_options_done(&options);
                return r;
        }
        phx_lxc_options_done(&desired->options);
        desired->options = options;
        return 0;
}
