# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash source=tests/vm/guest/lib.sh
# Any local user may take the names of the monitors' sockets while a container is stopped. That costs
# nobody anything: profiles are assigned, a look waits for nothing, and what is stopped is stopped.

LOG=/run/squatters.log

squat() {
    local before
    before=$(grep -c '^ready' "$LOG" || true)
    perl squatters.d/squatter "$LOG" "$@" >/run/squatters.err 2>&1 &
    echo $! >>/run/squatters.pids
    wait_until 60 prints $((before + 1)) grep -c '^ready' "$LOG"
}

# container NAME FIELD: of what status says about it.
container() {
    phoenixctl status --json | jq -r --arg name "$1" ".containers[] | select(.id == \$name) | .$2"
}

config_says() {
    grep -qx "lxc.apparmor.profile *= *$2" "/var/lib/lxc/$1/config"
}

put_profile lxc-web
put_profile lxc-db
configure web=lxc-web db=lxc-db 910=lxc-db
: >"$LOG"
mapfile -t unknown < <(seq -f 'unknown%g' 200)
check "the names of stopped containers are taken" squat mute web
check "by one that answers" squat answers db
check "and one whose queue is full" squat full 910
check "and 200 of no container" squat mute "${unknown[@]}"

cursor=$(journal_cursor)
start_daemon
check "in sync, as without them" settled 60
for pair in web=lxc-web db=lxc-db 910=lxc-db; do
    check "${pair%=*} has its profile" config_says "${pair%=*}" "${pair#*=}"
    check "${pair%=*} is stopped" prints stopped container "${pair%=*}" posture
done
check "nothing is doubted on the way" not journal_has 'is unknown|monitor' "$cursor"
check "the one that answers was asked nothing" not grep -q '^read [0-9]' "$LOG"
passes=$(phoenixctl status --json | jq .pass.number)
(sleep 1; cp "$CONFIG" /run/same; cp /run/same "$CONFIG.new"; mv "$CONFIG.new" "$CONFIG") &
forks=$(count_syscalls 6 'clone,clone3,fork,vfork')
wait $!
check "a look was made" test "$(phoenixctl status --json | jq .pass.number)" -gt "$passes"
check "which started nobody to ask them" equals "$forks" 0

say "who really runs is seen, wherever its cgroup is"
xargs kill </run/squatters.pids
start_container web
check "a container that runs is confined" wait_until 20 prints confined container web posture
echo 'lxc.cgroup.relative = 1' >>/var/lib/lxc/db/config
lxc-start -n db
check "the other's cgroup is elsewhere" equals "$(payload_pids db)" ""
phoenixctl reconcile --wait >/dev/null
check "its monitor names its init" prints confined container db posture

say "its monitor hangs"
monitor=$(pgrep -f 'lxc-start.* -n db|\[lxc monitor\].* db' | head -n 1)
kill -STOP "$monitor"
sed -i 's/^lxc.apparmor.profile.*/lxc.apparmor.profile = unconfined/' /var/lib/lxc/db/config
# That is no event.
phoenixctl reconcile --wait >/dev/null || true
check "what it runs is not known" wait_until 20 prints unknown container db posture
check "and the reason is given" wait_until 20 status_like 'db: the label of a task is unknown: its monitor does not answer'
check "its config is repaired all the same" wait_until 20 config_says db lxc-db
kill -CONT "$monitor"
check "when it goes on, all is known again" wait_until 60 prints confined container db posture
check "in sync" settled 60
