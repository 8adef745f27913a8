/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/seal.h"
#include "compiler/known.h"
#include "profiles/head_start.h"
#include "profiles/last_good.h"
#include "profiles/profiles.h"
#include "profiles/quarantine.h"
#include "profiles/queue.h"
#include "profiles/source.h"
#include "source/files.h"
#include "source/includes.h"

/* One look at the sources, as the parts of profiles.h share it: each source is judged, and then
 * what is desired is made of all judgements. */

/* What all candidates were judged by, besides what they include. Owned. */
struct phx_judged_by {
        char *compiler; /* its identity */
        char *profile_dir;
        char *site_profile_dir; /* NULL: none */
        char *deployed_dir;
        bool is_observing;
};

struct phx_profiles {
        struct phx_profiles_options options;
        struct phx_files *files;
        struct phx_files_used used; /* of them, what is of no single candidate */
        struct phx_compiler_known compiler;
        struct phx_goods goods;
        struct phx_quarantine quarantine;
        struct phx_compiles *compiles; /* those that run, or have ended since the last look */
        struct phx_queue queue;        /* all that is to be compiled, these included */
        struct phx_head_start head_start;
        uint64_t took_usec;   /* when something of them was taken last */
        uint64_t series_usec; /* and first, of those that followed each other closely */
        bool is_asked;        /* a person waits for what is found in the next look */
        struct phx_strings directories;
        /* Of the last look, when nothing had to be left out of it: sorted by name. */
        struct phx_candidate *candidates;
        size_t candidate_count;
        struct phx_sources sources; /* theirs; none before the first look */
        uint64_t version;           /* of the files, before it judged any */
        bool is_complete;
        size_t unkept;             /* how many were judged since they were rendered last */
        char judged[PHX_SEAL_HEX]; /* those that were rendered or taken up last, as a checksum */
        struct phx_judged_by by;
        /* Of the settings, what the quarantine was judged by. */
        bool allow_complain;
        bool allow_unconfined_flag;
        uint64_t compile_deadline_usec;
        uint64_t compile_memory;
};

/* A source on its way through one look, and from there to the next: as long as nothing that it was
 * judged by has changed, the judgement holds. */
struct phx_candidate {
        char *name;
        struct phx_source *source; /* borrowed */
        bool is_kept;              /* from the look before */
        bool has_test;
        struct phx_files_used used; /* files and directories that were looked at for it */
        uint64_t version;           /* of the files at that time */
        struct phx_closure closure;
        char key[PHX_SHA256_HEX];
        bool must_compile;       /* it is in the queue */
        int result;              /* 0 when it is good; -EINPROGRESS while it is compiled */
        struct phx_error *error; /* of this look; NULL when nothing was said of it */
        bool breaks_rule;        /* where everything is to be reported: and compiled all the same */
};

struct phx_update {
        struct phx_profiles *profiles;
        const struct phx_profiles_look *look;
        struct phx_inventory *inventory;
        struct phx_desired *desired;
        struct phx_files *files;
        struct phx_sources sources;
        struct phx_candidate *candidates;
        uint64_t version; /* of the files, before anything was judged */
        bool changed;
        bool is_whole;   /* everything is looked at */
        bool is_rebuilt; /* something is not kept from the look before */
        bool all_good;   /* every source is: only then a piece that no source includes is really
                          * unused
                          */
};

/* Judges all sources. The candidates have their results; negative only when nothing could be
 * judged. */
int phx_update_judge(struct phx_update *update);

/* Takes over all sources and candidates of the look before, where no more than some of the sources
 * have changed. 1, or 0 when they are to be listed; -ENOMEM. */
int phx_update_reuse(struct phx_update *update);
/* Takes over from the look before what still holds, into the candidates of this one, which have
 * their sources. 0 or -ENOMEM. */
int phx_update_keep(struct phx_update *update);
/* The candidates are what the next look may keep. */
void phx_update_leave(struct phx_update *update);
/* The next look keeps nothing. */
void phx_candidates_done(struct phx_profiles *profiles);
void phx_candidate_done(struct phx_candidate *candidate);

/* Where to say what is wrong with it; NULL without memory, as phx_error_set() takes it. */
struct phx_error *phx_candidate_error(struct phx_candidate *candidate);
/* Nothing is, any more. */
void phx_candidate_forget_error(struct phx_candidate *candidate);

/* -EINVAL with a text when another file defines a profile of its name. */
int phx_update_check_name(struct phx_update *update, struct phx_candidate *candidate);

/* Of the candidates that must be compiled: takes what has ended, and starts what may run now.
 * Offline, it waits for all. 0 or -ENOMEM. */
int phx_update_compile(struct phx_update *update);

/* Reaps what has ended, or is late: it asks for no other look then, nor does a head start. */
void phx_update_reap(struct phx_profiles *profiles);

/* Judges and keeps what was compiled for CANDIDATE: 0, or its refusal. */
int phx_update_accept(
                struct phx_update *update,
                struct phx_candidate *candidate,
                char *blob,
                size_t size);

/* Appends what is desired of a candidate that has been judged: its profile, or the last known good
 * one. 0 or -ENOMEM. */
int phx_update_desire(struct phx_update *update, struct phx_candidate *candidate);

/* Whether both are what the settings say. */
bool phx_judged_by_places(const struct phx_judged_by *by, const struct phx_settings *settings);

/* The same of what was good and has no source now, and of the pieces. WITHDRAWN is what to make of
 * the former. */
int phx_update_desire_others(struct phx_update *update, enum phx_source_state withdrawn);

/* Whether GOOD is this very candidate as only the matcher judged it, in observe mode: the kernel
 * itself has not confirmed it since, so that it must not be put in force. */
bool phx_update_is_unproven(
                const struct phx_update *update,
                const struct phx_candidate *candidate,
                const struct phx_good *good);

/* Asks the rules of state/rules.h of what is good, unless that was done. 0 or -ENOMEM. */
int phx_update_lint(struct phx_update *update, struct phx_good *good);

/* Whether the include is a file of the sources. */
bool phx_update_is_source(const struct phx_update *update, const struct phx_include *include);
