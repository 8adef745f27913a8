/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/error.h"
#include "base/findings.h"
#include "base/strings.h"
#include "state/configuration.h"
#include "state/settings.h"

/* What is to be looked at: the machine's own input, or a working copy of it. Owned strings. */
struct validation {
        char *root;          /* the tree in which all paths are; "/" for this machine */
        char *remote;        /* Proxmox's cluster file system in it: here it may be waited for */
        bool is_in_force;    /* it is the machine's own: whose the files are matters */
        char *settings_path; /* NULL: the defaults hold */
        bool may_lack_settings;
        bool is_taken_for_settings; /* by its content, and not by its name */
        char *configuration_path;   /* NULL: that of the settings, when LOOKS_AT_ALL */
        char *profile_dir;          /* likewise */
        bool looks_at_all;
        bool skips_profiles;     /* only their names are of interest */
        struct phx_strings only; /* profiles; empty for all */
        char *cache_dir;         /* of policies that earlier runs have compiled; NULL: none */

        struct phx_settings *settings; /* once they were read */
};

/* Settles what WORDS (directories and files; none for all of the machine) are. -EINVAL and such
 * with a text. */
int validation_of(
                struct validation *validation,
                char *const *words,
                size_t count,
                struct phx_error *error);
/* Where this user's cache is: $XDG_CACHE_HOME/phoenixd, or ~/.cache/phoenixd. Without either there
 * is none. 0 or -ENOMEM. */
int validation_find_cache(struct validation *validation);
/* 0 with or without findings; negative with a text when it could not be done. */
int validation_run(
                struct validation *validation,
                struct phx_findings *findings,
                struct phx_error *error);
void validation_done(struct validation *validation);
