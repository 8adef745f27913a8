/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "engine/suspend.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"
#include "codec/suspensions_json.h"
#include "engine/store.h"
#include "state/configuration.h"

static void suspend_tell(
                const struct suspend *suspend,
                enum phx_record_kind kind,
                const struct phx_suspension *one,
                const char *words) {
        phx_autofree char *message = NULL;
        const char *object = one->object;
        struct phx_record record = { .kind = kind };

        if (strcmp(object, PHX_SUSPEND_ALL) == 0)
                object = "everything";
        else if (phx_is_profile_name(object) || phx_is_piece_name(object))
                record.profile = object;
        else
                record.container = object;
        (void) phx_printf(&message, "%s: %s", object, words);
        record.message = message ? message : object;
        suspend->audit->record(suspend->audit->data, &record);
}

static bool suspend_is_same(const struct phx_suspension *a, const struct phx_suspension *b) {
        return a->since == b->since && a->until == b->until && a->by_uid == b->by_uid &&
               strcmp(a->reason, b->reason) == 0;
}

/* NULL unless the list has one for this very object. */
static const struct phx_suspension *find_own(
                const struct phx_suspensions *list,
                const char *object) {
        const struct phx_suspension *found = phx_suspensions_find(list, object);

        return found && strcmp(found->object, object) == 0 ? found : NULL;
}

static void tell_changes(const struct suspend *suspend, const struct phx_suspensions *before) {
        for (size_t i = 0; i < suspend->list.count; i++) {
                const struct phx_suspension *now = &suspend->list.items[i],
                                            *old = find_own(before, now->object);
                phx_autofree char *words = NULL, *text = NULL;

                if (old && suspend_is_same(old, now))
                        continue;
                words = phx_suspension_words(now);
                if (!words || phx_printf(&text, "suspended %s", words) < 0)
                        text = NULL;
                suspend_tell(suspend, PHX_RECORD_SUSPENDED, now, text ? text : "suspended");
        }
        for (size_t i = 0; i < before->count; i++)
                if (!find_own(&suspend->list, before->items[i].object))
                        suspend_tell(suspend,
                                     PHX_RECORD_RESUMED,
                                     &before->items[i],
                                     "no longer suspended: resumed");
}

int suspend_init(
                struct suspend *suspend,
                int state_fd,
                const struct phx_audit *audit,
                struct phx_error *error) {
        struct phx_record record = { .kind = PHX_RECORD_REMARK };
        struct phx_error damage = { 0 };
        int r;

        *suspend = (struct suspend){ .state_fd = state_fd, .audit = audit };
        r = store_load_suspensions(state_fd, &suspend->list, &damage);
        if (r < 0)
                return phx_error_set(error, r, "%s", phx_error_text(&damage, r));
        if (r == 0)
                return 0;
        record.message = "the suspensions cannot be read; nothing is suspended";
        audit->record(audit->data, &record);
        return 0;
}

void suspend_done(struct suspend *suspend) {
        phx_suspensions_done(&suspend->list);
}

int suspend_replace(struct suspend *suspend, const char *text, struct phx_error *error) {
        phx_cleanup(phx_suspensions_done) struct phx_suspensions list = { 0 };
        phx_cleanup(phx_suspensions_done) struct phx_suspensions before = { 0 };
        int r;

        r = phx_suspensions_parse(text, strlen(text), &list, error);
        if (r >= 0)
                r = store_save_suspensions(suspend->state_fd, &list, error);
        if (r < 0)
                return r;
        before = PHX_TAKE_STRUCT(suspend->list);
        suspend->list = PHX_TAKE_STRUCT(list);
        tell_changes(suspend, &before);
        return 0;
}

int suspend_expire(struct suspend *suspend, uint64_t wall_usec, struct phx_error *error) {
        const struct phx_suspension *over;
        bool is_changed = false;
        int r;

        while ((over = phx_suspensions_find_over(&suspend->list, wall_usec))) {
                suspend_tell(suspend,
                             PHX_RECORD_SUSPENSION_ENDED,
                             over,
                             "no longer suspended: the suspension expired");
                (void) phx_suspensions_remove(&suspend->list, over->object);
                is_changed = true;
        }
        if (!is_changed)
                return 0;
        r = store_save_suspensions(suspend->state_fd, &suspend->list, error);
        return r < 0 ? r : 1;
}
