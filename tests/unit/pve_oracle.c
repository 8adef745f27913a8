/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "pve_oracle.h"

#include <string.h>

#include "pve_rewrite.h"
#include "state/lxc_options.h"

static const char no_memory[] = "there was memory";

struct pair {
        struct phx_pve_text before;
        struct phx_pve_text after;
        const struct phx_pve_edit *edit;
};

static void pair_done(struct pair *pair) {
        phx_pve_text_done(&pair->before);
        phx_pve_text_done(&pair->after);
}

static const struct phx_pve_setting *setting_of(
                const struct phx_pve_edit *edit,
                const char *key,
                size_t size) {
        for (size_t i = 0; i < edit->n_settings; i++)
                if (phx_pve_is(key, size, edit->settings[i].key))
                        return &edit->settings[i];
        return NULL;
}

static bool is_by_setting(const struct phx_pve_edit *edit, const char *item) {
        struct phx_lxc_option_text option;

        return !phx_lxc_option_split(item, &option) ||
               phx_pve_is(option.key, option.key_size, PHX_PVE_KEY_PROFILE) ||
               setting_of(edit, option.key, option.key_size);
}

static bool is_managed(const struct phx_pve_edit *edit, const struct phx_pve_line *line) {
        return (line->kind == PHX_PVE_KEY || line->kind == PHX_PVE_LXC) &&
               setting_of(edit, line->key, line->key_size);
}

static bool is_value(const struct phx_pve_line *line, const char *value) {
        struct phx_lxc_option_text have = { .value = line->value, .value_size = line->value_size };
        struct phx_lxc_option_text want = { .value = value, .value_size = strlen(value) };

        if (line->kind == PHX_PVE_LXC) {
                phx_lxc_option_unquote(&have);
                phx_lxc_option_unquote(&want);
        }
        return have.value_size == want.value_size &&
               memcmp(have.value, want.value, want.value_size) == 0;
}

/* --- other sections --- */

static bool sections_are_untouched(const struct pair *pair) {
        const struct phx_pve_text *before = &pair->before, *after = &pair->after;
        const char *from, *to;
        size_t size;

        if (before->n_sections != after->n_sections)
                return false;
        if (before->n_sections == 1)
                return true;
        from = before->lines[before->sections[1].line - 1].start;
        to = after->lines[after->sections[1].line - 1].start;
        size = before->size - (size_t) (from - before->data);
        return size == after->size - (size_t) (to - after->data) && memcmp(from, to, size) == 0;
}

/* --- lines of the main section that nobody asked for --- */

/* The last line of the file may lack its line feed, and get it. */
static bool is_same_line(const struct phx_pve_line *a, const struct phx_pve_line *b) {
        size_t a_size = a->size - (a->start[a->size - 1] == '\n');
        size_t b_size = b->size - (b->start[b->size - 1] == '\n');

        return a_size == b_size && memcmp(a->start, b->start, a_size) == 0;
}

static bool is_item(const struct phx_pve_line *line, const char *item) {
        struct phx_lxc_option_text option;
        phx_autofree char *value = NULL;

        if (line->kind != PHX_PVE_LXC || !phx_lxc_option_split(item, &option))
                return false;
        value = strndup(option.value, option.value_size);
        return value && line->key_size == option.key_size &&
               memcmp(line->key, option.key, option.key_size) == 0 && is_value(line, value);
}

/* Whether it is one of the items, each of which counts once. */
static bool is_one_of(
                const struct phx_pve_edit *edit,
                const struct phx_pve_line *line,
                const struct phx_strings *items,
                bool *used) {
        for (size_t i = 0; i < items->count; i++)
                if (!used[i] && !is_by_setting(edit, items->items[i]) &&
                    is_item(line, items->items[i])) {
                        used[i] = true;
                        return true;
                }
        return false;
}

/* A walk over both main sections, from the end, as the last of equal lines goes. */
struct walk {
        const struct pair *pair;
        size_t before; /* how many lines are left */
        size_t after;
        bool added[64]; /* items of the tail that were found */
        bool gone[64];
};

static const struct phx_pve_line *last_of(const struct phx_pve_text *text, size_t count) {
        return count > 0 ? &text->lines[count - 1] : NULL;
}

/* A line of the file that may go, on either side by its setting. */
static bool walk_managed(struct walk *walk) {
        const struct phx_pve_edit *edit = walk->pair->edit;
        const struct phx_pve_line *have = last_of(&walk->pair->before, walk->before);
        const struct phx_pve_line *now = last_of(&walk->pair->after, walk->after);

        if (have && is_managed(edit, have)) {
                walk->before--;
                return true;
        }
        if (!now || (!is_managed(edit, now) && !is_one_of(edit, now, &edit->tail, walk->added)))
                return false;
        walk->after--;
        return true;
}

static bool walk_others(struct walk *walk) {
        const struct phx_pve_edit *edit = walk->pair->edit;
        const struct phx_pve_line *have = last_of(&walk->pair->before, walk->before);
        const struct phx_pve_line *now = last_of(&walk->pair->after, walk->after);

        if (have && is_one_of(edit, have, &edit->removed, walk->gone)) {
                walk->before--;
                return true;
        }
        if (!have || !now || !is_same_line(have, now))
                return false;
        walk->before--;
        walk->after--;
        return true;
}

/* Every line of the result is one of the file, in its order, or one that was asked for; and of the
 * file only lines go that may. */
static bool others_are_untouched(const struct pair *pair) {
        const struct phx_pve_edit *edit = pair->edit;
        struct walk walk = { .pair = pair,
                             .before = pair->before.sections[0].count,
                             .after = pair->after.sections[0].count };

        if (edit->tail.count > PHX_ELEMENTS(walk.added) ||
            edit->removed.count > PHX_ELEMENTS(walk.gone))
                return true;
        while (walk.before > 0 || walk.after > 0)
                if (!walk_managed(&walk) && !walk_others(&walk))
                        return false;
        for (size_t i = 0; i < edit->tail.count; i++)
                if (!walk.added[i] && !is_by_setting(edit, edit->tail.items[i]))
                        return false;
        return true;
}

/* --- what was asked for --- */

static bool settings_hold(const struct pair *pair) {
        const struct phx_pve_text *after = &pair->after;

        for (size_t i = 0; i < pair->edit->n_settings; i++) {
                const struct phx_pve_setting *setting = &pair->edit->settings[i];
                size_t count = 0;

                for (size_t k = 0; k < after->sections[0].count; k++) {
                        if (!phx_pve_line_sets(&after->lines[k], setting->key))
                                continue;
                        count++;
                        if (!setting->value || !is_value(&after->lines[k], setting->value))
                                return false;
                }
                if (count != (setting->value ? 1 : 0))
                        return false;
        }
        return true;
}

static bool profile_is_not_overruled(const struct pair *pair) {
        const struct phx_pve_text *after = &pair->after;
        bool is_behind = false;

        if (!setting_of(pair->edit, PHX_PVE_KEY_PROFILE, strlen(PHX_PVE_KEY_PROFILE)))
                return true;
        for (size_t i = 0; i < after->sections[0].count; i++) {
                const struct phx_pve_line *line = &after->lines[i];

                if (phx_pve_line_sets(line, PHX_PVE_KEY_PROFILE))
                        is_behind = true;
                else if (is_behind && line->kind == PHX_PVE_LXC &&
                         (phx_pve_line_sets(line, PHX_PVE_KEY_INCLUDE) ||
                          memchr(line->value, '\r', line->value_size)))
                        return false;
        }
        return true;
}

/* --- again --- */

static const char *edit_again(
                const struct phx_pve_edit *edit,
                const struct phx_pve_text *text,
                const char *fault) {
        const struct phx_pve_edit again = {
                .settings = edit->settings,
                .n_settings = edit->n_settings,
                .removed = edit->tail,
                .tail = edit->tail,
        };
        phx_cleanup(phx_buffer_done) struct phx_buffer result = { 0 };

        return phx_pve_edit_render(&again, text, &result, NULL) == 0 ? NULL : fault;
}

static const char *rewrite_and_edit_again(const struct pair *pair) {
        phx_cleanup(phx_buffer_done) struct phx_buffer rewritten = { 0 };
        phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 };

        if (pve_rewrite(&pair->after, &rewritten) < 0 ||
            phx_pve_text_parse(rewritten.data, rewritten.size, &text) < 0)
                return no_memory;
        return edit_again(pair->edit, &text, "an edit of what Proxmox rewrites changes nothing");
}

const char *pve_edit_fault(
                const struct phx_pve_edit *edit,
                const char *data,
                size_t size,
                const struct phx_buffer *result) {
        phx_cleanup(pair_done) struct pair pair = { .edit = edit };
        const char *fault;

        if (phx_pve_text_parse(data, size, &pair.before) < 0 ||
            phx_pve_text_parse(result->data, result->size, &pair.after) < 0)
                return no_memory;
        if (!sections_are_untouched(&pair))
                return "sections other than the main one stay as they are";
        if (!settings_hold(&pair))
                return "each setting has its one line, or none";
        if (!profile_is_not_overruled(&pair))
                return "nothing behind the profile's line may overrule it";
        if (!others_are_untouched(&pair))
                return "lines that are not managed stay as they are";
        fault = edit_again(edit, &pair.after, "a second edit changes nothing");
        return fault ? fault : rewrite_and_edit_again(&pair);
}
