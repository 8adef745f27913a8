/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What is said of a container follows from what is hashed of it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/grow.h"
#include "base/strings.h"
#include "codec/snapshot_json.h"
#include "reconcile/deciders.h"

static const uint8_t key[PHX_SIPHASH_SIZE] = { 1, 2, 3 };

/* All of it is set, so that each change of a member shows. */
static struct phx_snapshot *snapshot_new(void) {
        struct phx_snapshot *snapshot = phx_snapshot_new();
        struct phx_snapshot_container *container;
        struct phx_snapshot_profile *profile;

        assert_non_null(snapshot);
        profile = phx_grow(&snapshot->profiles, &snapshot->profile_count, sizeof(*profile));
        container = phx_grow(&snapshot->containers, &snapshot->container_count, sizeof(*container));
        if (!profile || !container)
                abort();
        assert_int_equal(phx_replace(&profile->name, "lxc-web"), 0);
        assert_int_equal(phx_replace(&profile->digest, "01"), 0);
        assert_int_equal(phx_replace(&profile->loaded_hash, "02"), 0);
        profile->is_loaded = true;
        profile->mode = PHX_POLICY_ENFORCE;
        profile->line = 3;
        assert_int_equal(phx_replace(&container->id, "101"), 0);
        assert_int_equal(phx_replace(&container->directory, "web"), 0);
        assert_int_equal(phx_replace(&container->profile, "lxc-web"), 0);
        assert_int_equal(phx_replace(&container->assigned, "lxc-web"), 0);
        assert_int_equal(phx_replace(&container->label, "lxc-web (enforce)"), 0);
        assert_int_equal(phx_replace(&container->config, "/lxc/web/config"), 0);
        assert_int_equal(phx_replace(&container->decider, "/lxc/web/config"), 0);
        assert_int_equal(phx_replace(&container->decider_why, "it says so"), 0);
        container->line = 7;
        container->decider_line = 8;
        container->profile_is_default = true;
        assert_int_equal(phx_replace(&snapshot->paths.settings, "/s"), 0);
        assert_int_equal(phx_replace(&snapshot->paths.configuration, "/c"), 0);
        assert_int_equal(phx_replace(&snapshot->paths.profile_dir, "/p"), 0);
        assert_int_equal(phx_replace(&snapshot->paths.site_profile_dir, "/site"), 0);
        assert_int_equal(phx_replace(&snapshot->paths.site_configuration, "/site/c"), 0);
        profile->tier = PHX_TIER_OVERRIDE;
        assert_int_equal(phx_replace(&snapshot->paths.deployed_dir, "/d"), 0);
        assert_int_equal(phx_replace(&snapshot->paths.lxc_path, "/lxc"), 0);
        snapshot->paths.default_profile_line = 9;
        return snapshot;
}

static void digest_of(
                const struct phx_snapshot *snapshot,
                const struct phx_snapshot_container *container,
                uint8_t ret_digest[PHX_SIPHASH_SIZE]) {
        uint8_t own[PHX_SIPHASH_SIZE];
        struct phx_siphash hash;

        phx_object_digest(PHX_OBJECT_CONTAINER, container, key, own);
        phx_siphash_init(&hash, key);
        phx_siphash_add(&hash, own, sizeof(own));
        phx_deciders_hash_paths(snapshot, &hash);
        phx_deciders_hash(snapshot, container, &hash);
        phx_siphash_end(&hash, ret_digest);
}

/* Each in its turn; false when there is none of that number. */
static bool change(struct phx_snapshot *snapshot, unsigned number) {
        struct phx_snapshot_container *container = &snapshot->containers[0];
        struct phx_snapshot_profile *profile = &snapshot->profiles[0];
        char **const texts[] = {
                &container->profile,
                &container->assigned,
                &container->label,
                &container->config,
                &container->decider,
                &container->decider_why,
                &profile->refusal,
                &profile->digest,
                &profile->loaded_hash,
                &profile->name,
                &snapshot->paths.settings,
                &snapshot->paths.configuration,
                &snapshot->paths.profile_dir,
                &snapshot->paths.site_profile_dir,
                &snapshot->paths.site_configuration,
                &snapshot->paths.deployed_dir,
        };
        unsigned *const numbers[] = { &container->line,
                                      &container->decider_line,
                                      &profile->line,
                                      &snapshot->paths.default_profile_line };

        if (number < PHX_ELEMENTS(texts)) {
                assert_int_equal(phx_replace(texts[number], "/other"), 0);
                return true;
        }
        number -= (unsigned) PHX_ELEMENTS(texts);
        if (number < PHX_ELEMENTS(numbers)) {
                *numbers[number] += 10;
                return true;
        }
        switch (number - PHX_ELEMENTS(numbers)) {
        case 0:
                container->profile_is_default = false;
                return true;
        case 1:
                profile->is_loaded = false;
                return true;
        case 2:
                profile->mode = PHX_POLICY_COMPLAIN;
                return true;
        case 3:
                profile->tier = PHX_TIER_SITE;
                return true;
        case 4:
                /* The path of its config is its directory's then. */
                assert_int_equal(phx_replace(&container->config, NULL), 0);
                assert_int_equal(phx_replace(&snapshot->paths.lxc_path, "/other"), 0);
                assert_int_equal(phx_replace(&container->decider, NULL), 0);
                return true;
        default:
                return false;
        }
}

static void explain(const struct phx_snapshot *snapshot, char **ret_text) {
        struct phx_snapshot_container *container = &snapshot->containers[0];

        assert_int_equal(phx_deciders_fill(snapshot, container), 0);
        assert_int_equal(phx_object_render(PHX_OBJECT_CONTAINER, container, ret_text), 0);
        phx_snapshot_deciders_done(container);
}

static void whatever_changes_what_is_said_changes_the_hash(void **state) {
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *first = snapshot_new();
        uint8_t before[PHX_SIPHASH_SIZE], after[PHX_SIPHASH_SIZE];
        phx_autofree char *text = NULL;
        unsigned number = 0, seen = 0;
        bool is_there = true;

        explain(first, &text);
        digest_of(first, &first->containers[0], before);
        for (; is_there; number++) {
                phx_cleanup(phx_snapshot_freep) struct phx_snapshot *other = snapshot_new();
                phx_autofree char *other_text = NULL;

                is_there = change(other, number);
                explain(other, &other_text);
                digest_of(other, &other->containers[0], after);
                seen += strcmp(text, other_text) != 0;
                if (strcmp(text, other_text) != 0 && memcmp(before, after, sizeof(before)) == 0)
                        fail_msg("change %u is not in the hash: %s", number, other_text);
        }
        assert_true(number - seen < 4); /* the last one is none */
        assert_memory_equal(before, after, sizeof(before));
}

static void what_was_said_is_replaced(void **state) {
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = snapshot_new();
        struct phx_snapshot_container *container = &snapshot->containers[0];
        size_t count;

        assert_int_equal(phx_deciders_fill_all(snapshot), 0);
        count = container->decided_by_count;
        assert_true(count > 0);
        assert_int_equal(phx_deciders_fill(snapshot, container), 0);
        assert_int_equal(container->decided_by_count, count);
}

static unsigned count_site_configurations(const struct phx_snapshot_container *container) {
        unsigned count = 0;

        for (size_t i = 0; i < container->decided_by_count; i++) {
                const struct phx_snapshot_decider *decider = &container->decided_by[i];

                if (phx_equal(decider->why, "the site's configuration, not in force")) {
                        assert_string_equal(decider->layer, "config");
                        assert_string_equal(decider->file, "/site/c");
                        count++;
                }
        }
        return count;
}

static void the_sites_configuration_is_named_where_it_is_not_in_force(void **state) {
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = snapshot_new();
        struct phx_snapshot_container *container = &snapshot->containers[0];

        assert_int_equal(phx_deciders_fill(snapshot, container), 0);
        assert_int_equal(count_site_configurations(container), 1);

        assert_int_equal(phx_replace(&snapshot->paths.configuration, "/site/c"), 0);
        assert_int_equal(phx_deciders_fill(snapshot, container), 0);
        assert_int_equal(count_site_configurations(container), 0);
        assert_int_equal(phx_replace(&snapshot->paths.site_configuration, NULL), 0);
        assert_int_equal(phx_deciders_fill(snapshot, container), 0);
        assert_int_equal(count_site_configurations(container), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(whatever_changes_what_is_said_changes_the_hash),
                cmocka_unit_test(what_was_said_is_replaced),
                cmocka_unit_test(the_sites_configuration_is_named_where_it_is_not_in_force),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
