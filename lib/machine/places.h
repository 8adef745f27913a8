/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "base/scope.h"
#include "base/texts.h"
#include "machine/deployed.h"
#include "source/definers.h"

/* The places of profiles and pieces in the deployed directory, and what stands there: kept from one
 * look to the next. */
struct phx_places;

/* TRUST is borrowed, and so are DEFINERS: where they have seen a file in this pass, before the look
 * at it, it is not looked at again. NULL without. 0 or -ENOMEM. */
int phx_places_new(
                const struct phx_trust *trust,
                struct phx_definers *definers,
                struct phx_places **ret_places);
struct phx_places *phx_places_free(struct phx_places *places);
PHX_DEFINE_FREEP(phx_places)

/* The next look reads everything. */
void phx_places_forget(struct phx_places *places);

/* Begins a look at DEPLOYED_DIR: brings all that is known up to date, as far as SCOPE says that it
 * may have changed. 1 when something is otherwise, 0, or -ENOMEM. */
int phx_places_refresh(
                struct phx_places *places,
                const char *deployed_dir,
                const struct phx_scope *scope);
/* Closes what is open, till the next look. */
void phx_places_rest(struct phx_places *places);

/* One place. */
struct phx_place_seen {
        char *path;
        struct phx_deployed deployed;
        int result; /* negative when its directory cannot be opened, with ERROR; absent: 0 */
        struct phx_error *error; /* NULL also where memory was short for it */
};

/* What stands at an absolute PATH, read now when it is not known yet; borrowed until the next
 * refresh. NULL when memory is short. */
const struct phx_place_seen *phx_places_get(struct phx_places *places, const char *path);

/* The sub-directory, "disable" or "force-complain", that keeps the profile NAME from being loaded
 * at boot as it is; NULL for none. */
const char *phx_places_switch(const struct phx_places *places, const char *name);

/* Whether an event at PATH asks for no more than a refresh with PATH in its scope: it is below the
 * deployed directory, and no link leads there. */
bool phx_places_covers(const struct phx_places *places, const char *path);

/* What plain files stand there, as texts for another process; and the other way round, into new
 * PLACES: the first refresh there believes it by the stamps. 0, -EBADMSG or -ENOMEM, and then
 * nothing is known. */
int phx_places_render(const struct phx_places *places, struct phx_buffer *bytes);
int phx_places_parse(struct phx_places *places, struct phx_texts *reader);
