/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/index.h"
#include "base/strings.h"
#include "state/cause.h"
#include "state/configuration.h"
#include "state/creation.h"
#include "state/lint.h"
#include "state/lxc_options.h"
#include "state/mode.h"
#include "state/refused.h"
#include "state/restarts.h"
#include "state/settings.h"
#include "state/suspensions.h"

/* What the kernel should show for one profile, child or hat. */
struct phx_kernel_entry {
        char *name; /* full: parent//child */
        enum phx_policy_mode mode;
        char *hash; /* hexadecimal, of the kind that the kernel computes; NULL when it computes none
                     */
};

struct phx_kernel_entries {
        struct phx_kernel_entry *items;
        size_t count;
        struct phx_index by_name; /* see phx_kernel_entries_index() */
};

enum phx_source_state {
        PHX_SOURCE_GOOD,
        PHX_SOURCE_REFUSED,   /* quarantined: REFUSAL says why; what is good is the last good one */
        PHX_SOURCE_WRITING,   /* somebody has it open for writing: the last good one until that ends
                               */
        PHX_SOURCE_WITHDRAWN, /* the source is gone, the last good one is still around */
        PHX_SOURCE_COMPILING, /* the compiler is at it, or will be: the last good one until that
                                 ends; the last */
};

#define PHX_SOURCE_STATES (PHX_SOURCE_COMPILING + 1)

/* "good", "refused", … NULL for a number that is none. */
const char *phx_source_state_to_string(enum phx_source_state state);

/* Where the source is that is in force: the site's package has profiles, too, and a file of the
 * host's own takes the place of one of the same name. */
enum phx_tier {
        PHX_TIER_LOCAL,    /* the host's own, and the site has none */
        PHX_TIER_SITE,     /* the site's */
        PHX_TIER_OVERRIDE, /* the host's own, in place of the site's */
        PHX_TIER_MASKED,   /* none, as the host masks the site's; the last */
};

#define PHX_TIERS (PHX_TIER_MASKED + 1)

/* "local", "site", … NULL for a number that is none. */
const char *phx_tier_to_string(enum phx_tier tier);

struct phx_desired_profile {
        char *name;
        enum phx_source_state state;
        enum phx_tier tier; /* of its source */
        char *refusal; /* PHX_SOURCE_REFUSED: for the operator; begins with the name: "NAME: …" */
        uint64_t compiling_since_usec;    /* with a compile that has not ended: monotonic; else 0 */
        bool is_awaited;                  /* and a person has asked for a look since */
        unsigned line;                    /* of the last good text, that begins the profile */
        bool has_good;                    /* the six below hold */
        char digest[PHX_SHA256_HEX];      /* of the bytes of the deployed file */
        char key[PHX_SHA256_HEX];         /* of the compiled policy; "" for a piece */
        bool is_new;                      /* this judgement made it the last good one */
        char old_digest[PHX_SHA256_HEX];  /* IS_NEW: of the one before; "" without */
        struct phx_kernel_entries policy; /* as the kernel should show it, children included */
        /* It, or a child of it, allows CAP_MAC_ADMIN: root of a privileged container could change
         * the policy of the host with it, unless the container has a policy namespace. */
        bool grants_mac_admin;
        struct phx_lints lints; /* rules that it breaks */
};

/* What is known of a restart of a container; see reconcile/restarts.h. The zero value is nothing.
 */
struct phx_restart_mark {
        char *input;       /* as it is now; NULL when there is nothing to be marked */
        bool has_job;      /* a job of this boot may be at it, whatever its input was */
        bool is_left;      /* a restart has left it stopped, and it is to be started, or is being */
        bool holds;        /* the five below do: it is about this input */
        bool is_for_state; /* a start or a stop, for the state that its entry asks for */
        enum phx_restart_phase phase;
        char *why;   /* it failed, with why it was not rolled back; NULL before */
        char *asked; /* the label that its entry asks for, where another one is desired because it
                        was rolled back; else NULL */
};

struct phx_desired_container {
        char *id;
        char *name;      /* for people: any, and not unique; or NULL */
        char *directory; /* its name below lxc_path, or NULL when it is not on this host */
        char *profile;
        char *namespace; /* the policy namespace that it is to have, or NULL */
        char *label; /* the value of lxc.apparmor.profile: the profile, stacked with the namespace
                        where there is one */
        bool is_on_another_node; /* of the cluster, which has it */
        unsigned line;           /* of the configuration, that names PROFILE; 0: unknown */
        bool profile_is_default; /* no entry names it; it is the settings' */
        bool is_generated;    /* PROFILE is the one that LXC makes for each start, under a name of
                                 its own: see phx_desired_container_set_generated() */
        char *suggestion_why; /* what of its configuration calls for that one */
        char *suggestion; /* for who is unconfined by configuration: the profile that would fit */
        struct phx_lxc_options options; /* managed lines besides the profile's */
        enum phx_restart_policy restart;
        enum phx_run_state state; /* that it is to be in; unmanaged where the settings say so */
        long boot_order;
        struct phx_creation *creation; /* how it is created when it is missing; NULL: it is not */
        char *copied_for; /* the container that is being made of this one; NULL: none is */
        struct phx_strings dependencies; /* ids, of which some may not be there */
        struct phx_restart_mark mark;
        struct phx_strings notes; /* contradictions in its configuration, for the operator */
        struct phx_lints lints;   /* rules that its entry and its profile break together */
};

/* An input that is not accepted. */
struct phx_refusal {
        enum phx_refused refused;
        char *object; /* its name for the operator */
        char *text;
        enum phx_cause cause; /* PHX_CAUSE_NONE: the last known good stays in force */
        bool is_transient;    /* being written just now: not reported */
};

/* Everything that the accepted input asks of this machine. */
struct phx_desired {
        enum phx_mode mode;
        bool has_configuration; /* without one nothing was ever accepted, and nothing is changed */
        char generation[PHX_SHA256_HEX];
        enum phx_boot_gate boot_gate; /* as the settings say */
        bool manages_autostart; /* as the settings say: decides OPTIONS beside the generation */
        struct phx_desired_profile *profiles;
        size_t profile_count;
        struct phx_index profiles_by_name; /* see phx_desired_index() */
        struct phx_desired_container *containers;
        size_t container_count;
        size_t *by_directory; /* their positions; see phx_desired_index() */
        size_t indexed_count; /* how many there were then */
        struct phx_refusal *refusals;
        size_t refusal_count;
        struct phx_suspensions suspensions; /* in force */
        struct phx_strings notes;           /* about the input as a whole, for the operator */
};

struct phx_desired *phx_desired_free(struct phx_desired *desired);
PHX_DEFINE_FREEP(phx_desired)

/* Each appends a zeroed item with its first string copied, and returns it: borrowed, valid until
 * the next call. NULL when memory is short. */
struct phx_desired_profile *phx_desired_add_profile(struct phx_desired *desired, const char *name);
struct phx_desired_container *phx_desired_add_container(
                struct phx_desired *desired,
                const char *id);
/* FILE is the name of a test; NULL for what has a word, see phx_refused_to_string(). */
struct phx_refusal *phx_desired_add_refusal(
                struct phx_desired *desired,
                enum phx_refused refused,
                const char *file,
                const char *text);

/* Whether a container gets a policy namespace of its own. One that has no profile needs none: it
 * may load what it likes. */
bool phx_container_has_namespace(
                const struct phx_container_config *config,
                enum phx_namespace_policy policy);

/* Marks what the settings accept of the rules that are broken, and notes each acceptance that
 * accepts nothing. 0 or -ENOMEM. */
int phx_desired_accept(struct phx_desired *desired, const struct phx_acceptances *acceptances);

/* When all profiles and containers are there: from now on one is found without walking all of them.
 * 0 or -ENOMEM. */
int phx_desired_index(struct phx_desired *desired);

/* The container that is DIRECTORY on this host, or NULL. */
const struct phx_desired_container *phx_desired_find_directory(
                const struct phx_desired *desired,
                const char *directory);

/* Sets all three: NAMESPACE may be NULL. 0 or -ENOMEM. */
int phx_desired_container_set_profile(
                struct phx_desired_container *container,
                const char *profile,
                const char *namespace);

/* It is to have no profile of ours, and not to be unconfined either: Proxmox confines a container
 * that names none by a profile that LXC generates. 0 or -ENOMEM. */
int phx_desired_container_set_generated(struct phx_desired_container *container);

const struct phx_desired_profile *phx_desired_find_profile(
                const struct phx_desired *desired,
                const char *name);
/* The profile that NAME is, or is a child of: see phx_label_name_is_of(). */
const struct phx_desired_profile *phx_desired_find_parent(
                const struct phx_desired *desired,
                const char *name);

/* Copies both strings (HASH may be NULL). 0 or -ENOMEM. */
int phx_kernel_entries_add(
                struct phx_kernel_entries *entries,
                const char *name,
                enum phx_policy_mode mode,
                const char *hash);
/* When all are there: as phx_desired_index(). */
int phx_kernel_entries_index(struct phx_kernel_entries *entries);
const struct phx_kernel_entry *phx_kernel_entries_find(
                const struct phx_kernel_entries *entries,
                const char *name);
/* Those whose names begin with PREFIX, one after the other: AT is 0 at first. NULL at the end. */
const struct phx_kernel_entry *phx_kernel_entries_next(
                const struct phx_kernel_entries *entries,
                const char *prefix,
                size_t *at);
void phx_kernel_entries_done(struct phx_kernel_entries *entries);
