/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "compiler/account.h"

#include <errno.h>
#include <string.h>

/* A line "name:password:uid:gid:…". */
struct line {
        const char *name;
        size_t name_length;
        struct phx_compiler_account ids;
};

/* Decimal digits up to the colon, and behind it. */
static bool take_id(const char **at, uint32_t *ret_id) {
        uint64_t id = 0;
        const char *digit = *at;

        while (*digit >= '0' && *digit <= '9' && id <= UINT32_MAX)
                id = id * 10 + (uint64_t) (*digit++ - '0');
        if (digit == *at || *digit != ':' || id >= UINT32_MAX)
                return false;
        *ret_id = (uint32_t) id;
        *at = digit + 1;
        return true;
}

static bool take_field(const char **at, const char **ret_field, size_t *ret_length) {
        *ret_field = *at;
        *ret_length = strcspn(*at, ":\n");
        if ((*at)[*ret_length] != ':')
                return false;
        *at += *ret_length + 1;
        return true;
}

/* False for what is no account of this machine: a comment, or NIS's "+". */
static bool account_parse_line(const char *at, struct line *ret_line) {
        const char *password;
        size_t length;

        return take_field(&at, &ret_line->name, &ret_line->name_length) &&
               take_field(&at, &password, &length) && take_id(&at, &ret_line->ids.uid) &&
               take_id(&at, &ret_line->ids.gid);
}

static bool account_is_named(const struct line *line, const char *name) {
        return line->name_length == strlen(name) &&
               memcmp(line->name, name, line->name_length) == 0;
}

/* The next line that is an account, from *AT on. */
static bool account_next(const char **at, struct line *ret_line) {
        while (**at) {
                const char *begin = *at;

                *at += strcspn(begin, "\n");
                *at += **at == '\n';
                if (account_parse_line(begin, ret_line))
                        return true;
        }
        return false;
}

static bool account_find(const char *text, struct line *ret_line) {
        while (account_next(&text, ret_line))
                if (account_is_named(ret_line, PHX_COMPILER_ACCOUNT))
                        return true;
        return false;
}

static bool find_sharer(const char *text, const struct line *own, struct line *ret_other) {
        while (account_next(&text, ret_other))
                if (ret_other->ids.uid == own->ids.uid &&
                    !account_is_named(ret_other, PHX_COMPILER_ACCOUNT))
                        return true;
        return false;
}

int phx_compiler_account_find(
                struct phx_files *files,
                const char *accounts,
                struct phx_compiler_account *ret_account,
                struct phx_error *error) {
        const struct phx_file_seen *seen = phx_files_get(files, accounts);
        struct line own = { 0 }, other = { 0 };

        if (!seen)
                return -ENOMEM;
        if (seen->result < 0 && seen->result != -ENOENT)
                return phx_error_copy(error, seen->result, seen->error);
        if (seen->result < 0 || !account_find(seen->text, &own))
                return phx_error_set(
                                error,
                                -ENOENT,
                                "profiles are compiled as the user " PHX_COMPILER_ACCOUNT
                                ", which does not exist; run systemd-sysusers");
        if (own.ids.uid == 0 || own.ids.gid == 0)
                return phx_error_set(
                                error,
                                -EPERM,
                                "the user " PHX_COMPILER_ACCOUNT
                                " has uid or gid 0, expected an unprivileged user and group");
        if (find_sharer(seen->text, &own, &other))
                return phx_error_set(
                                error,
                                -EPERM,
                                "the user " PHX_COMPILER_ACCOUNT
                                " shares the uid %u with %.*s, expected a separate uid",
                                (unsigned) own.ids.uid,
                                (int) other.name_length,
                                other.name);
        *ret_account = own.ids;
        return 0;
}
