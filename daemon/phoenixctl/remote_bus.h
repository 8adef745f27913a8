/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <systemd/sd-bus.h>

#include "phoenixctl/ctl.h"
#include "state/snapshot.h"

/* The connection to phoenixd, for remote.c and view.c. */

/* 0, or the exit status: then standard error has the reason. */
int remote_bus_open(const struct ctl *ctl, sd_bus **ret_bus);
/* A method of org.phoenixd1.Manager with arguments of these TYPES: as sd_bus_call_method(3). */
int remote_bus_call(
                sd_bus *bus,
                const char *method,
                sd_bus_error *error,
                sd_bus_message **ret_reply,
                const char *types,
                ...);
/* Says why a call failed, and returns the exit status. ERROR may be NULL. */
int remote_bus_failed(int r, const sd_bus_error *error);
/* ERROR, which may be NULL, says that phoenixd is not there, or left before it had answered. */
bool remote_bus_is_gone(const sd_bus_error *error);
/* Adds all objects of the lists that are among LISTS: 0, or the exit status. When phoenixd is gone,
 * RET_GONE is true, and it is up to the caller to say so; if that is NULL, it is said. */
int remote_bus_add_lists(
                sd_bus *bus,
                unsigned lists,
                struct phx_snapshot *snapshot,
                bool *ret_gone);
