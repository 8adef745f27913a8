/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The two files of a host below a temporary root, and who reads them. */

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/file.h"
#include "config.h"
#include "engine/input.h"
#include "tree.h"

#define SETTINGS "/etc/phoenixd.json"
#define CONFIGURATION "/etc/lxc.json"
#define GOOD_SETTINGS "{ \"configuration\": \"" CONFIGURATION "\", \"resync_s\": 77 }\n"
#define GOOD_CONFIGURATION "{ \"lxc_configs\": { \"910\": { \"name\": \"web\" } } }\n"

static struct phx_trust trust;
static struct input *input;
static struct phx_desired *desired;
static int state_fd;

static inline void start(void) {
        input = input_free(input);
        assert_int_equal(input_new(&trust, NULL, SETTINGS, state_fd, &input), 0);
        assert_null(input_settings(input));
        assert_null(input_configuration(input));
}

static inline int set_up(void **state) {
        trust = (struct phx_trust){ .root = tree_new(), .owner = geteuid() };
        tree_mkdir("state");
        state_fd = open(tree_path("state"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(state_fd >= 0);
        tree_write("etc/phoenixd.json", GOOD_SETTINGS);
        tree_write("etc/lxc.json", GOOD_CONFIGURATION);
        start();
        return 0;
}

static inline int tear_down(void **state) {
        input = input_free(input);
        desired = phx_desired_free(desired);
        (void) close(state_fd);
        tree_done();
        return 0;
}

static inline void read_input(void) {
        desired = phx_desired_free(desired);
        desired = calloc(1, sizeof(*desired));
        assert_non_null(desired);
        assert_int_equal(input_read(input, NULL, desired), 0);
}

static inline void read_good(void) {
        read_input();
        if (desired->refusal_count > 0)
                fail_msg("%s", desired->refusals[0].text);
        assert_true(desired->has_configuration);
}

/* The only refusal: of OBJECT, with a text that begins so. */
static inline void read_refused(const char *object, const char *text) {
        read_input();
        assert_int_equal(desired->refusal_count, 1);
        assert_string_equal(desired->refusals[0].object, object);
        if (!phx_has_prefix(desired->refusals[0].text, text))
                assert_string_equal(desired->refusals[0].text, text);
        assert_false(desired->refusals[0].is_transient);
}

static inline void assert_file_is(const char *path, const char *text) {
        phx_autofree char *found = tree_read(path);

        assert_string_equal(found, text);
}

static inline const char *profile_of_the_container(void) {
        assert_int_equal(input_configuration(input)->count, 1);
        return input_configuration(input)->containers[0].profile;
}
