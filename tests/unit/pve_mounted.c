/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "pve_mounted.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/strings.h"
#include "tree.h"

int set_up_mounted(void **state) {
        (void) tree_new();
        if (pve_host_missing())
                return 0;
        pve_host_start();
        pve_test_begin("etc-pve");
        test.worker = new_worker(0);
        return 0;
}

int tear_down_mounted(void **state) {
        /* A test that has failed may have left it stopped, and what waits for its mount would wait
         * for ever. */
        pve_host_continue();
        pve_test_end();
        pve_host_done();
        tree_done();
        return 0;
}

void skip_without_host(void) {
        const char *why = pve_host_missing();

        if (!why)
                return;
        print_message("# skipped: %s\n", why);
        skip();
}

void assert_served(const char *expected) {
        phx_autofree char *text = pve_host_ask("read " CONFIG);

        assert_string_equal(text, expected);
}

void assert_no_leftovers(void) {
        phx_cleanup(phx_closedirp) DIR *directory = opendir(pve_host_path("nodes/pve1/lxc"));
        const struct dirent *entry;

        assert_non_null(directory);
        while ((entry = readdir(directory)))
                assert_true(entry->d_name[0] == '.' ? entry->d_name[1] == '.' || !entry->d_name[1]
                                                    : phx_has_suffix(entry->d_name, ".conf"));
}

void wait_until_mounted(void) {
        struct phx_pve_state found;

        for (int i = 0; i < PATIENCE_MSEC; i++) {
                if (ask_state(&found, NULL) == PHX_PVE_OUTCOME_DONE)
                        return;
                phx_pve_pause(1000);
        }
        fail();
}
