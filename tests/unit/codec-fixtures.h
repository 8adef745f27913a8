/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Golden tests of a parser: fixtures/KIND holds good-*.json, which are accepted; bad-*.json and
 * beyond-*.json, which are refused (the latter although the JSON Schema accepts them); and
 * expected.txt with the whole text of each refusal, in the order of the files' names. A new case is
 * a new file and its line. */

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/file.h"
#include "base/strings.h"

#define FIXTURE_LIMIT ((size_t) 8 * 1024 * 1024)

struct fixture {
        char *text;
        size_t size;
};

static inline void fixture_done(struct fixture *fixture) {
        free(fixture->text);
        *fixture = (struct fixture){ 0 };
}

static inline struct fixture fixture_read(const char *kind, const char *name) {
        struct fixture fixture = { 0 };
        char path[512];

        (void) snprintf(path, sizeof(path), "%s/%s/%s", getenv("PHX_FIXTURES"), kind, name);
        assert_int_equal(
                        phx_file_read_at(
                                        AT_FDCWD,
                                        path,
                                        FIXTURE_LIMIT,
                                        &fixture.text,
                                        &fixture.size),
                        0);
        return fixture;
}

/* Runs the parser and returns what it returns. */
struct fixture_parser {
        int (*parse)(const char *name, const struct fixture *fixture, struct phx_error *error);
};

static inline int is_json(const struct dirent *entry) {
        return phx_has_suffix(entry->d_name, ".json");
}

static inline void check_fixture(
                const char *kind,
                const char *name,
                const struct fixture_parser *parser,
                char **expected) {
        phx_cleanup(fixture_done) struct fixture fixture = fixture_read(kind, name);
        struct phx_error error = { 0 };
        int r = parser->parse(name, &fixture, &error);

        assert_int_equal(error.code, r);
        if (phx_has_prefix(name, "good-")) {
                assert_string_equal(error.text, "");
                assert_int_equal(r, 0);
                return;
        }
        assert_true(r < 0);
        assert_non_null(*expected);
        assert_string_equal(error.text, strsep(expected, "\n"));
}

static inline void check_fixtures(const char *kind, const struct fixture_parser *parser) {
        phx_cleanup(fixture_done) struct fixture expected = fixture_read(kind, "expected.txt");
        struct dirent **entries = NULL;
        char *rest = expected.text, directory[512];
        int count;

        (void) snprintf(directory, sizeof(directory), "%s/%s", getenv("PHX_FIXTURES"), kind);
        count = scandir(directory, &entries, is_json, alphasort);
        assert_true(count > 0);

        for (int i = 0; i < count; i++) {
                check_fixture(kind, entries[i]->d_name, parser, &rest);
                free(entries[i]);
        }
        free(entries);
        assert_string_equal(rest, "");
}
