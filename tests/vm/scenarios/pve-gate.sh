# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# with: pve
# timeout: 1200
# The boot gate on a Proxmox node: whatever starts a guest there, LXC's common.conf is in its generated config.

# shellcheck source=../pve/guest.sh
. pve/guest.sh

reasons() {
    journalctl -q -b --cursor-file=/run/reasons.cursor -o cat --output-fields=PHOENIXD_REASON PHOENIXD_RECORD=start-refused PHOENIXD_CONTAINER=910 >>/run/reasons
    cat /run/reasons
}
is_stopped() { prints 'status: stopped' pct status 910; }

# refused REASON COMMAND...: the guest does not come up, and the journal says why.
refused() {
    local reason=$1
    shift
    : >/run/reasons
    "$@" || true
    wait_until 10 is_stopped && wait_until 5 prints "$reason" reasons
}
started() { "$@" && wait_until 10 pve_all_labelled 910 'lxc-web (enforce)'; }
stop_it() {
    pct stop 910 || true
    wait_until 20 is_stopped
    systemctl reset-failed pve-container@910 2>/dev/null || true
}
by_reboot() { lxc-attach -n 910 -- /bin/busybox reboot -f; }
names() {
    sed "s/^lxc.apparmor.profile.*/lxc.apparmor.profile: $1/" /etc/pve/lxc/910.conf >/etc/pve/lxc/910.conf.tmp
    mv /etc/pve/lxc/910.conf.tmp /etc/pve/lxc/910.conf
}

# shellcheck disable=SC2119 # no options
make_pve
put_profile lxc-web
put_profile lxc-db
pve_guest 910 'onboot: 0'
pve_guest 953
configure 910=lxc-web
check "a guest starts before phoenixd has accepted anything" pct start 953
pct stop 953
start_daemon
check "in sync" settled 60
check "the guest's file names its profile" grep -q '^lxc.apparmor.profile: lxc-web' /etc/pve/lxc/910.conf
systemctl stop phoenixd

check "what is right starts" started pct start 910
stop_it

apparmor_parser -R "$DEPLOYED/lxc-web"
check "pct start: a profile that is not loaded" refused not-loaded pct start 910
check "Proxmox's file of LXC's errors says so" grep -q 'phoenixd: 910: start refused: the profile lxc-web is not loaded' /run/pve/ct-910.stderr
check "and so does the unit's journal" prints_like '910: start refused' journalctl -q -u pve-container@910
check "the unit alone is refused, too" refused not-loaded systemctl restart pve-container@910
stop_it
check "another guest starts" pct start 953
pct stop 953
apparmor_parser -r -K -C "$DEPLOYED/lxc-web"
check "pct start: in complain mode" refused other-mode pct start 910
stop_it
apparmor_parser -r -K "$DEPLOYED/lxc-web"
names lxc-db
check "pct start: another profile in its file" refused other-profile pct start 910
stop_it
names lxc-web

cp /etc/pve/lxc/910.conf /run/910.conf
echo 'lxc.environment = A=B' >/etc/pve/own.conf
{ cat /run/910.conf && echo 'lxc.include: /etc/pve/own.conf'; } >/etc/pve/lxc/910.conf.tmp
mv /etc/pve/lxc/910.conf.tmp /etc/pve/lxc/910.conf
check "an include of the cluster file system is read" started pct start 910
stop_it
echo 'lxc.apparmor.profile = lxc-db' >/etc/pve/own.conf
check "and counts" refused other-profile pct start 910
stop_it
cp /run/910.conf /etc/pve/lxc/910.conf.tmp
mv /etc/pve/lxc/910.conf.tmp /etc/pve/lxc/910.conf

check "what is right starts again" started pct start 910
apparmor_parser -r -K -C "$DEPLOYED/lxc-web"
check "a reboot from inside" refused other-mode by_reboot
