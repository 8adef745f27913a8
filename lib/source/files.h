/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/scope.h"
#include "base/strings.h"
#include "base/texts.h"
#include "base/trust.h"
#include "source/include_scan.h"

/* One file as one look saw it: read once, with the same answer for everybody who asks in that look.
 * The next look may find another content, at the same address; see phx_files_refresh(). */
struct phx_file_seen {
        char *path;
        int result; /* 0, or the negative errno of phx_trust_read() */
        char *text; /* with result 0: SIZE bytes and a NUL; see phx_files_see() */
        size_t size;
        char digest[PHX_SHA256_HEX];
        bool is_linked; /* a symbolic link was on the way, so that more directories are to be
                           watched */
        struct phx_error *error; /* why there is none; NULL also where memory was short for it */
};

/* One directory, likewise. */
struct phx_directory_seen {
        char *path;
        int result;               /* 0, or the negative errno of phx_trust_open_directory() */
        struct phx_strings names; /* of all that is no directory in it; sorted */
        struct phx_error *error;  /* likewise */
};

/* What was read so far, in one look or in many. */
struct phx_files;

/* Which of it somebody has asked for; the zero value is nothing. */
struct phx_files_used {
        struct phx_files_node **items; /* borrowed */
        size_t count;
};

/* TRUST is borrowed; NULL reads without asking whose a file is, as for configs that are LXC's own
 * affair. 0 or -ENOMEM. */
int phx_files_new(const struct phx_trust *trust, struct phx_files **ret_files);
struct phx_files *phx_files_free(struct phx_files *files);
PHX_DEFINE_FREEP(phx_files)

/* Begins another look: brings all that was read up to date, and forgets what was not asked for
 * since the last look at everything. With a SCOPE (NULL: everything), only what it names, what is
 * below a path that it names, and what was reached over a link is looked at; the rest is believed
 * without any call. What is looked at is believed when its stamp is the same (base/stamp.h), and
 * directories are judged again. 0 or -ENOMEM. */
int phx_files_refresh(struct phx_files *files, const struct phx_scope *scope);
/* SCOPE as phx_files_refresh() takes it: NULL when everything is looked at, as it is in the first
 * look, of which it does not matter whether all is new or was taken up from an earlier program. */
const struct phx_scope *phx_files_scope(
                const struct phx_files *files,
                const struct phx_scope *scope);
/* The next question is answered by reading; what was borrowed is gone. */
void phx_files_forget(struct phx_files *files);
/* Closes what is open, and forgets which ways were walked, till the next look: to be called when a
 * look is over. */
void phx_files_rest(struct phx_files *files);
/* Counts the changes that looks have found. */
uint64_t phx_files_version(const struct phx_files *files);
/* Whether an event at PATH asks for no more than phx_files_refresh() with PATH: it is a file, or in
 * a directory that was listed, or beside files below one of ROOTS; and no link leads there. */
bool phx_files_covers(
                const struct phx_files *files,
                const struct phx_strings *roots,
                const char *path);

/* Notes in USED what is asked for from now on; NULL: no longer. USED must stay where it is. */
void phx_files_note(struct phx_files *files, struct phx_files_used *used);
/* While IS_ON, what the scope has left out is brought up to date when it is first asked for in a
 * look: it may have changed while nothing used it, and only what is used is watched. */
void phx_files_check(struct phx_files *files, bool is_on);
/* The version at which something in USED has changed last. */
uint64_t phx_files_used_version(const struct phx_files_used *used);
/* The same of one of them. */
uint64_t phx_files_used_changed(const struct phx_files_used *used, size_t at);
/* It is still of use: to be called in each look at everything for what is not asked for again. */
void phx_files_use(const struct phx_files *files, const struct phx_files_used *used);
void phx_files_used_done(struct phx_files_used *used);

/* The file at an absolute path, of at most 1 MiB; borrowed, valid as long as FILES. NULL when
 * memory is short. */
const struct phx_file_seen *phx_files_get(struct phx_files *files, const char *path);

/* The same, without need of its text: NULL, when it was read before a restart and its stamp is
 * still the same. The digest is there. */
const struct phx_file_seen *phx_files_see(struct phx_files *files, const char *path);

/* The same for a directory. */
const struct phx_directory_seen *phx_files_list(struct phx_files *files, const char *path);

/* What the file at PATH refers to, found once however many include it; borrowed. NULL when memory
 * is short, no items when it cannot be read. */
const struct phx_references *phx_files_references(struct phx_files *files, const char *path);

/* Appends the directories where a change may change the file or directory at PATH, which need not
 * exist: that which holds it, or will; those that WATCHES has already are not appended again. One
 * look gives one answer. 0 or -ENOMEM. */
int phx_files_watch(struct phx_files *files, const char *path, struct phx_strings *watches);

/* --- over a restart --- */

/* Appends what is known of files and directories, all but their texts, for FILES of another
 * process. Each gets a number, until the next rendering. 0 or -ENOMEM. */
int phx_files_render(struct phx_files *files, struct phx_buffer *bytes);
/* The number of a file or directory, and of one of USED; PHX_FILES_NO_NUMBER when it was not
 * rendered: it is to be read in each look. */
#define PHX_FILES_NO_NUMBER SIZE_MAX
size_t phx_files_number(const struct phx_files *files, const char *path, bool is_directory);
size_t phx_files_used_number(const struct phx_files_used *used, size_t at);

/* Takes up what was rendered, into FILES, which are new. They are to be refreshed before the first
 * question. RET_ALL, the caller's, has all by their numbers. 0, -EBADMSG or -ENOMEM; then FILES are
 * empty. */
int phx_files_parse(
                struct phx_files *files,
                struct phx_texts *reader,
                struct phx_files_used *ret_all);
/* Of one of USED: its path; its digest, or "directory", or "" when there is none. */
const char *phx_files_used_path(const struct phx_files_used *used, size_t at);
const char *phx_files_used_digest(const struct phx_files_used *used, size_t at);
/* Notes one of ALL in USED. 0 or -ENOMEM. */
int phx_files_used_add(struct phx_files_used *used, const struct phx_files_used *all, size_t at);
