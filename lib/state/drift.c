/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "state/drift.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/grow.h"
#include "base/sorted.h"
#include "base/strings.h"

const char *phx_layer_to_string(enum phx_layer layer) {
        switch (layer) {
        case PHX_LAYER_SOURCE:
                return "source";
        case PHX_LAYER_DISK:
                return "disk";
        case PHX_LAYER_KERNEL:
                return "kernel";
        case PHX_LAYER_CONFIG:
                return "config";
        case PHX_LAYER_RUNNING:
                return "running";
        }
        return "unknown";
}

const char *phx_drift_kind_to_string(enum phx_drift_kind kind) {
        switch (kind) {
        case PHX_DRIFT_REFUSED:
                return "refused";
        case PHX_DRIFT_ABSENT:
                return "absent";
        case PHX_DRIFT_DIFFERS:
                return "differs";
        case PHX_DRIFT_MODE:
                return "mode";
        case PHX_DRIFT_FOREIGN:
                return "foreign";
        case PHX_DRIFT_DISABLED:
                return "disabled";
        case PHX_DRIFT_LEFTOVER:
                return "leftover";
        case PHX_DRIFT_NAMESPACE:
                return "namespace";
        case PHX_DRIFT_WITHDRAWN:
                return "withdrawn";
        case PHX_DRIFT_ASSIGNED:
                return "assigned";
        case PHX_DRIFT_RUNNING:
                return "running";
        case PHX_DRIFT_STATE:
                return "state";
        case PHX_DRIFT_MISSING:
                return "missing";
        case PHX_DRIFT_UNMANAGED:
                return "unmanaged";
        case PHX_DRIFT_OPTION:
                return "option";
        case PHX_DRIFT_PENDING:
                return "pending";
        case PHX_DRIFT_REMARK:
                return "remark";
        case PHX_DRIFT_UNKNOWN:
                return "unknown";
        }
        return "unknown";
}

const char *phx_action_kind_to_string(enum phx_action_kind kind) {
        switch (kind) {
        case PHX_ACTION_NONE:
                return "none";
        case PHX_ACTION_INSTALL:
                return "install";
        case PHX_ACTION_LOAD:
                return "load";
        case PHX_ACTION_NAMESPACE:
                return "namespace";
        case PHX_ACTION_ASSIGN:
                return "assign";
        case PHX_ACTION_WITHDRAW:
                return "withdraw";
        case PHX_ACTION_RESTART:
                return "restart";
        case PHX_ACTION_START:
                return "start";
        case PHX_ACTION_STOP:
                return "stop";
        case PHX_ACTION_CREATE:
                return "create";
        }
        return "unknown";
}

/* Strings of a listed drift are copies of our own, whatever the pointer's type says for borrowed
 * ones. */
static void free_owned(const char *text) {
        /* Through an integer, as a cast would drop the const. */
        free((void *) (uintptr_t) text); /* NOLINT(performance-no-int-to-ptr) */
}

static void drift_done(struct phx_drift *drift) {
        free_owned(drift->object);
        free_owned(drift->expected);
        free_owned(drift->found);
        free_owned(drift->profile);
        free_owned(drift->detail);
        free_owned(drift->key);
        free_owned(drift->old_digest);
        free_owned(drift->new_digest);
        *drift = (struct phx_drift){ 0 };
}

/* False when memory is short. */
static bool drift_copy_text(const char **to, const char *from) {
        *to = from ? strdup(from) : NULL;
        return *to || !from;
}

static int drift_copy(struct phx_drift *to, const struct phx_drift *from) {
        bool complete;

        *to = (struct phx_drift){
                .layer = from->layer,
                .kind = from->kind,
                .action = from->action,
                .refused = from->refused,
                .cause = from->cause,
                .is_lacking = from->is_lacking,
                .is_suspended = from->is_suspended,
        };
        complete = drift_copy_text(&to->object, from->object) &&
                   drift_copy_text(&to->expected, from->expected) &&
                   drift_copy_text(&to->found, from->found) &&
                   drift_copy_text(&to->profile, from->profile) &&
                   drift_copy_text(&to->detail, from->detail) &&
                   drift_copy_text(&to->key, from->key) &&
                   drift_copy_text(&to->old_digest, from->old_digest) &&
                   drift_copy_text(&to->new_digest, from->new_digest);
        if (complete)
                return 0;

        drift_done(to);
        return -ENOMEM;
}

int phx_drift_set_detail(struct phx_drift *drift, const char *text) {
        const char *copy = NULL;

        if (!drift_copy_text(&copy, text))
                return -ENOMEM;
        free_owned(drift->detail);
        drift->detail = copy;
        return 0;
}

int phx_drifts_add(struct phx_drifts *drifts, const struct phx_drift *drift) {
        struct phx_drift *items;
        int r;

        items = phx_make_room(drifts->items, drifts->count, sizeof(*items));
        if (!items)
                return -ENOMEM;
        drifts->items = items;

        r = drift_copy(&items[drifts->count], drift);
        if (r < 0)
                return r;
        drifts->count++;
        drifts->is_sorted = false;
        return 0;
}

void phx_drifts_drop_last(struct phx_drifts *drifts) {
        assert(drifts->count > 0);

        drift_done(&drifts->items[--drifts->count]);
}

/* NULL before any text. */
static int drift_compare_texts(const char *a, const char *b) {
        if (!a || !b)
                return (a != NULL) - (b != NULL);
        return strcmp(a, b);
}

static int drift_compare(const void *a, const void *b) {
        const struct phx_drift *x = a, *y = b;
        int order;

        if (x->layer != y->layer)
                return x->layer < y->layer ? -1 : 1;
        order = strcmp(x->object, y->object);
        if (order == 0)
                order = (x->kind > y->kind) - (x->kind < y->kind);
        if (order == 0)
                order = drift_compare_texts(x->expected, y->expected);
        if (order == 0)
                order = drift_compare_texts(x->found, y->found);
        return order;
}

static bool drifts_are_sorted(const struct phx_drifts *drifts) {
        for (size_t i = 1; i < drifts->count; i++)
                if (drift_compare(&drifts->items[i - 1], &drifts->items[i]) > 0)
                        return false;
        return true;
}

void phx_drifts_sort(struct phx_drifts *drifts) {
        if (!drifts_are_sorted(drifts))
                qsort(drifts->items, drifts->count, sizeof(*drifts->items), drift_compare);
        drifts->is_sorted = true;
}

struct drift_about {
        enum phx_layer layer;
        const char *object;
};

static int drift_compare_about(const void *key, const void *item) {
        const struct drift_about *about = key;
        const struct phx_drift *drift = item;

        if (about->layer != drift->layer)
                return about->layer < drift->layer ? -1 : 1;
        return strcmp(about->object, drift->object);
}

/* The first of a sorted list that is not before what is about OBJECT in LAYER. */
static size_t drift_lower_bound(
                const struct phx_drifts *drifts,
                enum phx_layer layer,
                const char *object) {
        const struct drift_about key = { layer, object };

        return phx_lower_bound(
                        &key,
                        drifts->items,
                        drifts->count,
                        sizeof(*drifts->items),
                        drift_compare_about);
}

const struct phx_drift *phx_drifts_next(
                const struct phx_drifts *drifts,
                enum phx_layer layer,
                const char *object,
                size_t *at) {
        if (*at == 0 && drifts->is_sorted)
                *at = drift_lower_bound(drifts, layer, object);
        while (*at < drifts->count) {
                const struct phx_drift *drift = &drifts->items[(*at)++];

                if (drift->layer == layer && strcmp(drift->object, object) == 0)
                        return drift;
                if (drifts->is_sorted)
                        break;
        }
        *at = drifts->count;
        return NULL;
}

const struct phx_drift *phx_drifts_find(
                const struct phx_drifts *drifts,
                const struct phx_drift *like) {
        const struct phx_drift *drift;
        size_t at = 0;

        while ((drift = phx_drifts_next(drifts, like->layer, like->object, &at)))
                if (drift->kind == like->kind)
                        return drift;
        return NULL;
}

/* Whether STILL, of the same layer and object, says about the same state what TRIED was to repair:
 * an action repairs one state of one object, whatever was wrong with it. */
static bool is_same_state(const struct phx_drift *still, const struct phx_drift *tried) {
        if (still->kind == PHX_DRIFT_DISABLED || still->kind == PHX_DRIFT_OPTION ||
            still->kind == PHX_DRIFT_PENDING || still->kind == PHX_DRIFT_REMARK)
                return false;
        /* Of what the entry asks for, and not of what was done about it. */
        if (still->cause == PHX_CAUSE_ROLLED_BACK)
                return false;
        /* A container may have the name of a profile. */
        if ((still->kind == PHX_DRIFT_NAMESPACE) != (tried->kind == PHX_DRIFT_NAMESPACE) &&
            still->kind != PHX_DRIFT_UNKNOWN)
                return false;
        return still->kind != PHX_DRIFT_WITHDRAWN || tried->action == PHX_ACTION_WITHDRAW;
}

const struct phx_drift *phx_drifts_find_state(
                const struct phx_drifts *drifts,
                const struct phx_drift *tried) {
        const struct phx_drift *still;
        size_t at = 0;

        while ((still = phx_drifts_next(drifts, tried->layer, tried->object, &at)))
                if (is_same_state(still, tried))
                        return still;
        at = 0;
        /* The kernel as a whole cannot be judged. */
        while (tried->layer == PHX_LAYER_KERNEL &&
               (still = phx_drifts_next(drifts, PHX_LAYER_KERNEL, PHX_OBJECT_KERNEL, &at)))
                if (still->kind == PHX_DRIFT_UNKNOWN)
                        return still;
        return NULL;
}

void phx_drifts_done(struct phx_drifts *drifts) {
        for (size_t i = 0; i < drifts->count; i++)
                drift_done(&drifts->items[i]);
        free(drifts->items);
        *drifts = (struct phx_drifts){ 0 };
}

bool phx_drift_requires_restart(const struct phx_drift *drift) {
        return drift->kind == PHX_DRIFT_RUNNING &&
               (drift->cause == PHX_CAUSE_REQUIRES_RESTART || drift->cause == PHX_CAUSE_RESTARTING);
}

bool phx_drift_is_tolerable(const struct phx_drift *drift) {
        if (drift->cause == PHX_CAUSE_PROFILE_COMPILING)
                return true;
        if (drift->kind == PHX_DRIFT_RUNNING)
                return phx_drift_requires_restart(drift) || drift->cause == PHX_CAUSE_NOT_ENFORCED;
        if (drift->action == PHX_ACTION_CREATE || drift->cause == PHX_CAUSE_CREATE_FAILED ||
            drift->cause == PHX_CAUSE_CREATE_REFUSED)
                return false;
        return drift->kind == PHX_DRIFT_MISSING || drift->kind == PHX_DRIFT_UNMANAGED ||
               drift->kind == PHX_DRIFT_LEFTOVER || drift->kind == PHX_DRIFT_REMARK;
}
