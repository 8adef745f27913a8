/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <locale.h>
#include <stdlib.h>

#include "phoenixctl/arguments.h"
#include "phoenixctl/output.h"
#include "phoenixctl/pager.h"

int main(int argc, char *argv[]) {
        phx_cleanup(phx_strings_done) struct phx_strings arguments = { 0 };
        phx_autofree char **line = NULL;
        const struct ctl_verb *verb = NULL;
        struct ctl ctl = { 0 };
        int r, status = CTL_ERROR;

        /* The process has one thread. NOLINTNEXTLINE(concurrency-mt-unsafe) */
        (void) setlocale(LC_CTYPE, "");
        output_look(&ctl);
        r = ctl_arguments_parse(argc, argv, &ctl, &verb, &arguments, &status);
        if (r <= 0)
                return status;

        /* getopt moves the pointers about: the list keeps its own. */
        line = calloc(arguments.count + 1, sizeof(*line));
        if (!line)
                return CTL_ERROR;
        for (size_t i = 0; i < arguments.count; i++)
                line[i] = arguments.items[i];
        if (verb->is_paged)
                pager_open(&ctl);
        status = output_end(verb->run(&ctl, (int) arguments.count, line));
        pager_close();
        return status;
}
