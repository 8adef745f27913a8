/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "engine/remote.h"

#include <errno.h>
#include <unistd.h>

#include "base/strings.h"
#include "state/report.h"

/* The worker says when the file system comes back; this is for what it cannot see coming. */
#define RETRY_USEC UINT64_C(30000000)

void remote_init(
                struct remote *remote,
                struct phx_trust *trust,
                const char *copy,
                const struct phx_pve_place *place) {
        trust->is_remote_met = &remote->is_met;
        *remote = (struct remote){
                .trust = trust,
                .copy = copy,
                .is_met = place->database && access(place->database, F_OK) == 0,
        };
}

int remote_refresh(
                struct remote *remote,
                struct phx_machine *machine,
                struct phx_desired *judged,
                uint64_t *ret_retry_usec) {
        phx_autofree char *text = NULL;
        struct phx_error error = { 0 };
        int r;

        *ret_retry_usec = PHX_NEVER;
        remote->is_fresh = remote->is_met;
        remote->is_met = false;
        remote->trust->remote_copy = remote->is_fresh ? remote->copy : NULL;
        if (!remote->is_fresh)
                return 0;
        r = phx_machine_copy_remote(machine, &error);
        if (r >= 0 || r == -ENOMEM)
                return r < 0 ? r : 0;
        *ret_retry_usec = RETRY_USEC;
        if (phx_printf(&text,
                       PHX_REMOTE_OURS ": %s; this node's copy stays in force",
                       phx_error_text(&error, r)) < 0)
                return -ENOMEM;
        return phx_desired_add_refusal(judged, PHX_REFUSED_CLUSTER, NULL, text) ? 0 : -ENOMEM;
}

bool remote_is_used(const struct remote *remote) {
        return remote->is_fresh || remote->is_met;
}

bool remote_is_unread(const struct remote *remote) {
        return remote->is_met && !remote->is_fresh;
}
