/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/strings.h"
#include "base/trust.h"

/* A container of plain LXC, made whole under a name that LXC does not see, and then renamed: it is
 * complete, or it is not there. */
struct create_order {
        const char *lxc_path;
        const char *name;     /* of the container; safe as a file name */
        const char *hostname; /* for itself */
        const char *label;    /* the value of lxc.apparmor.profile */
        const char *template; /* the path of an archive; or NULL, and then */
        const char *source;   /* the directory of a container below LXC_PATH */
        bool is_unprivileged;
        struct phx_strings lines; /* "key = value", of its config */
};

/* Waits for another creation to end. 0, also when the container is there already; or a negative
 * errno with its text, and then nothing of it is left, as far as it can be removed. */
int create_run(const struct phx_trust *trust,
               const struct create_order *order,
               struct phx_error *error);

/* Removes what is left of earlier ones in PHX_CREATION_STAGE, and nothing else. Waits for one that
 * is being made. 0 or a negative errno. */
int create_clean(const struct phx_trust *trust, const char *lxc_path, struct phx_error *error);
