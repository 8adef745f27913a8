# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 900
# The daemon is killed in each phase that follows a restart: while a container is asked for its health, while its profile
# before is to be put back, and while it is restarted in that. And a restart of a container that is taken out of the
# configuration is waited for.

PROGRAM=/usr/local/sbin/health

phase() {
    jq -r '.restarts[] | select(.id == "web") | .phase' /var/lib/phoenixd/restarts.json
}
none_under_way() {
    equals "$(jq -c '[.restarts[] | select(.phase != "started")]' /var/lib/phoenixd/restarts.json)" "[]"
}
due() {
    phoenixctl status --json | jq -r --arg id "$1" '.containers[] | select(.id == $id) | .restart_due'
}
killed() {
    systemctl kill -s KILL phoenixd
    wait_until 30 systemctl is-active phoenixd
}
engine_killed() {
    pkill -KILL -P "$(main_pid)" -x phoenixd-engine
}
# How often web has been told to start.
starts() {
    journalctl -b -q -o cat -u lxc@web | grep -c '^Started\|: Started' || true
}

cat >"$PROGRAM" <<'EOF'
#!/bin/sh
echo "$1" >>/run/health.log
while [ ! -e /run/health-answer ]; do sleep 0.1; done
exit "$(cat /run/health-answer)"
EOF
printf '#!/bin/sh\nwhile [ -e /run/slow ]; do sleep 0.1; done\n' >/usr/local/sbin/slow
chmod 755 "$PROGRAM" /usr/local/sbin/slow
echo 'lxc.hook.pre-start = /usr/local/sbin/slow' >>/var/lib/lxc/web/config
: >/run/health.log
mkdir -p "$ETC"
for name in old new other; do put_profile "lxc-$name"; done
configure web=lxc-old db=lxc-old
set_setting apparmor_restart '"immediate"'
set_setting restart_interval_s 0
set_setting restart_rollback true
set_setting restart_deadline_s 60
set_setting restart_health "\"$PROGRAM\""
start_daemon
check "in sync at first" settled 30
for id in web db; do start_container "$id"; done
for id in web db; do check "$id runs in its profile" wait_until 20 all_labelled "$id" "lxc-old (enforce)"; done

say "killed while it is asked for its health"
before=$(starts)
configure web=lxc-new db=lxc-old
check "it is asked" wait_until 30 prints checked phase
check "its program runs" wait_until 10 prints web cat /run/health.log
check "the daemon is killed" killed
check "the engine is killed" wait_until 10 engine_killed
echo 0 >/run/health-answer
check "it is done" wait_until 60 none_under_way
check "it was asked once" prints web cat /run/health.log
check "it was restarted once" prints $((before + 1)) starts
check "it runs in its profile" all_labelled web "lxc-new (enforce)"

say "killed while its profile before is to be put back"
rm /run/health-answer
before=$(starts)
cursor=$(journal_cursor)
configure web=lxc-other db=lxc-old
check "it is asked" wait_until 60 prints checked phase
check "its config can be changed no more" chattr +i /var/lib/lxc/web
touch /run/slow
echo 1 >/run/health-answer
check "it is to be rolled back" wait_until 30 prints back phase
check "the daemon is killed" killed
check "it is still to be" prints back phase
check "its config is as it was" prints lxc-other effective_profile web
chattr -i /var/lib/lxc/web

say "killed while it is restarted in that"
check "its config is put back" wait_until 60 prints lxc-new effective_profile web
check "it is restarted" wait_until 30 prints back-under-way phase
check "it does not run, as its start takes long" wait_until 30 pgrep -f /usr/local/sbin/slow
check "the daemon is killed" killed
check "the engine is killed" wait_until 10 engine_killed
check "it is still being restarted" prints back-under-way phase
rm /run/slow
check "it runs in its profile before" wait_until 60 all_labelled web "lxc-new (enforce)"
check "which is what is due" wait_until 30 prints rolled-back due web
check "it was restarted twice" prints $((before + 2)) starts
check "its failure was said once" prints 1 journal_count 'web: restarting it failed: its health check failed' "$cursor"
check "and that it was rolled back" prints 1 journal_count 'web: rolled back to lxc-new' "$cursor"

say "taken out of the configuration"
echo 0 >/run/health-answer
configure web=lxc-new db=lxc-old
check "nothing is to be done" wait_until 30 none_under_way
db=$(lxc-info -n db -pH)
monitor=$(systemctl show -P MainPID lxc@web)
kill -STOP "$monitor"
cursor=$(journal_cursor)
configure web=lxc-old db=lxc-old
check "its restart hangs" wait_until 20 prints deactivating systemctl show -P ActiveState lxc@web
configure db=lxc-new
check "it is not managed any more" wait_until 20 prints "" due web
check "another one waits for its turn" wait_until 20 prints turn due db
check "also after the daemon was killed" killed
check "it waits still" wait_until 20 prints turn due db
sleep 2
check "it was not restarted" prints "$db" lxc-info -n db -pH
kill -CONT "$monitor"
check "it is restarted" wait_until 90 all_labelled db "lxc-new (enforce)"
check "what came of the first is said" journal_has 'web: .*restart.* failed: it is no longer in the configuration' "$cursor"
check "nothing is left" wait_until 40 none_under_way
