/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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

/* In the compiler's place: it makes the smallest policy of that name there is; in complain mode
 * where a text that it is given says "complain". As the compiler it starts no other process. */
static const char compiler[] =
                "for name; do :; done\n"
                "[ -e $at/is-slow ] && exec sleep 60\n"
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
                "printf '\\002\\000\\000\\000\\000\\010\\010'\n";

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

static void on_compile(void *data, const char *name, size_t done, size_t count) {
        size_t length = strlen(compiled);

        (void) snprintf(compiled + length, sizeof(compiled) - length, "%s\n", name);
}

static const struct phx_compile_progress progress = { .done = on_compile };

static int open_directory(const char *path) {
        int fd;

        tree_mkdir(path);
        fd = open(tree_path(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(fd >= 0);
        return fd;
}

static void write_compiler(const char *comment) {
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
static void start(bool recall) {
        profiles = phx_profiles_free(profiles);
        assert_int_equal(phx_profiles_new(&options, &profiles), 0);
        if (recall)
                assert_int_equal(phx_profiles_recall(profiles, &inventory), 0);
}

static int set_up(void **state) {
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

static int tear_down(void **state) {
        profiles = phx_profiles_free(profiles);
        desired = phx_desired_free(desired);
        phx_inventory_done(&inventory);
        phx_definitions_done(&definitions);
        (void) close(options.cache_fd);
        (void) close(options.good_fd);
        tree_done();
        return 0;
}

static void update(int result) {
        desired = phx_desired_free(desired);
        desired = calloc(1, sizeof(*desired));
        assert_non_null(desired);
        assert_int_equal(
                        phx_profiles_update(profiles, &look, &inventory, desired, &retry_usec),
                        result);
        phx_profiles_tidy(profiles); /* as the machine does, when it has saved the inventory */
}

/* Whom the compiler was asked for since the last time, in that order. */
static void assert_compiled(const char *names) {
        assert_string_equal(compiled, names);
        compiled[0] = '\0';
}

static const struct phx_desired_profile *find(const char *name) {
        const struct phx_desired_profile *found = phx_desired_find_profile(desired, name);

        assert_non_null(found);
        return found;
}

static void assert_good(const char *name) {
        const struct phx_desired_profile *profile = find(name);

        if (profile->refusal)
                fail_msg("%s", profile->refusal);
        assert_int_equal(profile->state, PHX_SOURCE_GOOD);
        assert_true(profile->has_good);
}

/* The last good one, if there was any, stays. */
static void assert_refused(const char *name, const char *text, bool has_good) {
        const struct phx_desired_profile *profile = find(name);

        assert_int_equal(profile->state, PHX_SOURCE_REFUSED);
        assert_string_equal(profile->refusal, text);
        assert_int_equal(profile->has_good, has_good);
        assert_int_equal(profile->policy.count, has_good ? 1 : 0);
}

static void assert_directory_refused(const char *text) {
        assert_int_equal(desired->refusal_count, 1);
        assert_string_equal(desired->refusals[0].object, "profiles");
        assert_string_equal(desired->refusals[0].text, text);
}

static size_t count_cached(void) {
        DIR *directory = opendir(tree_path("cache"));
        const struct dirent *entry;
        size_t count = 0;

        assert_non_null(directory);
        while ((entry = readdir(directory)))
                count += entry->d_name[0] != '.';
        (void) closedir(directory);
        return count;
}

/* --- what is good --- */

/* Of nothing that was ever read. */
#define NONE "0000000000000000000000000000000000000000000000000000000000000000"

static const char *text_of(const char *text, size_t *ret_size) {
        char digest[PHX_SHA256_HEX];

        phx_sha256(text, strlen(text), digest);
        return phx_profiles_text(profiles, digest, ret_size);
}

static void a_source_is_compiled_and_desired_with_its_piece(void **state) {
        char digest[PHX_SHA256_HEX];
        size_t size = 0;

        update(1);
        assert_compiled("lxc-web\n");
        assert_good("lxc-web");
        phx_sha256(WEB, strlen(WEB), digest);
        assert_string_equal(find("lxc-web")->digest, digest);
        assert_int_equal(find("lxc-web")->policy.count, 1);
        assert_string_equal(find("lxc-web")->policy.items[0].name, "lxc-web");
        assert_int_equal(find("lxc-web")->policy.items[0].mode, PHX_POLICY_ENFORCE);
        assert_int_equal(strlen(find("lxc-web")->policy.items[0].hash), 64);
        assert_good("abstractions/web");
        assert_int_equal(find("abstractions/web")->policy.count, 0);
        assert_int_equal(desired->profile_count, 2);
        assert_string_equal(phx_inventory_profile(&inventory, "lxc-web")->source, digest);
        assert_string_equal(phx_inventory_profile(&inventory, "abstractions/web")->key, "");
        assert_string_equal(text_of(WEB, &size), WEB);
        assert_int_equal(size, strlen(WEB));
        assert_null(phx_profiles_text(profiles, NONE, &size));
        assert_int_equal(retry_usec, PHX_NEVER);
}

static void a_second_look_changes_and_compiles_nothing(void **state) {
        update(1);
        assert_compiled("lxc-web\n");
        update(0);
        assert_compiled("");
        assert_good("lxc-web");
}

static void assert_new(const char *name, bool is_new, const char *old_text) {
        char digest[PHX_SHA256_HEX] = "";

        assert_int_equal(find(name)->is_new, is_new);
        if (old_text)
                phx_sha256(old_text, strlen(old_text), digest);
        if (is_new)
                assert_string_equal(find(name)->old_digest, digest);
}

static void a_version_is_news_once_when_it_was_judged_good(void **state) {
        static const char broken[] = "profile lxc-web {\n  bogus\n}\n";

        update(1);
        assert_new("lxc-web", true, NULL);
        assert_new("abstractions/web", true, NULL);
        update(0);
        assert_new("lxc-web", false, NULL);
        assert_new("abstractions/web", false, NULL);
        /* Neither by a restart nor by what is refused. */
        start(true);
        update(0);
        assert_new("lxc-web", false, NULL);
        tree_write("profiles/lxc-web", broken);
        update(0);
        assert_new("lxc-web", false, NULL);
        tree_write("profiles/lxc-web", "# another\n" WEB);
        update(1);
        assert_new("lxc-web", true, WEB);
        assert_new("abstractions/web", false, NULL);
        /* The same text, compiled from something else. */
        tree_write("profiles/abstractions/web", "/x r,\n");
        update(1);
        assert_new("lxc-web", true, "# another\n" WEB);
        assert_new("abstractions/web", true, "file,\n");
        update(0);
        assert_new("lxc-web", false, NULL);
}

static void hashes_are_those_of_the_kernel(void **state) {
        update(1);
        look.hash_kind = PHX_HASH_SHA1;
        update(0);
        assert_int_equal(strlen(find("lxc-web")->policy.items[0].hash), 40);
        look.hash_kind = PHX_HASH_NONE;
        update(0);
        assert_null(find("lxc-web")->policy.items[0].hash);
}

static void an_include_that_changes_recompiles_its_users_alone(void **state) {
        tree_write("profiles/lxc-db", DB);
        tree_write("deployed/abstractions/other", "");
        update(1);
        compiled[0] = '\0';
        tree_write("profiles/abstractions/web", "/x r,\n");
        update(1);
        assert_compiled("lxc-web\n");
        tree_write("deployed/abstractions/other", "# nobody's\n");
        update(0);
        assert_compiled("");
        /* One that hides the machine's own, or comes to be there at all, is a change too. */
        tree_remove("profiles/abstractions/web");
        tree_write("deployed/abstractions/web", "/y r,\n");
        update(1);
        assert_compiled("lxc-web\n");
}

/* --- what is bad --- */

static void a_broken_source_is_not_tried_again_until_it_is_another(void **state) {
        update(1);
        assert_compiled("lxc-web\n");
        tree_write("profiles/lxc-web", "profile lxc-web {\n  bogus\n}\n");
        update(0);
        assert_compiled("lxc-web\n");
        assert_refused("lxc-web", "lxc-web: line 2: bogus", true);
        update(0);
        assert_compiled("");
        assert_refused("lxc-web", "lxc-web: line 2: bogus", true);
        assert_int_equal(retry_usec, PHX_NEVER);

        tree_write("profiles/lxc-web", "profile lxc-web {\n  bogus,\n}\n");
        update(0);
        assert_compiled("lxc-web\n");
        tree_write("profiles/lxc-web", WEB);
        update(0);
        assert_compiled("");
        assert_good("lxc-web");
}

static void a_broken_source_that_was_never_good_has_nothing_in_force(void **state) {
        tree_write("profiles/lxc-web", "profile lxc-web {\n  bogus\n}\n");
        update(0);
        assert_refused("lxc-web", "lxc-web: line 2: bogus", false);
        assert_int_equal(inventory.profile_count, 0);
}

static void a_refused_source_keeps_the_pieces_of_its_last_good_one(void **state) {
        update(1);
        tree_write("profiles/lxc-web", "profile lxc-web {\n  bogus\n}\n");
        tree_remove("profiles/abstractions");
        update(0);
        assert_good("abstractions/web");
        tree_write("profiles/lxc-web", "profile lxc-web {\n}\n");
        update(1);
        assert_good("lxc-web");
        assert_int_equal(find("abstractions/web")->state, PHX_SOURCE_WITHDRAWN);
}

static void what_ran_out_of_time_is_tried_again_after_a_while(void **state) {
        static const char text[] =
                        "lxc-web: compile took longer than 0 s (compile_deadline_s) and was "
                        "stopped";

        tree_write("is-slow", "");
        settings.compile_deadline_usec = SECONDS / 2;
        update(0);
        assert_compiled("lxc-web\n");
        assert_refused("lxc-web", text, false);
        assert_int_equal(retry_usec, 60 * SECONDS);

        look.now_usec += 59 * SECONDS;
        update(0);
        assert_compiled("");
        assert_refused("lxc-web", text, false);
        assert_int_equal(retry_usec, 1 * SECONDS);

        look.now_usec += 1 * SECONDS;
        update(0);
        assert_compiled("lxc-web\n");
        assert_int_equal(retry_usec, 120 * SECONDS);

        tree_remove("is-slow");
        look.now_usec += 120 * SECONDS;
        update(1);
        assert_compiled("lxc-web\n");
        assert_good("lxc-web");
        assert_int_equal(retry_usec, PHX_NEVER);
}

static void what_ran_out_of_memory_is_tried_again_too(void **state) {
        tree_write("is-short", "");
        settings.compile_memory = 64UL << 20;
        update(0);
        assert_refused("lxc-web",
                       "lxc-web: compile needed more than 64 MiB (compile_memory_mb) and was "
                       "stopped",
                       false);
        assert_int_equal(retry_usec, 60 * SECONDS);
        tree_remove("is-short");
        look.now_usec += 60 * SECONDS;
        update(1);
        assert_good("lxc-web");
}

static void a_limit_that_was_raised_is_tried_at_once(void **state) {
        tree_write("is-short", "");
        settings.compile_memory = 64UL << 20;
        update(0);
        assert_compiled("lxc-web\n");
        tree_remove("is-short");
        settings.compile_memory = 128UL << 20;
        update(1);
        assert_compiled("lxc-web\n");
        assert_good("lxc-web");
}

static void what_a_setting_forbids_now_was_good_only_before(void **state) {
        static const char text[] =
                        "lxc-web: 'lxc-web' is in mode complain, expected enforce or kill";

        tree_write("profiles/abstractions/web", "# complain\n");
        settings.allow_complain = true;
        update(1);
        assert_good("lxc-web");
        assert_int_equal(find("lxc-web")->policy.items[0].mode, PHX_POLICY_COMPLAIN);
        settings.allow_complain = false;
        update(0);
        assert_refused("lxc-web", text, true);
}

static void what_a_setting_allows_now_was_refused_only_before(void **state) {
        tree_write("profiles/abstractions/web", "# complain\n");
        update(0);
        assert_refused("lxc-web",
                       "lxc-web: 'lxc-web' is in mode complain, expected enforce or kill",
                       false);
        assert_compiled("lxc-web\n");
        update(0);
        assert_compiled("");
        settings.allow_complain = true;
        update(1);
        assert_good("lxc-web");
}

/* --- what is tried before it is in force */

static unsigned trials;

static int on_try(void *data, const void *blob, size_t size, struct phx_error *why) {
        trials++;
        return 0;
}

/* A kernel that denies everything. */
static int on_ask(
                void *data,
                const char *profile,
                const struct phx_policy_query *query,
                uint32_t mask,
                bool *ret_allowed,
                struct phx_error *why) {
        *ret_allowed = false;
        return 0;
}

static void on_forget(void *data) {
}

static void assert_trials(unsigned count) {
        assert_int_equal(trials, count);
        trials = 0;
}

static void a_test_is_asked_when_it_or_the_policy_is_another(void **state) {
        update(1);
        assert_trials(0);
        tree_write("profiles/lxc-web.test", "deny file w /x\n");
        update(1);
        assert_good("lxc-web");
        assert_trials(1);
        update(0);
        assert_trials(0);
        start(true);
        update(0);
        assert_good("lxc-web");
        assert_trials(0);
        tree_write("profiles/lxc-web", "profile lxc-web { } # another\n");
        update(1);
        assert_trials(1);
        tree_remove("profiles/lxc-web.test");
        update(1);
        assert_good("lxc-web");
        assert_trials(0);
}

static void a_test_that_fails_keeps_the_last_good_one(void **state) {
        char key[PHX_SHA256_HEX];

        update(1);
        memcpy(key, phx_inventory_profile(&inventory, "lxc-web")->key, sizeof(key));
        tree_write("profiles/lxc-web.test", "deny file w /x\nallow file r /y\n");
        for (int i = 0; i < 2; i++) {
                update(0);
                assert_refused("lxc-web",
                               "lxc-web.test: line 2: expected 'allow file r /y', but for 'r /y' the "
                               "policy denies it",
                               true);
        }
        assert_trials(1);
        assert_string_equal(phx_inventory_profile(&inventory, "lxc-web")->key, key);
        tree_write("profiles/lxc-web.test", "deny file r /y\n");
        update(1);
        assert_good("lxc-web");
}

static void a_test_without_a_profile_is_told(void **state) {
        tree_write("profiles/lxc-none.test", "deny file w /x\n");
        update(1);
        assert_good("lxc-web");
        assert_int_equal(desired->refusal_count, 1);
        assert_string_equal(desired->refusals[0].object, "lxc-none.test");
}

static void a_name_that_another_file_defines_is_refused(void **state) {
        update(1);
        assert_int_equal(
                        phx_definitions_scan(
                                        "\nprofile lxc-web {\n}\n",
                                        20,
                                        "somebody",
                                        &definitions),
                        0);
        update(0);
        assert_refused("lxc-web",
                       "lxc-web: line 1: /deployed/somebody:2 already defines a profile of this "
                       "name; rename one of the two",
                       true);
        assert_compiled("lxc-web\n");

        /* In the file that is ours it is no other's. */
        phx_definitions_done(&definitions);
        assert_int_equal(
                        phx_definitions_scan("profile lxc-web {\n}\n", 19, "lxc-web", &definitions),
                        0);
        update(0);
        assert_good("lxc-web");
}

static void a_source_that_is_being_written_waits(void **state) {
        int fd;

        update(1);
        fd = open(tree_path("profiles/lxc-web"), O_WRONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        update(0);
        (void) close(fd);
        assert_int_equal(find("lxc-web")->state, PHX_SOURCE_WRITING);
        assert_true(find("lxc-web")->has_good);
        assert_good("abstractions/web");
        update(0);
        assert_good("lxc-web");
}

static void a_piece_that_would_not_be_there_at_boot_is_refused(void **state) {
        tree_write("profiles/lxc-web", "profile lxc-web {\n  include <local/web>\n}\n");
        tree_write("profiles/local/web", "file,\n");
        update(0);
        assert_refused("lxc-web",
                       "lxc-web: line 2: include of 'local/web': phoenixd does not deploy this "
                       "file; expected a name in abstractions/ or tunables/",
                       false);
        /* Elsewhere it is the machine's own, and there at boot. */
        tree_remove("profiles/local");
        tree_write("deployed/local/web", "file,\n");
        update(1);
        assert_good("lxc-web");
}

/* --- what is gone --- */

static void a_source_that_is_gone_is_withdrawn_and_may_be_forgotten(void **state) {
        size_t size = 0;

        tree_write("profiles/lxc-db", DB);
        update(1);
        tree_remove("profiles/lxc-web");
        update(0);
        assert_good("lxc-db");
        assert_int_equal(find("lxc-web")->state, PHX_SOURCE_WITHDRAWN);
        assert_int_equal(find("abstractions/web")->state, PHX_SOURCE_WITHDRAWN);
        assert_true(find("lxc-web")->has_good);

        phx_profiles_forget(profiles, "lxc-web");
        phx_profiles_forget(profiles, "abstractions/web");
        update(0);
        assert_int_equal(desired->profile_count, 1);
        assert_null(text_of(WEB, &size));
}

static void an_empty_directory_withdraws_nothing(void **state) {
        update(1);
        tree_remove("profiles/lxc-web");
        update(0);
        assert_directory_refused(
                        "/profiles: is empty, expected profiles; phoenixd does not take an empty "
                        "directory as an order to remove them");
        assert_good("lxc-web");
        assert_good("abstractions/web");
}

static void a_directory_that_was_always_empty_is_nothing_to_refuse(void **state) {
        tree_remove("profiles/lxc-web");
        update(0);
        assert_int_equal(desired->refusal_count, 0);
        assert_int_equal(desired->profile_count, 0);
}

static void a_missing_directory_withdraws_nothing(void **state) {
        update(1);
        tree_remove("profiles");
        update(0);
        assert_directory_refused("/profiles: No such file or directory");
        assert_good("lxc-web");
        assert_good("abstractions/web");
        tree_write("profiles/abstractions/web", "file,\n");
        tree_write("profiles/lxc-web", WEB);
        update(0);
        assert_int_equal(desired->refusal_count, 0);
        assert_compiled("lxc-web\n");
}

static void a_directory_that_others_can_write_changes_nothing(void **state) {
        update(1);
        tree_write("profiles/lxc-evil", "profile lxc-evil {\n}\n");
        assert_int_equal(chmod(tree_path("profiles"), 0777), 0);
        update(0);
        assert_directory_refused(
                        "/profiles: 'profiles' is writable by group or others (mode 0777), expected "
                        "by its owner alone");
        assert_good("lxc-web");
        assert_null(phx_desired_find_profile(desired, "lxc-evil"));
}

static void without_apparmor_all_stays_as_it_is(void **state) {
        update(1);
        tree_write("profiles/lxc-db", DB);
        look.features = NULL;
        update(0);
        assert_directory_refused("cannot be compiled without AppArmor in the kernel");
        assert_good("lxc-web");
        assert_null(phx_desired_find_profile(desired, "lxc-db"));
}

static void without_a_compiler_all_stays_as_it_is(void **state) {
        char text[PATH_MAX + 64];

        update(1);
        tree_remove("parser");
        update(0);
        (void) snprintf(text, sizeof(text), "%s: No such file or directory", parser);
        assert_directory_refused(text);
        assert_good("lxc-web");
}

static void other_features_compile_all_again(void **state) {
        options.parser_config = "/parser.conf";
        start(false);
        update(1);
        assert_compiled("lxc-web\n");
        tree_write("features", "one");
        tree_write("parser.conf", "policy-features=/features\n");
        update(1);
        assert_compiled("lxc-web\n");
        update(0);
        assert_compiled("");
}

static void while_the_loaders_settings_are_written_nothing_is_said(void **state) {
        phx_autoclose int fd = -1;

        options.parser_config = "/parser.conf";
        tree_write("parser.conf", "");
        start(false);
        update(1);
        fd = open(tree_path("parser.conf"), O_WRONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        update(0);
        assert_directory_refused("/parser.conf: is still being written");
        assert_true(desired->refusals[0].is_transient);
        assert_good("lxc-web");
}

/* --- what is kept --- */

static void another_compiler_makes_all_anew(void **state) {
        update(1);
        assert_compiled("lxc-web\n");
        write_compiler("the second");
        update(1);
        assert_compiled("lxc-web\n");
        assert_int_equal(count_cached(), 1);
}

static void what_is_cached_is_not_compiled(void **state) {
        update(1);
        assert_compiled("lxc-web\n");
        start(false);
        update(0);
        assert_compiled("");
        assert_good("lxc-web");
}

static void a_restart_recalls_what_was_good(void **state) {
        phx_autofree char *blob = NULL;
        size_t size = 0;

        update(1);
        assert_compiled("lxc-web\n");
        tree_write("profiles/lxc-web", "profile lxc-web {\n  bogus\n}\n");
        start(true);
        update(0);
        assert_refused("lxc-web", "lxc-web: line 2: bogus", true);
        assert_good("abstractions/web");
        assert_string_equal(text_of(WEB, &size), WEB);
        assert_int_equal(phx_profiles_blob(profiles, find("lxc-web")->key, &blob, &size), 0);
        assert_true(size > 0);
}

static void a_lost_policy_is_compiled_once_more(void **state) {
        phx_autofree char *blob = NULL;
        char path[PATH_MAX];
        size_t size = 0;

        update(1);
        assert_compiled("lxc-web\n");
        (void) snprintf(path,
                        sizeof(path),
                        "cache/%s.policy",
                        phx_inventory_profile(&inventory, "lxc-web")->key);
        tree_remove(path);
        assert_int_equal(count_cached(), 0);
        assert_int_equal(phx_profiles_blob(profiles, find("lxc-web")->key, &blob, &size), -ENOENT);
        update(0);
        assert_compiled("lxc-web\n");
        assert_int_equal(phx_profiles_blob(profiles, find("lxc-web")->key, &blob, &size), 0);
        update(0);
        assert_compiled("");
        assert_int_equal(phx_profiles_blob(profiles, NONE, &blob, &size), -ENOENT);
}

static void policies_that_nobody_needs_are_pruned_with_the_next_change(void **state) {
        tree_write("profiles/lxc-db", DB);
        update(1);
        assert_int_equal(count_cached(), 2);
        tree_write("profiles/lxc-web", "profile lxc-web {\n}\n");
        update(1);
        assert_int_equal(count_cached(), 2);
        tree_remove("profiles/lxc-web");
        update(0);
        /* Withdrawn, and yet in force. */
        assert_int_equal(count_cached(), 2);
        phx_profiles_forget(profiles, "lxc-web");
        tree_write("profiles/lxc-db", "profile lxc-db {\n  # other\n}\n");
        update(1);
        assert_int_equal(count_cached(), 1);
}

/* --- what is watched --- */

static bool is_watched(const char *path) {
        phx_cleanup(phx_strings_done) struct phx_strings watches = { 0 };

        assert_int_equal(phx_profiles_watches(profiles, &watches), 0);
        return phx_strings_has(&watches, tree_path(path));
}

static void the_place_of_an_include_is_watched(void **state) {
        update(1);
        assert_true(is_watched("profiles/abstractions"));
        assert_true(is_watched("profiles"));
        assert_false(is_watched("profiles/abstractions/web"));
}

/* Its mending must be seen. */
static void the_place_of_an_include_that_is_refused_is_watched(void **state) {
        assert_int_equal(chmod(tree_path("profiles/abstractions/web"), 0666), 0);
        update(0);
        assert_refused("lxc-web",
                       "lxc-web: line 2: include of 'abstractions/web': "
                       "/profiles/abstractions/web: 'web' is writable by group or others (mode "
                       "0666), expected by its owner alone",
                       false);
        assert_true(is_watched("profiles/abstractions"));
}

static void the_place_behind_a_link_to_it_is_watched_too(void **state) {
        tree_write("profiles/lxc-web",
                   "profile lxc-web {\n  include <abstractions/web>\n  include "
                   "<abstractions/link>\n}\n");
        tree_write("profiles/abstractions/far/real", "file,\n");
        tree_link("profiles/abstractions/link", "far/real");
        assert_int_equal(chmod(tree_path("profiles/abstractions/far/real"), 0666), 0);
        update(0);
        assert_int_equal(find("lxc-web")->state, PHX_SOURCE_REFUSED);
        assert_true(is_watched("profiles/abstractions/far"));
        assert_int_equal(chmod(tree_path("profiles/abstractions/far/real"), 0644), 0);
        update(1);
        assert_good("lxc-web");
        assert_true(is_watched("profiles/abstractions/far"));
}

static void the_place_of_a_source_behind_a_link_is_watched(void **state) {
        tree_remove("profiles/lxc-web");
        tree_write("profiles/hidden/lxc-web", WEB);
        tree_link("profiles/lxc-web", "hidden/lxc-web");
        update(1);
        assert_good("lxc-web");
        assert_true(is_watched("profiles/hidden"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(a_source_is_compiled_and_desired_with_its_piece),
                TEST(a_second_look_changes_and_compiles_nothing),
                TEST(a_version_is_news_once_when_it_was_judged_good),
                TEST(hashes_are_those_of_the_kernel),
                TEST(an_include_that_changes_recompiles_its_users_alone),
                TEST(a_broken_source_is_not_tried_again_until_it_is_another),
                TEST(a_broken_source_that_was_never_good_has_nothing_in_force),
                TEST(a_refused_source_keeps_the_pieces_of_its_last_good_one),
                TEST(what_ran_out_of_time_is_tried_again_after_a_while),
                TEST(what_ran_out_of_memory_is_tried_again_too),
                TEST(a_limit_that_was_raised_is_tried_at_once),
                TEST(what_a_setting_forbids_now_was_good_only_before),
                TEST(what_a_setting_allows_now_was_refused_only_before),
                TEST(a_test_is_asked_when_it_or_the_policy_is_another),
                TEST(a_test_that_fails_keeps_the_last_good_one),
                TEST(a_test_without_a_profile_is_told),
                TEST(a_name_that_another_file_defines_is_refused),
                TEST(a_source_that_is_being_written_waits),
                TEST(a_piece_that_would_not_be_there_at_boot_is_refused),
                TEST(a_source_that_is_gone_is_withdrawn_and_may_be_forgotten),
                TEST(an_empty_directory_withdraws_nothing),
                TEST(a_directory_that_was_always_empty_is_nothing_to_refuse),
                TEST(a_missing_directory_withdraws_nothing),
                TEST(a_directory_that_others_can_write_changes_nothing),
                TEST(without_apparmor_all_stays_as_it_is),
                TEST(without_a_compiler_all_stays_as_it_is),
                TEST(other_features_compile_all_again),
                TEST(while_the_loaders_settings_are_written_nothing_is_said),
                TEST(another_compiler_makes_all_anew),
                TEST(what_is_cached_is_not_compiled),
                TEST(a_restart_recalls_what_was_good),
                TEST(a_lost_policy_is_compiled_once_more),
                TEST(policies_that_nobody_needs_are_pruned_with_the_next_change),
                TEST(the_place_of_an_include_is_watched),
                TEST(the_place_of_an_include_that_is_refused_is_watched),
                TEST(the_place_behind_a_link_to_it_is_watched_too),
                TEST(the_place_of_a_source_behind_a_link_is_watched),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
