/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "phoenixctl/due.h"

#include <stdio.h>
#include <string.h>

#include "phoenixctl/shown.h"

enum due_verb due_verb(const struct phx_snapshot_container *container) {
        if (container->due_action == PHX_ACTION_START)
                return DUE_START;
        return container->due_action == PHX_ACTION_STOP ? DUE_STOP : DUE_RESTART;
}

const char *due_title(enum due_verb verb) {
        static const char *const titles[] = {
                [DUE_RESTART] = "Restart",
                [DUE_START] = "Start",
                [DUE_STOP] = "Stop",
        };

        return titles[verb];
}

/* Behind BEFORE, "in 5 h"; "" when it is not known. */
static void due_in(uint64_t at, uint64_t now, const char *before, char *text, size_t size) {
        char when[32];

        text[0] = '\0';
        if (at != PHX_NEVER)
                (void) snprintf(text,
                                size,
                                "%s%s",
                                before,
                                shown_time(at > now ? at : now + 1, now, when, sizeof(when)));
}

/* Of Proxmox: what keeps its own command from doing it. */
static const char *backend_words(const struct phx_snapshot_container *container) {
        switch (container->restart) {
        case PHX_RESTART_HA:
                return "not by phoenixd: the HA manager starts and stops it";
        case PHX_RESTART_NO_QUORUM:
                return "when the cluster has a quorum";
        case PHX_RESTART_LOCKED:
                return "when Proxmox has unlocked it";
        case PHX_RESTART_UNKNOWN:
        case PHX_RESTART_PLAIN:
                break;
        }
        return "when its backend answers";
}

static const char *due_why(const struct phx_snapshot_container *container) {
        return container->due_why ? container->due_why : "unknown";
}

/* It is phoenixd that restarts it. */
static void due_words_of_phoenixd(
                const struct phx_snapshot_container *container,
                uint64_t now,
                char text[DUE_SIZE]) {
        const char *words = "";
        char in[48] = "";

        switch (container->due) {
        case PHX_RESTART_DUE_WINDOW:
                words = "when a window of restart_windows opens";
                due_in(container->due_at, now, ", ", in, sizeof(in));
                break;
        case PHX_RESTART_DUE_INTERVAL:
                words = "after restart_interval_s";
                due_in(container->due_at, now, ", ", in, sizeof(in));
                break;
        case PHX_RESTART_DUE_TURN:
                words = due_verb(container) == DUE_RESTART
                                        ? "after another restart (restart_jobs)"
                                        : "after another container (restart_jobs)";
                break;
        case PHX_RESTART_DUE_NOT_READY:
                if (container->due_why) {
                        (void) snprintf(text,
                                        DUE_SIZE,
                                        "when restart_health can be run: %s",
                                        container->due_why);
                        return;
                }
                words = "when its profile and its config are repaired";
                break;
        case PHX_RESTART_DUE_CHAIN:
                (void) snprintf(text, DUE_SIZE, "after %s (dependencies)", due_why(container));
                return;
        case PHX_RESTART_DUE_NONE:
        case PHX_RESTART_DUE_NOW:
        case PHX_RESTART_DUE_UNDER_WAY:
        case PHX_RESTART_DUE_POLICY:
        case PHX_RESTART_DUE_SUSPENDED:
        case PHX_RESTART_DUE_BACKEND:
        case PHX_RESTART_DUE_FAILED:
        case PHX_RESTART_DUE_ROLLED_BACK:
                words = "now";
                break;
        }
        (void) snprintf(text, DUE_SIZE, "%s%s", words, in);
}

void due_words(const struct phx_snapshot *snapshot,
               const struct phx_snapshot_container *container,
               uint64_t now,
               char text[DUE_SIZE]) {
        const char *words = "";

        text[0] = '\0';
        switch (container->due) {
        case PHX_RESTART_DUE_NONE:
                break;
        case PHX_RESTART_DUE_UNDER_WAY:
                (void) snprintf(text,
                                DUE_SIZE,
                                "under way%s%s",
                                container->due_why ? ": " : "",
                                container->due_why ? container->due_why : "");
                return;
        case PHX_RESTART_DUE_POLICY:
                words = "not by phoenixd: apparmor_restart is never";
                break;
        case PHX_RESTART_DUE_SUSPENDED:
                words = "when it is resumed";
                break;
        case PHX_RESTART_DUE_BACKEND:
                words = backend_words(container);
                break;
        case PHX_RESTART_DUE_FAILED:
                (void) snprintf(text, DUE_SIZE, "failed: %s", due_why(container));
                return;
        case PHX_RESTART_DUE_ROLLED_BACK:
                (void) snprintf(text, DUE_SIZE, "failed, and rolled back: %s", due_why(container));
                return;
        case PHX_RESTART_DUE_NOW:
        case PHX_RESTART_DUE_WINDOW:
        case PHX_RESTART_DUE_TURN:
        case PHX_RESTART_DUE_INTERVAL:
        case PHX_RESTART_DUE_CHAIN:
        case PHX_RESTART_DUE_NOT_READY:
                if (!snapshot->is_observing) {
                        due_words_of_phoenixd(container, now, text);
                        return;
                }
                words = "not by phoenixd: mode is observe";
                break;
        }
        (void) snprintf(text, DUE_SIZE, "%s", words);
}

/* Proxmox looks at quorum and lock only after it has stopped the container, which then stays down.
 * The HA manager starts what it finds stopped, perhaps elsewhere: it has to be asked, for the start
 * only when it has carried out the stop. If both are asked for at once, nothing happens at all. */
static void due_restart_command(
                const struct phx_snapshot_container *container,
                char *text,
                size_t size) {
        const char *id = container->directory;

        if (!id)
                return;
        if (container->backend != PHX_BACKEND_PVE) {
                (void) snprintf(text, size, "systemctl restart lxc@%s", id);
                return;
        }
        switch (container->restart) {
        case PHX_RESTART_UNKNOWN:
                (void) snprintf(text,
                                size,
                                "pct reboot %s, if nothing in RESTARTS of phoenixd-proxmox(7) "
                                "speaks against it",
                                id);
                break;
        case PHX_RESTART_PLAIN:
                (void) snprintf(text, size, "pct reboot %s", id);
                break;
        case PHX_RESTART_HA:
                (void) snprintf(text,
                                size,
                                "ha-manager set ct:%s --state stopped; when pct status %s says "
                                "stopped: ha-manager set ct:%s --state started",
                                id,
                                id,
                                id);
                break;
        case PHX_RESTART_NO_QUORUM:
                (void) snprintf(text,
                                size,
                                "not now: the cluster has no quorum, %s would stay down; first "
                                "bring other nodes back (pvecm status)",
                                id);
                break;
        case PHX_RESTART_LOCKED:
                (void) snprintf(text,
                                size,
                                "not now: locked (%s), %s would stay down; first let the task "
                                "end, or run pct unlock %s if there is none",
                                container->lock ? container->lock : "by Proxmox",
                                id,
                                id);
                break;
        }
}

/* A start and a stop fail at a lock, and change nothing then. */
static void due_command(const struct phx_snapshot_container *container, char *text, size_t size) {
        static const char *const commands[PHX_BACKENDS][DUE_VERBS] = {
                [PHX_BACKEND_LXC] = { [DUE_START] = "systemctl start lxc@",
                                      [DUE_STOP] = "systemctl stop lxc@" },
                [PHX_BACKEND_PVE] = { [DUE_START] = "pct start ", [DUE_STOP] = "pct shutdown " },
        };
        enum due_verb verb = due_verb(container);

        if (verb == DUE_RESTART)
                due_restart_command(container, text, size);
        else if (container->directory && container->restart == PHX_RESTART_HA)
                (void) snprintf(text,
                                size,
                                "ha-manager set ct:%s --state %s",
                                container->directory,
                                verb == DUE_START ? "started" : "stopped");
        else if (container->directory)
                (void) snprintf(text,
                                size,
                                "%s%s",
                                commands[container->backend][verb],
                                container->directory);
}

static const char *due_does(const struct phx_snapshot_container *container) {
        static const char *const words[] = {
                [DUE_RESTART] = "restarts",
                [DUE_START] = "starts",
                [DUE_STOP] = "stops",
        };

        return words[due_verb(container)];
}

void due_step(const struct phx_snapshot *snapshot,
              const struct phx_snapshot_container *container,
              uint64_t now,
              char text[DUE_SIZE]) {
        const char *id = container->id;
        char words[DUE_SIZE];

        text[0] = '\0';
        switch (container->due) {
        case PHX_RESTART_DUE_UNDER_WAY:
                break;
        case PHX_RESTART_DUE_FAILED:
        case PHX_RESTART_DUE_ROLLED_BACK:
                (void) snprintf(text, DUE_SIZE, "fix it, or try again: phoenixctl restart %s", id);
                break;
        case PHX_RESTART_DUE_SUSPENDED:
                (void) snprintf(text, DUE_SIZE, "phoenixctl resume %s", id);
                break;
        case PHX_RESTART_DUE_NONE:
        case PHX_RESTART_DUE_BACKEND:
                due_command(container, text, DUE_SIZE);
                break;
        case PHX_RESTART_DUE_POLICY:
        case PHX_RESTART_DUE_NOW:
        case PHX_RESTART_DUE_WINDOW:
        case PHX_RESTART_DUE_TURN:
        case PHX_RESTART_DUE_INTERVAL:
        case PHX_RESTART_DUE_CHAIN:
        case PHX_RESTART_DUE_NOT_READY:
                if (snapshot->is_observing) {
                        due_command(container, text, DUE_SIZE);
                        break;
                }
                due_words_of_phoenixd(container, now, words);
                if (container->due == PHX_RESTART_DUE_POLICY)
                        (void) snprintf(text, DUE_SIZE, "phoenixctl restart %s", id);
                else
                        (void) snprintf(text,
                                        DUE_SIZE,
                                        "phoenixd %s it %.450s",
                                        due_does(container),
                                        words);
                break;
        }
}
