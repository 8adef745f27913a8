/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "profiles/source.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/grow.h"
#include "base/sorted.h"
#include "base/strings.h"
#include "base/trust.h"
#include "policy/test.h"
#include "state/configuration.h"

static void source_done(struct phx_source *source) {
        free(source->name);
        free(source->error);
}

static void source_keep_error(struct phx_source *source, const struct phx_error *error) {
        free(source->error);
        source->error = phx_error_keep(error, source->result);
}

static int refuse_source(struct phx_source *source, const char *why) {
        struct phx_error error = { 0 };

        source->result = phx_error_set_in(&error, -EINVAL, source->name, "%s", why);
        source_keep_error(source, &error);
        return 0;
}

/* What follows a NUL is invisible to the parser, which would compile the rest. */
static int refuse_nul(struct phx_source *source, const struct phx_file_seen *seen, bool is_test) {
        phx_autofree char *test = NULL;
        struct phx_error error = { 0 };
        unsigned line, column;

        if (!seen->text || !phx_has_nul(seen->text, seen->size, &line, &column))
                return 0;
        if (is_test && phx_printf(&test, "%s%s", source->name, PHX_POLICY_TEST_SUFFIX) < 0)
                return -ENOMEM;
        source->result = phx_error_set_at(
                        &error,
                        -EINVAL,
                        &(struct phx_position){ test ? test : source->name, line, column },
                        "found a NUL byte at column %u, expected text",
                        column);
        source_keep_error(source, &error);
        return 0;
}

/* What can be said of a file before its text is looked into. */
static int judge_seen(struct phx_source *source, const struct phx_file_seen *seen, bool is_test) {
        if (seen->result < 0) {
                (void) refuse_source(source, phx_error_text(seen->error, seen->result));
                source->result = seen->result;
                return 0;
        }
        if (seen->size == 0 && !is_test)
                return refuse_source(source, "is empty, expected one profile");
        return refuse_nul(source, seen, is_test);
}

/* Where a name may be: the host's own directory, and the site's below it. */
struct source_places {
        struct phx_files *files;
        const char *own_dir, *site_dir;
        const struct phx_strings *own, *site; /* sorted; NULL: no such directory */
};

/* The file of that name which is in force. With PHX_TIER_MASKED there is none. */
static int source_see(
                const struct source_places *places,
                const char *name,
                const struct phx_file_seen **ret_seen,
                enum phx_tier *ret_tier) {
        bool is_own = places->own && phx_strings_has_sorted(places->own, name);
        bool is_site = places->site && phx_strings_has_sorted(places->site, name);
        phx_autofree char *path = NULL;
        const struct phx_file_seen *seen;

        if (phx_printf(&path, "%s/%s", is_own ? places->own_dir : places->site_dir, name) < 0)
                return -ENOMEM;
        seen = phx_files_see(places->files, path);
        if (!seen)
                return -ENOMEM;
        *ret_tier = is_own && is_site ? PHX_TIER_OVERRIDE : is_own ? PHX_TIER_LOCAL : PHX_TIER_SITE;
        if (is_own && is_site && seen->result == -PHX_TRUST_MASKED)
                *ret_tier = PHX_TIER_MASKED;
        *ret_seen = seen;
        return 0;
}

static int read_source(const struct source_places *places, struct phx_source *source) {
        int r = source_see(places, source->name, &source->seen, &source->tier);

        if (r < 0 || source->tier == PHX_TIER_MASKED)
                return r;
        if (!phx_is_profile_name(source->name))
                return refuse_source(
                                source,
                                "not a valid name of a profile, expected \"lxc-\" and then "
                                "letters, digits, '.', '_', '+' or '-'; move a file that is not a "
                                "profile to another directory");
        return judge_seen(source, source->seen, false);
}

static int add_source(
                const struct source_places *places,
                const char *name,
                struct phx_sources *sources) {
        struct phx_source *source = phx_grow(&sources->items, &sources->count, sizeof(*source));
        int r;

        if (!source || phx_replace(&source->name, name) < 0)
                return -ENOMEM;
        r = read_source(places, source);
        if (r < 0 || source->tier != PHX_TIER_MASKED)
                return r;
        source_done(source);
        sources->count--;
        return phx_strings_add(&sources->masked, name);
}

static int sources_compare_name(const void *name, const void *source) {
        return strcmp(name, ((const struct phx_source *) source)->name);
}

struct phx_source *phx_sources_find(const struct phx_sources *sources, const char *name) {
        return phx_find_sorted(
                        name,
                        sources->items,
                        sources->count,
                        sizeof(*sources->items),
                        sources_compare_name);
}

static int read_test(
                const struct source_places *places,
                const char *name,
                struct phx_source *source) {
        const struct phx_file_seen *seen = NULL;
        enum phx_tier tier = PHX_TIER_LOCAL;
        int r = source_see(places, name, &seen, &tier);

        if (r < 0 || tier == PHX_TIER_MASKED)
                return r;
        source->test = seen;
        return source->result < 0 ? 0 : judge_seen(source, source->test, true);
}

/* Each test belongs to the profile whose name it has, whichever of the two is the site's. */
static int take_tests(
                const struct source_places *places,
                const struct phx_strings *tests,
                struct phx_sources *sources) {
        for (size_t i = 0; i < tests->count; i++) {
                const char *name = tests->items[i];
                phx_autofree char *profile = strndup(
                                name,
                                strlen(name) - strlen(PHX_POLICY_TEST_SUFFIX));
                struct phx_source *source = profile ? phx_sources_find(sources, profile) : NULL;
                int r = 0;

                if (!profile)
                        return -ENOMEM;
                if (source)
                        r = read_test(places, name, source);
                else if (!phx_strings_has(&sources->masked, profile))
                        r = phx_strings_add(&sources->orphans, name);
                if (r < 0)
                        return r;
        }
        phx_strings_sort(&sources->orphans);
        return 0;
}

/* The names of both, sorted, each once. */
static int source_names(const struct source_places *places, struct phx_strings *names) {
        int r = places->own ? phx_strings_copy(names, places->own) : 0;

        if (r >= 0 && places->site)
                r = phx_strings_copy(names, places->site);
        phx_strings_unique(names);
        return r;
}

/* The names are sorted, and so are the sources. */
static int source_list(const struct source_places *places, struct phx_sources *sources) {
        phx_cleanup(phx_strings_done) struct phx_strings names = { 0 }, tests = { 0 };
        int r = source_names(places, &names);

        for (size_t i = 0; r >= 0 && i < names.count; i++) {
                const char *name = names.items[i];

                if (phx_file_is_ignored_name(name))
                        continue;
                r = phx_has_suffix(name, PHX_POLICY_TEST_SUFFIX)
                                    ? phx_strings_add(&tests, name)
                                    : add_source(places, name, sources);
        }
        return r < 0 ? r : take_tests(places, &tests, sources);
}

/* What may be absent has no names then. A link that leads nowhere is not absent: what it leads to
 * may not be mounted yet. */
static int source_list_directory(
                struct phx_files *files,
                const char *path,
                bool may_be_absent,
                const struct phx_strings **ret_names,
                struct phx_error *error) {
        const struct phx_directory_seen *directory = phx_files_list(files, path);
        const struct phx_file_seen *seen = NULL;

        if (directory && directory->result == -ENOENT && may_be_absent)
                seen = phx_files_see(files, path);
        if (!directory || (directory->result == -ENOENT && may_be_absent && !seen))
                return phx_error_set_in(error, -ENOMEM, path, "out of memory");
        if (seen && !seen->is_linked)
                return 0;
        if (directory->result < 0)
                return phx_error_copy(error, directory->result, directory->error);
        *ret_names = &directory->names;
        return 0;
}

int phx_sources_list(
                struct phx_files *files,
                const char *profile_dir,
                const char *site_dir,
                struct phx_sources *ret_sources,
                struct phx_error *error) {
        phx_cleanup(phx_sources_done) struct phx_sources sources = { 0 };
        struct source_places places = { files, profile_dir, site_dir, NULL, NULL };
        int r = 0;

        if (site_dir)
                r = source_list_directory(files, site_dir, true, &places.site, error);
        if (r >= 0)
                r = source_list_directory(
                                files,
                                profile_dir,
                                places.site && places.site->count > 0,
                                &places.own,
                                error);
        if (r < 0)
                return r;
        r = source_list(&places, &sources);
        if (r < 0)
                return phx_error_set_in(error, r, profile_dir, "%s", strerrordesc_np(-r));
        *ret_sources = sources;
        sources = (struct phx_sources){ 0 };
        return 0;
}

/* --- one look after another --- */

static int source_judge(struct phx_source *source) {
        int r;

        free(source->error);
        source->error = NULL;
        source->result = 0;
        r = judge_seen(source, source->seen, false);
        return r < 0 || !source->test || source->result < 0
                               ? r
                               : judge_seen(source, source->test, true);
}

/* The one whose file or test is at PATH. */
static struct phx_source *sources_find_path(const struct phx_sources *sources, const char *path) {
        const char *name = strrchr(path, '/') + 1;
        bool is_test = phx_has_suffix(name, PHX_POLICY_TEST_SUFFIX);
        phx_autofree char *profile = strndup(
                        name,
                        strlen(name) - (is_test ? strlen(PHX_POLICY_TEST_SUFFIX) : 0));
        struct phx_source *source = profile ? phx_sources_find(sources, profile) : NULL;
        const struct phx_file_seen *seen = !source ? NULL : is_test ? source->test : source->seen;

        return seen && source->seen && strcmp(seen->path, path) == 0 ? source : NULL;
}

int phx_sources_refresh(
                struct phx_sources *sources,
                const struct phx_files_used *used,
                uint64_t version) {
        for (size_t i = 0; i < used->count; i++) {
                struct phx_source *source;
                int r;

                if (phx_files_used_changed(used, i) <= version)
                        continue;
                source = sources_find_path(sources, phx_files_used_path(used, i));
                r = source ? source_judge(source) : 0;
                if (r < 0 || !source)
                        return r;
        }
        return 1;
}

static int source_read_text(
                struct phx_files *files,
                struct phx_source *source,
                const struct phx_file_seen *seen,
                bool is_test) {
        bool is_known = seen && (seen->text || seen->result < 0);

        if (seen && !phx_files_get(files, seen->path))
                return -ENOMEM;
        return !seen || is_known || source->result < 0 ? 0 : judge_seen(source, seen, is_test);
}

int phx_source_read(struct phx_files *files, struct phx_source *source) {
        int r = source_read_text(files, source, source->seen, false);

        return r < 0 ? r : source_read_text(files, source, source->test, true);
}

void phx_sources_keep(struct phx_sources *sources, const struct phx_strings *names) {
        size_t kept = 0;

        for (size_t i = 0; i < sources->count; i++) {
                if (phx_strings_has(names, sources->items[i].name))
                        sources->items[kept++] = sources->items[i];
                else
                        source_done(&sources->items[i]);
        }
        sources->count = kept;
        phx_strings_done(&sources->orphans);
}

void phx_sources_done(struct phx_sources *sources) {
        for (size_t i = 0; i < sources->count; i++)
                source_done(&sources->items[i]);
        free(sources->items);
        phx_strings_done(&sources->orphans);
        phx_strings_done(&sources->masked);
        *sources = (struct phx_sources){ 0 };
}
