#include <errno.h>
#include <string.h>

#include "machine/files.h"
#include "machine/private.h"

/* The file that the drift found; none is the empty digest. */
static const char *old_digest(const struct phx_drift *drift) {
        return drift->old_digest ? drift->old_digest : "";
}

static int install(
                struct phx_machine *machine,
                const struct phx_drift *drift,
                struct phx_error *error) {
        struct phx_machine_text text = { .name = drift->object, .old = old_digest(drift) };
        bool is_new = false;
        int r;

        text.data = phx_profiles_text(machine->profiles, text.name, &text.size);
        if (!text.data)
                return phx_error_set(error, -ENOENT, "%s: its last good text is lost", text.name);
        r = phx_machine_files_claim(machine->settings, &text, &machine->inventory, &is_new);
        r = phx_machine_save(machine, r, error);
        if (r < 0)
                (void) phx_error_set(
                                error,
                                r,
                                "%s: cannot be recorded as ours: %s",
                                text.name,
                                strdupa(phx_error_text(error, r)));
        else
                r = phx_machine_files_install(
                                machine->options.trust,
                                machine->settings,
                                &text,
                                error);
        /* Else the next look would take a file that came in between for ours. */
        if (r < 0 && is_new)
                (void) phx_machine_save(
                                machine,
                                phx_machine_files_disclaim(
                                                machine->settings,
                                                text.name,
                                                &machine->inventory),
                                NULL);
        return r;
}

static int load(struct phx_machine *machine, const char *name, struct phx_error *error) {
        phx_autofree char *blob = NULL;
        size_t size = 0;
        int r;

        r = phx_profiles_blob(machine->profiles, name, &blob, &size);
        if (r < 0)
                return phx_error_set(
                                error,
                                r,
                                "%s: its compiled policy cannot be read: %s",
                                name,
                                strerrordesc_np(-r));
        return phx_kernel_replace(machine->kernel, blob, size, error);
}

static bool is_mode_allowed(
                const struct phx_machine *machine,
                const char *profile,
                enum phx_policy_mode mode) {
        size_t size = 0;

        if (mode == PHX_POLICY_ENFORCE || mode == PHX_POLICY_KILL)
                return true;
        /* The settings are about what our sources may say, not about other people's profiles. */
        if (!phx_profiles_text(machine->profiles, profile, &size))
                return false;
        return (mode == PHX_POLICY_COMPLAIN && machine->settings->allow_complain) ||
               (mode == PHX_POLICY_UNCONFINED && machine->settings->allow_unconfined_flag);
}

/* Since the look somebody may have removed the profile or switched its mode, and the container
 * would not start, or would start less confined than it is now. */
static int check_in_force(
                const struct phx_machine *machine,
                const char *id,
                const char *profile,
                struct phx_error *error) {
        phx_cleanup(phx_loaded_list_done) struct phx_loaded_list list = { 0 };
        const struct phx_loaded *loaded;
        int r;

        if (strcmp(profile, "unconfined") == 0)
                return 0;
        r = phx_kernel_check(machine->kernel, error);
        if (r >= 0)
                r = phx_kernel_observe(machine->kernel, &list, error);
        if (r < 0)
                return r;

        loaded = phx_loaded_find(&list, profile);
        if (!loaded)
                return phx_error_set(
                                error,
                                -ESTALE,
                                "%s: the kernel does not have %s any more",
                                id,
                                profile);
        if (!is_mode_allowed(machine, profile, loaded->mode))
                return phx_error_set(
                                error,
                                -ESTALE,
                                "%s: the kernel has %s in %s mode now, expected enforce",
                                id,
                                profile,
                                phx_policy_mode_to_string(loaded->mode));
        return 0;
}

static int assign(struct phx_machine *machine, const char *id, struct phx_error *error) {
        const char *profile = phx_machine_containers_profile(machine->containers, id);
        int r;

        if (!profile)
                return phx_error_set(error, -ESTALE, "%s: is not on this host any more", id);
        r = check_in_force(machine, id, profile, error);
        if (r < 0)
                return r;
        r = phx_machine_containers_claim(machine->containers, id, &machine->inventory);
        /* Where no line of ours comes in, there is nothing to wait for. */
        if (r > 0)
                r = phx_machine_save(machine, r, error);
        if (r < 0)
                return phx_error_set(
                                error,
                                r,
                                "%s: lines cannot be recorded as ours: %s",
                                id,
                                strdupa(phx_error_text(error, r)));
        return phx_machine_containers_assign(machine->containers, id, error);
}

static int withdraw(
                struct phx_machine *machine,
                const struct phx_drift *drift,
                struct phx_error *error) {
        int r = phx_machine_files_withdraw(
                        machine->options.trust,
                        machine->settings,
                        drift->object,
                        old_digest(drift),
                        &machine->inventory,
                        error);

        if (r < 0)
                return r;
        (void) phx_inventory_remove_profile(&machine->inventory, drift->object);
        phx_profiles_forget(machine->profiles, drift->object);
        return phx_machine_save(machine, 1, error);
}

int phx_machine_preview(
                struct phx_machine *machine,
                const struct phx_drift *drift,
                struct phx_preview *ret_preview) {
        const char *text = NULL;
        size_t size = 0;

        switch (drift->action) {
        case PHX_ACTION_INSTALL:
                text = phx_profiles_text(machine->profiles, drift->object, &size);
                if (!text)
                        return -ENOENT;
                return phx_machine_files_preview(
                                machine->options.trust,
                                machine->settings,
                                drift->object,
                                text,
                                ret_preview);
        case PHX_ACTION_WITHDRAW:
                return phx_machine_files_preview(
                                machine->options.trust,
                                machine->settings,
                                drift->object,
                                NULL,
                                ret_preview);
        case PHX_ACTION_ASSIGN:
                return phx_machine_containers_preview(
                                machine->containers,
                                drift->object,
                                ret_preview);
        case PHX_ACTION_NONE:
        case PHX_ACTION_LOAD:
        case PHX_ACTION_NAMESPACE:
                break;
        }
        return 0;
}

int phx_machine_apply(
                struct phx_machine *machine,
                const struct phx_drift *drift,
                struct phx_error *error) {
        switch (drift->action) {
        case PHX_ACTION_NONE:
                return 0;
        case PHX_ACTION_INSTALL:
                return install(machine, drift, error);
        case PHX_ACTION_LOAD:
                return load(machine, drift->object, error);
        case PHX_ACTION_NAMESPACE:
                return phx_kernel_make_namespace(machine->kernel, drift->expected, error);
        case PHX_ACTION_ASSIGN:
                return assign(machine, drift->object, error);
        case PHX_ACTION_WITHDRAW:
                return withdraw(machine, drift, error);
        }
        return phx_error_set(error, -EINVAL, "%s: unknown action", drift->object);
}
