/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"
#include "base/strings.h"
#include "state/backend.h"
#include "state/desired.h"
#include "state/drift.h"
#include "state/gated.h"
#include "state/lint.h"
#include "state/offer.h"
#include "state/posture.h"
#include "state/report.h"
#include "state/restart.h"
#include "state/suspensions.h"

/* What the last pass saw and did: plain data, which the engine alone writes, the loop keeps and
 * answers from, and phoenixctl shows. How the daemon itself is, state/daemon.h has. Owned strings,
 * NULL for what is unknown or absent. Times are microseconds since the epoch, PHX_NEVER for what
 * has not been or will not be. Lists are sorted by name, but for the changes: oldest first. */

enum phx_profile_state {
        PHX_PROFILE_IN_SYNC,
        PHX_PROFILE_DRIFT,
        PHX_PROFILE_QUARANTINED,
        PHX_PROFILE_WITHDRAWN,
        PHX_PROFILE_COMPILING, /* the compiler is at its new text */
};

enum phx_container_state {
        PHX_CONTAINER_UNKNOWN,
        PHX_CONTAINER_IN_SYNC,
        PHX_CONTAINER_DRIFT,
        PHX_CONTAINER_REQUIRES_RESTART,
        PHX_CONTAINER_MISSING,
};

#define PHX_PROFILE_STATES (PHX_PROFILE_COMPILING + 1)
#define PHX_CONTAINER_STATES (PHX_CONTAINER_MISSING + 1)

/* Of the deployed file. */
enum phx_deployment {
        PHX_DEPLOYMENT_CURRENT,
        PHX_DEPLOYMENT_ABSENT,
        PHX_DEPLOYMENT_DIFFERS,
        PHX_DEPLOYMENT_FOREIGN,
        PHX_DEPLOYMENT_UNKNOWN,
};

struct phx_snapshot_profile {
        char *name;
        bool is_piece; /* a file that profiles include */
        enum phx_profile_state state;
        enum phx_source_state source;
        enum phx_tier tier;       /* of the source */
        uint64_t compiling_since; /* with a compile that has not ended */
        char *refusal;
        char *digest;
        enum phx_deployment deployed;
        bool is_loaded;
        enum phx_policy_mode mode; /* in the kernel */
        char *hash;                /* of the last good one */
        char *loaded_hash;         /* of the one in the kernel */
        struct phx_strings containers;
        struct phx_lints lints; /* rules that it breaks */
        struct phx_suspension suspended;
        unsigned line; /* of the source; for phx_deciders_fill() alone, and not shown by itself
                        */
};

/* One of the places that decide about a container's profile, from the source to the label. */
struct phx_snapshot_decider {
        char *layer; /* "config", "source", "disk", "kernel", "container", "running" */
        char *file;
        unsigned line; /* 0: unknown, or none */
        char *key;
        char *value;
        char *why;
};

struct phx_snapshot_container {
        char *id;
        enum phx_backend backend;
        char *name;
        char *directory;
        enum phx_container_state state;
        enum phx_posture posture;
        enum phx_gated gated;
        enum phx_escape escape; /* whether what it is to run in can be left */
        enum phx_restart restart;
        char *lock; /* as in state/observed.h */
        enum phx_run_state wanted_state;
        enum phx_restart_due due; /* what is to be said of a restart, a start or a stop that it
                                     requires */
        enum phx_action_kind due_action; /* which of them; PHX_ACTION_NONE for none */
        uint64_t due_at;                 /* not before then, as far as is known; else PHX_NEVER */
        char *due_why; /* "chain": the container that it waits for; a failure: why */
        enum phx_restart_policy restart_policy; /* of its entry, or of the settings */
        char *profile;
        bool profile_is_default;
        char *namespace;
        struct phx_strings namespace_profiles; /* what the container has loaded into it */
        char *assigned;
        bool is_running;
        unsigned init; /* 0: none */
        char *label;
        unsigned tasks;
        unsigned tasks_wrong;
        unsigned tasks_unknown;
        char *suggestion;
        char *suggestion_why;
        struct phx_strings notes;
        struct phx_lints lints; /* rules that its entry breaks, not those of its profile */
        struct phx_snapshot_decider *decided_by;
        size_t decided_by_count;
        struct phx_suspension suspended;
        /* For phx_deciders_fill() alone: of the configuration, the path of its config (NULL:
         * DIRECTORY's), and what sets ASSIGNED. */
        unsigned line;
        char *config;
        char *decider;
        unsigned decider_line;
        char *decider_why; /* NULL: nothing but what the lines say */
};

struct phx_snapshot_unmanaged {
        char *directory; /* as phx_escape() gives it */
        char *assigned;
        bool is_running;
        enum phx_posture posture;
        char *label;
};

struct phx_snapshot_drift {
        enum phx_layer layer;
        enum phx_drift_kind kind;
        char *later_kind; /* as a later version calls a kind that is unknown here, else NULL */
        enum phx_action_kind action;
        char *object;
        char *expected;
        char *found;
        enum phx_cause cause;
        char *why; /* the cause in words, with its detail; NULL for none */
        char *sentence;
        char *failure;     /* what the action said when it last failed */
        uint64_t retry_at; /* when it may be tried again */
        bool is_tolerable;
        bool is_suspended;
        char *old_digest;
        char *new_digest;
        /* In a plan alone: the step that resolves it, in words, the file that it changes, and the
         * text of that. */
        char *step;
        char *file;
        char *before;
        char *after;
};

/* What is to be done, in this order: the drifts that have an action. */
struct phx_snapshot_plan {
        char *generation;
        bool is_observing; /* nothing of it is done */
        struct phx_snapshot_drift *steps;
        size_t step_count;
        struct phx_offer *offers; /* and what an operator may do */
        size_t offer_count;
};

struct phx_snapshot_change {
        uint64_t at;
        enum phx_action_kind action;
        char *object;
        char *sentence;
        bool has_failed;
};

/* How often a compile was spared, and how often not, since the engine started. */
struct phx_cache_counts {
        uint64_t hits;        /* policies that were in our own cache */
        uint64_t shared_hits; /* in the directory that others fill */
        uint64_t misses;      /* in neither */
};

struct phx_snapshot_cache {
        char *compiler; /* digest of all that decides a policy besides its text: hosts with the same
                           one can share policies; NULL before it is known */
        struct phx_cache_counts counts;
};

struct phx_snapshot {
        bool is_observing;
        enum phx_boot_gate boot_gate; /* as the settings say */
        char *generation;
        char *observed_generation;
        struct {
                uint64_t changes;
                uint64_t failures;
                uint64_t compiles;
                uint64_t compile_usec;
        } counters;
        struct phx_snapshot_cache cache;
        struct {
                char *settings;
                unsigned default_profile_line; /* of it; not shown by itself */
                char *configuration;
                char *site_configuration; /* the site's, in force or not; NULL: there is none */
                char *profile_dir;
                char *site_profile_dir; /* NULL: none is looked for */
                char *deployed_dir;
                char *lxc_path;
        } paths;
        struct phx_snapshot_profile *profiles;
        size_t profile_count;
        struct phx_snapshot_container *containers;
        size_t container_count;
        struct phx_snapshot_unmanaged *unmanaged;
        size_t unmanaged_count;
        struct phx_snapshot_drift *drifts;
        size_t drift_count;
        struct phx_offer *offers; /* by OBJECT; of the plan alone, as their texts are not for
                                     everybody */
        size_t offer_count;
        struct phx_snapshot_change *changes;
        size_t change_count;
        struct phx_suspensions suspensions;
        struct phx_strings notes; /* about the input as a whole */
};

/* Some of its objects; the arrays and what their items own are borrowed. */
struct phx_snapshot_part {
        struct phx_snapshot_profile *profiles;
        size_t profile_count;
        struct phx_snapshot_container *containers;
        size_t container_count;
        struct phx_snapshot_drift *drifts;
        size_t drift_count;
        struct phx_snapshot_unmanaged *unmanaged;
        size_t unmanaged_count;
        uint64_t labels_at;
};

/* The words of the interface: "in-sync", "requires-restart", … NULL for a number that is none. */
const char *phx_profile_state_to_string(enum phx_profile_state state);
const char *phx_container_state_to_string(enum phx_container_state state);
const char *phx_deployment_to_string(enum phx_deployment state);

/* An empty one, as before anything was looked at; NULL when memory is short. */
struct phx_snapshot *phx_snapshot_new(void);
struct phx_snapshot *phx_snapshot_free(struct phx_snapshot *snapshot);
PHX_DEFINE_FREEP(phx_snapshot)

/* Of one object by itself; they leave zeros. */
void phx_snapshot_profile_done(struct phx_snapshot_profile *profile);
void phx_snapshot_deciders_done(struct phx_snapshot_container *container);
void phx_snapshot_container_done(struct phx_snapshot_container *container);

/* Forgets all drifts but the first COUNT. */
void phx_snapshot_cut_drifts(struct phx_snapshot *snapshot, size_t count);

void phx_snapshot_plan_done(struct phx_snapshot_plan *plan);

/* NULL when there is none. Borrowed. */
const struct phx_snapshot_profile *phx_snapshot_find_profile(
                const struct phx_snapshot *snapshot,
                const char *name);
const struct phx_snapshot_container *phx_snapshot_find_container(
                const struct phx_snapshot *snapshot,
                const char *id);
