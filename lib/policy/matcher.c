/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The kernel's questions without the kernel. The bytes of a query are those that the kernel would
 * build (policy/query.c), and are run through the automaton of the compiled policy as the kernel
 * does:
 *
 *   files    have an automaton of their own; the query's first byte, the class, is left out
 *   others   share one: the class is the first byte, and leads to the start of that class, or to
 *            the dead state when the policy does not mediate it; the kernel grants everything
 *            then, and so does this
 *   none     a profile without an automaton mediates nothing, and grants everything
 *
 * Only `allow` is read: what is denied was already taken out of it by the compiler. It answers for
 * validate and for the rules that need no kernel. What decides about policy in force is the kernel
 * itself (kernel/probe.c); both have the same interface, phx_policy_prober, and the scenario
 * policy-tests compares their answers.
 *
 * matcher_load() borrows the blob until matcher_unload(), and parses it only for the positions of
 * the automata. */

#include "policy/matcher.h"

#include <errno.h>

#include "policy/automaton.h"
#include "policy/permissions.h"

/* Files have an automaton of their own, which does not read the class; in that of the others the
 * class leads to where the rest begins, or nowhere when it is not mediated: then all is granted, as
 * it was before. */
static int find_permissions(
                const struct phx_policy_matcher *matcher,
                const struct phx_policy_rules *rules,
                bool is_file,
                const struct phx_policy_query *query,
                uint32_t *ret_permissions,
                struct phx_error *error) {
        struct phx_automaton automaton = { 0 };
        struct phx_permissions found;
        uint32_t state = rules->start;
        int r;

        r = phx_automaton_read(
                        (const char *) matcher->blob + rules->offset,
                        rules->size,
                        &automaton,
                        error);
        if (r < 0)
                return r;
        if (!is_file)
                state = phx_automaton_run(&automaton, state, query->match.data, 1);
        if (!is_file && state == 0)
                return 0;
        state = phx_automaton_run(&automaton, state, query->match.data + 1, query->match.size - 1);
        found = is_file ? phx_permissions_of_file(
                                          matcher->blob,
                                          matcher->size,
                                          rules,
                                          &automaton,
                                          state)
                        : phx_permissions_of_other(
                                          matcher->blob,
                                          matcher->size,
                                          rules,
                                          &automaton,
                                          state);
        *ret_permissions = found.allow;
        return 0;
}

static int matcher_load(void *data, const void *blob, size_t size, struct phx_error *error) {
        struct phx_policy_matcher *matcher = data;

        matcher->blob = blob;
        matcher->size = size;
        return phx_policy_parse(blob, size, PHX_HASH_NONE, &matcher->policy, error);
}

static void matcher_unload(void *data) {
        struct phx_policy_matcher *matcher = data;

        phx_policy_done(&matcher->policy);
        matcher->blob = NULL;
}

static int matcher_ask(
                void *data,
                const char *profile,
                const struct phx_policy_query *query,
                uint32_t mask,
                bool *ret_allowed,
                struct phx_error *error) {
        const struct phx_policy_matcher *matcher = data;
        const struct phx_policy_entry *entry = phx_policy_find(&matcher->policy, profile);
        const struct phx_policy_rules *rules;
        bool is_file;
        uint32_t permissions = UINT32_MAX;
        int r = 0;

        if (!entry)
                return phx_error_set(error, -ENOENT, "'%s' is not in the policy", profile);
        if (query->match.size == 0)
                return phx_error_set(error, -EINVAL, "'%s': nothing to match", query->what);
        is_file = query->class == PHX_QUERY_FILE && entry->files.size > 0;
        rules = is_file ? &entry->files : &entry->others;
        if (rules->size > 0)
                r = find_permissions(matcher, rules, is_file, query, &permissions, error);
        if (r < 0)
                return r;
        *ret_allowed = (permissions & mask) == mask;
        return 0;
}

struct phx_policy_prober phx_policy_matcher_prober(struct phx_policy_matcher *matcher) {
        return (struct phx_policy_prober){ matcher_load, matcher_ask, matcher_unload, matcher };
}
