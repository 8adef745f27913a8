/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The ways out of a profile: change_profile, and what execution leads to; and the tasks outside. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lint/private.h"
#include "policy/query.h"
#include "state/labels.h"

#define UNCONFINED "unconfined"
#define WITNESS_SIZE 256

/* Most automata have no such state at all, and need no search. */
static bool changes_anywhere(const struct lint *lint) {
        for (uint32_t state = 1; phx_policy_graph_has(lint->files, state); state++)
                if (phx_policy_graph_permissions(lint->files, state).allow & AA_MAY_CHANGE_PROFILE)
                        return true;
        return false;
}

/* "&x" is stacked upon the profile, which stays. */
static int find_change(const struct lint *lint, char witness[WITNESS_SIZE], bool *ret_found) {
        phx_cleanup(phx_graph_set_done) struct phx_graph_set names = { 0 };

        *ret_found = lint_may_open(lint, UNCONFINED, AA_MAY_CHANGE_PROFILE);
        (void) snprintf(witness, WITNESS_SIZE, "%s", UNCONFINED);
        if (*ret_found || !changes_anywhere(lint))
                return 0;
        if (phx_graph_set_init(lint->files, &names) < 0)
                return -ENOMEM;
        phx_graph_others(
                        lint->files,
                        phx_policy_graph_start(lint->files),
                        lint->family,
                        true,
                        '&',
                        &names);
        for (size_t i = 0; i < names.count && !*ret_found; i++)
                if (phx_policy_graph_permissions(lint->files, names.items[i]).allow &
                    AA_MAY_CHANGE_PROFILE) {
                        phx_graph_witness(&names, names.items[i], witness, WITNESS_SIZE);
                        *ret_found = true;
                }
        return 0;
}

static int lint_change_profile(struct lint *lint) {
        char witness[WITNESS_SIZE];
        const struct lint_place place = { LINT_CHANGE_PROFILE, witness, NULL };
        bool found = false;
        int r;

        r = find_change(lint, witness, &found);
        if (r < 0 || !found)
                return r;
        if (strcmp(witness, UNCONFINED) == 0)
                return lint_add(lint,
                                PHX_RULE_MAY_LEAVE,
                                &place,
                                "may leave its confinement: it may change its profile to "
                                "unconfined");
        return lint_add(lint,
                        PHX_RULE_MAY_LEAVE,
                        &place,
                        "may leave its profile for another profile, such as '%s'",
                        witness);
}

/* --- execution --- */

static bool is_of_family(const struct lint *lint, const char *target) {
        return phx_label_name_is_of(target, lint->family);
}

static const char *target_of(const struct lint *lint, uint32_t exec) {
        const struct phx_strings *transitions = &lint->entry->transitions;
        uint32_t index = exec & PHX_EXEC_INDEX;

        return index < transitions->count ? transitions->items[index] : "";
}

static bool leads_out(const struct lint *lint, uint32_t exec) {
        if (exec & PHX_EXEC_UNCONFINED)
                return true;
        if (exec & PHX_EXEC_CHILD)
                return false;
        if (exec & PHX_EXEC_TABLE)
                return target_of(lint, exec)[0] != '&' &&
                       !is_of_family(lint, target_of(lint, exec));
        return exec & PHX_EXEC_NAME;
}

/* Of what the owner of a program and others get, the worse; 0 when both stay. */
static uint32_t way_out(const struct lint *lint, uint32_t state) {
        const struct phx_permissions found = phx_policy_graph_permissions(lint->files, state);
        uint32_t worst = 0;

        for (size_t i = 0; i < PHX_ELEMENTS(found.exec); i++)
                if (found.may_exec[i] && leads_out(lint, found.exec[i]) &&
                    (worst == 0 || found.exec[i] & PHX_EXEC_UNCONFINED))
                        worst = found.exec[i];
        return worst;
}

static bool executes_anywhere(const struct lint *lint) {
        for (uint32_t state = 1; phx_policy_graph_has(lint->files, state); state++)
                if (way_out(lint, state))
                        return true;
        return false;
}

static int add_exec(struct lint *lint, const char *program, uint32_t exec) {
        const struct lint_place place = { LINT_EXEC, program, NULL };
        const char *target = exec & PHX_EXEC_TABLE ? target_of(lint, exec) : "";

        if (exec & PHX_EXEC_UNCONFINED && !(exec & (PHX_EXEC_NAME | PHX_EXEC_TABLE)))
                return lint_add(lint,
                                PHX_RULE_MAY_LEAVE_BY_EXEC,
                                &place,
                                "may leave its confinement: a program such as '%s' runs unconfined",
                                program);
        if (exec & PHX_EXEC_UNCONFINED)
                return lint_add(lint,
                                PHX_RULE_MAY_LEAVE_BY_EXEC,
                                &place,
                                "may leave its confinement: a program such as '%s' runs "
                                "unconfined if the host has no profile for it",
                                program);
        return lint_add(lint,
                        PHX_RULE_MAY_LEAVE_BY_EXEC,
                        &place,
                        "may leave its profile: a program such as '%s' runs in %s%s%s",
                        program,
                        target[0] ? "the profile '" : "a profile of the host",
                        target,
                        target[0] ? "'" : "");
}

static int lint_exec(struct lint *lint) {
        phx_cleanup(phx_graph_set_done) struct phx_graph_set paths = { 0 };
        const struct phx_graph_bytes any = phx_graph_any();
        char witness[WITNESS_SIZE];

        if (!executes_anywhere(lint))
                return 0;
        if (phx_graph_set_init(lint->files, &paths) < 0)
                return -ENOMEM;
        phx_graph_set_add(&paths, phx_policy_graph_start(lint->files));
        phx_graph_close(lint->files, &any, &paths);
        for (size_t i = 0; i < paths.count; i++) {
                uint32_t exec = way_out(lint, paths.items[i]);

                if (exec == 0)
                        continue;
                phx_graph_witness(&paths, paths.items[i], witness, sizeof(witness));
                return add_exec(lint, witness, exec);
        }
        return 0;
}

int lint_leaving(struct lint *lint) {
        int r;

        if (!lint->files)
                return 0;
        r = lint_change_profile(lint);
        return r < 0 ? r : lint_exec(lint);
}

/* --- other tasks --- */

/* 1 by a rule, 2 because the class is not mediated, 0. */
static int grants(const struct lint *lint, const char *string, size_t size, uint32_t mask) {
        uint32_t state;

        if (!lint->others)
                return 2;
        state = phx_policy_graph_run(lint->others, phx_policy_graph_start(lint->others), string, 1);
        if (state == 0)
                return 2;
        state = phx_policy_graph_run(lint->others, state, string + 1, size - 1);
        return state != 0 && phx_policy_graph_permissions(lint->others, state).allow & mask ? 1 : 0;
}

int lint_tasks(struct lint *lint) {
        static const char trace[] = { PHX_QUERY_PTRACE,
                                      'u',
                                      'n',
                                      'c',
                                      'o',
                                      'n',
                                      'f',
                                      'i',
                                      'n',
                                      'e',
                                      'd' },
                          kill[] = { PHX_QUERY_SIGNAL,
                                     SIGKILL,
                                     'u',
                                     'n',
                                     'c',
                                     'o',
                                     'n',
                                     'f',
                                     'i',
                                     'n',
                                     'e',
                                     'd' };
        int traces = grants(lint, trace, sizeof(trace), PHX_QUERY_TRACE),
            kills = grants(lint, kill, sizeof(kill), PHX_QUERY_SEND);
        const struct lint_place place = { traces == 1  ? LINT_PTRACE
                                          : kills == 1 ? LINT_SIGNAL
                                                       : LINT_HEADER,
                                          UNCONFINED,
                                          NULL };

        if (!traces && !kills)
                return 0;
        return lint_add(lint,
                        PHX_RULE_OUTSIDE_TASKS,
                        &place,
                        "may %s%s%s unconfined processes%s",
                        traces ? "trace" : "",
                        traces && kills ? " and " : "",
                        kills ? "signal" : "",
                        traces == 2 || kills == 2 ? ", because the profile's abi does not mediate "
                                                    "it"
                                                  : "");
}
