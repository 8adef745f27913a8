/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "source/includes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/grow.h"
#include "base/watches.h"

/* Debian's largest profile includes some forty files, five deep. */
#define FILES_LIMIT 1000
#define BYTES_LIMIT (16UL << 20)
#define DEPTH_LIMIT 64
#define INCLUDE_ROOTS 3

struct collect {
        struct phx_files *files;
        const struct phx_include_roots *roots;
        const char *profile;
        struct phx_closure closure;
        struct phx_strings watched; /* paths whose change will be seen already */
        size_t bytes;
        struct phx_error *error;
};

/* The include that is being followed: its name, and where it stands. */
struct site {
        const char *file; /* NULL in the profile itself */
        unsigned line;
        unsigned top; /* the line of the profile that leads there; its own in the profile itself */
        unsigned depth;
        bool is_abi;
        const char *name;
};

static int collect_references(
                struct collect *collect,
                const struct site *from,
                const struct phx_references *references);

static int includes_refuse(
                const struct collect *collect,
                const struct site *site,
                int code,
                const char *why) {
        char by[300] = "";
        int r;

        if (site->file)
                (void) snprintf(by,
                                sizeof(by),
                                " (included by %s:%u)",
                                collect->profile,
                                site->top);
        r = phx_error_set_at(
                        collect->error,
                        code,
                        &(struct phx_position){ site->file ? site->file : collect->profile,
                                                site->line,
                                                0 },
                        "%s of '%.128s': %s%s",
                        site->is_abi ? "abi" : "include",
                        site->name,
                        why,
                        by);
        if (site->file)
                phx_error_prefix(collect->error, collect->profile);
        return r;
}

char *phx_include_name(const char *name) {
        char *normal = malloc(strlen(name) + 1), *to = normal;

        if (!normal)
                return NULL;
        /* An absolute path stays one, for it is refused. */
        if (*name == '/')
                *to++ = '/';
        while (*name) {
                size_t length = strcspn(name, "/");

                if (length > 1 || (length == 1 && *name != '.')) {
                        memcpy(to, name, length);
                        to += length;
                        *to++ = '/';
                }
                name += length + (name[length] == '/');
        }
        if (to > normal + 1)
                to--;
        *to = '\0';
        return normal;
}

bool phx_include_means(const char *name, const char *item) {
        size_t length = strlen(name);

        return strncmp(item, name, length) == 0 &&
               (item[length] == '\0' || (item[length] == '/' && !strchr(item + length + 1, '/')));
}

const struct phx_include *phx_closure_find(const struct phx_closure *closure, const char *name) {
        for (size_t i = 0; i < closure->count; i++)
                if (strcmp(closure->items[i].name, name) == 0)
                        return &closure->items[i];
        return NULL;
}

static int includes_remember(
                struct collect *collect,
                const char *name,
                const char *path,
                const char *digest) {
        struct phx_include *item =
                        phx_grow(&collect->closure.items, &collect->closure.count, sizeof(*item));

        if (!item || phx_replace(&item->name, name) < 0 || phx_replace(&item->path, path) < 0)
                return -ENOMEM;
        memcpy(item->digest, digest, strlen(digest) + 1);
        return 0;
}

/* One file may be included many times. */
static int watch(struct collect *collect, const char *path) {
        int r = phx_strings_add_once(&collect->watched, path);

        return r <= 0 ? r : phx_files_watch(collect->files, path, &collect->closure.directories);
}

static int collect_file(
                struct collect *collect,
                const struct site *site,
                const struct phx_file_seen *seen) {
        const struct phx_references *references;
        unsigned line, column;
        char why[64];
        int r;

        if (seen->is_linked &&
            phx_files_watch(collect->files, seen->path, &collect->closure.directories) < 0)
                return -ENOMEM;
        if (seen->result < 0)
                return includes_refuse(
                                collect,
                                site,
                                seen->result == -EBUSY ? -EBUSY : -EINVAL,
                                phx_error_text(seen->error, seen->result));
        collect->bytes += seen->size;
        if (collect->closure.count >= FILES_LIMIT || collect->bytes > BYTES_LIMIT)
                return includes_refuse(
                                collect,
                                site,
                                -EINVAL,
                                "more than 1000 files or 16 MiB in all");
        if (site->depth >= DEPTH_LIMIT)
                return includes_refuse(
                                collect,
                                site,
                                -EINVAL,
                                "includes are nested more than 64 levels deep");
        if (phx_has_nul(seen->text, seen->size, &line, &column)) {
                (void) snprintf(why, sizeof(why), "NUL byte at line %u, column %u", line, column);
                return includes_refuse(collect, site, -EINVAL, why);
        }

        r = includes_remember(collect, site->name, seen->path, seen->digest);
        if (r < 0)
                return r;
        references = phx_files_references(collect->files, seen->path);
        if (!references)
                return -ENOMEM;
        return collect_references(
                        collect,
                        &(struct site){ .file = seen->path,
                                        .top = site->top,
                                        .depth = site->depth + 1 },
                        references);
}

/* What the compiler passes over in a directory (libapparmor's private.c), no less: it would be
 * another policy at boot. */
static bool includes_is_passed_over(const char *name) {
        static const char *const endings[] = {
                "~",         ".dpkg-bak", ".dpkg-dist",   ".dpkg-new",
                ".dpkg-old", ".orig",     ".dpkg-remove", ".pacnew",
                ".pacsave",  ".rej",      ".rpmnew",      ".rpmsave"
        };

        if (name[0] == '.' || strcmp(name, "README") == 0)
                return true;
        for (size_t i = 0; i < PHX_ELEMENTS(endings); i++)
                if (phx_has_suffix(name, endings[i]))
                        return true;
        return false;
}

static int collect_entry(
                struct collect *collect,
                const struct site *site,
                const char *path,
                const char *entry) {
        phx_autofree char *inner_name = NULL;
        phx_autofree char *inner_path = NULL;
        const struct phx_file_seen *seen;
        struct site inner = *site;

        (void) phx_printf(&inner_name, "%s/%s", site->name, entry);
        (void) phx_printf(&inner_path, "%s/%s", path, entry);
        if (!inner_name || !inner_path)
                return -ENOMEM;
        inner.name = inner_name;
        if (phx_has_control(inner_name))
                return includes_refuse(
                                collect,
                                site,
                                -EINVAL,
                                "a file name in it contains a control character");
        if (phx_closure_find(&collect->closure, inner_name))
                return 0;
        seen = phx_files_get(collect->files, inner_path);
        return seen ? collect_file(collect, &inner, seen) : -ENOMEM;
}

/* A directory means every file in it, and is itself watched for more. */
static int collect_directory(
                struct collect *collect,
                const struct site *site,
                const struct phx_directory_seen *directory) {
        phx_autofree char *inside = NULL;
        int r = 0;

        if (directory->result < 0)
                return includes_refuse(
                                collect,
                                site,
                                -EINVAL,
                                phx_error_text(directory->error, directory->result));
        if (!phx_closure_find(&collect->closure, site->name))
                r = includes_remember(collect, site->name, directory->path, "directory");
        if (r >= 0 && phx_printf(&inside, "%s/.", directory->path) < 0)
                r = -ENOMEM;
        if (r >= 0)
                r = watch(collect, inside);

        for (size_t i = 0; r >= 0 && i < directory->names.count; i++)
                if (!includes_is_passed_over(directory->names.items[i]))
                        r = collect_entry(
                                        collect,
                                        site,
                                        directory->path,
                                        directory->names.items[i]);
        return r < 0 ? r : 0;
}

/* Whether ROOT has a link on the way to NAME, or in its place, that leads nowhere: what it leads to
 * may not be mounted yet, and the next root must not be asked instead. The names of a directory are
 * those of all that is no directory. 1, 0 or -ENOMEM. */
static int includes_lead_nowhere(struct phx_files *files, const char *root, const char *name) {
        phx_autofree char *path = strdup(root);

        while (path) {
                const struct phx_directory_seen *directory = phx_files_list(files, path);
                phx_autofree char *part = strndup(name, strcspn(name, "/"));
                phx_autofree char *above = PHX_TAKE(path);

                if (!directory || !part)
                        return -ENOMEM;
                if (directory->result < 0)
                        return 0;
                if (phx_strings_has_sorted(&directory->names, part))
                        return 1;
                name += strlen(part);
                if (!*name++)
                        return 0;
                (void) phx_concat(&path, above, "/", part);
        }
        return -ENOMEM;
}

/* 1 when ROOT has it, and then it is collected. A directory of one root does not hide that of the
 * next, 0: they will be one when the sources' pieces are deployed. */
static int collect_below(struct collect *collect, const struct site *site, const char *root) {
        const struct phx_directory_seen *directory;
        const struct phx_file_seen *seen;
        phx_autofree char *path = NULL;
        int r;

        if (phx_concat(&path, root, "/", site->name) < 0)
                return -ENOMEM;
        r = watch(collect, path);
        if (r < 0)
                return r;
        seen = phx_files_get(collect->files, path);
        if (!seen)
                return -ENOMEM;
        if (seen->result == -ENOENT && seen->is_linked &&
            strcmp(root, collect->roots->deployed_dir) != 0)
                r = includes_lead_nowhere(collect->files, root, site->name);
        if (r != 0)
                return r < 0 ? r : collect_file(collect, site, seen);
        if (seen->result == -ENOENT || seen->result == -ENOTDIR)
                return 0;

        directory = seen->result == -EINVAL ? phx_files_list(collect->files, path) : NULL;
        if (seen->result == -EINVAL && !directory)
                return -ENOMEM;
        if (directory && directory->result != -ENOTDIR)
                return collect_directory(collect, site, directory);
        /* The file of a root is hidden by a directory of one before, as by a file. */
        if (phx_closure_find(&collect->closure, site->name))
                return 0;
        r = collect_file(collect, site, seen);
        return r < 0 ? r : 1;
}

/* In the order in which they are searched. Most hosts have no site's: nothing is looked for in it
 * then, and only that it is not there is to hold. */
static int roots_in_order(
                const struct collect *collect,
                const char *ret_roots[INCLUDE_ROOTS],
                size_t *ret_count) {
        const struct phx_include_roots *roots = collect->roots;
        const struct phx_file_seen *site = NULL;
        size_t count = 0;

        if (roots->site_dir) {
                site = phx_files_see(collect->files, roots->site_dir);
                if (!site)
                        return -ENOMEM;
        }
        ret_roots[count++] = roots->profile_dir;
        if (site && site->result != -ENOENT)
                ret_roots[count++] = roots->site_dir;
        ret_roots[count++] = roots->deployed_dir;
        *ret_count = count;
        return 0;
}

static bool has_dot_dot(const char *name) {
        for (const char *at = strstr(name, ".."); at; at = strstr(at + 2, ".."))
                if ((at == name || at[-1] == '/') && (at[2] == '/' || at[2] == '\0'))
                        return true;
        return false;
}

static int collect_searched(struct collect *collect, const struct site *site) {
        const char *roots[INCLUDE_ROOTS];
        size_t count = 0;
        int r;

        if (site->name[0] == '/')
                return includes_refuse(
                                collect,
                                site,
                                -EINVAL,
                                "absolute paths are not supported, expected <NAME> below profile_dir "
                                "or deployed_dir");
        if (has_dot_dot(site->name))
                return includes_refuse(collect, site, -EINVAL, "'..' is not supported");
        if (!site->name[0])
                return includes_refuse(
                                collect,
                                site,
                                -EINVAL,
                                "including the whole directory is not supported, expected a name "
                                "below it");
        if (strpbrk(site->name, "\\\"") || phx_has_control(site->name))
                return includes_refuse(
                                collect,
                                site,
                                -EINVAL,
                                "quotes, backslashes and control characters are not supported");
        if (phx_closure_find(&collect->closure, site->name))
                return 0;

        r = roots_in_order(collect, roots, &count);
        for (size_t i = 0; r == 0 && i < count; i++)
                r = collect_below(collect, site, roots[i]);
        if (r == 0 && !phx_closure_find(&collect->closure, site->name))
                r = includes_remember(collect, site->name, NULL, "");
        return r < 0 ? r : 0;
}

/* The compiler opens such a name as a path, from the directory where it happens to run: for us a
 * place with copies only, at boot the root directory. A path that leaves the copies is refused even
 * where it may be no code, a relative one only where it surely is. */
static int collect_path(
                const struct collect *collect,
                const struct site *site,
                const struct phx_reference *reference) {
        if (site->name[0] == '/')
                return includes_refuse(
                                collect,
                                site,
                                -EINVAL,
                                "absolute paths are not supported, expected <NAME> below profile_dir "
                                "or deployed_dir");
        if (has_dot_dot(site->name))
                return includes_refuse(collect, site, -EINVAL, "'..' is not supported");
        if (strchr(site->name, '\\'))
                return includes_refuse(
                                collect,
                                site,
                                -EINVAL,
                                "quotes, backslashes and control characters are not supported");
        if (reference->is_certain)
                return includes_refuse(
                                collect,
                                site,
                                -EINVAL,
                                "a name without brackets depends on the compiler's working "
                                "directory, expected <NAME> below profile_dir or deployed_dir");
        return 0;
}

static int collect_reference(
                struct collect *collect,
                const struct site *from,
                const struct phx_reference *reference) {
        phx_autofree char *name = phx_include_name(reference->name);
        struct site site = *from;

        if (!name)
                return -ENOMEM;
        site.line = reference->line;
        site.top = from->file ? from->top : reference->line;
        site.is_abi = reference->is_abi;
        site.name = reference->is_searched ? name : reference->name;
        return reference->is_searched ? collect_searched(collect, &site)
                                      : collect_path(collect, &site, reference);
}

/* As after a refusal: what would have been looked for may change meanwhile. What that includes in
 * its turn is not known. */
static int watch_references(struct collect *collect, const struct phx_references *references) {
        const char *roots[INCLUDE_ROOTS];
        size_t count = 0;
        int r = roots_in_order(collect, roots, &count);

        for (size_t i = 0;
             r >= 0 && i < references->count && collect->watched.count < 2 * FILES_LIMIT;
             i++) {
                phx_autofree char *name = phx_include_name(references->items[i].name);

                if (!name)
                        return -ENOMEM;
                if (!references->items[i].is_searched || !name[0] || name[0] == '/' ||
                    has_dot_dot(name) || phx_has_control(name))
                        continue;
                for (size_t j = 0; r >= 0 && j < count; j++) {
                        phx_autofree char *path = NULL;

                        if (phx_printf(&path, "%s/%s", roots[j], name) < 0)
                                return -ENOMEM;
                        r = watch(collect, path);
                }
        }
        return r;
}

/* FROM is the file whose references they are. */
static int collect_references(
                struct collect *collect,
                const struct site *from,
                const struct phx_references *references) {
        for (size_t i = 0; i < references->count; i++) {
                int r = collect_reference(collect, from, &references->items[i]);

                if (r < 0)
                        return r == -ENOMEM || watch_references(collect, references) >= 0 ? r
                                                                                          : -ENOMEM;
        }
        return 0;
}

static int compare_includes(const void *a, const void *b) {
        const struct phx_include *x = a, *y = b;

        return strcmp(x->name, y->name);
}

static void forget_items(struct phx_closure *closure) {
        for (size_t i = 0; i < closure->count; i++) {
                free(closure->items[i].name);
                free(closure->items[i].path);
        }
        free(closure->items);
        closure->items = NULL;
        closure->count = 0;
}

int phx_closure_collect(
                struct phx_files *files,
                const struct phx_include_roots *roots,
                const char *name,
                const char *text,
                struct phx_closure *ret_closure,
                struct phx_error *error) {
        struct collect collect = { .files = files,
                                   .roots = roots,
                                   .profile = name,
                                   .error = error };
        struct phx_references references = { 0 };
        int r;

        r = phx_references_scan(text, strlen(text), &references);
        if (r >= 0)
                r = collect_references(&collect, &(struct site){ 0 }, &references);
        phx_references_done(&references);
        phx_strings_done(&collect.watched);
        if (r < 0)
                forget_items(&collect.closure);
        if (collect.closure.count > 1)
                qsort(collect.closure.items,
                      collect.closure.count,
                      sizeof(*collect.closure.items),
                      compare_includes);
        phx_strings_sort(&collect.closure.directories);
        *ret_closure = collect.closure;
        return r;
}

void phx_closure_done(struct phx_closure *closure) {
        forget_items(closure);
        phx_strings_done(&closure->directories);
        *closure = (struct phx_closure){ 0 };
}

int phx_closure_key(
                const struct phx_closure *closure,
                const char *compiler,
                const char *name,
                const char *text_digest,
                char ret_key[PHX_SHA256_HEX]) {
        phx_cleanup(phx_buffer_done) struct phx_buffer buffer = { 0 };
        int r;

        r = phx_buffer_addf(&buffer, "phoenixd-key 1\n%s\n%s %s\n", compiler, name, text_digest);
        for (size_t i = 0; r >= 0 && i < closure->count; i++)
                r = phx_buffer_addf(
                                &buffer,
                                "%s %s\n",
                                closure->items[i].name,
                                closure->items[i].path ? closure->items[i].digest : "absent");
        if (r < 0)
                return r;
        phx_sha256(buffer.data, buffer.size, ret_key);
        return 0;
}
