/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/strings.h"
#include "pve-tree.h"
#include "pve/ha.h"

#define FILE_NAME "pve/ha/resources.cfg"

/* Pauses pass at once, and are counted. */
static struct {
        unsigned count;
        unsigned at; /* at which one the file comes back */
} pauses;

/* The linker's names. NOLINTBEGIN(*-identifier,*-identifier-naming,cert-dcl*) */
int __wrap_nanosleep(const struct timespec *duration, struct timespec *left);
int __wrap_nanosleep(const struct timespec *duration, struct timespec *left) {
        if (++pauses.count == pauses.at)
                tree_write(FILE_NAME, "ct: 102\n");
        return 0;
}
/* NOLINTEND(*-identifier,*-identifier-naming,cert-dcl*) */

static int setup(void **state) {
        pauses.count = pauses.at = 0;
        pve_tree_new();
        tree_mkdir("pve/ha");
        return 0;
}

static int teardown(void **state) {
        tree_done();
        return 0;
}

/* As "101 102". */
static void assert_has(const struct phx_pve_ha *ha, const char *expected) {
        char text[256] = "";
        size_t size = 0;

        for (size_t i = 0; i < ha->count; i++) {
                assert_true(phx_pve_ha_has(ha, ha->ids[i]));
                size += (size_t) snprintf(
                                text + size,
                                sizeof(text) - size,
                                "%s%u",
                                i > 0 ? " " : "",
                                ha->ids[i]);
        }
        assert_string_equal(text, expected);
        assert_false(phx_pve_ha_has(ha, 999));
}

static void sections_are_read_as_proxmox_reads_them(void **state) {
        static const struct {
                const char *text;
                const char *has;
        } cases[] = {
                { "", "" },
                { "ct: 101\n", "101" },
                { "ct: 101", "101" },
                { "ct: 102\n\tstate started\n\nct: 101\n\tmax_restart 2\n", "101 102" },
                { "ct: 101\n\tstate ignored\n", "" },
                { "ct: 101\n\tstate disabled\n\nct: 102\n\tstate stopped\n", "101 102" },
                { "ct: 101\n        state   ignored  \n\nvm: 102\n", "" },
                { "vm: 101\n\tstate started\n\nct: 102\n", "102" },
                { "ct:101\n\nCt:  102 \n", "101 102" },
                { "ct: 4294967295\n\nct: 4294967296\n\nct: 0\n\nct: 01\n\nct: x\n", "4294967295" },
                /* No headers. */
                { " ct: 101\n\nct 102\n\nct: 103 x\n\nct:\n\n:104\n\n: 105\n\nct: 1:6\n", "" },
                { "words\nct: 101\n", "101" },
                /* A section ends at an empty line, and at nothing else. */
                { "ct: 101\nct: 102\n\tstate ignored\n", "" },
                { "ct: 101\n \nct: 102\n", "101" },
                { "vm: 100\n\tcomment x\nct: 101\n", "" },
                { "ct: x\n\tstate ignored\n\nct: 101\n", "101" },
                { "ct: 101\n\n\tstate ignored\n", "101" },
                /* Comments do not end it, and are in nobody's way. */
                { "# x\nct: 101\n# y\n\t# state started\n\tstate ignored\n", "" },
                { "ct: 101\n#\n\nct: 102\n", "101 102" },
                /* Keys that are none. */
                { "ct: 101\nstate ignored\n", "101" },
                { "ct: 101\n\tState ignored\n\tstate: ignored\n\tstate\n", "101" },
                { "ct: 101\n\tstate ignored x\n\n", "101" },
                /* The first key counts, and the last section. */
                { "ct: 101\n\tstate started\n\tstate ignored\n", "101" },
                { "ct: 101\n\tstate ignored\n\nct: 101\n", "101" },
                { "ct: 101\n\nct: 102\n\nct: 101\n\tstate ignored\n", "102" },
                { "ct: 101\r\n\tstate ignored\r\n\r\nct: 102\r\n", "" },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                phx_cleanup(phx_pve_ha_done) struct phx_pve_ha ha = { 0 };

                assert_int_equal(phx_pve_ha_parse(cases[i].text, strlen(cases[i].text), &ha), 0);
                assert_has(&ha, cases[i].has);
        }
}

static void bytes_of_any_kind_are_a_file(void **state) {
        static const char bytes[] = "ct: 101\n\0\xff\n\nct: 1\0002\n\nct: 103\n\tstate \xc3\n";
        phx_cleanup(phx_pve_ha_done) struct phx_pve_ha ha = { 0 };

        assert_int_equal(phx_pve_ha_parse(bytes, sizeof(bytes) - 1, &ha), 0);
        assert_has(&ha, "101 103");
}

static void read_it(struct phx_pve_ha *ha) {
        const struct phx_pve_place place = pve_tree_place();
        struct phx_error error = { 0 };

        assert_int_equal(phx_pve_ha_read(&place, ha, &error), PHX_PVE_OUTCOME_DONE);
}

static void set_time(time_t seconds) {
        const struct timespec times[] = { { seconds, 0 }, { seconds, 0 } };

        assert_int_equal(utimensat(AT_FDCWD, tree_path(FILE_NAME), times, 0), 0);
}

static void without_a_file_there_are_none(void **state) {
        phx_cleanup(phx_pve_ha_done) struct phx_pve_ha ha = { 0 };

        read_it(&ha);
        assert_has(&ha, "");
        tree_remove("pve/ha");
        read_it(&ha);
        assert_has(&ha, "");
        assert_int_equal(pauses.count, 0);
}

static void it_is_opened_only_when_it_has_changed(void **state) {
        phx_cleanup(phx_pve_ha_done) struct phx_pve_ha ha = { 0 };

        tree_write(FILE_NAME, "ct: 101\n");
        set_time(1000);
        read_it(&ha);
        assert_has(&ha, "101");
        /* Nobody can tell this one from the last without opening it. */
        tree_write(FILE_NAME, "ct: 102\n");
        set_time(1000);
        read_it(&ha);
        assert_has(&ha, "101");
        set_time(1001);
        read_it(&ha);
        assert_has(&ha, "102");
        tree_write(FILE_NAME, "ct: 1030\n");
        set_time(1001);
        read_it(&ha);
        assert_has(&ha, "1030");
}

static void a_young_one_may_change_unseen(void **state) {
        phx_cleanup(phx_pve_ha_done) struct phx_pve_ha ha = { 0 };
        const time_t now = time(NULL);

        tree_write(FILE_NAME, "ct: 101\n");
        set_time(now);
        read_it(&ha);
        tree_write(FILE_NAME, "ct: 102\n");
        set_time(now);
        read_it(&ha);
        assert_has(&ha, "102");
}

static void it_is_gone_when_absent_four_times(void **state) {
        phx_cleanup(phx_pve_ha_done) struct phx_pve_ha ha = { 0 };

        tree_write(FILE_NAME, "ct: 101\n");
        read_it(&ha);
        tree_remove(FILE_NAME);
        pauses.at = 3;
        read_it(&ha);
        assert_has(&ha, "102");

        tree_remove(FILE_NAME);
        pauses.count = pauses.at = 0;
        read_it(&ha);
        assert_has(&ha, "");
        assert_int_equal(pauses.count, PHX_PVE_LOOKS - 1);
}

static void what_cannot_be_read_changes_nothing(void **state) {
        phx_cleanup(phx_pve_ha_done) struct phx_pve_ha ha = { 0 };
        const struct phx_pve_place place = pve_tree_place();
        struct phx_error error = { 0 };

        tree_write(FILE_NAME, "ct: 101\n");
        read_it(&ha);
        tree_remove(FILE_NAME);
        tree_mkdir(FILE_NAME);
        assert_int_equal(phx_pve_ha_read(&place, &ha, &error), PHX_PVE_OUTCOME_FAILED);
        assert_non_null(strstr(error.text, "ha/resources.cfg: "));
        assert_has(&ha, "101");

        /* It is the file system that is gone. */
        tree_remove("pve");
        assert_int_equal(phx_pve_ha_read(&place, &ha, &error), PHX_PVE_OUTCOME_NOT_NOW);
        assert_has(&ha, "101");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(sections_are_read_as_proxmox_reads_them),
                cmocka_unit_test(bytes_of_any_kind_are_a_file),
                TEST(without_a_file_there_are_none),
                TEST(it_is_opened_only_when_it_has_changed),
                TEST(a_young_one_may_change_unseen),
                TEST(it_is_gone_when_absent_four_times),
                TEST(what_cannot_be_read_changes_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
