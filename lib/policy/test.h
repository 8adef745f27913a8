/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "policy/query.h"

/* What a profile must allow and deny, as its author says in a file beside it: one assertion a line,
 * see phoenixd-test(5). */

struct phx_policy_assertion {
        unsigned line;
        bool is_allow;
        char *text; /* the line, for messages */
        /* All of them must have the answer. */
        struct phx_policy_query *queries;
        size_t count;
};

struct phx_policy_test {
        struct phx_policy_assertion *items;
        size_t count;
};

/* LXC-x.test is the test of lxc-x. */
#define PHX_POLICY_TEST_SUFFIX ".test"

/* One line, without its end. 1 and an assertion, 0 for a blank or a comment, -EINVAL with what is
 * wrong and what was expected, without the place; -ENOMEM. */
int phx_policy_assertion_parse(
                const char *line,
                struct phx_policy_assertion *ret_assertion,
                struct phx_error *error);
void phx_policy_assertion_done(struct phx_policy_assertion *assertion);

/* A whole file; the text begins with "FILE: line N: ", and an error with a list gets every wrong
 * line, and RET_TEST the good ones. -EINVAL also for a file that asserts
 * nothing. */
int phx_policy_test_parse(
                const char *file,
                const char *text,
                struct phx_policy_test *ret_test,
                struct phx_error *error);
void phx_policy_test_done(struct phx_policy_test *test);
