/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Findings are collected by walks over the sections that count, each for one kind of question, and
 * sorted by line at the end: a person goes through the file once. */

#include "pve/meaning.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/strings.h"
#include "pve/pending.h"
#include "state/lxc_options.h"

static int add_finding(
                struct phx_pve_meaning *meaning,
                enum phx_pve_finding_kind kind,
                const struct phx_pve_line *line) {
        struct phx_pve_finding *finding =
                        phx_grow(&meaning->findings, &meaning->n_findings, sizeof(*finding));

        if (!finding)
                return -ENOMEM;
        *finding = (struct phx_pve_finding){ kind, line };
        return 0;
}

static int add_if(
                struct phx_pve_meaning *meaning,
                bool holds,
                enum phx_pve_finding_kind kind,
                const struct phx_pve_line *line) {
        return holds ? add_finding(meaning, kind, line) : 0;
}

/* --- the main section --- */

static bool has_byte(const struct phx_pve_line *line, char c) {
        return memchr(line->value, c, line->value_size) != NULL;
}

static bool is_named_lxc(const struct phx_pve_line *line) {
        return line->key && line->key_size > 4 && strncasecmp(line->key, "lxc.", 4) == 0;
}

static int review_dropped(struct phx_pve_meaning *meaning, const struct phx_pve_line *line) {
        if (line->drop == PHX_PVE_DROP_HEADER)
                return add_finding(meaning, PHX_PVE_HEADER_NOT_READ, line);
        if (phx_pve_line_meant(line, PHX_PVE_KEY_PROFILE) ||
            phx_pve_line_meant(line, PHX_PVE_KEY_OLD_PROFILE) ||
            phx_pve_line_meant(line, "lxc.apparmor_profile"))
                return add_finding(meaning, PHX_PVE_PROFILE_NOT_READ, line);
        return add_if(meaning, is_named_lxc(line), PHX_PVE_LXC_NOT_READ, line);
}

static int review_profile_line(struct phx_pve_meaning *meaning, const struct phx_pve_line *line) {
        const struct phx_pve_profile *profile = &meaning->profile;
        bool is_empty = profile->value_size == 0;
        int r;

        if (line != profile->decider)
                return add_finding(meaning, PHX_PVE_PROFILE_OVERRULED, line);
        r = add_if(meaning, is_empty, PHX_PVE_PROFILE_EMPTY, line);
        if (r >= 0)
                r = add_if(meaning,
                           !is_empty && profile->strength == PHX_PVE_DEFAULT,
                           PHX_PVE_PROFILE_GENERATED,
                           line);
        return r < 0 ? r : add_if(meaning, has_byte(line, '#'), PHX_PVE_PROFILE_COMMENT, line);
}

/* "0" only says what is so anyhow, or takes back what the features have set. */
bool phx_pve_allows_nesting(const struct phx_pve_line *line) {
        struct phx_lxc_option_text option = { .value = line->value,
                                              .value_size = line->value_size };

        if (!phx_pve_line_sets(line, PHX_PVE_KEY_ALLOW_NESTING))
                return false;
        phx_lxc_option_unquote(&option);
        return option.value_size > 0 && !phx_pve_is(option.value, option.value_size, "0");
}

static int review_lxc(struct phx_pve_meaning *meaning, const struct phx_pve_line *line) {
        const struct phx_pve_line *decider = meaning->profile.decider;
        int r = 0;

        if (phx_pve_line_sets(line, PHX_PVE_KEY_PROFILE))
                r = review_profile_line(meaning, line);
        else if (phx_pve_line_sets(line, PHX_PVE_KEY_OLD_PROFILE))
                r = add_finding(meaning, PHX_PVE_PROFILE_OLD_KEY, line);
        else if (phx_pve_lxc_key(line->key, line->key_size) == PHX_PVE_LXC_GONE)
                r = add_finding(meaning, PHX_PVE_LXC_KEY_GONE, line);
        else if (phx_pve_allows_nesting(line))
                r = add_finding(meaning, PHX_PVE_ALLOW_NESTING, line);
        else if ((!decider || line > decider) && phx_pve_line_sets(line, PHX_PVE_KEY_INCLUDE))
                r = add_finding(meaning, PHX_PVE_INCLUDE_BEHIND, line);
        return r;
}

/* What liblxc gets is another text than the one that Proxmox read. */
static int review_bytes(struct phx_pve_meaning *meaning, const struct phx_pve_line *line) {
        int r = add_if(meaning, has_byte(line, '\r'), PHX_PVE_CARRIAGE_RETURN, line);

        return r < 0 ? r : add_if(meaning, has_byte(line, '\0'), PHX_PVE_NUL, line);
}

static int review_main(struct phx_pve_meaning *meaning, const struct phx_pve_text *text) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < text->sections[0].count; i++) {
                const struct phx_pve_line *line = &text->lines[i];

                if (line->kind == PHX_PVE_DROPPED)
                        r = review_dropped(meaning, line);
                else if (line->kind == PHX_PVE_LXC)
                        r = review_lxc(meaning, line);
                if (r >= 0 && (line->kind == PHX_PVE_LXC || line->kind == PHX_PVE_KEY))
                        r = review_bytes(meaning, line);
        }
        return r;
}

static int review_features(struct phx_pve_meaning *meaning) {
        const struct phx_pve_features *features = &meaning->features;
        bool is_profile_feature = features->nesting || features->fuse || features->mount_size > 0;

        if (!meaning->features_line)
                return 0;
        if (features->fault != PHX_PVE_FEATURES_GOOD)
                return add_finding(meaning, PHX_PVE_FEATURES_BAD, meaning->features_line);
        return add_if(meaning,
                      meaning->profile.decider && is_profile_feature,
                      PHX_PVE_FEATURES_OVERRULED,
                      meaning->features_line);
}

/* --- other sections --- */

/* The line to look at: the one that names the weaker profile, else the header. */
static const struct phx_pve_line *line_of(
                const struct phx_pve_text *text,
                const struct phx_pve_section *section,
                const struct phx_pve_profile *profile) {
        return profile->decider ? profile->decider : &text->lines[section->line - 1];
}

static int review_pending(struct phx_pve_meaning *meaning, const struct phx_pve_text *text) {
        const struct phx_pve_line *first, *deleting;
        struct phx_pve_profile profile;
        size_t section;
        int r;

        if (!meaning->pending)
                return 0;
        section = (size_t) (meaning->pending - text->sections);
        first = phx_pve_pending_list(text, section);
        deleting = phx_pve_pending_delete(text, section, "lxc");
        if (!first)
                return add_if(meaning,
                              deleting && phx_pve_pending_list(text, 0),
                              PHX_PVE_PENDING_DELETES,
                              deleting);
        meaning->pending_replaces_lxc = true;
        profile = phx_pve_profile_of(text, section);
        r = add_finding(meaning, PHX_PVE_PENDING_REPLACES, first);
        return r < 0 ? r
                     : add_if(meaning,
                              phx_pve_is_weaker(&meaning->profile, &profile),
                              PHX_PVE_PENDING_WEAKER,
                              line_of(text, meaning->pending, &profile));
}

static int review_snapshots(struct phx_pve_meaning *meaning, const struct phx_pve_text *text) {
        int r = 0;

        for (size_t i = 1; r >= 0 && i < text->n_sections; i++) {
                const struct phx_pve_section *section = &text->sections[i];
                struct phx_pve_profile profile;

                if (section->kind != PHX_PVE_SNAPSHOT || section->is_overruled)
                        continue;
                profile = phx_pve_profile_of(text, i);
                r = add_if(meaning,
                           phx_pve_is_weaker(&meaning->profile, &profile),
                           PHX_PVE_SNAPSHOT_WEAKER,
                           line_of(text, section, &profile));
        }
        return r;
}

/* Scripts append, and their lines land in the section that happens to be the last. */
static int review_last(struct phx_pve_meaning *meaning, const struct phx_pve_text *text) {
        const size_t last = text->n_sections - 1;
        struct phx_pve_profile profile;

        if (last == 0 || text->sections[last].kind != PHX_PVE_SNAPSHOT || meaning->profile.decider)
                return 0;
        profile = phx_pve_profile_of(text, last);
        return add_if(meaning,
                      profile.strength == PHX_PVE_NAMED,
                      PHX_PVE_PROFILE_APPENDED,
                      profile.decider);
}

static int review_reserved(struct phx_pve_meaning *meaning, const struct phx_pve_text *text) {
        const struct phx_pve_line *fatal = phx_pve_text_fatal(text);

        return add_if(meaning, fatal != NULL, PHX_PVE_RESERVED, fatal);
}

static int compare_findings(const void *a, const void *b) {
        const struct phx_pve_finding *x = a, *y = b;

        if (x->line->number != y->line->number)
                return x->line->number < y->line->number ? -1 : 1;
        return (x->kind > y->kind) - (x->kind < y->kind);
}

static int meaning_review(struct phx_pve_meaning *meaning, const struct phx_pve_text *text) {
        int r;

        r = review_main(meaning, text);
        if (r >= 0)
                r = review_features(meaning);
        if (r >= 0)
                r = review_pending(meaning, text);
        if (r >= 0)
                r = review_snapshots(meaning, text);
        if (r >= 0)
                r = review_last(meaning, text);
        if (r >= 0)
                r = review_reserved(meaning, text);
        if (r >= 0 && meaning->n_findings > 1)
                qsort(meaning->findings,
                      meaning->n_findings,
                      sizeof(*meaning->findings),
                      compare_findings);
        return r;
}

/* --- keys --- */

static bool is_yes_at(const struct phx_pve_text *text, const char *key) {
        const struct phx_pve_line *line = phx_pve_text_key(text, 0, key);

        return line && phx_pve_is_yes(line->value, line->value_size);
}

static bool has_id_map(const struct phx_pve_text *text) {
        for (size_t i = 0; i < text->sections[0].count; i++)
                if (phx_pve_line_sets(&text->lines[i], PHX_PVE_KEY_IDMAP))
                        return true;
        return false;
}

int phx_pve_meaning_of(const struct phx_pve_text *text, struct phx_pve_meaning *ret_meaning) {
        phx_cleanup(phx_pve_meaning_done) struct phx_pve_meaning meaning = { 0 };
        const struct phx_pve_line *startup;
        int r;

        assert(text && text->n_sections > 0);
        assert(ret_meaning);

        meaning.lock = phx_pve_text_lock(text);
        meaning.is_template = is_yes_at(text, PHX_PVE_KEY_TEMPLATE);
        meaning.is_unprivileged = is_yes_at(text, PHX_PVE_KEY_UNPRIVILEGED) || has_id_map(text);
        meaning.starts_at_boot = is_yes_at(text, PHX_PVE_KEY_ONBOOT);
        startup = phx_pve_text_key(text, 0, PHX_PVE_KEY_STARTUP);
        if (startup)
                meaning.startup = phx_pve_startup_parse(startup->value, startup->value_size);
        meaning.ostype = phx_pve_text_key(text, 0, PHX_PVE_KEY_OSTYPE);
        meaning.features_line = phx_pve_text_key(text, 0, PHX_PVE_KEY_FEATURES);
        if (meaning.features_line)
                meaning.features = phx_pve_features_parse(
                                meaning.features_line->value,
                                meaning.features_line->value_size);
        meaning.profile = phx_pve_profile_of(text, 0);
        meaning.pending = phx_pve_text_pending(text);

        r = meaning_review(&meaning, text);
        if (r < 0)
                return r;
        *ret_meaning = PHX_TAKE_STRUCT(meaning);
        return 0;
}

void phx_pve_meaning_done(struct phx_pve_meaning *meaning) {
        free(meaning->findings);
        *meaning = (struct phx_pve_meaning){ 0 };
}
