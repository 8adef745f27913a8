/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Which line of a profile's text brings what its policy allows. */

#include <errno.h>
#include <string.h>

#include "lint/private.h"

/* Of a rule's words; the rest is cut. */
#define SOURCE_SIZE 100

static int lint_set_place(struct phx_lint *item, const struct phx_statement *statement) {
        phx_cleanup(phx_buffer_done) struct phx_buffer words = { 0 };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < statement->words.count && words.size < SOURCE_SIZE; i++)
                r = phx_buffer_addf(&words, "%s%s", i > 0 ? " " : "", statement->words.items[i]);
        if (r >= 0 && words.size > SOURCE_SIZE) {
                words.size = SOURCE_SIZE;
                r = phx_buffer_add_text(&words, "...");
        }
        if (r < 0 || phx_replace(&item->source, words.data) < 0 ||
            phx_replace(&item->included_file, statement->file) < 0)
                return -ENOMEM;
        item->line = statement->line;
        item->included_line = statement->file_line;
        return 0;
}

static bool place_matches(
                const struct lint *lint,
                const struct phx_statement *statement,
                const char *pattern,
                const char *name) {
        return phx_profile_text_matches(&lint->text, statement->scope, pattern, name);
}

/* Whether one of the words in LIST ("(a, b)", "a") is one of WORDS; a list of none is all. */
static bool has_one_of(const char *list, const char *const *words, size_t count) {
        for (const char *at = list; *at;) {
                size_t length = strcspn(at, "(), ");

                for (size_t i = 0; i < count; i++)
                        if (strlen(words[i]) == length && strncmp(words[i], at, length) == 0)
                                return true;
                at += length;
                at += strspn(at, "(), ");
        }
        return false;
}

/* The value of KEY among the words, in any of the spellings "key=v", "key = v", "key in v"; NULL.
 */
static const char *place_value_of(const struct phx_statement *statement, const char *key) {
        const struct phx_strings *words = &statement->words;
        size_t length = strlen(key);

        for (size_t i = 1; i < words->count; i++) {
                const char *word = words->items[i];

                if (strncmp(word, key, length) != 0)
                        continue;
                if (word[length] == '=' && word[length + 1])
                        return word + length + 1;
                if (word[length] == '=' && i + 1 < words->count)
                        return words->items[i + 1];
                if (word[length] == '\0' && i + 2 < words->count)
                        return words->items[i + 2];
        }
        return NULL;
}

static bool list_matches(
                const struct lint *lint,
                const struct phx_statement *statement,
                const char *list,
                const char *name) {
        unsigned braces = 0;
        char pattern[128];
        size_t length = 0;

        for (const char *at = list;; at++) {
                braces += *at == '{';
                braces -= *at == '}' && braces > 0;
                if (*at && (braces > 0 || !strchr("(), ", *at))) {
                        if (length + 1 < sizeof(pattern))
                                pattern[length++] = *at;
                        continue;
                }
                pattern[length] = '\0';
                if (length > 0 && place_matches(lint, statement, pattern, name))
                        return true;
                length = 0;
                if (!*at)
                        return false;
        }
}

/* --- the kinds --- */

static bool is_change(
                const struct lint *lint,
                const struct phx_statement *statement,
                const struct lint_place *place) {
        const struct phx_strings *words = &statement->words;

        for (size_t i = 1; i + 1 < words->count; i++)
                if (strcmp(words->items[i], "->") == 0)
                        return place_matches(lint, statement, words->items[i + 1], place->name);
        return true;
}

static bool place_is_path(const char *word) {
        return strchr("/@{[", word[0]);
}

/* "/x rw", "rw /x", "file rw /x", "file /x rw", and "file" alone. */
static bool file_parts(
                const struct phx_statement *statement,
                const char **ret_path,
                const char **ret_permissions) {
        const struct phx_strings *words = &statement->words;
        size_t first = strcmp(words->items[0], "file") == 0 ? 1 : 0;

        *ret_path = "/**";
        *ret_permissions = "rwaxmlk";
        if (first == 1 && words->count == 1)
                return true;
        if (words->count < first + 2)
                return false;
        if (place_is_path(words->items[first])) {
                *ret_path = words->items[first];
                *ret_permissions = words->items[first + 1];
                return true;
        }
        *ret_path = words->items[first + 1];
        *ret_permissions = words->items[first];
        return place_is_path(*ret_path);
}

static bool is_file(
                const struct lint *lint,
                const struct phx_statement *statement,
                const struct lint_place *place) {
        const char *path = NULL, *permissions = NULL;

        if (!file_parts(statement, &path, &permissions))
                return false;
        if (place->words == LINT_EXEC) {
                if (!strchr(permissions, 'x') || !strpbrk(permissions, "uUpPcC"))
                        return false;
        } else if (!strpbrk(permissions, place->permissions))
                return false;
        return place_matches(lint, statement, path, place->name);
}

static bool place_is_mount(
                const struct lint *lint,
                const struct phx_statement *statement,
                const struct lint_place *place) {
        static const char *const others[] = { "bind",    "rbind",    "move",      "remount",
                                              "private", "rprivate", "slave",     "rslave",
                                              "shared",  "rshared",  "unbindable" };
        const char *type = place_value_of(statement, "fstype"),
                   *options = place_value_of(statement, "options");

        if (!type)
                type = place_value_of(statement, "vfstype");
        if (options &&
            (has_one_of(options, others, PHX_ELEMENTS(others)) || strstr(options, "make-")))
                return false;
        return !type || list_matches(lint, statement, type, place->name);
}

static bool is_about_peer(
                const struct lint *lint,
                const struct phx_statement *statement,
                const struct lint_place *place) {
        static const char *const sends[] = { "send", "w", "write", "rw" },
                                 *const traces[] = { "trace", "w", "rw" },
                                 *const all[] = {
                                         "send", "receive", "r",     "w",      "rw",
                                         "read", "write",   "trace", "readby", "tracedby"
                                 };
        const char *peer = place_value_of(statement, "peer");

        for (size_t i = 1; i < statement->words.count; i++) {
                const char *word = statement->words.items[i];

                if (strchr(word, '=') || !has_one_of(word, all, PHX_ELEMENTS(all)))
                        continue;
                if (place->words == LINT_SIGNAL ? !has_one_of(word, sends, PHX_ELEMENTS(sends))
                                                : !has_one_of(word, traces, PHX_ELEMENTS(traces)))
                        return false;
        }
        return !peer || place_matches(lint, statement, peer, place->name);
}

static bool is_capability(
                const struct lint *lint,
                const struct phx_statement *statement,
                const struct lint_place *place) {
        (void) lint;
        for (size_t i = 1; i < statement->words.count; i++)
                if (strcmp(statement->words.items[i], place->name) == 0)
                        return true;
        return statement->words.count == 1;
}

/* --- */

/* What the kind's rules begin with; NULL for files, which have no word of their own. */
static const struct {
        const char *keyword;
        bool (*is_it)(const struct lint *lint,
                      const struct phx_statement *statement,
                      const struct lint_place *place);
} kinds[] = {
        [LINT_CHANGE_PROFILE] = { "change_profile", is_change },
        [LINT_EXEC] = { NULL, is_file },
        [LINT_FILE] = { NULL, is_file },
        [LINT_MOUNT] = { "mount", place_is_mount },
        [LINT_PTRACE] = { "ptrace", is_about_peer },
        [LINT_SIGNAL] = { "signal", is_about_peer },
        [LINT_CAPABILITY] = { "capability", is_capability },
};

static bool is_candidate(
                const struct lint *lint,
                const struct phx_statement *statement,
                const struct lint_place *place) {
        const char *keyword = kinds[place->words].keyword, *first = statement->words.items[0];

        if (statement->is_denial || strcmp(statement->scope, lint->entry->name) != 0)
                return false;
        return keyword ? strcmp(first, keyword) == 0
                       : strcmp(first, "file") == 0 || place_is_path(first) || strlen(first) <= 6;
}

/* "all," of newer parsers is every kind of rule. */
static bool is_all(const struct lint *lint, const struct phx_statement *statement) {
        return !statement->is_denial && strcmp(statement->scope, lint->entry->name) == 0 &&
               statement->words.count == 1 && strcmp(statement->words.items[0], "all") == 0;
}

static const struct phx_statement *find_statement(
                const struct lint *lint,
                const struct lint_place *place,
                bool *ret_is_exact) {
        const struct phx_statement *of_kind = NULL;

        for (size_t i = 0; place->words != LINT_HEADER && i < lint->text.count; i++) {
                const struct phx_statement *statement = &lint->text.items[i];

                *ret_is_exact = is_all(lint, statement) ||
                                (is_candidate(lint, statement, place) &&
                                 kinds[place->words].is_it(lint, statement, place));
                if (*ret_is_exact)
                        return statement;
                if (is_candidate(lint, statement, place) && !of_kind && kinds[place->words].keyword)
                        of_kind = statement;
        }
        return of_kind;
}

int lint_locate(const struct lint *lint, const struct lint_place *place, struct phx_lint *item) {
        bool is_exact = false;
        const struct phx_statement *found = find_statement(lint, place, &is_exact);
        int r;

        if (found) {
                r = lint_set_place(item, found);
                return r < 0 ? r : !is_exact;
        }
        for (size_t i = 0; i < lint->text.count; i++)
                if (strcmp(lint->text.items[i].scope, lint->entry->name) == 0) {
                        item->line = lint->text.items[i].line;
                        item->included_line = lint->text.items[i].file_line;
                        return phx_replace(&item->included_file, lint->text.items[i].file);
                }
        return 0;
}

/* --- the rule about the text --- */

static bool depends_on_abi(const struct phx_statement *statement) {
        static const char *const words[] = { "network", "unix",   "dbus",
                                             "mqueue",  "userns", "io_uring" };

        for (size_t i = 0; i < PHX_ELEMENTS(words); i++)
                if (strcmp(statement->words.items[0], words[i]) == 0)
                        return true;
        return false;
}

/* One that stands outside of every profile counts; the compiler forgets those of an include within
 * one when that ends. */
int lint_abi(struct lint *lint) {
        const struct phx_statement *first = NULL;
        struct phx_lint *item;

        for (size_t i = 0; i < lint->text.count; i++) {
                const struct phx_statement *statement = &lint->text.items[i];

                if (!statement->scope[0] && strcmp(statement->words.items[0], "abi") == 0)
                        return 0;
                if (!first && statement->scope[0] && depends_on_abi(statement))
                        first = statement;
        }
        if (!first)
                return 0;
        item = phx_lints_add(
                        lint->lints,
                        PHX_RULE_NO_ABI,
                        "the profile has no abi rule, so parser.conf of the machine decides "
                        "whether its network, unix and dbus rules take effect; add a line such as "
                        "'abi <abi/3.0>,' above it");
        return item ? lint_set_place(item, first) : -ENOMEM;
}
