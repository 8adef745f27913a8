/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "phoenixctl/shown.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/grow.h"
#include "base/strings.h"
#include "phoenixctl/due.h"
#include "phoenixctl/remote.h"

const struct option shown_options[] = {
        { "from", required_argument, NULL, 'f' },
        { NULL, 0, NULL, 0 },
};

const char *shown_from(int argc, char **argv) {
        const char *from = NULL;

        optind = 0;
        /* The process has one thread. NOLINTNEXTLINE(concurrency-mt-unsafe) */
        while (getopt_long(argc, argv, "", shown_options, NULL) == 'f')
                from = optarg;
        return from;
}

uint64_t shown_now(void) {
        struct timespec now;

        (void) clock_gettime(CLOCK_REALTIME, &now);
        return (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
}

uint64_t shown_parse_span(const char *text) {
        static const struct {
                const char *name;
                uint64_t seconds;
        } units[] = { { "s", 1 }, { "min", 60 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 } };
        char *end = NULL;
        unsigned long count = strtoul(text, &end, 10);

        if (text[0] < '0' || text[0] > '9' || count > 100000)
                return 0;
        for (size_t i = 0; i < PHX_ELEMENTS(units); i++)
                if (strcmp(end, units[i].name) == 0)
                        return count * units[i].seconds * 1000000;
        return 0;
}

const char *shown_time(uint64_t at, uint64_t now, char *text, size_t size) {
        static const struct {
                uint64_t seconds;
                const char *name;
        } units[] = { { 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" } };
        uint64_t distance = (at > now ? at - now : now - at) / 1000000;
        const char *name = "s";
        uint64_t count = distance;

        if (at == PHX_NEVER)
                return "never";
        for (size_t i = 0; i < PHX_ELEMENTS(units); i++)
                if (distance >= 2 * units[i].seconds || units[i].seconds == 1) {
                        count = distance / units[i].seconds;
                        name = units[i].name;
                        break;
                }
        (void) snprintf(text,
                        size,
                        "%s%" PRIu64 " %s%s",
                        at > now ? "in " : "",
                        count,
                        name,
                        at > now ? "" : " ago");
        return text;
}

const char *shown_good(const struct ctl *ctl) {
        return ctl->colour ? "\033[0;1;32m" : "";
}

const char *shown_bad(const struct ctl *ctl) {
        return ctl->colour ? "\033[0;1;31m" : "";
}

const char *shown_bold(const struct ctl *ctl) {
        return ctl->colour ? "\033[0;1m" : "";
}

const char *shown_plain(const struct ctl *ctl) {
        return ctl->colour ? "\033[0m" : "";
}

int shown_find(const struct ctl *ctl,
               const char *verb,
               const char *from,
               char *id,
               struct remote_view *ret_view,
               const struct phx_snapshot_container **ret_container) {
        int r;

        r = remote_view_objects(ctl, from, 1, &id, ret_view);
        if (r != 0)
                return r;
        *ret_container = phx_snapshot_find_container(ret_view->description.snapshot, id);
        if (*ret_container)
                return 0;
        (void) fprintf(stderr,
                       "phoenixctl: %s: '%s' is not in the configuration; see phoenixctl list "
                       "containers\n",
                       verb,
                       id);
        return CTL_ERROR;
}

int shown_part_add(
                struct phx_snapshot_part *part,
                const struct phx_snapshot *snapshot,
                const char *object) {
        const struct phx_snapshot_container *container = phx_snapshot_find_container(
                        snapshot,
                        object);
        const struct phx_snapshot_profile *profile = phx_snapshot_find_profile(snapshot, object);
        void *item;

        if (container) {
                item = phx_grow(&part->containers, &part->container_count, sizeof(*container));
                if (!item)
                        return -ENOMEM;
                memcpy(item, container, sizeof(*container));
        }
        if (profile) {
                item = phx_grow(&part->profiles, &part->profile_count, sizeof(*profile));
                if (!item)
                        return -ENOMEM;
                memcpy(item, profile, sizeof(*profile));
        }
        for (size_t i = 0; i < snapshot->drift_count; i++) {
                if (strcmp(snapshot->drifts[i].object, object) != 0)
                        continue;
                item = phx_grow(&part->drifts, &part->drift_count, sizeof(*snapshot->drifts));
                if (!item)
                        return -ENOMEM;
                memcpy(item, &snapshot->drifts[i], sizeof(*snapshot->drifts));
        }
        return 0;
}

void shown_part_done(struct phx_snapshot_part *part) {
        free(part->profiles);
        free(part->containers);
        free(part->drifts);
        *part = (struct phx_snapshot_part){ 0 };
}

/* A restart, a start or a stop resolves it, or was to. */
static bool is_about_restart(const struct phx_snapshot_drift *drift) {
        return drift->kind == PHX_DRIFT_STATE || drift->cause == PHX_CAUSE_START_FAILED ||
               drift->cause == PHX_CAUSE_REQUIRES_START || drift->cause == PHX_CAUSE_STARTING ||
               drift->action == PHX_ACTION_RESTART || drift->cause == PHX_CAUSE_REQUIRES_RESTART ||
               drift->cause == PHX_CAUSE_RESTARTING || drift->cause == PHX_CAUSE_RESTART_FAILED ||
               drift->cause == PHX_CAUSE_ROLLED_BACK;
}

void shown_step(const struct phx_snapshot *snapshot,
                const struct phx_snapshot_drift *drift,
                uint64_t now,
                char text[SHOWN_STEP_SIZE]) {
        const size_t size = SHOWN_STEP_SIZE;
        const struct phx_snapshot_container *container = phx_snapshot_find_container(
                        snapshot,
                        drift->object);

        text[0] = '\0';
        if (drift->is_suspended)
                (void) snprintf(text, size, "phoenixctl resume %s", drift->object);
        else if (is_about_restart(drift) && container)
                due_step(snapshot, container, now, text);
        else if (drift->layer == PHX_LAYER_RUNNING && drift->kind == PHX_DRIFT_REMARK)
                return;
        else if ((drift->kind == PHX_DRIFT_PENDING || drift->kind == PHX_DRIFT_REMARK) &&
                 container && container->backend == PHX_BACKEND_PVE)
                (void) snprintf(text,
                                size,
                                "fix the file (phoenixctl advise %s may offer the edit); phoenixd "
                                "picks it up automatically",
                                drift->object);
        else if (drift->kind == PHX_DRIFT_REFUSED || drift->kind == PHX_DRIFT_OPTION ||
                 drift->kind == PHX_DRIFT_PENDING || drift->kind == PHX_DRIFT_REMARK)
                (void) snprintf(text, size, "fix the file; phoenixd picks it up automatically");
        else if (drift->cause == PHX_CAUSE_CREATE_FAILED)
                (void) snprintf(text,
                                size,
                                "phoenixctl reconcile tries it again; journalctl -u "
                                "'phoenixd-create-*'");
        else if (drift->failure)
                (void) snprintf(text, size, "phoenixctl reconcile; journalctl -u phoenixd");
        else if (drift->kind == PHX_DRIFT_MISSING && drift->cause == PHX_CAUSE_NOT_CREATED)
                (void) snprintf(text, size, "create it, or remove it from the configuration");
}

const char *shown_posture(const struct phx_snapshot_container *container) {
        if (container->posture == PHX_POSTURE_CONFINED && container->escape == PHX_ESCAPE_ACCEPTED)
                return "confined (may-leave accepted)";
        return phx_posture_to_string(container->posture);
}
