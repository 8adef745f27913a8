/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* AppArmor labels, and whether a container's tasks carry the right one. Pure functions; nothing
 * else takes "//" and "//&" apart.
 *
 * A label is a stack of profiles, joined by "//&". A child is named "PROFILE//CHILD"; the kernel
 * itself makes children "//null-…" for what a complaining profile executes. ":NAMESPACE:" stands
 * before the first profile of a policy namespace, and all behind it belong to that namespace: what
 * is in one is a container's own affair. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/strings.h"
#include "state/mode.h"

/* What /proc/PID/attr/apparmor/current says: "LABEL (MODE)", or "unconfined" alone. Owned. */
struct phx_label {
        char *text; /* without the mode; NULL in the zero value */
        bool has_mode;
        enum phx_policy_mode mode;
};

void phx_label_done(struct phx_label *label);

/* 0; -EINVAL for what is no label (empty, or another security module's), -ENOMEM. One line feed at
 * the end does not count. */
int phx_label_parse(const char *text, struct phx_label *ret_label);

/* "LABEL (MODE)" again, the caller's to free: 0 or -ENOMEM. */
int phx_label_render(const struct phx_label *label, char **ret_text);
/* 0 or -ENOMEM, and then COPY is as it was. */
int phx_label_copy(struct phx_label *copy, const struct phx_label *label);

/* One profile of a stack. The zero value is before the first. */
struct phx_label_part {
        const char *at; /* in the label, SIZE bytes, with the namespace where that is named */
        size_t size;
        bool is_inner;  /* in a policy namespace */
        char name[512]; /* without the namespace; cut when it is longer */
};

/* False when there is no further one, and for a LABEL that is NULL. */
bool phx_label_next_part(const char *label, struct phx_label_part *part);
/* Nothing of it confines: "unconfined", ":lxc-101:unconfined", and stacks of these. */
bool phx_label_is_unconfined(const char *label);
/* Its profile of the host is enforced; see the definition for stacks with namespaces. TEXT is set.
 */
bool phx_label_is_confining(const struct phx_label *label);
/* PROFILE is one of the stack. */
bool phx_label_has_part(const char *label, const char *profile);
/* PROFILE, or a child of it, is one of the stack. */
bool phx_label_runs_in(const char *label, const char *profile);

/* Of a single profile's name: whether it is PROFILE or a child of it. */
bool phx_label_name_is_of(const char *name, const char *profile);
/* How many bytes of NAME are the profile that it is, or is a child of. */
size_t phx_label_parent_size(const char *name);
/* Whether the kernel has made it for what a complaining profile executes. */
bool phx_label_name_is_learned(const char *name);

struct phx_task {
        pid_t pid;
        pid_t tid;
        bool is_starting; /* has not executed anything of the container yet */
        bool is_known;    /* the label could be read */
        struct phx_label label;
};

/* The tasks of one container at one moment. */
struct phx_tasks {
        struct phx_task *items;
        size_t count;
        pid_t init;       /* 0 when it was not found */
        unsigned unread;  /* cgroups of which it is not known what runs in them */
        char *unread_why; /* the first of them, and why; NULL for none */
};

void phx_tasks_done(struct phx_tasks *tasks);
/* COPY must be zero, and is half a copy at -ENOMEM, to be freed. 0 or -ENOMEM. */
int phx_tasks_copy(struct phx_tasks *copy, const struct phx_tasks *tasks);

struct phx_confinement {
        bool is_running;
        pid_t init;
        unsigned tasks;
        unsigned starting; /* of these; they count for none of the following */
        unsigned wrong;    /* under another label or mode than the wanted one */
        unsigned unknown;  /* label not to be read, or cgroups: neither right nor wrong */
        const struct phx_task *example; /* a wrong one, else init; borrowed, NULL for none */
};

/* Of an "unconfined" container only init counts: what runs in it may confine itself. */
struct phx_confinement phx_confinement_judge(const struct phx_tasks *tasks, const char *wanted);
