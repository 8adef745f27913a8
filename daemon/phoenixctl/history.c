/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "phoenixctl/history.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <systemd/sd-journal.h>

#include "base/grow.h"
#include "base/strings.h"
#include "phoenixctl/shown.h"
#include "phoenixctl/story.h"
#include "shared/message-id.h"
#include "state/record.h"
#include "state/report.h"

#define UNIT "phoenixd.service"
#define GATE "phoenixd-gate"
#define HOUR_USEC 3600000000ULL

static int match(sd_journal *journal, const char *field, const char *value) {
        phx_autofree char *text = NULL;

        if (phx_printf(&text, "%s=%s", field, value) < 0)
                return -ENOMEM;
        return sd_journal_add_match(journal, text, 0);
}

/* Of the unit, or of the boot gate, which LXC runs as root, and with the field. Matches of
 * different fields must all hold, up to the next disjunction. */
static int events_add_match(sd_journal *journal, const char *field, const char *value) {
        int r;

        r = sd_journal_add_disjunction(journal);
        if (r >= 0)
                r = match(journal, "_SYSTEMD_UNIT", UNIT);
        if (r >= 0 && field)
                r = match(journal, field, value);
        if (r >= 0)
                r = sd_journal_add_disjunction(journal);
        if (r >= 0)
                r = match(journal, "SYSLOG_IDENTIFIER", GATE);
        if (r >= 0)
                r = match(journal, "_UID", "0");
        return r < 0 || !field ? r : match(journal, field, value);
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

/* One reading of the trail. */
struct events {
        sd_journal *journal;
        const struct history_query *query;
        struct story story; /* of the query's object, when it is a container */
};

static void events_done(struct events *events) {
        sd_journal_close(events->journal);
        story_done(&events->story);
}

/* False for what is no part of the trail, such as what systemd says about the unit. */
static bool is_in_trail(const struct history_query *query, const struct phx_answer_event *event) {
        enum phx_record_kind kind;

        if (!event->kind || !event->message)
                return false;
        return query->has_intents || !phx_record_kind_from_string(event->kind, &kind) ||
               kind != PHX_RECORD_INTENT;
}

/* Whether the entry has the field with this value, as one of several. */
static bool events_have(sd_journal *journal, const char *field, const char *value) {
        phx_autofree char *text = NULL;
        const void *data;
        size_t size;

        if (phx_printf(&text, "%s=%s", field, value) < 0)
                return false;
        sd_journal_restart_data(journal);
        while (sd_journal_enumerate_data(journal, &data, &size) > 0)
                if (size == strlen(text) && memcmp(data, text, size) == 0)
                        return true;
        return false;
}

static bool is_wanted(const struct events *events, const struct phx_answer_event *event) {
        const char *object = events->query->object;

        if (!is_in_trail(events->query, event))
                return false;
        return !object || phx_equal(event->profile, object) ||
               events_have(events->journal, "PHOENIXD_STORY", object) ||
               story_has(&events->story, event);
}

static int read_entry(struct events *events, struct phx_answer_history *history) {
        struct phx_answer_event *event =
                        phx_grow(&history->events, &history->count, sizeof(*event));
        int r;

        if (!event)
                return -ENOMEM;
        event->until = PHX_NEVER;
        r = events_fill(events->journal, event);
        if (r < 0 || is_wanted(events, event))
                return r;
        phx_answer_event_done(event);
        history->count--;
        return 0;
}

/* What the records about the container itself say of its profiles. */
static int events_read_story(struct events *events) {
        int r;

        r = phx_replace(&events->story.profile, events->query->profile);
        if (r >= 0)
                r = events_add_match(events->journal, "PHOENIXD_CONTAINER", events->query->object);
        if (r >= 0)
                r = sd_journal_seek_head(events->journal);
        while (r >= 0 && (r = sd_journal_next(events->journal)) > 0) {
                phx_cleanup(phx_answer_event_done) struct phx_answer_event event = { 0 };

                r = events_fill(events->journal, &event);
                if (r >= 0)
                        r = story_add(&events->story, &event);
        }
        sd_journal_flush_matches(events->journal);
        return r;
}

/* About the object: as one whose story it is, as the profile that it is about, or about a profile
 * of the container. */
static int events_select(struct events *events) {
        const char *object = events->query->object;
        phx_cleanup(phx_strings_done) struct phx_strings profiles = { 0 };
        int r;

        if (!object)
                return events_add_match(events->journal, NULL, NULL);
        r = events_read_story(events);
        if (r >= 0)
                r = phx_strings_add(&profiles, object);
        if (r >= 0)
                r = story_profiles(&events->story, &profiles);
        if (r >= 0)
                r = events_add_match(events->journal, "PHOENIXD_STORY", object);
        for (size_t i = 0; r >= 0 && i < profiles.count; i++)
                r = events_add_match(events->journal, "PHOENIXD_PROFILE", profiles.items[i]);
        return r;
}

static void events_keep_last(struct phx_answer_history *history, size_t limit) {
        size_t skipped = limit > 0 && history->count > limit ? history->count - limit : 0;

        if (skipped == 0)
                return;
        for (size_t i = 0; i < skipped; i++)
                phx_answer_event_done(&history->events[i]);
        memmove(history->events,
                history->events + skipped,
                (history->count - skipped) * sizeof(*history->events));
        history->count -= skipped;
}

/* Those since FROM, of which the last are kept. */
static int events_read_since(
                struct events *events,
                uint64_t from,
                struct phx_answer_history *history) {
        size_t limit = events->query->limit;
        sd_journal *journal = events->journal;
        int r;

        r = from > 0 ? sd_journal_seek_realtime_usec(journal, from) : sd_journal_seek_head(journal);
        while (r >= 0 && (r = sd_journal_next(journal)) > 0) {
                uint64_t at = 0;

                r = sd_journal_get_realtime_usec(journal, &at);
                if (r < 0 || at < from)
                        continue;
                r = read_entry(events, history);
                /* Not at each, as all that are kept move. */
                if (limit > 0 && history->count / 2 >= limit)
                        events_keep_last(history, limit);
        }
        events_keep_last(history, limit);
        return r;
}

/* Forwards: from the end of a file that is being written, libsystemd may find nothing, and leave
 * that file out. So the last few are looked for in the last hour, and then in longer times. */
static int events_read_all(struct events *events, struct phx_answer_history *history) {
        static const uint64_t spans[] = { HOUR_USEC, 24 * HOUR_USEC, 30 * 24 * HOUR_USEC };
        const struct history_query *query = events->query;
        uint64_t now = shown_now();
        int r = 0;

        for (size_t i = 0; r >= 0 && query->limit > 0 && i < PHX_ELEMENTS(spans); i++) {
                uint64_t from = now > spans[i] ? now - spans[i] : 0;

                if (from <= query->since_usec)
                        break;
                r = events_read_since(events, from, history);
                if (r < 0 || history->count >= query->limit)
                        return r;
                phx_answer_history_done(history);
        }
        return r < 0 ? r : events_read_since(events, query->since_usec, history);
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
        phx_cleanup(events_done) struct events events = { .query = query };
        struct phx_answer_history history = { 0 };
        int r;

        r = sd_journal_open(&events.journal, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM);
        if (r >= 0)
                r = events_select(&events);
        if (r >= 0)
                r = events_read_all(&events, &history);
        if (r < 0) {
                phx_answer_history_done(&history);
                return phx_error_set(error, r, "the journal: %s", strerrordesc_np(-r));
        }
        *ret_history = history;
        return 0;
}
