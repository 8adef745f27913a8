/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A text as Proxmox writes it back at each stop of a container: what an edit of ours must survive.
 * Made from our own parser's lines; that it is right show the samples, see test-pve_samples.c. */

#include "base/buffer.h"
#include "pve/text.h"

/* 0 or -ENOMEM. */
int pve_rewrite(const struct phx_pve_text *text, struct phx_buffer *ret_rewritten);

/* A section's notes, decoded; adds nothing where there are none. 0 or -ENOMEM. */
int pve_add_notes(
                const struct phx_pve_text *text,
                const struct phx_pve_section *section,
                struct phx_buffer *notes);

/* The value as Proxmox keeps it: booleans are 1 or 0, integers have no zeros in front. 0 or
 * -ENOMEM. */
int pve_add_value(const struct phx_pve_line *line, struct phx_buffer *value);
