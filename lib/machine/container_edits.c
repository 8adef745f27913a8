/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What happens to containers outside of a look: their edits, and the question whether there is
 * anything to look at. */

#include <string.h>
#include <unistd.h>

#include "base/strings.h"
#include "lxc/replace.h"
#include "machine/containers_private.h"

/* Where liblxc keeps its locks when root calls it (lxclock.c). */
#define LOCK_ROOT "/run/lxc/lock"

/* Root on a machine; a test's user. What others may write is not believed. */
struct phx_lxc phx_machine_lxc(
                const struct phx_machine_containers *containers,
                const char *lxc_path,
                const struct phx_scope *scope) {
        return (struct phx_lxc){ .path = lxc_path,
                                 .trust = containers->trust,
                                 .lock_root = LOCK_ROOT,
                                 .owner = { geteuid(), getegid() },
                                 .deadline_usec = PHX_LXC_DEADLINE_USEC,
                                 .scope = scope,
                                 .progress = containers->progress };
}

void phx_machine_containers_clean(
                const struct phx_machine_containers *containers,
                const char *lxc_path) {
        const struct phx_lxc lxc = phx_machine_lxc(containers, lxc_path, NULL);

        (void) phx_lxc_remove_leftovers(&lxc, containers->cache);
}

/* --- without a look --- */

bool phx_machine_containers_covers(
                const struct phx_machine_containers *containers,
                const char *path) {
        const char *cgroup = containers->roots->cgroup;

        if (strcmp(path, cgroup) == 0 ||
            (phx_has_prefix(path, cgroup) && path[strlen(cgroup)] == '/'))
                return true;
        return phx_lxc_containers_cover(containers->cache, path) ||
               phx_option_reviews_cover(containers->reviews, path);
}

bool phx_machine_containers_is_unchanged(
                struct phx_machine_containers *containers,
                const struct phx_settings *settings,
                const struct phx_scope *scope) {
        const struct phx_lxc lxc = phx_machine_lxc(containers, settings->lxc_path, scope);
        const struct phx_machine_tasks tasks = { .roots = containers->roots,
                                                 .lxc_path = settings->lxc_path,
                                                 .pictures = &containers->pictures,
                                                 .memory = &containers->tasks };

        /* What the worker would have to be asked for costs as much as a look. */
        if (containers->sees_pve || settings->backend == PHX_BACKENDS_PVE ||
            (containers->pve && (!scope || scope->is_whole) &&
             access(containers->pve_sign, F_OK) == 0))
                return false;
        return phx_lxc_containers_are_unchanged(&lxc, containers->cache) &&
               phx_option_reviews_are_unchanged(containers->reviews, scope) &&
               phx_machine_tasks_are_unchanged(&tasks, scope);
}

/* --- changing --- */

/* Borrowed from STEP: not for phx_lxc_edit_done(). */
static struct phx_lxc_edit edit_of(const struct phx_step_edit *step) {
        return (struct phx_lxc_edit){ step->lines->removed, step->lines->tail, step->label };
}

int phx_machine_containers_assign(
                const struct phx_machine_containers *containers,
                const struct phx_step_edit *step,
                struct phx_error *error) {
        const struct phx_lxc lxc = phx_machine_lxc(containers, step->lxc_path, NULL);
        const struct phx_lxc_edit edit = edit_of(step);
        int r;

        if (step->backend == PHX_BACKEND_PVE)
                r = phx_pve_containers_edit(
                                containers->pve,
                                step->directory,
                                step->digest,
                                &edit,
                                &step->lines->settings,
                                error);
        else
                r = phx_lxc_replace(
                                &lxc,
                                containers->cache,
                                step->directory,
                                step->digest,
                                &edit,
                                error);
        return r < 0 ? r : 0;
}

int phx_machine_containers_preview(
                const struct phx_machine_containers *containers,
                const struct phx_step_edit *step,
                struct phx_preview *ret_preview) {
        const struct phx_lxc lxc = phx_machine_lxc(containers, step->lxc_path, NULL);
        const struct phx_lxc_edit edit = edit_of(step);

        if (step->backend == PHX_BACKEND_PVE)
                return phx_pve_containers_preview(
                                containers->pve,
                                step->directory,
                                step->digest,
                                &edit,
                                &step->lines->settings,
                                ret_preview);
        return phx_lxc_preview(&lxc, step->directory, step->digest, &edit, ret_preview);
}

int phx_machine_containers_offer(
                const struct phx_machine_containers *containers,
                const struct phx_observed_container *have,
                const char *label,
                bool is_edited,
                struct phx_offer *ret_offer) {
        const struct phx_pve_wanted wanted = { label, is_edited };

        if (have->backend != PHX_BACKEND_PVE || !containers->pve)
                return 0;
        return phx_pve_containers_offer(containers->pve, have->directory, &wanted, ret_offer);
}
