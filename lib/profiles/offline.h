/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/error.h"
#include "base/findings.h"
#include "base/trust.h"
#include "state/configuration.h"
#include "state/settings.h"

/* The profiles of a directory judged as phoenixd would judge them, by the same code, without a
 * kernel, and with nothing put in force: what is compiled is for the features below, and tests are
 * asked of the compiled policy itself. */

/* Of a Linux 6.1 as Debian 12 builds it, for apparmor_parser -M. */
extern const char phx_offline_features[];

/* All borrowed. */
struct phx_offline {
        const struct phx_trust *trust;
        const char *parser;
        const struct phx_settings *settings; /* directories, rules and limits */
        const struct phx_strings *only;      /* profiles; NULL for all */
        /* Whose entries are to fit their profiles; NULL for none. */
        const struct phx_configuration *configuration;
        const char *configuration_path;
        const char *settings_path; /* for what is to be said of it; may be NULL */
        /* Where compiled policies are kept for the next run; NULL for nowhere. It is made if it can
         * be, and passed over unless it is the caller's and no other user can write to it. */
        const char *cache_dir;
};

/* Appends to NAMES what a configuration may name: sources, good or not, and what is defined in the
 * deployed directory. -ENOMEM, or what keeps from looking, with a text. */
int phx_offline_names(
                const struct phx_offline *offline,
                struct phx_strings *names,
                struct phx_error *error);

/* The file of that name among the sources, which is the site's where the host has none; the
 * caller's. 0 or -ENOMEM. */
int phx_offline_path(const struct phx_offline *offline, const char *name, char **ret_path);

/* Appends all that is wrong. 0 with or without such; negative with a text when not all could be
 * judged: without a compiler only what the texts say by themselves. */
int phx_offline_judge(
                const struct phx_offline *offline,
                struct phx_findings *findings,
                struct phx_error *error);
