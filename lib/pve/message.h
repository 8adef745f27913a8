/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the engine's side and the worker of pve/worker.h say to each other: one request, one answer,
 * over a stream socket. Both are the same program, so that structures travel as they are. And what
 * a worker is at, in memory that outlives its silence. */

#include <stdint.h>
#include <sys/types.h>

#include "pve/guests.h"
#include "pve/ours.h"

enum phx_pve_task_kind {
        PHX_PVE_TASK_REST, /* waits for a request */
        PHX_PVE_TASK_STATE,
        PHX_PVE_TASK_LIST,
        PHX_PVE_TASK_READ,
        PHX_PVE_TASK_EDIT,
        PHX_PVE_TASK_LIST_OURS, /* the files of phoenixd/ */
        PHX_PVE_TASK_READ_OURS,
        PHX_PVE_TASK_WATCH, /* no request: puts watches in place, or compares */
};

/* What a worker does, and since when. */
struct phx_pve_task {
        enum phx_pve_task_kind kind;
        uint32_t id;
        pid_t pid;
        int64_t since; /* seconds since 1970 */
};

/* "write of 101.conf", for messages. */
void phx_pve_task_describe(const struct phx_pve_task *task, char *text, size_t size);

/* Followed by SIZE bytes: of LIST the ids that are known, those of other nodes last; of EDIT the
 * new config; of READ_OURS the path. */
struct phx_pve_request {
        enum phx_pve_task_kind kind;
        uint32_t id;
        uint64_t size;
        char digest[PHX_SHA256_HEX]; /* EDIT */
        bool is_first;               /* LIST: no ids are known yet */
        uint64_t away_count;         /* LIST: how many of them are of other nodes */
};

/* Followed by SIZE bytes: of LIST the items, and the ids of other nodes; of LIST_OURS the items; of
 * READ the config; of READ_OURS the file. */
struct phx_pve_answer {
        enum phx_pve_outcome outcome;
        int code; /* of ERROR */
        uint64_t size;
        uint64_t start_time;        /* LIST */
        uint64_t away_count;        /* LIST: how many ids of other nodes there are */
        struct phx_pve_state state; /* STATE; of LIST, the node and the quorum */
        char text[sizeof((struct phx_error){ 0 }.text)];
};

/* More bytes than any request or answer has. */
#define PHX_PVE_MESSAGE_LIMIT (4 * PHX_PVE_CONFIG_LIMIT)
_Static_assert(PHX_PVE_OURS_ENTRIES * sizeof(struct phx_pve_file) < PHX_PVE_MESSAGE_LIMIT,
               "the list of our files fits into one message");

/* Until is of phx_now_usec(); UINT64_MAX waits for ever. 0, -ETIMEDOUT, -EPIPE when the other side
 * is gone, or another negative errno. */
int phx_pve_send(int fd, const void *data, size_t size, uint64_t until);
int phx_pve_receive(int fd, void *data, size_t size, uint64_t until);
