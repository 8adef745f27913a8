/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/macros.h"
#include "state/cause.h"
#include "state/refused.h"

/* The five layers, in causal order: a layer can be right only when those before it are. */
enum phx_layer {
        PHX_LAYER_SOURCE,
        PHX_LAYER_DISK,
        PHX_LAYER_KERNEL,
        PHX_LAYER_CONFIG,
        PHX_LAYER_RUNNING,
};

#define PHX_LAYERS (PHX_LAYER_RUNNING + 1)

enum phx_drift_kind {
        PHX_DRIFT_REFUSED, /* source: input that is not accepted; the last good stays in force */
        PHX_DRIFT_ABSENT,  /* disk, kernel: not there */
        PHX_DRIFT_DIFFERS, /* disk, kernel: there, and not what is desired */
        PHX_DRIFT_MODE, /* kernel: the right policy in the wrong mode, or a wrong one in a weaker */
        PHX_DRIFT_FOREIGN,  /* disk: a file of this name that is not recorded as ours */
        PHX_DRIFT_DISABLED, /* disk: a link in disable/ or force-complain/ that the next boot obeys
                             */
        PHX_DRIFT_LEFTOVER, /* kernel: a child that the profile no longer has; gone at the next boot
                             */
        PHX_DRIFT_NAMESPACE, /* kernel: a container's policy namespace is not there */
        PHX_DRIFT_WITHDRAWN, /* disk: the source is gone */
        PHX_DRIFT_ASSIGNED,  /* config: the effective profile or a managed line is not the desired
                                one */
        PHX_DRIFT_RUNNING,   /* running: a task is not under the desired label in enforce mode, or
                                it was started with other managed lines */
        PHX_DRIFT_STATE,     /* running: it runs and is not to, or the other way round */
        PHX_DRIFT_MISSING,   /* config: configured, not on this host */
        PHX_DRIFT_UNMANAGED, /* config: on this host, not configured */
        PHX_DRIFT_OPTION,    /* config: options that liblxc refuses, and that are left out */
        PHX_DRIFT_PENDING,   /* config: right now, and not after the next start */
        PHX_DRIFT_REMARK,    /* config: lines that hardly mean what they seem to say */
        PHX_DRIFT_UNKNOWN,   /* cannot be determined; the last */
};

enum phx_action_kind {
        PHX_ACTION_NONE,
        PHX_ACTION_INSTALL,   /* put the source's bytes in place of the deployed file */
        PHX_ACTION_LOAD,      /* one write of the compiled policy to the kernel */
        PHX_ACTION_NAMESPACE, /* make a container's policy namespace */
        PHX_ACTION_ASSIGN,    /* edit the managed lines of a container's config */
        PHX_ACTION_WITHDRAW,  /* remove the deployed file of a profile that nothing refers to */
        PHX_ACTION_RESTART,   /* have a container restarted */
        PHX_ACTION_START,     /* have a container started, for its state */
        PHX_ACTION_STOP,      /* likewise */
        PHX_ACTION_CREATE,    /* have a missing container created; the last */
};

/* The object of what is wrong with the kernel as a whole. */
#define PHX_OBJECT_KERNEL "AppArmor"

/* One difference: what was expected, what was found, and what will be done about it. The strings
 * are borrowed in a drift that is being made, and owned in one that is in a list. */
struct phx_drift {
        enum phx_layer layer;
        enum phx_drift_kind kind;
        enum phx_action_kind
                        action; /* PHX_ACTION_NONE when phoenixd must not, or cannot, repair it */
        const char *object;     /* a profile's name, a container's id, or the name of an input */
        const char *expected;
        const char *found;
        enum phx_cause cause;     /* with PHX_ACTION_NONE: why nothing is done */
        const char *detail;       /* what some causes are about; else NULL */
        const char *profile;      /* that OBJECT is, or is to run in; NULL for none */
        enum phx_refused refused; /* PHX_DRIFT_REFUSED: what OBJECT is */
        /* PHX_DRIFT_ASSIGNED: KEY of the managed line that is wrong, NULL when it is the profile;
         * and whether the config has none of it at all. PHX_DRIFT_RUNNING: KEY of the line that it
         * was started without, or with; NULL when it is the label, and whether nothing runs. */
        const char *key;
        bool is_lacking;
        /* For the audit trail: digests of the file or the policy that is there, and of the one that
         * shall be. NULL where there is none, or none is known before it is made. */
        const char *old_digest;
        const char *new_digest;
        bool is_suspended; /* an operator has set the object aside */
};

/* Drifts in the order in which they were found; see phx_drifts_sort(). */
struct phx_drifts {
        struct phx_drift *items;
        size_t count;
        bool is_sorted; /* since the last phx_drifts_add(): then one is found without a walk */
};

const char *phx_layer_to_string(enum phx_layer layer);
const char *phx_drift_kind_to_string(enum phx_drift_kind kind);
const char *phx_action_kind_to_string(enum phx_action_kind kind);

/* Appends a copy of DRIFT with its strings. 0 or -ENOMEM. */
int phx_drifts_add(struct phx_drifts *drifts, const struct phx_drift *drift);
/* Replaces the detail of one that is in a list by a copy of TEXT, which may be NULL. 0 or -ENOMEM.
 */
int phx_drift_set_detail(struct phx_drift *drift, const char *text);
/* Takes back what was added last; there must be one. */
void phx_drifts_drop_last(struct phx_drifts *drifts);
/* Order of the layers, then by object and kind, then by the words: the same set always reads the
 * same. */
void phx_drifts_sort(struct phx_drifts *drifts);
/* The drifts about OBJECT in LAYER, one after the other: AT is 0 at first. NULL at the end. */
const struct phx_drift *phx_drifts_next(
                const struct phx_drifts *drifts,
                enum phx_layer layer,
                const char *object,
                size_t *at);
/* The drift of this layer, kind and object, or NULL. */
const struct phx_drift *phx_drifts_find(
                const struct phx_drifts *drifts,
                const struct phx_drift *like);
/* That which says that the state of TRIED's object is still wrong, after its action was taken; NULL
 * when it is right, or says something else. */
const struct phx_drift *phx_drifts_find_state(
                const struct phx_drifts *drifts,
                const struct phx_drift *tried);
void phx_drifts_done(struct phx_drifts *drifts);

/* A restart of the container resolves it, and nothing else does; it may be under way. */
bool phx_drift_requires_restart(const struct phx_drift *drift);
/* True for what is a state of affairs rather than trouble: a restart that is due, a profile that is
 * accepted in complain mode, a container that is not on this host and is not to be created now, one
 * that is not ours, a child of
 * a former version that only a boot removes, what waits for a compile that has its deadline. What
 * an operator has suspended is not in sync. */
bool phx_drift_is_tolerable(const struct phx_drift *drift);
