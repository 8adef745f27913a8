/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "reconcile/stories.h"

#include <stdbool.h>
#include <string.h>

/* What each id costs besides its letters: the field's name, "PHOENIXD_STORY=". */
#define FIELD_SIZE 15

static bool stories_are_those_of(
                const struct phx_stories *stories,
                const struct phx_desired *desired) {
        if (stories->ids.count != desired->container_count)
                return false;
        for (size_t i = 0; i < desired->container_count; i++)
                if (strcmp(stories->ids.items[i], desired->containers[i].id) != 0 ||
                    strcmp(stories->profiles.items[i], desired->containers[i].profile) != 0)
                        return false;
        return true;
}

/* Most passes find the same containers as the one before. */
int phx_stories_take(struct phx_stories *stories, const struct phx_desired *desired) {
        int r = 0;

        if (stories_are_those_of(stories, desired))
                return 0;
        phx_stories_done(stories);
        for (size_t i = 0; r >= 0 && i < desired->container_count; i++) {
                r = phx_strings_add(&stories->profiles, desired->containers[i].profile);
                if (r >= 0)
                        r = phx_strings_add(&stories->ids, desired->containers[i].id);
        }
        if (r < 0)
                phx_stories_done(stories);
        return r;
}

size_t phx_stories_find(
                const struct phx_stories *stories,
                const char *profile,
                struct phx_strings *found) {
        size_t count = 0, size = 0;

        for (size_t i = 0; profile && i < stories->ids.count; i++) {
                if (strcmp(stories->profiles.items[i], profile) != 0)
                        continue;
                count++;
                size += FIELD_SIZE + strlen(stories->ids.items[i]);
                if (size <= PHX_STORIES_SIZE)
                        (void) phx_strings_add(found, stories->ids.items[i]);
        }
        if (size > PHX_STORIES_SIZE)
                phx_strings_done(found);
        return count;
}

void phx_stories_done(struct phx_stories *stories) {
        phx_strings_done(&stories->profiles);
        phx_strings_done(&stories->ids);
}
