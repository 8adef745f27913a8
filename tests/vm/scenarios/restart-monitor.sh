# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A container whose monitor was stopped cannot be restarted: phoenixd does not wait for it, says so by its monitor's
# number, and restarts the others meanwhile. When the monitor goes on, so does the restart.
# timeout: 900

monitor_state() {
    sed -n 's/^State:\t\(.\).*/\1/p' "/proc/$monitor/status"
}

due() {
    phoenixctl status --json | jq -r --arg id "$1" '.containers[] | select(.id == $id) | .restart_due'
}

put_profile lxc-old
put_profile lxc-new
configure 910=lxc-old db=lxc-old web=lxc-old
set_setting apparmor_restart '"immediate"'
set_setting restart_deadline_s 10
set_setting restart_interval_s 0
start_daemon
check "in sync at first" settled 30
for id in 910 db web; do start_container "$id"; done
for id in 910 db web; do check "$id runs in its profile" all_labelled "$id" "lxc-old (enforce)"; done
inits=$(for id in 910 db web; do lxc-info -n "$id" -pH; done)

say "the monitor of the first one is stopped, and all are to have another profile"
monitor=$(systemctl show -P MainPID lxc@910)
kill -STOP "$monitor"
cursor=$(journal_cursor)
configure 910=lxc-new db=lxc-new web=lxc-new
check "it is the first one's turn" wait_until 20 journal_has '910: restarting it$' "$cursor"
check "systemd is at it" wait_until 10 prints deactivating systemctl show -P ActiveState lxc@910
began=$(now_ms)
check "the daemon answers meanwhile" timeout 10 phoenixctl status
check "the others are restarted" wait_until 60 all_labelled db "lxc-new (enforce)"
check "all of them" wait_until 60 all_labelled web "lxc-new (enforce)"
say "the others took $(($(now_ms) - began)) ms"
check "its monitor is still stopped" prints T monitor_state
check "its tasks are in the profile that they were in" all_labelled 910 "lxc-old (enforce)"
check "the journal names the monitor" wait_until 20 journal_has "910: .*its monitor, pid $monitor, is stopped" "$cursor"
check "so does the status" wait_until 10 prints_like "its monitor, pid $monitor, is stopped" phoenixctl status
check "it is said to have failed" prints failed due 910
check "the job was not taken back" prints deactivating systemctl show -P ActiveState lxc@910
check "nothing was tried twice" prints 1 journal_count '910: restarting it$' "$cursor"

say "the monitor goes on"
kill -CONT "$monitor"
check "and so does the restart" wait_until 60 all_labelled 910 "lxc-new (enforce)"
check "which is seen" settled 30
check "each container was restarted once" equals "$(journal_count ': restarting it$' "$cursor")" 3
for id in 910 db web; do
    check "$id has another init" not grep -qx "$(lxc-info -n "$id" -pH)" <<<"$inits"
done
