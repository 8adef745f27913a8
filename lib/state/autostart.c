/* SPDX-License-Identifier: GPL-2.0-or-later */

/* lxc-autostart, which Debian runs at boot, sorts by lxc.start.order, the lowest number first, and
 * then by name; a container without the key counts as 0 (measured with LXC 5.0.2 and 6.0.4). So the
 * numbers of boot_order are written as they are. After a start it waits for lxc.start.delay
 * seconds. */

#include "state/autostart.h"

#include <string.h>

/* What the configuration accepts is not negative. */
static struct phx_autostart_key autostart_number(
                const char *key,
                const char *name,
                bool is_managed,
                long number) {
        struct phx_autostart_key of = { .key = key, .name = name, .is_managed = is_managed };

        (void) phx_decimal(of.value, (uint64_t) number);
        memcpy(of.entered, of.value, sizeof(of.entered));
        return of;
}

void phx_autostart_of(
                const struct phx_container_config *config,
                struct phx_autostart_key ret_keys[PHX_AUTOSTART_KEYS]) {
        ret_keys[0] = autostart_number(
                        "lxc.start.auto",
                        "start_at_boot",
                        config->has_start_at_boot,
                        config->start_at_boot);
        (void) strcpy(ret_keys[0].entered, config->start_at_boot ? "true" : "false");
        ret_keys[1] = autostart_number(
                        "lxc.start.order",
                        "boot_order",
                        config->has_boot_order,
                        config->boot_order);
        ret_keys[2] = autostart_number(
                        "lxc.start.delay",
                        "boot_delay",
                        config->has_boot_delay,
                        config->boot_delay);
}

const struct phx_autostart_key *phx_autostart_overruling(
                const struct phx_autostart_key keys[PHX_AUTOSTART_KEYS],
                const struct phx_lxc_option *option) {
        for (size_t i = 0; i < PHX_AUTOSTART_KEYS; i++)
                if (keys[i].is_managed && strcmp(keys[i].key, option->key) == 0)
                        return &keys[i];
        return NULL;
}
