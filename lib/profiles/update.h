/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "base/digest.h"
#include "base/error.h"
#include "compiler/known.h"
#include "profiles/last_good.h"
#include "profiles/profiles.h"
#include "profiles/quarantine.h"
#include "profiles/source.h"
#include "source/files.h"
#include "source/includes.h"

/* One look at the sources, as the parts of profiles.h share it: each source is judged, and then
 * what is desired is made of all judgements. */

struct phx_profiles {
        struct phx_profiles_options options;
        struct phx_compiler_known compiler;
        struct phx_goods goods;
        struct phx_quarantine quarantine;
        struct phx_strings directories;
        /* Of the settings, what the quarantine was judged by. */
        bool allow_complain;
        bool allow_unconfined_flag;
        uint64_t compile_deadline_usec;
        uint64_t compile_memory;
};

/* A source on its way through one look. */
struct phx_candidate {
        const struct phx_source *source;
        struct phx_closure closure;
        char key[PHX_SHA256_HEX];
        bool must_compile;
        int result; /* 0 when it is good */
        struct phx_error error;
        bool breaks_rule; /* where everything is to be reported: and compiled all the same */
};

struct phx_update {
        struct phx_profiles *profiles;
        const struct phx_profiles_look *look;
        struct phx_inventory *inventory;
        struct phx_desired *desired;
        struct phx_files *files;
        struct phx_sources sources;
        struct phx_candidate *candidates;
        bool changed;
        bool all_good; /* every source is: only then a piece that no source includes is really
                        * unused
                        */
};

/* Judges all sources, and compiles those that are neither good nor bad yet. The candidates have
 * their results; negative only when nothing could be judged. */
int phx_update_judge(struct phx_update *update);

/* Whether GOOD is this very candidate as only the matcher judged it, in observe mode: the kernel
 * itself has not confirmed it since, so that it must not be put in force. */
bool phx_update_is_unproven(
                const struct phx_update *update,
                const struct phx_candidate *candidate,
                const struct phx_good *good);

/* Asks the rules of state/rules.h of what is good, unless that was done. 0 or -ENOMEM. */
int phx_update_lint(struct phx_update *update, struct phx_good *good);

/* Whether the include is a file of the profile directory. */
bool phx_update_is_source(const struct phx_update *update, const struct phx_include *include);
