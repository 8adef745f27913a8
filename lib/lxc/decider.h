/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "lxc/reader.h"
#include "lxc/text.h"

/* The line that decides a container's profile: the last one that sets it, in the config or in what
 * it includes, in the order in which liblxc reads them. For people: what is in force says liblxc.
 */
struct phx_lxc_decider {
        char *file;    /* NULL: nothing sets it */
        unsigned line; /* 0: somewhere in FILE, which is a directory where one was included */
        char *ungated; /* "FILE:LINE" of the line that empties a hook of the boot gate; "" where no
                          line sets one of them; NULL: LXC asks the gate at each start */
};

/* TEXT is that of the config at PATH, and EFFECTIVE what liblxc says is in force: the line that is
 * named says the same. A directory may list its files to liblxc in another order than to us, and
 * then it is named itself. 0 or -ENOMEM; includes that cannot be read set nothing. */
int phx_lxc_decide(
                struct phx_lxc_reader *reader,
                const char *path,
                const char *text,
                size_t size,
                const char *effective,
                struct phx_lxc_decider *ret_decider);
void phx_lxc_decider_done(struct phx_lxc_decider *decider);

/* The path of the program that LINE sets as a hook of the boot gate, of SIZE bytes; NULL when it
 * sets none. Borrowed from LINE. */
const char *phx_lxc_gate_program(const struct phx_lxc_line *line, size_t *ret_size);
