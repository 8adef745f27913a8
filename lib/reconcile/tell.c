#include "reconcile/tell.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"
#include "reconcile/status.h"

struct phx_tell {
        struct phx_audit audit;
        struct phx_drifts known;
        struct phx_strings remarks; /* posture and notes that were told */
        char generation[PHX_SHA256_HEX];
};

int phx_tell_new(const struct phx_audit *audit, struct phx_tell **ret_tell) {
        struct phx_tell *tell = calloc(1, sizeof(*tell));

        if (!tell)
                return -ENOMEM;
        tell->audit = *audit;
        *ret_tell = tell;
        return 0;
}

struct phx_tell *phx_tell_free(struct phx_tell *tell) {
        if (!tell)
                return NULL;

        phx_drifts_done(&tell->known);
        phx_strings_done(&tell->remarks);
        free(tell);

        return NULL;
}

/* An audit record must not be lost for want of memory: the words fall back to the object's name. */
static void send(
                struct phx_tell *tell,
                enum phx_record_kind kind,
                const struct phx_drift *drift,
                int error,
                const char *message) {
        bool is_container = drift->layer == PHX_LAYER_CONFIG || drift->layer == PHX_LAYER_RUNNING;
        bool has_digests = drift->layer == PHX_LAYER_DISK || drift->layer == PHX_LAYER_KERNEL;
        const struct phx_record record = {
                .kind = kind,
                .message = message ? message : drift->object,
                .action = drift->action == PHX_ACTION_NONE
                                          ? NULL
                                          : phx_action_kind_to_string(drift->action),
                .layer = phx_layer_to_string(drift->layer),
                .drift = phx_drift_kind_to_string(drift->kind),
                .profile = is_container ? drift->expected : drift->object,
                .container = is_container ? drift->object : NULL,
                .generation = tell->generation[0] ? tell->generation : NULL,
                .old_digest = has_digests ? drift->found : NULL,
                .new_digest = has_digests ? drift->expected : NULL,
                .error = error,
        };

        tell->audit.record(tell->audit.data, &record);
}

static const char *doing(enum phx_action_kind action) {
        switch (action) {
        case PHX_ACTION_NONE:
                return "nothing to do";
        case PHX_ACTION_INSTALL:
                return "install the deployed file";
        case PHX_ACTION_LOAD:
                return "load the policy into the kernel";
        case PHX_ACTION_ASSIGN:
                return "edit the container's config";
        case PHX_ACTION_WITHDRAW:
                return "remove the deployed file";
        }
        return "";
}

static void send_action(
                struct phx_tell *tell,
                enum phx_record_kind kind,
                const struct phx_drift *drift,
                int error,
                const char *format,
                const char *text) {
        phx_autofree char *message = NULL;
        phx_autofree char *what = NULL;

        if (asprintf(&what, "%s: %s", drift->object, doing(drift->action)) < 0)
                what = NULL;
        if (asprintf(&message, "%s%s%s", what ? what : drift->object, format, text) < 0)
                message = NULL;
        send(tell, kind, drift, error, message);
}

void phx_tell_intent(struct phx_tell *tell, const struct phx_drift *drift) {
        phx_autofree char *change = NULL;

        if (asprintf(&change, "%.64s, found %.64s", drift->expected, drift->found) < 0)
                change = NULL;
        send_action(tell,
                    PHX_RECORD_INTENT,
                    drift,
                    0,
                    ": to be ",
                    change ? change : drift->expected);
}

void phx_tell_changed(struct phx_tell *tell, const struct phx_drift *drift) {
        send_action(tell, PHX_RECORD_CHANGED, drift, 0, ": done and read back", "");
}

void phx_tell_failed(
                struct phx_tell *tell,
                const struct phx_drift *drift,
                int error,
                const char *text) {
        send_action(tell, PHX_RECORD_FAILED, drift, error, " failed: ", text);
}

static bool is_known(const struct phx_drifts *drifts, const struct phx_drift *drift) {
        const struct phx_drift *known = phx_drifts_find(drifts, drift);

        /* Another reason for the same refusal is news; another pid with the same wrong label is
         * not. */
        return known && (drift->kind != PHX_DRIFT_REFUSED || phx_equal(known->found, drift->found));
}

static void tell_found(struct phx_tell *tell, const struct phx_drifts *drifts) {
        for (size_t i = 0; i < drifts->count; i++) {
                const struct phx_drift *drift = &drifts->items[i];
                phx_autofree char *sentence = NULL;

                if (is_known(&tell->known, drift))
                        continue;
                sentence = phx_drift_sentence(drift);
                send(tell,
                     drift->kind == PHX_DRIFT_REFUSED ? PHX_RECORD_REFUSED : PHX_RECORD_DRIFT_FOUND,
                     drift,
                     0,
                     sentence);
        }
}

static void tell_gone(struct phx_tell *tell, const struct phx_drifts *drifts) {
        for (size_t i = 0; i < tell->known.count; i++) {
                const struct phx_drift *drift = &tell->known.items[i];
                bool refused = drift->kind == PHX_DRIFT_REFUSED;
                phx_autofree char *message = NULL;

                if (phx_drifts_find(drifts, drift))
                        continue;
                if (asprintf(&message,
                             "%s: %s",
                             drift->object,
                             refused ? "is accepted again" : "in order again in this respect") < 0)
                        message = NULL;
                send(tell,
                     refused ? PHX_RECORD_ACCEPTED : PHX_RECORD_DRIFT_GONE,
                     drift,
                     0,
                     message);
        }
}

static void tell_generation(struct phx_tell *tell, const struct phx_desired *desired) {
        struct phx_record record = { .kind = PHX_RECORD_ACCEPTED, .layer = "source" };
        phx_autofree char *message = NULL;

        if (!desired->has_configuration || strcmp(tell->generation, desired->generation) == 0)
                return;

        if (asprintf(&message,
                     "configuration accepted: %zu containers, generation %.12s",
                     desired->container_count,
                     desired->generation) < 0)
                message = NULL;
        record.message = message ? message : "configuration accepted";
        record.generation = desired->generation;
        record.old_digest = tell->generation[0] ? tell->generation : NULL;
        record.new_digest = desired->generation;
        tell->audit.record(tell->audit.data, &record);
        memcpy(tell->generation, desired->generation, sizeof(tell->generation));
}

/* Tells MESSAGE unless it was told and still holds; NOW collects what holds. */
static int tell_once(
                struct phx_tell *tell,
                struct phx_strings *now,
                enum phx_record_kind kind,
                const struct phx_desired_container *container,
                const char *message) {
        const struct phx_record record = {
                .kind = kind,
                .message = message,
                .layer = "config",
                .container = container->id,
                .profile = container->profile,
                .generation = tell->generation[0] ? tell->generation : NULL,
        };

        if (!phx_strings_has(&tell->remarks, message))
                tell->audit.record(tell->audit.data, &record);
        return phx_strings_add(now, message);
}

static int tell_container(
                struct phx_tell *tell,
                struct phx_strings *now,
                const struct phx_desired_container *container) {
        char message[1024];
        int r = 0;

        if (container->directory && container->suggestion) {
                (void) snprintf(message,
                                sizeof(message),
                                "%s: is unconfined by configuration; what it needs is in the profile %s",
                                container->id,
                                container->suggestion);
                r = tell_once(tell, now, PHX_RECORD_POSTURE, container, message);
        }
        for (size_t i = 0; r >= 0 && i < container->notes.count; i++) {
                (void) snprintf(message,
                                sizeof(message),
                                "%s: %s",
                                container->id,
                                container->notes.items[i]);
                r = tell_once(tell, now, PHX_RECORD_REMARK, container, message);
        }
        return r;
}

static int tell_remarks(struct phx_tell *tell, const struct phx_desired *desired) {
        struct phx_strings now = { 0 };

        for (size_t i = 0; i < desired->container_count; i++) {
                int r = tell_container(tell, &now, &desired->containers[i]);

                if (r < 0) {
                        phx_strings_done(&now);
                        return r;
                }
        }
        phx_strings_done(&tell->remarks);
        tell->remarks = now;
        return 0;
}

int phx_tell_picture(
                struct phx_tell *tell,
                const struct phx_desired *desired,
                const struct phx_drifts *drifts) {
        struct phx_drifts copy = { 0 };
        int r;

        for (size_t i = 0; i < drifts->count; i++) {
                r = phx_drifts_add(&copy, &drifts->items[i]);
                if (r < 0) {
                        phx_drifts_done(&copy);
                        return r;
                }
        }

        tell_gone(tell, drifts);
        tell_generation(tell, desired);
        tell_found(tell, drifts);
        phx_drifts_done(&tell->known);
        tell->known = copy;
        return tell_remarks(tell, desired);
}
