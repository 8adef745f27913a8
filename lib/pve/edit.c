/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A draft has one entry for each line of the main section, and all decisions are made before a byte
 * is written:
 *
 *   1. drop the lines to be removed: for each item the last one that reads so
 *   2. give each setting its line: the last that is right, else the last, which is written again in
 *      place; the others are dropped. A profile whose line something later may overrule loses it
 *   3. find places for what has no line yet: an index of an entry before which it goes, up to the
 *      end, which is behind the last line that is not blank
 *   4. render: at each index first what goes there, then the entry; then all other sections as they
 *      are
 *
 * Applied to its own result an edit changes nothing, which the fuzz target pve-text requires: each
 * line that was written is the last right one of its key, and the tail is dropped and finds its old
 * place, since it is placed by lines that are none of its own. */

#include "pve/edit.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "state/lxc_options.h"

#define NOWHERE ((size_t) -1)

struct entry {
        const struct phx_pve_line *line;
        bool is_dropped;
        const struct phx_pve_setting *written; /* in place of the line */
};

struct draft {
        const struct phx_pve_edit *edit;
        const struct phx_pve_text *text;
        struct entry *entries; /* of the main section's lines */
        size_t count;
        size_t *places;   /* of each setting that has no line yet, else NOWHERE */
        size_t end;       /* behind the last line that is not blank */
        size_t runtime;   /* where a line of lxc.environment.runtime goes */
        bool has_runtime; /* behind others of that key */
        size_t tail;
};

void phx_pve_edit_done(struct phx_pve_edit *edit) {
        for (size_t i = 0; i < edit->n_settings; i++) {
                free(edit->settings[i].key);
                free(edit->settings[i].value);
        }
        free(edit->settings);
        phx_strings_done(&edit->removed);
        phx_strings_done(&edit->tail);
        *edit = (struct phx_pve_edit){ 0 };
}

static struct phx_pve_setting *edit_find(
                const struct phx_pve_edit *edit,
                const char *key,
                size_t size) {
        for (size_t i = 0; i < edit->n_settings; i++)
                if (phx_pve_is(key, size, edit->settings[i].key))
                        return &edit->settings[i];
        return NULL;
}

static int compare_settings(const void *a, const void *b) {
        const struct phx_pve_setting *x = a, *y = b;

        return strcmp(x->key, y->key);
}

int phx_pve_edit_set(struct phx_pve_edit *edit, const char *key, const char *value) {
        phx_autofree char *key_copy = NULL, *value_copy = NULL;
        struct phx_pve_setting *setting = edit_find(edit, key, strlen(key));

        if (setting)
                return phx_replace(&setting->value, value);
        if (phx_replace(&key_copy, key) < 0 || phx_replace(&value_copy, value) < 0)
                return -ENOMEM;
        setting = phx_grow(&edit->settings, &edit->n_settings, sizeof(*setting));
        if (!setting)
                return -ENOMEM;
        setting->key = PHX_TAKE(key_copy);
        setting->value = PHX_TAKE(value_copy);
        qsort(edit->settings, edit->n_settings, sizeof(*setting), compare_settings);
        return 0;
}

static void pve_draft_done(struct draft *draft) {
        free(draft->entries);
        free(draft->places);
}

/* --- what is refused --- */

/* A NUL ends the generated config for liblxc, and with it all lines of ours that come later. */
static int check_nul(const struct phx_pve_line *line, struct phx_error *error) {
        const char *nul;

        if (line->kind != PHX_PVE_KEY && line->kind != PHX_PVE_LXC)
                return 0;
        nul = memchr(line->start, '\0', line->size);
        return nul ? phx_error_set(error,
                                   -EINVAL,
                                   "line %u, column %zu: found a NUL byte, where liblxc stops "
                                   "reading",
                                   line->number,
                                   (size_t) (nul - line->start) + 1)
                   : 0;
}

static int check_lines(const struct draft *draft, struct phx_error *error) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < draft->count; i++)
                if (!draft->entries[i].is_dropped && !draft->entries[i].written)
                        r = check_nul(draft->entries[i].line, error);
        return r;
}

/* --- what is dropped --- */

static bool pve_is_value(const struct phx_pve_line *line, const char *value, size_t size) {
        struct phx_lxc_option_text have = { .value = line->value, .value_size = line->value_size };
        struct phx_lxc_option_text want = { .value = value, .value_size = size };

        if (line->kind == PHX_PVE_LXC) {
                phx_lxc_option_unquote(&have);
                phx_lxc_option_unquote(&want);
        }
        return have.value_size == want.value_size &&
               memcmp(have.value, want.value, want.value_size) == 0;
}

static bool pve_is_item(const struct phx_pve_line *line, const struct phx_lxc_option_text *item) {
        return line->kind == PHX_PVE_LXC && line->key_size == item->key_size &&
               memcmp(line->key, item->key, item->key_size) == 0 &&
               pve_is_value(line, item->value, item->value_size);
}

/* By a setting, as the profile always is. */
static bool is_managed(const struct phx_pve_edit *edit, const struct phx_lxc_option_text *item) {
        return phx_pve_is(item->key, item->key_size, PHX_PVE_KEY_PROFILE) ||
               edit_find(edit, item->key, item->key_size) != NULL;
}

static void pve_drop_item(struct draft *draft, const char *item) {
        struct phx_lxc_option_text option;

        if (!phx_lxc_option_split(item, &option) || is_managed(draft->edit, &option))
                return;
        for (size_t i = draft->count; i-- > 0;) {
                struct entry *entry = &draft->entries[i];

                if (entry->is_dropped || !pve_is_item(entry->line, &option))
                        continue;
                entry->is_dropped = true;
                return;
        }
}

/* --- the settings' lines --- */

static bool may_overrule(const struct phx_pve_line *line) {
        return line->kind == PHX_PVE_LXC && (phx_pve_line_sets(line, PHX_PVE_KEY_INCLUDE) ||
                                             memchr(line->value, '\r', line->value_size));
}

static bool is_overruled_later(const struct draft *draft, size_t index) {
        for (size_t i = index + 1; i < draft->count; i++)
                if (!draft->entries[i].is_dropped && may_overrule(draft->entries[i].line))
                        return true;
        return false;
}

/* Lines whose order means something: those of the runtime Proxmox writes before all others. */
static bool is_in_order(const struct entry *entry) {
        return !entry->is_dropped && entry->line->kind == PHX_PVE_LXC &&
               !phx_pve_line_sets(entry->line, PHX_PVE_KEY_RUNTIME);
}

static bool is_last_lxc(const struct draft *draft, size_t index) {
        for (size_t i = index + 1; i < draft->count; i++)
                if (is_in_order(&draft->entries[i]))
                        return false;
        return true;
}

/* Whether a line that is still to be added includes. */
static bool tail_has_include(const struct draft *draft) {
        struct phx_lxc_option_text option;

        for (size_t i = 0; i < draft->edit->n_settings; i++)
                if (draft->places[i] != NOWHERE &&
                    strcmp(draft->edit->settings[i].key, PHX_PVE_KEY_INCLUDE) == 0)
                        return true;

        for (size_t i = 0; i < draft->edit->tail.count; i++)
                if (phx_lxc_option_split(draft->edit->tail.items[i], &option) &&
                    !is_managed(draft->edit, &option) &&
                    phx_pve_is(option.key, option.key_size, PHX_PVE_KEY_INCLUDE))
                        return true;
        return false;
}

static bool pve_is_profile(const struct phx_pve_setting *setting) {
        return strcmp(setting->key, PHX_PVE_KEY_PROFILE) == 0;
}

/* The tail goes before a profile's line that is the last, and behind any other. */
static bool may_stay(
                const struct draft *draft,
                const struct phx_pve_setting *setting,
                size_t index) {
        if (!pve_is_profile(setting))
                return true;
        if (is_overruled_later(draft, index))
                return false;
        return is_last_lxc(draft, index) || !tail_has_include(draft);
}

/* The line of the setting: the last right one, else the last; NOWHERE for none. */
static size_t choose_line(const struct draft *draft, const struct phx_pve_setting *setting) {
        size_t chosen = NOWHERE;

        for (size_t i = draft->count; i-- > 0;) {
                const struct phx_pve_line *line = draft->entries[i].line;

                if (draft->entries[i].is_dropped || !phx_pve_line_sets(line, setting->key))
                        continue;
                if (setting->value && pve_is_value(line, setting->value, strlen(setting->value)))
                        return i;
                if (chosen == NOWHERE)
                        chosen = i;
        }
        return chosen;
}

/* Others with the key are dropped before it is judged whether the line may stay. True when the
 * setting has a line now, or needs none. */
static bool mark_setting(struct draft *draft, const struct phx_pve_setting *setting) {
        const size_t chosen = setting->value ? choose_line(draft, setting) : NOWHERE;

        for (size_t i = 0; i < draft->count; i++)
                if (i != chosen && phx_pve_line_sets(draft->entries[i].line, setting->key))
                        draft->entries[i].is_dropped = true;
        if (!setting->value)
                return true;
        if (chosen == NOWHERE)
                return false;
        if (!may_stay(draft, setting, chosen)) {
                draft->entries[chosen].is_dropped = true;
                return false;
        }
        if (!pve_is_value(draft->entries[chosen].line, setting->value, strlen(setting->value)))
                draft->entries[chosen].written = setting;
        return true;
}

/* All but the profile's, or that one, which is judged by the lines that the others leave. */
static void mark_settings(struct draft *draft, bool wants_profile) {
        for (size_t i = 0; i < draft->edit->n_settings; i++) {
                const struct phx_pve_setting *setting = &draft->edit->settings[i];

                if (pve_is_profile(setting) == wants_profile)
                        draft->places[i] = mark_setting(draft, setting) ? NOWHERE : 0;
        }
}

/* --- places --- */

/* Behind the last line that is not blank. */
static size_t find_end(const struct draft *draft) {
        size_t end = draft->count;

        while (end > 0 && draft->entries[end - 1].line->kind == PHX_PVE_BLANK)
                end--;
        return end;
}

/* Proxmox sorts ordinary keys by their bytes, and puts them before the lxc lines. */
static size_t place_ordinary(const struct draft *draft, const char *key) {
        size_t place = NOWHERE, lxc = draft->end;

        for (size_t i = 0; i < draft->count; i++) {
                const struct phx_pve_line *line = draft->entries[i].line;
                size_t size = line->key_size < strlen(key) ? line->key_size : strlen(key);
                int order;

                if (line->kind == PHX_PVE_LXC && lxc == draft->end)
                        lxc = i;
                if (line->kind != PHX_PVE_KEY)
                        continue;
                order = memcmp(line->key, key, size);
                if (order > 0 || (order == 0 && line->key_size > size))
                        return i;
                place = i + 1;
        }
        return place != NOWHERE ? place : lxc;
}

/* Behind the others of that key, else before all lxc lines. */
static void place_runtime(struct draft *draft) {
        draft->runtime = draft->end;
        for (size_t i = draft->count; i-- > 0 && !draft->has_runtime;) {
                const struct entry *entry = &draft->entries[i];

                if (entry->is_dropped || entry->line->kind != PHX_PVE_LXC)
                        continue;
                draft->has_runtime = phx_pve_line_sets(entry->line, PHX_PVE_KEY_RUNTIME);
                draft->runtime = draft->has_runtime ? i + 1 : i;
        }
}

/* The profile's line stays the last where it is that. */
static size_t pve_place_tail(const struct draft *draft) {
        for (size_t i = draft->count; i-- > 0;) {
                const struct entry *entry = &draft->entries[i];

                if (is_in_order(entry))
                        return phx_pve_line_sets(entry->line, PHX_PVE_KEY_PROFILE) ? i : draft->end;
        }
        return draft->end;
}

static size_t place_setting(const struct draft *draft, const struct phx_pve_setting *setting) {
        if (!phx_pve_is_lxc_key(setting->key))
                return place_ordinary(draft, setting->key);
        if (strcmp(setting->key, PHX_PVE_KEY_RUNTIME) == 0)
                return draft->runtime;
        return pve_is_profile(setting) ? draft->end : draft->tail;
}

static int pve_draft_init(
                struct draft *draft,
                const struct phx_pve_edit *edit,
                const struct phx_pve_text *text,
                struct phx_error *error) {
        int r;

        draft->edit = edit;
        draft->text = text;
        r = phx_pve_edit_check(edit, text, error);
        if (r < 0)
                return r;

        draft->entries = calloc(text->sections[0].count + 1, sizeof(*draft->entries));
        draft->places = calloc(edit->n_settings + 1, sizeof(*draft->places));
        if (!draft->entries || !draft->places)
                return -ENOMEM;
        draft->count = text->sections[0].count;
        for (size_t i = 0; i < draft->count; i++)
                draft->entries[i].line = &text->lines[i];

        for (size_t i = 0; i < edit->removed.count; i++)
                pve_drop_item(draft, edit->removed.items[i]);
        mark_settings(draft, false);
        mark_settings(draft, true);
        r = check_lines(draft, error);
        if (r < 0)
                return r;

        draft->end = find_end(draft);
        place_runtime(draft);
        draft->tail = pve_place_tail(draft);
        for (size_t i = 0; i < edit->n_settings; i++)
                if (draft->places[i] != NOWHERE)
                        draft->places[i] = place_setting(draft, &edit->settings[i]);
        return 0;
}

/* --- the new text --- */

static int pve_end_line(struct phx_buffer *text) {
        bool is_broken = text->size > 0 && text->data[text->size - 1] != '\n';

        return is_broken ? phx_buffer_add_text(text, "\n") : 0;
}

static int add_setting(struct phx_buffer *text, const struct phx_pve_setting *setting) {
        int r = pve_end_line(text);

        return r < 0 ? r : phx_buffer_addf(text, "%s: %s\n", setting->key, setting->value);
}

/* Items of lxc.environment.runtime, or all others. */
static int add_items(const struct draft *draft, bool is_runtime, struct phx_buffer *text) {
        const struct phx_strings *tail = &draft->edit->tail;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < tail->count; i++) {
                struct phx_lxc_option_text option;

                if (!phx_lxc_option_split(tail->items[i], &option) ||
                    is_managed(draft->edit, &option) ||
                    phx_pve_is(option.key, option.key_size, PHX_PVE_KEY_RUNTIME) != is_runtime)
                        continue;
                r = pve_end_line(text);
                if (r >= 0)
                        r = phx_buffer_addf(
                                        text,
                                        "%.*s: %.*s\n",
                                        (int) option.key_size,
                                        option.key,
                                        (int) option.value_size,
                                        option.value);
        }
        return r;
}

/* The order of lines that go to one place. */
enum rank {
        RANK_ORDINARY,
        RANK_RUNTIME,
        RANK_LXC,
        RANK_PROFILE,
};

static enum rank rank_of(const struct phx_pve_setting *setting) {
        if (!phx_pve_is_lxc_key(setting->key))
                return RANK_ORDINARY;
        if (strcmp(setting->key, PHX_PVE_KEY_RUNTIME) == 0)
                return RANK_RUNTIME;
        return pve_is_profile(setting) ? RANK_PROFILE : RANK_LXC;
}

static int add_settings(
                const struct draft *draft,
                size_t place,
                enum rank rank,
                struct phx_buffer *text) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < draft->edit->n_settings; i++)
                if (draft->places[i] == place && rank_of(&draft->edit->settings[i]) == rank)
                        r = add_setting(text, &draft->edit->settings[i]);
        return r;
}

/* Lines of the runtime stay together, and come behind ordinary keys where they are the first. */
static int add_before_lxc(const struct draft *draft, size_t place, struct phx_buffer *text) {
        int r = 0;

        if (!draft->has_runtime)
                r = add_settings(draft, place, RANK_ORDINARY, text);
        if (r >= 0)
                r = add_settings(draft, place, RANK_RUNTIME, text);
        if (r >= 0 && draft->runtime == place)
                r = add_items(draft, true, text);
        if (r >= 0 && draft->has_runtime)
                r = add_settings(draft, place, RANK_ORDINARY, text);
        return r;
}

static int pve_add_place(const struct draft *draft, size_t place, struct phx_buffer *text) {
        int r = add_before_lxc(draft, place, text);

        if (r >= 0)
                r = add_settings(draft, place, RANK_LXC, text);
        if (r >= 0 && draft->tail == place)
                r = add_items(draft, false, text);
        return r < 0 ? r : add_settings(draft, place, RANK_PROFILE, text);
}

static int draft_render(const struct draft *draft, struct phx_buffer *text) {
        const char *rest = draft->text->data;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < draft->count; i++) {
                const struct entry *entry = &draft->entries[i];

                r = pve_add_place(draft, i, text);
                if (r >= 0 && entry->written)
                        r = add_setting(text, entry->written);
                else if (r >= 0 && !entry->is_dropped)
                        r = phx_buffer_add(text, entry->line->start, entry->line->size);
                rest = entry->line->start + entry->line->size;
        }
        if (r >= 0)
                r = pve_add_place(draft, draft->count, text);
        if (r < 0)
                return r;
        return phx_buffer_add(text, rest, draft->text->size - (size_t) (rest - draft->text->data));
}

static int edit_make(
                const struct phx_pve_edit *edit,
                const struct phx_pve_text *text,
                struct phx_buffer *result,
                struct phx_error *error) {
        phx_cleanup(pve_draft_done) struct draft draft = { 0 };
        int r;

        r = pve_draft_init(&draft, edit, text, error);
        if (r >= 0)
                r = draft_render(&draft, result);
        if (r < 0)
                return r;
        if (result->size > PHX_PVE_FILE_LIMIT)
                return phx_error_set(
                                error,
                                -EFBIG,
                                "the edited file has %zu bytes, expected at most %zu",
                                result->size,
                                PHX_PVE_FILE_LIMIT);
        return 0;
}

int phx_pve_edit_render(
                const struct phx_pve_edit *edit,
                const struct phx_pve_text *text,
                struct phx_buffer *ret_text,
                struct phx_error *error) {
        phx_cleanup(phx_buffer_done) struct phx_buffer result = { 0 };
        int r;

        assert(edit && ret_text);
        assert(text && text->n_sections > 0);

        r = edit_make(edit, text, &result, error);
        if (r < 0)
                return r;
        r = result.size != text->size || memcmp(result.data, text->data, text->size) != 0;
        *ret_text = PHX_TAKE_STRUCT(result);
        return r;
}
