/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The value of the ordinary key "startup", as Proxmox reads it when the host boots: up to three
 * parts, "order=N,up=N,down=N", where "N" alone is "order=N". Of a part that is there twice the
 * last counts, blank parts are none, and "0" is no value at all. One part that Proxmox cannot read
 * makes it ignore the others. */

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

#define PHX_PVE_KEY_ONBOOT "onboot"
#define PHX_PVE_KEY_STARTUP "startup"

/* Digits, borrowed; START is NULL where the part is not there. */
struct phx_pve_digits {
        const char *start;
        size_t size;
};

struct phx_pve_startup {
        struct phx_pve_digits order; /* lower numbers start first; one without it starts last */
        struct phx_pve_digits up;    /* seconds until the next one starts */
        struct phx_pve_digits down;  /* seconds that its shutdown may take */
        bool is_refused; /* Proxmox ignores all of it; the parts are those that can be read */
};

/* SIZE bytes without a line feed; what is returned points into them. */
struct phx_pve_startup phx_pve_startup_parse(const char *value, size_t size);

/* Whether the part is there, and is this number. */
bool phx_pve_digits_are(const struct phx_pve_digits *digits, long number);

/* Adds the parts in this order, and nothing when there is none. 0 or -ENOMEM. */
int phx_pve_startup_render(const struct phx_pve_startup *startup, struct phx_buffer *value);
