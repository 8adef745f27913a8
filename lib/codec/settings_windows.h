/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/calendar.h"
#include "codec/json.h"
#include "state/settings.h"

/* Asks systemd for each of restart_windows of SETTINGS, which were read from TEXT, whether it is a
 * calendar expression. -EINVAL with the place and systemd's words for one that is none. One for
 * which systemd cannot be asked, or not in time, is no mistake of its author: a warning, for an
 * error that has a list of findings, and 0. */
int phx_settings_check_windows(
                const struct phx_json_text *text,
                const struct phx_settings *settings,
                const struct phx_calendar *calendar,
                struct phx_error *error);
