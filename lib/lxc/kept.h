/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* liblxc's answers in a file, so that an engine that starts need not ask for all of them again. */

#include "base/buffer.h"
#include "lxc/containers.h"
#include "lxc/option_reviews.h"

/* How many answers there are, and how many of them came after the last of the two below. */
size_t phx_lxc_kept_count(
                const struct phx_lxc_cache *cache,
                const struct phx_option_reviews *reviews);
size_t phx_lxc_kept_unsaved(
                const struct phx_lxc_cache *cache,
                const struct phx_option_reviews *reviews);

/* All that is remembered, as the bytes of a file. PROGRAM says which one has asked, and by which
 * libraries. 0 or -ENOMEM. */
int phx_lxc_kept_render(
                const char *program,
                struct phx_lxc_cache *cache,
                struct phx_option_reviews *reviews,
                struct phx_buffer *ret_bytes);

/* The other way round, into a cache and reviews that are new; DATA has a NUL behind SIZE bytes. An
 * answer is believed only for the very config that it was given about. -EBADMSG for what is damaged
 * or of another PROGRAM or version of liblxc; then nothing is remembered, as at -ENOMEM. */
int phx_lxc_kept_parse(
                const char *program,
                const char *data,
                size_t size,
                struct phx_lxc_cache *cache,
                struct phx_option_reviews *reviews);
