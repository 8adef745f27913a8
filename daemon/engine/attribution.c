/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "engine/attribution.h"

#include <stdio.h>
#include <string.h>

#include <systemd/sd-journal.h>

#include "base/macros.h"
#include "base/process.h"
#include "base/strings.h"

/* journald needs some 100 ms to pass a record on. */
#define PATIENCE_USEC 1000000ULL
/* The engine's name, which its threads of the kernel's audit carry: see run_child() of
 * shared/engine_process.c; a name there has 15 bytes. */
#define OUR_NAME "phoenixd-engine"

struct finding {
        bool is_found;
        struct attribution_record record;
};

/* The value of KEY="VALUE" or KEY=VALUE; false when it is not there, or is longer than SIZE. */
static bool attribution_take(const char *message, const char *key, char *value, size_t size) {
        size_t length = strlen(key);

        for (const char *at = strstr(message, key); at; at = strstr(at + 1, key)) {
                bool is_quoted = at[length] == '"';
                const char *from = at + length + is_quoted;
                size_t count = strcspn(from, is_quoted ? "\"" : " ");

                if (at > message && at[-1] != ' ')
                        continue;
                if (count >= size)
                        return false;
                memcpy(value, from, count);
                value[count] = '\0';
                return true;
        }
        return false;
}

bool attribution_parse(const char *message, struct attribution_record *ret_record) {
        char status[16], operation[32], info[64], pid[16], comm[32];

        if (!attribution_take(message, "apparmor=", status, sizeof(status)) ||
            strcmp(status, "STATUS") != 0 ||
            !attribution_take(message, "operation=", operation, sizeof(operation)) ||
            !attribution_take(message, "name=", ret_record->profile, sizeof(ret_record->profile)) ||
            !attribution_take(message, "pid=", pid, sizeof(pid)) ||
            !attribution_take(message, "comm=", comm, sizeof(comm)) || strcmp(comm, OUR_NAME) == 0)
                return false;
        /* "same as current profile, skipping" */
        if (attribution_take(message, "info=", info, sizeof(info)) && strstr(info, "skipping"))
                return false;

        if (strcmp(operation, "profile_remove") == 0)
                ret_record->what = "removed";
        else if (strcmp(operation, "profile_replace") == 0)
                ret_record->what = "replaced";
        else if (strcmp(operation, "profile_load") == 0)
                ret_record->what = "loaded";
        else
                return false;
        phx_make_visible(comm, sizeof(comm));
        (void) snprintf(ret_record->by, sizeof(ret_record->by), "%s, pid %s", comm, pid);
        return true;
}

/* The last record about each counts. */
static size_t take_entry(
                sd_journal *journal,
                const struct phx_strings *profiles,
                struct finding *findings) {
        static const char field[] = "MESSAGE=";
        struct attribution_record record = { .what = NULL };
        phx_autofree char *message = NULL;
        const void *data = NULL;
        size_t size = 0, found = 0;

        if (sd_journal_get_data(journal, "MESSAGE", &data, &size) < 0 || size < strlen(field))
                return 0;
        message = strndup((const char *) data + strlen(field), size - strlen(field));
        if (!message || !attribution_parse(message, &record))
                return 0;
        for (size_t i = 0; i < profiles->count; i++) {
                if (strcmp(profiles->items[i], record.profile) != 0)
                        continue;
                found += !findings[i].is_found;
                findings[i] = (struct finding){ true, record };
        }
        return found;
}

static void attribution_close_journal(sd_journal **journal) {
        sd_journal_close(*journal);
}

static int open_journal(sd_journal **ret_journal, uint64_t since_usec) {
        int r;

        r = sd_journal_open(ret_journal, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM);
        if (r < 0)
                return r;
        /* Where journald does not take records from the kernel's audit, they are among the kernel's
         * messages. */
        r = sd_journal_add_match(*ret_journal, "_TRANSPORT=audit", 0);
        if (r >= 0)
                r = sd_journal_add_match(*ret_journal, "_TRANSPORT=kernel", 0);
        return r < 0 ? r : sd_journal_seek_realtime_usec(*ret_journal, since_usec);
}

static void attribution_search(
                sd_journal *journal,
                const struct phx_strings *profiles,
                struct finding *findings) {
        uint64_t end = phx_now_usec() + PATIENCE_USEC, now;
        size_t found = 0;

        for (;;) {
                while (sd_journal_next(journal) > 0)
                        found += take_entry(journal, profiles, findings);
                now = phx_now_usec();
                if (found == profiles->count || now >= end)
                        return;
                if (sd_journal_wait(journal, end - now) < 0)
                        return;
        }
}

void attribution_find(
                const struct phx_strings *profiles,
                uint64_t since_usec,
                attribution_told told,
                void *data) {
        phx_autofree struct finding *findings = calloc(profiles->count + 1, sizeof(*findings));
        phx_cleanup(attribution_close_journal) sd_journal *journal = NULL;

        if (findings && open_journal(&journal, since_usec) >= 0)
                attribution_search(journal, profiles, findings);
        for (size_t i = 0; i < profiles->count; i++) {
                const struct finding *finding = findings ? &findings[i] : NULL;
                bool is_found = finding && finding->is_found;

                told(data,
                     profiles->items[i],
                     is_found ? finding->record.what : "changed",
                     is_found ? finding->record.by : NULL);
        }
}
