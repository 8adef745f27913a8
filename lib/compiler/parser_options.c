/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "compiler/parser_options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define KERNEL "<kernel>"
#define KERNEL_DIRECTORY "/sys/kernel/security/apparmor/features"
/* The parser reads lines of so many bytes with their NUL; what is longer goes on as a line of its
 * own. */
#define LINE_SIZE 256

/* Where features come from, until it is known that no later line says otherwise. */
struct choice {
        char *path; /* or KERNEL */
        char *text;
        unsigned line;
};

struct reading {
        struct phx_files *files;
        const char *config;
        const char *deployed_dir;
        struct phx_parser_options options;
        struct choice policy;
        struct choice override;
        struct phx_strings *watches;
        struct phx_error *error;
        unsigned line;
};

static void choice_done(struct choice *choice) {
        free(choice->path);
        free(choice->text);
        *choice = (struct choice){ 0 };
}

static void reading_done(struct reading *reading) {
        choice_done(&reading->policy);
        choice_done(&reading->override);
        phx_parser_options_done(&reading->options);
}

static int parser_refuse(const struct reading *reading, const char *key, const char *why) {
        return phx_error_set_at(
                        reading->error,
                        -EINVAL,
                        &(struct phx_position){ reading->config, reading->line, 0 },
                        "%s: %s",
                        key,
                        why);
}

/* --- what a line says --- */

static int choose_path(struct reading *reading, struct choice *choice, const char *value) {
        choice_done(choice);
        choice->line = reading->line;
        /* The loader is started in the root directory. */
        if (phx_printf(&choice->path, "%s%s", value[0] == '/' ? "" : "/", value) < 0)
                return -ENOMEM;
        return 0;
}

static int choose(struct reading *reading, struct choice *choice, const char *value) {
        size_t length = strlen(KERNEL_DIRECTORY);

        if (strcmp(value, KERNEL) != 0 && (!phx_has_prefix(value, KERNEL_DIRECTORY) ||
                                           value[length + strspn(value + length, "/")]))
                return choose_path(reading, choice, value);
        choice_done(choice);
        choice->line = reading->line;
        return phx_replace(&choice->path, KERNEL);
}

static int parser_take_policy(struct reading *reading, const char *key, const char *value) {
        return choose(reading, &reading->policy, value);
}

static int take_override(struct reading *reading, const char *key, const char *value) {
        return choose(reading, &reading->override, value);
}

static int take_file(struct reading *reading, const char *key, const char *value) {
        return choose_path(reading, &reading->policy, value);
}

static int parser_take_text(struct reading *reading, const char *key, const char *value) {
        choice_done(&reading->policy);
        reading->policy.line = reading->line;
        return phx_replace(&reading->policy.text, value);
}

static int take_optimize(struct reading *reading, const char *key, const char *value) {
        if (strcmp(value, "show") == 0)
                return 0;
        if (reading->options.optimize.count == PHX_PARSER_OPTIMIZE_LIMIT)
                return parser_refuse(reading, key, "expected at most 16 values");
        return phx_strings_add(&reading->options.optimize, value);
}

static int take_place(struct reading *reading, const char *key, const char *value) {
        size_t length = strlen(reading->deployed_dir);

        if (phx_has_prefix(value, reading->deployed_dir) &&
            value[length + strspn(value + length, "/")] == '\0')
                return 0;
        return parser_refuse(
                        reading,
                        key,
                        "makes apparmor_parser search other directories for includes; phoenixd does "
                        "not support this");
}

static const struct {
        const char *key;
        int (*take)(struct reading *reading, const char *key, const char *value);
} keys[] = {
        { "policy-features", parser_take_policy },
        { "compile-features", parser_take_policy },
        { "features-file", take_file },
        { "match-string", parser_take_text },
        { "override-policy-abi", take_override },
        { "Optimize", take_optimize },
        { "optimize", take_optimize },
        { "Include", take_place },
        { "base", take_place },
};

/* KEY, blanks or '=', VALUE: blanks before the value are passed over, but no second '='. All to the
 * end of the line is the value, blanks at its end included. */
static int parser_take_line(struct reading *reading, char *line) {
        char *key, *value = NULL;

        line += strspn(line, " \t");
        if (line[0] == '#')
                return 0;
        key = strtok_r(line, " \t\r\n=", &value);
        if (!key)
                return 0;
        value += strspn(value, " \t");
        if (phx_has_suffix(value, "\n"))
                value[strlen(value) - 1] = '\0';
        for (size_t i = 0; i < PHX_ELEMENTS(keys); i++)
                if (strcmp(keys[i].key, key) == 0)
                        return value[0] ? keys[i].take(reading, key, value)
                                        : parser_refuse(reading, key, "has no value");
        return 0;
}

static int take_lines(struct reading *reading, const struct phx_file_seen *seen) {
        const char *at = seen->text, *end = at + seen->size;
        int r = 0;

        reading->line = 1;
        while (r >= 0 && at < end) {
                char line[LINE_SIZE];
                size_t length = (size_t) (end - at);
                const char *newline;

                if (length > sizeof(line) - 1)
                        length = sizeof(line) - 1;
                newline = memchr(at, '\n', length);
                if (newline)
                        length = (size_t) (newline - at) + 1;
                memcpy(line, at, length);
                line[length] = '\0';
                at += length;
                r = parser_take_line(reading, line);
                reading->line += newline != NULL;
        }
        return r;
}

/* --- what that is --- */

static int copy_text(struct phx_parser_features *features, const char *text, size_t size) {
        features->text = malloc(size + 1);
        if (!features->text)
                return -ENOMEM;
        memcpy(features->text, text, size);
        features->text[size] = '\0';
        features->size = size;
        return 0;
}

static int parser_read_features(
                const struct reading *reading,
                const struct choice *choice,
                struct phx_parser_features *ret_features) {
        const struct phx_file_seen *seen;
        int r;

        if (choice->text)
                return copy_text(ret_features, choice->text, strlen(choice->text));
        if (!choice->path)
                return 0;
        ret_features->of_kernel = strcmp(choice->path, KERNEL) == 0;
        if (ret_features->of_kernel)
                return 0;
        r = phx_files_watch(reading->files, choice->path, reading->watches);
        if (r < 0)
                return r;
        seen = phx_files_get(reading->files, choice->path);
        if (!seen)
                return -ENOMEM;
        if (seen->result < 0)
                return phx_error_set_at(
                                reading->error,
                                seen->result,
                                &(struct phx_position){ reading->config, choice->line, 0 },
                                "%s",
                                phx_error_text(seen->error, seen->result));
        return copy_text(ret_features, seen->text, seen->size);
}

int phx_parser_options_read(
                struct phx_files *files,
                const char *config,
                const char *deployed_dir,
                struct phx_parser_options *ret_options,
                struct phx_strings *watches,
                struct phx_error *error) {
        phx_cleanup(reading_done) struct reading reading = {
                .files = files,
                .config = config,
                .deployed_dir = deployed_dir,
                .watches = watches,
                .error = error,
        };
        const struct phx_file_seen *seen;
        int r;

        *ret_options = (struct phx_parser_options){ 0 };
        if (!config)
                return 0;
        seen = phx_files_get(files, config);
        if (!seen)
                return -ENOMEM;
        r = phx_files_watch(files, config, watches);
        if (r < 0)
                return r;
        if (seen->result == -ENOENT)
                return 0;
        if (seen->result < 0)
                return phx_error_copy(error, seen->result, seen->error);

        r = take_lines(&reading, seen);
        if (r >= 0)
                r = parser_read_features(&reading, &reading.policy, &reading.options.policy);
        if (r >= 0)
                r = parser_read_features(&reading, &reading.override, &reading.options.override);
        if (r < 0)
                return r;
        *ret_options = PHX_TAKE_STRUCT(reading.options);
        return 0;
}

void phx_parser_options_done(struct phx_parser_options *options) {
        free(options->policy.text);
        free(options->override.text);
        phx_strings_done(&options->optimize);
        *options = (struct phx_parser_options){ 0 };
}

static void name_features(const struct phx_parser_features *features, char name[PHX_SHA256_HEX]) {
        (void) snprintf(name, PHX_SHA256_HEX, "%s", features->of_kernel ? "kernel" : "-");
        if (features->text)
                phx_sha256(features->text, features->size, name);
}

char *phx_parser_options_identity(const struct phx_parser_options *options) {
        char policy[PHX_SHA256_HEX], override[PHX_SHA256_HEX];
        char *identity = NULL;

        name_features(&options->policy, policy);
        name_features(&options->override, override);
        if (phx_printf(&identity, "policy:%s override:%s", policy, override) < 0)
                return NULL;
        for (size_t i = 0; i < options->optimize.count; i++) {
                char *longer = NULL;

                (void) phx_printf(&longer, "%s -O%s", identity, options->optimize.items[i]);
                free(identity);
                identity = longer;
                if (!identity)
                        return NULL;
        }
        return identity;
}
