#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "system/lxc_decider.h"
#include "tree.h"

static int set_up(void **state) {
        tree_new();
        return 0;
}

static int tear_down(void **state) {
        tree_done();
        return 0;
}

/* Says that LINE of FILE, below the tree, decides in TEXT; FILE NULL for none. */
static void expect(const char *text, const char *file, unsigned line) {
        phx_cleanup(phx_lxc_decider_done) struct phx_lxc_decider decider = { 0 };
        char path[256], expected[256];

        (void) snprintf(path, sizeof(path), "%s", tree_path("web/config"));
        assert_int_equal(phx_lxc_decide(path, text, strlen(text), &decider), 0);
        if (!file) {
                assert_null(decider.file);
                return;
        }
        (void) snprintf(expected, sizeof(expected), "%s", tree_path(file));
        assert_string_equal(decider.file, expected);
        assert_int_equal(decider.line, line);
}

static void the_last_line_decides(void **state) {
        expect("", NULL, 0);
        expect("lxc.uts.name = web\n", NULL, 0);
        expect("# c\nlxc.apparmor.profile = a\n\nlxc.apparmor.profile = b\n#\n", "web/config", 4);
        expect("# c\rlxc.apparmor.profile = a\r\nlxc.apparmor.profile = b", "web/config", 2);
}

static void an_include_is_read_where_it_stands(void **state) {
        char text[1024];

        tree_write("common.conf", "\n\nlxc.apparmor.profile = c\n");
        tree_write("dir/a.conf", "lxc.apparmor.profile = d\n");
        tree_write("dir/b.conf", "#\nlxc.apparmor.profile = e\n");
        tree_write("dir/c.txt", "\n\n\nlxc.apparmor.profile = f\n");
        (void) snprintf(text,
                        sizeof(text),
                        "lxc.apparmor.profile = a\nlxc.include = %s\n",
                        tree_path("common.conf"));
        expect(text, "common.conf", 3);
        (void) snprintf(text,
                        sizeof(text),
                        "lxc.include = %s\nlxc.apparmor.profile = a\n",
                        tree_path("common.conf"));
        expect(text, "web/config", 2);
        (void) snprintf(text, sizeof(text), "lxc.include = %s\n", tree_path("dir"));
        expect(text, "dir/b.conf", 2);
        (void) snprintf(text,
                        sizeof(text),
                        "lxc.apparmor.profile = a\nlxc.include = %s\n",
                        tree_path("not-there"));
        expect(text, "web/config", 1);
}

static void one_that_includes_itself_ends(void **state) {
        char text[1024];

        (void) snprintf(text,
                        sizeof(text),
                        "lxc.apparmor.profile = a\nlxc.include = %s\n",
                        tree_path("self.conf"));
        tree_write("self.conf", text);
        expect(text, "self.conf", 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(the_last_line_decides, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                an_include_is_read_where_it_stands,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(one_that_includes_itself_ends, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
