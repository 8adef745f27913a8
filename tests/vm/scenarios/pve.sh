# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# with: pve
# timeout: 1800
# A Proxmox node: from containers that name no profile to confined ones, with a cluster file system that goes away,
# hangs, loses its quorum and comes back, and with Proxmox's own writers beside.

# shellcheck source=../pve/guest.sh
. pve/guest.sh

config() { echo "/etc/pve/lxc/$1.conf"; }
names() { grep -qxF "lxc.apparmor.profile: $2" "$(config "$1")"; }
answers() { phoenixctl status >/dev/null || [[ $? -eq 2 ]]; }

# Every process of phoenixd: nothing open below /etc/pve, and no working directory there.
opens_nothing() {
    local pid
    for pid in $(main_pid) $(descendants); do
        if readlink "/proc/$pid/cwd" "/proc/$pid"/fd/* 2>/dev/null | grep '^/etc/pve'; then return 1; fi
    done
}

# shellcheck disable=SC2119 # no options
make_pve
put_profile lxc-web 'deny /etc/secret r,'
put_profile lxc-db
pve_guest 910 'onboot: 1' '# a note'
pve_guest 953 'lxc.apparmor.profile: unconfined' ' lxc.apparmor.profile: lxc-db'
pve_guest 954 'lock: backup'
configure 910=lxc-web 953=lxc-db 954=lxc-db
before=$(cat /etc/pve/lxc/*.conf)

say "first in observe mode"
set_setting mode '"observe"'
start_daemon
check "it observes" wait_until 20 status_like '^Observing'
check "nothing is changed" prints "$before" sh -c 'cat /etc/pve/lxc/*.conf'
check "what is wrong is shown" prints_like 'its config names unconfined, expected lxc-db' phoenixctl status 953

say "then for good"
set_setting mode '"enforce"'
check "a container gets its profile" wait_until 20 names 910 lxc-web
check "where another was named, too" wait_until 20 names 953 lxc-db
check "once" prints 1 grep -c '^lxc.apparmor.profile' "$(config 953)"
check "the other lines are as they were" grep -q '^# a note' "$(config 910)"
check "one that is locked is left alone" not names 954 lxc-db
check "and that is said" wait_until 10 prints_like '954.conf:[0-9]+: the container is locked \(backup\)' phoenixctl status 954
check "a line that Proxmox ignores is named" prints_like '953.conf:[0-9]+: Proxmox ignores this line, which names a profile: it is indented' phoenixctl status 953

say "what scripts have left in a file is offered to be cleared"
check "as sentences and a patch" prints_like '953.conf:[0-9]+: remove this line, which Proxmox ignores: it is indented' phoenixctl advise 953
check "for the file by its real name" prints_like "[-]-- a/etc/pve/nodes/$PVE_NODE/lxc/953.conf" phoenixctl advise 953
check "phoenixd does not do it" grep -q '^ lxc.apparmor' "$(config 953)"
check "the patch takes the line away" prints_like $'\n- lxc.apparmor.profile: lxc-db' phoenixctl advise --patch 953
# The machine has no patch(1); tests/unit/test-pve_patch.c has.
phoenixctl --json advise 953 >/run/953.json || test $? -eq 2
jq -j '.offers[0].after' /run/953.json >/run/953.conf
cat /run/953.conf >"$(config 953)"
check "then the rest is as it was" names 953 lxc-db
check "without that line" not grep -q '^ lxc.apparmor' "$(config 953)"
check "and nothing is offered any more" wait_until 10 prints '' phoenixctl advise --patch 953

say "without the lock"
sed -i '/^lock/d' "$(config 954)"
check "without the lock it gets its profile" wait_until 20 names 954 lxc-db
check "in sync" settled 20
check "nothing is open below /etc/pve" opens_nothing

say "containers that Proxmox starts are confined"
check "one starts" pct start 910
check "all its tasks carry the label" wait_until 10 pve_all_labelled 910 'lxc-web (enforce)'
check "another" pct start 953
check "in its profile" wait_until 10 pve_all_labelled 953 'lxc-db (enforce)'
check "the status counts them" wait_until 10 status_like '^In sync: 2 profiles in force, 2 of 3 containers confined, 1 stopped'
check "explain names the line" prints_like "container +/etc/pve/lxc/910.conf:[0-9]+" phoenixctl explain 910

say "the process that watches dies at rest"
worker() { pgrep -x phoenixd-pve; }
worker_before=$(worker)
kill -KILL "$worker_before"
sed -i '/^lxc.apparmor.profile/d' "$(config 954)"
check "what changes then is seen" wait_until 5 names 954 lxc-db
check "by another one" not prints "$worker_before" worker
check "in sync" settled 20

say "another assignment requires a restart by Proxmox"
configure 910=lxc-db 953=lxc-db 954=lxc-db
jq '.lxc_configs["954"].pct_options = ["nesting=1"]' "$CONFIG" >"$CONFIG.new"
mv "$CONFIG.new" "$CONFIG"
check "features are set as the entry asks" wait_until 20 grep -qx 'features: nesting=1' "$(config 954)"
check "the file names it" wait_until 20 names 910 lxc-db
check "the command is named" wait_until 10 prints_like 'phoenixctl restart 910' phoenixctl status
mkdir -p /etc/pve/ha
printf 'ct: 910\n\tstate started\n' >/etc/pve/ha/resources.cfg
check "for a guest of the HA manager it is the manager's" wait_until 10 prints_like 'ha-manager set ct:910 --state stopped' phoenixctl status 910
sed -i '1i lock: backup' "$(config 910)"
check "not while it is locked" wait_until 10 prints_like 'not now: locked \(backup\)' phoenixctl status 910
sed -i '/^lock/d' "$(config 910)"
pve_ask quorum off
# A node that stands alone is never without one, and is not woken by it.
passes_like() { phoenixctl reconcile >/dev/null 2>&1 || true; prints_like "$1" phoenixctl status 910; }
check "not without a quorum" wait_until 10 passes_like 'not now: the cluster has no quorum'
pve_ask quorum on
printf 'ct: 910\n\tstate ignored\n' >/etc/pve/ha/resources.cfg
check "then Proxmox's own again" wait_until 10 passes_like 'phoenixctl restart 910'
pve_command '{ "user": "ann@pve!deploy" }'
check "Proxmox restarts it" pct reboot 910 --timeout 10
pve_command '{}'
check "the history names the user" prints_like 'task +910: rebooted through Proxmox by ann@pve!deploy: OK' phoenixctl history 910
check "and so does its JSON" prints 'ann@pve!deploy OK' sh -c "phoenixctl --json history 910 | jq -r '.events[] | select(.action == \"vzreboot\") | .by + \" \" + .result'"
check "into the new profile" wait_until 10 pve_all_labelled 910 'lxc-db (enforce)'
check "in sync" settled 20

say "Proxmox's hook overwrites an edit, and it is made again"
pve_command '{ "hook_wait": 4 }'
kill -PWR "$(lxc-info -n 953 -pH)"
check "the guest has powered off" wait_until 20 prints '' pve_pids 953
configure 910=lxc-db 953=lxc-web 954=lxc-db
check "the file is right in the end" wait_until 30 names 953 lxc-web
sleep 6
check "and stays so" names 953 lxc-web
check "in sync" settled 20
pve_command '{}'

say "what the next start brings"
printf '\n[pve:pending]\nlxc.apparmor.profile: unconfined\n' >>"$(config 953)"
check "is told before it comes" wait_until 10 status_like '^Degraded: .*pve:pending'
sed -i '/^$/,$d' "$(config 953)"
check "and no longer" settled 20

say "no quorum"
pve_ask quorum off
configure 910=lxc-db 953=lxc-db 954=lxc-db
check "it is said" wait_until 20 status_like '^Degraded'
check "by its name" prints_like 'quorum' phoenixctl status 953
check "nothing is changed" names 953 lxc-web
pve_ask quorum on
check "with it, the edit is made" wait_until 40 names 953 lxc-db
check "in sync" settled 40

say "a node on which nothing happens"
wakeups() {
    local pid sum=0 n
    for pid in $(main_pid) $(descendants); do
        n=$(awk '/^voluntary_ctxt_switches/ {print $2}' "/proc/$pid/status")
        sum=$((sum + n))
    done
    echo "$sum"
}
# For 155 s after its start the process that watches asks now and then whether its node is in a cluster.
watched_for() { [[ $(ps -o etimes= -C phoenixd-pve) -ge $1 ]]; }
check "it has seen that its node stands alone" wait_until 180 watched_for 170
idle_before=$(wakeups)
sleep 40
idle_after=$(wakeups)
say "wakeups: $((idle_after - idle_before))"
check "wakes nobody but for the watchdog" test $((idle_after - idle_before)) -le 3

say "a cluster file system that hangs"
pve_ask stall on
configure 910=lxc-db 953=lxc-web 954=lxc-db
sleep 15
check "the bus answers" answers
check "the service lives" systemctl is-active phoenixd
pve_ask stall off
check "afterwards the edit is made" wait_until 60 names 953 lxc-web
check "in sync" settled 60
check "nothing is open below /etc/pve" opens_nothing
check "by the same daemon" prints 0 systemctl show -P NRestarts phoenixd

say "a cluster file system that dies"
# systemd knows the new process only some time after that has mounted.
is_another_than() {
    local now
    now=$(systemctl show -P MainPID pve-cluster)
    [[ $now != 0 && $now != "$1" ]]
}
for _ in 1 2 3; do
    pid=$(systemctl show -P MainPID pve-cluster)
    systemctl kill -s KILL pve-cluster
    check "it is started again" wait_until 20 test -L /etc/pve/local
    check "as another process" wait_until 20 is_another_than "$pid"
done
configure 910=lxc-db 953=lxc-db 954=lxc-db
check "edits go on, through the unit's own mounts" wait_until 40 names 953 lxc-db
check "in sync" settled 40
check "the daemon was not restarted" prints 0 systemctl show -P NRestarts phoenixd

say "another node"
# Its server starts before the communication of the cluster does, and names no cluster until then.
systemctl restart pve-cluster
check "in sync" settled 20
pve_ask cluster c
pve_ask node pve2 add
# It compares what another node may have changed, and watches the server's database when nothing has come for 10 s.
database=$(printf 'ino:%x ' "$(stat -c %i "$PVE_DATABASE")")
watches_database() {
    local pid
    for pid in $(main_pid) $(descendants); do
        ! grep -qsF "$database" "/proc/$pid"/fdinfo/* || return 0
    done
    return 1
}
check "phoenixd notices that its node is in a cluster" wait_until 60 watches_database
printf 'arch: amd64\nostype: debian\nrootfs: local:955/vm-955-disk-0.raw\n' >/run/arrives
configure 910=lxc-db 953=lxc-db 954=lxc-db 955=lxc-web
check "one that is not here is missing" wait_until 10 prints_like '955 .*missing' phoenixctl list containers
/usr/local/sbin/vm-pmxcfs --ask "$PVE_CONTROL" write "nodes/$PVE_NODE/lxc/955.conf" </run/arrives
check "it arrives, and is right before its first start" wait_until 10 names 955 lxc-web
check "in sync" settled 20
jq '.lxc_configs["955"].lxc_options = ["lxc.environment=A=1"]' "$CONFIG" >"$CONFIG.new"
mv "$CONFIG.new" "$CONFIG"
check "its option is there" wait_until 10 grep -qx 'lxc.environment: A=1' "$(config 955)"
check "it leaves" pve_ask rename "nodes/$PVE_NODE/lxc/955.conf" nodes/pve2/lxc/955.conf
check "and is missing again" wait_until 10 prints_like '955 .*missing' phoenixctl list containers
pve_ask rename nodes/pve2/lxc/955.conf "nodes/$PVE_NODE/lxc/955.conf"
check "it comes back" wait_until 10 not prints_like '955 .*missing' phoenixctl list containers
check "with its option" grep -qx 'lxc.environment: A=1' "$(config 955)"
configure 910=lxc-db 953=lxc-db 954=lxc-db 955=lxc-web
check "which is still known to be phoenixd's, and goes" wait_until 10 not grep -q 'lxc.environment' "$(config 955)"
check "in sync" settled 20

say "a container that names no profile is Proxmox's to confine"
jq '.lxc_configs["910"] |= del(.apparmor_profile)' "$CONFIG" >"$CONFIG.new"
mv "$CONFIG.new" "$CONFIG"
check "the line goes that named a profile of phoenixd's" wait_until 20 not grep -q '^lxc.apparmor.profile' "$(config 910)"
echo 'lxc.apparmor.profile: lxc-container-default-cgns' >>"$(config 910)"
check "a profile that phoenixd does not manage stays" wait_until 20 prints_like '910.conf:[0-9]+: names the profile lxc-container-default-cgns, which the configuration does not' phoenixctl status 910
check "in its line" names 910 lxc-container-default-cgns
sed '/^lxc.apparmor.profile/s/lxc-container-default-cgns/unconfined/' "$(config 910)" >/run/910.conf
cat /run/910.conf >"$(config 910)"
check "one that confines nothing is removed" wait_until 20 not grep -q '^lxc.apparmor.profile' "$(config 910)"
check "a restart is due" wait_until 10 status_like '1 requires restart'
check "Proxmox restarts it" pct reboot 910 --timeout 10
check "into the generated profile" wait_until 20 prints_like '^lxc-910_<.*(enforce)' pve_labels 910
check "and it counts as confined" wait_until 20 status_like '^In sync: .*1 of 4 containers confined'
configure 910=lxc-db 953=lxc-db 954=lxc-db 955=lxc-web
check "a profile comes back" wait_until 20 names 910 lxc-db
pct reboot 910 --timeout 10
