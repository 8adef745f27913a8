/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "codec/configuration_options.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define OPTION_EXPECTED                                                                            \
        "\"lxc.KEY=VALUE\" or \"lxc.KEY: VALUE\", where KEY has lower-case letters, digits, '.', " \
        "'_' and '-', and VALUE has no control characters"

#define PROFILE_OPTION "lxc.apparmor.profile"

struct option {
        char *key;
        char *value;
};

static void option_done(struct option *option) {
        free(option->key);
        free(option->value);
}

static int options_split(
                const struct phx_json_place *place,
                const json_t *item,
                struct option *option,
                struct phx_error *error) {
        const char *text = json_string_value(item);
        struct phx_lxc_option_text found;

        if (!text || !phx_lxc_option_split(text, &found))
                return phx_json_refuse_found(error, place, "expected " OPTION_EXPECTED);

        option->key = strndup(found.key, found.key_size);
        option->value = strndup(found.value, found.value_size);
        return option->key && option->value ? 0 : phx_json_no_memory(error, place->text);
}

/* LXC takes one pair of quotes off a value. */
static bool is_value(const struct option *option, const char *wanted) {
        struct phx_lxc_option_text text = {
                .value = option->value,
                .value_size = strlen(option->value),
        };

        phx_lxc_option_unquote(&text);
        return strlen(wanted) == text.value_size &&
               memcmp(text.value, wanted, text.value_size) == 0;
}

static bool is_nesting_include(const struct option *option) {
        static const char name[] = "nesting.conf";
        const char *slash = strrchr(option->value, '/');
        const char *file = slash ? slash + 1 : option->value + strspn(option->value, "'\"");

        return strcmp(option->key, "lxc.include") == 0 && phx_has_prefix(file, name) &&
               strspn(file + strlen(name), "'\"") == strlen(file + strlen(name));
}

static bool is_nesting(const struct option *option) {
        return strcmp(option->key, "lxc.apparmor.allow_nesting") == 0 || is_nesting_include(option);
}

static int note(struct phx_container_config *container,
                const struct phx_json_place *place,
                const struct option *option,
                const char *why,
                struct phx_error *error) {
        phx_json_warn(error, place, "%s=%s is skipped: %s", option->key, option->value, why);
        return phx_strings_addf(
                        &container->notes,
                        "lxc_options: %s=%s is skipped: %s",
                        option->key,
                        option->value,
                        why);
}

static int options_take_profile(
                struct phx_container_config *container,
                const struct phx_json_place *place,
                const struct option *option,
                struct phx_error *error) {
        phx_cleanup(phx_strings_done) struct phx_strings why = { 0 };
        int r;

        if (is_value(option, container->profile))
                return 0;
        /* Here the entry names no other profile, so there is no contradiction that a note could
         * settle: the default would silently take the place of what the author asked for. */
        if (container->profile_is_default)
                return phx_json_refuse_found(
                                error,
                                place,
                                "expected the profile in apparmor_profile: without that key the "
                                "container gets default_profile, which is '%s'",
                                container->profile);

        r = phx_strings_addf(&why, "apparmor_profile is '%s'", container->profile);
        if (r >= 0)
                r = note(container, place, option, why.items[0], error);
        return r < 0 ? phx_json_no_memory(error, place->text) : 0;
}

/* Its line is found later, for all of the file at once. */
static int add_option(
                struct phx_container_config *container,
                const struct phx_json_place *place,
                const struct option *option) {
        struct phx_lxc_option *added =
                        phx_lxc_options_add(&container->options, option->key, option->value);

        if (!added)
                return -ENOMEM;
        added->index = place->index;
        return 0;
}

static int options_take(
                struct phx_container_config *container,
                const struct phx_json_place *place,
                const struct option *option,
                struct phx_error *error) {
        int r;

        assert(option->key && option->value);

        if (strcmp(option->key, PROFILE_OPTION) == 0)
                return options_take_profile(container, place, option, error);

        if (container->manages_nesting && is_nesting(option)) {
                container->nesting_left_out |= is_nesting_include(option) || is_value(option, "1");
                r = note(container,
                         place,
                         option,
                         "with apparmor_manages_nesting the profile allows nesting",
                         error);
        } else
                r = add_option(container, place, option);
        return r < 0 ? phx_json_no_memory(error, place->text) : 0;
}

bool phx_configuration_leaves_out(const char *text, bool manages_nesting) {
        phx_cleanup(option_done) struct option option = { 0 };
        struct phx_lxc_option_text found;

        if (!text || !phx_lxc_option_split(text, &found))
                return false;
        option.key = strndup(found.key, found.key_size);
        option.value = strndup(found.value, found.value_size);
        if (!option.key || !option.value)
                return false;
        return strcmp(option.key, PROFILE_OPTION) == 0 || (manages_nesting && is_nesting(&option));
}

int phx_configuration_read_options(
                struct phx_container_config *container,
                const struct phx_json_place *place,
                const json_t *value,
                struct phx_error *error) {
        const json_t *item;
        size_t i;
        int r;

        if (!json_is_array(value))
                return phx_json_refuse_found(error, place, "expected an array of strings");

        json_array_foreach(value, i, item) {
                const struct phx_json_place element = phx_json_element(place, i);
                phx_cleanup(option_done) struct option option = { 0 };

                r = options_split(&element, item, &option, error);
                if (r >= 0)
                        r = options_take(container, &element, &option, error);
                if (r < 0 && !phx_error_goes_on(error, r))
                        return r;
        }
        return 0;
}
