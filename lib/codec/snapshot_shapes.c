/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The tables of what is known: one for each object, and for the parts of the whole that are none.
 * Whatever shows or reads any of it takes one of these, so that an object has the same keys
 * wherever it stands. */

#include "codec/snapshot_shapes.h"

#include "codec/offer_json.h"
#include "codec/suspensions_json.h"

/* --- words --- */

static const char *health_word(unsigned value) {
        return phx_health_to_string((enum phx_health) value);
}

static const char *profile_state_word(unsigned value) {
        return phx_profile_state_to_string((enum phx_profile_state) value);
}

static const char *container_state_word(unsigned value) {
        return phx_container_state_to_string((enum phx_container_state) value);
}

static const char *shapes_posture_word(unsigned value) {
        return phx_posture_to_string((enum phx_posture) value);
}

static const char *deployed_word(unsigned value) {
        return phx_deployment_to_string((enum phx_deployment) value);
}

static const char *source_word(unsigned value) {
        return phx_source_state_to_string((enum phx_source_state) value);
}

static const char *tier_word(unsigned value) {
        return phx_tier_to_string((enum phx_tier) value);
}

static const char *shapes_layer_word(unsigned value) {
        return phx_layer_to_string((enum phx_layer) value);
}

static const char *drift_kind_word(unsigned value) {
        return phx_drift_kind_to_string((enum phx_drift_kind) value);
}

/* Nothing to do is null for who reads. */
static const char *action_word(unsigned value) {
        return value == PHX_ACTION_NONE ? NULL
                                        : phx_action_kind_to_string((enum phx_action_kind) value);
}

static const char *mode_word(unsigned is_observing) {
        return phx_mode_to_string(is_observing ? PHX_MODE_OBSERVE : PHX_MODE_ENFORCE);
}

static const char *policy_mode_word(unsigned value) {
        return phx_policy_mode_to_string((enum phx_policy_mode) value);
}

static const char *piece_word(unsigned is_piece) {
        return is_piece ? "piece" : "profile";
}

static const char *result_word(unsigned has_failed) {
        return has_failed ? "failed" : "changed";
}

static const char *cause_word(unsigned value) {
        return phx_cause_to_string((enum phx_cause) value);
}

static const char *rule_word(unsigned value) {
        return phx_rule_to_string((enum phx_rule) value);
}

static const char *backend_word(unsigned value) {
        return phx_backend_to_string((enum phx_backend) value);
}

static const char *escape_word(unsigned value) {
        return phx_escape_to_string((enum phx_escape) value);
}

static const char *boot_gate_word(unsigned value) {
        return phx_boot_gate_to_string((enum phx_boot_gate) value);
}

static const char *gated_word(unsigned value) {
        return phx_gated_to_string((enum phx_gated) value);
}

static const char *restart_word(unsigned value) {
        return phx_restart_to_string((enum phx_restart) value);
}

static const char *policy_word(unsigned value) {
        return phx_restart_policy_to_string((enum phx_restart_policy) value);
}

static const char *run_state_word(unsigned value) {
        return phx_run_state_to_string((enum phx_run_state) value);
}

static const char *due_word(unsigned value) {
        return phx_restart_due_to_string((enum phx_restart_due) value);
}

/* --- shapes --- */

#define HEALTHS (PHX_HEALTH_OBSERVING + 1)
#define DEPLOYMENTS (PHX_DEPLOYMENT_UNKNOWN + 1)

#define DRIFT_KINDS (PHX_DRIFT_UNKNOWN + 1)
#define RULES (PHX_RULE_MOUNT_DENIED + 1)
#define ESCAPES (PHX_ESCAPE_POSSIBLE + 1)
#define BOOT_GATES (PHX_BOOT_GATE_OFF + 1)
#define ACTION_KINDS (PHX_ACTION_CREATE + 1)

#define PLAIN(object, key, kind, name) \
        { key, PHX_FIELD_##kind, offsetof(struct object, name) }
#define WORD(object, key, name, word, count) \
        { key, PHX_FIELD_WORD, offsetof(struct object, name), word, count }
#define NEWER(object, key, name, word, count) \
        { key, PHX_FIELD_NEWER, offsetof(struct object, name), word, count }
/* Where the first value says that all is well, which a name that is not known does not. */
#define NEWER_OR(object, key, name, word, count, otherwise) \
        { key, PHX_FIELD_NEWER, offsetof(struct object, name), word, count, NULL, 0, 0, otherwise }
#define KEPT(object, key, name, text, word, count)                                        \
        {                                                                                 \
                key, PHX_FIELD_KEPT, offsetof(struct object, name), word, count, NULL, 0, \
                                offsetof(struct object, text)                             \
        }
#define FLAG(object, key, name, word) \
        { key, PHX_FIELD_FLAG, offsetof(struct object, name), word, 2 }
#define SHAPED(object, key, kind, name, of) \
        { key, PHX_FIELD_##kind, offsetof(struct object, name), NULL, 0, of }
#define LIST(object, key, name, number, of)                                      \
        {                                                                        \
                key, PHX_FIELD_LIST, offsetof(struct object, name), NULL, 0, of, \
                                offsetof(struct object, number)                  \
        }
#define SHAPE(object, fields) \
        { fields, PHX_ELEMENTS(fields), sizeof(struct object) }

static const struct phx_field lint_fields[] = {
        WORD(phx_lint, "rule", rule, rule_word, RULES),
        PLAIN(phx_lint, "text", NAME, text),
        PLAIN(phx_lint, "line", SOME, line),
        PLAIN(phx_lint, "column", SOME, column),
        PLAIN(phx_lint, "key", TEXT, key),
        PLAIN(phx_lint, "source", TEXT, source),
        PLAIN(phx_lint, "included_file", TEXT, included_file),
        PLAIN(phx_lint, "included_line", SOME, included_line),
        PLAIN(phx_lint, "accepted", TEXT, accepted),
};
static const struct phx_shape lint_shape = SHAPE(phx_lint, lint_fields);

#define LINTS(object)                                                                 \
        {                                                                             \
                .key = "lints", .type = PHX_FIELD_LATER,                              \
                .offset = offsetof(struct object, lints.items), .shape = &lint_shape, \
                .count_offset = offsetof(struct object, lints.count),                 \
                .kept_offset = offsetof(struct object, lints.shared)                  \
        }

static const struct phx_field profile_fields[] = {
        PLAIN(phx_snapshot_profile, "name", NAME, name),
        FLAG(phx_snapshot_profile, "kind", is_piece, piece_word),
        NEWER_OR(phx_snapshot_profile,
                 "state",
                 state,
                 profile_state_word,
                 PHX_PROFILE_STATES,
                 PHX_PROFILE_DRIFT),
        NEWER_OR(phx_snapshot_profile,
                 "source",
                 source,
                 source_word,
                 PHX_SOURCE_STATES,
                 PHX_SOURCE_WRITING),
        NEWER_OR(phx_snapshot_profile, "tier", tier, tier_word, PHX_TIERS, PHX_TIER_LOCAL),
        PLAIN(phx_snapshot_profile, "compiling_since", TIME, compiling_since),
        PLAIN(phx_snapshot_profile, "refusal", TEXT, refusal),
        PLAIN(phx_snapshot_profile, "digest", TEXT, digest),
        WORD(phx_snapshot_profile, "deployed", deployed, deployed_word, DEPLOYMENTS),
        PLAIN(phx_snapshot_profile, "loaded", BOOL, is_loaded),
        NEWER(phx_snapshot_profile, "mode", mode, policy_mode_word, PHX_POLICY_MODES),
        PLAIN(phx_snapshot_profile, "hash", TEXT, hash),
        PLAIN(phx_snapshot_profile, "loaded_hash", TEXT, loaded_hash),
        PLAIN(phx_snapshot_profile, "containers", TEXTS, containers),
        LINTS(phx_snapshot_profile),
        SHAPED(phx_snapshot_profile, "suspended", MAYBE, suspended, &phx_suspension_shape),
};
const struct phx_shape phx_snapshot_profile_shape = SHAPE(phx_snapshot_profile, profile_fields);

static const struct phx_field decider_fields[] = {
        PLAIN(phx_snapshot_decider, "layer", NAME, layer),
        PLAIN(phx_snapshot_decider, "file", TEXT, file),
        PLAIN(phx_snapshot_decider, "line", SOME, line),
        PLAIN(phx_snapshot_decider, "key", TEXT, key),
        PLAIN(phx_snapshot_decider, "value", TEXT, value),
        PLAIN(phx_snapshot_decider, "why", NAME, why),
};
static const struct phx_shape decider_shape = SHAPE(phx_snapshot_decider, decider_fields);

static const struct phx_field container_fields[] = {
        PLAIN(phx_snapshot_container, "id", NAME, id),
        PLAIN(phx_snapshot_container, "name", TEXT, name),
        PLAIN(phx_snapshot_container, "directory", TEXT, directory),
        NEWER(phx_snapshot_container, "backend", backend, backend_word, PHX_BACKENDS),
        NEWER(phx_snapshot_container, "state", state, container_state_word, PHX_CONTAINER_STATES),
        NEWER(phx_snapshot_container, "posture", posture, shapes_posture_word, PHX_POSTURES),
        NEWER(phx_snapshot_container, "boot_gate", gated, gated_word, PHX_GATEDS),
        WORD(phx_snapshot_container, "escape", escape, escape_word, ESCAPES),
        NEWER(phx_snapshot_container, "restart", restart, restart_word, PHX_RESTARTS),
        PLAIN(phx_snapshot_container, "lock", TEXT, lock),
        NEWER(phx_snapshot_container,
              "restart_policy",
              restart_policy,
              policy_word,
              PHX_RESTART_POLICIES),
        NEWER(phx_snapshot_container, "wanted_state", wanted_state, run_state_word, PHX_RUN_STATES),
        NEWER_OR(phx_snapshot_container,
                 "restart_due",
                 due,
                 due_word,
                 PHX_RESTART_DUES,
                 PHX_RESTART_DUE_NOT_READY),
        NEWER(phx_snapshot_container, "restart_action", due_action, action_word, ACTION_KINDS),
        PLAIN(phx_snapshot_container, "restart_at", TIME, due_at),
        PLAIN(phx_snapshot_container, "restart_why", TEXT, due_why),
        PLAIN(phx_snapshot_container, "profile", NAME, profile),
        PLAIN(phx_snapshot_container, "profile_is_default", BOOL, profile_is_default),
        PLAIN(phx_snapshot_container, "namespace", TEXT, namespace),
        PLAIN(phx_snapshot_container, "namespace_profiles", TEXTS, namespace_profiles),
        PLAIN(phx_snapshot_container, "assigned", TEXT, assigned),
        PLAIN(phx_snapshot_container, "running", BOOL, is_running),
        PLAIN(phx_snapshot_container, "init", SOME, init),
        PLAIN(phx_snapshot_container, "label", TEXT, label),
        PLAIN(phx_snapshot_container, "tasks", NUMBER, tasks),
        PLAIN(phx_snapshot_container, "tasks_wrong", NUMBER, tasks_wrong),
        PLAIN(phx_snapshot_container, "tasks_unknown", NUMBER, tasks_unknown),
        PLAIN(phx_snapshot_container, "suggestion", TEXT, suggestion),
        PLAIN(phx_snapshot_container, "suggestion_why", TEXT, suggestion_why),
        PLAIN(phx_snapshot_container, "notes", TEXTS, notes),
        LINTS(phx_snapshot_container),
        LIST(phx_snapshot_container, "decided_by", decided_by, decided_by_count, &decider_shape),
        SHAPED(phx_snapshot_container, "suspended", MAYBE, suspended, &phx_suspension_shape),
};
const struct phx_shape phx_snapshot_container_shape = SHAPE(
                phx_snapshot_container,
                container_fields);

static const struct phx_field unmanaged_fields[] = {
        PLAIN(phx_snapshot_unmanaged, "directory", NAME, directory),
        PLAIN(phx_snapshot_unmanaged, "assigned", TEXT, assigned),
        PLAIN(phx_snapshot_unmanaged, "running", BOOL, is_running),
        NEWER(phx_snapshot_unmanaged, "posture", posture, shapes_posture_word, PHX_POSTURES),
        PLAIN(phx_snapshot_unmanaged, "label", TEXT, label),
};
const struct phx_shape phx_snapshot_unmanaged_shape = SHAPE(
                phx_snapshot_unmanaged,
                unmanaged_fields);

#define DRIFT_FIELDS                                                                           \
        WORD(phx_snapshot_drift, "layer", layer, shapes_layer_word, PHX_LAYERS),               \
                        KEPT(phx_snapshot_drift,                                               \
                             "kind",                                                           \
                             kind,                                                             \
                             later_kind,                                                       \
                             drift_kind_word,                                                  \
                             DRIFT_KINDS),                                                     \
                        PLAIN(phx_snapshot_drift, "object", NAME, object),                     \
                        PLAIN(phx_snapshot_drift, "expected", NAME, expected),                 \
                        PLAIN(phx_snapshot_drift, "found", NAME, found),                       \
                        WORD(phx_snapshot_drift, "action", action, action_word, ACTION_KINDS), \
                        NEWER(phx_snapshot_drift, "cause", cause, cause_word, PHX_CAUSES),     \
                        PLAIN(phx_snapshot_drift, "why", TEXT, why),                           \
                        PLAIN(phx_snapshot_drift, "sentence", NAME, sentence),                 \
                        PLAIN(phx_snapshot_drift, "failure", TEXT, failure),                   \
                        PLAIN(phx_snapshot_drift, "retry_at", TIME, retry_at),                 \
                        PLAIN(phx_snapshot_drift, "tolerable", BOOL, is_tolerable),            \
                        PLAIN(phx_snapshot_drift, "suspended", BOOL, is_suspended),            \
                        PLAIN(phx_snapshot_drift, "old_digest", TEXT, old_digest),             \
                        PLAIN(phx_snapshot_drift, "new_digest", TEXT, new_digest)

static const struct phx_field drift_fields[] = { DRIFT_FIELDS };
const struct phx_shape phx_snapshot_drift_shape = SHAPE(phx_snapshot_drift, drift_fields);

/* The texts are not for everybody to see. */
static const struct phx_field step_fields[] = {
        DRIFT_FIELDS,
        PLAIN(phx_snapshot_drift, "step", TEXT, step),
        PLAIN(phx_snapshot_drift, "file", TEXT, file),
        PLAIN(phx_snapshot_drift, "before", TEXT, before),
        PLAIN(phx_snapshot_drift, "after", TEXT, after),
};
const struct phx_shape phx_snapshot_step_shape = SHAPE(phx_snapshot_drift, step_fields);

#define PLAN_HEAD                                                 \
        PLAIN(phx_snapshot_plan, "generation", TEXT, generation), \
                        FLAG(phx_snapshot_plan, "mode", is_observing, mode_word)

static const struct phx_field plan_head_fields[] = { PLAN_HEAD };
const struct phx_shape phx_snapshot_plan_head_shape = SHAPE(phx_snapshot_plan, plan_head_fields);

static const struct phx_field plan_fields[] = {
        PLAN_HEAD,
        LIST(phx_snapshot_plan, "steps", steps, step_count, &phx_snapshot_step_shape),
        { "offers",
          PHX_FIELD_LATER,
          offsetof(struct phx_snapshot_plan, offers),
          NULL,
          0,
          &phx_offer_shape,
          offsetof(struct phx_snapshot_plan, offer_count) },
};
const struct phx_shape phx_snapshot_plan_shape = SHAPE(phx_snapshot_plan, plan_fields);

static const struct phx_field change_fields[] = {
        PLAIN(phx_snapshot_change, "at", LARGE, at),
        WORD(phx_snapshot_change, "action", action, action_word, ACTION_KINDS),
        PLAIN(phx_snapshot_change, "object", NAME, object),
        PLAIN(phx_snapshot_change, "sentence", NAME, sentence),
        FLAG(phx_snapshot_change, "result", has_failed, result_word),
};
static const struct phx_shape change_shape = SHAPE(phx_snapshot_change, change_fields);

/* The parts that are objects of their own; their members are found from the whole half. Two of
 * them, "daemon" and "counters", have members of either half: a description joins them. */
#define PART(key, of) \
        { key, PHX_FIELD_STRUCT, 0, NULL, 0, of }

static const struct phx_field daemon_start_fields[] = {
        PLAIN(phx_daemon, "version", TEXT, version),
        PLAIN(phx_daemon, "started_at", TIME, started_at),
};
static const struct phx_shape daemon_start_shape = SHAPE(phx_daemon, daemon_start_fields);

static const struct phx_field pass_fields[] = {
        PLAIN(phx_daemon, "number", LARGE, pass.number),
        PLAIN(phx_daemon, "began_at", TIME, pass.began_at),
        PLAIN(phx_daemon, "ended_at", TIME, pass.ended_at),
        PLAIN(phx_daemon, "changes", LARGE, pass.changes),
};
static const struct phx_shape pass_shape = SHAPE(phx_daemon, pass_fields);

static const struct phx_field daemon_counter_fields[] = {
        PLAIN(phx_daemon, "passes", LARGE, passes),
};
static const struct phx_shape daemon_counters_shape = SHAPE(phx_daemon, daemon_counter_fields);

static const struct phx_field daemon_fields[] = {
        PART("daemon", &daemon_start_shape),
        WORD(phx_daemon, "health", health, health_word, HEALTHS),
        PLAIN(phx_daemon, "status", TEXT, status),
        PLAIN(phx_daemon, "doing", TEXT, doing),
        PART("pass", &pass_shape),
        PLAIN(phx_daemon, "last_converged_at", TIME, last_converged_at),
        PLAIN(phx_daemon, "labels_at", TIME, labels_at),
        PLAIN(phx_daemon, "next_look_at", TIME, next_look_at),
        PART("counters", &daemon_counters_shape),
};
const struct phx_shape phx_daemon_shape = SHAPE(phx_daemon, daemon_fields);

static const struct phx_field mode_fields[] = {
        FLAG(phx_snapshot, "mode", is_observing, mode_word),
};
static const struct phx_shape mode_shape = SHAPE(phx_snapshot, mode_fields);

static const struct phx_field counter_fields[] = {
        PLAIN(phx_snapshot, "changes", LARGE, counters.changes),
        PLAIN(phx_snapshot, "failures", LARGE, counters.failures),
        PLAIN(phx_snapshot, "compiles", LARGE, counters.compiles),
        PLAIN(phx_snapshot, "compile_usec", LARGE, counters.compile_usec),
};
static const struct phx_shape counters_shape = SHAPE(phx_snapshot, counter_fields);

static const struct phx_field cache_fields[] = {
        PLAIN(phx_snapshot_cache, "compiler", NAME, compiler),
        PLAIN(phx_snapshot_cache, "hits", LARGE, counts.hits),
        PLAIN(phx_snapshot_cache, "shared_hits", LARGE, counts.shared_hits),
        PLAIN(phx_snapshot_cache, "misses", LARGE, counts.misses),
};
static const struct phx_shape cache_shape = SHAPE(phx_snapshot_cache, cache_fields);

static const struct phx_field path_fields[] = {
        PLAIN(phx_snapshot, "settings", TEXT, paths.settings),
        PLAIN(phx_snapshot, "configuration", TEXT, paths.configuration),
        PLAIN(phx_snapshot, "site_configuration", TEXT, paths.site_configuration),
        PLAIN(phx_snapshot, "profile_dir", TEXT, paths.profile_dir),
        PLAIN(phx_snapshot, "site_profile_dir", TEXT, paths.site_profile_dir),
        PLAIN(phx_snapshot, "deployed_dir", TEXT, paths.deployed_dir),
        PLAIN(phx_snapshot, "lxc_path", TEXT, paths.lxc_path),
};
static const struct phx_shape paths_shape = SHAPE(phx_snapshot, path_fields);

static const struct phx_field part_fields[] = {
        LIST(phx_snapshot_part, "profiles", profiles, profile_count, &phx_snapshot_profile_shape),
        LIST(phx_snapshot_part,
             "containers",
             containers,
             container_count,
             &phx_snapshot_container_shape),
        LIST(phx_snapshot_part, "drifts", drifts, drift_count, &phx_snapshot_drift_shape),
        LIST(phx_snapshot_part,
             "unmanaged",
             unmanaged,
             unmanaged_count,
             &phx_snapshot_unmanaged_shape),
        PLAIN(phx_snapshot_part, "labels_at", TIME, labels_at),
};
const struct phx_shape phx_snapshot_part_shape = SHAPE(phx_snapshot_part, part_fields);

/* Before the lists of objects, and behind them. */
#define HEAD_FIELDS                                                                            \
        PART("daemon", &mode_shape), PLAIN(phx_snapshot, "generation", TEXT, generation),      \
                        NEWER_OR(phx_snapshot,                                                 \
                                 "boot_gate",                                                  \
                                 boot_gate,                                                    \
                                 boot_gate_word,                                               \
                                 BOOT_GATES,                                                   \
                                 PHX_BOOT_GATE_OFF),                                           \
                        PLAIN(phx_snapshot, "observed_generation", TEXT, observed_generation), \
                        PART("counters", &counters_shape),                                     \
                        SHAPED(phx_snapshot, "cache", MAYBE, cache, &cache_shape),             \
                        PART("paths", &paths_shape)
#define TAIL_FIELDS                                                          \
        LIST(phx_snapshot, "changes", changes, change_count, &change_shape), \
                        LIST(phx_snapshot,                                   \
                             "suspensions",                                  \
                             suspensions.items,                              \
                             suspensions.count,                              \
                             &phx_suspension_shape),                         \
                        PLAIN(phx_snapshot, "notes", TEXTS, notes)

static const struct phx_field head_fields[] = { HEAD_FIELDS };
const struct phx_shape phx_snapshot_head_shape = SHAPE(phx_snapshot, head_fields);

static const struct phx_field tail_fields[] = { TAIL_FIELDS };
const struct phx_shape phx_snapshot_tail_shape = SHAPE(phx_snapshot, tail_fields);

static const struct phx_field snapshot_fields[] = {
        HEAD_FIELDS,
        LIST(phx_snapshot, "profiles", profiles, profile_count, &phx_snapshot_profile_shape),
        LIST(phx_snapshot,
             "containers",
             containers,
             container_count,
             &phx_snapshot_container_shape),
        LIST(phx_snapshot, "unmanaged", unmanaged, unmanaged_count, &phx_snapshot_unmanaged_shape),
        LIST(phx_snapshot, "drifts", drifts, drift_count, &phx_snapshot_drift_shape),
        TAIL_FIELDS,
};
const struct phx_shape phx_snapshot_shape = SHAPE(phx_snapshot, snapshot_fields);

/* Some of them; what is not in it has no objects in it. */
#define SOME_OF(key, name, number, of)                                                  \
        {                                                                               \
                key, PHX_FIELD_LATER, offsetof(struct phx_snapshot, name), NULL, 0, of, \
                                offsetof(struct phx_snapshot, number)                   \
        }

static const struct phx_field page_fields[] = {
        SOME_OF("profiles", profiles, profile_count, &phx_snapshot_profile_shape),
        SOME_OF("containers", containers, container_count, &phx_snapshot_container_shape),
        SOME_OF("unmanaged", unmanaged, unmanaged_count, &phx_snapshot_unmanaged_shape),
        SOME_OF("drifts", drifts, drift_count, &phx_snapshot_drift_shape),
};
const struct phx_shape phx_snapshot_page_shape = SHAPE(phx_snapshot, page_fields);

/* --- counts --- */

#define COUNTS(key, name, word, count) \
        { key, PHX_FIELD_COUNTS, offsetof(struct phx_tally, name), word, count }

static const struct phx_field tally_fields[] = {
        PLAIN(phx_tally, "profiles", NUMBER, profiles),
        PLAIN(phx_tally, "profiles_in_force", NUMBER, profiles_in_force),
        COUNTS("profile_states", profile_states, profile_state_word, PHX_PROFILE_STATES),
        COUNTS("profile_tiers", profile_tiers, tier_word, PHX_TIERS),
        PLAIN(phx_tally, "containers", NUMBER, containers),
        COUNTS("container_states", container_states, container_state_word, PHX_CONTAINER_STATES),
        COUNTS("postures", postures, shapes_posture_word, PHX_POSTURES),
        COUNTS("boot_gates", gates, gated_word, PHX_GATEDS),
        PLAIN(phx_tally, "exposed", NUMBER, exposed),
        PLAIN(phx_tally, "unmanaged", NUMBER, unmanaged),
        PLAIN(phx_tally, "suspended", NUMBER, suspended),
        PLAIN(phx_tally, "drifts", NUMBER, drifts),
        COUNTS("drift_layers", drift_layers, shapes_layer_word, PHX_LAYERS),
        PLAIN(phx_tally, "attention", NUMBER, attention),
        PLAIN(phx_tally, "warnings", NUMBER, warnings),
        PLAIN(phx_tally, "accepted", NUMBER, accepted),
};
const struct phx_shape phx_tally_shape = SHAPE(phx_tally, tally_fields);

static const struct phx_field known_fields[] = {
        { "tally", PHX_FIELD_STRUCT, 0, NULL, 0, &phx_tally_shape },
};
const struct phx_shape phx_tally_part_shape = SHAPE(phx_tally, known_fields);
