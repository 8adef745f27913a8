# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash source=tests/vm/guest/lib.sh
# A profile with a test beside it: what does not pass is refused with file and line, and what was in
# force stays; the kernel's own matcher answers.

put_test() {
    cat >"$SOURCES/$1.test"
}

probe_is_gone() {
    not test -e /sys/kernel/security/apparmor/policy/namespaces/phoenixd-probe
}

# Without abi everything is mediated as Debian's 3.0 features have it.
put_text() {
    mkdir -p "$SOURCES"
    cat >"$SOURCES/lxc-web" <<PROFILE
abi <abi/3.0>,
profile lxc-web flags=(attach_disconnected,mediate_deleted) {
  file,
  signal,
  unix,
  dbus,
  capability,
  deny capability mac_admin,
  umount,
  pivot_root oldroot=/mnt/old/ /mnt/,
  network inet stream,
  network unix,
  mount fstype=overlay -> /var/lib/docker/**,
  mount options=(ro, remount, bind) -> /srv/**,
  mount options=(bind) /etc/ -> /mnt/etc/,
  mount options=(rprivate) -> /,
  mount options=(move) /a/ -> /b/,
  ptrace (read) peer=lxc-*,
  signal (receive) peer=unconfined,
  deny signal (send) set=(kill) peer=unconfined,
  change_profile -> lxc-other,
  deny /etc/shadow w,
  deny /proc/sysrq-trigger rwklx,
  $1
}
PROFILE
}

put_text ''
put_profile lxc-db
configure web=lxc-web db=lxc-db
start_daemon
check "in sync without a test" settled 60
start_container web
before=$(loaded_hash lxc-web)
in_force() { equals "$(loaded_hash lxc-web)" "$before"; }

say "a test that holds, one assertion of every kind and both answers"
sleep 1
seen=$(revision)
put_test lxc-web <<'TEST'
# Files
allow file rwalmkx /srv/file
allow file r /etc/shadow
deny file w /etc/shadow
deny file rw /proc/sysrq-trigger
allow file r /proc/sysrq-trigge     # the last byte counts
deny file r /proc/sysrq-trigger
# Capabilities
allow capability chown
allow capability checkpoint_restore
deny capability mac_admin
# Mounts
allow mount overlay -> /var/lib/docker/**
deny mount overlay -> /var/lib/other/x/
deny mount ext4 /dev/vda -> /var/lib/docker/x/
allow mount remount,bind,ro -> /srv/x/
deny mount remount,bind -> /srv/x/
allow mount bind /etc/ -> /mnt/etc/
deny mount rbind /etc/ -> /mnt/etc/
deny mount bind /etc/ -> /mnt/other/
allow mount rprivate -> /
deny mount rshared -> /
allow mount move /a/ -> /b/
deny mount move /b/ -> /a/
allow umount /anything/
allow pivot_root oldroot=/mnt/old/ /mnt/
deny pivot_root oldroot=/x/ /mnt/
# Others
allow ptrace read peer=lxc-web
deny ptrace trace peer=lxc-web
deny ptrace read peer=unconfined
deny ptrace readby peer=unconfined
allow signal receive set=kill peer=unconfined
allow signal send set=term peer=unconfined
deny signal send set=kill peer=unconfined
allow network inet stream
deny network inet dgram
deny network inet6 stream
deny network packet raw
allow network unix stream
allow change_profile lxc-other
deny change_profile unconfined
TEST
check "it is taken" settled 30
check "nothing was refused" not journal_has 'lxc-web.test'
check "what is in force has not changed" in_force
check "the host's policy did not move" prints "$seen" revision
check "nothing is left of the trial" probe_is_gone
check "it is not deployed" not test -e "$DEPLOYED/lxc-web.test"

say "a converged pass asks nothing"
no_trials() {
    (sleep 1 && touch "$SOURCES/lxc-db") &
    equals "$(count_syscalls 4 mkdir,mkdirat phoenixd-probe)" 0
}
check "not for another profile's change either" no_trials

say "expectations that do not hold"
refuses() {
    local words=$1
    put_test lxc-web
    check "it is refused: $words" wait_until 30 status_like "^Degraded: $words.*last known good in force"
    check "what is in force has not changed" in_force
    check "nothing is left of the trial" probe_is_gone
}
refuses "lxc-web.test: line 2: expected 'allow file w /etc/shadow', but for 'w /etc/shadow' the policy denies it" <<'TEST'
allow file r /etc/shadow
allow file w /etc/shadow
TEST
refuses "lxc-web.test: line 1: expected 'deny file w /etc/shado', but for 'w /etc/shado' the policy allows it" <<'TEST'
deny file w /etc/shado
TEST
refuses "lxc-web.test: line 3: 'etc/shadow': expected an absolute path" <<'TEST'
# a path that is none

deny file w etc/shadow
TEST
refuses "lxc-web.test: line 1: 'denny': expected allow or deny" <<'TEST'
denny file w /etc/shadow
TEST
refuses "lxc-web.test: line 1: expected 'deny capability chown'" <<'TEST'
deny capability chown
TEST

say "a new text that breaks the promise"
put_test lxc-web <<'TEST'
deny file w /etc/shadow
deny change_profile unconfined
TEST
check "first it is kept" settled 30
put_text 'change_profile -> unconfined,'
check "then it is not" wait_until 30 status_like "^Degraded: lxc-web.test: line 2: .*last known good in force"
check "the policy before is in force" in_force
check "so is the deployed file" not grep -q 'change_profile -> unconfined' "$DEPLOYED/lxc-web"
check "the running container stays confined" all_labelled web 'lxc-web (enforce)'
systemctl restart phoenixd
check "a restart does not help it" wait_until 30 status_like "^Degraded: lxc-web.test: line 2: .*last known good in force"
check "the policy before is in force still" in_force
put_text 'deny /etc/gshadow w,'
check "mended, it is taken" settled 30
check "and in force" not in_force

say "other people's files, and files without a profile"
chown nobody "$SOURCES/lxc-web.test"
check "a test that is not root's is refused" wait_until 10 status_like '^Degraded: lxc-web: .*lxc-web.test.*owned'
chown root "$SOURCES/lxc-web.test"
check "in sync when that is mended" settled 30
mv "$SOURCES/lxc-web.test" "$SOURCES/lxc-wep.test"
check "a test without a profile is told" wait_until 30 status_like '^Degraded: lxc-wep.test: tests a profile that does not exist'
rm "$SOURCES/lxc-wep.test"
check "in sync without it" settled 30

say "what a crash leaves is gone after the next start"
mkdir /sys/kernel/security/apparmor/policy/namespaces/phoenixd-probe
systemctl restart phoenixd
check "the trial's namespace is gone" wait_until 10 probe_is_gone
check "and all is in sync" settled 30

say "every shipped profile keeps what its page promises"
rm "$SOURCES"/lxc-*
cp -r /usr/share/phoenixd/apparmor.d/. "$SOURCES/"
configure web=lxc-baseline db=lxc-phoenix-v2
shipped_are_loaded() {
    local name
    for name in lxc-baseline lxc-phoenix-v2 lxc-gpu-docker-storage lxc-nesting-v1; do
        is_loaded "$name" || { echo "$name is not loaded" && status_text && return 1; }
    done
}
check "they are all taken" wait_until 120 shipped_are_loaded
check "each with its test" equals "$(find "$SOURCES" -name 'lxc-*.test' | wc -l)" 4
check "and none was refused" not journal_has 'lxc-(baseline|phoenix|gpu|nesting)[a-z0-9-]*[.]test'
