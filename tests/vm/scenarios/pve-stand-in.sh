# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# snapshot: booted
# with: pve
# timeout: 1200
# The stand-in of Proxmox itself, without phoenixd: its battery on /etc/pve, and containers that its
# command starts through real LXC in real profiles.

# shellcheck source=../pve/guest.sh
. pve/guest.sh

say "the battery on /etc/pve"
battery() {
    mkdir -p /etc/pve
    python3 -u pve/battery.py --mountpoint /etc/pve --own-machine /usr/local/sbin/vm-pmxcfs calls changes life tree
}
battery | tee /run/battery || true
planned() { sed -n 's/^1\.\.//p' /run/battery; }
check "there are tests" test "$(planned)" -gt 50
check "all of them pass" prints "$(planned)" grep -c '^ok' /run/battery
check "none is skipped" not grep SKIP /run/battery

say "units with mounts of their own"
strict_unit() { systemd-run --quiet --unit "$1" -p ProtectSystem=strict "${@:2}" sleep infinity; }
# unit_writes NAME: "ok", or why its processes cannot.
unit_writes() {
    nsenter -t "$(systemctl show -P MainPID "$1")" -m sh -c 'test -L /etc/pve/local && echo x >/etc/pve/ha/x && echo ok' 2>&1
}
strict_unit early
strict_unit early-named -p ReadWritePaths=-/etc/pve
# shellcheck disable=SC2119 # no options
make_pve
strict_unit late
strict_unit late-named -p ReadWritePaths=-/etc/pve
check "one that was there before the mount gets it" prints ok unit_writes early
check "so does one that names it" prints ok unit_writes early-named
check "one that comes later cannot write" prints_like 'Read-only file system' unit_writes late
check "unless it names it" prints ok unit_writes late-named

say "a container as Proxmox starts it"
profile_text lxc-pve | apparmor_parser -r -T -K
pve_guest 910 'lxc.apparmor.profile: lxc-pve'
pve_guest 953
check "it is stopped" prints 'status: stopped' pct status 910
check "it starts" pct start 910
check "it runs" pve_is_running 910
check "in the profile of its file" wait_until 10 pve_all_labelled 910 'lxc-pve (enforce)'
check "one that names none starts" pct start 953
check "in the profile that LXC generates" wait_until 10 prints_like '^lxc-953_</var/lib/lxc>//&:lxc-953_<-var-lib-lxc>:unconfined \(enforce\)' pve_labels 953

printf 'arch: amd64\nlxc.apparmor.profile: no-such-profile\n' >/etc/pve/lxc/954.conf
check "one whose profile is not loaded does not" not pct start 954
check "and LXC has said why" prints_like 'Failed to spawn container' cat /run/pve/ct-954.stderr

say "a stop writes"
printf 'lxc.apparmor.profile = unconfined\nhostname: spare\n' >/etc/pve/lxc/910.conf
check "it is rebooted" pct reboot 910 --timeout 10
check "its file is in Proxmox's form" prints $'hostname: spare\nlxc.apparmor.profile: unconfined' cat /etc/pve/lxc/910.conf
check "and its label is that of the file" wait_until 10 pve_all_labelled 910 unconfined

say "the hook and the lock"
pve_guest 910 'lxc.apparmor.profile: lxc-pve'
pct reboot 910 --timeout 10
before=$(file_hash /etc/pve/lxc/910.conf)
pve_command '{ "hook_wait": 4 }'
exec {lock}>>/run/lock/lxc/pve-config-910.lock
flock "$lock"
# Its own signal for a halt: the guest ends by itself.
kill -PWR "$(lxc-info -n 910 -pH)"
check "the hook has read the file" wait_until 20 test -e /run/pve-stand-in/910.hook
check "the guest has powered off" prints '' pve_pids 910
printf 'lxc.apparmor.profile: edited\n' >/etc/pve/lxc/910.conf
check "what was written under the lock is lost" wait_until 20 prints "$before" file_hash /etc/pve/lxc/910.conf
exec {lock}>&-
check "nothing went wrong in the hook" prints '' cat /run/pve-post-stop.log
pve_command '{}'

say "a server that dies"
wait_until 20 prints 'status: stopped' pct status 910
pid=$(systemctl show -P MainPID pve-cluster)
systemctl kill -s KILL pve-cluster
check "systemd starts another" wait_until 20 test -L /etc/pve/local
check "it is another" not prints "$pid" systemctl show -P MainPID pve-cluster
for unit in early early-named late late-named; do
    check "$unit has the new mount, writable" wait_until 10 prints ok unit_writes "$unit"
done
check "the files are there" prints "$before" file_hash /etc/pve/lxc/910.conf
check "a container starts again" pct start 910
check "confined" wait_until 10 pve_all_labelled 910 'lxc-pve (enforce)'
check "the tasks are in the log" prints_like 'vzreboot:910:root@pam: .* OK' cat /var/log/pve/tasks/index
