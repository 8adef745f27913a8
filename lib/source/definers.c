/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "source/definers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"

/* No profiles are nested deeper; and a directory that is its own child would never end. */
#define DEPTH_LIMIT 4
/* Far above what distributions ship; bounds a directory that is not what it should be. */
#define FILES_LIMIT 8192
#define SIZE_LIMIT ((size_t) 4 * 1024 * 1024)

/* When all of it is as before, so is the content: a change sets the ctime, which cannot be set
 * back. */
struct stamp {
        dev_t device;
        ino_t inode;
        off_t size;
        struct timespec modified;
        struct timespec changed;
};

struct definer {
        char *file;
        struct stamp stamp;
        bool is_settled; /* the stamp can be relied on: see is_settled() */
        struct phx_definitions found;
};

struct table {
        struct definer *items;
        size_t count;
};

struct phx_definers {
        struct table table; /* sorted by file: directories are walked in byte order */
};

/* One look: the table of the last one, and the one that takes its place. */
struct look {
        const struct table *before;
        struct table now;
        struct phx_strings unreadable;
};

static void definer_done(struct definer *definer) {
        free(definer->file);
        phx_definitions_done(&definer->found);
}

static void table_done(struct table *table) {
        for (size_t i = 0; i < table->count; i++)
                definer_done(&table->items[i]);
        free(table->items);
        *table = (struct table){ 0 };
}

static void definers_look_done(struct look *look) {
        table_done(&look->now);
        phx_strings_done(&look->unreadable);
}

int phx_definers_new(struct phx_definers **ret_definers) {
        struct phx_definers *definers = calloc(1, sizeof(*definers));

        if (!definers)
                return -ENOMEM;
        *ret_definers = definers;
        return 0;
}

struct phx_definers *phx_definers_free(struct phx_definers *definers) {
        if (!definers)
                return NULL;

        table_done(&definers->table);
        free(definers);

        return NULL;
}

void phx_definers_forget(struct phx_definers *definers) {
        table_done(&definers->table);
}

static struct stamp stamp_of(const struct stat *st) {
        return (struct stamp){ st->st_dev, st->st_ino, st->st_size, st->st_mtim, st->st_ctim };
}

static bool is_same_time(const struct timespec *a, const struct timespec *b) {
        return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool is_same_stamp(const struct stamp *a, const struct stamp *b) {
        return a->device == b->device && a->inode == b->inode && a->size == b->size &&
               is_same_time(&a->modified, &b->modified) && is_same_time(&a->changed, &b->changed);
}

/* Times of files move in ticks of some milliseconds. A second write within the tick of the first
 * leaves the stamp as it is, so that only what has been at rest for longer than a tick is known by
 * its stamp. */
static bool is_settled(const struct stat *st) {
        struct timespec now;
        int64_t age;

        if (clock_gettime(CLOCK_REALTIME, &now) < 0)
                return false;
        age = (int64_t) (now.tv_sec - st->st_ctim.tv_sec) * 1000 +
              (now.tv_nsec - st->st_ctim.tv_nsec) / 1000000;
        return age >= PHX_DEFINERS_SETTLE_MSEC;
}

static const struct definer *find_definer(const struct table *table, const char *file) {
        for (size_t i = 0; i < table->count; i++)
                if (strcmp(table->items[i].file, file) == 0)
                        return &table->items[i];
        return NULL;
}

static int add_definer(struct table *table, struct definer *definer) {
        struct definer *items;

        if (table->count == FILES_LIMIT)
                return -EOVERFLOW;
        items = reallocarray(table->items, table->count + 1, sizeof(*items));
        if (!items)
                return -ENOMEM;

        table->items = items;
        table->items[table->count++] = PHX_TAKE_STRUCT(*definer);
        return 0;
}

static int note_unreadable(struct look *look, const char *file, int code) {
        return phx_strings_addf(&look->unreadable, "%s: %s", file, strerrordesc_np(-code));
}

/* A file that is new or changed. */
static int read_definer(int dir_fd, const char *name, struct definer *definer) {
        phx_autofree char *text = NULL;
        size_t size = 0;
        int r;

        r = phx_file_read_at(dir_fd, name, SIZE_LIMIT, &text, &size);
        if (r < 0)
                return r;
        return phx_definitions_scan(text, size, definer->file, &definer->found);
}

static int look_at_file(
                struct look *look,
                int dir_fd,
                const char *name,
                const char *file,
                const struct stat *st) {
        phx_cleanup(definer_done) struct definer definer = { .stamp = stamp_of(st),
                                                             .is_settled = is_settled(st) };
        const struct definer *before = find_definer(look->before, file);
        int r;

        definer.file = strdup(file);
        if (!definer.file)
                return -ENOMEM;
        if (before && before->is_settled && is_same_stamp(&before->stamp, &definer.stamp))
                r = phx_definitions_add_all(&definer.found, &before->found);
        else
                r = read_definer(dir_fd, name, &definer);
        if (r == -ENOENT)
                return 0;
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return note_unreadable(look, file, r);
        return add_definer(&look->now, &definer);
}

/* What holds no whole profiles: pieces to include, links, compiled files. README is passed over by
 * the parser as well. */
static bool definers_is_passed_over(const char *name, unsigned depth) {
        static const char *const directories[] = {
                "abi",     "abstractions",   "cache", "cache.d",
                "disable", "force-complain", "local", "tunables"
        };

        if (phx_file_is_ignored_name(name) || strcmp(name, "README") == 0)
                return true;
        for (size_t i = 0; depth == 0 && i < PHX_ELEMENTS(directories); i++)
                if (strcmp(name, directories[i]) == 0)
                        return true;
        return false;
}

/* The entries in byte order, so that the same tree always reads the same. */
static int definers_list_directory(int dir_fd, unsigned depth, struct phx_strings *ret_names) {
        phx_cleanup(phx_strings_done) struct phx_strings names = { 0 };
        phx_cleanup(phx_closedirp) DIR *directory = NULL;
        const struct dirent *entry;
        int r;

        r = phx_directory_open(dir_fd, ".", &directory);
        if (r < 0)
                return r;

        while ((errno = 0, entry = readdir(directory))) {
                if (definers_is_passed_over(entry->d_name, depth))
                        continue;
                r = names.count < FILES_LIMIT ? phx_strings_add(&names, entry->d_name) : -EOVERFLOW;
                if (r < 0)
                        return r;
        }
        if (errno)
                return phx_errno();

        phx_strings_sort(&names);
        *ret_names = PHX_TAKE_STRUCT(names);
        return 0;
}

static int look_at_directory(struct look *look, int dir_fd, const char *path, unsigned depth);

static int look_at_entry(
                struct look *look,
                int dir_fd,
                const char *name,
                const char *file,
                unsigned depth) {
        phx_autoclose int fd = -1;
        struct stat st;

        /* Follows links, as the parser does; a dangling one is none. */
        if (fstatat(dir_fd, name, &st, 0) < 0)
                return errno == ENOENT ? 0 : note_unreadable(look, file, phx_errno());
        if (S_ISREG(st.st_mode))
                return look_at_file(look, dir_fd, name, file, &st);
        if (!S_ISDIR(st.st_mode) || depth == DEPTH_LIMIT)
                return 0;

        /* But not links to directories: a file would be seen twice, or a loop walked. */
        fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 && (errno == ELOOP || errno == ENOTDIR || errno == ENOENT))
                return 0;
        if (fd < 0)
                return note_unreadable(look, file, phx_errno());
        return look_at_directory(look, fd, file, depth + 1);
}

static int look_at_directory(struct look *look, int dir_fd, const char *path, unsigned depth) {
        phx_cleanup(phx_strings_done) struct phx_strings names = { 0 };
        int r;

        r = definers_list_directory(dir_fd, depth, &names);
        if (r < 0)
                return depth == 0 || r == -ENOMEM ? r : note_unreadable(look, path, r);

        for (size_t i = 0; i < names.count; i++) {
                phx_autofree char *file = NULL;

                if (phx_printf(&file, "%s%s%s", path, path[0] ? "/" : "", names.items[i]) < 0)
                        return -ENOMEM;
                r = look_at_entry(look, dir_fd, names.items[i], file, depth);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int definers_collect(const struct look *look, struct phx_definitions *ret_definitions) {
        phx_cleanup(phx_definitions_done) struct phx_definitions definitions = { 0 };
        int r;

        for (size_t i = 0; i < look->now.count; i++) {
                r = phx_definitions_add_all(&definitions, &look->now.items[i].found);
                if (r < 0)
                        return r;
        }
        r = phx_strings_copy(&definitions.unreadable, &look->unreadable);
        if (r < 0)
                return r;
        phx_definitions_sort(&definitions);

        *ret_definitions = PHX_TAKE_STRUCT(definitions);
        return 0;
}

int phx_definers_observe(
                struct phx_definers *definers,
                int dir_fd,
                struct phx_definitions *ret_definitions,
                struct phx_error *error) {
        phx_cleanup(definers_look_done) struct look look = { .before = &definers->table };
        int r;

        r = look_at_directory(&look, dir_fd, "", 0);
        if (r >= 0)
                r = definers_collect(&look, ret_definitions);
        if (r < 0)
                return phx_error_set(
                                error,
                                r,
                                "reading other programs' profiles: %s",
                                strerrordesc_np(-r));

        table_done(&definers->table);
        definers->table = PHX_TAKE_STRUCT(look.now);
        return 0;
}
