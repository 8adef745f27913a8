/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The caller's place in our source is of no use to an operator. */
#define SD_JOURNAL_SUPPRESS_LOCATION

#include "shared/journal.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>

#include <systemd/sd-journal.h>

#include "base/strings.h"
#include "shared/message-id.h"
#include "shared/text.h"

/* Longer messages are cut: a compiler's complaint about one line never needs more. */
#define MESSAGE_SIZE 4096

struct kind {
        const char *message_id;
        int priority;
};

static struct kind journal_kind_of(const struct phx_record *record) {
        switch (record->kind) {
        case PHX_RECORD_INTENT:
                return (struct kind){ MESSAGE_INTENT, LOG_INFO };
        case PHX_RECORD_CHANGED:
                return (struct kind){ MESSAGE_CHANGED, LOG_NOTICE };
        case PHX_RECORD_FAILED:
                return (struct kind){ MESSAGE_FAILED, LOG_WARNING };
        case PHX_RECORD_REFUSED:
                return (struct kind){ MESSAGE_REFUSED, LOG_WARNING };
        case PHX_RECORD_ACCEPTED:
                return (struct kind){ MESSAGE_ACCEPTED, LOG_NOTICE };
        case PHX_RECORD_JUDGED:
                return (struct kind){ MESSAGE_JUDGED, LOG_INFO };
        case PHX_RECORD_DRIFT_FOUND:
                return (struct kind){ MESSAGE_DRIFT_FOUND,
                                      record->is_routine ? LOG_NOTICE : LOG_WARNING };
        case PHX_RECORD_DRIFT_GONE:
                return (struct kind){ MESSAGE_DRIFT_GONE, LOG_NOTICE };
        case PHX_RECORD_POSTURE:
                return (struct kind){ MESSAGE_POSTURE, LOG_INFO };
        case PHX_RECORD_SUSPENDED:
                return (struct kind){ MESSAGE_SUSPENDED, LOG_NOTICE };
        case PHX_RECORD_RESUMED:
                return (struct kind){ MESSAGE_RESUMED, LOG_NOTICE };
        case PHX_RECORD_SUSPENSION_ENDED:
                return (struct kind){ MESSAGE_SUSPENSION_ENDED, LOG_NOTICE };
        case PHX_RECORD_RESTART_ASKED:
                return (struct kind){ MESSAGE_RESTART_ASKED, LOG_NOTICE };
        case PHX_RECORD_FOREIGN:
                return (struct kind){ MESSAGE_FOREIGN, LOG_WARNING };
        case PHX_RECORD_LINT:
                return (struct kind){ MESSAGE_LINT, LOG_WARNING };
        case PHX_RECORD_ROLLED_BACK:
                return (struct kind){ MESSAGE_ROLLED_BACK, LOG_WARNING };
        case PHX_RECORD_REMARK:
                break;
        }
        return (struct kind){ MESSAGE_REMARK, LOG_INFO };
}

static int send_fields(const struct journal *journal, const struct phx_strings *fields) {
        phx_autofree struct iovec *many = calloc(fields->count + 1, sizeof(*many));
        struct iovec few[24], *vectors = many ? many : few;
        size_t limit = many ? fields->count : PHX_ELEMENTS(few), count = 0;

        for (; count < fields->count && count < limit; count++)
                vectors[count] = (struct iovec){ fields->items[count],
                                                 strlen(fields->items[count]) };
        return journal->send(journal->data, vectors, (int) count);
}

/* Last, since there may be many. A field may be there more than once, and is found by each. */
static void add_stories(const struct phx_record *record, struct phx_strings *fields) {
        const struct phx_strings *stories = record->stories;

        if (record->container)
                (void) phx_strings_addf(fields, "PHOENIXD_STORY=%s", record->container);
        for (size_t i = 0; stories && i < stories->count; i++)
                (void) phx_strings_addf(fields, "PHOENIXD_STORY=%s", stories->items[i]);
        if (record->story_count > 0 && (!stories || stories->count == 0))
                (void) phx_strings_addf(fields, "PHOENIXD_STORIES=%zu", record->story_count);
}

/* Lack of memory costs fields, never the message: what was added so far is sent. */
static int send_message(
                const struct journal *journal,
                struct kind kind,
                const char *message,
                const struct phx_record *record,
                struct phx_strings *fields) {
        char clean[MESSAGE_SIZE];
        int r;

        text_clean(message, clean, sizeof(clean));
        (void) phx_strings_addf(fields, "MESSAGE=%s", clean);
        (void) phx_strings_addf(fields, "PRIORITY=%d", kind.priority);
        (void) phx_strings_addf(fields, "MESSAGE_ID=%s", kind.message_id);
        if (record)
                add_stories(record, fields);
        r = send_fields(journal, fields);
        if (journal->echo)
                (void) fprintf(stderr, "%s\n", clean);
        return r;
}

int journal_record(const struct journal *journal, const struct phx_record *record) {
        const char *action = record->action == PHX_ACTION_NONE
                                             ? NULL
                                             : phx_action_kind_to_string(record->action);
        const struct {
                const char *name;
                const char *value;
        } values[] = {
                { "ACTION", action },
                { "LAYER", record->layer },
                { "DRIFT", record->drift },
                { "PROFILE", record->profile },
                { "CONTAINER", record->container },
                { "PATH", record->path },
                { "GENERATION", record->generation },
                { "OLD_DIGEST", record->old_digest },
                { "NEW_DIGEST", record->new_digest },
                { "BY", record->by },
        };
        phx_cleanup(phx_strings_done) struct phx_strings fields = { 0 };

        (void) phx_strings_addf(
                        &fields,
                        "PHOENIXD_RECORD=%s",
                        phx_record_kind_to_string(record->kind));
        for (size_t i = 0; i < PHX_ELEMENTS(values); i++)
                if (values[i].value)
                        (void) phx_strings_addf(
                                        &fields,
                                        "PHOENIXD_%s=%s",
                                        values[i].name,
                                        values[i].value);
        if (record->is_good)
                (void) phx_strings_addf(&fields, "PHOENIXD_LAST_GOOD=1");
        if (record->error < 0)
                (void) phx_strings_addf(&fields, "ERRNO=%d", -record->error);

        return send_message(journal, journal_kind_of(record), record->message, record, &fields);
}

void journal_say(
                const struct journal *journal,
                const char *message_id,
                int priority,
                const char *format,
                ...) {
        phx_cleanup(phx_strings_done) struct phx_strings fields = { 0 };
        char message[MESSAGE_SIZE];
        va_list arguments;

        va_start(arguments, format);
        (void) vsnprintf(message, sizeof(message), format, arguments);
        va_end(arguments);

        (void) send_message(journal, (struct kind){ message_id, priority }, message, NULL, &fields);
}

static int send_to_journal(void *data, const struct iovec *fields, int count) {
        return sd_journal_sendv(fields, count);
}

/* JOURNAL_STREAM is "DEVICE:INODE" of the stream that systemd connected; see systemd.exec(5). */
static bool is_journal_stream(void) {
        const char *stream = getenv("JOURNAL_STREAM");
        unsigned long long device, inode;
        struct stat status;
        char *end = NULL;

        if (!stream || fstat(STDERR_FILENO, &status) < 0)
                return false;
        device = strtoull(stream, &end, 10);
        if (*end != ':')
                return false;
        inode = strtoull(end + 1, &end, 10);
        return *end == '\0' && device == status.st_dev && inode == status.st_ino;
}

void journal_open(struct journal *journal) {
        *journal = (struct journal){ .send = send_to_journal, .echo = !is_journal_stream() };
}
