/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "state/report.h"
#include "state/settings.h"
#include "state/snapshot.h"

/* What an answer has of the settings. SETTINGS is NULL before any were accepted. 0 or -ENOMEM. */

/* The delays, and what the loop listens to. HAS_LABELS: there are labels to be looked at. */
int fill_report(const struct phx_settings *settings, bool has_labels, struct phx_report *report);
/* The path of the settings themselves is FILE; SITE_FILE is as in struct phx_input, HIDDEN_FILE as
 * input_hidden_file() says. */
int fill_paths(const struct phx_settings *settings,
               const char *file,
               const char *site_file,
               const char *hidden_file,
               struct phx_snapshot *snapshot);
