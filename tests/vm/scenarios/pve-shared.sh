# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# with: pve
# timeout: 900
# Configuration and profiles in the cluster file system, which all nodes share.

# shellcheck source=../pve/guest.sh
. pve/guest.sh

SHARED=/etc/pve/phoenixd

names() { grep -qxF "lxc.apparmor.profile: $2" "/etc/pve/lxc/$1.conf"; }
answers() { phoenixctl status >/dev/null || [[ $? -eq 2 ]]; }
opens_nothing() {
    local pid
    for pid in $(main_pid) $(descendants); do
        if readlink "/proc/$pid/cwd" "/proc/$pid"/fd/* 2>/dev/null | grep '^/etc/pve'; then return 1; fi
    done
}

# assign PROFILE: another node writes the configuration.
assign() {
    printf '{"schema_version": "1.0", "lxc_configs": {"910": {"apparmor_profile": "%s"}, "777": {"apparmor_profile": "lxc-db"}}}' "$1" |
        pve_ask write phoenixd/phoenix_lxc_configs.json
}

make_pve --cluster c
put_profile lxc-web 'deny /etc/secret r,'
put_profile lxc-db
pve_guest 910
configure 910=lxc-web
mkdir "$SHARED"
cp -r "$SOURCES" "$CONFIG" "$SHARED/"
rm -r "$SOURCES" "$CONFIG"
set_setting configuration "\"$SHARED/phoenix_lxc_configs.json\""
set_setting profile_dir "\"$SHARED/apparmor.d\""

say "what all nodes share is in force"
start_daemon
check "in sync" settled 60
check "the container has its profile" names 910 lxc-web
check "the profile is loaded" loaded_hash lxc-web
check "the container starts" pct start 910
check "in its profile" wait_until 10 pve_all_labelled 910 'lxc-web (enforce)'
check "nothing is open below /etc/pve" opens_nothing

say "another node changes it"
assign lxc-db
check "it is followed" wait_until 5 names 910 lxc-db
loaded=$(loaded_hash lxc-db)
printf 'abi <abi/3.0>,\nprofile lxc-db flags=(attach_disconnected,mediate_deleted) {\n  file, network, capability,\n}\n' |
    pve_ask write phoenixd/apparmor.d/lxc-db
is_other() { [[ $(loaded_hash lxc-db) != "$loaded" ]]; }
check "a profile, too" wait_until 10 is_other
check "Proxmox restarts the container" pct reboot 910 --timeout 10
check "in sync" settled 20
check "one that is nowhere is missing" prints_like '777.*missing on this host; nothing to do until it is created' phoenixctl status 777
pve_ask mkdir nodes/other
pve_ask mkdir nodes/other/lxc
printf 'arch: amd64\nhostname: elsewhere\n' | pve_ask write nodes/other/lxc/777.conf
check "one on another node is that node's" wait_until 10 prints_like '777: missing on this host; another node of the cluster has it' phoenixctl status 777

say "a mistake on another node"
echo '{' | pve_ask write phoenixd/phoenix_lxc_configs.json
check "is named by its place" wait_until 10 status_like "^Degraded: .*$SHARED/phoenix_lxc_configs.json:[0-9]+"
check "what was good stays" names 910 lxc-db
assign lxc-db
check "in sync" settled 20

say "this node changes it"
jq '.lxc_configs["910"].apparmor_profile = "lxc-web"' "$SHARED/phoenix_lxc_configs.json" >/root/new
cp /root/new "$SHARED/phoenix_lxc_configs.json"
check "it is followed" wait_until 10 names 910 lxc-web
mkdir "$SHARED/apparmor.d/abstractions"
echo '  deny /etc/other r,' >"$SHARED/apparmor.d/abstractions/more"
sed -i 's|^}|  #include <abstractions/more>\n}|' "$SHARED/apparmor.d/lxc-web"
check "what a profile includes is deployed" wait_until 30 test -e "$DEPLOYED/abstractions/more"

say "the cluster file system hangs"
pve_ask stall on
systemctl kill -s HUP phoenixd
sleep 3
check "the bus answers" answers
pve_ask stall off
check "as before" wait_until 60 status_like '^Degraded: .*910.*restart|^In sync'

say "the cluster file system is not there"
systemctl stop phoenixd pve-cluster
check "it is not mounted" not test -e /etc/pve/local
rm -f "$DEPLOYED/lxc-db"
check "phoenixd starts all the same" systemctl start phoenixd
check "what it copied is in force" wait_until 30 test -e "$DEPLOYED/lxc-db"
check "the status says so" wait_until 20 status_like '^Degraded: .*/etc/pve/phoenixd: .*copy stays in force'
systemctl start pve-cluster
check "with it there, all is as before" wait_until 60 status_like '^Degraded: .*910.*restart|^In sync'
check "nothing is open below /etc/pve" opens_nothing

say "a link leads there"
systemctl stop phoenixd
set_setting configuration '"/etc/phoenixd/phoenix_lxc_configs.json"'
ln -s "$SHARED/phoenix_lxc_configs.json" "$CONFIG"
systemctl start phoenixd
assign lxc-db
check "it is followed" wait_until 20 names 910 lxc-db
check "nothing is open below /etc/pve" opens_nothing
