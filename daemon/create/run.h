/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <sys/types.h>

#include "base/error.h"

/* A program that is run to its end. */
struct run {
        const char *const *arguments; /* the first is its absolute path; ends with NULL */
        int directory_fd;             /* where it runs */
        int input_fd;                 /* its standard input; -1: none */
        int kept_fd;                  /* stays open in it when its parent ends; -1: none */
        /* It is root of a user namespace of its own, whose COUNT users and groups begin with FIRST
         * on the host; COUNT 0: it is root. */
        uid_t first;
        unsigned count;
};

/* What it says goes to our standard error; its first line is the text of a failure. It ends with
 * us. 0 when its status is 0, else a negative errno. */
int run_program(const struct run *run, struct phx_error *error);
