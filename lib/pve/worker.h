/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Proxmox's cluster file system, for the engine. One child process, the worker, is the only process
 * of ours that names a path below /etc/pve: a call there may wait for ever, and then cannot be
 * killed either. It lives from the first request to the end of the engine, and of the handle.
 *
 * No request waits longer than its deadline and one second more. A worker that is late is killed;
 * one that hangs in the kernel is left behind, and as long as it lives, every request is
 * PHX_PVE_OUTCOME_NOT_NOW at once, with an ERROR that names its process, what it hangs in and since
 * when. The next request after its end starts another one. Between requests the worker has nothing
 * open below the root, so that the cluster file system can be stopped and started at any time.
 *
 * Nothing here is for the loop. */

#include "base/process.h"
#include "pve/message.h"

struct phx_pve_worker;

/* Borrowed strings; all of them must live as long as the worker. */
struct phx_pve_worker_options {
        struct phx_pve_place place;
        /* A file that the living worker holds a lock of, so that an engine that is started afresh
         * starts none beside one that its predecessor has left behind; its directory must be there.
         * NULL: none. */
        const char *claim;
        /* An eventfd(2), borrowed: readable when a container has come, gone or been edited by
         * others, when phoenixd/ below the root has changed, or when the file system has gone or
         * come back. -1: not wanted. Not of an edit that was made through here and is still there.
         */
        int changed_fd;
        uint64_t deadline_usec; /* of a request; 0: 10 s. An edit may also wait for the lock. */
        uint64_t patience_usec; /* for Proxmox's lock of a container; 0: 10 s, as Proxmox waits */
};

/* Starts nothing yet. 0 or -ENOMEM. */
int phx_pve_worker_new(
                const struct phx_pve_worker_options *options,
                struct phx_pve_worker **ret_worker);
/* Kills the process; waits for it no longer than PHX_PROCESS_PATIENCE_USEC. */
struct phx_pve_worker *phx_pve_worker_free(struct phx_pve_worker *worker);
PHX_DEFINE_FREEP(phx_pve_worker)

/* Its process, which is no leftover: for phx_process_sweep(), and to see that it has ended, after
 * which nothing is watched until the next request. NULL when there is none. Borrowed until the next
 * request. */
const struct phx_process *phx_pve_worker_process(const struct phx_pve_worker *worker);
/* The same, 0 when there is none. */
pid_t phx_pve_worker_pid(const struct phx_pve_worker *worker);
/* The one that was left behind and still lives. */
bool phx_pve_worker_is_stuck(struct phx_pve_worker *worker, struct phx_pve_task *ret_task);

/* Each of these sends one request and waits for its answer. On any outcome but
 * PHX_PVE_OUTCOME_DONE and PHX_PVE_OUTCOME_RIGHT, ERROR has a text that begins with a path or names
 * the file system, its code is a negative errno, and nothing is returned, but for the state, which
 * is then what is known of it: nothing, when it is not mounted or does not answer. */
enum phx_pve_outcome phx_pve_worker_state(
                struct phx_pve_worker *worker,
                struct phx_pve_state *ret_state,
                struct phx_error *error);

/* The containers of this node; see pve/guests.h for when one of them is gone, and for which configs
 * need not be read again. Whether Proxmox's HA manager has one is known with it (pve/ha.h). */
enum phx_pve_outcome phx_pve_worker_list(
                struct phx_pve_worker *worker,
                struct phx_pve_list *ret_list,
                struct phx_error *error);

/* PHX_PVE_OUTCOME_MOVED when this node has no such container. */
enum phx_pve_outcome phx_pve_worker_read(
                struct phx_pve_worker *worker,
                uint32_t id,
                struct phx_pve_config *ret_config,
                struct phx_error *error);

/* Puts SIZE bytes of DATA in the place of the config of ID, which must still have DIGEST (SHA-256,
 * hexadecimal). Every outcome is possible, see pve/replace.h. A request that was not answered may
 * have been carried out nevertheless: the next reading shows. */
enum phx_pve_outcome phx_pve_worker_edit(
                struct phx_pve_worker *worker,
                uint32_t id,
                const char *digest,
                const char *data,
                size_t size,
                struct phx_error *error);

/* The files of phoenixd/, and one of them, as in pve/ours.h. */
enum phx_pve_outcome phx_pve_worker_list_ours(
                struct phx_pve_worker *worker,
                struct phx_pve_files *ret_files,
                struct phx_error *error);
enum phx_pve_outcome phx_pve_worker_read_ours(
                struct phx_pve_worker *worker,
                const char *path,
                char **ret_data,
                size_t *ret_size,
                struct phx_error *error);
