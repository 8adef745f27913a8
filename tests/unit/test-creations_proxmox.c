/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Which missing container Proxmox is asked to create, and when it is whole. */

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

static void proxmox_creates_what_only_it_can_do(void **state) {
        struct host *host = *state;
        struct phx_desired_container *want = add(host, "901", 0, NULL);
        const struct phx_strings *arguments;

        host->observed->has_proxmox = true;
        assert_int_equal(phx_replace(&want->creation->proxmox_key, "storage_pool"), 0);
        assert_int_equal(phx_replace(&want->creation->storage, "quick"), 0);
        want->creation->size_gb = 32;
        host->observed->has_no_quorum = true;
        look(host);
        assert_why(host, "901", "not created yet: Proxmox's cluster has no quorum");
        host->observed->has_no_quorum = false;
        look(host);
        assert_string_equal(chosen(host), "901");
        assert_int_equal(phx_creations_begin(&host->creations, &host->plan.steps[0].create), 0);
        arguments = &host->creations.job.commands[0].arguments;
        assert_true(phx_strings_has(arguments, "--proxmox"));
        assert_true(phx_strings_has(arguments, "storage=quick"));
        assert_true(phx_strings_has(arguments, "rootfs=32"));
        assert_false(phx_strings_has(arguments, "lxc.net.0.type = empty"));
}

static void proxmox_gives_a_clone_no_other_volumes(void **state) {
        struct host *host = *state;
        struct phx_desired_container *want = add(host, "901", 0, "900");
        struct phx_observed_container *have = add_there(host, "900");

        host->observed->has_proxmox = true;
        have->backend = PHX_BACKEND_PVE;
        assert_int_equal(phx_strings_add(&want->creation->volumes, "quick:1,mp=/data"), 0);
        look(host);
        assert_why(host,
                   "901",
                   "cannot be created: a clone gets no other volumes; remove volumes and "
                   "zfs_volumes from the entry");
        phx_strings_done(&want->creation->volumes);
        assert_int_equal(phx_replace(&have->lock, "disk"), 0);
        look(host);
        assert_why(host,
                   "901",
                   "not created yet: container 900, which it is cloned from, is locked");
}

static enum phx_creation_outcome proxmox_outcome(
                const struct host *host,
                const struct phx_job_results *results) {
        const char *text = NULL;

        return phx_creations_outcome(
                        &host->creations,
                        host->desired,
                        host->observed,
                        results,
                        &text);
}

/* Proxmox has it from the first moment, and it is not whole before its record is gone. */
static void one_of_proxmox_is_there_before_it_is_done(void **state) {
        struct host *host = *state;
        struct phx_desired_container *want = add(host, "901", 0, NULL);
        phx_cleanup(phx_job_results_done) struct phx_job_results results = { 0 };
        struct phx_observed_container *have;

        host->observed->has_proxmox = true;
        look(host);
        assert_int_equal(phx_creations_begin(&host->creations, &host->plan.steps[0].create), 0);
        have = add_there(host, "901");
        have->backend = PHX_BACKEND_PVE;
        assert_int_equal(phx_replace(&want->directory, "901"), 0);
        assert_int_equal(phx_replace(&have->lock, "create"), 0);
        assert_int_equal(proxmox_outcome(host, &results), PHX_CREATION_UNDER_WAY);
        assert_int_equal(phx_replace(&have->lock, NULL), 0);
        assert_int_equal(phx_strings_add(&host->observed->begun, "901"), 0);
        assert_int_equal(proxmox_outcome(host, &results), PHX_CREATION_UNDER_WAY);
        assert_int_equal(
                        phx_job_results_add(
                                        &results,
                                        host->creations.job.name,
                                        PHX_JOB_FAILED,
                                        "failed"),
                        0);
        assert_int_equal(proxmox_outcome(host, &results), PHX_CREATION_FAILED);
        phx_strings_done(&host->observed->begun);
        assert_int_equal(proxmox_outcome(host, &results), PHX_CREATION_DONE);
}

static void what_proxmox_has_left_is_cleaned_up(void **state) {
        struct host *host = *state;
        phx_cleanup(phx_jobs_done) struct phx_jobs jobs = { 0 };

        host->observed->has_proxmox = true;
        assert_int_equal(phx_strings_add(&host->observed->begun, "901"), 0);
        host->desired->mode = PHX_MODE_OBSERVE;
        assert_int_equal(
                        phx_creations_jobs(&host->creations, host->desired, host->observed, &jobs),
                        0);
        assert_int_equal(jobs.count, 0);
        host->desired->mode = PHX_MODE_ENFORCE;
        assert_int_equal(
                        phx_creations_jobs(&host->creations, host->desired, host->observed, &jobs),
                        0);
        assert_int_equal(jobs.count, 1);
        assert_string_equal(jobs.items[0].name, "create-clean-proxmox");
        assert_true(phx_strings_has(&jobs.items[0].commands[0].arguments, "--proxmox"));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(proxmox_creates_what_only_it_can_do),
                TEST(proxmox_gives_a_clone_no_other_volumes),
                TEST(one_of_proxmox_is_there_before_it_is_done),
                TEST(what_proxmox_has_left_is_cleaned_up),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
