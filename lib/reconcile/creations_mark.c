/* SPDX-License-Identifier: GPL-2.0-or-later */

/* phoenixd-create holds the container that it copies, so that LXC does not start it. An engine that
 * has just been started knows only that something of a creation is there. It is taken for that of
 * any clone that is missing, but for one that has failed since: what that has left may stay. */

#include <errno.h>
#include <string.h>

#include "base/strings.h"
#include "reconcile/creations.h"

static bool mark_has_failed(const struct phx_creations *creations, const char *id) {
        for (size_t i = 0; i < creations->failure_count; i++)
                if (strcmp(creations->failures[i].id, id) == 0)
                        return true;
        return false;
}

static bool mark_is_copying(
                const struct phx_creations *creations,
                const struct phx_observed *observed,
                const struct phx_desired_container *want) {
        if (!want->creation || !want->creation->source || want->directory)
                return false;
        if (creations->id)
                return strcmp(creations->id, want->id) == 0;
        return observed->has_creation_left && !mark_has_failed(creations, want->id);
}

int phx_creations_mark(
                const struct phx_creations *creations,
                const struct phx_observed *observed,
                struct phx_desired *desired) {
        for (size_t i = 0; i < desired->container_count; i++) {
                const struct phx_desired_container *want = &desired->containers[i];

                if (!mark_is_copying(creations, observed, want))
                        continue;
                for (size_t j = 0; j < desired->container_count; j++)
                        if (strcmp(desired->containers[j].id, want->creation->source) == 0 &&
                            phx_replace(&desired->containers[j].copied_for, want->id) < 0)
                                return -ENOMEM;
        }
        return 0;
}
