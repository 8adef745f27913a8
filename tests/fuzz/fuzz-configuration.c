/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Any bytes are a configuration or are refused with a text; what is accepted is safe to use. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/configuration_json.h"

/* The name is libFuzzer's. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds) {
        if (!holds)
                abort();
}

static void check_container(const struct phx_container_config *container) {
        require(phx_is_container_id(container->id));
        require(!container->name || (container->name[0] && strlen(container->name) <= 255 &&
                                     !phx_has_control(container->name)));
        require(phx_is_assignable_profile(container->profile));
        require(container->boot_order >= 0 && container->boot_delay >= 0);
        require(container->has_boot_order || container->boot_order == 0);
        require(container->has_boot_delay || container->boot_delay == 0);
        for (size_t i = 0; i < container->options.count; i++) {
                const struct phx_lxc_option *option = &container->options.items[i];

                require(phx_has_prefix(option->key, "lxc.") && !strchr(option->key, '='));
                require(!phx_has_control(option->key) && !phx_has_control(option->value));
                require(strcmp(option->key, "lxc.apparmor.profile") != 0);
                require(option->line > 0 && option->column > 0);
                require(i == 0 || option->index > option[-1].index);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        phx_cleanup(phx_configuration_freep) struct phx_configuration *configuration = NULL;
        struct phx_error error = { 0 };
        int r;

        r = phx_configuration_parse(
                        "f",
                        (const char *) data,
                        size,
                        "unconfined",
                        &configuration,
                        &error);
        require(r <= 0 && r == error.code);
        require((r < 0) == (error.text[0] != '\0') && (r < 0) == !configuration);
        require(!phx_has_control(error.text));
        if (!configuration)
                return 0;

        require(configuration->count > 0);
        for (size_t i = 0; i < configuration->count; i++) {
                check_container(&configuration->containers[i]);
                require(i == 0 || strcmp(configuration->containers[i - 1].id,
                                         configuration->containers[i].id) < 0);
        }
        return 0;
}
