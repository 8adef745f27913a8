/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "policy/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/findings.h"
#include "base/grow.h"
#include "base/strings.h"
#include "policy/assertion.h"

static const struct {
        const char *name;
        int (*parse)(struct phx_assertion_words *words);
} classes[] = {
        { "file", phx_assertion_file },
        { "capability", phx_assertion_capability },
        { "network", phx_assertion_network },
        { "mount", phx_assertion_mount },
        { "umount", phx_assertion_umount },
        { "pivot_root", phx_assertion_pivot_root },
        { "ptrace", phx_assertion_ptrace },
        { "signal", phx_assertion_signal },
        { "change_profile", phx_assertion_change_profile },
};

/* Words end at blanks; in double quotes a blank is one of the word's. */
static int test_split(const char *line, struct phx_strings *words, struct phx_error *error) {
        const char *at = line;

        for (;;) {
                phx_autofree char *word = NULL;
                const char *end;

                at += strspn(at, " \t\r");
                if (*at == '\0' || *at == '#')
                        return 0;
                end = *at == '"' ? strchr(at + 1, '"') : at + strcspn(at, " \t\r");
                if (!end)
                        return phx_error_set(error, -EINVAL, "expected a closing '\"'");
                if (*at == '"')
                        at++;
                word = strndup(at, (size_t) (end - at));
                if (!word || phx_strings_add(words, word) < 0)
                        return phx_error_set(error, -ENOMEM, "out of memory");
                at = *end == '"' ? end + 1 : end;
        }
}

static int parse_class(struct phx_assertion_words *words) {
        const char *name = words->strings.count > 1 ? words->strings.items[1] : "";

        words->at = 2;
        for (size_t i = 0; i < PHX_ELEMENTS(classes); i++) {
                int r;

                if (strcmp(classes[i].name, name) != 0)
                        continue;
                r = classes[i].parse(words);
                return r == -ENOMEM ? phx_error_set(words->error, r, "out of memory") : r;
        }
        if (strcmp(name, "unix") == 0 || strcmp(name, "dbus") == 0)
                return phx_error_set(
                                words->error,
                                -EINVAL,
                                "'%s': the kernel answers no query by name for this class",
                                name);
        return phx_error_set(
                        words->error,
                        -EINVAL,
                        "unknown class '%s', expected file, capability, network, mount, umount, "
                        "pivot_root, ptrace, signal or change_profile",
                        name);
}

static int parse_words(struct phx_assertion_words *words) {
        const char *answer = words->strings.items[0];

        words->assertion->is_allow = strcmp(answer, "allow") == 0;
        if (!words->assertion->is_allow && strcmp(answer, "deny") != 0)
                return phx_error_set(words->error, -EINVAL, "'%s': expected allow or deny", answer);
        return parse_class(words);
}

/* Without the comment and the blanks around it. */
static char *copy_line(const char *line) {
        size_t size = strlen(line);
        bool is_quoted = false;

        line += strspn(line, " \t\r");
        size = strlen(line);
        for (size_t i = 0; i < size; i++) {
                if (line[i] == '"')
                        is_quoted = !is_quoted;
                if (!is_quoted && line[i] == '#' && i > 0 && strchr(" \t", line[i - 1]))
                        size = i;
        }
        while (size > 0 && strchr(" \t\r", line[size - 1]))
                size--;
        return strndup(line, size);
}

int phx_policy_assertion_parse(
                const char *line,
                struct phx_policy_assertion *ret_assertion,
                struct phx_error *error) {
        phx_cleanup(phx_policy_assertion_done) struct phx_policy_assertion assertion = { 0 };
        phx_cleanup(phx_assertion_words_done) struct phx_assertion_words words = {
                .assertion = &assertion,
                .error = error,
        };
        int r;

        if (phx_has_control(line) && strcspn(line, "\t\r") == strlen(line))
                return phx_error_set(error, -EINVAL, "has a control character in it");
        r = test_split(line, &words.strings, error);
        if (r < 0 || words.strings.count == 0)
                return r;
        r = parse_words(&words);
        if (r < 0)
                return r;
        assertion.text = copy_line(line);
        if (!assertion.text)
                return phx_error_set(error, -ENOMEM, "out of memory");

        *ret_assertion = PHX_TAKE_STRUCT(assertion);
        return 1;
}

void phx_policy_assertion_done(struct phx_policy_assertion *assertion) {
        for (size_t i = 0; i < assertion->count; i++)
                phx_policy_query_done(&assertion->queries[i]);
        free(assertion->queries);
        free(assertion->text);
        *assertion = (struct phx_policy_assertion){ 0 };
}

static int add_line(
                struct phx_policy_test *test,
                const char *line,
                unsigned number,
                struct phx_error *error) {
        phx_cleanup(phx_policy_assertion_done) struct phx_policy_assertion assertion = { 0 };
        struct phx_policy_assertion *added;
        int r;

        r = phx_policy_assertion_parse(line, &assertion, error);
        if (r <= 0)
                return r;
        added = phx_grow(&test->items, &test->count, sizeof(*added));
        if (!added)
                return phx_error_set(error, -ENOMEM, "out of memory");
        *added = PHX_TAKE_STRUCT(assertion);
        added->line = number;
        return 0;
}

static int refuse_line(
                const char *file,
                unsigned line,
                const char *what,
                int code,
                struct phx_error *error) {
        const struct phx_position position = { file, line, 0 };
        int r = phx_error_set_at(error, code, &position, "%s", what);

        (void) phx_error_list(error, r);
        return r;
}

int phx_policy_test_parse(
                const char *file,
                const char *text,
                struct phx_policy_test *ret_test,
                struct phx_error *error) {
        phx_cleanup(phx_policy_test_done) struct phx_policy_test test = { 0 };
        unsigned number = 1;
        bool failed = false;

        for (const char *at = text; *at; number++) {
                size_t length = strcspn(at, "\n");
                phx_autofree char *line = strndup(at, length);
                struct phx_error why = { 0 };
                int r;

                if (!line)
                        return phx_error_set_in(error, -ENOMEM, file, "out of memory");
                r = add_line(&test, line, number, &why);
                if (r < 0)
                        r = refuse_line(file, number, why.text, r, error);
                if (r < 0 && !phx_error_goes_on(error, r))
                        return r;
                failed |= r < 0;
                at += length + (at[length] == '\n');
        }
        if (failed) {
                *ret_test = PHX_TAKE_STRUCT(test);
                return -EINVAL;
        }
        if (test.count == 0)
                return phx_error_set_in(
                                error,
                                -EINVAL,
                                file,
                                "contains no assertion, expected lines such as 'deny file w "
                                "/proc/sysrq-trigger'");
        *ret_test = PHX_TAKE_STRUCT(test);
        return 0;
}

void phx_policy_test_done(struct phx_policy_test *test) {
        for (size_t i = 0; i < test->count; i++)
                phx_policy_assertion_done(&test->items[i]);
        free(test->items);
        *test = (struct phx_policy_test){ 0 };
}
