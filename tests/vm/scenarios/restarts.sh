# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 1800
# Eight containers with dependencies get another profile: phoenixd restarts them in a window, in order and one at a time, names the one that does not come up or does not stay up, puts its profile before back, and goes on after it was killed.

LXC=/var/lib/lxc
ALL=(c1 c2 c3 c4 c5 c6 c7 c8)
for id in "${ALL[@]}"; do
    mkdir -m 770 "$LXC/$id"
    sed -e "s/^lxc.uts.name.*/lxc.uts.name = $id/" "$LXC/910/config" >"$LXC/$id/config"
done

# assign ID=PROFILE...: c1 depends on c2, that on c3; c4 and c5 on c3; c6 alone comes before c7 and c8 by its order.
assign() {
    # shellcheck disable=SC2016 # jq's own variables
    jq -n '{lxc_configs: ($ARGS.positional | map(index("=") as $at | {
        key: .[:$at], value: {apparmor_profile: .[$at + 1:], boot_order: 5}
    }) | from_entries)}
        | .lxc_configs.c1.dependencies = ["c2"] | .lxc_configs.c2.dependencies = ["c3"]
        | .lxc_configs.c4.dependencies = ["c3"] | .lxc_configs.c5.dependencies = ["c3"]
        | .lxc_configs.c6.boot_order = 1 | .lxc_configs.c7.boot_order = 2' --args "$@" >/etc/phoenixd/.configs.new
    mv /etc/phoenixd/.configs.new "$CONFIG"
}
all_run_in() {
    local id
    for id in "${ALL[@]}"; do
        all_labelled "$id" "$1 (enforce)" || return
    done
}
# What phoenixd recorded of restarts, one a line: RECORD CONTAINER.
restarts() {
    journalctl --sync
    # systemd 252 leaves out the first one that matches behind a cursor.
    journalctl -b -q --no-pager -o json --after-cursor="$1" -u phoenixd |
        jq -r 'select(.PHOENIXD_ACTION == "restart" and (.PHOENIXD_RECORD | IN("intent", "changed", "failed"))) |
            "\(.PHOENIXD_RECORD) \(.PHOENIXD_CONTAINER)"'
}
order() {
    restarts "$1" | sed -n 's/^changed //p' | paste -sd ' '
}
due() {
    phoenixctl status --json "$1" | jq -r --arg id "$1" '.. | objects | select(.id? == $id and has("restart_due")) | .restart_due' | head -n 1
}

# Each restart is under way until the container has stayed up for a while.
none_under_way() {
    equals "$(jq -c '[.restarts[] | select(.phase != "started")]' /var/lib/phoenixd/restarts.json)" "[]"
}

# An init that ends after two seconds where it may not write this file.
# shellcheck disable=SC2016 # the container's own shell
sed -i '1a echo >/srv/needed || { sleep 2; exit 1; }' "$LXC/910/rootfs/bin/init"
put_profile lxc-old
put_profile lxc-new
put_profile lxc-other
mkdir -p /etc/phoenixd
assign "${ALL[@]/%/=lxc-old}"
set_setting restart_interval_s 0
start_daemon
check "in sync with all of them" settled 60
for id in "${ALL[@]}"; do
    start_container "$id"
done
check "all run in the profile that they are configured for" wait_until 20 all_run_in lxc-old

say "by default nothing is restarted"
cursor=$(journal_cursor)
assign "${ALL[@]/%/=lxc-new}"
check "all require a restart" wait_until 30 status_like '8 require restart'
check "it is not restarted, as its policy is never" wait_until 10 prints policy due c1
sleep 3
check "none is" equals "$(restarts "$cursor")" ""
check "all run as before" all_run_in lxc-old

say "restarted in a window, in order, one at a time"
for id in "${ALL[@]}"; do
    sample_labels "$id" 300 5 "/run/labels.$id" &
    samplers+=($!)
done
opens=$(($(date +%s) + 60))
set_setting restart_windows "[\"$(date -d "@$opens" '+%F %T')\"]"
set_setting apparmor_restart '"window"'
check "they wait for the window" wait_until 10 prints window due c6
check "all run in the new profile" wait_until 200 all_run_in lxc-new
check "in sync" settled 30
check "nothing is under way any more" wait_until 30 none_under_way
first=$(journalctl -b -q --no-pager -o json --after-cursor="$cursor" -u phoenixd |
    jq -r 'select(.PHOENIXD_ACTION == "restart" and .PHOENIXD_RECORD == "intent") | .__REALTIME_TIMESTAMP' | head -n 1)
check "none was begun before it opened" test "$((first / 1000000))" -ge "$opens"
set_setting apparmor_restart '"immediate"'
kill -TERM "${samplers[@]}"
wait "${samplers[@]}" || true
check "by boot_order, and behind what they depend on" equals "$(order "$cursor")" "c6 c7 c3 c2 c1 c4 c5 c8"
one_at_a_time() {
    local record id open=
    while read -r record id; do
        case $record in
        intent) [[ -z $open ]] && open=$id ;;
        *) [[ $open == "$id" ]] && open= ;;
        esac || { echo "$record $id while $open"; return 1; }
    done < <(restarts "$1")
}
check "one at a time" one_at_a_time "$cursor"
check "no task was ever outside of a profile" not grep -hE 'unconfined|complain' /run/labels.c*
check "and the samplers saw both profiles" equals "$(cat /run/labels.c* | grep -oE 'lxc-(old|new)' | sort -u | paste -sd ' ')" "lxc-new lxc-old"

say "one that does not come up"
set_setting restart_rollback true
put_profile lxc-broken 'audit deny /{,**/}init rmx,'
cursor=$(journal_cursor)
assign "${ALL[@]/%/=lxc-new}" c8=lxc-broken
check "it is named" wait_until 20 journal_has 'c8: .*restart.* failed' "$cursor"
check "with what was denied to it" journal_has 'c8: .*denied' "$cursor"
check "and rolled back" wait_until 20 journal_has 'c8: rolled back to lxc-new' "$cursor"
check "it runs in the profile before" wait_until 20 all_labelled c8 'lxc-new (enforce)'
check "its config names that" wait_until 20 prints lxc-new effective_profile c8
check "the status says so" wait_until 20 prints_like 'rolled back' phoenixctl status c8
check "with what is due" prints rolled-back due c8
systemctl restart phoenixd
sleep 5
check "it stays so after a restart of the daemon" prints lxc-new effective_profile c8
check "and it is still said" wait_until 20 prints rolled-back due c8
put_profile lxc-broken
check "with another text it is tried again" wait_until 20 all_labelled c8 'lxc-broken (enforce)'
check "in sync" settled 30
check "and it stays up" wait_until 30 none_under_way

say "one that does not stay up"
put_profile lxc-dying 'deny /{,**/}srv/needed w,'
cursor=$(journal_cursor)
assign "${ALL[@]/%/=lxc-new}" c8=lxc-dying
check "it is named" wait_until 40 journal_has 'c8: .*restart.* failed: it did not stay up' "$cursor"
# Later comes the rollback, which is a restart, too.
check "it did not count as restarted before" equals "$(restarts "$cursor" | grep -v intent | head -n 1)" "failed c8"
check "and rolled back" wait_until 20 journal_has 'c8: rolled back to lxc-broken' "$cursor"
check "it runs in the profile before" wait_until 20 all_labelled c8 'lxc-broken (enforce)'
check "with what is due" wait_until 20 prints rolled-back due c8

say "killed meanwhile"
starts() {
    local id
    for id in "${ALL[@]}"; do
        printf '%s %s\n' "$id" "$(journalctl -b -q -o cat -u "lxc@$id" | grep -c '^Started\|: Started' || true)"
    done
}
# By systemd, as records that a killed daemon was about to write are missing.
stamp() { systemctl show -P "$2" "lxc@$1"; }
in_order() {
    local id
    for id in "${ALL[@]}"; do
        echo "$(stamp "$id" ExecMainStartTimestampMonotonic) $id"
    done | sort -n | cut -d ' ' -f 2 | paste -sd ' '
}
# Each was stopped after the one before it was started.
in_turn() {
    local id last=0
    for id in $(in_order); do
        [[ $(stamp "$id" ActiveExitTimestampMonotonic) -gt $last ]] || { echo "$id"; return 1; }
        last=$(stamp "$id" ExecMainStartTimestampMonotonic)
    done
}
before=$(starts)
samplers=()
for id in "${ALL[@]}"; do
    sample_labels "$id" 900 20 "/run/killed.$id" &
    samplers+=($!)
done
assign "${ALL[@]/%/=lxc-other}"
for i in $(seq 20); do
    sleep "0.$((i * 7 % 10))"
    case $((i % 3)) in
    0) kill -KILL "$(main_pid)" || true ;;
    1) pkill -KILL -P "$(main_pid)" -f phoenixd-engine || true ;;
    2) systemctl kill -s KILL phoenixd || true ;;
    esac
    wait_until 30 systemctl is-active phoenixd
done
check "all run in the last profile" wait_until 240 all_run_in lxc-other
check "in sync" settled 60
check "nothing is under way any more" wait_until 60 none_under_way
kill -TERM "${samplers[@]}"
wait "${samplers[@]}" || true
check "in the same order" equals "$(in_order)" "c6 c7 c3 c2 c1 c4 c5 c8"
check "one at a time" in_turn
check "no task was ever outside of a profile" not grep -hE 'unconfined|complain' /run/killed.c*
check "and the samplers saw the last one" grep -q lxc-other /run/killed.c8
expected=$(awk '{print $1, $2 + 1}' <<<"$before")
check "each was restarted once" equals "$(starts)" "$expected"
