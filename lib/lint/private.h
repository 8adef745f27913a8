/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/buffer.h"
#include "lint/lint.h"
#include "policy/graph.h"

/* One profile on its way through the rules, as their parts share it. */
struct lint {
        const struct phx_lint_subject *subject;
        const char *family; /* the profile's name */
        struct phx_profile_text text;
        struct phx_lints *lints;
        /* Of the profile or child that is being asked about: */
        const struct phx_policy_entry *entry;
        struct phx_policy_graph *files;  /* NULL: no file may be opened */
        struct phx_policy_graph *others; /* NULL: nothing else is mediated */
};

/* What a rule of the text is looked for by. */
enum lint_words {
        LINT_CHANGE_PROFILE, /* to NAME */
        LINT_EXEC,           /* of the path NAME, out of the profile */
        LINT_FILE,           /* NAME with one of PERMISSIONS */
        LINT_MOUNT,          /* of the type NAME */
        LINT_PTRACE,         /* of the peer NAME */
        LINT_SIGNAL,         /* to the peer NAME */
        LINT_CAPABILITY,     /* NAME */
        LINT_HEADER,         /* what opens the profile, or the child */
};

struct lint_place {
        enum lint_words words;
        const char *name;
        const char *permissions;
};

/* Adds a finding about the entry; TEXT goes on after "the container". 0 or -ENOMEM. */
int lint_add(struct lint *lint,
             enum phx_rule rule,
             const struct lint_place *place,
             const char *format,
             ...) PHX_PRINTF(4, 5);

/* Finds what brings it: a rule that allows it, else one of the kind, else the profile's beginning.
 * 0, 1 when it is a rule that does not say so, or -ENOMEM. */
int lint_locate(const struct lint *lint, const struct lint_place *place, struct phx_lint *item);

/* Names that were found, for one sentence: three, and how many more there are. */
struct lint_names {
        struct phx_buffer words;
        const char *first; /* borrowed from the caller's names */
        size_t count;
};

int lint_names_add(struct lint_names *names, const char *name);
void lint_names_done(struct lint_names *names);
/* Adds a finding, unless FOUND is empty: BEFORE, "a, b, c and 2 more" and AFTER. 0 or -ENOMEM. */
int lint_add_names(
                struct lint *lint,
                enum phx_rule rule,
                const struct lint_place *place,
                struct lint_names *found,
                const char *before,
                const char *after);

/* Whether the file at PATH may be opened with any of MASK. */
bool lint_may_open(const struct lint *lint, const char *path, uint32_t mask);

/* Each asks about the entry. 0 or a negative errno. */
int lint_leaving(struct lint *lint);
int lint_tasks(struct lint *lint);
int lint_mounts(struct lint *lint);
int lint_files(struct lint *lint);
/* Of the profile as a whole. */
int lint_abi(struct lint *lint);
