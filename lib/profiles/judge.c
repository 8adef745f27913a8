/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A candidate passes these gates in this order, and stops at the first that refuses it:
 *
 *   source    name, flags, includes: what can be judged from the text alone (check_source), which
 *             ends with the key
 *   known     the same key as the last known good one: accepted, at no cost
 *   failed    the same key is in the quarantine and not due for another try: refused with the text
 *             of that time
 *   cached    the compiled policy of this key is on disk, and whole: goes to "policy", by its facts
 *             (facts.h) if these are kept, or else by its bytes
 *   compiled  all that are left (compile.c): beside this look and the next ones, so that it is
 *             compiling now, unless it ended since the look before
 *   policy    what was compiled: format, names, modes (phx_policy_check)
 *   test      the prober is asked what the test says: the kernel, which has the policy in a
 *             namespace where it confines no task; in observe mode the policy's own automata, under
 *             another key, so that the kernel is asked before the policy is put in force
 *   kept      policy and text are written to disk, then replace the last known good one in memory
 *
 * Nothing is put in force here: a result of 0 only means that the profile may be. A failure after
 * the compiler ran goes into the quarantine under its key; any change of the text, an include, the
 * test, the compiler or the settings that decide gives another key or empties the quarantine, and
 * so another try.
 *
 * Offline the policies of earlier runs are a cache that nothing depends on: what the compiler had
 * something to say about is not kept there, as it would be said only once.
 *
 * With `breaks_rule` (phoenixctl validate) a text that breaks a rule is compiled all the same, so
 * that one run reports every error; the result stays a refusal. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/findings.h"
#include "policy/cache.h"
#include "policy/check.h"
#include "policy/matcher.h"
#include "policy/verdict.h"
#include "profiles/update.h"
#include "source/places.h"
#include "state/configuration.h"

bool phx_update_is_source(const struct phx_update *update, const struct phx_include *include) {
        const struct phx_settings *settings = update->look->settings;

        return include->path && strcmp(include->digest, "directory") != 0 &&
               (phx_is_below(include->path, settings->profile_dir) ||
                (settings->site_profile_dir &&
                 phx_is_below(include->path, settings->site_profile_dir)));
}

/* Where the text itself defines NAME; its first line when only the compiler finds it. */
static unsigned line_of(const struct phx_update *update, const struct phx_source *source) {
        const struct phx_file_seen *seen = phx_files_get(update->files, source->seen->path);
        phx_cleanup(phx_definitions_done) struct phx_definitions own = { 0 };
        const struct phx_definition *definition = NULL;

        if (seen && seen->result >= 0 &&
            phx_definitions_scan(seen->text, seen->size, source->name, &own) >= 0)
                definition = phx_definitions_find(&own, source->name, NULL);
        return definition ? definition->line : 1;
}

int phx_update_check_name(struct phx_update *update, struct phx_candidate *candidate) {
        const char *name = candidate->source->name;
        const struct phx_definition *other =
                        phx_definitions_find(update->look->definitions, name, name);

        if (!other)
                return 0;
        return phx_error_set_at(
                        phx_candidate_error(candidate),
                        -EINVAL,
                        &(struct phx_position){ name, line_of(update, candidate->source), 0 },
                        "%s/%s:%u already defines a profile of this name; rename one of the two",
                        update->look->settings->deployed_dir,
                        other->file,
                        other->line);
}

static int refuse_include(
                struct phx_update *update,
                struct phx_candidate *candidate,
                const struct phx_include *include) {
        const struct phx_source *source = candidate->source;
        const struct phx_source_text text = { source->name,
                                              source->seen,
                                              &candidate->closure,
                                              update->files };
        struct phx_place place = { NULL, 1, 1 };
        char by[300] = "";
        int r;

        if (phx_place_of_include(&text, include->name, false, &place) && place.file)
                (void) snprintf(by, sizeof(by), " (included by %s:%u)", source->name, place.site);
        r = phx_error_set_at(
                        phx_candidate_error(candidate),
                        -EINVAL,
                        &(struct phx_position){ place.file ? place.file : source->name,
                                                place.line,
                                                0 },
                        "include of '%s': phoenixd does not deploy this file; expected a name in "
                        "abstractions/ or tunables/%s",
                        include->name,
                        by);
        if (place.file)
                phx_error_prefix(phx_candidate_error(candidate), source->name);
        return r;
}

/* What it includes from the profile directory must be there at boot too, when the machine's own
 * loader compiles it: only pieces are deployed. */
static int check_pieces(struct phx_update *update, struct phx_candidate *candidate) {
        for (size_t i = 0; i < candidate->closure.count; i++) {
                const struct phx_include *include = &candidate->closure.items[i];

                if (phx_update_is_source(update, include) && !phx_is_piece_name(include->name))
                        return refuse_include(update, candidate, include);
        }
        return 0;
}

/* Then nothing is asked of the kernel, as that takes a namespace. */
static bool is_observing(const struct phx_update *update) {
        return update->look->settings->mode == PHX_MODE_OBSERVE;
}

/* The key of what the matcher alone has judged, from that of what the kernel has. */
static void key_by_matcher(const char *key, char *ret_key) {
        static const char by_matcher[] = "by the matcher";

        phx_sha256_two(key, PHX_SHA256_HEX, by_matcher, sizeof(by_matcher), ret_key);
}

bool phx_update_is_unproven(
                const struct phx_update *update,
                const struct phx_candidate *candidate,
                const struct phx_good *good) {
        char key[PHX_SHA256_HEX];

        if (is_observing(update) || !candidate->source->test || !candidate->key[0])
                return false;
        key_by_matcher(candidate->key, key);
        return strcmp(good->key, key) == 0;
}

/* What was judged good was judged by the test as well: another test, another judgement. */
static void add_test_to_key(const struct phx_update *update, struct phx_candidate *candidate) {
        const struct phx_file_seen *test = candidate->source->test;

        if (!test)
                return;
        phx_sha256_two(candidate->key,
                       sizeof(candidate->key),
                       test->digest,
                       sizeof(test->digest),
                       candidate->key);
        /* Before anything is put in force, the kernel itself is asked. */
        if (is_observing(update))
                key_by_matcher(candidate->key, candidate->key);
}

/* All that is wrong, where somebody asked for it. */
static void list_errors(const struct phx_update *update, struct phx_candidate *candidate) {
        struct phx_error *error = phx_candidate_error(candidate);

        if (error)
                error->all = update->profiles->options.findings;
}

static int check_source(struct phx_update *update, struct phx_candidate *candidate) {
        const struct phx_settings *settings = update->look->settings;
        const struct phx_source_rules rules = { settings->allow_complain,
                                                settings->allow_unconfined_flag };
        const struct phx_include_roots roots = { settings->profile_dir,
                                                 settings->site_profile_dir,
                                                 settings->deployed_dir };
        const struct phx_source *source = candidate->source;
        int r;

        if (source->result < 0) {
                return phx_error_copy(
                                phx_candidate_error(candidate),
                                source->result,
                                source->error);
        }
        list_errors(update, candidate);
        r = phx_source_check(
                        source->name,
                        source->seen->text,
                        &rules,
                        phx_candidate_error(candidate));
        if (phx_error_goes_on(candidate->error, r)) {
                candidate->breaks_rule = true;
                r = 0;
        }
        if (r >= 0)
                r = phx_update_check_name(update, candidate);
        if (r >= 0)
                r = phx_closure_collect(
                                update->files,
                                &roots,
                                source->name,
                                source->seen->text,
                                &candidate->closure,
                                phx_candidate_error(candidate));
        if (r >= 0)
                r = check_pieces(update, candidate);
        if (r < 0)
                return r;

        r = phx_closure_key(
                        &candidate->closure,
                        update->profiles->compiler.identity,
                        source->name,
                        source->seen->digest,
                        candidate->key);
        if (r >= 0)
                add_test_to_key(update, candidate);
        return r;
}

/* A policy on its way through the gates. */
struct judged_policy {
        char *blob;
        size_t size;
        struct phx_facts facts; /* with the checksum of a policy that is in the cache already */
};

static void judged_policy_done(struct judged_policy *judged) {
        free(judged->blob);
        phx_facts_done(&judged->facts);
}

/* A policy that has a test is tried before it may be put in force. */
static int try_policy(
                struct phx_update *update,
                struct phx_candidate *candidate,
                const struct judged_policy *judged) {
        phx_cleanup(phx_policy_test_done) struct phx_policy_test test = { 0 };
        struct phx_policy_matcher matcher = { 0 };
        const struct phx_policy_prober by_matcher = phx_policy_matcher_prober(&matcher);
        const struct phx_policy_prober *prober = is_observing(update)
                                                                 ? &by_matcher
                                                                 : update->profiles->options.prober;
        const struct phx_source *source = candidate->source;
        phx_autofree char *file = NULL;
        struct phx_policy_trial trial = {
                .test = &test,
                .profile = source->name,
                .policy = &judged->facts.policy,
                .blob = judged->blob,
                .size = judged->size,
        };
        int r;

        if (!source->test)
                return 0;
        list_errors(update, candidate);
        if (phx_printf(&file, "%s%s", source->name, PHX_POLICY_TEST_SUFFIX) < 0)
                return -ENOMEM;
        trial.file = file;
        r = phx_policy_test_parse(file, source->test->text, &test, phx_candidate_error(candidate));
        if (phx_error_goes_on(candidate->error, r))
                (void) phx_policy_trial_run(&trial, prober, phx_candidate_error(candidate));
        return r < 0 ? r : phx_policy_trial_run(&trial, prober, phx_candidate_error(candidate));
}

static int refuse_to_keep(struct phx_candidate *candidate, const char *what, int r) {
        return phx_error_set_in(
                        phx_candidate_error(candidate),
                        r,
                        candidate->source->name,
                        "%s cannot be stored: %s",
                        what,
                        strerrordesc_np(-r));
}

/* On disk first. Takes the facts over. */
static int keep_policy(
                struct phx_update *update,
                struct phx_candidate *candidate,
                struct judged_policy *judged) {
        struct phx_goods *goods = &update->profiles->goods;
        struct phx_facts *facts = &judged->facts;
        struct phx_good *good;
        int r = 0;

        if (goods->cache_fd >= 0 && !facts->checksum[0])
                r = phx_goods_store_policy(
                                goods,
                                candidate->key,
                                judged->blob,
                                judged->size,
                                facts->checksum);
        if (r < 0)
                return refuse_to_keep(candidate, "the compiled policy", r);
        good = phx_goods_add(goods, candidate->source->name);
        if (!good ||
            (goods->cache_fd < 0 && phx_goods_keep_blob(good, judged->blob, judged->size) < 0))
                return -ENOMEM;
        r = phx_goods_keep_text(goods, good, candidate->source->seen);
        if (r < 0)
                return refuse_to_keep(candidate, "its text", r);
        return phx_goods_set_policy(goods, good, candidate->key, facts);
}

/* Takes the facts over. */
static int accept_policy(
                struct phx_update *update,
                struct phx_candidate *candidate,
                struct judged_policy *judged) {
        int r;

        r = phx_policy_check(
                        &judged->facts.policy,
                        candidate->source->name,
                        update->look->settings,
                        phx_candidate_error(candidate));
        if (r >= 0)
                r = try_policy(update, candidate, judged);
        return r < 0 ? r : keep_policy(update, candidate, judged);
}

static int accept_bytes(
                struct phx_update *update,
                struct phx_candidate *candidate,
                struct judged_policy *judged) {
        int r;

        r = phx_policy_parse(
                        judged->blob,
                        judged->size,
                        update->look->hash_kind,
                        &judged->facts.policy,
                        phx_candidate_error(candidate));
        if (r < 0) {
                phx_error_place(phx_candidate_error(candidate), candidate->source->name);
                return -EINVAL;
        }
        judged->facts.size = judged->size;
        return accept_policy(update, candidate, judged);
}

int phx_update_accept(
                struct phx_update *update,
                struct phx_candidate *candidate,
                char *blob,
                size_t size) {
        struct judged_policy judged = { .blob = blob, .size = size };
        int r = accept_bytes(update, candidate, &judged);

        phx_facts_done(&judged.facts);
        return r;
}

static int find_policy(
                struct phx_update *update,
                const struct phx_candidate *candidate,
                struct judged_policy *judged,
                char ret_checksum[PHX_SEAL_HEX]) {
        struct phx_profiles *profiles = update->profiles;
        const int *earlier_fd = profiles->options.earlier_fd;
        int r;

        if (!profiles->options.is_offline)
                return phx_goods_find_policy(
                                &profiles->goods,
                                candidate->key,
                                &judged->blob,
                                &judged->size,
                                ret_checksum);
        if (!earlier_fd || candidate->breaks_rule)
                return -ENOENT;
        r = phx_policy_cache_get(*earlier_fd, candidate->key, &judged->blob, &judged->size, NULL);
        if (r >= 0)
                phx_policy_cache_touch(*earlier_fd, candidate->key);
        return r;
}

/* One that is in the cache, as RET_FOUND says. Where its facts are kept, it is only compared with
 * them. */
static int accept_earlier(
                struct phx_update *update,
                struct phx_candidate *candidate,
                bool *ret_found) {
        phx_cleanup(judged_policy_done) struct judged_policy judged = { 0 };
        struct phx_goods *goods = &update->profiles->goods;
        struct phx_facts *facts = &judged.facts;
        char checksum[PHX_SEAL_HEX] = "";

        *ret_found = find_policy(update, candidate, &judged, checksum) >= 0;
        if (!*ret_found)
                return 0;
        if (phx_goods_find_facts(goods, candidate->key, update->look->hash_kind, facts) >= 0 &&
            strcmp(checksum, facts->checksum) == 0)
                return accept_policy(update, candidate, &judged);
        phx_facts_done(facts);
        memcpy(facts->checksum, checksum, sizeof(checksum));
        return accept_bytes(update, candidate, &judged);
}

/* The last good one itself: 1, or a refusal. 0 when it is not, or is lost. */
static int find_same(struct phx_update *update, struct phx_candidate *candidate) {
        struct phx_goods *goods = &update->profiles->goods;
        struct phx_good *good = phx_goods_find(goods, candidate->source->name);
        int r;

        if (!good || !good->has_text || strcmp(good->key, candidate->key) != 0 ||
            strcmp(good->digest, candidate->source->seen->digest) != 0)
                return 0;
        r = phx_goods_know(goods, good, update->look->hash_kind);
        if (r == -ENOENT || r == -ENOMEM)
                return r == -ENOENT ? 0 : r;
        if (r < 0)
                return phx_error_set_in(
                                phx_candidate_error(candidate),
                                r,
                                good->name,
                                "its last known good version cannot be read: %s",
                                strerrordesc_np(-r));
        r = phx_policy_check(
                        &good->facts.policy,
                        good->name,
                        update->look->settings,
                        phx_candidate_error(candidate));
        return r < 0 ? r : 1;
}

/* Good already, known to be bad, in the cache, or to be compiled. */
static int sort_out(struct phx_update *update, struct phx_candidate *candidate) {
        struct phx_profiles *profiles = update->profiles;
        const struct phx_queued *queued;
        struct phx_quarantined *bad;
        bool is_found = false;
        int r;

        r = check_source(update, candidate);
        if (r >= 0)
                r = find_same(update, candidate);
        if (r != 0)
                return r < 0 ? r : 0;
        bad = phx_quarantine_find(&profiles->quarantine, candidate->source->name, candidate->key);
        if (bad)
                bad->is_current = true;
        if (bad && bad->retry_at > update->look->now_usec && !bad->is_tried)
                return phx_error_set(phx_candidate_error(candidate), -EINVAL, "%s", bad->text);
        /* Once it waits to be compiled, it was not there. */
        queued = phx_queue_find(&profiles->queue, candidate->source->name);
        r = queued && strcmp(queued->key, candidate->key) == 0
                            ? 0
                            : accept_earlier(update, candidate, &is_found);
        candidate->must_compile = !is_found;
        return r;
}

/* With a note of all files that it goes by: see keep.c. What it includes again may have changed
 * while no profile included it, and so without an event. */
static int sort_out_noting(struct phx_update *update, struct phx_candidate *candidate) {
        int r;

        phx_files_note(update->files, &candidate->used);
        phx_files_check(update->files, true);
        r = phx_source_read(update->files, candidate->source);
        if (r >= 0)
                r = sort_out(update, candidate);
        phx_files_check(update->files, false);
        phx_files_note(update->files, NULL);
        candidate->version = phx_files_version(update->files);
        return r;
}

int phx_update_judge(struct phx_update *update) {
        for (size_t i = 0; i < update->sources.count; i++)
                if (!update->candidates[i].is_kept)
                        update->candidates[i].result = sort_out_noting(
                                        update,
                                        &update->candidates[i]);
        return phx_update_compile(update);
}
