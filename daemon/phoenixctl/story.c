/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "phoenixctl/story.h"

#include <errno.h>
#include <stdlib.h>

#include "base/grow.h"
#include "state/drift.h"

void story_done(struct story *story) {
        for (size_t i = 0; i < story->count; i++)
                free(story->parts[i].profile);
        free(story->parts);
        free(story->profile);
        *story = (struct story){ 0 };
}

static bool is_assignment(const struct phx_answer_event *event) {
        return phx_equal(event->action, phx_action_kind_to_string(PHX_ACTION_ASSIGN));
}

int story_add(struct story *story, const struct phx_answer_event *event) {
        struct story_part *part;

        if (!event->profile ||
            (story->count > 0 && phx_equal(story->parts[story->count - 1].profile, event->profile)))
                return 0;
        part = phx_grow(&story->parts, &story->count, sizeof(*part));
        if (!part)
                return -ENOMEM;
        part->at = event->at;
        part->is_assigned = is_assignment(event);
        return phx_replace(&part->profile, event->profile);
}

int story_profiles(const struct story *story, struct phx_strings *profiles) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < story->count; i++)
                r = phx_strings_add_once(profiles, story->parts[i].profile);
        if (r >= 0 && story->profile && story->count == 0)
                r = phx_strings_add_once(profiles, story->profile);
        return r < 0 ? r : 0;
}

/* Before the first record it had that profile as well, unless the record says that it got it. */
static const char *story_profile_at(const struct story *story, uint64_t at) {
        const char *profile = story->profile;

        if (story->count > 0)
                profile = story->parts[0].is_assigned ? NULL : story->parts[0].profile;
        for (size_t i = 0; i < story->count && story->parts[i].at <= at; i++)
                profile = story->parts[i].profile;
        return profile;
}

bool story_has(const struct story *story, const struct phx_answer_event *event) {
        return !event->container && event->profile &&
               phx_equal(event->profile, story_profile_at(story, event->at));
}
