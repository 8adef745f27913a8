/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <sys/types.h>

#include "source/files.h"

/* Whom the compiler runs as when it is root who compiles: an account of its own. What shares a user
 * with a process can stop it, trace it and reach what it writes to, so that `nobody`, whom half a
 * system shares, is no such account. It is made by systemd-sysusers(8), and looked up in the
 * file of accounts itself: no directory service is waited for. */
#define PHX_COMPILER_ACCOUNT "phoenixd-compiler"

struct phx_compiler_account {
        uid_t uid;
        gid_t gid;
};

/* Where it is looked up. */
#define PHX_COMPILER_ACCOUNTS "/etc/passwd"

/* `nobody`: for a compile by whose result nothing is put in force. */
#define PHX_COMPILER_NOBODY ((struct phx_compiler_account){ 65534, 65534 })

/* ACCOUNTS is a file as passwd(5) describes it. -ENOENT when there is no such account; -EPERM when
 * it is root's, or is shared with another name; -EBUSY and others as from phx_files_get(). */
int phx_compiler_account_find(
                struct phx_files *files,
                const char *accounts,
                struct phx_compiler_account *ret_account,
                struct phx_error *error);
