/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "lint/lint.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lint/private.h"
#include "policy/words.h"

/* Of the names that one sentence tells. */
#define NAMES_TOLD 3

static void lint_done(struct lint *lint) {
        phx_policy_graph_free(lint->files);
        phx_policy_graph_free(lint->others);
        phx_profile_text_done(&lint->text);
}

int lint_names_add(struct lint_names *names, const char *name) {
        if (names->count++ == 0)
                names->first = name;
        if (names->count > NAMES_TOLD)
                return 0;
        return phx_buffer_addf(&names->words, "%s%s", names->count > 1 ? ", " : "", name);
}

static int end_names(struct lint_names *names) {
        if (names->count <= NAMES_TOLD)
                return 0;
        return phx_buffer_addf(&names->words, " and %zu more", names->count - NAMES_TOLD);
}

void lint_names_done(struct lint_names *names) {
        phx_buffer_done(&names->words);
}

int lint_add(struct lint *lint,
             enum phx_rule rule,
             const struct lint_place *place,
             const char *format,
             ...) {
        bool is_child = strcmp(lint->entry->name, lint->family) != 0;
        phx_autofree char *what = NULL, *text = NULL;
        struct phx_lint *item;
        va_list arguments;
        int r;

        va_start(arguments, format);
        r = phx_vprintf(&what, format, arguments);
        va_end(arguments);
        if (r < 0)
                return r;
        if (phx_printf(&text,
                       "the container%s%s%s %s",
                       is_child ? ", once in " : "",
                       is_child ? lint->entry->name : "",
                       is_child ? "," : "",
                       what) < 0)
                return -ENOMEM;
        item = phx_lints_add(lint->lints, rule, text);
        r = item ? lint_locate(lint, place, item) : -ENOMEM;
        if (r <= 0 || place->words != LINT_MOUNT)
                return r < 0 ? r : 0;
        free(item->text);
        return phx_printf(
                        &item->text,
                        "%s, by a mount rule that the parser compiles into more than it says",
                        text);
}

int lint_add_names(
                struct lint *lint,
                enum phx_rule rule,
                const struct lint_place *place,
                struct lint_names *found,
                const char *before,
                const char *after) {
        int r;

        if (found->count == 0)
                return 0;
        r = end_names(found);
        return r < 0 ? r : lint_add(lint, rule, place, "%s%s%s", before, found->words.data, after);
}

bool lint_may_open(const struct lint *lint, const char *path, uint32_t mask) {
        uint32_t state;

        if (!lint->files)
                return false;
        state = phx_policy_graph_run(
                        lint->files,
                        phx_policy_graph_start(lint->files),
                        path,
                        strlen(path));
        return state != 0 && phx_policy_graph_permissions(lint->files, state).allow & mask;
}

/* What is in force by the settings' leave alone, or by a flag that grants what no rule denies. */
static int lint_mode(struct lint *lint) {
        const struct lint_place place = { LINT_HEADER, NULL, NULL };
        enum phx_policy_mode mode = lint->entry->mode;

        if (!phx_policy_mode_is_enforced(mode))
                return lint_add(lint,
                                PHX_RULE_NOT_ENFORCED,
                                &place,
                                "is not confined: the mode of the profile is %s",
                                phx_policy_mode_to_string(mode));
        for (size_t i = 0; i < lint->text.count; i++) {
                const struct phx_statement *statement = &lint->text.items[i];

                if (strcmp(statement->scope, lint->entry->name) != 0)
                        continue;
                for (size_t j = 0; j < statement->words.count; j++)
                        if (phx_has_prefix(statement->words.items[j], "flags=") &&
                            strstr(statement->words.items[j], "default_allow"))
                                return lint_add(lint,
                                                PHX_RULE_NOT_ENFORCED,
                                                &place,
                                                "may do whatever no rule denies: the profile has "
                                                "the flag default_allow");
                break; /* the first is what opens it */
        }
        return 0;
}

static int lint_capabilities(struct lint *lint) {
        static const char *const names[] = { "sys_module", "sys_rawio", "mac_override" };
        phx_cleanup(lint_names_done) struct lint_names found = { 0 };
        struct lint_place place = { LINT_CAPABILITY, NULL, NULL };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < PHX_ELEMENTS(names); i++) {
                unsigned number = 0;

                if (phx_word_capability(names[i], &number) &&
                    (lint->entry->capabilities >> number) & 1)
                        r = lint_names_add(&found, names[i]);
        }
        place.name = found.first;
        return r < 0 ? r
                     : lint_add_names(lint,
                                      PHX_RULE_KERNEL_CAPABILITIES,
                                      &place,
                                      &found,
                                      "may use the capabilities ",
                                      "");
}

/* --- the profile --- */

static int build(
                const struct lint *lint,
                const struct phx_policy_rules *rules,
                bool is_of_files,
                struct phx_policy_graph **ret_graph,
                struct phx_error *error) {
        phx_policy_graph_freep(ret_graph);
        *ret_graph = NULL;
        if (rules->size == 0)
                return 0;
        return phx_policy_graph_new(
                        lint->subject->blob,
                        lint->subject->size,
                        rules,
                        is_of_files,
                        ret_graph,
                        error);
}

static int lint_entry(
                struct lint *lint,
                const struct phx_policy_entry *entry,
                struct phx_error *error) {
        static int (*const asks[])(struct lint *) = { lint_leaving, lint_mode,  lint_tasks,
                                                      lint_mounts,  lint_files, lint_capabilities };
        int r;

        lint->entry = entry;
        r = build(lint, &entry->files, true, &lint->files, error);
        if (r >= 0)
                r = build(lint, &entry->others, false, &lint->others, error);
        for (size_t i = 0; r >= 0 && i < PHX_ELEMENTS(asks); i++)
                r = asks[i](lint);
        return r;
}

int phx_lint_profile(
                const struct phx_lint_subject *subject,
                struct phx_lints *lints,
                struct phx_error *error) {
        phx_cleanup(lint_done) struct lint lint = {
                .subject = subject,
                .family = subject->source->name,
                .lints = lints,
        };
        int r;

        r = phx_profile_text_read(subject->source, &lint.text);
        for (size_t i = 0; r >= 0 && i < subject->policy->count; i++)
                r = lint_entry(&lint, &subject->policy->entries[i], error);
        return r < 0 ? r : lint_abi(&lint);
}
