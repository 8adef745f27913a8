/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What containers.c looks with, and container_edits.c changes with. */

#include "base/buffer.h"
#include "lxc/label_picture.h"
#include "lxc/option_reviews.h"
#include "machine/containers.h"
#include "machine/started.h"
#include "machine/tasks.h"
#include "pve/containers.h"

/* liblxc needs some 5 ms for a config, ten times that under emulation. */
#define PHX_LXC_DEADLINE_USEC 5000000ULL

struct phx_machine_containers {
        const struct phx_task_roots *roots;
        const struct phx_trust *trust;
        struct phx_lxc_cache *cache;
        struct phx_pve_containers *pve;
        bool sees_pve;        /* the last look was at containers of Proxmox, too */
        const char *pve_sign; /* a directory that is there where Proxmox is installed */
        struct phx_option_reviews *reviews;
        struct phx_machine_started *started;
        struct phx_label_pictures pictures;
        unsigned unsettled_looks;
        bool is_silent; /* a monitor did not answer the last time */
        struct phx_machine_tasks_memory tasks;
        const struct phx_lxc_progress *progress;
        int state_fd;              /* where answers are kept; -1: nowhere */
        uint64_t saved_usec;       /* when they were; 0: never */
        struct phx_buffer program; /* that asks, and its libraries */
};

struct phx_lxc phx_machine_lxc(
                const struct phx_machine_containers *containers,
                const char *lxc_path,
                const struct phx_scope *scope);
