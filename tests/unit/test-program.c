/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/program.h"
#include "tree.h"

/* What this program says when it is run from PATH. */
static void describe(const char *path, char text[4096]) {
        char command[1024];
        FILE *pipe;

        (void) snprintf(command, sizeof(command), "'%s' describe", path);
        pipe = popen(command, "re");
        assert_non_null(pipe);
        text[fread(text, 1, 4095, pipe)] = '\0';
        assert_int_equal(pclose(pipe), 0);
        assert_true(text[0] != '\0');
}

static void copy_self(const char *path) {
        char command[1024];

        (void) snprintf(command, sizeof(command), "cp /proc/%d/exe '%s'", (int) getpid(), path);
        assert_int_equal(system(command), 0);
}

static void the_same_file_is_the_same_program(void **state) {
        char first[4096], second[4096];

        copy_self(tree_path("copy"));
        describe(tree_path("copy"), first);
        describe(tree_path("copy"), second);
        assert_string_equal(first, second);
}

/* The same bytes, and the times of the other. */
static void a_file_that_was_replaced_is_another_program(void **state) {
        char first[4096], second[4096], path[512];
        struct stat st;

        (void) snprintf(path, sizeof(path), "%s", tree_path("replaced"));
        copy_self(path);
        assert_int_equal(stat(path, &st), 0);
        describe(path, first);
        copy_self(path);
        assert_int_equal(
                        utimensat(AT_FDCWD, path, (struct timespec[]){ st.st_atim, st.st_mtim }, 0),
                        0);
        describe(path, second);
        assert_string_not_equal(first, second);
}

/* By the file that is mapped. */
static void each_library_is_named(void **state) {
        phx_cleanup(phx_buffer_done) struct phx_buffer lines = { 0 };
        unsigned long long inode = 0;
        char line[512], word[64];
        FILE *maps = fopen("/proc/self/maps", "re");

        assert_non_null(maps);
        while (inode == 0 && fgets(line, sizeof(line), maps))
                if (strstr(line, "/libcmocka.so"))
                        assert_int_equal(sscanf(line, "%*s %*s %*s %*s %llu", &inode), 1);
        (void) fclose(maps);
        assert_true(inode != 0);
        assert_int_equal(phx_program_add_libraries(&lines), 0);
        (void) snprintf(word, sizeof(word), " %llx ", inode);
        assert_non_null(strstr(lines.data, word));
}

static int print_description(void) {
        phx_cleanup(phx_buffer_done) struct phx_buffer lines = { 0 };

        if (phx_program_add(&lines) < 0)
                return 1;
        return fputs(lines.data, stdout) < 0;
}

static int set_up(void **state) {
        return tree_new() ? 0 : -1;
}

static int tear_down(void **state) {
        tree_done();
        return 0;
}

int main(int argc, char **argv) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_same_file_is_the_same_program),
                cmocka_unit_test(a_file_that_was_replaced_is_another_program),
                cmocka_unit_test(each_library_is_named),
        };

        if (argc > 1 && strcmp(argv[1], "describe") == 0)
                return print_description();
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
