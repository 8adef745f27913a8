/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/file.h"
#include "engine/store.h"
#include "tree.h"

#define DIGEST "00000000000000000000000000000000000000000000000000000000000000aa"

static struct phx_inventory inventory;
static struct phx_error error;
static int state_fd;

static int set_up(void **state) {
        tree_new();
        tree_mkdir("state");
        state_fd = open(tree_path("state"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(state_fd >= 0);
        error = (struct phx_error){ 0 };
        return 0;
}

static int tear_down(void **state) {
        phx_inventory_done(&inventory);
        (void) close(state_fd);
        tree_done();
        return 0;
}

static void assert_empty(void) {
        assert_string_equal(inventory.configuration, "");
        assert_int_equal(inventory.file_count, 0);
        assert_int_equal(inventory.profile_count, 0);
        assert_int_equal(inventory.container_count, 0);
}

static void without_a_file_nothing_is_owned(void **state) {
        assert_int_equal(store_load(state_fd, &inventory, &error), 0);
        assert_empty();
        assert_string_equal(error.text, "");
}

static void what_is_saved_is_loaded(void **state) {
        struct stat st;

        assert_int_equal(phx_inventory_set_file(&inventory, "/etc/apparmor.d/lxc-a", DIGEST), 1);
        assert_int_equal(phx_inventory_set_profile(&inventory, "lxc-a", DIGEST, ""), 1);
        assert_int_equal(store_save(state_fd, &inventory, &error), 0);
        phx_inventory_done(&inventory);
        assert_int_equal(store_load(state_fd, &inventory, &error), 0);
        assert_string_equal(
                        phx_inventory_file(&inventory, "/etc/apparmor.d/lxc-a")->digest,
                        DIGEST);
        assert_string_equal(phx_inventory_profile(&inventory, "lxc-a")->source, DIGEST);
        assert_int_equal(stat(tree_path("state/inventory.json"), &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
}

static void what_is_so_already_is_not_written(void **state) {
        struct stat before, after;

        assert_int_equal(store_save(state_fd, &inventory, &error), 0);
        assert_int_equal(stat(tree_path("state/inventory.json"), &before), 0);
        assert_int_equal(store_save(state_fd, &inventory, &error), 0);
        assert_int_equal(stat(tree_path("state/inventory.json"), &after), 0);
        assert_int_equal(after.st_ino, before.st_ino);
        assert_int_equal(after.st_ctim.tv_nsec, before.st_ctim.tv_nsec);
}

static void a_damaged_one_is_told_and_owns_nothing(void **state) {
        static const char *const texts[] = { "", "{", "[]", "{\"version\": 99}", "junk\n" };

        for (size_t i = 0; i < PHX_ELEMENTS(texts); i++) {
                error = (struct phx_error){ 0 };
                tree_write("state/inventory.json", texts[i]);
                assert_int_equal(store_load(state_fd, &inventory, &error), 1);
                assert_empty();
                assert_ptr_equal(strstr(error.text, "inventory.json:"), error.text);
        }
}

static void one_cut_short_by_a_bad_disk_owns_nothing(void **state) {
        phx_autofree char *text = NULL;

        assert_int_equal(phx_inventory_set_file(&inventory, "/etc/apparmor.d/lxc-a", DIGEST), 1);
        assert_int_equal(store_save(state_fd, &inventory, &error), 0);
        phx_inventory_done(&inventory);
        text = tree_read("state/inventory.json");
        tree_write_bytes("state/inventory.json", text, strlen(text) / 2);
        assert_int_equal(store_load(state_fd, &inventory, &error), 1);
        assert_empty();
}

static void what_cannot_be_read_or_written_is_said(void **state) {
        tree_mkdir("state/inventory.json");
        assert_int_equal(store_load(state_fd, &inventory, &error), -EINVAL);
        assert_string_equal(error.text, "inventory.json: Invalid argument");
        tree_remove("state");
        assert_int_equal(store_save(state_fd, &inventory, &error), -ENOENT);
        assert_string_equal(
                        error.text,
                        "inventory.json: cannot be written: No such file or directory");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(without_a_file_nothing_is_owned),
                TEST(what_is_saved_is_loaded),
                TEST(what_is_so_already_is_not_written),
                TEST(a_damaged_one_is_told_and_owns_nothing),
                TEST(one_cut_short_by_a_bad_disk_owns_nothing),
                TEST(what_cannot_be_read_or_written_is_said),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
