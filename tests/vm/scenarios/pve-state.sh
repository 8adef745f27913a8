# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# with: pve
# timeout: 900
# A Proxmox node whose guests are to run, or not to: by Proxmox's own commands, and never one that the HA manager has.

# shellcheck source=../pve/guest.sh
. pve/guest.sh

# want STATE ID...
want() { configure_with "{\"state\": \"$1\"}" "${@:2}"; }
begun() { journal_count "Starting phoenixd-$1-$2\.[0-9]+\.service" "$cursor"; }

# shellcheck disable=SC2119 # no options
make_pve
put_profile lxc-state
for id in 910 953; do pve_guest "$id"; done
mkdir -p /etc/pve/ha
printf 'ct: 953\n\tstate stopped\n' >/etc/pve/ha/resources.cfg
cursor=$(journal_cursor)
want running 910=lxc-state 953=lxc-state
start_daemon
check "a plain one is started in its profile" wait_until 90 pve_all_labelled 910 'lxc-state (enforce)'
check "by Proxmox's command, in a unit" prints 1 begun start 910
check "that of the HA manager is not, and why is said" wait_until 30 prints_like 'ha-manager set ct:953 --state started' phoenixctl status 953
check "it is left stopped" container_is 953 STOPPED
rm /etc/pve/ha/resources.cfg
phoenixctl reconcile || true
check "without the HA manager it is started" wait_until 90 pve_all_labelled 953 'lxc-state (enforce)'
check "in sync" settled 60
want stopped 910=lxc-state 953=lxc-state
check "both are stopped" wait_until 90 container_is 910 STOPPED
check "the other one, too" wait_until 90 container_is 953 STOPPED
check "in sync at the end" settled 60
check "each once" equals "$(begun stop 910) $(begun stop 953)" "1 1"
