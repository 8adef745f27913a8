/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the changes below [pve:pending] do to the main section when Proxmox applies them, at the
 * next start or stop: each key replaces its like, and the lxc lines count as one key, "lxc". Lines
 * of lxc.environment.runtime are a key of their own, "env", since pve-container 6.1; before that
 * they belong to the lxc lines. Pure. */

#include "pve/text.h"

/* Whether the section has a line of the list "lxc" that Proxmox 9 keeps: the first one, or NULL.
 * SECTION is an index of the text's sections, here and below. */
const struct phx_pve_line *phx_pve_pending_list(const struct phx_pve_text *text, size_t section);

/* The line "delete" of the section when it names KEY; NULL otherwise. What is deleted may be set
 * beside it, and is set then. */
const struct phx_pve_line *phx_pve_pending_delete(
                const struct phx_pve_text *text,
                size_t section,
                const char *key);
