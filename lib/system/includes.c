#include "system/includes.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/grow.h"

/* Debian's largest profile includes some forty files, five deep. */
#define FILES_LIMIT 1000
#define BYTES_LIMIT (16UL << 20)
#define DEPTH_LIMIT 64

struct collect {
        struct phx_files *files;
        const struct phx_include_roots *roots;
        const char *profile;
        struct phx_closure closure;
        size_t bytes;
        struct phx_error *error;
};

/* The include that is being followed: its name, and where it stands. */
struct site {
        const char *file; /* NULL in the profile itself */
        unsigned line;
        unsigned depth;
        const char *name;
};

static int collect_text(
                struct collect *collect,
                const char *file,
                const char *text,
                unsigned depth);

static int refuse(
                const struct collect *collect,
                const struct site *site,
                int code,
                const char *why) {
        return phx_error_set(
                        collect->error,
                        code,
                        "%s: %s%sline %u: include of '%s': %s",
                        collect->profile,
                        site->file ? site->file : "",
                        site->file ? ": " : "",
                        site->line,
                        site->name,
                        why);
}

const struct phx_include *phx_closure_find(const struct phx_closure *closure, const char *name) {
        for (size_t i = 0; i < closure->count; i++)
                if (strcmp(closure->items[i].name, name) == 0)
                        return &closure->items[i];
        return NULL;
}

static int remember(
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

static bool is_directory(const char *path) {
        struct stat st;

        return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The directory that holds PATH, or the nearest above it, down to ROOT, that could come to. */
static int remember_holder(struct collect *collect, const char *root, const char *path) {
        phx_autofree char *holder = strdup(path);
        char *slash;
        int r;

        if (!holder)
                return -ENOMEM;
        while (strlen(holder) > strlen(root) && (slash = strrchr(holder, '/'))) {
                *slash = '\0';
                if (is_directory(holder))
                        break;
        }
        r = phx_strings_add_once(&collect->closure.directories, holder);
        return r < 0 ? r : 0;
}

static int collect_file(struct collect *collect, const struct site *site, const char *path) {
        const struct phx_file_seen *seen = phx_files_get(collect->files, path);
        int r;

        if (!seen)
                return -ENOMEM;
        if (seen->result < 0)
                return refuse(collect,
                              site,
                              seen->result == -EBUSY ? -EBUSY : -EINVAL,
                              phx_error_text(&seen->error, seen->result));
        collect->bytes += seen->size;
        if (collect->closure.count >= FILES_LIMIT || collect->bytes > BYTES_LIMIT)
                return refuse(collect, site, -EINVAL, "more than 1000 files or 16 MiB in all");
        if (memchr(seen->text, '\0', seen->size))
                return refuse(collect, site, -EINVAL, "holds a NUL byte");

        r = remember(collect, site->name, path, seen->digest);
        return r < 0 ? r : collect_text(collect, path, seen->text, site->depth + 1);
}

static int is_listed(const struct dirent *entry) {
        return !phx_file_is_ignored_name(entry->d_name) && entry->d_type != DT_DIR;
}

static int collect_entry(
                struct collect *collect,
                const struct site *site,
                const char *path,
                const char *entry) {
        phx_autofree char *inner_name = NULL;
        phx_autofree char *inner_path = NULL;
        struct site inner = *site;

        if (asprintf(&inner_name, "%s/%s", site->name, entry) < 0)
                inner_name = NULL;
        if (asprintf(&inner_path, "%s/%s", path, entry) < 0)
                inner_path = NULL;
        if (!inner_name || !inner_path)
                return -ENOMEM;
        inner.name = inner_name;
        if (phx_closure_find(&collect->closure, inner_name))
                return 0;
        return collect_file(collect, &inner, inner_path);
}

/* A directory means every file in it, and is itself watched for more. */
static int collect_directory(struct collect *collect, const struct site *site, const char *path) {
        struct dirent **entries = NULL;
        int count, r;

        r = remember(collect, site->name, path, "directory");
        if (r >= 0)
                r = phx_strings_add_once(&collect->closure.directories, path);
        if (r < 0)
                return r;
        count = scandir(path, &entries, is_listed, alphasort);
        if (count < 0)
                return refuse(collect, site, -EINVAL, strerrordesc_np(-phx_errno()));

        for (int i = 0; i < count; i++) {
                if (r >= 0)
                        r = collect_entry(collect, site, path, entries[i]->d_name);
                free(entries[i]);
        }
        free(entries);
        return r < 0 ? r : 0;
}

/* 1 when ROOT has it, and then it is collected. */
static int collect_below(struct collect *collect, const struct site *site, const char *root) {
        phx_autofree char *path = NULL;
        struct stat st;
        int r;

        if (asprintf(&path, "%s/%s", root, site->name) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        r = remember_holder(collect, root, path);
        if (r < 0)
                return r;
        if (lstat(path, &st) < 0) {
                if (errno == ENOENT || errno == ENOTDIR)
                        return 0;
                return refuse(collect, site, -EINVAL, strerrordesc_np(-phx_errno()));
        }

        r = is_directory(path) ? collect_directory(collect, site, path)
                               : collect_file(collect, site, path);
        return r < 0 ? r : 1;
}

static bool has_dot_dot(const char *name) {
        for (const char *at = strstr(name, ".."); at; at = strstr(at + 2, ".."))
                if ((at == name || at[-1] == '/') && (at[2] == '/' || at[2] == '\0'))
                        return true;
        return false;
}

static int collect_include(struct collect *collect, const struct site *site) {
        int r;

        if (site->name[0] == '/')
                return refuse(collect,
                              site,
                              -EINVAL,
                              "an absolute path is not followed, expected <NAME> below profile_dir "
                              "or deployed_dir");
        if (has_dot_dot(site->name))
                return refuse(collect, site, -EINVAL, "'..' is not followed");
        if (site->depth >= DEPTH_LIMIT)
                return refuse(collect, site, -EINVAL, "includes are more than 64 deep");
        if (phx_closure_find(&collect->closure, site->name))
                return 0;

        r = collect_below(collect, site, collect->roots->profile_dir);
        if (r == 0)
                r = collect_below(collect, site, collect->roots->deployed_dir);
        if (r == 0)
                r = remember(collect, site->name, NULL, "");
        return r < 0 ? r : 0;
}

static bool is_word(char c) {
        return isalnum((unsigned char) c) || c == '_' || c == '-';
}

static const char *skip_blanks(const char *at) {
        return at + strspn(at, " \t");
}

/* Behind the keyword: "if exists" is passed over. */
static const char *skip_condition(const char *at) {
        at = skip_blanks(at);
        if (strncmp(at, "if", 2) != 0 || is_word(at[2]))
                return at;
        at = skip_blanks(at + 2);
        return strncmp(at, "exists", 6) == 0 ? skip_blanks(at + 6) : at;
}

/* <name> or "name", on one line; blanks before the closing sign are not the name's. */
static bool take_name(const char *at, char *name, size_t size) {
        size_t length;
        char closing;

        if (*at != '<' && *at != '"')
                return false;
        closing = *at == '<' ? '>' : '"';
        at = skip_blanks(at + 1);
        length = strcspn(at, closing == '>' ? ">\n" : "\"\n");
        if (at[length] != closing)
                return false;
        while (length > 0 && (at[length - 1] == ' ' || at[length - 1] == '\t'))
                length--;
        if (length == 0 || length >= size)
                return false;

        memcpy(name, at, length);
        name[length] = '\0';
        return true;
}

/* The length of the keyword that stands at AT: include, or abi, which reads a file too. */
static size_t keyword_at(const char *text, const char *at) {
        static const char *const keywords[] = { "include", "abi" };

        if (at > text && is_word(at[-1]))
                return 0;
        for (size_t i = 0; i < PHX_ELEMENTS(keywords); i++) {
                size_t length = strlen(keywords[i]);

                if (strncmp(at, keywords[i], length) == 0 && !is_word(at[length]))
                        return length;
        }
        return 0;
}

static int collect_text(
                struct collect *collect,
                const char *file,
                const char *text,
                unsigned depth) {
        char name[1024];
        struct site site = { file, 1, depth, name };

        for (const char *at = text; *at; at++) {
                size_t length = keyword_at(text, at);
                int r;

                site.line += *at == '\n';
                if (length == 0 || !take_name(skip_condition(at + length), name, sizeof(name)))
                        continue;
                r = collect_include(collect, &site);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int compare_includes(const void *a, const void *b) {
        const struct phx_include *x = a, *y = b;

        return strcmp(x->name, y->name);
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
        int r;

        r = collect_text(&collect, NULL, text, 0);
        if (r < 0) {
                phx_closure_done(&collect.closure);
                return r;
        }

        if (collect.closure.count > 1)
                qsort(collect.closure.items,
                      collect.closure.count,
                      sizeof(*collect.closure.items),
                      compare_includes);
        phx_strings_sort(&collect.closure.directories);
        *ret_closure = collect.closure;
        return 0;
}

void phx_closure_done(struct phx_closure *closure) {
        for (size_t i = 0; i < closure->count; i++) {
                free(closure->items[i].name);
                free(closure->items[i].path);
        }
        free(closure->items);
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
