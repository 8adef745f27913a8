/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The stand-in of Proxmox's cluster file system (tests/vm/pve) for a test program: one at a time,
 * mounted at "TREE/etc-pve" of tree.h, on the standalone node "pve1". It ends with the program,
 * even if that crashes. Functions without a return value fail the test when they fail. */

#include <stddef.h>
#include <sys/types.h>

/* NULL, or why there can be none here: print it and skip(). */
const char *pve_host_missing(void);

/* Mounts it, with the files that were there when the one before ended or was killed. */
void pve_host_start(void);
/* The same, and returns what it ended with if it does not start, else 0. */
int pve_host_try_start(void);
/* Ends it cleanly: unmounted. */
void pve_host_stop(void);
/* Kills it: what is below the mount answers ENOTCONN until the next start. */
void pve_host_kill(void);
/* Lets it go on that a test has stopped with SIGSTOP, so that nothing waits for its mount. */
void pve_host_continue(void);
/* Also ends the mount if all is over; before tree_done(). */
void pve_host_done(void);
pid_t pve_host_pid(void);

/* "TREE/etc-pve/PATH", in one of tree_path()'s buffers. */
const char *pve_host_path(const char *path);
/* "TREE/database", the directory of config.db-wal. */
const char *pve_host_database(void);
const char *pve_host_socket(void);

/* A request on the control socket (README.md of the stand-in): the answer, to be freed. */
char *pve_host_ask(const char *request);
void pve_host_order(const char *request);
/* Proxmox saves a file on this node: PATH.tmp.PID, and then the rename. */
void pve_host_save(const char *path, const char *text);
/* Another node writes a file. */
void pve_host_write(const char *path, const char *text);
void pve_host_write_bytes(const char *path, const void *data, size_t size);

/* The guest command for it, a program to be run as `pct`, whose guests are only pretended:
 * README.md of the stand-in. SETTINGS are more members of its JSON settings, each with a comma
 * before it, or "". */
const char *pve_host_command(const char *settings);
