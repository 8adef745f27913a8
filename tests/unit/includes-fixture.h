/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A tree of sources and deployed files, and what a profile in it includes. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "config.h"
#include "source/includes.h"
#include "tree.h"

static struct phx_trust trust;

static struct phx_files *files;

static struct phx_closure closure;

static struct phx_error error;

static const struct phx_include_roots roots = { "/profiles", NULL, "/deployed" };

static inline int set_up(void **state) {
        trust = (struct phx_trust){ .root = tree_new(), .owner = geteuid() };
        tree_mkdir("profiles");
        tree_mkdir("deployed");
        error = (struct phx_error){ 0 };
        return phx_files_new(&trust, &files);
}

static inline int tear_down(void **state) {
        phx_closure_done(&closure);
        files = phx_files_free(files);
        tree_done();
        return 0;
}

/* A new look: what is in the tree now. */
static inline int collect(const char *text) {
        phx_closure_done(&closure);
        files = phx_files_free(files);
        assert_int_equal(phx_files_new(&trust, &files), 0);
        error = (struct phx_error){ 0 };
        return phx_closure_collect(files, &roots, "lxc-a", text, &closure, &error);
}
