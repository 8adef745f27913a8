/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "policy/verdict.h"

#include <errno.h>

#include "base/findings.h"

/* No rule gives all of them: that is the kernel's answer for a class that the policy says nothing
 * about, and so does not mediate. */
#define EVERYTHING UINT32_MAX

enum answer {
        ANSWER_DENIED,
        ANSWER_ALLOWED,
        ANSWER_UNMEDIATED,
};

static const char *answer_to_string(enum answer answer) {
        switch (answer) {
        case ANSWER_DENIED:
                return "the policy denies it";
        case ANSWER_ALLOWED:
                return "the policy allows it";
        case ANSWER_UNMEDIATED:
                return "the abi of the policy does not mediate this class, so everything is "
                       "allowed";
        }
        return "unknown";
}

static int verdict_ask(
                const struct phx_policy_trial *trial,
                const struct phx_policy_prober *prober,
                const struct phx_policy_query *query,
                enum answer *ret_answer,
                struct phx_error *error) {
        bool allowed = false, everything = false;
        int r;

        if (query->class == PHX_QUERY_CAPABILITY) {
                const struct phx_policy_entry *entry = phx_policy_find(
                                trial->policy,
                                trial->profile);

                allowed = entry && (entry->capabilities >> query->capability) & 1;
                *ret_answer = allowed ? ANSWER_ALLOWED : ANSWER_DENIED;
                return 0;
        }
        r = prober->ask(prober->data, trial->profile, query, query->mask, &allowed, error);
        if (r >= 0 && allowed && query->class != PHX_QUERY_FILE)
                r = prober->ask(prober->data,
                                trial->profile,
                                query,
                                EVERYTHING,
                                &everything,
                                error);
        if (r < 0)
                return r;
        *ret_answer = everything ? ANSWER_UNMEDIATED : allowed ? ANSWER_ALLOWED : ANSWER_DENIED;
        return 0;
}

/* 1 when it holds, 0 when not: WHY then says so. */
static int verdict_judge(
                const struct phx_policy_trial *trial,
                const struct phx_policy_prober *prober,
                const struct phx_policy_assertion *assertion,
                struct phx_error *why) {
        for (size_t i = 0; i < assertion->count; i++) {
                const struct phx_policy_query *query = &assertion->queries[i];
                enum answer answer = ANSWER_DENIED;
                int r;

                r = verdict_ask(trial, prober, query, &answer, why);
                if (r < 0)
                        return r;
                if (assertion->is_allow == (answer != ANSWER_DENIED))
                        continue;
                (void) phx_error_set(
                                why,
                                -EINVAL,
                                "expected '%s', but for '%s' %s",
                                assertion->text,
                                query->what,
                                answer_to_string(answer));
                return 0;
        }
        return 1;
}

/* The first that failed, and how many more. */
static int verdict_refuse(
                const struct phx_position *first,
                const char *why,
                size_t failures,
                struct phx_error *error) {
        if (failures == 1)
                return phx_error_set_at(error, -EINVAL, first, "%s", why);
        return phx_error_set_at(
                        error,
                        -EINVAL,
                        first,
                        "%.900s (and %zu more failed assertions)",
                        why,
                        failures - 1);
}

static int judge_all(
                const struct phx_policy_trial *trial,
                const struct phx_policy_prober *prober,
                struct phx_error *error) {
        struct phx_position first = { 0 };
        struct phx_error first_why = { 0 };
        size_t failures = 0;
        int r;

        for (size_t i = 0; i < trial->test->count; i++) {
                const struct phx_position position = { trial->file, trial->test->items[i].line, 0 };
                struct phx_error why = { 0 };

                r = verdict_judge(trial, prober, &trial->test->items[i], &why);
                if (r < 0)
                        return phx_error_set_in(error, r, trial->file, "%s", why.text);
                if (r > 0)
                        continue;
                if (error && error->all)
                        phx_findings_add(error->all, PHX_SEVERITY_ERROR, &position, "%s", why.text);
                if (failures++ > 0)
                        continue;
                first = position;
                first_why = why;
        }
        if (failures == 0)
                return 0;
        r = verdict_refuse(&first, first_why.text, failures, error);
        /* One by one, above. */
        if (error)
                error->is_listed = error->all != NULL;
        return r;
}

int phx_policy_trial_run(
                const struct phx_policy_trial *trial,
                const struct phx_policy_prober *prober,
                struct phx_error *error) {
        struct phx_error why = { 0 };
        int r;

        r = prober->load(prober->data, trial->blob, trial->size, &why);
        if (r < 0)
                return phx_error_set_in(
                                error,
                                r,
                                trial->file,
                                "cannot be tested: %s",
                                phx_error_text(&why, r));
        r = judge_all(trial, prober, error);
        prober->unload(prober->data);
        return r;
}
