/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "pve/wish.h"

struct wish_case {
        const char *have;
        const char *options; /* a '|' between each two */
        const char *wanted;  /* NULL: as it is */
        bool manages_nesting;
        const char *others;
};

static void add_items(struct phx_strings *items, const char *text) {
        phx_autofree char *copy = strdup(text ? text : "");
        char *rest = copy, *item;

        while ((item = strsep(&rest, "|")))
                if (item[0])
                        assert_int_equal(phx_strings_add(items, item), 0);
}

static void assert_wish(const struct wish_case *c) {
        const struct phx_pve_features have = phx_pve_features_parse(c->have, strlen(c->have));
        struct phx_container_config config = { .manages_nesting = c->manages_nesting };
        phx_cleanup(phx_strings_done) struct phx_strings others = { 0 }, expected = { 0 };
        phx_autofree char *value = NULL;
        int r;

        add_items(&config.pct_options, c->options);
        add_items(&expected, c->others);
        r = phx_pve_wish_features(&config, &have, &value, &others);
        assert_int_equal(r, c->wanted != NULL);
        if (c->wanted)
                assert_string_equal(value, c->wanted);
        else
                assert_null(value);
        assert_true(phx_strings_equal(&others, &expected));
        phx_strings_done(&config.pct_options);
}

static void options_are_added_to_what_the_file_has(void **state) {
        static const struct wish_case cases[] = {
                { "", "nesting=1|keyctl=1", "keyctl=1,nesting=1" },
                { "nesting=1", "nesting=1", NULL },
                { "nesting=yes,fuse=0", "nesting=1", NULL },
                { "fuse=1,nesting=1", "nesting=0", "fuse=1" },
                { "nesting=1", "nesting=off", "" },
                { "", "", NULL },
                { "mount=nfs", "mount=cifs;nfs|mount=ext4", "mount=nfs;cifs;ext4" },
                { "mount=nfs;cifs", "mount=nfs", NULL },
                { "mount=nfs cifs", "fuse=1", "fuse=1,mount=nfs;cifs" },
                { "force_rw_sys=1", "mknod=1", "force_rw_sys=1,mknod=1" },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++)
                assert_wish(&cases[i]);
}

static void options_may_be_written_in_many_ways(void **state) {
        static const struct wish_case cases[] = {
                { "", "--features nesting=1,keyctl=1", "keyctl=1,nesting=1" },
                { "", " -features=nesting=1 ", "nesting=1" },
                { "", "features: nesting=1 , fuse = 1", "fuse=1,nesting=1" },
                { "", "nesting: 1", "nesting=1" },
                { "", "mount=nfs;cifs", "mount=nfs;cifs" },
                { "",
                  "onboot=1|nesting|dev0=/dev/x|nesting=2|fuse=1|featuresx=1",
                  "fuse=1",
                  false,
                  "onboot=1|nesting|dev0=/dev/x|nesting=2|featuresx=1" },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++)
                assert_wish(&cases[i]);
}

static void a_profile_that_manages_nesting_needs_no_feature(void **state) {
        static const struct wish_case cases[] = {
                { "", "nesting=1|keyctl=1", "keyctl=1", true },
                { "", "nesting=1", NULL, true },
                /* The file's own stays: it is the operator's. */
                { "nesting=1", "nesting=0", NULL, true },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++)
                assert_wish(&cases[i]);
}

static void nothing_is_added_to_what_cannot_be_read(void **state) {
        static const char bad[] = "nesting=maybe";
        const struct phx_pve_features have = phx_pve_features_parse(bad, strlen(bad));
        const struct phx_container_config config = { 0 };
        char *value = NULL;

        assert_int_equal(phx_pve_wish_features(&config, &have, &value, NULL), -EINVAL);
        assert_null(value);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(options_are_added_to_what_the_file_has),
                cmocka_unit_test(options_may_be_written_in_many_ways),
                cmocka_unit_test(a_profile_that_manages_nesting_needs_no_feature),
                cmocka_unit_test(nothing_is_added_to_what_cannot_be_read),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
