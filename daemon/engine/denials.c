/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "engine/denials.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/macros.h"
#include "base/strings.h"
#include "engine/audit_log.h"
#include "state/labels.h"

/* The policy namespace of the host, below which the kernel names all others. */
#define ROOT "root//"
/* So many are in the text. */
#define SHOWN 4
#define USEC_PER_SEC UINT64_C(1000000)

/* --- one record --- */

/* What was denied has another key for each class. */
static void take_object(const char *message, struct denial_record *record) {
        static const char *const keys[] = { "name=", "capname=", "family=", "peer=", "target=" };

        for (size_t i = 0; i < PHX_ELEMENTS(keys); i++)
                if (audit_log_name(message, keys[i], record->object, sizeof(record->object)))
                        return;
}

bool denial_parse(const char *message, struct denial_record *ret_record) {
        struct denial_record record = { 0 };
        char status[16];

        if (!audit_log_value(message, "apparmor=", status, sizeof(status)) ||
            (strcmp(status, "DENIED") != 0 && strcmp(status, "KILLED") != 0))
                return false;
        if (!audit_log_name(message, "operation=", record.operation, sizeof(record.operation)))
                return false;
        if (!audit_log_name(message, "profile=", record.profile, sizeof(record.profile)) &&
            !audit_log_name(message, "label=", record.label, sizeof(record.label)))
                return false;
        (void) audit_log_name(message, "namespace=", record.namespace, sizeof(record.namespace));
        if (!audit_log_name(message, "denied_mask=", record.mask, sizeof(record.mask)))
                (void) audit_log_name(message, "denied=", record.mask, sizeof(record.mask));
        take_object(message, &record);
        *ret_record = record;
        return true;
}

/* PART is ":NAMESPACE:PROFILE", or follows one in the same namespace; NAMESPACE has its name. */
static void follow_namespace(
                const struct phx_label_part *part,
                char *namespace,
                size_t namespace_size) {
        const char *end;
        size_t size;

        if (part->size == 0 || part->at[0] != ':')
                return;
        end = memchr(part->at + 1, ':', part->size - 1);
        size = end ? (size_t) (end - part->at - 1) : 0;
        if (size < namespace_size)
                (void) snprintf(namespace, namespace_size, "%.*s", (int) size, part->at + 1);
}

/* NAMESPACE itself, or one that it has made. */
static bool is_below(const char *found, const char *namespace) {
        size_t size = strlen(namespace);

        if (!phx_has_prefix(found, ROOT) || size == 0)
                return false;
        found += strlen(ROOT);
        return strncmp(found, namespace, size) == 0 &&
               (found[size] == '\0' || phx_has_prefix(found + size, "//"));
}

static bool is_of_part(
                const struct denial_record *record,
                const struct phx_label_part *part,
                const char *namespace) {
        if (part->is_inner)
                return is_below(record->namespace, namespace);
        if (record->namespace[0] != '\0')
                return false;
        if (record->profile[0] == '\0')
                return phx_label_runs_in(record->label, part->name);
        return phx_label_name_is_of(record->profile, part->name);
}

bool denial_is_of(const struct denial_record *record, const char *label) {
        struct phx_label_part part = { 0 };
        char namespace[256] = "";

        /* By LXC's own profile, as the container is about to take the label. */
        if (phx_has_prefix(record->operation, "change_") && phx_equal(record->object, label))
                return true;
        while (phx_label_next_part(label, &part)) {
                follow_namespace(&part, namespace, sizeof(namespace));
                if (is_of_part(record, &part, namespace))
                        return true;
        }
        return false;
}

/* --- many of them --- */

static bool is_same_denial(const struct denial_record *a, const struct denial_record *b) {
        return strcmp(a->operation, b->operation) == 0 && strcmp(a->object, b->object) == 0 &&
               strcmp(a->mask, b->mask) == 0;
}

void denials_add(struct denials *denials, const struct denial_record *record, bool has_audit) {
        size_t i = 0;

        while (i < denials->count && !is_same_denial(&denials->items[i].record, record))
                i++;
        if (i == DENIALS_LIMIT) {
                denials->others++;
                return;
        }
        if (i == denials->count)
                denials->items[denials->count++] = (struct denial){ .record = *record };
        if (has_audit)
                denials->items[i].audited++;
        else
                denials->items[i].logged++;
}

/* Where both sources have a record, it is one. */
static unsigned count_of(const struct denial *denial) {
        return denial->audited > denial->logged ? denial->audited : denial->logged;
}

static int by_count(const void *a, const void *b) {
        const struct denial *const *left = a, *const *right = b;
        unsigned left_count = count_of(*left), right_count = count_of(*right);

        if (left_count != right_count)
                return left_count < right_count ? 1 : -1;
        /* In the order in which they came. */
        return (*left > *right) - (*left < *right);
}

static int add_denial(struct phx_buffer *text, const struct denial *denial) {
        const struct denial_record *record = &denial->record;
        unsigned count = count_of(denial);
        int r;

        r = phx_buffer_addf(text, "%s%s", text->size > 0 ? "; " : "", record->operation);
        if (r >= 0 && record->object[0] != '\0')
                r = phx_buffer_addf(text, " %s", record->object);
        if (r >= 0 && record->mask[0] != '\0')
                r = phx_buffer_addf(text, " (%s)", record->mask);
        if (r >= 0 && count > 1)
                r = phx_buffer_addf(text, ", %u times", count);
        return r;
}

int denials_to_text(const struct denials *denials, char **ret_text) {
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };
        const struct denial *sorted[DENIALS_LIMIT];
        size_t shown = denials->count < SHOWN ? denials->count : SHOWN;
        size_t more = denials->count - shown;
        int r = 0;

        for (size_t i = 0; i < denials->count; i++)
                sorted[i] = &denials->items[i];
        qsort(sorted, denials->count, sizeof(sorted[0]), by_count);
        for (size_t i = 0; r >= 0 && i < shown; i++)
                r = add_denial(&text, sorted[i]);
        if (r >= 0 && more > 0)
                r = phx_buffer_addf(&text, "; %zu%s more", more, denials->others > 0 ? " or" : "");
        if (r >= 0 && text.size > 0)
                r = phx_buffer_add(&text, "", 1);
        if (r < 0)
                return r;
        *ret_text = PHX_TAKE(text.data);
        return 0;
}

/* --- the search --- */

struct denials_search {
        const char *label;
        struct denials denials;
};

static void denials_take(void *data, const char *text, bool has_audit) {
        struct denials_search *search = data;
        struct denial_record record;

        if (denial_parse(text, &record) && denial_is_of(&record, search->label))
                denials_add(&search->denials, &record, has_audit);
}

static bool denials_are_enough(const void *data) {
        const struct denials_search *search = data;

        return search->denials.count > 0;
}

uint64_t denials_since(
                const struct phx_restart_item *before,
                uint64_t since_usec,
                uint64_t boot_usec,
                uint64_t wall_usec) {
        const char *start = before && before->phase == PHX_RESTART_CHECKED
                                            ? strchr(before->init, ' ')
                                            : NULL;
        const long per_second = sysconf(_SC_CLK_TCK);
        uint64_t ticks, started;

        if (!start || per_second <= 0)
                return since_usec;
        ticks = strtoull(start + 1, NULL, 10);
        started = ticks / (uint64_t) per_second * USEC_PER_SEC +
                  ticks % (uint64_t) per_second * USEC_PER_SEC / (uint64_t) per_second;
        if (started > boot_usec || boot_usec - started > wall_usec)
                return since_usec;
        started = wall_usec - (boot_usec - started);
        return started < since_usec ? started : since_usec;
}

uint64_t denials_patience(uint64_t spent_usec) {
        uint64_t left = spent_usec < AUDIT_LOG_PATIENCE_USEC ? AUDIT_LOG_PATIENCE_USEC - spent_usec
                                                             : 0;

        return left > DENIALS_LEAST_USEC ? left : DENIALS_LEAST_USEC;
}

int denials_find(const char *label, uint64_t since_usec, uint64_t patience_usec, char **ret_text) {
        struct denials_search search = { .label = label };

        audit_log_read(since_usec, patience_usec, denials_take, denials_are_enough, &search);
        return denials_to_text(&search.denials, ret_text);
}
