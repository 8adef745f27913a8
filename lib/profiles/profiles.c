/* SPDX-License-Identifier: GPL-2.0-or-later */

/* One update turns the profile directory into desired profiles. It runs in four steps:
 *
 *   1. list the sources; a directory that cannot be read, or is empty all at once, keeps
 *      everything as it is (keep_all), because a missing mount must not withdraw profiles;
 *   2. judge each source (judge.c): a candidate ends with a result, and a good one is kept
 *      already, on disk and in GOODS;
 *   3. make a desired profile of each candidate (desire.c): a refused one gets the last known
 *      good policy and the text of the refusal, a good one also accepts the pieces that it
 *      includes;
 *   4. make a desired profile of each good one that has no source any more (withdrawn), and of the
 *      pieces.
 *
 * struct phx_profiles lives as long as the engine and holds what survives an update: the goods
 * (last known good, last_good.c), the quarantine (failures, by the digest of all that led to them)
 * and the directories to watch; and sources and candidates between two updates. struct phx_update
 * owns them during one; candidates borrow their source from it.
 *
 * A key is the digest of everything that decides the bytes of a policy: text, includes, test,
 * compiler. Equal key means equal policy, so an update in which nothing changed compiles nothing
 * and writes nothing. A crash at any point loses no decision: the text and the policy are on disk
 * before the inventory names them, and an inventory that was not saved leads to the same judgement
 * again. */

#include "profiles/profiles.h"

#include <errno.h>
#include <string.h>

#include "base/findings.h"
#include "base/watches.h"
#include "profiles/update.h"

int phx_profiles_new(
                const struct phx_profiles_options *options,
                struct phx_profiles **ret_profiles) {
        phx_cleanup(phx_profiles_freep) struct phx_profiles *profiles = calloc(
                        1,
                        sizeof(*profiles));
        int r;

        if (!profiles)
                return -ENOMEM;
        profiles->options = *options;
        profiles->goods.text_fd = options->good_fd;
        profiles->goods.cache_fd = options->cache_fd;
        profiles->goods.shared_dir = options->shared_cache;
        profiles->goods.shared_trust = options->trust;
        r = phx_files_new(options->trust, &profiles->files);
        if (r >= 0)
                r = phx_compiles_new(options->progress, &profiles->compiles);
        if (r < 0)
                return r;
        *ret_profiles = PHX_TAKE(profiles);
        return 0;
}

struct phx_profiles *phx_profiles_free(struct phx_profiles *profiles) {
        if (!profiles)
                return NULL;

        phx_candidates_done(profiles);
        phx_files_used_done(&profiles->used);
        free(profiles->by.compiler);
        free(profiles->by.profile_dir);
        free(profiles->by.site_profile_dir);
        free(profiles->by.deployed_dir);
        phx_goods_done(&profiles->goods);
        phx_quarantine_done(&profiles->quarantine);
        phx_compiles_free(profiles->compiles);
        phx_queue_done(&profiles->queue);
        phx_compiler_known_done(&profiles->compiler);
        phx_strings_done(&profiles->directories);
        phx_files_free(profiles->files);
        free(profiles);

        return NULL;
}

int phx_profiles_recall(struct phx_profiles *profiles, const struct phx_inventory *inventory) {
        return phx_goods_recall(&profiles->goods, inventory);
}

int phx_profiles_leave(const struct phx_profiles *profiles, struct phx_buffer *texts) {
        return phx_goods_leave(&profiles->goods, texts);
}

int phx_profiles_take(struct phx_profiles *profiles, struct phx_texts *texts) {
        return phx_goods_take(&profiles->goods, texts);
}

/* --- one look --- */

static void update_done(struct phx_update *update) {
        for (size_t i = 0; i < update->sources.count && update->candidates; i++)
                phx_candidate_done(&update->candidates[i]);
        free(update->candidates);
        phx_sources_done(&update->sources);
        if (update->files)
                phx_files_rest(update->files);
}

static int watch_compiler(struct phx_update *update) {
        const struct phx_strings *watches = &update->profiles->compiler.watches;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < watches->count; i++)
                r = phx_strings_add_once(&update->profiles->directories, watches->items[i]);
        return r;
}

/* One after the other, and sorted at the end: most of them are the same. */
static int watch_all(struct phx_update *update) {
        struct phx_strings *directories = &update->profiles->directories;
        const struct phx_settings *settings = update->look->settings;
        int r;

        phx_strings_done(directories);
        r = phx_watches_add_directory(directories, settings->profile_dir);
        if (r >= 0 && settings->site_profile_dir)
                r = phx_watches_add_directory(directories, settings->site_profile_dir);
        if (r >= 0)
                r = phx_watches_add_directory(directories, settings->deployed_dir);
        if (r >= 0)
                r = watch_compiler(update);
        for (size_t i = 0; r >= 0 && update->candidates && i < update->sources.count; i++) {
                const struct phx_strings *more = &update->candidates[i].closure.directories;
                const struct phx_file_seen *seen = update->sources.items[i].seen;

                if (seen && seen->is_linked)
                        r = phx_files_watch(update->files, seen->path, directories);
                seen = update->sources.items[i].test;
                if (r >= 0 && seen && seen->is_linked)
                        r = phx_files_watch(update->files, seen->path, directories);
                if (r >= 0)
                        r = phx_strings_copy(directories, more);
        }
        phx_strings_unique(directories);
        return r < 0 ? r : 0;
}

/* Nothing new can be said about the sources: all that was good stays as it is. */
static int keep_all(struct phx_update *update, int code, const struct phx_error *error) {
        struct phx_refusal *refusal = phx_desired_add_refusal(
                        update->desired,
                        PHX_REFUSED_PROFILES,
                        NULL,
                        phx_error_text(error, code));

        if (!refusal)
                return -ENOMEM;
        refusal->is_transient = code == -EBUSY || code == -EREMOTE;
        if (update->profiles->options.findings)
                phx_findings_add_error(
                                update->profiles->options.findings,
                                error,
                                code,
                                update->look->settings->profile_dir);
        return phx_update_desire_others(update, PHX_SOURCE_GOOD);
}

static bool has_profiles(const struct phx_profiles *profiles) {
        for (size_t i = 0; i < profiles->goods.count; i++)
                if (!phx_good_is_piece(&profiles->goods.items[i]))
                        return true;
        return false;
}

static int profiles_list_sources(struct phx_update *update, struct phx_error *error) {
        const struct phx_profiles_options *options = &update->profiles->options;
        const char *profile_dir = update->look->settings->profile_dir;
        int r;

        if (!update->look->features)
                return phx_error_set(
                                error,
                                -ENODEV,
                                "cannot be compiled without AppArmor in the kernel");
        r = phx_compiler_know(
                        &update->profiles->compiler,
                        &(struct phx_compiler_place){
                                        .files = update->files,
                                        .config = options->parser_config,
                                        .accounts = options->accounts,
                                        .may_be_nobody = options->is_offline,
                                        .parser = options->parser,
                                        .features = update->look->features,
                                        .deployed_dir = update->look->settings->deployed_dir,
                        },
                        error);
        if (r < 0)
                return r;
        r = phx_sources_list(
                        update->files,
                        profile_dir,
                        update->look->settings->site_profile_dir,
                        &update->sources,
                        error);
        if (r < 0)
                return r;
        if (update->profiles->options.only)
                phx_sources_keep(&update->sources, update->profiles->options.only);
        if (update->sources.count == 0 && has_profiles(update->profiles))
                return phx_error_set_in(
                                error,
                                -ENODATA,
                                profile_dir,
                                "is empty, expected profiles; phoenixd does not take an empty "
                                "directory as an order to remove them");
        return 0;
}

static int refuse_orphans(struct phx_update *update) {
        for (size_t i = 0; i < update->sources.orphans.count; i++)
                if (!phx_desired_add_refusal(
                                    update->desired,
                                    PHX_REFUSED_TEST,
                                    update->sources.orphans.items[i],
                                    "tests a profile that does not exist, expected a profile of "
                                    "that name beside it"))
                        return -ENOMEM;
        return 0;
}

/* Lists them, and takes over what holds of the look before. 1 when there is nothing new to be said
 * of them, which is done then. */
static int profiles_begin(struct phx_update *update) {
        struct phx_error error = { 0 };
        int r = phx_update_reuse(update);

        if (r != 0)
                return r < 0 ? r : 0;
        phx_files_used_done(&update->profiles->used);
        phx_files_note(update->files, &update->profiles->used);
        r = profiles_list_sources(update, &error);
        phx_files_note(update->files, NULL);
        if (r < 0) {
                phx_candidates_done(update->profiles);
                update->is_rebuilt = true;
                r = r == -ENOMEM ? r : keep_all(update, r, &error);
                return r < 0 ? r : 1;
        }
        update->candidates = calloc(update->sources.count + 1, sizeof(*update->candidates));
        return update->candidates ? phx_update_keep(update) : -ENOMEM;
}

static int profiles_run(struct phx_update *update) {
        int r;

        update->files = update->profiles->files;
        update->is_whole = !phx_files_scope(update->files, update->look->scope);
        r = phx_files_refresh(update->files, update->look->scope);
        if (r < 0)
                return r;
        update->version = phx_files_version(update->files);
        r = profiles_begin(update);
        if (r != 0)
                return r < 0 ? r : 0;

        r = refuse_orphans(update);
        if (r >= 0)
                r = phx_update_judge(update);
        if (r >= 0 && update->profiles->goods.shared_trouble.text[0])
                r = phx_strings_addf(
                                &update->desired->notes,
                                "shared cache: %s; its policies are not used",
                                update->profiles->goods.shared_trouble.text);
        update->all_good = true;
        for (size_t i = 0; r >= 0 && i < update->sources.count; i++)
                r = phx_update_desire(update, &update->candidates[i]);
        return r < 0 ? r : phx_update_desire_others(update, PHX_SOURCE_WITHDRAWN);
}

static bool has_same_rules(
                const struct phx_profiles *profiles,
                const struct phx_settings *settings) {
        return profiles->allow_complain == settings->allow_complain &&
               profiles->allow_unconfined_flag == settings->allow_unconfined_flag &&
               profiles->compile_deadline_usec == settings->compile_deadline_usec &&
               profiles->compile_memory == settings->compile_memory;
}

/* Other rules and limits make another judgement of the same sources. */
static void take_up_rules(struct phx_profiles *profiles, const struct phx_settings *settings) {
        if (!has_same_rules(profiles, settings)) {
                phx_quarantine_done(&profiles->quarantine);
                phx_candidates_done(profiles);
        }
        profiles->allow_complain = settings->allow_complain;
        profiles->allow_unconfined_flag = settings->allow_unconfined_flag;
        profiles->compile_deadline_usec = settings->compile_deadline_usec;
        profiles->compile_memory = settings->compile_memory;
}

void phx_profiles_forget_failures(struct phx_profiles *profiles) {
        phx_quarantine_done(&profiles->quarantine);
        phx_candidates_done(profiles);
        phx_files_used_done(&profiles->used);
        phx_files_forget(profiles->files);
        profiles->is_asked = true;
}

int phx_profiles_update(
                struct phx_profiles *profiles,
                const struct phx_profiles_look *look,
                struct phx_inventory *inventory,
                struct phx_desired *desired,
                uint64_t *ret_retry_usec) {
        phx_cleanup(update_done) struct phx_update update = {
                .profiles = profiles,
                .look = look,
                .inventory = inventory,
                .desired = desired,
        };
        int r;

        for (size_t i = 0; i < profiles->goods.count; i++)
                profiles->goods.items[i].is_seen = profiles->goods.items[i].is_new = false;
        take_up_rules(profiles, look->settings);
        /* Whatever comes of this look: what has ended asks for no other. */
        phx_update_reap(profiles);
        r = profiles_run(&update);
        if (r >= 0 && (update.is_rebuilt || update.is_whole))
                r = watch_all(&update);
        phx_quarantine_sweep(&profiles->quarantine);
        if (r < 0) {
                phx_candidates_done(profiles);
                phx_files_used_done(&profiles->used);
                return r;
        }
        if (update.candidates)
                phx_update_leave(&update);

        *ret_retry_usec = phx_quarantine_next(&profiles->quarantine, look->now_usec);
        return update.changed;
}

bool phx_profiles_is_unchanged(
                struct phx_profiles *profiles,
                const struct phx_settings *settings,
                const struct phx_scope *scope) {
        int r;

        if (!profiles->is_complete || phx_profiles_has_compiled(profiles) ||
            !has_same_rules(profiles, settings) || !phx_judged_by_places(&profiles->by, settings))
                return false;
        scope = phx_files_scope(profiles->files, scope);
        if (!scope && !phx_compiler_is_known(&profiles->compiler, profiles->options.parser))
                return false;
        r = phx_files_refresh(profiles->files, scope);
        phx_files_use(profiles->files, &profiles->used);
        for (size_t i = 0; r >= 0 && !scope && i < profiles->candidate_count; i++)
                phx_files_use(profiles->files, &profiles->candidates[i].used);
        phx_files_rest(profiles->files);
        return r >= 0 && phx_files_version(profiles->files) == profiles->version;
}

bool phx_profiles_covers(const struct phx_profiles *profiles, const char *path) {
        char *roots[] = { profiles->by.profile_dir,
                          profiles->by.deployed_dir,
                          profiles->by.site_profile_dir };
        size_t count = PHX_ELEMENTS(roots) - !profiles->by.site_profile_dir;

        return profiles->is_complete &&
               phx_files_covers(profiles->files, &(struct phx_strings){ roots, count }, path);
}

int phx_profiles_watches(const struct phx_profiles *profiles, struct phx_strings *watches) {
        for (size_t i = 0; i < profiles->directories.count; i++) {
                int r = phx_strings_add_once(watches, profiles->directories.items[i]);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* From its source, if that has the same text: what was on disk was lost. */
static bool profiles_restore_text(
                struct phx_profiles *profiles,
                struct phx_good *good,
                const char *digest) {
        const char *const roots[] = { profiles->by.profile_dir, profiles->by.site_profile_dir };

        for (size_t i = 0; i < PHX_ELEMENTS(roots); i++) {
                phx_autofree char *path = NULL;
                const struct phx_file_seen *seen = NULL;

                if (roots[i] && phx_printf(&path, "%s/%s", roots[i], good->name) >= 0)
                        seen = phx_files_get(profiles->files, path);
                if (seen && seen->result >= 0 && strcmp(seen->digest, digest) == 0)
                        return phx_goods_keep_text(&profiles->goods, good, seen) >= 0;
        }
        return false;
}

const char *phx_profiles_text(struct phx_profiles *profiles, const char *digest, size_t *ret_size) {
        for (size_t i = 0; i < profiles->goods.count; i++) {
                struct phx_good *good = &profiles->goods.items[i];
                char key[PHX_SHA256_HEX];

                if (!good->has_text || strcmp(good->digest, digest) != 0)
                        continue;
                memcpy(key, good->key, sizeof(key));
                if (phx_goods_text(&profiles->goods, good) < 0) {
                        if (!profiles_restore_text(profiles, good, digest))
                                continue;
                        phx_goods_set_key(&profiles->goods, good, key);
                }
                *ret_size = good->size;
                return good->text;
        }
        return NULL;
}

int phx_profiles_blob(
                struct phx_profiles *profiles,
                const char *key,
                char **ret_blob,
                size_t *ret_size) {
        for (size_t i = 0; i < profiles->goods.count; i++) {
                struct phx_good *good = &profiles->goods.items[i];
                int r;

                if (!key || !good->key[0] || strcmp(good->key, key) != 0)
                        continue;
                r = phx_goods_blob(&profiles->goods, good, ret_blob, ret_size);
                if (r == -ENOENT)
                        good->key[0] = '\0';
                return r;
        }
        return -ENOENT;
}

int phx_profiles_cache(const struct phx_profiles *profiles, struct phx_snapshot_cache *ret_cache) {
        const char *identity = profiles->compiler.identity;
        char digest[PHX_SHA256_HEX];

        if (!identity)
                return 0;
        phx_sha256(identity, strlen(identity), digest);
        ret_cache->counts = profiles->goods.counts;
        return phx_replace(&ret_cache->compiler, digest);
}

void phx_profiles_tidy(struct phx_profiles *profiles) {
        (void) phx_goods_tidy(&profiles->goods);
}

const char *phx_profiles_key(const struct phx_profiles *profiles, const char *name) {
        const struct phx_good *good = phx_goods_find(&profiles->goods, name);

        return good && good->key[0] ? good->key : NULL;
}

void phx_profiles_forget(struct phx_profiles *profiles, const char *name) {
        phx_goods_forget(&profiles->goods, name);
}
