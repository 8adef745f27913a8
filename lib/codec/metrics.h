/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/buffer.h"
#include "state/daemon.h"

/* The snapshot in the text format of Prometheus, see phoenixd(8). Two parts, so that who writes a
 * file can tell whether there is anything new to write: what changes when something has happened,
 * and what changes with every look. 0 or -ENOMEM. */
int phx_metrics_render(const struct phx_snapshot *snapshot, struct phx_buffer *buffer);
int phx_metrics_render_times(const struct phx_daemon *daemon, struct phx_buffer *buffer);
