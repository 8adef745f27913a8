/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "engine/fill.h"

#include <errno.h>

#include "base/strings.h"

#define USEC_PER_SEC 1000000ULL
/* Before settings were ever read: the defaults of phoenixd.json(5). */
#define DEBOUNCE_USEC 200000ULL
#define LONGEST_DELAY_USEC (2 * USEC_PER_SEC)
#define RESYNC_USEC (600 * USEC_PER_SEC)

int fill_report(const struct phx_settings *settings, bool has_labels, struct phx_report *report) {
        report->debounce_usec = settings ? settings->debounce_usec : DEBOUNCE_USEC;
        report->longest_delay_usec = settings ? settings->longest_delay_usec : LONGEST_DELAY_USEC;
        report->resync_usec = settings ? settings->resync_usec : RESYNC_USEC;
        if (settings && has_labels)
                report->label_resync_usec = settings->label_resync_usec;
        return settings ? phx_replace(&report->lxc_path, settings->lxc_path) : 0;
}

int fill_paths(const struct phx_settings *settings,
               const char *file,
               const char *site_file,
               const char *hidden_file,
               struct phx_snapshot *snapshot) {
        if (!settings)
                return 0;
        snapshot->paths.default_profile_line = settings->default_profile_line;
        if (phx_replace(&snapshot->paths.settings, file) < 0 ||
            phx_replace(&snapshot->paths.configuration,
                        site_file ? site_file : settings->configuration) < 0 ||
            phx_replace(&snapshot->paths.site_configuration, site_file ? site_file : hidden_file) <
                            0 ||
            phx_replace(&snapshot->paths.profile_dir, settings->profile_dir) < 0 ||
            phx_replace(&snapshot->paths.site_profile_dir, settings->site_profile_dir) < 0 ||
            phx_replace(&snapshot->paths.deployed_dir, settings->deployed_dir) < 0 ||
            phx_replace(&snapshot->paths.lxc_path, settings->lxc_path) < 0)
                return -ENOMEM;
        return 0;
}
