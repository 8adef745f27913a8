/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/seal.h"

#define MAGIC "phoenixd-test 1"
#define HEAD (sizeof(MAGIC) + PHX_SEAL_HEX)

static const char content[] = "some\0content\n";
static struct phx_buffer file;

static int set_up(void **state) {
        char checksum[PHX_SEAL_HEX];

        phx_seal_checksum("about", content, sizeof(content), checksum);
        return phx_seal_render(&file, MAGIC, checksum, content, sizeof(content));
}

static int tear_down(void **state) {
        phx_buffer_done(&file);
        return 0;
}

static const char *open_as(const char *magic, const char *key, size_t size) {
        size_t found = 0;

        return phx_seal_open(magic, key, file.data, size, &found, NULL);
}

static void the_content_comes_back(void **state) {
        char checksum[PHX_SEAL_HEX], opened[PHX_SEAL_HEX];
        size_t size = 0;
        const char *found = phx_seal_open(MAGIC, "about", file.data, file.size, &size, opened);

        assert_ptr_equal(found, file.data + HEAD);
        assert_int_equal(size, sizeof(content));
        assert_memory_equal(found, content, size);
        phx_seal_checksum("about", content, sizeof(content), checksum);
        assert_string_equal(opened, checksum);
        assert_memory_equal(file.data + sizeof(MAGIC), checksum, PHX_SEAL_HEX - 1);
}

/* Every byte counts, and so does every missing one. */
static void any_damage_is_found(void **state) {
        for (size_t i = 0; i < file.size; i++) {
                file.data[i] ^= 0x20;
                assert_null(open_as(MAGIC, "about", file.size));
                file.data[i] ^= 0x20;
                assert_null(open_as(MAGIC, "about", i));
        }
        assert_non_null(open_as(MAGIC, "about", file.size));
}

static void another_form_and_another_key_are_refused(void **state) {
        assert_null(open_as("phoenixd-test 2", "about", file.size));
        assert_null(open_as("phoenixd-test", "about", file.size));
        assert_null(open_as(MAGIC, "abou", file.size));
        assert_null(open_as(MAGIC, "", file.size));
}

/* The end of the key is no part of the content. */
static void a_byte_does_not_pass_from_the_key_to_the_content(void **state) {
        char one[PHX_SEAL_HEX], two[PHX_SEAL_HEX];

        phx_seal_checksum("ab", "c", 1, one);
        phx_seal_checksum("a", "bc", 2, two);
        assert_string_not_equal(one, two);
}

static void no_content_is_content_too(void **state) {
        char checksum[PHX_SEAL_HEX];
        size_t size = 1;

        phx_buffer_done(&file);
        phx_seal_checksum("about", "", 0, checksum);
        assert_int_equal(phx_seal_render(&file, MAGIC, checksum, "", 0), 0);
        assert_non_null(phx_seal_open(MAGIC, "about", file.data, file.size, &size, NULL));
        assert_int_equal(size, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(the_content_comes_back),
                TEST(any_damage_is_found),
                TEST(another_form_and_another_key_are_refused),
                TEST(a_byte_does_not_pass_from_the_key_to_the_content),
                TEST(no_content_is_content_too),
        };

        return cmocka_run_group_tests_name("seal", tests, NULL, NULL);
}
