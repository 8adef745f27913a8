/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "policy/permissions.h"

#include <stdbool.h>
#include <string.h>

#include <sys/apparmor.h>

/* What the 32 bits of a word are that older parsers write for files: fourteen for the file's owner,
 * fourteen for others, and two for both. Of fourteen, seven are permissions, the rest says what
 * execution leads to. */
#define OWNER_BITS 0x7fU
#define OTHER_SHIFT 7U
#define OTHERS_SHIFT 14U
#define FILE_LINK 0x10U
#define FILE_LOCK 0x20U
#define FILE_MAP 0x40U
#define FILE_CHANGE_PROFILE 0x80000000U
#define FILE_ONEXEC 0x40000000U
#define FILE_EXEC_UNCONFINED 0x80U
#define FILE_EXEC_INHERIT 0x200U
#define FILE_EXEC_SHIFT 10U

/* An entry of a table: fourteen numbers, each of a byte of code and four of value; these are used.
 */
#define PERMS_NUMBERS 14U
#define NUMBER_SIZE 5U
#define PERMS_ALLOW 1U
#define PERMS_DENY 2U
#define PERMS_XINDEX 11U

/* Of the second word of a state: the entry is of the owner, and the next one of others. */
#define FLAG_OWNER 0x1U

static uint32_t exec_of_word(uint32_t bits) {
        uint32_t index = (bits >> FILE_EXEC_SHIFT) & 0xfU, exec = 0;

        if (bits & FILE_EXEC_INHERIT)
                exec |= PHX_EXEC_INHERIT;
        if (bits & FILE_EXEC_UNCONFINED)
                exec |= PHX_EXEC_UNCONFINED;
        switch (index) {
        case 0:
                return exec;
        case 1:
                return exec | PHX_EXEC_UNCONFINED;
        case 2:
                return exec | PHX_EXEC_NAME;
        case 3:
                return exec | PHX_EXEC_NAME | PHX_EXEC_CHILD;
        default:
                return exec | PHX_EXEC_TABLE | (index - 4);
        }
}

static struct phx_permissions permissions_of_word(uint32_t word) {
        uint32_t owner = word & OWNER_BITS, others = word >> OTHERS_SHIFT;
        struct phx_permissions permissions = { 0 };

        permissions.allow = owner & (AA_MAY_EXEC | AA_MAY_WRITE | AA_MAY_READ | AA_MAY_APPEND);
        permissions.allow |= AA_MAY_GETATTR;
        if (owner & AA_MAY_READ)
                permissions.allow |= AA_MAY_OPEN;
        if (owner & AA_MAY_WRITE)
                permissions.allow |= AA_MAY_SETATTR | AA_MAY_CREATE | AA_MAY_DELETE | AA_MAY_CHMOD |
                                     AA_MAY_CHOWN | AA_MAY_OPEN;
        if (owner & FILE_LINK)
                permissions.allow |= AA_MAY_LINK;
        if (owner & FILE_LOCK)
                permissions.allow |= AA_MAY_LOCK;
        if (owner & FILE_MAP)
                permissions.allow |= AA_EXEC_MMAP;
        if (word & FILE_CHANGE_PROFILE)
                permissions.allow |= AA_MAY_CHANGE_PROFILE;
        if (word & FILE_ONEXEC)
                permissions.allow |= AA_MAY_ONEXEC;
        permissions.may_exec[0] = word & AA_MAY_EXEC;
        permissions.may_exec[1] = others & AA_MAY_EXEC;
        permissions.exec[0] = permissions.may_exec[0] ? exec_of_word(word) : 0;
        permissions.exec[1] = permissions.may_exec[1] ? exec_of_word(others) : 0;
        return permissions;
}

/* 0 for what is not in the table: nothing is allowed by it. */
static uint32_t number_of(
                const void *blob,
                size_t size,
                const struct phx_policy_rules *rules,
                uint32_t index,
                uint32_t which) {
        size_t at = rules->perms_offset + ((size_t) index * PERMS_NUMBERS + which) * NUMBER_SIZE +
                    1;
        const uint8_t *bytes = blob;

        if (index >= rules->perms || at + 4 > size)
                return 0;
        return (uint32_t) bytes[at] | (uint32_t) bytes[at + 1] << 8 |
               (uint32_t) bytes[at + 2] << 16 | (uint32_t) bytes[at + 3] << 24;
}

static uint32_t allowed_of(
                const void *blob,
                size_t size,
                const struct phx_policy_rules *rules,
                uint32_t index) {
        return number_of(blob, size, rules, index, PERMS_ALLOW) &
               ~number_of(blob, size, rules, index, PERMS_DENY);
}

static struct phx_permissions permissions_of_table(
                const void *blob,
                size_t size,
                const struct phx_policy_rules *rules,
                const struct phx_automaton *automaton,
                uint32_t state) {
        uint32_t index[2] = { phx_automaton_accept(automaton, state) };
        struct phx_permissions permissions = { 0 };

        index[1] = index[0] + (phx_automaton_accept_more(automaton, state) & FLAG_OWNER);
        permissions.allow = allowed_of(blob, size, rules, index[0]);
        for (size_t i = 0; i < 2; i++) {
                permissions.may_exec[i] = allowed_of(blob, size, rules, index[i]) & AA_MAY_EXEC;
                permissions.exec[i] = permissions.may_exec[i] ? number_of(blob,
                                                                          size,
                                                                          rules,
                                                                          index[i],
                                                                          PERMS_XINDEX)
                                                              : 0;
        }
        return permissions;
}

struct phx_permissions phx_permissions_of_file(
                const void *blob,
                size_t size,
                const struct phx_policy_rules *rules,
                const struct phx_automaton *automaton,
                uint32_t state) {
        return rules->perms > 0 ? permissions_of_table(blob, size, rules, automaton, state)
                                : permissions_of_word(phx_automaton_accept(automaton, state));
}

/* Of older parsers: the second seven bits extend the first. */
struct phx_permissions phx_permissions_of_other(
                const void *blob,
                size_t size,
                const struct phx_policy_rules *rules,
                const struct phx_automaton *automaton,
                uint32_t state) {
        uint32_t word, more;

        if (rules->perms > 0)
                return permissions_of_table(blob, size, rules, automaton, state);
        word = phx_automaton_accept(automaton, state);
        more = (word >> OTHER_SHIFT) & OWNER_BITS;
        return (struct phx_permissions){ .allow = (word & OWNER_BITS) | (more & 0x3U) << 8 |
                                                  (more & 0x1cU) << 18 | (more & 0x60U) << 19 };
}
