/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "phoenixctl/history.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <systemd/sd-journal.h>

#include "base/grow.h"
#include "base/strings.h"
#include "shared/message-id.h"
#include "state/record.h"
#include "state/report.h"

#define UNIT "phoenixd.service"

static void events_close_journal(sd_journal **journal) {
        sd_journal_close(*journal);
}

static int match(sd_journal *journal, const char *field, const char *value) {
        phx_autofree char *text = NULL;

        if (phx_printf(&text, "%s=%s", field, value) < 0)
                return -ENOMEM;
        return sd_journal_add_match(journal, text, 0);
}

/* Of the unit, and about the object: as one whose story it is, or as the one that it is about.
 * Matches of different fields must all hold, up to the next disjunction. */
static int events_add_matches(sd_journal *journal, const char *object) {
        int r;

        r = match(journal, "_SYSTEMD_UNIT", UNIT);
        if (r < 0 || !object)
                return r;
        r = match(journal, "PHOENIXD_STORY", object);
        if (r >= 0)
                r = sd_journal_add_disjunction(journal);
        if (r >= 0)
                r = match(journal, "_SYSTEMD_UNIT", UNIT);
        return r < 0 ? r : match(journal, "PHOENIXD_PROFILE", object);
}

/* NULL when the entry does not have it, in which case RET_TEXT is NULL too. -ENOMEM. */
static int events_take(sd_journal *journal, const char *field, char **ret_text) {
        const char *data = NULL;
        size_t size = 0, skip = strlen(field) + 1;

        *ret_text = NULL;
        if (sd_journal_get_data(journal, field, (const void **) &data, &size) < 0 || size < skip)
                return 0;
        *ret_text = strndup(data + skip, size - skip);
        return *ret_text ? 0 : -ENOMEM;
}

/* What the daemon says of itself has no kind. */
static const char *events_kind_of(const char *id) {
        static const struct {
                const char *id;
                const char *kind;
        } kinds[] = {
                { MESSAGE_STARTED, "started" },
                { MESSAGE_STOPPING, "stopping" },
                { MESSAGE_RELOADING, "reloading" },
                { MESSAGE_LOOK_FAILED, "pass-failed" },
                { MESSAGE_LOOK_RECOVERED, "pass-recovered" },
                { MESSAGE_ENGINE_RESTARTED, "engine-restarted" },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(kinds); i++)
                if (strcmp(kinds[i].id, id) == 0)
                        return kinds[i].kind;
        return NULL;
}

static int events_fill(sd_journal *journal, struct phx_answer_event *event) {
        const struct {
                const char *field;
                char **text;
        } fields[] = {
                { "MESSAGE_ID", &event->message_id },
                { "MESSAGE", &event->message },
                { "PHOENIXD_RECORD", &event->kind },
                { "PHOENIXD_ACTION", &event->action },
                { "PHOENIXD_LAYER", &event->layer },
                { "PHOENIXD_PROFILE", &event->profile },
                { "PHOENIXD_CONTAINER", &event->container },
                { "PHOENIXD_BY", &event->by },
                { "PHOENIXD_GENERATION", &event->generation },
                { "PHOENIXD_OLD_DIGEST", &event->old_digest },
                { "PHOENIXD_NEW_DIGEST", &event->new_digest },
        };
        int r;

        r = sd_journal_get_realtime_usec(journal, &event->at);
        for (size_t i = 0; r >= 0 && i < PHX_ELEMENTS(fields); i++)
                r = events_take(journal, fields[i].field, fields[i].text);
        if (r >= 0 && !event->kind && event->message_id && events_kind_of(event->message_id))
                r = phx_replace(&event->kind, events_kind_of(event->message_id));
        return r;
}

/* False for what is no part of the trail, such as what systemd says about the unit. */
static bool is_wanted(const struct history_query *query, const struct phx_answer_event *event) {
        enum phx_record_kind kind;

        if (!event->kind || !event->message)
                return false;
        return query->has_intents || !phx_record_kind_from_string(event->kind, &kind) ||
               kind != PHX_RECORD_INTENT;
}

static int read_entry(
                sd_journal *journal,
                const struct history_query *query,
                struct phx_answer_history *history) {
        struct phx_answer_event *event =
                        phx_grow(&history->events, &history->count, sizeof(*event));
        int r;

        if (!event)
                return -ENOMEM;
        event->until = PHX_NEVER;
        r = events_fill(journal, event);
        if (r < 0 || is_wanted(query, event))
                return r;
        phx_answer_event_done(event);
        history->count--;
        return 0;
}

/* Backwards, so that the last ones are found first. */
static int events_read_all(
                sd_journal *journal,
                const struct history_query *query,
                struct phx_answer_history *history) {
        int r;

        r = sd_journal_seek_tail(journal);
        while (r >= 0 && (query->limit == 0 || history->count < query->limit)) {
                uint64_t at = 0;

                r = sd_journal_previous(journal);
                if (r <= 0)
                        break;
                r = sd_journal_get_realtime_usec(journal, &at);
                if (r < 0 || at < query->since_usec)
                        break;
                r = read_entry(journal, query, history);
        }
        for (size_t i = 0; i < history->count / 2; i++) {
                struct phx_answer_event other = history->events[i];

                history->events[i] = history->events[history->count - 1 - i];
                history->events[history->count - 1 - i] = other;
        }
        return r < 0 ? r : 0;
}

int history_merge(
                struct phx_answer_history *history,
                struct phx_answer_history *other,
                size_t limit) {
        size_t count = history->count + other->count, left = 0, right = 0, skipped;
        struct phx_answer_event *events = calloc(count + 1, sizeof(*events));

        if (!events)
                return -ENOMEM;
        for (size_t i = 0; i < count; i++) {
                bool is_left = right == other->count ||
                               (left < history->count &&
                                history->events[left].at <= other->events[right].at);

                events[i] = is_left ? history->events[left++] : other->events[right++];
        }
        skipped = limit > 0 && count > limit ? count - limit : 0;
        for (size_t i = 0; i < skipped; i++)
                phx_answer_event_done(&events[i]);
        memmove(events, events + skipped, (count - skipped) * sizeof(*events));
        free(history->events);
        free(other->events);
        *other = (struct phx_answer_history){ 0 };
        *history = (struct phx_answer_history){ events, count - skipped };
        return 0;
}

int history_read(
                const struct history_query *query,
                struct phx_answer_history *ret_history,
                struct phx_error *error) {
        phx_cleanup(events_close_journal) sd_journal *journal = NULL;
        struct phx_answer_history history = { 0 };
        int r;

        r = sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM);
        if (r >= 0)
                r = events_add_matches(journal, query->object);
        if (r >= 0)
                r = events_read_all(journal, query, &history);
        if (r < 0) {
                phx_answer_history_done(&history);
                return phx_error_set(error, r, "the journal: %s", strerrordesc_np(-r));
        }
        *ret_history = history;
        return 0;
}
