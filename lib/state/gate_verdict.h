/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Whether a container that is about to start would be as confined as it is to be: what was written
 * down for the gate against what is seen. Pure. */

#include <stdbool.h>
#include <stdint.h>

#include "state/gate.h"
#include "state/labels.h"

enum phx_gate_reason {
        PHX_GATE_RIGHT,
        PHX_GATE_CONFIG_UNKNOWN, /* its config, or a file that it includes, cannot be read */
        PHX_GATE_NO_PROFILE,     /* its config names none */
        PHX_GATE_OTHER_PROFILE,  /* its config names another one */
        PHX_GATE_KERNEL_UNKNOWN, /* what the kernel has loaded cannot be read, or AppArmor is off */
        PHX_GATE_NOT_LOADED,     /* its profile, or a child of it */
        PHX_GATE_OTHER_MODE,     /* its profile is loaded, and does not enforce */
        PHX_GATE_OTHER_POLICY,   /* the kernel has another version of it */
        PHX_GATE_LABEL_UNKNOWN,  /* that of its init cannot be read */
        PHX_GATE_OTHER_LABEL,    /* its init has another one */
        PHX_GATE_NO_STATE,       /* what was written down is lost, damaged or of another version;
                                    the last */
};

#define PHX_GATE_REASONS (PHX_GATE_NO_STATE + 1)

/* "right", "config-unknown", … for the journal. NULL for a number that is none. */
const char *phx_gate_reason_to_string(enum phx_gate_reason reason);

struct phx_gate_verdict {
        enum phx_gate_reason reason;
        const char *expected;      /* borrowed from the gate: the label, or the hash; or NULL */
        const char *profile;       /* borrowed from the gate or from what was seen; or NULL */
        const char *found;         /* borrowed from what was seen; or NULL */
        enum phx_policy_mode mode; /* that was found, with PHX_GATE_OTHER_MODE */
};

/* What is seen before a start. */
struct phx_gate_seen {
        const char *label; /* lxc.apparmor.profile in effect; "" for none; NULL: unknown */
        const struct phx_kernel_entries *loaded; /* sorted by name, see
                                                    phx_kernel_entries_index(); NULL: unknown */
};

struct phx_gate_verdict phx_gate_judge(
                const struct phx_gate *gate,
                const struct phx_gate_container *container,
                const struct phx_gate_seen *seen);

/* Of its init, before that executes anything of the container. LABEL without text is unknown. */
struct phx_gate_verdict phx_gate_judge_label(
                const struct phx_gate *gate,
                const struct phx_gate_container *container,
                const struct phx_label *label);

/* Of an init with another label: whether its container was rebooted from inside and keeps what it
 * ran with. Its monitor, which BOOT and STARTED name (see RUNNING in state/gate.h), goes on then,
 * and reads no config again. */
bool phx_gate_is_reboot(
                const struct phx_gate *gate,
                const struct phx_gate_container *container,
                const struct phx_label *label,
                const char *boot,
                uint64_t started);

/* Appends the profiles of the host that LABEL is made of, each once: those of which the kernel is
 * to be asked. 0 or -ENOMEM. */
int phx_gate_profiles(const char *label, struct phx_strings *profiles);

/* What comes of a start that is not right: never more than the settings say, and only a warning
 * while repairs are suspended. */
enum phx_boot_gate phx_gate_level(
                const struct phx_gate *gate,
                const struct phx_gate_container *container,
                uint64_t now_usec);
