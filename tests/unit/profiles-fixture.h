/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Profiles of a temporary tree, judged with a counted compiler. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/file.h"
#include "profiles/profiles.h"
#include "state/report.h"
#include "tree.h"

#define SECONDS 1000000ULL

#define WEB "profile lxc-web {\n  include <abstractions/web>\n}\n"

#define DB "profile lxc-db {\n}\n"

/* In the compiler's place: it makes the smallest policies of those names there are; in complain
 * mode where a text that it is given says "complain". As the compiler it starts no other process.
 */
static const char compiler[] =
                "compile() {\n"
                "name=$1\n"
                "[ -e $at/is-slow ] || [ -e $at/slow-$name ] && exec sleep 60\n"
                "[ -p $at/wait-$name ] && read -r line <$at/wait-$name\n"
                "while [ -e $at/busy-$name ]; do :; done\n"
                "[ -e $at/is-short ] && { echo Out of memory >&2; exit 1; }\n"
                "mode=0\n"
                "for file in * */* */*/*; do\n"
                "  [ -f $file ] || continue\n"
                "  while read -r line; do\n"
                "    case $file:$line in\n"
                "    $name:*bogus*)\n"
                "      echo AppArmor parser error for $name in profile $name at line 2: bogus >&2\n"
                "      exit 1;;\n"
                "    *complain*) mode=1;;\n"
                "    esac\n"
                "  done <$file\n"
                "done\n"
                "size=$((${#name} + 1))\n"
                "size=$((size / 64))$((size / 8 % 8))$((size % 8))\n"
                "printf '\\004\\010\\000version\\000\\002\\005\\000\\000\\000'\n"
                "printf '\\004\\010\\000profile\\000\\007'\n"
                "printf '\\005\\'$size'\\000'$name'\\000'\n"
                "printf '\\004\\006\\000flags\\000\\007\\002\\000\\000\\000\\000'\n"
                "printf '\\002\\00'$mode'\\000\\000\\000'\n"
                "printf '\\002\\000\\000\\000\\000\\010\\010'\n"
                "}\n"
                "for word; do case $word in -*|.*) ;; *) compile $word;; esac; done\n";

static struct phx_trust trust;

static struct phx_profiles_options options;

static struct phx_profiles *profiles;

static struct phx_settings settings;

static struct phx_definitions definitions;

static struct phx_profiles_look look;

static struct phx_inventory inventory;

static struct phx_desired *desired;

static uint64_t retry_usec;

static char compiled[1024];

static char parser[PATH_MAX], stage_dir[PATH_MAX], profile_dir[] = "/profiles",
                                                   deployed_dir[] = "/deployed";

static int on_try(void *data, const void *blob, size_t size, struct phx_error *why);

static int on_ask(
                void *data,
                const char *profile,
                const struct phx_policy_query *query,
                uint32_t mask,
                bool *ret_allowed,
                struct phx_error *why);

static void on_forget(void *data);

static const struct phx_policy_prober prober = { on_try, on_ask, on_forget, NULL };

static inline void on_compile(void *data, const char *name) {
        size_t length = strlen(compiled);

        (void) snprintf(compiled + length, sizeof(compiled) - length, "%s\n", name);
}

static const struct phx_compile_progress progress = { .started = on_compile };

static inline int open_directory(const char *path) {
        int fd;

        tree_mkdir(path);
        fd = open(tree_path(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(fd >= 0);
        return fd;
}

static inline void write_compiler(const char *comment) {
        char text[4096];

        (void) snprintf(text,
                        sizeof(text),
                        "#!/bin/sh\n# %s\nat='%s'\n%s",
                        comment,
                        trust.root,
                        compiler);
        tree_write("parser", text);
        assert_int_equal(chmod(parser, 0755), 0);
}

/* As after a restart of the daemon, which may RECALL what the inventory says. */
static inline void start(bool recall) {
        profiles = phx_profiles_free(profiles);
        assert_int_equal(phx_profiles_new(&options, &profiles), 0);
        if (recall)
                assert_int_equal(phx_profiles_recall(profiles, &inventory), 0);
}

static inline int set_up(void **state) {
        trust = (struct phx_trust){ .root = tree_new(), .owner = geteuid() };
        /* The compiler's user passes through. */
        assert_int_equal(chmod(trust.root, 0755), 0);
        compiled[0] = '\0';
        tree_mkdir("stage");
        tree_mkdir("deployed/abstractions");
        tree_write("profiles/lxc-web", WEB);
        tree_write("profiles/abstractions/web", "file,\n");
        (void) snprintf(parser, sizeof(parser), "%s", tree_path("parser"));
        (void) snprintf(stage_dir, sizeof(stage_dir), "%s", tree_path("stage"));
        write_compiler("the first");

        options = (struct phx_profiles_options){
                .trust = &trust,
                .parser = parser,
                .stage_dir = stage_dir,
                .cache_fd = open_directory("cache"),
                .good_fd = open_directory("good"),
                .prober = &prober,
                .progress = &progress,
        };
        settings = (struct phx_settings){
                .profile_dir = profile_dir,
                .deployed_dir = deployed_dir,
                .compile_jobs = 2,
                .compile_deadline_usec = 20 * SECONDS,
                .compile_memory = 1UL << 40,
        };
        look = (struct phx_profiles_look){
                .settings = &settings,
                .features = "features",
                .hash_kind = PHX_HASH_SHA256,
                .definitions = &definitions,
                .now_usec = 1000 * SECONDS,
        };
        start(false);
        return 0;
}

static inline int tear_down(void **state) {
        profiles = phx_profiles_free(profiles);
        desired = phx_desired_free(desired);
        phx_inventory_done(&inventory);
        phx_definitions_done(&definitions);
        (void) close(options.cache_fd);
        (void) close(options.good_fd);
        tree_done();
        return 0;
}

/* One look; what is compiled is not waited for. Returns what it says. */
static inline int update_once(void) {
        int r;

        desired = phx_desired_free(desired);
        desired = calloc(1, sizeof(*desired));
        assert_non_null(desired);
        r = phx_profiles_update(profiles, &look, &inventory, desired, &retry_usec);
        phx_profiles_tidy(profiles); /* as the machine does, when it has saved the inventory */
        return r;
}

/* Until one of those that run asks for a look. False when none runs. */
static inline bool wait_for_a_compile(void) {
        struct phx_process_watch watches[PHX_COMPILES_LIMIT];
        struct pollfd fds[PHX_COMPILES_LIMIT];
        size_t count = phx_profiles_compiles(profiles, watches, PHX_COMPILES_LIMIT);
        uint64_t due = UINT64_MAX, now = phx_now_usec();

        for (size_t i = 0; i < count; i++) {
                fds[i] = (struct pollfd){ .fd = watches[i].fd, .events = POLLIN };
                if (watches[i].due_usec < due)
                        due = watches[i].due_usec;
        }
        if (count > 0)
                assert_true(poll(fds, count, due > now ? (int) ((due - now) / 1000 + 1) : 0) >= 0);
        return count > 0;
}

/* As many looks as it takes to compile all. */
static inline void update(int result) {
        int changed = 0;

        do {
                int r = update_once();

                if (r < 0)
                        assert_int_equal(r, result);
                changed |= r;
        } while (wait_for_a_compile());
        assert_int_equal(changed, result);
}

/* Whom the compiler was asked for since the last time, in that order. */
static inline void assert_compiled(const char *names) {
        assert_string_equal(compiled, names);
        compiled[0] = '\0';
}

static inline const struct phx_desired_profile *find(const char *name) {
        const struct phx_desired_profile *found = phx_desired_find_profile(desired, name);

        assert_non_null(found);
        return found;
}

static inline void assert_good(const char *name) {
        const struct phx_desired_profile *profile = find(name);

        if (profile->refusal)
                fail_msg("%s", profile->refusal);
        assert_int_equal(profile->state, PHX_SOURCE_GOOD);
        assert_true(profile->has_good);
}

/* The last good one, if there was any, stays. */
static inline void assert_refused(const char *name, const char *text, bool has_good) {
        const struct phx_desired_profile *profile = find(name);

        assert_int_equal(profile->state, PHX_SOURCE_REFUSED);
        assert_string_equal(profile->refusal, text);
        assert_int_equal(profile->has_good, has_good);
        assert_int_equal(profile->policy.count, has_good ? 1 : 0);
}

/* --- what is good --- */

/* Of nothing that was ever read. */
#define NONE "0000000000000000000000000000000000000000000000000000000000000000"

static inline const char *text_of(const char *text, size_t *ret_size) {
        char digest[PHX_SHA256_HEX];

        phx_sha256(text, strlen(text), digest);
        return phx_profiles_text(profiles, digest, ret_size);
}

/* --- what is tried before it is in force */

static unsigned trials;

static inline int on_try(void *data, const void *blob, size_t size, struct phx_error *why) {
        trials++;
        return 0;
}

/* A kernel that denies everything. */
static inline int on_ask(
                void *data,
                const char *profile,
                const struct phx_policy_query *query,
                uint32_t mask,
                bool *ret_allowed,
                struct phx_error *why) {
        *ret_allowed = false;
        return 0;
}

static inline void on_forget(void *data) {
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
