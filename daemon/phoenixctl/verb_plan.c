#include <stdio.h>

#include "remote.h"
#include "shown.h"
#include "verb.h"

/* "load   lxc-web: not loaded in the kernel", in the order in which it is done. */
static size_t print_planned(const struct phx_snapshot *snapshot) {
        size_t count = 0;

        for (size_t i = 0; i < snapshot->drift_count; i++) {
                const struct phx_snapshot_drift *drift = &snapshot->drifts[i];

                if (drift->action == PHX_ACTION_NONE)
                        continue;
                count++;
                (void) printf("%-10s %s\n",
                              phx_action_kind_to_string(drift->action),
                              drift->sentence);
        }
        return count;
}

int verb_plan(const struct ctl *ctl, int argc, char **argv) {
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = NULL;
        phx_autofree char *text = NULL;
        const char *from = shown_from(argc, argv);
        size_t planned = 0;
        int r;

        if (argc > optind) {
                (void) fprintf(stderr,
                               "phoenixctl: plan: expected nothing behind it; see phoenixctl help "
                               "plan\n");
                return CTL_ERROR;
        }
        r = remote_describe(ctl, from, &snapshot, &text);
        if (r != 0)
                return r;
        if (ctl->json) {
                for (size_t i = 0; i < snapshot->drift_count; i++)
                        planned += snapshot->drifts[i].action != PHX_ACTION_NONE;
                (void) puts(text);
        } else
                planned = print_planned(snapshot);
        if (planned == 0 && !ctl->json && !ctl->quiet)
                (void) puts("Nothing is to be done.");
        else if (snapshot->daemon.is_observing && !ctl->json && !ctl->quiet)
                (void) puts("\nNone of it is done while the settings say \"mode\": \"observe\".");
        return planned > 0 ? CTL_SOMETHING : 0;
}
