/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "pve/ours_watches.h"

#include <errno.h>
#include <stdlib.h>

#include "base/grow.h"
#include "base/strings.h"

/* Files count when they are closed; directories when they are made. */
#define CHANGES (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE | IN_ONLYDIR)

void phx_pve_ours_watches_done(struct phx_pve_ours_watches *watches) {
        free(watches->items);
        *watches = (struct phx_pve_ours_watches){ 0 };
}

static int *ours_watches_find(const struct phx_pve_ours_watches *watches, int wd) {
        for (size_t i = 0; i < watches->count; i++)
                if (watches->items[i] == wd)
                        return &watches->items[i];
        return NULL;
}

/* A directory that has gone meanwhile is not watched. */
static int ours_watches_add_one(
                struct phx_pve_ours_watches *watches,
                int inotify_fd,
                const char *path) {
        int wd = inotify_add_watch(inotify_fd, path, CHANGES), *item;

        if (wd < 0 && errno != ENOENT && errno != ENOTDIR)
                return phx_errno();
        if (wd < 0 || ours_watches_find(watches, wd))
                return 0;
        item = phx_grow(&watches->items, &watches->count, sizeof(*item));
        if (!item)
                return -ENOMEM;
        *item = wd;
        return 1;
}

int phx_pve_ours_watches_add(
                struct phx_pve_ours_watches *watches,
                int inotify_fd,
                const struct phx_pve_place *place,
                const struct phx_pve_files *files) {
        phx_autofree char *top = NULL;
        int r, added;

        if (phx_printf(&top, "%s/" PHX_PVE_OURS, place->root) < 0)
                return -ENOMEM;
        r = added = ours_watches_add_one(watches, inotify_fd, top);
        for (size_t i = 0; r >= 0 && i < files->count; i++) {
                phx_autofree char *path = NULL;

                if (!files->items[i].is_directory)
                        continue;
                if (phx_printf(&path, "%s/%s", top, files->items[i].path) < 0)
                        return -ENOMEM;
                r = ours_watches_add_one(watches, inotify_fd, path);
                added |= r;
        }
        return r < 0 ? r : added;
}

enum phx_pve_ours_event phx_pve_ours_watches_take(
                struct phx_pve_ours_watches *watches,
                const struct inotify_event *event) {
        int *item = ours_watches_find(watches, event->wd);

        if (!item)
                return PHX_PVE_OURS_NOTHING;
        if (event->mask & IN_IGNORED) {
                *item = watches->items[--watches->count];
                return PHX_PVE_OURS_CHANGED;
        }
        if (event->len > 0 && event->name[0] == '.')
                return PHX_PVE_OURS_NOTHING;
        if ((event->mask & IN_ISDIR) && (event->mask & (IN_CREATE | IN_MOVED_TO)))
                return PHX_PVE_OURS_DIRECTORY;
        return (event->mask & IN_CREATE) ? PHX_PVE_OURS_NOTHING : PHX_PVE_OURS_CHANGED;
}
