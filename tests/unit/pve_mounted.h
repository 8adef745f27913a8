/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* pve_fixture.h on the stand-in of Proxmox's cluster file system: a FUSE mount, which can stall,
 * lose its quorum, die, and change without an event. */

#include "pve_fixture.h"
#include "pve_host.h"

#define CONFIG "nodes/pve1/lxc/101.conf"

/* For cmocka. Without a stand-in each test is to begin with skip_without_host(). */
int set_up_mounted(void **state);
int tear_down_mounted(void **state);
void skip_without_host(void);

/* Without the mount: what the server has. */
void assert_served(const char *expected);
/* Nothing but configs: no temporary file, and nothing that libfuse had to hide. */
void assert_no_leftovers(void);
void wait_until_mounted(void);
