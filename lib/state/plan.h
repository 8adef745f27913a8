/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

#include "base/strings.h"
#include "state/drift.h"
#include "state/observed.h"

/* A plan: all changes of the machine that are about to be made, in their order. It is built once,
 * whole, before the first of them is made; see reconcile/plan.h. A step carries all that it takes
 * to make its change and to show it, so that nothing of the last look is asked for again; and what
 * was read there, so that it fails with -ESTALE when the machine is not like that any more.
 *
 * A new kind of change (a restart, a container that is created, an edit of another backend) is a
 * value of enum phx_action_kind, a struct and a member of the union here, a case in
 * reconcile/plan.c that fills it and one that renders it, and a case in phx_machine_apply() and in
 * phx_machine_preview(). */

/* PHX_ACTION_INSTALL, PHX_ACTION_WITHDRAW: the deployed file of a profile or a piece. */
struct phx_step_file {
        const char *root; /* the deployed directory, which is there */
        const char *name; /* of the file below it, and of its profile */
        const char *old;  /* SHA-256 of the file that was read; "" when there was none */
        const char *text; /* SHA-256 of the last good text that takes its place; NULL: none does */
};

/* PHX_ACTION_LOAD: a compiled policy. */
struct phx_step_policy {
        const char *profile;
        const char *key; /* by which the cache has it; "" when it is lost */
};

/* PHX_ACTION_ASSIGN: the managed lines of a container's config. */
struct phx_step_edit {
        enum phx_backend backend;
        const char *lxc_path;
        const char *directory;     /* of the container: below LXC_PATH, or its id in Proxmox */
        const char *config;        /* its path, for people; NULL: LXC_PATH/DIRECTORY/config */
        const char *digest;        /* SHA-256 of the config that was read */
        const char *profile;       /* that the container gets: the kernel still has to have it, */
        enum phx_policy_mode mode; /* in this mode or an enforcing one; PHX_POLICY_UNKNOWN for
                                      "unconfined" and "generated", which need none */
        const char *label;         /* the value of lxc.apparmor.profile */
        const struct phx_line_edit *lines; /* the others */
};

/* PHX_ACTION_RESTART: a container that runs under another label than its config names.
 * PHX_ACTION_START, PHX_ACTION_STOP: one that is not in the state that its entry asks for. */
struct phx_step_restart {
        const char *id;
        const char *directory;
        const char *label;  /* that it is to run under */
        const char *before; /* that its init runs under; "" when it is not known */
        bool is_enforced;   /* and that confines it */
        char init[PHX_RESTART_INIT_SIZE];
        char input[PHX_SHA256_HEX];
};

/* PHX_ACTION_CREATE: a container that is not on this host. */
struct phx_step_create {
        const char *lxc_path; /* NULL: Proxmox creates it */
        const char *source;   /* the directory of the container that it is cloned from; NULL: it is
                                 made from a template */
        const struct phx_desired_container *want;
};

/* All of it is borrowed from what the plan was made of. */
struct phx_step {
        enum phx_action_kind kind;     /* never PHX_ACTION_NONE */
        const struct phx_drift *drift; /* that it resolves */
        union {
                struct phx_step_file file;
                struct phx_step_policy policy;
                const char *namespace; /* PHX_ACTION_NAMESPACE: the name of the new one */
                struct phx_step_edit edit;
                struct phx_step_restart restart;
                struct phx_step_create create;
        };
};

struct phx_plan {
        struct phx_step *steps;
        size_t count;
};

/* Appends a zeroed step; borrowed, valid until the next call. NULL when memory is short. */
struct phx_step *phx_plan_add(struct phx_plan *plan);
void phx_plan_done(struct phx_plan *plan);
