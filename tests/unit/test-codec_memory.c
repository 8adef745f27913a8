/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Every allocation of the parsers fails once: the answer is then -ENOMEM with a text, or what it
 * would have been anyway, and nothing leaks. Linked with --wrap, see meson.build. */

#include <errno.h>

#include <jansson.h>

#include "codec-fixtures.h"
#include "codec/configuration_json.h"
#include "codec/inventory_json.h"
#include "codec/settings_json.h"

/* The allocations until the one that fails, and all after it; 0 is never. */
static long countdown;
static bool has_failed;

static bool fails(void) {
        if (countdown > 0 && --countdown == 0)
                has_failed = true;
        return has_failed;
}

/* The linker's names. NOLINTBEGIN(*-identifier,*-identifier-naming,cert-dcl*) */
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__real_reallocarray(void *memory, size_t count, size_t size);
void *__wrap_reallocarray(void *memory, size_t count, size_t size);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
char *__real_strndup(const char *text, size_t size);
char *__wrap_strndup(const char *text, size_t size);
int __real_vasprintf(char **ret_text, const char *format, va_list arguments);
int __wrap_vasprintf(char **ret_text, const char *format, va_list arguments);

void *__wrap_calloc(size_t count, size_t size) {
        return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size) {
        return fails() ? NULL : __real_realloc(memory, size);
}

void *__wrap_reallocarray(void *memory, size_t count, size_t size) {
        return fails() ? NULL : __real_reallocarray(memory, count, size);
}

char *__wrap_strdup(const char *text) {
        return fails() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t size) {
        return fails() ? NULL : __real_strndup(text, size);
}

int __wrap_vasprintf(char **ret_text, const char *format, va_list arguments) {
        return fails() ? -1 : __real_vasprintf(ret_text, format, arguments);
}
/* NOLINTEND(*-identifier,*-identifier-naming,cert-dcl*) */

static void *jansson_malloc(size_t size) {
        return fails() ? NULL : malloc(size);
}

static int parse_settings(const struct fixture *fixture, struct phx_error *error) {
        phx_cleanup(phx_settings_freep) struct phx_settings *settings = NULL;

        return phx_settings_parse("f", fixture->text, fixture->size, &settings, error);
}

static int parse_configuration(const struct fixture *fixture, struct phx_error *error) {
        phx_cleanup(phx_configuration_freep) struct phx_configuration *configuration = NULL;

        return phx_configuration_parse(
                        "f",
                        fixture->text,
                        fixture->size,
                        "unconfined",
                        &configuration,
                        error);
}

static int parse_inventory(const struct fixture *fixture, struct phx_error *error) {
        phx_cleanup(phx_inventory_done) struct phx_inventory inventory = { 0 };

        return phx_inventory_parse("f", fixture->text, fixture->size, &inventory, error);
}

static void fail_each_allocation(
                const struct fixture *fixture,
                int (*parse)(const struct fixture *fixture, struct phx_error *error)) {
        int expected = parse(fixture, NULL);
        bool more = true;

        for (long n = 1; more; n++) {
                struct phx_error error = { 0 };
                int r;

                countdown = n;
                r = parse(fixture, &error);
                more = has_failed;
                countdown = 0;
                has_failed = false;

                assert_true(r == expected || (r == -ENOMEM && more));
                assert_int_equal(r < 0, error.text[0] != '\0');
        }
}

static void every_failed_allocation_is_told_apart(void **state) {
        static const struct {
                const char *kind, *name;
                int (*parse)(const struct fixture *fixture, struct phx_error *error);
        } cases[] = {
                { "settings", "good-all.json", parse_settings },
                { "settings", "bad-syntax.json", parse_settings },
                { "settings", "bad-unknown-far.json", parse_settings },
                { "settings", "beyond-duplicate.json", parse_settings },
                { "configuration", "good-all.json", parse_configuration },
                { "configuration", "bad-gpu.json", parse_configuration },
                { "configuration", "beyond-dependency-circle.json", parse_configuration },
                { "configuration", "good-foreign-limits.json", parse_configuration },
                { "configuration", "good-names.json", parse_configuration },
                { "configuration", "beyond-near-missing.json", parse_configuration },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                phx_cleanup(fixture_done) struct fixture fixture = fixture_read(
                                cases[i].kind,
                                cases[i].name);

                fail_each_allocation(&fixture, cases[i].parse);
        }
}

/* Were it taken for damage, its owner would forget what it owns. */
static void an_inventory_is_not_damaged_for_want_of_memory(void **state) {
        static char text[] = "{ \"version\": 1, \"configuration\": \"\", \"files\": {}, "
                             "\"profiles\": {}, \"containers\": { \"b\": { \"lines\": [ \"x\" ] }, "
                             "\"a\": { \"lines\": [ \"y\", \"z\" ] } } }";
        const struct fixture fixture = { text, strlen(text) };

        assert_int_equal(parse_inventory(&fixture, NULL), 0);
        fail_each_allocation(&fixture, parse_inventory);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_failed_allocation_is_told_apart),
                cmocka_unit_test(an_inventory_is_not_damaged_for_want_of_memory),
        };

        json_set_alloc_funcs(jansson_malloc, free);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
