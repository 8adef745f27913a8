/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Prints how the man pages must head each key: print-keys settings|configuration|rules */

#include <stdio.h>
#include <string.h>

#include "codec/configuration_creation.h"
#include "codec/configuration_fields.h"
#include "codec/settings_json.h"

static void print_setting(const struct phx_setting *setting) {
        switch (setting->kind) {
        case PHX_SETTING_PATH:
        case PHX_SETTING_SOURCE:
                printf("%s (path; default %s)\n", setting->key, setting->text);
                break;
        case PHX_SETTING_FILE:
                printf("%s (path or null; default null)\n", setting->key);
                break;
        case PHX_SETTING_PROFILE:
                printf("%s (profile; default %s)\n", setting->key, setting->text);
                break;
        case PHX_SETTING_WORD:
                printf("%s (", setting->key);
                for (unsigned i = 0; i < setting->words; i++)
                        printf("%s%s",
                               i == 0                    ? ""
                               : i + 1 == setting->words ? " or "
                                                         : ", ",
                               setting->word(i));
                printf("; default %s)\n", setting->text);
                break;
        case PHX_SETTING_JOBS:
        case PHX_SETTING_NUMBER:
        case PHX_SETTING_COUNT:
                printf("%s (integer, %lld to %lld; default %lld)\n",
                       setting->key,
                       setting->lowest,
                       setting->highest,
                       setting->standard);
                break;
        case PHX_SETTING_FLAG:
                printf("%s (true or false; default %s)\n",
                       setting->key,
                       setting->standard ? "true" : "false");
                break;
        case PHX_SETTING_LINES:
                printf("%s (array of strings; default empty)\n", setting->key);
                break;
        case PHX_SETTING_ACCEPT:
                printf("%s (array of objects; default empty)\n", setting->key);
                break;
        }
}

static void print_rules(void) {
        size_t count = 0;
        const struct phx_rule_info *rules = phx_rules_table(&count);

        for (size_t i = 0; i < count; i++)
                printf("PHX%u %s: %s\n", rules[i].number, rules[i].name, rules[i].summary);
}

int main(int argc, char **argv) {
        size_t count = 0;
        const struct phx_setting *table = phx_settings_table(&count);

        if (argc == 2 && strcmp(argv[1], "configuration") == 0) {
                for (size_t i = 0; phx_configuration_key(i); i++)
                        puts(phx_configuration_key(i));
                for (size_t i = 0; phx_configuration_creation_key(i); i++)
                        puts(phx_configuration_creation_key(i));
                return 0;
        }

        if (argc == 2 && strcmp(argv[1], "rules") == 0) {
                print_rules();
                return 0;
        }
        for (size_t i = 0; i < count; i++)
                print_setting(&table[i]);
        return 0;
}
