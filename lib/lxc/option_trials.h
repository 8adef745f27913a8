/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Asks liblxc about the options of assignments, in one child; and what comes of its answers. */

#include <stdint.h>

#include "lxc/assignments.h"
#include "state/observed.h"

struct phx_option_answer {
        char *verdicts; /* one letter for each option; NULL: nothing of ours is touched */
        char *trouble;  /* why there are none although they were asked for; else NULL */
};

/* Fills in an answer for each assignment that has none yet: nothing is asked where all options
 * stand behind the config's own lines already. LXC says how long liblxc may take. Fails only when
 * there is no memory, or nothing can be asked at all. */
int phx_option_trials_run(
                const struct phx_lxc *lxc,
                const struct phx_assignments *assignments,
                struct phx_option_answer *answers,
                struct phx_error *error);
/* NULL is none. */
void phx_option_answers_free(struct phx_option_answer *answers, size_t count);

/* Decides about the assignment, and fills in what is wrong with its lines and which of its options
 * are refused; FILE is the configuration, as it is named in messages. A config that only a line of
 * ours makes liblxc refuse is no trouble: the edit takes it out. 0 or -ENOMEM. */
int phx_option_answer_settle(
                const struct phx_option_answer *answer,
                struct phx_assignment *assignment,
                const char *file,
                struct phx_observed_container *observed);
