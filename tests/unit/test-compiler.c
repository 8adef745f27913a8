/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <sys/resource.h>

#include "compiler-fixture.h"
#include "kernel/apparmorfs.h"

/* --- the real compiler --- */

static void the_same_text_gives_the_same_policy(void **state) {
        phx_autofree char *first = NULL;
        size_t size;

        need_compiler();
        tree_write("deployed/abstractions/x", "/x r,\n");
        (void) compile_one("# one\nprofile lxc-a {\n include <abstractions/x>\n}\n");
        assert_int_equal(jobs[0].result, 0);
        assert_null(jobs[0].warnings);
        size = jobs[0].size;
        first = PHX_TAKE(jobs[0].blob);
        assert_true(size > 100);

        (void) compile_one("profile lxc-a {\n include <abstractions/x>\n # two\n}\n");
        assert_int_equal(jobs[0].size, size);
        assert_memory_equal(jobs[0].blob, first, size);

        tree_write("deployed/abstractions/x", "/xyz r,\n");
        (void) compile_one("profile lxc-a {\n include <abstractions/x>\n}\n");
        assert_int_equal(jobs[0].result, 0);
        assert_true(jobs[0].size != size || memcmp(jobs[0].blob, first, size) != 0);
}

/* As the parser itself does it, on the originals. */
static void the_policy_is_the_one_that_the_machine_would_compile(void **state) {
        phx_autofree char *expected = NULL;
        char command[3 * PATH_MAX];
        size_t size = 0;

        need_compiler();
        tree_write("deployed/d/one", "/one r,\n");
        tree_write("deployed/d/two.swp", "/two r,\n");
        tree_write("deployed/d/three~", "/three r,\n");
        tree_write("deployed/tunables/t", "@{T}=/a /b\n");
        (void) compile_one("include <tunables/t>\nprofile lxc-a {\n include <d>\n @{T}/** r,\n"
                           " include if exists <local/lxc-a>\n}\n");
        assert_int_equal(jobs[0].result, 0);

        (void) snprintf(command,
                        sizeof(command),
                        PHX_PARSER " --config-file=/dev/null -K --kernel-features " FEATURES
                                   " -b %s -o %s %s 2>/dev/null",
                        tree_path("deployed"),
                        tree_path("expected"),
                        tree_path("profiles/lxc-a"));
        assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): the test's own */
        assert_int_equal(
                        phx_file_read_at(AT_FDCWD, tree_path("expected"), MIB, &expected, &size),
                        0);
        assert_int_equal(jobs[0].size, size);
        assert_memory_equal(jobs[0].blob, expected, size);
}

static void one_file_is_copied_once_however_it_is_spelled(void **state) {
        need_compiler();
        tree_write("deployed/abstractions/x", "/x r,\n");
        (void) compile_one("profile lxc-a {\n include <abstractions/x>\n"
                           " include <abstractions//x>\n include <./abstractions/./x>\n"
                           " include <abstractions/>\n}\n");
        assert_string_equal(jobs[0].error.text, "");
        assert_int_equal(jobs[0].result, 0);
}

static void errors_name_the_place(void **state) {
        static const struct {
                const char *text;
                const char *message;
        } cases[] = {
                { "profile lxc-a {\n /a r,\n /b bogus,\n}\n",
                  "lxc-a: line 3: syntax error in '/b bogus': unexpected word, expected "
                  "permissions such as 'r'" },
                { "profile lxc-a {\n include <bad>\n}\n",
                  "lxc-a: /deployed/bad: line 2: syntax error in '/b bogus': unexpected word, "
                  "expected permissions such as 'r' (included by lxc-a:2)" },
                { "profile lxc-a {\n\n include <d>\n}\n",
                  "lxc-a: /deployed/d/bad: line 1: Invalid capability no (included by lxc-a:3)" },
                { "profile lxc-a {\n include <gone>\n}\n", "lxc-a: line 2: Could not open 'gone'" },
                { "abi <abi/9>,\nprofile lxc-a {\n}\n",
                  "lxc-a: line 1: Could not open 'abi/9': No such file or directory" },
                { "profile lxc-a {\n /a px,\n /a ux,\n}\n",
                  "lxc-a: line 3: '/a ux' and '/a px' at line 2 execute the same program in "
                  "different ways: keep one of them" },
                { "profile lxc-a {\n /{a,b r,\n}\n",
                  "lxc-a: line 2: invalid pattern '/{a,b': found a '{' or '[' that is not closed" },
                { "@{A}=b\n@{A}=c\nprofile lxc-a {\n}\n",
                  "lxc-a: line 2: the variable @{A} is set twice, first at line 1: remove one, or "
                  "add to it with '+='" },
                { "profile lxc-a {\n @{X}/a r,\n}\n",
                  "lxc-a: line 2: the variable @{X} is not declared: set it above the profile, or "
                  "include the file of tunables/ that sets it" },
                { "# nothing\n", "lxc-a: defines no profile" },
        };

        need_compiler();
        tree_write("deployed/bad", "/a r,\n/b bogus,\n");
        tree_write("deployed/d/bad", "capability no,\n");
        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++)
                assert_failed(compile_one(cases[i].text), -EINVAL, cases[i].message);
}

static void a_file_that_was_not_collected_cannot_be_read(void **state) {
        static const struct phx_closure nothing = { 0 };

        need_compiler();
        tree_write("deployed/x", "/x r,\n");
        (void) add_job("lxc-a", "profile lxc-a {\n include <x>\n}\n");
        jobs[0].closure = &nothing;
        compile();
        assert_failed(&jobs[0], -EINVAL, "lxc-a: line 2: Could not open 'x'");
}

static void what_was_checked_is_compiled_whatever_happens_meanwhile(void **state) {
        need_compiler();
        tree_write("deployed/x", "/x r,\n");
        (void) add_job("lxc-a", "profile lxc-a {\n include <x>\n}\n");
        tree_write("deployed/x", "a syntax error\n");
        tree_write("profiles/lxc-a", "another\n");
        compile();
        assert_int_equal(jobs[0].result, 0);
}

static void identity_follows_the_program_and_what_it_is_given(void **state) {
        char *ids[6] = { NULL };
        struct phx_parser_options none = { 0 }, with = { 0 };
        char text[] = "features";

        pretend("exit 0\n");
        assert_int_equal(phx_compiler_identity(compiler.parser, "abc", &none, &ids[0]), 0);
        assert_int_equal(phx_compiler_identity(compiler.parser, "abd", &none, &ids[1]), 0);
        with.policy = (struct phx_parser_features){ .text = text, .size = strlen(text) };
        assert_int_equal(phx_compiler_identity(compiler.parser, "abc", &with, &ids[2]), 0);
        with.override = with.policy;
        with.policy = (struct phx_parser_features){ 0 };
        assert_int_equal(phx_compiler_identity(compiler.parser, "abc", &with, &ids[3]), 0);
        with.override = (struct phx_parser_features){ .of_kernel = true };
        assert_int_equal(phx_compiler_identity(compiler.parser, "abc", &with, &ids[4]), 0);
        pretend("exit 1\n");
        assert_int_equal(phx_compiler_identity(compiler.parser, "abc", &none, &ids[5]), 0);
        for (size_t i = 0; i < PHX_ELEMENTS(ids); i++)
                for (size_t j = 0; j < i; j++)
                        assert_string_not_equal(ids[i], ids[j]);
        for (size_t i = 0; i < PHX_ELEMENTS(ids); i++)
                free(ids[i]);
        assert_int_equal(phx_compiler_identity("/nonexistent", "abc", &none, &ids[0]), -ENOENT);
}

/* --- the kernel's features --- */

/* TEXT, "NAME {VALUE or more of these}" again and again, as files below DIRECTORY. Returns what is
 * behind it. */
static const char *write_features(const char *text, const char *directory) {
        while (text += strspn(text, " \n"), *text && *text != '}') {
                size_t name = strcspn(text, " "), value = name + strlen(" {");
                char path[256], line[2048];

                (void) snprintf(path, sizeof(path), "%s/%.*s", directory, (int) name, text);
                name = strcspn(text + value, "{}");
                (void) snprintf(line, sizeof(line), "%.*s", (int) name, text + value);
                text += value;
                if (text[name] == '{') {
                        text = write_features(text, path);
                } else {
                        tree_write(path, line);
                        text += name;
                }
                assert_int_equal(*text, '}');
                text++;
        }
        return text;
}

/* What the kernel shows: FEATURES without what begins with WITHOUT, as a directory in the tree. Its
 * one text, to be freed. */
static char *show_features(const char *without) {
        phx_cleanup(phx_kernel_freep) struct phx_kernel *kernel = NULL;
        phx_autofree char *all = NULL, *id = NULL;
        char *text = NULL, *cut;
        size_t size = 0;

        assert_int_equal(phx_file_read_at(AT_FDCWD, FEATURES, MIB, &all, &size), 0);
        cut = without ? strstr(all, without) : NULL;
        if (cut)
                *cut = '\0';
        tree_remove("kernel");
        assert_string_equal(write_features(all, "kernel/features"), "");
        assert_int_equal(phx_kernel_new(tree_path("kernel"), "/", &kernel), 0);
        assert_int_equal(phx_kernel_features(kernel, &id, &text, NULL), 0);
        assert_non_null(text);
        return text;
}

static void take_policy(const char *source, const char *file, const char *text) {
        compiler.features_file = file;
        compiler.features_text = text;
        (void) compile_one(source);
        assert_string_equal(jobs[0].error.text, "");
        assert_int_equal(jobs[0].result, 0);
        assert_true(jobs[0].size > 100);
}

/* As a directory, which is how the parser finds them by itself, and as one text. */
static void assert_same_either_way(const char *source, const char *text) {
        phx_autofree char *expected = NULL, *directory = strdup(tree_path("kernel/features"));
        size_t size;

        take_policy(source, directory, NULL);
        expected = PHX_TAKE(jobs[0].blob);
        size = jobs[0].size;
        take_policy(source, NULL, text);
        assert_int_equal(jobs[0].size, size);
        assert_memory_equal(jobs[0].blob, expected, size);
}

static void the_kernels_features_mean_the_same_as_one_text(void **state) {
        static const char *const sources[] = {
                "profile lxc-a {\n network inet,\n deny capability bpf,\n file,\n signal,\n}\n",
                "abi <abi/x>,\nprofile lxc-a {\n network inet,\n file,\n signal,\n ptrace,\n}\n",
                "abi <abi/x>,\nprofile lxc-a {\n mount,\n unix,\n dbus,\n}\n",
        };
        static char some[] = "file {mask {create read write exec append mmap_exec link lock\n}\n}\n"
                             "network {af_mask {unspec unix inet\n}\n}\n";
        const struct phx_parser_features none = { 0 }, kernel = { .of_kernel = true },
                                         other = { .text = some, .size = strlen(some) };
        const struct phx_parser_options options[] = {
                { none, none, { 0 } },  { kernel, none, { 0 } },  { other, none, { 0 } },
                { none, other, { 0 } }, { other, kernel, { 0 } }, { kernel, other, { 0 } },
        };
        phx_autofree char *text = NULL;

        need_compiler();
        text = show_features(NULL);
        tree_write("deployed/abi/x", some);
        for (size_t i = 0; i < PHX_ELEMENTS(sources); i++) {
                compiler.options = NULL;
                assert_same_either_way(sources[i], text);
                for (size_t j = 0; j < PHX_ELEMENTS(options); j++) {
                        compiler.options = &options[j];
                        assert_same_either_way(sources[i], text);
                }
        }
}

/* Else the test above would say nothing. */
static void other_features_of_the_kernel_are_another_policy(void **state) {
        static const char source[] = "profile lxc-a {\n network inet,\n signal,\n ptrace,\n}\n";
        const struct phx_parser_features kernel = { .of_kernel = true };
        const struct phx_parser_options options = { kernel, { 0 }, { 0 } };
        phx_autofree char *text = NULL, *less = NULL, *first = NULL;
        size_t size;

        need_compiler();
        compiler.options = &options;
        text = show_features(NULL);
        take_policy(source, NULL, text);
        first = PHX_TAKE(jobs[0].blob);
        size = jobs[0].size;
        less = show_features("ptrace {");
        assert_string_not_equal(text, less);
        assert_same_either_way(source, less);
        assert_true(jobs[0].size != size || memcmp(jobs[0].blob, first, size) != 0);
}

/* --- one that behaves otherwise --- */

static void assert_line(const char *text, const char *line) {
        char framed[256];

        (void) snprintf(framed, sizeof(framed), "\n%s\n", line);
        if (!strstr(text, framed))
                fail_msg("'%s' is not in:\n%s", line, text);
}

/* But what a shell adds. */
static void assert_environment(char *lines) {
        char *rest = NULL;

        for (char *line = strtok_r(lines, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
                if (strcmp(line, "LC_ALL=C") != 0 &&
                    strcmp(line, "PATH=/usr/sbin:/usr/bin:/sbin:/bin") != 0 &&
                    !phx_has_prefix(line, "PWD=") && !phx_has_prefix(line, "_="))
                        fail_msg("%s", line);
}

static void the_compiler_has_no_rights_no_files_and_no_signals(void **state) {
        phx_autoclose int leak = open("/etc/passwd", O_RDONLY); /* NOLINT: left open on purpose */
        int own = getpriority(PRIO_PROCESS, 0);
        sigset_t blocked;
        char line[256];

        pretend("echo; pwd; ulimit -c; ulimit -t; ulimit -v; ulimit -n; ulimit -f\n"
                "[ /proc/self/fd/0 -ef /dev/null ] && echo null\n"
                "for fd in 3 4 5 6 7 8 9; do [ -e /proc/self/fd/$fd ] && echo open; done\n"
                "while read -r key a b c d; do case $key in\n"
                "Uid:|Gid:|Groups:|NoNewPrivs:|CapEff:|SigBlk:|SigIgn:|Seccomp:)\n"
                "echo $key $a $b $c $d;;\n"
                "esac; done </proc/self/status\n"
                "read -r stat </proc/self/stat; set -- \"$@\" ${stat##*)}\n"
                "eval \"echo nice \\${$(($# - 33))}\"\n"
                "echo $1 $2 $3 $4 $5 $6 $7 $8 $9; echo .* *; echo end; exec env\n");
        assert_true(leak >= 0);
        (void) sigemptyset(&blocked);
        (void) sigaddset(&blocked, SIGTERM);
        (void) sigprocmask(SIG_BLOCK, &blocked, NULL);
        (void) signal(SIGPIPE, SIG_IGN);
        compiler.deadline_usec = 5 * SECONDS;
        tree_write("deployed/d/x", "");
        (void) compile_one("include <d/x>\nprofile lxc-a {\n}\n");
        (void) signal(SIGPIPE, SIG_DFL);
        (void) sigprocmask(SIG_UNBLOCK, &blocked, NULL);

        assert_int_equal(jobs[0].result, 0);
        if (geteuid() == 0) {
                assert_line(jobs[0].blob, "Uid: 64321 64321 64321 64321");
                assert_line(jobs[0].blob, "Gid: 64321 64321 64321 64321");
                assert_line(jobs[0].blob, "Groups:");
        }
        (void) snprintf(line, sizeof(line), "%s", tree_path("stage/lxc-a"));
        assert_line(jobs[0].blob, line);
        assert_line(jobs[0].blob, "0\n6\n524288\n256\n131072\nnull");
        assert_null(strstr(jobs[0].blob, "\nopen\n"));
        /* See compiler/child.c: a capability that is only a shield. */
        assert_true(strstr(jobs[0].blob, "\nCapEff: 0000000000000000\n") ||
                    strstr(jobs[0].blob, "\nCapEff: 0000001000000000\n"));
        assert_line(jobs[0].blob, "NoNewPrivs: 1");
        assert_line(jobs[0].blob, "Seccomp: 2");
        /* Which is the most urgent that it may be. */
        (void) snprintf(line, sizeof(line), "nice %d", own > 3 ? own : 3);
        assert_line(jobs[0].blob, line);
        assert_line(jobs[0].blob, "SigBlk: 0000000000000000\nSigIgn: 0000000000000000");
        assert_line(jobs[0].blob, "--config-file=/dev/null -K -j0 -S -b . -I . lxc-a");
        assert_line(jobs[0].blob, ". .. d lxc-a\nend");
        assert_environment(strstr(jobs[0].blob, "\nend\n") + strlen("\nend\n"));
        assert_null(strstr(jobs[0].blob, "passwd"));
}

static void warnings_are_kept_for_the_caller(void **state) {
        pretend("echo policy; echo 'Warning from lxc-a: old' >&2\n");
        (void) compile_one("profile lxc-a {\n}\n");
        assert_int_equal(jobs[0].result, 0);
        assert_string_equal(jobs[0].blob, "policy\n");
        assert_string_equal(jobs[0].warnings, "Warning from lxc-a: old\n");
}

static void an_old_stage_is_no_obstacle_and_no_source(void **state) {
        pretend("echo *\n");
        tree_write("stage/lxc-a/leftover", "old\n");
        (void) compile_one("profile lxc-a {\n}\n");
        assert_int_equal(jobs[0].result, 0);
        assert_string_equal(jobs[0].blob, "lxc-a\n");
}

/* --- what it says --- */

static void every_form_of_message_becomes_one_line(void **state) {
        static const struct phx_closure nothing = { 0 };
        static char empty[] = "";
        static const struct phx_file_seen profile = { .text = empty };
        static const struct phx_source_text text = { "lxc-a", &profile, &nothing, NULL };
        static const struct {
                const char *output;
                const char *message;
        } cases[] = {
                { "AppArmor parser error for lxc-a in profile lxc-a at line 7: bad\n",
                  "lxc-a: line 7: bad" },
                { "AppArmor parser error for lxc-a in ./x/y at line 7: bad\n",
                  "lxc-a: x/y: line 7: bad" },
                { "AppArmor parser error for lxc-a in profile /stage/lxc-a/x/y at line 7: bad\n",
                  "lxc-a: x/y: line 7: bad" },
                { "AppArmor parser error at line 7: bad\n", "lxc-a: line 7: bad" },
                { "AppArmor parser error, in stdin line 7: bad\n",
                  "lxc-a: AppArmor parser error, in stdin line 7: bad" },
                { "Warning from x\nAppArmor parser error for lxc-a in profile lxc-a at line 1: a: "
                  "b\n",
                  "lxc-a: line 1: a: b" },
                { "Warning from x\n\nfirst\r\napparmor_parser: second\n", "lxc-a: first; second" },
                { "File /stage/lxc-a/x not found, skipping...\n",
                  "lxc-a: File x not found, skipping..." },
                { "bad \x1b[31mcolour\n", "lxc-a: bad \\u001b[31mcolour" },
                { "\n", "lxc-a: the compiler failed without a message" },
                { "Warning from x\n", "lxc-a: the compiler failed without a message" },
        };
        char long_output[4096];
        struct phx_error error;

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                assert_int_equal(
                                phx_compiler_message(
                                                &text,
                                                &(struct phx_compiler_said){ "/parser",
                                                                             "/stage/lxc-a",
                                                                             cases[i].output },
                                                -EINVAL,
                                                &error),
                                -EINVAL);
                assert_string_equal(error.text, cases[i].message);
        }
        memset(long_output, 'x', sizeof(long_output));
        long_output[sizeof(long_output) - 1] = '\0';
        assert_int_equal(
                        phx_compiler_message(
                                        &text,
                                        &(struct phx_compiler_said){ "/parser", "/s", long_output },
                                        -EIO,
                                        &error),
                        -EIO);
        assert_true(strlen(error.text) > 800);
}

int main(void) {
#define with_tree(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                with_tree(the_same_text_gives_the_same_policy),
                with_tree(the_policy_is_the_one_that_the_machine_would_compile),
                with_tree(one_file_is_copied_once_however_it_is_spelled),
                with_tree(errors_name_the_place),
                with_tree(a_file_that_was_not_collected_cannot_be_read),
                with_tree(what_was_checked_is_compiled_whatever_happens_meanwhile),
                with_tree(identity_follows_the_program_and_what_it_is_given),
                with_tree(the_kernels_features_mean_the_same_as_one_text),
                with_tree(other_features_of_the_kernel_are_another_policy),
                with_tree(the_compiler_has_no_rights_no_files_and_no_signals),
                with_tree(warnings_are_kept_for_the_caller),
                with_tree(an_old_stage_is_no_obstacle_and_no_source),
                cmocka_unit_test(every_form_of_message_becomes_one_line),
        };

        /* The compiler's user must come to where the pretended ones are. */
        (void) setenv("TMPDIR", "/tmp", 1); /* NOLINT(concurrency-mt-unsafe) */
        return cmocka_run_group_tests_name("compiler", tests, NULL, NULL);
}
