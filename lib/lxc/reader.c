/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The files of LXC's configs: a container's own, and those that are included.
 *
 * Only the first is asked for its owner, because phoenixd writes it. An included file is read
 * whatever its owner, as by liblxc, which alone says what is in force: to refuse a container for it
 * would leave that container without the profile that the last line of its config sets. What must
 * not happen is that such a file stops us: one that is no regular file is never waited for, and no
 * way is followed into Proxmox's cluster file system.
 *
 * Most configs include the same few files. Each is read and digested once for all configs of one
 * look, with what it includes in its turn, so that a config that has not changed costs no more than
 * a comparison of names. The way through them is that of lxc/walk.c. */

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
#include "base/trust.h"
#include "base/watches.h"
#include "lxc/text.h"

struct phx_lxc_reader {
        struct phx_lxc_include **items; /* each stays where it is as more are added */
        size_t count;
        struct phx_strings watches;
};

void phx_lxc_source_done(struct phx_lxc_source *source) {
        free(source->text);
        *source = (struct phx_lxc_source){ 0 };
}

static struct phx_lxc_include *phx_lxc_include_free(struct phx_lxc_include *include) {
        if (!include)
                return NULL;
        free(include->path);
        free(include->fact);
        free(include->text);
        phx_strings_done(&include->targets);
        free(include);
        return NULL;
}
PHX_DEFINE_FREEP(phx_lxc_include)

int phx_lxc_reader_new(struct phx_lxc_reader **ret_reader) {
        *ret_reader = calloc(1, sizeof(**ret_reader));
        return *ret_reader ? 0 : -ENOMEM;
}

struct phx_lxc_reader *phx_lxc_reader_free(struct phx_lxc_reader *reader) {
        if (!reader)
                return NULL;
        for (size_t i = 0; i < reader->count; i++)
                phx_lxc_include_free(reader->items[i]);
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

static const struct phx_lxc_include *find_include(
                const struct phx_lxc_reader *reader,
                const char *path) {
        for (size_t i = 0; i < reader->count; i++)
                if (phx_equal(reader->items[i]->path, path))
                        return reader->items[i];
        return NULL;
}

static bool reader_is_config_name(const char *name) {
        return strlen(name) > strlen(".conf") && phx_has_suffix(name, ".conf");
}

/* In the order of the directory, in which liblxc reads them: the last word counts, so that another
 * order may be another meaning and has to be another digest. */
static int reader_list_directory(struct phx_lxc_include *include, int fd) {
        phx_cleanup(phx_closedirp) DIR *directory = NULL;
        const struct dirent *entry;
        int r = phx_directory_open(fd, ".", &directory);

        while (r >= 0 && (errno = 0, entry = readdir(directory)))
                if (reader_is_config_name(entry->d_name))
                        r = phx_strings_addf(
                                        &include->targets,
                                        "%s/%s",
                                        include->path,
                                        entry->d_name);
        return r >= 0 && errno != 0 ? phx_errno() : r;
}

/* From "/" where it is relative, as systemd runs liblxc there, and we our worker; and without the
 * slashes that say nothing. */
static char *reader_path_of(const struct phx_lxc_line *line) {
        char *path = malloc(line->value_size + 2), *end = path;

        if (!path)
                return NULL;
        *end++ = '/';
        for (size_t i = 0; i < line->value_size; i++)
                if (line->value[i] != '/' || end[-1] != '/')
                        *end++ = line->value[i];
        if (end > path + 1 && end[-1] == '/')
                end--;
        *end = '\0';
        return path;
}

int phx_lxc_include_targets(const char *text, size_t size, struct phx_strings *targets) {
        struct phx_lxc_line line;
        size_t offset = 0;
        int r = 0;

        while (r >= 0 && phx_lxc_text_next(text, size, &offset, &line)) {
                phx_autofree char *path = NULL;

                if (!phx_lxc_line_includes(&line))
                        continue;
                path = reader_path_of(&line);
                r = path ? phx_strings_add(targets, path) : -ENOMEM;
        }
        return r;
}

bool phx_lxc_line_includes(const struct phx_lxc_line *line) {
        return phx_lxc_line_is(line, PHX_LXC_KEY_INCLUDE) && line->value_size > 0;
}

static int set_fact(struct phx_lxc_include *include, const char *kind, const char *digest) {
        return phx_printf(&include->fact, "%s %s %s\n", kind, include->path, digest);
}

static int read_include(struct phx_lxc_include *include) {
        static const struct phx_trust any = { .root = "/", .anyone = true };
        char digest[PHX_SHA256_HEX], link[64];
        phx_autoclose int fd = -1;
        mode_t mode = 0;
        int r;

        r = phx_trust_open_path(&any, include->path, &fd, &mode, NULL);
        if (r == -ENOENT || r == -ENOTDIR)
                return set_fact(include, "absent", "-");
        if (r < 0)
                return r;
        if (S_ISDIR(mode)) {
                include->is_directory = true;
                r = reader_list_directory(include, fd);
                return r < 0 ? r : set_fact(include, "directory", "-");
        }

        (void) snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        r = phx_file_read_at(AT_FDCWD, link, PHX_LXC_CONFIG_LIMIT, &include->text, &include->size);
        if (r < 0)
                return r;
        phx_sha256(include->text, include->size, digest);
        r = phx_lxc_include_targets(include->text, include->size, &include->targets);
        return r < 0 ? r : set_fact(include, "file", digest);
}

int phx_lxc_reader_include(
                struct phx_lxc_reader *reader,
                const char *path,
                const struct phx_lxc_include **ret_include) {
        phx_cleanup(phx_lxc_include_freep) struct phx_lxc_include *include = NULL;
        struct phx_lxc_include **item;
        int r, watched;

        *ret_include = find_include(reader, path);
        if (*ret_include)
                return 0;

        include = calloc(1, sizeof(*include));
        if (!include || phx_replace(&include->path, path) < 0)
                return -ENOMEM;
        r = read_include(include);
        /* What cannot be read now may be fixed where it is. */
        watched = include->is_directory ? phx_watches_add_directory(&reader->watches, path)
                                        : phx_watches_add_file(&reader->watches, path);
        if (watched < 0 || r < 0)
                return watched < 0 ? watched : r;

        item = phx_grow(&reader->items, &reader->count, sizeof(struct phx_lxc_include *));
        if (!item)
                return -ENOMEM;
        *ret_include = *item = PHX_TAKE(include);
        return 0;
}
