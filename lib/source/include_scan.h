/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* One place of a text where the compiler may read another file: include and abi. */
struct phx_reference {
        char *name;       /* as written, without its brackets or quotes; never empty */
        unsigned line;    /* from 1 */
        bool is_searched; /* <name>: looked for in the include directories. Else "name" or a bare
                             word, which the compiler opens as a path. */
        bool is_abi;      /* an abi rule, which names a file of features */
        bool is_certain;  /* surely code; else it may stand in a string or a comment */
};

struct phx_references {
        struct phx_reference *items; /* in the text's order */
        size_t count;
};

/* Finds every reference that the compiler could see in TEXT (SIZE bytes and a NUL), and sometimes
 * more: what is no comment beyond doubt is read. 0 or -ENOMEM. */
int phx_references_scan(const char *text, size_t size, struct phx_references *ret_references);
void phx_references_done(struct phx_references *references);
