/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "state/world.h"

#include <stdlib.h>

void phx_preview_done(struct phx_preview *preview) {
        free(preview->file);
        free(preview->before);
        free(preview->after);
        *preview = (struct phx_preview){ 0 };
}
