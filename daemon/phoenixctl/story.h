/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strings.h"
#include "codec/answers_json.h"

/* Which records of profiles belong to a container's story. One that names its containers says so
 * itself; where they were too many to be named, the profile that the container had then decides. */

struct story_part {
        uint64_t at;
        char *profile;
        bool is_assigned; /* it was given the profile just then */
};

/* The zero value is the story of a container of which nothing is known. Owned. */
struct story {
        struct story_part *parts; /* in the order of time */
        size_t count;
        char *profile; /* at present; NULL: not known */
};

void story_done(struct story *story);

/* EVENT is about the container itself, and not earlier than the one before. 0 or -ENOMEM. */
int story_add(struct story *story, const struct phx_answer_event *event);
/* Appends each profile of the story once. 0 or -ENOMEM. */
int story_profiles(const struct story *story, struct phx_strings *profiles);
/* Whether EVENT, which names neither this container nor any other, is about the profile that it had
 * then. */
bool story_has(const struct story *story, const struct phx_answer_event *event);
