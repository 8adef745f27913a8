/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The stand-in of Proxmox's cluster file system: what is in it, and the rules of its changes.
 *
 * Paths have no leading slash; "" is the mount's own directory. The caller holds the lock.
 * Functions return 0 or a negative errno. */

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <time.h>

#define PVE_FILE_MAX 1048576UL

struct pve_entry {
        char *path;
        bool is_directory;
        char *data;
        size_t size;
        time_t mtime;
};

struct pve_guest {
        uint32_t id;
        char *node;
        const char *type;
        unsigned version;
};

struct pve_node {
        char *name;
        bool is_online;
};

/* Turned by the control socket; the mount's own changes obey them, those of other nodes do not. */
struct pve_switches {
        bool no_quorum;
        bool stall;
        bool busy;
        /* An errno that each change ends with, after so many milliseconds. */
        int fail;
        unsigned fail_msec;
        /* Milliseconds between the database's write and what readers see of it. */
        unsigned lag_msec;
};

/* What the kernel asked for: tests count it. */
struct pve_counts {
        unsigned long attributes;
        unsigned long listings;
        unsigned long opens;
        unsigned long reads;
        unsigned long changes;
        /* Descriptors of files that are open now. */
        unsigned long open_now;
};

/* The files that the server makes itself. */
enum pve_served {
        PVE_SERVED_VERSION,
        PVE_SERVED_VMLIST,
        PVE_SERVED_MEMBERS,
        PVE_SERVED_CLUSTERLOG,
        PVE_SERVED_RRD,
        PVE_SERVED_DEBUG,
};
#define PVE_N_SERVED (PVE_SERVED_DEBUG + 1)

struct pve_state {
        pthread_mutex_t lock;
        /* A switch was turned, or the program ends. */
        pthread_cond_t turned;
        bool is_ending;
        struct pve_switches switches;
        struct pve_counts counts;

        char *node;
        gid_t group;
        time_t started;
        /* NULL on a standalone node. */
        char *cluster;
        struct pve_node *nodes;
        size_t n_nodes;
        unsigned members_version;

        struct pve_entry *entries;
        size_t n_entries;
        struct pve_guest *guests;
        size_t n_guests;
        unsigned vmlist_version;
        unsigned guest_version;

        /* What the last getattr made of each served file. */
        char *served[PVE_N_SERVED];
        /* The write-ahead log of the database, or -1. */
        int log;
};

int pve_state_init(struct pve_state *state, const char *node, gid_t group);
void pve_state_done(struct pve_state *state);
/* What a fresh installation has: directories for NODE. */
int pve_state_add_node(struct pve_state *state, const char *node);

/* One write of a file. */
struct pve_store {
        const char *path;
        const char *data;
        size_t offset;
        size_t size;
        /* The file ends where this ends; what is missing before OFFSET is zeros. */
        bool truncates;
        /* -EEXIST if it is there, where without it -ENOENT is returned if it is not. */
        bool creates;
};

int pve_store(struct pve_state *state, const struct pve_store *store);
int pve_move(struct pve_state *state, const char *from, const char *to);
int pve_remove(struct pve_state *state, const char *path);
int pve_make_directory(struct pve_state *state, const char *path);
int pve_set_time(struct pve_state *state, const char *path, time_t mtime);

/* What the database tells at a start: without rules, and not written down a second time. */
int pve_put(struct pve_state *state, const struct pve_entry *entry);
void pve_drop(struct pve_state *state, const char *path);
int pve_rename_entry(struct pve_state *state, const char *from, const char *to);

struct pve_entry *pve_find(struct pve_state *state, const char *path);
/* The name of the entry below the directory PATH, or NULL if it is not directly there. */
const char *pve_name_below(const struct pve_entry *entry, const char *path);
/* PATH is DIRECTORY or below it. */
bool pve_is_below(const char *path, const char *directory);
bool pve_is_private(const char *path);
/* A name that the server keeps for itself: a symbolic link or a served file. */
bool pve_is_reserved(const char *path);
/* The target of the symbolic link, to be freed; NULL if PATH is none. */
char *pve_link_target(const struct pve_state *state, const char *path);
const char *pve_link_name(size_t i);
