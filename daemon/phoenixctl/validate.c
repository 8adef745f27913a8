/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "phoenixctl/validate.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/trust.h"
#include "codec/configuration_json.h"
#include "codec/configuration_review.h"
#include "codec/settings_json.h"
#include "codec/settings_windows.h"
#include "config.h"
#include "lxc/option_review.h"
#include "policy/test.h"
#include "profiles/offline.h"

/* Names that a working copy has, as a machine's directory of settings has them. */
#define SETTINGS_NAME "phoenixd.json"
#define CONFIGURATION_NAME "phoenix_lxc_configs.json"
#define PROFILES_NAME "apparmor.d"

/* --- what is what --- */

static int validate_set(
                char **field,
                const char *value,
                const char *what,
                struct phx_error *error) {
        if (*field && strcmp(*field, value) != 0)
                return phx_error_set(
                                error,
                                -EINVAL,
                                "%s: is a second %s beside %s, expected only one",
                                value,
                                what,
                                *field);
        return phx_replace(field, value);
}

/* True and the path when DIRECTORY has a file or directory NAME. */
static bool validate_has(
                const char *directory,
                const char *name,
                mode_t type,
                char path[PATH_MAX]) {
        struct stat st;

        return snprintf(path, PATH_MAX, "%s/%s", directory, name) < PATH_MAX &&
               stat(path, &st) == 0 && (st.st_mode & S_IFMT) == type;
}

/* One that looks like the machine's directory of settings, or one of profiles. */
static int take_directory(
                struct validation *validation,
                const char *directory,
                struct phx_error *error) {
        bool is_settings = false;
        char path[PATH_MAX];
        int r = 0;

        if (validate_has(directory, SETTINGS_NAME, S_IFREG, path)) {
                is_settings = true;
                r = validate_set(&validation->settings_path, path, "file of settings", error);
        }
        if (r >= 0 && validate_has(directory, CONFIGURATION_NAME, S_IFREG, path)) {
                is_settings = true;
                r = validate_set(&validation->configuration_path, path, "configuration", error);
        }
        if (r >= 0 && validate_has(directory, PROFILES_NAME, S_IFDIR, path))
                return validate_set(&validation->profile_dir, path, "directory of profiles", error);
        if (r < 0 || is_settings)
                return r;
        return validate_set(&validation->profile_dir, directory, "directory of profiles", error);
}

/* Whether the JSON text has a key like KEY, or so nearly like it that it is meant. */
static bool has_key_like(const char *text, const char *key) {
        const char *from = strchr(text, '"'), *to;
        char word[64];

        for (; from && (to = strchr(from + 1, '"')); from = strchr(to + 1, '"')) {
                (void) snprintf(word, sizeof(word), "%.*s", (int) (to - from - 1), from + 1);
                if (to[1 + strspn(to + 1, " \t\r\n")] == ':' &&
                    (phx_alike(word, key) || phx_distance(word, key) <= 2))
                        return true;
        }
        return false;
}

static bool is_configuration(const char *text, const char *path) {
        return phx_has_suffix(path, "/" CONFIGURATION_NAME) || has_key_like(text, "lxc_configs") ||
               has_key_like(text, "apparmor_profile") || has_key_like(text, "lxc_options");
}

/* JSON tells by its content what it is: names differ from place to place. */
static int take_json(struct validation *validation, const char *path, struct phx_error *error) {
        const struct phx_trust trust = { .root = "/",
                                         .anyone = true,
                                         .remote_copy = PHX_REMOTE_ROOT };
        phx_autofree char *text = NULL;
        size_t size = 0;
        int r;

        r = phx_trust_read(&trust, path, PHX_CONFIGURATION_LIMIT, &text, &size, error);
        if (r < 0)
                return r;
        if (is_configuration(text, path))
                return validate_set(&validation->configuration_path, path, "configuration", error);
        validation->is_taken_for_settings = !phx_has_suffix(path, "/" SETTINGS_NAME);
        return validate_set(&validation->settings_path, path, "file of settings", error);
}

/* A profile, its test, or a piece, which is judged by the profiles that include it. */
static int validate_take_profile(
                struct validation *validation,
                char *path,
                struct phx_error *error) {
        char *name = strrchr(path, '/'), *piece = strstr(path, "/abstractions/");
        int r;

        if (!piece)
                piece = strstr(path, "/tunables/");
        if (piece) {
                *piece = '\0';
                return validate_set(&validation->profile_dir, path, "directory of profiles", error);
        }
        *name++ = '\0';
        r = validate_set(
                        &validation->profile_dir,
                        path[0] ? path : "/",
                        "directory of profiles",
                        error);
        if (phx_has_suffix(name, PHX_POLICY_TEST_SUFFIX))
                name[strlen(name) - strlen(PHX_POLICY_TEST_SUFFIX)] = '\0';
        return r < 0 ? r : phx_strings_add_once(&validation->only, name);
}

static int validate_take(struct validation *validation, const char *word, struct phx_error *error) {
        phx_autofree char *path = realpath(word, NULL);
        struct stat st;

        if (!path || stat(path, &st) < 0)
                return phx_error_errno(error, word);
        if (S_ISDIR(st.st_mode))
                return take_directory(validation, path, error);
        if (phx_has_suffix(path, ".json"))
                return take_json(validation, path, error);
        return validate_take_profile(validation, path, error);
}

/* As the other arguments are: from the working directory. With a root the file is in that tree. */
static int settle_settings(
                struct validation *validation,
                const char *root,
                struct phx_error *error) {
        phx_autofree char *path = NULL;
        size_t length = root ? strlen(root) : 0;

        if (!validation->settings_path || validation->settings_path[0] == '/')
                return 0;
        path = realpath(validation->settings_path, NULL);
        if (!path)
                return phx_error_errno(error, validation->settings_path);
        if (length <= 1)
                return phx_replace(&validation->settings_path, path);
        if (strncmp(path, root, length) != 0 || path[length] != '/')
                return phx_error_set(
                                error,
                                -EINVAL,
                                "--settings: %s is not in the tree %s, expected a path in it",
                                path,
                                root);
        return phx_replace(&validation->settings_path, path + length);
}

int validation_of(
                struct validation *validation,
                char *const *words,
                size_t count,
                struct phx_error *error) {
        phx_autofree char *root = NULL;
        int r = 0;

        if (validation->root) {
                root = realpath(validation->root, NULL);
                if (!root)
                        return phx_error_errno(error, validation->root);
        }
        if (root && count > 0)
                return phx_error_set(
                                error,
                                -EINVAL,
                                "--root: expected no files, as it checks all files of the tree");
        r = settle_settings(validation, root, error);
        if (r < 0)
                return r;
        validation->is_in_force = count == 0 && !root;
        validation->looks_at_all = count == 0;
        r = phx_replace(&validation->root, root ? root : "/");
        if (r >= 0)
                r = phx_printf(&validation->remote, "%s" PHX_REMOTE_ROOT, root ? root : "");
        for (size_t i = 0; r >= 0 && i < count; i++)
                r = validate_take(validation, words[i], error);
        if (r < 0)
                return r;
        validation->may_lack_settings = !validation->settings_path;
        if (!validation->settings_path)
                return phx_replace(&validation->settings_path, PHX_SYSCONFDIR "/" SETTINGS_NAME);
        return 0;
}

/* A path that is not absolute is to be passed over: see the XDG Base Directory Specification. */
int validation_find_cache(struct validation *validation) {
        /* The process has one thread. NOLINTBEGIN(concurrency-mt-unsafe) */
        const char *caches = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
        /* NOLINTEND(concurrency-mt-unsafe) */

        if (caches && caches[0] == '/')
                return phx_printf(&validation->cache_dir, "%s/phoenixd", caches);
        if (home && home[0] == '/')
                return phx_printf(&validation->cache_dir, "%s/.cache/phoenixd", home);
        return 0;
}

void validation_done(struct validation *validation) {
        free(validation->cache_dir);
        free(validation->root);
        free(validation->remote);
        free(validation->settings_path);
        free(validation->configuration_path);
        free(validation->profile_dir);
        phx_strings_done(&validation->only);
        phx_settings_free(validation->settings);
}

/* --- reading --- */

static struct phx_trust trust_of(const struct validation *validation) {
        return (struct phx_trust){ .root = validation->root,
                                   .anyone = !validation->is_in_force,
                                   .remote_copy = validation->remote };
}

/* What cannot be read is a mistake as any other. */
static int add_unreadable(
                struct phx_findings *findings,
                const char *path,
                const struct phx_error *error,
                int code) {
        if (code == -ENOMEM)
                return code;
        phx_findings_add_error(findings, error, code, path);
        return 0;
}

/* What a parser of ours said, of which everything but a want of memory is in the list. */
static int said(struct phx_findings *findings,
                const char *path,
                const struct phx_error *error,
                int code) {
        return code == -EINVAL || code >= 0 ? 0 : add_unreadable(findings, path, error, code);
}

static int validate_read_settings(struct validation *validation, struct phx_findings *findings) {
        const struct phx_trust trust = trust_of(validation);
        const char *path = validation->settings_path;
        struct phx_error error = { .all = findings };
        phx_autofree char *text = NULL;
        size_t size = 0;
        int r;

        r = phx_trust_read(&trust, path, PHX_SETTINGS_LIMIT, &text, &size, &error);
        if (r < 0 && (r != -ENOENT || !validation->may_lack_settings)) {
                /* Of this machine, where a working copy is looked at: the defaults do. */
                if (!validation->may_lack_settings || validation->looks_at_all)
                        r = add_unreadable(findings, path, &error, r);
                text = NULL;
        } else if (r >= 0) {
                size_t errors = findings->errors;

                r = phx_settings_parse(path, text, size, &validation->settings, &error);
                if (r >= 0)
                        r = phx_settings_check_windows(
                                        &(struct phx_json_text){ path, text, size },
                                        validation->settings,
                                        &phx_calendar_systemd,
                                        &error);
                r = said(findings, path, &error, r);
                if (findings->errors > errors && validation->is_taken_for_settings)
                        phx_findings_add(
                                        findings,
                                        PHX_SEVERITY_WARNING,
                                        &(struct phx_position){ path, 0, 0 },
                                        "checked as settings, because it has no key 'lxc_configs', "
                                        "below which a configuration has its containers");
        }
        if (r == -ENOMEM || validation->settings)
                return r < 0 ? r : 0;
        return phx_settings_defaults(&validation->settings);
}

/* As the daemon decides it: the host has no configuration of its own. */
static bool validate_is_site(const struct validation *validation) {
        const struct phx_settings *settings = validation->settings;
        const struct phx_trust trust = trust_of(validation);

        return settings->site_configuration &&
               phx_trust_is_absent(&trust, settings->configuration) &&
               !phx_trust_is_absent(&trust, settings->site_configuration);
}

/* Where the settings point to, unless the command line did. */
static int settle_paths(struct validation *validation) {
        struct phx_settings *settings = validation->settings;
        int r = 0;

        if (!validation->profile_dir && !validation->looks_at_all)
                validation->skips_profiles = true;
        if (validation->looks_at_all && !validation->configuration_path)
                r = phx_replace(&validation->configuration_path,
                                validate_is_site(validation) ? settings->site_configuration
                                                             : settings->configuration);
        if (r < 0 || !validation->profile_dir)
                return r;
        /* A working copy by itself: what this machine's site has is not below it. */
        r = phx_replace(&settings->site_profile_dir, NULL);
        return r < 0 ? r : phx_replace(&settings->profile_dir, validation->profile_dir);
}

/* Only their entries are of interest: what is wrong with the profiles is not what was asked for. */
static int judge_entries(
                const struct validation *validation,
                struct phx_offline *offline,
                struct phx_findings *findings) {
        phx_cleanup(phx_findings_done) struct phx_findings all = { 0 };
        phx_cleanup(phx_strings_done) struct phx_strings only = { 0 };
        const struct phx_configuration *configuration = offline->configuration;
        int r = 0;

        for (size_t i = 0; r >= 0 && configuration && i < configuration->count; i++)
                if (strcmp(configuration->containers[i].profile, "unconfined") != 0)
                        r = phx_strings_add_once(&only, configuration->containers[i].profile);
        if (r < 0 || only.count == 0)
                return r;
        offline->only = &only;
        r = phx_offline_judge(offline, &all, NULL);
        for (size_t i = 0; r != -ENOMEM && i < all.count; i++) {
                const struct phx_finding *finding = &all.items[i];

                if (finding->rule && strcmp(finding->file, validation->configuration_path) == 0)
                        phx_findings_add_rule(
                                        findings,
                                        &(struct phx_finding_rule){ finding->rule,
                                                                    finding->number,
                                                                    finding->accepted },
                                        &(struct phx_position){ finding->file,
                                                                finding->line,
                                                                finding->column },
                                        finding->text);
        }
        return r == -ENOMEM ? r : 0;
}

static struct phx_offline offline_of(
                const struct validation *validation,
                const struct phx_trust *trust) {
        return (struct phx_offline){
                .trust = trust,
                .parser = PHX_PARSER,
                .settings = validation->settings,
                .only = validation->only.count > 0 ? &validation->only : NULL,
                .configuration_path = validation->configuration_path,
                .settings_path = validation->settings_path,
                .cache_dir = validation->cache_dir,
        };
}

static int validate_judge_profiles(
                struct validation *validation,
                const struct phx_configuration *configuration,
                struct phx_findings *findings,
                struct phx_error *error) {
        const struct phx_trust trust = trust_of(validation);
        struct phx_offline offline = offline_of(validation, &trust);
        int r;

        offline.configuration = configuration;
        if (validation->skips_profiles)
                return judge_entries(validation, &offline, findings);
        r = phx_offline_judge(&offline, findings, error);
        return r < 0 ? phx_error_set(error,
                                     r,
                                     "%s; therefore no profile was compiled or tested",
                                     strdupa(phx_error_text(error, r)))
                     : 0;
}

/* 0 where it is not known, which is a finding unless the profiles are skipped; 1 where it is. */
static int validate_read_names(
                const struct validation *validation,
                struct phx_findings *findings,
                struct phx_strings *names) {
        const struct phx_trust trust = trust_of(validation);
        const struct phx_offline offline = offline_of(validation, &trust);
        struct phx_error why = { 0 };
        int r;

        r = phx_offline_names(&offline, names, &why);
        if (r >= 0)
                return 1;
        if (validation->skips_profiles)
                return r == -ENOMEM ? r : 0;
        return add_unreadable(findings, validation->settings->profile_dir, &why, r);
}

static int validate_read_configuration(
                struct validation *validation,
                struct phx_findings *findings,
                const struct phx_strings *names,
                struct phx_configuration **ret_configuration) {
        phx_cleanup(phx_configuration_freep) struct phx_configuration *configuration = NULL;
        const struct phx_trust trust = trust_of(validation);
        const char *path = validation->configuration_path;
        struct phx_error why = { .all = findings };
        phx_autofree char *text = NULL;
        size_t size = 0;
        int r;

        r = phx_trust_read(&trust, path, PHX_CONFIGURATION_LIMIT, &text, &size, &why);
        if (r < 0)
                return add_unreadable(findings, path, &why, r);
        r = phx_configuration_parse(
                        path,
                        text,
                        size,
                        validation->settings->default_profile,
                        &configuration,
                        &why);
        r = said(findings, path, &why, r);
        if (r < 0 || !configuration)
                return r;
        phx_configuration_review(
                        &(struct phx_json_text){ path, text, size },
                        configuration,
                        validation->settings,
                        names,
                        findings);
        *ret_configuration = PHX_TAKE(configuration);
        return 0;
}

/* The root is printed, too: who asked for a tree must find the file. */
static int complete_files(const struct validation *validation, struct phx_findings *findings) {
        if (strcmp(validation->root, "/") == 0)
                return 0;
        for (size_t i = 0; i < findings->count; i++) {
                char **file = &findings->items[i].file, *path = NULL;

                if (phx_printf(&path, "%s%s", validation->root, *file) < 0)
                        return -ENOMEM;
                free(*file);
                *file = path;
        }
        return 0;
}

int validation_run(
                struct validation *validation,
                struct phx_findings *findings,
                struct phx_error *error) {
        phx_cleanup(phx_configuration_freep) struct phx_configuration *configuration = NULL;
        phx_cleanup(phx_strings_done) struct phx_strings names = { 0 };
        int r, known, judged = 0, tried = 0;

        r = validate_read_settings(validation, findings);
        if (r >= 0)
                r = settle_paths(validation);
        known = r < 0 ? r : validate_read_names(validation, findings, &names);
        if (known < 0)
                return known;
        if (validation->configuration_path)
                r = validate_read_configuration(
                                validation,
                                findings,
                                known > 0 ? &names : NULL,
                                &configuration);
        if (r >= 0 && known > 0)
                judged = validate_judge_profiles(validation, configuration, findings, error);
        if (r >= 0 && configuration)
                tried = phx_options_review(
                                validation->configuration_path,
                                configuration,
                                validation->is_in_force,
                                findings,
                                judged < 0 ? NULL : error);
        if (r >= 0)
                r = complete_files(validation, findings);
        /* What could not be judged does not keep the rest from being printed. */
        if (r < 0)
                return r;
        return judged < 0 ? judged : tried;
}
