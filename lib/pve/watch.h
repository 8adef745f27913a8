/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What changes in the cluster file system, by any program and on any node. For the worker's
 * process alone, as pve/cluster.h. */

#include <stdbool.h>

#include "pve/cluster.h"

struct phx_pve_watch;

/* Nothing is watched yet: phx_pve_watch_tick() does that, and is due at once. */
int phx_pve_watch_new(const struct phx_pve_place *place, struct phx_pve_watch **ret_watch);
struct phx_pve_watch *phx_pve_watch_free(struct phx_pve_watch *watch);
PHX_DEFINE_FREEP(phx_pve_watch)

/* Readable when phx_pve_watch_read() has something to read; -1 when nothing is watched. It may be
 * another one after each call. */
int phx_pve_watch_fd(const struct phx_pve_watch *watch);
/* When phx_pve_watch_tick() is due, by phx_now_usec(); UINT64_MAX when events suffice. */
uint64_t phx_pve_watch_due(const struct phx_pve_watch *watch);

/* Takes all events that there are, but those of the config of OWN, which is then known to be ours;
 * 0 for none. True when the engine has reason to look. */
bool phx_pve_watch_read(struct phx_pve_watch *watch, uint32_t own);
/* True as above. */
bool phx_pve_watch_tick(struct phx_pve_watch *watch);
/* A request has found that the file system is gone. */
void phx_pve_watch_lost(struct phx_pve_watch *watch);
/* A request has found a server that was started at START_TIME: if that is not the one whose
 * directories are watched, tick() is due at once. */
void phx_pve_watch_saw(struct phx_pve_watch *watch, uint64_t start_time);
