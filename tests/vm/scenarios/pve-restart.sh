# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# with: pve
# timeout: 1200
# A Proxmox node whose guests may be restarted: by Proxmox's own command, in a unit that outlives the daemon, one after
# the other; and never one that is locked, that the HA manager has, or while the cluster has no quorum.

# shellcheck source=../pve/guest.sh
. pve/guest.sh

reboots() { journal_count "Starting phoenixd-restart-$1\.[0-9]+\.service" "$cursor"; }
passes_like() { phoenixctl reconcile >/dev/null 2>&1 || true; prints_like "$1" phoenixctl status 953; }

# shellcheck disable=SC2119 # no options
make_pve
put_profile lxc-old
put_profile lxc-new
for id in 910 953 954; do pve_guest "$id"; done
configure 910=lxc-old 953=lxc-old 954=lxc-old
set_setting apparmor_restart '"immediate"'
set_setting restart_interval_s 0
start_daemon
check "in sync at first" settled 30
for id in 910 953 954; do check "$id starts" pct start "$id"; done
for id in 910 953 954; do check "$id runs in its profile" wait_until 20 pve_all_labelled "$id" 'lxc-old (enforce)'; done

say "all are to have another profile, and the HA manager has one of them"
mkdir -p /etc/pve/ha
printf 'ct: 953\n\tstate started\n' >/etc/pve/ha/resources.cfg
cursor=$(journal_cursor)
configure 910=lxc-new 953=lxc-new 954=lxc-new
check "a plain one is restarted" wait_until 60 pve_all_labelled 910 'lxc-new (enforce)'
check "the other one, too" wait_until 60 pve_all_labelled 954 'lxc-new (enforce)'
check "by Proxmox's command, in a unit" prints 1 reboots 910
check "each once" prints 1 reboots 954
check "that of the HA manager is not, and why is said" wait_until 10 prints_like 'ha-manager set ct:953' phoenixctl status 953

say "it is locked, and then the cluster has no quorum"
sed -i '1i lock: backup' /etc/pve/lxc/953.conf
rm /etc/pve/ha/resources.cfg
check "not while it is locked" wait_until 10 passes_like 'not now: locked \(backup\)'
pve_ask quorum off
check "not without a quorum" wait_until 10 passes_like 'not now: '
check "it was not restarted" prints 0 reboots 953
check "it runs as before" pve_all_labelled 953 'lxc-old (enforce)'

say "nothing is in the way any more"
pve_ask quorum on
sed -i '/^lock/d' /etc/pve/lxc/953.conf
phoenixctl reconcile || true
check "it is restarted" wait_until 60 pve_all_labelled 953 'lxc-new (enforce)'
check "once" prints 1 reboots 953
check "in sync" settled 30

say "another line that confines it"
# Bit 28 is CAP_LEASE.
may_lease() { (((0x$(sed -n 's/^CapBnd:\t*//p' "/proc/$(lxc-info -n "$1" -pH)/status") >> 28) & 1)); }
cursor=$(journal_cursor)
check "it was started without it" may_lease 910
jq '.lxc_configs."910".lxc_options = [ "lxc.cap.drop=lease" ]' "$CONFIG" >"$ETC/.configs.new"
mv "$ETC/.configs.new" "$CONFIG"
check "it is restarted for that, too" wait_until 60 prints 1 reboots 910
check "and has it" wait_until 60 not may_lease 910
check "in sync" settled 60
check "no other was restarted" prints 0 reboots 954
