/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Each case is a directory: state.txt is what is desired and what the machine shows (picture.c has
 * its words), plan.txt what the difference says about it, and the steps. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/strings.h"
#include "codec/snapshot_json.h"
#include "picture.h"
#include "reconcile/creations.h"
#include "reconcile/diff.h"
#include "reconcile/plan.h"
#include "reconcile/restarts.h"
#include "reconcile/sentence.h"
#include "reconcile/snapshot.h"
#include "reconcile/status.h"

#define FILE_LIMIT 65536

static int render_drift(struct phx_buffer *plan, const struct phx_drift *drift) {
        phx_autofree char *sentence = phx_drift_sentence(drift), *why = phx_drift_why(drift);

        if (!sentence || !why)
                return -ENOMEM;
        return phx_buffer_addf(
                        plan,
                        "%s %s %s %s\n  expected: %s\n  found: %s\n  why: %s\n  says: %s\n",
                        phx_layer_to_string(drift->layer),
                        phx_drift_kind_to_string(drift->kind),
                        phx_action_kind_to_string(drift->action),
                        drift->object,
                        drift->expected,
                        drift->found,
                        *why ? why : "-",
                        sentence);
}

static int render_step(struct phx_buffer *plan, const struct phx_step *step, size_t number) {
        int r = phx_buffer_addf(plan, "step %zu: ", number);

        if (r >= 0)
                r = phx_step_render(step, plan);
        return r < 0 ? r : phx_buffer_addf(plan, "\n");
}

static const struct phx_restart_settings restart_settings = { .jobs = 1, .deadline_usec = 1000 };

/* What was begun is about the input as it is. */
static int mark(const struct picture *picture, const struct phx_restart_view *view) {
        for (size_t i = 0; i < picture->restarts.count; i++)
                for (size_t j = 0; j < picture->desired->container_count; j++) {
                        struct phx_restart_item *item = &picture->restarts.items[i];
                        const struct phx_desired_container *want = &picture->desired->containers[j];
                        char input[PHX_SHA256_HEX];

                        if (strcmp(item->id, want->id) != 0)
                                continue;
                        if (phx_restart_input(picture->desired, want, input) < 0 ||
                            phx_replace(&item->input, input) < 0)
                                return -ENOMEM;
                }
        return phx_restarts_mark(view, picture->observed, picture->desired);
}

static int render_wait(struct phx_buffer *plan, const struct phx_restart_wait *wait) {
        return phx_buffer_addf(
                        plan,
                        "%s of %s: %s%s%s\n",
                        phx_action_kind_to_string(wait->action),
                        wait->id,
                        phx_restart_due_to_string(wait->due),
                        wait->why ? ": " : "",
                        wait->why ? wait->why : "");
}

/* The plan into PLAN, and into SNAPSHOT what everybody is shown of it. */
static int render_plan(
                const struct picture *picture,
                struct phx_buffer *plan,
                struct phx_snapshot *snapshot,
                char **ret_status) {
        phx_cleanup(phx_drifts_done) struct phx_drifts drifts = { 0 };
        phx_cleanup(phx_plan_done) struct phx_plan made = { 0 };
        phx_cleanup(phx_backoff_done) struct phx_backoff backoff = { 0 };
        phx_cleanup(phx_restart_waits_done) struct phx_restart_waits waits = { 0 };
        const struct phx_creations none = { 0 };
        const struct phx_restart_view restarts = { .settings = &restart_settings,
                                                   .restarts = &picture->restarts,
                                                   .window = { .is_known = true, .next_usec = 9 },
                                                   .boot = "",
                                                   .wall_usec = 5 };
        const struct phx_snapshot_view view = { .desired = picture->desired,
                                                .observed = picture->observed,
                                                .drifts = &drifts,
                                                .backoff = &backoff,
                                                .waits = &waits };
        bool degraded = false;
        int r = 0;

        if (picture->has_restarts)
                r = mark(picture, &restarts);
        if (r >= 0)
                r = phx_diff(picture->desired, picture->observed, &drifts);
        if (r >= 0 && picture->has_restarts)
                r = phx_restarts_decide(
                                &restarts,
                                picture->desired,
                                picture->observed,
                                &drifts,
                                &waits);
        if (r >= 0)
                r = phx_creations_decide(&none, picture->desired, picture->observed, &drifts);
        for (size_t i = 0; r >= 0 && i < drifts.count; i++)
                r = render_drift(plan, &drifts.items[i]);
        if (r >= 0)
                r = phx_plan_make(picture->desired, picture->observed, &drifts, &made);
        for (size_t i = 0; r >= 0 && i < made.count; i++)
                r = render_step(plan, &made.steps[i], i + 1);
        for (size_t i = 0; r >= 0 && i < waits.count; i++)
                r = render_wait(plan, &waits.items[i]);
        if (r >= 0)
                r = phx_snapshot_fill(&view, snapshot);
        if (r >= 0)
                r = phx_status_render(snapshot, ret_status, &degraded);
        if (r < 0)
                return r;
        return phx_buffer_addf(plan, "status%s: %s\n", degraded ? " (degraded)" : "", *ret_status);
}

/* "# -" is expected and not there, "# +" is there and not expected: as much as a line that moved
 * needs to be seen. */
static void print_difference(char *expected, char *found) {
        char *rest_of_expected = NULL, *rest_of_found = NULL;
        char *a = strtok_r(expected, "\n", &rest_of_expected);
        char *b = strtok_r(found, "\n", &rest_of_found);

        while (a || b) {
                if (!phx_equal(a, b)) {
                        if (a)
                                printf("# -%s\n", a);
                        if (b)
                                printf("# +%s\n", b);
                }
                a = a ? strtok_r(NULL, "\n", &rest_of_expected) : NULL;
                b = b ? strtok_r(NULL, "\n", &rest_of_found) : NULL;
        }
}

enum act {
        ACT_COMPARE,
        ACT_UPDATE,
        ACT_PRINT_SNAPSHOT,
};

/* As Describe() would answer. */
static int print_snapshot(const struct phx_snapshot *snapshot, char **status) {
        phx_cleanup(phx_daemon_done) struct phx_daemon daemon = { 0 };
        phx_autofree char *text = NULL;
        int r;

        phx_daemon_init(&daemon);
        daemon.status = PHX_TAKE(*status);
        r = phx_description_render(&daemon, snapshot, &text);
        if (r < 0)
                return r;
        (void) puts(text);
        return 1;
}

/* 1 when the plan is as it should be, 0 when it is not. */
static int run_case(int dir_fd, enum act act) {
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = phx_snapshot_new();
        phx_cleanup(picture_done) struct picture picture = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer plan = { 0 };
        phx_autofree char *state = NULL, *status = NULL, *expected = NULL;
        size_t size = 0;
        int r;

        r = snapshot ? phx_file_read_at(dir_fd, "state.txt", FILE_LIMIT, &state, &size) : -ENOMEM;
        if (r >= 0)
                r = picture_read(state, &picture);
        if (r >= 0)
                r = render_plan(&picture, &plan, snapshot, &status);
        if (r < 0)
                return r;
        if (act == ACT_PRINT_SNAPSHOT)
                return print_snapshot(snapshot, &status);
        if (act == ACT_UPDATE)
                return phx_file_ensure_at(dir_fd, "plan.txt", plan.data, plan.size, 0644) < 0 ? 0
                                                                                              : 1;

        r = phx_file_read_at(dir_fd, "plan.txt", FILE_LIMIT, &expected, &size);
        if (r < 0)
                return r;
        if (strcmp(expected, plan.data) == 0)
                return 1;
        print_difference(expected, plan.data);
        return 0;
}

static int list_cases(const char *directory, struct phx_strings *cases) {
        DIR *stream = opendir(directory);
        const struct dirent *entry;
        int r = 0;

        if (!stream)
                return phx_errno();
        while (r >= 0 && (entry = readdir(stream)))
                if (entry->d_name[0] != '.')
                        r = phx_strings_add(cases, entry->d_name);
        (void) closedir(stream);
        phx_strings_sort(cases);
        return r;
}

/* All cases, or the one that is named. */
static int run_cases(const char *directory, const char *only, enum act act) {
        phx_cleanup(phx_strings_done) struct phx_strings cases = { 0 };
        int failures = 0, r;

        r = only ? phx_strings_add(&cases, only) : list_cases(directory, &cases);
        if (r < 0 || cases.count == 0) {
                printf("Bail out! no cases in %s\n", directory);
                return -ENOENT;
        }
        if (act != ACT_PRINT_SNAPSHOT)
                printf("1..%zu\n", cases.count);
        for (size_t i = 0; i < cases.count; i++) {
                phx_autofree char *path = NULL;
                phx_autoclose int dir_fd = -1;

                if (phx_printf(&path, "%s/%s", directory, cases.items[i]) >= 0)
                        dir_fd = open(path, O_DIRECTORY | O_CLOEXEC);
                r = dir_fd >= 0 ? run_case(dir_fd, act) : -ENOENT;
                if (r < 0)
                        printf("# %s\n", strerror(-r));
                failures += r <= 0;
                if (act != ACT_PRINT_SNAPSHOT)
                        printf("%s %zu - %s\n", r > 0 ? "ok" : "not ok", i + 1, cases.items[i]);
        }
        return failures;
}

int main(int argc, char *argv[]) {
        enum act act = argc < 2                             ? ACT_COMPARE
                       : strcmp(argv[1], "--update") == 0   ? ACT_UPDATE
                       : strcmp(argv[1], "--snapshot") == 0 ? ACT_PRINT_SNAPSHOT
                                                            : ACT_COMPARE;
        char **arguments = argv + 1 + (act != ACT_COMPARE);
        int count = argc - 1 - (act != ACT_COMPARE);

        if (count < 1 || count > 2) {
                (void) fprintf(stderr, "usage: %s [--update|--snapshot] CASES [CASE]\n", argv[0]);
                return EXIT_FAILURE;
        }
        return run_cases(arguments[0], count > 1 ? arguments[1] : NULL, act) > 0;
}
