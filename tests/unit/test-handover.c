/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/handover.h"
#include "base/strings.h"

/* In memory on all of Linux. */
#define MEMORY "/dev/shm/phoenixd-test-XXXXXX"

static char directory[] = MEMORY;

/* By what the program is recognized; NULL: it cannot be found out. */
static const char *program;

int __wrap_phx_program_add(struct phx_buffer *lines);

int __wrap_phx_program_add(struct phx_buffer *lines) {
        return program ? phx_buffer_addf(lines, "%s\n", program) : -ENOENT;
}

static int set_up(void **state) {
        program = "one";
        (void) snprintf(directory, sizeof(directory), "%s", MEMORY);
        return mkdtemp(directory) ? 0 : -1;
}

static int tear_down(void **state) {
        char path[sizeof(directory) + 8];

        (void) snprintf(path, sizeof(path), "%s/left", directory);
        (void) unlink(path);
        return rmdir(directory);
}

static int leave(const char *text, uint64_t number) {
        phx_cleanup(phx_buffer_done) struct phx_buffer texts = { 0 };

        assert_int_equal(phx_texts_add(&texts, text), 0);
        assert_int_equal(phx_texts_add_number(&texts, number), 0);
        return phx_handover_leave(directory, "left", &texts);
}

static int take(void) {
        phx_cleanup(phx_handover_done) struct phx_handover handover = { 0 };

        return phx_handover_take(directory, "left", &handover);
}

static int open_left(int flags) {
        char path[sizeof(directory) + 8];

        (void) snprintf(path, sizeof(path), "%s/left", directory);
        return open(path, flags | O_CLOEXEC, 0600);
}

static void it_is_taken_once(void **state) {
        phx_cleanup(phx_handover_done) struct phx_handover handover = { 0 };

        assert_int_equal(take(), -ENOENT);
        assert_int_equal(leave("old", 1), 0);
        assert_int_equal(leave("new", 17), 0);
        assert_int_equal(phx_handover_take(directory, "left", &handover), 0);
        assert_string_equal(phx_texts_next(&handover.texts), "new");
        assert_int_equal(phx_texts_next_number(&handover.texts), 17);
        assert_true(phx_texts_are_read(&handover.texts));
        assert_int_equal(take(), -ENOENT);
}

/* Each is refused, and gone with that. */
static void what_is_not_whole_is_not_taken(void **state) {
        struct stat st;

        for (off_t cut = 0;; cut++) {
                phx_autoclose int fd = -1;

                assert_int_equal(leave("a text", 17), 0);
                fd = open_left(O_RDWR);
                assert_int_equal(fstat(fd, &st), 0);
                if (cut == st.st_size)
                        break;
                assert_int_equal(ftruncate(fd, cut), 0);
                assert_int_equal(take(), -EBADMSG);
                assert_int_equal(take(), -ENOENT);
        }
        assert_int_equal(take(), 0);
}

static void what_another_may_have_written_is_not_taken(void **state) {
        phx_autoclose int fd = -1;

        assert_int_equal(leave("a text", 17), 0);
        fd = open_left(O_RDWR);
        assert_int_equal(fchmod(fd, 0620), 0);
        assert_int_equal(take(), -EPERM);
        assert_int_equal(take(), -ENOENT);
}

static void what_another_owns_is_not_taken(void **state) {
        phx_autoclose int fd = -1;

        if (geteuid() != 0)
                skip();
        assert_int_equal(leave("a text", 17), 0);
        fd = open_left(O_RDWR);
        assert_int_equal(fchown(fd, 65534, (gid_t) -1), 0);
        assert_int_equal(take(), -EPERM);
        assert_int_equal(take(), -ENOENT);
}

/* Also not by the first one later. */
static void what_another_program_has_left_is_not_taken(void **state) {
        static const char *const others[] = { "another", "", "one\n", NULL };

        for (size_t i = 0; i < PHX_ELEMENTS(others); i++) {
                program = "one";
                assert_int_equal(leave("a text", 17), 0);
                program = others[i];
                assert_int_equal(take(), program ? -EBADMSG : -ENOENT);
                program = "one";
                assert_int_equal(take(), -ENOENT);
        }
}

static void an_unknown_program_leaves_nothing(void **state) {
        program = NULL;
        assert_int_equal(leave("a text", 17), -ENOENT);
        program = "one";
        assert_int_equal(take(), -ENOENT);
}

static void what_was_left_can_be_removed(void **state) {
        assert_int_equal(leave("a text", 17), 0);
        phx_handover_remove(directory, "left");
        assert_int_equal(take(), -ENOENT);
        phx_handover_remove(directory, "left");
}

/* It could be of a later time than the kernel. */
static void a_disk_is_no_place_for_it(void **state) {
        char place[] = "phoenixd-test-XXXXXX", path[PHX_ELEMENTS(place) + 8];
        phx_cleanup(phx_buffer_done) struct phx_buffer texts = { 0 };
        phx_cleanup(phx_handover_done) struct phx_handover handover = { 0 };
        struct statfs fs;
        int fd;

        if (statfs(".", &fs) < 0 || fs.f_type == TMPFS_MAGIC || !mkdtemp(place))
                skip();
        assert_int_equal(phx_texts_add(&texts, "a text"), 0);
        assert_int_equal(phx_handover_leave(place, "left", &texts), -EXDEV);
        (void) snprintf(path, sizeof(path), "%s/left", place);
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        (void) close(fd);
        assert_int_equal(phx_handover_take(place, "left", &handover), -EXDEV);
        assert_int_equal(rmdir(place), 0);
}

#define with_directory(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                with_directory(it_is_taken_once),
                with_directory(what_is_not_whole_is_not_taken),
                with_directory(what_another_may_have_written_is_not_taken),
                with_directory(what_another_owns_is_not_taken),
                with_directory(what_another_program_has_left_is_not_taken),
                with_directory(an_unknown_program_leaves_nothing),
                with_directory(what_was_left_can_be_removed),
                cmocka_unit_test(a_disk_is_no_place_for_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
