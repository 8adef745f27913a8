/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "state/configuration.h"

#include <string.h>

/* As long as the kernel takes for a profile's name component with room for what LXC stacks onto it.
 */
#define PROFILE_NAME_LIMIT 128
#define CONTAINER_ID_LIMIT 64

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

void phx_container_config_done(struct phx_container_config *container) {
        free(container->id);
        free(container->name);
        free(container->profile);
        free(container->gpu_assignment);
        phx_creation_free(container->creation);
        phx_lxc_options_done(&container->options);
        phx_strings_done(&container->pct_options);
        phx_strings_done(&container->features);
        phx_strings_done(&container->dependencies);
        phx_strings_done(&container->notes);
        *container = (struct phx_container_config){ 0 };
}

struct phx_configuration *phx_configuration_free(struct phx_configuration *configuration) {
        if (!configuration)
                return NULL;

        for (size_t i = 0; i < configuration->count; i++)
                phx_container_config_done(&configuration->containers[i]);
        free(configuration->containers);
        free(configuration);

        return NULL;
}

bool phx_is_profile_name(const char *name) {
        size_t length = strlen(name);

        /* Debian's own profile for lxc-start lets it change to lxc-* only. */
        return phx_has_prefix(name, "lxc-") && length > strlen("lxc-") &&
               length <= PROFILE_NAME_LIMIT && strspn(name, LETTERS DIGITS "._+-") == length;
}

bool phx_is_assignable_profile(const char *name) {
        return strcmp(name, "unconfined") == 0 || phx_is_profile_name(name);
}

bool phx_is_piece_name(const char *name) {
        size_t length = strlen(name);

        return (phx_has_prefix(name, "abstractions/") || phx_has_prefix(name, "tunables/")) &&
               length <= PROFILE_NAME_LIMIT && name[length - 1] != '/' &&
               strspn(name, LETTERS DIGITS "._+-/") == length && !strstr(name, "..") &&
               !strstr(name, "//") && !strstr(name, "/.");
}

bool phx_is_container_id(const char *id) {
        size_t length = strlen(id);

        return length > 0 && length <= CONTAINER_ID_LIMIT &&
               strspn(id, LETTERS DIGITS "._-") == length && strspn(id, LETTERS DIGITS) > 0;
}
