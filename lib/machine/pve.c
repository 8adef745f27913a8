/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "machine/pve.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/strings.h"
#include "pve/containers.h"
#include "pve/keys.h"
#include "state/creation.h"

/* A line whose key Proxmox does not keep would make the whole edit impossible, the profile's line
 * included: it is left out and reported, as an option is that liblxc does not take. Only the key
 * is reported. */
static int pve_skip_options_of(
                const char *configuration_file,
                struct phx_observed_container *have) {
        phx_cleanup(phx_strings_done) struct phx_strings kept = { 0 };
        struct phx_strings *tail = &have->lines.tail;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < tail->count; i++) {
                size_t size = strcspn(tail->items[i], "=");

                if (phx_pve_lxc_key(tail->items[i], size) == PHX_PVE_LXC_TAKEN)
                        r = phx_strings_add(&kept, tail->items[i]);
                else
                        r = phx_strings_addf(
                                        &have->refused_options,
                                        "%s: %.*s is skipped: Proxmox does not accept this key",
                                        configuration_file,
                                        (int) size,
                                        tail->items[i]);
        }
        if (r < 0 || kept.count == tail->count)
                return r;
        phx_strings_done(tail);
        *tail = PHX_TAKE_STRUCT(kept);
        /* Nothing else is known to be wrong with the lines then. */
        if (tail->count == 0 && have->lines.removed.count == 0)
                phx_wrong_lines_done(&have->wrong_lines);
        return 0;
}

int phx_machine_pve_skip_options(const char *configuration_file, struct phx_observed *observed) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < observed->container_count; i++)
                if (observed->containers[i].backend == PHX_BACKEND_PVE)
                        r = pve_skip_options_of(configuration_file, &observed->containers[i]);
        return r;
}

int phx_machine_pve_review_profile(
                const struct phx_desired *desired,
                const struct phx_desired_container *want,
                struct phx_observed_container *have) {
        if (!want->is_generated || have->decider_line == 0 ||
            !phx_equal(have->decider, have->config))
                return 0;
        if (!phx_observed_keeps_profile(desired, want, have))
                return phx_wrong_lines_add(
                                &have->wrong_lines,
                                PHX_LINE_TOO_MANY,
                                PHX_PVE_KEY_PROFILE);
        return phx_strings_addf(
                        &have->remarks,
                        "%s:%u: names the profile %s, which the configuration does not; add it to "
                        "the configuration, or remove the line",
                        have->config,
                        have->decider_line,
                        have->effective);
}

static int pve_leave_alone(struct phx_observed *observed, const char *id) {
        const struct phx_observed_container *found = phx_observed_find_container(observed, id);

        if (!found || found->backend != PHX_BACKEND_PVE || found->trouble)
                return 0;
        return phx_replace(
                        &observed->containers[found - observed->containers].trouble,
                        "it is being created, or its creation was interrupted");
}

int phx_machine_pve_observe_begun(const char *state_dir, struct phx_observed *observed) {
        phx_cleanup(phx_closedirp) DIR *directory = NULL;
        phx_autofree char *path = NULL;
        const struct dirent *entry;
        int r;

        if (phx_printf(&path, "%s/" PHX_CREATION_RECORDS, state_dir) < 0)
                return -ENOMEM;
        r = phx_directory_open(AT_FDCWD, path, &directory);
        while (r >= 0 && (entry = readdir(directory))) {
                uint32_t id = 0;

                if (!phx_pve_parse_id(entry->d_name, strlen(entry->d_name), &id))
                        continue;
                r = phx_strings_add(&observed->begun, entry->d_name);
                if (r >= 0)
                        r = pve_leave_alone(observed, entry->d_name);
        }
        return r == -ENOENT ? 0 : r;
}
