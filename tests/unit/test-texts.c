/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/texts.h"

static struct phx_buffer bytes;

static int set_up(void **state) {
        assert_int_equal(phx_texts_add(&bytes, "one\ttwo\n"), 0);
        assert_int_equal(phx_texts_add(&bytes, NULL), 0);
        assert_int_equal(phx_texts_add_number(&bytes, UINT64_MAX), 0);
        assert_int_equal(phx_texts_add(&bytes, ""), 0);
        assert_int_equal(phx_texts_add_number(&bytes, 0), 0);
        return 0;
}

static int tear_down(void **state) {
        phx_buffer_done(&bytes);
        return 0;
}

static void what_was_added_is_read(void **state) {
        struct phx_texts texts = phx_texts_of(bytes.data, bytes.size);

        assert_string_equal(phx_texts_next(&texts), "one\ttwo\n");
        assert_null(phx_texts_next_or_null(&texts));
        assert_true(phx_texts_next_number(&texts) == UINT64_MAX);
        assert_string_equal(phx_texts_next(&texts), "");
        assert_false(phx_texts_are_read(&texts));
        assert_true(phx_texts_next_number(&texts) == 0);
        assert_true(phx_texts_are_read(&texts));
}

static void what_is_missing_is_noticed(void **state) {
        struct phx_texts texts = phx_texts_of(bytes.data, bytes.size);

        for (unsigned i = 0; i < 5; i++)
                (void) phx_texts_next(&texts);
        assert_false(texts.is_short);
        assert_string_equal(phx_texts_next(&texts), "");
        assert_true(texts.is_short);
        assert_false(phx_texts_are_read(&texts));
        assert_true(phx_texts_next_number(&texts) == 0);
}

/* Nothing behind the bytes is read, wherever they end. */
static void a_text_without_its_end_is_missing(void **state) {
        for (size_t size = 0; size < bytes.size; size++) {
                char *cut = malloc(size + 1);
                struct phx_texts texts;
                unsigned read = 0;

                assert_non_null(cut);
                memcpy(cut, bytes.data, size);
                cut[size] = 'x';
                texts = phx_texts_of(cut, size);
                while (!texts.is_short) {
                        (void) phx_texts_next(&texts);
                        read++;
                }
                assert_true(read <= 5);
                free(cut);
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(what_was_added_is_read),
                TEST(what_is_missing_is_noticed),
                TEST(a_text_without_its_end_is_missing),
        };

        return cmocka_run_group_tests_name("texts", tests, NULL, NULL);
}
