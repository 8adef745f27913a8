# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 1800
# With 100 containers configured and nothing happening nobody is woken but for the watchdog, and an identical rewrite does nothing.

put_profile lxc-web
put_profile lxc-db
pairs=(web=lxc-web db=lxc-db)
mkdir -p /var/lib/lxc/{1001..1100}/rootfs
# Their configs are right already: a hundred edits are another scenario's.
for i in $(seq 100); do
    pairs+=("$((1000 + i))=lxc-web")
    printf 'lxc.include = /usr/share/lxc/config/common.conf\nlxc.uts.name = c%s\nlxc.apparmor.profile = lxc-web\n' "$i" >"/var/lib/lxc/$((1000 + i))/config"
done
configure "${pairs[@]}"
start_daemon
check "in sync with all of them" settled 60
start_container web
check "1 of 102 containers confined, 101 stopped" wait_until 5 status_like '1 of 102 containers confined, 101 stopped'
sleep 5

wakeups() {
    local pid sum=0 n
    for pid in $(unit_pids); do
        n=$(awk '/^voluntary_ctxt_switches/ {print $2}' "/proc/$pid/status")
        sum=$((sum + n))
    done
    echo "$sum"
}
say "40 s of silence"
changes=$(machine_picture)
before=$(wakeups)
sleep 40
after=$(wakeups)
say "wakeups: $((after - before))"
check "nobody but the watchdog woke it" test $((after - before)) -le 3
check "nothing has changed" equals "$(machine_picture)" "$changes"

say "identical rewrites of a profile and of the configuration"
revision_before=$(revision)
cp "$SOURCES/lxc-web" /tmp/same
cp "$CONFIG" /tmp/same.json
cursor=$(journal_cursor)
(sleep 1; cat /tmp/same >"$SOURCES/lxc-web"; sleep 1; cp /tmp/same.json "$CONFIG.new"; mv "$CONFIG.new" "$CONFIG") &
STARTS=clone,clone3,fork,vfork,execve
WRITES=write,pwrite64,rename,renameat,renameat2,unlink,unlinkat,ftruncate
found=$(count_syscalls 6 "$STARTS,$WRITES" '</etc/|</var/lib/|</sys/|rename|unlink|(clone3?|v?fork|execve)\(')
wait $!
check "no fork, no exec, and no write to any file" equals "$found" 0
check "no load" prints "$revision_before" revision
check "the journal is silent" equals "$(journalctl -q -u phoenixd -o cat --after-cursor="$cursor")" ""
check "the machine is as it was" equals "$(machine_picture)" "$changes"

say "a look on demand does nothing either"
systemctl reload phoenixd
sleep 3
check "the machine is as it was" equals "$(machine_picture)" "$changes"
