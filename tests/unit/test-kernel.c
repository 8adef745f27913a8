/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/strings.h"
#include "kernel/apparmorfs.h"
#include "tree.h"

#define SHA1 "89595fb54d72d6d1e1573858790f3d05067c25d6"
#define SHA256 "bc30329a45159a80cc9dd25e0a0a164150599359143c8aa2b1df0a5b403c46a3"

struct machine {
        struct phx_kernel *kernel;
};

/* One that is in good order, with nothing loaded. */
static int set_up(void **state) {
        static struct machine machine;

        tree_new();
        tree_write("module/parameters/enabled", "Y\n");
        tree_write("module/parameters/mode", "enforce\n");
        tree_write("fs/features/policy/set_load", "yes\n");
        tree_write("fs/features/file/mask", "create read write\n");
        tree_write("fs/.replace", "");
        tree_mkdir("fs/policy/profiles");
        *state = &machine;
        return phx_kernel_new(tree_path("fs"), tree_path("module"), &machine.kernel);
}

static int tear_down(void **state) {
        struct machine *machine = *state;

        machine->kernel = phx_kernel_free(machine->kernel);
        tree_done();
        return 0;
}

static void add_value(const char *directory, const char *file, const char *value) {
        char path[512], line[256];

        (void) snprintf(path, sizeof(path), "fs/policy/profiles/%s/%s", directory, file);
        (void) snprintf(line, sizeof(line), "%s\n", value);
        tree_write(path, line);
}

static void add_profile(const char *directory, const char *name, const char *mode) {
        char path[512];

        add_value(directory, "name", name);
        add_value(directory, "mode", mode);
        add_value(directory, "sha1", SHA1);
        (void) snprintf(path, sizeof(path), "fs/policy/profiles/%s/profiles", directory);
        tree_mkdir(path);
}

static void observe(const struct machine *machine, struct phx_loaded_list *list) {
        struct phx_error error = { 0 };

        assert_int_equal(phx_kernel_observe(machine->kernel, list, &error), 0);
        assert_string_equal(error.text, "");
}

static void assert_check(const struct machine *machine, int code, const char *text) {
        struct phx_error error = { 0 };

        assert_int_equal(phx_kernel_check(machine->kernel, &error), code);
        assert_string_equal(error.text, text);
}

static void a_machine_in_good_order_is_usable(void **state) {
        assert_check(*state, 0, "");
}

static void a_kernel_without_apparmor_is_said_so(void **state) {
        tree_remove("module");
        assert_check(*state, -ENODEV, "this kernel has no AppArmor");
}

static void apparmor_switched_off_is_said_so(void **state) {
        char text[1024];

        tree_write("module/parameters/enabled", "N\n");
        (void) snprintf(text,
                        sizeof(text),
                        "AppArmor is disabled (%s/parameters/enabled is 'N'): boot with "
                        "apparmor=1 security=apparmor",
                        tree_path("module"));
        assert_check(*state, -ENODEV, text);
}

static void a_global_complain_is_not_usable(void **state) {
        char text[1024];

        tree_write("module/parameters/mode", "complain\n");
        (void) snprintf(text,
                        sizeof(text),
                        "all profiles are in complain mode: write 'enforce' to %s/parameters/mode",
                        tree_path("module"));
        assert_check(*state, -EPERM, text);
}

static void a_hidden_mode_parameter_is_no_obstacle(void **state) {
        tree_remove("module/parameters/mode");
        assert_check(*state, 0, "");
}

static void a_missing_securityfs_is_said_so(void **state) {
        char text[1024];

        tree_remove("fs");
        (void) snprintf(text,
                        sizeof(text),
                        "%s: not found: mount securityfs on /sys/kernel/security",
                        tree_path("fs"));
        assert_check(*state, -ENOENT, text);
}

static void an_old_kernel_is_refused(void **state) {
        tree_remove("fs/features/policy/set_load");
        assert_check(*state,
                     -ENOTSUP,
                     "this kernel cannot load several profiles at once (policy/set_load), "
                     "expected Linux 4.13 or later");
}

static void features_have_an_id_that_follows_them(void **state) {
        const struct machine *machine = *state;
        phx_autofree char *first = NULL, *again = NULL, *changed = NULL;
        phx_autofree char *text = NULL, *same_text = NULL, *other_text = NULL;

        assert_int_equal(phx_kernel_features(machine->kernel, &first, &text, NULL), 0);
        assert_int_equal(phx_kernel_features(machine->kernel, &again, &same_text, NULL), 0);
        assert_true(strlen(first) >= 8);
        assert_string_equal(first, again);
        assert_string_equal(text, same_text);

        tree_write("fs/features/file/mask", "create read write exec\n");
        assert_int_equal(phx_kernel_features(machine->kernel, &changed, &other_text, NULL), 0);
        assert_string_not_equal(first, changed);
        assert_string_not_equal(text, other_text);
        assert_non_null(strstr(other_text, "file {mask {create read write exec"));
}

static void features_that_are_missing_are_an_error(void **state) {
        const struct machine *machine = *state;
        struct phx_error error = { 0 };
        char *id = NULL, *text = NULL;

        tree_remove("fs/features");
        assert_int_equal(phx_kernel_features(machine->kernel, &id, &text, &error), -ENOENT);
        assert_non_null(strstr(error.text, "fs/features: No such file or directory"));
        assert_null(id);
        assert_null(text);
}

static void an_empty_kernel_has_an_empty_list(void **state) {
        phx_cleanup(phx_loaded_list_done) struct phx_loaded_list list = { 0 };

        observe(*state, &list);
        assert_int_equal(list.count, 0);
        assert_true(list.complete);
}

static void names_come_from_the_name_files_with_all_parents(void **state) {
        phx_cleanup(phx_loaded_list_done) struct phx_loaded_list list = { 0 };

        add_profile("v-foobar.80", "v-{foo,bar}", "enforce");
        add_profile("lxc-a.1", "lxc-a", "enforce");
        add_profile(".81", "/", "enforce");
        add_profile("lxc-a.1/profiles/c.2", "child", "complain");
        add_profile("lxc-a.1/profiles/c.2/profiles/g.3", "grandchild", "kill");
        observe(*state, &list);

        assert_int_equal(list.count, 5);
        assert_string_equal(list.items[0].name, "/");
        assert_string_equal(list.items[1].name, "lxc-a");
        assert_string_equal(list.items[2].name, "lxc-a//child");
        assert_int_equal(list.items[2].mode, PHX_POLICY_COMPLAIN);
        assert_string_equal(list.items[3].name, "lxc-a//child//grandchild");
        assert_int_equal(list.items[3].mode, PHX_POLICY_KILL);
        assert_string_equal(list.items[4].name, "v-{foo,bar}");
        assert_true(list.complete);
}

static void sha256_is_taken_before_sha1(void **state) {
        phx_cleanup(phx_loaded_list_done) struct phx_loaded_list list = { 0 };

        add_profile("a.1", "lxc-a", "enforce");
        add_profile("b.2", "lxc-b", "enforce");
        add_value("b.2", "sha256", SHA256);
        add_profile("c.3", "lxc-c", "enforce");
        tree_remove("fs/policy/profiles/c.3/sha1");
        add_profile("d.4", "lxc-d", "enforce");
        add_value("d.4", "sha1", "not a hash");
        observe(*state, &list);

        assert_int_equal(list.items[0].hash_kind, PHX_HASH_SHA1);
        assert_string_equal(list.items[0].hash, SHA1);
        assert_int_equal(list.items[1].hash_kind, PHX_HASH_SHA256);
        assert_string_equal(list.items[1].hash, SHA256);
        assert_int_equal(list.items[2].hash_kind, PHX_HASH_NONE);
        assert_int_equal(list.items[3].hash_kind, PHX_HASH_NONE);
        assert_string_equal(list.items[3].hash, "");
}

static void a_profile_that_vanishes_is_left_out(void **state) {
        phx_cleanup(phx_loaded_list_done) struct phx_loaded_list list = { 0 };

        add_profile("a.1", "lxc-a", "enforce");
        add_profile("b.2", "lxc-b", "enforce");
        /* What a reader meets that comes between two steps of a removal. */
        tree_remove("fs/policy/profiles/b.2/name");
        tree_mkdir("fs/policy/profiles/c.3");
        add_profile("d.4", "lxc-d", "enforce");
        tree_remove("fs/policy/profiles/d.4/mode");
        observe(*state, &list);

        assert_int_equal(list.count, 1);
        assert_true(list.complete);
}

static void what_cannot_be_read_is_unknown_and_not_absent(void **state) {
        phx_cleanup(phx_loaded_list_done) struct phx_loaded_list list = { 0 };

        add_profile("a.1", "lxc-a", "enforce");
        /* A directory reads as EISDIR, also for root. */
        tree_remove("fs/policy/profiles/a.1/mode");
        tree_mkdir("fs/policy/profiles/a.1/mode");
        observe(*state, &list);
        assert_int_equal(list.items[0].mode, PHX_POLICY_UNKNOWN);
        assert_true(list.complete);
        phx_loaded_list_done(&list);

        tree_mkdir("fs/policy/profiles/b.2/name");
        observe(*state, &list);
        assert_int_equal(list.count, 1);
        assert_false(list.complete);
}

static void observe_listed(const struct machine *machine, struct phx_loaded_list *list) {
        struct phx_error error = { 0 };

        phx_loaded_list_done(list);
        assert_int_equal(phx_kernel_observe_listed(machine->kernel, list, &error), 0);
        assert_string_equal(error.text, "");
        assert_true(list->complete);
}

static const struct phx_loaded *item(const struct phx_loaded_list *list, const char *name) {
        const struct phx_loaded *loaded = phx_loaded_find(list, name);

        assert_non_null(loaded);
        return loaded;
}

/* The entries' own files say otherwise, so that it shows which were read. */
static void the_list_is_taken_where_an_entry_is_certain(void **state) {
        phx_cleanup(phx_loaded_list_done) struct phx_loaded_list list = { 0 };

        add_profile("lxc-a.1", "lxc-a", "unconfined");
        tree_remove("fs/policy/profiles/lxc-a.1/sha1");
        add_value("lxc-a.1", "sha256", SHA256);
        add_profile("lxc-b.2", "lxc-b", "unconfined");
        add_profile("lxc-1.5.20", "lxc-1.5", "unconfined");
        tree_write("fs/profiles",
                   "lxc-a (enforce)\nlxc-1.5 (kill)\nlxc-b (enforce)\nlxc-gone (enforce)\n"
                   ":lxc-c:lxc-a (complain)\n");
        observe_listed(*state, &list);

        assert_int_equal(list.count, 3);
        assert_int_equal(item(&list, "lxc-a")->mode, PHX_POLICY_ENFORCE);
        assert_int_equal(item(&list, "lxc-a")->hash_kind, PHX_HASH_SHA256);
        assert_string_equal(item(&list, "lxc-a")->hash, SHA256);
        assert_string_equal(item(&list, "lxc-a")->entry, "lxc-a.1");
        assert_int_equal(item(&list, "lxc-b")->mode, PHX_POLICY_ENFORCE);
        assert_string_equal(item(&list, "lxc-b")->hash, SHA1);
        assert_int_equal(item(&list, "lxc-1.5")->mode, PHX_POLICY_KILL);
}

static void an_entry_in_doubt_is_read(void **state) {
        phx_cleanup(phx_loaded_list_done) struct phx_loaded_list list = { 0 };

        /* Two entries are written alike: "lxc-{a}" loses its braces. */
        add_profile("lxc-a.1", "lxc-{a}", "complain");
        add_profile("lxc-a.2", "lxc-a", "kill");
        /* The parent of a child that the list has, and of one that comes first. */
        add_profile("lxc-b.3", "lxc-b", "complain");
        add_profile("lxc-b.3/profiles/child.4", "child", "complain");
        /* Not in the list; without a number; there a second time. */
        add_profile("lxc-c.5", "lxc-c", "complain");
        add_profile("lxc-d", "lxc-d", "complain");
        add_profile("lxc-e.7", "lxc-e", "complain");
        /* Written like another of the list. */
        add_profile("usr.bin.man.6", "/usr/bin/man", "complain");
        add_profile("lxc-fg.8", "lxc-f+g", "complain");
        tree_write("fs/profiles",
                   "lxc-{a} (enforce)\nlxc-a (enforce)\nlxc-b//child (enforce)\nlxc-b (enforce)\n"
                   "lxc-d (enforce)\nlxc-e (enforce)\nlxc-e (enforce)\n"
                   "/usr/bin/man (enforce)\nx (enforce)\nusr.bin.man (enforce)\n"
                   "lxc-f+g (enforce)\nlxc-fg (enforce)\n");
        observe_listed(*state, &list);
        assert_int_equal(list.count, 9);
        assert_int_equal(item(&list, "lxc-a")->mode, PHX_POLICY_KILL);
        for (size_t i = 0; i < list.count; i++)
                if (strcmp(list.items[i].name, "lxc-a") != 0)
                        assert_int_equal(list.items[i].mode, PHX_POLICY_COMPLAIN);
}

static void an_entry_is_found_by_how_the_kernel_writes_a_name(void **state) {
        phx_cleanup(phx_loaded_list_done) struct phx_loaded_list list = { 0 };
        static const char *const names[][2] = {
                { "usr.bin.man.1", "/usr/bin/man" },
                { "lxc-ab.2", "lxc-a+b" },
                { "lxc-c_d.3", "lxc-c d" },
                { "v-foobar.4", "v-{foo,bar}" },
                { ".5", "/" },
                { "lxc-\303.6", "lxc-\303\227\367" },
                { "hidden_.7", "../.hidden\240" },
                { "lxc-x(y)", "lxc-x(y)" },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(names); i++)
                add_profile(names[i][0], names[i][1], "complain");
        tree_write("fs/profiles",
                   "/usr/bin/man (kill)\nlxc-a+b (kill)\nlxc-c d (kill)\nv-{foo,bar} (kill)\n"
                   "/ (kill)\nlxc-\303\227\367 (kill)\n../.hidden\240 (kill)\nlxc-x(y) (kill)\n");
        observe_listed(*state, &list);
        assert_int_equal(list.count, PHX_ELEMENTS(names));
        for (size_t i = 0; i < list.count; i++)
                assert_int_equal(
                                item(&list, names[i][1])->mode,
                                strchr(names[i][0], '(') ? PHX_POLICY_COMPLAIN : PHX_POLICY_KILL);
}

/* Root of a container with a policy namespace calls profiles there as he likes. */
static void lines_of_another_namespace_say_nothing(void **state) {
        phx_cleanup(phx_loaded_list_done) struct phx_loaded_list list = { 0 };
        static const char *const below[] = {
                ":n:x (enforce)\nlxc-b (kill)\nusr.bin.man (kill)\nlxc-fg (kill)\ny (enforce)\n",
                ":n:x (enforce)\nlxc-a (kill)\nlxc-b//child (kill)\ny (enforce)\n",
                ":n:no line of the list\n",
                ":n:without an end",
        };

        add_profile("lxc-a.1", "lxc-a", "complain");
        add_profile("lxc-b.2", "lxc-b", "complain");
        add_profile("usr.bin.man.6", "/usr/bin/man", "complain");
        add_profile("lxc-fg.8", "lxc-f+g", "complain");
        for (size_t i = 0; i < PHX_ELEMENTS(below); i++) {
                phx_autofree char *text = NULL;

                assert_true(phx_printf(&text, "lxc-a (enforce)\n%s", below[i]) >= 0);
                tree_write("fs/profiles", text);
                observe_listed(*state, &list);
                assert_int_equal(list.count, 4);
                assert_int_equal(item(&list, "lxc-a")->mode, PHX_POLICY_ENFORCE);
                assert_int_equal(item(&list, "lxc-b")->mode, PHX_POLICY_COMPLAIN);
                assert_int_equal(item(&list, "/usr/bin/man")->mode, PHX_POLICY_COMPLAIN);
                assert_int_equal(item(&list, "lxc-f+g")->mode, PHX_POLICY_COMPLAIN);
        }
        tree_write("fs/profiles", below[0]);
        observe_listed(*state, &list);
        for (size_t i = 0; i < list.count; i++)
                assert_int_equal(list.items[i].mode, PHX_POLICY_COMPLAIN);
}

/* Wherever the pieces that are read end. */
static void a_long_list_is_read_up_to_the_first_namespace(void **state) {
        phx_cleanup(phx_loaded_list_done) struct phx_loaded_list list = { 0 };

        add_profile("lxc-a.1", "lxc-a", "complain");
        add_profile("lxc-b.2", "lxc-b", "complain");
        for (size_t size = 8180; size < 8200; size++) {
                phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };
                phx_autofree char *name = calloc(size + 1, 1);

                assert_non_null(name);
                memset(name, 'x', size - strlen(" (enforce)\nlxc-a (enforce)\n"));
                assert_int_equal(
                                phx_buffer_addf(&text, "%s (enforce)\nlxc-a (enforce)\n", name),
                                0);
                assert_int_equal(text.size, size);
                assert_int_equal(phx_buffer_addf(&text, ":n:%s (kill)\nlxc-b (kill)\n", name), 0);
                tree_write("fs/profiles", text.data);
                observe_listed(*state, &list);
                assert_int_equal(item(&list, "lxc-a")->mode, PHX_POLICY_ENFORCE);
                assert_int_equal(item(&list, "lxc-b")->mode, PHX_POLICY_COMPLAIN);
        }
}

static void of_too_many_lines_none_is_taken(void **state) {
        phx_cleanup(phx_loaded_list_done) struct phx_loaded_list list = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };

        add_profile("lxc-a.1", "lxc-a", "complain");
        assert_int_equal(phx_buffer_add_text(&text, "lxc-a (enforce)\n"), 0);
        for (unsigned i = 1; i < 16384; i++)
                assert_int_equal(phx_buffer_addf(&text, "x%u (kill)\n", i), 0);
        tree_write("fs/profiles", text.data);
        observe_listed(*state, &list);
        assert_int_equal(item(&list, "lxc-a")->mode, PHX_POLICY_ENFORCE);
        assert_int_equal(phx_buffer_add_text(&text, "x (kill)\n"), 0);
        tree_write("fs/profiles", text.data);
        observe_listed(*state, &list);
        assert_int_equal(item(&list, "lxc-a")->mode, PHX_POLICY_COMPLAIN);
}

static void of_too_long_a_list_none_is_taken(void **state) {
        static const char first[] = "lxc-a (enforce)\n", end[] = " (kill)\n";
        phx_cleanup(phx_loaded_list_done) struct phx_loaded_list list = { 0 };
        const size_t limit = 4UL << 20;
        phx_autofree char *text = calloc(limit + 2, 1);

        assert_non_null(text);
        add_profile("lxc-a.1", "lxc-a", "complain");
        for (size_t size = limit; size <= limit + 1; size++) {
                memset(text, 'x', size);
                memcpy(text, first, strlen(first));
                memcpy(text + size - strlen(end), end, strlen(end));
                tree_write("fs/profiles", text);
                observe_listed(*state, &list);
                assert_int_equal(
                                item(&list, "lxc-a")->mode,
                                size == limit ? PHX_POLICY_ENFORCE : PHX_POLICY_COMPLAIN);
        }
}

static void more_entries_than_are_believed_are_an_error(void **state) {
        const struct machine *machine = *state;
        struct phx_error error = { 0 };
        char path[512];

        tree_write("entry", "");
        for (unsigned i = 0; i <= 16384; i++) {
                phx_cleanup(phx_loaded_list_done) struct phx_loaded_list list = { 0 };

                (void) snprintf(path, sizeof(path), "fs/policy/profiles/x.%u", i);
                assert_int_equal(link(tree_path("entry"), tree_path(path)), 0);
                if (i == 16383)
                        assert_int_equal(phx_kernel_observe(machine->kernel, &list, &error), 0);
                if (i == 16384)
                        assert_int_equal(
                                        phx_kernel_observe(machine->kernel, &list, &error),
                                        -EOVERFLOW);
        }
        assert_non_null(strstr(error.text, "Value too large"));
}

static void without_a_hash_or_a_list_the_entry_is_read(void **state) {
        phx_cleanup(phx_loaded_list_done) struct phx_loaded_list list = { 0 };
        static const char *const lists[] = { "lxc-a (enforce)",
                                             "lxc-a (so-so)\n",
                                             "lxc-a enforce\n",
                                             "(enforce)\n",
                                             "" };

        add_profile("lxc-a.1", "lxc-a", "complain");
        observe_listed(*state, &list);
        assert_int_equal(item(&list, "lxc-a")->mode, PHX_POLICY_COMPLAIN);
        for (size_t i = 0; i < PHX_ELEMENTS(lists); i++) {
                tree_write("fs/profiles", lists[i]);
                observe_listed(*state, &list);
                assert_int_equal(item(&list, "lxc-a")->mode, PHX_POLICY_COMPLAIN);
        }
        tree_write("fs/profiles", "lxc-a (enforce)\n");
        observe_listed(*state, &list);
        assert_int_equal(item(&list, "lxc-a")->mode, PHX_POLICY_ENFORCE);
        add_value("lxc-a.1", "sha1", "not a hash");
        observe_listed(*state, &list);
        assert_int_equal(item(&list, "lxc-a")->mode, PHX_POLICY_COMPLAIN);
        assert_int_equal(item(&list, "lxc-a")->hash_kind, PHX_HASH_NONE);
}

static void a_missing_policy_directory_is_an_error(void **state) {
        const struct machine *machine = *state;
        struct phx_loaded_list list = { 0 };
        struct phx_error error = { 0 };

        tree_remove("fs/policy");
        assert_int_equal(phx_kernel_observe(machine->kernel, &list, &error), -ENOENT);
        assert_non_null(strstr(error.text, "fs/policy/profiles: No such file or directory"));
        assert_null(list.items);
}

static void a_bottomless_tree_is_not_believed(void **state) {
        const struct machine *machine = *state;
        struct phx_loaded_list list = { 0 };
        char directory[512] = "p";

        for (int i = 0; i < 12; i++) {
                size_t length = strlen(directory);

                add_profile(directory, "p", "enforce");
                (void) snprintf(directory + length, sizeof(directory) - length, "/profiles/p");
        }
        assert_int_equal(phx_kernel_observe(machine->kernel, &list, NULL), -ELOOP);
        assert_null(list.items);
}

static void a_load_is_one_write_of_the_very_bytes(void **state) {
        static const char blob[] = "\4\10\0version\0and two\0profiles \4\10\0version\0";
        const struct machine *machine = *state;
        phx_autofree char *written = NULL;
        struct stat st;

        assert_int_equal(phx_kernel_replace(machine->kernel, blob, sizeof(blob), NULL), 0);
        written = tree_read("fs/.replace");
        assert_int_equal(stat(tree_path("fs/.replace"), &st), 0);
        assert_int_equal(st.st_size, sizeof(blob));
        assert_memory_equal(written, blob, sizeof(blob));
}

static void an_empty_load_is_refused(void **state) {
        const struct machine *machine = *state;
        struct phx_error error = { 0 };

        assert_int_equal(phx_kernel_replace(machine->kernel, "", 0, &error), -ENODATA);
        assert_string_equal(error.text, "loading: the compiled policy is empty");
}

static void a_load_needs_the_kernel_to_take_sets(void **state) {
        const struct machine *machine = *state;
        struct phx_error error = { 0 };

        tree_remove("fs/features/policy");
        assert_int_equal(phx_kernel_replace(machine->kernel, "x", 1, &error), -ENOTSUP);
        assert_string_equal(
                        error.text,
                        "loading: this kernel cannot load several profiles at once");
}

static void a_refused_load_is_explained(void **state) {
        const struct machine *machine = *state;
        struct phx_error error = { 0 };

        tree_remove("fs/.replace");
        assert_int_equal(phx_kernel_replace(machine->kernel, "x", 1, &error), -ENOENT);
        assert_string_equal(
                        error.text,
                        "loading: the parent of a child profile is not loaded, or AppArmor's "
                        "files in securityfs are missing");

        /* A full device stands for a kernel that says something unforeseen. */
        tree_link("fs/.replace", "/dev/full");
        assert_int_equal(phx_kernel_replace(machine->kernel, "x", 1, &error), -ENOSPC);
        assert_string_equal(error.text, "loading: No space left on device");
}

#define with_machine(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                with_machine(a_machine_in_good_order_is_usable),
                with_machine(a_kernel_without_apparmor_is_said_so),
                with_machine(apparmor_switched_off_is_said_so),
                with_machine(a_global_complain_is_not_usable),
                with_machine(a_hidden_mode_parameter_is_no_obstacle),
                with_machine(a_missing_securityfs_is_said_so),
                with_machine(an_old_kernel_is_refused),
                with_machine(features_have_an_id_that_follows_them),
                with_machine(features_that_are_missing_are_an_error),
                with_machine(an_empty_kernel_has_an_empty_list),
                with_machine(names_come_from_the_name_files_with_all_parents),
                with_machine(sha256_is_taken_before_sha1),
                with_machine(a_profile_that_vanishes_is_left_out),
                with_machine(what_cannot_be_read_is_unknown_and_not_absent),
                with_machine(the_list_is_taken_where_an_entry_is_certain),
                with_machine(an_entry_in_doubt_is_read),
                with_machine(an_entry_is_found_by_how_the_kernel_writes_a_name),
                with_machine(lines_of_another_namespace_say_nothing),
                with_machine(a_long_list_is_read_up_to_the_first_namespace),
                with_machine(of_too_many_lines_none_is_taken),
                with_machine(of_too_long_a_list_none_is_taken),
                with_machine(more_entries_than_are_believed_are_an_error),
                with_machine(without_a_hash_or_a_list_the_entry_is_read),
                with_machine(a_missing_policy_directory_is_an_error),
                with_machine(a_bottomless_tree_is_not_believed),
                with_machine(a_load_is_one_write_of_the_very_bytes),
                with_machine(an_empty_load_is_refused),
                with_machine(a_load_needs_the_kernel_to_take_sets),
                with_machine(a_refused_load_is_explained),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
