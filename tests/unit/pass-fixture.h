/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What tests of a pass share: a pretended machine, and the passes over it. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reconcile/pass.h"
#include "reconcile/snapshot.h"
#include "world_fake.h"

#define SECOND 1000000ULL

struct subject {
        struct fake *fake;
        struct phx_pass *pass;
        struct phx_report *report; /* of the last pass */
        struct phx_error error;
        uint64_t now_usec;
};

static int tear_down(void **state) {
        struct subject *subject = *state;

        subject->fake = fake_free(subject->fake);
        subject->pass = phx_pass_free(subject->pass);
        subject->report = phx_report_free(subject->report);
        return 0;
}

/* A profile and a container that wants it, and nothing done yet. */
static int set_up(void **state) {
        static struct subject subject;
        struct phx_audit audit;

        subject = (struct subject){ .fake = fake_new(), .now_usec = SECOND };
        audit = fake_audit(subject.fake);
        (void) fake_profile(subject.fake, "lxc-web", "file 1", "policy 1");
        (void) fake_deploy(subject.fake, "lxc-web", NULL, true);
        fake_configure(subject.fake, "web", "web", "lxc-web");
        (void) fake_create(subject.fake, "web", "unconfined");
        *state = &subject;
        return phx_pass_new(&audit, &subject.pass);
}

/* WORLD is the fake one, with what a test puts into it. */
static int run_in(struct subject *subject, const struct phx_world *world) {
        subject->report = phx_report_free(subject->report);
        subject->report = calloc(1, sizeof(*subject->report));
        assert_non_null(subject->report);
        fake_forget_records(subject->fake);
        subject->error = (struct phx_error){ 0 };
        return phx_pass_run(
                        subject->pass,
                        world,
                        subject->now_usec,
                        subject->report,
                        &subject->error);
}

static inline int run(struct subject *subject) {
        const struct phx_world world = fake_world(subject->fake);

        return run_in(subject, &world);
}

#define PASS_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
