#include "system/profiles.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/watches.h"
#include "state/configuration.h"
#include "state/report.h"
#include "system/compiler_known.h"
#include "system/last_good.h"
#include "system/policy.h"
#include "system/policy_cache.h"
#include "system/policy_check.h"
#include "system/quarantine.h"
#include "system/source.h"

struct phx_profiles {
        struct phx_profiles_options options;
        struct phx_compiler_known compiler;
        struct phx_goods goods;
        struct phx_quarantine quarantine;
        struct phx_strings directories;
};

int phx_profiles_new(
                const struct phx_profiles_options *options,
                struct phx_profiles **ret_profiles) {
        struct phx_profiles *profiles = calloc(1, sizeof(*profiles));

        if (!profiles)
                return -ENOMEM;
        profiles->options = *options;
        profiles->goods.text_fd = options->good_fd;
        profiles->goods.cache_fd = options->cache_fd;
        *ret_profiles = profiles;
        return 0;
}

struct phx_profiles *phx_profiles_free(struct phx_profiles *profiles) {
        if (!profiles)
                return NULL;

        phx_goods_done(&profiles->goods);
        phx_quarantine_done(&profiles->quarantine);
        phx_compiler_known_done(&profiles->compiler);
        phx_strings_done(&profiles->directories);
        free(profiles);

        return NULL;
}

int phx_profiles_recall(struct phx_profiles *profiles, const struct phx_inventory *inventory) {
        return phx_goods_recall(&profiles->goods, inventory);
}

/* --- one look --- */

/* A source on its way through one look. */
struct candidate {
        const struct phx_source *source;
        struct phx_closure closure;
        bool has_closure;
        char key[PHX_SHA256_HEX];
        bool must_compile;
        int result; /* 0 when it is good */
        struct phx_error error;
};

struct update {
        struct phx_profiles *profiles;
        const struct phx_profiles_look *look;
        struct phx_inventory *inventory;
        struct phx_desired *desired;
        struct phx_files *files;
        struct phx_sources sources;
        struct candidate *candidates;
        bool changed;
        bool all_good; /* every source is: only then a piece that nobody includes is really unused
                        */
};

static void update_done(struct update *update) {
        for (size_t i = 0; i < update->sources.count && update->candidates; i++)
                phx_closure_done(&update->candidates[i].closure);
        free(update->candidates);
        phx_sources_done(&update->sources);
        phx_files_free(update->files);
}

static int check_name(struct update *update, struct candidate *candidate) {
        const char *name = candidate->source->name;
        const struct phx_definition *other =
                        phx_definitions_find(update->look->definitions, name, name);

        if (!other)
                return 0;
        return phx_error_set(
                        &candidate->error,
                        -EINVAL,
                        "%s: %s/%s line %u already defines a profile of this name, expected another name",
                        name,
                        update->look->settings->deployed_dir,
                        other->file,
                        other->line);
}

static int check_source(struct update *update, struct candidate *candidate) {
        const struct phx_settings *settings = update->look->settings;
        const struct phx_source_rules rules = { settings->allow_complain,
                                                settings->allow_unconfined_flag };
        const struct phx_include_roots roots = { settings->profile_dir, settings->deployed_dir };
        const struct phx_source *source = candidate->source;
        int r;

        if (source->result < 0) {
                candidate->error = source->error;
                return source->result;
        }
        r = phx_source_check(source->name, source->seen->text, &rules, &candidate->error);
        if (r >= 0)
                r = check_name(update, candidate);
        if (r >= 0)
                r = phx_closure_collect(
                                update->files,
                                &roots,
                                source->name,
                                source->seen->text,
                                &candidate->closure,
                                &candidate->error);
        if (r < 0)
                return r;

        candidate->has_closure = true;
        return phx_closure_key(
                        &candidate->closure,
                        update->profiles->compiler.identity,
                        source->name,
                        source->seen->digest,
                        candidate->key);
}

static int refuse_piece(struct candidate *candidate, const char *piece, int code) {
        if (code == -ENOMEM)
                return code;
        return phx_error_set(
                        &candidate->error,
                        code,
                        "%s: its piece %s cannot be kept: %s",
                        candidate->source->name,
                        piece,
                        strerrordesc_np(-code));
}

/* The pieces that it includes from the profile directory are good with it. */
static int accept_pieces(struct update *update, struct candidate *candidate) {
        const char *root = update->look->settings->profile_dir;
        size_t length = strlen(root);

        for (size_t i = 0; i < candidate->closure.count; i++) {
                const struct phx_include *include = &candidate->closure.items[i];
                const struct phx_file_seen *seen;
                struct phx_good *good;
                int r;

                if (!include->path || strncmp(include->path, root, length) != 0 ||
                    include->path[length] != '/' || strcmp(include->digest, "directory") == 0 ||
                    !phx_is_piece_name(include->name))
                        continue;
                good = phx_goods_add(&update->profiles->goods, include->name);
                seen = phx_files_get(update->files, include->path);
                if (!good || !seen)
                        return -ENOMEM;
                good->is_seen = true;
                r = strcmp(good->digest, include->digest) == 0
                                    ? 0
                                    : phx_goods_keep_text(&update->profiles->goods, good, seen);
                if (r >= 0)
                        r = phx_inventory_set_profile(
                                        update->inventory,
                                        good->name,
                                        good->digest,
                                        "");
                if (r < 0)
                        return refuse_piece(candidate, include->name, r);
                update->changed |= r > 0;
        }
        return 0;
}

static int accept_policy(
                struct update *update,
                struct candidate *candidate,
                const char *blob,
                size_t size) {
        phx_cleanup(phx_policy_done) struct phx_policy policy = { 0 };
        struct phx_profiles *profiles = update->profiles;
        struct phx_good *good;
        int r;

        r = phx_policy_parse(blob, size, &policy, &candidate->error);
        if (r < 0) {
                phx_error_prefix(&candidate->error, candidate->source->name);
                return -EINVAL;
        }
        r = phx_policy_check(
                        &policy,
                        candidate->source->name,
                        update->look->settings,
                        &candidate->error);
        if (r < 0)
                return r;

        r = phx_policy_cache_put(profiles->options.cache_fd, candidate->key, blob, size);
        if (r < 0)
                return phx_error_set(
                                &candidate->error,
                                r,
                                "%s: the compiled policy cannot be kept: %s",
                                candidate->source->name,
                                strerrordesc_np(-r));
        good = phx_goods_add(&profiles->goods, candidate->source->name);
        if (!good)
                return -ENOMEM;
        r = phx_goods_keep_text(&profiles->goods, good, candidate->source->seen);
        if (r < 0)
                return phx_error_set(
                                &candidate->error,
                                r,
                                "%s: its text cannot be kept: %s",
                                candidate->source->name,
                                strerrordesc_np(-r));
        phx_policy_done(&good->policy);
        good->policy = policy;
        policy = (struct phx_policy){ 0 };
        memcpy(good->key, candidate->key, sizeof(good->key));
        return 0;
}

static int quarantine(struct update *update, struct candidate *candidate) {
        struct phx_quarantined failure = {
                .name = candidate->source->name,
                .text = candidate->error.text,
        };

        memcpy(failure.key, candidate->key, sizeof(failure.key));
        return phx_quarantine_put(
                        &update->profiles->quarantine,
                        &failure,
                        candidate->result,
                        update->look->now_usec);
}

/* Good already, known to be bad, in the cache, or to be compiled. */
static int sort_out(struct update *update, struct candidate *candidate) {
        struct phx_profiles *profiles = update->profiles;
        const struct phx_good *good;
        struct phx_quarantined *bad;
        phx_autofree char *blob = NULL;
        size_t size = 0;
        int r;

        r = check_source(update, candidate);
        if (r < 0)
                return r;
        good = phx_goods_find(&profiles->goods, candidate->source->name);
        if (good && good->text && strcmp(good->key, candidate->key) == 0 &&
            strcmp(good->digest, candidate->source->seen->digest) == 0)
                return 0;
        bad = phx_quarantine_find(&profiles->quarantine, candidate->source->name, candidate->key);
        if (bad)
                bad->is_current = true;
        if (bad && bad->retry_at > update->look->now_usec)
                return phx_error_set(&candidate->error, -EINVAL, "%s", bad->text);
        if (phx_policy_cache_get(
                            update->profiles->options.cache_fd,
                            candidate->key,
                            &blob,
                            &size) >= 0)
                return accept_policy(update, candidate, blob, size);
        candidate->must_compile = true;
        return 0;
}

static size_t collect_jobs(struct update *update, struct phx_compile_job *jobs) {
        size_t count = 0;

        for (size_t i = 0; i < update->sources.count; i++) {
                const struct candidate *candidate = &update->candidates[i];

                if (candidate->must_compile)
                        jobs[count++] = (struct phx_compile_job){
                                .name = candidate->source->name,
                                .profile = candidate->source->seen,
                                .closure = &candidate->closure,
                                .files = update->files,
                        };
        }
        return count;
}

/* Jobs are in the order of the candidates that need one. */
static int take_results(struct update *update, struct phx_compile_job *jobs) {
        int r = 0;

        for (size_t i = 0; i < update->sources.count; i++) {
                struct candidate *candidate = &update->candidates[i];

                if (!candidate->must_compile)
                        continue;
                candidate->result = jobs->result;
                candidate->error = jobs->error;
                if (candidate->result >= 0)
                        candidate->result =
                                        accept_policy(update, candidate, jobs->blob, jobs->size);
                if (candidate->result < 0 && r >= 0)
                        r = quarantine(update, candidate);
                else if (candidate->result >= 0)
                        phx_quarantine_release(
                                        &update->profiles->quarantine,
                                        candidate->source->name);
                phx_compile_job_done(jobs++);
        }
        return r;
}

static int compile(struct update *update) {
        const struct phx_settings *settings = update->look->settings;
        const struct phx_profiles_options *options = &update->profiles->options;
        const struct phx_compiler compiler = {
                .parser = options->parser,
                .features_file = options->features_file,
                .stage_dir = options->stage_dir,
                .jobs = settings->compile_jobs,
                .deadline_usec = settings->compile_deadline_usec,
                .memory = settings->compile_memory,
        };
        phx_autofree struct phx_compile_job *jobs = calloc(
                        update->sources.count + 1,
                        sizeof(*jobs));
        size_t count;
        int r;

        if (!jobs)
                return -ENOMEM;
        count = collect_jobs(update, jobs);
        if (count == 0)
                return 0;
        r = phx_compile(&compiler, jobs, count, options->progress);
        return r < 0 ? r : take_results(update, jobs);
}

/* --- what is desired --- */

static int fill_policy(
                struct phx_desired_profile *desired,
                const struct phx_policy *policy,
                enum phx_hash_kind kind) {
        for (size_t i = 0; i < policy->count; i++) {
                const struct phx_policy_entry *entry = &policy->entries[i];
                const char *hash = kind == PHX_HASH_SHA256 ? entry->sha256
                                   : kind == PHX_HASH_SHA1 ? entry->sha1
                                                           : NULL;
                int r = phx_kernel_entries_add(
                                &desired->policy,
                                entry->name,
                                phx_policy_mode_to_string(entry->mode),
                                hash);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int fill_good(
                const struct update *update,
                struct phx_desired_profile *desired,
                const struct phx_good *good) {
        if (!good || !good->text || (!phx_good_is_piece(good) && good->policy.count == 0))
                return 0;
        desired->has_good = true;
        memcpy(desired->digest, good->digest, sizeof(desired->digest));
        return fill_policy(desired, &good->policy, update->look->hash_kind);
}

static int desire(
                struct update *update,
                const char *name,
                enum phx_source_state state,
                const char *refusal) {
        struct phx_desired_profile *desired = phx_desired_add_profile(update->desired, name);

        if (!desired || phx_replace(&desired->refusal, refusal) < 0)
                return -ENOMEM;
        desired->state = state;
        return fill_good(update, desired, phx_goods_find(&update->profiles->goods, name));
}

static int desire_candidate(struct update *update, struct candidate *candidate) {
        const char *name = candidate->source->name;
        struct phx_good *good = phx_goods_find(&update->profiles->goods, name);
        int r;

        if (good)
                good->is_seen = true;
        if (candidate->result >= 0)
                candidate->result = accept_pieces(update, candidate);
        if (candidate->result == -ENOMEM && !candidate->error.text[0])
                return -ENOMEM;
        if (candidate->result < 0) {
                update->all_good = false;
                return desire(update,
                              name,
                              candidate->result == -EBUSY ? PHX_SOURCE_WRITING : PHX_SOURCE_REFUSED,
                              phx_error_text(&candidate->error, candidate->result));
        }
        r = phx_inventory_set_profile(
                        update->inventory,
                        name,
                        candidate->source->seen->digest,
                        candidate->key);
        if (r < 0)
                return r;
        update->changed |= r > 0;
        return desire(update, name, PHX_SOURCE_GOOD, NULL);
}

/* What was good and has no source now; and the pieces. WITHDRAWN is what to make of the former. */
static int desire_others(struct update *update, enum phx_source_state withdrawn) {
        for (size_t i = 0; i < update->profiles->goods.count; i++) {
                const struct phx_good *good = &update->profiles->goods.items[i];
                enum phx_source_state state = withdrawn;
                int r;

                if (good->is_seen && !phx_good_is_piece(good))
                        continue;
                if (phx_good_is_piece(good) && (good->is_seen || !update->all_good))
                        state = PHX_SOURCE_GOOD;
                r = desire(update, good->name, state, NULL);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int watch_all(struct update *update) {
        struct phx_strings *directories = &update->profiles->directories;
        const struct phx_settings *settings = update->look->settings;
        int r;

        phx_strings_done(directories);
        r = phx_watches_add_directory(directories, settings->profile_dir);
        if (r >= 0)
                r = phx_watches_add_directory(directories, settings->deployed_dir);
        for (size_t i = 0; r >= 0 && update->candidates && i < update->sources.count; i++) {
                const struct phx_strings *more = &update->candidates[i].closure.directories;

                for (size_t j = 0; r >= 0 && j < more->count; j++)
                        r = phx_strings_add_once(directories, more->items[j]);
        }
        return r < 0 ? r : 0;
}

/* Nothing new can be said about the sources: all that was good stays as it is. */
static int keep_all(struct update *update, int code, const struct phx_error *error) {
        struct phx_refusal *refusal = phx_desired_add_refusal(
                        update->desired,
                        "profiles",
                        phx_error_text(error, code));

        if (!refusal)
                return -ENOMEM;
        return desire_others(update, PHX_SOURCE_GOOD);
}

static bool has_profiles(const struct phx_profiles *profiles) {
        for (size_t i = 0; i < profiles->goods.count; i++)
                if (!phx_good_is_piece(&profiles->goods.items[i]))
                        return true;
        return false;
}

static int list_sources(struct update *update, struct phx_error *error) {
        const char *profile_dir = update->look->settings->profile_dir;
        int r;

        if (!update->look->features)
                return phx_error_set(
                                error,
                                -ENODEV,
                                "profiles: cannot be compiled without AppArmor in the kernel");
        r = phx_compiler_know(
                        &update->profiles->compiler,
                        update->profiles->options.parser,
                        update->look->features,
                        error);
        if (r < 0)
                return r;
        r = phx_sources_list(
                        update->files,
                        update->profiles->options.trust,
                        profile_dir,
                        &update->sources,
                        error);
        if (r < 0)
                return r;
        if (update->sources.count == 0 && has_profiles(update->profiles))
                return phx_error_set(
                                error,
                                -ENODATA,
                                "%s: is empty, expected the profiles that were in it; an empty directory is never "
                                "read as an order to withdraw them",
                                profile_dir);
        return 0;
}

static int run(struct update *update) {
        struct phx_error error = { 0 };
        int r;

        r = phx_files_new(update->profiles->options.trust, &update->files);
        if (r < 0)
                return r;
        r = list_sources(update, &error);
        if (r < 0)
                return r == -ENOMEM ? r : keep_all(update, r, &error);
        update->candidates = calloc(update->sources.count + 1, sizeof(*update->candidates));
        if (!update->candidates)
                return -ENOMEM;

        for (size_t i = 0; i < update->sources.count; i++) {
                update->candidates[i].source = &update->sources.items[i];
                update->candidates[i].result = sort_out(update, &update->candidates[i]);
        }
        r = compile(update);
        update->all_good = true;
        for (size_t i = 0; r >= 0 && i < update->sources.count; i++)
                r = desire_candidate(update, &update->candidates[i]);
        return r < 0 ? r : desire_others(update, PHX_SOURCE_WITHDRAWN);
}

void phx_profiles_forget_failures(struct phx_profiles *profiles) {
        phx_quarantine_done(&profiles->quarantine);
}

int phx_profiles_update(
                struct phx_profiles *profiles,
                const struct phx_profiles_look *look,
                struct phx_inventory *inventory,
                struct phx_desired *desired,
                uint64_t *ret_retry_usec) {
        phx_cleanup(update_done) struct update update = {
                .profiles = profiles,
                .look = look,
                .inventory = inventory,
                .desired = desired,
        };
        int r;

        for (size_t i = 0; i < profiles->goods.count; i++)
                profiles->goods.items[i].is_seen = false;
        r = run(&update);
        if (r >= 0)
                r = watch_all(&update);
        phx_quarantine_sweep(&profiles->quarantine);
        if (r >= 0 && update.changed)
                r = phx_goods_prune_cache(&profiles->goods);
        if (r < 0)
                return r;

        *ret_retry_usec = phx_quarantine_next(&profiles->quarantine, look->now_usec);
        return update.changed;
}

int phx_profiles_watches(const struct phx_profiles *profiles, struct phx_strings *watches) {
        for (size_t i = 0; i < profiles->directories.count; i++) {
                int r = phx_strings_add_once(watches, profiles->directories.items[i]);

                if (r < 0)
                        return r;
        }
        return 0;
}

const char *phx_profiles_text(
                const struct phx_profiles *profiles,
                const char *name,
                size_t *ret_size) {
        const struct phx_good *good = phx_goods_find(&profiles->goods, name);

        if (!good || !good->text)
                return NULL;
        *ret_size = good->size;
        return good->text;
}

int phx_profiles_blob(
                struct phx_profiles *profiles,
                const char *name,
                char **ret_blob,
                size_t *ret_size) {
        struct phx_good *good = phx_goods_find(&profiles->goods, name);
        int r;

        if (!good || !good->key[0])
                return -ENOENT;
        r = phx_policy_cache_get(profiles->options.cache_fd, good->key, ret_blob, ret_size);
        if (r == -ENOENT)
                good->key[0] = '\0';
        return r;
}

void phx_profiles_forget(struct phx_profiles *profiles, const char *name) {
        phx_goods_forget(&profiles->goods, name);
}
