/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a look need not read again, and when there is nothing to look at.
 *
 * An event names a path, and it is an adapter that knows what that path means: it covers the path
 * when reading it again is all that the event can ask for. A path that none covers may lead
 * anywhere, over a link or by a name that was not there, and then everything is read again.
 *
 * The adapters are asked in the order of what their answer costs. */

#include <stdio.h>

#include "machine/private.h"

bool phx_machine_covers(const struct phx_machine *machine, const char *path) {
        return phx_places_covers(machine->places, path) ||
               phx_profiles_covers(machine->profiles, path) ||
               phx_machine_containers_covers(machine->containers, path);
}

/* What is found to be otherwise here stays known, for the look that follows. */
bool phx_machine_is_unchanged(
                struct phx_machine *machine,
                const struct phx_settings *settings,
                const struct phx_scope *scope) {
        const char *deployed_dir = settings->deployed_dir;
        int r;

        if (machine->is_unsaved || !phx_kernel_picture_is_unchanged(machine->picture, scope) ||
            !phx_profiles_is_unchanged(machine->profiles, settings, scope) ||
            phx_machine_look_at_definitions(machine, deployed_dir, scope) != 0)
                return false;
        r = phx_places_refresh(machine->places, deployed_dir, scope);
        phx_places_rest(machine->places);
        return r == 0 && phx_machine_containers_is_unchanged(machine->containers, settings, scope);
}

static void scope_add_below(struct phx_scope *scope, const char *directory, const char *name) {
        phx_autofree char *path = NULL;

        if (phx_printf(&path, "%s/%s", directory, name) < 0)
                phx_scope_join(scope, NULL);
        else
                phx_scope_add(scope, path);
}

static void scope_add_edit(struct phx_scope *scope, const struct phx_step_edit *step) {
        phx_autofree char *directory = NULL;

        if (step->backend != PHX_BACKEND_LXC)
                phx_scope_join(scope, NULL);
        else if (phx_printf(&directory, "%s/%s", step->lxc_path, step->directory) < 0)
                phx_scope_join(scope, NULL);
        else
                scope_add_below(scope, directory, "config");
}

void phx_machine_scope(const struct phx_step *step, struct phx_scope *scope) {
        switch (step->kind) {
        case PHX_ACTION_INSTALL:
        case PHX_ACTION_WITHDRAW:
                scope_add_below(scope, step->file.root, step->file.name);
                break;
        case PHX_ACTION_LOAD:
        case PHX_ACTION_NAMESPACE:
                scope->has_policy = true;
                break;
        case PHX_ACTION_ASSIGN:
                scope_add_edit(scope, &step->edit);
                break;
        case PHX_ACTION_RESTART:
        case PHX_ACTION_START:
        case PHX_ACTION_STOP:
        case PHX_ACTION_CREATE:
        case PHX_ACTION_NONE:
                break;
        }
}
