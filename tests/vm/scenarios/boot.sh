# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Over a reboot: profiles are in the kernel before containers start, and everything is as before.

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
    reboot_machine
fi

check "the daemon is up" wait_until 60 prints active systemctl is-active phoenixd
check "in sync" settled 30
check "the profile is loaded in enforce mode" prints enforce loaded_mode lxc-web
check "the container came up" wait_until 60 container_is web RUNNING
check "under its profile" wait_until 5 all_labelled web "lxc-web (enforce)"
check "the daemon was ready before containers were started" test \
    "$(systemctl show -P ActiveEnterTimestampMonotonic phoenixd)" -lt "$(systemctl show -P ExecMainStartTimestampMonotonic lxc)"
check "a profile without abi is what it was" prints "$(cat /root/noabi)" loaded_hash lxc-noabi
check "and nothing was loaded in its place" prints 0 journal_count 'lxc-noabi: the policy was loaded'
check "no leftovers" no_leftovers
