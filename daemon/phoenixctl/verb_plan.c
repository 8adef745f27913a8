/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <stdio.h>
#include <string.h>

#include "codec/snapshot_json.h"
#include "phoenixctl/difference.h"
#include "phoenixctl/due.h"
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

/* Of any number of containers, those alone are asked for of which one may require one. */
static bool may_require_restart(const struct remote_view *view) {
        return view->tally.container_states[PHX_CONTAINER_REQUIRES_RESTART] > 0 ||
               view->tally.container_states[PHX_CONTAINER_DRIFT] > 0;
}

static void print_due(const struct phx_snapshot *snapshot, enum due_verb verb, uint64_t now) {
        bool is_first = true;

        for (size_t i = 0; i < snapshot->container_count; i++) {
                const struct phx_snapshot_container *container = &snapshot->containers[i];
                char words[DUE_SIZE];

                due_words(snapshot, container, now, words);
                if (!words[0] || due_verb(container) != verb)
                        continue;
                if (is_first)
                        (void) printf("\n%ss:\n", due_title(verb));
                (void) printf("  %s: %s\n", container->id, words);
                is_first = false;
        }
}

/* What no step of now is about: restarts, starts and stops that are required, and when they come.
 */
static int print_restarts(const struct ctl *ctl, const char *from) {
        phx_cleanup(remote_view_done) struct remote_view counts = { 0 }, view = { 0 };
        const struct phx_snapshot *snapshot;
        uint64_t now;
        int r;

        r = remote_view(ctl, from, 0, &counts);
        if (r == 0 && may_require_restart(&counts))
                r = remote_view(ctl, from, REMOTE_CONTAINERS, &view);
        if (r != 0 || !view.description.snapshot)
                return r;
        snapshot = view.description.snapshot;
        now = from ? view.description.daemon.pass.ended_at : shown_now();
        for (unsigned verb = 0; verb < DUE_VERBS; verb++)
                print_due(snapshot, (enum due_verb) verb, now);
        return 0;
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
        if (r == 0)
                r = plan_answer(ctl, &plan, text, true);
        if ((r == 0 || r == CTL_SOMETHING) && !ctl->json && !ctl->quiet &&
            print_restarts(ctl, from) != 0)
                return CTL_ERROR;
        return r;
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
