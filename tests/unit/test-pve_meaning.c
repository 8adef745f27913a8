/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/macros.h"
#include "pve/meaning.h"
#include "pve_names.h"

#define PROFILE "lxc.apparmor.profile"

/* A text, and its findings as "LINE NAME, …". */
struct review {
        const char *text;
        const char *findings;
};

static void assert_review(const struct review *c) {
        phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 };
        phx_cleanup(phx_pve_meaning_done) struct phx_pve_meaning meaning = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer found = { 0 };

        assert_int_equal(phx_pve_text_parse(c->text, strlen(c->text), &text), 0);
        assert_int_equal(phx_pve_meaning_of(&text, &meaning), 0);
        assert_int_equal(phx_buffer_add_text(&found, ""), 0);
        for (size_t i = 0; i < meaning.n_findings; i++)
                assert_int_equal(
                                phx_buffer_addf(&found,
                                                "%s%u %s",
                                                i > 0 ? ", " : "",
                                                meaning.findings[i].line->number,
                                                pve_finding_word(meaning.findings[i].kind)),
                                0);
        assert_string_equal(found.data, c->findings);
}

static void what_an_author_may_not_know_is_found(void **state) {
        static const struct review cases[] = {
                { "arch: amd64\n" PROFILE ": a\n", "" },
                { "  " PROFILE ": a\n", "1 profile-not-read" },
                { PROFILE
                  " : a\nLXC.apparmor.profile: a\nlxc.apparmor_profile=a\n lxc.aa_profile: a\n",
                  "1 profile-not-read, 2 profile-not-read, 3 profile-not-read, 4 profile-not-read" },
                { "#" PROFILE ": a\n", "" },
                { PROFILE ": a\nlxc.tty.max: 1\n" PROFILE ": b\n", "1 profile-overruled" },
                { "lxc.aa_profile: a\nlxc.kmsg: 0\nlxc.utsname: x\n",
                  "1 profile-old-key, 2 lxc-key-gone, 3 lxc-key-gone" },
                { PROFILE ": generated\n", "1 profile-generated" },
                { PROFILE ":\n", "1 profile-empty" },
                { PROFILE ": a\n" PROFILE " =\n", "1 profile-overruled, 2 profile-empty" },
                { PROFILE ": a # b\n", "1 profile-comment" },
                { "lxc.include: /x\n" PROFILE ": a\nlxc.include: /y\n", "3 include-after-profile" },
                { "lxc.include: /x\n", "1 include-after-profile" },
                { "lxc.apparmor.allow_nesting: 1\n", "1 allow-nesting" },
                { "features: nesting=maybe\n", "1 features-bad" },
                { "features: nesting=1\n" PROFILE ": a\n", "1 features-overruled" },
                { "features: mount=nfs\n" PROFILE ": a\n", "1 features-overruled" },
                { "features: keyctl=1\n" PROFILE ": a\n", "" },
                { "features: nesting=1\n", "" },
                { " lxc.cap.drop: x\nlxc.colour: x\n memory: 1\n",
                  "1 lxc-not-read, 2 lxc-not-read" },
                { "[x]\n[s1] ;\n", "1 header-not-read, 2 header-not-read" },
                { "lxc.uts.name: a\rb\n", "1 carriage-return" },
                { "hostname: a\rb\n", "1 carriage-return" },
                { "features: mount=0\n" PROFILE ": a\n", "" },
                { "[s1]\nlxc: 1\n", "2 reserved-key" },
                { "[s1]\npending: 1\nsnapshots: 1\n", "" },
                { "pending: 1\n", "1 reserved-key" },
                { "pending: 1\n[pve:pending]\n", "" },
                { "[pve:pending]\npending: 1\n", "2 reserved-key" },
                { "snapshots: 1\n[pve:pending]\n", "1 reserved-key" },
                { "[s1]\nlxc: 1\n[s1]\n", "" },
                { "[s1]\nlxc: 1\nlxc.tty.max: 1\n[s1]\n", "2 reserved-key" },
                { "digest: 1\nsnapname: 1\n", "" },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++)
                assert_review(&cases[i]);
}

static void what_will_be_is_found(void **state) {
        static const struct review cases[] = {
                { PROFILE ": a\n[pve:pending]\nmemory: 1\n", "" },
                { PROFILE ": a\n[pve:pending]\nlxc.tty.max: 1\n" PROFILE ": b\n",
                  "3 pending-replaces" },
                { PROFILE ": a\n[pve:pending]\nlxc.tty.max: 1\n",
                  "2 pending-weaker, 3 pending-replaces" },
                { PROFILE ": a\n[pve:pending]\n" PROFILE ": unconfined\n",
                  "3 pending-replaces, 3 pending-weaker" },
                { PROFILE ": a\n[pve:pending]\nlxc.tty.max: 1\n[pve:pending]\nmemory: 1\n", "" },
                { PROFILE ": a\n[pve:pending]\nlxc.environment.runtime: A=b\n", "" },
                { PROFILE ": a\n[pve:pending]\ndelete: swap;lxc\n", "3 pending-deletes" },
                { PROFILE ": a\n[pve:pending]\ndelete: lxc\n" PROFILE ": b\n",
                  "4 pending-replaces" },
                { "[pve:pending]\ndelete: lxc\n", "" },
                { PROFILE ": a\n[s1]\n" PROFILE ": b\n[s2]\n" PROFILE ": unconfined\n[s3]\n",
                  "5 snapshot-weaker, 6 snapshot-weaker" },
                { PROFILE ": a\n[s1]\n" PROFILE ": unchanged\n[s1]\n" PROFILE ": b\n", "" },
                { "[s1]\n[s2]\n" PROFILE ": generated\n[s3]\n" PROFILE "=unchanged\n",
                  "5 snapshot-weaker" },
                { PROFILE ": unconfined\n[s1]\n", "" },
                { "[s1]\n[s2]\n" PROFILE ": a\n", "3 profile-appended" },
                { "[s1]\n" PROFILE ": a\n[s2]\n", "" },
                { PROFILE ": b\n[s1]\n" PROFILE ": a\n", "" },
                /* Nothing of other sections concerns the main one. */
                { "[s1]\n " PROFILE ": a\nlxc.aa_profile: a\nfeatures: x\n[s2]\n[x]\n", "" },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++)
                assert_review(&cases[i]);
}

static void a_nul_is_found(void **state) {
        static const char content[] = "hostname: a\0b\nlxc.uts.name: a\0b\n#\0\n";
        phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 };
        phx_cleanup(phx_pve_meaning_done) struct phx_pve_meaning meaning = { 0 };

        assert_int_equal(phx_pve_text_parse(content, sizeof(content) - 1, &text), 0);
        assert_int_equal(phx_pve_meaning_of(&text, &meaning), 0);
        assert_int_equal(meaning.n_findings, 2);
        assert_int_equal(meaning.findings[0].kind, PHX_PVE_NUL);
        assert_int_equal(meaning.findings[1].line->number, 2);
}

struct profile_case {
        const char *text;
        const char *value;
        enum phx_pve_strength strength;
        unsigned line; /* of the decider; 0 for none */
        size_t n_lines;
        unsigned include; /* behind it */
};

static void the_last_profile_line_decides(void **state) {
        static const struct profile_case cases[] = {
                { "arch: amd64\n", "", PHX_PVE_DEFAULT, 0, 0, 0 },
                { "lxc.include: /x\n", "", PHX_PVE_DEFAULT, 0, 0, 1 },
                { PROFILE ": a\nlxc.include: /x\n" PROFILE " = 'b'\n",
                  "b",
                  PHX_PVE_NAMED,
                  3,
                  2,
                  0 },
                { PROFILE ": a\nlxc.include: /x\nlxc.include: /y\n", "a", PHX_PVE_NAMED, 1, 1, 2 },
                { PROFILE ": unconfined\n", "unconfined", PHX_PVE_UNCONFINED, 1, 1, 0 },
                { PROFILE ": \"unconfined\"\n", "unconfined", PHX_PVE_UNCONFINED, 1, 1, 0 },
                { PROFILE ": unconfined\rx\n", "unconfined", PHX_PVE_UNCONFINED, 1, 1, 0 },
                { PROFILE ": unconfined \rx\n", "unconfined", PHX_PVE_UNCONFINED, 1, 1, 0 },
                { PROFILE ": unchanged\n", "unchanged", PHX_PVE_UNCHANGED, 1, 1, 0 },
                { PROFILE ":\n", "", PHX_PVE_DEFAULT, 1, 1, 0 },
                { PROFILE ": generated\n", "generated", PHX_PVE_DEFAULT, 1, 1, 0 },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 };
                struct phx_pve_profile profile;

                assert_int_equal(
                                phx_pve_text_parse(cases[i].text, strlen(cases[i].text), &text),
                                0);
                profile = phx_pve_profile_of(&text, 0);
                assert_true(phx_pve_is(profile.value, profile.value_size, cases[i].value));
                assert_int_equal(profile.strength, cases[i].strength);
                assert_int_equal(profile.decider ? profile.decider->number : 0, cases[i].line);
                assert_int_equal(profile.n_lines, cases[i].n_lines);
                assert_int_equal(profile.include ? profile.include->number : 0, cases[i].include);
        }
}

static void keys_are_read_as_proxmox_takes_them(void **state) {
        static const char content[] = "lock: anything\ntemplate: TRUE\nonboot: on\n"
                                      "startup: order=12,up=20,down=x,other=1\n"
                                      "ostype: debian\nfeatures: nesting=1\n"
                                      "lxc.idmap: u 0 1 1\n[pve:pending]\nlock: b\n";
        static const char other[] =
                        "lock: 0\ntemplate: 0\nonboot: no\nstartup: 3\nunprivileged: 1\n";
        phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 }, second = { 0 };
        phx_cleanup(phx_pve_meaning_done) struct phx_pve_meaning meaning = { 0 }, more = { 0 };

        assert_int_equal(phx_pve_text_parse(content, strlen(content), &text), 0);
        assert_int_equal(phx_pve_meaning_of(&text, &meaning), 0);
        assert_int_equal(meaning.lock->number, 1);
        assert_true(meaning.is_template && meaning.starts_at_boot && meaning.is_unprivileged);
        assert_true(phx_pve_digits_are(&meaning.startup.order, 12));
        assert_true(phx_pve_digits_are(&meaning.startup.up, 20));
        assert_null(meaning.startup.down.start);
        assert_true(meaning.startup.is_refused);
        assert_int_equal(meaning.ostype->number, 5);
        assert_true(meaning.features.nesting);
        assert_ptr_equal(meaning.pending, &text.sections[1]);
        assert_false(meaning.pending_replaces_lxc);

        assert_int_equal(phx_pve_text_parse(other, strlen(other), &second), 0);
        assert_int_equal(phx_pve_meaning_of(&second, &more), 0);
        assert_null(more.lock); /* "0" is none */
        assert_false(more.is_template || more.starts_at_boot);
        assert_true(more.is_unprivileged);
        assert_true(phx_pve_digits_are(&more.startup.order, 3));
        assert_null(more.startup.up.start);
        assert_false(more.startup.is_refused);
        assert_null(more.ostype);
        assert_null(more.features_line);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_an_author_may_not_know_is_found),
                cmocka_unit_test(what_will_be_is_found),
                cmocka_unit_test(a_nul_is_found),
                cmocka_unit_test(the_last_profile_line_decides),
                cmocka_unit_test(keys_are_read_as_proxmox_takes_them),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
