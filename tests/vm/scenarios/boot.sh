# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Over a reboot: profiles and configs are right before the first process of a container runs, whatever was wrong at the
# boot, and everything is as before.

# When the journal has it, in microseconds since the boot; nothing if it has not.
recorded() {
    journalctl -b -q -o json --output-fields=MESSAGE -u phoenixd |
        jq -r --arg message "$1" 'select(.MESSAGE | strings | contains($message)) | .__MONOTONIC_TIMESTAMP' | tail -n 1
}
# When that process was started; the kernel counts hundredths of a second.
started() { echo $(($(sed 's/.*) //' "/proc/$1/stat" | cut -d ' ' -f 20) * 10000)); }
before_init() {
    local at
    at=$(recorded "$1")
    echo "$1: ${at:-never}; init: $(started "$(lxc-info -n web -pH)")"
    [[ -n $at && $at -lt $(started "$(lxc-info -n web -pH)") ]]
}

if [[ $PHASE -eq 1 ]]; then
    put_profile lxc-web
    configure web=lxc-web
    systemctl enable -q phoenixd
    start_daemon
    check "in sync before the reboot" settled 30
    grep -q lxc.start.auto /var/lib/lxc/web/config || echo 'lxc.start.auto = 1' >>/var/lib/lxc/web/config
    # What apparmor.service will load of this one, which names no abi, is what is loaded now.
    printf 'profile lxc-noabi {\n  file,\n  network inet stream,\n  deny network raw,\n}\n' >"$SOURCES/lxc-noabi"
    settled 5
    wait_until 20 is_loaded lxc-noabi
    loaded_hash lxc-noabi >/root/noabi
    systemctl stop phoenixd
    sed -i '/^lxc.apparmor.profile/d' /var/lib/lxc/web/config
    profile_text lxc-web | sed '/mac_admin/d' >"$DEPLOYED/lxc-web"
    reboot_machine
fi

check "the daemon is up" wait_until 60 prints active systemctl is-active phoenixd
check "in sync" settled 30
check "the profile is loaded in enforce mode" prints enforce loaded_mode lxc-web
check "the container came up" wait_until 60 container_is web RUNNING
check "under its profile" wait_until 5 all_labelled web "lxc-web (enforce)"
check "its policy was right before its init ran" before_init 'lxc-web: the policy was loaded into the kernel, and read back'
check "and so was its config" before_init 'web: its config was edited, and read back'
check "the daemon was ready before containers were started" test \
    "$(systemctl show -P ActiveEnterTimestampMonotonic phoenixd)" -lt "$(systemctl show -P ExecMainStartTimestampMonotonic lxc)"
check "a profile without abi is what it was" prints "$(cat /root/noabi)" loaded_hash lxc-noabi
check "and nothing was loaded in its place" prints 0 journal_count 'lxc-noabi: the policy was loaded'
check "no leftovers" no_leftovers
