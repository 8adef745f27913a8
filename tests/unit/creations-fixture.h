/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A made-up host whose missing containers are to be created. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reconcile/creations.h"
#include "reconcile/diff.h"
#include "reconcile/plan.h"
#include "reconcile/sentence.h"

struct host {
        struct phx_desired *desired;
        struct phx_observed *observed;
        struct phx_drifts drifts;
        struct phx_plan plan;
        struct phx_creations creations;
};

static int set_up(void **state) {
        static struct host host;

        host = (struct host){ calloc(1, sizeof(*host.desired)), calloc(1, sizeof(*host.observed)) };
        assert_non_null(host.desired);
        assert_non_null(host.observed);
        host.desired->has_configuration = true;
        assert_int_equal(phx_replace(&host.observed->lxc_path, "/lxc"), 0);
        assert_int_equal(
                        phx_kernel_entries_add(
                                        &host.observed->loaded,
                                        "lxc-web",
                                        PHX_POLICY_ENFORCE,
                                        NULL),
                        0);
        *state = &host;
        return 0;
}

static int tear_down(void **state) {
        struct host *host = *state;

        phx_plan_done(&host->plan);
        phx_drifts_done(&host->drifts);
        phx_creations_done(&host->creations);
        phx_desired_free(host->desired);
        phx_observed_free(host->observed);
        return 0;
}

/* One that is to be a clone of SOURCE, or made from an archive. */
static struct phx_desired_container *add(
                struct host *host,
                const char *id,
                long order,
                const char *source) {
        struct phx_desired_container *want = phx_desired_add_container(host->desired, id);
        const struct phx_creation how = {
                .source = source ? strdupa(source) : NULL,
                .template = source ? NULL : (char[]){ "/t.tar" },
        };

        assert_non_null(want);
        assert_int_equal(phx_desired_container_set_profile(want, "lxc-web", NULL), 0);
        assert_int_equal(phx_creation_copy(&want->creation, &how), 0);
        want->boot_order = order;
        return want;
}

static struct phx_observed_container *add_there(struct host *host, const char *directory) {
        struct phx_observed_container *have = phx_observed_add_container(host->observed, directory);

        assert_non_null(have);
        assert_int_equal(phx_replace(&have->effective, "lxc-web"), 0);
        return have;
}

static void decide(struct host *host) {
        assert_int_equal(
                        phx_creations_decide(
                                        &host->creations,
                                        host->desired,
                                        host->observed,
                                        &host->drifts),
                        0);
}

static void look(struct host *host) {
        assert_int_equal(phx_diff(host->desired, host->observed, &host->drifts), 0);
        decide(host);
        assert_int_equal(
                        phx_plan_make(host->desired, host->observed, &host->drifts, &host->plan),
                        0);
}

static const struct phx_drift *drift_of(const struct host *host, const char *id) {
        const struct phx_drift like = { .layer = PHX_LAYER_CONFIG,
                                        .kind = PHX_DRIFT_MISSING,
                                        .object = id };
        const struct phx_drift *drift = phx_drifts_find(&host->drifts, &like);

        assert_non_null(drift);
        return drift;
}

static void assert_why(const struct host *host, const char *id, const char *text) {
        phx_autofree char *why = phx_drift_why(drift_of(host, id));

        assert_int_equal(drift_of(host, id)->action, PHX_ACTION_NONE);
        assert_string_equal(why, text);
}

static const char *chosen(const struct host *host) {
        assert_int_equal(host->plan.count, 1);
        assert_int_equal(host->plan.steps[0].kind, PHX_ACTION_CREATE);
        return host->plan.steps[0].create.want->id;
}
