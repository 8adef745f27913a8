/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "pve/features.h"

struct good {
        const char *value;
        const char *rendered;
};

static void good_values_are_rendered_by_name(void **state) {
        static const struct good cases[] = {
                { "nesting=1", "nesting=1" },
                { "nesting=1,fuse=On,keyctl=YES,mknod=true,force_rw_sys=1",
                  "force_rw_sys=1,fuse=1,keyctl=1,mknod=1,nesting=1" },
                { "nesting=0,fuse=off", "" },
                { "mount=nfs;cifs ext4,nesting=1", "mount=nfs;cifs ext4,nesting=1" },
                { "nesting=1,mount=nfs,fuse=1,mknod=1", "fuse=1,mknod=1,mount=nfs,nesting=1" },
                { "mount=nfs", "mount=nfs" },
                { "mount=0,fuse=1", "fuse=1" },
                { ",, nesting=1", NULL },
                { "nesting=1, ,", "nesting=1" },
                { "", "" },
                { "0", "" },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                const struct good *c = &cases[i];
                struct phx_pve_features features = phx_pve_features_parse(
                                c->value,
                                strlen(c->value));
                phx_cleanup(phx_buffer_done) struct phx_buffer value = { 0 };

                if (!c->rendered) {
                        assert_int_equal(features.fault, PHX_PVE_FEATURES_UNKNOWN);
                        continue;
                }
                assert_int_equal(features.fault, PHX_PVE_FEATURES_GOOD);
                assert_int_equal(phx_pve_features_render(&features, &value), 0);
                assert_string_equal(value.data ? value.data : "", c->rendered);
        }
}

static void a_bad_value_names_its_word(void **state) {
        static const struct {
                const char *value;
                enum phx_pve_features_fault fault;
                const char *word;
        } cases[] = {
                { "fuse=1,nesting=maybe", PHX_PVE_FEATURES_BOOLEAN, "nesting=maybe" },
                { "nesting=2", PHX_PVE_FEATURES_BOOLEAN, "nesting=2" },
                { "nesting", PHX_PVE_FEATURES_NO_VALUE, "nesting" },
                { "nesting=,fuse=1", PHX_PVE_FEATURES_NO_VALUE, "nesting=" },
                { "=1", PHX_PVE_FEATURES_NO_VALUE, "=1" },
                { "1", PHX_PVE_FEATURES_NO_VALUE, "1" },
                { "nesting=1,nesting=1", PHX_PVE_FEATURES_TWICE, "nesting=1" },
                { "mount=nfs,mount=cifs", PHX_PVE_FEATURES_TWICE, "mount=cifs" },
                { "Nesting=1", PHX_PVE_FEATURES_UNKNOWN, "Nesting=1" },
                { "colour=red", PHX_PVE_FEATURES_UNKNOWN, "colour=red" },
                { "mount=nfs:4", PHX_PVE_FEATURES_MOUNT, "mount=nfs:4" },
                { "mount=a=b", PHX_PVE_FEATURES_MOUNT, "mount=a=b" },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                struct phx_pve_features features = phx_pve_features_parse(
                                cases[i].value,
                                strlen(cases[i].value));

                assert_int_equal(features.fault, cases[i].fault);
                assert_int_equal(features.word_size, strlen(cases[i].word));
                assert_memory_equal(features.word, cases[i].word, features.word_size);
        }
}

static void file_systems_are_separated(void **state) {
        static const char value[] = "mount= nfs;;cifs  ext4;";
        static const char *const names[] = { "nfs", "cifs", "ext4" };
        struct phx_pve_features features = phx_pve_features_parse(value, strlen(value));
        const char *name;
        size_t offset = 0, size, count = 0;

        while (phx_pve_features_next_mount(&features, &offset, &name, &size)) {
                assert_true(count < PHX_ELEMENTS(names));
                assert_int_equal(size, strlen(names[count]));
                assert_memory_equal(name, names[count], size);
                count++;
        }
        assert_int_equal(count, PHX_ELEMENTS(names));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(good_values_are_rendered_by_name),
                cmocka_unit_test(a_bad_value_names_its_word),
                cmocka_unit_test(file_systems_are_separated),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
