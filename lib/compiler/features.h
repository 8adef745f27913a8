/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "compiler/compiler.h"

/* What the parser gets to know of the machine's features, as it is staged: for all that run. The
 * zero value is none. */
struct phx_staged_features {
        char *stage_dir;
        char *kernel;
        char *policy;
        char *override;
};

/* The group that may read what is staged for COMPILER. */
gid_t phx_stage_group(const struct phx_compiler *compiler);

/* Those of COMPILER; runs under other features are of no use any more, as their keys differ. 0 or
 * a negative errno, mostly with a text. */
int phx_features_stage(
                struct phx_staged_features *features,
                const struct phx_compiler *compiler,
                struct phx_error *error);
void phx_features_unstage(struct phx_staged_features *features);
