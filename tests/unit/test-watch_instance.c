/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Which descriptor is the library's, whatever else is open, or is opened by the library itself. */

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cmocka.h>
#include <inotifytools/inotifytools.h>

#include "base/macros.h"
#include "loop/watch_instance.h"

/* What the library opens before its instance, and keeps or closes. */
static struct {
        bool is_kept, is_closed;
        int kept;
} other;

int __real_inotifytools_initialize(void);
int __wrap_inotifytools_initialize(void);

int __wrap_inotifytools_initialize(void) {
        int closed = other.is_closed ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1, r;

        if (other.is_kept && other.kept < 0)
                other.kept = open("/dev/null", O_RDONLY | O_CLOEXEC);
        r = __real_inotifytools_initialize();
        if (closed >= 0)
                (void) close(closed);
        return r;
}

static int set_up(void **state) {
        memset(&other, 0, sizeof(other));
        other.kept = -1;
        return 0;
}

static int tear_down(void **state) {
        inotifytools_cleanup();
        if (other.kept >= 0)
                (void) close(other.kept);
        return 0;
}

/* The kernel lists what the library watches at its descriptor, which is not INSTANCE. */
static void assert_is_found(int instance) {
        char path[64], text[1024] = "";
        FILE *file;
        int fd = -1;

        assert_int_equal(watch_instance_open(&fd), 0);
        assert_int_not_equal(fd, instance);
        assert_true(inotifytools_watch_file("/", IN_CREATE));
        (void) snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
        file = fopen(path, "re");
        assert_non_null(file);
        assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
        (void) fclose(file);
        assert_non_null(strstr(text, "inotify wd:"));
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

static void it_is_the_next_descriptor(void **state) {
        assert_is_found(-1);
}

/* An instance of somebody else's, and a lower number that is free. */
static int open_before(void) {
        int gap = open("/dev/null", O_RDONLY | O_CLOEXEC), instance = inotify_init1(IN_CLOEXEC);

        assert_true(gap >= 0 && instance > gap);
        assert_int_equal(close(gap), 0);
        return instance;
}

static void another_instance_is_none_of_ours(void **state) {
        phx_autoclose int instance = open_before();

        assert_is_found(instance);
}

static void behind_what_the_library_keeps_it_is_found(void **state) {
        phx_autoclose int instance = open_before();

        other.is_kept = true;
        assert_is_found(instance);
}

static void behind_what_the_library_closes_it_is_found(void **state) {
        phx_autoclose int instance = open_before();

        other.is_closed = true;
        assert_is_found(instance);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(it_is_the_next_descriptor),
                TEST(another_instance_is_none_of_ours),
                TEST(behind_what_the_library_keeps_it_is_found),
                TEST(behind_what_the_library_closes_it_is_found),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
