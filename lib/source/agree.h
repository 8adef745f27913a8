/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "source/walk.h"

/* Whether copies of both profiles and of all that they include can stand in one directory, and the
 * compiler makes the same of each as if the other were not there. */
bool phx_texts_agree(const struct phx_source_text *a, const struct phx_source_text *b);
