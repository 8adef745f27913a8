/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "source/definers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/stamp.h"

/* No profiles are nested deeper; and a directory that is its own child would never end. */
#define DEPTH_LIMIT 4
/* Far above what distributions ship; bounds a directory that is not what it should be. */
#define FILES_LIMIT 8192
#define SIZE_LIMIT ((size_t) 4 * 1024 * 1024)

struct definer {
        char *file;
        struct phx_stamp stamp;
        bool is_settled; /* the stamp can be relied on */
        struct phx_definitions found;
};

struct table {
        struct definer *items;
        size_t count;
};

struct phx_definers {
        struct table table; /* in the order of the walk: directories in byte order */
        char *directory;
        struct phx_definitions found;
        struct phx_strings directories; /* that were walked, below DIRECTORY */
        bool is_looked_at;
        bool is_fresh;  /* the table is of a walk that this look has made */
        size_t next;    /* in the table: most are asked for in its order */
        bool is_linked; /* something was a link, and where it leads to was not said to be watched */
};

/* One look: the table of the last one, and the one that takes its place. */
struct look {
        const struct table *before;
        struct table now;
        size_t place; /* in BEFORE, where to look next */
        bool is_linked;
        struct phx_strings unreadable;
        struct phx_strings directories;
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
        phx_strings_done(&look->directories);
}

int phx_definers_new(struct phx_definers **ret_definers) {
        struct phx_definers *definers = calloc(1, sizeof(*definers));

        if (!definers)
                return -ENOMEM;
        *ret_definers = definers;
        return 0;
}

void phx_definers_forget(struct phx_definers *definers) {
        table_done(&definers->table);
        phx_definitions_done(&definers->found);
        definers->is_looked_at = false;
}

struct phx_definers *phx_definers_free(struct phx_definers *definers) {
        if (!definers)
                return NULL;

        phx_definers_forget(definers);
        phx_strings_done(&definers->directories);
        free(definers->directory);
        free(definers);

        return NULL;
}

bool phx_definers_is_due(
                struct phx_definers *definers,
                const char *directory,
                const struct phx_scope *scope) {
        definers->is_fresh = false;
        if (!phx_equal(definers->directory, directory)) {
                phx_definers_forget(definers);
                (void) phx_replace(&definers->directory, directory);
        }
        return !definers->is_looked_at || definers->is_linked ||
               phx_scope_concerns(scope, directory);
}

const struct phx_strings *phx_definers_directories(const struct phx_definers *definers) {
        return &definers->directories;
}

const struct phx_definitions *phx_definers_found(const struct phx_definers *definers) {
        return &definers->found;
}

/* Both tables are in the order of the walk: what is looked for stands behind what was found last.
 */
static const struct definer *find_definer(struct look *look, const char *file) {
        const struct table *before = look->before;

        for (size_t i = 0; i < before->count; i++) {
                size_t at = (look->place + i) % before->count;

                if (strcmp(before->items[at].file, file) != 0)
                        continue;
                look->place = at + 1;
                return &before->items[at];
        }
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

/* --- over a restart --- */

static int render_definer(struct phx_buffer *bytes, const struct definer *definer) {
        int r = phx_texts_add(bytes, definer->file);

        if (r >= 0)
                r = phx_texts_add_stamp(bytes, &definer->stamp);
        if (r >= 0)
                r = phx_texts_add_number(bytes, definer->is_settled);
        if (r >= 0)
                r = phx_texts_add_number(bytes, definer->found.count);
        for (size_t i = 0; r >= 0 && i < definer->found.count; i++) {
                r = phx_texts_add(bytes, definer->found.items[i].name);
                if (r >= 0)
                        r = phx_texts_add_number(bytes, definer->found.items[i].line);
        }
        return r;
}

int phx_definers_render(const struct phx_definers *definers, struct phx_buffer *bytes) {
        int r = phx_texts_add(bytes, definers->directory);

        if (r >= 0)
                r = phx_texts_add_number(bytes, definers->table.count);
        for (size_t i = 0; r >= 0 && i < definers->table.count; i++)
                r = render_definer(bytes, &definers->table.items[i]);
        return r;
}

static int parse_definer(struct phx_texts *reader, struct table *table) {
        phx_cleanup(definer_done) struct definer definer = { 0 };
        uint64_t count;
        int r = 0;

        if (phx_replace(&definer.file, phx_texts_next(reader)) < 0)
                return -ENOMEM;
        definer.stamp = phx_texts_next_stamp(reader);
        definer.is_settled = phx_texts_next_number(reader) == 1;
        count = phx_texts_next_number(reader);
        for (uint64_t i = 0; r >= 0 && i < count && !reader->is_short; i++) {
                const char *name = phx_texts_next(reader);
                unsigned line = (unsigned) phx_texts_next_number(reader);

                r = phx_definitions_add(&definer.found, name, definer.file, line);
        }
        return r < 0 ? r : add_definer(table, &definer);
}

int phx_definers_parse(struct phx_definers *definers, struct phx_texts *reader) {
        uint64_t count;
        int r;

        r = phx_replace(&definers->directory, phx_texts_next(reader));
        count = phx_texts_next_number(reader);
        for (uint64_t i = 0; r >= 0 && i < count && !reader->is_short; i++)
                r = parse_definer(reader, &definers->table);
        if (r >= 0 && reader->is_short)
                r = -EBADMSG;
        if (r < 0)
                phx_definers_forget(definers);
        return r < 0 ? r : 0;
}

/* --- a look --- */

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
        phx_cleanup(definer_done) struct definer definer = { .stamp = phx_stamp_of(st) };
        const struct definer *before = find_definer(look, file);
        int r;

        definer.is_settled = phx_stamp_is_settled(&definer.stamp);

        definer.file = strdup(file);
        if (!definer.file)
                return -ENOMEM;
        if (before && before->is_settled && phx_stamp_equal(&before->stamp, &definer.stamp))
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
static int definers_list_directory(
                int dir_fd,
                unsigned depth,
                bool *is_linked,
                struct phx_strings *ret_names) {
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
                *is_linked |= entry->d_type != DT_REG && entry->d_type != DT_DIR;
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

        if (depth > 0 && phx_strings_add(&look->directories, path) < 0)
                return -ENOMEM;
        r = definers_list_directory(dir_fd, depth, &look->is_linked, &names);
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

/* --- a look at few files --- */

static struct definer *definers_find(const struct phx_definers *definers, const char *file) {
        for (size_t i = 0; i < definers->table.count; i++)
                if (strcmp(definers->table.items[i].file, file) == 0)
                        return &definers->table.items[i];
        return NULL;
}

/* One that was read before, and still is a file that defines the same. */
static bool definers_is_same_file(
                const struct phx_definers *definers,
                int dir_fd,
                const char *file) {
        struct definer *before = definers_find(definers, file);
        phx_cleanup(definer_done) struct definer now = { 0 };
        struct stat st;

        if (!before || fstatat(dir_fd, file, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
                return false;
        now.stamp = phx_stamp_of(&st);
        if (before->is_settled && phx_stamp_equal(&before->stamp, &now.stamp))
                return true;
        now.is_settled = phx_stamp_is_settled(&now.stamp);
        now.file = strdup(file);
        if (!now.file || read_definer(dir_fd, file, &now) < 0 ||
            !phx_definitions_equal(&now.found, &before->found))
                return false;
        before->stamp = now.stamp;
        before->is_settled = now.is_settled;
        return true;
}

static bool definers_is_beyond(const char *file) {
        phx_autofree char *first = strndup(file, strcspn(file, "/"));

        return first && definers_is_passed_over(first, 0);
}

/* DIRECTORY itself, or one that it is in. */
static bool definers_is_above(const char *path, const char *directory) {
        size_t size = strlen(path);

        return strcmp(path, "/") == 0 || (strncmp(path, directory, size) == 0 &&
                                          (directory[size] == '/' || directory[size] == '\0'));
}

/* Nothing is otherwise because of what was heard of PATH. */
static bool definers_is_same_at(const struct phx_definers *definers, int dir_fd, const char *path) {
        size_t size = strlen(definers->directory);
        const char *file = path + size + 1;

        if (strncmp(path, definers->directory, size) != 0 || path[size] != '/')
                return !definers_is_above(path, definers->directory);
        return definers_is_beyond(file) || definers_is_same_file(definers, dir_fd, file);
}

/* Whether SCOPE names nothing but files that define what they did. False in doubt: what has come or
 * gone is found by a walk. */
static bool definers_is_same(
                const struct phx_definers *definers,
                int dir_fd,
                const struct phx_scope *scope) {
        if (!scope || scope->is_whole || !definers->is_looked_at || definers->is_linked ||
            !definers->directory || definers->found.unreadable.count > 0)
                return false;
        for (size_t i = 0; i < scope->paths.count; i++)
                if (!definers_is_same_at(definers, dir_fd, scope->paths.items[i]))
                        return false;
        return true;
}

int phx_definers_look(
                struct phx_definers *definers,
                int dir_fd,
                const struct phx_scope *scope,
                struct phx_error *error) {
        phx_cleanup(definers_look_done) struct look look = { .before = &definers->table };
        phx_cleanup(phx_definitions_done) struct phx_definitions found = { 0 };
        bool is_same;
        int r;

        if (definers_is_same(definers, dir_fd, scope))
                return 0;
        definers->is_looked_at = false;
        r = look_at_directory(&look, dir_fd, "", 0);
        if (r >= 0)
                r = definers_collect(&look, &found);
        if (r < 0) {
                phx_definitions_done(&definers->found);
                return phx_error_set(
                                error,
                                r,
                                "reading other programs' profiles: %s",
                                strerrordesc_np(-r));
        }

        is_same = phx_definitions_equal(&found, &definers->found) &&
                  phx_strings_equal(&look.directories, &definers->directories);
        phx_definitions_done(&definers->found);
        definers->found = PHX_TAKE_STRUCT(found);
        table_done(&definers->table);
        definers->table = PHX_TAKE_STRUCT(look.now);
        phx_strings_done(&definers->directories);
        definers->directories = PHX_TAKE_STRUCT(look.directories);
        definers->is_linked = look.is_linked;
        definers->is_looked_at = definers->is_fresh = true;
        definers->next = 0;
        return !is_same;
}

const struct phx_stamp *phx_definers_stamp(
                struct phx_definers *definers,
                const char *directory,
                const char *file) {
        const struct table *table = &definers->table;

        /* The walk has followed links. */
        if (!definers->is_fresh || definers->is_linked ||
            !phx_equal(definers->directory, directory))
                return NULL;
        for (size_t i = 0; i < table->count; i++) {
                size_t at = (definers->next + i) % table->count;

                if (strcmp(table->items[at].file, file) != 0)
                        continue;
                definers->next = at + 1;
                return &table->items[at].stamp;
        }
        return NULL;
}

void phx_definers_rest(struct phx_definers *definers) {
        definers->is_fresh = false;
}

int phx_definers_observe(
                struct phx_definers *definers,
                int dir_fd,
                struct phx_definitions *ret_definitions,
                struct phx_error *error) {
        phx_cleanup(phx_definitions_done) struct phx_definitions copy = { 0 };
        int r;

        r = phx_definers_look(definers, dir_fd, NULL, error);
        if (r >= 0)
                r = phx_definitions_add_all(&copy, &definers->found);
        if (r < 0)
                return phx_error_set(error, r, "reading other programs' profiles: out of memory");
        phx_definitions_sort(&copy);
        *ret_definitions = PHX_TAKE_STRUCT(copy);
        return 0;
}
