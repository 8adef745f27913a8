/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/macros.h"
#include "codec/snapshot_json.h"
#include "phoenixctl/remote.h"
#include "phoenixctl/shown.h"
#include "phoenixctl/table.h"
#include "phoenixctl/verb.h"

const struct option verb_list_options[] = {
        { "from", required_argument, NULL, 'f' },
        { "sort", required_argument, NULL, 's' },
        { "state", required_argument, NULL, 't' },
        { NULL, 0, NULL, 0 },
};

struct list {
        const char *from;
        const char *sort;  /* a column's header, in any case */
        const char *state; /* or posture */
        char *const *patterns;
        size_t pattern_count;
};

/* The last ones of each are for --full. */
static const char *const profile_header[] = { "PROFILE", "STATE", "DEPLOYED", "LOADED",
                                              "MODE",    "USED",  "HASH" };
static const char *const container_header[] = { "ID",        "NAME",   "STATE", "POSTURE",
                                                "PROFILE",   "LABEL",  "TASKS", "NAMESPACE",
                                                "WOULD FIT", "RESTART" };
#define PROFILE_COLUMNS 6
#define CONTAINER_COLUMNS 5

static int list_read_options(int argc, char **argv, struct list *list) {
        int option;

        optind = 0;
        /* The process has one thread. NOLINTNEXTLINE(concurrency-mt-unsafe) */
        while ((option = getopt_long(argc, argv, "", verb_list_options, NULL)) != -1) {
                if (option == 'f')
                        list->from = optarg;
                if (option == 's')
                        list->sort = optarg;
                if (option == 't')
                        list->state = optarg;
        }
        if (optind < argc) {
                list->patterns = argv + optind + 1;
                list->pattern_count = (size_t) (argc - optind - 1);
        }
        return optind;
}

/* As the shell matches file names; NAME may be NULL. */
static bool verb_list_matches(const struct list *list, const char *id, const char *name) {
        for (size_t i = 0; i < list->pattern_count; i++)
                if (fnmatch(list->patterns[i], id, 0) == 0 ||
                    (name && fnmatch(list->patterns[i], name, 0) == 0))
                        return true;
        return list->pattern_count == 0;
}

static bool has_state(const struct list *list, const char *state, const char *posture) {
        return !list->state || strcmp(list->state, state) == 0 || phx_equal(list->state, posture);
}

static int select_profiles(
                const struct list *list,
                const struct phx_snapshot *snapshot,
                struct phx_snapshot_part *part) {
        for (size_t i = 0; i < snapshot->profile_count; i++) {
                const struct phx_snapshot_profile *profile = &snapshot->profiles[i];
                struct phx_snapshot_profile *item;

                if (!verb_list_matches(list, profile->name, NULL) ||
                    !has_state(list,
                               phx_profile_state_to_string(profile->state),
                               phx_policy_mode_to_string(profile->mode)))
                        continue;
                item = phx_grow(&part->profiles, &part->profile_count, sizeof(*item));
                if (!item)
                        return -ENOMEM;
                *item = *profile;
        }
        return 0;
}

static int select_containers(
                const struct list *list,
                const struct phx_snapshot *snapshot,
                struct phx_snapshot_part *part) {
        for (size_t i = 0; i < snapshot->container_count; i++) {
                const struct phx_snapshot_container *container = &snapshot->containers[i];
                struct phx_snapshot_container *item;

                if (!verb_list_matches(list, container->id, container->name) ||
                    !has_state(list,
                               phx_container_state_to_string(container->state),
                               phx_posture_to_string(container->posture)))
                        continue;
                item = phx_grow(&part->containers, &part->container_count, sizeof(*item));
                if (!item)
                        return -ENOMEM;
                *item = *container;
        }
        return 0;
}

static int list_add_row(struct table *table, const char *const *cells) {
        for (size_t i = 0; i < table->columns; i++)
                if (table_add(table, cells[i]) < 0)
                        return -ENOMEM;
        return 0;
}

static int list_add_profiles(
                struct table *table,
                bool is_full,
                const struct phx_snapshot_part *part) {
        int r;

        table->columns = is_full ? PHX_ELEMENTS(profile_header) : PROFILE_COLUMNS;
        r = list_add_row(table, profile_header);
        for (size_t i = 0; r == 0 && i < part->profile_count; i++) {
                const struct phx_snapshot_profile *profile = &part->profiles[i];
                char used[16];

                (void) snprintf(used, sizeof(used), "%zu", profile->containers.count);
                r = list_add_row(
                                table,
                                (const char *[]){ profile->name,
                                                  phx_profile_state_to_string(profile->state),
                                                  phx_deployment_to_string(profile->deployed),
                                                  profile->is_piece    ? NULL
                                                  : profile->is_loaded ? "yes"
                                                                       : "no",
                                                  phx_policy_mode_to_string(profile->mode),
                                                  profile->is_piece ? NULL : used,
                                                  profile->loaded_hash });
        }
        return r;
}

static int list_add_containers(
                struct table *table,
                bool is_full,
                const struct phx_snapshot_part *part) {
        int r;

        table->columns = is_full ? PHX_ELEMENTS(container_header) : CONTAINER_COLUMNS;
        r = list_add_row(table, container_header);
        for (size_t i = 0; r == 0 && i < part->container_count; i++) {
                const struct phx_snapshot_container *container = &part->containers[i];
                char tasks[16];

                (void) snprintf(tasks, sizeof(tasks), "%u", container->tasks);
                r = list_add_row(
                                table,
                                (const char *[]){ container->id,
                                                  container->name,
                                                  phx_container_state_to_string(container->state),
                                                  phx_posture_to_string(container->posture),
                                                  container->profile,
                                                  container->label,
                                                  container->is_running ? tasks : NULL,
                                                  container->namespace,
                                                  container->suggestion,
                                                  phx_restart_due_to_string(container->due) });
        }
        return r;
}

static int print_table(
                const struct ctl *ctl,
                const struct list *list,
                bool is_profiles,
                const struct phx_snapshot_part *part) {
        phx_cleanup(table_done) struct table table = { 0 };
        int r;

        r = is_profiles ? list_add_profiles(&table, ctl->full, part)
                        : list_add_containers(&table, ctl->full, part);
        if (r >= 0 && list->sort)
                r = table_sort(&table, list->sort);
        if (r == -EINVAL)
                (void) fprintf(stderr,
                               "phoenixctl: list: no column '%s' to sort by; expected one of the "
                               "headers, as in --sort=state\n",
                               list->sort);
        else if (r < 0)
                (void) fprintf(stderr, "phoenixctl: out of memory\n");
        else if (!ctl->quiet)
                table_print(&table, ctl, stdout);
        return r < 0 ? CTL_ERROR : 0;
}

static int list_print_json(const struct phx_snapshot_part *part) {
        phx_autofree char *text = NULL;

        if (phx_snapshot_part_render(part, &text) < 0)
                return CTL_ERROR;
        (void) puts(text);
        return 0;
}

int verb_list(const struct ctl *ctl, int argc, char **argv) {
        phx_cleanup(remote_view_done) struct remote_view view = { 0 };
        phx_cleanup(shown_part_done) struct phx_snapshot_part part = { 0 };
        struct list list = { 0 };
        const char *what;
        bool is_profiles;
        int first, r;

        first = list_read_options(argc, argv, &list);
        what = first < argc ? argv[first] : "";
        is_profiles = strcmp(what, "profiles") == 0;
        if (!is_profiles && strcmp(what, "containers") != 0) {
                (void) fprintf(stderr,
                               "phoenixctl: list: expected 'profiles' or 'containers'; "
                               "see phoenixctl help list\n");
                return CTL_ERROR;
        }
        r = remote_view(ctl, list.from, is_profiles ? REMOTE_PROFILES : REMOTE_CONTAINERS, &view);
        if (r != 0)
                return r;
        r = is_profiles ? select_profiles(&list, view.description.snapshot, &part)
                        : select_containers(&list, view.description.snapshot, &part);
        if (r < 0)
                return CTL_ERROR;
        part.labels_at = view.description.daemon.labels_at;
        return ctl->json ? list_print_json(&part) : print_table(ctl, &list, is_profiles, &part);
}
