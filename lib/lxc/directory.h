/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* LXC's directory and the containers' in it, opened so that what was judged is what is used. */

#include "lxc/containers.h"

/* LXC_PATH, walked as base/trust.h does: its owner alone may change what is there.
 * -EPERM, -EINVAL and -ELOOP when that is not so, with the place and its owner or mode in the text;
 * -ENOENT and others as from open. */
int phx_lxc_open_path(const struct phx_lxc *lxc, int *ret_fd, struct phx_error *error);

/* Whether a failure of the above says that LXC_PATH is not trusted. */
bool phx_lxc_is_refusal(int code);

/* The container's directory in PATH_FD. A symbolic link is followed when the owner has made it and
 * all above what it leads to is trusted as LXC_PATH is: somebody has moved the container to another
 * storage. -EPERM, -EINVAL and -ELOOP for a link that is not followed,
 * with what would help; -ENOENT, -ENOTDIR and others as from open. */
int phx_lxc_open_container(
                const struct phx_lxc *lxc,
                int path_fd,
                const char *name,
                int *ret_fd,
                struct phx_error *error);
