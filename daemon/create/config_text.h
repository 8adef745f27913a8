/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "create/create.h"
#include "lxc/text.h"

/* What is taken over from the config of the container that is cloned. */
struct config_source {
        struct phx_strings lines;    /* its lxc.include and lxc.arch */
        struct phx_strings maps;     /* its lxc.idmap, as far as they are in effect */
        struct phx_strings includes; /* the paths of the first */
        char *rootfs;                /* of its root file system, which is a directory */
        bool is_unprivileged;        /* its root is no root of the host, */
        unsigned root_group;         /* but has this group there; 0 of a privileged one */
        bool has_common;             /* one of the includes is, or has, LXC's common config */
};

void config_source_done(struct config_source *source);

/* Whether a clone does without the line, as what it is to have is in its own entry, and the line
 * confines nothing but limits. */
bool config_is_left_out(const struct phx_lxc_line *line);

/* -EINVAL for a root file system that is no directory, and for a line that a clone would lose; the
 * text says so. */
int config_read_source(
                const char *text,
                size_t size,
                const struct create_order *order,
                struct config_source *ret_source,
                struct phx_error *error);

/* Sets HAS_COMMON. A negative errno, with its text, for an include that cannot be read. */
int config_find_common(
                const struct phx_trust *trust,
                struct config_source *source,
                struct phx_error *error);

/* The config of the new container. SOURCE is NULL for one that is made from a template; FIRST is
 * where its users begin on the host, if it is unprivileged. 0 or -ENOMEM. */
int config_write(
                const struct create_order *order,
                const struct config_source *source,
                unsigned first,
                struct phx_buffer *text);
