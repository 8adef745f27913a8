/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A machine in a temporary tree, with the real parser and a pretended kernel. */

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/strings.h"
#include "machine/machine.h"
#include "reconcile/confine.h"
#include "reconcile/desire.h"
#include "reconcile/plan.h"
#include "state/report.h"
#include "tree.h"

#define WEB "profile lxc-web {\n  include <abstractions/phoenix/life>\n}\n"

#define DB "profile lxc-db {\n  file,\n}\n"

/* What a look has shown. */
struct picture {
        struct phx_desired *desired;
        struct phx_observed *observed;
};

/* A machine of files: everything but the kernel itself and liblxc's own state is in a temporary
 * tree. The compiler is the real one, with features from a file. */
struct machine {
        struct phx_trust trust;
        struct phx_machine_options options;
        struct phx_machine *machine;
        struct phx_settings settings;
        struct phx_configuration configuration;
        struct phx_container_config container;
        struct phx_strings paths; /* what OPTIONS borrows */
        struct picture picture;   /* of the last look */
        unsigned saves;
        bool is_disk_full;
};

/* A path in the tree that stays until the end. */
static inline const char *keep_path(struct machine *machine, const char *path) {
        assert_int_equal(phx_strings_add(&machine->paths, tree_path(path)), 0);
        return machine->paths.items[machine->paths.count - 1];
}

static inline int count_save(
                void *data,
                const struct phx_inventory *inventory,
                struct phx_error *error) {
        struct machine *machine = data;

        if (machine->is_disk_full)
                return phx_error_set(error, -ENOSPC, "inventory.json: no room");
        machine->saves++;
        return 0;
}

static inline void start(struct machine *machine) {
        struct phx_inventory inventory = { 0 };
        struct phx_error error = { 0 };

        assert_int_equal(
                        phx_machine_new(&machine->options, &inventory, &machine->machine, &error),
                        0);
}

/* As the kernel shows a profile once it is loaded. */
static inline void load(const char *profile, const char *mode) {
        const struct {
                const char *file, *text;
        } values[] = { { "name", profile }, { "mode", mode } };
        char path[256], line[256];

        for (size_t i = 0; i < PHX_ELEMENTS(values); i++) {
                (void) snprintf(path,
                                sizeof(path),
                                "fs/policy/profiles/%s.1/%s",
                                profile,
                                values[i].file);
                (void) snprintf(line, sizeof(line), "%s\n", values[i].text);
                tree_write(path, line);
        }
}

static inline int set_up(void **state) {
        static struct machine machine;
        char config[512];

        machine = (struct machine){ 0 };
        tree_new();
        tree_write("module/parameters/enabled", "Y\n");
        tree_write("module/parameters/mode", "enforce\n");
        tree_write("fs/features/policy/set_load", "yes\n");
        tree_write("fs/.replace", "");
        tree_mkdir("fs/policy/profiles");
        tree_mkdir("fs/policy/namespaces");
        tree_mkdir("cgroup");
        tree_mkdir("proc");
        tree_mkdir("deployed");
        tree_write("sources/lxc-web", WEB);
        tree_write("sources/abstractions/phoenix/life", "file,\n");
        tree_write("lxc/common.conf", "lxc.arch = amd64\n");
        (void) snprintf(config,
                        sizeof(config),
                        "lxc.include = %s\nlxc.uts.name = web\n",
                        tree_path("lxc/common.conf"));
        tree_write("lxc/web/config", config);

        machine.trust = (struct phx_trust){ "/", geteuid() };
        machine.options = (struct phx_machine_options){
                .trust = &machine.trust,
                .tasks = { keep_path(&machine, "cgroup"), keep_path(&machine, "proc") },
                .apparmorfs = keep_path(&machine, "fs"),
                .module = keep_path(&machine, "module"),
                .parser = "/usr/sbin/apparmor_parser",
                .features_file = "/usr/share/apparmor-features/features",
                .state_dir = keep_path(&machine, "state"),
                .runtime_dir = keep_path(&machine, "run"),
                .libraries = "one\n",
                .save = count_save,
                .data = &machine,
        };
        machine.settings = (struct phx_settings){
                .profile_dir = strdup(tree_path("sources")),
                .deployed_dir = strdup(tree_path("deployed")),
                .lxc_path = strdup(tree_path("lxc")),
                .compile_jobs = 2,
                .compile_deadline_usec = 20000000,
                .compile_memory = 1UL << 40,
        };
        machine.container = (struct phx_container_config){ .id = strdup("web"),
                                                           .profile = strdup("lxc-web") };
        machine.configuration = (struct phx_configuration){ .containers = &machine.container,
                                                            .count = 1 };
        start(&machine);
        *state = &machine;
        return 0;
}

static inline void picture_done(struct picture *picture) {
        picture->desired = phx_desired_free(picture->desired);
        picture->observed = phx_observed_free(picture->observed);
}

static inline int tear_down(void **state) {
        struct machine *machine = *state;

        picture_done(&machine->picture);
        phx_machine_free(machine->machine);
        phx_strings_done(&machine->paths);
        phx_container_config_done(&machine->container);
        free(machine->settings.profile_dir);
        free(machine->settings.deployed_dir);
        free(machine->settings.lxc_path);
        tree_done();
        return 0;
}

/* Borrowed until the next look. What is compiled is not waited for. */
static inline struct picture look_once(struct machine *machine) {
        struct picture picture = { calloc(1, sizeof(struct phx_desired)),
                                   calloc(1, sizeof(struct phx_observed)) };
        struct phx_input input = { &machine->settings,
                                   &machine->configuration,
                                   picture.desired,
                                   PHX_NEVER };
        struct phx_error error = { 0 };
        int r;

        picture.desired->has_configuration = true;
        picture.observed->retry_usec = PHX_NEVER;
        r = phx_machine_judge(machine->machine, &input, 1000000, &error);
        if (r >= 0)
                r = phx_machine_observe(machine->machine, &input, picture.observed, &error);
        if (r >= 0)
                r = phx_desire(&input, picture.observed);
        if (r >= 0)
                r = phx_confine(picture.desired, picture.observed);
        if (r >= 0)
                r = phx_machine_review(
                                machine->machine,
                                &input,
                                picture.desired,
                                picture.observed,
                                &error);
        if (r >= 0)
                r = phx_machine_remember(
                                machine->machine,
                                &machine->settings,
                                picture.desired,
                                picture.observed,
                                &error);
        if (r < 0)
                fail_msg("%s", phx_error_text(&error, r));
        picture_done(&machine->picture);
        machine->picture = picture;
        return picture;
}

/* Until one of the compiles that run asks for a look. False when none runs. */
static inline bool wait_for_a_compile(const struct machine *machine) {
        struct phx_process_watch watches[PHX_COMPILES_LIMIT];
        struct pollfd fds[PHX_COMPILES_LIMIT];
        size_t count = phx_machine_compiles(machine->machine, watches, PHX_COMPILES_LIMIT);
        uint64_t due = UINT64_MAX, now = phx_now_usec();

        for (size_t i = 0; i < count; i++) {
                fds[i] = (struct pollfd){ .fd = watches[i].fd, .events = POLLIN };
                if (watches[i].due_usec < due)
                        due = watches[i].due_usec;
        }
        if (count > 0)
                assert_true(poll(fds, count, due > now ? (int) ((due - now) / 1000 + 1) : 0) >= 0);
        return count > 0;
}

/* As many looks as it takes to compile all; the last one. */
static inline struct picture look(struct machine *machine) {
        struct picture picture;

        do
                picture = look_once(machine);
        while (wait_for_a_compile(machine));
        return picture;
}

/* The step that the planner makes of this drift in the last picture, whatever the differ would say
 * about it. */
static inline int carry_out(
                struct machine *machine,
                enum phx_action_kind action,
                const char *object,
                const char *old_digest,
                struct phx_error *error) {
        const struct phx_desired_profile *profile = phx_desired_find_profile(
                        machine->picture.desired,
                        object);
        struct phx_drift drift = { .action = action,
                                   .object = object,
                                   .found = "whatever words it was found in",
                                   .old_digest = old_digest,
                                   .new_digest = profile ? profile->digest : NULL };
        phx_cleanup(phx_plan_done) struct phx_plan plan = { 0 };

        assert_int_equal(
                        phx_plan_make(machine->picture.desired,
                                      machine->picture.observed,
                                      &(struct phx_drifts){ &drift, 1 },
                                      &plan),
                        0);
        assert_int_equal(plan.count, 1);
        return phx_machine_apply(machine->machine, &plan.steps[0], error);
}

static inline void apply_to(
                struct machine *machine,
                enum phx_action_kind action,
                const char *object,
                const char *old_digest) {
        struct phx_error error = { 0 };

        if (carry_out(machine, action, object, old_digest, &error) < 0)
                fail_msg("%s", error.text);
}

static inline void apply(struct machine *machine, enum phx_action_kind action, const char *object) {
        apply_to(machine, action, object, NULL);
}

/* TEXT is the end of what is said about it. */
static inline void assert_stale(
                struct machine *machine,
                const struct phx_drift *drift,
                const char *text) {
        struct phx_error error = { 0 };

        assert_int_equal(
                        carry_out(machine, drift->action, drift->object, drift->old_digest, &error),
                        -ESTALE);
        if (!phx_has_suffix(error.text, text))
                assert_string_equal(error.text, text);
}

static inline void assert_file(const char *path, const char *text) {
        phx_autofree char *found = tree_read(path);

        assert_string_equal(found, text);
}

/* All parents of what the machine reads must be as trusted as those of a real one, which those of
 * the usual temporary directory are not; the build may be below it. */
static inline bool find_trusted_parent(struct phx_error *error) {
        const struct phx_trust trust = { "/", geteuid() };
        const char *candidates[] = { getenv("TMPDIR"), NULL, "/run" };
        char directory[512];

        candidates[1] = getcwd(directory, sizeof(directory));
        for (size_t i = 0; i < PHX_ELEMENTS(candidates); i++) {
                phx_autoclose int fd = -1;

                if (candidates[i] && access(candidates[i], W_OK) == 0 &&
                    phx_trust_open_directory(&trust, candidates[i], &fd, error) >= 0)
                        return setenv("TMPDIR", candidates[i], 1) == 0;
        }
        return false;
}

#define with_machine(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
