/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "includes-fixture.h"

static void assert_refused(const char *text, const char *message) {
        assert_int_equal(collect(text), -EINVAL);
        assert_string_equal(error.text, message);
        assert_int_equal(error.code, -EINVAL);
        assert_int_equal(closure.count, 0);
}

static const char *path_of(const char *name) {
        const struct phx_include *include = phx_closure_find(&closure, name);

        assert_non_null(include);
        return include->path ? include->path : "absent";
}

static void key_of(const char *text, char key[PHX_SHA256_HEX]) {
        char digest[PHX_SHA256_HEX];

        assert_int_equal(collect(text), 0);
        phx_sha256(text, strlen(text), digest);
        assert_int_equal(phx_closure_key(&closure, "compiler", "lxc-a", digest, key), 0);
}

static void sources_are_searched_before_deployed_files(void **state) {
        tree_write("profiles/abstractions/both", "/source r,\n");
        tree_write("deployed/abstractions/both", "/deployed r,\n");
        tree_write("deployed/abstractions/one", "/one r,\n");

        assert_int_equal(
                        collect("include <abstractions/both>\n#include <abstractions/one>\n"
                                "include if exists <local/none>\n"),
                        0);
        assert_int_equal(closure.count, 3);
        assert_string_equal(path_of("abstractions/both"), "/profiles/abstractions/both");
        assert_string_equal(path_of("abstractions/one"), "/deployed/abstractions/one");
        assert_string_equal(path_of("local/none"), "absent");
}

static void includes_of_includes_are_followed(void **state) {
        tree_write("deployed/a", "include <b>\n");
        tree_write("deployed/b", "abi <abi/3.0>,\ninclude <c>\n");
        tree_write("deployed/abi/3.0", "query {\n}\n");
        tree_write("deployed/c", "/c r,\n");

        assert_int_equal(collect("profile lxc-a { include <a>\n}\n"), 0);
        assert_int_equal(closure.count, 4);
        assert_string_equal(path_of("abi/3.0"), "/deployed/abi/3.0");
        assert_string_equal(path_of("c"), "/deployed/c");
}

static void one_file_is_collected_once_however_it_is_spelled(void **state) {
        static const char *const texts[] = {
                "include <abstractions/base>\ninclude <abstractions//base>\n",
                "include <abstractions/./base>\ninclude <abstractions/base>\n",
                "include <./abstractions/base>\ninclude <abstractions/base/>\n",
                "include <abstractions/>\ninclude <abstractions/base>\n",
                "include <abstractions//./>\ninclude <.//abstractions///base>\n",
        };

        tree_write("deployed/abstractions/base", "/base r,\ninclude <abstractions/.//base>\n");
        for (size_t i = 0; i < PHX_ELEMENTS(texts); i++) {
                assert_int_equal(collect(texts[i]), 0);
                assert_string_equal(path_of("abstractions/base"), "/deployed/abstractions/base");
                for (size_t j = 0; j < closure.count; j++)
                        assert_true(strcmp(closure.items[j].name, "abstractions/base") == 0 ||
                                    strcmp(closure.items[j].name, "abstractions") == 0);
        }
}

static void the_directory_itself_is_no_include(void **state) {
        static const char *const texts[] = { "include <.>\n",
                                             "include <./>\n",
                                             "include <.//.>\n" };

        for (size_t i = 0; i < PHX_ELEMENTS(texts); i++)
                assert_refused(texts[i],
                               "lxc-a: line 1: include of '': including the whole directory is "
                               "not supported, expected a name below it");
}

static void an_include_within_an_include_says_who_leads_there(void **state) {
        tree_write("deployed/b", "\ninclude <c>\n");
        tree_write("deployed/c", "\n\ninclude </etc/x>\n");
        assert_refused("\n\n\n\ninclude <b>\n",
                       "lxc-a: /deployed/c: line 3: include of '/etc/x': absolute paths are not "
                       "supported, expected <NAME> below profile_dir or deployed_dir (included by "
                       "lxc-a:5)");
}

static void a_circle_is_walked_once(void **state) {
        tree_write("deployed/a", "include <b>\n");
        tree_write("deployed/b", "include <a>\n");

        assert_int_equal(collect("include <a>\n"), 0);
        assert_int_equal(closure.count, 2);
}

static void a_directory_stands_for_what_the_compiler_reads_in_it(void **state) {
        tree_write("profiles/d/one", "/source r,\n");
        tree_write("deployed/d/one", "/hidden r,\n");
        tree_write("deployed/d/two.swp", "/two r,\n");
        tree_write("deployed/d/README", "no policy\n");
        tree_write("deployed/d/.hidden", "no policy\n");
        tree_write("deployed/d/one.dpkg-new", "no policy\n");
        tree_write("deployed/d/one~", "no policy\n");
        tree_write("deployed/d/sub/three", "no policy\n");

        assert_int_equal(collect("include <d>\n"), 0);
        assert_int_equal(closure.count, 3);
        assert_string_equal(path_of("d"), "/profiles/d");
        assert_string_equal(path_of("d/one"), "/profiles/d/one");
        assert_string_equal(path_of("d/two.swp"), "/deployed/d/two.swp");
}

/* Each case: a text, and whether <x> is found in it. */
static void what_may_be_code_is_searched_and_comments_are_not(void **state) {
        static const struct {
                const char *text;
                bool found;
        } cases[] = {
                { "include <x>", true },
                { "#include <x>\n", true },
                { "#include<x>\n", true },
                { "\tinclude\t<x>", true },
                { "include < x >", true },
                { "include <\"x\">", true },
                { "include if exists <x>", true },
                { "include  if\texists  <x>", true },
                { "#include if exists <x>\n", true },
                { "include\n  <x>", true },
                { "profile lxc-a {include <x>}", true },
                { "profile lxc-a { /a r,include <x>\n}", true },
                { "include <y> include <x>", true },
                { "abi <x>,", true },
                { "abi<x>,", true },
                { "abi\n <x>,", true },
                { "/foo\\ # include <x>\n", true },
                { "mount fstype=x # , include <x>\n", true },
                { "mount options=(rw, # include <x>\n", true },
                { "\"/a\n# b\" r,\n # \" r, \ninclude <x>", true },
                { "\"/a,\n # include <x>\" r,", true },
                { "mount # don't say \"x\n,\n # include <x>\n", true },
                { "# include <x>\n", false },
                { "/a r, # include <x>\n", false },
                { "profile lxc-a { # include <x>\n}", false },
                { "@{A}=b # c\n# include <x>\n", false },
                { "@{A}=b\\\n c\n# include <x>\n", false },
                { "# it's \"odd\n# include <x>\n", false },
                { "##include <x>\n", false },
                { "/usr/include <x>", false },
                { "/a/include-me <x>", false },
                { "includes <x>", false },
                { "include <x", false },
                { "include <>", false },
                { "include", false },
                { "abi", false },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                assert_int_equal(collect(cases[i].text), 0);
                if ((phx_closure_find(&closure, "x") != NULL) != cases[i].found)
                        fail_msg("%s", cases[i].text);
        }
}

/* The compiler ends no string at a quote behind a backslash, not even behind two, as long as
 * another quote follows: what looks like a comment here is within the string, and was passed over.
 */
static void a_string_does_not_end_behind_two_backslashes(void **state) {
        tree_write("deployed/a", "/a r,\n");

        assert_int_equal(collect("profile lxc-a {\n \"/x\\\\\" r, # \" r, include <a>\n}\n"), 0);
        assert_int_equal(closure.count, 1);
        assert_string_equal(path_of("a"), "/deployed/a");
        assert_int_equal(
                        collect("profile lxc-a {\n \"/x\\\\\" r, # include <b>\n include <a>\n}\n"),
                        0);
        assert_int_equal(closure.count, 1);
}

static void a_path_is_refused_with_what_to_write_instead(void **state) {
        static const char absolute[] = "absolute paths are not supported, expected <NAME> below "
                                       "profile_dir or deployed_dir";
        static const struct {
                const char *text;
                const char *place;
                bool is_absolute;
        } cases[] = {
                { "\ninclude \"/etc/x\"\n", "line 2: include of '/etc/x'", true },
                { "include /etc/x\n", "line 1: include of '/etc/x'", true },
                { "#include /etc/x\n", "line 1: include of '/etc/x'", true },
                { "#include/etc/x\n", "line 1: include of '/etc/x'", true },
                { "include </etc/x>\n", "line 1: include of '/etc/x'", true },
                { "include if exists \"/etc/x\"\n", "line 1: include of '/etc/x'", true },
                { "abi \"/etc/x\",\n", "line 1: abi of '/etc/x'", true },
                { "abi /etc/x,\n", "line 1: abi of '/etc/x'", true },
                { "include\n\"/etc/x\"\n", "line 1: include of '/etc/x'", true },
                { "mount # \"\n # include /etc/x\n", "line 2: include of '/etc/x'", true },
                { "include \"/etc\n/x\"\n", "line 1: include of '/etc\\u000a/x'", true },
                { "include \"x\"\n", "line 1: include of 'x'", false },
                { "include x\n", "line 1: include of 'x'", false },
                { "abi \"abi/3.0\",\n", "line 1: abi of 'abi/3.0'", false },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                char message[1024];

                (void) snprintf(message,
                                sizeof(message),
                                "lxc-a: %s: %s",
                                cases[i].place,
                                cases[i].is_absolute
                                                ? absolute
                                                : "a name without brackets depends on the "
                                                  "compiler's working directory, expected <NAME> "
                                                  "below profile_dir or deployed_dir");
                assert_refused(cases[i].text, message);
        }
        assert_refused("include <a/../../x>\n",
                       "lxc-a: line 1: include of 'a/../../x': '..' is not supported");
        assert_refused("include \"\\057etc/x\"\n",
                       "lxc-a: line 1: include of '\\057etc/x': quotes, backslashes and control "
                       "characters are not supported");
        assert_refused("include <a\\142c>\n",
                       "lxc-a: line 1: include of 'a\\142c': quotes, backslashes and control "
                       "characters are not supported");
}

static void what_only_looks_like_a_path_include_is_no_offence(void **state) {
        assert_int_equal(
                        collect("# include \"/etc/x\"\n/a r, # see include /etc/x\n"
                                "\"/b include c\" r,\nprofile include { }\n/x..include..y r,\n"),
                        0);
        assert_int_equal(closure.count, 0);
}

static void what_is_not_regular_is_refused_by_name_and_line(void **state) {
        tree_write("deployed/a", "# first\ninclude <fifo>\n");
        assert_int_equal(mkfifo(tree_path("deployed/fifo"), 0644), 0);
        assert_refused("include <fifo>\n",
                       "lxc-a: line 1: include of 'fifo': /deployed/fifo: is not a regular file");
        assert_refused("\n\ninclude <a>\n",
                       "lxc-a: /deployed/a: line 2: include of 'fifo': /deployed/fifo: is not a "
                       "regular file (included by lxc-a:3)");

        tree_mkdir("deployed/d");
        tree_link("deployed/d/gone", "nowhere");
        assert_int_equal(collect("include <d>\n"), -EINVAL);
        assert_string_equal(
                        error.text,
                        "lxc-a: line 1: include of 'd/gone': /deployed/d/gone: No such file or "
                        "directory");
}

static void what_others_may_write_is_refused(void **state) {
        tree_write("deployed/a", "/a r,\n");
        tree_write("deployed/d/a", "/a r,\n");
        assert_int_equal(chmod(tree_path("deployed/a"), 0666), 0);
        assert_refused("include <a>\n",
                       "lxc-a: line 1: include of 'a': /deployed/a: 'a' is writable by group or "
                       "others (mode 0666), expected by its owner alone");

        assert_int_equal(chmod(tree_path("deployed/d"), 0777), 0);
        assert_refused("include <d>\n",
                       "lxc-a: line 1: include of 'd': /deployed/d: 'd' is writable by group or "
                       "others (mode 0777), expected by its owner alone");
}

static void a_file_that_is_being_written_is_waited_for(void **state) {
        phx_autoclose int fd = -1;

        tree_write("deployed/a", "/a r,\n");
        fd = open(tree_path("deployed/a"), O_WRONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(collect("include <a>\n"), -EBUSY);
        assert_string_equal(
                        error.text,
                        "lxc-a: line 1: include of 'a': /deployed/a: is still being written");
}

static void more_than_can_be_meant_is_refused(void **state) {
        static char large[900 << 10];
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };
        char path[64];

        for (unsigned i = 0; i < 70; i++) {
                char next[64];

                (void) snprintf(path, sizeof(path), "deployed/deep%u", i);
                (void) snprintf(next, sizeof(next), "include <deep%u>\n", i + 1);
                tree_write(path, next);
        }
        tree_write("deployed/deep70", "/a r,\n");
        assert_refused("include <deep0>\n",
                       "lxc-a: /deployed/deep63: line 1: include of 'deep64': includes are nested "
                       "more than 64 levels deep (included by lxc-a:1)");

        for (unsigned i = 0; i < 1001; i++) {
                (void) snprintf(path, sizeof(path), "deployed/many/%04u", i);
                tree_write(path, "");
        }
        assert_refused("include <many>\n",
                       "lxc-a: line 1: include of 'many/0999': more than 1000 files or 16 MiB in "
                       "all");

        memset(large, ' ', sizeof(large));
        for (unsigned i = 0; i < 20; i++) {
                (void) snprintf(path, sizeof(path), "deployed/large%02u", i);
                tree_write_bytes(path, large, sizeof(large));
                assert_int_equal(phx_buffer_addf(&text, "include <large%02u>\n", i), 0);
        }
        assert_refused(text.data,
                       "lxc-a: line 19: include of 'large18': more than 1000 files or 16 MiB in "
                       "all");

        tree_write_bytes("deployed/nul", "a\nb\0c", 5);
        assert_refused("include <nul>\n",
                       "lxc-a: line 1: include of 'nul': NUL byte at line 2, column 2");
}

static void content_decides_the_key_and_time_does_not(void **state) {
        const struct timeval old[2] = { { .tv_sec = 1000000 }, { .tv_sec = 1000000 } };
        char first[PHX_SHA256_HEX], second[PHX_SHA256_HEX];

        tree_write("deployed/a", "include <b>\n");
        tree_write("deployed/b", "/b r,\n");
        key_of("include <a>\n", first);
        key_of("include <a>\n", second);
        assert_string_equal(first, second);

        assert_int_equal(utimes(tree_path("deployed/b"), old), 0);
        key_of("include <a>\n", second);
        assert_string_equal(first, second);

        tree_write("deployed/b", "/c r,\n");
        assert_int_equal(utimes(tree_path("deployed/b"), old), 0);
        key_of("include <a>\n", second);
        assert_string_not_equal(first, second);
}

static void an_include_changes_the_key_of_its_users_alone(void **state) {
        static const char *const texts[] = { "include <a>\n",
                                             "include <b>\n",
                                             "include if exists <c>\n",
                                             "include <d>\n" };
        static const struct {
                const char *path;
                bool changes[4];
        } cases[] = {
                { "deployed/a", { true, false, false, false } },
                { "deployed/b", { true, true, false, false } },
                { "deployed/c", { false, false, true, false } },
                { "profiles/b", { true, true, true, false } }, /* c includes it by now */
                { "deployed/d/two", { false, false, false, true } },
        };
        char before[4][PHX_SHA256_HEX], after[PHX_SHA256_HEX], text[64];

        tree_write("deployed/a", "include <b>\n");
        tree_write("deployed/b", "/b r,\n");
        tree_write("deployed/d/one", "/d r,\n");
        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                for (size_t j = 0; j < PHX_ELEMENTS(texts); j++)
                        key_of(texts[j], before[j]);
                (void) snprintf(text, sizeof(text), "include <b>\n/new%zu r,\n", i);
                tree_write(cases[i].path, text);
                for (size_t j = 0; j < PHX_ELEMENTS(texts); j++) {
                        key_of(texts[j], after);
                        assert_int_equal(strcmp(before[j], after) != 0, cases[i].changes[j]);
                }
        }
}

static void all_that_decides_is_in_the_key(void **state) {
        char keys[5][PHX_SHA256_HEX];
        const char *digest = "0000000000000000000000000000000000000000000000000000000000000000";
        const char *other = "1000000000000000000000000000000000000000000000000000000000000000";

        assert_int_equal(collect("include <x>\n"), 0);
        assert_int_equal(phx_closure_key(&closure, "c", "lxc-a", digest, keys[0]), 0);
        assert_int_equal(phx_closure_key(&closure, "d", "lxc-a", digest, keys[1]), 0);
        assert_int_equal(phx_closure_key(&closure, "c", "lxc-b", digest, keys[2]), 0);
        assert_int_equal(phx_closure_key(&closure, "c", "lxc-a", other, keys[3]), 0);
        tree_write("deployed/x", "");
        assert_int_equal(collect("include <x>\n"), 0);
        assert_int_equal(phx_closure_key(&closure, "c", "lxc-a", digest, keys[4]), 0);
        for (size_t i = 0; i < PHX_ELEMENTS(keys); i++)
                for (size_t j = 0; j < i; j++)
                        assert_string_not_equal(keys[i], keys[j]);
}

static bool is_watched(const char *path) {
        return tree_is_watched(&closure.directories, path);
}

static void every_place_of_a_possible_change_is_watched(void **state) {
        tree_write("deployed/abstractions/a", "/a r,\n");
        tree_write("deployed/d/one", "/d r,\n");
        tree_write("deployed/elsewhere/real", "/r r,\n");
        tree_link("deployed/link", "elsewhere/real");
        assert_int_equal(
                        collect("include <abstractions/a>\ninclude if exists <local/more/x>\n"
                                "include <d>\ninclude <link>\n"),
                        0);

        assert_true(is_watched(tree_path("deployed/abstractions")));
        assert_true(is_watched(tree_path("deployed/d")));
        assert_true(is_watched(tree_path("deployed/elsewhere")));
        assert_true(is_watched(tree_path("deployed")));
        assert_true(is_watched(tree_path("profiles")));
        for (size_t i = 0; i < closure.directories.count; i++) {
                char *watch = closure.directories.items[i], *name = strstr(watch, "//");
                struct stat st;

                if (name)
                        *name = '\0';
                assert_int_equal(stat(watch[0] ? watch : "/", &st), 0);
                assert_true(S_ISDIR(st.st_mode));
        }
}

static void a_file_is_read_once_in_a_look(void **state) {
        phx_cleanup(phx_closure_done) struct phx_closure second = { 0 };

        tree_write("deployed/a", "/a r,\n");
        assert_int_equal(collect("include <a>\n"), 0);
        tree_write("deployed/a", "/changed r,\n");
        assert_int_equal(
                        phx_closure_collect(files, &roots, "lxc-b", "include <a>\n", &second, NULL),
                        0);
        assert_string_equal(
                        phx_closure_find(&second, "a")->digest,
                        phx_closure_find(&closure, "a")->digest);
}

int main(void) {
#define with_tree(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                with_tree(sources_are_searched_before_deployed_files),
                with_tree(includes_of_includes_are_followed),
                with_tree(one_file_is_collected_once_however_it_is_spelled),
                with_tree(the_directory_itself_is_no_include),
                with_tree(an_include_within_an_include_says_who_leads_there),
                with_tree(a_circle_is_walked_once),
                with_tree(a_directory_stands_for_what_the_compiler_reads_in_it),
                with_tree(what_may_be_code_is_searched_and_comments_are_not),
                with_tree(a_string_does_not_end_behind_two_backslashes),
                with_tree(a_path_is_refused_with_what_to_write_instead),
                with_tree(what_only_looks_like_a_path_include_is_no_offence),
                with_tree(what_is_not_regular_is_refused_by_name_and_line),
                with_tree(what_others_may_write_is_refused),
                with_tree(a_file_that_is_being_written_is_waited_for),
                with_tree(more_than_can_be_meant_is_refused),
                with_tree(content_decides_the_key_and_time_does_not),
                with_tree(an_include_changes_the_key_of_its_users_alone),
                with_tree(all_that_decides_is_in_the_key),
                with_tree(every_place_of_a_possible_change_is_watched),
                with_tree(a_file_is_read_once_in_a_look),
        };

        return cmocka_run_group_tests_name("includes", tests, NULL, NULL);
}
