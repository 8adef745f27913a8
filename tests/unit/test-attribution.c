/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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
                cmocka_unit_test(a_record_may_be_cut_anywhere),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
