/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/set.h"
#include "base/texts.h"
#include "kernel/apparmorfs.h"
#include "kernel/picture.h"
#include "kernel/probe.h"
#include "machine/containers.h"
#include "machine/gate.h"
#include "machine/gate_hooks.h"
#include "machine/lint.h"
#include "machine/machine.h"
#include "machine/places.h"
#include "profiles/profiles.h"
#include "pve/copy.h"
#include "source/definers.h"

/* What machine.c makes, judge.c, observe.c and review.c ask, and apply.c changes. */

struct phx_machine {
        struct phx_machine_options options;
        struct phx_inventory inventory;
        struct phx_kernel *kernel;
        struct phx_kernel_picture *picture; /* what it has loaded */
        char *features;      /* id of the kernel's; they do not change while it runs */
        char *features_text; /* see phx_kernel_features() */
        struct phx_definers *definers;
        struct phx_places *places;
        struct phx_profiles *profiles;
        struct phx_machine_containers *containers;
        struct phx_pve_copy *copy; /* NULL: none is wanted */
        struct phx_machine_gate gate;
        struct phx_machine_gate_hooks gate_hooks;
        struct phx_machine_lints lints;
        struct phx_policy_probe probe;
        struct phx_policy_prober prober;
        char *stage_dir;
        int cache_fd;
        int good_fd;
        bool is_unkept;     /* what is kept for the next start could not be written */
        uint64_t keep_usec; /* when it is tried again, although nothing has changed */
        bool is_unsaved;    /* the inventory on disk is not the one here */
        /* Of the steps that are being carried out: places that were not ours before, and whether
         * the record of what they make ours is not on disk. */
        struct phx_set claims;
        bool is_unclaimed;
        bool is_settled;          /* what an earlier engine had claimed was found out */
        bool has_sought_creation; /* what one left was looked for, and nothing is there */
        bool is_clean; /* leftovers of a crash were removed where the settings point to */
        enum phx_hash_kind hash_kind; /* that the kernel shows of a policy; likewise */
};

/* Takes what the option LEFT has. 0 or a negative errno: then less was taken. */
int phx_machine_take(struct phx_machine *machine, struct phx_texts *texts);

/* Brings up to date which profiles the files in DEPLOYED_DIR define: 1 when that is something else
 * than before, 0, or -ENOMEM. */
int phx_machine_look_at_definitions(
                struct phx_machine *machine,
                const char *deployed_dir,
                const struct phx_scope *scope);

/* CHANGED is what the change of the inventory returned. What could not be saved once is saved with
 * the next change, or by the next look: a record that is only here is lost with us. */
int phx_machine_save(struct phx_machine *machine, int changed, struct phx_error *error);
