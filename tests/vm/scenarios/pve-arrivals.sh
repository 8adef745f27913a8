# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# with: pve
# timeout: 900
# Containers of Proxmox that are configured before they exist, and arrive while phoenixd runs: created under Proxmox's
# lock, cloned, restored over another one, or migrated to this node. Each has its profile before its first start.

# shellcheck source=../pve/guest.sh
. pve/guest.sh

config() { echo "/etc/pve/lxc/$1.conf"; }
names() { grep -qxF "lxc.apparmor.profile: $2" "$(config "$1")" 2>/dev/null; }

# arrives STATEMENT ID: the container is there; the output says how long it has no profile.
arrives() {
    local begin
    begin=$(now_ms)
    check "$1" wait_until 5 names "$2" lxc-web
    say "$2: $(($(now_ms) - begin)) ms"
}

starts_confined() {
    check "$1 starts" pct start "$1"
    check "in its profile" wait_until 10 pve_all_labelled "$1" 'lxc-web (enforce)'
    check "and stops" pct stop "$1"
}

# shellcheck disable=SC2119 # no options
make_pve
# Proxmox writes these at a start; as they are they would be containers of plain LXC.
rm /var/lib/lxc/{910,953,954}/config
put_profile lxc-web
configure 910=lxc-web 953=lxc-web 954=lxc-web
start_daemon
check "nothing is there" wait_until 20 status_like '^In sync: .*3 missing'

say "created"
pve_guest 910 'lock: create'
check "a container that is being created is left alone" wait_until 10 prints_like '910.conf:[0-9]+: the container is locked \(create\)' phoenixctl status 910
check "it has no profile" not names 910 lxc-web
sed '/^lock/d' "$(config 910)" >"$(config 910).tmp.7" && mv "$(config 910).tmp.7" "$(config 910)"
arrives "then it has one" 910
check "in sync" settled 10
starts_confined 910

say "cloned"
sed 's/910/953/' "$(config 910)" | grep -v '^lxc' >"$(config 953).tmp.7"
mv "$(config 953).tmp.7" "$(config 953)"
arrives "a clone without lines for LXC" 953
check "in sync" settled 10
starts_confined 953

say "restored over it"
pve_guest 953 'lxc.apparmor.profile: unconfined' '# from the archive'
arrives "the archive's profile is replaced" 953
check "its notes stay" grep -q 'from the archive' "$(config 953)"
check "in sync" settled 10
starts_confined 953

say "migrated to this node"
# Its server names no cluster when it starts, and phoenixd asks again for some time after that.
systemctl restart pve-cluster
check "in sync after a restart" settled 20
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
sed 's/910/954/' "$(config 910)" | grep -v '^lxc' | pve_ask write nodes/pve2/lxc/954.conf
check "it is on another node" wait_until 10 prints_like 'another node' phoenixctl status 954
check "it moves here" pve_ask rename nodes/pve2/lxc/954.conf "nodes/$PVE_NODE/lxc/954.conf"
arrives "and has its profile" 954
check "in sync" settled 10
starts_confined 954
