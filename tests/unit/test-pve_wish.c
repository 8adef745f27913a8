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

struct start_case {
        struct phx_container_config config;
        const char *have;   /* the file */
        const char *wanted; /* settings, a '|' between each two; NULL: it is right */
};

static void assert_start(const struct start_case *c) {
        phx_cleanup(phx_strings_done) struct phx_strings settings = { 0 }, expected = { 0 };
        phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 };

        add_items(&expected, c->wanted);
        assert_int_equal(phx_pve_text_parse(c->have, strlen(c->have), &text), 0);
        assert_int_equal(phx_pve_wish_start(&c->config, &text, &settings), 0);
        if (!phx_strings_equal(&settings, &expected))
                fail_msg("%s: found %s", c->have, settings.count > 0 ? settings.items[0] : "none");
}

#define START .has_start_at_boot = true, .start_at_boot
#define ORDER .has_boot_order = true, .boot_order
#define DELAY .has_boot_delay = true, .boot_delay

static void a_container_starts_as_its_entry_says(void **state) {
        static const struct start_case cases[] = {
                { { 0 }, "onboot: 1\nstartup: order=1\n", NULL },
                { { START = true }, "", "onboot=1" },
                { { START = true }, "onboot: yes\n", NULL },
                { { START = true }, "onboot: 1\n[s1]\nonboot: 0\n", NULL },
                { { START = true }, "onboot: 1\nonboot: 0\n", "onboot=1" },
                { { START = false }, "", NULL },
                { { START = false }, "onboot: 1\n", "onboot=0" },
                { { ORDER = 0 }, "", "startup=order=0" },
                { { ORDER = 3 }, "startup: 3\n", NULL },
                { { ORDER = 3 }, "startup: order=003\n", NULL },
                { { ORDER = 2147483647 }, "startup: 3\n", "startup=order=2147483647" },
                { { DELAY = 5 }, "startup: order=1,up=05\n", NULL },
                { { DELAY = 5 }, "startup: order=1\n", "startup=order=1,up=5" },
                { { ORDER = 1, DELAY = 0 }, "", "startup=order=1,up=0" },
                { { START = true, ORDER = 1, DELAY = 5 }, "", "onboot=1|startup=order=1,up=5" },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++)
                assert_start(&cases[i]);
}

static void the_operators_own_parts_stay(void **state) {
        static const struct start_case cases[] = {
                { { ORDER = 1 }, "startup: down=60\n", "startup=order=1,down=60" },
                { { ORDER = 1 }, "startup: up=7,down=60,order=1\n", NULL },
                { { DELAY = 2 }, "startup: 4,up=7,down=60\n", "startup=order=4,up=2,down=60" },
                { { ORDER = 1 }, "startup: order=2,order=1, \n", NULL },
                { { ORDER = 1 }, "startup: order=1,order=2\n", "startup=order=1" },
                /* Proxmox reads no part of these. */
                { { ORDER = 1 }, "startup: order=1,down=x\n", "startup=order=1" },
                { { ORDER = 1 }, "startup: order=1, down=60\n", "startup=order=1" },
                { { ORDER = 1 }, "startup: order=1,down=60,other\n", "startup=order=1,down=60" },
                { { ORDER = 0 }, "startup: 0\n", "startup=order=0" },
                { { START = true }, "onboot: 1\nstartup: order=x\n", NULL },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++)
                assert_start(&cases[i]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(options_are_added_to_what_the_file_has),
                cmocka_unit_test(options_may_be_written_in_many_ways),
                cmocka_unit_test(a_profile_that_manages_nesting_needs_no_feature),
                cmocka_unit_test(nothing_is_added_to_what_cannot_be_read),
                cmocka_unit_test(a_container_starts_as_its_entry_says),
                cmocka_unit_test(the_operators_own_parts_stay),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
