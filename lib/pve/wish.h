/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What an entry of phoenix_lxc_configs.json asks of a Proxmox container's ordinary keys. */

#include "base/strings.h"
#include "pve/features.h"
#include "pve/text.h"
#include "state/configuration.h"

/* The features of the file with those that pct_options name set or cleared, in Proxmox's form.
 * Words may be written as pct(1) takes them: "nesting=1", "--features nesting=1,mount=nfs;cifs",
 * also with blanks and ':'. What the file has and pct_options do not name stays, and so do file
 * systems of mount. With apparmor_manages_nesting the profile does what nesting=1 is for: the word
 * is passed over, whatever it says.
 *
 * Returns 1 when that differs from what HAVE says, 0 when not (RET_VALUE is NULL then), or a
 * negative errno: -EINVAL when HAVE has a fault, and nothing can be added to it. *RET_VALUE is
 * owned by the caller, "" for no features. OTHERS gets the words that are no features, as they are
 * written; NULL is allowed. */
int phx_pve_wish_features(
                const struct phx_container_config *config,
                const struct phx_pve_features *have,
                char **ret_value,
                struct phx_strings *others);

/* Appends to SETTINGS, as "key=value", what the file has to say so that the container starts when
 * the entry says: onboot, and of startup the order and the delay. What the entry does not have, and
 * the time for the shutdown, stay; of a value that Proxmox ignores, the parts that can be read. 0
 * or -ENOMEM. */
int phx_pve_wish_start(
                const struct phx_container_config *config,
                const struct phx_pve_text *text,
                struct phx_strings *settings);
