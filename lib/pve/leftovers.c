/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A draft has an entry for each line of the file and one for its end. The steps mark entries, in an
 * order in which each can see what the main section will be:
 *
 *   1. the main section: lines that were meant to name the profile; includes of nesting.conf, with
 *      a weak profile that only they keep out of force; profile lines that are overruled; others
 *   2. pending changes: all their lxc lines go when what the main section has by now is no weaker;
 *      else a profile that they name moves there first
 *   3. snapshots: compared with the main section's profile, or with the one that is wanted
 *
 * "Weaker" is decided by ranks. An include that is not nesting.conf, and a value with a carriage
 * return, in which liblxc reads a second line, may name any profile: what comes before one in the
 * same section has no rank, and then nothing is changed that could bring it into force. */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/strings.h"
#include "pve/edit.h"
#include "pve/effect.h"
#include "pve/leftovers_draft.h"
#include "pve/pending.h"
#include "state/labels.h"

/* Of a profile or a key; a longer one is not taken for one. */
#define NAME_SIZE 512

/* --- what a line says --- */

static bool leftover_has_control(const char *value, size_t size) {
        for (size_t i = 0; i < size; i++)
                if ((unsigned char) value[i] < ' ' || value[i] == 0x7f)
                        return true;
        return false;
}

/* The name of a profile that confines, and nothing that may be something else. */
static bool leftover_is_name(const struct phx_pve_line *line) {
        char name[NAME_SIZE];

        if (line->value_size == 0 || line->value_size >= sizeof(name) ||
            leftover_has_control(line->value, line->value_size))
                return false;
        memcpy(name, line->value, line->value_size);
        name[line->value_size] = '\0';
        return !strpbrk(name, " #'\"") && strcmp(name, "generated") != 0 &&
               strcmp(name, "unchanged") != 0 && !phx_label_is_unconfined(name);
}

static bool leftover_means_profile(const struct phx_pve_line *line) {
        return phx_pve_line_meant(line, PHX_PVE_KEY_PROFILE) ||
               phx_pve_line_meant(line, PHX_PVE_KEY_OLD_PROFILE) ||
               phx_pve_line_meant(line, "lxc.apparmor_profile") ||
               phx_pve_line_sets(line, PHX_PVE_KEY_OLD_PROFILE);
}

/* --- the main section --- */

static int leftover_drop_profiles(struct phx_pve_draft *draft, enum phx_leftover kind) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < draft->text->sections[0].count; i++)
                if (phx_pve_line_sets(&draft->text->lines[i], PHX_PVE_KEY_PROFILE))
                        r = phx_pve_draft_remove(draft, kind, &draft->text->lines[i]);
        return r;
}

/* Those before the line END. */
static int leftover_drop_nesting(struct phx_pve_draft *draft, size_t end) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < end; i++)
                if (phx_pve_includes_nesting(&draft->text->lines[i]))
                        r = phx_pve_draft_remove(
                                        draft,
                                        PHX_LEFTOVER_INCLUDE,
                                        &draft->text->lines[i]);
        return r;
}

/* One before the profile's line decides nothing. One behind it overrules it, and takes what it
 * overrules along where that is weaker than Proxmox's default, and where nothing comes into force
 * by that which is not known. */
static int leftover_drop_includes(struct phx_pve_draft *draft) {
        const struct phx_pve_reach reach = phx_pve_draft_reach(draft, 0);
        bool is_cover = reach.has_nesting &&
                        phx_pve_rank_of_strength(reach.strength) < PHX_PVE_RANK_NESTING;
        size_t end = draft->text->sections[0].count;
        int r = 0;

        if (reach.has_other || (is_cover && reach.has_any))
                end = reach.decider ? phx_pve_draft_index(draft, reach.decider) : 0;
        else if (is_cover)
                r = leftover_drop_profiles(draft, PHX_LEFTOVER_UNCOVERED);
        return r < 0 ? r : leftover_drop_nesting(draft, end);
}

/* Some line was meant to name the profile, and none does: the last of them is what its author wants
 * to be in force. */
static const struct phx_pve_line *leftover_choose_meant(const struct phx_pve_draft *draft) {
        const struct phx_pve_reach reach = phx_pve_draft_reach(draft, 0);
        const struct phx_pve_line *last = NULL;

        if (reach.decider || draft->wanted->is_edited)
                return NULL;
        for (size_t i = 0; i < draft->text->sections[0].count; i++)
                if (leftover_means_profile(&draft->text->lines[i]))
                        last = &draft->text->lines[i];
        return last && leftover_is_name(last) ? last : NULL;
}

static int leftover_write_meant(struct phx_pve_draft *draft, const struct phx_pve_line *line) {
        bool is_old = phx_pve_line_sets(line, PHX_PVE_KEY_OLD_PROFILE);
        int r = phx_pve_draft_print(
                        PHX_PVE_KEY_PROFILE,
                        line->value,
                        line->value_size,
                        &draft->entries[phx_pve_draft_index(draft, line)].written);

        return r < 0 ? r
                     : phx_pve_draft_remove(
                                       draft,
                                       is_old ? PHX_LEFTOVER_RENAMED : PHX_LEFTOVER_CORRECTED,
                                       line);
}

static int leftover_settle_meant(struct phx_pve_draft *draft) {
        const struct phx_pve_line *chosen = leftover_choose_meant(draft);
        int r = 0;

        for (size_t i = 0; r >= 0 && i < draft->text->sections[0].count; i++) {
                const struct phx_pve_line *line = &draft->text->lines[i];

                if (!leftover_means_profile(line) || phx_pve_has_return(line))
                        continue;
                if (line == chosen)
                        r = leftover_write_meant(draft, line);
                else
                        r = phx_pve_draft_remove(
                                        draft,
                                        line->kind == PHX_PVE_LXC ? PHX_LEFTOVER_OLD_KEY
                                                                  : PHX_LEFTOVER_NOT_READ,
                                        line);
        }
        return r;
}

/* Of the keys that Proxmox takes: with most others the container could get more than it has. */
static bool leftover_cannot_loosen(const char *key) {
        static const char *const keys[] = { "lxc.cap.drop",      "lxc.cgroup.devices.deny",
                                            "lxc.environment",   "lxc.cgroup2.devices.deny",
                                            "lxc.signal.halt",   "lxc.signal.stop",
                                            "lxc.signal.reboot", "lxc.log.level" };

        for (size_t i = 0; i < PHX_ELEMENTS(keys); i++)
                if (strcmp(key, keys[i]) == 0)
                        return true;
        return false;
}

/* The key in lower case where Proxmox takes it and it takes no restriction away. */
static bool leftover_correct_key(const struct phx_pve_line *line, char key[NAME_SIZE]) {
        if (line->key_size >= NAME_SIZE)
                return false;
        for (size_t i = 0; i < line->key_size; i++)
                key[i] = phx_lower(line->key[i]);
        key[line->key_size] = '\0';
        return leftover_cannot_loosen(key) &&
               phx_pve_lxc_key(key, line->key_size) == PHX_PVE_LXC_TAKEN;
}

static bool leftover_is_misspelt(const struct phx_pve_line *line) {
        return (line->drop == PHX_PVE_DROP_MARK || line->drop == PHX_PVE_DROP_INDENTED ||
                line->drop == PHX_PVE_DROP_CASE || line->drop == PHX_PVE_DROP_COLON) &&
               line->value_size > 0 && !leftover_has_control(line->value, line->value_size);
}

/* A line for LXC that is not about the profile. */
static int leftover_settle_dropped(struct phx_pve_draft *draft, const struct phx_pve_line *line) {
        char key[NAME_SIZE];
        int r;

        if (!leftover_is_misspelt(line) || !leftover_correct_key(line, key))
                return phx_pve_draft_remove(draft, PHX_LEFTOVER_NOT_READ, line);
        r = phx_pve_draft_print(
                        key,
                        line->value,
                        line->value_size,
                        &draft->entries[phx_pve_draft_index(draft, line)].written);
        return r < 0 ? r : phx_pve_draft_remove(draft, PHX_LEFTOVER_CORRECTED, line);
}

static int leftover_settle_finding(
                struct phx_pve_draft *draft,
                const struct phx_pve_finding *finding) {
        if (phx_pve_has_return(finding->line))
                return 0;
        if (finding->kind == PHX_PVE_LXC_NOT_READ)
                return leftover_settle_dropped(draft, finding->line);
        if (finding->kind == PHX_PVE_ALLOW_NESTING)
                return phx_pve_draft_remove(draft, PHX_LEFTOVER_ALLOW_NESTING, finding->line);
        if (finding->kind == PHX_PVE_PROFILE_OVERRULED && !draft->wanted->is_edited)
                return phx_pve_draft_remove(draft, PHX_LEFTOVER_OVERRULED, finding->line);
        return 0;
}

static int leftover_settle_main(struct phx_pve_draft *draft) {
        int r = leftover_settle_meant(draft);

        if (r >= 0)
                r = leftover_drop_includes(draft);
        for (size_t i = 0; r >= 0 && i < draft->meaning->n_findings; i++)
                r = leftover_settle_finding(draft, &draft->meaning->findings[i]);
        return r;
}

/* --- pending changes --- */

/* A line that was to be written as it was meant, and is removed after all. */
static void leftover_take_back(struct phx_pve_draft *draft) {
        for (size_t i = 0; i < draft->count; i++) {
                struct phx_pve_change *change = &draft->changes[i];
                struct phx_pve_entry *entry =
                                &draft->entries[phx_pve_draft_index(draft, change->line)];

                if (!entry->written || !leftover_means_profile(change->line))
                        continue;
                free(entry->written);
                entry->written = NULL;
                change->kind = change->kind == PHX_LEFTOVER_RENAMED ? PHX_LEFTOVER_OLD_KEY
                                                                    : PHX_LEFTOVER_NOT_READ;
        }
}

/* Behind all that could overrule it. */
static int leftover_move_profile(struct phx_pve_draft *draft, const struct phx_pve_line *line) {
        int r = leftover_drop_profiles(draft, PHX_LEFTOVER_WEAKER);

        leftover_take_back(draft);
        if (r >= 0)
                r = phx_pve_draft_print(
                                PHX_PVE_KEY_PROFILE,
                                line->value,
                                line->value_size,
                                &draft->entries[phx_pve_draft_end(draft, 0)].added);
        if (r >= 0)
                r = leftover_drop_nesting(draft, draft->text->sections[0].count);
        return r < 0 ? r : phx_pve_draft_remove(draft, PHX_LEFTOVER_MOVED, line);
}

/* Whether the main section takes the profile of the pending changes over: 1, 0 where it is no
 * weaker anyhow, or -EBUSY where that is not known. */
static int leftover_compare_pending(
                const struct phx_pve_draft *draft,
                const struct phx_pve_reach *pending) {
        const struct phx_pve_reach main = phx_pve_draft_reach(draft, 0);
        const char *label = draft->wanted->label;
        enum phx_pve_rank rank;

        if (label && phx_label_is_unconfined(label))
                return 0;
        rank = phx_pve_rank_of(&main, PHX_PVE_RANK_UNCONFINED);
        if (rank == PHX_PVE_RANK_DEFAULT && pending->denies_nesting && !main.denies_nesting)
                return -EBUSY;
        if (rank >= phx_pve_rank_of(pending, PHX_PVE_RANK_NAMED))
                return 0;
        if (phx_pve_rank_of(pending, PHX_PVE_RANK_UNCONFINED) < PHX_PVE_RANK_NAMED ||
            leftover_has_control(pending->decider->value, pending->decider->value_size))
                return -EBUSY;
        return 1;
}

/* What would take effect when the other lines are gone: "delete: lxc", or what a carriage return
 * hides in a line of the runtime, which is Proxmox's own and stays. */
static bool leftover_hides_in_pending(const struct phx_pve_draft *draft, size_t section) {
        const struct phx_pve_section *place = &draft->text->sections[section];

        for (size_t i = place->first; i < place->first + place->count; i++)
                if (phx_pve_line_sets(&draft->text->lines[i], PHX_PVE_KEY_RUNTIME) &&
                    phx_pve_has_return(&draft->text->lines[i]))
                        return true;
        return phx_pve_pending_delete(draft->text, section, "lxc") != NULL;
}

static int leftover_settle_pending(struct phx_pve_draft *draft) {
        const struct phx_pve_section *place = draft->meaning->pending;
        struct phx_pve_reach reach;
        size_t section;
        int r;

        if (!draft->meaning->pending_replaces_lxc)
                return 0;
        section = (size_t) (place - draft->text->sections);
        if (leftover_hides_in_pending(draft, section))
                return 0;
        reach = phx_pve_draft_reach(draft, section);
        r = leftover_compare_pending(draft, &reach);
        if (r < 0)
                return 0;
        if (r > 0)
                r = leftover_move_profile(draft, reach.decider);
        for (size_t i = place->first; r >= 0 && i < place->first + place->count; i++)
                if (draft->text->lines[i].kind == PHX_PVE_LXC &&
                    !phx_pve_line_sets(&draft->text->lines[i], PHX_PVE_KEY_RUNTIME))
                        r = phx_pve_draft_remove(
                                        draft,
                                        PHX_LEFTOVER_PENDING,
                                        &draft->text->lines[i]);
        return r;
}

/* --- snapshots --- */

/* What a rollback is to bring at least. */
struct leftover_profile {
        enum phx_pve_strength strength;
        const char *value; /* of a named one, as it is written; NULL where it cannot be copied */
        size_t value_size;
};

/* "lxc.apparmor.profile: VALUE" that the draft writes into the main section, or NULL. */
static const char *leftover_written(const struct phx_pve_draft *draft) {
        const char *written = NULL;

        for (size_t i = 0; i <= phx_pve_draft_end(draft, 0); i++) {
                const struct phx_pve_entry *entry = &draft->entries[i];

                if (entry->added)
                        written = entry->added;
                if (entry->written && phx_has_prefix(entry->written, PHX_PVE_KEY_PROFILE ":"))
                        written = entry->written;
        }
        return written;
}

static struct leftover_profile leftover_profile_of(const struct phx_pve_draft *draft) {
        const struct phx_pve_wanted *wanted = draft->wanted;
        const struct phx_pve_reach main = phx_pve_draft_reach(draft, 0);
        const char *written = leftover_written(draft);
        struct leftover_profile profile = { .strength = main.strength };

        if (wanted->is_edited && wanted->label) {
                profile.value = wanted->label;
                profile.value_size = strlen(wanted->label);
                profile.strength = phx_pve_strength_of_value(profile.value, profile.value_size);
        } else if (written) {
                profile.value = written + strlen(PHX_PVE_KEY_PROFILE ": ");
                profile.value_size = strlen(profile.value) - 1;
                profile.strength = PHX_PVE_NAMED;
        } else if (main.decider &&
                   !leftover_has_control(main.decider->value, main.decider->value_size)) {
                profile.value = main.decider->value;
                profile.value_size = main.decider->value_size;
        }
        return profile;
}

static int leftover_drop_snapshot_profiles(
                struct phx_pve_draft *draft,
                const struct phx_pve_section *place,
                const struct phx_pve_line *but) {
        int r = 0;

        for (size_t i = place->first; r >= 0 && i < place->first + place->count; i++)
                if (&draft->text->lines[i] != but &&
                    phx_pve_line_sets(&draft->text->lines[i], PHX_PVE_KEY_PROFILE))
                        r = phx_pve_draft_remove(
                                        draft,
                                        PHX_LEFTOVER_SNAPSHOT,
                                        &draft->text->lines[i]);
        return r;
}

/* In the place of the line that decides now, or behind all lines where that could be overruled. */
static int leftover_set_snapshot(
                struct phx_pve_draft *draft,
                size_t section,
                const struct phx_pve_reach *reach,
                const struct leftover_profile *profile) {
        const struct phx_pve_section *place = &draft->text->sections[section];
        bool stays = reach->decider && !reach->has_nesting && !reach->has_other;
        const struct phx_pve_line *line = stays ? reach->decider
                                                : &draft->text->lines[place->line - 1];
        struct phx_pve_entry *entry =
                        &draft->entries[stays ? phx_pve_draft_index(draft, line)
                                              : phx_pve_draft_end(draft, section)];
        int r;

        r = leftover_drop_snapshot_profiles(draft, place, stays ? line : NULL);
        if (r >= 0)
                r = phx_pve_draft_print(
                                PHX_PVE_KEY_PROFILE,
                                profile->value,
                                profile->value_size,
                                stays ? &entry->written : &entry->added);
        if (r < 0)
                return r;
        return stays ? phx_pve_draft_remove(draft, PHX_LEFTOVER_ROLLBACK, line)
                     : phx_pve_draft_tell(draft, PHX_LEFTOVER_ROLLBACK, line);
}

static int leftover_settle_snapshots(struct phx_pve_draft *draft) {
        const struct leftover_profile profile = leftover_profile_of(draft);
        const struct phx_pve_text *text = draft->text;
        int r = 0;

        for (size_t i = 1; r >= 0 && i < text->n_sections; i++) {
                const struct phx_pve_section *place = &text->sections[i];
                struct phx_pve_reach reach;

                if (place->kind != PHX_PVE_SNAPSHOT || place->is_overruled)
                        continue;
                reach = phx_pve_draft_reach(draft, i);
                if (reach.strength >= profile.strength)
                        continue;
                if (profile.strength == PHX_PVE_NAMED && profile.value)
                        r = leftover_set_snapshot(draft, i, &reach, &profile);
                else if (profile.strength != PHX_PVE_NAMED && !reach.has_any)
                        r = leftover_drop_snapshot_profiles(draft, place, NULL);
        }
        return r;
}

static bool leftover_has_nul(const struct phx_pve_text *text) {
        for (size_t i = 0; i < text->count; i++)
                if ((text->lines[i].kind == PHX_PVE_KEY || text->lines[i].kind == PHX_PVE_LXC) &&
                    memchr(text->lines[i].start, '\0', text->lines[i].size))
                        return true;
        return false;
}

static int leftover_compare_changes(const void *a, const void *b) {
        const struct phx_pve_change *x = a, *y = b;

        if (x->line->number != y->line->number)
                return x->line->number < y->line->number ? -1 : 1;
        return (x->kind > y->kind) - (x->kind < y->kind);
}

static int leftover_settle(struct phx_pve_draft *draft) {
        int r;

        draft->entries = calloc(draft->text->count + 1, sizeof(*draft->entries));
        r = draft->entries ? leftover_settle_main(draft) : -ENOMEM;
        if (r >= 0)
                r = leftover_settle_pending(draft);
        return r < 0 ? r : leftover_settle_snapshots(draft);
}

int phx_pve_leftovers_of(
                const struct phx_pve_text *text,
                const struct phx_pve_meaning *meaning,
                const struct phx_pve_wanted *wanted,
                struct phx_pve_leftovers *ret_leftovers) {
        phx_cleanup(phx_pve_draft_done) struct phx_pve_draft draft = { .text = text,
                                                                       .meaning = meaning,
                                                                       .wanted = wanted };
        phx_cleanup(phx_pve_leftovers_done) struct phx_pve_leftovers leftovers = { 0 };
        int r;

        assert(text && meaning && wanted && ret_leftovers);

        if (phx_pve_text_fatal(text) || leftover_has_nul(text))
                return 0;
        r = leftover_settle(&draft);
        if (r < 0 || draft.count == 0)
                return r;
        r = phx_pve_draft_render(&draft, &leftovers.text);
        if (r < 0 || leftovers.text.size > PHX_PVE_FILE_LIMIT)
                return r;
        qsort(draft.changes, draft.count, sizeof(*draft.changes), leftover_compare_changes);
        leftovers.changes = PHX_TAKE(draft.changes);
        leftovers.count = draft.count;
        *ret_leftovers = PHX_TAKE_STRUCT(leftovers);
        return 1;
}

void phx_pve_leftovers_done(struct phx_pve_leftovers *leftovers) {
        free(leftovers->changes);
        phx_buffer_done(&leftovers->text);
        *leftovers = (struct phx_pve_leftovers){ 0 };
}
