/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "policy/verdict.h"

/* A kernel that grants MASK of each class, and everything of the one that it does not mediate. */
struct fake {
        int load_result;
        uint32_t mask;
        enum phx_query_class unmediated;
        unsigned loads;
        unsigned unloads;
        unsigned asked;
};

static int fake_load(void *data, const void *blob, size_t size, struct phx_error *error) {
        struct fake *fake = data;

        fake->loads++;
        return fake->load_result < 0 ? phx_error_set(error, fake->load_result, "no room") : 0;
}

static int fake_ask(
                void *data,
                const char *profile,
                const struct phx_policy_query *query,
                uint32_t mask,
                bool *ret_allowed,
                struct phx_error *error) {
        struct fake *fake = data;

        assert_string_equal(profile, "lxc-x");
        fake->asked++;
        *ret_allowed = query->class == fake->unmediated || (fake->mask & mask) == mask;
        return 0;
}

static void fake_unload(void *data) {
        struct fake *fake = data;

        fake->unloads++;
}

static int run(struct fake *fake, const char *text, struct phx_error *error) {
        static char name[] = "lxc-x";
        struct phx_policy_entry entry = { .name = name, .capabilities = 1ULL << 33 };
        const struct phx_policy policy = { &entry, 1 };
        phx_cleanup(phx_policy_test_done) struct phx_policy_test test = { 0 };
        const struct phx_policy_prober prober = { fake_load, fake_ask, fake_unload, fake };
        const struct phx_policy_trial trial = {
                .file = "lxc-x.test",
                .test = &test,
                .profile = "lxc-x",
                .policy = &policy,
                .blob = "blob",
                .size = 4,
        };

        *error = (struct phx_error){ 0 };
        assert_int_equal(phx_policy_test_parse("lxc-x.test", text, &test, NULL), 0);
        return phx_policy_trial_run(&trial, &prober, error);
}

static void what_holds_passes(void **state) {
        struct fake fake = { .mask = 0x4 };
        struct phx_error error;

        assert_int_equal(
                        run(&fake,
                            "allow file r /x\ndeny file w /x\nallow capability mac_admin\ndeny "
                            "capability chown",
                            &error),
                        0);
        assert_int_equal(fake.loads, 1);
        assert_int_equal(fake.unloads, 1);
        assert_int_equal(fake.asked, 2);
}

static void what_does_not_hold_is_named_with_the_answer(void **state) {
        struct fake fake = { .mask = 0x4 };
        struct phx_error error;

        assert_int_equal(run(&fake, "allow file r /x\n\nallow file rw /x", &error), -EINVAL);
        assert_string_equal(
                        error.text,
                        "lxc-x.test: line 3: expected 'allow file rw /x', but for 'w /x' the policy "
                        "denies it");
        assert_int_equal(run(&fake, "deny file rw /x\ndeny capability mac_admin", &error), -EINVAL);
        assert_string_equal(
                        error.text,
                        "lxc-x.test: line 1: expected 'deny file rw /x', but for 'r /x' the policy "
                        "allows it (and 1 more failed assertions)");
        assert_int_equal(fake.unloads, 2);
}

static void an_unmediated_class_is_allowed_and_said_to_be_so(void **state) {
        struct fake fake = { .unmediated = PHX_QUERY_NETWORK };
        struct phx_error error;

        assert_int_equal(run(&fake, "allow network inet stream", &error), 0);
        assert_int_equal(run(&fake, "deny network inet stream", &error), -EINVAL);
        assert_string_equal(
                        error.text,
                        "lxc-x.test: line 1: expected 'deny network inet stream', but for 'inet "
                        "stream' the abi of the policy does not mediate this class, so everything "
                        "is allowed");
}

static void who_cannot_be_asked_is_no_verdict(void **state) {
        struct fake fake = { .load_result = -ENOSPC };
        struct phx_error error;

        assert_int_equal(run(&fake, "deny file w /x", &error), -ENOSPC);
        assert_string_equal(error.text, "lxc-x.test: cannot be tested: no room");
        assert_int_equal(fake.unloads, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_holds_passes),
                cmocka_unit_test(what_does_not_hold_is_named_with_the_answer),
                cmocka_unit_test(an_unmediated_class_is_allowed_and_said_to_be_so),
                cmocka_unit_test(who_cannot_be_asked_is_no_verdict),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
