#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "base/strings.h"

/* A phoenix_lxc_configs.json in which containers are to be confined. */
struct phx_advice {
        const char *file; /* for messages */
        const char *default_profile;
        const struct phx_strings *only; /* ids; NULL: all */
};

/* The text with the shipped profile that fits as apparmor_profile of each container that is
 * unconfined, and without those lxc_options that set another profile than the key does. All other
 * bytes stay. Returns how many edits were made; 0 when there was nothing to do, and then RET_TEXT
 * is as it was. -EINVAL for a text that is no configuration, -ENOENT for an id that is not in it.
 */
int phx_configuration_advise(
                const struct phx_advice *advice,
                const char *text,
                size_t size,
                struct phx_buffer *ret_text,
                struct phx_error *error);
