# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 900
# restart_health, asked for by systemd: it passes, fails, hangs, is missing, and is not begun at first; and several
# restarts at once, but never two of one chain of dependencies.

PROGRAM=/usr/local/sbin/health

# What PROGRAM answers: each call is in /run/health.log.
answer() {
    echo "$1" >/run/health-answer
    : >/run/health.log
}
asked() {
    wc -l </run/health.log
}
# assign WEB: the profile of web; all others keep theirs. web depends on db.
assign() {
    # shellcheck disable=SC2016 # jq's own variables
    jq -n --arg web "$1" --arg others "${2:-lxc-new}" '{lxc_configs: {
        web: {apparmor_profile: $web, dependencies: ["db"]},
        db: {apparmor_profile: $others}, "910": {apparmor_profile: $others}, "953": {apparmor_profile: $others}
    }}' >"$ETC/.configs.new"
    mv "$ETC/.configs.new" "$CONFIG"
}
due() {
    phoenixctl status --json | jq -r --arg id "$1" '.containers[] | select(.id == $id) | .restart_due'
}
none_under_way() {
    equals "$(jq -c '[.restarts[] | select(.phase != "started")]' /var/lib/phoenixd/restarts.json)" "[]"
}
# "RECORD CONTAINER" of each restart, one a line.
restarts() {
    journalctl --sync
    journalctl -b -q --no-pager -o json --after-cursor="$1" -u phoenixd |
        jq -r 'select(.PHOENIXD_ACTION == "restart" and (.PHOENIXD_RECORD | IN("intent", "changed", "failed"))) |
            "\(.PHOENIXD_RECORD) \(.PHOENIXD_CONTAINER)"'
}

cat >"$PROGRAM" <<'EOF'
#!/bin/sh
echo "$1" >>/run/health.log
case $(cat /run/health-answer) in
fail) exit 1 ;;
hang) exec sleep 600 ;;
esac
EOF
chmod 755 "$PROGRAM"
answer pass
mkdir -p "$ETC"
for name in old new other; do put_profile "lxc-$name"; done
assign lxc-old lxc-old
set_setting apparmor_restart '"immediate"'
set_setting restart_interval_s 0
set_setting restart_jobs 3
set_setting restart_rollback true
set_setting restart_deadline_s 10
set_setting restart_health "\"$PROGRAM\""
set_setting restart_health_s 2
start_daemon
check "in sync at first" settled 30
for id in web db 910 953; do start_container "$id"; done
for id in web db 910 953; do check "$id runs in its profile" wait_until 20 all_labelled "$id" "lxc-old (enforce)"; done

say "it passes, three at once"
cursor=$(journal_cursor)
assign lxc-new
check "the last one is restarted" wait_until 90 all_labelled web "lxc-new (enforce)"
check "and counts as done" wait_until 40 none_under_way
check "each was asked for its health" equals "$(sort /run/health.log | paste -sd ' ')" "910 953 db web"
restarts "$cursor" >/run/restarts
check "three were under way at once, not the one that depends on another" equals "$(head -n 3 /run/restarts | paste -sd ,)" "intent 910,intent 953,intent db"
check "that came after what it depends on was done" test "$(grep -n '^intent web$' /run/restarts | cut -d : -f 1)" -gt "$(grep -n '^changed db$' /run/restarts | cut -d : -f 1)"
check "all are done" equals "$(grep -c ^changed /run/restarts)" 4

say "it fails"
answer fail
cursor=$(journal_cursor)
assign lxc-other
check "that is said" wait_until 30 journal_has 'web: .*restart.* failed: its health check failed: ' "$cursor"
check "it is rolled back" wait_until 30 journal_has 'web: rolled back to lxc-new' "$cursor"
check "it runs in its profile before" wait_until 30 all_labelled web "lxc-new (enforce)"
check "which is what is due" wait_until 20 prints rolled-back due web

say "it hangs"
assign lxc-new
check "nothing is to be done" wait_until 30 none_under_way
answer hang
cursor=$(journal_cursor)
assign lxc-other
check "it is asked" wait_until 30 prints 1 asked
check "it is ended by its limit" wait_until 30 journal_has 'web: .*restart.* failed: its health check failed: ' "$cursor"
check "and rolled back" wait_until 30 all_labelled web "lxc-new (enforce)"
check "no program is left" wait_until 10 not pgrep -f 'sleep 600'

say "systemd does not begin it"
assign lxc-new
check "nothing is to be done" wait_until 30 none_under_way
answer pass
cursor=$(journal_cursor)
unit=phoenixd-health-web.$(($(jq .serial /var/lib/phoenixd/restarts.json) + 2)).service
printf '[Service]\nExecStart=/bin/true\n' >"/run/systemd/system/$unit"
assign lxc-other
check "that is said meanwhile" wait_until 30 prints_like 'its health is not known yet: systemd does not accept it' phoenixctl status web
check "it was not asked" equals "$(asked)" 0
check "it is asked again" wait_until 30 prints 1 asked
check "and is well" wait_until 30 none_under_way
check "it was not rolled back" all_labelled web "lxc-other (enforce)"
check "nothing failed" not journal_has 'web: .*restart.* failed' "$cursor"

say "it cannot be run"
chmod 644 "$PROGRAM"
answer pass
init=$(lxc-info -n web -pH)
assign lxc-new
check "that is what the restart waits for" wait_until 20 prints_like "when restart_health can be run: $PROGRAM: is not executable" phoenixctl status web
check "which is no failure" prints not-ready due web
mv "$PROGRAM" "$PROGRAM.away"
phoenixctl reconcile >/dev/null
check "also while it is missing" wait_until 20 prints_like "when restart_health can be run: $PROGRAM: No such file" phoenixctl status web
check "the container was not stopped" prints "$init" lxc-info -n web -pH
mv "$PROGRAM.away" "$PROGRAM"
chmod 755 "$PROGRAM"
check "it is restarted when it can be run" wait_until 90 all_labelled web "lxc-new (enforce)"
check "and is well" wait_until 30 none_under_way

say "it goes missing meanwhile"
assign lxc-other
check "it runs in another profile" wait_until 60 all_labelled web "lxc-other (enforce)"
check "nothing is to be done" wait_until 30 none_under_way
answer pass
cursor=$(journal_cursor)
assign lxc-new
check "it is restarted" wait_until 30 journal_has 'web: restarting it$' "$cursor"
mv "$PROGRAM" "$PROGRAM.away"
check "it counts as failed" wait_until 40 journal_has "web: .*restart.* failed: its health could not be asked for: $PROGRAM" "$cursor"
check "it keeps its new profile" all_labelled web "lxc-new (enforce)"
sleep 2
check "it is not rolled back" not journal_has 'web: rolled back' "$cursor"
check "its config has that, too" prints lxc-new effective_profile web
check "the status says why" prints_like 'not rolled back: nothing is known against its profile' phoenixctl status web
check "that is what is due" prints failed due web
mv "$PROGRAM.away" "$PROGRAM"
check "an operator has it asked again" phoenixctl restart web
check "it is asked" wait_until 20 prints 1 asked
check "now it is done" wait_until 40 none_under_way
check "in sync" settled 30
