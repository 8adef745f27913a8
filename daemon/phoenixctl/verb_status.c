/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "codec/snapshot_json.h"
#include "phoenixctl/due.h"
#include "phoenixctl/remote.h"
#include "phoenixctl/shown.h"
#include "phoenixctl/verb.h"
#include "state/tally.h"

#define CHANGES_SHOWN 5
/* Of what needs attention, and of what is suspended: of more, a list is of more use than a page. */
#define LINES_SHOWN 50

struct page {
        const struct ctl *ctl;
        const struct phx_daemon *daemon;
        const struct phx_snapshot *snapshot;
        const struct phx_tally *tally;
        uint64_t now;
};

static void print_counts(
                const char *title,
                const char *(*words)(unsigned value),
                const unsigned *counts,
                unsigned count) {
        const char *comma = " ";

        (void) printf("  %-13s", title);
        for (unsigned i = 0; i < count; i++)
                if (counts[i] > 0) {
                        (void) printf("%s%u %s", comma, counts[i], words(i));
                        comma = ", ";
                }
        (void) puts(comma[0] == ' ' ? " none" : "");
}

static const char *profile_words(unsigned value) {
        return phx_profile_state_to_string((enum phx_profile_state) value);
}

static const char *posture_words(unsigned value) {
        return phx_posture_words((enum phx_posture) value);
}

static const char *tier_words(unsigned value) {
        return phx_tier_to_string((enum phx_tier) value);
}

static const char *container_words(unsigned value) {
        return phx_container_state_to_string((enum phx_container_state) value);
}

/* Why LXC does not ask it is among the notes, or what needs attention. */
static void print_gate(const struct phx_snapshot *snapshot, const struct phx_tally *tally) {
        const unsigned ungated = phx_tally_ungated(tally);

        (void) printf("  %-13s %s", "Boot gate:", phx_boot_gate_to_string(snapshot->boot_gate));
        if (ungated > 0)
                (void) printf("; %u container%s without it",
                              ungated,
                              ungated == 1 ? " starts" : "s start");
        (void) puts("");
}

/* Most hosts have no site's. */
static void print_tiers(const struct phx_tally *tally) {
        for (unsigned i = 0; i < PHX_TIERS; i++)
                if (i != PHX_TIER_LOCAL && tally->profile_tiers[i] > 0) {
                        print_counts("Sources:", tier_words, tally->profile_tiers, PHX_TIERS);
                        return;
                }
}

static void print_all_counts(const struct page *page) {
        const struct phx_tally *tally = page->tally;

        print_counts("Profiles:", profile_words, tally->profile_states, PHX_PROFILE_STATES);
        print_tiers(tally);
        print_counts("Containers:", posture_words, tally->postures, PHX_POSTURES);
        print_counts("", container_words, tally->container_states, PHX_CONTAINER_STATES);
        print_gate(page->snapshot, tally);
}

static void print_drift(const struct page *page, const struct phx_snapshot_drift *drift) {
        char step[SHOWN_STEP_SIZE], when[32];

        (void) printf("    %-8s %s\n", phx_layer_to_string(drift->layer), drift->sentence);
        if (drift->failure)
                (void) printf("             failed: %s; retried %s\n",
                              drift->failure,
                              shown_time(drift->retry_at, page->now, when, sizeof(when)));
        shown_step(page->snapshot, drift, page->now, step);
        if (step[0])
                (void) printf("             %s-> %s%s\n",
                              shown_bold(page->ctl),
                              step,
                              shown_plain(page->ctl));
}

/* OBJECT is NULL for all. What phoenixd never touches is not said among what there is to do. */
static size_t print_drifts(const struct page *page, const char *title, const char *object) {
        size_t count = 0;

        for (size_t i = 0; i < page->snapshot->drift_count; i++) {
                const struct phx_snapshot_drift *drift = &page->snapshot->drifts[i];

                if ((object && strcmp(drift->object, object) != 0) ||
                    (!object && drift->kind == PHX_DRIFT_UNMANAGED))
                        continue;
                if (!object && count == LINES_SHOWN)
                        break;
                if (count++ == 0)
                        (void) printf("\n  %s\n", title);
                print_drift(page, drift);
        }
        return count;
}

static void print_changes(const struct page *page, const char *object) {
        const struct phx_snapshot *snapshot = page->snapshot;
        size_t shown = 0;

        for (size_t i = snapshot->change_count; i > 0 && shown < CHANGES_SHOWN; i--) {
                const struct phx_snapshot_change *change = &snapshot->changes[i - 1];
                char when[32];

                if (object && strcmp(change->object, object) != 0)
                        continue;
                if (shown++ == 0)
                        (void) puts("\n  Last changes:");
                (void) printf("    %-10s %s\n",
                              shown_time(change->at, page->now, when, sizeof(when)),
                              change->sentence);
        }
}

/* Where the list is, of which SHOWN are on the page. */
static void print_more(size_t shown, size_t all) {
        if (all > shown)
                (void) printf("    and %zu more; phoenixctl --json status lists all\n",
                              all - shown);
}

static void print_suspensions(const struct page *page) {
        const struct phx_suspensions *suspensions = &page->snapshot->suspensions;

        for (size_t i = 0; i < suspensions->count && i < LINES_SHOWN; i++) {
                const struct phx_suspension *suspension = &suspensions->items[i];
                phx_autofree char *words = phx_suspension_words(suspension);

                (void) printf("  %-13s %s, %s\n",
                              i == 0 ? "Suspended:" : "",
                              strcmp(suspension->object, PHX_SUSPEND_ALL) == 0 ? "everything"
                                                                               : suspension->object,
                              words ? words : "");
        }
        print_more(LINES_SHOWN, suspensions->count);
}

/* A task may change its label without an event. */
static void print_labels(const struct page *page) {
        char when[32];

        (void) printf("  %-13s as of %s\n",
                      "Labels:",
                      shown_time(page->daemon->labels_at, page->now, when, sizeof(when)));
}

static void print_next(const struct page *page) {
        char when[32];

        if (page->daemon->doing)
                (void) printf("  %-13s %s\n", "Just now:", page->daemon->doing);
        if (page->daemon->next_look_at != PHX_NEVER)
                (void) printf("  %-13s pass %s, and whenever something changes\n",
                              "Next:",
                              shown_time(page->daemon->next_look_at,
                                         page->now,
                                         when,
                                         sizeof(when)));
}

/* Where a file of the site's plays a part: OWN is the host's of the same name. */
static void print_place(const char *title, enum phx_tier tier, const char *own, const char *site) {
        static const char *const relations[PHX_TIERS] = {
                [PHX_TIER_OVERRIDE] = ", in place of the site's ",
                [PHX_TIER_MASKED] = ", which masks the site's ",
        };

        if (tier == PHX_TIER_SITE)
                (void) printf("  %-13s %s, the site's\n", title, site);
        else if (tier != PHX_TIER_LOCAL)
                (void) printf("  %-13s %s%s%s\n", title, own, relations[tier], site);
}

static void print_configuration(const struct phx_snapshot *snapshot) {
        const char *own = snapshot->paths.configuration, *site = snapshot->paths.site_configuration;

        if (own && site)
                print_place("Config:",
                            phx_equal(own, site) ? PHX_TIER_SITE : PHX_TIER_OVERRIDE,
                            own,
                            site);
}

/* Of an earlier phoenixd the directories may be missing. */
static void print_source(
                const struct phx_snapshot *snapshot,
                const struct phx_snapshot_profile *profile) {
        phx_autofree char *own = NULL, *site = NULL;
        const char *directory = snapshot->paths.profile_dir;
        const char *site_directory = snapshot->paths.site_profile_dir;

        if (directory && site_directory && phx_concat(&own, directory, "/", profile->name) >= 0 &&
            phx_concat(&site, site_directory, "/", profile->name) >= 0)
                print_place("Source:", profile->tier, own, site);
}

static void print_head(const struct page *page) {
        const struct phx_snapshot *snapshot = page->snapshot;
        const struct phx_daemon *daemon = page->daemon;
        bool is_well = daemon->health == PHX_HEALTH_IN_SYNC;
        char when[32];

        (void) printf("%s*%s phoenixd %s: %s%s%s",
                      is_well ? shown_good(page->ctl) : shown_bad(page->ctl),
                      shown_plain(page->ctl),
                      daemon->version,
                      is_well ? shown_good(page->ctl) : shown_bad(page->ctl),
                      phx_health_to_string(daemon->health),
                      shown_plain(page->ctl));
        /* After an installation of the package it is so, and this is the first page that is read.
         */
        if (snapshot->is_observing)
                (void) printf("; to repair, set \"mode\": \"enforce\" in %s",
                              snapshot->paths.settings ? snapshot->paths.settings : "the settings");
        (void) puts("");
        (void) printf("  %-13s %s\n", "Status:", daemon->status ? daemon->status : "-");
        (void) printf("  %-13s %s\n",
                      "Mode:",
                      snapshot->is_observing ? "observe: nothing is repaired" : "enforce");
        (void) printf("  %-13s %.12s\n",
                      "Generation:",
                      snapshot->generation ? snapshot->generation
                                           : "no configuration has been accepted yet");
        print_configuration(snapshot);
        (void) printf("  %-13s %s, number %" PRIu64 ", changed %" PRIu64 "\n",
                      "Last pass:",
                      shown_time(daemon->pass.ended_at, page->now, when, sizeof(when)),
                      daemon->pass.number,
                      daemon->pass.changes);
        (void) printf("  %-13s %s\n",
                      "Last in sync:",
                      shown_time(daemon->last_converged_at, page->now, when, sizeof(when)));
}

/* How many rules are broken, in all. */
static void print_lint_counts(const struct page *page) {
        const struct phx_strings *notes = &page->snapshot->notes;

        if (page->tally->warnings + page->tally->accepted > 0)
                (void) printf("  %-13s %u, %u accepted; see phoenixctl status PROFILE, and "
                              "phoenixd-rules(7)\n",
                              "Warnings:",
                              page->tally->warnings,
                              page->tally->accepted);
        for (size_t i = 0; i < notes->count; i++)
                (void) printf("  %-13s %s\n", i == 0 ? "Notes:" : "", notes->items[i]);
}

static void status_print_all(const struct page *page) {
        print_head(page);
        print_all_counts(page);
        print_labels(page);
        print_lint_counts(page);
        print_suspensions(page);
        print_next(page);
        print_more(print_drifts(page, "Needs attention:", NULL), page->tally->attention);
        print_changes(page, NULL);
}

static void print_suspended(const struct phx_suspension *suspension) {
        phx_autofree char *words = suspension->object ? phx_suspension_words(suspension) : NULL;

        if (words)
                (void) printf("  %-13s %s\n", "Suspended:", words);
}

/* When a restart, a start or a stop comes that it requires. */
static void print_due(const struct page *page, const struct phx_snapshot_container *container) {
        char words[DUE_SIZE], title[16];

        due_words(page->snapshot, container, page->now, words);
        (void) snprintf(title, sizeof(title), "%s:", due_title(due_verb(container)));
        if (words[0])
                (void) printf("  %-13s %s\n", title, words);
}

static const char *status_or_none(const char *text) {
        return text ? text : "-";
}

/* What the container made of its namespace: its own affair. */
static void print_namespace_profiles(const struct phx_strings *profiles) {
        for (size_t i = 0; i < profiles->count; i++)
                (void) printf("  %-13s %s\n", i == 0 ? "Loaded there:" : "", profiles->items[i]);
}

/* Those that are accepted behind the others. OBJECT is the profile whose lines they name, or NULL.
 */
static void print_lints(const struct phx_lints *lints, const char *object) {
        for (size_t pass = 0; pass < 2; pass++)
                for (size_t i = 0; i < lints->count; i++) {
                        const struct phx_lint *lint = &lints->items[i];
                        phx_autofree char *sentence = phx_lint_sentence(lint, object);

                        if (sentence && (lint->accepted != NULL) == (pass > 0))
                                (void) printf("  %-13s %s\n",
                                              pass > 0 ? "Accepted:" : "Warning:",
                                              sentence);
                }
}

/* Of the profile that a container is to run in. */
static void print_profile_lints(const struct page *page, const char *name) {
        const struct phx_snapshot_profile *profile = phx_snapshot_find_profile(
                        page->snapshot,
                        name);

        if (profile)
                print_lints(&profile->lints, profile->name);
}

static void print_container(
                const struct page *page,
                const struct phx_snapshot_container *container) {
        (void) printf("%s%s%s%s%s: %s, %s\n",
                      shown_bold(page->ctl),
                      container->id,
                      container->name ? " " : "",
                      container->name ? container->name : "",
                      shown_plain(page->ctl),
                      phx_container_state_to_string(container->state),
                      shown_posture(container));
        (void) printf("  %-13s %s%s\n",
                      "Profile:",
                      container->profile,
                      container->profile_is_default ? " (default_profile of the settings)" : "");
        if (container->namespace)
                (void) printf("  %-13s %s\n", "Namespace:", container->namespace);
        print_namespace_profiles(&container->namespace_profiles);
        (void) printf("  %-13s %s\n", "Config names:", status_or_none(container->assigned));
        (void) printf("  %-13s %s\n", "Runs under:", status_or_none(container->label));
        if (container->is_running)
                (void) printf("  %-13s %u, %u of them under another label, %u unknown\n",
                              "Tasks:",
                              container->tasks,
                              container->tasks_wrong,
                              container->tasks_unknown);
        print_labels(page);
        if (container->gated != PHX_GATED_UNKNOWN)
                (void) printf("  %-13s %s\n", "Boot gate:", phx_gated_to_string(container->gated));
        if (container->suggestion)
                (void) printf("  %-13s %s: %s\n",
                              "Would fit:",
                              container->suggestion,
                              status_or_none(container->suggestion_why));
        print_suspended(&container->suspended);
        print_due(page, container);
        for (size_t i = 0; i < container->notes.count; i++)
                (void) printf("  %-13s %s\n", i == 0 ? "Notes:" : "", container->notes.items[i]);
        print_lints(&container->lints, NULL);
        print_profile_lints(page, container->profile);
        if (print_drifts(page, "Needs attention:", container->id) == 0)
                (void) puts("  Nothing to do.");
        print_changes(page, container->id);
}

static void print_profile(const struct page *page, const struct phx_snapshot_profile *profile) {
        char when[32];

        (void) printf("%s%s%s: %s\n",
                      shown_bold(page->ctl),
                      profile->name,
                      shown_plain(page->ctl),
                      phx_profile_state_to_string(profile->state));
        print_source(page->snapshot, profile);
        if (profile->refusal)
                (void) printf("  %-13s %s\n", "Refused:", profile->refusal);
        if (profile->compiling_since != PHX_NEVER)
                (void) printf("  %-13s started %s\n",
                              "Compile:",
                              shown_time(profile->compiling_since, page->now, when, sizeof(when)));
        (void) printf("  %-13s %s\n", "Deployed:", phx_deployment_to_string(profile->deployed));
        if (!profile->is_piece)
                (void) printf("  %-13s %s%s%s\n",
                              "Kernel:",
                              profile->is_loaded ? "loaded, mode " : "not loaded",
                              profile->is_loaded ? status_or_none(phx_policy_mode_to_string(
                                                                   profile->mode))
                                                 : "",
                              !profile->is_loaded || phx_equal(profile->hash, profile->loaded_hash)
                                              ? ""
                                              : ", another version");
        print_lints(&profile->lints, profile->name);
        print_suspended(&profile->suspended);
        for (size_t i = 0; i < profile->containers.count; i++)
                (void) printf("  %-13s %s\n",
                              i == 0 ? "Containers:" : "",
                              profile->containers.items[i]);
        if (print_drifts(page, "Needs attention:", profile->name) == 0)
                (void) puts("  Nothing to do.");
        print_changes(page, profile->name);
}

static void print_object(const struct page *page, const char *object) {
        const struct phx_snapshot_container *container = phx_snapshot_find_container(
                        page->snapshot,
                        object);
        const struct phx_snapshot_profile *profile = phx_snapshot_find_profile(
                        page->snapshot,
                        object);

        if (container)
                print_container(page, container);
        if (profile)
                print_profile(page, profile);
}

/* What is asked for, as a part of the whole; drifts that are about it come along. */
static int status_print_json(const struct phx_description *description, int count, char **objects) {
        phx_cleanup(shown_part_done) struct phx_snapshot_part part = { 0 };
        phx_autofree char *text = NULL;
        int r = 0;

        for (int i = 0; r >= 0 && i < count; i++)
                r = shown_part_add(&part, description->snapshot, objects[i]);
        part.labels_at = description->daemon.labels_at;
        if (r >= 0)
                r = phx_snapshot_part_render(&part, &text);
        if (r < 0)
                return CTL_ERROR;
        (void) puts(text);
        return 0;
}

static int check_objects(const struct phx_snapshot *snapshot, int count, char **objects) {
        for (int i = 0; i < count; i++)
                if (!phx_snapshot_find_container(snapshot, objects[i]) &&
                    !phx_snapshot_find_profile(snapshot, objects[i])) {
                        (void) fprintf(stderr,
                                       "phoenixctl: status: there is no container and no profile "
                                       "'%s'; see phoenixctl list containers\n",
                                       objects[i]);
                        return CTL_ERROR;
                }
        return 0;
}

static void print_objects(const struct page *page, int count, char **objects) {
        for (int i = 0; i < count; i++) {
                if (i > 0)
                        (void) puts("");
                print_object(page, objects[i]);
        }
}

/* Gets what is to be shown; RET_TEXT is the whole as JSON, when that is. */
static int status_ask(
                const struct ctl *ctl,
                const char *from,
                int count,
                char **objects,
                struct remote_view *view,
                char **ret_text) {
        if (count > 0)
                return remote_view_objects(ctl, from, count, objects, view);
        if (ctl->json)
                return remote_describe(ctl, from, &view->description, ret_text);
        return remote_view_attention(ctl, from, ctl->quiet ? 0 : LINES_SHOWN, view);
}

int verb_status(const struct ctl *ctl, int argc, char **argv) {
        phx_cleanup(remote_view_done) struct remote_view view = { 0 };
        const struct phx_description *description = &view.description;
        phx_autofree char *text = NULL;
        const char *from = shown_from(argc, argv);
        const int count = argc - optind;
        char **objects = argv + optind;
        struct page page = { .ctl = ctl, .tally = &view.tally, .now = shown_now() };
        int r;

        r = status_ask(ctl, from, count, objects, &view, &text);
        if (r != 0)
                return r;
        page.daemon = &description->daemon;
        page.snapshot = description->snapshot;
        /* What was kept in a file is as old as it was then. */
        if (from)
                page.now = description->daemon.pass.ended_at;
        r = check_objects(description->snapshot, count, objects);
        if (r == 0 && ctl->json && count == 0)
                (void) puts(text);
        else if (r == 0 && ctl->json)
                r = status_print_json(description, count, objects);
        else if (r == 0 && !ctl->quiet && count == 0)
                status_print_all(&page);
        else if (r == 0 && !ctl->quiet)
                print_objects(&page, count, objects);
        if (r != 0)
                return r;
        return description->daemon.health == PHX_HEALTH_DEGRADED ? CTL_SOMETHING : 0;
}
