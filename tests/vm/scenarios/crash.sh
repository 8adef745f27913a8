# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Killed in the middle of a mass change, the daemon converges at its next start and leaves nothing behind.

count=12
for i in $(seq $count); do put_profile "lxc-p$i"; done
mkdir -p /var/lib/lxc
for i in $(seq $count); do
    mkdir -p "/var/lib/lxc/m$i/rootfs"
    printf 'lxc.include = /usr/share/lxc/config/common.conf\nlxc.uts.name = m%s\nlxc.rootfs.path = dir:/var/lib/lxc/m%s/rootfs\n' "$i" "$i" >"/var/lib/lxc/m$i/config"
done
pairs=()
for i in $(seq $count); do pairs+=("m$i=lxc-p$i"); done
configure "${pairs[@]}"
mkdir -p /etc/systemd/system/phoenixd.service.d
printf '[Service]\nRestart=no\n' >/etc/systemd/system/phoenixd.service.d/no-restart.conf
systemctl daemon-reload

has_main_process() { [[ $(systemctl show --property=MainPID --value phoenixd) != 0 ]]; }

round=0
for delay in 0.4 0.9 1.5 2.2 3 4.5 6; do
    round=$((round + 1))
    for i in $(seq $count); do put_profile "lxc-p$i" "deny /etc/round$round r,"; done
    systemctl start --no-block phoenixd
    # What the unit runs before it is not what is to die.
    wait_until 60 has_main_process
    sleep "$delay"
    systemctl kill -s KILL --kill-whom=main phoenixd || true
    wait_until 10 prints_like 'failed|inactive' systemctl is-active phoenixd || fail "it did not die"
    check "round $round: nothing of it lives on" prints "" pgrep -x 'phoenixd|phoenixd-engine|apparmor_parser'
    systemctl reset-failed phoenixd
done

start_daemon
check "converged after the last start" settled 60
check "no leftovers" no_leftovers
check "no staging directory is left" prints "" ls /run/phoenixd/stage
for i in $(seq $count); do
    same_file "$SOURCES/lxc-p$i" "$DEPLOYED/lxc-p$i" || fail "lxc-p$i is not deployed"
    [[ $(loaded_mode "lxc-p$i") == enforce ]] || fail "lxc-p$i is not loaded"
    [[ $(effective_profile "m$i") == "lxc-p$i" ]] || fail "m$i is not assigned"
done
before=$(machine_picture)
systemctl restart phoenixd
check "the pass after it changes nothing" equals "$(machine_picture)" "$before"
