/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* One worker over a cluster file system with the container 101, and what tests ask of it. */

#include "pve/worker.h"

#define OLD "arch: amd64\nhostname: a\n"
#define NEW OLD "lxc.apparmor.profile: lxc-web\n"

/* Long for a test, and only a failing one waits for it. */
#define PATIENCE_MSEC 15000
#define SHORT_USEC 1500000

extern struct pve_test {
        char root[256], lock[256], claim[256], database[256];
        struct phx_pve_worker_options options; /* of new_worker(); with the strings above */
        struct phx_pve_worker *worker;
} test;

/* Below tree_new(): ROOT is the name of the cluster file system there. */
void pve_test_begin(const char *root);
void pve_test_end(void);

struct phx_pve_worker *new_worker(uint64_t deadline_usec);
/* Instead of the one before. */
void use_worker(uint64_t deadline_usec);

enum phx_pve_outcome edit_with(const char *old, const char *new, struct phx_error *error);
/* FOUND may be NULL. */
enum phx_pve_outcome ask_state(struct phx_pve_state *found, struct phx_error *error);

/* The eventfd is readable within the time, and is emptied. */
bool is_told(int timeout_msec);
/* The worker answers only when it has taken all events of before. */
void assert_not_told(void);

/* A number of /proc/PID/status. */
unsigned long status_of(pid_t pid, const char *key, int base);
/* Waits until it waits: what it does after its answer is not over when the answer comes. */
void wait_for_rest(pid_t pid);
/* What of /proc/PID is below the root: its directories, program and mapped files; and descriptors.
 */
unsigned count_below_root(pid_t pid, unsigned *ret_descriptors);
void assert_holds_nothing(pid_t pid);

/* The environment's number, for a longer run: see tests/pve/run. */
unsigned number_of(const char *name, unsigned standard);
