/* SPDX-License-Identifier: GPL-2.0-or-later */

/* From the words of an assertion to what the kernel is asked: all classes but the mounts'. */

#include "policy/assertion.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/grow.h"
#include "policy/words.h"

void phx_assertion_words_done(struct phx_assertion_words *words) {
        phx_strings_done(&words->strings);
}

const char *phx_assertion_next(struct phx_assertion_words *words) {
        return words->at < words->strings.count ? words->strings.items[words->at++] : NULL;
}

int phx_assertion_expected(struct phx_assertion_words *words, const char *found, const char *what) {
        if (!found)
                return phx_error_set(words->error, -EINVAL, "ends too early, expected %s", what);
        return phx_error_set(words->error, -EINVAL, "'%s': expected %s", found, what);
}

int phx_assertion_end(struct phx_assertion_words *words) {
        const char *word = phx_assertion_next(words);

        return word ? phx_assertion_expected(words, word, "the end of the line") : 0;
}

struct phx_policy_query *phx_assertion_query(
                struct phx_assertion_words *words,
                const char *format,
                ...) {
        struct phx_policy_assertion *assertion = words->assertion;
        struct phx_policy_query *query;
        va_list arguments;
        int r;

        query = phx_grow(&assertion->queries, &assertion->count, sizeof(*query));
        if (!query)
                return NULL;
        va_start(arguments, format);
        r = phx_vprintf(&query->what, format, arguments);
        va_end(arguments);
        return r < 0 ? NULL : query;
}

/* --- paths */

static int add_sample(
                const char *pattern,
                const char *deep,
                bool is_directory,
                struct phx_strings *paths) {
        phx_cleanup(phx_buffer_done) struct phx_buffer path = { 0 };
        int r = 0;

        for (const char *at = pattern; r >= 0 && *at;) {
                if (phx_has_prefix(at, "**")) {
                        r = phx_buffer_add_text(&path, deep);
                        at += 2;
                } else if (*at == '*') {
                        r = phx_buffer_add_text(&path, "sample");
                        at++;
                } else
                        r = phx_buffer_add(&path, at++, 1);
        }
        if (r >= 0 && is_directory && phx_has_suffix(pattern, "*"))
                r = phx_buffer_add_text(&path, "/");
        return r < 0 ? r : phx_strings_add(paths, path.data);
}

int phx_assertion_paths(
                struct phx_assertion_words *words,
                const char *pattern,
                bool is_directory,
                struct phx_strings *paths) {
        int r;

        if (!pattern || pattern[0] != '/')
                return phx_assertion_expected(words, pattern, "an absolute path");
        if (strpbrk(pattern, "[]{}?") || strstr(pattern, "@{"))
                return phx_assertion_expected(
                                words,
                                pattern,
                                "a path with no pattern but '*' and '**', and no variable");
        r = add_sample(pattern, "sample", is_directory, paths);
        if (r < 0 || !strstr(pattern, "**"))
                return r;
        return add_sample(pattern, "sample/sample", is_directory, paths);
}

/* --- classes */

static int add_file(struct phx_assertion_words *words, const char *permissions, const char *path) {
        for (const char *at = permissions; *at; at++) {
                struct phx_policy_query *query = phx_assertion_query(words, "%c %s", *at, path);

                if (!query || phx_query_file(query, path) < 0)
                        return -ENOMEM;
                query->mask = phx_query_file_mask(*at);
                if (query->mask == 0)
                        return phx_assertion_expected(
                                        words,
                                        permissions,
                                        "permissions from r, w, a, x, m, k and l");
        }
        return 0;
}

int phx_assertion_file(struct phx_assertion_words *words) {
        phx_cleanup(phx_strings_done) struct phx_strings paths = { 0 };
        const char *permissions = phx_assertion_next(words);
        int r;

        if (!permissions || permissions[0] == '/' || permissions[0] == '\0')
                return phx_assertion_expected(
                                words,
                                permissions,
                                "permissions such as rw before the path");
        r = phx_assertion_paths(words, phx_assertion_next(words), false, &paths);
        for (size_t i = 0; r >= 0 && i < paths.count; i++)
                r = add_file(words, permissions, paths.items[i]);
        return r < 0 ? r : phx_assertion_end(words);
}

int phx_assertion_capability(struct phx_assertion_words *words) {
        const char *name = phx_assertion_next(words);
        struct phx_policy_query *query;
        unsigned number = 0;

        if (!name || !phx_word_capability(name, &number))
                return phx_assertion_expected(
                                words,
                                name,
                                "the name of a capability in lower case, such as sys_admin");
        query = phx_assertion_query(words, "%s", name);
        if (!query)
                return -ENOMEM;
        query->class = PHX_QUERY_CAPABILITY;
        query->capability = number;
        return phx_assertion_end(words);
}

static int add_network(struct phx_assertion_words *words, const char *family, const char *type) {
        struct phx_policy_query *query;
        unsigned number = 0, socket = 0;

        if (!phx_word_family(family, &number))
                return phx_assertion_expected(
                                words,
                                family,
                                "a network family such as inet, inet6, netlink or packet");
        if (!phx_word_socket(type, &socket))
                return phx_assertion_expected(
                                words,
                                type,
                                "stream, dgram, raw, seqpacket, rdm or packet");
        query = phx_assertion_query(words, "%s %s", family, type);
        return query ? phx_query_network(query, number, socket) : -ENOMEM;
}

/* A family alone is its sockets of the usual types. */
int phx_assertion_network(struct phx_assertion_words *words) {
        static const char *const types[] = { "stream", "dgram", "raw" };
        const char *family = phx_assertion_next(words), *type = phx_assertion_next(words);
        int r = 0;

        if (!family)
                return phx_assertion_expected(words, NULL, "a network family such as inet");
        if (type)
                r = add_network(words, family, type);
        for (size_t i = 0; !type && r >= 0 && i < PHX_ELEMENTS(types); i++)
                r = add_network(words, family, types[i]);
        return r < 0 ? r : phx_assertion_end(words);
}

/* --- what has a peer */

/* NULL unless the next word is NAME=VALUE. */
static const char *next_value(struct phx_assertion_words *words, const char *name) {
        const char *word = phx_assertion_next(words);

        if (!word || !phx_has_prefix(word, name) || word[strlen(name)] != '=' ||
            word[strlen(name) + 1] == '\0')
                return NULL;
        return word + strlen(name) + 1;
}

static int add_ptrace(
                struct phx_assertion_words *words,
                const char *permission,
                uint32_t mask,
                const char *peer) {
        struct phx_policy_query *query = phx_assertion_query(words, "%s peer=%s", permission, peer);

        if (!query)
                return -ENOMEM;
        query->mask = mask;
        return phx_query_ptrace(query, peer);
}

int phx_assertion_ptrace(struct phx_assertion_words *words) {
        static const struct {
                const char *name;
                uint32_t mask;
        } permissions[] = {
                { "read", PHX_QUERY_READ },
                { "trace", PHX_QUERY_TRACE },
                { "readby", PHX_QUERY_READ_BY },
                { "tracedby", PHX_QUERY_TRACED_BY },
        };
        const char *permission = phx_assertion_next(words), *peer = next_value(words, "peer");

        for (size_t i = 0; permission && i < PHX_ELEMENTS(permissions); i++) {
                int r;

                if (strcmp(permissions[i].name, permission) != 0)
                        continue;
                if (!peer)
                        return phx_assertion_expected(words, NULL, "peer=PROFILE");
                r = add_ptrace(words, permission, permissions[i].mask, peer);
                return r < 0 ? r : phx_assertion_end(words);
        }
        return phx_assertion_expected(words, permission, "read, trace, readby or tracedby");
}

int phx_assertion_signal(struct phx_assertion_words *words) {
        const char *permission = phx_assertion_next(words);
        const char *name = next_value(words, "set"), *peer = next_value(words, "peer");
        struct phx_policy_query *query;
        unsigned number = 0;
        bool sends;

        sends = permission && strcmp(permission, "send") == 0;
        if (!permission || (!sends && strcmp(permission, "receive") != 0))
                return phx_assertion_expected(words, permission, "send or receive");
        if (!name || !phx_word_signal(name, &number))
                return phx_assertion_expected(words, name, "set=SIGNAL, such as set=kill");
        if (!peer)
                return phx_assertion_expected(words, NULL, "peer=PROFILE after the signal");

        query = phx_assertion_query(words, "%s set=%s peer=%s", permission, name, peer);
        if (!query || phx_query_signal(query, number, peer) < 0)
                return -ENOMEM;
        query->mask = sends ? PHX_QUERY_SEND : PHX_QUERY_RECEIVE;
        return phx_assertion_end(words);
}

int phx_assertion_change_profile(struct phx_assertion_words *words) {
        const char *profile = phx_assertion_next(words);
        struct phx_policy_query *query;

        if (profile && strcmp(profile, "->") == 0)
                profile = phx_assertion_next(words);
        if (!profile || !profile[0])
                return phx_assertion_expected(words, profile, "a profile's name");
        query = phx_assertion_query(words, "-> %s", profile);
        if (!query || phx_query_change_profile(query, profile) < 0)
                return -ENOMEM;
        return phx_assertion_end(words);
}
