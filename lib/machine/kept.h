/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "machine/places.h"
#include "profiles/profiles.h"
#include "source/definers.h"

/* What the machine has found out about profiles and deployed files, in one file of the state
 * directory, so that an engine that starts need not find it out again. All borrowed. */
struct phx_machine_kept {
        const char *state_dir;
        struct phx_places *places;
        struct phx_definers *definers;
        struct phx_profiles *profiles;
};

/* Takes up what is there, into parts that are new. 0, also for a file that is damaged, missing, or
 * another program's; or -ENOMEM. */
int phx_machine_kept_load(const struct phx_machine_kept *kept);

/* Writes it, without waiting for the disk, unless the same was judged as what was loaded or saved
 * last. IS_LAST, for an engine that ends: unless the file has exactly that, as stamps may have
 * become reliable since then. 0 or a negative errno. */
int phx_machine_kept_save(const struct phx_machine_kept *kept, bool is_last);
