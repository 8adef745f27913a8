/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "lxc/label_picture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "lxc/cgroups.h"

static void picture_done(struct phx_label_picture *picture) {
        free(picture->name);
        free(picture->cgroup_dir);
        free(picture->cgroup_container);
        phx_strings_done(&picture->labels);
        *picture = (struct phx_label_picture){ 0 };
}

void phx_label_pictures_done(struct phx_label_pictures *pictures) {
        for (size_t i = 0; i < pictures->count; i++)
                picture_done(&pictures->items[i]);
        free(pictures->items);
        phx_strings_done(&pictures->others);
        *pictures = (struct phx_label_pictures){ 0 };
}

int phx_label_pictures_take(
                struct phx_label_pictures *pictures,
                const struct phx_task_roots *roots,
                const struct phx_task_query *query) {
        phx_cleanup(picture_done) struct phx_label_picture picture = { .init = query->init };
        struct phx_label_picture *item;
        int r;

        r = phx_tasks_labels(roots, query, &picture.labels, NULL);
        if (r == -ENOMEM)
                return r;
        if (r >= 0 && picture.labels.count == 0)
                return 0;
        if (phx_replace(&picture.name, query->name) < 0 ||
            phx_replace(&picture.cgroup_dir, query->cgroup_dir) < 0 ||
            phx_replace(&picture.cgroup_container, query->cgroup_container) < 0)
                return -ENOMEM;
        if (pictures->others.count == 0 && query->others)
                r = phx_strings_copy(&pictures->others, query->others);
        if (r == -ENOMEM)
                return r;

        item = phx_grow(&pictures->items, &pictures->count, sizeof(*item));
        if (!item)
                return -ENOMEM;
        *item = PHX_TAKE_STRUCT(picture);
        return 0;
}

static bool differs(
                const struct phx_label_picture *picture,
                const struct phx_task_roots *roots,
                const struct phx_cgroups *cgroups,
                const struct phx_strings *others) {
        phx_cleanup(phx_strings_done) struct phx_strings labels = { 0 };
        const struct phx_task_query query = {
                .name = picture->name,
                .cgroup_dir = picture->cgroup_dir,
                .cgroup_container = picture->cgroup_container,
                .others = others,
                .cgroups = cgroups,
                .init = picture->init,
        };

        return phx_tasks_labels(roots, &query, &labels, NULL) < 0 ||
               !phx_strings_equal(&labels, &picture->labels);
}

bool phx_label_pictures_differ(
                const struct phx_label_pictures *pictures,
                const struct phx_task_roots *roots) {
        phx_cleanup(phx_cgroups_closep) struct phx_cgroups *cgroups = NULL;

        if (phx_cgroups_open(roots->cgroup, &cgroups, NULL) < 0)
                return true;
        for (size_t i = 0; i < pictures->count; i++)
                if (differs(&pictures->items[i], roots, cgroups, &pictures->others))
                        return true;
        return false;
}
