/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "pve/leftovers_draft.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/strings.h"
#include "pve/effect.h"
#include "state/lxc_options.h"

void phx_pve_draft_done(struct phx_pve_draft *draft) {
        for (size_t i = 0; draft->entries && i <= draft->text->count; i++) {
                free(draft->entries[i].written);
                free(draft->entries[i].added);
        }
        free(draft->entries);
        free(draft->changes);
}

size_t phx_pve_draft_index(const struct phx_pve_draft *draft, const struct phx_pve_line *line) {
        return (size_t) (line - draft->text->lines);
}

int phx_pve_draft_tell(
                struct phx_pve_draft *draft,
                enum phx_leftover kind,
                const struct phx_pve_line *line) {
        struct phx_pve_change *change =
                        phx_grow(&draft->changes, &draft->count, sizeof(*draft->changes));

        if (!change)
                return -ENOMEM;
        *change = (struct phx_pve_change){ kind, line };
        return 0;
}

int phx_pve_draft_remove(
                struct phx_pve_draft *draft,
                enum phx_leftover kind,
                const struct phx_pve_line *line) {
        struct phx_pve_entry *entry = &draft->entries[phx_pve_draft_index(draft, line)];

        if (entry->is_gone)
                return 0;
        entry->is_gone = true;
        return phx_pve_draft_tell(draft, kind, line);
}

/* "KEY: VALUE", for a line of its own. */
int phx_pve_draft_print(const char *key, const char *value, size_t size, char **ret_line) {
        return phx_printf(ret_line, "%s: %.*s\n", key, (int) size, value) < 0 ? -ENOMEM : 0;
}

bool phx_pve_includes_nesting(const struct phx_pve_line *line) {
        struct phx_lxc_option_text option = { .value = line->value,
                                              .value_size = line->value_size };

        if (line->kind != PHX_PVE_LXC || !phx_pve_line_sets(line, PHX_PVE_KEY_INCLUDE))
                return false;
        phx_lxc_option_unquote(&option);
        return phx_pve_is(option.value, option.value_size, PHX_PVE_LXC_CONFIG_DIR "/nesting.conf");
}

bool phx_pve_has_return(const struct phx_pve_line *line) {
        return line->kind == PHX_PVE_LXC && memchr(line->value, '\r', line->value_size);
}

/* --- what a section has --- */

static void leftover_reach_line(
                const struct phx_pve_draft *draft,
                const struct phx_pve_line *line,
                struct phx_pve_reach *reach) {
        const struct phx_pve_entry *entry = &draft->entries[phx_pve_draft_index(draft, line)];
        bool names_profile = phx_pve_line_sets(line, PHX_PVE_KEY_PROFILE);

        if (entry->written && phx_has_prefix(entry->written, PHX_PVE_KEY_PROFILE ":")) {
                *reach = (struct phx_pve_reach){ .decider = line,
                                                 .strength = PHX_PVE_NAMED,
                                                 .has_any = reach->has_any,
                                                 .denies_nesting = reach->denies_nesting };
                return;
        }
        if (entry->is_gone)
                return;
        if (phx_pve_line_sets(line, PHX_PVE_KEY_ALLOW_NESTING))
                reach->denies_nesting = !phx_pve_allows_nesting(line);
        if (names_profile)
                *reach = (struct phx_pve_reach){ .decider = line,
                                                 .strength = phx_pve_strength_of(line),
                                                 .has_any = reach->has_any,
                                                 .denies_nesting = reach->denies_nesting };
        if (phx_pve_includes_nesting(line)) {
                reach->has_nesting = reach->ends_nesting = true;
        } else if (phx_pve_has_return(line) || phx_pve_line_sets(line, PHX_PVE_KEY_INCLUDE)) {
                reach->has_other = reach->has_any = true;
                reach->ends_nesting = false;
        }
}

/* Of the section as the draft has it. */
struct phx_pve_reach phx_pve_draft_reach(const struct phx_pve_draft *draft, size_t section) {
        const struct phx_pve_section *place = &draft->text->sections[section];
        struct phx_pve_reach reach = { .strength = PHX_PVE_DEFAULT };

        /* Lines of the runtime Proxmox writes before all others. */
        for (unsigned pass = 0; pass < 2; pass++)
                for (size_t i = place->first; i < place->first + place->count; i++)
                        if (phx_pve_line_sets(&draft->text->lines[i], PHX_PVE_KEY_RUNTIME) ==
                            (pass == 0))
                                leftover_reach_line(draft, &draft->text->lines[i], &reach);
        return reach;
}

enum phx_pve_rank phx_pve_rank_of_strength(enum phx_pve_strength strength) {
        switch (strength) {
        case PHX_PVE_UNCONFINED:
                return PHX_PVE_RANK_UNCONFINED;
        case PHX_PVE_UNCHANGED:
                return PHX_PVE_RANK_UNCHANGED;
        case PHX_PVE_DEFAULT:
                return PHX_PVE_RANK_DEFAULT;
        case PHX_PVE_NAMED:
                break;
        }
        return PHX_PVE_RANK_NAMED;
}

enum phx_pve_rank phx_pve_rank_of(const struct phx_pve_reach *reach, enum phx_pve_rank otherwise) {
        if (reach->ends_nesting)
                return PHX_PVE_RANK_NESTING;
        if (reach->has_other)
                return otherwise;
        return reach->strength == PHX_PVE_DEFAULT && reach->decider
                               ? PHX_PVE_RANK_WRITTEN
                               : phx_pve_rank_of_strength(reach->strength);
}

/* Behind the last line of the section that is not blank. */
size_t phx_pve_draft_end(const struct phx_pve_draft *draft, size_t section) {
        const struct phx_pve_section *place = &draft->text->sections[section];
        size_t end = place->first + place->count;

        while (end > place->first && draft->text->lines[end - 1].kind == PHX_PVE_BLANK)
                end--;
        return end;
}

/* --- the new text --- */

static int leftover_add(struct phx_buffer *text, const char *line) {
        int r = 0;

        if (!line)
                return 0;
        if (text->size > 0 && text->data[text->size - 1] != '\n')
                r = phx_buffer_add_text(text, "\n");
        return r < 0 ? r : phx_buffer_add_text(text, line);
}

int phx_pve_draft_render(const struct phx_pve_draft *draft, struct phx_buffer *text) {
        int r = phx_buffer_add_text(text, "");

        for (size_t i = 0; r >= 0 && i <= draft->text->count; i++) {
                const struct phx_pve_entry *entry = &draft->entries[i];

                r = leftover_add(text, entry->added);
                if (r >= 0)
                        r = leftover_add(text, entry->written);
                if (r >= 0 && !entry->is_gone && i < draft->text->count)
                        r = phx_buffer_add(
                                        text,
                                        draft->text->lines[i].start,
                                        draft->text->lines[i].size);
        }
        return r;
}
