/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "state/gate_verdict.h"

#define OLD "1111111111111111111111111111111111111111"
#define NEW "2222222222222222222222222222222222222222"
#define ALIEN "3333333333333333333333333333333333333333"
#define STACK "lxc-web//&:lxc-910:unconfined"

/* "NAME MODE HASH" of what the kernel has; the hash "-" is none. */
struct loaded {
        const char *name;
        enum phx_policy_mode mode;
        const char *hash;
};

/* "web" is being moved from lxc-old to lxc-web, whose policy changes from OLD to NEW. "learns" has
 * an accepted profile in complain mode, "alien" one that phoenixd does not manage. */
static void fill(struct phx_gate *gate) {
        const struct loaded policies[] = {
                { "lxc-web", PHX_POLICY_ENFORCE, NEW },
                { "lxc-web", PHX_POLICY_ENFORCE, OLD },
                { "lxc-web//hat", PHX_POLICY_ENFORCE, NEW },
                { "lxc-old", PHX_POLICY_ENFORCE, NULL },
                { "lxc-learns", PHX_POLICY_COMPLAIN, NEW },
        };
        const struct {
                const char *directory, *labels[2];
        } containers[] = {
                { "web", { "lxc-web", "lxc-old" } },
                { "nested", { STACK } },
                { "learns", { "lxc-learns" } },
                { "alien", { "lxc-alien" } },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(policies); i++)
                assert_int_equal(
                                phx_kernel_entries_add(
                                                &gate->policies,
                                                policies[i].name,
                                                policies[i].mode,
                                                policies[i].hash),
                                0);
        for (size_t i = 0; i < PHX_ELEMENTS(containers); i++) {
                struct phx_gate_container *container = phx_gate_add_container(
                                gate,
                                containers[i].directory);

                for (size_t j = 0; j < 2 && containers[i].labels[j]; j++)
                        assert_int_equal(
                                        phx_strings_add(&container->labels,
                                                        containers[i].labels[j]),
                                        0);
        }
}

#define WEB(hash) \
        { "lxc-web", PHX_POLICY_ENFORCE, hash }
#define HAT \
        { "lxc-web//hat", PHX_POLICY_ENFORCE, NEW }

static const struct start {
        const char *container, *label;
        struct loaded loaded[3];
        enum phx_gate_reason reason;
} starts[] = {
        { "web", "lxc-web", { WEB(NEW), HAT }, PHX_GATE_RIGHT },
        { "web", "lxc-web", { WEB(OLD), HAT }, PHX_GATE_RIGHT },
        { "web", "lxc-web", { { "lxc-web", PHX_POLICY_KILL, NEW }, HAT }, PHX_GATE_RIGHT },
        { "web", "lxc-old", { { "lxc-old", PHX_POLICY_ENFORCE, ALIEN } }, PHX_GATE_RIGHT },
        { "web", "lxc-web", { WEB(ALIEN), HAT }, PHX_GATE_OTHER_POLICY },
        { "web", "lxc-web", { WEB(NULL), HAT }, PHX_GATE_OTHER_POLICY },
        { "web", "lxc-web", { { "lxc-web", PHX_POLICY_COMPLAIN, NEW }, HAT }, PHX_GATE_OTHER_MODE },
        { "web",
          "lxc-web",
          { { "lxc-web", PHX_POLICY_COMPLAIN, ALIEN }, HAT },
          PHX_GATE_OTHER_MODE },
        { "web", "lxc-web", { { "lxc-web", PHX_POLICY_UNKNOWN, NEW }, HAT }, PHX_GATE_OTHER_MODE },
        { "web", "lxc-web", { WEB(NEW) }, PHX_GATE_NOT_LOADED },
        { "web", "lxc-web", { HAT }, PHX_GATE_NOT_LOADED },
        { "web", "lxc-web", { { NULL } }, PHX_GATE_NOT_LOADED },
        { "web",
          "lxc-web",
          { WEB(NEW), { "lxc-web//hat", PHX_POLICY_ENFORCE, OLD } },
          PHX_GATE_OTHER_POLICY },
        { "web", "lxc-old", { { "lxc-old", PHX_POLICY_COMPLAIN, ALIEN } }, PHX_GATE_OTHER_MODE },
        { "web", "", { WEB(NEW), HAT }, PHX_GATE_NO_PROFILE },
        { "web", "lxc-web2", { WEB(NEW), HAT }, PHX_GATE_OTHER_PROFILE },
        { "web", "unconfined", { WEB(NEW), HAT }, PHX_GATE_OTHER_PROFILE },
        { "web", "unchanged", { WEB(NEW), HAT }, PHX_GATE_OTHER_PROFILE },
        { "web", STACK, { WEB(NEW), HAT }, PHX_GATE_OTHER_PROFILE },
        { "web", NULL, { WEB(NEW), HAT }, PHX_GATE_CONFIG_UNKNOWN },
        { "nested", STACK, { WEB(NEW), HAT }, PHX_GATE_RIGHT },
        { "nested", STACK, { WEB(ALIEN), HAT }, PHX_GATE_OTHER_POLICY },
        { "nested", "lxc-web", { WEB(NEW), HAT }, PHX_GATE_OTHER_PROFILE },
        { "learns", "lxc-learns", { { "lxc-learns", PHX_POLICY_COMPLAIN, NEW } }, PHX_GATE_RIGHT },
        { "learns",
          "lxc-learns",
          { { "lxc-learns", PHX_POLICY_UNCONFINED, NEW } },
          PHX_GATE_OTHER_MODE },
        { "alien", "lxc-alien", { { "lxc-alien", PHX_POLICY_ENFORCE, ALIEN } }, PHX_GATE_RIGHT },
        { "alien",
          "lxc-alien",
          { { "lxc-alien", PHX_POLICY_COMPLAIN, NULL } },
          PHX_GATE_OTHER_MODE },
        { "alien", "lxc-alien", { WEB(NEW) }, PHX_GATE_NOT_LOADED },
};

static void each_start_has_its_reason(void **state) {
        phx_cleanup(phx_gate_done) struct phx_gate gate = { 0 };

        fill(&gate);
        for (size_t i = 0; i < PHX_ELEMENTS(starts); i++) {
                const struct start *start = &starts[i];
                phx_cleanup(phx_kernel_entries_done) struct phx_kernel_entries loaded = { 0 };
                const struct phx_gate_seen seen = { start->label, &loaded };
                struct phx_gate_verdict verdict;

                for (size_t j = 0; j < 3 && start->loaded[j].name; j++)
                        assert_int_equal(
                                        phx_kernel_entries_add(
                                                        &loaded,
                                                        start->loaded[j].name,
                                                        start->loaded[j].mode,
                                                        start->loaded[j].hash),
                                        0);
                verdict = phx_gate_judge(
                                &gate,
                                phx_gate_find_container(&gate, start->container),
                                &seen);
                if (verdict.reason != start->reason)
                        fail_msg("start %zu: %s instead of %s",
                                 i,
                                 phx_gate_reason_to_string(verdict.reason),
                                 phx_gate_reason_to_string(start->reason));
        }
}

static void an_unknown_kernel_is_never_right(void **state) {
        phx_cleanup(phx_gate_done) struct phx_gate gate = { 0 };
        const struct phx_gate_seen seen = { .label = "lxc-web" };

        fill(&gate);
        assert_int_equal(
                        phx_gate_judge(&gate, phx_gate_find_container(&gate, "web"), &seen).reason,
                        PHX_GATE_KERNEL_UNKNOWN);
}

static void the_label_of_init_is_judged(void **state) {
        static const struct {
                const char *container, *label;
                enum phx_gate_reason reason;
        } inits[] = {
                { "web", "lxc-web (enforce)", PHX_GATE_RIGHT },
                { "web", "lxc-old (enforce)", PHX_GATE_RIGHT },
                { "web", "lxc-web//&:lxc-1:unconfined (mixed)", PHX_GATE_RIGHT },
                { "web", "unconfined", PHX_GATE_OTHER_LABEL },
                { "web", "lxc-web (complain)", PHX_GATE_OTHER_LABEL },
                { "web", "/usr/bin/lxc-start (enforce)", PHX_GATE_OTHER_LABEL },
                { "nested", "lxc-web//&:lxc-910:unconfined (mixed)", PHX_GATE_RIGHT },
                { "nested", "lxc-web (enforce)", PHX_GATE_OTHER_LABEL },
                { "learns", "lxc-learns (complain)", PHX_GATE_RIGHT },
                { "learns", "unconfined", PHX_GATE_OTHER_LABEL },
        };
        phx_cleanup(phx_gate_done) struct phx_gate gate = { 0 };
        struct phx_label none = { 0 };

        fill(&gate);
        for (size_t i = 0; i < PHX_ELEMENTS(inits); i++) {
                phx_cleanup(phx_label_done) struct phx_label label = { 0 };

                assert_int_equal(phx_label_parse(inits[i].label, &label), 0);
                if (phx_gate_judge_label(
                                    &gate,
                                    phx_gate_find_container(&gate, inits[i].container),
                                    &label)
                                    .reason != inits[i].reason)
                        fail_msg("%s: %s", inits[i].container, inits[i].label);
        }
        assert_int_equal(
                        phx_gate_judge_label(&gate, &gate.containers[0], &none).reason,
                        PHX_GATE_LABEL_UNKNOWN);
}

static void a_suspension_warns_until_it_ends(void **state) {
        const struct phx_gate refuse = { .level = PHX_BOOT_GATE_REFUSE },
                              off = { .level = PHX_BOOT_GATE_OFF };
        const struct phx_gate_container container = { .suspended_until = 100 };

        assert_int_equal(phx_gate_level(&refuse, &container, 99), PHX_BOOT_GATE_WARN);
        assert_int_equal(phx_gate_level(&refuse, &container, 100), PHX_BOOT_GATE_REFUSE);
        assert_int_equal(phx_gate_level(&off, &container, 99), PHX_BOOT_GATE_OFF);
}

static void each_reason_has_a_name_of_its_own(void **state) {
        for (unsigned i = 0; i < PHX_GATE_REASONS; i++)
                for (unsigned j = 0; j < i; j++)
                        assert_string_not_equal(
                                        phx_gate_reason_to_string((enum phx_gate_reason) i),
                                        phx_gate_reason_to_string((enum phx_gate_reason) j));
        assert_null(phx_gate_reason_to_string((enum phx_gate_reason) PHX_GATE_REASONS));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_start_has_its_reason),
                cmocka_unit_test(an_unknown_kernel_is_never_right),
                cmocka_unit_test(the_label_of_init_is_judged),
                cmocka_unit_test(a_suspension_warns_until_it_ends),
                cmocka_unit_test(each_reason_has_a_name_of_its_own),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
