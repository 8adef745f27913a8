/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "codec/metrics.h"

#include <inttypes.h>

#include "state/report.h"

#define USEC_PER_SEC 1000000.0

/* "# HELP NAME TEXT" and "# TYPE NAME KIND": once before all values of the name. */
static int head(struct phx_buffer *buffer, const char *name, const char *kind, const char *help) {
        return phx_buffer_addf(
                        buffer,
                        "# HELP phoenixd_%s %s\n# TYPE phoenixd_%s %s\n",
                        name,
                        help,
                        name,
                        kind);
}

static int single(
                struct phx_buffer *buffer,
                const char *name,
                const char *kind,
                const char *help,
                uint64_t value) {
        int r = head(buffer, name, kind, help);

        return r < 0 ? r : phx_buffer_addf(buffer, "phoenixd_%s %" PRIu64 "\n", name, value);
}

/* Times are seconds; one that has not been is left out. */
static int seconds(
                struct phx_buffer *buffer,
                const char *name,
                const char *kind,
                const char *help,
                uint64_t usec) {
        int r;

        if (usec == PHX_NEVER)
                return 0;
        r = head(buffer, name, kind, help);
        return r < 0 ? r
                     : phx_buffer_addf(buffer,
                                       "phoenixd_%s %.6f\n",
                                       name,
                                       (double) usec / USEC_PER_SEC);
}

/* Each word that a label may have is always there, 0 for none: a value that comes and goes cannot
 * be added up. */
struct counts {
        const char *name;
        const char *label;
        const char *help;
        const char *(*word)(unsigned value);
        unsigned words;
};

static int metrics_add_counts(
                struct phx_buffer *buffer,
                const struct counts *counts,
                const unsigned *values) {
        int r = head(buffer, counts->name, "gauge", counts->help);

        for (unsigned i = 0; r >= 0 && i < counts->words; i++)
                r = phx_buffer_addf(
                                buffer,
                                "phoenixd_%s{%s=\"%s\"} %u\n",
                                counts->name,
                                counts->label,
                                counts->word(i),
                                values[i]);
        return r;
}

static const char *metrics_layer_word(unsigned value) {
        return phx_layer_to_string((enum phx_layer) value);
}

static const char *profile_word(unsigned value) {
        return phx_profile_state_to_string((enum phx_profile_state) value);
}

static const char *container_word(unsigned value) {
        return phx_container_state_to_string((enum phx_container_state) value);
}

static const char *metrics_posture_word(unsigned value) {
        return phx_posture_to_string((enum phx_posture) value);
}

#define LAYERS (PHX_LAYER_RUNNING + 1)
#define PROFILE_STATES (PHX_PROFILE_WITHDRAWN + 1)
#define CONTAINER_STATES (PHX_CONTAINER_UNKNOWN + 1)
#define POSTURES (PHX_POSTURE_MISSING + 1)

static int metrics_add_drifts(const struct phx_snapshot *snapshot, struct phx_buffer *buffer) {
        static const struct counts counts = { "drifts",
                                              "layer",
                                              "Drift: differences from the configuration, except "
                                              "tolerable ones.",
                                              metrics_layer_word,
                                              LAYERS };
        unsigned values[LAYERS] = { 0 };

        for (size_t i = 0; i < snapshot->drift_count; i++)
                if (!snapshot->drifts[i].is_tolerable)
                        values[snapshot->drifts[i].layer]++;
        return metrics_add_counts(buffer, &counts, values);
}

static int metrics_add_profiles(const struct phx_snapshot *snapshot, struct phx_buffer *buffer) {
        static const struct counts counts = { "profiles",
                                              "state",
                                              "Managed profiles by state.",
                                              profile_word,
                                              PROFILE_STATES };
        unsigned values[PROFILE_STATES] = { 0 };

        for (size_t i = 0; i < snapshot->profile_count; i++)
                if (!snapshot->profiles[i].is_piece)
                        values[snapshot->profiles[i].state]++;
        return metrics_add_counts(buffer, &counts, values);
}

static int metrics_add_containers(const struct phx_snapshot *snapshot, struct phx_buffer *buffer) {
        static const struct counts states = { "containers",
                                              "state",
                                              "Configured containers.",
                                              container_word,
                                              CONTAINER_STATES },
                                   postures = { "container_postures",
                                                "posture",
                                                "Configured containers by confinement.",
                                                metrics_posture_word,
                                                POSTURES };
        unsigned by_state[CONTAINER_STATES] = { 0 }, by_posture[POSTURES] = { 0 };
        int r;

        for (size_t i = 0; i < snapshot->container_count; i++) {
                by_state[snapshot->containers[i].state]++;
                by_posture[snapshot->containers[i].posture]++;
        }
        r = metrics_add_counts(buffer, &states, by_state);
        return r < 0 ? r : metrics_add_counts(buffer, &postures, by_posture);
}

static int add_counters(const struct phx_snapshot *snapshot, struct phx_buffer *buffer) {
        int r;

        r = single(buffer,
                   "actions_total",
                   "counter",
                   "Changes made and verified since the engine started.",
                   snapshot->counters.changes);
        if (r >= 0)
                r = single(buffer,
                           "action_failures_total",
                           "counter",
                           "Changes that failed since the engine started.",
                           snapshot->counters.failures);
        if (r >= 0)
                r = single(buffer,
                           "compiles_total",
                           "counter",
                           "Profiles compiled since the engine started.",
                           snapshot->counters.compiles);
        return r < 0 ? r
                     : seconds(buffer,
                               "compile_seconds_total",
                               "counter",
                               "Elapsed time spent compiling since the engine started.",
                               snapshot->counters.compile_usec);
}

int phx_metrics_render(const struct phx_snapshot *snapshot, struct phx_buffer *buffer) {
        bool is_in_sync = true;
        int r;

        for (size_t i = 0; i < snapshot->drift_count; i++)
                is_in_sync = is_in_sync && snapshot->drifts[i].is_tolerable;

        r = single(buffer,
                   "in_sync",
                   "gauge",
                   "1 when the machine matches the configuration.",
                   is_in_sync);
        if (r >= 0)
                r = single(buffer,
                           "observing",
                           "gauge",
                           "1 in observe mode, in which phoenixd changes nothing.",
                           snapshot->daemon.is_observing);
        if (r >= 0)
                r = single(buffer,
                           "suspensions",
                           "gauge",
                           "Suspensions in force.",
                           snapshot->suspensions.count);
        if (r >= 0)
                r = metrics_add_drifts(snapshot, buffer);
        if (r >= 0)
                r = metrics_add_profiles(snapshot, buffer);
        if (r >= 0)
                r = metrics_add_containers(snapshot, buffer);
        return r < 0 ? r : add_counters(snapshot, buffer);
}

int phx_metrics_render_times(const struct phx_snapshot *snapshot, struct phx_buffer *buffer) {
        int r;

        r = single(buffer,
                   "passes_total",
                   "counter",
                   "Passes since the engine started.",
                   snapshot->counters.passes);
        if (r >= 0)
                r = seconds(buffer,
                            "last_converged_timestamp_seconds",
                            "gauge",
                            "End of the last pass that found no drift.",
                            snapshot->last_converged_at);
        return r < 0 ? r
                     : seconds(buffer,
                               "last_pass_timestamp_seconds",
                               "gauge",
                               "End of the last pass.",
                               snapshot->pass.ended_at);
}
