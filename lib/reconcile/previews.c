/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "reconcile/previews.h"

#include <string.h>

#include "base/buffer.h"
#include "base/macros.h"
#include "reconcile/plan.h"

int phx_previews_fill(
                const struct phx_world *world,
                const struct phx_picture *picture,
                size_t limit,
                struct phx_snapshot *snapshot) {
        size_t left = limit;

        for (size_t i = 0; i < picture->plan.count; i++) {
                const struct phx_step *step = &picture->plan.steps[i];
                /* The snapshot has them in the same order. */
                struct phx_snapshot_drift *drift =
                                &snapshot->drifts[step->drift - picture->drifts.items];
                phx_cleanup(phx_preview_done) struct phx_preview preview = { 0 };
                phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };
                size_t size;
                int r;

                r = phx_step_render(step, &text);
                if (r < 0)
                        return r;
                drift->step = PHX_TAKE(text.data);
                if (!world->preview || world->preview(world->data, step, &preview) <= 0)
                        continue;
                drift->file = PHX_TAKE(preview.file);
                size = (preview.before ? strlen(preview.before) : 0) +
                       (preview.after ? strlen(preview.after) : 0);
                if (size > left)
                        continue;
                left -= size;
                drift->before = PHX_TAKE(preview.before);
                drift->after = PHX_TAKE(preview.after);
        }
        return 0;
}
