#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What phoenixctl shows of a snapshot is what was looked at and written down beside it, with its exit
# status: ctl-pages.sh PROGRAM DIRECTORY
# PHX_UPDATE=1 writes it down anew: read the difference.
set -u

program=${1:?usage: ctl-pages.sh PROGRAM DIRECTORY}
pages=${2:?usage: ctl-pages.sh PROGRAM DIRECTORY}
failed=0
snapshot=snapshot.json

# page NAME VERB...
page() {
        name=$1
        shift
        shown=$("$program" "$@" --from "$pages/$snapshot" 2>&1; echo "exit $?")
        if [ -n "${PHX_UPDATE:-}" ]; then
                printf '%s\n' "$shown" >"$pages/$name.txt"
        fi
        printf '%s\n' "$shown" | diff -u "$pages/$name.txt" - || failed=1
}

export TZ=UTC
page status status
page status-container status 910
page status-unconfined status 955
page status-profile status lxc-web
page status-nobody status nobody
page explain explain 910
page explain-restart explain 953
page explain-unconfined explain 955
page explain-nobody explain nobody
page plan plan
page posture posture
page containers list containers
page profiles list profiles
snapshot=proxmox.json
page proxmox-status status
page proxmox-explain-ha explain 102
page proxmox-explain-locked explain 104
page proxmox-explain-generated explain 107
snapshot=restarts.json
page restarts-status status
page restarts-status-window status 104
page restarts-status-failed status 113
page restarts-explain explain 108
page restarts-plan plan
page restarts-containers list --full containers
snapshot=restarts-observing.json
page restarts-observing-status status
page restarts-observing-plan plan
snapshot=states.json
page states-status status
page states-status-chain status 102
page states-plan plan
snapshot=site.json
page site-status status
page site-status-profile status lxc-db
snapshot=site-override.json
page site-override-status status
page site-override-status-profiles status lxc-web lxc-old abstractions/lxc/site
page site-override-explain explain 910
exit "$failed"
