/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Both files are a row of records, a header and what it counts; the last one may be incomplete,
 * since a kill can come in the middle of it, and then it never happened. The program dies and the
 * machine does not, so no record is flushed.
 */
#include "database.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guests.h"
#include "state.h"

enum record_kind {
        RECORD_FILE = 1,
        RECORD_DIRECTORY,
        RECORD_DROP,
        /* The data is the new path, with its NUL. */
        RECORD_MOVE,
};

struct record {
        uint32_t kind;
        /* With its NUL. */
        uint32_t path_size;
        uint32_t data_size;
        uint32_t spare;
        int64_t mtime;
};

/* --- writing */

/* In one write, so that a reader of the log sees whole records. */
static int append_record(int fd, struct record record, const char *path, const char *data) {
        size_t size;
        char *bytes;
        ssize_t n;

        record.path_size = (uint32_t) strlen(path) + 1;
        size = sizeof(record) + record.path_size + record.data_size;
        bytes = malloc(size);
        if (!bytes)
                return -ENOMEM;
        memcpy(bytes, &record, sizeof(record));
        memcpy(bytes + sizeof(record), path, record.path_size);
        if (record.data_size > 0)
                memcpy(bytes + sizeof(record) + record.path_size, data, record.data_size);
        n = write(fd, bytes, size);
        free(bytes);
        return n == (ssize_t) size ? 0 : -EIO;
}

static int append_entry(int fd, const struct pve_entry *entry) {
        struct record record = { .kind = entry->is_directory ? RECORD_DIRECTORY : RECORD_FILE,
                                 .data_size = (uint32_t) entry->size,
                                 .mtime = entry->mtime };

        return append_record(fd, record, entry->path, entry->data);
}

int pve_database_put(struct pve_state *state, const struct pve_entry *entry) {
        return state->log < 0 ? 0 : append_entry(state->log, entry);
}

int pve_database_drop(struct pve_state *state, const char *path) {
        struct record record = { .kind = RECORD_DROP };

        return state->log < 0 ? 0 : append_record(state->log, record, path, NULL);
}

int pve_database_move(struct pve_state *state, const char *from, const char *to) {
        struct record record = { .kind = RECORD_MOVE,
                                 .data_size = (uint32_t) strlen(to) + 1,
                                 .mtime = time(NULL) };

        return state->log < 0 ? 0 : append_record(state->log, record, from, to);
}

static int write_database(struct pve_state *state, int directory) {
        int fd, r = 0;

        fd = openat(directory, "config.db.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        for (size_t i = 0; r == 0 && i < state->n_entries; i++)
                r = append_entry(fd, &state->entries[i]);
        (void) close(fd);
        if (r < 0)
                return r;
        return renameat(directory, "config.db.new", directory, "config.db") < 0 ? -errno : 0;
}

/* --- reading */

static int replay_record(struct pve_state *state, const struct record *record, char *path) {
        struct pve_entry entry = { .path = path,
                                   .data = path + record->path_size,
                                   .size = record->data_size,
                                   .mtime = (time_t) record->mtime };
        struct pve_entry *moved;
        int r;

        switch ((enum record_kind) record->kind) {
        case RECORD_FILE:
                return pve_put(state, &entry);
        case RECORD_DIRECTORY:
                entry.is_directory = true;
                return pve_put(state, &entry);
        case RECORD_DROP:
                pve_drop(state, path);
                return 0;
        case RECORD_MOVE:
                r = pve_rename_entry(state, path, entry.data);
                moved = pve_find(state, entry.data);
                if (moved)
                        moved->mtime = entry.mtime;
                return r;
        }
        return -EBADMSG;
}

static int replay_bytes(struct pve_state *state, char *bytes, size_t size) {
        struct record record;

        while (size >= sizeof(record)) {
                int r;

                memcpy(&record, bytes, sizeof(record));
                bytes += sizeof(record);
                size -= sizeof(record);
                if (size < record.path_size || size - record.path_size < record.data_size)
                        return 0;
                if (record.path_size == 0 || bytes[record.path_size - 1] != '\0')
                        return -EBADMSG;
                r = replay_record(state, &record, bytes);
                if (r < 0)
                        return r;
                bytes += record.path_size + record.data_size;
                size -= record.path_size + record.data_size;
        }
        return 0;
}

static int replay_file(struct pve_state *state, int directory, const char *name) {
        struct stat st;
        char *bytes;
        ssize_t n;
        int fd, r;

        fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        if (fstat(fd, &st) < 0) {
                (void) close(fd);
                return -EIO;
        }
        bytes = malloc((size_t) st.st_size + 1);
        n = bytes ? read(fd, bytes, (size_t) st.st_size) : -1;
        r = n == st.st_size ? replay_bytes(state, bytes, (size_t) n) : -EIO;
        free(bytes);
        (void) close(fd);
        return r;
}

/* --- a start and an end */

static int open_at_start(struct pve_state *state, int directory) {
        int r;

        r = replay_file(state, directory, "config.db");
        if (r == 0)
                r = replay_file(state, directory, "config.db-wal");
        if (r == 0)
                r = pve_renumber(state);
        if (r == 0)
                r = write_database(state, directory);
        if (r < 0)
                return r;

        state->log = openat(
                        directory,
                        "config.db-wal",
                        O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC,
                        0600);
        return state->log < 0 ? -errno : 0;
}

int pve_database_open(struct pve_state *state, const char *directory) {
        int fd, r;

        if (!directory)
                return 0;
        fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        r = open_at_start(state, fd);
        (void) close(fd);
        return r;
}

int pve_database_close(struct pve_state *state, const char *directory) {
        int fd, r;

        if (!directory)
                return 0;
        fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        r = write_database(state, fd);
        if (r == 0 && unlinkat(fd, "config.db-wal", 0) < 0)
                r = -errno;
        (void) close(fd);
        (void) close(state->log);
        state->log = -1;
        return r;
}
