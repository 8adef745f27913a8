/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "codec/configuration_fields.h"

#include <limits.h>
#include <string.h>

#include "codec/configuration_creation.h"
#include "codec/configuration_options.h"

/* Bytes: room for any name that people give, and as much as a directory's may have. */
#define NAME_LIMIT 255
/* A day; the old tools wait this many seconds before the next start. */
#define BOOT_DELAY_LIMIT 86400
/* No host numbers its devices higher. */
#define GPU_DIGITS 3

static int store(
                char **field,
                const char *text,
                const struct phx_json_place *place,
                struct phx_error *error) {
        return phx_replace(field, text) < 0 ? phx_json_no_memory(error, place->text) : 0;
}

/* For people: nothing is made of it but a look whether there is a directory of that name. */
static int read_name(
                struct phx_container_config *container,
                const struct phx_json_place *place,
                const json_t *value,
                struct phx_error *error) {
        static const char what[] = "a string of 1 to 255 bytes without control characters";
        const char *name = "";
        int r;

        r = phx_json_string(place, value, what, &name, error);
        if (r < 0)
                return r;
        if (!*name || strlen(name) > NAME_LIMIT || phx_has_control(name))
                return phx_json_refuse_found(error, place, "expected %s", what);
        return store(&container->name, name, place, error);
}

static int configuration_read_profile(
                struct phx_container_config *container,
                const struct phx_json_place *place,
                const json_t *value,
                struct phx_error *error) {
        const char *profile = NULL;
        int r;

        container->profile_is_default = false;
        r = phx_json_profile(place, value, &profile, error);
        if (phx_error_goes_on(error, r))
                (void) store(&container->profile, "", place, NULL);
        if (r < 0)
                return r;
        return store(&container->profile, profile, place, error);
}

static int read_manages_nesting(
                struct phx_container_config *container,
                const struct phx_json_place *place,
                const json_t *value,
                struct phx_error *error) {
        return phx_json_boolean(place, value, &container->manages_nesting, error);
}

static int read_unprivileged(
                struct phx_container_config *container,
                const struct phx_json_place *place,
                const json_t *value,
                struct phx_error *error) {
        return phx_json_boolean(place, value, &container->unprivileged, error);
}

static int read_start_at_boot(
                struct phx_container_config *container,
                const struct phx_json_place *place,
                const json_t *value,
                struct phx_error *error) {
        int r = phx_json_boolean(place, value, &container->start_at_boot, error);

        container->has_start_at_boot = r >= 0;
        return r;
}

static int read_restart(
                struct phx_container_config *container,
                const struct phx_json_place *place,
                const json_t *value,
                struct phx_error *error) {
        static const char what[] = "\"never\", \"window\" or \"immediate\"";
        const char *text = NULL;
        int r;

        r = phx_json_string(place, value, what, &text, error);
        if (r < 0)
                return r;
        for (unsigned i = 0; i < PHX_RESTART_POLICIES; i++) {
                enum phx_restart_policy policy = (enum phx_restart_policy) i;

                if (strcmp(text, phx_restart_policy_to_string(policy)) != 0)
                        continue;
                container->restart = policy;
                container->has_restart = true;
                return 0;
        }
        return phx_json_refuse_found(error, place, "expected %s", what);
}

static int read_state(
                struct phx_container_config *container,
                const struct phx_json_place *place,
                const json_t *value,
                struct phx_error *error) {
        static const char what[] = "\"running\" or \"stopped\"";
        const char *text = NULL;
        int r;

        r = phx_json_string(place, value, what, &text, error);
        if (r < 0)
                return r;
        for (unsigned i = PHX_RUN_RUNNING; i < PHX_RUN_STATES; i++) {
                enum phx_run_state state = (enum phx_run_state) i;

                if (strcmp(text, phx_run_state_to_string(state)) != 0)
                        continue;
                container->state = state;
                return 0;
        }
        return phx_json_refuse_found(error, place, "expected %s", what);
}

static int read_number(
                long *field,
                long long highest,
                const struct phx_json_place *place,
                const json_t *value,
                struct phx_error *error) {
        const struct phx_json_range range = { 0, highest };
        long long number = 0;
        int r;

        r = phx_json_integer(place, value, range, &number, error);
        if (r >= 0)
                *field = (long) number;
        return r;
}

static int read_boot_order(
                struct phx_container_config *container,
                const struct phx_json_place *place,
                const json_t *value,
                struct phx_error *error) {
        int r = read_number(&container->boot_order, INT_MAX, place, value, error);

        container->has_boot_order = r >= 0;
        return r;
}

static int read_boot_delay(
                struct phx_container_config *container,
                const struct phx_json_place *place,
                const json_t *value,
                struct phx_error *error) {
        int r = read_number(&container->boot_delay, BOOT_DELAY_LIMIT, place, value, error);

        container->has_boot_delay = r >= 0;
        return r;
}

/* Writes the indexes without blanks to NORMAL, which is as large as TEXT. False when TEXT is no
 * list of numbers. */
static bool normalize_indexes(const char *text, char *normal) {
        for (;;) {
                size_t digits;

                text += strspn(text, " ");
                digits = strspn(text, "0123456789");
                if (digits == 0 || digits > GPU_DIGITS)
                        return false;
                normal = mempcpy(normal, text, digits);
                text += digits;
                text += strspn(text, " ");
                *normal = *text;
                if (!*text)
                        return true;
                if (*text != ',')
                        return false;
                normal++;
                text++;
        }
}

static int read_gpu_assignment(
                struct phx_container_config *container,
                const struct phx_json_place *place,
                const json_t *value,
                struct phx_error *error) {
        static const char what[] = "\"none\" or indexes separated by commas, as in \"0,1\"";
        phx_autofree char *normal = NULL;
        const char *text = NULL;
        int r;

        r = phx_json_string(place, value, what, &text, error);
        if (r < 0)
                return r;
        normal = strdup(text);
        if (!normal)
                return phx_json_no_memory(error, place->text);
        if (strcmp(text, "none") != 0 && !normalize_indexes(text, normal))
                return phx_json_refuse_found(error, place, "expected %s", what);

        free(container->gpu_assignment);
        container->gpu_assignment = PHX_TAKE(normal);
        return 0;
}

static int configuration_read_features(
                struct phx_container_config *container,
                const struct phx_json_place *place,
                const json_t *value,
                struct phx_error *error) {
        return phx_json_strings(place, value, &container->features, error);
}

static int read_pct_options(
                struct phx_container_config *container,
                const struct phx_json_place *place,
                const json_t *value,
                struct phx_error *error) {
        return phx_json_strings(place, value, &container->pct_options, error);
}

static int read_dependencies(
                struct phx_container_config *container,
                const struct phx_json_place *place,
                const json_t *value,
                struct phx_error *error) {
        return phx_json_strings(place, value, &container->dependencies, error);
}

/* Read in this order: the options are judged by what stands before them. */
static const struct field {
        const char *key;
        int (*read)(struct phx_container_config *container,
                    const struct phx_json_place *place,
                    const json_t *value,
                    struct phx_error *error);
} fields[] = {
        { "name", read_name },
        { "apparmor_profile", configuration_read_profile },
        { "apparmor_manages_nesting", read_manages_nesting },
        { "unprivileged", read_unprivileged },
        { "features", configuration_read_features },
        { "gpu_assignment", read_gpu_assignment },
        { "pct_options", read_pct_options },
        { "start_at_boot", read_start_at_boot },
        { "boot_order", read_boot_order },
        { "boot_delay", read_boot_delay },
        { "dependencies", read_dependencies },
        { "apparmor_restart", read_restart },
        { "state", read_state },
        { "lxc_options", phx_configuration_read_options },
};

const char *phx_configuration_key(size_t index) {
        return index < PHX_ELEMENTS(fields) ? fields[index].key : NULL;
}

int phx_configuration_read_fields(
                struct phx_container_config *container,
                const struct phx_json_place *entry,
                const json_t *object,
                struct phx_error *error) {
        for (size_t i = 0; i < PHX_ELEMENTS(fields); i++) {
                const struct phx_json_place place = phx_json_member(entry, fields[i].key);
                const json_t *value = json_object_get(object, fields[i].key);
                int r;

                r = value ? fields[i].read(container, &place, value, error) : 0;
                if (r < 0 && !phx_error_goes_on(error, r))
                        return r;
        }
        return phx_configuration_read_creation(container, entry, object, error);
}
