/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/file.h"
#include "policy/policy.h"

#define FIXTURE_LIMIT (1024UL * 1024)

struct bytes {
        char *data;
        size_t size;
};

static void bytes_done(struct bytes *bytes) {
        free(bytes->data);
}

static struct bytes read_fixture(const char *name) {
        struct bytes bytes = { 0 };
        char path[512];

        (void) snprintf(path, sizeof(path), "%s/policy/%s", getenv("PHX_FIXTURES"), name);
        assert_int_equal(
                        phx_file_read_at(AT_FDCWD, path, FIXTURE_LIMIT, &bytes.data, &bytes.size),
                        0);
        return bytes;
}

static void parse_fixture_as(const char *name, enum phx_hash_kind kind, struct phx_policy *policy) {
        phx_cleanup(bytes_done) struct bytes bytes = read_fixture(name);
        struct phx_error error = { 0 };

        assert_int_equal(phx_policy_parse(bytes.data, bytes.size, kind, policy, &error), 0);
        assert_string_equal(error.text, "");
        assert_int_equal(policy->hash_kind, kind);
}

static void parse_fixture(const char *name, struct phx_policy *policy) {
        parse_fixture_as(name, PHX_HASH_SHA256, policy);
}

static void assert_refused(const void *data, size_t size, int code, const char *text) {
        struct phx_policy policy = { 0 };
        struct phx_error error = { 0 };

        assert_int_equal(phx_policy_parse(data, size, PHX_HASH_NONE, &policy, &error), code);
        assert_string_equal(error.text, text);
        assert_int_equal(error.code, code);
        assert_null(policy.entries);
}

/* A stream by hand. */

static void add_code(struct phx_buffer *stream, unsigned char code) {
        assert_int_equal(phx_buffer_add(stream, &code, 1), 0);
}

static void add_text(struct phx_buffer *stream, unsigned char code, const char *text) {
        size_t size = strlen(text) + 1;
        const unsigned char length[] = { (unsigned char) size, (unsigned char) (size >> 8) };

        add_code(stream, code);
        assert_int_equal(phx_buffer_add(stream, length, sizeof(length)), 0);
        assert_int_equal(phx_buffer_add(stream, text, size), 0);
}

static void add_u32(struct phx_buffer *stream, uint32_t value) {
        const unsigned char bytes[] = { 2,
                                        (unsigned char) value,
                                        (unsigned char) (value >> 8),
                                        (unsigned char) (value >> 16),
                                        (unsigned char) (value >> 24) };

        assert_int_equal(phx_buffer_add(stream, bytes, sizeof(bytes)), 0);
}

static void add_version(struct phx_buffer *stream, uint32_t version) {
        add_text(stream, 4, "version");
        add_u32(stream, version);
}

static void open_profile(struct phx_buffer *stream, const char *name) {
        add_text(stream, 4, "profile");
        add_code(stream, 7);
        add_text(stream, 5, name);
}

static void add_flags(struct phx_buffer *stream, uint32_t mode) {
        add_text(stream, 4, "flags");
        add_code(stream, 7);
        add_u32(stream, 0);
        add_u32(stream, mode);
        add_u32(stream, 0);
        add_code(stream, 8);
}

static void add_profile(struct phx_buffer *stream, const char *name, uint32_t mode) {
        open_profile(stream, name);
        add_flags(stream, mode);
        add_code(stream, 8);
}

/* Tests */

static void one_profile_has_the_hash_of_its_bytes(void **state) {
        phx_cleanup(phx_policy_done) struct phx_policy policy = { 0 }, older = { 0 }, none = { 0 };

        parse_fixture("plain-3.0.bin", &policy);
        assert_int_equal(policy.count, 1);
        assert_string_equal(policy.entries[0].name, "lxc-plain");
        assert_int_equal(policy.entries[0].mode, PHX_POLICY_ENFORCE);
        assert_false(policy.entries[0].has_attachment);
        assert_string_equal(
                        policy.entries[0].hash,
                        "bc30329a45159a80cc9dd25e0a0a164150599359143c8aa2b1df0a5b403c46a3");
        parse_fixture_as("plain-3.0.bin", PHX_HASH_SHA1, &older);
        assert_string_equal(older.entries[0].hash, "89595fb54d72d6d1e1573858790f3d05067c25d6");
        parse_fixture_as("plain-3.0.bin", PHX_HASH_NONE, &none);
        assert_string_equal(none.entries[0].hash, "");
}

struct expectation {
        const char *name;
        enum phx_policy_mode mode;
        bool has_attachment;
};

static void assert_entries(
                const struct phx_policy *policy,
                const struct expectation *expected,
                size_t count) {
        assert_int_equal(policy->count, count);
        for (size_t i = 0; i < count; i++) {
                const struct phx_policy_entry *entry = phx_policy_find(policy, expected[i].name);

                assert_non_null(entry);
                assert_int_equal(entry->mode, expected[i].mode);
                assert_int_equal(entry->has_attachment, expected[i].has_attachment);
                assert_int_equal(strlen(entry->hash), 64);
        }
}

static void children_hats_modes_and_attachments_are_seen(void **state) {
        static const struct expectation expected[] = {
                { "lxc-family", PHX_POLICY_ENFORCE, false },
                { "lxc-family//child", PHX_POLICY_ENFORCE, false },
                { "lxc-family//hat", PHX_POLICY_ENFORCE, false },
                { "lxc-lax", PHX_POLICY_COMPLAIN, false },
                { "lxc-attached", PHX_POLICY_ENFORCE, true },
                { "lxc-strict", PHX_POLICY_KILL, false },
        };
        phx_cleanup(phx_policy_done) struct phx_policy policy = { 0 };

        parse_fixture("family-3.0.bin", &policy);
        assert_entries(&policy, expected, PHX_ELEMENTS(expected));
        assert_null(phx_policy_find(&policy, "lxc-famil"));
}

/* Each denied one is out of what is allowed; the upper half is in a struct of its own. */
static void capabilities_are_what_is_allowed_and_not_denied(void **state) {
        phx_cleanup(phx_policy_done) struct phx_policy policy = { 0 };

        parse_fixture("caps-3.0.bin", &policy);
        assert_int_equal(policy.count, 2);
        assert_int_equal(policy.entries[0].capabilities, 0xfffffffffffeffffULL & ~(1ULL << 33));
        assert_string_equal(policy.entries[1].name, "lxc-caps//child");
        assert_int_equal(policy.entries[1].capabilities, (1ULL << 0) | (1ULL << 33));
}

static void permission_tables_of_newer_parsers_pass_by(void **state) {
        static const struct expectation expected[] = {
                { "lxc-open", PHX_POLICY_UNCONFINED, false },
                { "lxc-ask", PHX_POLICY_USER, false },
                { "lxc-attached", PHX_POLICY_ENFORCE, true },
        };
        phx_cleanup(phx_policy_done) struct phx_policy policy = { 0 };

        parse_fixture("modes-4.1.bin", &policy);
        assert_entries(&policy, expected, PHX_ELEMENTS(expected));
}

static void forced_complain_is_a_mode_and_another_hash(void **state) {
        phx_cleanup(phx_policy_done) struct phx_policy plain = { 0 }, forced = { 0 };

        parse_fixture("plain-3.0.bin", &plain);
        parse_fixture("complain-3.0.bin", &forced);
        assert_int_equal(forced.entries[0].mode, PHX_POLICY_COMPLAIN);
        assert_string_not_equal(forced.entries[0].hash, plain.entries[0].hash);
}

static void a_policy_for_a_namespace_is_refused(void **state) {
        phx_cleanup(bytes_done) struct bytes bytes = read_fixture("namespace-3.0.bin");
        phx_cleanup(phx_buffer_done) struct phx_buffer stream = { 0 };

        assert_refused(bytes.data,
                       bytes.size,
                       -EINVAL,
                       "compiled policy: is for the policy namespace 'guest', expected no "
                       "namespace");

        add_version(&stream, 7);
        add_profile(&stream, ":guest:lxc-a", 0);
        assert_refused(stream.data,
                       stream.size,
                       -EINVAL,
                       "compiled policy: profile ':guest:lxc-a' is for a policy namespace, "
                       "expected no namespace");
}

static void no_bytes_are_no_policy(void **state) {
        assert_refused("", 0, -ENODATA, "compiled policy: is empty, expected at least one profile");
        assert_refused(NULL,
                       0,
                       -ENODATA,
                       "compiled policy: is empty, expected at least one profile");
}

static void every_truncation_is_refused_with_a_text(void **state) {
        phx_cleanup(bytes_done) struct bytes bytes = read_fixture("plain-3.0.bin");

        for (size_t size = 1; size < bytes.size; size++) {
                struct phx_policy policy = { 0 };
                struct phx_error error = { 0 };
                /* A copy of its own, so that a sanitizer sees one byte too many. */
                phx_autofree char *copy = malloc(size);

                assert_non_null(copy);
                memcpy(copy, bytes.data, size);
                assert_int_equal(
                                phx_policy_parse(copy, size, PHX_HASH_SHA1, &policy, &error),
                                -EPROTO);
                assert_non_null(strstr(error.text, "compiled policy"));
        }
}

static void trailing_bytes_are_refused(void **state) {
        phx_cleanup(bytes_done) struct bytes bytes = read_fixture("plain-3.0.bin");
        phx_cleanup(phx_buffer_done) struct phx_buffer stream = { 0 };

        assert_int_equal(phx_buffer_add(&stream, bytes.data, bytes.size), 0);
        add_code(&stream, 0x7f);
        assert_refused(stream.data,
                       stream.size,
                       -EPROTO,
                       "compiled policy, byte 2690: unknown type of value");
}

static void unknown_versions_are_refused(void **state) {
        phx_cleanup(phx_buffer_done) struct phx_buffer low = { 0 }, high = { 0 };

        add_version(&low, 4);
        add_profile(&low, "lxc-a", 0);
        assert_refused(low.data,
                       low.size,
                       -EPROTONOSUPPORT,
                       "compiled policy: format version 4, expected 5 to 9");
        add_version(&high, 0x2000 | 10);
        add_profile(&high, "lxc-a", 0);
        assert_refused(high.data,
                       high.size,
                       -EPROTONOSUPPORT,
                       "compiled policy: format version 10, expected 5 to 9");
}

static void a_later_profile_may_go_without_a_version(void **state) {
        phx_cleanup(phx_buffer_done) struct phx_buffer stream = { 0 };
        phx_cleanup(phx_policy_done) struct phx_policy policy = { 0 };

        add_version(&stream, 9 | 0x800);
        add_profile(&stream, "lxc-a", 0);
        add_profile(&stream, "lxc-b", 2);
        assert_int_equal(
                        phx_policy_parse(stream.data, stream.size, PHX_HASH_NONE, &policy, NULL),
                        0);
        assert_int_equal(policy.count, 2);
        assert_int_equal(policy.entries[1].mode, PHX_POLICY_COMPLAIN);
}

static void an_unknown_mode_is_not_called_enforce(void **state) {
        phx_cleanup(phx_buffer_done) struct phx_buffer stream = { 0 };
        phx_cleanup(phx_policy_done) struct phx_policy policy = { 0 };

        add_version(&stream, 7);
        add_profile(&stream, "lxc-a", 5);
        assert_int_equal(
                        phx_policy_parse(stream.data, stream.size, PHX_HASH_NONE, &policy, NULL),
                        0);
        assert_int_equal(policy.entries[0].mode, PHX_POLICY_UNKNOWN);
}

static void two_profiles_of_one_name_are_refused(void **state) {
        phx_cleanup(phx_buffer_done) struct phx_buffer stream = { 0 };

        add_version(&stream, 7);
        add_profile(&stream, "lxc-a", 0);
        add_version(&stream, 7);
        add_profile(&stream, "lxc-a", 0);
        assert_refused(stream.data,
                       stream.size,
                       -EPROTO,
                       "compiled policy: has two profiles 'lxc-a'");
}

static void a_profile_must_have_flags(void **state) {
        phx_cleanup(phx_buffer_done) struct phx_buffer stream = { 0 };

        add_version(&stream, 7);
        open_profile(&stream, "lxc-a");
        add_code(&stream, 8);
        assert_refused(stream.data,
                       stream.size,
                       -EPROTO,
                       "compiled policy, byte 38: profile without flags");
}

static void names_must_be_printable_and_not_empty(void **state) {
        phx_cleanup(phx_buffer_done) struct phx_buffer empty = { 0 }, control = { 0 };

        add_version(&empty, 7);
        add_profile(&empty, "", 0);
        assert_refused(empty.data,
                       empty.size,
                       -EPROTO,
                       "compiled policy, byte 32: the name of a profile is empty or contains a "
                       "NUL byte");
        add_version(&control, 7);
        add_profile(&control, "lxc\n", 0);
        assert_refused(control.data,
                       control.size,
                       -EPROTO,
                       "compiled policy, byte 36: the name of a profile contains a control "
                       "character");
}

/* What follows would be read as its end. */
static void a_text_must_have_an_end(void **state) {
        phx_cleanup(phx_buffer_done) struct phx_buffer stream = { 0 };

        add_version(&stream, 7);
        add_profile(&stream, "lxc-a", 0);
        /* "lxc-a" and its NUL: the only one of that name with its code before it. */
        for (size_t i = 0; i + 6 <= stream.size; i++)
                if (memcmp(stream.data + i, "lxc-a", 6) == 0)
                        stream.data[i + 5] = 'b';
        assert_refused(stream.data,
                       stream.size,
                       -EPROTO,
                       "compiled policy, byte 37: text without an end");
}

static void nesting_is_bounded_and_must_close_as_it_opened(void **state) {
        phx_cleanup(phx_buffer_done) struct phx_buffer deep = { 0 }, crossed = { 0 };

        add_version(&deep, 7);
        open_profile(&deep, "lxc-a");
        for (int i = 0; i < 100; i++)
                add_code(&deep, 9);
        assert_refused(deep.data,
                       deep.size,
                       -EPROTO,
                       "compiled policy, byte 53: nested too deeply");

        add_version(&crossed, 7);
        open_profile(&crossed, "lxc-a");
        add_flags(&crossed, 0);
        add_code(&crossed, 9);
        add_code(&crossed, 8);
        assert_refused(crossed.data,
                       crossed.size,
                       -EPROTO,
                       "compiled policy, byte 65: found an end without a beginning");
}

static void flags_inside_of_something_else_are_not_the_profiles(void **state) {
        phx_cleanup(phx_buffer_done) struct phx_buffer stream = { 0 };
        phx_cleanup(phx_policy_done) struct phx_policy policy = { 0 };

        add_version(&stream, 7);
        open_profile(&stream, "lxc-a");
        add_text(&stream, 4, "data");
        add_code(&stream, 7);
        add_flags(&stream, 3);
        add_code(&stream, 8);
        add_flags(&stream, 0);
        add_code(&stream, 8);
        assert_int_equal(
                        phx_policy_parse(stream.data, stream.size, PHX_HASH_NONE, &policy, NULL),
                        0);
        assert_int_equal(policy.entries[0].mode, PHX_POLICY_ENFORCE);
}

/* Every byte of a real policy, changed in turn: whatever comes of it, it ends. */
static void changed_bytes_are_read_or_refused(void **state) {
        phx_cleanup(bytes_done) struct bytes bytes = read_fixture("plain-3.0.bin");

        for (size_t i = 0; i < bytes.size; i++) {
                char before = bytes.data[i];

                for (unsigned flip = 1; flip < 256; flip *= 2) {
                        phx_cleanup(phx_policy_done) struct phx_policy policy = { 0 };
                        struct phx_error error = { 0 };
                        int r;

                        bytes.data[i] = (char) (before ^ (char) flip);
                        r = phx_policy_parse(
                                        bytes.data,
                                        bytes.size,
                                        PHX_HASH_SHA1,
                                        &policy,
                                        &error);
                        assert_int_equal(r < 0, error.text[0] != '\0');
                }
                bytes.data[i] = before;
        }
}

static void mode_names_read_back(void **state) {
        for (int i = PHX_POLICY_ENFORCE; i <= PHX_POLICY_UNKNOWN; i++) {
                enum phx_policy_mode mode = (enum phx_policy_mode) i;

                assert_int_equal(
                                phx_policy_mode_from_string(phx_policy_mode_to_string(mode)),
                                mode);
        }
        assert_int_equal(phx_policy_mode_from_string("prompt"), PHX_POLICY_USER);
        assert_int_equal(phx_policy_mode_from_string(""), PHX_POLICY_UNKNOWN);
        assert_int_equal(phx_policy_mode_from_string("Enforce"), PHX_POLICY_UNKNOWN);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(one_profile_has_the_hash_of_its_bytes),
                cmocka_unit_test(children_hats_modes_and_attachments_are_seen),
                cmocka_unit_test(capabilities_are_what_is_allowed_and_not_denied),
                cmocka_unit_test(permission_tables_of_newer_parsers_pass_by),
                cmocka_unit_test(forced_complain_is_a_mode_and_another_hash),
                cmocka_unit_test(a_policy_for_a_namespace_is_refused),
                cmocka_unit_test(no_bytes_are_no_policy),
                cmocka_unit_test(every_truncation_is_refused_with_a_text),
                cmocka_unit_test(trailing_bytes_are_refused),
                cmocka_unit_test(unknown_versions_are_refused),
                cmocka_unit_test(a_later_profile_may_go_without_a_version),
                cmocka_unit_test(an_unknown_mode_is_not_called_enforce),
                cmocka_unit_test(two_profiles_of_one_name_are_refused),
                cmocka_unit_test(a_profile_must_have_flags),
                cmocka_unit_test(names_must_be_printable_and_not_empty),
                cmocka_unit_test(a_text_must_have_an_end),
                cmocka_unit_test(nesting_is_bounded_and_must_close_as_it_opened),
                cmocka_unit_test(flags_inside_of_something_else_are_not_the_profiles),
                cmocka_unit_test(changed_bytes_are_read_or_refused),
                cmocka_unit_test(mode_names_read_back),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
