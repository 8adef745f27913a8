/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The trail, read from a journal in memory that stands in for systemd's: it behaves as that does
 * beside a program that is writing, whose last entry is not found from the end. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <systemd/sd-journal.h>

#include "base/macros.h"
#include "base/strings.h"
#include "phoenixctl/history.h"
#include "phoenixctl/shown.h"

#define HOUR 3600000000ULL
#define ENTRIES 400

struct entry {
        uint64_t at;
        char fields[4][64];
};

static struct entry entries[ENTRIES];
static size_t count;
static bool is_busy; /* an entry is being written */
static size_t reads; /* entries that were stepped to */

struct sd_journal {
        size_t next; /* of the entries, behind the present one */
        bool is_at_tail;
        size_t enumerated; /* of the present one's fields */
};

static struct sd_journal the_journal;

int sd_journal_open(sd_journal **ret, int flags) {
        the_journal = (struct sd_journal){ 0 };
        *ret = &the_journal;
        return 0;
}

void sd_journal_close(sd_journal *journal) {
}

int sd_journal_add_match(sd_journal *journal, const void *data, size_t size) {
        return 0;
}

int sd_journal_add_disjunction(sd_journal *journal) {
        return 0;
}

void sd_journal_flush_matches(sd_journal *journal) {
}

int sd_journal_seek_head(sd_journal *journal) {
        journal->next = 0;
        journal->is_at_tail = false;
        return 0;
}

int sd_journal_seek_tail(sd_journal *journal) {
        journal->next = count;
        journal->is_at_tail = true;
        return 0;
}

int sd_journal_seek_realtime_usec(sd_journal *journal, uint64_t usec) {
        journal->is_at_tail = false;
        for (journal->next = 0; journal->next < count && entries[journal->next].at < usec;)
                journal->next++;
        return 0;
}

int sd_journal_next(sd_journal *journal) {
        if (journal->next == count)
                return 0;
        journal->next++;
        reads++;
        return 1;
}

/* From the end a file is left out whose last entry is half there; here it is the only one. */
int sd_journal_previous(sd_journal *journal) {
        if (journal->is_at_tail && is_busy)
                return 0;
        if (!journal->is_at_tail && journal->next > 0)
                journal->next--;
        journal->is_at_tail = false;
        if (journal->next == 0)
                return 0;
        reads++;
        return 1;
}

static const struct entry *present(const sd_journal *journal) {
        return &entries[journal->next - 1];
}

int sd_journal_get_realtime_usec(sd_journal *journal, uint64_t *ret) {
        *ret = present(journal)->at;
        return 0;
}

int sd_journal_get_data(sd_journal *journal, const char *field, const void **data, size_t *size) {
        const struct entry *entry = present(journal);

        for (size_t i = 0; i < PHX_ELEMENTS(entry->fields); i++)
                if (phx_has_prefix(entry->fields[i], field) &&
                    entry->fields[i][strlen(field)] == '=') {
                        *data = entry->fields[i];
                        *size = strlen(entry->fields[i]);
                        return 0;
                }
        return -1;
}

void sd_journal_restart_data(sd_journal *journal) {
        journal->enumerated = 0;
}

int sd_journal_enumerate_data(sd_journal *journal, const void **data, size_t *size) {
        const struct entry *entry = present(journal);

        if (journal->enumerated == PHX_ELEMENTS(entry->fields))
                return 0;
        *data = entry->fields[journal->enumerated++];
        *size = strlen(*data);
        return 1;
}

/* --- the tests --- */

static void add(uint64_t at, const char *kind, const char *story, unsigned number) {
        struct entry *entry = &entries[count++];

        assert_true(count <= ENTRIES);
        entry->at = at;
        (void) snprintf(entry->fields[0], sizeof(entry->fields[0]), "MESSAGE=%u", number);
        (void) snprintf(entry->fields[1], sizeof(entry->fields[1]), "PHOENIXD_RECORD=%s", kind);
        (void) snprintf(entry->fields[2], sizeof(entry->fields[2]), "PHOENIXD_STORY=%s", story);
}

static int set_up(void **state) {
        count = reads = 0;
        is_busy = false;
        return 0;
}

/* The messages that were found, with a blank between them. */
static char *found(const struct history_query *query) {
        struct phx_answer_history history = { 0 };
        struct phx_error error = { 0 };
        phx_autofree char *text = calloc(1, ENTRIES * 8);
        uint64_t last = 0;

        assert_int_equal(history_read(query, &history, &error), 0);
        for (size_t i = 0; i < history.count; i++) {
                assert_true(history.events[i].at >= last);
                last = history.events[i].at;
                (void) snprintf(text + strlen(text),
                                ENTRIES * 8 - strlen(text),
                                "%s%s",
                                i > 0 ? " " : "",
                                history.events[i].message);
        }
        phx_answer_history_done(&history);
        return PHX_TAKE(text);
}

#define assert_found(expected, ...)                                                            \
        do {                                                                                   \
                phx_autofree char *text = found(&(const struct history_query){ __VA_ARGS__ }); \
                assert_string_equal(text, expected);                                           \
        } while (0)

static void add_some(void) {
        uint64_t now = shown_now();

        add(now - 60 * 24 * HOUR, "drift", "web", 1);
        add(now - 30 * HOUR, "changed", "db", 2);
        add(now - 2 * HOUR, "intent", "web", 3);
        add(now - 2 * HOUR, "changed", "web", 4);
        add(now - HOUR / 60, "drift", "web", 5);
        add(now - HOUR / 60, "changed", "db", 6);
}

static void all_is_found_in_the_order_of_time(void **state) {
        add_some();
        assert_found("1 2 4 5 6", 0);
        assert_found("1 2 3 4 5 6", .has_intents = true);
        assert_found("1 4 5", .object = "web");
        assert_found("", .object = "mail");
}

/* It said "no records" of a container that had some. */
static void nothing_is_missed_while_an_entry_is_written(void **state) {
        add_some();
        is_busy = true;
        assert_found("1 2 4 5 6", 0);
        assert_found("1 4 5", .object = "web");
        assert_found("5 6", .limit = 2);
}

static void the_last_ones_are_found_however_old(void **state) {
        add_some();
        assert_found("6", .limit = 1);
        assert_found("4 5 6", .limit = 3);
        assert_found("1 2 4 5 6", .limit = 9);
        assert_found("1 4 5", .object = "web", .limit = 3);
        assert_found("4 5", .object = "web", .limit = 2);
}

static void nothing_earlier_than_asked_for_is_found(void **state) {
        add_some();
        assert_found("4 5 6", .since_usec = shown_now() - 3 * HOUR);
        assert_found("5 6", .since_usec = shown_now() - 3 * HOUR, .limit = 2);
        assert_found("4 5 6", .since_usec = shown_now() - 3 * HOUR, .limit = 9);
        assert_found("", .since_usec = shown_now());
}

/* A clock that was set back leaves entries of the future. */
static void entries_of_the_future_are_found(void **state) {
        add(shown_now() - HOUR, "drift", "web", 1);
        add(shown_now() + 9 * HOUR, "drift", "web", 2);
        assert_found("2", .limit = 1);
        assert_found("1 2", .limit = 2);
}

/* Of a journal of months. */
static void for_the_last_ones_the_others_are_not_read(void **state) {
        uint64_t now = shown_now();

        for (unsigned i = 0; i < ENTRIES; i++)
                add(now - (ENTRIES - i) * 5 * HOUR, "drift", "web", i);
        assert_found("398 399", .limit = 2);
        assert_true(reads < 20);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(all_is_found_in_the_order_of_time, set_up),
                cmocka_unit_test_setup(nothing_is_missed_while_an_entry_is_written, set_up),
                cmocka_unit_test_setup(the_last_ones_are_found_however_old, set_up),
                cmocka_unit_test_setup(nothing_earlier_than_asked_for_is_found, set_up),
                cmocka_unit_test_setup(entries_of_the_future_are_found, set_up),
                cmocka_unit_test_setup(for_the_last_ones_the_others_are_not_read, set_up),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
