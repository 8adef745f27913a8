# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 1500
# Containers whose entries say that they are to run, or not to: started in order and with their profiles, one that
# does not come up is left and named, one that an operator stops is started again but not for ever, all are stopped in
# the reverse order, and the daemon is killed meanwhile.

LXC=/var/lib/lxc
ALL=(s1 s2 s3)
for id in "${ALL[@]}" s4; do
    [[ $PHASE -eq 1 ]] || break
    mkdir -m 770 "$LXC/$id"
    sed -e "s/^lxc.uts.name.*/lxc.uts.name = $id/" "$LXC/910/config" >"$LXC/$id/config"
done

# want STATE [ID=PROFILE]...: s1 depends on s2, that on s3. STATE "-" leaves the key out.
want() {
    # shellcheck disable=SC2016 # jq's own variables
    jq -n --arg state "$1" '{lxc_configs: ($ARGS.positional | map(index("=") as $at | {
        key: .[:$at], value: ({apparmor_profile: .[$at + 1:]} + if $state == "-" then {} else {state: $state} end)
    }) | from_entries)}
        | .lxc_configs.s1.dependencies = ["s2"] | .lxc_configs.s2.dependencies = ["s3"]' --args "${@:2}" >/etc/phoenixd/.configs.new
    mv /etc/phoenixd/.configs.new "$CONFIG"
}
all_run() {
    local id
    for id in "${ALL[@]}"; do
        all_labelled "$id" "lxc-state (enforce)" || return
    done
}
none_runs() {
    local id
    for id in "${ALL[@]}"; do
        container_is "$id" STOPPED || return
    done
}
# What phoenixd recorded of starts and stops, one a line: RECORD ACTION CONTAINER.
states() {
    journalctl --sync
    journalctl -b -q --no-pager -o json --after-cursor="$1" -u phoenixd |
        jq -r 'select((.PHOENIXD_ACTION | IN("start", "stop")) and (.PHOENIXD_RECORD | IN("intent", "changed", "failed"))) |
            "\(.PHOENIXD_RECORD) \(.PHOENIXD_ACTION) \(.PHOENIXD_CONTAINER)"'
}
order() {
    states "$1" | sed -n "s/^intent $2 //p" | paste -sd ' '
}
due() {
    phoenixctl status --json "$1" | jq -r --arg id "$1" '.. | objects | select(.id? == $id and has("restart_due")) | .restart_due' | head -n 1
}
# Each is under way until the container has stayed up for a while.
none_under_way() {
    equals "$(jq -c '[.restarts[] | select(.phase != "started")]' /var/lib/phoenixd/restarts.json)" "[]"
}

if [[ $PHASE -eq 2 ]]; then
    check "all run after a boot" wait_until 120 all_run
    check "in sync" settled 60
    check "nothing is under way" wait_until 60 none_under_way
    exit 0
fi

put_profile lxc-state
mkdir -p /etc/phoenixd
want - "${ALL[@]/%/=lxc-state}"
start_daemon
check "in sync" settled 60
check "without the key nothing is started" none_runs
for id in "${ALL[@]}"; do
    sample_labels "$id" 300 5 "/run/labels.$id" &
    samplers+=($!)
done

say "started"
cursor=$(journal_cursor)
want running "${ALL[@]/%/=lxc-state}"
check "the plan says what waits" wait_until 10 prints_like 's1: after s[23] \(dependencies\)' phoenixctl plan
check "all run in their profile" wait_until 90 all_run
check "in sync" settled 30
check "nothing is under way any more" wait_until 30 none_under_way
check "those that others depend on came first" equals "$(order "$cursor" start)" "s3 s2 s1"
check "as units of LXC" systemctl is-active lxc@s1 lxc@s2 lxc@s3

say "an operator's stop"
cursor=$(journal_cursor)
lxc-stop -n s1
check "it is started again" wait_until 30 all_labelled s1 'lxc-state (enforce)'
check "and stays so" wait_until 30 none_under_way
lxc-stop -n s1
check "once more" wait_until 30 all_labelled s1 'lxc-state (enforce)'
check "and it stays so" wait_until 30 none_under_way
lxc-stop -n s1
check "but not for ever" wait_until 30 journal_has 's1: starting it failed: it was started 3 times' "$cursor"
sleep 3
check "it is left stopped" container_is s1 STOPPED
check "the status says so" prints_like 's1: stopped, expected running; its start failed' status_text
phoenixctl restart s1
check "an operator may ask for it" wait_until 30 all_labelled s1 'lxc-state (enforce)'
check "in sync" settled 30

say "killed meanwhile, and stopped"
cursor=$(journal_cursor)
want stopped "${ALL[@]/%/=lxc-state}"
for i in 1 2 3 4 5 6; do
    sleep "0.$((i * 7 % 10))"
    if ((i % 2)); then kill -KILL "$(main_pid)" || true; else pkill -KILL -P "$(main_pid)" -f phoenixd-engine || true; fi
    wait_until 30 systemctl is-active phoenixd
done
check "none runs any more" wait_until 120 none_runs
check "in sync" settled 60
check "nothing is under way" wait_until 30 none_under_way
check "those that depend on others went first" equals "$(order "$cursor" stop | tr ' ' '\n' | uniq | paste -sd ' ')" "s1 s2 s3"
kill -TERM "${samplers[@]}"
wait "${samplers[@]}" || true
check "no task was ever outside of a profile" not grep -hE 'unconfined|complain' /run/labels.s*
check "and the samplers saw it" grep -q 'lxc-state' /run/labels.s1

say "one that does not come up"
put_profile lxc-broken 'audit deny /{,**/}init rmx,'
cursor=$(journal_cursor)
want running s4=lxc-broken
check "it is named, with what was denied to it" wait_until 60 journal_has 's4: starting it failed.*denied' "$cursor"
sleep 5
check "it is not tried again" equals "$(states "$cursor" | grep -c 'intent start s4')" 1
check "with what is due" prints failed due s4
put_profile lxc-broken
check "with another text it is" wait_until 60 all_labelled s4 'lxc-broken (enforce)'
check "in sync" settled 30

say "the setting"
set_setting manage_state false
want stopped s4=lxc-broken
check "it is not stopped" settled 30
sleep 3
check "it runs" all_labelled s4 'lxc-broken (enforce)'
phoenixctl suspend s4 --reason=test
set_setting manage_state true
check "nor while it is suspended" wait_until 20 prints suspended due s4
check "it runs on" all_labelled s4 'lxc-broken (enforce)'
phoenixctl resume s4
check "then it is stopped" wait_until 60 container_is s4 STOPPED
check "in sync" settled 30

say "across a boot"
want running "${ALL[@]/%/=lxc-state}"
check "all run" wait_until 120 all_run
systemctl enable phoenixd
reboot_machine
