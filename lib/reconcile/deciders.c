/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Which files decide about a container follows from what the snapshot has of it, of its profile and
 * of the paths. It takes as many texts as all the rest of a container, so that it is said only when
 * the container is shown: whether it would be something else is known by a hash of what it follows
 * from. Whatever explaining looks at beyond what the container's object shows anyway is in that
 * hash. */

#include "reconcile/deciders.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/strings.h"

struct decider {
        const char *layer, *file, *key, *value, *why;
        unsigned line;
};

static int add_decider(struct phx_snapshot_container *container, const struct decider *from) {
        struct phx_snapshot_decider *to =
                        phx_grow(&container->decided_by, &container->decided_by_count, sizeof(*to));

        if (!to || phx_replace(&to->layer, from->layer) < 0 ||
            phx_replace(&to->file, from->file) < 0 || phx_replace(&to->key, from->key) < 0 ||
            phx_replace(&to->value, from->value) < 0 || phx_replace(&to->why, from->why) < 0)
                return -ENOMEM;
        to->line = from->line;
        return 0;
}

/* DIRECTORY/NAME, or NULL; the caller's. */
static char *join(const char *directory, const char *name, const char *file) {
        phx_autofree char *below = NULL;
        char *path = NULL;

        if (!directory || !name || phx_concat(&below, directory, "/", name) < 0)
                return NULL;
        return phx_concat(&path, below, file, "") < 0 ? NULL : path;
}

static int explain_config(
                const struct phx_snapshot *snapshot,
                struct phx_snapshot_container *container) {
        struct decider decider = {
                .layer = "config",
                .file = snapshot->paths.configuration,
                .line = container->line,
                .key = "apparmor_profile",
                .value = container->profile,
                .why = "its entry in the configuration names the profile",
        };
        int r;

        if (container->profile_is_default) {
                decider.key = NULL;
                decider.value = NULL;
                decider.why = "its entry names no profile; the settings do";
                r = add_decider(container, &decider);
                if (r < 0)
                        return r;
                decider.file = snapshot->paths.settings;
                decider.line = snapshot->paths.default_profile_line;
                decider.key = "default_profile";
                decider.value = container->profile;
                decider.why = decider.line > 0 ? "default for containers that name no profile"
                                               : "the key is missing; this is its default";
                /* Which it says nowhere. */
                if (container->backend == PHX_BACKEND_PVE &&
                    phx_equal(container->profile, "generated"))
                        decider.why = "names no profile, so Proxmox's own default stays";
        }
        return add_decider(container, &decider);
}

/* One of the site's that is there as well. */
static int explain_hidden_config(
                const struct phx_snapshot *snapshot,
                struct phx_snapshot_container *container) {
        const struct decider decider = {
                .layer = "config",
                .file = snapshot->paths.site_configuration,
                .why = "the site's configuration, not in force",
        };

        if (!decider.file || phx_equal(decider.file, snapshot->paths.configuration))
                return 0;
        return add_decider(container, &decider);
}

static int deciders_compare(const void *name, const void *profile) {
        return strcmp(name, ((const struct phx_snapshot_profile *) profile)->name);
}

static const struct phx_snapshot_profile *deciders_find_profile(
                const struct phx_snapshot *snapshot,
                const char *name) {
        return snapshot->profile_count > 0 ? bsearch(name,
                                                     snapshot->profiles,
                                                     snapshot->profile_count,
                                                     sizeof(*snapshot->profiles),
                                                     deciders_compare)
                                           : NULL;
}

/* The file that is in force, and the site's that it hides. */
static int explain_source(
                const struct phx_snapshot *snapshot,
                const struct phx_snapshot_profile *profile,
                struct phx_snapshot_container *container) {
        phx_autofree char *own = join(snapshot->paths.profile_dir, profile->name, "");
        phx_autofree char *site = join(snapshot->paths.site_profile_dir, profile->name, "");
        struct decider decider = {
                .layer = "source",
                .file = profile->tier == PHX_TIER_SITE ? site : own,
                .line = profile->line,
                .value = profile->digest,
                .why = profile->refusal ? profile->refusal : "the text of the profile",
        };
        int r;

        if (profile->tier == PHX_TIER_MASKED)
                decider = (struct decider){
                        .layer = "source",
                        .file = own,
                        .why = "masks the site's profile of this name",
                };
        r = add_decider(container, &decider);
        if (r < 0 || (profile->tier != PHX_TIER_OVERRIDE && profile->tier != PHX_TIER_MASKED))
                return r;
        return add_decider(
                        container,
                        &(struct decider){
                                        .layer = "source",
                                        .file = site,
                                        .why = "the site's profile of this name, not in force",
                        });
}

static int explain_profile(
                const struct phx_snapshot *snapshot,
                struct phx_snapshot_container *container) {
        const struct phx_snapshot_profile *profile = deciders_find_profile(
                        snapshot,
                        container->profile);
        phx_autofree char *deployed = join(snapshot->paths.deployed_dir, container->profile, "");
        int r;

        if (!profile)
                return 0;
        r = explain_source(snapshot, profile, container);
        if (r >= 0)
                r = add_decider(container,
                                &(struct decider){
                                                .layer = "disk",
                                                .file = deployed,
                                                .why = "loaded at the next boot",
                                });
        if (r < 0 || !profile->is_loaded)
                return r;
        return add_decider(
                        container,
                        &(struct decider){
                                        .layer = "kernel",
                                        .key = "loaded",
                                        .value = profile->loaded_hash,
                                        .why = phx_policy_mode_is_enforced(profile->mode)
                                                               ? "the policy in force, enforced"
                                                               : "the policy in force, which is not "
                                                                 "enforced",
                        });
}

int phx_deciders_fill(
                const struct phx_snapshot *snapshot,
                struct phx_snapshot_container *container) {
        phx_autofree char *below = join(snapshot->paths.lxc_path, container->directory, "/config");
        const char *config = container->config ? container->config : below;
        bool is_own = !container->decider || phx_equal(container->decider, config);
        const char *why = is_own ? "used at the next start"
                                 : "used at the next start; an include sets it";
        int r;

        phx_snapshot_deciders_done(container);
        r = explain_config(snapshot, container);
        if (r >= 0)
                r = explain_hidden_config(snapshot, container);
        if (r >= 0)
                r = explain_profile(snapshot, container);
        if (r >= 0 && container->assigned)
                r = add_decider(container,
                                &(struct decider){
                                                .layer = "container",
                                                .file = container->decider ? container->decider
                                                                           : config,
                                                .line = container->decider_line,
                                                .key = "lxc.apparmor.profile",
                                                .value = container->assigned,
                                                .why = container->decider_why
                                                                       ? container->decider_why
                                                                       : why,
                                });
        if (r >= 0 && container->label)
                r = add_decider(container,
                                &(struct decider){
                                                .layer = "running",
                                                .value = container->label,
                                                .why = "label of its tasks",
                                });
        return r;
}

int phx_deciders_fill_all(struct phx_snapshot *snapshot) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < snapshot->container_count; i++)
                r = phx_deciders_fill(snapshot, &snapshot->containers[i]);
        return r;
}

/* --- what it depends on --- */

/* With its size before it, so that no two rows of texts feed the same bytes. */
static void deciders_hash_text(const char *text, struct phx_siphash *hash) {
        const size_t size = text ? strlen(text) : SIZE_MAX;

        phx_siphash_add(hash, &size, sizeof(size));
        if (text)
                phx_siphash_add(hash, text, size);
}

void phx_deciders_hash_paths(const struct phx_snapshot *snapshot, struct phx_siphash *hash) {
        deciders_hash_text(snapshot->paths.settings, hash);
        deciders_hash_text(snapshot->paths.configuration, hash);
        deciders_hash_text(snapshot->paths.site_configuration, hash);
        deciders_hash_text(snapshot->paths.profile_dir, hash);
        deciders_hash_text(snapshot->paths.site_profile_dir, hash);
        deciders_hash_text(snapshot->paths.deployed_dir, hash);
        deciders_hash_text(snapshot->paths.lxc_path, hash);
        phx_siphash_add(hash, &snapshot->paths.default_profile_line, sizeof(unsigned));
}

void phx_deciders_hash(
                const struct phx_snapshot *snapshot,
                const struct phx_snapshot_container *container,
                struct phx_siphash *hash) {
        const struct phx_snapshot_profile *profile = deciders_find_profile(
                        snapshot,
                        container->profile);
        const unsigned numbers[] = { container->line,
                                     container->decider_line,
                                     profile ? profile->line : 0,
                                     profile ? profile->is_loaded : 0,
                                     profile ? profile->mode : 0,
                                     profile ? profile->tier : 0,
                                     profile != NULL };

        phx_siphash_add(hash, numbers, sizeof(numbers));
        deciders_hash_text(container->config, hash);
        deciders_hash_text(container->decider, hash);
        deciders_hash_text(container->decider_why, hash);
        if (!profile)
                return;
        deciders_hash_text(profile->refusal, hash);
        deciders_hash_text(profile->digest, hash);
        deciders_hash_text(profile->loaded_hash, hash);
}
