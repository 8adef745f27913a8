# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash source=tests/vm/guest/lib.sh
# Restarts that an operator asks for: who may, of what, in which window; and that nothing restarts by itself.

ctl() {
    phoenixctl "$@"
}

# exits STATUS COMMAND...
exits() {
    local expected=$1 status=0
    shift
    "$@" || status=$?
    equals "$status" "$expected"
}

says() {
    local expected=$1
    shift
    "$@" >/run/said 2>&1 || true
    grep -qE -- "$expected" /run/said || { echo "no line is like: $expected" && cat /run/said && return 1; }
}

as_nobody() {
    setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"
}

# The init of a container, and when it was started: another one after a restart.
init_of() {
    local pid
    pid=$(lxc-info -n "$1" -pH)
    printf '%s %s' "$pid" "$(cut -d ' ' -f 22 "/proc/$pid/stat")"
}

# started_at NAME: seconds since the epoch.
started_at() {
    date -d "$(ps -o lstart= -p "$(lxc-info -n "$1" -pH)")" +%s
}

is_another() {
    [[ $(init_of "$1") != "$2" ]]
}

# What is kept of restarts, "ID PHASE" each.
kept() {
    jq -r '.restarts[] | "\(.id) \(.phase)"' /var/lib/phoenixd/restarts.json
}

put_profile lxc-old
put_profile lxc-new
configure web=lxc-old db=lxc-old 910=lxc-old 953=lxc-old
start_daemon
check "in sync" settled 30
for name in web db 910 953; do
    start_container "$name"
done
check "all are confined" wait_until 20 status_like '4 of 4 containers confined'

say "a change that requires restarts"
configure web=lxc-new db=lxc-new 910=lxc-new 953=lxc-old
check "three of them require one" wait_until 20 status_like '3 require restart'
check "the next step is a command" says '-> phoenixctl restart web$' ctl status web
check "the plan says why nothing happens" says '^  web: not by phoenixd: apparmor_restart is never$' ctl plan
web=$(init_of web) db=$(init_of db) other=$(init_of 910) unchanged=$(init_of 953)

say "who may, and of what"
check "not everybody" exits 4 as_nobody phoenixctl restart web
check "a container that is none" says 'no such container' ctl restart nonsense
check "one that requires none" says 'no restart is required' ctl restart 953
ctl suspend --reason='moving its storage' web >/dev/null
check "one that is suspended" says 'it is suspended' ctl restart web
check "nothing was stored" not test -s /var/lib/phoenixd/restarts.json
check "and nothing was restarted" equals "$(init_of web)/$(init_of db)/$(init_of 910)/$(init_of 953)" "$web/$db/$other/$unchanged"

say "one is restarted"
sample_labels db 60 2 /run/db.labels &
sampler=$!
check "it is taken on" exits 0 ctl restart db
check "it runs under its new label" wait_until 30 all_labelled db "lxc-new (enforce)"
check "by a restart" is_another db "$db"
check "which is over" wait_until 20 prints "" kept
kill -TERM "$sampler"
wait "$sampler" || true
# A task of LXC's is there until it becomes init.
check "no task was seen in another label" not grep -vE '^#|	(lxc-(old|new)|/usr/bin/lxc-start) \(enforce\)$' /run/db.labels
check "the journal knows who has asked" journal_has 'db: restart requested by uid 0'
check "and that it was done" journal_has 'db: it was restarted, and read back'
check "history has it" says 'restart-asked +db: restart requested by uid 0' ctl history db
check "no other was restarted" equals "$(init_of web)/$(init_of 910)/$(init_of 953)" "$web/$other/$unchanged"

say "in a window"
check "all others are asked for, in a window" exits 0 ctl restart --all-needed --in-window
check "it is kept" prints "910 asked" kept
check "it waits for one" says 'when a window of restart_windows opens' ctl status 910
set_setting restart_windows '[ "Sax 03:00" ]'
check "one that is no calendar expression is refused" wait_until 10 says "phoenixd.json:[0-9]+: restart_windows\[0\]: found 'Sax 03:00'" ctl status
opens=$(($(date +%s) + 25))
set_setting restart_windows "[ \"$(date -u -d "@$opens" '+%F %T UTC')\" ]"
set_setting restart_window_minutes 1
check "a restart of the daemon keeps it" systemctl restart phoenixd
check "it is known when it opens" wait_until 10 says 'Restart: *when a window of restart_windows opens, in [0-9]+ s' ctl status 910
check "it is not restarted before" equals "$(init_of 910)" "$other"
check "it is restarted in the window" wait_until 60 all_labelled 910 "lxc-new (enforce)"
# ps computes it from the time of the boot, which is a whole second.
check "and not before it" test "$(started_at 910)" -ge $((opens - 1))
check "nor after it" test "$(started_at 910)" -le $((opens + 60))
check "nothing is left" wait_until 20 prints "" kept

say "what is suspended waits until it is resumed"
check "it was not restarted" equals "$(init_of web)" "$web"
check "it says what it waits for" says 'web .*suspended$|Restart: *when it is resumed' ctl status web
ctl resume web >/dev/null
check "nor when it is resumed, as nothing was asked for it" equals "$(init_of web)" "$web"
check "now it is" exits 0 ctl restart web
check "and runs under its new label" wait_until 30 all_labelled web "lxc-new (enforce)"
check "one that required none was never restarted" equals "$(init_of 953)" "$unchanged"
check "in sync" settled 30
