/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "base/findings.h"
#include "base/strings.h"
#include "state/settings.h"

/* A phoenix_lxc_configs.json in which containers are to be confined. */
struct phx_advice {
        const char *file; /* for messages */
        const char *default_profile;
        enum phx_namespace_policy policy; /* the setting policy_namespace */
        const struct phx_strings *only;   /* ids; NULL: all */
        struct phx_findings *left; /* NULL, or gets a warning for each container that no shipped
                                      profile fits, which is left as it is */
};

/* The text in which each container that is unconfined has the shipped profile that fits as its
 * apparmor_profile, together with apparmor_manages_nesting where the profile is only for a policy
 * namespace; and none has those lxc_options that phoenixd leaves out because they contradict one of
 * these keys. All other bytes stay. Returns how many edits were made; 0 when there was nothing to
 * do, and then RET_TEXT is as it was. -EINVAL for a text that is no configuration, -ENOENT for an
 * id that is not in it. */
int phx_configuration_advise(
                const struct phx_advice *advice,
                const char *text,
                size_t size,
                struct phx_buffer *ret_text,
                struct phx_error *error);
