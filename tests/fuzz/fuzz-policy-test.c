/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Any text is a policy test or is refused with its place; what is accepted asks something. With a
 * list of findings nothing else comes out, but that every wrong line is told. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/findings.h"
#include "policy/test.h"

/* The name is libFuzzer's. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds) {
        if (!holds)
                abort();
}

static void check(const struct phx_policy_test *test) {
        require(test->count > 0);
        for (size_t i = 0; i < test->count; i++) {
                require(test->items[i].count > 0 && test->items[i].line > 0);
                for (size_t j = 0; j < test->items[i].count; j++)
                        require(test->items[i].queries[j].what != NULL);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        phx_cleanup(phx_policy_test_done) struct phx_policy_test test = { 0 }, again = { 0 };
        phx_cleanup(phx_findings_done) struct phx_findings findings = { 0 };
        struct phx_error error = { 0 }, all = { .all = &findings };
        phx_autofree char *text = calloc(size + 1, 1);
        int r;

        require(text != NULL);
        if (size > 0)
                memcpy(text, data, size);
        r = phx_policy_test_parse("lxc-x.test", text, &test, &error);
        require(r == 0 || strncmp(error.text, "lxc-x.test: ", strlen("lxc-x.test: ")) == 0);
        if (r == 0)
                check(&test);
        require(phx_policy_test_parse("lxc-x.test", text, &again, &all) == r);
        require(r < 0 || findings.count == 0);
        return 0;
}
