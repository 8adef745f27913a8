/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The watches of phoenixd/ of the cluster file system and of all directories in it, on the inotify
 * descriptor of pve/watch.c. For the worker's process alone. */

#include <sys/inotify.h>

#include "pve/ours.h"

struct phx_pve_ours_watches {
        int *items;
        size_t count;
};
void phx_pve_ours_watches_done(struct phx_pve_ours_watches *watches);

/* Watches each directory that is there now: FILES as of phx_pve_list_files(). Those that are
 * watched already stay; where nothing is there, nothing is watched. 1 when a watch was added, 0
 * when not, -ENOMEM, or why one could not be added: too many are in use, say. */
int phx_pve_ours_watches_add(
                struct phx_pve_ours_watches *watches,
                int inotify_fd,
                const struct phx_pve_place *place,
                const struct phx_pve_files *files);

enum phx_pve_ours_event {
        PHX_PVE_OURS_NOTHING, /* not of these watches, or no change */
        PHX_PVE_OURS_CHANGED,
        PHX_PVE_OURS_DIRECTORY, /* one has come: it is to be watched */
};

/* What EVENT says. */
enum phx_pve_ours_event phx_pve_ours_watches_take(
                struct phx_pve_ours_watches *watches,
                const struct inotify_event *event);
