/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Proxmox's cluster file system, /etc/pve: whether it is there, and what it says. Any call of this
 * header may block for ever and cannot be killed then, so that all of it is for the worker's
 * process alone (pve/worker.h); no other process of ours names a path below the root. No descriptor
 * below the root outlives a call: with one, the server could not be started again after a crash. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/error.h"
#include "codec/pve_json.h"

#define PHX_PVE_NODE_SIZE 64

/* The largest config that is read: no file of the cluster file system is larger. */
#define PHX_PVE_CONFIG_LIMIT ((size_t) 1024 * 1024)
/* The most that the server takes and gives in one piece; one page less than 128 KiB, which a buffer
 * that is not aligned would need more pages for than the kernel puts into one request. */
#define PHX_PVE_PIECE ((size_t) 124 * 1024)

/* Where things are. Borrowed strings. */
struct phx_pve_place {
        const char *root;           /* "/etc/pve" */
        const char *node;           /* NULL: the node that the file system says this is */
        const char *lock_directory; /* "/run/lock/lxc" */
        const char *database;       /* "/var/lib/pve-cluster" */
        bool any_file_system;       /* for tests in an ordinary directory: it need not be FUSE */
        uint64_t compare_usec;      /* for tests that are in a hurry; 0: see pve/watch.c */
};

/* What became of a request. Only PHX_PVE_OUTCOME_FAILED needs a person: after
 * PHX_PVE_OUTCOME_NOT_NOW and PHX_PVE_OUTCOME_NO_LOCK the same request may succeed later, after
 * PHX_PVE_OUTCOME_CHANGED one for the new config. */
enum phx_pve_outcome {
        PHX_PVE_OUTCOME_DONE,
        PHX_PVE_OUTCOME_RIGHT,   /* nothing to do: the config has the new bytes already */
        PHX_PVE_OUTCOME_CHANGED, /* the config is not the one that the edit was made for */
        PHX_PVE_OUTCOME_NOT_NOW, /* no answer, not mounted, no quorum, or another passing refusal */
        PHX_PVE_OUTCOME_LOCKED,  /* the config has a lock: line */
        PHX_PVE_OUTCOME_TEMPLATE, /* the container is a template */
        PHX_PVE_OUTCOME_MOVED,    /* this node has no such container, after the fourth look */
        PHX_PVE_OUTCOME_NO_LOCK,  /* another process held Proxmox's lock of the container all the
                                     time */
        PHX_PVE_OUTCOME_FAILED,
};
/* "done", "not-now" … */
const char *phx_pve_outcome_to_string(enum phx_pve_outcome outcome);

/* For a negative errno of a call below the root: PHX_PVE_OUTCOME_NOT_NOW for what passes by itself,
 * which is never damage, and else PHX_PVE_OUTCOME_FAILED. */
enum phx_pve_outcome phx_pve_outcome_of(int code);

/* As of one moment. */
struct phx_pve_state {
        bool is_mounted;
        bool is_quorate; /* as Proxmox asks it; a write may be refused all the same */
        bool is_cluster; /* more than this node alone */
        uint64_t start_time;
        char node[PHX_PVE_NODE_SIZE];
};

/* PHX_PVE_OUTCOME_DONE and all of the state; else *RET_STATE has what is known, and ERROR says why.
 */
enum phx_pve_outcome phx_pve_get_state(
                const struct phx_pve_place *place,
                struct phx_pve_state *ret_state,
                struct phx_error *error);

/* The cheap half of it, which each other request begins with: mounted, and which node. */
enum phx_pve_outcome phx_pve_get_mount(
                const struct phx_pve_place *place,
                struct phx_pve_state *ret_state,
                struct phx_error *error);

/* All guests of the cluster, afresh. */
enum phx_pve_outcome phx_pve_get_guests(
                const struct phx_pve_place *place,
                struct phx_pve_guests *ret_guests,
                struct phx_error *error);

/* When the server was started. */
enum phx_pve_outcome phx_pve_get_start_time(
                const struct phx_pve_place *place,
                uint64_t *ret_start_time,
                struct phx_error *error);

/* A config as it was read. */
struct phx_pve_config {
        char *data; /* owned, with a NUL behind SIZE bytes */
        size_t size;
        char sha1[PHX_SHA1_HEX]; /* Proxmox's own digest */
        char sha256[PHX_SHA256_HEX];
};
void phx_pve_config_done(struct phx_pve_config *config);
/* Takes the bytes over and digests them. */
void phx_pve_config_set(struct phx_pve_config *config, char *data, size_t size);

/* Reads the config of a container of this node: PHX_PVE_OUTCOME_DONE, PHX_PVE_OUTCOME_MOVED,
 * PHX_PVE_OUTCOME_NOT_NOW or PHX_PVE_OUTCOME_FAILED. */
enum phx_pve_outcome phx_pve_read_config(
                const struct phx_pve_place *place,
                uint32_t id,
                struct phx_pve_config *ret_config,
                struct phx_error *error);

/* For this room. "ROOT/nodes/NODE/lxc" and the config of ID in it; -ENOMEM. */
int phx_pve_directory_path(
                const struct phx_pve_place *place,
                const struct phx_pve_state *state,
                char **ret_path);
int phx_pve_config_path(
                const struct phx_pve_place *place,
                const struct phx_pve_state *state,
                uint32_t id,
                char **ret_path);
/* Opens a config of this node, FLAGS as for open(2): PHX_PVE_OUTCOME_MOVED when it was absent
 * PHX_PVE_LOOKS times, from a file system that was there. */
enum phx_pve_outcome phx_pve_open_config(
                const struct phx_pve_place *place,
                const char *path,
                int flags,
                int *ret_fd,
                struct phx_error *error);
/* Reads what is open, from its beginning, in one piece where it is no more than PHX_PVE_PIECE. 0,
 * -EFBIG, -ESTALE when it changed under the read, or a negative errno. */
int phx_pve_read_fd(int fd, char **ret_data, size_t *ret_size);
/* Sets a text for a CODE and PATH, and returns the outcome that it means. */
enum phx_pve_outcome phx_pve_refuse(struct phx_error *error, int code, const char *path);
/* Between two looks at what must not be believed gone after the first. */
#define PHX_PVE_LOOKS 4
#define PHX_PVE_PAUSE_USEC UINT64_C(100000)
void phx_pve_pause(uint64_t usec);
