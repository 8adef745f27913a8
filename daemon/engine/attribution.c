/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "engine/attribution.h"

#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "base/strings.h"
#include "engine/audit_log.h"
#include "state/labels.h"

/* The engine's name, which its threads of the kernel's audit carry: see run_child() of
 * shared/engine_process.c; a name there has 15 bytes. */
#define OUR_NAME "phoenixd-engine"

struct finding {
        bool is_found;
        struct attribution_record record;
};

/* One that changes the host's policy, and not that of a policy namespace: a task changes the one
 * that it sees, unless NS says another. A label that is cut may be of any. */
static bool is_of_the_host(const char *message) {
        struct phx_label_part part = { 0 };
        char text[512];

        if (audit_log_name(message, "namespace=", text, sizeof(text)) ||
            audit_log_name(message, "ns=", text, sizeof(text)))
                return false;
        if (!audit_log_name(message, "label=", text, sizeof(text)))
                return true;
        if (strlen(text) + 1 == sizeof(text))
                return false;
        while (phx_label_next_part(text, &part))
                if (part.is_inner)
                        return false;
        return true;
}

bool attribution_parse(const char *message, struct attribution_record *ret_record) {
        char status[16], operation[32], info[64], pid[16], comm[32];

        if (!audit_log_value(message, "apparmor=", status, sizeof(status)) ||
            strcmp(status, "STATUS") != 0 ||
            !audit_log_value(message, "operation=", operation, sizeof(operation)) ||
            !audit_log_value(message, "name=", ret_record->profile, sizeof(ret_record->profile)) ||
            !audit_log_value(message, "pid=", pid, sizeof(pid)) ||
            !audit_log_value(message, "comm=", comm, sizeof(comm)) || strcmp(comm, OUR_NAME) == 0 ||
            !is_of_the_host(message))
                return false;
        /* "same as current profile, skipping" */
        if (audit_log_value(message, "info=", info, sizeof(info)) && strstr(info, "skipping"))
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

/* --- the search --- */

struct search {
        const struct phx_strings *profiles;
        struct finding *findings;
        size_t found;
};

/* The last record about each counts. */
static void attribution_take(void *data, const char *text, bool has_audit) {
        struct attribution_record record = { .what = NULL };
        struct search *search = data;

        if (!attribution_parse(text, &record))
                return;
        for (size_t i = 0; i < search->profiles->count; i++) {
                if (strcmp(search->profiles->items[i], record.profile) != 0)
                        continue;
                search->found += !search->findings[i].is_found;
                search->findings[i] = (struct finding){ true, record };
        }
}

static bool attribution_is_enough(const void *data) {
        const struct search *search = data;

        return search->found == search->profiles->count;
}

void attribution_find(
                const struct phx_strings *profiles,
                uint64_t since_usec,
                attribution_told told,
                void *data) {
        phx_autofree struct finding *findings = calloc(profiles->count + 1, sizeof(*findings));
        struct search search = { profiles, findings, 0 };

        if (findings)
                audit_log_read(since_usec,
                               AUDIT_LOG_PATIENCE_USEC,
                               attribution_take,
                               attribution_is_enough,
                               &search);
        for (size_t i = 0; i < profiles->count; i++) {
                const struct finding *finding = findings ? &findings[i] : NULL;
                bool is_found = finding && finding->is_found;

                told(data,
                     profiles->items[i],
                     is_found ? finding->record.what : "changed",
                     is_found ? finding->record.by : NULL);
        }
}
