/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The files of LXC's configs: a container's own, and those that are included.
 *
 * Only the first is asked for its owner, because phoenixd writes it. An included file is read
 * whatever its owner, as by liblxc, which alone says what is in force: to refuse a container for it
 * would leave that container without the profile that the last line of its config sets. What must
 * not happen is that such a file stops us: one that is no regular file is never waited for, and no
 * way is followed into Proxmox's cluster file system, but by one who may wait there.
 *
 * Most configs include the same few files. Each is looked at once in a look, with what it includes
 * in its turn, so that a config that has not changed costs no more than a comparison of names. It
 * is opened by the whole way each time, since a link on that may lead elsewhere now; but within one
 * look by the directories that are open already, and read only when what is found there has another
 * stamp than before. The way through the includes is that of lxc/walk.c.
 *
 * An item stays where it is as others are added, and is dropped only at the end of a look that has
 * asked for all that there is. Of one that cannot be read only its watches are kept. */

#include "lxc/reader.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/grow.h"
#include "base/sorted.h"
#include "base/trust.h"
#include "base/watches.h"
#include "base/ways.h"
#include "lxc/text.h"

struct reader_item {
        struct phx_lxc_include include;
        struct phx_stamp stamp;
        bool is_settled;
        bool is_marked;          /* STAMP was settled when liblxc was about to be asked */
        bool is_read;            /* INCLUDE holds what was there */
        bool is_link_met;        /* on the way: events come from elsewhere */
        unsigned long looked_at; /* in which look */
        unsigned long visited_at;
        struct phx_strings watches;
};

struct phx_lxc_reader {
        struct reader_item **items; /* sorted by path */
        size_t count;
        const struct phx_scope *scope; /* of the look; NULL: all */
        bool is_looking;               /* between begin and end: WAYS may be used */
        struct phx_ways ways;
        unsigned long look;
        unsigned long visit;
        unsigned long moves; /* counts items that are to be watched elsewhere */
        bool is_unwatched;   /* no watches are asked for */
        bool may_wait;       /* for Proxmox's cluster file system */
};

void phx_lxc_source_done(struct phx_lxc_source *source) {
        free(source->text);
        *source = (struct phx_lxc_source){ 0 };
}

static void reader_forget(struct phx_lxc_include *include) {
        free(include->fact);
        free(include->text);
        phx_strings_done(&include->targets);
        *include = (struct phx_lxc_include){ .path = include->path };
}

static struct reader_item *reader_item_free(struct reader_item *item) {
        if (!item)
                return NULL;
        reader_forget(&item->include);
        free(item->include.path);
        phx_strings_done(&item->watches);
        free(item);
        return NULL;
}
PHX_DEFINE_FREEP(reader_item)

int phx_lxc_reader_new(struct phx_lxc_reader **ret_reader) {
        *ret_reader = calloc(1, sizeof(**ret_reader));
        if (!*ret_reader)
                return -ENOMEM;
        (*ret_reader)->look = 1;
        return 0;
}

int phx_lxc_reader_new_unwatched(struct phx_lxc_reader **ret_reader) {
        int r = phx_lxc_reader_new(ret_reader);

        if (r >= 0)
                (*ret_reader)->is_unwatched = true;
        return r;
}

void phx_lxc_reader_follow_remote(struct phx_lxc_reader *reader) {
        reader->may_wait = true;
}

struct phx_lxc_reader *phx_lxc_reader_free(struct phx_lxc_reader *reader) {
        if (!reader)
                return NULL;
        for (size_t i = 0; i < reader->count; i++)
                reader_item_free(reader->items[i]);
        free(reader->items);
        phx_ways_done(&reader->ways);
        free(reader);
        return NULL;
}

void phx_lxc_reader_begin(struct phx_lxc_reader *reader, const struct phx_scope *scope) {
        static const struct phx_trust any = { .root = "/", .anyone = true };

        /* Of a look that was given up. */
        phx_ways_done(&reader->ways);
        reader->is_looking = true;
        reader->ways.trust = &any;
        reader->scope = scope;
        reader->look++;
}

/* The file itself, something in the directory, or a directory on the way. Where a link is on the
 * way the events have other paths. */
static bool reader_is_in_scope(const struct phx_scope *scope, const struct reader_item *item) {
        char path[PATH_MAX];

        if (!scope || scope->is_whole || item->is_link_met ||
            strlen(item->include.path) >= PATH_MAX)
                return true;
        if (phx_scope_has_below(scope, item->include.path))
                return true;
        (void) strcpy(path, item->include.path);
        for (char *slash; (slash = strrchr(path, '/')) && slash > path;) {
                *slash = '\0';
                if (phx_scope_has(scope, path))
                        return true;
        }
        return false;
}

void phx_lxc_reader_end(struct phx_lxc_reader *reader) {
        bool was_whole = !reader->scope || reader->scope->is_whole;
        size_t kept = 0;

        for (size_t i = 0; i < reader->count; i++) {
                struct reader_item *item = reader->items[i];

                if (was_whole && item->looked_at != reader->look) {
                        reader_item_free(item);
                        continue;
                }
                /* An include that could not be read kept us from coming here. */
                if (item->looked_at != reader->look && reader_is_in_scope(reader->scope, item))
                        item->is_read = false;
                free(item->include.text);
                item->include.text = NULL;
                reader->items[kept++] = item;
        }
        reader->count = kept;
        reader->scope = NULL;
        reader->is_looking = false;
        phx_ways_done(&reader->ways);
        reader->look++;
}

int phx_lxc_reader_watches(const struct phx_lxc_reader *reader, struct phx_strings *watches) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < reader->count; i++)
                r = phx_strings_copy(watches, &reader->items[i]->watches);
        return r;
}

unsigned long phx_lxc_reader_moves(const struct phx_lxc_reader *reader) {
        return reader->moves;
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
        /* What is left of it would be written into a file that an edit has replaced. */
        if (phx_file_has_writer(fd))
                return phx_error_set(error, -EBUSY, "%s: is still being written", path);
        source.stamp = phx_stamp_of(&st);
        source.is_settled = phx_stamp_is_settled(&source.stamp);
        r = phx_file_read_regular(
                        fd,
                        (size_t) st.st_size,
                        PHX_LXC_CONFIG_LIMIT,
                        &source.text,
                        &source.size);
        if (r < 0)
                return phx_error_set(error, r, "%s: %s", path, strerrordesc_np(-r));

        phx_sha256(source.text, source.size, source.digest);
        *ret_source = source;
        source.text = NULL;
        return 0;
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

/* --- one include --- */

static int reader_compare(const void *path, const void *item) {
        struct reader_item *const *one = item;

        return strcmp(path, (*one)->include.path);
}

/* The first that does not come before PATH. */
static size_t reader_lower_bound(const struct phx_lxc_reader *reader, const char *path) {
        return phx_lower_bound(
                        path,
                        reader->items,
                        reader->count,
                        sizeof(struct reader_item *),
                        reader_compare);
}

static struct reader_item *reader_find(const struct phx_lxc_reader *reader, const char *path) {
        size_t at = reader_lower_bound(reader, path);

        return at < reader->count && strcmp(reader->items[at]->include.path, path) == 0
                               ? reader->items[at]
                               : NULL;
}

static struct reader_item *reader_add(struct phx_lxc_reader *reader, const char *path) {
        phx_cleanup(reader_item_freep) struct reader_item *item = calloc(1, sizeof(*item));
        size_t at = reader_lower_bound(reader, path);

        if (!item || phx_replace(&item->include.path, path) < 0 ||
            !phx_grow(&reader->items, &reader->count, sizeof(struct reader_item *)))
                return NULL;
        memmove(&reader->items[at + 1],
                &reader->items[at],
                (reader->count - 1 - at) * sizeof(struct reader_item *));
        reader->items[at] = item;
        return PHX_TAKE(item);
}

static int reader_read_text(struct reader_item *item, int fd) {
        struct phx_lxc_include *include = &item->include;
        char digest[PHX_SHA256_HEX], link[64];
        int r;

        (void) snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        r = phx_file_read_at(AT_FDCWD, link, PHX_LXC_CONFIG_LIMIT, &include->text, &include->size);
        if (r < 0)
                return r;
        phx_sha256(include->text, include->size, digest);
        r = phx_lxc_include_targets(include->text, include->size, &include->targets);
        return r < 0 ? r : set_fact(include, "file", digest);
}

static int reader_read_opened(struct reader_item *item, int fd, bool with_text) {
        struct phx_lxc_include *include = &item->include;
        struct phx_stamp stamp;
        struct stat st;
        int r;

        if (fstat(fd, &st) < 0)
                return phx_errno();
        stamp = phx_stamp_of(&st);
        if (item->is_read && item->is_settled && phx_stamp_equal(&stamp, &item->stamp) &&
            (!with_text || S_ISDIR(st.st_mode)))
                return 0;

        reader_forget(include);
        item->is_read = false;
        item->stamp = stamp;
        item->is_settled = phx_stamp_is_settled(&stamp);
        include->is_directory = S_ISDIR(st.st_mode);
        if (!include->is_directory)
                return reader_read_text(item, fd);
        r = reader_list_directory(include, fd);
        return r < 0 ? r : set_fact(include, "directory", "-");
}

/* By the directories of this look, where only real ones are on the way: 1, else 0. */
static int reader_open_by_ways(struct phx_lxc_reader *reader, const char *path, int *ret_fd) {
        const struct phx_way *way = phx_ways_to_parent(&reader->ways, path);
        phx_autoclose int fd = -1;
        struct stat st;

        if (!way)
                return -ENOMEM;
        if (way->kind == PHX_WAY_ABSENT)
                return -ENOENT;
        if (way->kind != PHX_WAY_OPEN || phx_is_remote(path))
                return 0;
        fd = openat(way->fd, strrchr(path, '/') + 1, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT)
                return -ENOENT;
        if (fd < 0 || fstat(fd, &st) < 0 || S_ISLNK(st.st_mode))
                return 0;
        *ret_fd = PHX_TAKE_FD(fd);
        return 1;
}

static int reader_open(struct phx_lxc_reader *reader, struct reader_item *item, int *ret_fd) {
        const char *path = item->include.path;
        const struct phx_trust any = { .root = "/",
                                       .anyone = true,
                                       .remote_copy = reader->may_wait ? PHX_REMOTE_ROOT : NULL,
                                       .is_link_met = &item->is_link_met };
        mode_t mode = 0;
        int r = 0;

        item->is_link_met = !phx_is_normal_path(path);
        if (reader->is_looking && !item->is_link_met)
                r = reader_open_by_ways(reader, path, ret_fd);
        return r == 0 ? phx_trust_open_path(&any, path, ret_fd, &mode, NULL) : r;
}

static int reader_read(struct phx_lxc_reader *reader, struct reader_item *item, bool with_text) {
        phx_autoclose int fd = -1;
        int r = reader_open(reader, item, &fd);

        if (r == -ENOENT || r == -ENOTDIR) {
                reader_forget(&item->include);
                item->stamp = (struct phx_stamp){ 0 };
                r = set_fact(&item->include, "absent", "-");
        } else if (r >= 0)
                r = reader_read_opened(item, fd, with_text);
        item->is_read = r >= 0;
        return r;
}

/* What cannot be read now may be fixed where it is. */
static int reader_find_watches(struct phx_lxc_reader *reader, struct reader_item *item) {
        phx_cleanup(phx_strings_done) struct phx_strings watches = { 0 };
        int r;

        r = item->include.is_directory ? phx_watches_add_directory(&watches, item->include.path)
                                       : phx_watches_add_file(&watches, item->include.path);
        if (r >= 0 && phx_strings_equal(&watches, &item->watches))
                return 0;
        reader->moves++;
        phx_strings_done(&item->watches);
        item->watches = PHX_TAKE_STRUCT(watches);
        return r;
}

static bool reader_lacks_text(const struct reader_item *item) {
        return !item->include.text && S_ISREG(item->stamp.mode);
}

static int reader_take(
                struct phx_lxc_reader *reader,
                const char *path,
                bool with_text,
                const struct phx_lxc_include **ret_include) {
        struct reader_item *item = reader_find(reader, path);
        int r = 0, watched = 0;

        if (!item)
                item = reader_add(reader, path);
        if (!item)
                return -ENOMEM;
        with_text = with_text && reader_lacks_text(item);
        if (!item->is_read || with_text ||
            (item->looked_at != reader->look && reader_is_in_scope(reader->scope, item))) {
                r = reader_read(reader, item, with_text);
                if (!reader->is_unwatched)
                        watched = reader_find_watches(reader, item);
        }
        item->looked_at = reader->look;
        item->visited_at = reader->visit;
        *ret_include = &item->include;
        return watched < 0 ? watched : r;
}

int phx_lxc_reader_include(
                struct phx_lxc_reader *reader,
                const char *path,
                const struct phx_lxc_include **ret_include) {
        return reader_take(reader, path, false, ret_include);
}

int phx_lxc_reader_include_text(
                struct phx_lxc_reader *reader,
                const char *path,
                const struct phx_lxc_include **ret_include) {
        return reader_take(reader, path, true, ret_include);
}

/* What is absent, or was not read, has no time. */
uint64_t phx_lxc_reader_settle(struct phx_lxc_reader *reader, uint64_t limit) {
        uint64_t longest = 0;

        for (size_t i = 0; i < reader->count; i++) {
                struct reader_item *item = reader->items[i];
                uint64_t left = item->is_read && item->stamp.mode
                                                ? phx_stamp_settles_in(&item->stamp)
                                                : 0;

                item->is_marked = left == 0;
                if (left <= limit && left > longest)
                        longest = left;
        }
        return longest;
}

void phx_lxc_reader_visit(struct phx_lxc_reader *reader) {
        reader->visit++;
}

bool phx_lxc_reader_agrees(
                const struct phx_lxc_reader *reader,
                const struct phx_lxc_reader *other) {
        for (size_t i = 0; i < other->count; i++) {
                const struct reader_item *item = other->items[i];
                const struct reader_item *known;

                if (item->visited_at != other->visit)
                        continue;
                known = reader_find(reader, item->include.path);
                if (!known || !known->is_read || !known->is_marked || !item->is_read ||
                    !phx_stamp_equal(&known->stamp, &item->stamp))
                        return false;
        }
        return true;
}

bool phx_lxc_reader_covers(const struct phx_lxc_reader *reader, const char *path) {
        char directory[PATH_MAX];
        const struct reader_item *item = reader_find(reader, path);
        char *slash;

        if (item)
                return !item->is_link_met;
        if (strlen(path) >= sizeof(directory))
                return false;
        (void) strcpy(directory, path);
        slash = strrchr(directory, '/');
        if (!slash || slash == directory)
                return false;
        *slash = '\0';
        item = reader_find(reader, directory);
        return item && item->include.is_directory && !item->is_link_met;
}
