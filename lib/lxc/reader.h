/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Reads a container's config, and the files that configs include. What it means says liblxc alone.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/scope.h"
#include "base/stamp.h"
#include "base/strings.h"
#include "lxc/text.h"

/* A config is a few kilobytes; the limits only keep a mishap from costing us the machine. */
#define PHX_LXC_CONFIG_LIMIT ((size_t) 1024 * 1024)
#define PHX_LXC_INCLUDE_DEPTH 16
#define PHX_LXC_INCLUDE_COUNT 512

/* Who may write what decides a container's confinement: root and the group root, on a machine.
 * lxc-create makes a container's directory with mode 0770. */
struct phx_lxc_owner {
        uid_t uid;
        gid_t gid;
};

struct phx_lxc_source {
        char *text;
        size_t size;
        struct phx_stamp stamp;      /* from before it was read; with the mode and owner that a new
                                        version is to have */
        bool is_settled;             /* see base/stamp.h */
        char digest[PHX_SHA256_HEX]; /* of the config file */
        char combined[PHX_SHA256_HEX]; /* of it, of every included file, listing and absence:
                                          phx_lxc_combine() */
};

void phx_lxc_source_done(struct phx_lxc_source *source);

/* The config file in DIR_FD, which is called PATH in messages, without what it includes: COMBINED
 * stays empty. -EPERM when somebody else may write it, -EBUSY while a process has it open for
 * writing (its end is an event), -EINVAL when it is not a regular file, -ELOOP when it is a
 * symbolic link, others as from open. */
int phx_lxc_read_config(
                int dir_fd,
                const char *path,
                const struct phx_lxc_owner *owner,
                struct phx_lxc_source *ret_source,
                struct phx_error *error);

/* What was found at the path that an lxc.include names. */
struct phx_lxc_include {
        char *path; /* absolute, without "//" */
        char *fact; /* one line of the digest: what is there, and a file's digest */
        char *text; /* only when it was asked for; NULL for a directory, and where nothing is */
        size_t size;
        bool is_directory;
        struct phx_strings targets; /* the paths that a text includes, or the files "*.conf" of a
                                       directory as it lists them, hidden ones too */
};

/* Remembers included files from one config to the next, and from one look to the next: as long as
 * the stamp of a file or directory is the same, it is not read again. */
struct phx_lxc_reader;

int phx_lxc_reader_new(struct phx_lxc_reader **ret_reader);
/* One that finds no watches. */
int phx_lxc_reader_new_unwatched(struct phx_lxc_reader **ret_reader);
/* For a process that may wait without end, and keeps nothing open: it reads what is below
 * PHX_REMOTE_ROOT (base/trust.h) like any other include. */
void phx_lxc_reader_follow_remote(struct phx_lxc_reader *reader);
struct phx_lxc_reader *phx_lxc_reader_free(struct phx_lxc_reader *reader);
PHX_DEFINE_FREEP(phx_lxc_reader)

/* A look begins: what SCOPE says is to be looked at again, each when it is first asked for. NULL is
 * all. A reader is new in the middle of a look at everything. */
void phx_lxc_reader_begin(struct phx_lxc_reader *reader, const struct phx_scope *scope);
/* A look ends: no text is kept, and after a look at everything no include that was not asked for.
 */
void phx_lxc_reader_end(struct phx_lxc_reader *reader);

/* The include at PATH, which is one of the TARGETS of a text or an include; the reader's, until
 * the look ends. -EINVAL when it is neither file nor directory, -EREMOTE below PHX_REMOTE_ROOT
 * (base/trust.h), others as from open; where nothing is there is an include without text. What
 * could not be read is tried again by the next call. */
int phx_lxc_reader_include(
                struct phx_lxc_reader *reader,
                const char *path,
                const struct phx_lxc_include **ret_include);
/* The same, with its text. */
int phx_lxc_reader_include_text(
                struct phx_lxc_reader *reader,
                const char *path,
                const struct phx_lxc_include **ret_include);

/* Appends every directory in which a change could change what is known, or could not be read. 0 or
 * -ENOMEM. */
int phx_lxc_reader_watches(const struct phx_lxc_reader *reader, struct phx_strings *watches);
/* Another number when those are other ones than before. */
unsigned long phx_lxc_reader_moves(const struct phx_lxc_reader *reader);

/* Marks all that is known of which any change leaves another stamp from now on. Of the rest, after
 * how many nanoseconds that is so, as far as it is within LIMIT. */
uint64_t phx_lxc_reader_settle(struct phx_lxc_reader *reader, uint64_t limit);
/* Begins a visit. */
void phx_lxc_reader_visit(struct phx_lxc_reader *reader);
/* Whether all that was asked for in OTHER's last visit is known here, was marked by the last
 * phx_lxc_reader_settle(), and has the same stamps. */
bool phx_lxc_reader_agrees(const struct phx_lxc_reader *reader, const struct phx_lxc_reader *other);

/* Whether an event at PATH can concern nothing but includes that are looked at again when PATH is
 * in the scope. False for what is no include. */
bool phx_lxc_reader_covers(const struct phx_lxc_reader *reader, const char *path);

/* Appends the paths that TEXT includes: one for each line of which phx_lxc_line_includes() is true,
 * in their order. 0 or -ENOMEM. */
int phx_lxc_include_targets(const char *text, size_t size, struct phx_strings *targets);
/* An empty lxc.include includes nothing. */
bool phx_lxc_line_includes(const struct phx_lxc_line *line);
