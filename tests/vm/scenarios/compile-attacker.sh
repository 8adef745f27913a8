# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Nobody but root changes what is compiled: no process of `nobody`, and not even one of the compiler's own user.

COMPILER=phoenixd-compiler
FORGED=/run/attack/forged

# Stops every compile that it can, and writes a policy of its own wherever the compile writes. It counts in one file what it has tried,
# and notes in another what was not refused.
cat >/run/attack.sh <<'ATTACK'
user=$1 engine=$2
forged=/run/attack/forged
tried=0
try() {
    tried=$((tried + 1))
    ! "$@" 2>/dev/null || printf '%s\n' "$*" >>"/run/attack/$user.log"
}
into() { cat "$forged" >"$1"; }
add_to() { printf x >>"$1"; }
while :; do
    read -r pid _ <"/proc/$engine/task/$engine/children"
    [ -n "$pid" ] || continue
    read -r name <"/proc/$pid/comm"
    [ "$name" = apparmor_parser ] || continue
    kill -STOP "$pid"
    try into "/proc/$pid/fd/1"
    try add_to "/proc/$pid/mem"
    try add_to "/proc/$pid/cwd/lxc-web"
    try cat "/proc/$pid/fd/2"
    try mkdir "/run/phoenixd/stage/lxc-web/local"
    try mv /run/phoenixd/stage/lxc-web /run/phoenixd/stage/x
    kill -CONT "$pid"
    try strace -qq -o "/run/attack/$user.trace" -p "$pid"
    echo "$tried" >"/run/attack/$user"
done 2>/dev/null
ATTACK

attack() {
    setpriv --reuid="$1" --regid="$2" --clear-groups bash /run/attack.sh "$1" "$engine" &
    attackers+=($!)
}

# tried USER: often enough to have met one that had come far.
tried() {
    local tried
    read -r tried <"/run/attack/$1" && [[ $tried -ge 21 ]]
} 2>/dev/null

log_of() {
    sort -u "/run/attack/$1.log" 2>/dev/null
}

mkdir -m 0777 /run/attack
profile_text lxc-web >/tmp/lxc-web
apparmor_parser -K -Q -S /tmp/lxc-web >"$FORGED"
put_profile lxc-web
configure web=lxc-web
start_daemon
check "in sync after the first start" settled 60
check "the compiler has an account of its own" getent passwd "$COMPILER"
engine=$(pgrep -x phoenixd-engine)
attackers=()
attack nobody nogroup
! getent passwd "$COMPILER" >/dev/null || attack "$COMPILER" "$COMPILER"

# Each compile is attacked; there are new ones until both have been at work.
for round in $(seq 12); do
    put_profile lxc-web 'deny /etc/secret r,' "deny /etc/round$round r,"
    phoenixctl reconcile --wait >/dev/null || true
    ! { tried nobody && tried "$COMPILER"; } || break
done
kill "${attackers[@]}"
wait "${attackers[@]}" || true
check "nobody's process was at work" tried nobody
check "one of the compiler's user, too" tried "$COMPILER"
check "nothing that nobody's tried was done" prints "" log_of nobody
check "nor what the other one tried" prints "" log_of "$COMPILER"

phoenixctl reconcile --wait >/dev/null || true
check "in sync in the end" settled 60
apparmor_parser --config-file=/dev/null -K -r -I "$SOURCES" --policy-features=/usr/share/apparmor-features/features "$SOURCES/lxc-web"
honest=$(loaded_hash lxc-web)
systemctl restart phoenixd
check "in sync after a restart" settled 30
check "what is loaded is what was written" prints "$honest" loaded_hash lxc-web
start_container web
inside web 'echo hello >/etc/secret'
check "and denies what it is to deny" not inside web 'cat /etc/secret'

say "without the account nothing is compiled, and what is in force stays"
sed -i "/^$COMPILER:/d" /etc/passwd
put_profile lxc-web 'deny /etc/other r,'
check "it is said" wait_until 10 status_like "^Degraded: .*the user $COMPILER, which does not exist; run systemd-sysusers"
check "the last good policy stays" prints "$honest" loaded_hash lxc-web
check "validate judges all the same" prints_like '0 errors|No mistake' phoenixctl validate
systemd-sysusers
changed() { [[ $(loaded_hash lxc-web) != "$honest" ]]; }
check "with it all goes on" wait_until 20 changed
check "in sync" settled 10
