/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "reconcile/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/sorted.h"
#include "base/strings.h"
#include "reconcile/creations.h"
#include "reconcile/restarts.h"
#include "reconcile/states.h"

struct planner {
        const struct phx_desired *desired;
        const struct phx_observed *observed;
        const struct phx_desired_container **by_id; /* made when the first is asked for */
        struct phx_plan plan;
};

static void planner_done(struct planner *planner) {
        free(planner->by_id);
        phx_plan_done(&planner->plan);
}

static int plan_compare_ids(const void *a, const void *b) {
        const struct phx_desired_container *const *x = a, *const *y = b;

        return strcmp((*x)->id, (*y)->id);
}

static int index_containers(struct planner *planner) {
        const struct phx_desired *desired = planner->desired;

        planner->by_id = calloc(desired->container_count + 1, sizeof(*planner->by_id));
        if (!planner->by_id)
                return -ENOMEM;
        for (size_t i = 0; i < desired->container_count; i++)
                planner->by_id[i] = &desired->containers[i];
        qsort(planner->by_id, desired->container_count, sizeof(*planner->by_id), plan_compare_ids);
        return 0;
}

static int plan_compare_id(const void *id, const void *item) {
        const struct phx_desired_container *const *container = item;

        return strcmp(id, (*container)->id);
}

static const struct phx_desired_container *plan_find_container(
                const struct planner *planner,
                const char *id) {
        const struct phx_desired_container *const *found = phx_find_sorted(
                        id,
                        planner->by_id,
                        planner->desired->container_count,
                        sizeof(struct phx_desired_container *),
                        plan_compare_id);

        return found ? *found : NULL;
}

static int plan_file(const struct planner *planner, struct phx_step *step) {
        const struct phx_drift *drift = step->drift;

        step->file = (struct phx_step_file){
                .root = planner->observed->deployed_dir,
                .name = drift->object,
                .old = drift->old_digest ? drift->old_digest : "",
                .text = step->kind == PHX_ACTION_INSTALL ? drift->new_digest : NULL,
        };
        return 0;
}

static int plan_load(const struct planner *planner, struct phx_step *step) {
        const struct phx_desired_profile *profile = phx_desired_find_profile(
                        planner->desired,
                        step->drift->object);

        step->policy = (struct phx_step_policy){
                .profile = step->drift->object,
                .key = profile ? profile->key : "",
        };
        return 0;
}

/* The settings are about what our sources may say, not about other people's profiles. */
static enum phx_policy_mode mode_of(const struct phx_desired *desired, const char *profile) {
        const struct phx_desired_profile *ours = phx_desired_find_profile(desired, profile);
        const struct phx_kernel_entry *entry =
                        ours ? phx_kernel_entries_find(&ours->policy, profile) : NULL;

        if (phx_label_is_unconfined(profile))
                return PHX_POLICY_UNKNOWN;
        return entry ? entry->mode : PHX_POLICY_ENFORCE;
}

static int plan_assign(struct planner *planner, struct phx_step *step) {
        const struct phx_desired_container *want;
        const struct phx_observed_container *have;
        int r = planner->by_id ? 0 : index_containers(planner);

        if (r < 0)
                return r;
        want = plan_find_container(planner, step->drift->object);
        have = want && want->directory
                               ? phx_observed_find_container(planner->observed, want->directory)
                               : NULL;
        if (!have)
                return -EINVAL;
        step->edit = (struct phx_step_edit){
                .backend = have->backend,
                .lxc_path = planner->observed->lxc_path,
                .directory = want->directory,
                .config = have->config,
                .digest = have->digest ? have->digest : "",
                .profile = want->profile,
                .mode = want->is_generated ? PHX_POLICY_UNKNOWN
                                           : mode_of(planner->desired, want->profile),
                .label = phx_observed_label(planner->desired, want, have),
                .lines = &have->lines,
        };
        return 0;
}

static int plan_restart(struct planner *planner, struct phx_step *step) {
        const struct phx_desired_container *want;
        int r = planner->by_id ? 0 : index_containers(planner);

        if (r < 0)
                return r;
        want = plan_find_container(planner, step->drift->object);
        if (!want)
                return -EINVAL;
        if (step->kind != PHX_ACTION_RESTART)
                return phx_states_fill_step(
                                planner->desired,
                                planner->observed,
                                want,
                                &step->restart);
        return phx_restart_fill_step(planner->desired, planner->observed, want, &step->restart);
}

static int plan_create(struct planner *planner, struct phx_step *step) {
        const struct phx_desired_container *want;
        int r = planner->by_id ? 0 : index_containers(planner);

        if (r < 0)
                return r;
        want = plan_find_container(planner, step->drift->object);
        return want ? phx_creation_fill_step(
                                      planner->desired,
                                      planner->observed,
                                      want,
                                      &step->create)
                    : -EINVAL;
}

static int plan_step(struct planner *planner, const struct phx_drift *drift) {
        struct phx_step *step = phx_plan_add(&planner->plan);

        if (!step)
                return -ENOMEM;
        step->kind = drift->action;
        step->drift = drift;
        switch (drift->action) {
        case PHX_ACTION_INSTALL:
        case PHX_ACTION_WITHDRAW:
                return plan_file(planner, step);
        case PHX_ACTION_LOAD:
                return plan_load(planner, step);
        case PHX_ACTION_NAMESPACE:
                step->namespace = drift->expected;
                return 0;
        case PHX_ACTION_ASSIGN:
                return plan_assign(planner, step);
        case PHX_ACTION_RESTART:
        case PHX_ACTION_START:
        case PHX_ACTION_STOP:
                return plan_restart(planner, step);
        case PHX_ACTION_CREATE:
                return plan_create(planner, step);
        case PHX_ACTION_NONE:
                break;
        }
        return -EINVAL;
}

int phx_plan_make(
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                const struct phx_drifts *drifts,
                struct phx_plan *ret_plan) {
        phx_cleanup(planner_done) struct planner planner = { desired, observed };

        for (size_t i = 0; i < drifts->count; i++) {
                int r;

                if (drifts->items[i].action == PHX_ACTION_NONE)
                        continue;
                r = plan_step(&planner, &drifts->items[i]);
                if (r < 0)
                        return r;
        }
        phx_plan_done(ret_plan);
        *ret_plan = PHX_TAKE_STRUCT(planner.plan);
        return 0;
}

/* --- as a text --- */

static const char *plan_or_none(const char *digest) {
        return digest && digest[0] ? digest : "none";
}

static int render_keys(const struct phx_strings *lines, char sign, struct phx_buffer *text) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < lines->count; i++)
                r = phx_buffer_addf(
                                text,
                                ", %c%.*s",
                                sign,
                                (int) strcspn(lines->items[i], "="),
                                lines->items[i]);
        return r;
}

static int render_settings(const struct phx_strings *settings, struct phx_buffer *text) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < settings->count; i++) {
                size_t size = strcspn(settings->items[i], "=");

                r = phx_buffer_addf(
                                text,
                                ", %.*s = %s",
                                (int) size,
                                settings->items[i],
                                settings->items[i] + size + 1);
        }
        return r;
}

static int render_edit(const struct phx_step_edit *edit, struct phx_buffer *text) {
        int r;

        if (edit->config)
                r = phx_buffer_addf(text, "edit %s", edit->config);
        else
                r = phx_buffer_addf(text, "edit %s/%s/config", edit->lxc_path, edit->directory);
        if (r >= 0)
                r = phx_buffer_addf(
                                text,
                                " of digest %s: lxc.apparmor.profile = %s",
                                plan_or_none(edit->digest),
                                edit->label);
        if (r >= 0)
                r = render_keys(&edit->lines->removed, '-', text);
        if (r >= 0)
                r = render_keys(&edit->lines->tail, '+', text);
        if (r >= 0)
                r = render_settings(&edit->lines->settings, text);
        if (r < 0 || edit->mode == PHX_POLICY_UNKNOWN)
                return r;
        return phx_buffer_addf(
                        text,
                        "; %s loaded in mode %s",
                        edit->profile,
                        phx_policy_mode_to_string(edit->mode));
}

static int render_create(const struct phx_step_create *create, struct phx_buffer *text) {
        const struct phx_desired_container *want = create->want;

        return phx_buffer_addf(
                        text,
                        "create %s%s%s %s %s: lxc.apparmor.profile = %s",
                        create->lxc_path ? create->lxc_path : "Proxmox's container ",
                        create->lxc_path ? "/" : "",
                        want->id,
                        create->source ? "as a clone of" : "from",
                        create->source ? create->source : want->creation->template,
                        want->label);
}

int phx_step_render(const struct phx_step *step, struct phx_buffer *text) {
        const struct phx_step_file *file = &step->file;

        switch (step->kind) {
        case PHX_ACTION_INSTALL:
                return phx_buffer_addf(
                                text,
                                "write %s/%s: digest %s in place of %s",
                                file->root,
                                file->name,
                                file->text,
                                plan_or_none(file->old));
        case PHX_ACTION_WITHDRAW:
                return phx_buffer_addf(
                                text,
                                "remove %s/%s of digest %s",
                                file->root,
                                file->name,
                                plan_or_none(file->old));
        case PHX_ACTION_LOAD:
                return phx_buffer_addf(
                                text,
                                "load %s: compiled policy %s",
                                step->policy.profile,
                                plan_or_none(step->policy.key));
        case PHX_ACTION_NAMESPACE:
                return phx_buffer_addf(text, "make the policy namespace %s", step->namespace);
        case PHX_ACTION_ASSIGN:
                return render_edit(&step->edit, text);
        case PHX_ACTION_RESTART:
                if (step->drift && step->drift->key)
                        return phx_buffer_addf(
                                        text,
                                        "restart %s of init %s: %s again, %s",
                                        step->restart.id,
                                        step->restart.init,
                                        step->restart.label,
                                        step->drift->expected);
                return phx_buffer_addf(
                                text,
                                "restart %s of init %s: %s in place of %s",
                                step->restart.id,
                                step->restart.init,
                                step->restart.label,
                                plan_or_none(step->restart.before));
        case PHX_ACTION_START:
                return phx_buffer_addf(text, "start %s: %s", step->restart.id, step->restart.label);
        case PHX_ACTION_STOP:
                return phx_buffer_addf(
                                text,
                                "stop %s of init %s",
                                step->restart.id,
                                plan_or_none(step->restart.init));
        case PHX_ACTION_CREATE:
                return render_create(&step->create, text);
        case PHX_ACTION_NONE:
                break;
        }
        return -EINVAL;
}
