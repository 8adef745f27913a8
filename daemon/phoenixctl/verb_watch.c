/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "phoenixctl/remote.h"
#include "phoenixctl/shown.h"
#include "phoenixctl/verb.h"

/* What was printed, and what is known now. */
struct watching {
        const struct ctl *ctl;
        struct phx_description known; /* without a snapshot: phoenixd was not running */
        bool is_told;
};

static void print_line(const struct watching *watching, const char *kind, const char *text) {
        time_t now = (time_t) (shown_now() / 1000000);
        struct tm time = { 0 };
        char when[16] = "";

        if (watching->ctl->quiet || watching->ctl->json)
                return;
        (void) localtime_r(&now, &time);
        (void) strftime(when, sizeof(when), "%H:%M:%S", &time);
        (void) printf("%s  %-8s %s\n", when, kind, text);
}

static bool has_drift(const struct phx_snapshot *snapshot, const struct phx_snapshot_drift *like) {
        for (size_t i = 0; snapshot && i < snapshot->drift_count; i++)
                if (snapshot->drifts[i].layer == like->layer &&
                    strcmp(snapshot->drifts[i].sentence, like->sentence) == 0)
                        return true;
        return false;
}

static bool has_change(
                const struct phx_snapshot *snapshot,
                const struct phx_snapshot_change *like) {
        for (size_t i = 0; snapshot && i < snapshot->change_count; i++)
                if (snapshot->changes[i].at == like->at &&
                    strcmp(snapshot->changes[i].sentence, like->sentence) == 0)
                        return true;
        return false;
}

/* What is in AFTER and not in BEFORE, and the other way round. */
static void print_daemon_news(const struct watching *watching, const struct phx_daemon *after) {
        const struct phx_daemon *before = &watching->known.daemon;

        if (after->doing && !phx_equal(before->doing, after->doing))
                print_line(watching, "doing", after->doing);
        if (after->status && !phx_equal(before->status, after->status))
                print_line(watching, "status", after->status);
}

static void print_news(const struct watching *watching, const struct phx_snapshot *after) {
        const struct phx_snapshot *before = watching->known.snapshot;

        for (size_t i = 0; i < after->drift_count; i++)
                if (!has_drift(before, &after->drifts[i]))
                        print_line(watching, "drift", after->drifts[i].sentence);
        for (size_t i = 0; before && i < after->change_count; i++)
                if (!has_change(before, &after->changes[i]))
                        print_line(watching,
                                   after->changes[i].has_failed ? "failed" : "changed",
                                   after->changes[i].sentence);
        for (size_t i = 0; before && i < before->drift_count; i++)
                if (!has_drift(after, &before->drifts[i]))
                        print_line(watching, "gone", before->drifts[i].sentence);
}

/* Something was announced: 0, or the exit status. */
static int on_news(void *data, const char *text, struct phx_description *description) {
        struct watching *watching = data;

        if (!description) {
                if (watching->known.snapshot || !watching->is_told)
                        print_line(watching, "ended", "phoenixd is not running; waiting for it");
        } else if (watching->ctl->json)
                (void) puts(text);
        else {
                print_news(watching, description->snapshot);
                print_daemon_news(watching, &description->daemon);
        }
        watching->is_told = true;
        phx_description_done(&watching->known);
        if (description)
                watching->known = PHX_TAKE_STRUCT(*description);
        return fflush(stdout) == 0 ? 0 : CTL_ERROR;
}

int verb_watch(const struct ctl *ctl, int argc, char **argv) {
        struct watching watching = { .ctl = ctl };
        int r;

        if (argc > 1) {
                (void) fprintf(stderr,
                               "phoenixctl: watch: expected no arguments; see phoenixctl help watch\n");
                return CTL_ERROR;
        }
        r = remote_watch(ctl, on_news, &watching);
        phx_description_done(&watching.known);
        return r;
}
