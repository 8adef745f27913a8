/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "compiler/newer.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/strings.h"

#define PROGRAM_LIMIT (16UL << 20)

bool phx_compiler_version(const char *parser, char *ret_version, size_t size) {
        static const char before[] = "%s version ";
        phx_autofree char *program = NULL;
        size_t length = 0, bytes = 0;
        const char *at;

        /* What --version prints is in the program as it is: no need to run it. */
        if (phx_file_read_at(AT_FDCWD, parser, PROGRAM_LIMIT, &program, &bytes) < 0)
                return false;
        at = memmem(program, bytes, before, strlen(before));
        if (!at)
                return false;
        at += strlen(before);
        while (isdigit((unsigned char) at[length]) || at[length] == '.')
                length++;
        (void) snprintf(ret_version, size, "%.*s", (int) length, at);
        return length > 0;
}

static bool is_older(const char *version, const char *since) {
        char *end = NULL;
        unsigned long major = strtoul(version, &end, 10), minor;
        unsigned long since_major = strtoul(since, NULL, 10);

        if (end == version)
                return true;
        minor = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;
        return major != since_major ? major < since_major
                                    : minor < strtoul(strchr(since, '.') + 1, NULL, 10);
}

struct word {
        const char *word, *since;
};

static const struct word rules[] = {
        { "all", "4.0" },
        { "io_uring", "4.0" },
        { "mqueue", "4.0" },
        { "userns", "4.0" },
};

static const struct word qualifiers[] = {
        { "prompt", "4.0" },
        { "access", "5.0" },
        { "quiet", "5.0" },
};

static const struct word flags[] = {
        { "attach_disconnected.path", "4.0" },
        { "default_allow", "4.0" },
        { "error", "4.0" },
        { "interruptible", "4.0" },
        { "kill.signal", "4.0" },
        { "prompt", "4.0" },
};

/* Of WORD up to a sign such as '='. */
static const char *newer_find(
                const struct word *words,
                size_t count,
                const struct phx_word *word,
                const char *version) {
        size_t length = 0;

        while (length < word->length && word->from[length] != '=' && word->from[length] != '(')
                length++;
        for (size_t i = 0; i < count; i++)
                if (strlen(words[i].word) == length &&
                    memcmp(words[i].word, word->from, length) == 0)
                        return is_older(version, words[i].since) ? words[i].since : NULL;
        return NULL;
}

const char *phx_flag_is_newer(const char *flag, const char *version) {
        const struct phx_word word = { flag, strlen(flag) };

        return newer_find(flags, PHX_ELEMENTS(flags), &word, version);
}

static bool is_priority(const struct phx_word *word) {
        return word->length >= strlen("priority=") &&
               memcmp(word->from, "priority=", strlen("priority=")) == 0;
}

/* "ip=", "port=" and such of a network rule. */
static bool has_address(const struct phx_statement *rule, const char *at) {
        static const char *const conditionals[] = { "ip=", "port=", "peer=(ip=", "peer=(port=" };
        struct phx_word word;

        while (phx_statement_word(rule, &at, &word))
                for (size_t i = 0; i < PHX_ELEMENTS(conditionals); i++)
                        if (word.length > strlen(conditionals[i]) &&
                            memcmp(word.from, conditionals[i], strlen(conditionals[i])) == 0)
                                return true;
        return false;
}

static bool newer_set(
                struct phx_newer *newer,
                const char *kind,
                const char *since,
                const struct phx_word *word) {
        (void) snprintf(newer->what, sizeof(newer->what), "%.*s", (int) word->length, word->from);
        newer->kind = kind;
        newer->since = since;
        return true;
}

bool phx_statement_is_newer(
                const struct phx_statement *statement,
                const char *version,
                struct phx_newer *ret_newer) {
        const char *at = statement->from, *since;
        struct phx_word word, keyword;

        if (!phx_statement_keyword(statement, &at, &keyword))
                return false;
        since = newer_find(rules, PHX_ELEMENTS(rules), &keyword, version);
        if (since)
                return newer_set(ret_newer, "a rule", since, &keyword);
        if (phx_word_is(&keyword, "network") && is_older(version, "4.0") &&
            has_address(statement, at))
                return newer_set(
                                ret_newer,
                                "a rule",
                                "4.0",
                                &(struct phx_word){ "network with addresses", 22 });
        at = statement->from;
        while (phx_statement_word(statement, &at, &word) && word.from < keyword.from) {
                since = is_priority(&word) && is_older(version, "4.1")
                                        ? "4.1"
                                        : newer_find(qualifiers,
                                                     PHX_ELEMENTS(qualifiers),
                                                     &word,
                                                     version);
                if (since)
                        return newer_set(ret_newer, "a qualifier", since, &word);
        }
        return false;
}
