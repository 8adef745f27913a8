/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/error.h"
#include "state/inventory.h"
#include "state/restarts.h"
#include "state/suspensions.h"

/* What phoenixd owns, kept in STATE_DIR/inventory.json over restarts. */

/* Reads it. One that is absent or damaged gives an empty inventory: 1 when it was damaged, with
 * ERROR saying how, for the journal. */
int store_load(int state_fd, struct phx_inventory *ret_inventory, struct phx_error *error);

/* Writes it, atomically, unless it is so already. */
int store_save(int state_fd, const struct phx_inventory *inventory, struct phx_error *error);

/* What is suspended, kept in STATE_DIR/suspensions.json; as above. */
int store_load_suspensions(
                int state_fd,
                struct phx_suspensions *ret_suspensions,
                struct phx_error *error);
int store_save_suspensions(
                int state_fd,
                const struct phx_suspensions *suspensions,
                struct phx_error *error);

/* Which containers are being restarted, kept in STATE_DIR/restarts.json; as above. */
int store_load_restarts(int state_fd, struct phx_restarts *ret_restarts, struct phx_error *error);
int store_save_restarts(int state_fd, const struct phx_restarts *restarts, struct phx_error *error);
