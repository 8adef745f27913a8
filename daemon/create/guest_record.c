/* SPDX-License-Identifier: GPL-2.0-or-later */

/* One item a line, "WORD VALUE"; values have no control characters. The last line says that it is
 * whole. */

#include "create/guest_record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"

#define RECORD_LIMIT ((size_t) 1 << 20)
#define WHOLE "end 1"
#define NAME_SIZE 16

void guest_record_done(struct guest_record *record) {
        free(record->label);
        free(record->source);
        phx_strings_done(&record->keys);
        phx_strings_done(&record->lines);
        *record = (struct guest_record){ 0 };
}

int guest_record_mark(struct guest_record *record) {
        unsigned char bytes[(GUEST_TOKEN_SIZE - 1) / 2];

        if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t) sizeof(bytes))
                return -EIO;
        for (size_t i = 0; i < sizeof(bytes); i++)
                (void) snprintf(record->token + 2 * i, 3, "%02x", bytes[i]);
        return 0;
}

static const char *record_name(uint32_t id, char name[NAME_SIZE]) {
        (void) snprintf(name, NAME_SIZE, "%" PRIu32, id);
        return name;
}

/* --- reading --- */

static int take_hex(char *field, size_t size, const char *value) {
        if (strlen(value) != size - 1 || strspn(value, "0123456789abcdef") != size - 1)
                return -EBADMSG;
        memcpy(field, value, size);
        return 0;
}

static int take_time(long long *field, const char *value) {
        char *end = NULL;

        errno = 0;
        *field = strtoll(value, &end, 10);
        return errno != 0 || end == value || *end || *field < 0 ? -EBADMSG : 0;
}

static int take_item(struct guest_record *record, const char *word, const char *value) {
        if (strcmp(word, "token") == 0)
                return take_hex(record->token, sizeof(record->token), value);
        if (strcmp(word, "digest") == 0)
                return take_hex(record->digest, sizeof(record->digest), value);
        if (strcmp(word, "label") == 0)
                return phx_replace(&record->label, value);
        if (strcmp(word, "source") == 0)
                return phx_replace(&record->source, value);
        if (strcmp(word, "key") == 0)
                return phx_strings_add(&record->keys, value);
        if (strcmp(word, "line") == 0)
                return phx_strings_add(&record->lines, value);
        if (strcmp(word, "time") == 0)
                return take_time(&record->time, value);
        if (strcmp(word, "source-time") == 0)
                return take_time(&record->source_time, value);
        return -EBADMSG;
}

static int parse(char *text, struct guest_record *record) {
        char *rest = text, *line;
        bool is_whole = false;
        int r = 0;

        while (r >= 0 && (line = strsep(&rest, "\n")) && line[0]) {
                char *value = strchr(line, ' ');

                if (is_whole || !value)
                        return -EBADMSG;
                is_whole = strcmp(line, WHOLE) == 0;
                *value++ = '\0';
                r = is_whole ? 0 : take_item(record, line, value);
        }
        if (r < 0)
                return r;
        return is_whole && record->token[0] && record->label ? 0 : -EBADMSG;
}

int guest_record_read(int directory_fd, uint32_t id, struct guest_record *ret_record) {
        phx_cleanup(guest_record_done) struct guest_record record = { .id = id };
        phx_autofree char *text = NULL;
        char name[NAME_SIZE];
        size_t size = 0;
        int r;

        r = phx_file_read_at(directory_fd, record_name(id, name), RECORD_LIMIT, &text, &size);
        if (r >= 0)
                r = strlen(text) == size ? parse(text, &record) : -EBADMSG;
        if (r < 0)
                return r;
        *ret_record = PHX_TAKE_STRUCT(record);
        return 0;
}

/* --- writing --- */

static int add_strings(
                struct phx_buffer *text,
                const char *word,
                const struct phx_strings *strings) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < strings->count; i++)
                r = phx_buffer_addf(text, "%s %s\n", word, strings->items[i]);
        return r;
}

int guest_record_write(int directory_fd, const struct guest_record *record) {
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };
        char name[NAME_SIZE];
        int r;

        r = phx_buffer_addf(&text, "token %s\nlabel %s\n", record->token, record->label);
        if (r >= 0 && record->source)
                r = phx_buffer_addf(&text, "source %s\n", record->source);
        if (r >= 0)
                r = add_strings(&text, "key", &record->keys);
        if (r >= 0)
                r = add_strings(&text, "line", &record->lines);
        if (r >= 0 && record->time > 0)
                r = phx_buffer_addf(&text, "time %lld\n", record->time);
        if (r >= 0 && record->source_time > 0)
                r = phx_buffer_addf(&text, "source-time %lld\n", record->source_time);
        if (r >= 0 && record->digest[0])
                r = phx_buffer_addf(&text, "digest %s\n", record->digest);
        if (r >= 0)
                r = phx_buffer_addf(&text, WHOLE "\n");
        return r < 0 ? r
                     : phx_file_replace_at(
                                       directory_fd,
                                       record_name(record->id, name),
                                       text.data,
                                       text.size,
                                       0600);
}

int guest_record_remove(int directory_fd, uint32_t id) {
        char name[NAME_SIZE];

        if (unlinkat(directory_fd, record_name(id, name), 0) < 0 && errno != ENOENT)
                return phx_errno();
        return fsync(directory_fd) < 0 ? phx_errno() : 0;
}
