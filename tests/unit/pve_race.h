/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A writer that adds lines to a config as fast as it can, while a worker edits it. */

#include "pve/worker.h"

enum pve_writer {
        PVE_WRITER_LOCKS,   /* as pct: with Proxmox's lock, by a temporary file and a rename */
        PVE_WRITER_RENAMES, /* as Proxmox's post-stop hook: the same without the lock */
        PVE_WRITER_APPENDS, /* as a person with a shell: in place */
};

struct pve_race {
        struct phx_pve_worker *worker;
        const char *config; /* of the guest 101; must be there */
        const char *lock;   /* Proxmox's lock file of it; its directory must be there */
        enum pve_writer writer;
        unsigned rounds;
        bool is_atomic; /* readers see a write as one step */
};

/* Fails the test when a line of the writer is missing in the end, or ours cannot be put there. */
void pve_race_run(const struct pve_race *race);
