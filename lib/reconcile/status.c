#include "reconcile/status.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"

/* As much of a digest as tells two apart for a person. */
#define SHORT_DIGEST 12

/* A digest is cut for people; anything else is said whole. */
static int shown(const char *text) {
        size_t length = strlen(text);

        return length >= 40 && strspn(text, "0123456789abcdef") == length ? SHORT_DIGEST
                                                                          : (int) length;
}

static const char *subject(const struct phx_drift *drift) {
        switch (drift->layer) {
        case PHX_LAYER_SOURCE:
                return "";
        case PHX_LAYER_DISK:
                return "the deployed file ";
        case PHX_LAYER_KERNEL:
                return "the kernel's policy ";
        case PHX_LAYER_CONFIG:
                return "the container's config ";
        case PHX_LAYER_RUNNING:
                return "the running container ";
        }
        return "";
}

static const char *verb(enum phx_drift_kind kind) {
        switch (kind) {
        case PHX_DRIFT_REFUSED:
                return "is refused";
        case PHX_DRIFT_ABSENT:
                return "is absent";
        case PHX_DRIFT_DIFFERS:
                return "differs from the source";
        case PHX_DRIFT_MODE:
                return "is in another mode";
        case PHX_DRIFT_FOREIGN:
                return "is somebody else's";
        case PHX_DRIFT_DISABLED:
                return "will not be loaded in enforce mode at the next boot";
        case PHX_DRIFT_LEFTOVER:
                return "has a child that the source does not have";
        case PHX_DRIFT_WITHDRAWN:
                return "has no source any more";
        case PHX_DRIFT_ASSIGNED:
                return "does not say what the configuration says";
        case PHX_DRIFT_RUNNING:
                return "is not under its profile";
        case PHX_DRIFT_MISSING:
                return "does not exist";
        case PHX_DRIFT_UNMANAGED:
                return "is not in the configuration";
        case PHX_DRIFT_UNKNOWN:
                return "cannot be judged";
        }
        return "";
}

char *phx_drift_sentence(const struct phx_drift *drift) {
        char *text = NULL;
        int r;

        if (drift->kind == PHX_DRIFT_REFUSED)
                r = asprintf(&text, "%s; %s", drift->found, drift->why);
        else
                r = asprintf(&text,
                             "%s: %s%s: expected %.*s, found %.*s%s%s",
                             drift->object,
                             subject(drift),
                             verb(drift->kind),
                             shown(drift->expected),
                             drift->expected,
                             shown(drift->found),
                             drift->found,
                             drift->why ? "; " : "",
                             drift->why ? drift->why : "");
        return r < 0 ? NULL : text;
}

struct counts {
        unsigned profiles, confined, unconfined, restarts, missing, unmanaged;
};

static void count_drifts(const struct phx_drifts *drifts, struct counts *counts) {
        for (size_t i = 0; i < drifts->count; i++) {
                counts->restarts += drifts->items[i].kind == PHX_DRIFT_RUNNING;
                counts->missing += drifts->items[i].kind == PHX_DRIFT_MISSING;
                counts->unmanaged += drifts->items[i].kind == PHX_DRIFT_UNMANAGED;
        }
}

/* Confined is who says so in config and shows it while running; a container that waits for its
 * restart is neither. */
static void count_containers(
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                struct counts *counts) {
        for (size_t i = 0; i < desired->container_count; i++) {
                const struct phx_desired_container *want = &desired->containers[i];
                const struct phx_observed_container *have =
                                want->directory ? phx_observed_find_container(
                                                                  observed,
                                                                  want->directory)
                                                : NULL;

                if (!have || !have->effective)
                        continue;
                if (strcmp(have->effective, "unconfined") == 0)
                        counts->unconfined++;
                else if (strcmp(have->effective, want->profile) == 0 && have->wrong == 0 &&
                         have->unknown == 0)
                        counts->confined++;
        }
}

static struct counts count(
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                const struct phx_drifts *drifts) {
        struct counts counts = { 0 };

        for (size_t i = 0; i < desired->profile_count; i++)
                counts.profiles += desired->profiles[i].has_good;
        count_containers(desired, observed, &counts);
        count_drifts(drifts, &counts);
        return counts;
}

static const char *plural(unsigned n) {
        return n == 1 ? "" : "s";
}

static int render_counts(struct phx_buffer *buffer, const struct counts *counts) {
        int r;

        r = phx_buffer_addf(
                        buffer,
                        "%u profile%s, %u container%s confined, %u unconfined",
                        counts->profiles,
                        plural(counts->profiles),
                        counts->confined,
                        plural(counts->confined),
                        counts->unconfined);
        if (r >= 0 && counts->restarts > 0)
                r = phx_buffer_addf(
                                buffer,
                                ", %u need%s a restart",
                                counts->restarts,
                                counts->restarts == 1 ? "s" : "");
        if (r >= 0 && counts->missing > 0)
                r = phx_buffer_addf(buffer, ", %u not on this host", counts->missing);
        if (r >= 0 && counts->unmanaged > 0)
                r = phx_buffer_addf(buffer, ", %u unmanaged", counts->unmanaged);
        return r;
}

static int render_trouble(
                struct phx_buffer *buffer,
                const struct phx_drift *first,
                unsigned troubles,
                const struct phx_backoff *backoff) {
        phx_autofree char *sentence = phx_drift_sentence(first);
        const char *failure = phx_backoff_text(backoff, first);
        int r;

        if (!sentence)
                return -ENOMEM;
        r = phx_buffer_add_text(buffer, sentence);
        if (r >= 0 && failure)
                r = phx_buffer_addf(
                                buffer,
                                "; %s failed, and is tried again: %s",
                                phx_action_kind_to_string(first->action),
                                failure);
        if (r >= 0 && troubles > 1)
                r = phx_buffer_addf(buffer, " (and %u more)", troubles - 1);
        return r < 0 ? r : phx_buffer_add_text(buffer, "; ");
}

int phx_status_render(
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                const struct phx_drifts *drifts,
                const struct phx_backoff *backoff,
                char **ret_status,
                bool *ret_degraded) {
        struct counts counts = count(desired, observed, drifts);
        const struct phx_drift *first = NULL;
        phx_cleanup(phx_buffer_done) struct phx_buffer buffer = { 0 };
        bool observing = desired->mode == PHX_MODE_OBSERVE;
        unsigned troubles = 0;
        int r;

        for (size_t i = 0; i < drifts->count; i++)
                if (!phx_drift_is_tolerable(&drifts->items[i]) && troubles++ == 0)
                        first = &drifts->items[i];

        r = phx_buffer_add_text(&buffer, observing ? "Observing" : "");
        if (r >= 0 && !(observing && first))
                r = phx_buffer_add_text(
                                &buffer,
                                first       ? "Degraded: "
                                : observing ? ", in sync: "
                                            : "In sync: ");
        if (r >= 0 && observing && first)
                r = phx_buffer_addf(
                                &buffer,
                                ", %u drift%s not repaired: ",
                                troubles,
                                plural(troubles));
        if (r >= 0 && first)
                r = render_trouble(&buffer, first, troubles, backoff);
        if (r >= 0)
                r = render_counts(&buffer, &counts);
        if (r < 0)
                return r;

        *ret_degraded = first != NULL;
        *ret_status = PHX_TAKE(buffer.data);
        return 0;
}
