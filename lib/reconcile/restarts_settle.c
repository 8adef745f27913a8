/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What becomes of the restarts that were begun. An item takes at most one step a look:
 *
 *   ASKED ─► UNDER_WAY ─► CHECKED ─► gone, or STARTED: it runs under its label, and goes on to
 *                └───────────┴─────► FAILED ─► BACK ─► BACK_UNDER_WAY ─► ROLLED_BACK
 *
 * The step to UNDER_WAY is the plan's; all others are made here, of nothing but what was observed
 * and the results of jobs. What counts is the container: another init than before, and all tasks
 * under the label, and that init is to be still there some time later: one may die of what its
 * profile denies to it. A job that ends says only when it is no longer waited for, and one whose
 * end was not seen (PHX_JOB_GONE) says nothing: where the container is as before, it is begun
 * again.
 *
 * An item that failed is kept, so that it is not tried again, until its input changes or it came up
 * after all. Once the deadline is over, a job may still be at it: then nothing is put back before
 * that has ended, as two jobs would be at one container. The same holds of one that was up before
 * its job had ended: see restarts_ending.c, restarts_health.c for what CHECKED asks for,
 * restarts_over.c and restarts_back.c. */

#include <errno.h>
#include <string.h>

#include "base/strings.h"
#include "reconcile/restarts_private.h"
#include "reconcile/restarts_settled.h"
#include "reconcile/states_private.h"
#include "state/labels.h"

#define USEC_PER_SEC 1000000ULL

static void settler_done(struct settler *settler) {
        phx_index_done(&settler->by_id);
        phx_restarts_done(&settler->next);
        phx_restart_events_done(&settler->events);
}

/* It has restarted by itself, and is not as it should be. */
static bool settle_may_become_right(const struct settled *settled) {
        const struct phx_observed_container *have = settled->have;

        return have && phx_restart_is_other_init(have, settled->item->init) &&
               !phx_restart_is_right(have);
}

int phx_restart_settle_fail(const struct settled *settled, const char *why) {
        struct phx_restart_item *item = settled->item;
        phx_autofree char *both = NULL;

        if (item->phase != PHX_RESTART_BACK && item->phase != PHX_RESTART_BACK_UNDER_WAY) {
                /* What did not stay up, or is not well, has to come up once more. Otherwise the
                 * restart may still succeed, and the init that it brings may be there already. */
                if (item->phase == PHX_RESTART_CHECKED && !settle_may_become_right(settled) &&
                    settle_note_init(settled) < 0)
                        return -ENOMEM;
                if (phx_replace(&item->why, why) < 0)
                        return -ENOMEM;
                /* That of its health is of no account any more. */
                if (item->phase == PHX_RESTART_CHECKED) {
                        item->ended = settle_wall(settled);
                        item->again = 0;
                }
                item->phase = PHX_RESTART_FAILED;
                settle_note_stopped(settled);
                return settle_tell(settled, PHX_RESTART_EVENT_FAILED, item->label, why);
        }
        if (phx_printf(&both, "%s; rolling back failed, too: %s", item->why, why) < 0 ||
            phx_replace(&item->why, both) < 0)
                return -ENOMEM;
        item->phase = PHX_RESTART_ROLLED_BACK;
        item->again = 0;
        settle_note_stopped(settled);
        return settle_tell(settled, PHX_RESTART_EVENT_FAILED, settled->want->label, why);
}

static int settle_failf(const struct settled *settled, const char *format, const char *detail) {
        phx_autofree char *why = NULL;

        /* The formats are those of this file. */
        if (phx_printf(&why, "%s%s", format, detail ? detail : "") < 0)
                return -ENOMEM;
        return phx_restart_settle_fail(settled, why);
}

static void settle_ask(const struct settled *settled) {
        settle_enter(settled, PHX_RESTART_ASKED);
        settled->item->is_stop = false;
        settled->item->starts = 0;
        settled->item->serial = 0;
        settled->item->ended = settled->item->again = 0;
}

/* A host that has booted starts its containers by itself, and so does the state of an entry. */
void phx_restart_settle_drop(struct settled *settled) {
        const struct phx_observed_container *have = settled->have;
        struct phx_restart_item *item = settled->item;

        settled->is_gone = phx_restart_is_for_state(item) || !item->is_start ||
                           !settle_is_this_boot(settled) || !have || have->is_running ||
                           settled->want->state != PHX_RUN_UNMANAGED;
        if (settled->is_gone)
                return;
        item->when = PHX_RESTART_BY_POLICY;
        settle_ask(settled);
}

void phx_restart_settle_again(struct settled *settled) {
        if (settled->item->phase == PHX_RESTART_BACK_UNDER_WAY)
                settle_enter(settled, PHX_RESTART_BACK);
        else if (settled->item->when == PHX_RESTART_BY_POLICY ||
                 settled->item->when == PHX_RESTART_BY_STATE)
                phx_restart_settle_drop(settled);
        else
                settle_ask(settled);
}

static int settle_done(struct settled *settled) {
        /* One that an operator has asked for says nothing about its policy. */
        settled->is_gone = settled->item->when != PHX_RESTART_BY_STATE &&
                           (settled->item->repeated == 0 || settled->item->former > 0);
        if (!settled->is_gone) {
                settle_enter(settled, PHX_RESTART_STARTED);
                /* No job of it is to be waited for, whatever comes. */
                settled->item->ended = settle_wall(settled);
        }
        return settle_tell(settled, PHX_RESTART_EVENT_DONE, settled->item->label, NULL);
}

int phx_restart_settle_up(struct settled *settled) {
        const struct phx_restart_view *view = settled->settler->view;
        struct phx_restart_item *item = settled->item;
        const struct phx_job_result *result;
        int r = 0;

        if (settled->item->phase == PHX_RESTART_BACK_UNDER_WAY) {
                settle_enter(settled, PHX_RESTART_ROLLED_BACK);
                item->is_start = false;
                return settle_tell(settled, PHX_RESTART_EVENT_DONE, settled->want->label, NULL);
        }
        result = settle_result(settled, &r);
        if (r < 0 || settle_note_init(settled) < 0)
                return -ENOMEM;
        if (!result && item->former == 0 && phx_restart_has_job(item, view->boot))
                item->former = item->serial;
        settle_hand_out(settled, PHX_RESTART_CHECKED);
        return phx_restart_settle_health(settled) < 0 ? -ENOMEM : 0;
}

/* --- a job is, or was, at it --- */

/* The job of a restart that is overdue may still be at it. */
static int settle_overtaken(struct settled *settled) {
        struct phx_restart_item *item = settled->item;

        if (item->phase == PHX_RESTART_UNDER_WAY &&
            phx_restart_has_job(item, settled->settler->view->boot))
                item->phase = PHX_RESTART_ENDING;
        else
                phx_restart_settle_drop(settled);
        return settle_tell(
                        settled,
                        PHX_RESTART_EVENT_FAILED,
                        item->label,
                        "something else has been asked for meanwhile");
}

/* Another init than before, and not under the label. */
static int settle_wrong(struct settled *settled) {
        phx_autofree char *label = NULL;

        if (settled->item->phase != PHX_RESTART_BACK_UNDER_WAY && !settle_is_same_input(settled))
                return settle_overtaken(settled);
        if (phx_label_render(&settled->have->example, &label) < 0)
                return -ENOMEM;
        return settle_failf(settled, "it runs under ", label);
}

/* Another init than before, under its label, and started with other lines than its config has. */
static int settle_wrong_start(struct settled *settled, const struct phx_wrong_line *line) {
        if (settled->item->phase != PHX_RESTART_BACK_UNDER_WAY && !settle_is_same_input(settled))
                return settle_overtaken(settled);
        return settle_failf(
                        settled,
                        line->fault == PHX_LINE_NOT_IN_EFFECT ? "it was started without "
                                                              : "it was started with ",
                        line->key);
}

/* What the container is like, when its job has ended and it did not come up. */
static int settle_ended(struct settled *settled) {
        const struct phx_observed_container *have = settled->have;
        const struct phx_wrong_line *line = have ? phx_restart_wrong_start(have) : NULL;

        if (!have || !have->is_running)
                return phx_restart_settle_fail(settled, "it does not run");
        if (phx_restart_is_same_init(have, settled->item->init)) {
                if (!phx_restart_is_right(have))
                        return phx_restart_settle_fail(settled, "its init is still the same");
                /* Not by this restart: what it is to run in is what it runs in again. */
                settled->is_gone = true;
                return 0;
        }
        if (line && phx_restart_is_other_init(have, settled->item->init))
                return settle_wrong_start(settled, line);
        /* What is not known now shows later, or never: then the deadline says so. */
        if (have->wrong == 0 || !phx_restart_is_other_init(have, settled->item->init))
                return 0;
        return settle_wrong(settled);
}

/* As it was before its job: that has done nothing, or nothing that lasts. */
static bool settle_is_untouched(const struct settled *settled) {
        const struct phx_observed_container *have = settled->have;

        if (settled->item->is_start)
                return have && !have->is_running;
        return have && phx_restart_is_same_init(have, settled->item->init);
}

/* It was not begun, mostly as there is no message bus: some time later it is tried again. */
static int settle_refused(struct settled *settled, const char *text) {
        struct phx_restart_item *item = settled->item;
        phx_autofree char *why = NULL;
        int r;

        if (phx_printf(&why, "systemd does not accept it: %s", text ? text : "") < 0)
                return -ENOMEM;
        if (item->phase != PHX_RESTART_BACK_UNDER_WAY) {
                r = phx_restart_settle_fail(settled, why);
        } else {
                r = settle_tell(settled, PHX_RESTART_EVENT_FAILED, settled->want->label, why);
                settle_enter(settled, PHX_RESTART_BACK);
                item->since += SETTLE_RETRY_USEC;
        }
        item->again = settle_wall(settled) + SETTLE_RETRY_USEC;
        return r;
}

static int settle_note_result(struct settled *settled, const struct phx_job_result *result) {
        bool is_other = settled->have &&
                        phx_restart_is_other_init(settled->have, settled->item->init);

        settled->item->ended = settle_wall(settled);
        switch (result->outcome) {
        case PHX_JOB_DONE:
                return 0;
        case PHX_JOB_GONE:
                if (settle_is_untouched(settled))
                        phx_restart_settle_again(settled);
                return 0;
        case PHX_JOB_FAILED:
                return is_other ? 0
                                : phx_restart_settle_fail(
                                                  settled,
                                                  result->text ? result->text : "its job failed");
        case PHX_JOB_REFUSED:
                return settle_refused(settled, result->text);
        }
        return 0;
}

static int settle_overdue(struct settled *settled) {
        const struct phx_observed_container *have = settled->have;
        const struct phx_wrong_line *line = have ? phx_restart_wrong_start(have) : NULL;
        uint64_t limit = settled->settler->view->settings->deadline_usec;
        phx_autofree char *why = NULL;
        const char *what = "it does not run";

        if (line && phx_restart_is_other_init(have, settled->item->init))
                return settle_wrong_start(settled, line);
        if (have && have->is_running)
                what = phx_restart_is_other_init(have, settled->item->init)
                                       ? "it was restarted, and its tasks are not under its label"
                       : phx_restart_is_same_init(have, settled->item->init)
                                       ? "its init is still the same"
                                       : "its init is not known";
        if (phx_printf(&why, "after %llu s %s", (unsigned long long) (limit / USEC_PER_SEC), what) <
            0)
                return -ENOMEM;
        return phx_restart_settle_fail(settled, why);
}

/* What it was before is not to be put back any more; the job for that may still be at it. */
static int settle_outdated(struct settled *settled, const struct phx_job_result *result) {
        struct phx_restart_item *item = settled->item;

        if (result && item->ended == 0)
                item->ended = settle_wall(settled);
        if (!phx_restart_has_job(item, settled->settler->view->boot)) {
                settle_note_stopped(settled);
                /* What it has started may show only some time later. */
                if (item->is_start && item->ended > 0 &&
                    settle_age(settled, item->ended) < PHX_RESTART_GRACE_USEC)
                        return 0;
                return settle_overtaken(settled);
        }
        if (settle_age(settled, item->since) >= settled->settler->view->settings->deadline_usec)
                settle_enter(settled, PHX_RESTART_ROLLED_BACK);
        return 0;
}

/* Whether it is waited for any longer. */
static int settle_wait(struct settled *settled) {
        const struct phx_restart_item *item = settled->item;
        uint64_t deadline = settled->settler->view->settings->deadline_usec;
        int r = 0;

        if (item->ended > 0 && settle_age(settled, item->ended) >= PHX_RESTART_GRACE_USEC)
                r = settle_ended(settled);
        if (r < 0 || settled->is_gone ||
            (item->phase != PHX_RESTART_UNDER_WAY && item->phase != PHX_RESTART_BACK_UNDER_WAY))
                return r;
        return settle_age(settled, item->since) >= deadline ? settle_overdue(settled) : 0;
}

/* For both: a restart, and the one that puts things back. */
static int settle_under_way(struct settled *settled) {
        struct phx_restart_item *item = settled->item;
        int r = 0;
        const struct phx_job_result *result = settle_result(settled, &r);

        if (r < 0)
                return r;
        if (item->phase == PHX_RESTART_BACK_UNDER_WAY && !settle_is_same_input(settled))
                return settle_outdated(settled, result);
        if (settle_came_up(settled))
                return phx_restart_settle_up(settled);
        if (!settle_is_this_boot(settled)) {
                if (item->phase == PHX_RESTART_BACK_UNDER_WAY)
                        settle_enter(settled, PHX_RESTART_ROLLED_BACK);
                else
                        phx_restart_settle_again(settled);
                return 0;
        }
        return result && item->ended == 0 ? settle_note_result(settled, result)
                                          : settle_wait(settled);
}

/* --- whether it stays up --- */

/* Proxmox's cluster file system may be away for a moment. */
static int settle_unseen(const struct settled *settled) {
        uint64_t deadline = settled->settler->view->settings->deadline_usec;

        return settle_age(settled, settled->item->since) < deadline
                               ? 0
                               : phx_restart_settle_fail(settled, "it is not on this host");
}

/* It is under its label, which it was before as well. Whether the restart has helped is known only
 * when its monitor has answered; to say so before would have it restarted again and again. */
static int settle_right(struct settled *settled) {
        uint64_t deadline = settled->settler->view->settings->deadline_usec;

        if (!settled->have->at_start_waits ||
            !phx_restart_is_for_lines(settled->want, settled->item))
                return settle_done(settled);
        return settle_age(settled, settled->item->since) < deadline
                               ? 0
                               : phx_restart_settle_fail(
                                                 settled,
                                                 "its managed lines cannot be compared");
}

/* Its init has ended, and there is another one already. That is no failure where it is as it should
 * be: it is to stay up from now on, but not until the deadline. */
static int settle_rebooted(struct settled *settled) {
        const struct phx_observed_container *have = settled->have;
        struct phx_restart_item *item = settled->item;

        if (settle_age(settled, item->since) >= settled->settler->view->settings->deadline_usec ||
            (!phx_restart_is_right(have) && have->starting == 0 && have->unknown == 0))
                return phx_restart_settle_fail(settled, "it did not stay up");
        if (!phx_restart_is_right(have))
                return 0;
        if (settle_note_init(settled) < 0 || phx_replace(&item->why, "") < 0)
                return -ENOMEM;
        settle_number(settled);
        item->up = settle_wall(settled);
        item->ended = item->again = item->tried = 0;
        return phx_restart_settle_health(settled) < 0 ? -ENOMEM : 0;
}

static int settle_checked(struct settled *settled) {
        const struct phx_observed_container *have = settled->have;
        int r;

        if (!settle_is_this_boot(settled)) {
                if (have && phx_restart_is_right(have))
                        return settle_done(settled);
                phx_restart_settle_again(settled);
                return 0;
        }
        if (!have)
                return settle_unseen(settled);
        if (!have->is_running)
                return phx_restart_settle_fail(settled, "it did not stay up");
        if (phx_restart_is_other_init(have, settled->item->init))
                return settle_rebooted(settled);
        r = phx_restart_settle_health(settled);
        if (r <= 0 || settle_age(settled, settled->item->up) < PHX_RESTART_STAY_USEC)
                return r < 0 ? r : 0;
        if (phx_restart_is_right(have))
                return settle_right(settled);
        if (settle_age(settled, settled->item->since) < PHX_RESTART_GRACE_USEC)
                return 0;
        if (phx_restart_wrong_start(have))
                return settle_wrong_start(settled, phx_restart_wrong_start(have));
        return have->wrong > 0 ? settle_wrong(settled)
                               : phx_restart_settle_fail(
                                                 settled,
                                                 "the labels of its tasks are not known");
}

static int settle_item(struct settled *settled) {
        if (phx_restart_is_for_state(settled->item) && phx_states_takes(settled))
                return phx_states_settle(settled);
        switch (settled->item->phase) {
        case PHX_RESTART_ASKED:
                return phx_restart_settle_asked(settled);
        case PHX_RESTART_UNDER_WAY:
                return settle_under_way(settled);
        case PHX_RESTART_CHECKED:
                return settle_checked(settled);
        case PHX_RESTART_FAILED:
                return phx_restart_settle_failed(settled);
        case PHX_RESTART_BACK:
                return phx_restart_settle_back(settled);
        case PHX_RESTART_BACK_UNDER_WAY:
                return settle_under_way(settled);
        case PHX_RESTART_ROLLED_BACK:
                return phx_restart_settle_rolled_back(settled);
        case PHX_RESTART_STARTED:
                return phx_restart_settle_repeated(settled);
        case PHX_RESTART_ENDING:
                return phx_restart_settle_ending(settled);
        }
        return 0;
}

/* 1 when the item is to be removed. */
static int settle_one(struct settler *settler, struct phx_restart_item *item) {
        static const struct phx_desired_container none;
        struct settled settled = {
                .settler = settler,
                .item = item,
                .want = phx_restarts_want(settler->desired, &settler->by_id, item->id),
        };
        int r;

        phx_restart_settle_clock(settler->view, item);
        r = phx_restart_settle_former(&settled);
        if (r < 0)
                return r;
        if (settled.want) {
                settled.have = phx_restarts_have(settler->observed, settled.want);
                r = settle_item(&settled);
        } else {
                settled.want = &none;
                r = phx_restart_settle_unwanted(&settled);
        }
        if (r >= 0 && settled.is_gone)
                phx_restart_settle_keep(&settled);
        return r < 0 ? r : settled.is_gone;
}

int phx_restarts_settle(
                const struct phx_restart_view *view,
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                const struct phx_drifts *drifts,
                struct phx_restarts *ret_next,
                struct phx_restart_events *ret_events) {
        phx_cleanup(settler_done) struct settler settler = { view, desired, observed, drifts };
        int r;

        r = phx_restarts_copy(&settler.next, view->restarts);
        /* Where nothing was ever accepted, no container is known not to be wanted. */
        if (r >= 0 && view->settings && desired->has_configuration && settler.next.count > 0)
                r = phx_index_make(
                                &settler.by_id,
                                desired->containers,
                                desired->container_count,
                                sizeof(*desired->containers));
        for (size_t i = 0;
             r >= 0 && view->settings && desired->has_configuration && i < settler.next.count;) {
                r = settle_one(&settler, &settler.next.items[i]);
                if (r > 0)
                        (void) phx_restarts_remove(&settler.next, settler.next.items[i].id);
                else
                        i++;
        }
        if (r < 0)
                return r;
        if (view->settings)
                phx_states_drop_old(view, &settler.next);
        phx_restarts_done(ret_next);
        *ret_next = PHX_TAKE_STRUCT(settler.next);
        phx_restart_events_done(ret_events);
        *ret_events = PHX_TAKE_STRUCT(settler.events);
        return 0;
}
