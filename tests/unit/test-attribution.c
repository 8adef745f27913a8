/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "engine/attribution.h"

/* As journald passes a record of the kernel's audit on, and as the kernel prints one. */
#define REPLACED                                                                                         \
        "AVC apparmor=\"STATUS\" operation=\"profile_replace\" profile=\"unconfined\" name=\"lxc-web\" " \
        "pid=312 comm=\"apparmor_parser\""
#define REMOVED                                                                                        \
        "audit: type=1400 audit(1764130000.123:45): apparmor=\"STATUS\" operation=\"profile_remove\" " \
        "profile=\"unconfined\" name=\"lxc-web\" pid=9 comm=\"sh\""

static void a_record_says_who_did_what(void **state) {
        struct attribution_record record;

        assert_true(attribution_parse(REPLACED, &record));
        assert_string_equal(record.profile, "lxc-web");
        assert_string_equal(record.what, "replaced");
        assert_string_equal(record.by, "apparmor_parser, pid 312");
        assert_true(attribution_parse(REMOVED, &record));
        assert_string_equal(record.what, "removed");
        assert_string_equal(record.by, "sh, pid 9");
}

static void what_is_no_change_of_others_is_passed_over(void **state) {
        static const char *const messages[] = {
                "",
                "apparmor=",
                "AVC apparmor=\"DENIED\" operation=\"open\" profile=\"lxc-web\" name=\"/x\" pid=1 "
                "comm=\"cat\"",
                "AVC apparmor=\"STATUS\" operation=\"profile_replace\" profile=\"unconfined\" "
                "name=\"lxc-web\" pid=7 comm=\"phoenixd-engine\"",
                "AVC apparmor=\"STATUS\" info=\"same as current profile, skipping\" "
                "operation=\"profile_replace\" profile=\"unconfined\" name=\"lxc-web\" pid=312 "
                "comm=\"apparmor_parser\"",
                "AVC apparmor=\"STATUS\" operation=\"profile_replace\" name=\"lxc-web",
        };
        struct attribution_record record;

        for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
                assert_false(attribution_parse(messages[i], &record));
}

/* A container with its own policy namespace loads there what it likes, under any name. */
static void what_is_in_another_namespace_is_passed_over(void **state) {
        static const char *const changers[] = {
                "label=\"lxc-c1//&:lxc-c1:unconfined\" name=\"lxc-web\"",
                "label=\":lxc-c1:unconfined\" name=\"lxc-web\"",
                "namespace=\"root//lxc-c1\" profile=\"unconfined\" name=\"lxc-web\"",
                "profile=\"unconfined\" ns=\"lxc-c1\" name=\"lxc-web\"",
        };
        struct attribution_record record;
        char message[512];

        for (size_t i = 0; i < PHX_ELEMENTS(changers); i++) {
                (void) snprintf(message,
                                sizeof(message),
                                "apparmor=\"STATUS\" operation=\"profile_replace\" %s pid=1 "
                                "comm=\"systemd\"",
                                changers[i]);
                if (attribution_parse(message, &record))
                        fail_msg("%s", message);
        }
        /* A stack within the host's. */
        assert_true(attribution_parse(
                        "apparmor=\"STATUS\" operation=\"profile_load\" label=\"a//&b\" "
                        "name=\"lxc-web\" pid=1 comm=\"sh\"",
                        &record));
}

/* Its end, which may be about another namespace, is not known. */
static void a_label_that_is_too_long_is_passed_over(void **state) {
        struct attribution_record record;
        char message[2048];

        (void) snprintf(message,
                        sizeof(message),
                        "apparmor=\"STATUS\" operation=\"profile_load\" label=\"%01000d//&:c:b\" "
                        "name=\"lxc-web\" pid=1 comm=\"sh\"",
                        0);
        assert_false(attribution_parse(message, &record));
}

/* Any cut of it must not be read beyond. */
static void a_record_may_be_cut_anywhere(void **state) {
        struct attribution_record record;

        for (size_t length = 0; length < strlen(REPLACED) - 1; length++) {
                char *text = strndup(REPLACED, length);

                assert_non_null(text);
                (void) attribution_parse(text, &record);
                free(text);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_record_says_who_did_what),
                cmocka_unit_test(what_is_no_change_of_others_is_passed_over),
                cmocka_unit_test(what_is_in_another_namespace_is_passed_over),
                cmocka_unit_test(a_label_that_is_too_long_is_passed_over),
                cmocka_unit_test(a_record_may_be_cut_anywhere),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
