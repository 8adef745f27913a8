/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "codec/settings_json.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/trust.h"
#include "codec/json.h"
#include "codec/settings_accept.h"
#include "config.h"
#include "state/backend.h"
#include "state/configuration.h"

#define USEC_PER_MSEC 1000ULL
#define USEC_PER_SEC 1000000ULL
#define USEC_PER_MINUTE (60 * USEC_PER_SEC)
#define MIB (1024ULL * 1024)

#define FIELD(name) offsetof(struct phx_settings, name)
#define JOBS_LIMIT 64
/* What a site's package installs. */
#define SITE_PROFILES PHX_DATADIR "/site/apparmor.d"
#define SITE_CONFIGURATION PHX_DATADIR "/site/phoenix_lxc_configs.json"
/* A key that is farther away than this was not misspelt. */
#define MEANT_LIMIT 3

static const char *mode_word(unsigned value) {
        return phx_mode_to_string((enum phx_mode) value);
}

static const char *namespace_word(unsigned value) {
        return phx_namespace_policy_to_string((enum phx_namespace_policy) value);
}

static const char *restart_word(unsigned value) {
        return phx_restart_policy_to_string((enum phx_restart_policy) value);
}

static const char *gate_word(unsigned value) {
        return phx_boot_gate_to_string((enum phx_boot_gate) value);
}

static const char *backend_word(unsigned value) {
        return phx_backends_to_string((enum phx_backends) value);
}

#define WORD(name, names, last) \
        .kind = PHX_SETTING_WORD, .offset = FIELD(name), .word = names, .words = last + 1

static const struct phx_setting settings_table[] = {
        { "configuration",
          PHX_SETTING_SOURCE,
          FIELD(configuration),
          PHX_SYSCONFDIR "/phoenix_lxc_configs.json" },
        { "profile_dir", PHX_SETTING_SOURCE, FIELD(profile_dir), PHX_SYSCONFDIR "/apparmor.d" },
        { "deployed_dir", PHX_SETTING_PATH, FIELD(deployed_dir), "/etc/apparmor.d" },
        { "lxc_path", PHX_SETTING_PATH, FIELD(lxc_path), "/var/lib/lxc" },
        { "backend", WORD(backend, backend_word, PHX_BACKENDS_PVE), .text = "auto" },
        { "mode", WORD(mode, mode_word, PHX_MODE_OBSERVE), .text = PHX_DEFAULT_MODE },
        { "default_profile", PHX_SETTING_PROFILE, FIELD(default_profile), "unconfined" },
        { "policy_namespace",
          WORD(policy_namespace, namespace_word, PHX_NAMESPACE_NEVER),
          .text = "auto" },
        { "boot_gate", WORD(boot_gate, gate_word, PHX_BOOT_GATE_OFF), .text = "refuse" },
        { "boot_gate_without_state",
          WORD(boot_gate_without_state, gate_word, PHX_BOOT_GATE_WARN),
          .text = "warn" },
        { "debounce_ms",
          PHX_SETTING_NUMBER,
          FIELD(debounce_usec),
          NULL,
          200,
          10,
          10000,
          USEC_PER_MSEC },
        { "longest_delay_ms",
          PHX_SETTING_NUMBER,
          FIELD(longest_delay_usec),
          NULL,
          2000,
          100,
          60000,
          USEC_PER_MSEC },
        { "resync_s", PHX_SETTING_NUMBER, FIELD(resync_usec), NULL, 600, 10, 86400, USEC_PER_SEC },
        { "label_resync_s",
          PHX_SETTING_NUMBER,
          FIELD(label_resync_usec),
          NULL,
          0,
          0,
          86400,
          USEC_PER_SEC },
        { "compile_jobs", PHX_SETTING_JOBS, FIELD(compile_jobs), NULL, 0, 0, JOBS_LIMIT, 1 },
        { "compile_deadline_s",
          PHX_SETTING_NUMBER,
          FIELD(compile_deadline_usec),
          NULL,
          60,
          1,
          3600,
          USEC_PER_SEC },
        { "compile_memory_mb",
          PHX_SETTING_NUMBER,
          FIELD(compile_memory),
          NULL,
          1024,
          64,
          65536,
          MIB },
        { "allow_complain", PHX_SETTING_FLAG, FIELD(allow_complain) },
        { "allow_unconfined_flag", PHX_SETTING_FLAG, FIELD(allow_unconfined_flag) },
        { "adopt_deployed", PHX_SETTING_FLAG, FIELD(adopt_deployed) },
        { "manage_autostart", PHX_SETTING_FLAG, FIELD(manage_autostart), .standard = true },
        { "manage_state", PHX_SETTING_FLAG, FIELD(manage_state), .standard = true },
        { "metrics_file", PHX_SETTING_FILE, FIELD(metrics_file) },
        { "apparmor_restart",
          WORD(restart.policy, restart_word, PHX_RESTART_IMMEDIATE),
          .text = "never" },
        { "restart_windows", PHX_SETTING_LINES, FIELD(restart.windows) },
        { "restart_window_minutes",
          PHX_SETTING_NUMBER,
          FIELD(restart.window_usec),
          NULL,
          60,
          1,
          10080,
          USEC_PER_MINUTE },
        { "restart_jobs", PHX_SETTING_COUNT, FIELD(restart.jobs), NULL, 1, 1, 64, 1 },
        { "restart_interval_s",
          PHX_SETTING_NUMBER,
          FIELD(restart.interval_usec),
          NULL,
          5,
          0,
          86400,
          USEC_PER_SEC },
        { "restart_deadline_s",
          PHX_SETTING_NUMBER,
          FIELD(restart.deadline_usec),
          NULL,
          300,
          10,
          86400,
          USEC_PER_SEC },
        { "restart_rollback", PHX_SETTING_FLAG, FIELD(restart.rollback) },
        { "restart_health", PHX_SETTING_FILE, FIELD(restart.health) },
        { "restart_health_s",
          PHX_SETTING_NUMBER,
          FIELD(restart.health_usec),
          NULL,
          30,
          1,
          3600,
          USEC_PER_SEC },
        { "accept", PHX_SETTING_ACCEPT, FIELD(accepted) },
};

const struct phx_setting *phx_settings_table(size_t *ret_count) {
        *ret_count = PHX_ELEMENTS(settings_table);
        return settings_table;
}

static unsigned resolve_jobs(long long jobs) {
        long processors = sysconf(_SC_NPROCESSORS_ONLN);

        if (jobs > 0)
                return (unsigned) jobs;
        if (processors < 1)
                return 1;
        return processors > JOBS_LIMIT ? JOBS_LIMIT : (unsigned) processors;
}

static bool word_from_string(
                const struct phx_setting *setting,
                const char *text,
                unsigned *ret_value) {
        for (unsigned i = 0; i < setting->words; i++)
                if (strcmp(text, setting->word(i)) == 0) {
                        *ret_value = i;
                        return true;
                }
        return false;
}

static void store_number(const struct phx_setting *setting, void *field, long long number) {
        if (setting->kind == PHX_SETTING_JOBS)
                *(unsigned *) field = resolve_jobs(number);
        else if (setting->kind == PHX_SETTING_COUNT)
                *(unsigned *) field = (unsigned) number;
        else
                *(uint64_t *) field = (uint64_t) number * setting->unit;
}

static void *field_of(const struct phx_setting *setting, struct phx_settings *settings) {
        return (unsigned char *) settings + setting->offset;
}

static int set_default(const struct phx_setting *setting, struct phx_settings *settings) {
        void *field = field_of(setting, settings);

        switch (setting->kind) {
        case PHX_SETTING_PATH:
        case PHX_SETTING_SOURCE:
        case PHX_SETTING_PROFILE:
                return phx_replace(field, setting->text);
        case PHX_SETTING_FILE:
                return phx_replace(field, NULL);
        case PHX_SETTING_WORD:
                (void) word_from_string(setting, setting->text, field);
                return 0;
        case PHX_SETTING_JOBS:
        case PHX_SETTING_COUNT:
        case PHX_SETTING_NUMBER:
                store_number(setting, field, setting->standard);
                return 0;
        case PHX_SETTING_FLAG:
                *(bool *) field = setting->standard != 0;
                return 0;
        case PHX_SETTING_LINES:
        case PHX_SETTING_ACCEPT:
                return 0; /* none */
        }
        return -EINVAL;
}

static bool is_inside(const char *path, const char *directory) {
        return strcmp(path, directory) == 0 || phx_is_below(path, directory);
}

static bool are_nested(const char *a, const char *b) {
        return is_inside(a, b) || is_inside(b, a);
}

/* What the site's package has is below the host's own, which is neither in the cluster's file
 * system, which has a distribution of its own, nor that very place. What is deployed there must not
 * be read as a source. */
static int settings_find_site(struct phx_settings *settings) {
        const char *profiles = SITE_PROFILES, *configuration = SITE_CONFIGURATION;

        if (phx_is_remote(settings->profile_dir) || are_nested(settings->profile_dir, profiles) ||
            are_nested(settings->deployed_dir, profiles))
                profiles = NULL;
        if (phx_is_remote(settings->configuration) ||
            strcmp(settings->configuration, configuration) == 0)
                configuration = NULL;
        if (phx_replace(&settings->site_profile_dir, profiles) < 0)
                return -ENOMEM;
        return phx_replace(&settings->site_configuration, configuration);
}

int phx_settings_defaults(struct phx_settings **ret_settings) {
        phx_cleanup(phx_settings_freep) struct phx_settings *settings = NULL;

        settings = calloc(1, sizeof(*settings));
        if (!settings)
                return -ENOMEM;

        for (size_t i = 0; i < PHX_ELEMENTS(settings_table); i++) {
                int r = set_default(&settings_table[i], settings);

                if (r < 0)
                        return r;
        }
        if (settings_find_site(settings) < 0)
                return -ENOMEM;

        *ret_settings = PHX_TAKE(settings);
        return 0;
}

/* The cluster file system may not answer: what is written, or looked at without the worker of
 * pve/worker.h, cannot be there. What is read only can, in our directory of it. */
static int refuse_remote(
                const struct phx_json_place *place,
                enum phx_setting_kind kind,
                struct phx_error *error) {
        if (kind == PHX_SETTING_SOURCE)
                return phx_json_refuse_found(
                                error,
                                place,
                                "expected a path below " PHX_REMOTE_OURS
                                ", or outside " PHX_REMOTE_ROOT);
        return phx_json_refuse_found(
                        error,
                        place,
                        "expected a path outside " PHX_REMOTE_ROOT
                        ": Proxmox's cluster file system may not answer");
}

static int read_path(
                const struct phx_json_place *place,
                enum phx_setting_kind kind,
                const json_t *value,
                const char **ret_path,
                struct phx_error *error) {
        static const char what[] = "an absolute path without '//', '.', '..' or a '/' at the end";
        const char *path = NULL;
        int r;

        r = phx_json_string(place, value, what, &path, error);
        if (r < 0)
                return r;
        if (!phx_is_normal_path(path))
                return phx_json_refuse_found(error, place, "expected %s", what);
        if (phx_is_remote(path) &&
            (kind != PHX_SETTING_SOURCE || !phx_has_prefix(path, PHX_REMOTE_OURS "/")))
                return refuse_remote(place, kind, error);

        *ret_path = path;
        return 0;
}

static int settings_set_text(
                const struct phx_setting *setting,
                char **field,
                const struct phx_json_place *place,
                const json_t *value,
                struct phx_error *error) {
        const char *text = NULL;
        int r;

        if (setting->kind == PHX_SETTING_PROFILE)
                r = phx_json_profile(place, value, &text, error);
        else
                r = read_path(place, setting->kind, value, &text, error);
        if (r < 0)
                return r;

        r = phx_replace(field, text);
        return r < 0 ? phx_json_no_memory(error, place->text) : 0;
}

/* "auto", "lxc" or "pve", each in quotes. */
static int settings_add_words(const struct phx_setting *setting, struct phx_buffer *text) {
        int r = 0;

        for (unsigned i = 0; r >= 0 && i < setting->words; i++)
                r = phx_buffer_addf(
                                text,
                                "%s\"%s\"",
                                i == 0                    ? ""
                                : i + 1 == setting->words ? " or "
                                                          : ", ",
                                setting->word(i));
        return r;
}

static int set_word(
                const struct phx_setting *setting,
                unsigned *field,
                const struct phx_json_place *place,
                const json_t *value,
                struct phx_error *error) {
        phx_cleanup(phx_buffer_done) struct phx_buffer what = { 0 };
        const char *text = NULL;
        int r;

        if (settings_add_words(setting, &what) < 0)
                return phx_json_no_memory(error, place->text);
        r = phx_json_string(place, value, what.data, &text, error);
        if (r < 0)
                return r;
        if (!word_from_string(setting, text, field))
                return phx_json_refuse_found(error, place, "expected %s", what.data);
        return 0;
}

static int set_value(
                const struct phx_setting *setting,
                struct phx_settings *settings,
                const struct phx_json_place *place,
                const json_t *value,
                struct phx_error *error) {
        const struct phx_json_range range = { setting->lowest, setting->highest };
        void *field = field_of(setting, settings);
        long long number = 0;
        int r;

        switch (setting->kind) {
        case PHX_SETTING_FILE:
                if (json_is_null(value))
                        return phx_replace(field, NULL);
                return settings_set_text(setting, field, place, value, error);
        case PHX_SETTING_PATH:
        case PHX_SETTING_SOURCE:
        case PHX_SETTING_PROFILE:
                return settings_set_text(setting, field, place, value, error);
        case PHX_SETTING_WORD:
                return set_word(setting, field, place, value, error);
        case PHX_SETTING_JOBS:
        case PHX_SETTING_COUNT:
        case PHX_SETTING_NUMBER:
                r = phx_json_integer(place, value, range, &number, error);
                if (r >= 0)
                        store_number(setting, field, number);
                return r;
        case PHX_SETTING_FLAG:
                return phx_json_boolean(place, value, field, error);
        case PHX_SETTING_LINES:
                return phx_json_strings(place, value, field, error);
        case PHX_SETTING_ACCEPT:
                return phx_acceptances_read(place, value, field, error);
        }
        return -EINVAL;
}

static int refuse_key(const struct phx_json_place *place, struct phx_error *error) {
        phx_cleanup(phx_strings_done) struct phx_strings known = { 0 };

        for (size_t i = 0; i < PHX_ELEMENTS(settings_table); i++)
                if (phx_strings_add(&known, settings_table[i].key) < 0)
                        return phx_json_no_memory(error, place->text);

        return phx_json_refuse_key(
                        error,
                        place,
                        phx_json_nearest(place->key, &known, MEANT_LIMIT),
                        &known);
}

static const struct phx_setting *find_setting(const char *key) {
        for (size_t i = 0; i < PHX_ELEMENTS(settings_table); i++)
                if (strcmp(settings_table[i].key, key) == 0)
                        return &settings_table[i];
        return NULL;
}

static int set_one(
                const struct phx_json_place *place,
                const json_t *value,
                struct phx_settings *settings,
                struct phx_error *error) {
        const struct phx_setting *setting = find_setting(place->key);

        if (setting)
                return set_value(setting, settings, place, value, error);
        if (!phx_json_is_comment(place->key))
                return refuse_key(place, error);
        if (!json_is_string(value))
                return phx_json_refuse_found(
                                error,
                                place,
                                "expected a string, since a key that begins with '//' or '$' is a "
                                "comment");
        return 0;
}

static int settings_set_all(
                const struct phx_json_place *root,
                json_t *object,
                struct phx_settings *settings,
                struct phx_error *error) {
        bool failed = false;
        const char *key;
        json_t *value;
        int r;

        json_object_foreach(object, key, value) {
                const struct phx_json_place place = phx_json_member(root, key);

                r = set_one(&place, value, settings, error);
                if (r < 0 && !phx_error_goes_on(error, r))
                        return r;
                failed |= r < 0;
        }
        return failed ? -EINVAL : 0;
}

static int check_delays(
                const struct phx_json_place *root,
                const json_t *object,
                const struct phx_settings *settings,
                struct phx_error *error) {
        const struct phx_json_place debounce = phx_json_member(root, "debounce_ms"),
                                    longest = phx_json_member(root, "longest_delay_ms");

        if (settings->debounce_usec <= settings->longest_delay_usec)
                return 0;
        /* The other one may be a default, which has no line. */
        if (json_object_get(object, "longest_delay_ms"))
                return phx_json_refuse_found(
                                error,
                                &longest,
                                "expected at least debounce_ms, which is %llu",
                                (unsigned long long) (settings->debounce_usec / USEC_PER_MSEC));
        return phx_json_refuse_found(
                        error,
                        &debounce,
                        "expected at most longest_delay_ms, which is %llu",
                        (unsigned long long) (settings->longest_delay_usec / USEC_PER_MSEC));
}

/* What is deployed must never be read as a source: a profile would then be its own author. */
static int check_directories(
                const struct phx_json_place *root,
                const json_t *object,
                const struct phx_settings *settings,
                struct phx_error *error) {
        const char *sources = settings->profile_dir, *deployed = settings->deployed_dir;
        bool sources_given = json_object_get(object, "profile_dir");
        const struct phx_json_place place = phx_json_member(
                        root,
                        sources_given ? "profile_dir" : "deployed_dir");

        if (!are_nested(sources, deployed))
                return 0;
        return phx_json_refuse_found(
                        error,
                        &place,
                        "expected a directory apart from %s, which is '%s'",
                        sources_given ? "deployed_dir" : "profile_dir",
                        sources_given ? deployed : sources);
}

static void settings_note_line(const struct phx_json_place *root, struct phx_settings *settings) {
        const struct phx_json_place place = phx_json_member(root, "default_profile");
        struct phx_json_member member;

        if (phx_json_find(&place, &member))
                settings->default_profile_line = (unsigned) phx_json_line(
                                root->text,
                                member.value.begin);
}

int phx_settings_parse(
                const char *file,
                const char *text,
                size_t size,
                struct phx_settings **ret_settings,
                struct phx_error *error) {
        phx_cleanup(phx_settings_freep) struct phx_settings *settings = NULL;
        phx_cleanup(phx_json_decref) json_t *object = NULL;
        const struct phx_json_text source = { file, text, size };
        const struct phx_json_place root = { .text = &source };
        int r;

        if (size > PHX_SETTINGS_LIMIT)
                return phx_error_set(
                                error,
                                -EFBIG,
                                "%s: is larger than %zu MiB",
                                file,
                                PHX_SETTINGS_LIMIT / (size_t) MIB);
        r = phx_json_load(&source, NULL, &object, error);
        if (r < 0)
                return r;
        if (phx_settings_defaults(&settings) < 0)
                return phx_json_no_memory(error, &source);

        r = settings_set_all(&root, object, settings, error);
        if (r < 0)
                return r;
        settings_note_line(&root, settings);
        r = check_delays(&root, object, settings, error);
        if (r < 0)
                return r;
        r = check_directories(&root, object, settings, error);
        if (r < 0)
                return r;
        if (settings_find_site(settings) < 0)
                return phx_json_no_memory(error, &source);

        *ret_settings = PHX_TAKE(settings);
        return 0;
}
