/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A verb gets what it shows, and no more: the objects of a host with ten thousand containers are 13
 * MB. All questions of a verb go over one connection. A phoenixd that does not know them is an
 * earlier version, and is asked for everything. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <systemd/sd-bus.h>

#include "base/strings.h"
#include "codec/snapshot_json.h"
#include "phoenixctl/remote.h"
#include "phoenixctl/remote_bus.h"

void remote_view_done(struct remote_view *view) {
        phx_description_done(&view->description);
        *view = (struct remote_view){ 0 };
}

static int refused(const struct phx_error *error, int r) {
        (void) fprintf(stderr, "phoenixctl: %s\n", phx_error_text(error, r));
        return CTL_ERROR;
}

/* Everything, of a file or of an earlier version. */
static int view_whole(const struct ctl *ctl, const char *from, struct remote_view *view) {
        int r;

        r = remote_describe(ctl, from, &view->description, NULL);
        if (r != 0)
                return r;
        phx_tally_count(view->description.snapshot, &view->tally);
        view->is_whole = true;
        return 0;
}

static bool is_earlier(const sd_bus_error *error) {
        return sd_bus_error_has_name(error, SD_BUS_ERROR_UNKNOWN_METHOD);
}

/* Opens the connection, and fills all but the lists, or everything. */
static int view_begin(
                const struct ctl *ctl,
                const char *from,
                sd_bus **ret_bus,
                struct remote_view *view) {
        phx_cleanup(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        phx_cleanup(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        struct phx_error why = { 0 };
        const char *text = NULL;
        int r;

        if (from)
                return view_whole(ctl, from, view);
        r = remote_bus_open(ctl, ret_bus);
        if (r != 0)
                return r;
        r = remote_bus_call(*ret_bus, "DescribeDaemon", &error, &reply, "");
        if (r < 0 && is_earlier(&error))
                return view_whole(ctl, NULL, view);
        if (r >= 0)
                r = sd_bus_message_read(reply, "s", &text);
        if (r < 0)
                return remote_bus_failed(r, &error);
        r = phx_daemon_parse(text, strlen(text), &view->description, &view->tally, &why);
        return r < 0 ? refused(&why, r) : 0;
}

/* --- pages --- */

/* The page after the key *AFTER, which becomes that of the next one: NULL when there is none. */
static int add_page(
                sd_bus *bus,
                const char *kind,
                struct phx_snapshot *snapshot,
                char **after,
                bool *ret_gone) {
        phx_cleanup(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        phx_cleanup(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        phx_autofree char *next = NULL;
        struct phx_error why = { 0 };
        const char *text = NULL;
        int r;

        r = remote_bus_call(bus, "DescribeObjects", &error, &reply, "ssu", kind, *after, 0U);
        if (r < 0 && ret_gone && remote_bus_is_gone(&error)) {
                *ret_gone = true;
                return CTL_NOT_RUNNING;
        }
        if (r >= 0)
                r = sd_bus_message_read(reply, "s", &text);
        if (r < 0)
                return remote_bus_failed(r, &error);
        r = phx_page_parse(text, strlen(text), snapshot, &next, &why);
        if (r < 0)
                return refused(&why, r);
        /* Whatever answers: it ends. */
        if (next && strcmp(next, *after) <= 0) {
                (void) phx_error_set(&why, -EBADMSG, "phoenixd's pages are not in order");
                return refused(&why, -EBADMSG);
        }
        free(*after);
        *after = PHX_TAKE(next);
        return 0;
}

static int add_list(sd_bus *bus, const char *kind, struct phx_snapshot *snapshot, bool *ret_gone) {
        phx_autofree char *after = strdup("");
        int r = after ? 0 : CTL_ERROR;

        while (r == 0 && after)
                r = add_page(bus, kind, snapshot, &after, ret_gone);
        return r;
}

int remote_bus_add_lists(
                sd_bus *bus,
                unsigned lists,
                struct phx_snapshot *snapshot,
                bool *ret_gone) {
        static const enum phx_object_kind kinds[] = { PHX_OBJECT_PROFILE,
                                                      PHX_OBJECT_CONTAINER,
                                                      PHX_OBJECT_UNMANAGED,
                                                      PHX_OBJECT_DRIFT };
        int r = 0;

        for (unsigned i = 0; r == 0 && i < PHX_ELEMENTS(kinds); i++)
                if (lists & (1U << i))
                        r = add_list(bus, phx_object_kind_to_string(kinds[i]), snapshot, ret_gone);
        return r;
}

int remote_view(const struct ctl *ctl,
                const char *from,
                unsigned lists,
                struct remote_view *ret_view) {
        phx_cleanup(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        phx_cleanup(remote_view_done) struct remote_view view = { 0 };
        int r;

        r = view_begin(ctl, from, &bus, &view);
        if (r == 0 && !view.is_whole)
                r = remote_bus_add_lists(bus, lists, view.description.snapshot, NULL);
        if (r == 0)
                *ret_view = PHX_TAKE_STRUCT(view);
        return r;
}

/* --- objects --- */

/* Adds the objects of this name to SNAPSHOT; none when there is none, or none is known yet. */
static int add_object(sd_bus *bus, const char *name, struct phx_snapshot *snapshot) {
        phx_cleanup(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        phx_cleanup(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        phx_autofree char *next = NULL;
        struct phx_error why = { 0 };
        const char *text = NULL;
        int r;

        r = remote_bus_call(bus, "DescribeObject", &error, &reply, "s", name);
        if (sd_bus_error_has_name(&error, "org.phoenixd1.Error.NoSuchObject") ||
            sd_bus_error_has_name(&error, "org.phoenixd1.Error.NotReady"))
                return 0;
        if (r >= 0)
                r = sd_bus_message_read(reply, "s", &text);
        if (r < 0)
                return remote_bus_failed(r, &error);
        r = phx_page_parse(text, strlen(text), snapshot, &next, &why);
        return r < 0 ? refused(&why, r) : 0;
}

static bool view_has(const struct phx_snapshot *snapshot, const char *name) {
        return phx_snapshot_find_profile(snapshot, name) ||
               phx_snapshot_find_container(snapshot, name);
}

int remote_view_objects(
                const struct ctl *ctl,
                const char *from,
                int count,
                char *const *names,
                struct remote_view *ret_view) {
        phx_cleanup(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        phx_cleanup(remote_view_done) struct remote_view view = { 0 };
        struct phx_snapshot *snapshot;
        int r;

        r = view_begin(ctl, from, &bus, &view);
        snapshot = view.description.snapshot;
        for (int i = 0; r == 0 && !view.is_whole && i < count; i++)
                if (!view_has(snapshot, names[i]))
                        r = add_object(bus, names[i], snapshot);
        for (size_t i = 0; r == 0 && !view.is_whole && i < snapshot->container_count; i++)
                if (!view_has(snapshot, snapshot->containers[i].profile))
                        r = add_object(bus, snapshot->containers[i].profile, snapshot);
        if (r == 0)
                *ret_view = PHX_TAKE_STRUCT(view);
        return r;
}

/* --- what needs attention --- */

static size_t count_attention(const struct phx_snapshot *snapshot) {
        size_t count = 0;

        for (size_t i = 0; i < snapshot->drift_count; i++)
                count += snapshot->drifts[i].kind != PHX_DRIFT_UNMANAGED;
        return count;
}

/* The containers of the first LIMIT drifts, without a second copy of these. */
static int add_containers_of(sd_bus *bus, size_t limit, struct phx_snapshot *snapshot) {
        for (size_t i = 0; limit > 0 && i < snapshot->drift_count; i++) {
                const struct phx_snapshot_drift *drift = &snapshot->drifts[i];
                const size_t drifts = snapshot->drift_count;
                int r;

                if (drift->kind == PHX_DRIFT_UNMANAGED)
                        continue;
                limit--;
                if (drift->layer < PHX_LAYER_CONFIG || view_has(snapshot, drift->object))
                        continue;
                r = add_object(bus, drift->object, snapshot);
                if (r != 0)
                        return r;
                phx_snapshot_cut_drifts(snapshot, drifts);
        }
        return 0;
}

int remote_view_attention(
                const struct ctl *ctl,
                const char *from,
                size_t limit,
                struct remote_view *ret_view) {
        phx_cleanup(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        phx_cleanup(remote_view_done) struct remote_view view = { 0 };
        phx_autofree char *after = strdup("");
        struct phx_snapshot *snapshot;
        int r;

        r = view_begin(ctl, from, &bus, &view);
        snapshot = view.description.snapshot;
        if (r == 0 && !view.is_whole) {
                while (r == 0 && after && count_attention(snapshot) < limit &&
                       count_attention(snapshot) < view.tally.attention)
                        r = add_page(bus,
                                     phx_object_kind_to_string(PHX_OBJECT_DRIFT),
                                     snapshot,
                                     &after,
                                     NULL);
                if (r == 0)
                        r = add_containers_of(bus, limit, snapshot);
        }
        if (r == 0)
                *ret_view = PHX_TAKE_STRUCT(view);
        return r;
}
