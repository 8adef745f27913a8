# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 14400
# with: pve pve-create.d creations.d
# Creation by Proxmox killed at a hundred random points: each container is complete after the next start.

# shellcheck source=tests/vm/pve/guest.sh
. "$PWD/pve/guest.sh"
# shellcheck source=tests/vm/scenarios/pve-create.d/lib.sh
. "$PWD/pve-create.d/lib.sh"

copies 1
put_profile lxc-web
entries '{}'
start_daemon
check "in sync" settled 60
check "a hundred times it is whole after the next start" kill_creations 100
check "in sync at the end" settled 60
