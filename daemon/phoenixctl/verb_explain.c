/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <stdio.h>

#include "codec/snapshot_json.h"
#include "phoenixctl/remote.h"
#include "phoenixctl/shown.h"
#include "phoenixctl/verb.h"

static void print_decider(const struct phx_snapshot_decider *decider) {
        char line[16] = "";

        if (decider->line > 0)
                (void) snprintf(line, sizeof(line), ":%u", decider->line);
        (void) printf("  %-10s %s%s\n", decider->layer, decider->file ? decider->file : "-", line);
        if (decider->key || decider->value)
                (void) printf("             %s%s%s\n",
                              decider->key ? decider->key : "",
                              decider->key ? " = " : "",
                              decider->value ? decider->value : "-");
        if (decider->why)
                (void) printf("             %s\n", decider->why);
}

static void explain_print_page(
                const struct phx_snapshot *snapshot,
                const struct phx_snapshot_container *container,
                uint64_t now) {
        bool is_generated = container->backend == PHX_BACKEND_PVE &&
                            phx_equal(container->profile, "generated");

        (void) printf("%s is %s%s, by these files and settings:\n",
                      container->id,
                      is_generated ? "left to Proxmox's default profile" : "configured to run in ",
                      is_generated ? "" : container->profile);
        for (size_t i = 0; i < container->decided_by_count; i++) {
                (void) puts("");
                print_decider(&container->decided_by[i]);
        }
        if (container->suggestion)
                (void) printf("\n  Unconfined by configuration. %s fits: %s\n",
                              container->suggestion,
                              container->suggestion_why ? container->suggestion_why : "-");
        for (size_t i = 0; i < snapshot->drift_count; i++) {
                const struct phx_snapshot_drift *drift = &snapshot->drifts[i];
                char step[SHOWN_STEP_SIZE];

                if (!phx_equal(drift->object, container->id) &&
                    !phx_equal(drift->object, container->profile))
                        continue;
                (void) printf("\n  But: %s\n", drift->sentence);
                shown_step(snapshot, drift, now, step);
                if (step[0])
                        (void) printf("       -> %s\n", step);
        }
}

int verb_explain(const struct ctl *ctl, int argc, char **argv) {
        phx_cleanup(remote_view_done) struct remote_view view = { 0 };
        phx_autofree char *text = NULL;
        const char *from = shown_from(argc, argv);
        const struct phx_snapshot_container *container = NULL;
        int r;

        if (argc - optind != 1) {
                (void) fprintf(stderr,
                               "phoenixctl: explain: expected one container's id; see phoenixctl "
                               "list containers\n");
                return CTL_ERROR;
        }
        r = shown_find(ctl, "explain", from, argv[optind], &view, &container);
        if (r != 0)
                return r;
        if (!ctl->json) {
                /* What was kept in a file is as old as it was then. */
                if (!ctl->quiet)
                        explain_print_page(
                                        view.description.snapshot,
                                        container,
                                        from ? view.description.daemon.pass.ended_at : shown_now());
                return 0;
        }
        if (phx_snapshot_container_render(view.description.snapshot, container, &text) < 0)
                return CTL_ERROR;
        (void) puts(text);
        return 0;
}
