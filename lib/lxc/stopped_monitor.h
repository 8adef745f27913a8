/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The monitor of a container that was stopped by a signal, or by a debugger: it does not answer,
 * and the container can be neither stopped nor restarted until it goes on. */

#include <sys/types.h>

/* Its number, for the container NAME below LXC_PATH; 0 when there is none, or PROC (/proc) cannot
 * be read. Walks all processes of the host: for who waits in vain already. */
pid_t phx_lxc_stopped_monitor(const char *proc, const char *lxc_path, const char *name);
