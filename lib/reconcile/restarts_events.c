/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdlib.h>

#include "base/grow.h"
#include "base/strings.h"
#include "reconcile/restarts_private.h"

void phx_restart_events_done(struct phx_restart_events *events) {
        for (size_t i = 0; i < events->count; i++) {
                free(events->items[i].id);
                free(events->items[i].label);
                free(events->items[i].before);
                free(events->items[i].text);
        }
        free(events->items);
        *events = (struct phx_restart_events){ 0 };
}

enum phx_action_kind phx_restart_action(const struct phx_restart_item *item) {
        if (item->is_stop)
                return PHX_ACTION_STOP;
        return item->when == PHX_RESTART_BY_STATE ? PHX_ACTION_START : PHX_ACTION_RESTART;
}

int phx_restart_events_add(
                struct phx_restart_events *events,
                enum phx_restart_event_kind kind,
                const struct phx_restart_item *item,
                const char *label,
                const char *text) {
        struct phx_restart_event *event = phx_grow(&events->items, &events->count, sizeof(*event));

        if (!event)
                return -ENOMEM;
        event->kind = kind;
        event->action = phx_restart_action(item);
        if (phx_replace(&event->id, item->id) < 0 || phx_replace(&event->label, label) < 0 ||
            phx_replace(&event->before, item->before) < 0 || phx_replace(&event->text, text) < 0)
                return -ENOMEM;
        return 0;
}
