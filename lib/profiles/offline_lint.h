/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/findings.h"
#include "profiles/offline.h"
#include "profiles/profiles.h"
#include "state/desired.h"

/* Appends the rules that profiles and entries break, those that are accepted as notes. DESIRED has
 * the profiles that were judged, and gets the containers of the configuration. 0 or -ENOMEM. */
int phx_offline_lint(
                const struct phx_offline *offline,
                struct phx_profiles *profiles,
                struct phx_desired *desired,
                struct phx_findings *findings);
