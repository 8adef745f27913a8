/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Of what Describe() answers: the metrics, and after that the counts of the bus, one
 * "NAME VALUE" a line, for counts.py. usage: print-counts FILE */

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "bus/private.h"
#include "bus/property.h"
#include "codec/metrics.h"
#include "codec/snapshot_json.h"

int main(int argc, char *argv[]) {
        static const char *const names[] = {
                "NProfiles", "NContainers", "NDrifts",          "NConfined",    "NUnconfined",
                "NStopped",  "NExposed",    "NRequiresRestart", "NQuarantined", "NUnmanaged",
        };
        phx_cleanup(phx_description_done) struct phx_description description = { 0 };
        struct board board = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer metrics = { 0 };
        phx_autofree char *text = NULL;
        struct phx_error error = { 0 };
        size_t size = 0;

        if (argc != 2 || phx_file_read_at(AT_FDCWD, argv[1], 1 << 20, &text, &size) < 0)
                errx(EXIT_FAILURE, "usage: print-counts FILE");
        if (phx_description_parse(text, size, &description, &error) < 0)
                errx(EXIT_FAILURE, "%s", error.text);
        if (phx_metrics_render(description.snapshot, &metrics) < 0)
                errx(EXIT_FAILURE, "out of memory");
        (void) fputs(metrics.data, stdout);
        board.rest.snapshot = description.snapshot;
        phx_tally_count(description.snapshot, &board.rest.tally);
        for (size_t i = 0; i < PHX_ELEMENTS(names); i++) {
                const struct bus_property *property = bus_manager_property(names[i]);

                if (!property)
                        errx(EXIT_FAILURE, "%s: no such property", names[i]);
                (void) printf("%s %llu\n", names[i], (unsigned long long) property->number(&board));
        }
        return EXIT_SUCCESS;
}
