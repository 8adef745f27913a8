/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `phoenixctl validate` uses the same judgement as the daemon, with every door to the machine
 * closed:
 *
 *   kernel     the features of a recorded kernel instead of the running one's, and the automata of
 *              the policy itself (policy/matcher.c) instead of questions to a kernel
 *   disk       no last known good: goods stay in memory; the only writes are in one directory below
 *              /tmp, which offline_judging_done() removes, and in a cache of compiled policies,
 *              which is the user's own and from which nothing is ever loaded. It has the daemon's
 *              form and keys, and a run without it has the same result
 *   accounts   those of the machine, or `nobody` when a tree of another machine is judged
 *
 * So a profile passes here exactly when the daemon would accept it, apart from what only a kernel
 * knows. After that come the warnings that the daemon does not have, as they are about the life of
 * a container: no init may be executed, no signal ends it (check_life), a piece hides another file
 * (check_piece).
 *
 * All findings carry their place: those of the judges (profiles.h), which also list each refusal,
 * and those that are added here. They name files of the profile directory without it, and
 * complete() makes paths of these. Without a compiler the texts are judged alone, and the error
 * about the compiler says to the caller that this was not all. */

#include "profiles/offline.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/file.h"
#include "compiler/stage.h"
#include "policy/cache.h"
#include "policy/matcher.h"
#include "policy/permissions.h"
#include "profiles/offline_lint.h"
#include "profiles/profiles.h"
#include "profiles/source.h"
#include "source/definers.h"
#include "source/files.h"
#include "state/configuration.h"

#define PIECE_LIMIT (1UL << 20)

/* Where an init is in the distributions that people run. */
static const char *const inits[] = {
        "/usr/lib/systemd/systemd", "/lib/systemd/systemd", "/sbin/init",
        "/usr/sbin/init",           "/bin/busybox",         "/usr/bin/busybox",
};

/* Who ends a container: LXC's monitor, in the profile that Debian and Proxmox have for it or in
 * none. */
static const char *const enders[] = { "/usr/bin/lxc-start", "unconfined" };

struct judging {
        const struct phx_offline *offline;
        struct phx_findings *findings;
        char directory[32]; /* temporary, of our own */
        char *stage;
        char *features;
        struct phx_definitions definitions;
        struct phx_policy_matcher matcher;
        struct phx_policy_prober prober;
        struct phx_profiles *profiles;
        struct phx_inventory inventory;
        struct phx_desired *desired;
        int cache_fd; /* -1: none */
        char features_id[sizeof("offline ") + PHX_SHA256_HEX];
};

/* What may stay of earlier runs: many times what a large host has, and a policy that was not used
 * for a month is of a text that is gone. */
static const struct phx_policy_cache_limits offline_limits = {
        .bytes = UINT64_C(256) << 20,
        .age_sec = UINT64_C(30) * 24 * 3600,
};

static void offline_close_cache(struct judging *judging) {
        static const struct phx_strings none;

        if (judging->cache_fd < 0)
                return;
        (void) phx_policy_cache_keep(judging->cache_fd, &none, &offline_limits);
        (void) close(judging->cache_fd);
}

static void offline_judging_done(struct judging *judging) {
        offline_close_cache(judging);
        phx_profiles_free(judging->profiles);
        phx_desired_free(judging->desired);
        phx_inventory_done(&judging->inventory);
        phx_definitions_done(&judging->definitions);
        if (judging->directory[0])
                (void) phx_stage_remove(judging->directory);
        free(judging->stage);
        free(judging->features);
}

/* --- what others define --- */

static int find_definitions(
                const struct phx_offline *offline,
                struct phx_definitions *ret_definitions,
                struct phx_error *error) {
        phx_cleanup(phx_definers_freep) struct phx_definers *definers = NULL;
        phx_autoclose int fd = -1;
        int r;

        r = phx_trust_open_directory(offline->trust, offline->settings->deployed_dir, &fd, error);
        if (r == -ENOENT)
                return 0; /* nothing is defined */
        if (r >= 0)
                r = phx_definers_new(&definers);
        return r < 0 ? r : phx_definers_observe(definers, fd, ret_definitions, error);
}

static int offline_list_sources(
                const struct phx_offline *offline,
                struct phx_files **ret_files,
                struct phx_sources *ret_sources,
                struct phx_error *error) {
        int r = phx_files_new(offline->trust, ret_files);

        return r < 0 ? r
                     : phx_sources_list(
                                       *ret_files,
                                       offline->settings->profile_dir,
                                       offline->settings->site_profile_dir,
                                       ret_sources,
                                       error);
}

int phx_offline_names(
                const struct phx_offline *offline,
                struct phx_strings *names,
                struct phx_error *error) {
        phx_cleanup(phx_definitions_done) struct phx_definitions definitions = { 0 };
        phx_cleanup(phx_sources_done) struct phx_sources sources = { 0 };
        phx_cleanup(phx_files_freep) struct phx_files *files = NULL;
        int r;

        r = offline_list_sources(offline, &files, &sources, error);
        for (size_t i = 0; r >= 0 && i < sources.count; i++)
                r = phx_strings_add(names, sources.items[i].name);
        if (r >= 0)
                r = find_definitions(offline, &definitions, error);
        for (size_t i = 0; r >= 0 && i < definitions.count; i++)
                r = phx_strings_add(names, definitions.items[i].name);
        return r < 0 ? r : 0;
}

/* --- a place to work in --- */

/* Nothing of it must outlive a crash. */
static int write_features(struct judging *judging, struct phx_error *error) {
        phx_autoclose int fd = -1;

        if (phx_printf(&judging->features, "%s/features", judging->directory) < 0)
                return -ENOMEM;
        fd = open(judging->features, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
        /* For the compiler's user, against the umask. */
        if (fd < 0 || fchmod(fd, 0644) < 0 || dprintf(fd, "%s", phx_offline_features) < 0)
                return phx_error_errno(error, judging->features);
        return 0;
}

/* Another kernel's features are other policies. */
static void offline_name_features(struct judging *judging) {
        char digest[PHX_SHA256_HEX];

        phx_sha256(phx_offline_features, strlen(phx_offline_features), digest);
        (void) snprintf(judging->features_id, sizeof(judging->features_id), "offline %s", digest);
}

/* What is wrong with it is not reported: without it all is compiled. */
static void offline_open_cache(struct judging *judging) {
        const char *path = judging->offline->cache_dir;
        phx_autoclose int fd = -1;
        struct stat st;

        if (!path || phx_directory_ensure(path, 0700) < 0)
                return;
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != geteuid() || (st.st_mode & 0022))
                return;
        (void) phx_file_remove_leftovers(fd);
        judging->cache_fd = PHX_TAKE_FD(fd);
}

static int make_room(struct judging *judging, struct phx_error *error) {
        char name[] = "/tmp/phoenixd-XXXXXX";
        int r;

        if (!mkdtemp(name))
                return phx_error_errno(error, name);
        (void) snprintf(judging->directory, sizeof(judging->directory), "%s", name);
        /* The compiler's user must get to its copies. */
        if (chmod(name, 0711) < 0)
                return phx_error_errno(error, name);
        if (phx_printf(&judging->stage, "%s/stage", name) < 0)
                return -ENOMEM;
        r = phx_directory_ensure(judging->stage, 0711);
        if (r >= 0 && chmod(judging->stage, 0711) < 0)
                r = phx_errno();
        return r < 0 ? phx_error_set(error, r, "%s: %s", name, strerrordesc_np(-r))
                     : write_features(judging, error);
}

/* --- what was found, as places in files --- */

static void offline_add(
                struct judging *judging,
                enum phx_severity severity,
                const char *name,
                const char *text) {
        phx_findings_add(
                        judging->findings,
                        severity,
                        &(struct phx_position){ name, 0, 0 },
                        "%s",
                        text);
}

int phx_offline_path(const struct phx_offline *offline, const char *name, char **ret_path) {
        const struct phx_settings *settings = offline->settings;
        phx_autoclose int fd = -1;
        mode_t mode = 0;
        int r = phx_printf(ret_path, "%s/%s", settings->profile_dir, name);

        if (r < 0 || !settings->site_profile_dir ||
            phx_trust_open_path(offline->trust, *ret_path, &fd, &mode, NULL) != -ENOENT)
                return r;
        free(*ret_path);
        return phx_printf(ret_path, "%s/%s", settings->site_profile_dir, name);
}

/* What is named without the directory. */
static int complete(struct judging *judging, size_t first) {
        for (size_t i = first; i < judging->findings->count; i++) {
                struct phx_finding *finding = &judging->findings->items[i];
                char *path = NULL;

                if (finding->file[0] == '/')
                        continue;
                if (phx_offline_path(judging->offline, finding->file, &path) < 0)
                        return -ENOMEM;
                free(finding->file);
                finding->file = path;
        }
        return 0;
}

/* --- judging --- */

static int offline_ask(
                const struct judging *judging,
                const char *profile,
                struct phx_policy_query *query,
                uint32_t mask,
                bool *allowed) {
        return judging->prober.ask(judging->prober.data, profile, query, mask, allowed, NULL);
}

static int allows_an_init(const struct judging *judging, const char *profile, bool *allowed) {
        int r = 0;

        for (size_t i = 0; r >= 0 && !*allowed && i < PHX_ELEMENTS(inits); i++) {
                struct phx_policy_query query = { 0 };

                r = phx_query_file(&query, inits[i]);
                if (r >= 0)
                        r = offline_ask(judging,
                                        profile,
                                        &query,
                                        AA_MAY_READ | AA_MAY_EXEC,
                                        allowed);
                phx_policy_query_done(&query);
        }
        return r;
}

static int allows_an_end(const struct judging *judging, const char *profile, bool *allowed) {
        int r = 0;

        for (size_t i = 0; r >= 0 && !*allowed && i < PHX_ELEMENTS(enders); i++) {
                struct phx_policy_query query = { 0 };

                r = phx_query_signal(&query, SIGKILL, enders[i]);
                if (r >= 0)
                        r = offline_ask(judging, profile, &query, PHX_QUERY_RECEIVE, allowed);
                phx_policy_query_done(&query);
        }
        return r;
}

/* What LXC needs of a profile was tried with each of them missing. */
static int check_loaded(struct judging *judging, const char *profile) {
        const struct phx_policy_entry *entry = phx_policy_find(&judging->matcher.policy, profile);
        bool has_init = false, has_end = false;
        int r;

        r = allows_an_init(judging, profile, &has_init);
        if (r >= 0)
                r = allows_an_end(judging, profile, &has_end);
        if (r < 0)
                return r == -ENOMEM ? r : 0; /* it cannot be asked, and nothing is said */
        if (!has_init)
                offline_add(judging,
                            PHX_SEVERITY_WARNING,
                            profile,
                            "no container can start with this profile: no init (/sbin/init, "
                            "/usr/lib/systemd/systemd, "
                            "/bin/busybox) may be read and executed; add a rule such as 'file,'");
        if (!entry || !((entry->capabilities >> CAP_SYS_ADMIN) & 1))
                offline_add(judging,
                            PHX_SEVERITY_WARNING,
                            profile,
                            "no container can start with this profile: LXC requires 'capability "
                            "sys_admin,'");
        if (!has_end)
                offline_add(judging,
                            PHX_SEVERITY_WARNING,
                            profile,
                            "lxc-stop cannot stop a container with this profile: it requires 'signal "
                            "receive,'");
        return 0;
}

/* It compiles and keeps the rules; that a container lives in it is another matter. */
static int check_life(struct judging *judging, const char *profile) {
        phx_autofree char *blob = NULL;
        size_t size = 0;
        int r;

        r = phx_profiles_blob(
                        judging->profiles,
                        phx_profiles_key(judging->profiles, profile),
                        &blob,
                        &size);
        if (r < 0)
                return r;
        r = judging->prober.load(judging->prober.data, blob, size, NULL);
        if (r < 0)
                return r;
        r = check_loaded(judging, profile);
        judging->prober.unload(judging->prober.data);
        return r;
}

/* A file that the distribution has too is left to it: phoenixd never takes its place. */
static int check_piece(struct judging *judging, const struct phx_desired_profile *piece) {
        const struct phx_offline *offline = judging->offline;
        phx_autofree char *path = NULL, *text = NULL;
        char digest[PHX_SHA256_HEX];
        size_t size = 0;
        int r;

        if (phx_printf(&path, "%s/%s", offline->settings->deployed_dir, piece->name) < 0)
                return -ENOMEM;
        r = phx_trust_read(offline->trust, path, PIECE_LIMIT, &text, &size, NULL);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        phx_sha256(text, size, digest);
        if (strcmp(digest, piece->digest) != 0)
                offline_add(judging,
                            PHX_SEVERITY_WARNING,
                            piece->name,
                            "deployed_dir has a different file of this name; if phoenixd did not deploy "
                            "it, phoenixd does not replace it, and the profiles that include it stay "
                            "pending");
        return 0;
}

static int take_desired(struct judging *judging) {
        int r = 0;

        for (size_t i = 0; i < judging->desired->refusal_count; i++) {
                const struct phx_refusal *refusal = &judging->desired->refusals[i];

                /* Of the directory as a whole phx_profiles_update() has said it. */
                if (refusal->refused == PHX_REFUSED_TEST)
                        offline_add(judging, PHX_SEVERITY_ERROR, refusal->object, refusal->text);
        }
        for (size_t i = 0; r >= 0 && i < judging->desired->profile_count; i++) {
                const struct phx_desired_profile *profile = &judging->desired->profiles[i];

                if (profile->state == PHX_SOURCE_REFUSED)
                        continue; /* likewise */
                if (profile->state == PHX_SOURCE_WRITING)
                        offline_add(judging,
                                    PHX_SEVERITY_ERROR,
                                    profile->name,
                                    "is still being written");
                else if (phx_is_piece_name(profile->name))
                        r = check_piece(judging, profile);
                else
                        r = check_life(judging, profile->name);
        }
        return r;
}

static int offline_judge(struct judging *judging, struct phx_error *error) {
        const struct phx_offline *offline = judging->offline;
        const struct phx_profiles_options options = {
                .trust = offline->trust,
                .parser = offline->parser,
                .parser_config = PHX_PARSER_CONFIG,
                /* A tree's accounts are not those of the machine that compiles. */
                .accounts = strcmp(offline->trust->root, "/") == 0 ? PHX_COMPILER_ACCOUNTS : NULL,
                .features_file = judging->features,
                .stage_dir = judging->stage,
                .cache_fd = -1,
                .good_fd = -1,
                .is_offline = true,
                .earlier_fd = judging->cache_fd >= 0 ? &judging->cache_fd : NULL,
                .prober = &judging->prober,
                .findings = judging->findings,
                .only = offline->only,
        };
        const struct phx_profiles_look look = {
                .settings = offline->settings,
                .features = judging->features_id,
                .hash_kind = PHX_HASH_NONE,
                .definitions = &judging->definitions,
        };
        size_t first = judging->findings->count;
        uint64_t retry_usec = 0;
        int r;

        judging->prober = phx_policy_matcher_prober(&judging->matcher);
        judging->desired = calloc(1, sizeof(*judging->desired));
        if (!judging->desired)
                return -ENOMEM;
        r = find_definitions(offline, &judging->definitions, error);
        if (r >= 0)
                r = phx_profiles_new(&options, &judging->profiles);
        if (r >= 0)
                r = phx_profiles_update(
                                judging->profiles,
                                &look,
                                &judging->inventory,
                                judging->desired,
                                &retry_usec);
        if (r >= 0)
                r = take_desired(judging);
        if (r >= 0)
                r = complete(judging, first);
        return r < 0 ? r
                     : phx_offline_lint(
                                       offline,
                                       judging->profiles,
                                       judging->desired,
                                       judging->findings);
}

static void add_unlisted(struct judging *judging, int code, const struct phx_error *error) {
        if (code < 0 && !error->is_listed)
                phx_findings_add_error(judging->findings, error, code, "");
}

/* Without a compiler: what the texts of profiles and tests say by themselves. */
static int judge_texts(struct judging *judging, struct phx_error *error) {
        const struct phx_offline *offline = judging->offline;
        const struct phx_source_rules rules = { offline->settings->allow_complain,
                                                offline->settings->allow_unconfined_flag };
        phx_cleanup(phx_sources_done) struct phx_sources sources = { 0 };
        phx_cleanup(phx_files_freep) struct phx_files *files = NULL;
        size_t first = judging->findings->count;
        int r;

        r = offline_list_sources(offline, &files, &sources, error);
        if (r >= 0 && offline->only)
                phx_sources_keep(&sources, offline->only);
        for (size_t i = 0; r >= 0 && i < sources.count; i++) {
                const struct phx_source *source = &sources.items[i];
                phx_cleanup(phx_policy_test_done) struct phx_policy_test test = { 0 };
                struct phx_error why = { .all = judging->findings };
                char name[256];

                if (source->result < 0) {
                        phx_findings_add_error(
                                        judging->findings,
                                        source->error,
                                        source->result,
                                        source->name);
                        continue;
                }
                add_unlisted(judging,
                             phx_source_check(source->name, source->seen->text, &rules, &why),
                             &why);
                (void) snprintf(name, sizeof(name), "%s" PHX_POLICY_TEST_SUFFIX, source->name);
                if (source->test)
                        add_unlisted(judging,
                                     phx_policy_test_parse(name, source->test->text, &test, &why),
                                     &why);
        }
        return r < 0 ? r : complete(judging, first);
}

int phx_offline_judge(
                const struct phx_offline *offline,
                struct phx_findings *findings,
                struct phx_error *error) {
        phx_cleanup(offline_judging_done) struct judging judging = {
                .offline = offline,
                .findings = findings,
                .cache_fd = -1,
        };
        int r;

        if (access(offline->parser, X_OK) < 0) {
                int missing = phx_error_errno(error, offline->parser);

                r = judge_texts(&judging, NULL);
                return r == -ENOMEM ? r : missing;
        }
        offline_name_features(&judging);
        offline_open_cache(&judging);
        r = make_room(&judging, error);
        return r < 0 ? r : offline_judge(&judging, error);
}
