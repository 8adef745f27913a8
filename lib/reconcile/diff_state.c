/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Whether a container runs, where its entry says that it is to run, or is not to. */

#include "reconcile/differ.h"

bool phx_differ_is_off_state(
                const struct phx_desired_container *want,
                const struct phx_observed_container *have) {
        return want->state != PHX_RUN_UNMANAGED &&
               have->is_running != (want->state == PHX_RUN_RUNNING);
}

static enum phx_cause diff_state_why(const struct phx_desired_container *want) {
        const struct phx_restart_mark *mark = &want->mark;
        bool is_start = want->state == PHX_RUN_RUNNING;

        if (!mark->holds || mark->phase == PHX_RESTART_ASKED || mark->phase == PHX_RESTART_ENDING)
                return is_start ? PHX_CAUSE_REQUIRES_START : PHX_CAUSE_REQUIRES_STOP;
        if (!mark->is_for_state)
                return PHX_CAUSE_RESTART_FAILED;
        if (mark->phase == PHX_RESTART_FAILED)
                return is_start ? PHX_CAUSE_START_FAILED : PHX_CAUSE_STOP_FAILED;
        return is_start ? PHX_CAUSE_STARTING : PHX_CAUSE_STOPPING;
}

/* A restart stops it for a moment, and one that failed is reported as such. */
static bool diff_state_is_restart(const struct phx_restart_mark *mark) {
        return mark->holds && !mark->is_for_state && mark->phase != PHX_RESTART_ASKED &&
               mark->phase != PHX_RESTART_ROLLED_BACK && mark->phase != PHX_RESTART_ENDING;
}

int phx_differ_state(
                struct phx_differ *differ,
                const struct phx_desired_container *want,
                const struct phx_observed_container *have) {
        struct phx_drift drift = {
                .layer = PHX_LAYER_RUNNING,
                .kind = PHX_DRIFT_STATE,
                .object = want->id,
                .profile = want->profile,
                .expected = phx_run_state_to_string(want->state),
                .found = phx_run_state_to_string(
                                have->is_running ? PHX_RUN_RUNNING : PHX_RUN_STOPPED),
                .is_lacking = !have->is_running,
        };

        if (!phx_differ_is_off_state(want, have) || diff_state_is_restart(&want->mark))
                return 0;
        drift.cause = diff_state_why(want);
        if (drift.cause == PHX_CAUSE_START_FAILED || drift.cause == PHX_CAUSE_STOP_FAILED ||
            drift.cause == PHX_CAUSE_RESTART_FAILED)
                drift.detail = want->mark.why;
        /* What is done now is decided among all, later: see reconcile/states.h. An action is given
         * only to be taken away again. */
        if (phx_suspensions_find(&differ->desired->suspensions, want->id))
                drift.action = PHX_ACTION_START;
        return phx_differ_add(differ, drift);
}

int phx_differ_left_stopped(
                struct phx_differ *differ,
                const struct phx_desired_container *want,
                const struct phx_observed_container *have) {
        bool is_begun = want->mark.holds && want->mark.phase == PHX_RESTART_UNDER_WAY;

        if (!want->mark.is_left || have->is_running || want->state != PHX_RUN_UNMANAGED)
                return 0;
        return phx_differ_add(
                        differ,
                        (struct phx_drift){
                                        .layer = PHX_LAYER_RUNNING,
                                        .kind = PHX_DRIFT_RUNNING,
                                        .object = want->id,
                                        .profile = want->profile,
                                        .expected = want->label,
                                        .found = "not running",
                                        .is_lacking = true,
                                        .cause = is_begun ? PHX_CAUSE_STARTING
                                                          : PHX_CAUSE_REQUIRES_START,
                        });
}
