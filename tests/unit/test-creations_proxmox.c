/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Which missing container Proxmox is asked to create, and when it is whole. */

#include "creations-fixture.h"

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
        assert_string_equal(jobs.items[0].name, "create-clean-proxmox.0");
        assert_true(phx_strings_has(&jobs.items[0].commands[0].arguments, "--proxmox"));
}

static void assert_clean(struct host *host, const char *name) {
        phx_cleanup(phx_jobs_done) struct phx_jobs jobs = { 0 };

        assert_int_equal(
                        phx_creations_jobs(&host->creations, host->desired, host->observed, &jobs),
                        0);
        assert_int_equal(jobs.count, 1);
        assert_string_equal(jobs.items[0].name, name);
}

/* A job that has ended is not begun again under its name, and the container stays unmanaged as long
 * as there is a record of it. */
static void what_could_not_be_cleaned_up_is_tried_again(void **state) {
        struct host *host = *state;
        phx_cleanup(phx_job_results_done) struct phx_job_results results = { 0 };
        const uint64_t at = 1000000;

        host->observed->has_proxmox = true;
        assert_int_equal(phx_strings_add(&host->observed->begun, "901"), 0);
        phx_creations_clean_again(&host->creations, &results, at);
        assert_clean(host, "create-clean-proxmox.0");
        assert_int_equal(
                        phx_job_results_add(
                                        &results,
                                        "create-clean-proxmox.0",
                                        PHX_JOB_FAILED,
                                        "failed"),
                        0);
        phx_creations_clean_again(&host->creations, &results, 2 * at);
        phx_creations_clean_again(&host->creations, &results, at + PHX_CREATION_CLEAN_USEC);
        assert_clean(host, "create-clean-proxmox.0");
        phx_creations_clean_again(&host->creations, &results, 2 * at + PHX_CREATION_CLEAN_USEC);
        assert_clean(host, "create-clean-proxmox.1");
        phx_creations_clean_again(&host->creations, &results, 3 * at + PHX_CREATION_CLEAN_USEC);
        assert_clean(host, "create-clean-proxmox.1");
        /* And when an operator asks. */
        phx_creations_forget_failures(&host->creations);
        assert_clean(host, "create-clean-proxmox.2");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(proxmox_creates_what_only_it_can_do),
                TEST(proxmox_gives_a_clone_no_other_volumes),
                TEST(one_of_proxmox_is_there_before_it_is_done),
                TEST(what_proxmox_has_left_is_cleaned_up),
                TEST(what_could_not_be_cleaned_up_is_tried_again),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
