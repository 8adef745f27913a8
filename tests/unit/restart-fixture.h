/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/grow.h"
#include "base/strings.h"
#include "reconcile/confine.h"
#include "reconcile/diff.h"
#include "reconcile/plan.h"
#include "reconcile/restarts.h"
#include "reconcile/states.h"
#include "state/report.h"

/* A host of which restarts are decided, as a few numbers: each look makes desired and observed of
 * it afresh. Its containers are to run in lxc-new, their configs say so, and they run in lxc-old,
 * unless a test says otherwise. Both profiles are loaded and enforced. */

#define HOST_LIMIT 16
#define SECOND 1000000ULL
#define BOOT "boot-1"

struct host_container {
        char id[8];
        const char *depends[4];
        long order;
        enum phx_restart_policy policy;
        enum phx_run_state state;
        const char *profile; /* of its entry */
        char config[64];     /* lxc.apparmor.profile */
        char label[64];      /* of its tasks; "" when it does not run */
        bool is_complaining;
        const char *at_start; /* KEY of a managed line that it was started without; NULL for none */
        bool is_uncompared;   /* its monitor has not said yet with which lines it was started */
        unsigned init, started;
        enum phx_restart restart;
        bool is_suspended, has_pending;
        const char *copied_for; /* the container that is being made of it; NULL: none is */
        bool is_unseen;         /* its directory is not there in this look */
        bool is_unwanted;       /* the configuration has no entry of it, */
        bool was_unwanted;      /* or had none */
        char up[32];            /* the last job that was at it */
};

struct host {
        struct host_container containers[HOST_LIMIT];
        size_t count;
        bool is_new_loaded, is_old_loaded;
        enum phx_mode mode;
        const char *key; /* of lxc-new's policy */
        struct phx_restart_settings settings;
        struct phx_restarts restarts;
        struct phx_job_results results;
        struct phx_window window;
        const char *health_trouble, *boot;
        uint64_t wall, booted;
        unsigned inits;
        /* Of the last look. */
        struct phx_desired *desired;
        struct phx_observed *observed;
        struct phx_drifts drifts;
        struct phx_plan plan;
        struct phx_restart_waits waits;
        struct phx_restart_events events; /* all, until host_forget_events() */
        struct phx_jobs jobs;
};

static inline void host_done(struct host *host) {
        phx_plan_done(&host->plan);
        phx_desired_free(host->desired);
        phx_observed_free(host->observed);
        phx_drifts_done(&host->drifts);
        phx_restart_waits_done(&host->waits);
        phx_restart_events_done(&host->events);
        phx_jobs_done(&host->jobs);
        phx_restarts_done(&host->restarts);
        phx_job_results_done(&host->results);
        *host = (struct host){ 0 };
}

static inline struct host host_new(void) {
        return (struct host){
                .is_new_loaded = true,
                .is_old_loaded = true,
                .key = "key-1",
                .settings = { .jobs = 1,
                              .deadline_usec = 300 * SECOND,
                              .health_usec = 30 * SECOND },
                .window = { .is_known = true, .next_usec = PHX_NEVER },
                .boot = BOOT,
                .wall = 1000 * SECOND,
                .booted = 400 * SECOND,
                .inits = 100,
        };
}

/* Borrowed until the next one is added. */
static inline struct host_container *host_add(struct host *host, const char *id) {
        struct host_container *container = &host->containers[host->count++];

        assert_true(host->count <= HOST_LIMIT);
        *container = (struct host_container){ .policy = PHX_RESTART_IMMEDIATE,
                                              .profile = "lxc-new",
                                              .config = "lxc-new",
                                              .label = "lxc-old",
                                              .init = ++host->inits,
                                              .started = 7,
                                              .restart = PHX_RESTART_PLAIN };
        (void) snprintf(container->id, sizeof(container->id), "%s", id);
        return container;
}

static inline struct host_container *host_find(struct host *host, const char *id) {
        for (size_t i = 0; i < host->count; i++)
                if (strcmp(host->containers[i].id, id) == 0)
                        return &host->containers[i];
        (void) fprintf(stderr, "no container %s\n", id);
        abort();
}

/* Without time to pass. */
static inline void host_set_clock(struct host *host, uint64_t wall) {
        host->booted += wall - host->wall;
        host->wall = wall;
}

/* What a test cannot do without. */
static inline __attribute__((__returns_nonnull__)) void *host_need(void *memory) {
        if (!memory)
                abort();
        return memory;
}

/* As a start makes it. */
static inline void host_start(struct host *host, const char *id, const char *label) {
        struct host_container *container = host_find(host, id);

        (void) snprintf(container->label, sizeof(container->label), "%s", label);
        container->init = label[0] ? ++host->inits : 0;
        container->at_start = NULL;
}

static inline void host_load(struct host *host, const char *name) {
        assert_int_equal(
                        phx_kernel_entries_add(
                                        &host->observed->loaded,
                                        name,
                                        PHX_POLICY_ENFORCE,
                                        "h"),
                        0);
}

static inline void host_want(struct host *host, const struct host_container *container) {
        struct phx_desired_container *want = phx_desired_add_container(
                        host->desired,
                        container->id);
        struct phx_suspension suspension = { .object = strdup(container->id),
                                             .reason = strdup("x"),
                                             .until = PHX_NEVER };

        assert_int_equal(phx_replace(&want->directory, container->id), 0);
        assert_int_equal(phx_desired_container_set_profile(want, container->profile, NULL), 0);
        for (size_t i = 0; i < PHX_ELEMENTS(container->depends) && container->depends[i]; i++)
                assert_int_equal(phx_strings_add(&want->dependencies, container->depends[i]), 0);
        want->boot_order = container->order;
        want->restart = container->policy;
        want->state = container->state;
        assert_int_equal(phx_replace(&want->copied_for, container->copied_for), 0);
        if (container->is_suspended)
                assert_int_equal(phx_suspensions_set(&host->desired->suspensions, &suspension), 0);
        phx_suspension_done(&suspension);
}

static inline void host_show(struct host *host, const struct host_container *container) {
        struct phx_observed_container *have = phx_observed_add_container(
                        host->observed,
                        container->id);
        struct phx_task *task;

        assert_int_equal(phx_replace(&have->effective, container->config), 0);
        assert_int_equal(phx_replace(&have->digest, "d"), 0);
        have->restart = container->restart;
        if (container->has_pending)
                assert_int_equal(phx_strings_add(&have->pending, "x"), 0);
        if (!container->label[0])
                return;
        task = have->seen.items = host_need(calloc(1, sizeof(*task)));
        have->seen.count = have->tasks = 1;
        *task = (struct phx_task){ .pid = (pid_t) container->init,
                                   .tid = (pid_t) container->init,
                                   .is_known = true };
        assert_int_equal(phx_replace(&task->label.text, container->label), 0);
        task->label.has_mode = strcmp(container->label, "unconfined") != 0;
        task->label.mode = container->is_complaining ? PHX_POLICY_COMPLAIN : PHX_POLICY_ENFORCE;
        have->seen.init = have->init = (pid_t) container->init;
        have->init_started = container->started;
        have->is_running = true;
        have->at_start_waits = container->is_uncompared;
        if (container->at_start)
                assert_int_equal(
                                phx_wrong_lines_add(
                                                &have->at_start,
                                                PHX_LINE_NOT_IN_EFFECT,
                                                container->at_start),
                                0);
}

static inline void host_make(struct host *host) {
        struct phx_desired_profile *profile;

        phx_desired_free(host->desired);
        phx_observed_free(host->observed);
        host->desired = host_need(calloc(1, sizeof(*host->desired)));
        host->observed = host_need(calloc(1, sizeof(*host->observed)));
        host->desired->has_configuration = true;
        host->desired->mode = host->mode;
        assert_int_equal(phx_replace(&host->observed->lxc_path, "/var/lib/lxc"), 0);
        profile = host_need(phx_desired_add_profile(host->desired, "lxc-new"));
        profile->has_good = true;
        (void) snprintf(profile->key, sizeof(profile->key), "%s", host->key);
        (void) snprintf(profile->digest, sizeof(profile->digest), "d");
        assert_int_equal(
                        phx_kernel_entries_add(
                                        &profile->policy,
                                        "lxc-new",
                                        PHX_POLICY_ENFORCE,
                                        "h"),
                        0);
        if (host->is_new_loaded)
                host_load(host, "lxc-new");
        if (host->is_old_loaded)
                host_load(host, "lxc-old");
        for (size_t i = 0; i < host->count; i++) {
                if (!host->containers[i].is_unwanted)
                        host_want(host, &host->containers[i]);
                if (!host->containers[i].is_unseen)
                        host_show(host, &host->containers[i]);
        }
}

static inline struct phx_restart_view host_view(const struct host *host) {
        return (struct phx_restart_view){ .settings = &host->settings,
                                          .restarts = &host->restarts,
                                          .results = &host->results,
                                          .window = host->window,
                                          .boot = host->boot,
                                          .health_trouble = host->health_trouble,
                                          .wall_usec = host->wall,
                                          .booted_usec = host->booted };
}

static inline void host_keep_events(struct host *host, struct phx_restart_events *events) {
        for (size_t i = 0; i < events->count; i++) {
                struct phx_restart_event *event = host_need(
                                phx_grow(&host->events.items, &host->events.count, sizeof(*event)));

                *event = events->items[i];
        }
        free(events->items);
}

/* 1 when something was settled. */
static inline int host_settle(struct host *host, const struct phx_restart_view *view) {
        struct phx_restarts next = { 0 };
        struct phx_restart_events events = { 0 };
        int r;

        assert_int_equal(
                        phx_restarts_settle(
                                        view,
                                        host->desired,
                                        host->observed,
                                        &host->drifts,
                                        &next,
                                        &events),
                        0);
        r = !phx_restarts_equal(&next, &host->restarts);
        phx_restarts_done(&host->restarts);
        host->restarts = next;
        host_keep_events(host, &events);
        return r;
}

/* As one round of a pass, up to its plan. 1 when it ended with settling. */
static inline int host_look(struct host *host) {
        struct phx_restart_view view = host_view(host);

        phx_plan_done(&host->plan);
        host_make(host);
        assert_int_equal(phx_restarts_mark(&view, host->observed, host->desired), 0);
        assert_int_equal(phx_confine(host->desired, host->observed), 0);
        assert_int_equal(phx_diff(host->desired, host->observed, &host->drifts), 0);
        assert_int_equal(
                        phx_restarts_decide(
                                        &view,
                                        host->desired,
                                        host->observed,
                                        &host->drifts,
                                        &host->waits),
                        0);
        assert_int_equal(
                        phx_plan_make(host->desired, host->observed, &host->drifts, &host->plan),
                        0);
        return host_settle(host, &view);
}

/* Carries out the plan: restarts are begun, and a config gets its profile at once. */
static inline void host_apply(struct host *host) {
        for (size_t i = 0; i < host->plan.count; i++) {
                const struct phx_step *step = &host->plan.steps[i];
                struct phx_restart_view view = host_view(host);
                struct phx_restarts next = { 0 };

                if (step->kind == PHX_ACTION_ASSIGN) {
                        struct host_container *container = host_find(host, step->drift->object);

                        (void) snprintf(container->config,
                                        sizeof(container->config),
                                        "%s",
                                        step->edit.label);
                        continue;
                }
                if (step->kind == PHX_ACTION_RESTART)
                        assert_int_equal(phx_restarts_begin(&view, &step->restart, &next), 0);
                else if (step->kind == PHX_ACTION_START || step->kind == PHX_ACTION_STOP)
                        assert_int_equal(
                                        phx_states_begin(&view, &step->restart, step->kind, &next),
                                        0);
                else
                        continue;
                phx_restarts_done(&host->restarts);
                host->restarts = next;
        }
}

/* As a pass: rounds until nothing more is done, and then what systemd is to be at. */
static inline void host_pass(struct host *host) {
        struct phx_restart_view view;

        for (unsigned round = 0; round < 8; round++) {
                int r = host_look(host);

                if (r == 0 && host->plan.count == 0)
                        break;
                if (r == 0)
                        host_apply(host);
        }
        phx_jobs_done(&host->jobs);
        view = host_view(host);
        assert_int_equal(phx_restarts_jobs(&view, host->desired, host->observed, &host->jobs), 0);
}

/* The job of that name ends. */
static inline void host_end_job(
                struct host *host,
                const char *name,
                enum phx_job_outcome outcome,
                const char *text) {
        assert_non_null(phx_jobs_find(&host->jobs, name));
        assert_int_equal(phx_job_results_add(&host->results, name, outcome, text), 0);
}

/* The only job ends. */
static inline void host_end(struct host *host, enum phx_job_outcome outcome, const char *text) {
        assert_int_equal(host->jobs.count, 1);
        host_end_job(host, host->jobs.items[0].name, outcome, text);
}

static inline enum phx_restart_due host_due(const struct host *host, const char *id) {
        const struct phx_restart_wait *wait = phx_restart_waits_find(&host->waits, id);

        return wait ? wait->due : PHX_RESTART_DUE_NONE;
}

/* The phase of its item; PHX_RESTART_PHASES when it has none. */
static inline unsigned host_phase(const struct host *host, const char *id) {
        const struct phx_restart_item *item = phx_restarts_find(&host->restarts, id);

        return item ? item->phase : PHX_RESTART_PHASES;
}

/* Without those that are kept only to be counted. */
static inline size_t host_restarts(const struct host *host) {
        size_t count = 0;

        for (size_t i = 0; i < host->restarts.count; i++)
                count += host->restarts.items[i].phase != PHX_RESTART_STARTED;
        return count;
}

static inline size_t host_events(const struct host *host, enum phx_restart_event_kind kind) {
        size_t count = 0;

        for (size_t i = 0; i < host->events.count; i++)
                count += host->events.items[i].kind == kind;
        return count;
}
