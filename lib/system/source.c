#include "system/source.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/grow.h"
#include "base/strings.h"
#include "state/configuration.h"

static int refuse_source(struct phx_source *source, const char *why) {
        source->result = phx_error_set(&source->error, -EINVAL, "%s: %s", source->name, why);
        return 0;
}

static int read_source(
                struct phx_files *files,
                const char *profile_dir,
                struct phx_source *source) {
        phx_autofree char *path = NULL;

        if (!phx_is_profile_name(source->name))
                return refuse_source(
                                source,
                                "no profile can have this name, expected \"lxc-\" and then letters, "
                                "digits, '.', '_', '+' or '-'");
        if (asprintf(&path, "%s/%s", profile_dir, source->name) < 0) {
                path = NULL;
                return -ENOMEM;
        }

        source->seen = phx_files_get(files, path);
        if (!source->seen)
                return -ENOMEM;
        if (source->seen->result < 0) {
                (void) refuse_source(
                                source,
                                phx_error_text(&source->seen->error, source->seen->result));
                source->result = source->seen->result;
                return 0;
        }
        if (source->seen->size == 0)
                return refuse_source(source, "is empty, expected one profile");
        if (memchr(source->seen->text, '\0', source->seen->size))
                return refuse_source(source, "holds a NUL byte, expected text");
        return 0;
}

static int add_source(
                struct phx_files *files,
                const char *profile_dir,
                const char *name,
                struct phx_sources *sources) {
        struct phx_source *source = phx_grow(&sources->items, &sources->count, sizeof(*source));

        if (!source || phx_replace(&source->name, name) < 0)
                return -ENOMEM;
        return read_source(files, profile_dir, source);
}

static bool is_directory(int dir_fd, const char *name) {
        struct stat st;

        return fstatat(dir_fd, name, &st, 0) == 0 && S_ISDIR(st.st_mode);
}

static void closedirp(DIR **directory) {
        if (*directory)
                (void) closedir(*directory);
}

static int compare_sources(const void *a, const void *b) {
        const struct phx_source *x = a, *y = b;

        return strcmp(x->name, y->name);
}

static int list(struct phx_files *files,
                const char *profile_dir,
                DIR *directory,
                struct phx_sources *sources) {
        const struct dirent *entry;

        while ((entry = readdir(directory))) {
                int r;

                if (phx_file_is_ignored_name(entry->d_name) ||
                    is_directory(dirfd(directory), entry->d_name))
                        continue;
                r = add_source(files, profile_dir, entry->d_name, sources);
                if (r < 0)
                        return r;
        }
        if (sources->count > 1)
                qsort(sources->items, sources->count, sizeof(*sources->items), compare_sources);
        return 0;
}

int phx_sources_list(
                struct phx_files *files,
                const struct phx_trust *trust,
                const char *profile_dir,
                struct phx_sources *ret_sources,
                struct phx_error *error) {
        phx_cleanup(phx_sources_done) struct phx_sources sources = { 0 };
        phx_cleanup(closedirp) DIR *directory = NULL;
        phx_autoclose int fd = -1;
        int r;

        r = phx_trust_open_directory(trust, profile_dir, &fd, error);
        if (r < 0)
                return r;
        directory = fdopendir(fd);
        if (!directory)
                return phx_error_errno(error, profile_dir);
        fd = -1;

        r = list(files, profile_dir, directory, &sources);
        if (r < 0)
                return phx_error_set(error, r, "%s: %s", profile_dir, strerrordesc_np(-r));
        *ret_sources = sources;
        sources = (struct phx_sources){ 0 };
        return 0;
}

void phx_sources_done(struct phx_sources *sources) {
        for (size_t i = 0; i < sources->count; i++)
                free(sources->items[i].name);
        free(sources->items);
        *sources = (struct phx_sources){ 0 };
}

/* A walk over the top level of a profile's text, statement by statement. */
struct scan {
        const char *name;
        const struct phx_source_rules *rules;
        const char *at;
        unsigned line;
        unsigned profiles;
        struct phx_error *error;
};

static int complain(const struct scan *scan, unsigned line, const char *what, const char *found) {
        return phx_error_set(
                        scan->error,
                        -EINVAL,
                        "%s: line %u: %s%s%s%s",
                        scan->name,
                        line,
                        what,
                        found ? " '" : "",
                        found ? found : "",
                        found ? "'" : "");
}

/* One step, minding lines, comments and quotes: what is in a quote or a comment has no meaning. */
static void step(struct scan *scan) {
        if (*scan->at == '#') {
                scan->at += strcspn(scan->at, "\n");
                return;
        }
        if (*scan->at == '"') {
                const char *end = strchr(scan->at + 1, '"');

                for (scan->at++; *scan->at && scan->at != end; scan->at++)
                        scan->line += *scan->at == '\n';
                scan->at += *scan->at == '"';
                return;
        }
        /* Only a brace that opens a block counts: @{VAR} and {a,b} are part of a word. */
        scan->line += *scan->at == '\n';
        scan->at++;
}

static void skip_space(struct scan *scan) {
        while (*scan->at == '#' || isspace((unsigned char) *scan->at))
                step(scan);
}

/* Reads a word: up to white space; a quoted one without its quotes; braces inside belong to it. */
static void take_word(struct scan *scan, char *word, size_t size) {
        size_t length = 0;
        int depth = 0;

        word[0] = '\0';
        while (*scan->at && (depth > 0 || !isspace((unsigned char) *scan->at))) {
                if (*scan->at == '{' && length == 0)
                        break;
                depth += (*scan->at == '{' || *scan->at == '(') -
                         (depth > 0 && (*scan->at == '}' || *scan->at == ')'));
                if (*scan->at != '"' && length + 1 < size)
                        word[length++] = *scan->at;
                scan->line += *scan->at == '\n';
                scan->at++;
        }
        word[length] = '\0';
}

/* Past the block's closing brace. Inside, braces of alternations and variables balance as well. */
static void skip_block(struct scan *scan) {
        int depth = 0;

        while (*scan->at) {
                depth += (*scan->at == '{') - (*scan->at == '}');
                step(scan);
                if (depth == 0)
                        return;
        }
}

static int check_flags(const struct scan *scan, unsigned line, const char *flags) {
        if (strstr(flags, "complain") && !scan->rules->allow_complain)
                return complain(scan,
                                line,
                                "the flag 'complain' lets everything pass, expected none of it unless "
                                "allow_complain is set",
                                NULL);
        if ((strstr(flags, "unconfined") || strstr(flags, "default_allow")) &&
            !scan->rules->allow_unconfined)
                return complain(scan,
                                line,
                                "the flag 'unconfined' confines nobody, expected none of it unless "
                                "allow_unconfined_flag is set",
                                NULL);
        return 0;
}

/* What stands between the profile's name and its block. */
static int check_head(struct scan *scan) {
        char word[1024];

        for (skip_space(scan); *scan->at && *scan->at != '{'; skip_space(scan)) {
                unsigned line = scan->line;
                int r;

                take_word(scan, word, sizeof(word));
                if (word[0] == '/' || word[0] == '@')
                        return complain(scan,
                                        line,
                                        "a container's profile must not attach itself to programs of "
                                        "the host, found",
                                        word);
                r = check_flags(scan, line, word);
                if (r < 0)
                        return r;
        }
        skip_block(scan);
        return 0;
}

static int check_profile(struct scan *scan, unsigned line, const char *name) {
        if (++scan->profiles > 1)
                return complain(scan,
                                line,
                                "expected one profile in this file, found another one:",
                                name);
        if (strcmp(name, scan->name) != 0)
                return phx_error_set(
                                scan->error,
                                -EINVAL,
                                "%s: line %u: the profile is named '%s', expected the file's name '%s'",
                                scan->name,
                                line,
                                name,
                                scan->name);
        return check_head(scan);
}

/* One statement of the top level: a profile, or a preamble's line, which ends with its line or
 * comma. */
static int check_statement(struct scan *scan) {
        char word[1024];
        unsigned line = scan->line;

        take_word(scan, word, sizeof(word));
        if (strcmp(word, "profile") == 0 || strcmp(word, "hat") == 0) {
                skip_space(scan);
                line = scan->line;
                take_word(scan, word, sizeof(word));
                return check_profile(scan, line, word);
        }
        if (word[0] == '/' || strncmp(word, "lxc-", 4) == 0 || word[0] == ':')
                return check_profile(scan, line, word);

        while (*scan->at && *scan->at != '\n')
                step(scan);
        return 0;
}

int phx_source_check(
                const char *name,
                const char *text,
                const struct phx_source_rules *rules,
                struct phx_error *error) {
        struct scan scan = { name, rules, text, 1, 0, error };

        for (skip_space(&scan); *scan.at; skip_space(&scan)) {
                const char *before = scan.at;
                int r = check_statement(&scan);

                if (r < 0)
                        return r;
                if (scan.at == before)
                        step(&scan);
        }
        if (scan.profiles == 0)
                return phx_error_set(
                                error,
                                -EINVAL,
                                "%s: defines no profile, expected one named '%s'",
                                name,
                                name);
        return 0;
}
