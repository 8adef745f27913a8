/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Asks liblxc about the options of all assignments, in one child, and remembers what it said: as
 * long as a config, what it includes and its options are byte by byte the same, nothing is asked
 * again; nor where all options stand behind the config's own lines already. */

#include <stdint.h>

#include "lxc/assignments.h"
#include "state/observed.h"

/* Lives between looks. */
struct phx_option_trials;

int phx_option_trials_new(struct phx_option_trials **ret_trials);
struct phx_option_trials *phx_option_trials_free(struct phx_option_trials *trials);
PHX_DEFINE_FREEP(phx_option_trials)

struct phx_option_answer {
        char *verdicts; /* one letter for each option; NULL: nothing of ours is touched */
        char *trouble;  /* why there are none although they were asked for; else NULL */
};

/* One answer for each assignment, for the caller to free. LXC says how long liblxc may take. Adds
 * to WATCHES the directories in which a change could change what includes of options say. Fails
 * only when there is no memory, or nothing can be asked at all. */
int phx_option_trials_run(
                struct phx_option_trials *trials,
                const struct phx_lxc *lxc,
                const struct phx_assignments *assignments,
                struct phx_option_answer **ret_answers,
                struct phx_strings *watches,
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
