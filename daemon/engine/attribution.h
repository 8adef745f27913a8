/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdint.h>

#include "base/strings.h"

/* Who has changed policy in the kernel, from the audit records that the kernel makes of it
 * (apparmor="STATUS") and the journal keeps. Blocks, for a second at most: for the engine. */

/* Called once for each of PROFILES: WHAT was done ("replaced", "removed"), and BY whom
 * ("apparmor_parser, pid 312"); "changed" and NULL where no record says so. */
typedef void (*attribution_told)(void *data, const char *profile, const char *what, const char *by);

/* SINCE_USEC: by the clock on the wall. Records of the engine's own loads do not count. */
void attribution_find(
                const struct phx_strings *profiles,
                uint64_t since_usec,
                attribution_told told,
                void *data);

/* What one record says. */
struct attribution_record {
        char profile[256];
        const char *what;
        char by[64];
};

/* MESSAGE as audit_log_record() gives it. False for what is no such record, changes nothing, or is
 * our own. Public for its test: only root, with AppArmor, can put such a record into a journal. */
bool attribution_parse(const char *message, struct attribution_record *ret_record);
