/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The edit of a Proxmox container's file: lines of its main section that phoenixd manages, and
 * nothing else. Pure: bytes in, bytes out. */

#include "base/buffer.h"
#include "base/error.h"
#include "base/strings.h"
#include "pve/text.h"

/* The size from which Proxmox's cluster file system refuses a file. */
#define PHX_PVE_FILE_LIMIT ((size_t) 1024 * 1024)

/* A key that has one line, or none: an ordinary one, or an lxc key of which only the last line
 * counts. */
struct phx_pve_setting {
        char *key;
        char *value; /* NULL: no line, which leaves it to Proxmox's default */
};

struct phx_pve_edit {
        struct phx_pve_setting *settings; /* sorted by key, each once */
        size_t n_settings;
        struct phx_strings removed; /* lines "lxc.KEY=VALUE": of each the last that reads so */
        struct phx_strings tail;    /* lines to add, in this order */
};

void phx_pve_edit_done(struct phx_pve_edit *edit);

/* Adds a setting, or changes the one of this key; copies both. 0 or -ENOMEM. */
int phx_pve_edit_set(struct phx_pve_edit *edit, const char *key, const char *value);

/* Whether an edit can be made of this text, as below: 0 or -EINVAL. */
int phx_pve_edit_check(
                const struct phx_pve_edit *edit,
                const struct phx_pve_text *text,
                struct phx_error *error);

/* The text as it should be. What is written has Proxmox's form, "key: value", and stands where
 * Proxmox leaves it when it writes the file again: an ordinary key in the order of the keys, an lxc
 * line behind the others, but for lxc.environment.runtime, which comes before them. All other lines
 * stay byte by byte, and so do all other sections.
 *
 * A setting has one line in the end. One that is right stays as it is, in whatever spelling; else
 * the last one is written again in its place. The profile's line stands behind every line that
 * could name another profile: an include, or a value with a carriage return, where liblxc ends a
 * line. The tail goes behind all lxc lines, and before the profile's line where that is the last.
 * Items of REMOVED and TAIL with the key of a setting are passed over.
 *
 * Returns 1 when RET_TEXT differs from TEXT, 0 when it is the same, or a negative errno: -EINVAL
 * for a key or a value that would not be read as it is meant, for a NUL byte in a line that liblxc
 * will get, and for a line that keeps Proxmox from reading the file; -EFBIG. */
int phx_pve_edit_render(
                const struct phx_pve_edit *edit,
                const struct phx_pve_text *text,
                struct phx_buffer *ret_text,
                struct phx_error *error);
