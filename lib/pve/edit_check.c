/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What an edit may not ask for. A line that Proxmox would read as something else is refused by
 * reading it: so a value smuggles no other line and no section into the file, however the rules of
 * the parser change. */

#include <errno.h>
#include <string.h>

#include "pve/edit.h"
#include "state/lxc_options.h"

/* The line, as it is written, must be read as what it is meant to be: 1, 0 or -ENOMEM. */
static int reads_back(const char *key, const char *value) {
        phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 };
        phx_autofree char *line = NULL;
        int r;

        if (phx_has_control(key) || phx_has_control(value))
                return 0;
        r = phx_printf(&line, "%s: %s", key, value);
        if (r >= 0)
                r = phx_pve_text_parse(line, strlen(line), &text);
        if (r < 0)
                return r;
        return phx_pve_line_sets(&text.lines[0], key) &&
               phx_pve_is(text.lines[0].value, text.lines[0].value_size, value);
}

static int check_key(const char *key, struct phx_error *error) {
        if (!phx_pve_is_lxc_key(key))
                return 0;
        switch (phx_pve_lxc_key(key, strlen(key))) {
        case PHX_PVE_LXC_TAKEN:
                return 0;
        case PHX_PVE_LXC_GENERATED:
                return phx_error_set(
                                error,
                                -EINVAL,
                                "%s: Proxmox generates this key, expected another one",
                                key);
        case PHX_PVE_LXC_GONE:
                return phx_error_set(
                                error,
                                -EINVAL,
                                "%s: LXC no longer knows this key, expected its new name",
                                key);
        case PHX_PVE_LXC_UNKNOWN:
                break;
        }
        return phx_error_set(
                        error,
                        -EINVAL,
                        "%s: Proxmox removes lines with this key, expected one that it keeps",
                        key);
}

/* liblxc takes a pair of quotes off, and '' would be LXC's own default. */
static bool is_profile_value(const char *value) {
        struct phx_lxc_option_text option = { .value = value, .value_size = strlen(value) };

        phx_lxc_option_unquote(&option);
        return option.value_size > 0 && option.value == value;
}

static bool pve_is_number(const char *value) {
        return value[0] != '\0' && value[strspn(value, "0123456789")] == '\0' &&
               (value[0] != '0' || value[1] == '\0');
}

/* Another spelling Proxmox would replace by its own, and the edit would never come to rest. */
static int check_value(const struct phx_pve_setting *setting, struct phx_error *error) {
        const char *value = setting->value;

        switch (phx_pve_type(setting->key)) {
        case PHX_PVE_TYPE_STRING:
                return 0;
        case PHX_PVE_TYPE_BOOLEAN:
                if (strcmp(value, "0") == 0 || strcmp(value, "1") == 0)
                        return 0;
                return phx_error_set(
                                error,
                                -EINVAL,
                                "%s: expected 0 or 1, as Proxmox writes it, found '%s'",
                                setting->key,
                                value);
        case PHX_PVE_TYPE_INTEGER:
                if (pve_is_number(value))
                        return 0;
                return phx_error_set(
                                error,
                                -EINVAL,
                                "%s: expected a number, as Proxmox writes it, found '%s'",
                                setting->key,
                                value);
        case PHX_PVE_TYPE_OWN:
                break;
        }
        return phx_error_set(
                        error,
                        -EINVAL,
                        "%s: Proxmox manages this key, expected another one",
                        setting->key);
}

/* Any line may be taken away: also one of a key that is not to be written. */
static int check_setting(const struct phx_pve_setting *setting, struct phx_error *error) {
        int r;

        if (!setting->value)
                return 0;
        r = check_key(setting->key, error);
        if (r >= 0)
                r = check_value(setting, error);
        if (r < 0)
                return r;
        if (strcmp(setting->key, PHX_PVE_KEY_PROFILE) == 0 && !is_profile_value(setting->value))
                return phx_error_set(
                                error,
                                -EINVAL,
                                "'%s': expected the name of a profile",
                                setting->value);
        r = reads_back(setting->key, setting->value);
        if (r == 0)
                return phx_error_set(
                                error,
                                -EINVAL,
                                "'%s: %s': expected one line that Proxmox reads as this",
                                setting->key,
                                setting->value);
        return r < 0 ? r : 0;
}

static int check_tail_item(const char *item, struct phx_error *error) {
        struct phx_lxc_option_text option;
        phx_autofree char *key = NULL;
        int r;

        if (!phx_lxc_option_split(item, &option))
                return phx_error_set(
                                error,
                                -EINVAL,
                                "'%s': expected one line of the form lxc.KEY=VALUE",
                                item);
        r = phx_printf(&key, "%.*s", (int) option.key_size, option.key);
        return r < 0 ? r : check_key(key, error);
}

int phx_pve_edit_check(
                const struct phx_pve_edit *edit,
                const struct phx_pve_text *text,
                struct phx_error *error) {
        const struct phx_pve_line *fatal = phx_pve_text_fatal(text);
        int r = 0;

        if (fatal)
                return phx_error_set(
                                error,
                                -EINVAL,
                                "line %u: found the key '%.*s', with which Proxmox cannot read "
                                "the file",
                                fatal->number,
                                (int) fatal->key_size,
                                fatal->key);
        for (size_t i = 0; r >= 0 && i < edit->n_settings; i++)
                r = check_setting(&edit->settings[i], error);
        for (size_t i = 0; r >= 0 && i < edit->tail.count; i++)
                r = check_tail_item(edit->tail.items[i], error);
        return r;
}
