/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "base/strings.h"
#include "lxc/trial.h"
#include "pve/effect.h"
#include "pve/keys.h"

#define DEADLINE_USEC (60UL * 1000 * 1000)
#define PROFILE "lxc.apparmor.profile"
#define RAW "lxc.apparmor.raw"
#define RUNTIME "lxc.environment.runtime"
#define BASE "arch: amd64\nostype: debian\nrootfs: ssd:subvol-101-disk-0\n"
#define COMMON "lxc.include = /usr/share/lxc/config/debian.common.conf\n"
#define USERNS "lxc.include = /usr/share/lxc/config/debian.userns.conf\n"
#define DENIES RAW " = deny mount -> /proc/,\n" RAW " = deny mount -> /sys/,\n"
#define GENERATED PROFILE " = generated\n"

struct effect_case {
        const char *text;
        const char *lines;
        unsigned release;
        size_t section;
};

static bool has_none(void *data, const char *name) {
        unsigned *asked = data;

        assert_true(phx_has_prefix(name, "debian."));
        (*asked)++;
        return false;
}

static bool host_has_config(void *data, const char *name) {
        phx_autofree char *path = NULL;

        return phx_printf(&path, PHX_PVE_LXC_CONFIG_DIR "/%s", name) >= 0 &&
               access(path, R_OK) == 0;
}

static void assert_effect(const struct effect_case *c, const struct phx_pve_host *host) {
        phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 };
        phx_cleanup(phx_pve_effect_done) struct phx_pve_effect effect = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer lines = { 0 };

        assert_int_equal(phx_pve_text_parse(c->text, strlen(c->text), &text), 0);
        assert_int_equal(phx_pve_effect_of(&text, c->section, host, &effect), 0);
        assert_int_equal(effect.generation, PHX_PVE_GENERATES);
        assert_int_equal(phx_pve_effect_text(&effect, &lines), 0);
        assert_string_equal(lines.data, c->lines);
}

static void assert_effects(const struct effect_case *cases, size_t count) {
        for (size_t i = 0; i < count; i++) {
                const struct phx_pve_host host = { .release = cases[i].release };

                assert_effect(&cases[i], &host);
        }
}

static void without_a_profile_proxmox_adds_its_block(void **state) {
        static const struct effect_case cases[] = {
                { BASE, COMMON GENERATED RAW " = allow mqueue,\n" DENIES, 9 },
                { BASE, COMMON GENERATED DENIES, 8 },
                { BASE "unprivileged: 1\n", COMMON USERNS GENERATED DENIES, 8 },
                { BASE "lxc.idmap: u 0 1 1\n",
                  COMMON USERNS GENERATED DENIES "lxc.idmap = u 0 1 1\n",
                  8 },
                { BASE "features: nesting=1,mount=nfs;cifs,fuse=1\n",
                  COMMON GENERATED RAW " = allow mqueue,\nlxc.apparmor.allow_nesting = 1\n" RAW
                                       " = allow userns,\n" RAW " = mount fstype=nfs,\n" RAW
                                       " = mount fstype=cifs,\n" RAW " = mount fstype=fuse,\n",
                  9 },
                { BASE "features: nesting=1\n",
                  COMMON GENERATED "lxc.apparmor.allow_nesting = 1\n",
                  8 },
                { BASE "features: mount=0\n", COMMON GENERATED DENIES, 8 },
                { BASE "lxc.include: /x\nlxc.apparmor.allow_nesting: 1\n",
                  COMMON GENERATED DENIES "lxc.include = /x\nlxc.apparmor.allow_nesting = 1\n",
                  8 },
                { BASE " " PROFILE ": a\n[s1]\n" PROFILE ": b\n", COMMON GENERATED DENIES, 8 },
        };

        assert_effects(cases, PHX_ELEMENTS(cases));
}

static void a_profile_replaces_the_block(void **state) {
        static const struct effect_case cases[] = {
                { BASE PROFILE ": a\n", COMMON PROFILE " = a\n", 9 },
                { BASE PROFILE ":\n", COMMON PROFILE " = \n", 9 },
                { BASE PROFILE ": generated\nfeatures: nesting=1\n", COMMON GENERATED, 9 },
                { BASE "features: fuse=1,nesting=1\n" PROFILE ": a\n",
                  COMMON RAW " = mount fstype=fuse,\n" PROFILE " = a\n",
                  9 },
                { BASE PROFILE "=a\nlxc.environment.runtime: A=b\nlxc.include=/x\n",
                  COMMON "lxc.environment.runtime = A=b\n" PROFILE " = a\nlxc.include = /x\n",
                  9 },
                { BASE PROFILE "=a\nlxc.environment.runtime: A=b\nlxc.include=/x\n",
                  COMMON PROFILE " = a\nlxc.environment.runtime = A=b\nlxc.include = /x\n",
                  8 },
                { BASE "lxc.aa_profile: a\n", COMMON GENERATED DENIES "lxc.aa_profile = a\n", 8 },
        };

        assert_effects(cases, PHX_ELEMENTS(cases));
}

static void pending_changes_are_what_the_next_start_has(void **state) {
        static const struct effect_case cases[] = {
                { BASE PROFILE ": a\n[pve:pending]\nfeatures: fuse=1\n",
                  COMMON RAW " = mount fstype=fuse,\n" PROFILE " = a\n",
                  8,
                  1 },
                { BASE PROFILE ": a\nlxc.cap.drop: x\n[pve:pending]\nlxc.tty.max: 1\n",
                  COMMON GENERATED DENIES "lxc.tty.max = 1\n",
                  8,
                  1 },
                { BASE "features: nesting=1,fuse=1\n[pve:pending]\ndelete: mp0,!features;x\n",
                  COMMON GENERATED DENIES,
                  8,
                  1 },
                { BASE "features: nesting=1\n[pve:pending]\ndelete: feature,mp0!features\n",
                  COMMON GENERATED "lxc.apparmor.allow_nesting = 1\n",
                  8,
                  1 },
                { BASE PROFILE ": a\n[pve:pending]\ndelete: lxc\n", COMMON GENERATED DENIES, 8, 1 },
                { BASE PROFILE ": a\n[pve:pending]\ndelete: lxc\n" PROFILE ": b\n",
                  COMMON PROFILE " = b\n",
                  8,
                  1 },
                { BASE "unprivileged: 0\n[pve:pending]\nunprivileged: 1\n",
                  COMMON USERNS GENERATED DENIES,
                  8,
                  1 },
        };

        assert_effects(cases, PHX_ELEMENTS(cases));
}

/* Proxmox 9 keeps the lines of the runtime apart: a change of them leaves the others alone. */
static void pending_lines_of_the_runtime_replace_their_like(void **state) {
        static const struct effect_case cases[] = {
                { BASE RUNTIME ": A=b\n" PROFILE ": a\n[pve:pending]\n" RUNTIME ": C=d\n",
                  COMMON RUNTIME " = C=d\n" PROFILE " = a\n",
                  9,
                  1 },
                { BASE RUNTIME ": A=b\n" PROFILE ": a\n[pve:pending]\n" PROFILE ": b\n",
                  COMMON RUNTIME " = A=b\n" PROFILE " = b\n",
                  9,
                  1 },
                { BASE RUNTIME ": A=b\n" PROFILE ": a\n[pve:pending]\ndelete: env\n",
                  COMMON PROFILE " = a\n",
                  9,
                  1 },
                { BASE RUNTIME ": A=b\n" PROFILE ": a\n[pve:pending]\ndelete: lxc\n",
                  COMMON GENERATED RAW " = allow mqueue,\n" DENIES RUNTIME " = A=b\n",
                  9,
                  1 },
                { BASE PROFILE ": a\n[pve:pending]\n" RUNTIME ": C=d\n",
                  COMMON GENERATED DENIES RUNTIME " = C=d\n",
                  8,
                  1 },
        };

        assert_effects(cases, PHX_ELEMENTS(cases));
}

static void a_snapshot_is_what_a_rollback_brings(void **state) {
        static const struct effect_case cases[] = {
                { BASE PROFILE ": a\n[s1]\n" BASE "features: nesting=1\n",
                  COMMON GENERATED "lxc.apparmor.allow_nesting = 1\n",
                  8,
                  1 },
                { BASE "[s1]\n" BASE PROFILE ": b\n", COMMON PROFILE " = b\n", 8, 1 },
        };

        assert_effects(cases, PHX_ELEMENTS(cases));
}

static void files_that_the_host_lacks_are_replaced(void **state) {
        static const struct effect_case c = {
                BASE "unprivileged: 1\n" PROFILE ": a\n",
                "lxc.include = /usr/share/lxc/config/common.conf\n"
                "lxc.include = /usr/share/lxc/config/userns.conf\n" PROFILE " = a\n",
        };
        unsigned asked = 0;
        const struct phx_pve_host host = { .release = 9, .has_config = has_none, .data = &asked };

        assert_effect(&c, &host);
        assert_int_equal(asked, 2);
}

static void what_prevents_the_config_is_named(void **state) {
        static const struct {
                const char *text;
                enum phx_pve_generation generation;
                unsigned cause;
        } cases[] = {
                { BASE "template: yes\n", PHX_PVE_TEMPLATE, 4 },
                { BASE "template: no\n", PHX_PVE_GENERATES, 0 },
                { "ostype: debian\n", PHX_PVE_NO_ARCH, 0 },
                { "arch: amd64\n", PHX_PVE_NO_OSTYPE, 0 },
                { "arch: amd64\nostype: debian\n", PHX_PVE_NO_ROOTFS, 0 },
                { BASE "arch: 0\n", PHX_PVE_NO_ARCH, 0 },
                { BASE "ostype: 0\n", PHX_PVE_NO_OSTYPE, 0 },
                { BASE "rootfs: 0\n", PHX_PVE_GENERATES, 0 },
                { BASE "features: nesting=maybe\n", PHX_PVE_BAD_FEATURES, 4 },
                { BASE "hostname: a\rlxc.apparmor.profile = b\n", PHX_PVE_CONTROL, 4 },
                { BASE "[s1]\nhostname: a\rb\n", PHX_PVE_GENERATES, 0 },
                { BASE "[s1]\nlxc: x\n", PHX_PVE_UNREADABLE, 5 },
                { BASE "[s1]\npending: x\n", PHX_PVE_GENERATES, 0 },
        };
        const struct phx_pve_host host = { .release = 9 };

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 };
                phx_cleanup(phx_pve_effect_done) struct phx_pve_effect effect = { 0 };

                assert_int_equal(
                                phx_pve_text_parse(cases[i].text, strlen(cases[i].text), &text),
                                0);
                assert_int_equal(phx_pve_effect_of(&text, 0, &host, &effect), 0);
                assert_int_equal(effect.generation, cases[i].generation);
                assert_int_equal(effect.cause, cases[i].cause);
                assert_int_equal(effect.count > 0, effect.generation == PHX_PVE_GENERATES);
        }
}

static void the_decider_is_a_line_of_the_file_or_proxmoxs_own(void **state) {
        static const struct {
                const char *text;
                unsigned number;
                bool has_include;
        } cases[] = {
                { BASE, 0, false },
                { BASE "lxc.include: /x\n", 0, true },
                { BASE PROFILE ": a\nlxc.include: /x\n", 4, true },
                { BASE "lxc.include: /x\n" PROFILE ": a\n", 5, false },
        };
        const struct phx_pve_host host = { .release = 9 };

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 };
                phx_cleanup(phx_pve_effect_done) struct phx_pve_effect effect = { 0 };
                const struct phx_pve_effect_line *decider;
                bool has_include = false;

                assert_int_equal(
                                phx_pve_text_parse(cases[i].text, strlen(cases[i].text), &text),
                                0);
                assert_int_equal(phx_pve_effect_of(&text, 0, &host, &effect), 0);
                decider = phx_pve_effect_decider(&effect, &has_include);
                assert_int_equal(decider->number, cases[i].number);
                assert_int_equal(has_include, cases[i].has_include);
        }
}

static void a_nul_goes_to_liblxc_as_it_is(void **state) {
        static const char content[] = BASE PROFILE ": a\0b\n";
        static const char expected[] = COMMON PROFILE " = a\0b\n";
        const struct phx_pve_host host = { .release = 9 };
        phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 };
        phx_cleanup(phx_pve_effect_done) struct phx_pve_effect effect = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer lines = { 0 };

        assert_int_equal(phx_pve_text_parse(content, sizeof(content) - 1, &text), 0);
        assert_int_equal(phx_pve_effect_of(&text, 0, &host, &effect), 0);
        assert_int_equal(phx_pve_effect_text(&effect, &lines), 0);
        assert_int_equal(lines.size, sizeof(expected) - 1);
        assert_memory_equal(lines.data, expected, lines.size);
}

/* The lines are a config to liblxc, on which options are tried as on one of plain LXC. */
static void liblxc_tries_options_on_the_text(void **state) {
        static const char content[] = BASE "lxc.cap.drop: sys_nice\n" PROFILE ": lxc-web\n";
        static const char *const keys[] = { "lxc.cap.drop", "lxc.cap.drop", "lxc.colour" };
        static const char *const values[] = { "sys_nice", "net_raw", "blue" };
        const struct phx_pve_host host = { .release = 9, .has_config = host_has_config };
        phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 };
        phx_cleanup(phx_pve_effect_done) struct phx_pve_effect effect = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer lines = { 0 };
        phx_cleanup(phx_lxc_options_done) struct phx_lxc_options options = { 0 };
        phx_cleanup(phx_lxc_verdicts_done) struct phx_lxc_verdicts verdicts = { 0 };
        struct phx_lxc_trial trial = { .name = "101.conf", .options = &options };

        if (!host_has_config(NULL, "common.conf")) {
                skip();
                return;
        }
        for (size_t i = 0; i < PHX_ELEMENTS(keys); i++)
                assert_non_null(phx_lxc_options_add(&options, keys[i], values[i]));
        assert_int_equal(phx_pve_text_parse(content, strlen(content), &text), 0);
        assert_int_equal(phx_pve_effect_of(&text, 0, &host, &effect), 0);
        assert_int_equal(phx_pve_effect_text(&effect, &lines), 0);
        trial.text = trial.base = lines.data;
        trial.size = trial.base_size = lines.size;
        assert_int_equal(phx_lxc_try(&trial, 1, DEADLINE_USEC, &verdicts, NULL), 0);
        assert_int_equal(verdicts.code, 0);
        assert_string_equal(verdicts.verdicts, "ewu");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(without_a_profile_proxmox_adds_its_block),
                cmocka_unit_test(a_profile_replaces_the_block),
                cmocka_unit_test(pending_changes_are_what_the_next_start_has),
                cmocka_unit_test(pending_lines_of_the_runtime_replace_their_like),
                cmocka_unit_test(a_snapshot_is_what_a_rollback_brings),
                cmocka_unit_test(files_that_the_host_lacks_are_replaced),
                cmocka_unit_test(what_prevents_the_config_is_named),
                cmocka_unit_test(the_decider_is_a_line_of_the_file_or_proxmoxs_own),
                cmocka_unit_test(a_nul_goes_to_liblxc_as_it_is),
                cmocka_unit_test(liblxc_tries_options_on_the_text),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
