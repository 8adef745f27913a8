/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/macros.h"
#include "base/strings.h"
#include "engine/audit_log.h"
#include "engine/denials.h"

/* As journald passes a record of the kernel's audit on, and as the kernel prints one. */
#define AVC "AVC apparmor=\"DENIED\" "
#define LOGGED "audit: type=1400 audit(1796007401.767:118): apparmor=\"DENIED\" "
#define TAIL " pid=565 comm=\"sh\" requested_mask=\"r\" denied_mask=\"r\" fsuid=0 ouid=0"

/* MESSAGE as the journal has it. */
static bool parse(const char *message, struct denial_record *ret_record) {
        const char *text = audit_log_record(message, phx_has_prefix(message, "AVC "));

        return text && denial_parse(text, ret_record);
}

static const struct {
        const char *message;
        const char *profile, *namespace, *operation, *object, *mask;
} denied[] = {
        { AVC "operation=\"open\" profile=\"lxc-web\" name=\"/etc/hosts\"" TAIL,
          "lxc-web",
          "",
          "open",
          "/etc/hosts",
          "r" },
        { LOGGED "operation=\"open\" class=\"file\" profile=\"lxc-web\" "
                 "name=\"/etc/hosts\"" TAIL,
          "lxc-web",
          "",
          "open",
          "/etc/hosts",
          "r" },
        /* "/a b", and a quote and a line feed, which would end the value. */
        { AVC "operation=\"open\" profile=\"lxc-web\" name=2F612062" TAIL,
          "lxc-web",
          "",
          "open",
          "/a b",
          "r" },
        { AVC "operation=\"open\" profile=\"lxc-web\" name=2F61220A62" TAIL,
          "lxc-web",
          "",
          "open",
          "/a\"\\u000ab",
          "r" },
        { AVC "operation=\"capable\" class=\"cap\" profile=\"lxc-web\" pid=1 comm=\"init\" "
              "capability=21  capname=\"sys_admin\"",
          "lxc-web",
          "",
          "capable",
          "sys_admin",
          "" },
        { AVC "operation=\"create\" class=\"net\" profile=\"lxc-web//shell\" pid=1 "
              "comm=\"ping\" family=\"inet\" sock_type=\"raw\" protocol=1 "
              "requested_mask=\"create\" denied_mask=\"create\"",
          "lxc-web//shell",
          "",
          "create",
          "inet",
          "create" },
        { AVC "operation=\"signal\" class=\"signal\" profile=\"lxc-web\" pid=7 "
              "comm=\"kill\" requested_mask=\"send\" denied_mask=\"send\" signal=term "
              "peer=\"unconfined\"",
          "lxc-web",
          "",
          "signal",
          "unconfined",
          "send" },
        { AVC "operation=\"mount\" class=\"mount\" info=\"failed flags match\" error=-13 "
              "profile=\"lxc-web\" name=\"/proc/\" pid=1 comm=\"init\" fstype=\"proc\" "
              "srcname=\"proc\" flags=\"rw, nosuid\"",
          "lxc-web",
          "",
          "mount",
          "/proc/",
          "" },
        { AVC "operation=\"open\" namespace=\"root//lxc-web\" profile=\"docker-default\" "
              "name=\"/x\"" TAIL,
          "docker-default",
          "root//lxc-web",
          "open",
          "/x",
          "r" },
};

static void a_record_is_read_whatever_kernel_has_written_it(void **state) {
        for (size_t i = 0; i < PHX_ELEMENTS(denied); i++) {
                struct denial_record record;

                assert_true(parse(denied[i].message, &record));
                assert_string_equal(record.profile, denied[i].profile);
                assert_string_equal(record.namespace, denied[i].namespace);
                assert_string_equal(record.operation, denied[i].operation);
                assert_string_equal(record.object, denied[i].object);
                assert_string_equal(record.mask, denied[i].mask);
        }
}

/* The kernel quotes names that users choose in other messages; and the audit has no log's. */
static void what_is_quoted_is_no_record(void **state) {
        static const struct {
                bool has_audit;
                const char *message;
        } quoted[] = {
                { false, "overlayfs: failed to resolve '/x apparmor=\"DENIED\" ': -2" },
                { false, "AVC apparmor=\"DENIED\" [4711]: segfault at 0" },
                { false, "audit: type=1400 audit(x): apparmor=\"DENIED\" operation=\"open\"" },
                { false, "audit: type=1300 audit(1796007401.767:118): apparmor=\"DENIED\"" },
                { false, "audit: type=1400 audit(1796007401.767:118): x apparmor=\"DENIED\"" },
                { true, LOGGED "operation=\"open\"" },
                { true, "SYSCALL apparmor=\"DENIED\" operation=\"open\"" },
                { true, "AVC x apparmor=\"DENIED\" operation=\"open\"" },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(quoted); i++)
                if (audit_log_record(quoted[i].message, quoted[i].has_audit))
                        fail_msg("%s", quoted[i].message);
        assert_string_equal(audit_log_record(LOGGED, false), "apparmor=\"DENIED\" ");
        assert_string_equal(audit_log_record(AVC, true), "apparmor=\"DENIED\" ");
}

static void what_denies_nothing_is_passed_over(void **state) {
        static const char *const messages[] = {
                "",
                "apparmor=",
                "apparmor=\"DENIED\"",
                "AVC apparmor=\"STATUS\" operation=\"profile_load\" profile=\"unconfined\" "
                "name=\"lxc-web\"",
                "AVC apparmor=\"ALLOWED\" operation=\"open\" profile=\"lxc-web\" name=\"/x\"" TAIL,
                "apparmor=\"DENIED\" operation=\"open\" name=\"/x\"",
                "xapparmor=\"DENIED\" operation=\"open\" profile=\"lxc-web\"",
        };
        struct denial_record record;

        for (size_t i = 0; i < PHX_ELEMENTS(messages); i++)
                if (parse(messages[i], &record))
                        fail_msg("%s", messages[i]);
}

/* Any cut of it must not be read beyond. */
static void a_record_may_be_cut_anywhere(void **state) {
        static const char message[] = AVC
                        "operation=\"open\" profile=\"lxc-web\" name=2F61206220" TAIL;
        struct denial_record record;

        for (size_t length = 0; length < sizeof(message); length++) {
                phx_autofree char *cut = strndup(message, length);

                assert_non_null(cut);
                (void) parse(cut, &record);
        }
}

static void a_long_name_is_cut(void **state) {
        struct denial_record record;
        char message[4096];

        (void) snprintf(message,
                        sizeof(message),
                        AVC "operation=\"open\" profile=\"lxc-web\" name=\"/%01000d\"" TAIL,
                        7);
        assert_true(denial_parse(message, &record));
        assert_int_equal(strlen(record.object), sizeof(record.object) - 1);
        (void) snprintf(message,
                        sizeof(message),
                        AVC "operation=\"open\" profile=\"lxc-web\" name=2F20%01000d" TAIL,
                        41);
        assert_true(denial_parse(message, &record));
        assert_true(strlen(record.object) < sizeof(record.object));
        assert_string_equal(record.mask, "r");
}

static void a_label_has_the_denials_of_its_parts(void **state) {
        static const struct {
                const char *profile, *namespace, *stack, *label;
                bool is_of;
        } cases[] = {
                { "lxc-web", "", "", "lxc-web", true },
                { "lxc-web//shell", "", "", "lxc-web", true },
                { "lxc-web2", "", "", "lxc-web", false },
                { "lxc-we", "", "", "lxc-web", false },
                { "lxc-web", "", "", "lxc-web//&:lxc-n:unconfined", true },
                { "lxc-db", "", "", "lxc-web//&lxc-db", true },
                /* Inside of the namespace, profiles have any name. */
                { "docker", "root//lxc-n", "", "lxc-web//&:lxc-n:unconfined", true },
                { "docker", "root//lxc-n//deep", "", "lxc-web//&:lxc-n:unconfined", true },
                { "docker", "root//lxc-n", "", "lxc-web//&:lxc-n://docker", true },
                { "docker", "root//lxc-no", "", "lxc-web//&:lxc-n:unconfined", false },
                { "lxc-web", "root//other", "", "lxc-web//&:lxc-n:unconfined", false },
                { "lxc-web", "root//lxc-n", "", "lxc-web", false },
                { "docker", "", "", "lxc-web//&:lxc-n:unconfined", false },
                { "", "", "lxc-web//&:lxc-n:docker", "lxc-web//&:lxc-n:unconfined", true },
                { "", "", "lxc-db//&:lxc-n:docker", "lxc-web", false },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                struct denial_record record = { .operation = "open" };

                (void) snprintf(record.profile, sizeof(record.profile), "%s", cases[i].profile);
                (void) snprintf(record.namespace,
                                sizeof(record.namespace),
                                "%s",
                                cases[i].namespace);
                (void) snprintf(record.label, sizeof(record.label), "%s", cases[i].stack);
                if (denial_is_of(&record, cases[i].label) != cases[i].is_of)
                        fail_msg("case %zu", i);
        }
}

static void a_label_that_was_not_given_is_one(void **state) {
        struct denial_record record;

        assert_true(denial_parse(
                        AVC
                        "operation=\"change_onexec\" info=\"label not found\" error=-2 "
                        "profile=\"/usr/bin/lxc-start\" name=\"lxc-web\" pid=7 comm=\"lxc-start\"",
                        &record));
        assert_true(denial_is_of(&record, "lxc-web"));
        assert_false(denial_is_of(&record, "lxc-db"));
}

static void add(struct denials *denials, const char *object, bool has_audit, unsigned count) {
        struct denial_record record = { .operation = "open", .mask = "r" };

        (void) snprintf(record.object, sizeof(record.object), "%s", object);
        while (count-- > 0)
                denials_add(denials, &record, has_audit);
}

static void the_most_frequent_are_named_first(void **state) {
        struct denials denials = { 0 };
        phx_autofree char *none = NULL, *few = NULL, *many = NULL;

        assert_int_equal(denials_to_text(&denials, &none), 0);
        assert_null(none);
        add(&denials, "/a", true, 1);
        add(&denials, "/b", true, 3);
        /* The kernel's own log has some of the same. */
        add(&denials, "/b", false, 2);
        add(&denials, "/c", false, 1);
        assert_int_equal(denials_to_text(&denials, &few), 0);
        assert_string_equal(few, "open /b (r), 3 times; open /a (r); open /c (r)");
        add(&denials, "/d", true, 1);
        add(&denials, "/e", true, 2);
        assert_int_equal(denials_to_text(&denials, &many), 0);
        assert_string_equal(
                        many,
                        "open /b (r), 3 times; open /e (r), 2 times; open /a (r); "
                        "open /c (r); 1 more");
}

static void their_number_has_an_end(void **state) {
        struct denials denials = { 0 };
        phx_autofree char *text = NULL;

        for (unsigned i = 0; i < 1000; i++) {
                char object[16];

                (void) snprintf(object, sizeof(object), "/%u", i);
                add(&denials, object, true, 1);
        }
        assert_int_equal(denials.count, DENIALS_LIMIT);
        assert_int_equal(denials.others, 1000 - DENIALS_LIMIT);
        assert_int_equal(denials_to_text(&denials, &text), 0);
        assert_string_equal(text, "open /0 (r); open /1 (r); open /2 (r); open /3 (r); 28 or more");
}

/* A check of its health begins when it has come up: what was denied before that counts, too. */
static void one_that_came_up_is_asked_about_from_the_start_of_its_init(void **state) {
        const uint64_t second = 1000000, wall = 1796439600 * second, up = 5000 * second;
        const uint64_t ticks = (uint64_t) sysconf(_SC_CLK_TCK), since = wall - 2 * second;
        char init[PHX_RESTART_INIT_SIZE];
        struct phx_restart_item before = { .phase = PHX_RESTART_CHECKED, .init = init };

        phx_restart_init(42, 4990 * ticks, init);
        assert_true(denials_since(&before, since, up, wall) == wall - 10 * second);
        /* One that is younger has been restarted since by others. */
        phx_restart_init(42, 4999 * ticks, init);
        assert_true(denials_since(&before, since, up, wall) == since);
        phx_restart_init(42, 5001 * ticks, init);
        assert_true(denials_since(&before, since, up, wall) == since);
        init[0] = '\0';
        assert_true(denials_since(&before, since, up, wall) == since);
        assert_true(denials_since(NULL, since, up, wall) == since);
        /* Of one that is under way, the init before the restart is noted. */
        phx_restart_init(42, 100 * ticks, init);
        before.phase = PHX_RESTART_UNDER_WAY;
        assert_true(denials_since(&before, since, up, wall) == since);
}

static void all_of_a_pass_have_one_patience(void **state) {
        assert_int_equal(denials_patience(0), AUDIT_LOG_PATIENCE_USEC);
        assert_int_equal(denials_patience(400000), AUDIT_LOG_PATIENCE_USEC - 400000);
        assert_int_equal(denials_patience(AUDIT_LOG_PATIENCE_USEC), DENIALS_LEAST_USEC);
        assert_int_equal(denials_patience(UINT64_MAX), DENIALS_LEAST_USEC);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_record_is_read_whatever_kernel_has_written_it),
                cmocka_unit_test(what_is_quoted_is_no_record),
                cmocka_unit_test(what_denies_nothing_is_passed_over),
                cmocka_unit_test(a_record_may_be_cut_anywhere),
                cmocka_unit_test(a_long_name_is_cut),
                cmocka_unit_test(a_label_has_the_denials_of_its_parts),
                cmocka_unit_test(a_label_that_was_not_given_is_one),
                cmocka_unit_test(the_most_frequent_are_named_first),
                cmocka_unit_test(their_number_has_an_end),
                cmocka_unit_test(one_that_came_up_is_asked_about_from_the_start_of_its_init),
                cmocka_unit_test(all_of_a_pass_have_one_patience),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
