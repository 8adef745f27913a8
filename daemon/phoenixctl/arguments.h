/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/strings.h"
#include "phoenixctl/verb.h"

/* Takes the options that hold for all verbs out of the line and into CTL, wherever they stand.
 * RET_ARGUMENTS begins with the verb, then has the verb's own options, "--" and its arguments: no
 * argument can be taken for an option. 1 to run RET_VERB, 0 when the exit status is in RET_STATUS.
 */
int ctl_arguments_parse(
                int argc,
                char **argv,
                struct ctl *ctl,
                const struct ctl_verb **ret_verb,
                struct phx_strings *ret_arguments,
                int *ret_status);
