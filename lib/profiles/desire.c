/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What is desired of each source that was judged, and of the last good ones that have no source any
 * more. A good one accepts the pieces that it includes; a refused one keeps the last known good
 * policy in force, with the text of the refusal. */

#include <errno.h>
#include <linux/capability.h>
#include <string.h>

#include "base/findings.h"
#include "profiles/update.h"

static int refuse_piece(struct phx_candidate *candidate, const char *piece, int code) {
        if (code == -ENOMEM)
                return code;
        return phx_error_set_in(
                        phx_candidate_error(candidate),
                        code,
                        candidate->source->name,
                        "its piece %s cannot be stored: %s",
                        piece,
                        strerrordesc_np(-code));
}

/* Judged good, and recorded as such: 1 when that is news. */
static int record_good(struct phx_update *update, const char *name, const char *key) {
        const struct phx_inventory_profile *before = phx_inventory_profile(update->inventory, name);
        struct phx_good *good = phx_goods_find(&update->profiles->goods, name);
        char old_digest[PHX_SHA256_HEX] = "";
        int r;

        if (!good)
                return -ENOENT;
        if (before)
                memcpy(old_digest, before->source, sizeof(old_digest));
        r = phx_inventory_set_profile(update->inventory, name, good->digest, key);
        if (r <= 0)
                return r;
        good->is_new = true;
        memcpy(good->old_digest, old_digest, sizeof(good->old_digest));
        update->changed = true;
        return 1;
}

/* It may have been read before a restart, and be another one by now. */
static int accept_piece_text(
                struct phx_update *update,
                struct phx_good *good,
                const struct phx_include *include) {
        const struct phx_file_seen *seen;
        int r = -ENOENT;

        if (strcmp(good->digest, include->digest) == 0)
                r = phx_goods_check_text(&update->profiles->goods, good);
        if (r != -ENOENT)
                return r;
        seen = phx_files_get(update->files, include->path);
        if (!seen)
                return -ENOMEM;
        if (seen->result < 0 || strcmp(seen->digest, include->digest) != 0)
                return -EBUSY;
        return phx_goods_keep_text(&update->profiles->goods, good, seen);
}

/* The pieces that it includes from the profile directory are good with it. */
static int accept_pieces(struct phx_update *update, struct phx_candidate *candidate) {
        for (size_t i = 0; i < candidate->closure.count; i++) {
                const struct phx_include *include = &candidate->closure.items[i];
                struct phx_good *good;
                int r;

                if (!phx_update_is_source(update, include))
                        continue;
                good = phx_goods_add(&update->profiles->goods, include->name);
                if (!good)
                        return -ENOMEM;
                good->is_seen = true;
                r = accept_piece_text(update, good, include);
                if (r >= 0)
                        r = record_good(update, include->name, "");
                if (r < 0)
                        return refuse_piece(candidate, include->name, r);
        }
        return 0;
}

/* --- what is desired --- */

static int fill_policy(
                struct phx_desired_profile *desired,
                const struct phx_policy *policy,
                enum phx_hash_kind kind) {
        for (size_t i = 0; i < policy->count; i++) {
                const struct phx_policy_entry *entry = &policy->entries[i];
                bool grants = (entry->capabilities >> CAP_MAC_ADMIN) & 1;
                int r = phx_kernel_entries_add(
                                &desired->policy,
                                entry->name,
                                entry->mode,
                                kind != PHX_HASH_NONE && kind == policy->hash_kind ? entry->hash
                                                                                   : NULL);

                if (r < 0)
                        return r;
                desired->grants_mac_admin |= grants;
        }
        return 0;
}

/* What turns out to be lost now is not good any more. */
static int find_good(struct phx_update *update, const char *name, struct phx_good **ret_good) {
        struct phx_goods *goods = &update->profiles->goods;
        struct phx_good *good = phx_goods_find(goods, name);
        int r = 0;

        *ret_good = NULL;
        if (good && !phx_good_is_piece(good)) {
                r = phx_goods_know(goods, good, update->look->hash_kind);
                if (r >= 0)
                        r = phx_update_lint(update, good);
        }
        if (r == -ENOMEM || r == -EMFILE || r == -ENFILE || r == -EINTR)
                return r; /* of all the others would be said no more */
        if (good && good->has_text && (phx_good_is_piece(good) || good->facts.policy.count > 0))
                *ret_good = good;
        return 0;
}

static int fill_good(
                struct phx_update *update,
                struct phx_desired_profile *desired,
                const struct phx_good *good) {
        int r;

        desired->has_good = true;
        desired->line = good->facts.line;
        memcpy(desired->digest, good->digest, sizeof(desired->digest));
        memcpy(desired->key, good->key, sizeof(desired->key));
        desired->is_new = good->is_new;
        memcpy(desired->old_digest, good->old_digest, sizeof(desired->old_digest));
        r = phx_lints_copy(&desired->lints, &good->facts.lints);
        if (r >= 0 && good->lint_trouble)
                r = phx_strings_addf(
                                &update->desired->notes,
                                "%s: cannot be checked against the rules: %s",
                                good->name,
                                good->lint_trouble);
        return r < 0 ? r : fill_policy(desired, &good->facts.policy, update->look->hash_kind);
}

/* Whether DIRECTORY has something of that name: 1 or 0, or -ENOMEM. */
static int desire_is_in(struct phx_update *update, const char *directory, const char *name) {
        phx_autofree char *path = NULL;
        const struct phx_file_seen *seen = NULL;

        if (phx_concat(&path, directory, "/", name) >= 0)
                seen = phx_files_see(update->files, path);
        return !seen ? -ENOMEM : seen->result != -ENOENT && seen->result != -ENOTDIR;
}

/* Most hosts have no site's: nothing is looked for in it then. */
static int desire_piece_tier(struct phx_update *update, const char *name, enum phx_tier *tier) {
        const struct phx_settings *settings = update->look->settings;
        const struct phx_file_seen *site;
        int r;

        if (!settings->site_profile_dir)
                return 0;
        site = phx_files_see(update->files, settings->site_profile_dir);
        if (!site)
                return -ENOMEM;
        if (site->result == -ENOENT)
                return 0;
        r = desire_is_in(update, settings->site_profile_dir, name);
        if (r <= 0)
                return r;
        r = desire_is_in(update, settings->profile_dir, name);
        if (r >= 0)
                *tier = r > 0 ? PHX_TIER_OVERRIDE : PHX_TIER_SITE;
        return r;
}

/* *TIER is PHX_TIER_LOCAL. */
static int desire_tier(struct phx_update *update, const char *name, enum phx_tier *tier) {
        const struct phx_source *source = phx_sources_find(&update->sources, name);

        if (phx_is_piece_name(name))
                return desire_piece_tier(update, name, tier);
        if (source)
                *tier = source->tier;
        else if (phx_strings_has_sorted(&update->sources.masked, name))
                *tier = PHX_TIER_MASKED;
        return 0;
}

static int desire(
                struct phx_update *update,
                const char *name,
                enum phx_source_state state,
                const char *refusal) {
        struct phx_desired_profile *desired = phx_desired_add_profile(update->desired, name);
        struct phx_good *good;
        int r;

        if (!desired || phx_replace(&desired->refusal, refusal) < 0)
                return -ENOMEM;
        desired->state = state;
        r = desire_tier(update, name, &desired->tier);
        if (r >= 0)
                r = find_good(update, name, &good);
        return r < 0 || !good ? r : fill_good(update, desired, good);
}

/* Nothing was put in force for it, so nothing on the machine depends on it. */
static void forget_unproven(struct phx_update *update, const struct phx_candidate *candidate) {
        const char *name = candidate->source->name;
        const struct phx_good *good = phx_goods_find(&update->profiles->goods, name);

        if (!good || !phx_update_is_unproven(update, candidate, good))
                return;
        phx_goods_forget(&update->profiles->goods, name);
        update->changed |= phx_inventory_remove_profile(update->inventory, name) > 0;
}

/* What is wrong, for who asked for all of it. */
static void list_refusal(const struct phx_update *update, const struct phx_candidate *candidate) {
        struct phx_findings *findings = update->profiles->options.findings;

        if (findings && candidate->result != -EBUSY && candidate->result != -EINPROGRESS &&
            !(candidate->error && candidate->error->is_listed))
                phx_findings_add_error(
                                findings,
                                candidate->error,
                                candidate->result,
                                candidate->source->name);
}

/* Neither good nor refused yet, or refused. */
static int desire_unaccepted(struct phx_update *update, const struct phx_candidate *candidate) {
        const char *name = candidate->source->name;
        const struct phx_queued *queued = phx_queue_find(&update->profiles->queue, name);
        struct phx_desired_profile *desired;
        enum phx_source_state state = PHX_SOURCE_REFUSED;
        int r;

        if (candidate->result == -EBUSY)
                state = PHX_SOURCE_WRITING;
        if (candidate->result == -EINPROGRESS)
                state = PHX_SOURCE_COMPILING;
        r = desire(update,
                   name,
                   state,
                   state == PHX_SOURCE_COMPILING
                                   ? NULL
                                   : phx_error_text(candidate->error, candidate->result));
        if (r < 0 || !queued)
                return r;
        desired = &update->desired->profiles[update->desired->profile_count - 1];
        /* What is being written is not waited for: its compile is not taken before it is closed. */
        if (!candidate->must_compile)
                return 0;
        desired->is_awaited = queued->is_awaited;
        desired->compiling_since_usec = queued->since_usec;
        return 0;
}

int phx_update_desire(struct phx_update *update, struct phx_candidate *candidate) {
        const char *name = candidate->source->name;
        struct phx_good *good = phx_goods_find(&update->profiles->goods, name);
        int r;

        if (good)
                good->is_seen = true;
        if (candidate->result >= 0)
                candidate->result = accept_pieces(update, candidate);
        if (candidate->result == -ENOMEM && !(candidate->error && candidate->error->text[0]))
                return -ENOMEM;
        if (candidate->result < 0) {
                update->all_good = false;
                forget_unproven(update, candidate);
                list_refusal(update, candidate);
                return desire_unaccepted(update, candidate);
        }
        r = record_good(update, name, candidate->key);
        return r < 0 ? r : desire(update, name, PHX_SOURCE_GOOD, NULL);
}

/* What was good and has no source now; and the pieces. WITHDRAWN is what to make of the former. */
int phx_update_desire_others(struct phx_update *update, enum phx_source_state withdrawn) {
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
