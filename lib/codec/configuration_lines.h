/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "codec/json_scan.h"
#include "state/configuration.h"

/* Sets the lines of a configuration that has been read from ENTRIES, and is sorted: of each
 * container, and of each of its options. In one go over the text, however many there are. */
void phx_configuration_note_lines(
                const struct phx_json_place *entries,
                struct phx_configuration *configuration);
