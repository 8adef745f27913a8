/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A judgement that was good holds as long as everything does that led to it:
 *
 *   the files       the source, its test, all that it includes, and where an include was looked for
 *                   in vain: noted while it was judged (phx_files_note)
 *   the compiler    with its options and the kernel's features
 *   the settings    the rules, the directories and the mode
 *   the others      no other file defines a profile of its name
 *   what is kept    it still is the last known good one
 *
 * Then nothing of it is read, scanned or hashed again, also over a restart (kept.c). The same goes
 * for what is being compiled, of which all but the result is known. What was refused is judged
 * again each time: it may be waiting for its time, and it is rare. */

#include <stdlib.h>
#include <string.h>

#include "base/sorted.h"
#include "profiles/update.h"

struct phx_error *phx_candidate_error(struct phx_candidate *candidate) {
        if (!candidate->error)
                candidate->error = calloc(1, sizeof(*candidate->error));
        return candidate->error;
}

void phx_candidate_forget_error(struct phx_candidate *candidate) {
        free(candidate->error);
        candidate->error = NULL;
}

void phx_candidate_done(struct phx_candidate *candidate) {
        phx_candidate_forget_error(candidate);
        free(candidate->name);
        phx_closure_done(&candidate->closure);
        phx_files_used_done(&candidate->used);
}

void phx_candidates_done(struct phx_profiles *profiles) {
        for (size_t i = 0; i < profiles->candidate_count; i++)
                phx_candidate_done(&profiles->candidates[i]);
        free(profiles->candidates);
        profiles->candidates = NULL;
        profiles->candidate_count = 0;
        phx_sources_done(&profiles->sources);
        profiles->is_complete = false;
}

bool phx_judged_by_places(const struct phx_judged_by *by, const struct phx_settings *settings) {
        return phx_equal(by->profile_dir, settings->profile_dir) &&
               phx_equal(by->site_profile_dir, settings->site_profile_dir) &&
               phx_equal(by->deployed_dir, settings->deployed_dir) &&
               by->is_observing == (settings->mode == PHX_MODE_OBSERVE);
}

static bool keep_is_same_basis(const struct phx_update *update) {
        const struct phx_profiles *profiles = update->profiles;

        return phx_equal(profiles->by.compiler, profiles->compiler.identity) &&
               phx_judged_by_places(&profiles->by, update->look->settings);
}

static int keep_take_basis(const struct phx_update *update) {
        struct phx_judged_by *by = &update->profiles->by;
        const struct phx_settings *settings = update->look->settings;
        int r;

        by->is_observing = settings->mode == PHX_MODE_OBSERVE;
        r = phx_replace(&by->compiler, update->profiles->compiler.identity);
        if (r >= 0)
                r = phx_replace(&by->profile_dir, settings->profile_dir);
        if (r >= 0)
                r = phx_replace(&by->site_profile_dir, settings->site_profile_dir);
        return r < 0 ? r : phx_replace(&by->deployed_dir, settings->deployed_dir);
}

static int keep_compare(const void *name, const void *candidate) {
        return strcmp(name, ((const struct phx_candidate *) candidate)->name);
}

static struct phx_candidate *keep_find(const struct phx_profiles *profiles, const char *name) {
        return phx_find_sorted(
                        name,
                        profiles->candidates,
                        profiles->candidate_count,
                        sizeof(*profiles->candidates),
                        keep_compare);
}

static bool keep_is_good(
                const struct phx_update *update,
                const struct phx_candidate *before,
                const struct phx_source *source) {
        struct phx_goods *goods = &update->profiles->goods;
        struct phx_good *good = phx_goods_find(goods, before->name);

        return good && good->has_text && strcmp(good->key, before->key) == 0 &&
               strcmp(good->digest, source->seen->digest) == 0 &&
               phx_goods_know(goods, good, update->look->hash_kind) >= 0;
}

static bool keep_still_holds(
                struct phx_update *update,
                const struct phx_candidate *before,
                struct phx_candidate *candidate) {
        const struct phx_source *source = candidate->source;
        int r;

        if ((before->result < 0 && !before->must_compile) || before->breaks_rule ||
            !before->key[0] || source->result < 0 || before->has_test != (source->test != NULL) ||
            phx_files_used_version(&before->used) > before->version)
                return false;
        if (!before->must_compile && !keep_is_good(update, before, source))
                return false;
        r = phx_update_check_name(update, candidate);
        phx_candidate_forget_error(candidate);
        return r >= 0;
}

static void keep_candidate(struct phx_update *update, struct phx_candidate *candidate) {
        struct phx_candidate *before = keep_find(update->profiles, candidate->name);
        struct phx_source *source = candidate->source;
        struct phx_candidate fresh;

        if (!before || !keep_still_holds(update, before, candidate))
                return;
        fresh = *candidate;
        *candidate = *before;
        *before = fresh;
        candidate->source = source;
        candidate->is_kept = true;
        if (update->is_whole)
                phx_files_use(update->files, &candidate->used);
}

static bool keep_is_reusable(const struct phx_update *update) {
        const struct phx_profiles *profiles = update->profiles;

        return !update->is_whole && profiles->is_complete && profiles->candidate_count > 0 &&
               profiles->sources.count == profiles->candidate_count &&
               !profiles->options.is_offline && keep_is_same_basis(update) &&
               phx_equal(profiles->compiler.features, update->look->features) &&
               phx_compiler_is_known(&profiles->compiler, profiles->options.parser);
}

/* Nothing is known of it but what it is. */
static void keep_nothing(struct phx_candidate *candidate) {
        struct phx_candidate fresh = { .name = PHX_TAKE(candidate->name),
                                       .source = candidate->source,
                                       .has_test = candidate->source->test != NULL };

        phx_candidate_done(candidate);
        *candidate = fresh;
}

/* What holds is only read: after the fork of a compiler each page that is written to is copied. */
int phx_update_reuse(struct phx_update *update) {
        struct phx_profiles *profiles = update->profiles;
        int r;

        if (!keep_is_reusable(update))
                return 0;
        r = phx_sources_refresh(&profiles->sources, &profiles->used, profiles->version);
        if (r <= 0)
                return r;
        update->sources = PHX_TAKE_STRUCT(profiles->sources);
        update->candidates = PHX_TAKE(profiles->candidates);
        profiles->candidate_count = 0;
        profiles->is_complete = false;
        for (size_t i = 0; i < update->sources.count; i++) {
                struct phx_candidate *candidate = &update->candidates[i];

                if (!keep_still_holds(update, candidate, candidate)) {
                        keep_nothing(candidate);
                        update->is_rebuilt = true;
                } else if (!candidate->is_kept)
                        candidate->is_kept = true;
        }
        return 1;
}

int phx_update_keep(struct phx_update *update) {
        struct phx_profiles *profiles = update->profiles;
        bool is_same = keep_is_same_basis(update);
        size_t kept = 0;

        for (size_t i = 0; i < update->sources.count; i++) {
                struct phx_candidate *candidate = &update->candidates[i];

                candidate->source = &update->sources.items[i];
                candidate->has_test = candidate->source->test != NULL;
                if (phx_replace(&candidate->name, candidate->source->name) < 0)
                        return -ENOMEM;
        }
        for (size_t i = 0; is_same && i < update->sources.count; i++) {
                keep_candidate(update, &update->candidates[i]);
                kept += update->candidates[i].is_kept;
        }
        update->is_rebuilt = kept != update->sources.count || kept != profiles->candidate_count ||
                             !profiles->is_complete;
        phx_candidates_done(profiles);
        return 0;
}

void phx_update_leave(struct phx_update *update) {
        struct phx_profiles *profiles = update->profiles;

        if (keep_take_basis(update) < 0)
                return;
        for (size_t i = 0; i < update->sources.count; i++) {
                struct phx_candidate *candidate = &update->candidates[i];

                profiles->unkept += candidate->result >= 0 && !candidate->is_kept;
                phx_candidate_forget_error(candidate);
        }
        profiles->candidates = PHX_TAKE(update->candidates);
        profiles->candidate_count = update->sources.count;
        profiles->sources = PHX_TAKE_STRUCT(update->sources);
        /* What was found later, in judging others, may concern one that was kept. */
        profiles->version = update->version;
        profiles->is_complete = true;
}
