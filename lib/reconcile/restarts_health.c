/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Whether a container that came up is well. The program of the settings is asked by a job of its
 * own, and its answer counts, as does that it took too long. It says nothing when it cannot be
 * asked: systemd does not begin the job, as there is no message bus, or the program is missing, or
 * may not be trusted. Then it is asked again, after pauses that double, until the deadline of the
 * settings has passed since the container came up. At the end its restart has failed, and as
 * nothing is known against the new profile, the one before is not put back. */

#include <errno.h>

#include "reconcile/restarts_settled.h"

/* Between two tries. */
#define HEALTH_SHORTEST_USEC 10000000ULL
#define HEALTH_LONGEST_USEC 60000000ULL

static bool health_is_wanted(const struct settled *settled) {
        const struct settler *settler = settled->settler;

        return settler->view->settings->health && settler->desired->mode == PHX_MODE_ENFORCE;
}

static int health_give_up(const struct settled *settled, const char *why) {
        phx_autofree char *text = NULL;

        settled->item->is_unasked = true;
        if (phx_printf(&text, "its health could not be asked for: %s", why) < 0)
                return -ENOMEM;
        return phx_restart_settle_fail(settled, text);
}

/* What is said meanwhile is why it waits. */
static int health_postpone(const struct settled *settled, const char *why) {
        uint64_t age = settle_age(settled, settled->item->since), pause = age, left;
        uint64_t deadline = settled->settler->view->settings->deadline_usec;
        phx_autofree char *text = NULL;

        if (age >= deadline)
                return health_give_up(settled, why);
        left = deadline - age;
        if (pause < HEALTH_SHORTEST_USEC)
                pause = HEALTH_SHORTEST_USEC;
        if (pause > HEALTH_LONGEST_USEC)
                pause = HEALTH_LONGEST_USEC;
        settled->item->again = settle_wall(settled) + (pause < left ? pause : left);
        if (phx_printf(&text, "its health is not known yet: %s", why) < 0)
                return -ENOMEM;
        return phx_replace(&settled->item->why, text);
}

/* By a job with the next number. */
static int health_ask(const struct settled *settled) {
        const char *trouble = settled->settler->view->health_trouble;
        struct phx_restart_item *item = settled->item;

        if (trouble)
                return health_postpone(settled, trouble);
        /* The first one has its number already. */
        if (item->tried > 0)
                settle_number(settled);
        item->again = 0;
        item->tried = settle_wall(settled);
        return 0;
}

static int health_take(const struct settled *settled, const struct phx_job_result *result) {
        phx_autofree char *text = NULL;

        switch (result->outcome) {
        case PHX_JOB_DONE:
                settled->item->ended = settle_wall(settled);
                return 1;
        case PHX_JOB_GONE:
                return health_ask(settled);
        case PHX_JOB_FAILED:
                if (phx_printf(&text,
                               "its health check failed: %s",
                               result->text ? result->text : "") < 0)
                        return -ENOMEM;
                return phx_restart_settle_fail(settled, text);
        case PHX_JOB_REFUSED:
                if (phx_printf(&text,
                               "systemd does not accept it: %s",
                               result->text ? result->text : "") < 0)
                        return -ENOMEM;
                return health_postpone(settled, text);
        }
        return 0;
}

int phx_restart_settle_health(const struct settled *settled) {
        const struct phx_restart_settings *settings = settled->settler->view->settings;
        struct phx_restart_item *item = settled->item;
        int r = 0;
        const struct phx_job_result *result = settle_result(settled, &r);

        if (r < 0)
                return r;
        if (!health_is_wanted(settled) || item->ended > 0)
                return 1;
        if (settle_pauses(settled))
                return 0;
        if (item->again > 0 || item->tried == 0)
                return health_ask(settled);
        if (result)
                return health_take(settled, result);
        /* systemd ends the program in time. No word of that is no answer. */
        if (settle_age(settled, item->tried) >=
            settings->health_usec + PHX_RESTART_HEALTH_GRACE_USEC)
                return health_give_up(settled, "systemd does not say how its job has ended");
        return 0;
}
