/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "codec/snapshot_json.h"

#include <errno.h>

#include "codec/fields.h"
#include "codec/json.h"
#include "codec/offer_json.h"
#include "codec/suspensions_json.h"

#define VERSION 1

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

static const char *snapshot_json_posture_word(unsigned value) {
        return phx_posture_to_string((enum phx_posture) value);
}

static const char *deployed_word(unsigned value) {
        return phx_deployment_to_string((enum phx_deployment) value);
}

static const char *source_word(unsigned value) {
        return phx_source_state_to_string((enum phx_source_state) value);
}

static const char *snapshot_json_layer_word(unsigned value) {
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

static const char *restart_word(unsigned value) {
        return phx_restart_to_string((enum phx_restart) value);
}

/* --- shapes --- */

#define HEALTHS (PHX_HEALTH_OBSERVING + 1)
#define DEPLOYMENTS (PHX_DEPLOYMENT_UNKNOWN + 1)
#define SOURCE_STATES (PHX_SOURCE_WITHDRAWN + 1)
#define DRIFT_KINDS (PHX_DRIFT_UNKNOWN + 1)
#define RULES (PHX_RULE_MOUNT_DENIED + 1)
#define ESCAPES (PHX_ESCAPE_POSSIBLE + 1)
#define ACTION_KINDS (PHX_ACTION_WITHDRAW + 1)

#define PLAIN(object, key, kind, name) \
        { key, PHX_FIELD_##kind, offsetof(struct object, name) }
#define WORD(object, key, name, word, count) \
        { key, PHX_FIELD_WORD, offsetof(struct object, name), word, count }
#define NEWER(object, key, name, word, count) \
        { key, PHX_FIELD_NEWER, offsetof(struct object, name), word, count }
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

#define LINTS(object)                                                                    \
        {                                                                                \
                "lints", PHX_FIELD_LATER, offsetof(struct object, lints.items), NULL, 0, \
                                &lint_shape, offsetof(struct object, lints.count)        \
        }

static const struct phx_field profile_fields[] = {
        PLAIN(phx_snapshot_profile, "name", NAME, name),
        FLAG(phx_snapshot_profile, "kind", is_piece, piece_word),
        WORD(phx_snapshot_profile, "state", state, profile_state_word, PHX_PROFILE_STATES),
        WORD(phx_snapshot_profile, "source", source, source_word, SOURCE_STATES),
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
static const struct phx_shape profile_shape = SHAPE(phx_snapshot_profile, profile_fields);

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
        NEWER(phx_snapshot_container, "posture", posture, snapshot_json_posture_word, PHX_POSTURES),
        WORD(phx_snapshot_container, "escape", escape, escape_word, ESCAPES),
        NEWER(phx_snapshot_container, "restart", restart, restart_word, PHX_RESTARTS),
        PLAIN(phx_snapshot_container, "lock", TEXT, lock),
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
static const struct phx_shape container_shape = SHAPE(phx_snapshot_container, container_fields);

static const struct phx_field unmanaged_fields[] = {
        PLAIN(phx_snapshot_unmanaged, "directory", NAME, directory),
        PLAIN(phx_snapshot_unmanaged, "assigned", TEXT, assigned),
        PLAIN(phx_snapshot_unmanaged, "running", BOOL, is_running),
        NEWER(phx_snapshot_unmanaged, "posture", posture, snapshot_json_posture_word, PHX_POSTURES),
        PLAIN(phx_snapshot_unmanaged, "label", TEXT, label),
};
static const struct phx_shape unmanaged_shape = SHAPE(phx_snapshot_unmanaged, unmanaged_fields);

#define DRIFT_FIELDS                                                                           \
        WORD(phx_snapshot_drift, "layer", layer, snapshot_json_layer_word, PHX_LAYERS),        \
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
static const struct phx_shape drift_shape = SHAPE(phx_snapshot_drift, drift_fields);

/* The texts are not for everybody to see. */
static const struct phx_field step_fields[] = {
        DRIFT_FIELDS,
        PLAIN(phx_snapshot_drift, "step", TEXT, step),
        PLAIN(phx_snapshot_drift, "file", TEXT, file),
        PLAIN(phx_snapshot_drift, "before", TEXT, before),
        PLAIN(phx_snapshot_drift, "after", TEXT, after),
};
static const struct phx_shape step_shape = SHAPE(phx_snapshot_drift, step_fields);

static const struct phx_field plan_fields[] = {
        PLAIN(phx_snapshot_plan, "generation", TEXT, generation),
        FLAG(phx_snapshot_plan, "mode", is_observing, mode_word),
        LIST(phx_snapshot_plan, "steps", steps, step_count, &step_shape),
        { "offers",
          PHX_FIELD_LATER,
          offsetof(struct phx_snapshot_plan, offers),
          NULL,
          0,
          &phx_offer_shape,
          offsetof(struct phx_snapshot_plan, offer_count) },
};
static const struct phx_shape plan_shape = SHAPE(phx_snapshot_plan, plan_fields);

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
static const struct phx_shape daemon_shape = SHAPE(phx_daemon, daemon_fields);

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
        PLAIN(phx_snapshot, "profile_dir", TEXT, paths.profile_dir),
        PLAIN(phx_snapshot, "deployed_dir", TEXT, paths.deployed_dir),
        PLAIN(phx_snapshot, "lxc_path", TEXT, paths.lxc_path),
};
static const struct phx_shape paths_shape = SHAPE(phx_snapshot, path_fields);

static const struct phx_field part_fields[] = {
        LIST(phx_snapshot_part, "profiles", profiles, profile_count, &profile_shape),
        LIST(phx_snapshot_part, "containers", containers, container_count, &container_shape),
        LIST(phx_snapshot_part, "drifts", drifts, drift_count, &drift_shape),
        LIST(phx_snapshot_part, "unmanaged", unmanaged, unmanaged_count, &unmanaged_shape),
        PLAIN(phx_snapshot_part, "labels_at", TIME, labels_at),
};
static const struct phx_shape part_shape = SHAPE(phx_snapshot_part, part_fields);

static const struct phx_field snapshot_fields[] = {
        PART("daemon", &mode_shape),
        PLAIN(phx_snapshot, "generation", TEXT, generation),
        PLAIN(phx_snapshot, "observed_generation", TEXT, observed_generation),
        PART("counters", &counters_shape),
        { "cache", PHX_FIELD_MAYBE, offsetof(struct phx_snapshot, cache), NULL, 0, &cache_shape },
        PART("paths", &paths_shape),
        LIST(phx_snapshot, "profiles", profiles, profile_count, &profile_shape),
        LIST(phx_snapshot, "containers", containers, container_count, &container_shape),
        LIST(phx_snapshot, "unmanaged", unmanaged, unmanaged_count, &unmanaged_shape),
        LIST(phx_snapshot, "drifts", drifts, drift_count, &drift_shape),
        LIST(phx_snapshot, "changes", changes, change_count, &change_shape),
        LIST(phx_snapshot,
             "suspensions",
             suspensions.items,
             suspensions.count,
             &phx_suspension_shape),
        PLAIN(phx_snapshot, "notes", TEXTS, notes),
};
static const struct phx_shape snapshot_shape = SHAPE(phx_snapshot, snapshot_fields);

/* --- render --- */

static int snapshot_json_dump(const json_t *json, char **ret_text) {
        char *text = json_dumps(json, JSON_COMPACT);

        if (!text)
                return -ENOMEM;
        *ret_text = text;
        return 0;
}

/* Adds what is rendered to WHOLE, where parts of the same name become one. */
static int snapshot_json_add(json_t *whole, const struct phx_shape *shape, const void *object) {
        phx_cleanup(phx_json_decref) json_t *json = NULL;
        int r;

        r = phx_fields_render(shape, object, &json);
        if (r < 0)
                return r;
        return json_object_update_recursive(whole, json) < 0 ? -ENOMEM : 0;
}

/* With the version before all. */
static int snapshot_json_render(
                const struct phx_shape *shape,
                const void *object,
                char **ret_text) {
        phx_cleanup(phx_json_decref) json_t *whole = json_pack("{s:i}", "version", VERSION);
        int r;

        if (!whole)
                return -ENOMEM;
        r = snapshot_json_add(whole, shape, object);
        return r < 0 ? r : snapshot_json_dump(whole, ret_text);
}

int phx_description_render(
                const struct phx_daemon *daemon,
                const struct phx_snapshot *snapshot,
                char **ret_text) {
        phx_cleanup(phx_json_decref) json_t *whole = json_pack("{s:i}", "version", VERSION);
        int r;

        if (!whole)
                return -ENOMEM;
        r = snapshot_json_add(whole, &daemon_shape, daemon);
        if (r >= 0)
                r = snapshot_json_add(whole, &snapshot_shape, snapshot);
        return r < 0 ? r : snapshot_json_dump(whole, ret_text);
}

int phx_snapshot_render(const struct phx_snapshot *snapshot, char **ret_text) {
        return snapshot_json_render(&snapshot_shape, snapshot, ret_text);
}

int phx_snapshot_part_render(const struct phx_snapshot_part *part, char **ret_text) {
        return snapshot_json_render(&part_shape, part, ret_text);
}

int phx_snapshot_plan_render(const struct phx_snapshot *snapshot, char **ret_text) {
        phx_autofree struct phx_snapshot_drift *steps = calloc(
                        snapshot->drift_count + 1,
                        sizeof(*steps));
        struct phx_snapshot_plan plan = { snapshot->generation, snapshot->is_observing, steps, 0,
                                          snapshot->offers,     snapshot->offer_count };

        if (!steps)
                return -ENOMEM;
        for (size_t i = 0; i < snapshot->drift_count; i++)
                if (snapshot->drifts[i].action != PHX_ACTION_NONE)
                        steps[plan.step_count++] = snapshot->drifts[i];
        return snapshot_json_render(&plan_shape, &plan, ret_text);
}

int phx_snapshot_profile_render(const struct phx_snapshot_profile *profile, char **ret_text) {
        phx_cleanup(phx_json_decref) json_t *json = NULL;
        int r;

        r = phx_fields_render(&profile_shape, profile, &json);
        return r < 0 ? r : snapshot_json_dump(json, ret_text);
}

static int snapshot_json_add_drifts(
                const struct phx_snapshot *snapshot,
                const char *object,
                json_t *array) {
        for (size_t i = 0; i < snapshot->drift_count; i++) {
                json_t *drift = NULL;
                int r;

                if (!phx_equal(snapshot->drifts[i].object, object))
                        continue;
                r = phx_fields_render(&drift_shape, &snapshot->drifts[i], &drift);
                if (r < 0)
                        return r;
                if (json_array_append_new(array, drift) < 0)
                        return -ENOMEM;
        }
        return 0;
}

int phx_snapshot_container_render(
                const struct phx_snapshot *snapshot,
                const struct phx_snapshot_container *container,
                char **ret_text) {
        phx_cleanup(phx_json_decref) json_t *json = NULL, *drifts = json_array(),
                                            *whole = json_pack("{s:i}", "version", VERSION);
        int r;

        if (!drifts || !whole)
                return -ENOMEM;
        r = phx_fields_render(&container_shape, container, &json);
        if (r >= 0)
                r = snapshot_json_add_drifts(snapshot, container->id, drifts);
        if (r < 0)
                return r;
        if (json_object_update(whole, json) < 0 || json_object_set(whole, "drifts", drifts) < 0)
                return -ENOMEM;
        return snapshot_json_dump(whole, ret_text);
}

/* --- parse --- */

static int snapshot_json_load(
                const char *text,
                size_t size,
                json_t **ret_json,
                struct phx_error *error) {
        phx_cleanup(phx_json_decref) json_t *json = NULL;
        json_error_t where;

        json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &where);
        if (!json)
                return phx_error_set(error, -EINVAL, "snapshot: %s", where.text);
        if (json_integer_value(json_object_get(json, "version")) != VERSION)
                return phx_error_set(
                                error,
                                -EINVAL,
                                "snapshot: expected version %d; the daemon may be a newer version",
                                VERSION);
        *ret_json = PHX_TAKE(json);
        return 0;
}

static int snapshot_json_take(
                const struct phx_shape *shape,
                json_t *json,
                void *object,
                struct phx_error *error) {
        struct phx_error inner = { 0 };
        int r;

        r = phx_fields_parse(shape, json, object, &inner);
        return r < 0 ? phx_error_set(error, r, "snapshot: %s", phx_error_text(&inner, r)) : 0;
}

static int snapshot_json_parse(
                const struct phx_shape *shape,
                const char *text,
                size_t size,
                void *object,
                struct phx_error *error) {
        phx_cleanup(phx_json_decref) json_t *json = NULL;
        int r;

        r = snapshot_json_load(text, size, &json, error);
        return r < 0 ? r : snapshot_json_take(shape, json, object, error);
}

int phx_snapshot_parse(
                const char *text,
                size_t size,
                struct phx_snapshot **ret_snapshot,
                struct phx_error *error) {
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = phx_snapshot_new();
        int r;

        if (!snapshot)
                return phx_error_set(error, -ENOMEM, "snapshot: out of memory");
        r = snapshot_json_parse(&snapshot_shape, text, size, snapshot, error);
        if (r < 0)
                return r;
        *ret_snapshot = PHX_TAKE(snapshot);
        return 0;
}

int phx_description_parse(
                const char *text,
                size_t size,
                struct phx_description *ret_description,
                struct phx_error *error) {
        phx_cleanup(phx_description_done) struct phx_description description = {
                .snapshot = phx_snapshot_new(),
        };
        phx_cleanup(phx_json_decref) json_t *json = NULL;
        int r;

        if (!description.snapshot)
                return phx_error_set(error, -ENOMEM, "snapshot: out of memory");
        r = snapshot_json_load(text, size, &json, error);
        if (r >= 0)
                r = snapshot_json_take(&daemon_shape, json, &description.daemon, error);
        if (r >= 0)
                r = snapshot_json_take(&snapshot_shape, json, description.snapshot, error);
        if (r < 0)
                return r;
        *ret_description = PHX_TAKE_STRUCT(description);
        return 0;
}

int phx_snapshot_plan_parse(
                const char *text,
                size_t size,
                struct phx_snapshot_plan *ret_plan,
                struct phx_error *error) {
        struct phx_snapshot_plan plan = { 0 };
        int r;

        r = snapshot_json_parse(&plan_shape, text, size, &plan, error);
        if (r < 0) {
                phx_snapshot_plan_done(&plan);
                return r;
        }
        *ret_plan = plan;
        return 0;
}
