/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What the running program says of its interfaces is what is installed for others. */

#include <fcntl.h>

#include "base/file.h"
#include "bus-fixture.h"

/* The files begin as those of other programs do; in pieces, so that reuse does not take the licence
 * for this file's. */
static const char head[] = "<!DOCTYPE node PUBLIC \"-//freedesktop//DTD D-BUS Object "
                           "Introspection 1.0//EN\"\n"
                           "\"https://www.freedesktop.org/standards/dbus/1.0/introspect.dtd\">\n"
                           "<!-- SPDX-License-"
                           "Identifier: GPL-2.0-or-later -->\n"
                           "<node>\n";

static sd_bus_message *introspect(const struct fixture *fixture, const char *path) {
        sd_bus_message *reply = NULL;

        assert_true(sd_bus_call_method(
                                    fixture->client,
                                    "org.phoenixd1",
                                    path,
                                    "org.freedesktop.DBus.Introspectable",
                                    "Introspect",
                                    NULL,
                                    &reply,
                                    "") >= 0);
        return reply;
}

/* The file that INTERFACE of the object PATH is to have. */
static char *interface_text(
                const struct fixture *fixture,
                const char *path,
                const char *interface) {
        phx_cleanup(sd_bus_message_unrefp) sd_bus_message *reply = introspect(fixture, path);
        const char *xml, *begin, *end;
        char open[64], *text = NULL;

        assert_true(sd_bus_message_read(reply, "s", &xml) >= 0);
        (void) snprintf(open, sizeof(open), " <interface name=\"%s\">", interface);
        begin = strstr(xml, open);
        assert_non_null(begin);
        end = strstr(begin, "</interface>");
        assert_non_null(end);
        assert_true(asprintf(&text,
                             "%s%.*s</interface>\n</node>\n",
                             head,
                             (int) (end - begin),
                             begin) > 0);
        return text;
}

/* With PHX_UPDATE=1 the file is written, to be looked at and committed. */
static void expect_file(const struct fixture *fixture, const char *path, const char *interface) {
        phx_autofree char *expected = interface_text(fixture, path, interface), *text = NULL;
        const char *directory = getenv("PHX_INTERFACES");
        phx_autoclose int fd = -1;
        char file[64];
        size_t size = 0;

        assert_non_null(directory);
        fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(fd >= 0);
        (void) snprintf(file, sizeof(file), "%s.xml", interface);
        if (getenv("PHX_UPDATE"))
                assert_true(phx_file_ensure_at(fd, file, expected, strlen(expected), 0644) >= 0);
        assert_int_equal(phx_file_read_at(fd, file, 1 << 20, &text, &size), 0);
        assert_string_equal(text, expected);
}

static void the_installed_files_are_what_the_program_says(void **state) {
        struct fixture *fixture = *state;

        start_all(fixture);
        expect_file(fixture, "/org/phoenixd1", "org.phoenixd1.Manager");
        expect_file(fixture, "/org/phoenixd1/profile/lxc_2d000", "org.phoenixd1.Profile");
        expect_file(fixture, "/org/phoenixd1/container/_3101", "org.phoenixd1.Container");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                                the_installed_files_are_what_the_program_says,
                                setup,
                                teardown),
        };

        shared = mmap(NULL,
                      sizeof(*shared),
                      PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS,
                      -1,
                      0);
        if (shared == MAP_FAILED)
                return 1;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
