/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* phoenixd/ of the cluster file system: settings, configuration and profiles that all nodes share.
 * For the worker's process alone, as pve/cluster.h. */

#include "pve/cluster.h"

#define PHX_PVE_OURS "phoenixd"
/* Of a path below it, with its NUL. */
#define PHX_PVE_OURS_PATH 256
/* More are refused, as are directories that are nested more deeply: the list has to fit into one
 * message (pve/message.h). */
#define PHX_PVE_OURS_ENTRIES 8192
#define PHX_PVE_OURS_DEPTH 8

/* Times are whole seconds, of the clock of the node that made the change: a second change may bear
 * the same one for that long. */
#define PHX_PVE_YOUNG_SEC 3

struct phx_pve_file {
        uint64_t size; /* 0 of a directory */
        int64_t mtime; /* whole seconds: the file system has no finer ones */
        uint32_t is_directory;
        uint32_t is_young; /* MTIME is so recent that another change may bear the same one */
        char path[PHX_PVE_OURS_PATH]; /* below phoenixd/: "apparmor.d/lxc-web" */
};

/* By path, as bytes, ascending, so that a directory comes before what is in it. The zero value is
 * an empty list. */
struct phx_pve_files {
        struct phx_pve_file *items;
        size_t count;
};
void phx_pve_files_done(struct phx_pve_files *files);
/* NULL when it is not there. */
const struct phx_pve_file *phx_pve_files_find(const struct phx_pve_files *files, const char *path);

/* Every directory and regular file, but those whose name or directory's name begins with a dot.
 * One that others may write is refused. Without phoenixd/ there are none. One look: a file that is
 * just being replaced may be missing. */
enum phx_pve_outcome phx_pve_list_files(
                const struct phx_pve_place *place,
                struct phx_pve_files *ret_files,
                struct phx_error *error);

/* The same below any directory TOP, for whatever process. 0 or a negative errno, with a text for
 * what is too much; none of the other codes has one. */
int phx_pve_list_files_below(
                const char *top,
                struct phx_pve_files *ret_files,
                struct phx_error *error);

/* The content of one of them, the caller's, with a NUL behind it. PHX_PVE_OUTCOME_NOT_NOW when it
 * is gone, or changes under each read. */
enum phx_pve_outcome phx_pve_read_file(
                const struct phx_pve_place *place,
                const char *path,
                char **ret_data,
                size_t *ret_size,
                struct phx_error *error);
