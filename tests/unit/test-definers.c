/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include "source/definers.h"
#include "tree.h"

struct place {
        struct phx_definers *definers;
        int fd;
};

static int set_up(void **state) {
        static struct place place;

        place.fd = open(tree_new(), O_PATH | O_DIRECTORY | O_CLOEXEC);
        *state = &place;
        return place.fd < 0 ? -1 : phx_definers_new(&place.definers);
}

static int tear_down(void **state) {
        struct place *place = *state;

        place->definers = phx_definers_free(place->definers);
        (void) close(place->fd);
        tree_done();
        return 0;
}

static void observe(const struct place *place, struct phx_definitions *found) {
        struct phx_error error = { 0 };

        phx_definitions_done(found);
        assert_int_equal(phx_definers_observe(place->definers, place->fd, found, &error), 0);
}

static void another_directory_is_a_change(void **state) {
        const struct place *place = *state;

        tree_write("lxc/lxc-default", "profile lxc-a {\n}\n");
        tree_mkdir("abstractions");
        assert_int_equal(phx_definers_look(place->definers, place->fd, NULL, NULL), 1);
        assert_int_equal(phx_definers_look(place->definers, place->fd, NULL, NULL), 0);
        assert_int_equal(phx_definers_directories(place->definers)->count, 1);
        tree_mkdir("lxc/more");
        assert_int_equal(phx_definers_look(place->definers, place->fd, NULL, NULL), 1);
        assert_int_equal(phx_definers_look(place->definers, place->fd, NULL, NULL), 0);
        assert_int_equal(phx_definers_directories(place->definers)->count, 2);
        assert_string_equal(phx_definers_directories(place->definers)->items[1], "lxc/more");
}

/* Notes where it is, and looks at everything. */
static void look_at_all(const struct place *place) {
        char *directory = strdup(tree_path(""));

        assert_non_null(directory);
        directory[strlen(directory) - 1] = '\0';
        assert_true(phx_definers_is_due(place->definers, directory, NULL));
        free(directory);
        assert_int_equal(phx_definers_look(place->definers, place->fd, NULL, NULL), 1);
}

/* Nothing was said of the second file: it is not looked at, and what it was holds. */
static void only_what_is_named_is_looked_at(void **state) {
        const struct place *place = *state;
        phx_cleanup(phx_scope_done) struct phx_scope scope = { 0 };

        tree_write("lxc-a", "profile lxc-a { }\n");
        tree_write("lxc-b", "profile lxc-b { }\n");
        look_at_all(place);
        phx_scope_add(&scope, tree_path("lxc-a"));
        phx_scope_add(&scope, tree_path("abstractions/new"));
        phx_scope_add(&scope, "/elsewhere/lxc-b");

        tree_write("lxc-a", "profile lxc-a { file, }\n");
        tree_write("lxc-b", "profile lxc-c { }\n");
        assert_int_equal(phx_definers_look(place->definers, place->fd, &scope, NULL), 0);
        assert_string_equal(phx_definers_found(place->definers)->items[1].name, "lxc-b");

        tree_write("lxc-a", "\nprofile lxc-a { }\n");
        assert_int_equal(phx_definers_look(place->definers, place->fd, &scope, NULL), 1);
        assert_int_equal(phx_definers_found(place->definers)->items[0].line, 2);
        assert_string_equal(phx_definers_found(place->definers)->items[1].name, "lxc-c");
}

static void what_has_come_or_gone_is_found(void **state) {
        static const char *const named[] = { "new", "old", "more", "linked" };
        const struct place *place = *state;

        tree_write("old", "profile lxc-a { }\n");
        tree_write("piped", "profile lxc-p { }\n");
        look_at_all(place);
        for (size_t i = 0; i < PHX_ELEMENTS(named); i++) {
                phx_cleanup(phx_scope_done) struct phx_scope scope = { 0 };

                phx_scope_add(&scope, tree_path(named[i]));
                assert_int_equal(phx_definers_look(place->definers, place->fd, &scope, NULL), 0);
                if (i == 0)
                        tree_write("new", "profile lxc-n { }\n");
                if (i == 1)
                        assert_int_equal(unlink(tree_path("old")), 0);
                if (i == 2)
                        tree_write("more/file", "profile lxc-m { }\n");
                if (i == 3)
                        tree_link("linked", "new");
                assert_int_equal(phx_definers_look(place->definers, place->fd, &scope, NULL), 1);
        }
        assert_int_equal(phx_definers_found(place->definers)->count, 4);
}

static void another_scope_is_a_walk(void **state) {
        const struct place *place = *state;
        phx_cleanup(phx_scope_done) struct phx_scope scope = { 0 };

        tree_write("lxc-a", "profile lxc-a { }\n");
        look_at_all(place);
        tree_write("lxc-b", "profile lxc-b { }\n");
        assert_int_equal(phx_definers_look(place->definers, place->fd, &scope, NULL), 0);
        phx_scope_add(&scope, "/");
        assert_int_equal(phx_definers_look(place->definers, place->fd, &scope, NULL), 1);
}

static void files_and_sub_directories_are_looked_into(void **state) {
        phx_cleanup(phx_definitions_done) struct phx_definitions found = { 0 };

        tree_write("usr.bin.x", "/usr/bin/x { }\n");
        tree_write("lxc-containers", "include <lxc>\nprofile lxc-b { }\n");
        tree_write("lxc/lxc-default", "profile lxc-a {\n}\n");
        tree_write("more/deeper/file", "profile lxc-c { }\n");
        observe(*state, &found);

        assert_int_equal(found.count, 4);
        assert_string_equal(found.items[0].name, "/usr/bin/x");
        assert_string_equal(found.items[1].name, "lxc-a");
        assert_string_equal(found.items[1].file, "lxc/lxc-default");
        assert_int_equal(found.items[1].line, 1);
        assert_string_equal(found.items[2].file, "lxc-containers");
        assert_int_equal(found.items[2].line, 2);
        assert_string_equal(found.items[3].file, "more/deeper/file");
        assert_int_equal(found.unreadable.count, 0);
}

static void pieces_and_leftovers_are_passed_over(void **state) {
        static const char *const files[] = { "abstractions/a", "tunables/a",   "local/a",
                                             "abi/3.0",        "disable/a",    "force-complain/a",
                                             "cache/a",        "cache.d/x/a",  "README",
                                             "a.dpkg-old",     ".a.phoenixd~", "a~" };
        phx_cleanup(phx_definitions_done) struct phx_definitions found = { 0 };

        for (size_t i = 0; i < PHX_ELEMENTS(files); i++)
                tree_write(files[i], "profile lxc-a { }\n");
        observe(*state, &found);
        assert_int_equal(found.count, 0);
        assert_int_equal(found.unreadable.count, 0);
}

static void links_to_files_count_and_dangling_ones_do_not(void **state) {
        phx_cleanup(phx_definitions_done) struct phx_definitions found = { 0 };

        tree_write("abstractions/real", "profile lxc-a { }\n");
        tree_link("linked", "abstractions/real");
        tree_link("dangling", "nowhere");
        tree_link("loop", ".");
        tree_link("pieces", "abstractions");
        observe(*state, &found);
        assert_int_equal(found.count, 1);
        assert_string_equal(found.items[0].file, "linked");
}

static void a_pipe_is_never_waited_for(void **state) {
        phx_cleanup(phx_definitions_done) struct phx_definitions found = { 0 };

        assert_int_equal(mkfifo(tree_path("pipe"), 0644), 0);
        observe(*state, &found);
        assert_int_equal(found.count, 0);
}

static void a_file_too_large_is_named(void **state) {
        phx_cleanup(phx_definitions_done) struct phx_definitions found = { 0 };

        tree_write("huge", "");
        assert_int_equal(truncate(tree_path("huge"), 8L * 1024 * 1024), 0);
        tree_write("ok", "profile lxc-a { }\n");
        observe(*state, &found);
        assert_int_equal(found.count, 1);
        assert_int_equal(found.unreadable.count, 1);
        assert_string_equal(found.unreadable.items[0], "huge: File too large");
}

static void changes_are_seen_and_what_is_gone_is_forgotten(void **state) {
        phx_cleanup(phx_definitions_done) struct phx_definitions found = { 0 };

        tree_write("a", "profile lxc-a { }\n");
        tree_write("b", "profile lxc-b { }\n");
        observe(*state, &found);
        assert_int_equal(found.count, 2);

        tree_write("a", "profile lxc-c { }\n"); /* of the same length */
        tree_remove("b");
        observe(*state, &found);
        assert_int_equal(found.count, 1);
        assert_string_equal(found.items[0].name, "lxc-c");
}

static void a_file_at_rest_is_not_opened_again(void **state) {
        const struct timespec settle = { 0, 150 * 1000000L };
        phx_cleanup(phx_definitions_done) struct phx_definitions found = { 0 };
        phx_autoclose int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        char event[sizeof(struct inotify_event) + NAME_MAX + 1];

        tree_write("a", "profile lxc-a { }\n");
        observe(*state, &found);
        assert_true(inotify_add_watch(watch, tree_path("a"), IN_OPEN) >= 0);
        assert_int_equal(nanosleep(&settle, NULL), 0);

        observe(*state, &found); /* the first look was too early to be relied on */
        assert_true(read(watch, event, sizeof(event)) > 0);
        observe(*state, &found);
        assert_int_equal(read(watch, event, sizeof(event)), -1);
        assert_int_equal(errno, EAGAIN);
        assert_int_equal(found.count, 1);

        tree_write("a", "profile lxc-b { }\n");
        observe(*state, &found);
        assert_string_equal(found.items[0].name, "lxc-b");
}

#define with_place(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                with_place(files_and_sub_directories_are_looked_into),
                with_place(another_directory_is_a_change),
                with_place(only_what_is_named_is_looked_at),
                with_place(what_has_come_or_gone_is_found),
                with_place(another_scope_is_a_walk),
                with_place(pieces_and_leftovers_are_passed_over),
                with_place(links_to_files_count_and_dangling_ones_do_not),
                with_place(a_pipe_is_never_waited_for),
                with_place(a_file_too_large_is_named),
                with_place(changes_are_seen_and_what_is_gone_is_forgotten),
                with_place(a_file_at_rest_is_not_opened_again),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
