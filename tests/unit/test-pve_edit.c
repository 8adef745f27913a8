/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pve/edit.h"
#include "pve_rewrite.h"

#define PROFILE "lxc.apparmor.profile"

/* Items in one string, a '|' between each two. */
static void add_items(struct phx_strings *items, const char *text) {
        phx_autofree char *copy = strdup(text ? text : "");
        char *rest = copy, *item;

        while ((item = strsep(&rest, "|")))
                if (item[0])
                        assert_int_equal(phx_strings_add(items, item), 0);
}

/* "KEY:VALUE", or "KEY" for no line. */
static void add_settings(struct phx_pve_edit *edit, const char *text) {
        phx_autofree char *copy = strdup(text ? text : "");
        char *rest = copy, *item;

        while ((item = strsep(&rest, "|"))) {
                char *value = strchr(item, ':');

                if (value)
                        *value++ = '\0';
                if (item[0])
                        assert_int_equal(phx_pve_edit_set(edit, item, value), 0);
        }
}

struct edit_case {
        const char *before;
        const char *after; /* NULL: as before */
        const char *settings;
        const char *tail;
        const char *removed;
};

static int render(
                const struct edit_case *c,
                const char *removed,
                const char *data,
                size_t size,
                struct phx_buffer *ret_text,
                struct phx_error *error) {
        phx_cleanup(phx_pve_edit_done) struct phx_pve_edit edit = { 0 };
        phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 };

        add_settings(&edit, c->settings);
        add_items(&edit.tail, c->tail);
        add_items(&edit.removed, removed);
        assert_int_equal(phx_pve_text_parse(data, size, &text), 0);
        return phx_pve_edit_render(&edit, &text, ret_text, error);
}

/* What Proxmox makes of a text. */
static void rewrite(const char *data, size_t size, struct phx_buffer *rewritten) {
        phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 };

        assert_int_equal(phx_pve_text_parse(data, size, &text), 0);
        assert_int_equal(pve_rewrite(&text, rewritten), 0);
}

/* A second edit changes nothing, and neither does one of what Proxmox has rewritten. */
static void assert_edit(const struct edit_case *c) {
        const char *after = c->after ? c->after : c->before;
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 }, again = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer rewritten = { 0 }, third = { 0 };
        struct phx_error error = { 0 };
        int r;

        r = render(c, c->removed, c->before, strlen(c->before), &text, &error);
        assert_string_equal(error.text, "");
        assert_string_equal(text.data, after);
        assert_int_equal(r, strcmp(c->before, after) != 0);

        assert_int_equal(render(c, c->tail, text.data, text.size, &again, NULL), 0);
        rewrite(text.data, text.size, &rewritten);
        assert_int_equal(render(c, c->tail, rewritten.data, rewritten.size, &third, NULL), 0);
}

static void assert_edits(const struct edit_case *cases, size_t count) {
        for (size_t i = 0; i < count; i++)
                assert_edit(&cases[i]);
}

static void a_profile_is_the_last_line_of_the_main_section(void **state) {
        static const struct edit_case cases[] = {
                { "", PROFILE ": a\n", PROFILE ":a" },
                { "arch: amd64\n", "arch: amd64\n" PROFILE ": a\n", PROFILE ":a" },
                { "arch: amd64", "arch: amd64\n" PROFILE ": a\n", PROFILE ":a" },
                { "lxc.tty.max: 1\n\n\n", "lxc.tty.max: 1\n" PROFILE ": a\n\n\n", PROFILE ":a" },
                { "lxc.tty.max: 1\n\n[s1]\nlxc.tty.max: 2\n" PROFILE ": b\n",
                  "lxc.tty.max: 1\n" PROFILE ": a\n\n[s1]\nlxc.tty.max: 2\n" PROFILE ": b\n",
                  PROFILE ":a" },
                { "[s1]\n", PROFILE ": a\n[s1]\n", PROFILE ":a" },
                { "\n\n[pve:pending]\n", PROFILE ": a\n\n\n[pve:pending]\n", PROFILE ":a" },
                /* Look-alikes open no section. */
                { "arch: amd64\n[s1] # x\n[s]\n",
                  "arch: amd64\n[s1] # x\n[s]\n" PROFILE ": a\n",
                  PROFILE ":a" },
                { "arch: amd64\r\n\r\n[s1]\r\n",
                  "arch: amd64\r\n" PROFILE ": a\n\r\n[s1]\r\n",
                  PROFILE ":a" },
                { "\xef\xbb\xbf"
                  "arch: amd64\n",
                  "\xef\xbb\xbf"
                  "arch: amd64\n" PROFILE ": a\n",
                  PROFILE ":a" },
        };

        assert_edits(cases, PHX_ELEMENTS(cases));
}

static void a_right_line_stays_in_its_spelling(void **state) {
        static const struct edit_case cases[] = {
                { "a: 1\n" PROFILE "=a \r\nlxc.tty.max: 1", NULL, PROFILE ":a" },
                { PROFILE ": \"a\"\n", NULL, PROFILE ":a" },
                { PROFILE ": a\n#lxc.include: /x\n lxc.include: /x\n", NULL, PROFILE ":a" },
                { "onboot:  1\nfeatures:nesting=1\n", NULL, "features:nesting=1|onboot:1" },
                { "lxc.start.auto = 1\n" PROFILE ": a\n", NULL, PROFILE ":a|lxc.start.auto:1" },
                /* Left alone. */
                { "z: 1\na: 2\n" PROFILE " = b\n\n\n[s1]\nx", NULL, NULL },
        };

        assert_edits(cases, PHX_ELEMENTS(cases));
}

static void a_wrong_line_is_written_in_its_place(void **state) {
        static const struct edit_case cases[] = {
                { PROFILE " = b\r\nlxc.tty.max: 1\n",
                  PROFILE ": a\nlxc.tty.max: 1\n",
                  PROFILE ":a" },
                { PROFILE ":", PROFILE ": a\n", PROFILE ":a" },
                { "z: 1\nonboot: 0\na: 1\n", "z: 1\nonboot: 1\na: 1\n", "onboot:1" },
                { PROFILE ": b # c\n", PROFILE ": :ns:a//&b\n", PROFILE "::ns:a//&b" },
        };

        assert_edits(cases, PHX_ELEMENTS(cases));
}

static void several_lines_become_one(void **state) {
        static const struct edit_case cases[] = {
                { PROFILE ": b\nlxc.tty.max: 1\n" PROFILE ": c\n",
                  "lxc.tty.max: 1\n" PROFILE ": a\n",
                  PROFILE ":a" },
                { PROFILE " = a\nlxc.tty.max: 1\n" PROFILE ": c\n",
                  PROFILE " = a\nlxc.tty.max: 1\n",
                  PROFILE ":a" },
                { PROFILE ": a\n" PROFILE ": a\n", PROFILE ": a\n", PROFILE ":a" },
                { "onboot: 1\nonboot: 0\n", "onboot: 1\n", "onboot:1" },
                { "lxc.apparmor.allow_nesting: 1\nlxc.apparmor.allow_nesting=1\n",
                  "lxc.apparmor.allow_nesting=1\n",
                  "lxc.apparmor.allow_nesting:1" },
        };

        assert_edits(cases, PHX_ELEMENTS(cases));
}

static void proxmoxs_default_has_no_line(void **state) {
        static const struct edit_case cases[] = {
                { "a: 1\n" PROFILE ": b\nlxc.tty.max: 1\n" PROFILE "=\n\n[s1]\n" PROFILE ": c\n",
                  "a: 1\nlxc.tty.max: 1\n\n[s1]\n" PROFILE ": c\n",
                  PROFILE },
                { PROFILE ": b", "", PROFILE },
                { " " PROFILE ": b\n", NULL, PROFILE },
                { "lxc.aa_profile: b\n" PROFILE ": a\n",
                  PROFILE ": a\n",
                  PROFILE ":a|lxc.aa_profile" },
                { "features: nesting=1\nonboot: 1\n", "onboot: 1\n", "features" },
        };

        assert_edits(cases, PHX_ELEMENTS(cases));
}

static void nothing_may_overrule_the_profile(void **state) {
        static const struct edit_case cases[] = {
                { PROFILE ": a\nlxc.include: /x\n",
                  "lxc.include: /x\n" PROFILE ": a\n",
                  PROFILE ":a" },
                { PROFILE ": b\nlxc.include: /x\n\n[s1]",
                  "lxc.include: /x\n" PROFILE ": a\n\n[s1]",
                  PROFILE ":a" },
                /* liblxc reads two lines here. */
                { PROFILE ": a\nlxc.uts.name: x\rlxc.apparmor.profile = b\n",
                  "lxc.uts.name: x\rlxc.apparmor.profile = b\n" PROFILE ": a\n",
                  PROFILE ":a" },
                { PROFILE ": a\nlxc.tty.max: 1\n",
                  "lxc.tty.max: 1\nlxc.include: /y\n" PROFILE ": a\n",
                  PROFILE ":a",
                  "lxc.include=/y" },
                { PROFILE ": a\nlxc.include: /x\n", PROFILE ": a\n", PROFILE ":a|lxc.include" },
                { PROFILE ": a\nlxc.include: /x\n",
                  PROFILE ": a\n",
                  PROFILE ":a",
                  NULL,
                  "lxc.include=/x" },
        };

        assert_edits(cases, PHX_ELEMENTS(cases));
}

static void ordinary_keys_keep_their_order(void **state) {
        static const struct edit_case cases[] = {
                { "arch: amd64\nmemory: 1\nlxc.tty.max: 1\n",
                  "arch: amd64\nfeatures: fuse=1\nmemory: 1\nonboot: 1\nlxc.tty.max: 1\n",
                  "onboot:1|features:fuse=1" },
                { "#note\nlxc.tty.max: 1\n", "#note\nonboot: 1\nlxc.tty.max: 1\n", "onboot:1" },
                { "#note", "#note\nfeatures: fuse=1\nonboot: 1\n", "onboot:1|features:fuse=1" },
                { "net10: a\nnet2: b\n", "net1: x\nnet10: a\nnet2: b\n", "net1:x" },
                { "a: 1\n\n[s1]\nonboot: 0\n", "a: 1\nonboot: 1\n\n[s1]\nonboot: 0\n", "onboot:1" },
                { "arch: amd64",
                  "arch: amd64\nonboot: 1\n" PROFILE ": a\n",
                  "onboot:1|" PROFILE ":a" },
        };

        assert_edits(cases, PHX_ELEMENTS(cases));
}

static void other_lines_come_behind_all_but_the_profile(void **state) {
        static const struct edit_case cases[] = {
                { "lxc.cap.drop: x\n",
                  "lxc.cap.drop: x\nlxc.cap.drop: y\nlxc.tty.max: 2\n",
                  NULL,
                  "lxc.cap.drop = y|lxc.tty.max:2" },
                { "lxc.cap.drop: x\n" PROFILE ": a\n\n[s1]\nlxc.cap.drop: z\n",
                  "lxc.cap.drop: x\nlxc.cap.drop: y\n" PROFILE ": a\n\n[s1]\nlxc.cap.drop: z\n",
                  PROFILE ":a",
                  "lxc.cap.drop=y" },
                /* The profile is left alone, and nothing overrules it. */
                { PROFILE ": b\n", "lxc.cap.drop: y\n" PROFILE ": b\n", NULL, "lxc.cap.drop=y" },
                { PROFILE ": a\nlxc.cap.drop: x\n",
                  PROFILE ": a\nlxc.cap.drop: x\nlxc.cap.drop: y\n",
                  PROFILE ":a",
                  "lxc.cap.drop=y" },
                { "arch: amd64\nlxc.cap.drop: x\n",
                  "arch: amd64\nlxc.environment.runtime: A=b\nlxc.cap.drop: x\nlxc.tty.max: 1\n" PROFILE
                  ": a\n",
                  PROFILE ":a",
                  "lxc.tty.max=1|lxc.environment.runtime=A=b" },
                { "lxc.environment.runtime: B=c\nlxc.cap.drop: x\n",
                  "lxc.environment.runtime: B=c\nlxc.environment.runtime: A=b\nlxc.cap.drop: x\n",
                  NULL,
                  "lxc.environment.runtime=A=b" },
                { "lxc.cap.drop: x\n",
                  "lxc.cap.drop: x\nlxc.apparmor.allow_nesting: 1\n" PROFILE ": a\n",
                  PROFILE ":a|lxc.apparmor.allow_nesting:1" },
                /* Proxmox moves the runtime's lines, and so they are no lines behind the profile.
                 */
                { PROFILE ": b\nlxc.environment.runtime: B=c\n",
                  "lxc.cap.drop: y\n" PROFILE ": b\nlxc.environment.runtime: B=c\n",
                  NULL,
                  "lxc.cap.drop=y" },
                /* Whose key has a setting. */
                { "", PROFILE ": a\n", PROFILE ":a", PROFILE "=b" },
        };

        assert_edits(cases, PHX_ELEMENTS(cases));
}

static void removed_is_the_last_line_that_reads_so(void **state) {
        static const struct edit_case cases[] = {
                { "lxc.cap.drop: x\nlxc.cap.drop = \"x\"\nlxc.cap.drop:y\n[s1]\nlxc.cap.drop: x\n",
                  "lxc.cap.drop: x\nlxc.cap.drop:y\n[s1]\nlxc.cap.drop: x\n",
                  NULL,
                  NULL,
                  "lxc.cap.drop=x" },
                { "lxc.cap.drop: x\nlxc.cap.drop: x\n",
                  "",
                  NULL,
                  NULL,
                  "lxc.cap.drop=x|lxc.cap.drop=x" },
                { "lxc.cap.drop: x\n", NULL, NULL, NULL, "lxc.cap.drop=y|lxc.tty.max=1|x" },
                { PROFILE ": a\n", NULL, PROFILE ":a", NULL, PROFILE "=a" },
                { PROFILE ": a\n", NULL, NULL, NULL, PROFILE "=a" },
        };

        assert_edits(cases, PHX_ELEMENTS(cases));
}

struct refusal {
        const char *before;
        const char *message;
        const char *settings;
        const char *tail;
        size_t size; /* of BEFORE, when that has a NUL */
};

static void assert_refusal(const struct refusal *c) {
        const struct edit_case wish = { .settings = c->settings, .tail = c->tail };
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };
        struct phx_error error = { 0 };
        size_t size = c->size > 0 ? c->size : strlen(c->before);

        assert_int_equal(render(&wish, NULL, c->before, size, &text, &error), -EINVAL);
        assert_string_equal(error.text, c->message);
        assert_null(text.data);
}

static void no_value_smuggles_a_line(void **state) {
        static const struct refusal cases[] = {
                { "",
                  "'" PROFILE ": a\\u000ab': expected one line that Proxmox reads as this",
                  PROFILE ":a\nb" },
                { "",
                  "'" PROFILE ": a\\u000db': expected one line that Proxmox reads as this",
                  PROFILE ":a\rb" },
                { "",
                  "'" PROFILE ":  a': expected one line that Proxmox reads as this",
                  PROFILE ": a" },
                { "",
                  "'" PROFILE ": a ': expected one line that Proxmox reads as this",
                  PROFILE ":a " },
                { "", "'': expected the name of a profile", PROFILE ":" },
                { "", "'\"a\"': expected the name of a profile", PROFILE ":\"a\"" },
                { "", "'hostname: ': expected one line that Proxmox reads as this", "hostname:" },
                { "",
                  "'hostname: a snapstate: delete': expected one line that Proxmox reads as this",
                  "hostname:a snapstate: delete" },
                { "", "'[s1]: a': expected one line that Proxmox reads as this", "[s1]:a" },
                { "", "'#x: a': expected one line that Proxmox reads as this", "#x:a" },
                { "", "'Memory: 1': expected one line that Proxmox reads as this", "Memory:1" },
                { "", "onboot: expected 0 or 1, as Proxmox writes it, found 'yes'", "onboot:yes" },
                { "", "memory: expected a number, as Proxmox writes it, found '08'", "memory:08" },
                { "", "memory: expected a number, as Proxmox writes it, found 'x'", "memory:x" },
                { "", "unused0: Proxmox manages this key, expected another one", "unused0:x" },
                { "", "snapstate: Proxmox manages this key, expected another one", "snapstate:x" },
                { "", "'lxc: 1': expected one line that Proxmox reads as this", "lxc:1" },
                { "", "'delete: x': expected one line that Proxmox reads as this", "delete:x" },
                { "",
                  "'description: x': expected one line that Proxmox reads as this",
                  "description:x" },
                { "",
                  "lxc.colour: Proxmox removes lines with this key, expected one that it keeps",
                  "lxc.colour:1" },
                { "",
                  "lxc.aa_profile: LXC no longer knows this key, expected its new name",
                  "lxc.aa_profile:a" },
                { "",
                  "lxc.rootfs.path: Proxmox generates this key, expected another one",
                  NULL,
                  "lxc.rootfs.path=/x" },
                { "",
                  "'lxc.cap.drop': expected one line of the form lxc.KEY=VALUE",
                  NULL,
                  "lxc.cap.drop" },
                { "",
                  "'lxc.cap.drop=a\\u000ab': expected one line of the form lxc.KEY=VALUE",
                  NULL,
                  "lxc.cap.drop=a\nb" },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++)
                assert_refusal(&cases[i]);
}

static void a_file_that_is_damaged_is_refused_with_the_place(void **state) {
        static const struct refusal cases[] = {
                { "a: 1\nlxc.uts.name: x\0y\n",
                  "line 2, column 16: found a NUL byte, where liblxc stops reading",
                  PROFILE ":a",
                  NULL,
                  23 },
                { "a: 1\n[s1]\nlxc: 2\n",
                  "line 3: found the key 'lxc', with which Proxmox cannot read the file",
                  PROFILE ":a" },
                { "snapshots: 1\n",
                  "line 1: found the key 'snapshots', with which Proxmox cannot read the file",
                  PROFILE ":a" },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++)
                assert_refusal(&cases[i]);
}

static void a_nul_that_goes_or_is_not_read_does_no_harm(void **state) {
        static const char before[] = "#a\0b\n \0\n" PROFILE ": x\0y\n\n[s1]\nb: \0\n";
        static const char after[] = "#a\0b\n \0\n" PROFILE ": a\n\n[s1]\nb: \0\n";
        const struct edit_case wish = { .settings = PROFILE ":a" };
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };

        assert_int_equal(render(&wish, NULL, before, sizeof(before) - 1, &text, NULL), 1);
        assert_int_equal(text.size, sizeof(after) - 1);
        assert_memory_equal(text.data, after, text.size);
}

static void what_the_file_system_would_refuse_is_refused(void **state) {
        const struct edit_case wish = { .settings = PROFILE ":a" };
        phx_autofree char *data = calloc(1, PHX_PVE_FILE_LIMIT);
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };
        struct phx_error error = { 0 };

        memset(data, '\n', PHX_PVE_FILE_LIMIT);
        assert_int_equal(render(&wish, NULL, data, PHX_PVE_FILE_LIMIT, &text, &error), -EFBIG);
        assert_string_equal(
                        error.text,
                        "the edited file has 1048600 bytes, expected at most 1048576");
}

static void a_setting_is_there_once(void **state) {
        phx_cleanup(phx_pve_edit_done) struct phx_pve_edit edit = { 0 };

        assert_int_equal(phx_pve_edit_set(&edit, "b", "1"), 0);
        assert_int_equal(phx_pve_edit_set(&edit, "a", NULL), 0);
        assert_int_equal(phx_pve_edit_set(&edit, "b", NULL), 0);
        assert_int_equal(phx_pve_edit_set(&edit, "a", "2"), 0);
        assert_int_equal(edit.n_settings, 2);
        assert_string_equal(edit.settings[0].key, "a");
        assert_string_equal(edit.settings[0].value, "2");
        assert_string_equal(edit.settings[1].key, "b");
        assert_null(edit.settings[1].value);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_profile_is_the_last_line_of_the_main_section),
                cmocka_unit_test(a_right_line_stays_in_its_spelling),
                cmocka_unit_test(a_wrong_line_is_written_in_its_place),
                cmocka_unit_test(several_lines_become_one),
                cmocka_unit_test(proxmoxs_default_has_no_line),
                cmocka_unit_test(nothing_may_overrule_the_profile),
                cmocka_unit_test(ordinary_keys_keep_their_order),
                cmocka_unit_test(other_lines_come_behind_all_but_the_profile),
                cmocka_unit_test(removed_is_the_last_line_that_reads_so),
                cmocka_unit_test(no_value_smuggles_a_line),
                cmocka_unit_test(a_file_that_is_damaged_is_refused_with_the_place),
                cmocka_unit_test(a_nul_that_goes_or_is_not_read_does_no_harm),
                cmocka_unit_test(what_the_file_system_would_refuse_is_refused),
                cmocka_unit_test(a_setting_is_there_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
