/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A host whose containers have options, with the real liblxc. */

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/findings.h"
#include "base/strings.h"
#include "containers-look.h"
#include "lxc/assignments.h"
#include "lxc/child.h"
#include "lxc/option_review.h"
#include "lxc/walk.h"
#include "state/report.h"
#include "tree.h"

#define CONTAINERS 48

static unsigned forks;

static inline void count_fork(void) {
        forks++;
}

struct host {
        struct phx_task_roots roots;
        struct phx_machine_containers *containers;
        struct phx_inventory inventory;
        struct phx_container_config configs[CONTAINERS];
        size_t count;
        char *foreign[CONTAINERS]; /* what the operator has written */
        struct phx_observed *observed;
        struct phx_lxc_child liblxc;
};

static char cgroup_root[256], proc_root[256], lxc_path[256], configuration_path[] = "/c.json";

static inline int set_up(void **state) {
        static const struct phx_trust anyone = { .root = "/", .anyone = true };
        struct host *host = calloc(1, sizeof(*host));

        assert_non_null(host);
        tree_new();
        tree_mkdir("cgroup");
        tree_mkdir("proc");
        tree_mkdir("lxc");
        (void) snprintf(cgroup_root, sizeof(cgroup_root), "%s", tree_path("cgroup"));
        (void) snprintf(proc_root, sizeof(proc_root), "%s", tree_path("proc"));
        (void) snprintf(lxc_path, sizeof(lxc_path), "%s", tree_path("lxc"));
        host->roots = (struct phx_task_roots){ cgroup_root, proc_root };
        *state = host;
        assert_int_equal(phx_lxc_child_start(&host->liblxc), 0);
        return phx_machine_containers_new(&host->roots, &anyone, NULL, &host->containers);
}

static inline int tear_down(void **state) {
        struct host *host = *state;

        for (size_t i = 0; i < host->count; i++) {
                phx_container_config_done(&host->configs[i]);
                free(host->foreign[i]);
        }
        phx_lxc_child_done(&host->liblxc);
        phx_inventory_done(&host->inventory);
        phx_machine_containers_free(host->containers);
        phx_observed_free(host->observed);
        free(host);
        tree_done();
        return 0;
}

static inline const char *config_of(const struct host *host, size_t index) {
        static char path[300];

        (void) snprintf(path, sizeof(path), "lxc/%s/config", host->configs[index].id);
        return path;
}

static inline void add(struct host *host, const char *text) {
        struct phx_container_config *config = &host->configs[host->count];
        char id[16];

        assert_true(host->count < CONTAINERS);
        (void) snprintf(id, sizeof(id), "%03zu", host->count);
        assert_int_equal(phx_replace(&config->id, id), 0);
        assert_int_equal(phx_replace(&config->profile, "lxc-a"), 0);
        host->foreign[host->count] = strdup(text);
        tree_write(config_of(host, host->count++), text);
}

/* "KEY=VALUE;KEY=VALUE" */
static inline void set_options(struct host *host, size_t index, const char *text) {
        struct phx_lxc_options *options = &host->configs[index].options;
        phx_autofree char *copy = strdup(text);
        char *rest = copy, *item;

        phx_lxc_options_done(options);
        while ((item = strsep(&rest, ";"))) {
                const char *key = item[0] ? strsep(&item, "=") : NULL;

                if (!key)
                        continue;
                assert_non_null(phx_lxc_options_add(options, key, item));
                options->items[options->count - 1].line = 10 + (unsigned) options->count;
                options->items[options->count - 1].index = options->count - 1;
        }
}

static inline void look(struct host *host) {
        const struct phx_settings settings = { .lxc_path = lxc_path,
                                               .configuration = configuration_path };
        const struct phx_configuration configuration = { .containers = host->configs,
                                                         .count = host->count };
        phx_cleanup(phx_desired_freep) struct phx_desired *desired = calloc(1, sizeof(*desired));
        struct phx_error error = { 0 };
        int r;

        phx_observed_free(host->observed);
        host->observed = calloc(1, sizeof(*host->observed));
        host->observed->retry_usec = PHX_NEVER;
        r = look_at_containers(
                        host->containers,
                        &settings,
                        &configuration,
                        &host->inventory,
                        desired,
                        host->observed,
                        &error);
        assert_string_equal(error.text, "");
        assert_true(r >= 0);
}

static inline bool is_wrong(const struct host *host, size_t index) {
        const struct phx_observed_container *have = &host->observed->containers[index];

        assert_null(have->trouble);
        return have->wrong_lines.count > 0 || strcmp(have->effective, "lxc-a") != 0;
}

static inline struct phx_step_edit step_of(const struct host *host, size_t index) {
        const struct phx_observed_container *have = &host->observed->containers[index];

        return (struct phx_step_edit){ .lxc_path = host->observed->lxc_path,
                                       .directory = have->directory,
                                       .digest = have->digest,
                                       .profile = "lxc-a",
                                       .label = "lxc-a",
                                       .lines = &have->lines };
}

static inline void repair(struct host *host) {
        look(host);
        for (size_t i = 0; i < host->count; i++) {
                struct phx_error error = { 0 };
                struct phx_step_edit step;

                if (!is_wrong(host, i))
                        continue;
                step = step_of(host, i);
                assert_true(phx_line_edit_claim(step.lines, step.directory, &host->inventory) >= 0);
                assert_int_equal(phx_machine_containers_assign(host->containers, &step, &error), 0);
                assert_string_equal(error.text, "");
        }
}

/* Nothing is found wrong any more, and the second time nothing is asked. */
static inline void assert_converged(struct host *host) {
        unsigned before;

        look(host);
        for (size_t i = 0; i < host->count; i++)
                assert_false(is_wrong(host, i));
        look(host);
        before = forks;
        look(host);
        assert_int_equal(forks, before);
}

/* --- by hand --- */

#define PROFILE "lxc.apparmor.profile = lxc-a\n"

static inline void effective(
                struct host *host,
                size_t index,
                const char *key,
                struct phx_strings *values) {
        phx_autofree char *text = tree_read(config_of(host, index)), *value = NULL;
        char *rest, *line;

        assert_int_equal(phx_lxc_child_load(&host->liblxc, text, strlen(text)), 1);
        assert_int_equal(phx_lxc_child_get(&host->liblxc, key, &value), 0);
        rest = value;
        while ((line = strsep(&rest, "\n")))
                if (line[0])
                        assert_int_equal(phx_strings_add(values, line), 0);
}

#define with_host(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
