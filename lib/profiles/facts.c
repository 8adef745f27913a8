/* SPDX-License-Identifier: GPL-2.0-or-later */

/* KEY.facts is a sealed file (base/seal.h) of texts (base/texts.h):
 *
 *   the program, the kind of the hashes, the policy's checksum and size, the line,
 *   the stamps of policy and text
 *   how many entries, and of each what add_entry() writes
 *   whether the rules were asked, how many findings, and of each what facts_add_lint() writes
 *
 * It is written after the policy that it is about. A crash between the two leaves none, or that of
 * an earlier policy of the same key, which is nearly always the same one: the checksum tells, when
 * the policy is read to be loaded. */

#include "profiles/facts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/grow.h"
#include "base/texts.h"

#define MAGIC "phoenixd-facts 2"
#define SUFFIX ".facts"
#define FILE_LIMIT (1UL << 20)

void phx_facts_done(struct phx_facts *facts) {
        phx_policy_done(&facts->policy);
        phx_lints_done(&facts->lints);
        *facts = (struct phx_facts){ 0 };
}

static int facts_file_name(const char *key, char name[PHX_SHA256_HEX + sizeof(SUFFIX)]) {
        if (!phx_is_sha256(key))
                return -EINVAL;
        (void) snprintf(name, PHX_SHA256_HEX + sizeof(SUFFIX), "%s" SUFFIX, key);
        return 0;
}

/* --- to the file --- */

static int facts_add_numbers(struct phx_buffer *bytes, const uint64_t *numbers, size_t count) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < count; i++)
                r = phx_texts_add_number(bytes, numbers[i]);
        return r;
}

static int add_rules(struct phx_buffer *bytes, const struct phx_policy_rules *rules) {
        const uint64_t numbers[] = { rules->offset,
                                     rules->size,
                                     rules->start,
                                     rules->perms_offset,
                                     rules->perms };

        return facts_add_numbers(bytes, numbers, PHX_ELEMENTS(numbers));
}

static int add_entry(struct phx_buffer *bytes, const struct phx_policy_entry *entry) {
        const uint64_t numbers[] = { (uint64_t) entry->mode,
                                     entry->has_attachment,
                                     entry->capabilities };
        int r;

        r = phx_texts_add(bytes, entry->name);
        if (r >= 0)
                r = facts_add_numbers(bytes, numbers, PHX_ELEMENTS(numbers));
        if (r >= 0)
                r = phx_texts_add(bytes, entry->hash);
        if (r >= 0)
                r = add_rules(bytes, &entry->files);
        if (r >= 0)
                r = add_rules(bytes, &entry->others);
        if (r >= 0)
                r = phx_texts_add_number(bytes, entry->transitions.count);
        for (size_t i = 0; r >= 0 && i < entry->transitions.count; i++)
                r = phx_texts_add(bytes, entry->transitions.items[i]);
        return r;
}

static int facts_add_lint(struct phx_buffer *bytes, const struct phx_lint *lint) {
        const uint64_t numbers[] = { (uint64_t) lint->rule,
                                     lint->line,
                                     lint->included_line,
                                     lint->column };
        int r;

        r = facts_add_numbers(bytes, numbers, PHX_ELEMENTS(numbers));
        if (r >= 0)
                r = phx_texts_add(bytes, lint->text);
        if (r >= 0)
                r = phx_texts_add(bytes, lint->source);
        return r < 0 ? r : phx_texts_add(bytes, lint->included_file);
}

int phx_facts_add(struct phx_buffer *bytes, const struct phx_facts *facts) {
        int r;

        r = phx_texts_add_number(bytes, (uint64_t) facts->policy.hash_kind);
        if (r >= 0)
                r = phx_texts_add(bytes, facts->checksum);
        if (r >= 0)
                r = phx_texts_add_number(bytes, facts->size);
        if (r >= 0)
                r = phx_texts_add_number(bytes, facts->line);
        if (r >= 0)
                r = phx_texts_add_stamp(bytes, &facts->policy_stamp);
        if (r >= 0)
                r = phx_texts_add_stamp(bytes, &facts->text_stamp);
        if (r >= 0)
                r = phx_texts_add_number(bytes, facts->policy.count);
        for (size_t i = 0; r >= 0 && i < facts->policy.count; i++)
                r = add_entry(bytes, &facts->policy.entries[i]);
        if (r >= 0)
                r = phx_texts_add_number(bytes, facts->is_linted);
        if (r >= 0)
                r = phx_texts_add_number(bytes, facts->lints.count);
        for (size_t i = 0; r >= 0 && i < facts->lints.count; i++)
                r = facts_add_lint(bytes, &facts->lints.items[i]);
        return r;
}

void phx_facts_keep(
                int dir_fd,
                const char *program,
                const char *key,
                const struct phx_facts *facts) {
        phx_cleanup(phx_buffer_done) struct phx_buffer bytes = { 0 }, file = { 0 };
        char name[PHX_SHA256_HEX + sizeof(SUFFIX)], checksum[PHX_SEAL_HEX];

        if (facts_file_name(key, name) < 0 || phx_texts_add(&bytes, program) < 0 ||
            phx_facts_add(&bytes, facts) < 0)
                return;
        phx_seal_checksum(key, bytes.data, bytes.size, checksum);
        if (phx_seal_render(&file, MAGIC, checksum, bytes.data, bytes.size) >= 0)
                (void) phx_file_write_unsynced_at(dir_fd, name, file.data, file.size, 0600);
}

/* --- and back --- */

static void take_rules(struct phx_texts *texts, struct phx_policy_rules *ret_rules) {
        ret_rules->offset = phx_texts_next_number(texts);
        ret_rules->size = phx_texts_next_number(texts);
        ret_rules->start = (uint32_t) phx_texts_next_number(texts);
        ret_rules->perms_offset = phx_texts_next_number(texts);
        ret_rules->perms = (uint32_t) phx_texts_next_number(texts);
}

static bool are_rules_within(const struct phx_policy_rules *rules, size_t size) {
        return rules->size <= size && rules->offset <= size - rules->size &&
               rules->perms_offset <= size;
}

static int take_transitions(struct phx_texts *texts, struct phx_strings *transitions) {
        uint64_t count = phx_texts_next_number(texts);
        int r = 0;

        for (uint64_t i = 0; r >= 0 && i < count && !texts->is_short; i++)
                r = phx_strings_add(transitions, phx_texts_next(texts));
        return r;
}

static int take_entry(struct phx_texts *texts, struct phx_facts *facts) {
        struct phx_policy *policy = &facts->policy;
        struct phx_policy_entry *entry = phx_grow(&policy->entries, &policy->count, sizeof(*entry));
        int r;

        if (!entry || phx_replace(&entry->name, phx_texts_next(texts)) < 0)
                return -ENOMEM;
        entry->mode = (enum phx_policy_mode) phx_texts_next_number(texts);
        entry->has_attachment = phx_texts_next_number(texts) > 0;
        entry->capabilities = phx_texts_next_number(texts);
        (void) snprintf(entry->hash, sizeof(entry->hash), "%s", phx_texts_next(texts));
        take_rules(texts, &entry->files);
        take_rules(texts, &entry->others);
        r = take_transitions(texts, &entry->transitions);
        if (r < 0)
                return r;
        return texts->is_short || (unsigned) entry->mode >= PHX_POLICY_MODES ||
                                               !are_rules_within(&entry->files, facts->size) ||
                                               !are_rules_within(&entry->others, facts->size)
                               ? -ENOENT
                               : 0;
}

static int facts_take_lint(struct phx_texts *texts, struct phx_lints *lints) {
        enum phx_rule rule = (enum phx_rule) phx_texts_next_number(texts);
        unsigned line = (unsigned) phx_texts_next_number(texts);
        unsigned included_line = (unsigned) phx_texts_next_number(texts);
        unsigned column = (unsigned) phx_texts_next_number(texts);
        const char *text = phx_texts_next(texts);
        struct phx_lint *lint;

        if (!phx_rule_to_string(rule))
                return -ENOENT;
        lint = phx_lints_add(lints, rule, text);
        if (!lint || phx_replace(&lint->source, phx_texts_next_or_null(texts)) < 0 ||
            phx_replace(&lint->included_file, phx_texts_next_or_null(texts)) < 0)
                return -ENOMEM;
        lint->line = line;
        lint->included_line = included_line;
        lint->column = column;
        return texts->is_short ? -ENOENT : 0;
}

static int facts_take(struct phx_texts *texts, struct phx_facts *facts) {
        uint64_t count;
        int r = 0;

        facts->policy.hash_kind = (enum phx_hash_kind) phx_texts_next_number(texts);
        (void) snprintf(facts->checksum, sizeof(facts->checksum), "%s", phx_texts_next(texts));
        facts->size = phx_texts_next_number(texts);
        facts->line = (unsigned) phx_texts_next_number(texts);
        facts->policy_stamp = phx_texts_next_stamp(texts);
        facts->text_stamp = phx_texts_next_stamp(texts);
        count = phx_texts_next_number(texts);
        for (uint64_t i = 0; r >= 0 && i < count; i++)
                r = take_entry(texts, facts);
        if (r < 0)
                return r;
        facts->is_linted = phx_texts_next_number(texts) > 0;
        count = phx_texts_next_number(texts);
        for (uint64_t i = 0; r >= 0 && i < count; i++)
                r = facts_take_lint(texts, &facts->lints);
        if (r < 0)
                return r;
        return !texts->is_short && facts->policy.count > 0 ? 0 : -ENOENT;
}

int phx_facts_next(struct phx_texts *texts, struct phx_facts *ret_facts) {
        phx_cleanup(phx_facts_done) struct phx_facts facts = { 0 };
        int r = facts_take(texts, &facts);

        if (r < 0)
                return r;
        *ret_facts = PHX_TAKE_STRUCT(facts);
        return 0;
}

int phx_facts_recall(
                int dir_fd,
                const char *program,
                const char *key,
                enum phx_hash_kind kind,
                struct phx_facts *ret_facts) {
        phx_cleanup(phx_facts_done) struct phx_facts facts = { 0 };
        char name[PHX_SHA256_HEX + sizeof(SUFFIX)];
        phx_autofree char *file = NULL;
        const char *bytes;
        struct phx_texts texts;
        size_t size = 0;
        int r;

        if (facts_file_name(key, name) < 0 ||
            phx_file_read_at(dir_fd, name, FILE_LIMIT, &file, &size) < 0)
                return -ENOENT;
        bytes = phx_seal_open(MAGIC, key, file, size, &size, NULL);
        if (!bytes)
                return -ENOENT;
        texts = phx_texts_of(bytes, size);
        if (strcmp(phx_texts_next(&texts), program) != 0)
                return -ENOENT;
        r = facts_take(&texts, &facts);
        if (r < 0)
                return r;
        if (!phx_texts_are_read(&texts) ||
            (kind != PHX_HASH_NONE && kind != facts.policy.hash_kind))
                return -ENOENT;
        *ret_facts = PHX_TAKE_STRUCT(facts);
        return 0;
}

void phx_facts_remove(int dir_fd, const char *key) {
        char name[PHX_SHA256_HEX + sizeof(SUFFIX)];

        if (facts_file_name(key, name) >= 0)
                (void) unlinkat(dir_fd, name, 0);
}
