/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/scope.h"
#include "state/configuration.h"
#include "state/desired.h"
#include "state/settings.h"

/* What an operator asks for, as it was read and judged. */
struct phx_input {
        /* In force, borrowed from who judged until the next time; NULL before any were good. */
        const struct phx_settings *settings;
        const struct phx_configuration *configuration;
        /* All that judging came to: mode, generation, refusals, suspensions and the profiles that
         * are to be in force; no containers yet. Owned. */
        struct phx_desired *judged;
        uint64_t retry_usec; /* when what failed for want of time or room is worth another try;
                                PHX_NEVER otherwise */
        const struct phx_scope *scope; /* what is to be read again; borrowed likewise */
        const char *site_file; /* where CONFIGURATION is from, if not from where SETTINGS say; else
                                  NULL; borrowed likewise */
};
