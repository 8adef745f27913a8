# shellcheck shell=bash
# timeout: 120
# phoenixd.json(5): when phoenixd looks, how profiles are compiled, and which are accepted, from the save on and without a restart.

put_profile lxc-db
put_profile lxc-web
configure db=lxc-db web=lxc-web
echo '{ "debounce_ms": 10 }' >"$SETTINGS"
start_daemon
check "in sync after the first start" settled 20

say "debounce_ms, longest_delay_ms and resync_s"
set_setting longest_delay_ms 2500
set_setting debounce_ms 1500
check "in sync" settled 5
spoil() { echo '# mine' >>"$DEPLOYED/lxc-db"; }
# repaired_after LEAST MOST: milliseconds since $started.
repaired_after() {
    local after
    wait_until 8 same_file "$SOURCES/lxc-db" "$DEPLOYED/lxc-db" || return
    after=$(($(now_ms) - started))
    say "after $after ms"
    [[ $after -ge $1 && $after -le $2 ]]
}
started=$(now_ms)
spoil
check "a look waits for the dust to settle" repaired_after 1500 4000
# What the repair itself stirred up has settled then.
sleep 4
started=$(now_ms)
(for _ in 1 2 3 4 5; do spoil && sleep 0.5; done) &
dust=$!
check "but not for ever" repaired_after 2500 6000
wait "$dust"
set_setting debounce_ms 10
set_setting longest_delay_ms 2000
set_setting resync_s 10
check "in sync" settled 8
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
set_setting compile_deadline_s 3
set_setting compile_memory_mb 65536
set_setting compile_jobs 1
check "in sync" settled 5
# at_most COUNT: compilers at the same time, within two and a half seconds.
at_most() {
    local end most=0 now
    end=$(($(now_ms) + 2500))
    while [[ $(now_ms) -lt $end ]]; do
        now=$(pgrep -c -x apparmor_parser) || true
        [[ $now -le $most ]] || most=$now
    done
    equals "$most" "$1"
}
put_profile lxc-slow1 "$endless"
put_profile lxc-slow2 "$endless"
check "the status says what it is at" wait_until 3 status_like '^Looking: compiling lxc-slow[12] \([12] of [12]\)'
check "one at a time" at_most 1
check "each is stopped at its deadline, by the setting's name" wait_until 10 status_like '^Degraded: lxc-slow1: compile took longer than 3 s \(compile_deadline_s\).*and 1 more'
set_setting compile_jobs 2
echo '# again' | tee -a "$SOURCES/lxc-slow1" >>"$SOURCES/lxc-slow2"
check "two at a time" at_most 2
set_setting compile_deadline_s 60
set_setting compile_memory_mb 64
echo '# and again' >>"$SOURCES/lxc-slow1"
check "one that needs much is stopped, by the setting's name" wait_until 20 status_like '^Degraded: lxc-slow1: compile needed more than 64 MiB \(compile_memory_mb\)'
rm "$SOURCES"/lxc-slow?
check "in sync without them" settled 5

say "allow_complain, allow_unconfined_flag, adopt_deployed"
flag() { profile_text lxc-web | sed "s/flags=(/flags=($1,/" >"$SOURCES/lxc-web"; }
flag complain
check "a complaining profile is refused" wait_until 5 status_like "^Degraded: lxc-web: line 3: the flag 'complain' .*allow_complain"
set_setting allow_complain true
check "or loaded" wait_until 5 prints complain loaded_mode lxc-web
check "and nobody in it counts as confined" wait_until 3 status_like '^In sync: 2 profiles, 1 container confined, 0 unconfined, 1 not enforced'
start_container web
check "who runs in it neither" wait_until 5 status_like '^In sync: 2 profiles, 1 container confined, 0 unconfined, 1 not enforced, 3 unmanaged$'
check "which is told" journal_has 'web: runs under lxc-web \(complain\).*the settings allow its profile not to be enforced'
stop_container web
set_setting allow_complain false
check "without it the last good one stays" wait_until 5 status_like "^Degraded: lxc-web: line 3: the flag 'complain'"
flag unconfined
check "so is one with the flag unconfined" wait_until 5 status_like "^Degraded: lxc-web: line 3: the flag 'unconfined' .*allow_unconfined_flag"
set_setting allow_unconfined_flag true
# The compiler of Debian 12 does not know the flag.
if [[ $(. /etc/os-release && echo "$VERSION_ID") -ge 13 ]]; then
    check "or loaded" wait_until 5 prints unconfined loaded_mode lxc-web
else
    check "or left to the compiler's judgement" wait_until 5 status_like "^Degraded: lxc-web: line 3: .*last good in force"
fi
profile_text lxc-web >"$SOURCES/lxc-web"
check "in sync again" settled 5
echo '# theirs' >"$DEPLOYED/lxc-new"
profile_text lxc-new >"$SOURCES/lxc-new"
check "a file of somebody else's is left alone" wait_until 5 status_like "^Degraded: lxc-new: the deployed file is somebody else's; remove it, or set adopt_deployed"
check "and nothing is loaded in its place" not is_loaded lxc-new
check "nor is it changed" prints '# theirs' cat "$DEPLOYED/lxc-new"
set_setting adopt_deployed true
check "until it may be taken over" wait_until 5 same_file "$DEPLOYED/lxc-new" "$SOURCES/lxc-new"
check "in sync in the end" settled 5
