# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What somebody starts in a container runs in a cgroup of its own, of any name. It may leave the profile without an event.

put_profile lxc-db 'change_profile -> unconfined,'
put_profile lxc-web
configure db=lxc-db web=lxc-web
set_setting accept '[{"rule":"may-leave","profile":"lxc-db","reason":"this test leaves it"}]'
start_daemon
check "in sync" settled 30
start_container db
start_container web
check "both are confined" wait_until 10 status_like '^In sync: .*2 of [0-9]+ containers? confined'
posture_of() { phoenixctl posture --json | jq -r --arg id "$1" '.containers[] | select(.id == $id) | .posture'; }
state_of() { phoenixctl list containers --json | jq -r --arg id "$1" '.containers[] | select(.id == $id) | .state'; }
posture_exits() {
    local status=0
    phoenixctl posture --quiet || status=$?
    equals "$status" "$1"
}
check "posture has nothing to say" posture_exits 0

# leave CONTAINER: the number of a process that has left the profile, and that nobody waits for.
leave() {
    local marker=4$RANDOM
    inside "$1" "echo changeprofile unconfined >/proc/self/attr/current; sleep $marker </dev/null >/dev/null 2>&1 & sleep 0.5"
    pgrep -f "^sleep $marker"
}
attached=$(leave db)
check "it is in a cgroup with a dot" prints_like '^0::/lxc\.payload\.db/\.lxc' cat "/proc/$attached/cgroup"
check "and unconfined" prints unconfined cat "/proc/$attached/attr/current"
phoenixctl reconcile --wait >/dev/null || true
check "db needs a restart" prints requires-restart state_of db
check "a part of it is unconfined" prints partly-unconfined posture_of db
check "partly" prints_like 'db +container-db +partly-unconfined +unconfined' phoenixctl posture
check "posture says so" posture_exits 2
check "the status counts it" status_like '1 of 2 containers confined, 1 partly unconfined, 1 requires restart'
check "web is what it was" prints confined posture_of web

say "a cgroup in which the kernel names no process, only threads"
threaded=/sys/fs/cgroup/lxc.payload.db-1
mkdir "$threaded"
echo threaded >"$threaded/cgroup.type"
echo "$attached" >"$threaded/cgroup.procs"
check "it is such a one" prints_like 'not supported' cat "$threaded/cgroup.procs"
phoenixctl reconcile --wait >/dev/null || true
check "db still needs a restart" prints requires-restart state_of db
check "and posture says so" posture_exits 2
kill "$attached"
phoenixctl reconcile --wait >/dev/null || true
check "without it all is as before" posture_exits 0

say "labels alone"
labels_at() { phoenixctl status --json | jq .labels_at; }
passes() { phoenixctl status --json | jq .pass.number; }
check "posture says how old they are" prints_like 'Labels as of [0-9]+ s ago' phoenixctl posture
check "and status" prints_like 'Labels: +as of [0-9]+ s ago' phoenixctl status
before=$(labels_at)
sleep 3
check "nobody reads them unasked" equals "$(labels_at)" "$before"
set_setting label_resync_s 1
newer() { test "$(labels_at)" -gt $((before + 4000000)); }
check "every second they are read" wait_until 20 newer
sleep 2
before=$(labels_at) looks=$(passes)
reads=$(count_syscalls 5 openat 'attr/apparmor/current')
say "$reads labels read in 5 s"
check "again and again" test "$reads" -gt 10
check "without a look" equals "$(passes)" "$looks"
check "and it is told when" test "$(labels_at)" -gt "$before"
attached=$(leave db)
check "who leaves the profile is seen without any event" wait_until 20 prints requires-restart state_of db
check "and posture says so" posture_exits 2
kill "$attached"
check "and who is gone" wait_until 20 posture_exits 0
looks=$(passes)
sleep 3
check "then there is nothing to look at" equals "$(passes)" "$looks"
stop_container db
stop_container web
postures() { phoenixctl posture --json | jq -c '[.containers[].posture]'; }
check "both have stopped" wait_until 10 prints '["stopped","stopped"]' postures
sleep 3
before=$(labels_at)
sleep 3
check "while no container runs nobody is woken" equals "$(labels_at)" "$before"
