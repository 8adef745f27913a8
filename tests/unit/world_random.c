/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "world_random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const profiles[] = { "lxc-a", "lxc-b", "lxc-c", "lxc-d", "lxc-e" };
static const char *const assignable[] = {
        "lxc-a",      "lxc-b",      "lxc-c",     "lxc-d",       "lxc-e",
        "unconfined", "lxc-debian", "lxc-loose", "lxc-nowhere",
};
static const char *const effective[] = {
        "lxc-a", "lxc-b", "lxc-c", "lxc-d", "lxc-e", "unconfined", "lxc-debian", "generated", "",
};
static const char *const directories[] = { "one", "two", "three", "four", "five", "six" };

/* SplitMix64, by Sebastiano Vigna: public domain. */
static uint64_t draw(struct lottery *lottery) {
        uint64_t z = lottery->state += 0x9e3779b97f4a7c15ULL;

        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
        return z ^ (z >> 31);
}

unsigned lottery_pick(struct lottery *lottery, unsigned n) {
        return (unsigned) (draw(lottery) % n);
}

bool lottery_chance(struct lottery *lottery, unsigned percent) {
        return lottery_pick(lottery, 100) < percent;
}

static void must(bool done) {
        if (!done)
                abort();
}

static void add_file(struct fake *fake, struct lottery *lottery, const char *name) {
        static const char *const contents[] = { "file 1", "file 1", "file 2", "file 3", NULL };
        const char *content = contents[lottery_pick(lottery, PHX_ELEMENTS(contents))];
        struct phx_observed_file *file =
                        fake_deploy(fake, name, content, lottery_chance(lottery, 75));

        if (lottery_chance(lottery, 10))
                must(phx_replace(&file->disabled, "/etc/apparmor.d/disable/x") >= 0);
        if (lottery_chance(lottery, 5)) {
                must(phx_replace(&file->trouble, "is a directory") >= 0);
                must(phx_replace(&file->content, NULL) >= 0);
        }
}

static void add_loaded(struct fake *fake, struct lottery *lottery, const char *name) {
        static const enum phx_policy_mode modes[] = { PHX_POLICY_ENFORCE,
                                                      PHX_POLICY_ENFORCE,
                                                      PHX_POLICY_ENFORCE,
                                                      PHX_POLICY_COMPLAIN,
                                                      PHX_POLICY_UNCONFINED };
        static const char *const hashes[] = { "policy 1", "policy 1", "policy 2", NULL };
        char child[64];

        if (lottery_chance(lottery, 30))
                return;
        fake_load(fake,
                  name,
                  modes[lottery_pick(lottery, PHX_ELEMENTS(modes))],
                  hashes[lottery_pick(lottery, PHX_ELEMENTS(hashes))]);
        (void) snprintf(child,
                        sizeof(child),
                        "%s//%s",
                        name,
                        lottery_chance(lottery, 50) ? "old" : "new");
        if (lottery_chance(lottery, 30))
                fake_load(fake, child, PHX_POLICY_ENFORCE, "policy 1");
        (void) snprintf(child, sizeof(child), "%s//null-/bin/true", name);
        if (lottery_chance(lottery, 20))
                fake_load(fake, child, PHX_POLICY_COMPLAIN, "policy 1");
}

static void add_profile(struct fake *fake, struct lottery *lottery, const char *name) {
        static const enum phx_source_state states[] = {
                PHX_SOURCE_GOOD,    PHX_SOURCE_GOOD,      PHX_SOURCE_GOOD,      PHX_SOURCE_REFUSED,
                PHX_SOURCE_WRITING, PHX_SOURCE_WITHDRAWN, PHX_SOURCE_COMPILING,
        };
        struct phx_desired_profile *profile = fake_profile(
                        fake,
                        name,
                        "file 1",
                        lottery_chance(lottery, 90) ? "policy 1" : NULL);
        char child[64];

        profile->state = states[lottery_pick(lottery, PHX_ELEMENTS(states))];
        profile->has_good = profile->state == PHX_SOURCE_GOOD || lottery_chance(lottery, 80);
        if (profile->state == PHX_SOURCE_REFUSED)
                must(phx_replace(&profile->refusal, "line 3: no") >= 0);
        (void) snprintf(child, sizeof(child), "%s//new", name);
        if (lottery_chance(lottery, 30))
                must(phx_kernel_entries_add(
                                     &profile->policy,
                                     child,
                                     PHX_POLICY_ENFORCE,
                                     "policy 1") >= 0);
}

static void add_configured(struct fake *fake, struct lottery *lottery, const char *directory) {
        char id[32];

        (void) snprintf(id, sizeof(id), "%s-id", directory);
        fake_configure(fake,
                       id,
                       lottery_chance(lottery, 90) ? directory : NULL,
                       assignable[lottery_pick(lottery, PHX_ELEMENTS(assignable))]);
        if (lottery_chance(lottery, 40))
                fake->desired->containers[fake->desired->container_count - 1].state =
                                (enum phx_run_state) lottery_pick(lottery, PHX_RUN_STATES);
}

/* That of a container that is missing. */
static void add_creation(struct fake *fake, struct lottery *lottery) {
        const struct phx_creation how = { .template = (char[]){ "/srv/template.tar" } };

        must(phx_replace(&fake->observed->lxc_path, "/var/lib/lxc") >= 0);
        for (size_t i = 0; i < fake->desired->container_count; i++) {
                struct phx_desired_container *want = &fake->desired->containers[i];

                if (!want->directory && lottery_chance(lottery, 50))
                        must(phx_creation_copy(&want->creation, &how) >= 0);
        }
}

static void add_container(struct fake *fake, struct lottery *lottery, const char *directory) {
        struct phx_observed_container *container = fake_create(
                        fake,
                        directory,
                        effective[lottery_pick(lottery, PHX_ELEMENTS(effective))]);

        if (lottery_chance(lottery, 20))
                must(phx_wrong_lines_add(
                                     &container->wrong_lines,
                                     PHX_LINE_NOT_IN_EFFECT,
                                     "lxc.no_new_privs") >= 0);
        if (lottery_chance(lottery, 5))
                must(phx_replace(&container->trouble, "an include cannot be read") >= 0);
        if (lottery_chance(lottery, 5))
                must(phx_replace(&container->effective, NULL) >= 0);
        if (lottery_chance(lottery, 5)) {
                container->is_running = true;
                container->tasks = container->unknown = 1;
        } else if (lottery_chance(lottery, 50))
                fake_start(fake,
                           directory,
                           effective[lottery_pick(lottery, PHX_ELEMENTS(effective) - 2)]);
        if (container->is_running && lottery_chance(lottery, 20))
                must(phx_wrong_lines_add(
                                     &container->at_start,
                                     lottery_chance(lottery, 50) ? PHX_LINE_NOT_IN_EFFECT
                                                                 : PHX_LINE_TOO_MANY,
                                     "lxc.cap.drop") >= 0);
        else if (container->is_running && lottery_chance(lottery, 10))
                must(phx_replace(&container->at_start_unknown, "it has no monitor") >= 0);
}

static void add_refusals(struct fake *fake, struct lottery *lottery) {
        static const enum phx_refused inputs[] = { PHX_REFUSED_CONFIGURATION,
                                                   PHX_REFUSED_PROFILES,
                                                   PHX_REFUSED_SETTINGS };
        struct phx_refusal *refusal;

        for (size_t i = 0; i < PHX_ELEMENTS(inputs); i++) {
                if (!lottery_chance(lottery, 8))
                        continue;
                refusal = phx_desired_add_refusal(fake->desired, inputs[i], NULL, "not so");
                must(refusal);
                refusal->is_transient = lottery_chance(lottery, 30);
        }
}

struct fake *random_world(uint64_t seed) {
        struct lottery lottery = { seed };
        struct fake *fake = fake_new();

        if (lottery_chance(&lottery, 10))
                fake->desired->mode = PHX_MODE_OBSERVE;
        if (lottery_chance(&lottery, 7))
                fake->desired->has_configuration = false;
        if (lottery_chance(&lottery, 3))
                must(phx_replace(&fake->observed->kernel_trouble, "AppArmor is off") >= 0);
        add_refusals(fake, &lottery);
        for (size_t i = 0; i < PHX_ELEMENTS(profiles); i++) {
                if (lottery_chance(&lottery, 75)) {
                        add_profile(fake, &lottery, profiles[i]);
                        add_file(fake, &lottery, profiles[i]);
                }
                if (!fake->observed->kernel_trouble)
                        add_loaded(fake, &lottery, profiles[i]);
        }
        fake_load(fake, "lxc-debian", PHX_POLICY_ENFORCE, "debian's");
        fake_load(fake, "lxc-loose", PHX_POLICY_COMPLAIN, "debian's");
        for (size_t i = 0; i < PHX_ELEMENTS(directories); i++) {
                if (lottery_chance(&lottery, 70))
                        add_configured(fake, &lottery, directories[i]);
                if (lottery_chance(&lottery, 80))
                        add_container(fake, &lottery, directories[i]);
        }
        add_creation(fake, &lottery);
        return fake;
}

struct fake *random_world_in_sync(uint64_t seed) {
        struct lottery lottery = { seed };
        struct fake *fake = fake_new();

        for (size_t i = 0; i < PHX_ELEMENTS(profiles); i++) {
                (void) fake_profile(fake, profiles[i], "file 1", "policy 1");
                (void) fake_deploy(fake, profiles[i], "file 1", true);
                fake_load(fake, profiles[i], PHX_POLICY_ENFORCE, "policy 1");
        }
        for (size_t i = 0; i < PHX_ELEMENTS(directories); i++) {
                const char *profile =
                                assignable[lottery_pick(&lottery, PHX_ELEMENTS(profiles) + 1)];

                if (lottery_chance(&lottery, 70))
                        fake_configure(fake, directories[i], directories[i], profile);
                if (lottery_chance(&lottery, 80))
                        (void) fake_create(fake, directories[i], profile);
                if (lottery_chance(&lottery, 50))
                        fake_start(fake, directories[i], profile);
        }
        return fake;
}

void random_meddling(struct fake *fake, struct lottery *lottery) {
        struct phx_observed *machine = fake->observed;

        if (machine->file_count > 0 && lottery_chance(lottery, 20)) {
                struct phx_observed_file *file = &machine->files[lottery_pick(
                                lottery,
                                (unsigned) machine->file_count)];

                if (file->is_owned)
                        must(phx_replace(&file->content,
                                         lottery_chance(lottery, 50) ? "file 9" : NULL) >= 0);
        }
        if (machine->loaded.count > 0 && lottery_chance(lottery, 20)) {
                struct phx_kernel_entry *entry = &machine->loaded.items[lottery_pick(
                                lottery,
                                (unsigned) machine->loaded.count)];

                entry->mode = lottery_chance(lottery, 50) ? PHX_POLICY_COMPLAIN
                                                          : PHX_POLICY_ENFORCE;
                must(phx_replace(&entry->hash, "policy 9") >= 0);
        }
        if (machine->container_count > 0 && lottery_chance(lottery, 20))
                must(phx_replace(&machine->containers
                                                  [lottery_pick(lottery,
                                                                (unsigned) machine
                                                                                ->container_count)]
                                                                  .effective,
                                 effective[lottery_pick(lottery, PHX_ELEMENTS(effective))]) >= 0);
}

static void shuffle(struct lottery *lottery, void *items, size_t count, size_t size) {
        char spare[512];

        must(size <= sizeof(spare));
        for (size_t i = count; i > 1; i--) {
                char *a = (char *) items + (i - 1) * size;
                char *b = (char *) items + lottery_pick(lottery, (unsigned) i) * size;

                memcpy(spare, a, size);
                memmove(a, b, size);
                memcpy(b, spare, size);
        }
}

void random_order(struct phx_desired *desired, struct phx_observed *observed, uint64_t seed) {
        struct lottery lottery = { seed };

        shuffle(&lottery, desired->profiles, desired->profile_count, sizeof(*desired->profiles));
        shuffle(&lottery,
                desired->containers,
                desired->container_count,
                sizeof(*desired->containers));
        shuffle(&lottery, desired->refusals, desired->refusal_count, sizeof(*desired->refusals));
        shuffle(&lottery,
                observed->loaded.items,
                observed->loaded.count,
                sizeof(*observed->loaded.items));
        shuffle(&lottery, observed->files, observed->file_count, sizeof(*observed->files));
        shuffle(&lottery,
                observed->containers,
                observed->container_count,
                sizeof(*observed->containers));
}
