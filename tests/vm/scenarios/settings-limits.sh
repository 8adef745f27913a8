# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# phoenixd.json(5): when phoenixd looks, and how profiles are compiled, from the save on and without a restart.

put_profile lxc-db
put_profile lxc-web
configure db=lxc-db web=lxc-web
echo '{ "debounce_ms": 10 }' >"$SETTINGS"
start_daemon
check "in sync after the first start" settled 20

say "debounce_ms, longest_delay_ms and resync_s"
set_setting longest_delay_ms 2500
set_setting debounce_ms 1500
check "in sync" settled 20
spoil() { echo '# mine' >>"$DEPLOYED/lxc-db"; }
# repaired_between LEAST MOST: milliseconds from $started to the repair. The journal is asked when that was: the file
# itself may be spoilt again before it is looked at.
repaired_between() {
    local after
    wait_until 8 journal_has "$repair" "$cursor" || return
    after=$(($(journalctl -q -o json --after-cursor="$cursor" -g "$repair" |
        jq -sr '.[0].__REALTIME_TIMESTAMP') / 1000 - started))
    say "after $after ms"
    [[ $after -ge $1 && $after -le $2 ]]
}
repair='lxc-db: the deployed file was installed'
cursor=$(journal_cursor)
started=$(now_ms)
spoil
check "a look waits for the dust to settle" repaired_between 1500 48000
# What the repair itself stirred up has settled then.
sleep 4
cursor=$(journal_cursor)
started=$(now_ms)
for _ in {1..40}; do
    spoil
    sleep 0.5
done
check "but not for ever, and while it is still being stirred up" repaired_between 2500 $(($(now_ms) - started))
check "in sync" settled 20
set_setting debounce_ms 10
set_setting longest_delay_ms 2000
set_setting resync_s 10
check "in sync" settled 20
looks() {
    local count
    count=$(count_syscalls 12 openat,openat2 'configs\.json')
    say "$count looks"
    [[ $count -ge 1 ]]
}
check "every ten seconds there is a look, unasked" looks

say "compile_jobs, compile_deadline_s, compile_memory_mb"
# An automaton with two to the power of 24 states: it takes for ever, and all the memory that there is.
endless="/**a$(printf '[a-z]%.0s' {1..24}) r,"
# Long enough for a busy machine to count them.
set_setting compile_deadline_s 8
set_setting compile_memory_mb 65536
set_setting compile_jobs 1
check "in sync" settled 20
stopped='^Degraded: lxc-slow1: compile took longer than 8 s \(compile_deadline_s\).*and 1 more'
# From now until most_compilers: how many compilers there are at the same time.
watch_compilers() {
    rm -f /run/over
    echo 0 >/run/most
    (
        most=0
        while [[ ! -e /run/over ]]; do
            now=$(pgrep -c -x apparmor_parser) || true
            [[ $now -le $most ]] || echo "$now" >/run/most
            most=$(cat /run/most)
            # Else the counting takes a processor, and who asks for the status comes too late.
            sleep 0.2
        done
    ) &
}
most_compilers() {
    touch /run/over
    cat /run/most
}
watch_compilers
put_profile lxc-slow1 "$endless"
put_profile lxc-slow2 "$endless"
check "the status says what it is at" wait_until 10 status_like '^Compiling [12] of [0-9]+ profiles: '
check "each is stopped at its deadline, by the setting's name" wait_until 10 status_like "$stopped"
check "one at a time" prints 1 most_compilers
set_setting compile_jobs 2
watch_compilers
echo '# again' | tee -a "$SOURCES/lxc-slow1" >>"$SOURCES/lxc-slow2"
check "they are compiled again" wait_until 10 status_like '^Compiling [12] of [0-9]+ profiles: '
check "and stopped again" wait_until 15 status_like "$stopped"
check "two at a time" prints 2 most_compilers
rm "$SOURCES/lxc-slow2"
set_setting compile_memory_mb 64
set_setting compile_deadline_s 120
# The parser holds all of it before its first state: on the slowest machine that is a matter of seconds.
put_profile lxc-slow1 "$(seq -f '/%0100.0f r,' 4000)"
check "one that needs much is stopped, by the setting's name" wait_until 60 status_like '^Degraded: lxc-slow1: compile needed more than 64 MiB \(compile_memory_mb\)'
rm "$SOURCES/lxc-slow1"
check "in sync without it" settled 20
