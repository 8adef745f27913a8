/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/index.h"
#include "base/strings.h"
#include "state/backend.h"
#include "state/desired.h"
#include "state/labels.h"
#include "state/restart.h"

/* The deployed file of a profile. */
struct phx_observed_file {
        char *name;
        char *content;  /* SHA-256, or NULL when there is no regular file */
        char *trouble;  /* not a regular file, or not trusted: in words; else NULL */
        char *disabled; /* path of a link that makes the next boot pass over it or weaken it; else
                           NULL */
        bool is_owned;  /* recorded as ours, or byte by byte what we would write */
        bool is_plain;  /* a regular file that no other user can have written */
};

/* How the managed lines of a config are to become right, besides the profile's. Lines are
 * "key=value", as in lxc/text.h. */
struct phx_line_edit {
        struct phx_strings removed;  /* lines of ours: for each, the last that is there */
        struct phx_strings tail;     /* written behind all others, in this order */
        struct phx_strings recorded; /* with a tail: ours before the edit and ours after it */
        struct phx_strings foreign;  /* of the config's own that read as one of RECORDED */
        struct phx_strings settings; /* of Proxmox's ordinary keys that are wrong, "key=VALUE" with
                                        the new value, "" for none */
};

enum phx_line_fault {
        PHX_LINE_NOT_IN_EFFECT, /* as the options say */
        PHX_LINE_TOO_MANY,      /* there is one that no option asks for */
};

/* A managed line of a config that is wrong. Never its value, which may be a secret. */
struct phx_wrong_line {
        enum phx_line_fault fault;
        char *key;
};

struct phx_wrong_lines {
        struct phx_wrong_line *items;
        size_t count;
};

/* Adds it unless it is there already; KEY ends at its first '=', if it has one. 0 or -ENOMEM. */
int phx_wrong_lines_add(struct phx_wrong_lines *lines, enum phx_line_fault fault, const char *key);
void phx_wrong_lines_done(struct phx_wrong_lines *lines);

struct phx_observed_container {
        enum phx_backend backend;
        char *directory;
        char *config;    /* the path of its config, for people; NULL: LXC_PATH/DIRECTORY/config */
        char *effective; /* lxc.apparmor.profile as liblxc sees it; "" when unset; NULL when unknown
                          */
        char *digest;    /* of the config file; "" or NULL when it cannot be read */
        char *combined;  /* digest of the config and of all that it includes */
        bool is_refused_by_lxc; /* liblxc does not take the config as it is */
        char *decider; /* the file that sets EFFECTIVE, and its line; NULL when none does */
        unsigned decider_line;
        char *ungated; /* as in lxc/decider.h; NULL as well when TROUBLE says why it is unknown */
        char *decider_why; /* why it is what decides, in Proxmox's terms; NULL for plain LXC */
        char *trouble;     /* why it cannot be judged; else NULL */
        struct phx_wrong_lines wrong_lines; /* managed lines */
        struct phx_line_edit lines;         /* that makes them right, values included */
        struct phx_strings pending; /* "FILE:LINE: …": what the next start would bring, and the
                                       config does not say now; no values */
        struct phx_strings remarks; /* likewise: what is in the config without effect, or for a
                                       rollback */
        enum phx_restart restart;
        char *lock;                         /* Proxmox's word for what locks it; NULL for none */
        struct phx_strings refused_options; /* "FILE:LINE: KEY is skipped: …", no values either */
        bool is_running;
        struct phx_wrong_lines
                        at_start; /* managed lines that its config has and that it was not started
                                     with, and those that it was, and that are gone */
        char *at_start_unknown;   /* why some of them could not be compared; NULL without */
        bool at_start_waits;      /* they have not been compared for its init yet */
        unsigned tasks;
        unsigned starting;     /* tasks that have not executed anything of the container yet */
        struct phx_tasks seen; /* its tasks, with their labels and modes */
        /* Of SEEN, what phx_confine() says: */
        unsigned wrong;   /* tasks under another label or mode than the desired one */
        unsigned unknown; /* tasks whose label cannot be read, and cgroups whose tasks cannot */
        char *unread_why; /* the first such cgroup, or what else keeps its tasks from being read,
                             and why; NULL without */
        struct phx_label example; /* of a task that is wrong; of init where none is; may be none */
        pid_t example_tid;
        struct phx_strings labels; /* of its tasks, each once, without the mode */
        struct phx_strings inner;  /* profiles in its policy namespace: its own affair */
        pid_t init;
        uint64_t init_started; /* in clock ticks since the boot; 0: unknown, or not asked for, as it
                                  is right, has no managed lines and is not being restarted */
};

/* Whether PROFILE, or a child of it, confines one of the container's tasks, alone or in a stack. */
bool phx_observed_runs_in(const struct phx_observed_container *container, const char *profile);

/* What the machine shows. */
struct phx_observed {
        char *kernel_trouble; /* AppArmor cannot be used, in words; else NULL */
        struct phx_kernel_entries loaded;
        struct phx_strings namespaces;   /* policy namespaces, sorted */
        char *deployed_dir;              /* where the files were looked for */
        struct phx_observed_file *files; /* of every desired profile */
        size_t file_count;
        struct phx_index files_by_name; /* see phx_observed_index() */
        char *lxc_path;                 /* where the containers were looked for */
        char *lxc_refusal;              /* why that is not believed, for the operator; else NULL */
        char *pve_refusal; /* why Proxmox says nothing of its containers now; else NULL: then what
                              is not there may be there all the same */
        struct phx_observed_container
                        *containers; /* of every container on this host, sorted by directory */
        size_t container_count;
        bool has_gate_hooks; /* LXC's common.conf brings the boot gate's hooks to containers */
        char *gate_trouble;  /* why it does not, for the operator; NULL as well when that was not
                                looked at */
        uint64_t labels_at;  /* when the labels were read, in microseconds since the epoch; 0 when
                                they were not */
        struct phx_strings watches; /* directories whose change is worth a look */
        bool has_proxmox;           /* Proxmox makes the containers of this host */
        bool is_emptied;            /* LXC_PATH had containers at an earlier look, and has none */
        bool has_no_quorum;         /* Proxmox's cluster, so that nothing can be created in it */
        struct phx_strings begun;   /* ids of Proxmox containers whose creation has been begun, and
                                       is not known to be over */
        bool has_creation_left;     /* something of a creation is in LXC_PATH, finished or not */
        uint64_t retry_usec; /* something is not settled: look again after this; PHX_NEVER otherwise
                              */
        bool is_settling;    /* that is tasks alone: containers that start, or could not be read */
};

void phx_line_edit_done(struct phx_line_edit *edit);

/* Whether a profile stays that no entry asks for: WANT leaves it to Proxmox, and a line of the
 * config's own names one that confines and is not managed here. To remove that line could leave the
 * container less confined than somebody else wanted, so that its operator decides. Of
 * managed profiles the configuration alone says who has them, and it does not give this one to the
 * container. HAVE may be NULL. */
bool phx_observed_keeps_profile(
                const struct phx_desired *desired,
                const struct phx_desired_container *want,
                const struct phx_observed_container *have);
/* The value of lxc.apparmor.profile that the config is to have: WANT's label, or one that stays.
 * Borrowed. */
const char *phx_observed_label(
                const struct phx_desired *desired,
                const struct phx_desired_container *want,
                const struct phx_observed_container *have);

struct phx_observed *phx_observed_free(struct phx_observed *observed);
PHX_DEFINE_FREEP(phx_observed)

/* As in desired.h: appended, zeroed, borrowed; NULL when memory is short. */
struct phx_observed_file *phx_observed_add_file(struct phx_observed *observed, const char *name);
struct phx_observed_container *phx_observed_add_container(
                struct phx_observed *observed,
                const char *directory);

/* When all files and all of the kernel's entries are there: from now on one is found without
 * walking all of them. 0 or -ENOMEM. */
int phx_observed_index(struct phx_observed *observed);

const struct phx_observed_file *phx_observed_find_file(
                const struct phx_observed *observed,
                const char *name);
const struct phx_observed_container *phx_observed_find_container(
                const struct phx_observed *observed,
                const char *directory);
