/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The text of a Proxmox container's file, /etc/pve/nodes/NODE/lxc/ID.conf, as Proxmox reads it:
 * never as liblxc reads its own configs (lxc/text.h). Pure functions: no file is opened here.
 *
 * Measured with pve-container 6.1.10. Lines end at a line feed, and nowhere else: a carriage return
 * is a blank. A key counts from the first column, in lower case. "key: value" is an ordinary one, a
 * single value of which the last line counts; "lxc.KEY: value", also "lxc.KEY = value", is a line
 * of a list, whose order means something. '#' in the first column begins a line of the notes.
 * "[pve:pending]" and "[NAME]" open a section, all else that looks like a header does not, and then
 * the lines below it belong to the section above. What Proxmox cannot read it skips with a warning,
 * and leaves out when it writes the file again, as it does at each stop of the container. */

#include <stdbool.h>
#include <stddef.h>

#include "base/digest.h"
#include "pve/keys.h"

enum phx_pve_kind {
        PHX_PVE_BLANK,
        PHX_PVE_HEADER,      /* KEY: the name between the brackets */
        PHX_PVE_NOTE,        /* VALUE: all behind the '#', percent-encoded or not */
        PHX_PVE_DESCRIPTION, /* a note in the form of a key */
        PHX_PVE_KEY,         /* an ordinary key */
        PHX_PVE_LXC,         /* a line for liblxc, of a key that Proxmox takes */
        PHX_PVE_DROPPED,     /* not read, and gone with the next rewrite */
};

/* Why Proxmox does not read a line: the first reason that applies, in this order. */
enum phx_pve_drop {
        PHX_PVE_NOT_DROPPED,
        PHX_PVE_DROP_MARK,      /* a UTF-8 mark before it */
        PHX_PVE_DROP_HEADER,    /* looks like a header, and opens no section */
        PHX_PVE_DROP_NOTE,      /* '#' with blanks before it */
        PHX_PVE_DROP_WORDS,     /* no key and value */
        PHX_PVE_DROP_INDENTED,  /* blanks before the key */
        PHX_PVE_DROP_CASE,      /* the key has capital letters */
        PHX_PVE_DROP_COLON,     /* blanks before the ':' */
        PHX_PVE_DROP_EQUALS,    /* an ordinary key with '=' */
        PHX_PVE_DROP_EMPTY,     /* an ordinary key without a value */
        PHX_PVE_DROP_GENERATED, /* an lxc key that Proxmox derives from others */
        PHX_PVE_DROP_UNKNOWN,   /* an lxc key that it does not take; what can be no ordinary key */
        PHX_PVE_DROP_MISPLACED, /* "delete" outside of [pve:pending] */
        PHX_PVE_DROP_RESERVED,  /* a name under which Proxmox keeps its own data, see below */
};

/* One line, in place: pointers into the text's DATA. KEY and VALUE of a dropped line are what it
 * would set if Proxmox read it, in whatever case; KEY is NULL where there is nothing like it. */
struct phx_pve_line {
        enum phx_pve_kind kind;
        enum phx_pve_drop drop;
        unsigned number; /* from 1 */
        size_t section;  /* of a header: the section that it opens */
        const char *start;
        size_t size; /* with its line feed, which the last line may lack */
        const char *key;
        size_t key_size;
        const char *value; /* without blanks around it; quotes and '#' belong to it */
        size_t value_size;
};

enum phx_pve_section_kind {
        PHX_PVE_MAIN,
        PHX_PVE_PENDING,
        PHX_PVE_SNAPSHOT,
};

struct phx_pve_section {
        enum phx_pve_section_kind kind;
        const char *name; /* of a snapshot; borrowed from DATA, no NUL behind it */
        size_t name_size;
        unsigned line;       /* of its header; 0 for the main section */
        size_t first, count; /* of its lines, without the header */
        bool is_overruled;   /* the same section stands again below: nothing of this one counts */
};

/* A file taken apart. The zero value is not parsed; an empty file has one section and no lines. */
struct phx_pve_text {
        char *data; /* a copy of the file's bytes, and a NUL */
        size_t size;
        char digest[PHX_SHA1_HEX]; /* of the bytes: what Proxmox's API calls the digest */
        struct phx_pve_line *lines;
        size_t count;
        struct phx_pve_section *sections; /* the main section first, the others in their order */
        size_t n_sections;
};

/* Any bytes are a text: 0 or -ENOMEM. */
int phx_pve_text_parse(const char *data, size_t size, struct phx_pve_text *ret_text);
void phx_pve_text_done(struct phx_pve_text *text);

/* Whether the line is read, and sets KEY. */
bool phx_pve_line_sets(const struct phx_pve_line *line, const char *key);
/* Whether the line is dropped, and would set KEY, whatever its case, if it was not. */
bool phx_pve_line_meant(const struct phx_pve_line *line, const char *key);

/* The line of the section that counts for an ordinary key, the last one; NULL when there is none.
 * SECTION is an index of SECTIONS. */
const struct phx_pve_line *phx_pve_text_key(
                const struct phx_pve_text *text,
                size_t section,
                const char *key);

/* The section of pending changes that counts; NULL when there is none. */
const struct phx_pve_section *phx_pve_text_pending(const struct phx_pve_text *text);

/* Whether Proxmox takes a value for yes. "on", "yes" and "true" in any case are 1; "off", "no" and
 * "false" are 0; any other value it warns of and keeps, and then all but "0" and "" is yes. */
bool phx_pve_is_yes(const char *value, size_t size);
/* The same for a value that is no boolean: a lock, for one. "0" counts as none. */
bool phx_pve_is_true(const char *value, size_t size);

/* The line that locks the container, with whatever value; NULL when nothing does. */
const struct phx_pve_line *phx_pve_text_lock(const struct phx_pve_text *text);

/* A line with a reserved name ("lxc", "pending", "snapshots") ends Proxmox's own reading or writing
 * with an error: the container cannot be started or changed until the line is removed. "digest" and
 * "snapname" are only left out, and so are all but "lxc" in a snapshot. NULL when there is no such
 * line. */
const struct phx_pve_line *phx_pve_text_fatal(const struct phx_pve_text *text);
