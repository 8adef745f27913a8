/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "source/mounts.h"

#include <stdio.h>
#include <string.h>

#include "base/strings.h"

/* A mount rule as it is written. */
struct mount {
        struct phx_place place;
        char options[256]; /* of all "options=", with commas between them; of a list also "," before
                            */
        bool has_list;     /* they stand in parentheses */
        bool has_type;     /* "fstype=" */
        bool has_source;
};

static const char *const known[] = {
        "ro",
        "r",
        "read-only",
        "rw",
        "w",
        "suid",
        "nosuid",
        "dev",
        "nodev",
        "exec",
        "noexec",
        "sync",
        "async",
        "remount",
        "mand",
        "nomand",
        "dirsync",
        "atime",
        "noatime",
        "diratime",
        "nodiratime",
        "bind",
        "B",
        "move",
        "M",
        "rbind",
        "R",
        "verbose",
        "silent",
        "loud",
        "acl",
        "noacl",
        "unbindable",
        "private",
        "slave",
        "shared",
        "runbindable",
        "rprivate",
        "rslave",
        "rshared",
        "relatime",
        "norelatime",
        "iversion",
        "noiversion",
        "strictatime",
        "user",
        "nouser",
        "make-unbindable",
        "make-private",
        "make-slave",
        "make-shared",
        "make-runbindable",
        "make-rprivate",
        "make-rslave",
        "make-rshared",
};

/* Since AppArmor 4.0. */
static const char *const newer[] = { "symfollow",
                                     "nosymfollow",
                                     "lazytime",
                                     "nolazytime",
                                     "nostrictatime" };

static bool mounts_is_mount(const struct phx_word *word) {
        return phx_word_is(word, "mount") || phx_word_is(word, "remount") ||
               phx_word_is(word, "umount") || phx_word_is(word, "unmount");
}

/* What a conditional is given: "options=VALUE", "options =VALUE", "options in (VALUE)". */
static bool mounts_take_value(
                const struct phx_statement *statement,
                const char **at,
                const struct phx_word *word,
                struct phx_word *ret_value) {
        const char *equals = memchr(word->from, '=', word->length);

        *ret_value = (struct phx_word){ 0 };
        if (equals && equals + 1 < word->from + word->length) {
                *ret_value = (struct phx_word){ equals + 1,
                                                word->length - (size_t) (equals + 1 - word->from) };
                return true;
        }
        if (!phx_statement_word(statement, at, ret_value))
                return false;
        if (phx_word_is(ret_value, "in") || phx_word_is(ret_value, "="))
                return phx_statement_word(statement, at, ret_value);
        if (*ret_value->from == '=') {
                ret_value->from++;
                ret_value->length--;
        }
        return ret_value->length > 0;
}

static bool is_conditional(const struct phx_word *word, const char *name) {
        size_t length = strlen(name);

        return word->length >= length && memcmp(word->from, name, length) == 0 &&
               (word->length == length || word->from[length] == '=');
}

static void mounts_add_options(struct mount *mount, const struct phx_word *value) {
        size_t used = strlen(mount->options);
        bool is_list = *value->from == '(';

        mount->has_list |= is_list;
        (void) snprintf(mount->options + used,
                        sizeof(mount->options) - used,
                        "%s%.*s",
                        used > 0 ? "," : "",
                        (int) (value->length - (is_list && value->length >= 2 ? 2 : 0)),
                        value->from + is_list);
}

static bool take_mount(const struct phx_statement *statement, struct mount *mount) {
        struct phx_word word, value;
        const char *at = statement->from;
        bool is_behind_arrow = false;

        if (statement->kind != PHX_STATEMENT_RULE ||
            !phx_statement_keyword(statement, &at, &word) || !mounts_is_mount(&word))
                return false;
        *mount = (struct mount){ .place = statement->place };
        if (phx_word_is(&word, "remount"))
                (void) snprintf(mount->options, sizeof(mount->options), "remount");
        while (phx_statement_word(statement, &at, &word)) {
                bool is_type = is_conditional(&word, "fstype") || is_conditional(&word, "vfstype");

                if (phx_word_is(&word, "->"))
                        is_behind_arrow = true;
                else if (is_type || is_conditional(&word, "options") ||
                         is_conditional(&word, "option")) {
                        if (!mounts_take_value(statement, &at, &word, &value))
                                break;
                        mount->has_type |= is_type;
                        if (!is_type)
                                mounts_add_options(mount, &value);
                } else
                        mount->has_source |= !is_behind_arrow;
        }
        return true;
}

/* The next option in the list at *AT. */
static bool take_option(const char **at, char option[64]) {
        size_t length;

        *at += strspn(*at, ", \t\r\n\"");
        length = strcspn(*at, ", \t\r\n\"");
        (void) snprintf(option, 64, "%.*s", (int) length, *at);
        *at += length;
        return length > 0;
}

static bool mounts_is_among(const char *option, const char *const *list, size_t count) {
        for (size_t i = 0; i < count; i++)
                if (strcmp(list[i], option) == 0)
                        return true;
        return false;
}

static bool mounts_has(const struct mount *mount, const char *const *list, size_t count) {
        const char *at = mount->options;
        char option[64];

        while (take_option(&at, option))
                if (mounts_is_among(option, list, count))
                        return true;
        return false;
}

/* The only mount rule of all, if there is but one. */
static bool find_only(const struct phx_source_text *text, struct mount *ret_mount) {
        phx_cleanup(phx_source_walk_freep) struct phx_source_walk *walk = phx_source_walk_new(text);
        struct phx_statement statement;
        struct mount mount;
        unsigned count = 0;

        while (phx_source_walk_next(walk, &statement)) {
                if (!take_mount(&statement, &mount))
                        continue;
                *ret_mount = mount;
                count++;
        }
        return count == 1;
}

/* --- options --- */

static bool judge_option(const struct mount *mount, const char *option, struct phx_bad_mount *bad) {
        bool is_newer = mounts_is_among(option, newer, PHX_ELEMENTS(newer));

        bad->place = mount->place;
        if (!mount->has_list && strchr(mount->options, ','))
                (void) snprintf(bad->why,
                                sizeof(bad->why),
                                "several mount options need parentheses: options=(%.100s)",
                                mount->options);
        else if (is_newer)
                (void) snprintf(bad->why,
                                sizeof(bad->why),
                                "the mount option '%s' requires AppArmor 4.0; this "
                                "apparmor_parser is older",
                                option);
        else
                (void) snprintf(bad->why,
                                sizeof(bad->why),
                                "the mount option '%s' is unknown to AppArmor; options of the "
                                "file system itself are not supported",
                                option);
        return true;
}

static bool is_wrong(const struct mount *mount, const char *option, const char *value) {
        if (!mount->has_list && strchr(mount->options, ','))
                return true;
        if (value)
                return strcmp(option, value) == 0;
        return !mounts_is_among(option, known, PHX_ELEMENTS(known));
}

bool phx_place_of_mount_option(
                const struct phx_source_text *text,
                const char *value,
                struct phx_bad_mount *ret_bad) {
        phx_cleanup(phx_source_walk_freep) struct phx_source_walk *walk = phx_source_walk_new(text);
        struct phx_statement statement;
        struct mount mount;
        char option[64];

        while (phx_source_walk_next(walk, &statement)) {
                const char *at = mount.options;

                if (!take_mount(&statement, &mount))
                        continue;
                while (take_option(&at, option))
                        if (is_wrong(&mount, option, value))
                                return judge_option(&mount, option, ret_bad);
        }
        if (!find_only(text, &mount))
                return false;
        ret_bad->place = mount.place;
        (void) snprintf(ret_bad->why,
                        sizeof(ret_bad->why),
                        "unknown mount options: '%.100s'",
                        mount.options);
        return true;
}

/* --- what excludes each other --- */

bool phx_place_of_mount_contradiction(
                const struct phx_source_text *text,
                struct phx_bad_mount *ret_bad) {
        static const char *const pairs[][2] = {
                { "ro", "rw" },
                { "suid", "nosuid" },
                { "dev", "nodev" },
                { "exec", "noexec" },
                { "sync", "async" },
                { "mand", "nomand" },
                { "atime", "noatime" },
                { "diratime", "nodiratime" },
                { "acl", "noacl" },
                { "r", "w" },
                { "relatime", "norelatime" },
                { "silent", "loud" },
                { "iversion", "noiversion" },
        };
        phx_cleanup(phx_source_walk_freep) struct phx_source_walk *walk = phx_source_walk_new(text);
        struct phx_statement statement;
        struct mount mount;

        while (phx_source_walk_next(walk, &statement)) {
                if (!take_mount(&statement, &mount))
                        continue;
                for (size_t i = 0; i < PHX_ELEMENTS(pairs); i++) {
                        if (!mounts_has(&mount, &pairs[i][0], 1) ||
                            !mounts_has(&mount, &pairs[i][1], 1))
                                continue;
                        ret_bad->place = mount.place;
                        (void) snprintf(ret_bad->why,
                                        sizeof(ret_bad->why),
                                        "the mount options '%s' and '%s' exclude each other",
                                        pairs[i][0],
                                        pairs[i][1]);
                        return true;
                }
        }
        return false;
}

static const char *const binds[] = { "bind", "B", "rbind", "R" };
static const char *const moves[] = { "move", "M" };
static const char *const remounts[] = { "remount" };
static const char *const propagations[] = {
        "unbindable",      "private",      "slave",       "shared",       "runbindable",
        "rprivate",        "rslave",       "rshared",     "make-slave",   "make-shared",
        "make-unbindable", "make-private", "make-rslave", "make-rshared", "make-runbindable",
        "make-rprivate",
};

static bool is_command(const char *option) {
        return mounts_is_among(option, binds, PHX_ELEMENTS(binds)) ||
               mounts_is_among(option, moves, PHX_ELEMENTS(moves)) ||
               mounts_is_among(option, remounts, PHX_ELEMENTS(remounts)) ||
               mounts_is_among(option, propagations, PHX_ELEMENTS(propagations));
}

/* What mount(2) does with a flag that is a command decides which of its arguments count. */
static const char *find_impossible(const struct mount *mount) {
        if (mounts_has(mount, binds, PHX_ELEMENTS(binds)))
                return mount->has_type ? "a bind mount has no type: remove fstype=" : NULL;
        if (mounts_has(mount, moves, PHX_ELEMENTS(moves)))
                return mount->has_type ? "a move has no type: remove fstype=" : NULL;
        if (mounts_has(mount, remounts, PHX_ELEMENTS(remounts))) {
                if (mount->has_type)
                        return "a remount has no type: remove fstype=";
                return mount->has_source ? "a remount has no source: expected '-> MOUNTPOINT' alone"
                                         : NULL;
        }
        if (!mounts_has(mount, propagations, PHX_ELEMENTS(propagations)))
                return NULL;
        if (mount->has_type)
                return "a change of propagation has no type: remove fstype=";
        return mount->has_source
                               ? "a change of propagation has no source: expected '-> MOUNTPOINT' "
                                 "alone"
                               : NULL;
}

/* Whether it has flags that are no commands: AppArmor 3.0 takes these for a mount of their own. */
static bool has_flags(const struct mount *mount) {
        const char *at = mount->options;
        char option[64];

        while (take_option(&at, option))
                if (!is_command(option))
                        return true;
        return false;
}

static bool find_impossible_mount(
                const struct phx_source_text *text,
                bool may_have_flags,
                struct phx_bad_mount *ret_bad) {
        phx_cleanup(phx_source_walk_freep) struct phx_source_walk *walk = phx_source_walk_new(text);
        struct phx_statement statement;
        struct mount mount;

        while (phx_source_walk_next(walk, &statement)) {
                const char *why = take_mount(&statement, &mount) ? find_impossible(&mount) : NULL;

                if (!why || (!may_have_flags && has_flags(&mount)))
                        continue;
                ret_bad->place = mount.place;
                (void) snprintf(ret_bad->why,
                                sizeof(ret_bad->why),
                                "this rule matches no mount: %s",
                                why);
                return true;
        }
        return false;
}

bool phx_place_of_impossible_mount(
                const struct phx_source_text *text,
                struct phx_bad_mount *ret_bad) {
        struct mount mount;

        if (find_impossible_mount(text, false, ret_bad) ||
            find_impossible_mount(text, true, ret_bad))
                return true;
        if (!find_only(text, &mount))
                return false;
        ret_bad->place = mount.place;
        (void) snprintf(ret_bad->why,
                        sizeof(ret_bad->why),
                        "this rule matches no mount: its options conflict with its other parts");
        return true;
}
