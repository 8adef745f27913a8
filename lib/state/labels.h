/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* AppArmor labels, and whether a container's tasks carry the right one. Pure functions. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/strings.h"

/* What /proc/PID/attr/apparmor/current says: "LABEL (MODE)", or "unconfined" alone. Owned. */
struct phx_label {
        char *text;
        char *mode; /* "enforce", "complain", "kill", "unconfined", "mixed", …; NULL when none is
                       given */
};

void phx_label_done(struct phx_label *label);

/* 0; -EINVAL for what is no label (empty, or another security module's), -ENOMEM. One line feed at
 * the end does not count. */
int phx_label_parse(const char *text, struct phx_label *ret_label);

/* Whether a task with this label is in the profile: its host part is WANTED, a child of it, or a
 * stack with one of them in it (which allows less), in enforce or kill mode. WANTED itself may be a
 * stack with a policy namespace: then the label must have a part in that namespace, whichever: a
 * container may choose its profiles in its own namespace.
 *
 * With several namespaces the kernel says "mixed" when the modes differ. The host profile's own
 * mode is then not in the label, and is left to who looks at the loaded policy. */
bool phx_label_is_in(const struct phx_label *label, const char *wanted);

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

struct phx_confinement {
        bool is_running;
        pid_t init;
        unsigned tasks;
        unsigned starting; /* of these; they count for none of the following */
        unsigned wrong;    /* under another label or mode than the wanted one */
        unsigned unknown;  /* label not to be read, or cgroups: neither right nor wrong */
        char example[512]; /* "LABEL (MODE), pid N" of a wrong one, else of init; "" for none */
};

/* Of an "unconfined" container only init counts: what runs in it may confine itself. */
struct phx_confinement phx_confinement_judge(const struct phx_tasks *tasks, const char *wanted);
