/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

/* Who is told that something happened. An event says "look again" and nothing else; FULL when
 * events were lost, so that nothing may be taken for unchanged. */
struct listener {
        void (*look)(void *data, bool full);
        void *data;
};
