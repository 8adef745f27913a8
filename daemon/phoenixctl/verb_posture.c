/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <stdio.h>

#include "base/strings.h"
#include "codec/snapshot_json.h"
#include "phoenixctl/remote.h"
#include "phoenixctl/shown.h"
#include "phoenixctl/table.h"
#include "phoenixctl/verb.h"
#include "state/tally.h"

static int posture_add_row(struct table *table, const struct phx_snapshot_container *container) {
        if (table_add(table, container->id) < 0 || table_add(table, container->name) < 0 ||
            table_add(table, shown_posture(container)) < 0 ||
            table_add(table, container->label ? container->label : container->assigned) < 0)
                return -1;
        return table_add(table, container->suggestion);
}

/* Nothing says what it is to be: it is shown, and counts for nothing. */
static int add_unmanaged(struct table *table, const struct phx_snapshot_unmanaged *unmanaged) {
        if (table_add(table, unmanaged->directory) < 0 || table_add(table, "(unmanaged)") < 0 ||
            table_add(table, phx_posture_to_string(unmanaged->posture)) < 0 ||
            table_add(table, unmanaged->label ? unmanaged->label : unmanaged->assigned) < 0)
                return -1;
        return table_add(table, NULL);
}

static int posture_fill(struct table *table, const struct phx_snapshot *snapshot) {
        static const char *const header[] = { "ID", "NAME", "POSTURE", "BY", "WOULD FIT" };

        table->columns = PHX_ELEMENTS(header);
        for (size_t i = 0; i < PHX_ELEMENTS(header); i++)
                if (table_add(table, header[i]) < 0)
                        return -1;
        for (size_t i = 0; i < snapshot->container_count; i++)
                if (posture_add_row(table, &snapshot->containers[i]) < 0)
                        return -1;
        for (size_t i = 0; i < snapshot->unmanaged_count; i++)
                if (add_unmanaged(table, &snapshot->unmanaged[i]) < 0)
                        return -1;
        return 0;
}

/* What was kept in a file is as old as it was then. */
static void print_legend(
                const struct phx_daemon *daemon,
                bool is_kept,
                const struct phx_tally *tally) {
        const unsigned ungated = phx_tally_ungated(tally);
        uint64_t now = is_kept ? daemon->pass.ended_at : shown_now();
        char when[32];

        (void) printf("\n%u of %u container%s %s not confined, may leave the profile, or could not "
                      "be verified.\n",
                      tally->exposed,
                      tally->containers,
                      phx_plural(tally->containers),
                      tally->exposed == 1 ? "is" : "are");
        if (ungated > 0)
                (void) printf("%u container%s would start without the boot gate; phoenixctl status "
                              "says why.\n",
                              ungated,
                              phx_plural(ungated));
        (void) printf("Labels as of %s.\n", shown_time(daemon->labels_at, now, when, sizeof(when)));
}

int verb_posture(const struct ctl *ctl, int argc, char **argv) {
        phx_cleanup(remote_view_done) struct remote_view view = { 0 };
        const struct phx_snapshot *snapshot;
        phx_cleanup(table_done) struct table table = { 0 };
        phx_autofree char *text = NULL;
        const char *from = shown_from(argc, argv);
        int r;

        r = remote_view(ctl, from, REMOTE_CONTAINERS | REMOTE_UNMANAGED, &view);
        if (r != 0)
                return r;
        snapshot = view.description.snapshot;
        if (posture_fill(&table, snapshot) < 0) {
                (void) fprintf(stderr, "phoenixctl: out of memory\n");
                return CTL_ERROR;
        }
        if (ctl->json) {
                const struct phx_snapshot_part part = {
                        .containers = snapshot->containers,
                        .container_count = snapshot->container_count,
                        .unmanaged = snapshot->unmanaged,
                        .unmanaged_count = snapshot->unmanaged_count,
                        .labels_at = view.description.daemon.labels_at
                };

                if (phx_snapshot_part_render(&part, &text) < 0)
                        return CTL_ERROR;
                (void) puts(text);
        } else if (!ctl->quiet) {
                table_print(&table, ctl, stdout);
                if (!ctl->no_legend)
                        print_legend(&view.description.daemon, from != NULL, &view.tally);
        }
        return view.tally.exposed > 0 ? CTL_SOMETHING : 0;
}
