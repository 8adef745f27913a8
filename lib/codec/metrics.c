/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "codec/metrics.h"

#include <inttypes.h>

#include "config.h"
#include "state/report.h"
#include "state/tally.h"

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

static const char *metrics_gated_word(unsigned value) {
        return phx_gated_to_string((enum phx_gated) value);
}

static const char *metrics_posture_word(unsigned value) {
        return phx_posture_to_string((enum phx_posture) value);
}

static int metrics_add_drifts(const struct phx_tally *tally, struct phx_buffer *buffer) {
        static const struct counts counts = {
                "drifts",
                "layer",
                "Drift: differences from the configuration, except tolerable ones.",
                metrics_layer_word,
                PHX_LAYERS,
        };

        return metrics_add_counts(buffer, &counts, tally->drift_layers);
}

static int metrics_add_profiles(const struct phx_tally *tally, struct phx_buffer *buffer) {
        static const struct counts counts = {
                "profiles", "state", "Managed profiles by state.", profile_word, PHX_PROFILE_STATES,
        };

        return metrics_add_counts(buffer, &counts, tally->profile_states);
}

static int metrics_add_containers(const struct phx_tally *tally, struct phx_buffer *buffer) {
        static const struct counts states = {
                "containers",         "state", "Configured containers.", container_word,
                PHX_CONTAINER_STATES,
        };
        static const struct counts postures = {
                "container_postures", "posture",    "Configured containers by confinement.",
                metrics_posture_word, PHX_POSTURES,
        };
        static const struct counts gates = {
                "container_boot_gates",
                "boot_gate",
                "Configured containers by what the boot gate does about a wrong start.",
                metrics_gated_word,
                PHX_GATEDS,
        };
        int r;

        r = metrics_add_counts(buffer, &states, tally->container_states);
        if (r >= 0)
                r = metrics_add_counts(buffer, &postures, tally->postures);
        return r < 0 ? r : metrics_add_counts(buffer, &gates, tally->gates);
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

static int add_cache(const struct phx_cache_counts *counts, struct phx_buffer *buffer) {
        int r;

        r = single(buffer,
                   "cache_hits_total",
                   "counter",
                   "Compiled policies found in phoenixd's cache since the engine started.",
                   counts->hits);
        if (r >= 0)
                r = single(buffer,
                           "cache_shared_hits_total",
                           "counter",
                           "Compiled policies found in the shared cache since the engine started.",
                           counts->shared_hits);
        return r < 0 ? r
                     : single(buffer,
                              "cache_misses_total",
                              "counter",
                              "Compiled policies found in neither since the engine started.",
                              counts->misses);
}

/* Of the names and texts: hosts whose profiles are the same have the same, whatever their kernels
 * and compilers make of them. */
static int metrics_add_texts(const struct phx_snapshot *snapshot, struct phx_buffer *buffer) {
        phx_cleanup(phx_buffer_done) struct phx_buffer texts = { 0 };
        char digest[PHX_SHA256_HEX];
        int r = 0;

        for (size_t i = 0; r >= 0 && i < snapshot->profile_count; i++) {
                const struct phx_snapshot_profile *profile = &snapshot->profiles[i];

                if (profile->digest && profile->source != PHX_SOURCE_WITHDRAWN)
                        r = phx_buffer_addf(&texts, "%s %s\n", profile->name, profile->digest);
        }
        if (r < 0 || texts.size == 0)
                return r;
        phx_sha256(texts.data, texts.size, digest);
        r = head(buffer, "profiles_info", "gauge", "The profiles in force, by names and texts.");
        return r < 0 ? r
                     : phx_buffer_addf(buffer, "phoenixd_profiles_info{digest=\"%s\"} 1\n", digest);
}

/* Facts that are no numbers are labels of a 1, as other programs' are. */
static int add_infos(const struct phx_snapshot *snapshot, struct phx_buffer *buffer) {
        int r;

        r = head(buffer, "build_info", "gauge", "The version of phoenixd.");
        if (r >= 0)
                r = phx_buffer_add_text(
                                buffer,
                                "phoenixd_build_info{version=\"" PHX_VERSION "\"} 1\n");
        if (r < 0 || !snapshot->generation)
                return r;
        r = head(buffer, "generation_info", "gauge", "The configuration in force.");
        return r < 0 ? r
                     : phx_buffer_addf(buffer,
                                       "phoenixd_generation_info{generation=\"%s\"} 1\n",
                                       snapshot->generation);
}

static int add_suspensions(
                const struct phx_suspensions *suspensions,
                unsigned in_force,
                struct phx_buffer *buffer) {
        int r;

        r = single(buffer, "suspensions", "gauge", "Suspensions in force.", in_force);
        return r < 0 ? r
                     : seconds(buffer,
                               "suspension_end_timestamp_seconds",
                               "gauge",
                               "When the first of the suspensions ends.",
                               phx_suspensions_next_end(suspensions));
}

int phx_metrics_render(const struct phx_snapshot *snapshot, struct phx_buffer *buffer) {
        struct phx_tally tally;
        int r;

        phx_tally_count(snapshot, &tally);
        r = single(buffer,
                   "in_sync",
                   "gauge",
                   "1 when the machine matches the configuration.",
                   tally.drifts == 0);
        if (r >= 0)
                r = single(buffer,
                           "observing",
                           "gauge",
                           "1 in observe mode, in which phoenixd changes nothing.",
                           snapshot->is_observing);
        if (r >= 0)
                r = add_infos(snapshot, buffer);
        if (r >= 0)
                r = metrics_add_texts(snapshot, buffer);
        if (r >= 0)
                r = add_suspensions(&snapshot->suspensions, tally.suspended, buffer);
        if (r >= 0)
                r = metrics_add_drifts(&tally, buffer);
        if (r >= 0)
                r = metrics_add_profiles(&tally, buffer);
        if (r >= 0)
                r = metrics_add_containers(&tally, buffer);
        if (r >= 0)
                r = add_counters(snapshot, buffer);
        return r < 0 ? r : add_cache(&snapshot->cache.counts, buffer);
}

int phx_metrics_render_times(const struct phx_daemon *daemon, struct phx_buffer *buffer) {
        int r;

        r = single(buffer,
                   "passes_total",
                   "counter",
                   "Passes since the engine started.",
                   daemon->passes);
        if (r >= 0)
                r = seconds(buffer,
                            "last_converged_timestamp_seconds",
                            "gauge",
                            "End of the last pass that found no drift.",
                            daemon->last_converged_at);
        return r < 0 ? r
                     : seconds(buffer,
                               "last_pass_timestamp_seconds",
                               "gauge",
                               "End of the last pass.",
                               daemon->pass.ended_at);
}
