/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What phoenixctl advise --patch prints, applied by patch(1) to Proxmox's cluster file system: the
 * stand-in of it. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/strings.h"
#include "phoenixctl/difference.h"
#include "phoenixctl/leftovers.h"
#include "pve/leftovers.h"
#include "pve_host.h"
#include "tree.h"

#define CONFIG "etc-pve/nodes/pve1/lxc/101.conf"

static int set_up(void **state) {
        (void) tree_new();
        if (!pve_host_missing())
                pve_host_start();
        return 0;
}

static int tear_down(void **state) {
        pve_host_done();
        tree_done();
        return 0;
}

/* The patch in a file of the tree. */
static void print_patch(const char *before, const char *after) {
        phx_autofree char *file = strdup(tree_path(CONFIG));
        const struct difference difference = { file, before, strlen(before), after, strlen(after) };
        const struct ctl ctl = { .colour = false };
        phx_autoclose int fd =
                        open(tree_path("patch"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        phx_autoclose int old = dup(STDOUT_FILENO);
        int r;

        assert_true(fd >= 0 && old >= 0);
        (void) fflush(stdout);
        assert_true(dup2(fd, STDOUT_FILENO) >= 0);
        r = difference_print(&ctl, &difference);
        assert_true(dup2(old, STDOUT_FILENO) >= 0);
        assert_int_equal(r, 0);
}

/* The exit status of patch(1), with the umask that hides most. */
static int apply_patch(void) {
        phx_autofree char *line = NULL;
        mode_t old = umask(077);
        int status;

        assert_true(phx_printf(&line, LEFTOVERS_PATCH " >/dev/null <%s", tree_path("patch")) >= 0);
        status = system(line); /* NOLINT(cert-env33-c,concurrency-mt-unsafe) */
        (void) umask(old);
        return status;
}

/* One file, that which is to be there, as Proxmox has it. */
static void expect_file(const char *text) {
        phx_autofree char *now = tree_read(CONFIG);
        DIR *directory = opendir(tree_path("etc-pve/nodes/pve1/lxc"));
        const struct dirent *entry;
        struct stat st;

        assert_string_equal(now, text);
        assert_int_equal(stat(tree_path(CONFIG), &st), 0);
        assert_int_equal(st.st_mode & 07777, 0640);
        assert_non_null(directory);
        while ((entry = readdir(directory)))
                if (entry->d_name[0] != '.')
                        assert_string_equal(entry->d_name, "101.conf");
        (void) closedir(directory);
}

/* False when nothing is offered. */
static bool try_file(const char *data, size_t size) {
        static const struct phx_pve_wanted nothing = { 0 };
        phx_cleanup(phx_pve_leftovers_done) struct phx_pve_leftovers leftovers = { 0 };
        phx_cleanup(phx_pve_meaning_done) struct phx_pve_meaning meaning = { 0 };
        phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 };

        assert_int_equal(phx_pve_text_parse(data, size, &text), 0);
        assert_int_equal(phx_pve_meaning_of(&text, &meaning), 0);
        if (strlen(data) != size ||
            phx_pve_leftovers_of(&text, &meaning, &nothing, &leftovers) == 0)
                return false;
        pve_host_save("nodes/pve1/lxc/101.conf", data);
        print_patch(data, leftovers.text.data);
        assert_int_equal(apply_patch(), 0);
        expect_file(leftovers.text.data);
        /* Again: it is refused, and not taken back. */
        assert_int_not_equal(apply_patch(), 0);
        expect_file(leftovers.text.data);
        return true;
}

static int is_config(const struct dirent *entry) {
        return phx_has_suffix(entry->d_name, ".conf");
}

static void skip_without_host(void) {
        const char *why = pve_host_missing();

        if (!why && getenv("PHX_PVE_FILES"))
                return;
        print_message("skipped: %s\n", why ? why : "PHX_PVE_FILES is not set");
        skip();
}

static void each_offer_is_a_patch_that_applies(void **state) {
        struct dirent **entries = NULL;
        unsigned applied = 0;
        int n;

        skip_without_host();
        n = scandir(getenv("PHX_PVE_FILES"), &entries, is_config, alphasort);
        assert_true(n > 0);
        for (int i = 0; i < n; i++) {
                phx_autofree char *path = NULL, *data = NULL;
                size_t size = 0;

                assert_true(phx_printf(&path,
                                       "%s/%s",
                                       getenv("PHX_PVE_FILES"),
                                       entries[i]->d_name) >= 0);
                assert_int_equal(phx_file_read_at(AT_FDCWD, path, 1 << 20, &data, &size), 0);
                applied += try_file(data, size);
                free(entries[i]);
        }
        free(entries);
        assert_true(applied >= 20);
}

static void bytes_are_no_obstacle(void **state) {
        static const char text[] =
                        "hostname: \xff\xfe\r\nlxc.apparmor.profile: a\r\nlxc.apparmor.profile: b\r\n\n"
                        "[s1]\nhostname: x";

        skip_without_host();
        assert_true(try_file(text, sizeof(text) - 1));
}

/* Then the offer is another one, or none. */
static void a_file_that_has_changed_is_left_alone(void **state) {
        static const char before[] =
                        "a: 1\nlxc.apparmor.profile: a\nlxc.apparmor.profile: b\nz: 1\n";
        static const char after[] = "a: 1\nlxc.apparmor.profile: b\nz: 1\n";
        static const char now[] = "a: 1\nlxc.apparmor.profile: c\nlxc.apparmor.profile: b\nz: 1\n";

        skip_without_host();
        pve_host_save("nodes/pve1/lxc/101.conf", now);
        print_patch(before, after);
        assert_int_not_equal(apply_patch(), 0);
        expect_file(now);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                                each_offer_is_a_patch_that_applies,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(bytes_are_no_obstacle, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                a_file_that_has_changed_is_left_alone,
                                set_up,
                                tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
