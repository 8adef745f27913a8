/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "state/settings.h"

#include <string.h>

const char *phx_mode_to_string(enum phx_mode mode) {
        switch (mode) {
        case PHX_MODE_ENFORCE:
                return "enforce";
        case PHX_MODE_OBSERVE:
                return "observe";
        }
        return "unknown";
}

const char *phx_namespace_policy_to_string(enum phx_namespace_policy policy) {
        switch (policy) {
        case PHX_NAMESPACE_AUTO:
                return "auto";
        case PHX_NAMESPACE_ALWAYS:
                return "always";
        case PHX_NAMESPACE_NEVER:
                return "never";
        }
        return "unknown";
}

const char *phx_boot_gate_to_string(enum phx_boot_gate gate) {
        switch (gate) {
        case PHX_BOOT_GATE_REFUSE:
                return "refuse";
        case PHX_BOOT_GATE_WARN:
                return "warn";
        case PHX_BOOT_GATE_OFF:
                return "off";
        }
        return "unknown";
}

bool phx_boot_gate_from_string(const char *text, enum phx_boot_gate *ret_gate) {
        for (unsigned i = 0; i <= PHX_BOOT_GATE_OFF; i++)
                if (strcmp(text, phx_boot_gate_to_string((enum phx_boot_gate) i)) == 0) {
                        *ret_gate = (enum phx_boot_gate) i;
                        return true;
                }
        return false;
}

struct phx_settings *phx_settings_free(struct phx_settings *settings) {
        if (!settings)
                return NULL;

        free(settings->configuration);
        free(settings->profile_dir);
        free(settings->site_configuration);
        free(settings->site_profile_dir);
        free(settings->deployed_dir);
        free(settings->lxc_path);
        free(settings->default_profile);
        free(settings->metrics_file);
        phx_strings_done(&settings->restart.windows);
        free(settings->restart.health);
        phx_acceptances_done(&settings->accepted);
        free(settings);

        return NULL;
}
