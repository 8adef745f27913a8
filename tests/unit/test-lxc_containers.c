/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Looks at a temporary LXC path with the real liblxc; neither root nor a container is needed. */

#include <dirent.h>
#include <errno.h>
#include <time.h>

#include "container-tree.h"
#include "lxc/containers.h"

/* Who may write /tmp may do so here. */
static const struct phx_trust anyone = { .root = "/", .anyone = true };

struct host {
        struct phx_lxc lxc;
        char path[512];
        struct phx_lxc_cache *cache;
        struct phx_lxc_containers found;
};

static void host_done(struct host *host) {
        phx_lxc_containers_done(&host->found);
        host->cache = phx_lxc_cache_free(host->cache);
}

/* Each test has its own directory. */
static void host_init(struct host *host, const char *name) {
        tree_mkdir(name);
        (void) snprintf(host->path, sizeof(host->path), "%s", tree_path(name));
        host->lxc = (struct phx_lxc){ .path = host->path,
                                      .trust = &anyone,
                                      .lock_root = "/proc/no/lock",
                                      .owner = { getuid(), getgid() },
                                      .deadline_usec = 5000000 };
        assert_int_equal(phx_lxc_cache_new(&host->cache), 0);
}

static void write_config(const struct host *host, const char *name, const char *text) {
        char path[256];

        (void) snprintf(path, sizeof(path), "%s/%s/config", strrchr(host->path, '/') + 1, name);
        tree_write(path, text);
}

static const char *in(const struct host *host, const char *name) {
        char path[256];

        (void) snprintf(path, sizeof(path), "%s/%s", strrchr(host->path, '/') + 1, name);
        return tree_path(path);
}

static void look(struct host *host) {
        struct phx_error error = { 0 };

        phx_lxc_containers_done(&host->found);
        assert_int_equal(phx_lxc_containers_look(&host->lxc, host->cache, &host->found, &error), 0);
        assert_string_equal(error.text, "");
}

static const struct phx_lxc_container *find(const struct host *host, const char *name) {
        for (size_t i = 0; i < host->found.count; i++)
                if (strcmp(host->found.items[i].name, name) == 0)
                        return &host->found.items[i];
        fail_msg("no container '%s'", name);
        return NULL;
}

static void assert_effective(const struct host *host, const char *name, const char *profile) {
        const struct phx_lxc_container *container = find(host, name);

        assert_null(container->trouble);
        assert_string_equal(container->values.profile, profile);
}

static void assert_trouble(const struct host *host, const char *name, const char *expected) {
        const struct phx_lxc_container *container = find(host, name);
        char text[2048];

        assert_null(container->values.profile);
        (void) snprintf(text, sizeof(text), "%s/%s/config%s", host->path, name, expected);
        assert_string_equal(container->trouble, text);
}

static void assert_text(const struct host *host, const char *name, const char *expected) {
        phx_cleanup(phx_lxc_source_done) struct phx_lxc_source source = { 0 };
        phx_autoclose int path_fd = -1;

        assert_int_equal(
                        phx_lxc_config_text(
                                        &host->lxc,
                                        &path_fd,
                                        name,
                                        find(host, name)->digest,
                                        &source),
                        0);
        assert_string_equal(source.text, expected);
}

static void containers_are_directories_with_a_config(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };

        host_init(&host, "listing");
        write_config(&host, "web", "lxc.apparmor.profile = lxc-a\n");
        write_config(&host, "db", "");
        write_config(&host, "no good", "lxc.apparmor.profile = lxc-a\n");
        tree_mkdir("listing/\377\n");
        tree_link("/dev/null", "listing/\377\n/config");
        write_config(&host, ".hidden", "");
        tree_mkdir("listing/empty");
        tree_write("listing/file", "x");
        tree_link(in(&host, "web"), "listing/alias");
        look(&host);

        assert_int_equal(host.found.count, 6);
        assert_string_equal(host.found.items[0].name, ".hidden");
        assert_string_equal(host.found.items[1].name, "alias");
        assert_string_equal(host.found.items[2].name, "db");
        assert_string_equal(host.found.items[3].name, "no good");
        assert_string_equal(host.found.items[4].name, "web");
        assert_string_equal(host.found.items[5].name, "\377\n");
        assert_effective(&host, "no good", "lxc-a");
        /* Its name is in the text, as it can be shown. */
        assert_non_null(
                        strstr(find(&host, "\377\n")->trouble,
                               "/\\xff\\u000a/config: is a symbolic link"));
        assert_effective(&host, "web", "lxc-a");
        assert_effective(&host, "alias", "lxc-a");
        assert_effective(&host, "db", "");
        assert_true(phx_strings_has(&host.found.watches, in(&host, "empty")));
        assert_text(&host, "web", "lxc.apparmor.profile = lxc-a\n");
}

/* For whatever names. */
static bool is_watched(const struct host *host, const char *directory) {
        const struct phx_strings *watches = &host->found.watches;
        size_t size = strlen(directory);

        for (size_t i = 0; i < watches->count; i++)
                if (strncmp(watches->items[i], directory, size) == 0 &&
                    (watches->items[i][size] == '\0' ||
                     phx_has_prefix(watches->items[i] + size, "//")))
                        return true;
        return false;
}

static void a_host_without_lxc_has_no_containers(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };
        struct phx_error error = { 0 };
        char expected[600];

        host_init(&host, "gone");
        assert_int_equal(rmdir(host.path), 0);
        look(&host);
        assert_int_equal(host.found.count, 0);
        assert_true(is_watched(&host, tree));

        tree_write("gone", "no directory");
        assert_int_equal(
                        phx_lxc_containers_look(&host.lxc, host.cache, &host.found, &error),
                        -ENOTDIR);
        (void) snprintf(expected, sizeof(expected), "%s: is not a directory", host.path);
        assert_string_equal(error.text, expected);
}

static void an_unchanged_config_is_not_asked_about_again(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };
        struct timespec start, end;

        host_init(&host, "converged");
        for (int i = 0; i < 100; i++) {
                char name[32];

                (void) snprintf(name, sizeof(name), "c%d", i);
                write_config(&host, name, "lxc.apparmor.profile = lxc-a\n");
        }
        look(&host);

        /* A look that asks could not be answered in no time at all. */
        host.lxc.deadline_usec = 0;
        (void) clock_gettime(CLOCK_MONOTONIC, &start);
        look(&host);
        (void) clock_gettime(CLOCK_MONOTONIC, &end);
        for (size_t i = 0; i < host.found.count; i++)
                assert_effective(&host, host.found.items[i].name, "lxc-a");
        print_message("# a look at 100 unchanged containers: %ld us\n",
                      (end.tv_sec - start.tv_sec) * 1000000 + (end.tv_nsec - start.tv_nsec) / 1000);

        write_config(&host, "c7", "lxc.apparmor.profile = lxc-b\n");
        look(&host);
        assert_non_null(find(&host, "c7")->trouble);
        host.lxc.deadline_usec = 5000000;
        look(&host);
        assert_effective(&host, "c7", "lxc-b");
}

static void a_change_in_any_include_is_seen(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };
        char text[1024], first[PHX_SHA256_HEX];

        host_init(&host, "includes");
        tree_write("conf/d/10.conf", "lxc.uts.name = x\n");
        tree_write("conf/d/note.txt", "lxc.bogus = 1\n");
        (void) snprintf(text, sizeof(text), "lxc.include = %s\n", tree_path("conf/d"));
        tree_write("conf/common.conf", text);
        (void) snprintf(text,
                        sizeof(text),
                        "lxc.apparmor.profile = lxc-a\nlxc.include = %s\n",
                        tree_path("conf/common.conf"));
        write_config(&host, "web", text);
        look(&host);
        assert_effective(&host, "web", "lxc-a");
        memcpy(first, find(&host, "web")->combined, sizeof(first));

        tree_write("conf/d/note.txt", "other");
        look(&host);
        assert_string_equal(find(&host, "web")->combined, first);

        tree_write("conf/d/nesting.conf", "lxc.apparmor.profile = lxc-nesting\n");
        look(&host);
        assert_effective(&host, "web", "lxc-nesting");
        tree_write("conf/d/nesting.conf", "lxc.apparmor.profile = lxc-other\n");
        look(&host);
        assert_effective(&host, "web", "lxc-other");
        assert_int_equal(unlink(tree_path("conf/d/nesting.conf")), 0);
        look(&host);
        assert_effective(&host, "web", "lxc-a");
        assert_string_equal(find(&host, "web")->combined, first);
}

static void every_directory_of_an_include_is_watched(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };
        char text[2048];

        host_init(&host, "watched");
        tree_write("far/real.conf", "");
        tree_mkdir("near");
        tree_link(tree_path("far/real.conf"), "near/link.conf");
        tree_mkdir("listing.d");
        (void) snprintf(text,
                        sizeof(text),
                        "lxc.include = %s\nlxc.include = %s\nlxc.include = %s\n",
                        tree_path("near/link.conf"),
                        tree_path("listing.d"),
                        tree_path("absent/sub/x.conf"));
        write_config(&host, "web", text);
        look(&host);

        assert_true(phx_strings_has(&host.found.watches, host.path));
        assert_true(phx_strings_has(&host.found.watches, in(&host, "web")));
        assert_true(is_watched(&host, tree_path("near")));
        assert_true(is_watched(&host, tree_path("far")));
        assert_true(phx_strings_has(&host.found.watches, tree_path("listing.d")));
        /* Where it would appear. */
        assert_true(is_watched(&host, tree));
}

static void trouble_stays_with_its_container(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };
        char text[1024], expected[2048];

        host_init(&host, "trouble");
        write_config(&host, "fine", "lxc.apparmor.profile = lxc-a\n");
        write_config(&host, "bogus", "lxc.bogus = 1\n");
        (void) snprintf(text, sizeof(text), "lxc.include = %s\n", tree_path("no-such"));
        write_config(&host, "absent", text);
        look(&host);

        assert_effective(&host, "fine", "lxc-a");
        (void) snprintf(expected,
                        sizeof(expected),
                        ": Invalid argument - Unsupported config key \"lxc.bogus\"; "
                        "Failed to parse config file \"%s\" at line \"lxc.bogus = *\"",
                        in(&host, "bogus/config"));
        assert_trouble(&host, "bogus", expected);
        (void) snprintf(expected,
                        sizeof(expected),
                        ": No such file or directory - Failed to open file \"%s\"; "
                        "Failed to parse config file \"%s\" at line \"lxc.include = %s\"",
                        tree_path("no-such"),
                        in(&host, "absent/config"),
                        tree_path("no-such"));
        assert_trouble(&host, "absent", expected);

        /* What liblxc refuses it need not be asked about again either. */
        host.lxc.deadline_usec = 0;
        look(&host);
        assert_trouble(&host, "absent", expected);
}

static void what_would_hang_or_crash_liblxc_is_not_given_to_it(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };
        char text[512], expected[1024];

        host_init(&host, "dangerous");
        assert_int_equal(mkfifo(tree_path("waits"), 0600), 0);
        (void) snprintf(text, sizeof(text), "lxc.include = %s\n", tree_path("waits"));
        write_config(&host, "fifo", text);
        (void) snprintf(text, sizeof(text), "lxc.include = %s\n", in(&host, "loop/config"));
        write_config(&host, "loop", text);
        host.lxc.deadline_usec = 0;
        look(&host);

        (void) snprintf(expected,
                        sizeof(expected),
                        ": lxc.include '%s' is neither a file nor a directory",
                        tree_path("waits"));
        assert_trouble(&host, "fifo", expected);
        (void) snprintf(expected,
                        sizeof(expected),
                        ": lxc.include '%s' is nested deeper than 16 files; it may include itself",
                        in(&host, "loop/config"));
        assert_trouble(&host, "loop", expected);

        /* Mended where it was. */
        assert_int_equal(unlink(tree_path("waits")), 0);
        tree_write("waits", "");
        host.lxc.deadline_usec = 5000000;
        look(&host);
        assert_effective(&host, "fifo", "");
}

static void includes_without_end_are_refused(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };
        char text[1024];

        host_init(&host, "many");
        for (int i = 0; i < 12; i++) {
                char name[32];
                const char *next;

                (void) snprintf(name, sizeof(name), "tree/%d", i + 1);
                next = tree_path(name);
                (void) snprintf(text,
                                sizeof(text),
                                "lxc.include = %s\nlxc.include = %s\n",
                                next,
                                next);
                (void) snprintf(name, sizeof(name), "tree/%d", i);
                tree_write(name, i < 11 ? text : "");
        }
        (void) snprintf(text, sizeof(text), "lxc.include = %s\n", tree_path("tree/0"));
        write_config(&host, "wide", text);
        look(&host);
        assert_trouble(&host, "wide", ": includes more than 512 files");
}

/* liblxc passes over a directory in a directory; the config was refused as one that includes
 * itself.
 */
static void a_directory_in_a_directory_is_not_included(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };
        char text[512];

        host_init(&host, "nested");
        tree_write("nested.d/sub.conf/a.conf", "lxc.apparmor.profile = lxc-nested\n");
        tree_link(tree_path("nested.d"), "nested.d/loop.conf");
        (void) snprintf(text,
                        sizeof(text),
                        "lxc.apparmor.profile = lxc-a\nlxc.include = %s\n",
                        tree_path("nested.d"));
        write_config(&host, "web", text);
        look(&host);
        assert_effective(&host, "web", "lxc-a");
        assert_string_equal(find(&host, "web")->decider.file, in(&host, "web/config"));
        assert_int_equal(find(&host, "web")->decider.line, 1);
}

/* Which of "a.conf" and "b.conf" the directory lists last. */
static char last_listed(const char *directory) {
        DIR *stream = opendir(directory);
        const struct dirent *entry;
        char last = '\0';

        assert_non_null(stream);
        while ((entry = readdir(stream)))
                last = strstr(entry->d_name, ".conf") ? entry->d_name[0] : last;
        (void) closedir(stream);
        return last;
}

/* The last file of a directory decides, and one that is moved away and back may be another last
 * one: what had been digested were the sorted names, so that the answer stayed that of before. */
static void another_order_of_a_directory_is_another_config(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };
        char directory[] = "/dev/shm/phoenixd-test-XXXXXX", text[512], file[64];
        char before, after;

        /* Where a directory keeps its order there is nothing to see. */
        if (!mkdtemp(directory))
                skip();
        host_init(&host, "order");
        tree_link(directory, "order.d");
        tree_write("order.d/a.conf", "lxc.apparmor.profile = lxc-a\n");
        tree_write("order.d/b.conf", "lxc.apparmor.profile = lxc-b\n");
        (void) snprintf(text, sizeof(text), "lxc.include = %s\n", directory);
        write_config(&host, "web", text);
        before = last_listed(directory);
        look(&host);
        assert_effective(&host, "web", before == 'a' ? "lxc-a" : "lxc-b");

        (void) snprintf(file, sizeof(file), "%s/%c.conf", directory, before);
        assert_int_equal(rename(file, tree_path("order.d/away")), 0);
        assert_int_equal(rename(tree_path("order.d/away"), file), 0);
        after = last_listed(directory);
        look(&host);
        assert_effective(&host, "web", after == 'a' ? "lxc-a" : "lxc-b");

        assert_int_equal(unlink(tree_path("order.d/a.conf")), 0);
        assert_int_equal(unlink(tree_path("order.d/b.conf")), 0);
        assert_int_equal(rmdir(directory), 0);
        if (before == after)
                skip();
}

static void what_others_may_write_is_not_believed(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };
        char expected[256];

        host_init(&host, "owners");
        write_config(&host, "open", "");
        assert_int_equal(chmod(in(&host, "open/config"), 0666), 0);
        write_config(&host, "group", "");
        assert_int_equal(chmod(in(&host, "group/config"), 0664), 0);
        tree_mkdir("owners/link");
        tree_link("/dev/null", "owners/link/config");
        tree_mkdir("owners/directory/config");
        write_config(&host, "half", "");
        tree_write("owners/half/partial", "");
        look(&host);

        (void) snprintf(expected,
                        sizeof(expected),
                        ": is writable by others than its owner (mode 0666, group %u)",
                        (unsigned) getgid());
        assert_trouble(&host, "open", expected);
        /* The owner's own group is as good as the owner: lxc-create makes it so. */
        assert_effective(&host, "group", "");
        assert_trouble(&host, "link", ": is a symbolic link");
        assert_trouble(&host, "directory", ": is not a regular file");
        assert_trouble(&host, "half", ": lxc-create is creating the container, or was interrupted");

        host.lxc.owner = (struct phx_lxc_owner){ 4711, 4711 };
        look(&host);
        (void) snprintf(expected,
                        sizeof(expected),
                        ": is owned by uid %u, expected uid 4711",
                        (unsigned) getuid());
        assert_trouble(&host, "group", expected);
}

/* And what it will say is seen when it is closed. */
static void what_is_being_written_is_not_judged(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };
        phx_autoclose int fd = -1;

        host_init(&host, "written");
        write_config(&host, "web", "lxc.apparmor.profile = lxc-a\n");
        fd = open(in(&host, "web/config"), O_WRONLY | O_APPEND | O_CLOEXEC);
        assert_true(fd >= 0);
        look(&host);
        assert_trouble(&host, "web", ": is still being written");
        look(&host);
        assert_trouble(&host, "web", ": is still being written");
        phx_closep(&fd);
        look(&host);
        assert_effective(&host, "web", "lxc-a");
}

static void a_removed_container_is_forgotten(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };

        host_init(&host, "removed");
        write_config(&host, "a", "lxc.apparmor.profile = lxc-a\n");
        write_config(&host, "b", "lxc.apparmor.profile = lxc-b\n");
        look(&host);
        assert_int_equal(unlink(in(&host, "a/config")), 0);
        host.lxc.deadline_usec = 0;
        look(&host);
        assert_int_equal(host.found.count, 1);
        assert_effective(&host, "b", "lxc-b");

        /* The same again is asked about afresh. */
        write_config(&host, "a", "lxc.apparmor.profile = lxc-a\n");
        look(&host);
        assert_non_null(find(&host, "a")->trouble);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(containers_are_directories_with_a_config),
                cmocka_unit_test(a_host_without_lxc_has_no_containers),
                cmocka_unit_test(an_unchanged_config_is_not_asked_about_again),
                cmocka_unit_test(a_change_in_any_include_is_seen),
                cmocka_unit_test(every_directory_of_an_include_is_watched),
                cmocka_unit_test(trouble_stays_with_its_container),
                cmocka_unit_test(what_would_hang_or_crash_liblxc_is_not_given_to_it),
                cmocka_unit_test(includes_without_end_are_refused),
                cmocka_unit_test(a_directory_in_a_directory_is_not_included),
                cmocka_unit_test(another_order_of_a_directory_is_another_config),
                cmocka_unit_test(what_others_may_write_is_not_believed),
                cmocka_unit_test(what_is_being_written_is_not_judged),
                cmocka_unit_test(a_removed_container_is_forgotten),
        };

        return cmocka_run_group_tests(tests, tree_setup, tree_teardown);
}
