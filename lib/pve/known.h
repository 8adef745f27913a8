/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* One container as it was read last, and what follows from that: see pve/containers.h. */

#include <stdint.h>

#include "base/buffer.h"
#include "lxc/ask.h"
#include "lxc/decider.h"
#include "lxc/reader.h"
#include "pve/cluster.h"
#include "pve/effect.h"
#include "pve/reason.h"

struct phx_pve_known {
        uint32_t id;
        uint64_t version; /* as in pve/guests.h; 0: read it again */
        bool is_stale;    /* read it again, and take nothing over */
        char *path;       /* for people: ROOT/lxc/ID.conf */
        struct phx_pve_config config;
        bool is_in_ha;              /* Proxmox's HA manager starts and stops it */
        char *lock;                 /* the value of its "lock", made visible; NULL for none */
        char *trouble;              /* why it cannot be judged; else NULL */
        struct phx_strings pending; /* see pve/remarks.h */
        struct phx_strings remarks;
        struct phx_buffer generated; /* what Proxmox makes of it, as far as it matters here */
        struct phx_pve_reason reason;
        unsigned decider_line;         /* of the file; 0: none names a profile */
        char combined[PHX_SHA256_HEX]; /* of GENERATED and all that it includes, when VALUES were
                                          asked for; "" when they were not */
        struct phx_lxc_values values;
        struct phx_lxc_decider decider;
};

void phx_pve_known_done(struct phx_pve_known *known);

/* What the config of ID means to liblxc, for its text DATA: the lines that Proxmox generates around
 * the container's own, as far as they concern its profile and where its tasks are. RET_LINE is the
 * line of the file that names the profile, 0 without one. 0, -ENOMEM, or -EINVAL with a text that
 * begins with PATH when Proxmox generates no config. */
int phx_pve_generate(
                uint32_t id,
                const char *path,
                const struct phx_pve_text *text,
                struct phx_buffer *ret_generated,
                unsigned *ret_line,
                struct phx_error *error);

/* Everything that follows from CONFIG alone, again. 0 or -ENOMEM: what is wrong with the file is
 * its TROUBLE. */
int phx_pve_known_update(struct phx_pve_known *known);
