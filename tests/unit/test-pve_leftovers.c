/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/strings.h"
#include "pve/edit.h"
#include "pve_leftovers_oracle.h"

#define NESTING "lxc.include: /usr/share/lxc/config/nesting.conf\n"
#define PROFILE "lxc.apparmor.profile: "

struct left_case {
        const char *before;
        const char *after; /* NULL: as before */
        const char *changes;
        struct phx_pve_wanted wanted;
};

/* "KIND LINE" of each, a '|' between each two. */
static void list_changes(const struct phx_pve_leftovers *leftovers, struct phx_buffer *list) {
        assert_int_equal(phx_buffer_add_text(list, ""), 0);
        for (size_t i = 0; i < leftovers->count; i++)
                assert_int_equal(
                                phx_buffer_addf(list,
                                                "%s%s %u",
                                                i > 0 ? "|" : "",
                                                phx_leftover_to_string(leftovers->changes[i].kind),
                                                leftovers->changes[i].line->number),
                                0);
}

static void assert_case(const struct left_case *c) {
        phx_cleanup(phx_pve_leftovers_done) struct phx_pve_leftovers leftovers = { 0 };
        phx_cleanup(phx_pve_meaning_done) struct phx_pve_meaning meaning = { 0 };
        phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer list = { 0 };
        const char *fault;
        size_t count = 0;
        int r;

        assert_int_equal(phx_pve_text_parse(c->before, strlen(c->before), &text), 0);
        assert_int_equal(phx_pve_meaning_of(&text, &meaning), 0);
        r = phx_pve_leftovers_of(&text, &meaning, &c->wanted, &leftovers);
        list_changes(&leftovers, &list);
        if (r != (c->after != NULL) || (r > 0 && strcmp(leftovers.text.data, c->after) != 0) ||
            strcmp(list.data, c->changes ? c->changes : "") != 0)
                fail_msg("%s-----\n%s%s", c->before, r > 0 ? leftovers.text.data : "", list.data);
        fault = pve_leftovers_fault(c->before, strlen(c->before), &c->wanted, &count);
        if (fault)
                fail_msg("%s: %s", fault, c->before);
}

static void assert_cases(const struct left_case *cases, size_t count) {
        for (size_t i = 0; i < count; i++)
                assert_case(&cases[i]);
}

static void a_profile_that_is_named_twice_is_named_once(void **state) {
        static const struct left_case cases[] = {
                { PROFILE "a\nmemory: 1\n" PROFILE "b\n",
                  "memory: 1\n" PROFILE "b\n",
                  "overruled 1" },
                { PROFILE "b\n" PROFILE "b", PROFILE "b", "overruled 1" },
                { PROFILE "b\n" },
                { PROFILE "a\n" PROFILE "b\n", .wanted = { "c", true } },
        };

        assert_cases(cases, PHX_ELEMENTS(cases));
}

static void a_line_that_is_dropped_is_corrected_or_removed(void **state) {
        static const struct left_case cases[] = {
                { " " PROFILE "lxc-a\n", PROFILE "lxc-a\n", "corrected 1" },
                { "lxc.apparmor.profile : lxc-a\n", PROFILE "lxc-a\n", "corrected 1" },
                { "LXC.AppArmor.profile = lxc-a", PROFILE "lxc-a\n", "corrected 1" },
                { "\xef\xbb\xbf" PROFILE "lxc-a\n", PROFILE "lxc-a\n", "corrected 1" },
                { "lxc.apparmor_profile: lxc-a\n", PROFILE "lxc-a\n", "corrected 1" },
                { " " PROFILE "lxc-a\n " PROFILE "lxc-b\n",
                  PROFILE "lxc-b\n",
                  "not-read 1|corrected 2" },
                /* What is not meant to confine, or not known to, is not brought into force. */
                { " " PROFILE "unconfined\n", "", "not-read 1" },
                { " " PROFILE "lxc-a\n " PROFILE "unconfined\n", "", "not-read 1|not-read 2" },
                { " " PROFILE "lxc-a # b\n", "", "not-read 1" },
                { " " PROFILE ":lxc-1:unconfined\n", "", "not-read 1" },
                { PROFILE "a\n " PROFILE "lxc-b\n", PROFILE "a\n", "not-read 2" },
                { " " PROFILE "lxc-b\n", "", "not-read 1", { "lxc-c", true } },
                { " lxc.include: /x\n", "", "not-read 1" },
                { " lxc.apparmor.allow_nesting: 1\n", "", "not-read 1" },
                { " lxc.apparmor.raw: mount,\n", "", "not-read 1" },
                /* Other lines. */
                { "LXC.Cap.Drop : sys_time\n", "lxc.cap.drop: sys_time\n", "corrected 1" },
                { " lxc.environment = a=b # c\nswap: 1\n",
                  "lxc.environment: a=b # c\nswap: 1\n",
                  "corrected 1" },
                /* With these the container would get more than it has. */
                { " lxc.mount.entry: /dev dev none bind\n", "", "not-read 1" },
                { " lxc.cgroup2.devices.allow: a\n", "", "not-read 1" },
                { " lxc.idmap: u 0 0 65536\n", "", "not-read 1" },
                { " lxc.seccomp.profile: /x\n", "", "not-read 1" },
                { " lxc.cap.drop:\n", "", "not-read 1" },
                { "lxc.rootfs.path: /x\nlxc.nothing: 1\n", "", "not-read 1|not-read 2" },
                { " swap: 1\n #x\nwords\n" },
        };

        assert_cases(cases, PHX_ELEMENTS(cases));
}

static void the_old_key_is_written_as_today(void **state) {
        static const struct left_case cases[] = {
                { "lxc.aa_profile: lxc-a\n", PROFILE "lxc-a\n", "renamed 1" },
                { "lxc.aa_profile = unconfined\n", "", "old-key 1" },
                { PROFILE "b\nlxc.aa_profile: lxc-a\n", PROFILE "b\n", "old-key 2" },
                { "lxc.aa_profile: lxc-a\n", "", "old-key 1", { "lxc-b", true } },
        };

        assert_cases(cases, PHX_ELEMENTS(cases));
}

static void nesting_is_not_allowed_by_hand(void **state) {
        static const struct left_case cases[] = {
                { "lxc.apparmor.allow_nesting: 1\n", "", "allow-nesting 1" },
                { "lxc.apparmor.allow_nesting: 0\nlxc.apparmor.allow_nesting: 1\n",
                  "lxc.apparmor.allow_nesting: 0\n",
                  "allow-nesting 2" },
                /* It takes back what the features say. */
                { "features: nesting=1\nlxc.apparmor.allow_nesting: 0\n" },
        };

        assert_cases(cases, PHX_ELEMENTS(cases));
}

static void nesting_conf_is_not_included(void **state) {
        static const struct left_case cases[] = {
                { NESTING PROFILE "a\n", PROFILE "a\n", "include 1" },
                { PROFILE "a\n" NESTING NESTING, PROFILE "a\n", "include 2|include 3" },
                { NESTING, "", "include 1" },
                /* Without it, that line would be in force. */
                { PROFILE "unconfined\n" NESTING, "", "uncovered 1|include 2" },
                { PROFILE "unchanged\n" PROFILE "unconfined\n" NESTING,
                  "",
                  "uncovered 1|uncovered 2|include 3",
                  { "lxc-a", true } },
                { PROFILE "generated\n" NESTING, PROFILE "generated\n", "include 2" },
                /* So would be what another include names. */
                { PROFILE "a\nlxc.include: /x\n" NESTING },
                { NESTING PROFILE "a\nlxc.include: /x\n",
                  PROFILE "a\nlxc.include: /x\n",
                  "include 1" },
                { "lxc.include: /x\n" },
        };

        assert_cases(cases, PHX_ELEMENTS(cases));
}

static void pending_changes_have_no_lxc_lines(void **state) {
        static const struct left_case cases[] = {
                { PROFILE "a\n\n[pve:pending]\nswap: 1\n" PROFILE "unconfined\nlxc.tty.max: 1\n",
                  PROFILE "a\n\n[pve:pending]\nswap: 1\n",
                  "pending 5|pending 6" },
                { "swap: 1\n[pve:pending]\nlxc.tty.max: 1\n",
                  "swap: 1\n[pve:pending]\n",
                  "pending 3" },
                /* Proxmox's own; and what is deleted when the others are gone. */
                { PROFILE "a\n[pve:pending]\nlxc.environment.runtime: A=b\nlxc.tty.max: 1\n",
                  PROFILE "a\n[pve:pending]\nlxc.environment.runtime: A=b\n",
                  "pending 4" },
                { "[pve:pending]\nlxc.environment.runtime: A=b\n" },
                { PROFILE "a\n[pve:pending]\ndelete: lxc\nlxc.tty.max: 1\n" },
                /* The one that is overruled does not count. */
                { "[pve:pending]\nlxc.tty.max: 1\n[pve:pending]\nlxc.tty.max: 2\n",
                  "[pve:pending]\nlxc.tty.max: 1\n[pve:pending]\n",
                  "pending 4" },
                /* A script has meant the main section. */
                { "swap: 1\n\n[pve:pending]\n" PROFILE "a\nlxc.tty.max: 1\n",
                  "swap: 1\n" PROFILE "a\n\n[pve:pending]\n",
                  "moved 4|pending 5" },
                { PROFILE "unconfined\n[pve:pending]\n" PROFILE "a\n",
                  PROFILE "a\n[pve:pending]\n",
                  "weaker 1|moved 3" },
                { "[pve:pending]\n" PROFILE "a", PROFILE "a\n[pve:pending]\n", "moved 2" },
                /* The next start would confine it more than what it is left with. */
                { PROFILE "unconfined\n[pve:pending]\nlxc.tty.max: 1\n" },
                { PROFILE "unconfined\n[pve:pending]\nlxc.tty.max: 1\n",
                  PROFILE "unconfined\n[pve:pending]\n",
                  "pending 3",
                  { "unconfined", false } },
                { "[pve:pending]\nlxc.include: /x\n" },
                { PROFILE "a\n[pve:pending]\nlxc.include: /x\n",
                  PROFILE "a\n[pve:pending]\n",
                  "pending 3" },
                { "lxc.include: /x\n[pve:pending]\n" PROFILE "a\n",
                  "lxc.include: /x\n" PROFILE "a\n[pve:pending]\n",
                  "moved 3" },
                { "lxc.include: /x\n[pve:pending]\n" PROFILE "unchanged\n" },
        };

        assert_cases(cases, PHX_ELEMENTS(cases));
}

static void a_rollback_brings_no_weaker_profile(void **state) {
        static const struct left_case cases[] = {
                { PROFILE "a\n[s1]\n" PROFILE "unconfined\nswap: 1\n",
                  PROFILE "a\n[s1]\n" PROFILE "a\nswap: 1\n",
                  "rollback 3" },
                { PROFILE "a\n[s1]\n" PROFILE "b\n" PROFILE "unconfined\n",
                  PROFILE "a\n[s1]\n" PROFILE "a\n",
                  "snapshot 3|rollback 4" },
                { PROFILE "a\n\n[s1]\nswap: 1\n\n[s2]\nswap: 1",
                  PROFILE "a\n\n[s1]\nswap: 1\n" PROFILE "a\n\n[s2]\nswap: 1\n" PROFILE "a\n",
                  "rollback 3|rollback 6" },
                { PROFILE "a\n[s1]\n[s2]\n" PROFILE "b\n",
                  PROFILE "a\n[s1]\n" PROFILE "a\n[s2]\n" PROFILE "b\n",
                  "rollback 2" },
                /* Behind what could overrule it. */
                { PROFILE "a\n[s1]\n" PROFILE "unconfined\n" NESTING,
                  PROFILE "a\n[s1]\n" NESTING PROFILE "a\n",
                  "rollback 2|snapshot 3" },
                { "swap: 1\n[s1]\n" PROFILE "unconfined\n", "swap: 1\n[s1]\n", "snapshot 3" },
                { PROFILE "unconfined\n[s1]\n" PROFILE "unconfined\n" },
                /* Against what the main section will have. */
                { " " PROFILE "lxc-a\n[s1]\nswap: 1\n",
                  PROFILE "lxc-a\n[s1]\nswap: 1\n" PROFILE "lxc-a\n",
                  "corrected 1|rollback 2" },
                { PROFILE "unconfined\n[s1]\n" PROFILE "unconfined\n",
                  PROFILE "unconfined\n[s1]\n" PROFILE "lxc-c//&:lxc-1:unconfined\n",
                  "rollback 3",
                  { "lxc-c//&:lxc-1:unconfined", true } },
                { PROFILE "a\n[s1]\n" PROFILE "unconfined\n", .wanted = { "unconfined", true } },
                { PROFILE "\"a\"\n[s1]\nswap: 1\n",
                  PROFILE "\"a\"\n[s1]\nswap: 1\n" PROFILE "\"a\"\n",
                  "rollback 2" },
        };

        assert_cases(cases, PHX_ELEMENTS(cases));
}

static void what_is_read_by_other_rules_is_left_alone(void **state) {
        static const struct left_case cases[] = {
                { PROFILE "a\rlxc.tty.max = 1\n" PROFILE "b\n" },
                { PROFILE "unconfined\r\n" NESTING "\n", "\n", "uncovered 1|include 2" },
                { "lxc: 1\n" PROFILE "a\n" PROFILE "b\n" },
        };
        static const char nul[] = PROFILE "a\0\n" PROFILE "b\n";
        static const struct phx_pve_wanted nothing = { 0 };
        size_t count = 0;

        assert_cases(cases, PHX_ELEMENTS(cases));
        assert_null(pve_leftovers_fault(nul, sizeof(nul) - 1, &nothing, &count));
        assert_int_equal(count, 0);
}

/* Proxmox's file system would refuse it. */
static void no_file_becomes_too_large(void **state) {
        static const struct phx_pve_wanted nothing = { 0 };
        phx_cleanup(phx_pve_leftovers_done) struct phx_pve_leftovers leftovers = { 0 };
        phx_cleanup(phx_pve_meaning_done) struct phx_pve_meaning meaning = { 0 };
        phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer data = { 0 };

        assert_int_equal(phx_buffer_add_text(&data, PROFILE "a\n#"), 0);
        while (data.size < PHX_PVE_FILE_LIMIT - 16)
                assert_int_equal(phx_buffer_add_text(&data, "x"), 0);
        assert_int_equal(phx_buffer_add_text(&data, "\n[s1]\n"), 0);
        assert_int_equal(phx_pve_text_parse(data.data, data.size, &text), 0);
        assert_int_equal(phx_pve_meaning_of(&text, &meaning), 0);
        assert_true(meaning.n_findings > 0);
        assert_int_equal(phx_pve_leftovers_of(&text, &meaning, &nothing, &leftovers), 0);
}

static int is_config(const struct dirent *entry) {
        return phx_has_suffix(entry->d_name, ".conf");
}

/* With what Proxmox itself makes of each beside it: tests/golden/pve. */
static void every_sample_is_cleared(void **state) {
        static const struct phx_pve_wanted wishes[] = {
                { NULL, false },        { "lxc-web", false },  { "lxc-web", true },
                { "unconfined", true }, { "generated", true },
        };
        const char *directory = getenv("PHX_PVE_FILES");
        struct dirent **entries = NULL;
        size_t changes = 0;
        int n;

        if (!directory) {
                skip();
                return;
        }
        n = scandir(directory, &entries, is_config, alphasort);
        assert_true(n >= 69);
        for (int i = 0; i < n; i++) {
                phx_autofree char *path = NULL, *data = NULL;
                size_t size = 0;

                assert_true(phx_printf(&path, "%s/%s", directory, entries[i]->d_name) >= 0);
                assert_int_equal(phx_file_read_at(AT_FDCWD, path, 1 << 20, &data, &size), 0);
                for (size_t k = 0; k < PHX_ELEMENTS(wishes); k++) {
                        size_t count = 0;
                        const char *fault = pve_leftovers_fault(data, size, &wishes[k], &count);

                        if (fault)
                                fail_msg("%s, %zu: %s", entries[i]->d_name, k, fault);
                        changes += count;
                }
                free(entries[i]);
        }
        free(entries);
        assert_true(changes > 69);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_profile_that_is_named_twice_is_named_once),
                cmocka_unit_test(a_line_that_is_dropped_is_corrected_or_removed),
                cmocka_unit_test(the_old_key_is_written_as_today),
                cmocka_unit_test(nesting_is_not_allowed_by_hand),
                cmocka_unit_test(nesting_conf_is_not_included),
                cmocka_unit_test(pending_changes_have_no_lxc_lines),
                cmocka_unit_test(a_rollback_brings_no_weaker_profile),
                cmocka_unit_test(what_is_read_by_other_rules_is_left_alone),
                cmocka_unit_test(no_file_becomes_too_large),
                cmocka_unit_test(every_sample_is_cleared),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
