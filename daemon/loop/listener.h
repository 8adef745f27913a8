/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

/* What is called when something has happened. An event says "look again" and nothing else; FULL
 * when events were lost, so that nothing may be taken for unchanged. */
struct listener {
        void (*look)(void *data, bool full);
        void *data;
};
