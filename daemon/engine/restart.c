/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "engine/restart.h"

#include <errno.h>
#include <string.h>

#include "base/strings.h"
#include "engine/store.h"
#include "state/report.h"

static void restart_remark(const struct restart *restart, const char *message) {
        const struct phx_record record = { .kind = PHX_RECORD_REMARK, .message = message };

        restart->audit->record(restart->audit->data, &record);
}

int restart_init(
                struct restart *restart,
                int state_fd,
                const struct phx_calendar *calendar,
                const struct phx_audit *audit,
                struct phx_error *error) {
        struct phx_error damage = { 0 };
        int r;

        *restart = (struct restart){ .state_fd = state_fd, .calendar = calendar, .audit = audit };
        r = store_load_restarts(state_fd, &restart->list, &damage);
        if (r < 0)
                return phx_error_set(error, r, "%s", phx_error_text(&damage, r));
        /* Whether any is waiting is seen by the first look. */
        if (r > 0)
                restart_remark(restart,
                               "the restarts cannot be read; no restart is under way or requested");
        return 0;
}

void restart_done(struct restart *restart) {
        phx_restarts_done(&restart->list);
        phx_windows_done(&restart->windows);
        free(restart->trouble);
        *restart = (struct restart){ 0 };
}

int restart_replace(struct restart *restart, struct phx_restarts *next, struct phx_error *error) {
        struct phx_restarts before;
        int r;

        r = store_save_restarts(restart->state_fd, next, error);
        if (r < 0)
                return r;
        before = restart->list;
        restart->list = *next;
        *next = before;
        return 0;
}

/* --- windows --- */

/* Once for each reason. */
static void tell_trouble(struct restart *restart) {
        const char *now = restart->windows.trouble;
        phx_autofree char *text = NULL;

        if (phx_equal(restart->trouble, now))
                return;
        if (now && phx_printf(&text, "restart_windows: no window opens: %s", now) >= 0)
                restart_remark(restart, text);
        else if (!now)
                restart_remark(restart, "resolved: restart_windows: systemd answers again");
        (void) phx_replace(&restart->trouble, now);
}

static bool has_windows(
                const struct restart *restart,
                const struct phx_restart_settings *settings) {
        return restart->calendar && settings && settings->windows.count > 0;
}

int restart_window(
                struct restart *restart,
                const struct phx_restart_settings *settings,
                uint64_t wall_usec,
                struct phx_window *ret_window) {
        int r;

        *ret_window = (struct phx_window){ .is_known = true, .next_usec = PHX_NEVER };
        if (!has_windows(restart, settings))
                return 0;
        if (!restart->is_any_waiting) {
                ret_window->is_known = false;
                return 0;
        }
        r = phx_windows_ask(
                        &restart->windows,
                        restart->calendar,
                        &settings->windows,
                        settings->window_usec,
                        wall_usec,
                        ret_window);
        if (r >= 0)
                tell_trouble(restart);
        return r;
}

static bool restart_is_required(const struct phx_snapshot_container *container) {
        return container->due != PHX_RESTART_DUE_NONE;
}

bool restart_note(
                struct restart *restart,
                const struct phx_restart_settings *settings,
                const struct phx_snapshot *snapshot) {
        const bool was_waiting = restart->is_any_waiting;

        restart->is_any_waiting = false;
        for (size_t i = 0; i < snapshot->container_count && !restart->is_any_waiting; i++)
                restart->is_any_waiting = restart_is_required(&snapshot->containers[i]);
        restart->is_asking = restart->is_any_waiting && !was_waiting &&
                             has_windows(restart, settings);
        return restart->is_asking;
}

/* --- what operators ask for --- */

static void tell_asked(const struct restart *restart, const struct restart_ask *ask) {
        phx_autofree char *message = NULL;
        struct phx_record record = { .kind = PHX_RECORD_RESTART_ASKED, .container = ask->object };

        (void) phx_printf(
                        &message,
                        "%s: restart requested by uid %u%s",
                        ask->object,
                        ask->by_uid,
                        ask->when == PHX_RESTART_IN_WINDOW ? ", in the next window" : "");
        record.message = message ? message : ask->object;
        restart->audit->record(restart->audit->data, &record);
}

static bool is_asked(
                const struct restart_ask *ask,
                const struct phx_snapshot_container *container) {
        return restart_is_required(container) && !container->suspended.object &&
               (strcmp(ask->object, RESTART_ASK_ALL) == 0 ||
                strcmp(ask->object, container->id) == 0);
}

/* Whether BEFORE, the list as this look found it, has the request already. */
static bool is_stored(
                const struct restart_ask *ask,
                const struct phx_snapshot_container *container,
                const struct phx_restarts *before) {
        const struct phx_restart_item *item = phx_restarts_find(before, container->id);

        return item && item->since >= ask->at_usec &&
               !(item->phase == PHX_RESTART_ASKED && item->when == PHX_RESTART_BY_POLICY);
}

/* NEXT as ASK makes it, and in CHANGES what that is for each container. */
static int restart_ask_one(
                const struct restart_ask *ask,
                const struct phx_restarts *before,
                const struct phx_snapshot *snapshot,
                uint64_t wall_usec,
                struct phx_restarts *next,
                struct restart_asks *changes) {
        for (size_t i = 0; i < snapshot->container_count; i++) {
                const struct phx_snapshot_container *container = &snapshot->containers[i];
                const struct restart_ask change = { container->id,
                                                    ask->when,
                                                    ask->by_uid,
                                                    ask->at_usec };
                int r = 0;

                if (is_asked(ask, container) && !is_stored(ask, container, before))
                        r = phx_restarts_ask(next, container->id, ask->when, wall_usec);
                if (r > 0)
                        r = restart_asks_add(changes, &change);
                if (r < 0)
                        return r;
        }
        return 0;
}

int restart_ask(struct restart *restart,
                const struct restart_asks *asks,
                const struct phx_snapshot *snapshot,
                uint64_t wall_usec,
                struct phx_error *error) {
        phx_cleanup(phx_restarts_done) struct phx_restarts next = { 0 };
        phx_cleanup(restart_asks_done) struct restart_asks changes = { 0 };
        const struct phx_restarts *before = &restart->list;
        int r;

        r = phx_restarts_copy(&next, before);
        for (size_t i = 0; r >= 0 && i < asks->count; i++)
                r = restart_ask_one(&asks->items[i], before, snapshot, wall_usec, &next, &changes);
        if (r < 0)
                return phx_error_set(error, r, "requesting a restart: %s", strerrordesc_np(-r));
        if (changes.count == 0)
                return 0;
        r = restart_replace(restart, &next, error);
        if (r < 0)
                return r;
        for (size_t i = 0; i < changes.count; i++)
                tell_asked(restart, &changes.items[i]);
        return 1;
}
