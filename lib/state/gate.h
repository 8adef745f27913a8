/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the boot gate goes by: written by the engine before it changes what is right, read by
 * phoenixd-gate whenever LXC starts a container. It needs neither JSON nor a running daemon, and
 * survives a reboot. */

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/macros.h"
#include "base/strings.h"
#include "state/desired.h"
#include "state/settings.h"

/* Below the state directory, root's alone. */
#define PHX_GATE_DIRECTORY "gate"
#define PHX_GATE_CONTAINERS "containers"
/* One word, of enum phx_boot_gate: for when the other file is lost, damaged or of another version.
 * No file: phoenixd has never accepted a configuration here. */
#define PHX_GATE_WITHOUT_STATE "without-state"
/* A thousand containers are less than 200 KiB. */
#define PHX_GATE_LIMIT ((size_t) 64 << 20)

struct phx_gate_container {
        char *directory; /* its name for LXC */
        char *id;        /* in the configuration; NULL: the same */
        /* Values of lxc.apparmor.profile to start with. The first is the desired one; others were
         * right until now, and are while the change is under way. */
        struct phx_strings labels;
        uint64_t suspended_until; /* microseconds since the epoch: warn until then; PHX_NEVER */
        /* The label that its init had when it was last seen running, where that is not the first
         * of LABELS, as the kernel prints it; NULL: none. */
        char *running;
        uint64_t running_since; /* the start of that init, in clock ticks since the boot */
};

/* The zero value refuses and knows no container. */
struct phx_gate {
        enum phx_boot_gate level;
        char *lxc_path;
        char *pve_path; /* where Proxmox has its containers; NULL: there are none, or LXC_PATH */
        char *boot;     /* the kernel's id of the boot that RUNNING is of; NULL: unknown */
        /* What the kernel may have of the profiles and their children: a name is there more than
         * once while its policy is being changed. A hash that is NULL is not compared. */
        struct phx_kernel_entries policies;
        struct phx_gate_container *containers;
        size_t container_count;
        /* Of one that was read: the containers' strings are parts of it. NULL: they are owned. */
        char *text;
};

void phx_gate_done(struct phx_gate *gate);

/* Appends a container without labels to one that was not read; borrowed, valid until the next
 * call. NULL when memory is short. */
struct phx_gate_container *phx_gate_add_container(struct phx_gate *gate, const char *directory);
const struct phx_gate_container *phx_gate_find_container(
                const struct phx_gate *gate,
                const char *directory);

/* Appends the whole file. What has a control character in it, which can be the name of nothing that
 * phoenixd manages, is left out. 0 or -ENOMEM. */
int phx_gate_render(const struct phx_gate *gate, struct phx_buffer *file);
/* -EBADMSG for a file that is damaged, or of another version; else 0 or -ENOMEM. */
int phx_gate_parse(const char *file, size_t size, struct phx_gate *ret_gate);
