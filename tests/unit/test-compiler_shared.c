/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Runs that several profiles share: the same bytes as alone, or nothing at all. */

#include "base/macros.h"
#include "base/strings.h"
#include "compiler-fixture.h"
#include "policy/split.h"

static struct phx_compiles *compiles;

static struct phx_compile_job taken[PHX_ELEMENTS(jobs)];

static int begin(void **state) {
        int r = set_up(state);

        return r < 0 ? r : phx_compiles_new(NULL, &compiles);
}

static void forget_taken(void) {
        for (size_t i = 0; i < PHX_ELEMENTS(taken); i++) {
                phx_compile_job_done(&taken[i]);
                taken[i] = (struct phx_compile_job){ 0 };
        }
}

static int end(void **state) {
        forget_taken();
        compiles = phx_compiles_free(compiles);
        return tear_down(state);
}

/* The jobs at ORDER, as many as COUNT, in one run. */
static void start_shared(const size_t *order, size_t count) {
        struct phx_compile_shared shared[PHX_ELEMENTS(jobs)];

        for (size_t i = 0; i < count; i++)
                shared[i] = (struct phx_compile_shared){ "k1", &jobs[order[i]] };
        assert_int_equal(phx_compiles_start_shared(compiles, &compiler, shared, count), 0);
        assert_int_equal(phx_compiles_running(compiles), 1);
}

static bool take(size_t i) {
        phx_compile_job_done(&taken[i]);
        taken[i] = (struct phx_compile_job){ .name = jobs[i].name,
                                             .profile = jobs[i].profile,
                                             .closure = jobs[i].closure,
                                             .files = jobs[i].files };
        return phx_compiles_take(compiles, &taken[i]);
}

static void wait_and_reap(void) {
        while (phx_compiles_running(compiles) > 0) {
                phx_compiles_wait(compiles, UINT64_MAX);
                phx_compiles_reap(compiles);
        }
}

/* --- the real compiler --- */

/* Variables, aliases, booleans, abi lines and includes: what could be left over from the one
 * before. */
static const struct {
        const char *name;
        const char *text;
} made_up[] = {
        { "lxc-a",
          "abi <abi/3.0>,\ninclude <tunables/t>\nprofile lxc-a {\n include <abstractions/x>\n"
          " network unix,\n @{T}/** r,\n}\n" },
        { "lxc-b",
          "@{X}=c\n@{X}+=d\nalias /usr/ -> /mnt/usr/,\nprofile lxc-b {\n /usr/@{X}/** rw,\n"
          " mount,\n}\n" },
        { "lxc-c",
          "profile lxc-c flags=(attach_disconnected) {\n /usr/c rw,\n unix,\n signal,\n}\n" },
        { "lxc-d",
          "$yes = true\n@{X}=z\nprofile lxc-d {\n /x/@{X} r,\n if $yes {\n  /usr/t r,\n }\n"
          " set rlimit nofile <= 10,\n network inet stream,\n capability,\n}\n" },
        { "lxc-e",
          "profile lxc-e {\n include <abstractions/x>\n include <abstractions/x>\n"
          " include if exists <local/lxc-e>\n dbus,\n ptrace,\n}\n" },
        { "lxc-f",
          "include <tunables/t>\nprofile lxc-f {\n include <d>\n @{T}/** rw,\n file,\n}\n" },
};

static void write_made_up(void) {
        phx_autofree char *features = NULL;
        size_t size = 0;

        assert_int_equal(phx_file_read_at(AT_FDCWD, FEATURES, MIB, &features, &size), 0);
        tree_write("deployed/abi/3.0", features);
        tree_write("deployed/tunables/t", "@{T}=/a /b\n");
        tree_write("deployed/abstractions/x", "/x r,\nnetwork inet,\n");
        tree_write("deployed/d/one", "/one r,\n");
        for (size_t i = 0; i < PHX_ELEMENTS(made_up); i++)
                (void) add_job(made_up[i].name, made_up[i].text);
}

static void next_order(size_t *order, size_t count, unsigned *seed) {
        for (size_t i = count - 1; i > 0; i--) {
                size_t other, held = order[i];

                *seed = *seed * 1103515245U + 12345U;
                other = (*seed >> 16) % (i + 1);
                order[i] = order[other];
                order[other] = held;
        }
}

static void assert_same_as_alone(size_t count) {
        for (size_t i = 0; i < count; i++) {
                assert_true(take(i));
                assert_int_equal(taken[i].result, 0);
                assert_null(taken[i].warnings);
                assert_int_equal(taken[i].size, jobs[i].size);
                assert_memory_equal(taken[i].blob, jobs[i].blob, jobs[i].size);
        }
}

static void compare_orders(unsigned rounds) {
        size_t order[PHX_ELEMENTS(jobs)];
        unsigned seed = 1;

        for (size_t i = 0; i < job_count; i++) {
                order[i] = i;
                assert_string_equal(jobs[i].error.text, "");
                assert_null(jobs[i].warnings);
        }
        for (unsigned round = 0; round < rounds; round++) {
                start_shared(order, job_count);
                wait_and_reap();
                assert_same_as_alone(job_count);
                next_order(order, job_count, &seed);
        }
        forget_taken();
}

static void need_repeatable(void) {
        need_compiler();
        if (!phx_compiler_is_repeatable(PHX_PARSER))
                skip();
}

static void shared_bytes_are_those_of_each_alone(void **state) {
        need_repeatable();
        write_made_up();
        compile();
        compare_orders(12);
}

static void so_are_those_of_the_shipped_profiles(void **state) {
        static const char *const names[] = { "lxc-baseline",
                                             "lxc-gpu-docker-storage",
                                             "lxc-nesting-v1",
                                             "lxc-phoenix-v2" };
        static const char *const pieces[] = { "abstractions/phoenix", "tunables" };
        const char *source = getenv("PHX_SOURCE_ROOT");
        char command[3 * PATH_MAX];

        need_repeatable();
        assert_non_null(source);
        (void) snprintf(command,
                        sizeof(command),
                        "cp -r /etc/apparmor.d/abi %s",
                        tree_path("deployed"));
        assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): the test's own */
        for (size_t i = 0; i < PHX_ELEMENTS(pieces); i++) {
                tree_mkdir("profiles/abstractions");
                (void) snprintf(command,
                                sizeof(command),
                                "cp -r %s/config/apparmor/%s %s",
                                source,
                                pieces[i],
                                tree_path(i == 0 ? "profiles/abstractions" : "profiles"));
                assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): the test's own */
        }
        for (size_t i = 0; i < PHX_ELEMENTS(names); i++) {
                phx_autofree char *text = NULL;
                char path[PATH_MAX];
                size_t size = 0;

                (void) snprintf(path, sizeof(path), "%s/config/apparmor/%s", source, names[i]);
                assert_int_equal(phx_file_read_at(AT_FDCWD, path, MIB, &text, &size), 0);
                (void) add_job(names[i], text);
        }
        (void) add_job(made_up[2].name, made_up[2].text);
        compile();
        compare_orders(3);
}

static void a_broken_text_turns_all_back(void **state) {
        static const size_t order[] = { 0, 1, 2 };

        need_compiler();
        (void) add_job("lxc-a", "profile lxc-a {\n}\n");
        (void) add_job("lxc-b", "profile lxc-b {\n /b bogus,\n}\n");
        (void) add_job("lxc-c", "profile lxc-c {\n}\n");
        start_shared(order, 3);
        wait_and_reap();
        for (size_t i = 0; i < 3; i++) {
                assert_true(take(i));
                assert_int_equal(taken[i].result, -EAGAIN);
                assert_null(taken[i].blob);
        }
}

/* In what the compiler writes it stands behind the one whose child it is called. */
static void so_does_a_child_of_another_s(void **state) {
        static const size_t order[] = { 0, 1 };

        need_compiler();
        tree_write("profiles/tunables/extra", "profile lxc-a//x {\n file,\n}\n");
        (void) add_job("lxc-a", "profile lxc-a {\n}\n");
        (void) add_job("lxc-b", "include <tunables/extra>\nprofile lxc-b {\n}\n");
        start_shared(order, 2);
        wait_and_reap();
        for (size_t i = 0; i < 2; i++) {
                assert_true(take(i));
                assert_int_equal(taken[i].result, -EAGAIN);
                assert_null(taken[i].blob);
        }
}

/* --- what is believed --- */

/* The smallest policy of that name there is, as the parser would write it. */
static void write_policy(const char *file, const char *name) {
        static const char head[] = "\4\10\0version\0\2\5\0\0\0\4\10\0profile\0\7\5";
        static const char tail[] = "\4\6\0flags\0\7\2\0\0\0\0\2\0\0\0\0\2\0\0\0\0\10\10";
        char bytes[256];
        size_t size = sizeof(head) - 1;
        FILE *stream;

        memcpy(bytes, head, size);
        bytes[size++] = (char) (strlen(name) + 1);
        bytes[size++] = '\0';
        memcpy(bytes + size, name, strlen(name) + 1);
        size += strlen(name) + 1;
        memcpy(bytes + size, tail, sizeof(tail) - 1);
        size += sizeof(tail) - 1;
        stream = fopen(tree_path(file), "we");
        assert_non_null(stream);
        assert_int_equal(fwrite(bytes, 1, size, stream), size);
        assert_int_equal(fclose(stream), 0);
}

static void write_policies(void) {
        write_policy("a", "lxc-a");
        write_policy("kid", "lxc-a//kid");
        write_policy("b", "lxc-b");
        write_policy("c", "lxc-c");
        write_policy("ab", "lxc-ab");
        (void) add_job("lxc-a", "profile lxc-a { }\n");
        (void) add_job("lxc-b", "profile lxc-b { }\n");
}

static void only_just_what_was_asked_for_is_believed(void **state) {
        static const struct {
                const char *script;
                bool is_believed;
        } cases[] = {
                { "exec cat ../../a ../../b\n", true },
                { "exec cat ../../a ../../kid ../../b\n", false },
                { "exec cat ../../b ../../a\n", false },
                { "exec cat ../../a\n", false },
                { "exec cat ../../b\n", false },
                { "exec cat ../../a ../../b ../../c\n", false },
                { "exec cat ../../c ../../a ../../b\n", false },
                { "exec cat ../../a ../../c\n", false },
                { "exec cat ../../a ../../ab\n", false },
                { "exec cat ../../a ../../b ../../b\n", false },
                { "exec cat ../../a ../../a ../../b\n", false },
                { "exec cat ../../a ../../b ../../kid\n", false },
                { "exec head -c 60 ../../a ../../b\n", false },
                { "exec head -c 40 ../../a\n", false },
                { "exec cat ../../a ../../b ../../parser\n", false },
                { "echo 'Warning from somewhere' >&2; exec cat ../../a ../../b\n", false },
                { "echo >&2; exec cat ../../a ../../b\n", false },
                { "exec cat ../../a ../../b ../../none 2>/dev/null\n", false },
                { "exec cat ../../a ../../b /dev/zero\n", false },
                { "kill -9 $$\n", false },
                { "exit 0\n", false },
        };
        static const size_t order[] = { 0, 1 };

        write_policies();
        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                pretend(cases[i].script);
                start_shared(order, 2);
                wait_and_reap();
                for (size_t k = 0; k < 2; k++) {
                        assert_true(take(k));
                        assert_int_equal(taken[k].result, cases[i].is_believed ? 0 : -EAGAIN);
                        assert_int_equal(taken[k].blob != NULL, cases[i].is_believed);
                        assert_int_equal(taken[k].error.text[0] == '\0', cases[i].is_believed);
                }
                assert_null(phx_compiles_name(compiles, 0));
                assert_false(phx_compiles_has_ended(compiles));
        }
}

/* A policy without a version of its own could not be read alone. */
static void each_part_can_be_read_alone(void **state) {
        static const char *const names[] = { "lxc-a", "lxc-b" };
        phx_autofree char *a = NULL, *b = NULL, *both = NULL;
        size_t size_a = 0, size_b = 0, sizes[2], skipped = strlen("xxxversion") + 6;

        write_policies();
        assert_int_equal(phx_file_read_at(AT_FDCWD, tree_path("a"), MIB, &a, &size_a), 0);
        assert_int_equal(phx_file_read_at(AT_FDCWD, tree_path("b"), MIB, &b, &size_b), 0);
        both = calloc(1, size_a + size_b);
        assert_non_null(both);
        memcpy(both, a, size_a);
        memcpy(both + size_a, b, size_b);
        assert_int_equal(phx_policy_split(both, size_a + size_b, names, 2, sizes), 0);
        assert_int_equal(sizes[0], size_a);
        assert_int_equal(sizes[1], size_b);

        memcpy(both + size_a, b + skipped, size_b - skipped);
        assert_int_equal(
                        phx_policy_split(both, size_a + size_b - skipped, names, 2, sizes),
                        -EPROTO);
        assert_int_equal(phx_policy_split(both, 0, names, 2, sizes), -ENODATA);
}

static void one_that_hangs_turns_all_back_at_its_deadline(void **state) {
        static const size_t order[] = { 0, 1 };

        write_policies();
        pretend("exec sleep 1000\n");
        compiler.deadline_usec = SECONDS / 10;
        start_shared(order, 2);
        wait_and_reap();
        for (size_t i = 0; i < 2; i++) {
                assert_true(take(i));
                assert_int_equal(taken[i].result, -EAGAIN);
        }
}

/* --- one of several --- */

static void one_that_is_cancelled_leaves_the_others(void **state) {
        static const size_t order[] = { 0, 1 };

        write_policies();
        pretend("while [ ! -e ../../go ]; do :; done; exec cat ../../a ../../b\n");
        start_shared(order, 2);
        phx_compiles_cancel(compiles, "lxc-a");
        assert_int_equal(phx_compiles_running(compiles), 1);
        assert_null(phx_compiles_key(compiles, "lxc-a"));
        assert_string_equal(phx_compiles_key(compiles, "lxc-b"), "k1");
        tree_write("go", "");
        wait_and_reap();
        assert_false(take(0));
        assert_true(take(1));
        assert_int_equal(taken[1].result, 0);
        assert_string_equal(taken[1].blob + strlen("xxxversionxxxxxxxxxprofilexxxxx"), "lxc-b");
}

static void with_the_last_one_the_run_ends(void **state) {
        static const size_t order[] = { 0, 1 };
        struct phx_process_watch watch;

        write_policies();
        pretend("exec sleep 1000\n");
        start_shared(order, 2);
        assert_int_equal(phx_compiles_watches(compiles, &watch, 1), 1);
        phx_compiles_cancel(compiles, "lxc-b");
        assert_int_equal(kill(watch.pid, 0), 0);
        phx_compiles_cancel(compiles, "lxc-a");
        assert_int_equal(phx_compiles_running(compiles), 0);
        assert_int_equal(kill(watch.pid, 0), -1);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

/* Its copies are beside those of the run that it left, and neither sees the other's. */
static void one_that_is_started_again_leaves_the_others(void **state) {
        static const size_t order[] = { 0, 1 };

        write_policies();
        pretend("for name; do :; done; while [ ! -e ../../go-$name ]; do :; done\n"
                "[ $name = lxc-a ] && exec cat ../../a\n"
                "[ -e lxc-a ] && [ -e lxc-b ] && exec cat ../../a ../../b\n");
        start_shared(order, 2);
        assert_int_equal(phx_compiles_start(compiles, &compiler, "k2", &jobs[0]), 0);
        assert_int_equal(phx_compiles_running(compiles), 2);
        assert_string_equal(phx_compiles_key(compiles, "lxc-a"), "k2");
        tree_write("go-lxc-a", "");
        while (!take(0)) {
                phx_compiles_wait(compiles, UINT64_MAX);
                phx_compiles_reap(compiles);
        }
        assert_int_equal(taken[0].result, 0);
        tree_write("go-lxc-b", "");
        wait_and_reap();
        assert_true(take(1));
        assert_int_equal(taken[1].result, 0);
}

static size_t ended;

static void on_ended(void *data, uint64_t usec) {
        ended++;
}

static void profiles_are_counted_and_not_runs(void **state) {
        static const struct phx_compile_progress progress = { .ended = on_ended };
        static const size_t order[] = { 0, 1 };

        compiles = phx_compiles_free(compiles);
        assert_int_equal(phx_compiles_new(&progress, &compiles), 0);
        write_policies();
        ended = 0;
        pretend("exec cat ../../a ../../b\n");
        start_shared(order, 2);
        wait_and_reap();
        assert_int_equal(ended, 2);
        pretend("exec cat ../../a\n");
        start_shared(order, 2);
        wait_and_reap();
        assert_int_equal(ended, 2);
}

static void those_that_cannot_be_staged_are_not_started(void **state) {
        struct phx_compile_shared shared[2];

        write_policies();
        for (size_t i = 0; i < 2; i++)
                shared[i] = (struct phx_compile_shared){ "k1", &jobs[i] };
        compiler.stage_dir = "/nonexistent";
        assert_true(phx_compiles_start_shared(compiles, &compiler, shared, 2) < 0);
        assert_null(phx_compiles_name(compiles, 0));
        assert_int_equal(phx_compiles_running(compiles), 0);
}

static void only_releases_that_are_known_share(void **state) {
        pretend("# %s version 3.0.8\n");
        assert_true(phx_compiler_is_repeatable(compiler.parser));
        pretend("# %s version 4.1.0\n");
        assert_false(phx_compiler_is_repeatable(compiler.parser));
        pretend("# of nobody\n");
        assert_false(phx_compiler_is_repeatable(compiler.parser));
        assert_false(phx_compiler_is_repeatable("/nonexistent"));
}

#define SHARED(name) cmocka_unit_test_setup_teardown(name, begin, end)
int main(void) {
        const struct CMUnitTest tests[] = {
                SHARED(shared_bytes_are_those_of_each_alone),
                SHARED(so_are_those_of_the_shipped_profiles),
                SHARED(a_broken_text_turns_all_back),
                SHARED(so_does_a_child_of_another_s),
                SHARED(only_just_what_was_asked_for_is_believed),
                SHARED(each_part_can_be_read_alone),
                SHARED(one_that_hangs_turns_all_back_at_its_deadline),
                SHARED(one_that_is_cancelled_leaves_the_others),
                SHARED(with_the_last_one_the_run_ends),
                SHARED(one_that_is_started_again_leaves_the_others),
                SHARED(profiles_are_counted_and_not_runs),
                SHARED(those_that_cannot_be_staged_are_not_started),
                SHARED(only_releases_that_are_known_share),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
