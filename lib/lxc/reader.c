/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "lxc/reader.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/grow.h"
#include "base/watches.h"
#include "lxc/text.h"

/* What was found at one path, and where it leads to. */
struct include {
        char *path;
        char *fact; /* one line of what is digested */
        bool is_directory;
        struct phx_strings targets;
};

struct phx_lxc_reader {
        struct include *items;
        size_t count;
        struct phx_strings watches;
};

/* One config's way through its includes. */
struct walk {
        struct phx_lxc_reader *reader;
        const char *config;
        struct phx_buffer facts;
        unsigned visits;
        struct phx_error *error;
};

void phx_lxc_source_done(struct phx_lxc_source *source) {
        free(source->text);
        *source = (struct phx_lxc_source){ 0 };
}

static void include_done(struct include *include) {
        free(include->path);
        free(include->fact);
        phx_strings_done(&include->targets);
        *include = (struct include){ 0 };
}

int phx_lxc_reader_new(struct phx_lxc_reader **ret_reader) {
        *ret_reader = calloc(1, sizeof(**ret_reader));
        return *ret_reader ? 0 : -ENOMEM;
}

struct phx_lxc_reader *phx_lxc_reader_free(struct phx_lxc_reader *reader) {
        if (!reader)
                return NULL;
        for (size_t i = 0; i < reader->count; i++)
                include_done(&reader->items[i]);
        free(reader->items);
        phx_strings_done(&reader->watches);
        free(reader);
        return NULL;
}

const struct phx_strings *phx_lxc_reader_watches(const struct phx_lxc_reader *reader) {
        return &reader->watches;
}

static int check_owner(
                const struct stat *st,
                const struct phx_lxc_owner *owner,
                const char *path,
                struct phx_error *error) {
        if (st->st_uid != owner->uid)
                return phx_error_set(
                                error,
                                -EPERM,
                                "%s: is owned by uid %u, expected uid %u",
                                path,
                                (unsigned) st->st_uid,
                                (unsigned) owner->uid);
        if ((st->st_mode & S_IWOTH) || ((st->st_mode & S_IWGRP) && st->st_gid != owner->gid))
                return phx_error_set(
                                error,
                                -EPERM,
                                "%s: is writable by others than its owner (mode %04o, group %u)",
                                path,
                                (unsigned) st->st_mode & 07777,
                                (unsigned) st->st_gid);
        return 0;
}

int phx_lxc_read_config(
                int dir_fd,
                const char *path,
                const struct phx_lxc_owner *owner,
                struct phx_lxc_source *ret_source,
                struct phx_error *error) {
        phx_cleanup(phx_lxc_source_done) struct phx_lxc_source source = { 0 };
        phx_autoclose int fd = -1;
        struct stat st;
        int r;

        fd = openat(dir_fd, "config", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (fd < 0 && errno == ELOOP)
                return phx_error_set(error, -ELOOP, "%s: is a symbolic link", path);
        if (fd < 0 || fstat(fd, &st) < 0)
                return phx_error_errno(error, path);
        if (!S_ISREG(st.st_mode))
                return phx_error_set(error, -EINVAL, "%s: is not a regular file", path);
        r = check_owner(&st, owner, path, error);
        if (r < 0)
                return r;
        r = phx_file_read_fd(fd, PHX_LXC_CONFIG_LIMIT, &source.text, &source.size);
        if (r < 0)
                return phx_error_set(error, r, "%s: %s", path, strerrordesc_np(-r));

        source.mode = st.st_mode & 07777;
        source.uid = st.st_uid;
        source.gid = st.st_gid;
        phx_sha256(source.text, source.size, source.digest);
        *ret_source = source;
        source.text = NULL;
        return 0;
}

static struct include *find_include(const struct phx_lxc_reader *reader, const char *path) {
        for (size_t i = 0; i < reader->count; i++)
                if (phx_equal(reader->items[i].path, path))
                        return &reader->items[i];
        return NULL;
}

static int reader_is_config_name(const struct dirent *entry) {
        return strlen(entry->d_name) > strlen(".conf") && phx_has_suffix(entry->d_name, ".conf");
}

/* liblxc takes the entries as the directory has them; sorted, a listing has one digest. */
static int reader_list_directory(struct include *include) {
        struct dirent **entries = NULL;
        int n, r = 0;

        n = scandir(include->path, &entries, reader_is_config_name, alphasort);
        if (n < 0)
                return phx_errno();
        for (int i = 0; i < n; i++) {
                if (r >= 0)
                        r = phx_strings_addf(
                                        &include->targets,
                                        "%s/%s",
                                        include->path,
                                        entries[i]->d_name);
                free(entries[i]);
        }
        free(entries);
        return r;
}

/* liblxc resolves a relative path from where it runs: from "/" for systemd, and for our worker. */
static int add_targets(struct phx_strings *targets, const char *text, size_t size) {
        phx_cleanup(phx_strings_done) struct phx_strings values = { 0 };
        int r;

        r = phx_lxc_text_values(text, size, PHX_LXC_KEY_INCLUDE, &values);
        for (size_t i = 0; r >= 0 && i < values.count; i++) {
                const char *value = values.items[i];

                r = phx_strings_addf(targets, "%s%s", value[0] == '/' ? "" : "/", value);
        }
        return r;
}

static int set_fact(struct include *include, const char *kind, const char *digest) {
        return phx_printf(&include->fact, "%s %s %s\n", kind, include->path, digest);
}

static int read_include(struct include *include) {
        phx_autofree char *text = NULL;
        char digest[PHX_SHA256_HEX];
        size_t size = 0;
        struct stat st;
        int r;

        if (stat(include->path, &st) < 0)
                return errno == ENOENT || errno == ENOTDIR ? set_fact(include, "absent", "-")
                                                           : phx_errno();
        if (S_ISDIR(st.st_mode)) {
                include->is_directory = true;
                r = reader_list_directory(include);
                return r < 0 ? r : set_fact(include, "directory", "-");
        }

        r = phx_file_read_at(AT_FDCWD, include->path, PHX_LXC_CONFIG_LIMIT, &text, &size);
        if (r < 0)
                return r;
        phx_sha256(text, size, digest);
        r = add_targets(&include->targets, text, size);
        return r < 0 ? r : set_fact(include, "file", digest);
}

/* Every path that changes can come in by: as it is written, and where it leads to. */
static int reader_add_watches(struct phx_strings *watches, const struct include *include) {
        phx_autofree char *real = realpath(include->path, NULL);
        int (*add)(struct phx_strings *, const char *) = include->is_directory
                                                                         ? phx_watches_add_directory
                                                                         : phx_watches_add_file;
        int r;

        r = add(watches, include->path);
        return r < 0 || !real || strcmp(real, include->path) == 0 ? r : add(watches, real);
}

static int reader_tell(const struct walk *walk, const char *path, int code) {
        if (code == -EINVAL)
                return phx_error_set(
                                walk->error,
                                code,
                                "%s: lxc.include '%s' is neither a file nor a directory",
                                walk->config,
                                path);
        return phx_error_set(
                        walk->error,
                        code,
                        "%s: lxc.include '%s': %s",
                        walk->config,
                        path,
                        strerrordesc_np(-code));
}

static int get_include(struct walk *walk, const char *path, const struct include **ret_include) {
        phx_cleanup(include_done) struct include include = { 0 };
        const struct include *known = find_include(walk->reader, path);
        struct include *item;
        int r, watched;

        if (known) {
                *ret_include = known;
                return 0;
        }

        include.path = strdup(path);
        if (!include.path)
                return -ENOMEM;
        r = read_include(&include);
        /* What cannot be read now may be mended where it is. */
        watched = reader_add_watches(&walk->reader->watches, &include);
        if (watched < 0)
                return watched;
        if (r < 0)
                return reader_tell(walk, path, r);

        item = phx_grow(&walk->reader->items, &walk->reader->count, sizeof(*item));
        if (!item)
                return -ENOMEM;
        *item = include;
        include.path = include.fact = NULL;
        include.targets = (struct phx_strings){ 0 };
        *ret_include = item;
        return 0;
}

static int visit_all(struct walk *walk, const struct phx_strings *targets, unsigned depth);

static int visit(struct walk *walk, const char *path, unsigned depth) {
        phx_cleanup(phx_strings_done) struct phx_strings targets = { 0 };
        const struct include *include = NULL;
        int r;

        if (depth > PHX_LXC_INCLUDE_DEPTH)
                return phx_error_set(
                                walk->error,
                                -ELOOP,
                                "%s: lxc.include '%s' is nested deeper than %d files; it may "
                                "include itself",
                                walk->config,
                                path,
                                PHX_LXC_INCLUDE_DEPTH);
        if (++walk->visits > PHX_LXC_INCLUDE_COUNT)
                return phx_error_set(
                                walk->error,
                                -E2BIG,
                                "%s: includes more than %d files",
                                walk->config,
                                PHX_LXC_INCLUDE_COUNT);

        r = get_include(walk, path, &include);
        if (r < 0 || !include)
                return r;
        r = phx_buffer_add_text(&walk->facts, include->fact);
        /* A copy: what is remembered moves when more is. */
        if (r >= 0)
                r = phx_strings_copy(&targets, &include->targets);
        return r < 0 ? r : visit_all(walk, &targets, depth + 1);
}

static int visit_all(struct walk *walk, const struct phx_strings *targets, unsigned depth) {
        for (size_t i = 0; i < targets->count; i++) {
                int r = visit(walk, targets->items[i], depth);

                if (r < 0)
                        return r;
        }
        return 0;
}

static void reader_walk_done(struct walk *walk) {
        phx_buffer_done(&walk->facts);
}

int phx_lxc_reader_combine(
                struct phx_lxc_reader *reader,
                const char *path,
                struct phx_lxc_source *source,
                struct phx_error *error) {
        phx_cleanup(reader_walk_done) struct walk walk = { .reader = reader,
                                                           .config = path,
                                                           .error = error };
        phx_cleanup(phx_strings_done) struct phx_strings targets = { 0 };
        int r;

        r = phx_buffer_addf(&walk.facts, "config %s\n", source->digest);
        if (r >= 0)
                r = add_targets(&targets, source->text, source->size);
        if (r >= 0)
                r = visit_all(&walk, &targets, 1);
        if (r < 0)
                return r;

        phx_sha256(walk.facts.data, walk.facts.size, source->combined);
        return 0;
}
