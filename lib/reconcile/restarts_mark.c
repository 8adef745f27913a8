/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <string.h>

#include "base/buffer.h"
#include "base/strings.h"
#include "reconcile/restarts_private.h"
#include "state/labels.h"

const struct phx_desired_container *phx_restarts_want(
                const struct phx_desired *desired,
                const struct phx_index *by_id,
                const char *id) {
        size_t at = phx_index_find(
                        by_id,
                        desired->containers,
                        desired->container_count,
                        sizeof(*desired->containers),
                        id,
                        strlen(id));

        return at < desired->container_count ? &desired->containers[at] : NULL;
}

const struct phx_observed_container *phx_restarts_have(
                const struct phx_observed *observed,
                const struct phx_desired_container *want) {
        return want->directory ? phx_observed_find_container(observed, want->directory) : NULL;
}

bool phx_restart_is_labelled(const struct phx_observed_container *have) {
        return have->is_running && have->tasks > have->starting && have->starting == 0 &&
               have->wrong == 0 && have->unknown == 0;
}

bool phx_restart_is_right(const struct phx_observed_container *have) {
        return phx_restart_is_labelled(have) && have->at_start.count == 0;
}

const struct phx_wrong_line *phx_restart_wrong_start(const struct phx_observed_container *have) {
        return have->is_running && have->starting == 0 && have->wrong == 0 && have->unknown == 0 &&
                                               have->at_start.count > 0
                               ? &have->at_start.items[0]
                               : NULL;
}

/* "" when it is not known. */
static void mark_read_init(
                const struct phx_observed_container *have,
                char init[PHX_RESTART_INIT_SIZE]) {
        init[0] = '\0';
        if (have->init > 0 && have->init_started > 0)
                phx_restart_init((unsigned) have->init, have->init_started, init);
}

bool phx_restart_is_other_init(const struct phx_observed_container *have, const char *init) {
        char now[PHX_RESTART_INIT_SIZE];

        mark_read_init(have, now);
        return now[0] && strcmp(now, init) != 0;
}

bool phx_restart_is_same_init(const struct phx_observed_container *have, const char *init) {
        char now[PHX_RESTART_INIT_SIZE];

        mark_read_init(have, now);
        return now[0] && strcmp(now, init) == 0;
}

/* The second part is ":NAMESPACE:PROFILE", and what it is in there is the container's affair. */
static bool mark_read_namespace(const struct phx_label_part *part, char *namespace, size_t size) {
        const char *name = part->at + 1, *end;

        if (part->size < 2 || part->at[0] != ':')
                return false;
        end = memchr(name, ':', part->size - 1);
        if (!end || (size_t) (end - name) >= size)
                return false;
        memcpy(namespace, name, (size_t) (end - name));
        namespace[end - name] = '\0';
        return true;
}

bool phx_restart_read_before(const char *label, struct phx_restart_before *ret_before) {
        struct phx_restart_before before = { 0 };
        struct phx_label_part part = { 0 };

        if (!phx_label_next_part(label, &part) || part.is_inner ||
            part.size >= sizeof(before.profile))
                return false;
        memcpy(before.profile, part.name, part.size);
        if (!phx_is_assignable_profile(before.profile) || phx_label_is_unconfined(before.profile))
                return false;
        if (phx_label_next_part(label, &part) &&
            !mark_read_namespace(&part, before.namespace, sizeof(before.namespace)))
                return false;
        *ret_before = before;
        return true;
}

/* The label of a generated profile does not say so; then both are possible. */
bool phx_restart_is_for_lines(
                const struct phx_desired_container *want,
                const struct phx_restart_item *item) {
        struct phx_restart_before before, label;

        if (phx_restart_is_for_state(item) || !item->is_enforced)
                return false;
        if (want->is_generated || strcmp(item->before, item->label) == 0)
                return true;
        return phx_restart_read_before(item->before, &before) &&
               phx_restart_read_before(item->label, &label) &&
               strcmp(before.profile, label.profile) == 0 &&
               strcmp(before.namespace, label.namespace) == 0;
}

const char *phx_restart_why_not_back(
                const struct phx_restart_view *view,
                const struct phx_observed *observed,
                const struct phx_observed_container *have,
                const struct phx_restart_item *item) {
        const struct phx_kernel_entry *loaded;
        struct phx_restart_before before;

        if (!have || have->trouble)
                return "its config cannot be read";
        /* Two jobs would be at one container. */
        if (phx_restart_has_job(item, view->boot))
                return "its restart has not ended";
        if (item->is_unasked)
                return "nothing is known against its profile";
        if (!item->is_enforced || !phx_restart_read_before(item->before, &before))
                return "it was in no enforced profile before";
        if (strcmp(item->before, item->label) == 0)
                return "it was in the same profile before, and an earlier text of it may allow more";
        loaded = phx_kernel_entries_find(&observed->loaded, before.profile);
        if (!loaded || !phx_policy_mode_is_enforced(loaded->mode))
                return "the profile before is not loaded in enforce mode";
        if (before.namespace[0] && !phx_strings_has(&observed->namespaces, before.namespace))
                return "the policy namespace before is gone";
        return NULL;
}

/* Lines may hold a password, of which a digest says nothing. */
int phx_restart_input(
                const struct phx_desired *desired,
                const struct phx_desired_container *want,
                char hex[PHX_SHA256_HEX]) {
        const struct phx_desired_profile *profile = phx_desired_find_profile(
                        desired,
                        want->profile);
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };
        int r;

        r = phx_buffer_addf(&text, "%s\n%s\n", want->label, profile ? profile->key : "");
        for (size_t i = 0; r >= 0 && i < want->options.count; i++)
                r = phx_buffer_addf(
                                &text,
                                "%s=%s\n",
                                want->options.items[i].key,
                                want->options.items[i].value);
        if (r >= 0 && want->state != PHX_RUN_UNMANAGED)
                r = phx_buffer_addf(&text, "state=%s\n", phx_run_state_to_string(want->state));
        if (r < 0)
                return r;
        phx_sha256(text.data, text.size, hex);
        return 0;
}

static bool mark_is_back(enum phx_restart_phase phase) {
        return phase == PHX_RESTART_BACK || phase == PHX_RESTART_BACK_UNDER_WAY ||
               phase == PHX_RESTART_ROLLED_BACK;
}

static int mark_put_back(const char *label, struct phx_desired_container *want) {
        struct phx_restart_before before;

        if (!phx_restart_read_before(label, &before))
                return 0;
        if (phx_replace(&want->mark.asked, want->label) < 0)
                return -ENOMEM;
        want->is_generated = false;
        return phx_desired_container_set_profile(
                        want,
                        before.profile,
                        before.namespace[0] ? before.namespace : NULL);
}

/* With why it stays as it is, where the settings ask for the profile before. */
static int mark_why(
                const struct phx_restart_view *view,
                const struct phx_observed *observed,
                const struct phx_restart_item *item,
                struct phx_desired_container *want) {
        const char *why_not = NULL;

        if (!item->why[0])
                return 0;
        if (item->phase == PHX_RESTART_FAILED && view->settings && view->settings->rollback &&
            !phx_restart_is_for_state(item))
                why_not = phx_restart_why_not_back(
                                view,
                                observed,
                                phx_restarts_have(observed, want),
                                item);
        free(want->mark.why);
        return phx_printf(
                        &want->mark.why,
                        "%s%s%s",
                        item->why,
                        why_not ? "; not rolled back: " : "",
                        why_not ? why_not : "");
}

static int mark_item(
                const struct phx_restart_view *view,
                struct phx_desired *desired,
                const struct phx_observed *observed,
                const struct phx_restart_item *item,
                struct phx_desired_container *want) {
        struct phx_restart_mark *mark = &want->mark;
        char input[PHX_SHA256_HEX];

        if (phx_restart_input(desired, want, input) < 0 || phx_replace(&mark->input, input) < 0)
                return -ENOMEM;
        mark->has_job = phx_restart_has_job(item, view->boot);
        mark->is_left = item->is_start && !phx_restart_is_for_state(item) &&
                        (item->phase == PHX_RESTART_ASKED || item->phase == PHX_RESTART_UNDER_WAY);
        /* Nothing is to be said of it any more. */
        if (item->phase == PHX_RESTART_STARTED)
                return 0;
        /* What failed with another input says nothing about this one. */
        if (strcmp(item->input, input) != 0 && item->phase != PHX_RESTART_UNDER_WAY &&
            item->phase != PHX_RESTART_CHECKED)
                return 0;
        mark->holds = true;
        mark->phase = item->phase;
        mark->is_for_state = phx_restart_is_for_state(item);
        if (mark_why(view, observed, item, want) < 0)
                return -ENOMEM;
        return mark_is_back(item->phase) ? mark_put_back(item->before, want) : 0;
}

int phx_restarts_mark(
                const struct phx_restart_view *view,
                const struct phx_observed *observed,
                struct phx_desired *desired) {
        phx_cleanup(phx_index_done) struct phx_index by_id = { 0 };
        int r = 0;

        if (view->restarts->count == 0)
                return 0;
        r = phx_index_make(
                        &by_id,
                        desired->containers,
                        desired->container_count,
                        sizeof(*desired->containers));
        for (size_t i = 0; r >= 0 && i < view->restarts->count; i++) {
                const struct phx_restart_item *item = &view->restarts->items[i];
                const struct phx_desired_container *want =
                                phx_restarts_want(desired, &by_id, item->id);

                if (want)
                        r = mark_item(view,
                                      desired,
                                      observed,
                                      item,
                                      &desired->containers[want - desired->containers]);
        }
        return r;
}
