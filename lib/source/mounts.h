/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "source/places.h"

/* A mount rule that the compiler refuses without saying which, and why. */
struct phx_bad_mount {
        struct phx_place place;
        char why[300];
};

/* The first rule with an option that AppArmor does not know: VALUE as the compiler has it, or NULL
 * where it does not say. Without one the only mount rule there is. */
bool phx_place_of_mount_option(
                const struct phx_source_text *text,
                const char *value,
                struct phx_bad_mount *ret_bad);

/* The first one whose options exclude each other. */
bool phx_place_of_mount_contradiction(
                const struct phx_source_text *text,
                struct phx_bad_mount *ret_bad);

/* The first one that no mount(2) can match. */
bool phx_place_of_impossible_mount(
                const struct phx_source_text *text,
                struct phx_bad_mount *ret_bad);
