/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "policy/split.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "policy/policy.h"
#include "policy/stream.h"

/* What is cut off begins as the whole does: without a version of its own it would be read with the
 * one before it, and could not be read alone. */
static bool begins_with_version(const void *blob, size_t size, size_t offset) {
        const struct phx_stream stream = { blob, size, offset, NULL };

        return phx_stream_peek(&stream, PHX_STREAM_U32, "version");
}

/* A child would belong to the profile before it, and another file may have defined it. */
int phx_policy_split(
                const void *blob,
                size_t size,
                const char *const *names,
                size_t count,
                size_t *ret_sizes) {
        phx_cleanup(phx_policy_done) struct phx_policy policy = { 0 };
        int r;

        r = phx_policy_parse(blob, size, PHX_HASH_NONE, &policy, NULL);
        if (r < 0)
                return r;
        if (policy.count != count)
                return -EPROTO;
        for (size_t i = 0; i < count; i++) {
                const struct phx_policy_entry *entry = &policy.entries[i];
                size_t end = i + 1 < count ? entry[1].offset : size;

                if (strcmp(entry->name, names[i]) != 0 ||
                    !begins_with_version(blob, size, entry->offset))
                        return -EPROTO;
                ret_sizes[i] = end - entry->offset;
        }
        return 0;
}
