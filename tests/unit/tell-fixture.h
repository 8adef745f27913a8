/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What tests of a pass's records share: a pretended machine, and what is told of it. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reconcile/diff.h"
#include "reconcile/tell.h"
#include "world_fake.h"

struct subject {
        struct fake *fake;
        struct phx_tell *tell;
};

static void subject_done(struct subject *subject) {
        subject->fake = fake_free(subject->fake);
        subject->tell = phx_tell_free(subject->tell);
}

static struct subject subject_new(void) {
        struct subject subject = { .fake = fake_new() };
        const struct phx_audit audit = fake_audit(subject.fake);

        assert_int_equal(phx_tell_new(&audit, &subject.tell), 0);
        return subject;
}

/* Forgets what was told before, and tells the picture of just now. IS_END: nothing is done about it
 * in this pass. */
static void tell_round(struct subject *subject, bool is_end) {
        phx_cleanup(phx_desired_freep) struct phx_desired *desired = fake_copy_desired(
                        subject->fake);
        phx_cleanup(phx_observed_freep) struct phx_observed *observed = fake_copy_observed(
                        subject->fake);
        phx_cleanup(phx_drifts_done) struct phx_drifts drifts = { 0 };

        fake_forget_records(subject->fake);
        assert_int_equal(phx_diff(desired, observed, &drifts), 0);
        assert_int_equal(phx_tell_picture(subject->tell, desired, &drifts), 0);
        if (is_end)
                assert_int_equal(phx_tell_left(subject->tell, desired, &drifts), 0);
}

/* A pass that repairs nothing. */
static void tell(struct subject *subject) {
        tell_round(subject, true);
}

static void add_web(struct subject *subject) {
        (void) fake_profile(subject->fake, "lxc-web", "file 1", "policy 1");
        (void) fake_deploy(subject->fake, "lxc-web", "file 1", true);
        fake_load(subject->fake, "lxc-web", PHX_POLICY_ENFORCE, "policy 1");
}

static void assert_told(const struct subject *subject, const char *story) {
        assert_string_equal(fake_story(subject->fake), story);
}
