/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <stdio.h>
#include <string.h>

#include "codec/snapshot_json.h"
#include "phoenixctl/difference.h"
#include "phoenixctl/remote.h"
#include "phoenixctl/shown.h"
#include "phoenixctl/verb.h"

/* The plan of a snapshot has no texts: what everybody may see. */
static int plan_of(
                const struct ctl *ctl,
                const char *from,
                struct phx_snapshot_plan *plan,
                char **ret_text) {
        phx_cleanup(remote_view_done) struct remote_view view = { 0 };
        int r;

        r = remote_view(ctl, from, REMOTE_DRIFTS, &view);
        if (r != 0)
                return r;
        if (phx_snapshot_plan_render(view.description.snapshot, ret_text) < 0 ||
            phx_snapshot_plan_parse(*ret_text, strlen(*ret_text), plan, NULL) < 0)
                return CTL_ERROR;
        return 0;
}

static int print_difference(const struct ctl *ctl, const struct phx_snapshot_drift *step) {
        const struct difference difference = {
                .file = step->file,
                .before = step->before,
                .before_size = step->before ? strlen(step->before) : 0,
                .after = step->after,
                .after_size = step->after ? strlen(step->after) : 0,
        };

        if (!step->file || (!step->before && !step->after))
                return 0;
        return difference_print(ctl, &difference);
}

/* "load   lxc-web: not loaded in the kernel", in the order in which it is done. */
static int print_steps(
                const struct ctl *ctl,
                const struct phx_snapshot_plan *plan,
                bool has_sentences) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < plan->step_count; i++) {
                const struct phx_snapshot_drift *step = &plan->steps[i];

                if (has_sentences)
                        (void) printf("%-10s %s\n",
                                      phx_action_kind_to_string(step->action),
                                      step->sentence);
                r = print_difference(ctl, step);
        }
        if (r < 0)
                (void) fprintf(stderr, "phoenixctl: diff: %s\n", strerrordesc_np(-r));
        return r < 0 ? CTL_ERROR : 0;
}

static int plan_print_page(
                const struct ctl *ctl,
                const struct phx_snapshot_plan *plan,
                bool has_sentences) {
        int r;

        r = print_steps(ctl, plan, has_sentences);
        if (r != 0)
                return r;
        if (plan->step_count == 0 && has_sentences)
                (void) puts("No steps are pending.");
        else if (plan->is_observing && has_sentences)
                (void) puts("\nphoenixd carries out none of them while the settings say \"mode\": \"observe\".");
        return 0;
}

static int plan_answer(
                const struct ctl *ctl,
                const struct phx_snapshot_plan *plan,
                const char *text,
                bool has_sentences) {
        int r = 0;

        if (ctl->json)
                (void) puts(text);
        else if (!ctl->quiet)
                r = plan_print_page(ctl, plan, has_sentences);
        if (r != 0)
                return r;
        return plan->step_count > 0 ? CTL_SOMETHING : 0;
}

static int wrong(const char *verb) {
        (void) fprintf(stderr,
                       "phoenixctl: %s: expected no arguments; see phoenixctl help %s\n",
                       verb,
                       verb);
        return CTL_ERROR;
}

int verb_plan(const struct ctl *ctl, int argc, char **argv) {
        phx_cleanup(phx_snapshot_plan_done) struct phx_snapshot_plan plan = { 0 };
        phx_autofree char *text = NULL;
        const char *from = shown_from(argc, argv);
        int r = CTL_NOT_ALLOWED;

        if (argc > optind)
                return wrong("plan");
        if (!from)
                r = remote_plan(ctl, true, &plan, &text);
        if (r == CTL_NOT_ALLOWED)
                r = plan_of(ctl, from, &plan, &text);
        return r != 0 ? r : plan_answer(ctl, &plan, text, true);
}

int verb_diff(const struct ctl *ctl, int argc, char **argv) {
        phx_cleanup(phx_snapshot_plan_done) struct phx_snapshot_plan plan = { 0 };
        phx_autofree char *text = NULL;
        int r;

        if (argc > 1)
                return wrong("diff");
        r = remote_plan(ctl, false, &plan, &text);
        return r != 0 ? r : plan_answer(ctl, &plan, text, false);
}
