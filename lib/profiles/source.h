/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/strings.h"
#include "source/files.h"
#include "state/desired.h"

/* One entry of the profile directory, or of the site's. What is known from before a restart may
 * have no text, see phx_source_read(). */
struct phx_source {
        char *name;
        enum phx_tier tier;
        const struct phx_file_seen *seen; /* borrowed from the look's files */
        const struct phx_file_seen *test; /* NAME.test beside it, likewise; NULL without one */
        int result;              /* 0, -EBUSY while it is being written, else refused with ERROR */
        struct phx_error *error; /* "NAME: …"; NULL with result 0, and where memory was short for it
                                  */
};

struct phx_sources {
        struct phx_source *items; /* sorted by name */
        size_t count;
        struct phx_strings orphans; /* files that test a profile which is not there; sorted */
        struct phx_strings masked;  /* profiles of the site's that are not to be; sorted */
};

/* What a profile may be besides in enforce mode. */
struct phx_source_rules {
        bool allow_complain;
        bool allow_unconfined;
};

/* Reads all profiles of the directory, and their tests. Sub-directories hold what profiles include,
 * and are no profiles; neither is what editors and dpkg leave. A directory that is absent,
 * unreadable or not trusted is an error and never "no profiles".
 *
 * SITE_DIR (NULL: none) has those of the site, which may be absent. A file of PROFILE_DIR takes the
 * place of the site's of the same name; a link to /dev/null there masks it. Where the site has any,
 * PROFILE_DIR may be absent. */
int phx_sources_list(
                struct phx_files *files,
                const char *profile_dir,
                const char *site_dir,
                struct phx_sources *ret_sources,
                struct phx_error *error);
/* Brings up to date what was listed, where nothing else has changed since VERSION of the files than
 * some of these: USED is what was asked for then. 1, or 0 when they are to be listed again;
 * -ENOMEM.
 */
int phx_sources_refresh(
                struct phx_sources *sources,
                const struct phx_files_used *used,
                uint64_t version);
/* Its text, and that of its test: to be called before they are looked into. What is wrong with them
 * is in SOURCE then. 0 or -ENOMEM. */
int phx_source_read(struct phx_files *files, struct phx_source *source);
/* NULL when there is none. */
struct phx_source *phx_sources_find(const struct phx_sources *sources, const char *name);
/* Forgets all but those whose names are among NAMES, and the orphans. */
void phx_sources_keep(struct phx_sources *sources, const struct phx_strings *names);
void phx_sources_done(struct phx_sources *sources);

/* The rules that need a line number to be of use: exactly one profile, named as its file, without
 * an attachment path or namespace, and without flags that weaken it or one of its children. What
 * the text really defines is judged again by the compiled policy; this is the friendlier of the
 * two. -EINVAL with "NAME: line N: …"; an error with a list gets all of them. */
int phx_source_check(
                const char *name,
                const char *text,
                const struct phx_source_rules *rules,
                struct phx_error *error);
