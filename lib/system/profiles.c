#include "system/profiles.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/grow.h"
#include "base/watches.h"
#include "state/configuration.h"
#include "state/report.h"
#include "system/policy.h"
#include "system/policy_cache.h"
#include "system/source.h"

#define TEXT_LIMIT (1UL << 20)
/* A compile that ran out of time or memory will hardly do better at once: 1 min, doubled up to 1 h.
 */
#define RETRY_USEC (60ULL * 1000000)
#define RETRY_LIMIT_USEC (3600ULL * 1000000)

/* A profile, or a piece, that was good once. */
struct good {
        char *name;
        char digest[PHX_SHA256_HEX];
        char key[PHX_SHA256_HEX]; /* "" for a piece, and for a profile whose policy is lost */
        char *text;
        size_t size;
        struct phx_policy policy;
        bool is_seen; /* in this look */
};

/* A source that did not compile: not tried again until it is another one, or RETRY_AT has come. */
struct bad {
        char *name;
        char key[PHX_SHA256_HEX];
        char *text;
        unsigned failures;
        uint64_t retry_at; /* PHX_NEVER: only other input can help */
};

struct phx_profiles {
        struct phx_profiles_options options;
        char *identity; /* of the compiler and the kernel's features */
        char *features; /* that it was made with */
        struct good *goods;
        size_t good_count;
        struct bad *bads;
        size_t bad_count;
        struct phx_strings directories;
};

int phx_profiles_new(
                const struct phx_profiles_options *options,
                struct phx_profiles **ret_profiles) {
        struct phx_profiles *profiles = calloc(1, sizeof(*profiles));

        if (!profiles)
                return -ENOMEM;
        profiles->options = *options;
        *ret_profiles = profiles;
        return 0;
}

static void good_done(struct good *good) {
        free(good->name);
        free(good->text);
        phx_policy_done(&good->policy);
}

static void bad_done(struct bad *bad) {
        free(bad->name);
        free(bad->text);
}

struct phx_profiles *phx_profiles_free(struct phx_profiles *profiles) {
        if (!profiles)
                return NULL;

        for (size_t i = 0; i < profiles->good_count; i++)
                good_done(&profiles->goods[i]);
        for (size_t i = 0; i < profiles->bad_count; i++)
                bad_done(&profiles->bads[i]);
        free(profiles->goods);
        free(profiles->bads);
        free(profiles->identity);
        free(profiles->features);
        phx_strings_done(&profiles->directories);
        free(profiles);

        return NULL;
}

static struct good *find_good(const struct phx_profiles *profiles, const char *name) {
        for (size_t i = 0; i < profiles->good_count; i++)
                if (strcmp(profiles->goods[i].name, name) == 0)
                        return &profiles->goods[i];
        return NULL;
}

static struct bad *find_bad(const struct phx_profiles *profiles, const char *name) {
        for (size_t i = 0; i < profiles->bad_count; i++)
                if (strcmp(profiles->bads[i].name, name) == 0)
                        return &profiles->bads[i];
        return NULL;
}

static bool is_piece(const struct good *good) {
        return phx_is_piece_name(good->name);
}

/* --- keeping what is good --- */

/* A piece's name has slashes, which no profile's name has room for: "abstractions/x" is kept as
 * "abstractions:x". */
static void kept_name(const char *name, char kept[256]) {
        (void) snprintf(kept, 256, "%s", name);
        for (char *slash = strchr(kept, '/'); slash; slash = strchr(slash, '/'))
                *slash = ':';
}

static struct good *get_or_add(struct phx_profiles *profiles, const char *name) {
        struct good *good = find_good(profiles, name);

        if (good)
                return good;
        good = phx_grow(&profiles->goods, &profiles->good_count, sizeof(*good));
        return good && phx_replace(&good->name, name) >= 0 ? good : NULL;
}

static int set_text(struct good *good, const char *text, size_t size) {
        char *copy = malloc(size + 1);

        if (!copy)
                return -ENOMEM;
        memcpy(copy, text, size);
        copy[size] = '\0';
        free(good->text);
        good->text = copy;
        good->size = size;
        phx_sha256(text, size, good->digest);
        return 0;
}

/* On disk first: a crash between the two is mended by the next look, which finds the source again.
 */
static int keep_text(
                const struct phx_profiles *profiles,
                struct good *good,
                const struct phx_file_seen *seen) {
        char kept[256];
        int r;

        kept_name(good->name, kept);
        r = phx_file_ensure_at(profiles->options.good_fd, kept, seen->text, seen->size, 0600);
        return r < 0 ? r : set_text(good, seen->text, seen->size);
}

static int recall_one(struct phx_profiles *profiles, const struct phx_inventory_profile *record) {
        phx_autofree char *text = NULL, *blob = NULL;
        struct good *good = get_or_add(profiles, record->name);
        char kept[256], digest[PHX_SHA256_HEX];
        size_t text_size = 0, blob_size = 0;

        if (!good)
                return -ENOMEM;
        kept_name(record->name, kept);
        if (phx_file_read_at(profiles->options.good_fd, kept, TEXT_LIMIT, &text, &text_size) < 0)
                return 0;
        phx_sha256(text, text_size, digest);
        if (strcmp(digest, record->source) != 0)
                return 0;
        if (set_text(good, text, text_size) < 0)
                return -ENOMEM;

        if (!record->key[0] ||
            phx_policy_cache_get(profiles->options.cache_fd, record->key, &blob, &blob_size) < 0 ||
            phx_policy_parse(blob, blob_size, &good->policy, NULL) < 0)
                return 0;
        memcpy(good->key, record->key, sizeof(good->key));
        return 0;
}

int phx_profiles_recall(struct phx_profiles *profiles, const struct phx_inventory *inventory) {
        for (size_t i = 0; i < inventory->profile_count; i++) {
                int r = recall_one(profiles, &inventory->profiles[i]);

                if (r < 0)
                        return r;
        }
        return 0;
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

static int know_compiler(
                struct phx_profiles *profiles,
                const char *features,
                struct phx_error *error) {
        char *identity = NULL;
        int r;

        if (profiles->identity && phx_equal(profiles->features, features))
                return 0;
        r = phx_compiler_identity(profiles->options.parser, features, &identity);
        if (r < 0)
                return phx_error_set(
                                error,
                                r,
                                "%s: %s; nothing can be compiled",
                                profiles->options.parser,
                                strerrordesc_np(-r));
        free(profiles->identity);
        profiles->identity = identity;
        return phx_replace(&profiles->features, features);
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
                        update->profiles->identity,
                        source->name,
                        source->seen->digest,
                        candidate->key);
}

static int check_entry(
                struct candidate *candidate,
                const struct phx_settings *settings,
                const struct phx_policy_entry *entry) {
        const char *name = candidate->source->name;
        size_t length = strlen(name);

        if (strncmp(entry->name, name, length) != 0 ||
            (entry->name[length] && strncmp(entry->name + length, "//", 2) != 0))
                return phx_error_set(
                                &candidate->error,
                                -EINVAL,
                                "%s: defines the profile '%s', expected '%s' and its children alone",
                                name,
                                entry->name,
                                name);
        if (entry->has_attachment && !entry->name[length])
                return phx_error_set(
                                &candidate->error,
                                -EINVAL,
                                "%s: attaches itself to programs of the host, expected no path behind its name",
                                name);
        if (entry->mode == PHX_POLICY_ENFORCE || entry->mode == PHX_POLICY_KILL ||
            (entry->mode == PHX_POLICY_COMPLAIN && settings->allow_complain) ||
            (entry->mode == PHX_POLICY_UNCONFINED && settings->allow_unconfined_flag))
                return 0;
        return phx_error_set(
                        &candidate->error,
                        -EINVAL,
                        "%s: '%s' is in mode %s, expected enforce or kill",
                        name,
                        entry->name,
                        phx_policy_mode_to_string(entry->mode));
}

/* What the text really defines is what the compiler made of it. */
static int check_policy(
                struct update *update,
                struct candidate *candidate,
                const struct phx_policy *policy) {
        for (size_t i = 0; i < policy->count; i++) {
                int r = check_entry(candidate, update->look->settings, &policy->entries[i]);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* The pieces that it includes from the profile directory are good with it. */
static int accept_pieces(struct update *update, const struct candidate *candidate) {
        const char *root = update->look->settings->profile_dir;
        size_t length = strlen(root);

        for (size_t i = 0; i < candidate->closure.count; i++) {
                const struct phx_include *include = &candidate->closure.items[i];
                const struct phx_file_seen *seen;
                struct good *good;
                int r;

                if (!include->path || strncmp(include->path, root, length) != 0 ||
                    include->path[length] != '/' || strcmp(include->digest, "directory") == 0 ||
                    !phx_is_piece_name(include->name))
                        continue;
                good = get_or_add(update->profiles, include->name);
                seen = phx_files_get(update->files, include->path);
                if (!good || !seen)
                        return -ENOMEM;
                good->is_seen = true;
                r = strcmp(good->digest, include->digest) == 0
                                    ? 0
                                    : keep_text(update->profiles, good, seen);
                if (r >= 0)
                        r = phx_inventory_set_profile(
                                        update->inventory,
                                        good->name,
                                        good->digest,
                                        "");
                if (r < 0)
                        return r;
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
        struct good *good;
        int r;

        r = phx_policy_parse(blob, size, &policy, &candidate->error);
        if (r < 0) {
                phx_error_prefix(&candidate->error, candidate->source->name);
                return -EINVAL;
        }
        r = check_policy(update, candidate, &policy);
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
        good = get_or_add(profiles, candidate->source->name);
        if (!good)
                return -ENOMEM;
        r = keep_text(profiles, good, candidate->source->seen);
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

static void forget_bad(struct phx_profiles *profiles, const char *name) {
        struct bad *bad = find_bad(profiles, name);

        if (!bad)
                return;
        bad_done(bad);
        *bad = profiles->bads[--profiles->bad_count];
}

static int remember_bad(struct update *update, const struct candidate *candidate) {
        struct phx_profiles *profiles = update->profiles;
        const char *name = candidate->source->name;
        struct bad *bad = find_bad(profiles, name);
        uint64_t delay;

        if (!bad) {
                bad = phx_grow(&profiles->bads, &profiles->bad_count, sizeof(*bad));
                if (!bad || phx_replace(&bad->name, name) < 0)
                        return -ENOMEM;
        }
        if (strcmp(bad->key, candidate->key) != 0)
                bad->failures = 0;
        memcpy(bad->key, candidate->key, sizeof(bad->key));
        delay = RETRY_USEC << (bad->failures < 6 ? bad->failures : 6);
        bad->failures++;
        bad->retry_at = candidate->result == -EINVAL
                                        ? PHX_NEVER
                                        : update->look->now_usec +
                                                          (delay < RETRY_LIMIT_USEC
                                                                           ? delay
                                                                           : RETRY_LIMIT_USEC);
        return phx_replace(&bad->text, candidate->error.text);
}

/* Good already, known to be bad, in the cache, or to be compiled. */
static int sort_out(struct update *update, struct candidate *candidate) {
        const struct good *good = find_good(update->profiles, candidate->source->name);
        const struct bad *bad = find_bad(update->profiles, candidate->source->name);
        phx_autofree char *blob = NULL;
        size_t size = 0;
        int r;

        r = check_source(update, candidate);
        if (r < 0)
                return r;
        if (good && good->text && strcmp(good->key, candidate->key) == 0 &&
            strcmp(good->digest, candidate->source->seen->digest) == 0)
                return 0;
        if (bad && strcmp(bad->key, candidate->key) == 0 && bad->retry_at > update->look->now_usec)
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
                        r = remember_bad(update, candidate);
                else if (candidate->result >= 0)
                        forget_bad(update->profiles, candidate->source->name);
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

/* A failure matters as long as there is a source that it is about. */
static bool is_current(const struct update *update, const struct bad *bad) {
        for (size_t i = 0; update->candidates && i < update->sources.count; i++) {
                const struct candidate *candidate = &update->candidates[i];

                if (candidate->result < 0 && strcmp(candidate->key, bad->key) == 0 &&
                    strcmp(candidate->source->name, bad->name) == 0)
                        return true;
        }
        return false;
}

static void drop_old_failures(struct update *update) {
        struct phx_profiles *profiles = update->profiles;

        for (size_t i = profiles->bad_count; i > 0; i--) {
                if (is_current(update, &profiles->bads[i - 1]))
                        continue;
                bad_done(&profiles->bads[i - 1]);
                profiles->bads[i - 1] = profiles->bads[--profiles->bad_count];
        }
}

static int prune_cache(const struct phx_profiles *profiles) {
        phx_cleanup(phx_strings_done) struct phx_strings keys = { 0 };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < profiles->good_count; i++)
                if (profiles->goods[i].key[0])
                        r = phx_strings_add(&keys, profiles->goods[i].key);
        return r < 0 ? r : phx_policy_cache_keep(profiles->options.cache_fd, &keys);
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
                const struct good *good) {
        if (!good || !good->text || (!is_piece(good) && good->policy.count == 0))
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
        return fill_good(update, desired, find_good(update->profiles, name));
}

static int desire_candidate(struct update *update, struct candidate *candidate) {
        const char *name = candidate->source->name;
        struct good *good = find_good(update->profiles, name);
        int r;

        if (good)
                good->is_seen = true;
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
        r = accept_pieces(update, candidate);
        return r < 0 ? r : desire(update, name, PHX_SOURCE_GOOD, NULL);
}

/* What was good and has no source now; and the pieces. WITHDRAWN is what to make of the former. */
static int desire_others(struct update *update, enum phx_source_state withdrawn) {
        for (size_t i = 0; i < update->profiles->good_count; i++) {
                const struct good *good = &update->profiles->goods[i];
                enum phx_source_state state = withdrawn;
                int r;

                if (good->is_seen && !is_piece(good))
                        continue;
                if (is_piece(good) && (good->is_seen || !update->all_good))
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

static uint64_t next_retry(const struct phx_profiles *profiles, uint64_t now) {
        uint64_t next = PHX_NEVER;

        for (size_t i = 0; i < profiles->bad_count; i++) {
                uint64_t at = profiles->bads[i].retry_at;
                uint64_t wait = at == PHX_NEVER ? PHX_NEVER : at > now ? at - now : 0;

                if (wait < next)
                        next = wait;
        }
        return next;
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
        for (size_t i = 0; i < profiles->good_count; i++)
                if (!is_piece(&profiles->goods[i]))
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
        r = know_compiler(update->profiles, update->look->features, error);
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

        for (size_t i = 0; i < profiles->good_count; i++)
                profiles->goods[i].is_seen = false;
        r = run(&update);
        if (r >= 0)
                r = watch_all(&update);
        drop_old_failures(&update);
        if (r >= 0 && update.changed)
                r = prune_cache(profiles);
        if (r < 0)
                return r;

        *ret_retry_usec = next_retry(profiles, look->now_usec);
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
        const struct good *good = find_good(profiles, name);

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
        struct good *good = find_good(profiles, name);
        int r;

        if (!good || !good->key[0])
                return -ENOENT;
        r = phx_policy_cache_get(profiles->options.cache_fd, good->key, ret_blob, ret_size);
        if (r == -ENOENT)
                good->key[0] = '\0';
        return r;
}

void phx_profiles_forget(struct phx_profiles *profiles, const char *name) {
        struct good *good = find_good(profiles, name);
        char kept[256];

        if (!good)
                return;
        kept_name(name, kept);
        (void) unlinkat(profiles->options.good_fd, kept, 0);
        good_done(good);
        *good = profiles->goods[--profiles->good_count];
}
