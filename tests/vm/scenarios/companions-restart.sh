# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Managed lines take effect at a start: a container that was started with others requires a restart, by what its own monitor knows, and is restarted only where that is permitted.

LXC=/var/lib/lxc

# put WEB DB: their lxc_options, as JSON.
put() {
    mkdir -p /etc/phoenixd
    printf '{ "lxc_configs": {
        "web": { "apparmor_profile": "lxc-web", "lxc_options": [ %s ] },
        "db": { "apparmor_profile": "lxc-web", "lxc_options": [ %s ] },
        "910": { "apparmor_profile": "lxc-web", "lxc_options": [ "lxc.tty.max=2" ] } } }\n' "$1" "$2" >/etc/phoenixd/.configs.new
    mv /etc/phoenixd/.configs.new "$CONFIG"
}
init_of() {
    local pid
    pid=$(lxc-info -n "$1" -pH)
    printf '%s %s' "$pid" "$(cut -d ' ' -f 22 "/proc/$pid/stat")"
}
# has_cap NAME BIT: whether the container's init may ever have the capability.
has_cap() {
    local set
    set=$(sed -n 's/^CapBnd:\t*//p' "/proc/$(lxc-info -n "$1" -pH)/status")
    (((0x$set >> $2) & 1))
}
# What is said of a container, as a person reads it.
says() {
    local id=$1
    shift
    prints_like "$@" phoenixctl status "$id"
}
drift_of() {
    phoenixctl status --json | jq -r --arg id "$1" '.drifts[] | select(.object == $id) | "\(.layer) \(.kind) \(.cause) \(.expected)"'
}
restarts() {
    journalctl --sync
    journalctl -b -q --no-pager -o json --after-cursor="$1" -u phoenixd |
        jq -r 'select(.PHOENIXD_ACTION == "restart" and (.PHOENIXD_RECORD | IN("intent", "changed", "failed"))) |
            "\(.PHOENIXD_RECORD) \(.PHOENIXD_CONTAINER)"'
}
none_under_way() {
    [[ ! -s /var/lib/phoenixd/restarts.json ]] || equals "$(jq -c '[.restarts[] | select(.phase != "started")]' /var/lib/phoenixd/restarts.json)" "[]"
}

WAKE_ALARM=35 LEASE=28
put_profile lxc-web
echo '{ "debounce_ms": 10 }' >"$SETTINGS"
put '"lxc.cap.drop=wake_alarm"' '"lxc.cap.drop=wake_alarm"'
start_daemon
check "in sync" settled 30
for name in web db 910; do
    start_container "$name"
done
check "all are confined" wait_until 20 status_like '^In sync: .*3 of 3 containers confined, 2 unmanaged$'
check "what was started with its lines has them" not has_cap web $WAKE_ALARM
check "and nothing is said of it" equals "$(drift_of web)" ""

say "another line"
web=$(init_of web) db=$(init_of db) other=$(init_of 910)
put '"lxc.cap.drop=wake_alarm", "lxc.cap.drop=lease"' '"lxc.cap.drop=wake_alarm"'
check "it requires a restart" wait_until 20 status_like '^In sync: .*, 1 requires restart, 2 unmanaged$'
check "for that line" says web 'was started without lxc.cap.drop, which its config has; requires restart'
check "as programs read it" prints "running running requires-restart with lxc.cap.drop" drift_of web
check "nothing is said of another" equals "$(drift_of db)" ""
check "and nothing is restarted, as nothing permits it" equals "$(init_of web)/$(init_of db)/$(init_of 910)" "$web/$db/$other"
check "it runs without the line, indeed" has_cap web $LEASE

say "a line that the operator has, too"
sed -i '1i lxc.cap.drop = lease' "$LXC/web/config"
phoenixctl reconcile --wait >/dev/null || true
check "it is the same" prints "running running requires-restart with lxc.cap.drop" drift_of web
sed -i 1d "$LXC/web/config"

say "a line that is no part of the confinement"
put '"lxc.cap.drop=wake_alarm"' '"lxc.cap.drop=wake_alarm", "lxc.tty.max=3", "lxc.environment=A=B"'
check "back to what it was started with, it is in sync" wait_until 20 status_like '^In sync: .*3 of 3 containers confined, 2 unmanaged$'
check "also the one with the others" equals "$(drift_of db)" ""

say "a line that is gone"
put '"lxc.cap.drop=wake_alarm"' ''
check "it requires a restart" wait_until 20 status_like '^In sync: .*, 1 requires restart, 2 unmanaged$'
check "for what it was started with" says db 'was started with lxc.cap.drop, which was removed since; requires restart'
systemctl kill -s KILL phoenixd
check "the next phoenixd knows that, too" wait_until 30 prints "running running requires-restart without lxc.cap.drop" drift_of db

say "a monitor that is stopped"
monitor=$(pgrep -f 'lxc-start.* web|\[lxc monitor\] /var/lib/lxc web' | head -n 1)
kill -STOP "$monitor"
put '"lxc.cap.drop=wake_alarm", "lxc.cap.drop=lease"' ''
check "that is said" wait_until 60 says web 'its managed lines cannot be compared with those of its start: its monitor does not answer'
check "nothing is restarted for it" not status_like '2 require restart'
check "the others are looked at" prints "running running requires-restart without lxc.cap.drop" drift_of db
check "an answer does not wait" phoenixctl status db
kill -CONT "$monitor"
phoenixctl reconcile --wait >/dev/null || true
check "when it goes on, it is known" wait_until 20 status_like ', 2 require restart, 2 unmanaged$'

say "restarted, where that is permitted"
cursor=$(journal_cursor)
set_setting restart_interval_s 0
set_setting apparmor_restart '"immediate"'
check "in sync" wait_until 120 status_like '^In sync: .*3 of 3 containers confined, 2 unmanaged$'
check "the one has its line" not has_cap web $LEASE
check "and the one it was started with" not has_cap web $WAKE_ALARM
check "the other is rid of it" has_cap db $WAKE_ALARM
check "they are over" wait_until 30 none_under_way
# systemd 252 leaves out the first record behind a cursor.
check "each was restarted once, one after the other" equals "$(restarts "$cursor" | grep -v '^intent db' | paste -sd ' ')" "changed db intent web changed web"
check "the third never" equals "$(init_of 910)" "$other"
check "what was done can be read" journal_has 'web: it was restarted, and read back'
web=$(init_of web) db=$(init_of db)
systemctl restart phoenixd
check "in sync after a restart of phoenixd" settled 30
check "nothing was restarted again" equals "$(init_of web)/$(init_of db)/$(init_of 910)" "$web/$db/$other"

say "at the request of an operator"
set_setting apparmor_restart '"never"'
put '"lxc.cap.drop=wake_alarm", "lxc.cap.drop=lease", "lxc.cap.drop=sys_boot"' ''
check "it requires a restart" wait_until 20 prints "running running requires-restart with lxc.cap.drop" drift_of web
phoenixctl restart web >/dev/null
check "an operator may ask for it" wait_until 60 status_like '^In sync: .*3 of 3 containers confined, 2 unmanaged$'
check "and nothing is left" wait_until 30 none_under_way
