/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Prints what each container of a configuration needs and the shipped profile that has it, as a
 * table: print-needs FILE. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "codec/configuration_json.h"
#include "state/needs.h"

static int print(const struct phx_container_config *container) {
        phx_cleanup(phx_fit_done) struct phx_fit fit = { 0 };

        if (phx_fit_of(container, PHX_NAMESPACE_AUTO, &fit) < 0)
                return -1;
        (void) printf("%-5s %-23s %-22s %s%s\n",
                      container->id,
                      container->name ? container->name : "-",
                      fit.profile ? fit.profile : "none",
                      fit.why,
                      fit.wants_key ? " (with apparmor_manages_nesting)" : "");
        return 0;
}

int main(int argc, char **argv) {
        phx_cleanup(phx_configuration_freep) struct phx_configuration *configuration = NULL;
        phx_autofree char *text = NULL;
        struct phx_error error = { 0 };
        size_t size = 0;

        if (argc != 2 ||
            phx_file_read_at(AT_FDCWD, argv[1], PHX_CONFIGURATION_LIMIT, &text, &size) < 0) {
                (void) fprintf(stderr, "usage: print-needs FILE\n");
                return EXIT_FAILURE;
        }
        if (phx_configuration_parse(argv[1], text, size, "unconfined", &configuration, &error) <
            0) {
                (void) fprintf(stderr, "%s\n", error.text);
                return EXIT_FAILURE;
        }
        for (size_t i = 0; i < configuration->count; i++)
                if (print(&configuration->containers[i]) < 0)
                        return EXIT_FAILURE;
        return EXIT_SUCCESS;
}
