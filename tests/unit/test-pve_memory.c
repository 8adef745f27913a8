/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Memory that runs short at any one allocation of a file's reading, meaning, effect and edit:
 * -ENOMEM is returned, no result is written, and nothing leaks (LeakSanitizer says so). Linked with
 * --wrap for each allocator that the library calls. */

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
#include "pve/effect.h"
#include "pve/leftovers.h"
#include "pve/meaning.h"
#include "pve/wish.h"

/* The N-th allocation from now on fails; 0 is none. */
static unsigned failing;

static bool is_denied(void) {
        return failing > 0 && --failing == 0;
}

/* The linker gives these names. */
/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp,readability-identifier-naming)
 */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_reallocarray(void *old, size_t count, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t size);
int __real_vasprintf(char **ret_text, const char *format, va_list arguments);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t size);
int __wrap_vasprintf(char **ret_text, const char *format, va_list arguments);

void *__wrap_malloc(size_t size) {
        return is_denied() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
        return is_denied() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size) {
        return is_denied() ? NULL : __real_realloc(old, size);
}

void *__wrap_reallocarray(void *old, size_t count, size_t size) {
        return is_denied() ? NULL : __real_reallocarray(old, count, size);
}

char *__wrap_strdup(const char *text) {
        return is_denied() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t size) {
        return is_denied() ? NULL : __real_strndup(text, size);
}

int __wrap_vasprintf(char **ret_text, const char *format, va_list arguments) {
        return is_denied() ? -1 : __real_vasprintf(ret_text, format, arguments);
}

/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp,readability-identifier-naming)
 */

static const char content[] =
                "#note\narch: amd64\nfeatures: fuse=1,mount=nfs;cifs,nesting=1\n"
                "ostype: debian\nrootfs: ssd:x\nunprivileged: 1\n lxc.apparmor.profile: a\n"
                "lxc.include: /x\nlxc.apparmor.allow_nesting: 1\n\n"
                "[pve:pending]\nfeatures: nesting=1\nlxc.tty.max: 1\n\n"
                "[s1]\narch: amd64\nostype: debian\nrootfs: ssd:x\n"
                "lxc.apparmor.profile: unconfined\n";

static int make_edit(struct phx_pve_edit *edit) {
        int r = phx_pve_edit_set(edit, PHX_PVE_KEY_PROFILE, "lxc-web");

        if (r >= 0)
                r = phx_pve_edit_set(edit, "features", "nesting=1");
        if (r >= 0)
                r = phx_pve_edit_set(edit, "features", "keyctl=1");
        if (r >= 0)
                r = phx_strings_add(&edit->removed, "lxc.include=/x");
        if (r >= 0)
                r = phx_strings_add(&edit->tail, "lxc.environment.runtime=A=b");
        return r < 0 ? r : phx_strings_add(&edit->tail, "lxc.cap.drop=sys_rawio");
}

static int edit_text(const struct phx_pve_text *text) {
        phx_cleanup(phx_pve_edit_done) struct phx_pve_edit edit = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer edited = { 0 };
        struct phx_error error = { 0 };
        int r = make_edit(&edit);

        if (r < 0)
                return r;
        r = phx_pve_edit_render(&edit, text, &edited, &error);
        assert_string_equal(error.text, "");
        assert_int_equal(edited.size > 0, r > 0);
        return r;
}

static int show_effects(const struct phx_pve_text *text) {
        const struct phx_pve_host host = { .release = 9 };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < text->n_sections; i++) {
                phx_cleanup(phx_pve_effect_done) struct phx_pve_effect effect = { 0 };
                phx_cleanup(phx_buffer_done) struct phx_buffer lines = { 0 };

                r = phx_pve_effect_of(text, i, &host, &effect);
                assert_int_equal(effect.count > 0, r >= 0);
                if (r >= 0)
                        r = phx_pve_effect_text(&effect, &lines);
        }
        return r;
}

static int wish_features(const struct phx_pve_features *features) {
        char flags[] = "--features nesting=1,keyctl=1", mount[] = "mount=ext4",
             other[] = "onboot=1";
        char *options[] = { flags, mount, other };
        const struct phx_container_config config = {
                .pct_options = { options, PHX_ELEMENTS(options) },
        };
        phx_cleanup(phx_strings_done) struct phx_strings others = { 0 };
        phx_autofree char *value = NULL;
        int r = phx_pve_wish_features(&config, features, &value, &others);

        assert_int_equal(value != NULL, r > 0);
        return r < 0 ? r : 0;
}

static int clear_text(const struct phx_pve_text *text, const struct phx_pve_meaning *meaning) {
        static const struct phx_pve_wanted nothing = { 0 };
        phx_cleanup(phx_pve_leftovers_done) struct phx_pve_leftovers leftovers = { 0 };
        int r = phx_pve_leftovers_of(text, meaning, &nothing, &leftovers);

        assert_int_equal(leftovers.count, r > 0 ? 3 : 0);
        return r < 0 ? r : 0;
}

static int do_all(void) {
        phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 };
        phx_cleanup(phx_pve_meaning_done) struct phx_pve_meaning meaning = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer features = { 0 };
        int r;

        r = phx_pve_text_parse(content, strlen(content), &text);
        assert_int_equal(text.count > 0, r >= 0);
        if (r >= 0)
                r = phx_pve_meaning_of(&text, &meaning);
        assert_int_equal(meaning.n_findings > 0, r >= 0);
        if (r >= 0)
                r = phx_pve_features_render(&meaning.features, &features);
        if (r >= 0)
                r = wish_features(&meaning.features);
        if (r >= 0)
                r = show_effects(&text);
        if (r >= 0)
                r = clear_text(&text, &meaning);
        return r < 0 ? r : edit_text(&text);
}

static void any_allocation_may_fail(void **state) {
        unsigned n = 1;

        for (;; n++) {
                int r;

                failing = n;
                r = do_all();
                if (failing > 0)
                        break;
                assert_int_equal(r, -ENOMEM);
        }
        failing = 0;
        assert_true(n > 50);
        assert_int_equal(do_all(), 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(any_allocation_may_fail),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
