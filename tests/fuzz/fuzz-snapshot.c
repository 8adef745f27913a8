/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Any bytes are a snapshot or are refused with a text; what is accepted is rendered to what is
 * accepted again, and renders the same. Its plan and each container can be told. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/snapshot_json.h"

/* The name is libFuzzer's. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds) {
        if (!holds)
                abort();
}

static void check_plan(const struct phx_snapshot *snapshot) {
        struct phx_snapshot_plan plan = { 0 };
        phx_autofree char *text = NULL;

        require(phx_snapshot_plan_render(snapshot, &text) == 0);
        require(phx_snapshot_plan_parse(text, strlen(text), &plan, NULL) == 0);
        require(plan.step_count <= snapshot->drift_count);
        phx_snapshot_plan_done(&plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = NULL, *again = NULL;
        phx_autofree char *once = NULL, *twice = NULL;
        struct phx_error error = { 0 };

        if (phx_snapshot_parse((const char *) data, size, &snapshot, &error) < 0) {
                require(!snapshot && strncmp(error.text, "snapshot: ", strlen("snapshot: ")) == 0);
                return 0;
        }
        require(phx_snapshot_render(snapshot, &once) == 0);
        require(phx_snapshot_parse(once, strlen(once), &again, NULL) == 0);
        require(phx_snapshot_render(again, &twice) == 0);
        require(strcmp(once, twice) == 0);
        for (size_t i = 0; i < snapshot->container_count; i++) {
                phx_autofree char *text = NULL;

                require(phx_snapshot_container_render(snapshot, &snapshot->containers[i], &text) ==
                        0);
        }
        check_plan(snapshot);
        return 0;
}
