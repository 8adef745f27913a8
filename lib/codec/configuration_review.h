/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/findings.h"
#include "base/strings.h"
#include "codec/json_scan.h"
#include "state/configuration.h"
#include "state/settings.h"

/* What an accepted configuration has that its author probably did not intend: a profile that no
 * file defines (an error: its container would have none), who is unconfined, a nesting that the
 * profile does already, an option that another key overrules. JSON is the text that CONFIGURATION
 * was read from; NAMES are the profiles that there are, NULL when that is not known. */
void phx_configuration_review(
                const struct phx_json_text *json,
                const struct phx_configuration *configuration,
                const struct phx_settings *settings,
                const struct phx_strings *names,
                struct phx_findings *findings);
