/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "state/report.h"

#include <errno.h>

int phx_report_add_init(struct phx_report *report, pid_t pid) {
        pid_t *inits = reallocarray(report->inits, report->init_count + 1, sizeof(*inits));

        if (!inits)
                return -ENOMEM;
        report->inits = inits;
        report->inits[report->init_count++] = pid;
        return 0;
}

struct phx_report *phx_report_free(struct phx_report *report) {
        if (!report)
                return NULL;

        free(report->status);
        free(report->lxc_path);
        free(report->inits);
        phx_strings_done(&report->watches);
        phx_jobs_done(&report->jobs);
        free(report);

        return NULL;
}
