/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "pve_leftovers_oracle.h"

#include <string.h>

#include "pve/edit.h"
#include "pve/effect.h"
#include "pve/pending.h"
#include "pve_rewrite.h"
#include "state/labels.h"

static const char no_memory[] = "there was memory";
static const char nesting[] = PHX_PVE_LXC_CONFIG_DIR "/nesting.conf";

struct offer {
        struct phx_pve_text before;
        struct phx_pve_meaning meaning; /* of BEFORE */
        struct phx_pve_text after;
        struct phx_pve_leftovers leftovers;
        const struct phx_pve_wanted *wanted;
};

static void offer_done(struct offer *offer) {
        phx_pve_leftovers_done(&offer->leftovers);
        phx_pve_meaning_done(&offer->meaning);
        phx_pve_text_done(&offer->before);
        phx_pve_text_done(&offer->after);
}

/* --- only lines that are offered differ --- */

static bool is_told(const struct offer *offer, const struct phx_pve_line *line) {
        for (size_t i = 0; i < offer->leftovers.count; i++)
                if (offer->leftovers.changes[i].line == line)
                        return true;
        return false;
}

static bool is_written(enum phx_leftover kind) {
        return kind == PHX_LEFTOVER_CORRECTED || kind == PHX_LEFTOVER_RENAMED ||
               kind == PHX_LEFTOVER_MOVED || kind == PHX_LEFTOVER_ROLLBACK;
}

/* The last line of the file may lack its line feed, and get it. */
static bool is_same_line(const struct phx_pve_line *a, const struct phx_pve_line *b) {
        size_t a_size = a->size - (a->start[a->size - 1] == '\n');
        size_t b_size = b->size - (b->start[b->size - 1] == '\n');

        return a_size == b_size && memcmp(a->start, b->start, a_size) == 0;
}

/* Lines that are not offered stay in their order, and each other line is one for LXC that a change
 * wrote. */
static bool others_stay(const struct offer *offer) {
        const struct phx_pve_text *before = &offer->before, *after = &offer->after;
        size_t k = 0, written = 0, may_write = 0;

        for (size_t i = 0; i < offer->leftovers.count; i++)
                may_write += is_written(offer->leftovers.changes[i].kind);
        for (size_t i = 0; i < before->count; i++) {
                const struct phx_pve_line *line = &before->lines[i];

                if (is_told(offer, line) && line->kind != PHX_PVE_HEADER)
                        continue;
                for (; k < after->count && !is_same_line(line, &after->lines[k]); k++)
                        if (after->lines[k].kind == PHX_PVE_LXC)
                                written++;
                        else
                                return false;
                if (k++ == after->count)
                        return false;
        }
        for (; k < after->count; k++)
                if (after->lines[k].kind == PHX_PVE_LXC)
                        written++;
                else
                        return false;
        return written == may_write && before->n_sections == after->n_sections;
}

/* --- nothing is less confined --- */

enum force {
        FORCE_NOTHING = -2, /* Proxmox generates no config: nothing starts */
        FORCE_UNKNOWN,
        FORCE_UNCONFINED,
        FORCE_UNCHANGED,
        FORCE_NESTING,
        FORCE_WRITTEN, /* "generated" or nothing, by a line: without Proxmox's own rules */
        FORCE_GENERATED,
        FORCE_NAMED,
};

/* As liblxc reads the value. */
static enum force force_of_value(const struct phx_pve_effect_line *item) {
        phx_autofree char *value = strdup(item->value);
        size_t size = value ? strlen(value) : 0;
        char *start = value;

        if (size > 1 && (start[0] == '"' || start[0] == '\'') && start[size - 1] == start[0]) {
                start[size - 1] = '\0';
                start++;
        }
        if (!start || start[0] == '\0' || strcmp(start, "generated") == 0)
                return item->number > 0 ? FORCE_WRITTEN : FORCE_GENERATED;
        if (strcmp(start, "unconfined") == 0)
                return FORCE_UNCONFINED;
        return strcmp(start, "unchanged") == 0 ? FORCE_UNCHANGED : FORCE_NAMED;
}

/* The last line that decides, from the end; Proxmox's own first includes name what its block then
 * names again. */
static enum force force_of_effect(const struct phx_pve_effect *effect) {
        for (size_t i = effect->count; i-- > 0;) {
                const struct phx_pve_effect_line *item = &effect->items[i];

                if (strchr(item->value, '\r'))
                        return FORCE_UNKNOWN;
                if (strcmp(item->key, PHX_PVE_KEY_INCLUDE) == 0)
                        return strcmp(item->value, nesting) == 0 ? FORCE_NESTING : FORCE_UNKNOWN;
                if (strcmp(item->key, PHX_PVE_KEY_PROFILE) == 0)
                        return force_of_value(item);
        }
        return FORCE_UNKNOWN;
}

static bool allows_nesting(const struct phx_pve_effect *effect) {
        for (size_t i = effect->count; i-- > 0;)
                if (strcmp(effect->items[i].key, PHX_PVE_KEY_ALLOW_NESTING) == 0)
                        return effect->items[i].value_size > 0 &&
                               strcmp(effect->items[i].value, "0") != 0;
        return false;
}

struct force_pair {
        enum force before, after;
        bool nested_before, nested_after;
};

static bool read_force(
                const struct phx_pve_text *text,
                size_t section,
                enum force *ret_force,
                bool *ret_nested) {
        const struct phx_pve_host host = { .release = 9 };
        phx_cleanup(phx_pve_effect_done) struct phx_pve_effect effect = { 0 };

        if (phx_pve_effect_of(text, section, &host, &effect) < 0)
                return false;
        *ret_force = effect.generation == PHX_PVE_GENERATES ? force_of_effect(&effect)
                                                            : FORCE_NOTHING;
        *ret_nested = allows_nesting(&effect);
        return true;
}

static bool read_pair(const struct offer *offer, size_t section, struct force_pair *ret_pair) {
        return read_force(&offer->before, section, &ret_pair->before, &ret_pair->nested_before) &&
               read_force(&offer->after, section, &ret_pair->after, &ret_pair->nested_after);
}

static bool has_lxc(const struct phx_pve_text *text, size_t section) {
        const struct phx_pve_section *place = &text->sections[section];

        for (size_t i = place->first; i < place->first + place->count; i++)
                if (text->lines[i].kind == PHX_PVE_LXC)
                        return true;
        return false;
}

static bool section_is_no_weaker(const struct offer *offer, size_t section) {
        const char *label = offer->wanted->label;
        struct force_pair pair;

        if (!read_pair(offer, section, &pair))
                return false;
        if (offer->before.sections[section].kind == PHX_PVE_PENDING && label &&
            phx_label_is_unconfined(label))
                return true;
        if (pair.before == FORCE_NOTHING)
                return pair.after == FORCE_NOTHING;
        /* What was unknown may have been anything: only a profile with a name is as good, or the
         * same lines. What is unknown is as good as none. */
        if (pair.before == FORCE_UNKNOWN)
                return pair.after == FORCE_NAMED ||
                       (pair.after == FORCE_UNKNOWN &&
                        has_lxc(&offer->before, section) == has_lxc(&offer->after, section));
        if (pair.after < pair.before)
                return pair.before == FORCE_UNCONFINED;
        return pair.before != FORCE_GENERATED || pair.after != FORCE_GENERATED ||
               pair.nested_before || !pair.nested_after;
}

static bool nothing_is_weaker(const struct offer *offer) {
        for (size_t i = 0; i < offer->before.n_sections; i++)
                if (!offer->before.sections[i].is_overruled && !section_is_no_weaker(offer, i))
                        return false;
        return true;
}

/* --- nothing is left --- */

static bool has_odd_line(const struct phx_pve_text *text, size_t section, bool with_includes) {
        const struct phx_pve_section *place = &text->sections[section];

        for (size_t i = place->first; i < place->first + place->count; i++) {
                const struct phx_pve_line *line = &text->lines[i];

                if (line->kind == PHX_PVE_LXC && memchr(line->value, '\r', line->value_size))
                        return true;
                if (with_includes && phx_pve_line_sets(line, PHX_PVE_KEY_INCLUDE) &&
                    !phx_pve_includes_nesting(line))
                        return true;
        }
        return false;
}

static bool sets_nesting(const struct phx_pve_text *text, const struct phx_pve_section *place) {
        for (size_t i = place->first; i < place->first + place->count; i++)
                if (phx_pve_line_sets(&text->lines[i], PHX_PVE_KEY_ALLOW_NESTING))
                        return true;
        return false;
}

/* The lines below [pve:pending] confine more than the main section's, and cannot move. */
static bool pending_must_stay(const struct phx_pve_text *text) {
        const struct phx_pve_section *place = phx_pve_text_pending(text);
        enum force now, then;
        bool nested;

        if (place && (phx_pve_pending_delete(text, (size_t) (place - text->sections), "lxc") ||
                      has_odd_line(text, (size_t) (place - text->sections), false)))
                return true;
        if (!place || !read_force(text, 0, &now, &nested) ||
            !read_force(text, (size_t) (place - text->sections), &then, &nested))
                return false;
        if (now == FORCE_NOTHING || then == FORCE_NOTHING)
                return true;
        if (now == FORCE_GENERATED && sets_nesting(text, place))
                return true;
        return then == FORCE_UNKNOWN ? now != FORCE_NAMED : now < then && then != FORCE_NAMED;
}

/* TEXT is the file after the offer, and after an edit of phoenixd's. */
static bool may_stay(
                const struct offer *offer,
                const struct phx_pve_text *text,
                const struct phx_pve_finding *finding) {
        switch (finding->kind) {
        case PHX_PVE_PROFILE_NOT_READ:
        case PHX_PVE_LXC_NOT_READ:
                return false;
        case PHX_PVE_PROFILE_OVERRULED:
        case PHX_PVE_PROFILE_OLD_KEY:
        case PHX_PVE_ALLOW_NESTING:
                return memchr(finding->line->value, '\r', finding->line->value_size);
        case PHX_PVE_INCLUDE_BEHIND:
                return !phx_pve_includes_nesting(finding->line) ||
                       has_odd_line(&offer->after, 0, true);
        case PHX_PVE_PENDING_REPLACES:
        case PHX_PVE_PENDING_WEAKER:
                return pending_must_stay(&offer->after);
        case PHX_PVE_SNAPSHOT_WEAKER:
                return has_odd_line(text, 0, false) ||
                       has_odd_line(text, finding->line->section, true);
        case PHX_PVE_PROFILE_GENERATED:
        case PHX_PVE_PROFILE_EMPTY:
        case PHX_PVE_PROFILE_COMMENT:
        case PHX_PVE_FEATURES_BAD:
        case PHX_PVE_FEATURES_OVERRULED:
        case PHX_PVE_LXC_KEY_GONE:
        case PHX_PVE_HEADER_NOT_READ:
        case PHX_PVE_CARRIAGE_RETURN:
        case PHX_PVE_NUL:
        case PHX_PVE_PENDING_DELETES:
        case PHX_PVE_PROFILE_APPENDED:
        case PHX_PVE_RESERVED:
                break;
        }
        return true;
}

static const char *find_left(const struct offer *offer, const struct phx_pve_text *text) {
        phx_cleanup(phx_pve_meaning_done) struct phx_pve_meaning meaning = { 0 };

        if (phx_pve_meaning_of(text, &meaning) < 0)
                return no_memory;
        for (size_t i = 0; i < meaning.n_findings; i++)
                if (!may_stay(offer, text, &meaning.findings[i]))
                        return "nothing of what is offered to go is left";
        for (size_t i = 0; i < text->sections[0].count; i++)
                if (phx_pve_includes_nesting(&text->lines[i]) &&
                    !has_odd_line(&offer->after, 0, true))
                        return "no include of nesting.conf is left";
        return NULL;
}

/* With phoenixd's own edit, which comes behind. */
static const char *find_left_behind_edit(const struct offer *offer) {
        const char *label = offer->wanted->label;
        phx_cleanup(phx_pve_edit_done) struct phx_pve_edit edit = { 0 };
        phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer edited = { 0 };

        if (!offer->wanted->is_edited)
                return find_left(offer, &offer->after);
        if (phx_pve_edit_set(
                            &edit,
                            PHX_PVE_KEY_PROFILE,
                            strcmp(label, "generated") == 0 ? NULL : label) < 0)
                return no_memory;
        if (phx_pve_edit_render(&edit, &offer->after, &edited, NULL) < 0)
                return NULL;
        return phx_pve_text_parse(edited.data, edited.size, &text) < 0 ? no_memory
                                                                       : find_left(offer, &text);
}

/* --- again --- */

static const char *offer_again(const struct offer *offer, const struct phx_pve_text *text) {
        phx_cleanup(phx_pve_leftovers_done) struct phx_pve_leftovers leftovers = { 0 };
        phx_cleanup(phx_pve_meaning_done) struct phx_pve_meaning meaning = { 0 };

        if (phx_pve_meaning_of(text, &meaning) < 0)
                return no_memory;
        return phx_pve_leftovers_of(text, &meaning, offer->wanted, &leftovers) == 0
                               ? NULL
                               : "nothing is offered twice";
}

static const char *rewrite_and_offer_again(const struct offer *offer) {
        phx_cleanup(phx_buffer_done) struct phx_buffer rewritten = { 0 };
        phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 };

        if (pve_rewrite(&offer->after, &rewritten) < 0 ||
            phx_pve_text_parse(rewritten.data, rewritten.size, &text) < 0)
                return no_memory;
        return offer_again(offer, &text);
}

/* Where nothing is offered by rule. */
static bool is_refused(const struct phx_pve_text *text) {
        bool has_nul = false;

        for (size_t i = 0; i < text->count; i++)
                has_nul |= (text->lines[i].kind == PHX_PVE_LXC ||
                            text->lines[i].kind == PHX_PVE_KEY) &&
                           memchr(text->lines[i].start, '\0', text->lines[i].size);
        return has_nul || phx_pve_text_fatal(text);
}

static const char *offer_fault(struct offer *offer) {
        const char *fault;

        if (!others_stay(offer))
                return "only lines that are offered differ";
        if (!nothing_is_weaker(offer))
                return "nothing is less confined";
        fault = find_left_behind_edit(offer);
        if (!fault)
                fault = offer_again(offer, &offer->after);
        return fault ? fault : rewrite_and_offer_again(offer);
}

const char *pve_leftovers_fault(
                const char *data,
                size_t size,
                const struct phx_pve_wanted *wanted,
                size_t *ret_count) {
        phx_cleanup(offer_done) struct offer offer = { .wanted = wanted };
        int r;

        *ret_count = 0;
        if (phx_pve_text_parse(data, size, &offer.before) < 0 ||
            phx_pve_meaning_of(&offer.before, &offer.meaning) < 0)
                return no_memory;
        r = phx_pve_leftovers_of(&offer.before, &offer.meaning, wanted, &offer.leftovers);
        if (r < 0)
                return no_memory;
        *ret_count = offer.leftovers.count;
        if ((r > 0) != (offer.leftovers.count > 0))
                return "it says whether there is something";
        if (is_refused(&offer.before))
                return r > 0 ? "a file that Proxmox cannot read is left alone" : NULL;
        if (phx_pve_text_parse(
                            r > 0 ? offer.leftovers.text.data : data,
                            r > 0 ? offer.leftovers.text.size : size,
                            &offer.after) < 0)
                return no_memory;
        return offer_fault(&offer);
}
