/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The work of a look that grows with the number of containers, for growth.sh, which counts its
 * instructions: usage: growth pass|take|list|look|unchanged|lint|labels N
 *
 * pass: N containers in every state that there is are looked at twice, compared, recorded and
 * rendered. list: N containers of files are listed, all of them known from the look before. look:
 * the same with N entries of a configuration, compared and planned for. unchanged: that nothing of
 * it has changed is found out without a look. lint: N entries are judged, and after that N others,
 * none of them known before. labels: one container has N tasks, each under a label of its own. */

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/stamp.h"
#include "bus/board.h"
#include "codec/report_json.h"
#include "engine/sent.h"
#include "lxc/containers.h"
#include "machine/containers.h"
#include "machine/lint.h"
#include "machine/tasks.h"
#include "reconcile/confine.h"
#include "reconcile/desire.h"
#include "reconcile/diff.h"
#include "reconcile/pass.h"
#include "reconcile/plan.h"
#include "reconcile/snapshot.h"
#include "state/report.h"

static unsigned long count;

static void check(int r, const char *what) {
        if (r < 0)
                errx(1, "%s: %s", what, strerrordesc_np(-r));
}

/* --- pass --- */

static void on_record(void *data, const struct phx_record *record) {
}

static void on_progress(void *data, const char *text) {
}

static void add_container(struct phx_desired *wanted, struct phx_observed *there, unsigned i) {
        struct phx_observed_container *have = NULL;
        struct phx_desired_container *want = NULL;
        char name[32];

        (void) snprintf(name, sizeof(name), "c%07u", i);
        /* Confined, unconfined by configuration, to be edited, unmanaged, missing. */
        if (i % 5 != 3) {
                want = phx_desired_add_container(wanted, name);
                if (!want ||
                    phx_desired_container_set_profile(
                                    want,
                                    i % 5 == 1 ? "unconfined" : "lxc-web",
                                    NULL) < 0 ||
                    phx_replace(&want->directory, i % 5 == 4 ? NULL : name) < 0)
                        err(1, "want");
        }
        if (i % 5 == 4)
                return;
        have = phx_observed_add_container(there, name);
        if (!have || phx_replace(&have->effective, i % 5 == 0 ? "lxc-web" : "unconfined") < 0 ||
            phx_strings_addf(&there->watches, "/var/lib/lxc/%s", name) < 0)
                err(1, "have");
        have->is_running = true;
        have->tasks = 3;
        have->init = (pid_t) (1000 + i);
        if (i % 5 != 1)
                have->wrong = i % 5 == 0 ? 0 : 3;
}

static struct phx_desired *all_desired;
static struct phx_observed *all_observed;

static int judge(void *data, struct phx_input *ret_input, struct phx_error *error) {
        struct phx_desired_profile *profile;

        all_desired = calloc(1, sizeof(*all_desired));
        all_observed = calloc(1, sizeof(*all_observed));
        if (!all_desired || !all_observed)
                err(1, "look");
        all_desired->mode = PHX_MODE_OBSERVE;
        all_desired->has_configuration = true;
        all_observed->retry_usec = PHX_NEVER;
        profile = phx_desired_add_profile(all_desired, "lxc-web");
        if (!profile)
                err(1, "profile");
        profile->has_good = true;
        check(phx_kernel_entries_add(&profile->policy, "lxc-web", PHX_POLICY_ENFORCE, "1"),
              "policy");
        check(phx_kernel_entries_add(&all_observed->loaded, "lxc-web", PHX_POLICY_ENFORCE, "1"),
              "loaded");
        for (unsigned i = 0; i < count; i++)
                add_container(all_desired, all_observed, i);
        ret_input->judged = all_desired;
        return 0;
}

static int observe(
                void *data,
                const struct phx_input *input,
                struct phx_observed **ret_observed,
                struct phx_error *error) {
        *ret_observed = all_observed;
        return 0;
}

static int apply(void *data, const struct phx_step *step, struct phx_error *error) {
        return -EPERM;
}

static struct board board;

static int sink_all(void *data) {
        return board_take(&board, &(struct channel_message){ .type = CHANNEL_ALL });
}

static int sink_object(void *data, enum phx_object_kind kind, const char *key, const char *json) {
        phx_autofree char *text = strdup(key);

        return board_take(
                        &board,
                        &(struct channel_message){ .type = json ? CHANNEL_OBJECT : CHANNEL_GONE,
                                                   .value = (int32_t) kind,
                                                   .text = text,
                                                   .size = strlen(text),
                                                   .json = json,
                                                   .json_size = json ? strlen(json) : 0 });
}

static int sink_rest(void *data, const char *json) {
        phx_autofree char *text = strdup(json);

        return board_take(
                        &board,
                        &(struct channel_message){ .type = CHANNEL_REST,
                                                   .text = text,
                                                   .size = strlen(text) });
}

static void run_pass(void) {
        const struct phx_world world = { .judge = judge, .observe = observe, .apply = apply };
        const struct phx_audit audit = { on_record, on_progress, NULL };
        phx_cleanup(phx_pass_freep) struct phx_pass *pass = NULL;
        const struct engine_sink sink = { sink_all, sink_object, sink_rest, NULL };
        phx_cleanup(sent_done) struct sent sent = { 0 };

        check(board_init(&board, 0), "board");
        check(phx_pass_new(&audit, &pass), "pass");
        for (uint64_t i = 1; i <= 2; i++) {
                phx_cleanup(phx_report_freep) struct phx_report *report = calloc(
                                1,
                                sizeof(*report));
                phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = NULL;
                phx_autofree char *text = NULL;
                struct phx_tally tally;
                struct phx_error error = { 0 };

                if (!report)
                        err(1, "report");
                phx_pass_set_clock(pass, i * 1000000, i * 1000000);
                check(phx_pass_run(pass, &world, i * 1000000, report, &error), "run");
                snapshot = phx_pass_take_snapshot(pass);
                if (!snapshot)
                        errx(1, "no snapshot");
                phx_tally_count(snapshot, &tally);
                check(sent_update(&sent, snapshot, &tally, report, &sink), "tell");
                check(phx_report_render(report, &text), "report");
                (void) board_end(&board, report, i * 1000000);
        }
        board_done(&board);
}

/* --- take --- */

#define CHANGED 100

static void take_container(unsigned i, const char *json) {
        char key[32];

        (void) snprintf(key, sizeof(key), "c%07u", i);
        check(sink_object(NULL, PHX_OBJECT_CONTAINER, key, json), key);
}

/* What growth.sh counts: the loop's part of a look that has found some containers changed. */
__attribute__((noinline)) void take_changed(void);

void take_changed(void) {
        const struct phx_report report = { 0 };

        for (unsigned i = 0; i < CHANGED; i++)
                take_container((unsigned) (i * (count / CHANGED)), "{\"changed\":true}");
        (void) board_end(&board, &report, 2);
        for (unsigned i = 0; i < CHANGED; i++)
                if (!shelves_take_news(&board.shelves)->before)
                        errx(1, "a container is new");
        if (shelves_take_news(&board.shelves))
                errx(1, "more has changed");
}

static void run_take(void) {
        const struct phx_report report = { 0 };

        check(board_init(&board, 0), "board");
        check(sink_all(NULL), "all");
        for (unsigned i = 0; i < count; i++)
                take_container(i, "{\"changed\":false}");
        (void) board_end(&board, &report, 1);
        while (shelves_take_news(&board.shelves))
                ;
        take_changed();
        board_done(&board);
}

/* --- list --- */

static void make_containers(const char *root) {
        for (unsigned i = 0; i < count; i++) {
                phx_autoclose int fd = -1;
                char path[PATH_MAX];

                (void) snprintf(path, sizeof(path), "%s/c%07u", root, i);
                check(phx_directory_ensure(path, 0755), path);
                fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
                check(phx_file_replace_at(fd, "config", "lxc.uts.name = c\n", 17, 0644), path);
        }
}

/* What growth.sh counts. */
__attribute__((noinline)) void look_again(const struct phx_lxc *lxc, struct phx_lxc_cache *cache);

void look_again(const struct phx_lxc *lxc, struct phx_lxc_cache *cache) {
        struct phx_lxc_containers found = { 0 };

        check(phx_lxc_containers_look(lxc, cache, &found, NULL), "second look");
        if (found.count != count)
                errx(1, "%zu containers, expected %lu", found.count, count);
        phx_lxc_containers_done(&found);
}

/* Till what was written last is old enough to be believed, as all before it then is. */
static void wait_until_settled(const char *directory) {
        const struct timespec pause = { .tv_nsec = 2000000 };
        struct phx_stamp stamp;
        char path[PATH_MAX + 32];
        struct stat st;

        (void) snprintf(path, sizeof(path), "%s/c%07lu/config", directory, count - 1);
        do {
                (void) nanosleep(&pause, NULL);
                if (lstat(path, &st) < 0)
                        err(1, "%s", path);
                stamp = phx_stamp_of(&st);
        } while (!phx_stamp_is_settled(&stamp));
}

static void run_list(void) {
        char root[PATH_MAX];
        const struct phx_trust trust = { "/", geteuid(), .anyone = true };
        const struct phx_lxc lxc = { .path = root,
                                     .trust = &trust,
                                     .lock_root = "/proc/no/lock",
                                     .owner = { geteuid(), getegid() },
                                     .deadline_usec = UINT64_C(600000000) };
        phx_cleanup(phx_lxc_cache_freep) struct phx_lxc_cache *cache = NULL;
        struct phx_lxc_containers found = { 0 };

        if (!getcwd(root, sizeof(root) - 32))
                err(1, "getcwd");
        (void) strcat(root, "/growth-XXXXXX");
        if (!mkdtemp(root))
                err(1, "%s", root);
        make_containers(root);
        wait_until_settled(root);
        check(phx_lxc_cache_new(&cache), "cache");
        check(phx_lxc_containers_look(&lxc, cache, &found, NULL), "first look");
        phx_lxc_containers_done(&found);
        look_again(&lxc, cache);
        (void) printf("%s\n", root);
}

/* --- look --- */

static void add_file(const char *directory, const char *name, const char *text) {
        phx_autoclose int fd = -1;

        check(phx_directory_ensure(directory, 0755), directory);
        fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
        check(phx_file_replace_at(fd, name, text, strlen(text), 0644), directory);
}

static void make_entries(struct phx_configuration *configuration) {
        configuration->containers = calloc(count, sizeof(*configuration->containers));
        if (!configuration->containers)
                err(1, "configuration");
        configuration->count = count;
        for (unsigned i = 0; i < count; i++) {
                struct phx_container_config *config = &configuration->containers[i];
                char id[32];

                (void) snprintf(id, sizeof(id), "c%07u", i);
                if (phx_replace(&config->id, id) < 0 ||
                    phx_replace(&config->profile, "lxc-web") < 0 ||
                    !phx_lxc_options_add(&config->options, "lxc.uts.name", "c") ||
                    !phx_lxc_options_add(&config->options, "lxc.cap.drop", "sys_time"))
                        err(1, "container");
        }
}

/* All steps of a pass that are about containers. What growth.sh counts is the second time, when
 * nothing has changed and is to be found out without a shortcut. */
__attribute__((noinline)) void look_at_machine(
                struct phx_machine_containers *containers,
                const struct phx_settings *settings,
                const struct phx_configuration *configuration);

void look_at_machine(
                struct phx_machine_containers *containers,
                const struct phx_settings *settings,
                const struct phx_configuration *configuration) {
        static struct phx_inventory inventory;
        struct phx_observed *observed = calloc(1, sizeof(*observed));
        struct phx_input input = { .settings = settings, .configuration = configuration };
        struct phx_drifts drifts = { 0 };
        struct phx_plan plan = { 0 };
        struct phx_error error = { 0 };

        input.judged = calloc(1, sizeof(*input.judged));
        if (!observed || !input.judged)
                err(1, "look");
        (void) strcpy(input.judged->generation, "one");
        input.judged->has_configuration = true;
        observed->retry_usec = PHX_NEVER;
        check(phx_machine_containers_observe(containers, &input, observed, &error), error.text);
        check(phx_desire(&input, observed), "desire");
        check(phx_confine(input.judged, observed), "confine");
        check(phx_machine_containers_review(
                              containers,
                              &input,
                              &inventory,
                              input.judged,
                              observed,
                              &error),
              error.text);
        check(phx_diff(input.judged, observed, &drifts), "diff");
        check(phx_plan_make(input.judged, observed, &drifts, &plan), "plan");
        if (observed->container_count != count || drifts.count != count)
                errx(1, "%zu containers, %zu drifts", observed->container_count, drifts.count);
        phx_plan_done(&plan);
        phx_drifts_done(&drifts);
        phx_desired_free(input.judged);
        phx_observed_free(observed);
}

__attribute__((noinline)) void look_at_machine_again(
                struct phx_machine_containers *containers,
                const struct phx_settings *settings,
                const struct phx_configuration *configuration);

void look_at_machine_again(
                struct phx_machine_containers *containers,
                const struct phx_settings *settings,
                const struct phx_configuration *configuration) {
        look_at_machine(containers, settings, configuration);
}

__attribute__((noinline)) void find_unchanged(
                struct phx_machine_containers *containers,
                const struct phx_settings *settings);

void find_unchanged(
                struct phx_machine_containers *containers,
                const struct phx_settings *settings) {
        if (!phx_machine_containers_is_unchanged(containers, settings, NULL))
                errx(1, "something has changed");
}

static void run_look(void) {
        char root[PATH_MAX - 32], lxc_path[PATH_MAX], cgroup[PATH_MAX], proc[PATH_MAX];
        const struct phx_trust trust = { "/", geteuid(), .anyone = true };
        const struct phx_task_roots roots = { cgroup, proc };
        char file[] = "/c.json";
        const struct phx_settings settings = { .lxc_path = lxc_path, .configuration = file };
        struct phx_configuration configuration = { 0 };
        struct phx_machine_containers *containers = NULL;

        if (!getcwd(root, sizeof(root) - 32))
                err(1, "getcwd");
        (void) strcat(root, "/growth-XXXXXX");
        if (!mkdtemp(root))
                err(1, "%s", root);
        (void) snprintf(lxc_path, sizeof(lxc_path), "%s/lxc", root);
        (void) snprintf(cgroup, sizeof(cgroup), "%s/cgroup", root);
        (void) snprintf(proc, sizeof(proc), "%s/proc", root);
        check(phx_directory_ensure(lxc_path, 0755), lxc_path);
        check(phx_directory_ensure(proc, 0755), proc);
        add_file(cgroup, "cgroup.controllers", "");
        make_containers(lxc_path);
        make_entries(&configuration);
        check(phx_machine_containers_new(&roots, &trust, NULL, &containers), "containers");
        wait_until_settled(lxc_path);
        look_at_machine(containers, &settings, &configuration);
        (void) malloc_trim(0); /* what was freed before is no work of the next look */
        look_at_machine_again(containers, &settings, &configuration);
        (void) malloc_trim(0); /* what was freed before is no work of the next look */
        find_unchanged(containers, &settings);
        phx_machine_containers_free(containers);
        for (unsigned i = 0; i < count; i++)
                phx_container_config_done(&configuration.containers[i]);
        free(configuration.containers);
        (void) printf("%s\n", root);
}

/* --- lint --- */

static void lint(struct phx_machine_lints *lints, struct phx_profiles *profiles, unsigned first) {
        struct phx_configuration configuration = { .count = count };
        phx_cleanup(phx_desired_freep) struct phx_desired *desired = calloc(1, sizeof(*desired));
        const struct phx_settings settings = { 0 };

        configuration.containers = calloc(count, sizeof(*configuration.containers));
        if (!configuration.containers || !desired)
                err(1, "configuration");
        for (unsigned i = 0; i < count; i++) {
                struct phx_container_config *config = &configuration.containers[i];
                char id[32];

                (void) snprintf(id, sizeof(id), "c%07u", first + i);
                if (phx_replace(&config->id, id) < 0 ||
                    phx_replace(&config->profile, "lxc-web") < 0 ||
                    !phx_desired_add_container(desired, id))
                        err(1, "container");
        }
        check(phx_machine_lint(lints, profiles, &settings, &configuration, desired), "lint");
        if (lints->count != count)
                errx(1, "%zu entries, expected %lu", lints->count, count);
        for (unsigned i = 0; i < count; i++)
                phx_container_config_done(&configuration.containers[i]);
        free(configuration.containers);
}

static void run_lint(void) {
        const struct phx_profiles_options options = { .cache_fd = -1, .good_fd = -1 };
        phx_cleanup(phx_profiles_freep) struct phx_profiles *profiles = NULL;
        struct phx_machine_lints lints = { 0 };

        check(phx_profiles_new(&options, &profiles), "profiles");
        lint(&lints, profiles, 0);
        lint(&lints, profiles, (unsigned) count / 2 + 1); /* some go, some stay, some come */
        phx_machine_lints_done(&lints);
}

/* --- labels --- */

static void make_tasks(const char *cgroup, const char *proc) {
        phx_autofree char *pids = calloc(count, 16);
        char path[PATH_MAX + 64], text[128], *end = pids;

        if (!pids)
                err(1, "tasks");
        for (unsigned i = 1; i <= count; i++) {
                end += snprintf(end, 16, "%u\n", i);
                (void) snprintf(path, sizeof(path), "%s/%u", proc, i);
                (void) snprintf(text, sizeof(text), "State:\tS\nTgid:\t%u\nPPid:\t1\n", i);
                add_file(path, "status", text);
                (void) snprintf(text, sizeof(text), "lxc-web//&:lxc-c:p%07u (enforce)\n", i);
                (void) snprintf(path, sizeof(path), "%s/%u/attr/apparmor", proc, i);
                add_file(path, "current", text);
                (void) snprintf(path, sizeof(path), "%s/%u/task/%u/attr/apparmor", proc, i, i);
                add_file(path, "current", text);
        }
        add_file(cgroup, "cgroup.controllers", "");
        (void) snprintf(path, sizeof(path), "%s/lxc.payload.c", cgroup);
        add_file(path, "cgroup.procs", pids);
        add_file(path, "cgroup.threads", pids);
}

/* What growth.sh counts. */
__attribute__((noinline)) void look_at_tasks(const struct phx_machine_tasks *look);

void look_at_tasks(const struct phx_machine_tasks *look) {
        char name[] = "c";
        const struct phx_lxc_container have = { .name = name };
        struct phx_observed *observed = calloc(1, sizeof(*observed));
        struct phx_observed_container *container;

        container = observed ? phx_observed_add_container(observed, "c") : NULL;
        if (!container)
                err(1, "container");
        check(phx_machine_tasks_look(look, &have, container), "look");
        if (container->tasks != count || container->labels.count != count)
                errx(1,
                     "%u tasks with %zu labels, expected %lu",
                     container->tasks,
                     container->labels.count,
                     count);
        phx_observed_free(observed);
}

static void run_labels(void) {
        char root[PATH_MAX], cgroup[PATH_MAX + 16], proc[PATH_MAX + 16];
        const struct phx_task_roots roots = { cgroup, proc };
        struct phx_label_pictures pictures = { 0 };
        struct phx_machine_tasks look = { .roots = &roots, .pictures = &pictures };

        if (!getcwd(root, sizeof(root) - 32))
                err(1, "getcwd");
        (void) strcat(root, "/growth-XXXXXX");
        if (!mkdtemp(root))
                err(1, "%s", root);
        (void) snprintf(cgroup, sizeof(cgroup), "%s/cgroup", root);
        (void) snprintf(proc, sizeof(proc), "%s/proc", root);
        make_tasks(cgroup, proc);
        look_at_tasks(&look);
        phx_label_pictures_done(&pictures);
}

int main(int argc, char *argv[]) {
        static const struct {
                const char *name;
                void (*run)(void);
        } runs[] = {
                { "pass", run_pass },     { "take", run_take },      { "list", run_list },
                { "look", run_look },     { "unchanged", run_look }, { "lint", run_lint },
                { "labels", run_labels },
        };

        if (argc != 3)
                errx(2, "usage: growth pass|take|list|look|unchanged|lint|labels N");
        count = strtoul(argv[2], NULL, 10);
        for (size_t i = 0; i < PHX_ELEMENTS(runs); i++)
                if (strcmp(argv[1], runs[i].name) == 0) {
                        runs[i].run();
                        return 0;
                }
        errx(2, "%s: is nothing that grows", argv[1]);
}
