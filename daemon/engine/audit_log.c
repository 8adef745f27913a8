/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "engine/audit_log.h"

#include <string.h>

#include <systemd/sd-journal.h>

#include "base/macros.h"
#include "base/process.h"
#include "base/strings.h"

/* Of a message, which the kernel cuts at 8 KiB. */
#define MESSAGE_LIMIT 8192

/* What stands before a record: journald's name for its type, or the kernel's with the time. */
#define FROM_AUDIT "AVC "
#define FROM_KERNEL "audit: type=1400 audit("

/* --- one message --- */

const char *audit_log_record(const char *message, bool has_audit) {
        static const char key[] = "apparmor=";
        const char *prefix = has_audit ? FROM_AUDIT : FROM_KERNEL;
        const char *at;

        if (!phx_has_prefix(message, prefix))
                return NULL;
        at = message + strlen(prefix);
        /* "1796007401.767:118): " */
        if (!has_audit)
                at += strspn(at, "0123456789.:) ");
        return phx_has_prefix(at, key) ? at : NULL;
}

/* Where the value of KEY begins, with its quotes; NULL when there is none. */
static const char *find_value(const char *message, const char *key) {
        for (const char *at = strstr(message, key); at; at = strstr(at + 1, key))
                if (at == message || at[-1] == ' ')
                        return at + strlen(key);
        return NULL;
}

bool audit_log_value(const char *message, const char *key, char *value, size_t size) {
        const char *from = find_value(message, key);
        bool is_quoted = from && *from == '"';
        size_t count;

        if (!from)
                return false;
        from += is_quoted;
        count = strcspn(from, is_quoted ? "\"" : " ");
        if (count >= size)
                return false;
        memcpy(value, from, count);
        value[count] = '\0';
        return true;
}

static int hex_value(char digit) {
        if (digit >= '0' && digit <= '9')
                return digit - '0';
        return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

/* COUNT digits, which are in pairs. False when they are none. */
static bool decode(const char *digits, size_t count, char *name, size_t size) {
        size_t length = 0;

        if (count == 0 || count % 2 != 0)
                return false;
        for (size_t i = 0; i < count; i += 2) {
                int high = hex_value(digits[i]), low = hex_value(digits[i + 1]);

                if (high < 0 || low < 0)
                        return false;
                if (length + 1 < size)
                        name[length++] = (char) (high * 16 + low);
        }
        name[length] = '\0';
        return true;
}

bool audit_log_name(const char *message, const char *key, char *name, size_t size) {
        const char *from = find_value(message, key);
        bool is_quoted = from && *from == '"';
        size_t count;

        if (!from)
                return false;
        from += is_quoted;
        count = strcspn(from, is_quoted ? "\"" : " ");
        if (is_quoted || !decode(from, count, name, size)) {
                count = count < size ? count : size - 1;
                memcpy(name, from, count);
                name[count] = '\0';
        }
        phx_make_visible(name, size);
        return true;
}

/* --- the journal --- */

static void audit_log_close(sd_journal **journal) {
        sd_journal_close(*journal);
}

/* A process may write to the kernel's log, but not as the kernel, whose facility is 0; and to the
 * audit, but not with this type. */
static int audit_log_open(sd_journal **ret_journal, uint64_t since_usec) {
        int r;

        r = sd_journal_open(ret_journal, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM);
        if (r < 0)
                return r;
        (void) sd_journal_set_data_threshold(*ret_journal, MESSAGE_LIMIT);
        r = sd_journal_add_match(*ret_journal, "_TRANSPORT=audit", 0);
        if (r >= 0)
                r = sd_journal_add_match(*ret_journal, "_AUDIT_TYPE=1400", 0);
        if (r >= 0)
                r = sd_journal_add_disjunction(*ret_journal);
        if (r >= 0)
                r = sd_journal_add_match(*ret_journal, "_TRANSPORT=kernel", 0);
        if (r >= 0)
                r = sd_journal_add_match(*ret_journal, "SYSLOG_FACILITY=0", 0);
        return r < 0 ? r : sd_journal_seek_realtime_usec(*ret_journal, since_usec);
}

/* The field's name is part of its data. The caller's to free; NULL when there is none. */
static char *copy_field(sd_journal *journal, const char *name) {
        const size_t length = strlen(name) + 1;
        const void *data = NULL;
        size_t size = 0;

        if (sd_journal_get_data(journal, name, &data, &size) < 0 || size < length)
                return NULL;
        return strndup((const char *) data + length, size - length);
}

static void take_entry(
                sd_journal *journal,
                void (*take)(void *data, const char *record, bool has_audit),
                void *data) {
        phx_autofree char *message = copy_field(journal, "MESSAGE");
        phx_autofree char *transport = copy_field(journal, "_TRANSPORT");
        bool has_audit = phx_equal(transport, "audit");
        const char *record = message ? audit_log_record(message, has_audit) : NULL;

        if (record)
                take(data, record, has_audit);
}

void audit_log_read(
                uint64_t since_usec,
                uint64_t patience_usec,
                void (*take)(void *data, const char *record, bool has_audit),
                bool (*is_enough)(const void *data),
                void *data) {
        uint64_t end = phx_now_usec() + patience_usec, now;
        phx_cleanup(audit_log_close) sd_journal *journal = NULL;

        if (audit_log_open(&journal, since_usec) < 0)
                return;
        for (;;) {
                while ((now = phx_now_usec()) < end && sd_journal_next(journal) > 0)
                        take_entry(journal, take, data);
                if (now >= end || is_enough(data))
                        return;
                if (sd_journal_wait(journal, end - now) < 0)
                        return;
        }
}
