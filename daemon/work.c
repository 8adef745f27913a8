#include "work.h"

#include <errno.h>
#include <string.h>

/* Stands where the real work will be, so that the daemon around it can be run: it looks at nothing
 * and says so. */
static int look(void *data, bool full, struct phx_report **ret_report, struct phx_error *error) {
        phx_cleanup(phx_report_freep) struct phx_report *report = calloc(1, sizeof(*report));
        int r;

        if (!report)
                return phx_error_set(error, -ENOMEM, "out of memory");
        report->degraded = true;
        report->retry_usec = PHX_NEVER;
        report->debounce_usec = 200000;
        report->longest_delay_usec = 2000000;
        report->resync_usec = 600000000;
        r = phx_replace(&report->status, "Degraded: this build looks at nothing");
        if (r < 0)
                return phx_error_set(error, r, "out of memory");

        *ret_report = PHX_TAKE(report);
        return 0;
}

int work_setup(const struct work_options *options,
               const struct phx_audit *audit,
               struct engine_work *ret_work,
               struct phx_error *error) {
        *ret_work = (struct engine_work){ .look = look };
        return 0;
}
